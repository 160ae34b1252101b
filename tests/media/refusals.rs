//! Files that are no videos, and people who may not.

use reqwest::{Method, StatusCode};
use serde_json::json;
use shoal::domain::VideoState;

use crate::clips::{Clip, Upload, clip, names, server, settings, within};
use crate::support::Server;

#[tokio::test(flavor = "multi_thread")]
async fn bad_files_are_refused_with_a_reason() {
    let server = server().await;
    let alice = server.user("alice").await;
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        path
    };
    let plain = std::fs::read(clip(Clip::Plain)).expect("the clip");
    for (file, word) in [
        (write("list.mp4", b"#EXTM3U\n#EXTINF:2,\nhttp://127.0.0.1:1/secret.ts\n"), "text"),
        (write("noise.mp4", &[0x5a, 0x00, 0xff, 0x13].repeat(4096)), ""),
        (write("cut.mp4", &plain[..2000]), ""),
        (write("empty.mp4", b""), "text"),
        (clip(Clip::Wide).to_owned(), "large"),
    ] {
        let upload = Upload::of(&server, &alice, &file, false).await;
        assert_eq!(upload.ended(&server, &alice).await, "failed", "{}", file.display());
        assert_eq!(upload.state(&server).await, VideoState::TranscodingFailed);
        let progress = upload.progress(&server, &alice).await;
        let reason = progress["error"].as_str().expect("a reason");
        assert!(!reason.is_empty() && reason.contains(word), "{}: {reason}", file.display());
        assert!(!reason.contains(folder.path().to_str().expect("text")), "{reason}");
        // Its owner sees it; nobody else does.
        let path = format!("/api/v1/videos/{}", upload.uuid);
        assert_eq!(server.call(Method::GET, &path, Some(&alice), None).await.1["state"]["label"], "Transcoding failed");
        assert_eq!(server.get(&path).await.0, StatusCode::UNAUTHORIZED);
        assert_eq!(names(&upload.folder(&server)), Vec::<String>::new());
    }
    assert_eq!(names(&server.folder.path().join("transcoding")), Vec::<String>::new());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_transcoding_only_what_plays_is_taken() {
    let server = Server::start_with(|config| {
        settings(config);
        config.transcoding.enabled = false;
    })
    .await;
    let token = server.root().await;
    let plain = Upload::of(&server, &token, clip(Clip::Plain), false).await;
    assert_eq!(plain.ended(&server, &token).await, "completed");
    let video = plain.details(&server, None).await;
    assert_eq!(video["streamingPlaylists"][0]["files"].as_array().map(Vec::len), Some(1));
    let webm = Upload::of(&server, &token, clip(Clip::Webm), false).await;
    assert_eq!(webm.ended(&server, &token).await, "failed");
    assert!(webm.progress(&server, &token).await["error"].as_str().expect("a reason").contains("does not transcode"));
    let path = format!("/api/v1/videos/{}/transcoding", plain.uuid);
    let (status, answer) = server.call(Method::POST, &path, Some(&token), Some(json!({ "transcodingType": "hls" }))).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_is_refused() {
    let server = server().await;
    let (root, alice, bob) = (server.root().await, server.user("alice").await, server.user("bob").await);
    let upload = Upload::of(&server, &alice, clip(Clip::Plain), false).await;
    assert_eq!(upload.ended(&server, &alice).await, "completed");
    let transcoding = format!("/api/v1/videos/{}/transcoding", upload.uuid);
    let again = json!({ "transcodingType": "hls" });
    let post = async |path: &str, token: Option<&str>, body: &serde_json::Value| {
        server.call(Method::POST, path, token, Some(body.clone())).await.0
    };
    assert_eq!(post(&transcoding, None, &again).await, StatusCode::UNAUTHORIZED);
    assert_eq!(post(&transcoding, Some(&bob), &again).await, StatusCode::FORBIDDEN);
    assert_eq!(post(&transcoding, Some(&alice), &again).await, StatusCode::FORBIDDEN, "nothing failed");
    for body in [json!({}), json!({ "transcodingType": "vhs" }), json!({ "transcodingType": "hls", "forceTranscoding": "maybe" })] {
        assert_eq!(post(&transcoding, Some(&root), &body).await, StatusCode::BAD_REQUEST, "{body}");
    }
    let nowhere = "/api/v1/videos/65011806-a53e-4559-a1eb-ec26c3075402/transcoding";
    assert_eq!(post(nowhere, Some(&root), &again).await, StatusCode::NOT_FOUND);
    let live = server.create_live(&root, json!({})).await;
    assert_eq!(post(&format!("/api/v1/videos/{live}/transcoding"), Some(&root), &again).await, StatusCode::BAD_REQUEST);

    let progress = format!("/api/shoal/v1/videos/{}/transcoding", upload.uuid);
    assert_eq!(server.get(&progress).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(server.call(Method::GET, &progress, Some(&bob), None).await.0, StatusCode::FORBIDDEN);
    assert_eq!(server.get("/api/v1/videos/nonsense!/storyboards").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(server.get("/api/v1/videos/65011806-a53e-4559-a1eb-ec26c3075402/storyboards").await.0, StatusCode::NOT_FOUND);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_waited_out() {
    let server = Server::start_with(|config| {
        settings(config);
        config.transcoding.min_free_disk_bytes = u64::MAX;
    })
    .await;
    let token = server.root().await;
    let upload = Upload::of(&server, &token, clip(Clip::Plain), false).await;
    let mut job = json!(null);
    within(20, "the job waits for room", async || {
        let (_, jobs) = server.call(Method::GET, "/api/v1/jobs/delayed", Some(&token), None).await;
        job = jobs["data"][0].clone();
        job["error"].is_string()
    })
    .await;
    assert!(job["error"].as_str().expect("a reason").contains("disk is full"), "{job}");
    assert_eq!((&job["type"], &job["attempts"]), (&json!("video-transcoding"), &json!(0)), "it does not count");
    assert_eq!(upload.state(&server).await, VideoState::ToTranscode);
    server.stop().await;
}
