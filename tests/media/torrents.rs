//! Torrents of files, which lead to their addresses; and what was uploaded, as long as it is there, for its owner.

use reqwest::{Method, Response, StatusCode, header};
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};

use crate::clips::{Clip, Upload, clip, server, within};
use crate::support::Server;

async fn get(server: &Server, address: &str, token: Option<&str>) -> Response {
    let request = server.http.get(address);
    let request = match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    request.send().await.expect("an answer")
}

/// What stands behind `key` in a bencoded dictionary that has it once: a text, or a number's digits.
fn value<'a>(torrent: &'a [u8], key: &str) -> &'a [u8] {
    let key = format!("{}:{key}", key.len());
    let at = torrent.windows(key.len()).position(|window| window == key.as_bytes()).expect("the key") + key.len();
    let rest = &torrent[at..];
    let rest = rest.strip_prefix(b"l").unwrap_or(rest);
    if let Some(number) = rest.strip_prefix(b"i") {
        return number.split(|byte| *byte == b'e').next().expect("digits");
    }
    let colon = rest.iter().position(|byte| *byte == b':').expect("a text");
    let length: usize = String::from_utf8_lossy(&rest[..colon]).parse().expect("a length");
    &rest[colon + 1..][..length]
}

fn text<'a>(torrent: &'a [u8], key: &str) -> &'a str {
    std::str::from_utf8(value(torrent, key)).expect("text")
}

/// What the file is called among BitTorrent's programs: the hash of all between the two keys.
fn info_hash(torrent: &[u8]) -> String {
    let at = |key: &[u8]| torrent.windows(key.len()).position(|window| window == key).expect("the key");
    hex::encode(Sha1::digest(&torrent[at(b"4:info") + 6..at(b"8:url-list")]))
}

/// The torrent at this address describes these bytes, and says that they are at `address`.
async fn describes(server: &Server, torrent: &str, token: Option<&str>, bytes: &[u8], address: &str) {
    let response = get(server, torrent, token).await;
    assert_eq!(response.status(), StatusCode::OK, "{torrent}");
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/x-bittorrent");
    let torrent = response.bytes().await.expect("bytes");
    assert_eq!(text(&torrent, "length").parse::<usize>().expect("a number"), bytes.len());
    assert_eq!(text(&torrent, "url-list"), address);
    let piece: usize = text(&torrent, "piece length").parse().expect("a number");
    let hashes: Vec<u8> = bytes.chunks(piece).flat_map(|piece| Sha1::digest(piece).to_vec()).collect();
    assert_eq!(value(&torrent, "pieces"), hashes);
}

