//! Finished videos as one file for download.

use reqwest::{Method, Response, StatusCode, header};
use serde_json::{Value, json};
use shoal::store::NewFile;

use crate::clips::{Clip, Upload, clip, probe_duration, server};
use crate::support::{Server, eventually};

async fn ask(server: &Server, path: &str, token: Option<&str>) -> Response {
    let mut request = server.http.get(server.url(path));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    request.send().await.expect("an answer")
}

fn path(video: impl std::fmt::Display, ids: &[i64]) -> String {
    let ids: Vec<_> = ids.iter().map(|id| format!("videoFileIds={id}")).collect();
    format!("/download/videos/generate/{video}?{}", ids.join("&"))
}

fn id(files: &Value, index: usize) -> i64 {
    files[index]["id"].as_i64().expect("an id")
}

/// Saves the body, which is as long as was promised; how long it plays.
async fn saved(server: &Server, response: Response) -> f64 {
    assert_eq!(response.status(), StatusCode::OK);
    let promised = response.content_length().expect("a length");
    let bytes = response.bytes().await.expect("the body");
    assert_eq!(bytes.len() as u64, promised);
    assert_eq!(&bytes[4..8], b"ftyp");
    let file = server.folder.path().join("saved.mp4");
    std::fs::write(&file, bytes).expect("written");
    probe_duration(file.to_str().expect("a path")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_is_downloaded_as_one_file() {
    let server = server().await;
    let token = server.root().await;
    let upload = Upload::of(&server, &token, clip(Clip::Plain), false).await;
    assert_eq!(upload.ended(&server, &token).await, "completed");
    let video = upload.details(&server, None).await;
    let (plain, hls) = (&video["files"], &video["streamingPlaylists"][0]["files"]);

    // As it is, with all that files can do.
    let response = ask(&server, &path(upload.uuid, &[id(plain, 0)]), None).await;
    assert_eq!(response.headers()[header::ACCEPT_RANGES], "bytes");
    assert_eq!(response.headers()[header::CONTENT_LENGTH], plain[0]["size"].to_string().as_str());
    assert!((3.9..4.3).contains(&saved(&server, response).await));

    // Made of what players get in fragments; by any name of the video.
    let short = video["shortUUID"].as_str().expect("text").to_owned();
    for name in [upload.uuid.to_string(), short, upload.id.0.to_string()] {
        let response = ask(&server, &path(name, &[id(hls, 1)]), None).await;
        assert_eq!(response.headers()[header::CONTENT_TYPE], "video/mp4");
        let attachment = "attachment; filename=\"An upload.mp4\"; filename*=UTF-8''An%20upload.mp4";
        assert_eq!(response.headers()[header::CONTENT_DISPOSITION], attachment);
        assert_eq!(response.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert!((3.9..4.3).contains(&saved(&server, response).await));
    }
    let head = server.http.head(server.url(&path(upload.uuid, &[id(hls, 1)]))).send().await.expect("an answer");
    assert!(head.headers()[header::CONTENT_LENGTH].to_str().expect("text").parse::<u64>().expect("a number") > 1000);

    let status = async |ids: &[i64]| ask(&server, &path(upload.uuid, ids), None).await.status();
    assert_eq!(status(&[]).await, StatusCode::BAD_REQUEST);
    assert_eq!(status(&[1, 2, 3]).await, StatusCode::BAD_REQUEST);
    assert_eq!(status(&[id(hls, 0), id(hls, 1)]).await, StatusCode::BAD_REQUEST, "two pictures");
    assert_eq!(status(&[id(hls, 0), 999_999]).await, StatusCode::NOT_FOUND);
    assert_eq!(ask(&server, &path("65011806-a53e-4559-a1eb-ec26c3075402", &[1]), None).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(ask(&server, &format!("/download/videos/generate/{}?videoFileIds=x", upload.uuid), None).await.status(), 400);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn picture_and_sound_are_put_together() {
    let server = server().await;
    let token = server.root().await;
    let upload = Upload::of(&server, &token, clip(Clip::Plain), false).await;
    assert_eq!(upload.ended(&server, &token).await, "completed");
    let hls = upload.details(&server, None).await["streamingPlaylists"][0]["files"].clone();
    // As a recorder would leave them that keeps the two apart.
    let source = upload.folder(&server).join(hls[1]["fileUrl"].as_str().and_then(|url| url.rsplit('/').next()).expect("a name"));
    let app = &server.running.app;
    let mut ids = Vec::new();
    for (name, without) in [("picture-fragmented.mp4", "-an"), ("sound-fragmented.mp4", "-vn")] {
        let target = upload.folder(&server).join(name);
        let mut command = std::process::Command::new("ffmpeg");
        command.args(["-nostdin", "-loglevel", "error", "-i"]).arg(&source).args(["-c", "copy", without]);
        command.args(["-movflags", "empty_moov+default_base_moof", "-frag_duration", "500000"]).arg(&target);
        assert!(command.status().expect("ffmpeg is installed").success());
        let mut tx = app.store.write().await.expect("the store");
        let playlist = tx.playlists().of_video(upload.id).await.expect("the store").expect("a playlist");
        let new = NewFile {
            video_id: upload.id,
            playlist_id: Some(playlist.id),
            file: name.to_owned(),
            resolution: 0,
            width: None,
            height: None,
            size_bytes: 1,
            fps: -1,
            has_audio: without == "-vn",
            has_video: without == "-an",
        };
        ids.push(tx.files().add(&new).await.expect("added").0);
        tx.commit().await.expect("committed");
    }
    let response = ask(&server, &path(upload.uuid, &ids), None).await;
    assert!((3.9..4.3).contains(&saved(&server, response).await));
    let file = server.folder.path().join("saved.mp4");
    let output = std::process::Command::new("ffprobe")
        .args(["-v", "error", "-show_entries", "stream=codec_type", "-of", "csv=p=0"])
        .arg(file)
        .output()
        .expect("ffprobe is installed");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("video") && text.contains("audio"), "{text}");
    // One of them alone.
    let response = ask(&server, &path(upload.uuid, &ids[1..]), None).await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], "audio/mp4");
    assert!(response.headers()[header::CONTENT_DISPOSITION].to_str().expect("text").contains("An upload.m4a"));
    assert!((3.8..4.3).contains(&saved(&server, response).await));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_those_may_download_who_may_watch() {
    let server = server().await;
    let (token, stranger) = (server.root().await, server.user("bob").await);
    let upload = Upload::of(&server, &token, clip(Clip::Plain), false).await;
    assert_eq!(upload.ended(&server, &token).await, "completed");
    let hls = upload.details(&server, None).await["streamingPlaylists"][0]["files"].clone();
    let private = Upload::of(&server, &token, clip(Clip::Plain), false).await;
    assert_eq!(private.ended(&server, &token).await, "completed");
    let files = private.details(&server, None).await;
    let (status, answer) =
        server.call(Method::PUT, &format!("/api/v1/videos/{}", private.uuid), Some(&token), Some(json!({ "privacy": 3 }))).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{answer}");
    let (status, answer) = server.call(Method::POST, &format!("/api/v1/videos/{}/token", private.uuid), Some(&token), None).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let for_files = answer["files"]["token"].as_str().expect("a token");

    for file in [id(&files["files"], 0), id(&files["streamingPlaylists"][0]["files"], 0)] {
        let (elsewhere, path) = (path(upload.uuid, &[file]), path(private.uuid, &[file]));
        eventually("the change has reached everybody", async || ask(&server, &path, None).await.status() == StatusCode::FORBIDDEN).await;
        assert_eq!(ask(&server, &path, Some(&stranger)).await.status(), StatusCode::FORBIDDEN);
        assert_eq!(ask(&server, &path, Some(&token)).await.status(), StatusCode::OK);
        assert_eq!(ask(&server, &format!("{path}&videoFileToken={for_files}"), None).await.status(), StatusCode::OK);
        // Not through a video that is open.
        assert_eq!(ask(&server, &elsewhere, None).await.status(), StatusCode::NOT_FOUND);
    }

    // Those who have only a row id do not know of unlisted videos.
    let body = Some(json!({ "privacy": 2 }));
    assert_eq!(server.call(Method::PUT, &format!("/api/v1/videos/{}", upload.uuid), Some(&token), body).await.0, StatusCode::NO_CONTENT);
    assert_eq!(ask(&server, &path(upload.id.0, &[id(&hls, 0)]), None).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(ask(&server, &path(upload.uuid, &[id(&hls, 0)]), None).await.status(), StatusCode::OK);
    server.stop().await;
}
