//! SIGKILL while a file comes in and while a video is made of it: what was there counts, and nothing is seen by halves.

use std::path::Path;
use std::time::Duration;

use reqwest::header::{CONTENT_RANGE, LOCATION, RANGE};
use reqwest::{Method, Response, StatusCode, Url};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::clips::{Clip, clip, names, within};
use crate::crashes::{WORK, begun, workers};
use crate::support::Server;
use crate::support::program::Program;

const RESUMABLE: &str = "/api/v1/videos/upload-resumable";
/// What was uploaded is kept, to be compared.
const KEEP: [(&str, &str); 3] = [WORK[0], WORK[1], ("SHOAL_TRANSCODING_KEEP_ORIGINAL", "on")];
/// All renditions are encoded, and slowly enough for a kill to come between.
const SLOWLY: [(&str, &str); 4] = [WORK[0], WORK[1], ("SHOAL_TRANSCODING_PASSTHROUGH", "off"), ("SHOAL_TRANSCODING_THREADS", "1")];
/// Milliseconds from an upload's last byte to the kill: before, while and after it becomes a video.
const LAST_MOMENTS_MS: [u64; 4] = [0, 3, 10, 40];

/// Somebody with an account, on a server that is not running.
struct Stage {
    folder: TempDir,
    token: String,
    channel: i64,
}

