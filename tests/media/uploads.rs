//! An upload from its file to what viewers get.

use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use shoal::domain::VideoState;

use crate::clips::{Clip, Upload, clip, names, probe_duration, ranges, server, settings, within};
use crate::support::{Server, assert_shape, eventually, fixture, postgres};

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_becomes_a_video() {
    let server = server().await;
    uploads(&server).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_becomes_a_video_on_postgresql() {
    let cluster = postgres::Cluster::start();
    let url = cluster.database("uploads");
    let server = Server::start_with(|config| {
        settings(config);
        config.database_url = url;
    })
    .await;
    uploads(&server).await;
    server.stop().await;
}

async fn uploads(server: &Server) {
    let token = server.root().await;
    let upload = Upload::of(server, &token, clip(Clip::Plain), false).await;
    assert_eq!(upload.ended(server, &token).await, "completed");
    assert_eq!(upload.progress(server, &token).await, json!({ "state": "completed", "progress": 100, "error": null }));

    let video = upload.details(server, None).await;
    let fields = fixture("api-video-vod.json");
    assert_shape(&fields["files"], &video["files"], "files");
    assert_shape(&fields["streamingPlaylists"], &video["streamingPlaylists"], "streamingPlaylists");
    assert_eq!((&video["state"]["id"], &video["duration"], &video["aspectRatio"]), (&json!(1), &json!(4), &json!(1.7778)));
    let sizes = |files: &Value| {
        let files = files.as_array().expect("a list").iter();
        files.map(|file| (file["resolution"]["id"].clone(), file["width"].clone(), file["fps"].clone())).collect::<Vec<_>>()
    };
    let expected = vec![(json!(360), json!(640), json!(25)), (json!(180), json!(320), json!(25))];
    let hls = &video["streamingPlaylists"][0]["files"];
    assert_eq!((sizes(hls), sizes(&video["files"])), (expected.clone(), expected));

    // The playlists are whole, and lead to bytes that are there.
    let master = text(server, &video["streamingPlaylists"][0]["playlistUrl"]).await;
    let address = video["streamingPlaylists"][0]["playlistUrl"].as_str().expect("an address");
    for (index, height) in [360, 180].into_iter().enumerate() {
        // As NewPipe derives it.
        let media = address.replace("-master.m3u8", &format!("-{height}.m3u8"));
        assert!(master.contains(media.rsplit('/').next().expect("a name")), "{master}");
        let playlist = text(server, &json!(media)).await;
        assert!(playlist.contains("#EXT-X-PLAYLIST-TYPE:VOD") && playlist.ends_with("#EXT-X-ENDLIST\n"), "{playlist}");
        let ranges = ranges(&playlist);
        let (file, offset, length) = ranges.last().expect("segments");
        assert_eq!(hls[index]["size"].as_u64(), Some(offset + length));
        let address = hls[index]["fileUrl"].as_str().expect("an address");
        assert!(address.ends_with(file.as_str()), "{address}");
        let response = server.http.get(address).header("range", format!("bytes={offset}-{}", offset + length - 1)).send().await;
        let response = response.expect("an answer");
        assert_eq!((response.status(), response.content_length()), (StatusCode::PARTIAL_CONTENT, Some(*length)));
    }
    for file in video["files"].as_array().expect("a list") {
        let measured = probe_duration(file["fileUrl"].as_str().expect("an address")).await;
        assert!((3.9..4.3).contains(&measured), "{measured}");
        let response = server.http.head(file["fileDownloadUrl"].as_str().expect("an address")).send().await.expect("an answer");
        assert_eq!(response.headers()[header::CONTENT_DISPOSITION], "attachment");
        assert_eq!(response.headers()[header::CONTENT_LENGTH], file["size"].to_string().as_str());
    }
    stills(server, &upload, &video).await;

    // Swarms can have it, and nothing else is left.
    eventually("its manifests are signed", async || {
        names(&upload.folder(server)).iter().filter(|name| name.ends_with(".manifests")).count() == 2
    })
    .await;
    within(20, "nothing is left", async || names(&server.folder.path().join("transcoding")).is_empty()).await;
    assert_eq!(names(&shoal::vod::originals_folder(server.folder.path(), upload.uuid)), Vec::<String>::new());
    assert!(names(&upload.folder(server)).iter().all(|name| !name.starts_with('.')));
}

/// Pictures and sprites.
async fn stills(server: &Server, upload: &Upload, video: &Value) {
    for field in ["thumbnailPath", "previewPath"] {
        assert_jpeg(server, &server.url(video[field].as_str().expect("a picture"))).await;
    }
    let (status, answer) = server.get(&format!("/api/v1/videos/{}/storyboards", upload.uuid)).await;
    assert_eq!(status, StatusCode::OK);
    let board = &answer["storyboards"][0];
    for (field, value) in [("spriteWidth", 192), ("spriteHeight", 108), ("spriteDuration", 1)] {
        assert_eq!(board[field], value, "{board}");
    }
    let sprites = (board["totalWidth"].as_u64().expect("a number") / 192) * (board["totalHeight"].as_u64().expect("a number") / 108);
    assert!((3..=6).contains(&sprites), "{board}");
    let path = board["storyboardPath"].as_str().expect("a path");
    assert!(path.starts_with("/lazy-static/storyboards/"), "{path}");
    assert_jpeg(server, &server.url(path)).await;
    assert_jpeg(server, board["fileUrl"].as_str().expect("an address")).await;
    let other = path.replace(&upload.uuid.to_string(), "65011806-a53e-4559-a1eb-ec26c3075402");
    assert_eq!(server.get(&other).await.0, StatusCode::NOT_FOUND);
    // What the names of its other files begin with is not enough.
    let master = video["streamingPlaylists"][0]["playlistUrl"].as_str().expect("an address");
    let version = master.rsplit('/').next().and_then(|name| name.strip_suffix("-master.m3u8")).expect("a version");
    assert!(path.contains(version), "{path}: it goes with its version");
    let guess = format!("/static/streaming-playlists/hls/{}/{version}-storyboard.jpg", upload.uuid);
    assert_eq!(server.get(&guess).await.0, StatusCode::NOT_FOUND);
}

async fn assert_jpeg(server: &Server, address: &str) {
    let response = server.http.get(address).send().await.expect("an answer");
    assert_eq!(
        (response.status(), &response.headers()[header::CONTENT_TYPE]),
        (StatusCode::OK, &header::HeaderValue::from_static("image/jpeg"))
    );
    assert!(response.bytes().await.expect("bytes").starts_with(&[0xff, 0xd8]));
}

async fn text(server: &Server, address: &Value) -> String {
    let response = server.http.get(address.as_str().expect("an address")).send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK, "{address}");
    response.text().await.expect("text")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_transcoding_publishes_all_at_once() {
    let server = server().await;
    let token = server.root().await;
    let upload = Upload::of(&server, &token, clip(Clip::Webm), true).await;
    assert_eq!(server.get(&format!("/api/v1/videos/{}", upload.uuid)).await.0, StatusCode::UNAUTHORIZED);
    // As soon as others see it, all is there.
    let mut video = Value::Null;
    within(60, "it is published", async || {
        let (status, answer) = server.get(&format!("/api/v1/videos/{}", upload.uuid)).await;
        video = answer;
        status == StatusCode::OK
    })
    .await;
    assert_eq!(video["streamingPlaylists"][0]["files"].as_array().map(Vec::len), Some(2));
    assert_eq!(video["files"].as_array().map(Vec::len), Some(2));
    assert_eq!(video["waitTranscoding"], true);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_plays_before_the_rest_is() {
    let server = server().await;
    let token = server.root().await;
    let upload = Upload::of(&server, &token, clip(Clip::Heavy), false).await;
    within(60, "something plays", async || upload.state(&server).await == VideoState::Published).await;
    let video = upload.details(&server, None).await;
    let playlist = text(&server, &video["streamingPlaylists"][0]["playlistUrl"]).await;
    assert!(playlist.contains(".m3u8"), "{playlist}");
    assert_eq!(upload.ended(&server, &token).await, "completed");
    let video = upload.details(&server, None).await;
    // Its own size, and the ladder.
    assert_eq!(video["streamingPlaylists"][0]["files"].as_array().map(Vec::len), Some(3));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_alone_is_a_video_too() {
    let server = server().await;
    let token = server.root().await;
    let upload = Upload::of(&server, &token, clip(Clip::Sound), false).await;
    assert_eq!(upload.ended(&server, &token).await, "completed");
    let video = upload.details(&server, None).await;
    let file = &video["streamingPlaylists"][0]["files"][0];
    assert_eq!((&file["resolution"]["id"], &file["hasVideo"], &file["hasAudio"]), (&json!(0), &json!(false), &json!(true)));
    let (_, answer) = server.get(&format!("/api/v1/videos/{}/storyboards", upload.uuid)).await;
    assert_eq!(answer, json!({ "storyboards": [] }));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ladder_is_what_the_configuration_says() {
    let server = Server::start_with(|config| {
        settings(config);
        config.transcoding.ladder.truncate(0);
        config.transcoding.audio_only = true;
        config.transcoding.mp4 = false;
        config.transcoding.keep_original = true;
    })
    .await;
    let token = server.root().await;
    let upload = Upload::of(&server, &token, clip(Clip::Plain), false).await;
    assert_eq!(upload.ended(&server, &token).await, "completed");
    let video = upload.details(&server, None).await;
    let hls = video["streamingPlaylists"][0]["files"].as_array().expect("a list");
    assert_eq!(hls.iter().map(|file| file["resolution"]["id"].clone()).collect::<Vec<_>>(), [json!(360), json!(0)]);
    assert_eq!(video["files"], json!([]));
    assert_eq!(names(&shoal::vod::originals_folder(server.folder.path(), upload.uuid)).len(), 1, "it is kept");
    let (status, _) = server.call(Method::DELETE, &format!("/api/v1/videos/{}", upload.uuid), Some(&token), None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    eventually("all of it is gone", async || {
        names(&shoal::vod::originals_folder(server.folder.path(), upload.uuid)).is_empty() && !upload.folder(&server).exists()
    })
    .await;
    server.stop().await;
}
