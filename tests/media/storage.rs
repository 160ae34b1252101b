//! Files in object storage: a real one, of the test's own.

use bytes::Bytes;
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use shoal::blobs::Blob;
use shoal::config::{Delivery, StorageKind};
use shoal::domain::Place;
use shoal::vod;

use crate::clips::{Clip, Upload, clip, names, probe_duration, settings, within};
use crate::support::Server;
use crate::support::seaweed::Seaweed;

async fn start(seaweed: &Seaweed, delivery: Delivery) -> Server {
    Server::start_with(|config| {
        settings(config);
        config.storage = seaweed.storage(delivery);
        config.transcoding.keep_original = true;
    })
    .await
}

async fn moved(server: &Server, upload: &Upload, place: i64) -> Value {
    let mut video = Value::Null;
    within(60, "its files are moved", async || {
        video = upload.details(server, None).await;
        video["files"][0]["storage"] == place
    })
    .await;
    assert_eq!(video["streamingPlaylists"][0]["files"][0]["storage"], place);
    video
}

fn address(file: &Value) -> String {
    file["fileUrl"].as_str().expect("an address").to_owned()
}

async fn get(server: &Server, address: &str, range: Option<&str>) -> (StatusCode, header::HeaderMap, Bytes) {
    let mut request = server.http.get(address);
    if let Some(range) = range {
        request = request.header("range", range);
    }
    let response = request.send().await.expect("an answer");
    let (status, headers) = (response.status(), response.headers().clone());
    (status, headers, response.bytes().await.expect("bytes"))
}

