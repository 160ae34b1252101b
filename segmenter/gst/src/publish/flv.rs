//! FLV files, tag by tag.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use crate::Error;

/// Tag header, and the length that follows every tag.
const HEADER: usize = 11;
const TRAILER: usize = 4;

/// Whether the file says it is FLV.
pub(super) fn is_flv(path: &Path) -> Result<bool, Error> {
    let mut signature = [0; 3];
    let outcome = File::open(path).and_then(|mut file| file.read_exact(&mut signature));
    match outcome {
        Ok(()) => Ok(&signature == b"FLV"),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(source) => Err(Error::File { path: path.to_owned(), source }),
    }
}

/// One tag: its header, its payload and the trailing length.
pub(super) struct Tag {
    pub(super) timestamp: u32,
    pub(super) bytes: Vec<u8>,
}

impl Tag {
    /// Moves it to another time, also in its bytes.
    pub(super) fn shift(&mut self, by_millis: u32) {
        self.timestamp = self.timestamp.wrapping_add(by_millis);
        let [high, rest @ ..] = self.timestamp.to_be_bytes();
        self.bytes[4..7].copy_from_slice(&rest);
        self.bytes[7] = high;
    }
}

/// Reads the tags of a file.
pub(super) struct Reader {
    file: BufReader<File>,
}

impl Reader {
    pub(super) fn open(path: &Path) -> std::io::Result<Self> {
        let mut reader = Self { file: BufReader::with_capacity(1 << 16, File::open(path)?) };
        reader.rewind()?;
        Ok(reader)
    }

    /// To the first tag.
    pub(super) fn rewind(&mut self) -> std::io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        let mut header = [0; 9];
        self.file.read_exact(&mut header)?;
        let data_offset = u32::from_be_bytes([header[5], header[6], header[7], header[8]]);
        self.file.seek(SeekFrom::Start(u64::from(data_offset) + TRAILER as u64))?;
        Ok(())
    }

    /// The next audio, video or script tag; `None` at the end, and where the file breaks off.
    pub(super) fn read(&mut self) -> std::io::Result<Option<Tag>> {
        loop {
            let mut header = [0; HEADER];
            if !self.fill(&mut header)? {
                return Ok(None);
            }
            let size = u32::from_be_bytes([0, header[1], header[2], header[3]]) as usize;
            let timestamp = u32::from_be_bytes([header[7], header[4], header[5], header[6]]);
            let mut bytes = vec![0; HEADER + size + TRAILER];
            bytes[..HEADER].copy_from_slice(&header);
            if !self.fill(&mut bytes[HEADER..])? {
                return Ok(None);
            }
            if matches!(header[0], 8 | 9 | 18) {
                return Ok(Some(Tag { timestamp, bytes }));
            }
        }
    }

    fn fill(&mut self, buffer: &mut [u8]) -> std::io::Result<bool> {
        match self.file.read_exact(buffer) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_moves_with_its_bytes() {
        let mut tag = Tag { timestamp: 0x00ff_ffff, bytes: vec![9, 0, 0, 0, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 11] };
        tag.shift(2);
        assert_eq!(tag.timestamp, 0x0100_0001);
        assert_eq!(tag.bytes[4..8], [0, 0, 1, 1]);
    }
}