#[tokio::test(flavor = "multi_thread")]
async fn torrents_lead_to_files() {
    let server = server().await;
    let token = server.root().await;
    // Nobody works on it yet: its owner, and nobody else, has what was uploaded.
    assert_eq!(server.call(Method::POST, "/api/v1/jobs/pause", Some(&token), None).await.0, StatusCode::NO_CONTENT);
    let bytes = std::fs::read(clip(Clip::Plain)).expect("a clip");
    let ann = server.user("ann").await;
    let fields = [("channelId", server.channel(&ann).await.to_string()), ("name", "A torrent".to_owned()), ("privacy", "1".to_owned())];
    let files = [("videofile", "clip.mp4", bytes.clone())];
    let (status, created) = server.send_form(Method::POST, "/api/v1/videos/upload", Some(&ann), &fields, &files).await;
    assert_eq!(status, StatusCode::OK, "{created}");
    let path = format!("/api/v1/videos/{}", created["video"]["uuid"].as_str().expect("a uuid"));
    let details = async || server.call(Method::GET, &path, Some(&ann), None).await.1;
    let video = details().await;
    let original = &video["files"][0];
    assert_eq!((&video["state"]["id"], &original["size"]), (&json!(2), &json!(bytes.len())), "{video}");
    let address = |file: &Value, name: &str| file[name].as_str().expect("an address").to_owned();
    let (file, torrent) = (address(original, "fileUrl"), address(original, "torrentUrl"));
    describes(&server, &torrent, Some(&ann), &bytes, &file).await;
    let response = get(&server, &file, Some(&ann)).await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/octet-stream");
    assert_eq!(response.headers()[header::CONTENT_DISPOSITION], "attachment");
    assert_eq!(response.bytes().await.expect("bytes"), bytes);
    let bob = server.user("bob").await;
    for stranger in [None, Some(bob.as_str())] {
        assert_ne!(get(&server, &file, stranger).await.status(), StatusCode::OK);
        assert_ne!(get(&server, &torrent, stranger).await.status(), StatusCode::OK);
    }

    // Made: the files have torrents of their own, which anybody may have, and what was uploaded is gone.
    assert_eq!(server.call(Method::POST, "/api/v1/jobs/resume", Some(&token), None).await.0, StatusCode::NO_CONTENT);
    let mut video = Value::Null;
    within(60, "its files are made", async || {
        video = details().await;
        video["files"].as_array().is_some_and(|files| files.len() == 2)
    })
    .await;
    // Hashed by a job, before anybody asks for a torrent.
    let paths = ["/files/0", "/files/1", "/streamingPlaylists/0/files/0", "/streamingPlaylists/0/files/1"];
    within(20, "the files are hashed", async || {
        video = details().await;
        paths.iter().all(|path| video.pointer(path).is_some_and(|file| file["magnetUri"].is_string()))
    })
    .await;
    let all = video["files"].as_array().expect("a list").iter().chain(video["streamingPlaylists"][0]["files"].as_array().expect("a list"));
    for made in all {
        let (file, torrent) = (address(made, "fileUrl"), address(made, "torrentUrl"));
        let bytes = get(&server, &file, None).await.bytes().await.expect("bytes");
        // The second time from the hashes that were kept.
        for _ in 0..2 {
            describes(&server, &torrent, None, &bytes, &file).await;
        }
        let download = get(&server, &address(made, "torrentDownloadUrl"), None).await;
        assert_eq!(download.headers()[header::CONTENT_DISPOSITION], "attachment");
        let (hash, magnet) = (info_hash(&download.bytes().await.expect("bytes")), address(made, "magnetUri"));
        assert!(
            magnet.starts_with("magnet:?xs=http%3A%2F%2F") && magnet.contains(&format!("&xt=urn:btih:{hash}&dn=A%20torrent&ws=")),
            "{magnet}"
        );
    }
    within(20, "what was uploaded is gone", async || get(&server, &file, Some(&ann)).await.status() == StatusCode::NOT_FOUND).await;
    assert_eq!(get(&server, &torrent, Some(&ann)).await.status(), StatusCode::NOT_FOUND);
    let nothing = torrent.replace("original", "424242");
    assert_eq!(get(&server, &nothing, None).await.status(), StatusCode::NOT_FOUND);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_made_is_still_its_owners() {
    let server = server().await;
    let token = server.root().await;
    let channel = server.channel(&token).await;
    let fields = [("channelId", channel.to_string()), ("name", "Broken".to_owned()), ("privacy", "1".to_owned())];
    let files = [("videofile", "clip.mp4", b"not really media".to_vec())];
    let (status, created) = server.send_form(Method::POST, "/api/v1/videos/upload", Some(&token), &fields, &files).await;
    assert_eq!(status, StatusCode::OK, "{created}");
    let uuid = created["video"]["uuid"].as_str().expect("a uuid").parse().expect("a uuid");
    let upload = Upload { uuid, id: shoal::domain::VideoId(created["video"]["id"].as_i64().expect("a number")) };
    assert_eq!(upload.ended(&server, &token).await, "failed");
    let video = upload.details(&server, Some(&token)).await;
    let file = video["files"][0]["fileUrl"].as_str().expect("an address");
    assert_eq!(get(&server, file, Some(&token)).await.text().await.expect("text"), "not really media");
    server.stop().await;
}