#[tokio::test(flavor = "multi_thread")]
async fn files_go_to_object_storage_and_viewers_follow() {
    let seaweed = Seaweed::start().await;
    let server = start(&seaweed, Delivery::Redirect).await;
    let token = server.root().await;
    let upload = Upload::of(&server, &token, clip(Clip::Plain), false).await;
    assert_eq!(upload.ended(&server, &token).await, "completed");
    let video = moved(&server, &upload, 1).await;

    // Only what is small is left on disk.
    within(20, "the files are gone from the disk", async || {
        names(&upload.folder(&server)).iter().all(|name| !name.ends_with(".mp4"))
            && names(&server.folder.path().join("web-videos")).is_empty()
    })
    .await;
    assert_eq!(names(&vod::originals_folder(server.folder.path(), upload.uuid)), Vec::<String>::new());

    let plain = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let file = address(&video["streamingPlaylists"][0]["files"][0]);
    let response = plain.get(&file).send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(response.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    let location = response.headers()[header::LOCATION].to_str().expect("text");
    assert!(location.contains("X-Amz-Signature="), "{location}");
    assert!(response.headers()[header::CACHE_CONTROL].to_str().expect("text").starts_with("private, max-age="));
    let unsigned = location.split('?').next().expect("an address");
    assert_eq!(plain.get(unsigned).send().await.expect("an answer").status(), StatusCode::FORBIDDEN, "the bucket is nobody's");

    for file in video["files"].as_array().expect("a list").iter().chain(video["streamingPlaylists"][0]["files"].as_array().expect("a list"))
    {
        let (status, headers, bytes) = get(&server, &address(file), Some("bytes=4-7")).await;
        assert_eq!((status, &bytes[..]), (StatusCode::PARTIAL_CONTENT, &b"ftyp"[..]));
        assert_eq!(headers[header::CONTENT_RANGE].to_str().expect("text"), format!("bytes 4-7/{}", file["size"]));
    }
    let measured = probe_duration(&address(&video["files"][0])).await;
    assert!((3.9..4.3).contains(&measured), "{measured}");

    // Names that are none lead nowhere.
    for path in [format!("streaming-playlists/hls/{}/other.mp4", upload.uuid), format!("web-videos/{}-720-x.mp4", upload.uuid)] {
        assert_eq!(plain.get(server.url(&format!("/static/{path}"))).send().await.expect("an answer").status(), StatusCode::NOT_FOUND);
    }
    counted(&server).await;

    // Made once more, from the original that is there.
    let path = format!("/api/v1/videos/{}/transcoding", upload.uuid);
    let (status, answer) = server.call(Method::POST, &path, Some(&token), Some(json!({ "transcodingType": "hls" }))).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{answer}");
    assert_eq!(upload.ended(&server, &token).await, "completed");
    let again = upload.details(&server, None).await;
    assert_ne!(again["files"][0]["fileUrl"], video["files"][0]["fileUrl"]);
    assert_eq!(get(&server, &address(&again["files"][0]), Some("bytes=4-7")).await.2, "ftyp");
    server.stop().await;
}

async fn counted(server: &Server) {
    let url = format!("http://{}/metrics", server.running.addrs.metrics.expect("metrics listen"));
    let text = server.http.get(url).send().await.expect("an answer").text().await.expect("text");
    assert!(
        text.contains("\nshoal_storage_files{place=\"s3\"} 4\n") && text.contains("\nshoal_storage_files{place=\"disk\"} 0\n"),
        "{text}"
    );
    let value = |name: &str| -> u64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).expect("a number");
        line.parse().expect("a number")
    };
    assert!(value("shoal_object_storage_in_bytes_total") > 10_000 && value("shoal_object_storage_redirects_total") > 0, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_hands_files_on_and_takes_them_back() {
    let seaweed = Seaweed::start().await;
    let server = start(&seaweed, Delivery::Proxy).await;
    let token = server.root().await;
    let upload = Upload::of(&server, &token, clip(Clip::Plain), false).await;
    assert_eq!(upload.ended(&server, &token).await, "completed");
    let video = moved(&server, &upload, 1).await;
    let file = &video["files"][0];
    let size = file["size"].as_u64().expect("a number");
    let (status, headers, whole) = get(&server, &address(file), None).await;
    assert_eq!((status, whole.len() as u64), (StatusCode::OK, size));
    assert_eq!(
        (&headers[header::CONTENT_TYPE], &headers[header::ACCEPT_RANGES]),
        (&header::HeaderValue::from_static("video/mp4"), &header::HeaderValue::from_static("bytes"))
    );
    for (range, expected) in
        [("bytes=0-9".to_owned(), 0..10), (format!("bytes={}-", size - 5), size - 5..size), ("bytes=-7".to_owned(), size - 7..size)]
    {
        let (status, headers, bytes) = get(&server, &address(file), Some(&range)).await;
        assert_eq!(status, StatusCode::PARTIAL_CONTENT, "{range}");
        assert_eq!(headers[header::CONTENT_RANGE].to_str().expect("text"), format!("bytes {}-{}/{size}", expected.start, expected.end - 1));
        assert_eq!(bytes, whole[expected.start as usize..expected.end as usize]);
    }
    let (status, headers, _) = get(&server, &address(file), Some(&format!("bytes={size}-"))).await;
    assert_eq!(
        (status, headers[header::CONTENT_RANGE].to_str().expect("text")),
        (StatusCode::RANGE_NOT_SATISFIABLE, format!("bytes */{size}").as_str())
    );
    let head = server.http.head(file["fileDownloadUrl"].as_str().expect("an address")).send().await.expect("an answer");
    assert_eq!(head.headers()[header::CONTENT_LENGTH], size.to_string().as_str());
    assert_eq!(head.headers()[header::CONTENT_DISPOSITION], "attachment");

    // A private video's files are not handed to everybody.
    let path = format!("/api/v1/videos/{}", upload.uuid);
    server.call(Method::PUT, &path, Some(&token), Some(json!({ "privacy": 3 }))).await;
    within(20, "it is private", async || get(&server, &address(file), None).await.0 == StatusCode::FORBIDDEN).await;
    server.call(Method::PUT, &path, Some(&token), Some(json!({ "privacy": 1 }))).await;
    within(20, "it is public", async || get(&server, &address(file), None).await.0 == StatusCode::OK).await;

    // Without what was uploaded, which is gone from the bucket too.
    let app = &server.running.app;
    let media = async || app.store.read().await.expect("the store").media().of_video(upload.id).await.expect("the store");
    let original = Blob::Original(upload.uuid, media().await.original.expect("it is kept"));
    assert!(app.blobs.length(&original).await.expect("an answer").is_some());
    let source = format!("{path}/source/file");
    within(20, "its files are not in use", async || {
        // Those that were left on disk are removed first.
        app.store.read().await.expect("the store").jobs().unfinished_of(upload.id).await.expect("the store").is_empty()
    })
    .await;
    assert_eq!(server.call(Method::DELETE, &source, Some(&token), None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(media().await.original, None);
    within(20, "it is gone from the bucket", async || {
        app.blobs.length(&original).await.expect("an answer").is_none()
            && app.store.read().await.expect("the store").jobs().unfinished_of(upload.id).await.expect("the store").is_empty()
    })
    .await;

    // Back to the disk, with the same bytes; then they are gone from the bucket.
    assert_eq!(vod::enqueue_moves(&app.store, Place::Disk).await.expect("enqueued"), 1);
    app.jobs.wake();
    let back = moved(&server, &upload, 0).await;
    assert_eq!(address(&back["files"][0]), address(file));
    assert_eq!(get(&server, &address(file), None).await.2, whole);
    let name = address(file).rsplit('/').next().expect("a name").to_owned();
    let mut tx = app.store.write().await.expect("the store");
    tx.jobs().hurry().await.expect("hurried");
    tx.commit().await.expect("committed");
    app.jobs.wake();
    let blob = Blob::WebVideo(name);
    within(20, "it is gone from the bucket", async || app.blobs.length(&blob).await.expect("an answer").is_none()).await;

    // There again, and deleted: nothing is left of it anywhere.
    assert_eq!(vod::enqueue_moves(&app.store, Place::ObjectStorage).await.expect("enqueued"), 1);
    app.jobs.wake();
    moved(&server, &upload, 1).await;
    assert!(app.blobs.length(&blob).await.expect("an answer").is_some());
    assert_eq!(server.call(Method::DELETE, &path, Some(&token), None).await.0, StatusCode::NO_CONTENT);
    within(20, "all of it is gone", async || {
        app.blobs.length(&blob).await.expect("an answer").is_none() && !upload.folder(&server).exists()
    })
    .await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_not_there_holds_nothing_up() {
    let server = Server::start_with(|config| {
        settings(config);
        config.storage.kind = StorageKind::S3;
        config.storage.bucket = Some("media".into());
        // Nobody listens there.
        config.storage.endpoint = Some("http://127.0.0.1:1".into());
        config.storage.access_key_id = Some("id".into());
        config.storage.secret_access_key = Some(shoal::config::Secret::new("secret"));
    })
    .await;
    let token = server.root().await;
    let upload = Upload::of(&server, &token, clip(Clip::Plain), false).await;
    assert_eq!(upload.ended(&server, &token).await, "completed");
    let mut job = Value::Null;
    within(60, "the move has failed once", async || {
        let (_, jobs) = server.call(Method::GET, "/api/v1/jobs?jobType=move-to-object-storage", Some(&token), None).await;
        job = jobs["data"][0].clone();
        job["error"].is_string()
    })
    .await;
    assert!(job["error"].as_str().expect("a reason").contains("object storage"), "{job}");
    let video = upload.details(&server, None).await;
    assert_eq!(video["files"][0]["storage"], 0);
    assert_eq!(get(&server, &address(&video["files"][0]), Some("bytes=4-7")).await.2, "ftyp", "it is served from the disk");
    server.stop().await;
}
