//! Torrents of single files whose bytes come by HTTP (BEP 3 with the web seeds of BEP 19): what Kodi's and other clients of
//! PeerTube ask for. Nothing here speaks BitTorrent; whoever does fetches from the address in the torrent.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use sha1::{Digest as _, Sha1};
use tokio_util::sync::CancellationToken;

/// Torrents have at most so many pieces while those are not larger than [`LARGEST_PIECE`]: 40 kB of hashes.
const MOST_PIECES: u64 = 2000;
/// In bytes; below, a file of some MB would have hashes for nothing.
const SMALLEST_PIECE: u64 = 256 * 1024;
/// In bytes; above, clients do not take them.
const LARGEST_PIECE: u64 = 16 << 20;
/// Read at once.
const BUFFER: usize = 64 * 1024;

/// Bytes of a piece of a file of `length` bytes: a power of two.
pub fn piece_length(length: u64) -> u64 {
    let mut piece = SMALLEST_PIECE;
    while piece < LARGEST_PIECE && length / piece > MOST_PIECES {
        piece *= 2;
    }
    piece
}

/// The SHA-1 of each piece, 20 bytes after 20 bytes. Reads to the end; blocks.
///
/// # Errors
/// Those of `reader`.
pub fn hash_pieces(mut reader: impl Read, piece_length: u64) -> io::Result<Vec<u8>> {
    let mut hashes = Vec::new();
    let mut buffer = vec![0; BUFFER];
    let (mut hash, mut filled) = (Sha1::new(), 0);
    loop {
        let most = usize::try_from(piece_length - filled).unwrap_or(BUFFER).min(BUFFER);
        let read = match reader.read(&mut buffer[..most]) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hash.update(&buffer[..read]);
        filled += read as u64;
        if filled == piece_length {
            hashes.extend_from_slice(&hash.finalize_reset());
            filled = 0;
        }
    }
    if filled > 0 {
        hashes.extend_from_slice(&hash.finalize());
    }
    Ok(hashes)
}

/// A file that is read until the server stops.
struct Until<'a> {
    file: File,
    stop: &'a CancellationToken,
}

impl Read for Until<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.is_cancelled() { Err(io::Error::other("the server stops")) } else { self.file.read(buffer) }
    }
}

/// A file's length in bytes, and the hashes of its pieces, which are kept at `kept`. Blocks.
///
/// # Errors
/// The file cannot be read, or the server stops.
pub fn pieces_of(path: &Path, kept: Option<&Path>, stop: &CancellationToken) -> io::Result<(u64, Vec<u8>)> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let expected = length.div_ceil(piece_length(length)) * 20;
    if let Some(pieces) = kept.and_then(|kept| std::fs::read(kept).ok()).filter(|pieces| pieces.len() as u64 == expected) {
        return Ok((length, pieces));
    }
    let pieces = hash_pieces(Until { file, stop }, piece_length(length))?;
    if let Some(kept) = kept {
        // What is written by halves is not as long as it should be. A failure costs another reading.
        let _ = kept.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(kept, &pieces));
    }
    Ok((length, pieces))
}

/// The hash of a torrent's `info`, hex: what the file is called among BitTorrent's programs. Arguments as for [`encode`].
pub fn info_hash(name: &str, length: u64, pieces: &[u8]) -> String {
    hex::encode(Sha1::digest(info(name, length, pieces)))
}

/// The magnet of a file: its hash, what people call it, and the addresses of its torrent (`xs`) and of its bytes (`ws`).
pub fn magnet(info_hash: &str, title: &str, torrent: &str, address: &str) -> String {
    format!("magnet:?xs={}&xt=urn:btih:{info_hash}&dn={}&ws={}", escaped(torrent), escaped(title), escaped(address))
}

/// All but the unreserved characters of RFC 3986 as `%` and two digits.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            // Into memory: never fails.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// The torrent of a file of `length` bytes called `name`, with the hashes of its pieces; its bytes are at `address`.
pub fn encode(name: &str, length: u64, pieces: &[u8], address: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(pieces.len() + address.len() + 200);
    // Keys of dictionaries are sorted (BEP 3).
    out.push(b'd');
    text(&mut out, b"created by");
    text(&mut out, b"Shoal");
    text(&mut out, b"info");
    out.extend_from_slice(&info(name, length, pieces));
    text(&mut out, b"url-list");
    out.push(b'l');
    text(&mut out, address.as_bytes());
    out.extend_from_slice(b"ee");
    out
}

