//! Another file in place of a video's, and the same file once more.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::clips::{Clip, Upload, clip, names, server, settings, within};
use crate::support::{Server, eventually};

fn widths(video: &Value) -> Vec<u64> {
    let files = video["streamingPlaylists"][0]["files"].as_array().expect("a list").iter();
    files.chain(video["files"].as_array().expect("a list")).map(|file| file["width"].as_u64().expect("a number")).collect()
}

async fn hurry(server: &Server) {
    let app = &server.running.app;
    let mut tx = app.store.write().await.expect("the store");
    tx.jobs().hurry().await.expect("hurried");
    tx.commit().await.expect("committed");
    app.jobs.wake();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_file_is_there_at_once_and_whole() {
    let server = server().await;
    let token = server.root().await;
    let upload = Upload::of(&server, &token, clip(Clip::Plain), false).await;
    assert_eq!(upload.ended(&server, &token).await, "completed");
    let before = upload.details(&server, None).await;
    let old = before["streamingPlaylists"][0]["files"][0]["fileUrl"].as_str().expect("an address").to_owned();
    let old_plain = before["files"][0]["fileUrl"].as_str().expect("an address").to_owned();
    assert_eq!(widths(&before), [640, 320, 640, 320]);

    upload.replace(&server, clip(Clip::Upright)).await;
    // It is one or the other, at any moment.
    within(60, "it is the new one", async || {
        let now = upload.details(&server, None).await;
        assert_eq!(now["state"]["id"], 1);
        let widths = widths(&now);
        assert!(widths == [640, 320, 640, 320] || widths == [360, 180, 360, 180], "{widths:?}");
        widths[0] == 360
    })
    .await;
    let now = upload.details(&server, None).await;
    assert_eq!((&now["duration"], &now["aspectRatio"]), (&json!(6), &json!(0.5625)));
    let get = async |address: &str| server.http.head(address).send().await.expect("an answer").status();
    assert_eq!(get(&old).await, StatusCode::OK, "those who watch can go on");
    hurry(&server).await;
    eventually("the old files are gone", async || {
        get(&old).await == StatusCode::NOT_FOUND && get(&old_plain).await == StatusCode::NOT_FOUND
    })
    .await;
    let version =
        now["streamingPlaylists"][0]["playlistUrl"].as_str().and_then(|url| url.rsplit('/').next()).expect("a name")[..36].to_owned();
    within(20, "only the new version is there", async || names(&upload.folder(&server)).iter().all(|name| name.starts_with(&version)))
        .await;
    for file in now["files"].as_array().expect("a list") {
        assert_eq!(get(file["fileUrl"].as_str().expect("an address")).await, StatusCode::OK);
    }
    server.stop().await;
}

/// A video's details once its files have their magnets, which they get a little later.
async fn hashed(server: &Server, upload: &Upload) -> Value {
    let is_hashed = |files: &Value| files.as_array().is_some_and(|files| files.iter().all(|file| file["magnetUri"].is_string()));
    eventually("the files are hashed", async || {
        let now = upload.details(server, None).await;
        is_hashed(&now["files"]) && is_hashed(&now["streamingPlaylists"][0]["files"])
    })
    .await;
    upload.details(server, None).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_replacement_changes_nothing() {
    let server = server().await;
    let token = server.root().await;
    let upload = Upload::of(&server, &token, clip(Clip::Plain), false).await;
    assert_eq!(upload.ended(&server, &token).await, "completed");
    let before = hashed(&server, &upload).await;
    upload.replace(&server, clip(Clip::Wide)).await;
    assert_eq!(upload.ended(&server, &token).await, "failed");
    let now = upload.details(&server, None).await;
    for field in ["state", "streamingPlaylists", "files", "duration"] {
        assert_eq!(now[field], before[field]);
    }
    assert!(upload.progress(&server, &token).await["error"].as_str().expect("a reason").contains("large"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_is_transcoded_again() {
    let server = server().await;
    let token = server.root().await;
    let upload = Upload::of(&server, &token, clip(Clip::Plain), false).await;
    assert_eq!(upload.ended(&server, &token).await, "completed");
    let before = upload.details(&server, None).await["streamingPlaylists"][0]["playlistUrl"].clone();

    let path = format!("/api/v1/videos/{}/transcoding", upload.uuid);
    let post = async |body: Value| server.call(Method::POST, &path, Some(&token), Some(body)).await;
    server.call(Method::POST, "/api/v1/jobs/pause", Some(&token), None).await;
    assert_eq!(post(json!({ "transcodingType": "hls" })).await.0, StatusCode::NO_CONTENT);
    let (status, answer) = post(json!({ "transcodingType": "web-video" })).await;
    assert_eq!((status, &answer["code"]), (StatusCode::CONFLICT, &json!("video_already_being_transcoded")));
    assert_eq!(post(json!({ "transcodingType": "hls", "forceTranscoding": true })).await.0, StatusCode::NO_CONTENT);
    let (_, waiting) = server.call(Method::GET, "/api/v1/jobs/waiting?jobType=video-transcoding", Some(&token), None).await;
    assert_eq!(waiting["total"], 1, "one does");
    server.call(Method::POST, "/api/v1/jobs/resume", Some(&token), None).await;

    assert_eq!(upload.ended(&server, &token).await, "completed");
    let now = upload.details(&server, None).await;
    assert_ne!(now["streamingPlaylists"][0]["playlistUrl"], before);
    assert_eq!(widths(&now), [640, 320, 640, 320]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_tries_again_what_failed() {
    let server = Server::start_with(|config| {
        settings(config);
        // Longer than that: refused.
        config.transcoding.max_duration_s = 1;
    })
    .await;
    let alice = server.user("alice").await;
    let upload = Upload::of(&server, &alice, clip(Clip::Plain), false).await;
    assert_eq!(upload.ended(&server, &alice).await, "failed");
    let path = format!("/api/v1/videos/{}/transcoding", upload.uuid);
    let body = json!({ "transcodingType": "hls" });
    assert_eq!(server.call(Method::POST, &path, Some(&alice), Some(body)).await.0, StatusCode::NO_CONTENT);
    assert_eq!(upload.ended(&server, &alice).await, "failed", "it is still too long");
    server.stop().await;
}