impl Stage {
    async fn set() -> Self {
        let server = Server::start().await;
        let token = server.root().await;
        let channel = server.channel(&token).await;
        let Server { running, folder, .. } = server;
        running.stop().await;
        Self { folder, token, channel }
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Everything that everybody, or its owner, sees in lists.
    async fn listed(&self, program: &Program) -> (i64, i64) {
        let total = async |path: &str, token: Option<&str>| program.get(path, token).await.1["total"].as_i64().expect("a number");
        (total("/api/v1/videos", None).await, total("/api/v1/users/me/videos", Some(&self.token)).await)
    }

    /// Says that a file of so many bytes is to come; its id.
    async fn begin(&self, program: &Program, name: &str, size: usize) -> String {
        let fields = json!({ "channelId": self.channel, "name": name, "filename": "clip.mp4", "privacy": 1 });
        let request = program.request(Method::POST, RESUMABLE, Some(&self.token)).header("x-upload-content-length", size);
        let response = request.json(&fields).send().await.expect("an answer");
        assert!(response.status().is_success(), "{}", response.status());
        let location = response.headers()[LOCATION].to_str().expect("text");
        location.split_once("upload_id=").expect("an id").1.to_owned()
    }

    /// Sends bytes of a file, or asks how many are there.
    async fn put(&self, program: &Program, id: &str, range: &str, bytes: &[u8]) -> Response {
        let request = program.request(Method::PUT, &format!("{RESUMABLE}?upload_id={id}"), Some(&self.token));
        request.header(CONTENT_RANGE, range).body(bytes.to_vec()).send().await.expect("an answer")
    }

    /// Sends `sent` of the bytes from `start` on, on a connection that stays open without ever bringing the rest.
    async fn put_some(&self, program: &Program, id: &str, start: usize, size: usize, sent: &[u8]) -> TcpStream {
        let host = program.base.trim_start_matches("http://");
        let mut stream = TcpStream::connect(host).await.expect("connected");
        let head = format!(
            "PUT {RESUMABLE}?upload_id={id} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {}\r\n\
             content-range: bytes {start}-{}/{size}\r\ncontent-length: {}\r\n\r\n",
            self.token,
            size - 1,
            size - start
        );
        stream.write_all(head.as_bytes()).await.expect("sent");
        stream.write_all(sent).await.expect("sent");
        stream.flush().await.expect("sent");
        stream
    }

    /// Goes on where the server says the upload is, until it is a video; its UUID.
    async fn finish(&self, program: &Program, id: &str, bytes: &[u8]) -> String {
        let size = bytes.len();
        let mut response = self.put(program, id, &format!("bytes */{size}"), b"").await;
        if response.status().as_u16() == 308 {
            let start = offset(&response);
            assert!(start < size);
            response = self.put(program, id, &format!("bytes {start}-{}/{size}", size - 1), &bytes[start..]).await;
        }
        assert_eq!(response.status(), StatusCode::OK);
        let made: Value = response.json().await.expect("JSON");
        made["video"]["uuid"].as_str().expect("a uuid").to_owned()
    }

    /// Waits until the work on a video is done.
    async fn made(&self, program: &Program, uuid: &str) {
        let path = format!("/api/shoal/v1/videos/{uuid}/transcoding");
        within(90, "its files are made", async || {
            let (_, progress) = program.get(&path, Some(&self.token)).await;
            assert_ne!(progress["state"], "failed", "{progress}");
            progress["state"] == "completed"
        })
        .await;
    }
}

/// Where an upload goes on.
fn offset(response: &Response) -> usize {
    let range = response.headers().get(RANGE).map(|value| value.to_str().expect("text"));
    range.map_or(0, |range| range.strip_prefix("bytes=0-").expect("a range").parse::<usize>().expect("a number") + 1)
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// What the files that a video was made from hash to.
fn originals(folder: &Path, uuid: &str) -> Vec<String> {
    let folder = folder.join("original-video-files").join(uuid);
    names(&folder).iter().map(|name| sha256(&std::fs::read(folder.join(name)).expect("a file"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_on_where_a_killed_server_says() {
    let stage = Stage::set().await;
    let bytes = std::fs::read(clip(Clip::Plain)).expect("a clip");
    let size = bytes.len();
    let (first, cut) = (size / 4, size / 2);
    let program = Program::start(stage.folder(), &KEEP).await;
    let id = stage.begin(&program, "Cut off", size).await;
    let response = stage.put(&program, &id, &format!("bytes 0-{}/{size}", first - 1), &bytes[..first]).await;
    assert_eq!((response.status().as_u16(), offset(&response)), (308, first));
    // In the middle of the next part, some of which has reached the disk.
    let _open = stage.put_some(&program, &id, first, size, &bytes[first..cut]).await;
    let file = stage.folder().join("uploads").join(&id);
    within(10, "some of it is written", async || file.metadata().expect("the file").len() > first as u64).await;
    assert_eq!(stage.listed(&program).await, (0, 0));
    program.kill();

    let program = Program::start(stage.folder(), &KEEP).await;
    assert_eq!(stage.listed(&program).await, (0, 0), "nothing half-visible");
    let told = stage.put(&program, &id, &format!("bytes */{size}"), b"").await;
    assert_eq!(told.status().as_u16(), 308);
    assert!((first + 1..=cut).contains(&offset(&told)), "{} of {cut}", offset(&told));
    let uuid = stage.finish(&program, &id, &bytes).await;
    assert_eq!(originals(stage.folder(), &uuid), [sha256(&bytes)]);
    stage.made(&program, &uuid).await;
    assert_eq!(originals(stage.folder(), &uuid), [sha256(&bytes)], "it is kept as it came");
    listed_plays(&program).await;
    assert_eq!(stage.listed(&program).await, (1, 1));
    assert_eq!(names(&stage.folder().join("uploads")), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_becomes_one_video_whenever_the_server_dies() {
    let stage = Stage::set().await;
    let bytes = std::fs::read(clip(Clip::Plain)).expect("a clip");
    let mut made = 0;
    for pause_ms in LAST_MOMENTS_MS {
        let program = Program::start(stage.folder(), &KEEP).await;
        let id = stage.begin(&program, &format!("Killed after {pause_ms} ms"), bytes.len()).await;
        let _open = stage.put_some(&program, &id, 0, bytes.len(), &bytes).await;
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        program.kill();

        let program = Program::start(stage.folder(), &KEEP).await;
        let uuid = stage.finish(&program, &id, &bytes).await;
        assert_eq!(originals(stage.folder(), &uuid), [sha256(&bytes)], "{pause_ms} ms");
        // Whoever asks once more is told of the same.
        assert_eq!(stage.finish(&program, &id, &bytes).await, uuid);
        made += 1;
        assert_eq!(stage.listed(&program).await.1, made, "{pause_ms} ms");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_in_the_making_is_never_listed_broken() {
    let stage = Stage::set().await;
    let bytes = std::fs::read(clip(Clip::Heavy)).expect("a clip");
    let mut program = Program::start(stage.folder(), &SLOWLY).await;
    let id = stage.begin(&program, "Killed twice", bytes.len()).await;
    let uuid = stage.finish(&program, &id, &bytes).await;
    let path = format!("/api/shoal/v1/videos/{uuid}/transcoding");

    // Once while nothing of it can be watched yet, once while some of it can.
    let begun_at = async |program: &Program| {
        within(60, "it has begun", async || {
            listed_plays(program).await;
            begun(stage.folder()) && workers(stage.folder()) == 1
        })
        .await;
    };
    let listed_at = async |program: &Program| {
        within(60, "it is listed", async || {
            listed_plays(program).await;
            stage.listed(program).await.0 == 1
        })
        .await;
    };
    begun_at(&program).await;
    program.kill();
    within(10, "its process ends with it", async || workers(stage.folder()) == 0).await;
    program = Program::start(stage.folder(), &SLOWLY).await;
    listed_at(&program).await;
    let (_, progress) = program.get(&path, Some(&stage.token)).await;
    assert_eq!(progress["state"], "active", "the first rendition plays before the rest is done: {progress}");
    program.kill();
    within(10, "its process ends with it", async || workers(stage.folder()) == 0).await;

    program = Program::start(stage.folder(), &SLOWLY).await;
    assert_eq!(stage.listed(&program).await, (1, 1), "it stays");
    within(90, "its files are made", async || {
        listed_plays(&program).await;
        program.get(&path, Some(&stage.token)).await.1["state"] == "completed"
    })
    .await;
    listed_plays(&program).await;
    let (_, video) = program.get(&format!("/api/v1/videos/{uuid}"), None).await;
    let files = |list: &Value| list.as_array().map(Vec::len);
    let hls = files(&video["streamingPlaylists"][0]["files"]);
    assert!(hls >= Some(2) && files(&video["files"]) == hls, "{video}");
    assert_eq!(video["duration"], 12);
    within(20, "nothing is left", async || names(&stage.folder().join("transcoding")).is_empty()).await;
}

/// Whatever is in the list can be played from its first segment to its last. Playlists that are replaced at this very moment are
/// fetched once more, as players do.
async fn listed_plays(program: &Program) {
    let (status, list) = program.get("/api/v1/videos?count=100", None).await;
    assert_eq!(status, StatusCode::OK, "{list}");
    for video in list["data"].as_array().expect("a list") {
        let uuid = video["uuid"].as_str().expect("a uuid");
        if plays(program, uuid).await.is_err() {
            tokio::time::sleep(Duration::from_millis(500)).await;
            plays(program, uuid).await.unwrap_or_else(|reason| panic!("listed, but broken: {reason}"));
        }
    }
}

async fn plays(program: &Program, uuid: &str) -> Result<(), String> {
    let (status, video) = program.get(&format!("/api/v1/videos/{uuid}"), None).await;
    if status != StatusCode::OK || video["state"]["id"] != 1 {
        return Err(format!("{status}: {video}"));
    }
    let master = video["streamingPlaylists"][0]["playlistUrl"].as_str().ok_or_else(|| format!("no playlist: {video}"))?;
    let master = Url::parse(master).map_err(|error| error.to_string())?;
    let text = fetch(&master, None).await?;
    let m3u8_rs::Playlist::MasterPlaylist(variants) = parse(&text)? else { return Err(format!("no multivariant playlist: {text:?}")) };
    if variants.variants.is_empty() {
        return Err("no rendition".to_owned());
    }
    for variant in variants.variants {
        let media = master.join(&variant.uri).map_err(|error| error.to_string())?;
        let text = fetch(&media, None).await?;
        let m3u8_rs::Playlist::MediaPlaylist(playlist) = parse(&text)? else { return Err(format!("no media playlist: {text:?}")) };
        for segment in [playlist.segments.first(), playlist.segments.last()] {
            let segment = segment.ok_or_else(|| format!("{media}: no segments"))?;
            let range = segment.byte_range.as_ref().ok_or("a segment without a range")?;
            let start = range.offset.ok_or("a range without a beginning")?;
            let file = media.join(&segment.uri).map_err(|error| error.to_string())?;
            let bytes = fetch(&file, Some((start, start + range.length - 1))).await?;
            if bytes.len() as u64 != range.length {
                return Err(format!("{file}: {} of {} bytes", bytes.len(), range.length));
            }
        }
    }
    for file in video["files"].as_array().into_iter().flatten() {
        let address = file["fileUrl"].as_str().and_then(|address| Url::parse(address).ok()).ok_or("a file without an address")?;
        let last = file["size"].as_u64().filter(|size| *size > 0).ok_or("a file without bytes")? - 1;
        fetch(&address, Some((last, last))).await?;
    }
    Ok(())
}

fn parse(text: &[u8]) -> Result<m3u8_rs::Playlist, String> {
    m3u8_rs::parse_playlist_res(text).map_err(|error| error.to_string())
}

async fn fetch(address: &Url, range: Option<(u64, u64)>) -> Result<Vec<u8>, String> {
    let mut request = reqwest::Client::new().get(address.clone());
    if let Some((first, last)) = range {
        request = request.header(RANGE, format!("bytes={first}-{last}"));
    }
    let response = request.send().await.map_err(|error| error.to_string())?;
    let expected = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    if response.status() != expected {
        return Err(format!("{address} {range:?}: {}", response.status()));
    }
    Ok(response.bytes().await.map_err(|error| error.to_string())?.to_vec())
}