fn info(name: &str, length: u64, pieces: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(pieces.len() + name.len() + 100);
    out.push(b'd');
    text(&mut out, b"length");
    number(&mut out, length);
    text(&mut out, b"name");
    text(&mut out, name.as_bytes());
    text(&mut out, b"piece length");
    number(&mut out, piece_length(length));
    text(&mut out, b"pieces");
    text(&mut out, pieces);
    out.push(b'e');
    out
}

fn text(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(bytes.len().to_string().as_bytes());
    out.push(b':');
    out.extend_from_slice(bytes);
}

fn number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(format!("i{number}e").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_few_and_powers_of_two() {
        assert_eq!(piece_length(0), SMALLEST_PIECE);
        assert_eq!(piece_length(100 << 20), SMALLEST_PIECE);
        for gigabytes in [1, 5, 40] {
            let piece = piece_length(gigabytes << 30);
            assert!(piece.is_power_of_two() && (gigabytes << 30) / piece <= 2 * MOST_PIECES, "{gigabytes}: {piece}");
        }
        assert_eq!(piece_length(1 << 40), LARGEST_PIECE);
    }

    #[test]
    fn each_piece_has_its_hash() {
        let bytes: Vec<u8> = (0..=255).cycle().take(2500).collect();
        let hashes = hash_pieces(&bytes[..], 1000).expect("hashed");
        let expected: Vec<u8> = bytes.chunks(1000).flat_map(|piece| Sha1::digest(piece).to_vec()).collect();
        assert_eq!(hashes, expected);
        assert_eq!(hash_pieces(&bytes[..2000], 1000).expect("hashed").len(), 40, "nothing is left over");
        assert!(hash_pieces(&b""[..], 1000).expect("hashed").is_empty());
    }

    #[test]
    fn torrents_are_bencoded() {
        let torrent = encode("a.mp4", 3, &[b'#'; 20], "http://tv.example/a.mp4");
        let expected = "d10:created by5:Shoal4:infod6:lengthi3e4:name5:a.mp412:piece lengthi262144e6:pieces20:####################e\
                        8:url-listl23:http://tv.example/a.mp4ee";
        assert_eq!(String::from_utf8(torrent).expect("text"), expected);
    }

    #[test]
    fn magnets_lead_to_the_torrent_and_to_the_bytes() {
        let hash = info_hash("a.mp4", 3, &[b'#'; 20]);
        assert_eq!(hash, hex::encode(Sha1::digest(b"d6:lengthi3e4:name5:a.mp412:piece lengthi262144e6:pieces20:####################e")));
        let expected =
            "magnet:?xs=http%3A%2F%2Ftv.example%2Fa.torrent&xt=urn:btih:00ff&dn=50%25%20%C3%A4&ws=http%3A%2F%2Ftv.example%2Fa.mp4";
        assert_eq!(magnet("00ff", "50% ä", "http://tv.example/a.torrent", "http://tv.example/a.mp4"), expected);
    }

    #[test]
    fn hashes_are_kept_and_made_again_when_they_do_not_fit() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, kept) = (folder.path().join("a.mp4"), folder.path().join("hls").join("a.mp4.pieces"));
        let stop = CancellationToken::new();
        std::fs::write(&path, "media").expect("written");
        let first = pieces_of(&path, Some(&kept), &stop).expect("hashed");
        assert_eq!((first.0, first.1.len()), (5, 20));
        std::fs::write(&kept, [7; 20]).expect("written");
        assert_eq!(pieces_of(&path, Some(&kept), &stop).expect("read").1, [7; 20]);
        std::fs::write(&kept, [7; 19]).expect("written");
        assert_eq!(pieces_of(&path, Some(&kept), &stop).expect("hashed"), first);
        assert!(pieces_of(&folder.path().join("gone"), None, &stop).is_err());
        stop.cancel();
        assert!(pieces_of(&path, None, &stop).is_err(), "the server need not wait");
    }
}
