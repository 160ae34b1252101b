//! Playlists and hashes of a finished video beside PeerTube's captured ones: clients derive names from one another, and read
//! hashes by byte range.

use std::collections::BTreeSet;
use std::path::PathBuf;

use reqwest::{Response, StatusCode, header};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::clips::{Clip, Upload, clip, ranges, server};
use crate::support::{Server, fixture};

fn captured(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names of a playlist's tags.
fn tags(playlist: &str) -> BTreeSet<&str> {
    let lines = playlist.lines().filter(|line| line.starts_with("#EXT"));
    lines.map(|line| line.split(':').next().unwrap_or(line)).collect()
}

/// The lines of a playlist that are addresses.
fn addresses(playlist: &str) -> Vec<&str> {
    playlist.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

/// What is left of a name without the UUID that it begins with.
fn end_of(name: &str) -> &str {
    let (uuid, end) = name.split_at_checked(36).unwrap_or_else(|| panic!("{name}"));
    assert!(uuid::Uuid::parse_str(uuid).is_ok(), "{name}");
    end
}

async fn get(server: &Server, address: &str) -> Response {
    let response = server.http.get(address).send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK, "{address}");
    assert_eq!(response.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*", "{address}");
    response
}

#[tokio::test(flavor = "multi_thread")]
async fn playlists_and_hashes_are_as_peertubes() {
    let server = server().await;
    let token = server.root().await;
    let upload = Upload::of(&server, &token, clip(Clip::Plain), false).await;
    assert_eq!(upload.ended(&server, &token).await, "completed");
    let video = upload.details(&server, None).await;
    let playlist = &video["streamingPlaylists"][0];
    let address = |name: &str| playlist[name].as_str().expect("an address");
    let (master_address, hashes_address) = (address("playlistUrl"), address("segmentsSha256Url"));
    let folder = &master_address[..=master_address.rfind('/').expect("a path")];

    let response = get(&server, master_address).await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/vnd.apple.mpegurl");
    let master = response.text().await.expect("text");
    let captured_master = captured("hls-vod-master.m3u8");
    let mut wanted = tags(&captured_master);
    // Absent it is 1 (RFC 8216 section 4.3.1.2), which is enough for what stands in it.
    wanted.remove("#EXT-X-VERSION");
    assert!(tags(&master).is_superset(&wanted), "{master}");
    assert_eq!(end_of(&master_address[folder.len()..]), "-master.m3u8");
    let renditions = addresses(&master);
    assert!(renditions.iter().any(|name| end_of(name) == end_of(addresses(&captured_master)[0])), "{master}");

    let hashes: Value = get(&server, hashes_address).await.json().await.expect("JSON");
    let captured_media = captured("hls-vod-media.m3u8");
    for name in &renditions {
        let media = get(&server, &format!("{folder}{name}")).await.text().await.expect("text");
        assert!(tags(&media).is_superset(&tags(&captured_media)), "{media}");
        assert!(end_of(addresses(&media)[0]).ends_with("-fragmented.mp4"), "{media}");
        // Each range of the playlist has its hash, under the name of its file, and it is true.
        for (file, offset, length) in ranges(&media) {
            let range = format!("{offset}-{}", offset + length - 1);
            let hash = hashes[&file][&range].as_str().unwrap_or_else(|| panic!("{file} {range}: {hashes}"));
            let request = server.http.get(format!("{folder}{file}")).header(header::RANGE, format!("bytes={range}"));
            let response = request.send().await.expect("an answer");
            assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT, "{file} {range}");
            let bytes = response.bytes().await.expect("bytes");
            assert_eq!(hash, hex::encode(Sha256::digest(&bytes)), "{file} {range}");
        }
    }
    // The same shape: names of files, in them ranges with texts.
    let ours = |all: &Value| {
        let files = all.as_object().expect("an object").iter();
        files
            .map(|(name, ranges)| (end_of(name).to_owned(), ranges.as_object().is_some_and(|ranges| ranges.values().all(Value::is_string))))
            .collect::<Vec<_>>()
    };
    assert_eq!(ours(&fixture("hls-vod-sha256.json")), [("-360-fragmented.mp4".to_owned(), true)]);
    assert!(ours(&hashes).contains(&("-360-fragmented.mp4".to_owned(), true)), "{hashes}");
    assert_eq!(ours(&hashes).len(), renditions.len(), "{hashes}");
    server.stop().await;
}
