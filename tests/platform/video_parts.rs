//! What belongs to videos: captions, chapters, ratings, history, passwords, publication to come, statistics; and lists of them.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shoal::domain::{Privacy, Storyboard, Timestamp, VideoId};
use shoal::http::viewers::{Place, ViewerId};
use shoal::jobs::{registry, run_next};
use uuid::Uuid;

use crate::support::videos::{in_an_hour, png};
use crate::support::{Server, eventually, postgres};

const NO_CONTENT: StatusCode = StatusCode::NO_CONTENT;

#[tokio::test]
async fn videos_have_their_parts() {
    let server = Server::start().await;
    everything(&server).await;
    server.stop().await;
}

#[tokio::test]
async fn videos_have_their_parts_on_postgresql() {
    let cluster = postgres::Cluster::start();
    let url = cluster.database("parts");
    let server = Server::start_with(|config| config.database_url = url).await;
    everything(&server).await;
    server.stop().await;
}

#[tokio::test]
async fn a_full_disk_takes_no_captions() {
    let server = Server::start_with(|config| config.live.min_free_disk_bytes = i64::MAX as u64).await;
    let ann = server.user("ann").await;
    let (_, uuid) = server.video(server.channel(&ann).await, "With captions", Privacy::Public).await;
    let files = [("captionfile", "a.vtt", b"WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n".to_vec())];
    let (status, _) = server.send_form(Method::PUT, &format!("/api/v1/videos/{uuid}/captions/en"), Some(&ann), &[], &files).await;
    assert_eq!(status, StatusCode::INSUFFICIENT_STORAGE);
    server.stop().await;
}

/// Somebody with a video, and somebody else.
struct Stage<'a> {
    server: &'a Server,
    ann: String,
    bob: String,
    channel: i64,
}

impl Stage<'_> {
    async fn video(&self, name: &str, privacy: Privacy) -> (VideoId, Uuid) {
        self.server.video(self.channel, name, privacy).await
    }

    async fn call(&self, method: Method, path: &str, token: Option<&str>, body: Option<Value>) -> (StatusCode, Value) {
        self.server.call(method, path, token, body).await
    }

    /// Refused without a login, and to others than the owner.
    async fn is_only_anns(&self, method: Method, path: &str, body: Option<Value>) {
        let (status, problem) = self.call(method.clone(), path, None, body.clone()).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path}: {problem}");
        let (status, problem) = self.call(method.clone(), path, Some(&self.bob), body).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path}: {problem}");
    }
}

async fn everything(server: &Server) {
    let (ann, bob) = (server.user("ann").await, server.user("bob").await);
    let channel = server.channel(&ann).await;
    let stage = Stage { server, ann, bob, channel };
    captions(&stage).await;
    storyboards(&stage).await;
    chapters(&stage).await;
    ratings(&stage).await;
    history(&stage).await;
    passwords(&stage).await;
    publication(&stage).await;
    pictures(&stage).await;
    files(&stage).await;
    statistics(&stage).await;
    lists(&stage).await;
}

async fn files(stage: &Stage<'_>) {
    let (id, uuid) = stage.video("With files", Privacy::Public).await;
    let root = stage.server.root().await;
    let data = stage.server.folder.path();
    let app = &stage.server.running.app;
    let plain: Vec<String> = ["720", "360"].iter().map(|lines| format!("{uuid}-{lines}.mp4")).collect();
    let hls = data.join(format!("streaming-playlists/hls/{uuid}/master.m3u8"));
    let plain_paths: Vec<_> = plain.iter().map(|name| data.join("web-videos").join(name)).collect();
    for path in plain_paths.iter().chain([&hls]) {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, "x").expect("a file");
    }
    let mut tx = app.store.write().await.expect("the store");
    let mut ids = Vec::new();
    for name in &plain {
        let file = shoal::store::NewFile {
            video_id: id,
            playlist_id: None,
            file: name.clone(),
            resolution: 720,
            width: None,
            height: None,
            size_bytes: 1,
            fps: -1,
            has_audio: true,
            has_video: true,
        };
        ids.push(tx.files().add(&file).await.expect("a file"));
    }
    tx.commit().await.expect("committed");
    let delete =
        async |what: &str, token: &str| stage.call(Method::DELETE, &format!("/api/v1/videos/{uuid}/{what}"), Some(token), None).await.0;
    let one = format!("web-videos/{}", ids[0]);
    assert_eq!(delete("hls", &root).await, StatusCode::BAD_REQUEST, "there is none");
    assert_eq!(delete("web-videos", &root).await, StatusCode::BAD_REQUEST, "nothing would be left");
    for what in ["hls", "web-videos", one.as_str()] {
        assert_eq!(delete(what, &stage.ann).await, StatusCode::FORBIDDEN, "{what}: for administrators");
    }
    assert_eq!(delete(&one, &root).await, NO_CONTENT);
    assert_eq!(delete(&one, &root).await, StatusCode::NOT_FOUND);
    eventually("only that file is gone", async || !plain_paths[0].exists()).await;
    assert!(plain_paths[1].exists() && hls.exists());
    let mut tx = app.store.write().await.expect("the store");
    tx.playlists().put(id, "master.m3u8", None).await.expect("a playlist");
    tx.commit().await.expect("committed");
    assert_eq!(delete("hls", &root).await, NO_CONTENT);
    eventually("the playlist is gone", async || !hls.exists()).await;
    assert!(plain_paths[1].exists());
    assert_eq!(delete("web-videos", &root).await, StatusCode::BAD_REQUEST, "the last one");
    let (_, video) = stage.server.get(&format!("/api/v1/videos/{uuid}")).await;
    assert_eq!((video["files"].as_array().map(Vec::len), &video["streamingPlaylists"]), (Some(1), &json!([])));
}

