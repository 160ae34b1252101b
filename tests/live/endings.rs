//! What a broadcast leaves behind.

use std::path::Path;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use segmenter::journal::Recording;
use serde_json::{Value, json};
use shoal::domain::{LiveError, Quota};

use crate::player::Live;
use crate::publisher::{Clip, Publisher, probe_duration};
use crate::support::{Server, eventually};

fn assert_lasts(seconds: f64, expected: f64, what: &str) {
    assert!((seconds - expected).abs() <= expected / 10.0, "{what}: {seconds} s, published were {expected} s");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clean_stop_leaves_a_video() {
    let server = Server::start_with(|config| config.live.grace_stopped_s = 1).await;
    let live = Live::create(&server, json!({ "saveReplay": true })).await;
    let mut publisher = Publisher::start_for(Clip::Plain, &live.rtmp_url, Duration::from_secs(6));
    live.on_air().await;
    let prefix = live.playlist("").await.prefix();
    assert!(publisher.ended().await);
    let session = live.concluded(1).await;
    assert_eq!((&session["error"], &session["saveReplay"]), (&Value::Null, &json!(true)));

    let video = live.video().await;
    assert_eq!((&video["state"]["id"], &video["isLive"]), (&json!(1), &json!(false)), "{video}");
    assert_lasts(video["duration"].as_f64().expect("a duration"), 6.0, "told");
    let playlist = video["streamingPlaylists"][0]["playlistUrl"].as_str().expect("playable at once");
    assert_lasts(probe_duration(playlist).await, 6.0, "playlist");
    let (_, file) = live.replay(&live.uuid).await;
    assert_lasts(probe_duration(&file).await, 6.0, "download");
    assert!(live.playlist("").await.has("#EXT-X-ENDLIST"), "viewers of the live play to its end");
    assert!(live.playlist("").await.0.contains(&prefix));
    let recording = Recording::read(&server.folder.path().join("live").join(&prefix).join("source")).expect("a recording");
    assert!(recording.finished, "after a crash now, nobody would wait for its publisher");
    conditions(&live, &format!("{prefix}-source-0.mp4")).await;
    server.stop().await;
}

/// A file on disk is asked for with headers that have no meaning for a live.
async fn conditions(live: &Live, file: &str) {
    let whole = live.raw(Method::GET, file, &[]).await;
    let modified = whole.headers()["last-modified"].to_str().expect("text").to_owned();
    let length = whole.bytes().await.expect("bytes").len();
    let again = live.raw(Method::GET, file, &[("if-modified-since", &modified)]).await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    let head = live.raw(Method::HEAD, file, &[("range", "bytes=0-9")]).await;
    assert_eq!(head.status(), StatusCode::OK, "a range means nothing without a body");
    assert_eq!(head.headers()["content-length"], length.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permanent_live_leaves_a_video_each_time() {
    let server = Server::start_with(|config| config.live.grace_stopped_s = 1).await;
    let live = Live::create(&server, json!({ "permanentLive": true, "saveReplay": true })).await;
    let mut publisher = Publisher::start_for(Clip::Plain, &live.rtmp_url, Duration::from_secs(5));
    live.on_air().await;
    let first = live.playlist("").await.prefix();
    assert!(publisher.ended().await);
    let session = live.concluded(1).await;
    assert_eq!(live.state().await, "waiting");
    let replay = session["replayVideo"]["uuid"].as_str().expect("a video of its own").to_owned();
    assert_ne!(replay, live.uuid);

    // Again, while the first one can still be fetched.
    let publisher = Publisher::start(Clip::Plain, &live.rtmp_url);
    eventually("another broadcast", async || live.state().await == "live" && live.get("master.m3u8").await.status() == StatusCode::OK)
        .await;
    let second = live.playlist("").await;
    assert_ne!(second.prefix(), first);
    assert!(!second.has("#EXT-X-ENDLIST"));
    let (playlist, file) = live.replay(&replay).await;
    assert_lasts(probe_duration(&playlist).await, 5.0, "playlist");
    assert_lasts(probe_duration(&file).await, 5.0, "download");
    assert_eq!(live.end().await, StatusCode::NO_CONTENT);
    drop(publisher);
    live.concluded(2).await;
    assert_eq!(live.state().await, "waiting");
    server.stop().await;
}

/// Names of everything below `folder`.
fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.flatten().map(|entry| entry.path());
    paths.flat_map(|path| if path.is_dir() { names(&path) } else { vec![path.display().to_string()] }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_a_running_live_leaves_nothing() {
    let server = Server::start().await;
    let live = Live::create(&server, json!({ "saveReplay": true })).await;
    let mut publisher = Publisher::start(Clip::Plain, &live.rtmp_url);
    live.on_air().await;
    eventually("a picture", async || live.video().await["thumbnailPath"].as_str().is_some_and(|path| path.contains("/thumbnails/"))).await;
    let path = live.video().await["thumbnailPath"].as_str().expect("a path").to_owned();
    assert_eq!(server.http.get(server.url(&path)).send().await.expect("an answer").status(), StatusCode::OK);
    let (status, answer) = server.call(Method::DELETE, &format!("/api/v1/videos/{}", live.uuid), Some(&live.token), None).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{answer}");
    assert!(!publisher.ended().await, "its publisher is sent away");
    eventually("no file is left", async || {
        let folders = ["streaming-playlists", "web-videos", "thumbnails", "previews"];
        folders.iter().all(|folder| names(&server.folder.path().join(folder)).is_empty())
    })
    .await;
    eventually("nobody may fetch it", async || live.get("source.m3u8").await.status() == StatusCode::NOT_FOUND).await;
    let mut publisher = Publisher::start(Clip::Plain, &live.rtmp_url);
    assert!(!publisher.ended().await, "its key is gone");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_ends_the_recording_not_the_live() {
    let server = Server::start_with(|config| config.live.min_free_disk_bytes = i64::MAX as u64).await;
    let live = Live::create(&server, json!({ "saveReplay": true })).await;
    let publisher = Publisher::start(Clip::Plain, &live.rtmp_url);
    live.on_air().await;
    eventually("its owner is told", async || live.status().await["health"]["recording_stopped"] == true).await;
    live.past(8).await;
    let playlist = live.playlist("").await;
    let (_, segment) = playlist.segments().pop().expect("a segment");
    assert_eq!(live.get(&segment).await.status(), StatusCode::OK);
    assert_eq!(live.end().await, StatusCode::NO_CONTENT);
    drop(publisher);
    let session = live.concluded(1).await;
    assert_eq!(session["replayVideo"], Value::Null);
    assert_eq!(live.state().await, "ended");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_up_quota_ends_the_recording_not_the_live() {
    let server = Server::start().await;
    let app = &server.running.app;
    let mut tx = app.store.write().await.expect("the store");
    let mut root = tx.users().by_login("root").await.expect("the store").expect("root");
    root.quota = Quota { total: 1 << 30, daily: -1 };
    tx.users().update(&root).await.expect("updated");
    tx.commit().await.expect("committed");
    // Something else comes in for them, and takes all there is.
    let other = app.allowances.share(root.id, Some(1 << 30));
    assert!(other.take(1 << 30));

    let live = Live::create(&server, json!({ "saveReplay": true })).await;
    let publisher = Publisher::start(Clip::Plain, &live.rtmp_url);
    live.on_air().await;
    eventually("its owner is told", async || live.status().await["health"]["recording_stopped"] == true).await;
    let next = live.playlist("").await.next_msn();
    live.past(next).await;
    assert_eq!(live.end().await, StatusCode::NO_CONTENT);
    drop(publisher);
    let session = live.concluded(1).await;
    assert_eq!(session["error"], LiveError::QuotaExceeded.code(), "{session}");
    drop(other);
    eventually("nothing comes in any more", async || app.allowances.coming_bytes(root.id) == 0).await;
    server.stop().await;
}
