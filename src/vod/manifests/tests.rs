use bytes::Bytes;
use p2p_peer::wire::manifest;
use p2p_peer::wire::message::Frames;
use tempfile::TempDir;

use super::*;

const SWARM: SwarmId = SwarmId([5; 20]);

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

/// A video whose second segment is too large to be shared: 4, 7,000,000, 30,000, 1 and 98,305 bytes.
fn video() -> (TempDir, Vec<u8>) {
    let folder = tempfile::tempdir().expect("a folder");
    let bytes: Vec<u8> = (0..7_128_410_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    std::fs::write(folder.path().join("ab-source-0.mp4"), &bytes).expect("written");
    let mut text = String::from("#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n");
    let mut offset = 100;
    for length in [4, 7_000_000, 30_000, 1, 98_305] {
        text.push_str(&format!("#EXTINF:1.9996,\n#EXT-X-BYTERANGE:{length}@{offset}\nab-source-0.mp4\n"));
        offset += length;
    }
    assert_eq!(offset, bytes.len());
    std::fs::write(folder.path().join("ab-source.m3u8"), text + "#EXT-X-ENDLIST\n").expect("written");
    std::fs::write(folder.path().join("ab-master.m3u8"), "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nab-source.m3u8\n").expect("written");
    (folder, bytes)
}

fn sign(folder: &Path) -> Result<(), Error> {
    let mut signer = Signer::open(folder, 3, "ab-source", key(), SWARM)?;
    while let Some(next) = signer.step()? {
        signer = next;
    }
    Ok(())
}

fn manifests(bytes: &[u8]) -> Vec<Manifest> {
    let mut frames = Frames::default();
    frames.push(bytes);
    let mut manifests = Vec::new();
    while let Some(message) = frames.next().expect("frames") {
        let Message::Manifest(bytes) = message else { panic!("{message:?}") };
        manifests.push(manifest::parse(bytes, STRIPES).expect("a manifest").verify(&key().verifying_key(), SWARM).expect("signed"));
    }
    manifests
}

#[test]
fn each_segment_that_is_not_too_large_has_its_manifest() {
    let (folder, bytes) = video();
    assert_eq!(renditions(folder.path(), "ab-master.m3u8").expect("there"), ["ab-source"]);
    sign(folder.path()).expect("signed");
    let path = path(folder.path(), "ab-source");
    let file = std::fs::read(&path).expect("there");
    let made = manifests(&file);
    assert_eq!(made.iter().map(|manifest| manifest.place.0).collect::<Vec<_>>(), [0, 2 << 10, 3 << 10, 4 << 10]);
    assert_eq!(made.iter().map(|manifest| manifest.time_ms).collect::<Vec<_>>(), [0, 3999, 5999, 7998]);
    assert_eq!(made.iter().map(|manifest| manifest.hashes.len()).collect::<Vec<_>>(), [4, 4, 1, 5]);
    for (manifest, range) in made.iter().zip([100..104, 7_000_104..7_030_104, 7_030_104..7_030_105, 7_030_105..7_128_410]) {
        assert_eq!((manifest.rendition, manifest.flags, manifest.duration_ms, &*manifest.text), (3, Manifest::INDEPENDENT, 2000, ""));
        assert_eq!((manifest.size as usize, &manifest.hashes), (range.len(), &slices::hashes(&bytes[range], STRIPES)));
    }
    let index = Index::read(path, 3).expect("readable");
    let told = |from, count| {
        let span = index.span(from, count);
        manifests(&file[span.start as usize..span.end as usize]).iter().map(|manifest| manifest.place.msn()).collect::<Vec<_>>()
    };
    assert_eq!(told(0, 256), [0, 2, 3, 4]);
    assert_eq!(told(0, 2), [0]);
    assert_eq!(told(1, 1), [] as [u32; 0]);
    assert_eq!(told(1, 2), [2]);
    assert_eq!(told(4, 1), [4]);
    assert_eq!(told(5, 256), [] as [u32; 0]);
    assert_eq!(told(u32::MAX, 256), [] as [u32; 0]);
}

#[test]
fn a_killed_signer_leaves_nothing_to_be_found_and_another_begins_anew() {
    let (folder, _) = video();
    let signer = Signer::open(folder.path(), 3, "ab-source", key(), SWARM).expect("open");
    let signer = signer.step().expect("signed").expect("more");
    drop(signer);
    let path = path(folder.path(), "ab-source");
    assert!(Index::read(path.clone(), 3).expect_err("not yet").is_not_found());
    sign(folder.path()).expect("signed");
    let once = std::fs::read(&path).expect("there");
    sign(folder.path()).expect("signed again");
    assert_eq!(std::fs::read(&path).expect("there"), once);
    let names = std::fs::read_dir(folder.path()).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    assert!(names.into_iter().all(|name| !name.to_string_lossy().ends_with(".part")));
}

#[test]
fn what_is_missing_is_named() {
    let (folder, bytes) = video();
    std::fs::write(folder.path().join("ab-source-0.mp4"), &bytes[..bytes.len() - 1]).expect("cut");
    let error = sign(folder.path()).expect_err("too short");
    assert!(!error.is_not_found() && error.to_string().contains("ab-source-0.mp4"), "{error}");
    std::fs::remove_file(folder.path().join("ab-source-0.mp4")).expect("removed");
    let error = sign(folder.path()).expect_err("gone");
    assert!(error.is_not_found() && error.to_string().contains("ab-source-0.mp4"), "{error}");
    assert!(!path(folder.path(), "ab-source").exists());
}

#[test]
fn a_damaged_file_is_refused() {
    let (folder, _) = video();
    sign(folder.path()).expect("signed");
    let path = path(folder.path(), "ab-source");
    let good = std::fs::read(&path).expect("there");
    let first = 4 + u32::from_le_bytes(good[..4].try_into().expect("four")) as usize;
    let swapped = [&good[first..], &good[..first]].concat();
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 0xff;
        bytes
    };
    for bad in
        [good[..good.len() - 1].to_vec(), good[..first + 3].to_vec(), swapped, flipped(0), flipped(2), flipped(4), flipped(6), vec![0; 4]]
    {
        std::fs::write(&path, &bad).expect("written");
        assert!(matches!(Index::read(path.clone(), 3), Err(Error::Manifests { .. })), "{} bytes", bad.len());
    }
    std::fs::write(&path, &good).expect("written");
    assert!(Index::read(path.clone(), 0).is_err(), "another rendition's");
    // A video of which nothing is shared.
    std::fs::write(&path, Bytes::new()).expect("written");
    assert_eq!(Index::read(path, 3).expect("empty").span(0, 9), 0..0);
}