async fn captions(stage: &Stage<'_>) {
    let (_, uuid) = stage.video("With captions", Privacy::Private).await;
    let path = format!("/api/v1/videos/{uuid}/captions");
    let srt = b"1\n00:00:01,000 --> 00:00:02,000\n<script>alert(1)</script>Hello\n".to_vec();
    let put = async |language: &str, token: Option<&str>, bytes: Vec<u8>| {
        let files = [("captionfile", "a.srt", bytes)];
        stage.server.send_form(Method::PUT, &format!("{path}/{language}"), token, &[], &files).await.0
    };
    assert_eq!(put("en", Some(&stage.ann), srt.clone()).await, NO_CONTENT);
    assert_eq!(put("en", None, srt.clone()).await, StatusCode::UNAUTHORIZED);
    assert_eq!(put("en", Some(&stage.bob), srt.clone()).await, StatusCode::FORBIDDEN);
    assert_eq!(put("klingon", Some(&stage.ann), srt.clone()).await, StatusCode::BAD_REQUEST);
    assert_eq!(put("fr", Some(&stage.ann), b"<html></html>".to_vec()).await, StatusCode::BAD_REQUEST);
    assert_eq!(put("fr", Some(&stage.ann), Vec::new()).await, StatusCode::BAD_REQUEST);
    assert_eq!(put("fr", Some(&stage.ann), vec![b'x'; (2 << 20) + 1]).await, StatusCode::PAYLOAD_TOO_LARGE);
    // Little comes, and much would be written.
    let escaped = format!("00:00:01,000 --> 00:00:02,000\n{}\n\n", "&".repeat(4000)).repeat(300).into_bytes();
    assert_eq!(put("fr", Some(&stage.ann), escaped).await, StatusCode::BAD_REQUEST);
    // It counts, and has to fit; what is replaced does not count beside it.
    let used =
        async || stage.call(Method::GET, "/api/v1/users/me/video-quota-used", Some(&stage.ann), None).await.1["videoQuotaUsed"].as_u64();
    let length = "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nalert(1)Hello\n".len() as u64;
    assert_eq!(used().await, Some(length));
    let (_, me) = stage.call(Method::GET, "/api/v1/users/me", Some(&stage.ann), None).await;
    let root = stage.server.root().await;
    let quota = async |bytes: i64| {
        let path = format!("/api/v1/users/{}", me["id"]);
        assert_eq!(stage.call(Method::PUT, &path, Some(&root), Some(json!({ "videoQuota": bytes }))).await.0, NO_CONTENT);
    };
    quota(length as i64).await;
    for token in [&stage.ann, &root] {
        assert_eq!(put("fr", Some(token), srt.clone()).await, StatusCode::PAYLOAD_TOO_LARGE, "whoever brings it");
    }
    assert_eq!(put("en", Some(&stage.ann), srt.clone()).await, NO_CONTENT);
    assert_eq!(used().await, Some(length));
    let folder = stage.server.folder.path().join(format!("captions/{uuid}"));
    assert_eq!(std::fs::read_dir(&folder).expect("the folder").count(), 1, "what was refused or replaced is gone");
    quota(-1).await;

    let list = async |token: &str| stage.call(Method::GET, &path, Some(token), None).await;
    let (_, listed) = list(&stage.ann).await;
    assert_eq!((&listed["total"], &listed["data"][0]["language"]), (&json!(1), &json!({ "id": "en", "label": "English" })));
    assert_eq!(listed["data"][0]["automaticallyGenerated"], false);
    assert_eq!(list(&stage.bob).await.0, StatusCode::FORBIDDEN);
    // The file is as private as its video, and is WebVTT whatever came.
    let file = listed["data"][0]["captionPath"].as_str().expect("a path").to_owned();
    assert_eq!(stage.server.get(&file).await.0, StatusCode::FORBIDDEN);
    let answer = stage.server.http.get(stage.server.url(&file)).bearer_auth(&stage.ann).send().await.expect("an answer");
    assert_eq!(answer.headers()["content-type"], "text/vtt");
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    assert_eq!(answer.text().await.expect("text"), "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nalert(1)Hello\n");
    // Replaced: under a new name, and the old one is gone.
    assert_eq!(put("en", Some(&stage.ann), b"WEBVTT\n\n00:01.000 --> 00:02.000\nBye\n".to_vec()).await, NO_CONTENT);
    assert_eq!(stage.call(Method::GET, &file, Some(&stage.ann), None).await.0, StatusCode::NOT_FOUND);
    stage.is_only_anns(Method::DELETE, &format!("{path}/en"), None).await;
    assert_eq!(stage.call(Method::DELETE, &format!("{path}/en"), Some(&stage.ann), None).await.0, NO_CONTENT);
    assert_eq!(stage.call(Method::DELETE, &format!("{path}/en"), Some(&stage.ann), None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(list(&stage.ann).await.1["total"], 0);
}

async fn storyboards(stage: &Stage<'_>) {
    for privacy in [Privacy::Public, Privacy::Unlisted, Privacy::Private, Privacy::Internal, Privacy::Password] {
        let (id, uuid) = stage.video("With sprites", privacy).await;
        let version = Uuid::new_v4();
        let file = shoal::vod::storyboard_file(&version.to_string());
        let folder = stage.server.folder.path().join(format!("streaming-playlists/hls/{uuid}"));
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join(&file), "sprites").expect("a file");
        std::fs::write(folder.join(format!("{version}-720.m3u8")), "playlist").expect("a file");
        let (total_width, total_height, sprite_width, sprite_height, sprite_duration_s) = (384, 108, 192, 108, 1);
        let board = Storyboard { file: file.clone(), total_width, total_height, sprite_width, sprite_height, sprite_duration_s };
        let mut tx = stage.server.running.app.store.write().await.expect("the store");
        tx.media().put_storyboard(id, Some(&board)).await.expect("a storyboard");
        tx.commit().await.expect("committed");

        let list = format!("/api/v1/videos/{uuid}/storyboards");
        let get = async |path: &str, token: Option<&str>| stage.call(Method::GET, path, token, None).await;
        let told = async |token: &str| {
            let (status, answer) = get(&list, Some(token)).await;
            assert_eq!(status, StatusCode::OK, "{privacy:?}: {answer}");
            let path = answer["storyboards"][0]["storyboardPath"].as_str().expect("a path").to_owned();
            assert_eq!(answer["storyboards"][0]["fileUrl"], stage.server.url(&path));
            path
        };
        let path = told(&stage.ann).await;
        let bare = path.split('?').next().expect("a path").to_owned();
        let is_open = matches!(privacy, Privacy::Public | Privacy::Unlisted);
        assert_eq!((bare.as_str(), path == bare), (format!("/lazy-static/storyboards/{uuid}_{file}").as_str(), is_open));
        // As a page shows it, without saying who asks.
        assert_eq!(get(&path, None).await, (StatusCode::OK, json!("sprites")), "{privacy:?}");
        let status = |may: bool| if may { StatusCode::OK } else { StatusCode::FORBIDDEN };
        assert_eq!(get(&bare, None).await.0, status(is_open), "{privacy:?}: a stranger");
        assert_eq!(get(&bare, Some(&stage.ann)).await.0, StatusCode::OK, "{privacy:?}: its owner");
        let may_bob = is_open || privacy == Privacy::Internal;
        assert_eq!(get(&bare, Some(&stage.bob)).await.0, status(may_bob), "{privacy:?}: somebody with a login");
        if may_bob {
            assert_eq!(get(&told(&stage.bob).await, None).await.0, StatusCode::OK);
        } else {
            assert_eq!(get(&list, Some(&stage.bob)).await.0, StatusCode::FORBIDDEN);
            // What opens one video opens no other.
            let other = stage.video("Bob has no part in it", Privacy::Private).await.1;
            assert_eq!(get(&path.replace(&uuid.to_string(), &other.to_string()), None).await.0, StatusCode::FORBIDDEN);
        }
        // Who knows ids of video and version has not got its name, and gets nothing else by one like it.
        let guess = shoal::vod::storyboard_file(&version.to_string());
        for name in [format!("{version}.jpg"), format!("{version}-storyboard.jpg"), guess, format!("{version}-720.m3u8")] {
            let path = format!("/lazy-static/storyboards/{uuid}_{name}");
            assert_eq!(get(&path, Some(&stage.ann)).await.0, StatusCode::NOT_FOUND, "{path}");
        }
        if privacy == Privacy::Password {
            let set = json!({ "passwords": ["open sesame"] });
            assert_eq!(
                stage.call(Method::PUT, &format!("/api/v1/videos/{uuid}/passwords"), Some(&stage.ann), Some(set)).await.0,
                NO_CONTENT
            );
            let request = stage.server.http.get(stage.server.url(&list)).header("x-peertube-video-password", "open sesame");
            let answer: Value = request.send().await.expect("an answer").json().await.expect("JSON");
            assert_eq!(get(answer["storyboards"][0]["storyboardPath"].as_str().expect("a path"), None).await.0, StatusCode::OK);
        }
    }
}

async fn chapters(stage: &Stage<'_>) {
    let (_, uuid) = stage.video("With chapters", Privacy::Public).await;
    let path = format!("/api/v1/videos/{uuid}/chapters");
    let chapters = json!({ "chapters": [{ "title": "End", "timecode": 30 }, { "title": "Start", "timecode": 0 }] });
    stage.is_only_anns(Method::PUT, &path, Some(chapters.clone())).await;
    assert_eq!(stage.call(Method::PUT, &path, Some(&stage.ann), Some(chapters)).await.0, NO_CONTENT);
    let (_, kept) = stage.server.get(&path).await;
    assert_eq!(kept, json!({ "chapters": [{ "title": "Start", "timecode": 0 }, { "title": "End", "timecode": 30 }] }));
    for wrong in [
        json!({}),
        json!({ "chapters": [{ "title": "", "timecode": 0 }] }),
        json!({ "chapters": [{ "title": "Late", "timecode": 61 }] }),
        json!({ "chapters": [{ "title": "a", "timecode": 1 }, { "title": "b", "timecode": 1 }] }),
        json!({ "chapters": "none" }),
    ] {
        assert_eq!(stage.call(Method::PUT, &path, Some(&stage.ann), Some(wrong.clone())).await.0, StatusCode::BAD_REQUEST, "{wrong}");
    }
    assert_eq!(stage.call(Method::PUT, &path, Some(&stage.ann), Some(json!({ "chapters": [] }))).await.0, NO_CONTENT);
    assert_eq!(stage.server.get(&path).await.1, json!({ "chapters": [] }));
}

async fn ratings(stage: &Stage<'_>) {
    let (_, uuid) = stage.video("Rated", Privacy::Public).await;
    let (_, hidden) = stage.video("Hidden", Privacy::Private).await;
    let rate = async |token: Option<&str>, uuid: Uuid, rating: &str| {
        stage.call(Method::PUT, &format!("/api/v1/videos/{uuid}/rate"), token, Some(json!({ "rating": rating }))).await.0
    };
    let counts = async || {
        let (_, video) = stage.server.get(&format!("/api/v1/videos/{uuid}")).await;
        (video["likes"].as_i64(), video["dislikes"].as_i64())
    };
    for (token, rating, expected) in [
        (&stage.ann, "like", (Some(1), Some(0))),
        (&stage.bob, "like", (Some(2), Some(0))),
        (&stage.bob, "like", (Some(2), Some(0))),
        (&stage.bob, "dislike", (Some(1), Some(1))),
    ] {
        assert_eq!(rate(Some(token.as_str()), uuid, rating).await, NO_CONTENT);
        assert_eq!(counts().await, expected);
    }
    let mine = format!("/api/v1/users/me/videos/{uuid}/rating");
    let (_, rating) = stage.call(Method::GET, &mine, Some(&stage.bob), None).await;
    assert_eq!(rating["rating"], "dislike");
    assert!(rating["videoId"].is_i64());
    let (_, listed) = stage.call(Method::GET, "/api/v1/accounts/bob/ratings?rating=dislike", Some(&stage.bob), None).await;
    assert_eq!((&listed["total"], &listed["data"][0]["video"]["uuid"]), (&json!(1), &json!(uuid)));
    assert_eq!(stage.call(Method::GET, "/api/v1/accounts/bob/ratings?rating=like", Some(&stage.bob), None).await.1["total"], 0);
    assert_eq!(stage.call(Method::GET, "/api/v1/accounts/bob/ratings", Some(&stage.ann), None).await.0, StatusCode::FORBIDDEN);
    // Taken back: whoever rated it does not see it any more.
    let privacy = async |code: i64| {
        let change = Some(json!({ "privacy": code }));
        assert_eq!(stage.call(Method::PUT, &format!("/api/v1/videos/{uuid}"), Some(&stage.ann), change).await.0, NO_CONTENT);
    };
    privacy(3).await;
    let (_, listed) = stage.call(Method::GET, "/api/v1/accounts/bob/ratings", Some(&stage.bob), None).await;
    assert_eq!((&listed["total"], &listed["data"]), (&json!(0), &json!([])));
    let (_, listed) = stage.call(Method::GET, "/api/v1/accounts/ann/ratings", Some(&stage.ann), None).await;
    assert_eq!(listed["data"][0]["video"]["uuid"], json!(uuid), "its owner does");
    privacy(1).await;
    assert_eq!(rate(Some(&stage.bob), uuid, "none").await, NO_CONTENT);
    assert_eq!(stage.call(Method::GET, &mine, Some(&stage.bob), None).await.1["rating"], "none");
    assert_eq!(counts().await, (Some(1), Some(0)));
    assert_eq!(rate(None, uuid, "like").await, StatusCode::UNAUTHORIZED);
    assert_eq!(rate(Some(&stage.bob), hidden, "like").await, StatusCode::FORBIDDEN);
    assert_eq!(rate(Some(&stage.bob), uuid, "love").await, StatusCode::BAD_REQUEST);
    assert_eq!(rate(Some(&stage.bob), Uuid::nil(), "like").await, StatusCode::NOT_FOUND);
}

async fn history(stage: &Stage<'_>) {
    const HISTORY: &str = "/api/v1/users/me/history/videos";
    let (_, one) = stage.video("Watched one", Privacy::Public).await;
    let (two_id, two) = stage.video("Watched two", Privacy::Public).await;
    let watch = async |uuid: Uuid, body: Value| {
        stage.call(Method::POST, &format!("/api/v1/videos/{uuid}/views"), Some(&stage.bob), Some(body)).await.0
    };
    assert_eq!(watch(one, json!({ "currentTime": 5, "sessionId": "s" })).await, NO_CONTENT);
    assert_eq!(watch(two, json!({ "currentTime": 17, "viewEvent": "seek" })).await, NO_CONTENT);
    assert_eq!(watch(two, json!({ "currentTime": 20 })).await, NO_CONTENT);
    for wrong in [json!({}), json!({ "currentTime": -1 }), json!({ "currentTime": "x" }), json!({ "currentTime": 1, "viewEvent": "jump" })]
    {
        assert_eq!(watch(one, wrong.clone()).await, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let (_, details) = stage.call(Method::GET, &format!("/api/v1/videos/{two}"), Some(&stage.bob), None).await;
    assert_eq!(details["userHistory"], json!({ "currentTime": 20 }));
    assert!(stage.server.get(&format!("/api/v1/videos/{two}")).await.1.get("userHistory").is_none());
    let listed = async |query: &str| {
        let (status, list) = stage.call(Method::GET, &format!("{HISTORY}?{query}"), Some(&stage.bob), None).await;
        assert_eq!(status, StatusCode::OK, "{list}");
        list
    };
    let all = listed("").await;
    assert_eq!((&all["total"], all["data"].as_array().map(Vec::len)), (&json!(2), Some(2)));
    assert_eq!(listed("search=TWO").await["data"][0]["userHistory"]["currentTime"], 20);
    assert_eq!(listed("count=1&start=1").await["data"].as_array().map(Vec::len), Some(1));
    // Shown no more once it was taken back.
    let mut tx = stage.server.running.app.store.write().await.expect("the store");
    let mut video = tx.videos().by_id(two_id).await.expect("the store").expect("the video");
    video.privacy = Privacy::Private;
    tx.videos().update(&video).await.expect("updated");
    tx.commit().await.expect("committed");
    assert_eq!(listed("").await["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(stage.call(Method::DELETE, &format!("{HISTORY}/{one}"), Some(&stage.bob), None).await.0, NO_CONTENT);
    assert_eq!(listed("").await["total"], 1);
    let before = json!({ "beforeDate": "2020-01-01T00:00:00.000Z" });
    assert_eq!(stage.call(Method::POST, &format!("{HISTORY}/remove"), Some(&stage.bob), Some(before)).await.0, NO_CONTENT);
    assert_eq!(listed("").await["total"], 1);
    assert_eq!(stage.call(Method::POST, &format!("{HISTORY}/remove"), Some(&stage.bob), None).await.0, NO_CONTENT);
    assert_eq!(listed("").await["total"], 0);
    let wrong = json!({ "beforeDate": "yesterday" });
    assert_eq!(stage.call(Method::POST, &format!("{HISTORY}/remove"), Some(&stage.bob), Some(wrong)).await.0, StatusCode::BAD_REQUEST);
    for (method, path) in
        [(Method::GET, HISTORY.to_owned()), (Method::DELETE, format!("{HISTORY}/{one}")), (Method::POST, format!("{HISTORY}/remove"))]
    {
        assert_eq!(stage.call(method, &path, None, None).await.0, StatusCode::UNAUTHORIZED, "{path}");
    }
}

async fn passwords(stage: &Stage<'_>) {
    let (_, uuid) = stage.video("Locked", Privacy::Public).await;
    let (path, list) = (format!("/api/v1/videos/{uuid}"), format!("/api/v1/videos/{uuid}/passwords"));
    assert_eq!(stage.call(Method::GET, &list, Some(&stage.ann), None).await.0, StatusCode::BAD_REQUEST, "not protected");
    assert_eq!(
        stage.call(Method::PUT, &path, Some(&stage.ann), Some(json!({ "privacy": 5 }))).await.0,
        StatusCode::BAD_REQUEST,
        "no password"
    );
    let lock = json!({ "privacy": 5, "videoPasswords": ["open sesame", "second"] });
    assert_eq!(stage.call(Method::PUT, &path, Some(&stage.ann), Some(lock)).await.0, NO_CONTENT);

    let get = async |path: &str, password: Option<&str>| {
        let mut request = stage.server.http.get(stage.server.url(path));
        if let Some(password) = password {
            request = request.header("x-peertube-video-password", password);
        }
        let response = request.send().await.expect("an answer");
        let status = response.status();
        (status, response.json::<Value>().await.unwrap_or_default())
    };
    for (password, status, code) in [
        (None, StatusCode::FORBIDDEN, Some("video_requires_password")),
        (Some("wrong"), StatusCode::FORBIDDEN, Some("incorrect_video_password")),
        (Some("open sesame"), StatusCode::OK, None),
        (Some("second"), StatusCode::OK, None),
    ] {
        for path in [path.clone(), format!("{path}/description"), format!("{path}/captions"), format!("{path}/chapters")] {
            let (got, answer) = get(&path, password).await;
            assert_eq!((got, answer["code"].as_str()), (status, code), "{path} {password:?}");
        }
    }
    assert_eq!(stage.call(Method::GET, &path, Some(&stage.ann), None).await.0, StatusCode::OK, "its owner needs none");
    assert_eq!(stage.call(Method::GET, &path, Some(&stage.bob), None).await.0, StatusCode::FORBIDDEN);
    assert_eq!(stage.server.get("/api/v1/videos?search=locked").await.1["total"], 0, "it is in no list");

    // A token opens its media, as long as its password is one.
    let media = format!("/static/streaming-playlists/hls/{uuid}/none.mp4");
    assert_eq!(get(&media, None).await.0, StatusCode::FORBIDDEN);
    assert_eq!(get(&media, Some("wrong")).await.0, StatusCode::FORBIDDEN);
    assert_eq!(get(&media, Some("second")).await.0, StatusCode::NOT_FOUND, "let in, though there is nothing");
    let request = stage.server.http.post(stage.server.url(&format!("{path}/token"))).header("x-peertube-video-password", "second");
    let token: Value = request.send().await.expect("an answer").json().await.expect("JSON");
    let expires = token["files"]["expires"].as_str().and_then(Timestamp::parse).expect("a time");
    assert!(expires > in_an_hour());
    let opened = format!("{media}?videoFileToken={}", token["files"]["token"].as_str().expect("a token"));
    assert_eq!(get(&opened, None).await.0, StatusCode::NOT_FOUND);
    let other = stage.video("Other", Privacy::Private).await.1;
    assert_eq!(get(&opened.replace(&uuid.to_string(), &other.to_string()), None).await.0, StatusCode::FORBIDDEN);
    assert_eq!(stage.call(Method::POST, &format!("{path}/token"), None, None).await.0, StatusCode::FORBIDDEN);

    let (_, kept) = stage.call(Method::GET, &list, Some(&stage.ann), None).await;
    assert_eq!((&kept["total"], &kept["data"][1]["password"]), (&json!(2), &json!("second")));
    for (method, path) in
        [(Method::GET, list.clone()), (Method::PUT, list.clone()), (Method::POST, list.clone()), (Method::DELETE, format!("{list}/1"))]
    {
        let body = (method != Method::GET).then(|| json!({ "passwords": ["stolen"], "password": "stolen" }));
        stage.is_only_anns(method, &path, body).await;
    }
    let one = format!("{list}/{}", kept["data"][1]["id"]);
    assert_eq!(stage.call(Method::DELETE, &one, Some(&stage.ann), None).await.0, NO_CONTENT);
    assert_eq!(stage.call(Method::DELETE, &one, Some(&stage.ann), None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(get(&opened, None).await.0, StatusCode::FORBIDDEN, "the token went with its password");
    let last = format!("{list}/{}", kept["data"][0]["id"]);
    assert_eq!(stage.call(Method::DELETE, &last, Some(&stage.ann), None).await.0, StatusCode::FORBIDDEN, "the last one stays");
    assert_eq!(stage.call(Method::POST, &list, Some(&stage.ann), Some(json!({ "password": "third" }))).await.0, NO_CONTENT);
    assert_eq!(stage.call(Method::POST, &list, Some(&stage.ann), Some(json!({ "password": "third" }))).await.0, StatusCode::CONFLICT);
    assert_eq!(stage.call(Method::PUT, &list, Some(&stage.ann), Some(json!({ "passwords": ["x"] }))).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(stage.call(Method::PUT, &list, Some(&stage.ann), Some(json!({ "passwords": ["only"] }))).await.0, NO_CONTENT);
    assert_eq!(get(&path, Some("third")).await.0, StatusCode::FORBIDDEN);
    assert_eq!(get(&path, Some("only")).await.0, StatusCode::OK);
    // Without the lock the passwords are gone.
    assert_eq!(stage.call(Method::PUT, &path, Some(&stage.ann), Some(json!({ "privacy": 2 }))).await.0, NO_CONTENT);
    assert_eq!(get(&path, None).await.0, StatusCode::OK);
    assert_eq!(stage.call(Method::PUT, &path, Some(&stage.ann), Some(json!({ "privacy": 5 }))).await.0, StatusCode::BAD_REQUEST);
    // Whoever is logged in gets a token for themselves.
    let (status, token) = stage.call(Method::POST, &format!("/api/v1/videos/{other}/token"), Some(&stage.ann), None).await;
    assert_eq!(status, StatusCode::OK);
    let media =
        format!("/static/streaming-playlists/hls/{other}/none.mp4?videoFileToken={}", token["files"]["token"].as_str().expect("a token"));
    assert_eq!(get(&media, None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(stage.call(Method::POST, &format!("/api/v1/videos/{other}/token"), Some(&stage.bob), None).await.0, StatusCode::FORBIDDEN);
    assert_eq!(stage.call(Method::POST, &format!("/api/v1/videos/{uuid}/token"), None, None).await.0, StatusCode::UNAUTHORIZED);
}

async fn publication(stage: &Stage<'_>) {
    let (id, uuid) = stage.video("To come", Privacy::Private).await;
    let path = format!("/api/v1/videos/{uuid}");
    let put = async |body: Value| stage.call(Method::PUT, &path, Some(&stage.ann), Some(body)).await.0;
    for wrong in [json!({ "privacy": 1 }), json!({ "updateAt": "soon" }), json!({ "updateAt": "2026-11-23T00:00:00.000Z", "privacy": 3 })] {
        assert_eq!(put(json!({ "scheduleUpdate": wrong.clone() })).await, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let later = in_an_hour().to_string();
    assert_eq!(put(json!({ "scheduleUpdate": { "updateAt": later, "privacy": 2 } })).await, NO_CONTENT);
    let (_, video) = stage.call(Method::GET, &path, Some(&stage.ann), None).await;
    assert_eq!(video["scheduledUpdate"], json!({ "updateAt": later, "privacy": 2 }));
    let (_, mine) = stage.call(Method::GET, "/api/v1/users/me/videos?search=to come", Some(&stage.ann), None).await;
    assert_eq!(mine["data"][0]["scheduledUpdate"]["privacy"], 2);
    // Put off, it is one job; taken back, none.
    let app = &stage.server.running.app;
    let waiting = async || app.store.read().await.expect("the store").jobs().unfinished_of(id).await.expect("the store").len();
    for _ in 0..3 {
        assert_eq!(put(json!({ "scheduleUpdate": { "updateAt": later, "privacy": 2 } })).await, NO_CONTENT);
    }
    assert_eq!(waiting().await, 1);
    assert_eq!(put(json!({ "scheduleUpdate": null })).await, NO_CONTENT);
    assert_eq!(waiting().await, 0);
    assert!(stage.call(Method::GET, &path, Some(&stage.ann), None).await.1.get("scheduledUpdate").is_none());
    let now = Timestamp::now();
    assert_eq!(put(json!({ "scheduleUpdate": { "updateAt": now.to_string() } })).await, NO_CONTENT);
    eventually("it is public", async || {
        // The server's own runner does it as well; whoever comes first.
        run_next(app, &registry()).await.expect("run");
        stage.server.get(&path).await.0 == StatusCode::OK
    })
    .await;
    let mut tx = app.store.read().await.expect("the store");
    let video = tx.videos().by_id(id).await.expect("the store").expect("the video");
    assert!(video.schedule.is_none() && video.published_at >= now);
}

async fn pictures(stage: &Stage<'_>) {
    let (_, uuid) = stage.video("Pictured", Privacy::Public).await;
    let path = format!("/api/v1/videos/{uuid}");
    let put = async |token: Option<&str>, field: &'static str, bytes: Vec<u8>| {
        stage.server.send_form(Method::PUT, &path, token, &[("name", "Renamed".to_owned())], &[(field, "a.png", bytes)]).await.0
    };
    assert_eq!(put(Some(&stage.ann), "thumbnailfile", png(30, 20)).await, NO_CONTENT);
    let (_, first) = stage.server.get(&path).await;
    assert_eq!(first["name"], "Renamed");
    let thumbnail = first["thumbnailPath"].as_str().expect("a path").to_owned();
    assert_eq!(stage.server.get(&thumbnail).await.0, StatusCode::OK);
    assert_eq!(stage.server.get(first["previewPath"].as_str().expect("a path")).await.0, StatusCode::OK);
    assert_eq!(put(Some(&stage.ann), "previewfile", png(90, 20)).await, NO_CONTENT);
    assert_eq!(stage.server.get(&thumbnail).await.0, StatusCode::NOT_FOUND, "replaced");
    for bytes in [b"<svg onload=\"alert(1)\"/>".to_vec(), b"GIF89a".to_vec(), vec![0; 100]] {
        assert_eq!(put(Some(&stage.ann), "thumbnailfile", bytes).await, StatusCode::BAD_REQUEST);
    }
    assert_eq!(put(Some(&stage.ann), "thumbnailfile", vec![0; (4 << 20) + 1]).await, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(put(Some(&stage.bob), "thumbnailfile", png(30, 20)).await, StatusCode::FORBIDDEN);
    assert_eq!(put(None, "thumbnailfile", png(30, 20)).await, StatusCode::UNAUTHORIZED);
}

async fn statistics(stage: &Stage<'_>) {
    let (id, uuid) = stage.video("Measured", Privacy::Public).await;
    let app = &stage.server.running.app;
    let start = Instant::now();
    let place = |position_s: f64| Some(Place { position_s, duration_ms: 60_000, jumped: false });
    for viewer in 0..4 {
        app.viewers.beat_at(uuid, ViewerId(viewer), place(0.0), start);
        app.viewers.beat_at(uuid, ViewerId(viewer), place(if viewer < 2 { 12.0 } else { 5.0 }), start + Duration::from_secs(12));
    }
    let report = json!({ "videoId": uuid, "playerMode": "p2p-media-loader", "downloadedBytesP2P": 300, "downloadedBytesHTTP": 100 });
    assert_eq!(stage.call(Method::POST, "/api/v1/metrics/playback", None, Some(report)).await.0, NO_CONTENT);
    for (wrong, status) in [
        (json!({ "videoId": uuid, "downloadedBytesP2P": -1 }), StatusCode::BAD_REQUEST),
        (json!({ "downloadedBytesP2P": 1 }), StatusCode::BAD_REQUEST),
        (json!({ "videoId": Uuid::nil() }), StatusCode::NOT_FOUND),
    ] {
        assert_eq!(stage.call(Method::POST, "/api/v1/metrics/playback", None, Some(wrong)).await.0, status);
    }
    let path = format!("/api/v1/videos/{uuid}/stats");
    let get = async |what: &str| {
        let (status, answer) = stage.call(Method::GET, &format!("{path}/{what}"), Some(&stage.ann), None).await;
        assert_eq!(status, StatusCode::OK, "{what}: {answer}");
        answer
    };
    // Written every ten seconds.
    eventually("it is written", async || {
        let overall = get("overall").await;
        overall["totalWatchTime"] == 48 && overall["p2pBytes"] == 300 && overall["viewersPeak"] == 4
    })
    .await;
    let overall = get("overall").await;
    assert_eq!((&overall["totalViewers"], &overall["averageWatchTime"]), (&json!(4), &json!(12)));
    assert_eq!((&overall["httpBytes"], &overall["p2pBytes"]), (&json!(100), &json!(300)));
    assert_eq!((&overall["viewersPeak"], overall["viewersPeakDate"].is_string()), (&json!(4), true));
    assert_eq!(overall["countries"], json!([]));
    let sum = |series: &Value| series["data"].as_array().expect("a list").iter().filter_map(|point| point["value"].as_i64()).sum::<i64>();
    let viewers = get("timeseries/viewers").await;
    assert_eq!(viewers["groupInterval"], "10 minutes");
    // Twice, if the clock went from one interval to the next meanwhile.
    assert!([4, 8].contains(&sum(&viewers)), "{viewers}");
    assert_eq!(sum(&get("timeseries/aggregateWatchTime").await), 48);
    assert_eq!(get("overall?endDate=2020-01-01T00:00:00.000Z").await["totalViewers"], 0);
    let retention = get("retention").await;
    assert_eq!(retention["data"][0], json!({ "second": 0, "retentionPercent": 100.0 }));
    assert_eq!(
        retention["data"].as_array().expect("a list").iter().find(|point| point["second"] == 10).expect("second 10")["retentionPercent"],
        50.0
    );
    for what in ["overall", "timeseries/viewers", "retention"] {
        stage.is_only_anns(Method::GET, &format!("{path}/{what}"), None).await;
    }
    for wrong in ["timeseries/likes", "overall?startDate=yesterday"] {
        assert_eq!(stage.call(Method::GET, &format!("{path}/{wrong}"), Some(&stage.ann), None).await.0, StatusCode::BAD_REQUEST, "{wrong}");
    }
    eventually("four views are counted", async || {
        let mut tx = app.store.read().await.expect("the store");
        tx.videos().by_id(id).await.expect("the store").expect("the video").views == 4
    })
    .await;
    let (_, trending) = stage.server.get("/api/v1/videos?sort=-trending&count=1").await;
    assert_eq!(trending["data"][0]["uuid"], json!(uuid));
}

async fn lists(stage: &Stage<'_>) {
    // Names nobody else has.
    let mut uuids = Vec::new();
    for (name, privacy) in [
        ("Zebra Äpfel", Privacy::Public),
        ("Zebra birds", Privacy::Internal),
        ("Zebra cats", Privacy::Private),
        ("Zebra dogs", Privacy::Unlisted),
    ] {
        let (id, uuid) = stage.video(name, privacy).await;
        let mut tx = stage.server.running.app.store.write().await.expect("the store");
        tx.videos()
            .set_tags(id, &["animal".to_owned(), name.split(' ').next_back().expect("a word").to_lowercase()])
            .await
            .expect("tagged");
        tx.commit().await.expect("committed");
        uuids.push(uuid);
    }
    let names = async |query: &str, token: Option<&str>| {
        let (status, list) = stage.call(Method::GET, &format!("/api/v1/videos?search=zebra&sort=name&{query}"), token, None).await;
        assert_eq!(status, StatusCode::OK, "{query}: {list}");
        let names: Vec<_> =
            list["data"].as_array().expect("a list").iter().map(|video| video["name"].as_str().expect("text")[6..].to_owned()).collect();
        (list["total"].as_i64().expect("a number"), names.join(","))
    };
    let root = stage.server.root().await;
    assert_eq!(names("", None).await, (1, "Äpfel".into()));
    assert_eq!(names("", Some(&stage.bob)).await, (2, "birds,Äpfel".into()), "internal ones for users");
    assert_eq!(names("privacyOneOf=3&privacyOneOf=4", Some(&root)).await, (2, "birds,cats".into()));
    for query in ["privacyOneOf=3", "include=1", "stateOneOf=1"] {
        let path = format!("/api/v1/videos?{query}");
        assert_eq!(stage.call(Method::GET, &path, Some(&stage.bob), None).await.0, StatusCode::UNAUTHORIZED, "{query}");
    }
    assert_eq!(names("tagsOneOf=birds&tagsOneOf=none", Some(&stage.bob)).await.1, "birds");
    assert_eq!(names("tagsAllOf=animal&tagsAllOf=BIRDS", Some(&stage.bob)).await.1, "birds");
    assert_eq!(names("tagsAllOf=animal&tagsAllOf=none", Some(&stage.bob)).await.0, 0);
    assert_eq!(names("hasHLSFiles=true", None).await.0, 0);
    assert_eq!(names("hasHLSFiles=false&hasWebVideoFiles=false", None).await.0, 1);
    assert_eq!(names("languageOneOf=_unknown", None).await.0, 1);
    assert_eq!(names("languageOneOf=en", None).await.0, 0);
    assert_eq!(names("isLive=true", None).await.0, 0);
    assert_eq!(names("host=elsewhere.example", None).await.0, 0);
    assert_eq!(names("durationMin=60&durationMax=60", None).await.0, 1);
    assert_eq!(names("startDate=2999-01-01T00:00:00.000Z", None).await.0, 0);
    assert_eq!(names("channelNameOneOf=ann_channel", None).await.0, 1);
    assert_eq!(names("channelNameOneOf=bob_channel", None).await.0, 0);
    assert_eq!(names("skipCount=true", Some(&stage.bob)).await, (2, "birds,Äpfel".into()));
    assert_eq!(names("count=1&start=1", Some(&stage.bob)).await, (2, "Äpfel".into()));
    // Titles and tags are found in any case, and anew when they change.
    let total = async |search: &str| stage.server.get(&format!("/api/v1/videos?search={search}")).await.1["total"].clone();
    assert_eq!((total("ZEBRA ÄPF").await, total("äpfel").await), (json!(1), json!(1)));
    let path = format!("/api/v1/videos/{}", uuids[0]);
    let change = json!({ "name": "Okapi", "tags": ["giraffe"] });
    assert_eq!(stage.call(Method::PUT, &path, Some(&stage.ann), Some(change)).await.0, NO_CONTENT);
    assert_eq!((total("zebra").await, total("okapi").await, total("iraff").await), (json!(0), json!(1), json!(1)));
    // What was watched can be left out.
    let view = json!({ "currentTime": 1 });
    assert_eq!(stage.call(Method::POST, &format!("{path}/views"), Some(&stage.bob), Some(view)).await.0, NO_CONTENT);
    assert_eq!(stage.call(Method::GET, "/api/v1/users/me/history/videos", Some(&stage.bob), None).await.1["total"], 1, "and settled");
    let rest = stage.call(Method::GET, "/api/v1/videos?search=okapi&excludeAlreadyWatched=true", Some(&stage.bob), None).await.1;
    assert_eq!(rest["total"], 0);
    // One's own are all there, narrowed as well.
    let mine = async |query: &str| {
        stage.call(Method::GET, &format!("/api/v1/users/me/videos?{query}"), Some(&stage.ann), None).await.1["total"].clone()
    };
    assert_eq!((mine("search=zebra").await, mine("search=zebra&privacyOneOf=3").await), (json!(3), json!(1)));
    for sort in [
        "-publishedAt",
        "publishedAt",
        "-createdAt",
        "-updatedAt",
        "-originallyPublishedAt",
        "name",
        "-duration",
        "-views",
        "-likes",
        "-trending",
        "-hot",
        "-best",
    ] {
        assert_eq!(stage.server.get(&format!("/api/v1/videos?sort={sort}")).await.0, StatusCode::OK, "{sort}");
    }
    for wrong in ["stateOneOf=99", "privacyOneOf=9", "hasHLSFiles=maybe", "startDate=soon", "skipCount=2", "excludeAlreadyWatched=true"] {
        let status = stage.server.get(&format!("/api/v1/videos?{wrong}")).await.0;
        assert!(status == StatusCode::BAD_REQUEST || status == StatusCode::UNAUTHORIZED, "{wrong}: {status}");
    }
    // A deleted video is found no more.
    assert_eq!(stage.call(Method::DELETE, &path, Some(&stage.ann), None).await.0, NO_CONTENT);
    assert_eq!(total("okapi").await, json!(0));
}
