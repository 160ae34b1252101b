//! The info hashes under which players of other makers meet: p2p-media-loader, alone and in PeerTube.
//!
//! They derive them from the multivariant playlist's address, in one form per generation of the library.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use p2p_tracker::InfoHash;
use segmenter::multivariant::Variant;
use sha1::{Digest as _, Sha1};

/// The info hashes for a multivariant playlist at `url` with these variants.
pub(super) fn info_hashes(url: &str, variants: &[Variant]) -> BTreeSet<InfoHash> {
    let mut hashes = BTreeSet::new();
    for (index, variant) in variants.iter().enumerate() {
        // PeerTube up to 7.0, with p2p-media-loader 1.
        hashes.insert(InfoHash(Sha1::digest(format!("2{url}+V{index}")).into()));
        // p2p-media-loader 2.0 to 2.2, and PeerTube's own form of 7.1.
        let by_index = format!("v2-{url}-main-{index}");
        hashes.insert(text_hash(&Md5::digest(&by_index)[1..]));
        hashes.insert(text_hash(&Sha1::digest(&by_index)[..15]));
        // p2p-media-loader 2.3.
        let by_properties = format!("v2-{url}-main-{}", STANDARD.encode(Sha1::digest(properties(variant))));
        hashes.insert(text_hash(&Sha1::digest(by_properties)[..15]));
    }
    hashes
}

/// 15 bytes as 20 letters.
fn text_hash(bytes: &[u8]) -> InfoHash {
    let mut hash = InfoHash([0; 20]);
    // Fifteen bytes are twenty letters without padding; the slices above are all that long.
    let _ = STANDARD.encode_slice(bytes, &mut hash.0);
    hash
}

/// What p2p-media-loader 2.3 knows a variant by: bitrate, picture's codec, size, (sound's properties), frame rate, range.
fn properties(variant: &Variant) -> String {
    let Variant { bandwidth, codecs, picture, .. } = variant;
    let Some(picture) = picture else { return format!("{bandwidth}--------") };
    let codec = codecs.split(',').find(|codec| !is_sound(codec)).unwrap_or("").to_lowercase();
    // As in the playlist, then as JavaScript prints the number.
    let rate = picture.frame_rate.map(|rate| format!("{rate:.3}")).unwrap_or_default();
    let rate = if rate.contains('.') { rate.trim_end_matches('0').trim_end_matches('.') } else { &rate };
    format!("{bandwidth}-{codec}-{}-{}----{rate}-SDR", picture.width, picture.height)
}

fn is_sound(codec: &str) -> bool {
    ["mp4a", "ac-3", "ec-3", "opus", "flac", "fLaC", "Opus", "alac"].iter().any(|sound| codec.starts_with(sound))
}

#[cfg(test)]
mod tests {
    use segmenter::Picture;

    use super::*;

    const URL: &str = "https://tv.example/static/streaming-playlists/hls/65011806-a53e-4559-a1eb-ec26c3075402/master.m3u8";

    fn variants() -> Vec<Variant> {
        let picture = Picture { width: 1280, height: 720, frame_rate: Some(29.97) };
        let variant = |codecs: &str, picture| Variant {
            uri: "source.m3u8".into(),
            bandwidth: 2_750_000,
            average_bandwidth: 2_500_000,
            codecs: codecs.into(),
            picture,
        };
        vec![variant("avc1.64001F,mp4a.40.2", Some(picture)), variant("mp4a.40.2", None)]
    }

    /// The values come from the published packages (2.2.2 and 2.3.1) themselves.
    #[test]
    fn computes_what_other_players_compute() {
        let hashes = info_hashes(URL, &variants());
        let texts: Vec<_> = hashes.iter().map(|hash| String::from_utf8_lossy(&hash.0).into_owned()).collect();
        for expected in EXPECTED {
            assert!(texts.iter().any(|text| text == expected), "{expected} is not in {texts:?}");
        }
        let old = hex::decode(EXPECTED_OLD).expect("hex");
        assert!(hashes.iter().any(|hash| hash.0[..] == old));
        assert_eq!(hashes.len(), 8);
    }

    const EXPECTED: [&str; 4] = ["viEU8HhG5Y0JRTTaBVg6", "DIiPxG8eEU7CCnlye/3i", "x9qYqJOd7Rie21t/5BhP", "boBgzsRg6te/TjPc1mLr"];
    const EXPECTED_OLD: &str = "b651aee818662cff18e5730732d73a103fbb89a8";
}
