//! Answers have PeerTube's shape (captured from 6.3), and refusals are refusals.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Server, assert_shape, eventually, fixture, postgres};

#[tokio::test]
async fn answers_have_peertubes_shape() {
    let server = Server::start().await;
    shapes(&server).await;
    server.stop().await;
}

#[tokio::test]
async fn answers_have_peertubes_shape_on_postgresql() {
    let cluster = postgres::Cluster::start();
    let url = cluster.database("shapes");
    let server = Server::start_with(|config| config.database_url = url).await;
    shapes(&server).await;
    server.stop().await;
}

async fn shapes(server: &Server) {
    let token = server.root().await;
    let get = async |path: &str| {
        let (status, answer) = server.call(Method::GET, path, Some(&token), None).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        answer
    };
    let uuid = server
        .create_live(&token, json!({ "description": "Live *test*", "tags": ["live", "test"], "category": 15, "language": "en" }))
        .await;
    let compare = |name: &str, answer: &Value| assert_shape(&fixture(name), answer, name);

    compare("api-oauth-clients-local.json", &get("/api/v1/oauth-clients/local").await);
    compare("api-users-me.json", &get("/api/v1/users/me").await);
    compare("api-video-default-waiting.json", &get(&format!("/api/v1/videos/{uuid}")).await);
    compare("api-videos-live-small.json", &get(&format!("/api/v1/videos/live/{uuid}")).await);
    compare("api-live-sessions.json", &get(&format!("/api/v1/videos/live/{uuid}/sessions")).await);
    compare("api-videos.json", &get("/api/v1/videos?include=1").await);
    compare("api-my-videos.json", &get("/api/v1/users/me/videos").await);
    compare("api-accounts.json", &get("/api/v1/accounts/root").await);
    compare("api-channels.json", &get("/api/v1/video-channels").await);
    compare("api-channel.json", &get("/api/v1/video-channels/root_channel").await);
    compare("api-config.json", &get("/api/v1/config").await);
    compare("api-config-about.json", &json!({ "instance": get("/api/v1/config/about").await["instance"] }));
    assert_eq!(get("/api/v1/videos/categories").await, fixture("api-categories.json"));

    let waiting = get(&format!("/api/v1/videos/{uuid}")).await;
    assert_eq!(waiting["state"], json!({ "id": 4, "label": "Waiting for livestream" }));
    assert_eq!(waiting["streamingPlaylists"], json!([]));
    assert_eq!(waiting["tags"], json!(["live", "test"]));
    assert_eq!(waiting["category"], json!({ "id": 15, "label": "Science & Technology" }));
    assert_eq!(waiting["licence"], json!({ "id": null, "label": "Unknown" }));
    // All three names of a video lead to it.
    for id in [waiting["id"].to_string(), waiting["shortUUID"].as_str().expect("text").to_owned()] {
        assert_eq!(get(&format!("/api/v1/videos/{id}")).await["uuid"], uuid.as_str());
    }

    // A live that runs: what the live room does to the rows.
    let app = &server.running.app;
    let id = shoal::domain::VideoId(waiting["id"].as_i64().expect("a number"));
    let mut tx = app.store.write().await.expect("the store");
    tx.videos().went_live(id, shoal::domain::Timestamp::now(), Some(16.0 / 9.0)).await.expect("went live");
    let playlist = tx.playlists().put(id, "master.m3u8", Some("segments-sha256.json")).await.expect("a playlist");
    let session = tx.sessions().start(id, shoal::domain::Timestamp::now(), true).await.expect("a session");
    tx.commit().await.expect("committed");
    let live = get(&format!("/api/v1/videos/{uuid}")).await;
    compare("api-video-small-live.json", &live);
    assert_eq!(live["state"]["id"], 1);
    assert_eq!(live["aspectRatio"], 1.7778);
    let url = format!("{}/static/streaming-playlists/hls/{uuid}/master.m3u8", server.base);
    assert_eq!(live["streamingPlaylists"][0]["playlistUrl"], url.as_str());
    let (_, now) = server.get("/api/v1/videos?isLive=true&sort=-publishedAt").await;
    assert_eq!((&now["total"], &now["data"][0]["uuid"]), (&json!(1), &json!(uuid)), "public while it runs");

    // A replay with a file to download.
    let mut tx = app.store.write().await.expect("the store");
    tx.files()
        .add(&shoal::store::NewFile {
            video_id: id,
            playlist_id: Some(playlist),
            file: "replay.mp4".into(),
            resolution: 720,
            width: Some(1280),
            height: Some(720),
            size_bytes: 1000,
            fps: 30,
            has_audio: true,
            has_video: true,
        })
        .await
        .expect("a file");
    let mut video = tx.videos().by_id(id).await.expect("the store").expect("the video");
    video.is_live = false;
    video.duration_ms = 12_345;
    tx.videos().update(&video).await.expect("updated");
    tx.sessions().end(session, shoal::domain::Timestamp::now(), None).await.expect("ended");
    tx.sessions().processed(session, Some(id)).await.expect("processed");
    tx.commit().await.expect("committed");
    let mut vod = fixture("api-video-vod.json");
    vod["files"] = json!([]);
    let replay = get(&format!("/api/v1/videos/{uuid}")).await;
    assert_shape(&vod, &replay, "vod");
    assert_eq!(replay["duration"], 12);
    assert_eq!(replay["streamingPlaylists"][0]["files"][0]["resolution"], json!({ "id": 720, "label": "720p" }));
    let sessions = get(&format!("/api/v1/videos/live/{uuid}/sessions")).await;
    compare("api-live-sessions.json", &sessions);
    assert_eq!(sessions["data"][0]["replayVideo"]["uuid"], uuid.as_str());
    assert_eq!(get(&format!("/api/v1/videos/{uuid}/live-session")).await["replayVideo"]["uuid"], uuid.as_str());

    compare("api-error-401.json", &server.call(Method::GET, "/api/v1/users/me", Some("nonsense"), None).await.1);
    let (status, missing) = server.get("/api/v1/videos/00000000-0000-4000-8000-000000000000").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(missing["detail"], fixture("api-error-404.json")["detail"]);
}

#[tokio::test]
async fn lives_are_made_from_every_kind_of_body() {
    let server = Server::start().await;
    let token = server.root().await;
    let form = reqwest::multipart::Form::new()
        .text("channelId", "1")
        .text("name", "By multipart")
        .text("privacy", "2")
        .text("permanentLive", "true")
        .text("saveReplay", "true")
        .text("replaySettings[privacy]", "3")
        .text("latencyMode", "3")
        .text("tags[0]", "one")
        .text("tags[1]", "two")
        .text("description", "null")
        .part("thumbnailfile", reqwest::multipart::Part::bytes(vec![0; 100_000]).file_name("a.jpg"));
    let response = server.http.post(server.url("/api/v1/videos/live")).bearer_auth(&token).multipart(form).send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    let created: Value = response.json().await.expect("JSON");
    let path = format!("/api/v1/videos/live/{}", created["video"]["shortUUID"].as_str().expect("text"));
    let (_, live) = server.call(Method::GET, &path, Some(&token), None).await;
    assert_eq!(live["permanentLive"], true);
    assert_eq!(live["saveReplay"], true);
    assert_eq!(live["replaySettings"]["privacy"]["id"], 3);
    assert_eq!(live["latencyMode"], 3);
    assert!(live["rtmpUrl"].as_str().expect("text").ends_with("/live"));
    let (_, video) = server.call(Method::GET, &path.replace("/live/", "/"), Some(&token), None).await;
    assert_eq!((&video["privacy"]["id"], &video["tags"], &video["description"]), (&json!(2), &json!(["one", "two"]), &Value::Null));

    // Changes by JSON and by form.
    let (status, _) = server.call(Method::PUT, &path, Some(&token), Some(json!({ "saveReplay": false, "latencyMode": 2 }))).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let response =
        server.http.put(server.url(&path)).bearer_auth(&token).form(&[("permanentLive", "false")]).send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    let (_, live) = server.call(Method::GET, &path, Some(&token), None).await;
    assert_eq!((&live["permanentLive"], &live["saveReplay"], &live["latencyMode"]), (&json!(false), &json!(false), &json!(2)));
    assert!(live.get("replaySettings").is_none());
    server.stop().await;
}

#[tokio::test]
async fn bad_requests_are_refused_by_the_field() {
    let server = Server::start().await;
    let token = server.root().await;
    let long = "x".repeat(10_001);
    for (body, field) in [
        (json!({ "name": "No channel" }), "channelId"),
        (json!({ "channelId": 1 }), "name"),
        (json!({ "channelId": 1, "name": "ab" }), "name"),
        (json!({ "channelId": "one", "name": "A live" }), "channelId"),
        (json!({ "channelId": 1, "name": "A live", "privacy": 99 }), "privacy"),
        (json!({ "channelId": 1, "name": "A live", "latencyMode": 4 }), "latencyMode"),
        (json!({ "channelId": 1, "name": "A live", "category": 1000 }), "category"),
        (json!({ "channelId": 1, "name": "A live", "saveReplay": "perhaps" }), "saveReplay"),
        (json!({ "channelId": 1, "name": "A live", "tags": ["x"] }), "tags"),
        (json!({ "channelId": 1, "name": "A live", "description": long }), "description"),
    ] {
        let (status, problem) = server.call(Method::POST, "/api/v1/videos/live", Some(&token), Some(body)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{field}: {problem}");
        assert!(problem["invalid-params"].get(field).is_some(), "{field}: {problem}");
    }
    let (_, mine) = server.call(Method::GET, "/api/v1/users/me/videos", Some(&token), None).await;
    assert_eq!(mine["total"], 0, "nothing was made by halves");
    for path in [
        "/api/v1/videos?count=101",
        "/api/v1/videos?start=-1",
        "/api/v1/videos?sort=random",
        "/api/v1/videos?categoryOneOf=x",
        "/api/v1/videos/nonsense",
    ] {
        assert_eq!(server.get(path).await.0, StatusCode::BAD_REQUEST, "{path}");
    }
    let body = "{".repeat(10_000);
    let response = server.http.post(server.url("/api/v1/videos/live")).bearer_auth(&token).body(body).send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let huge = vec![b'x'; 10 << 20];
    let answer = server.http.post(server.url("/api/v1/videos/live")).bearer_auth(&token).body(huge).send().await;
    // The server may hang up before it has read everything.
    assert!(answer.is_err() || answer.is_ok_and(|response| response.status() == StatusCode::PAYLOAD_TOO_LARGE));
    assert_eq!(server.get("/api/v1/nothing").await.0, StatusCode::NOT_FOUND);
    server.stop().await;
}

#[tokio::test]
async fn only_owners_and_moderators_manage() {
    let server = Server::start().await;
    let (root, ann, bob) = (server.root().await, server.user("ann").await, server.user("bob").await);
    let uuid = server.create_live(&ann, json!({})).await;
    let live = format!("/api/v1/videos/live/{uuid}");
    let video = format!("/api/v1/videos/{uuid}");

    for (method, path) in [
        (Method::PUT, live.clone()),
        (Method::PUT, video.clone()),
        (Method::DELETE, video.clone()),
        (Method::GET, format!("{live}/sessions")),
        (Method::POST, format!("/api/shoal/v1/videos/{uuid}/end")),
        (Method::POST, format!("/api/shoal/v1/videos/{uuid}/stream-key")),
    ] {
        let body = (method == Method::PUT).then(|| json!({ "name": "Mine now", "saveReplay": true }));
        let (status, problem) = server.call(method.clone(), &path, None, body.clone()).await;
        assert_eq!((status, &problem["code"]), (StatusCode::UNAUTHORIZED, &json!("unauthorized_request")), "{method} {path}");
        let (status, _) = server.call(method.clone(), &path, Some(&bob), body).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path}");
    }
    // The key is shown to its owner and to moderators.
    let (_, own) = server.call(Method::GET, &live, Some(&ann), None).await;
    let (_, moderated) = server.call(Method::GET, &live, Some(&root), None).await;
    assert!(own["streamKey"].is_string());
    assert_eq!(own["streamKey"], moderated["streamKey"]);
    for token in [None, Some(bob.as_str())] {
        let (status, other) = server.call(Method::GET, &live, token, None).await;
        assert_eq!(status, StatusCode::OK);
        assert!(other.get("streamKey").is_none() && other.get("rtmpUrl").is_none(), "{other}");
    }
    // A new key replaces the old one.
    let (status, rotated) = server.call(Method::POST, &format!("/api/shoal/v1/videos/{uuid}/stream-key"), Some(&ann), None).await;
    assert_eq!(status, StatusCode::OK);
    assert_ne!(rotated["streamKey"], own["streamKey"]);
    assert_eq!(server.call(Method::GET, &live, Some(&ann), None).await.1["streamKey"], rotated["streamKey"]);
    // Nobody publishes: there is nothing to end.
    let (status, problem) = server.call(Method::POST, &format!("/api/shoal/v1/videos/{uuid}/end"), Some(&ann), None).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("live_not_running")));
    // Into somebody else's channel.
    let (status, _) = server.call(Method::POST, "/api/v1/videos/live", Some(&bob), Some(json!({ "channelId": 1, "name": "A live" }))).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    // Unpublished things of others are for moderators.
    assert_eq!(server.call(Method::GET, "/api/v1/videos?include=1", Some(&bob), None).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(server.call(Method::GET, "/api/v1/videos?include=1", Some(&root), None).await.1["total"], 1);

    let (status, _) =
        server.call(Method::PUT, &video, Some(&ann), Some(json!({ "name": "New name", "tags": ["new"], "nsfw": true }))).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (_, changed) = server.get(&video).await;
    assert_eq!((&changed["name"], &changed["tags"], &changed["nsfw"]), (&json!("New name"), &json!(["new"]), &json!(true)));
    assert_eq!(server.call(Method::DELETE, &video, Some(&root), None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(server.get(&video).await.0, StatusCode::NOT_FOUND);
    assert_eq!(server.call(Method::DELETE, &video, Some(&ann), None).await.0, StatusCode::NOT_FOUND);
    server.stop().await;
}

#[tokio::test]
async fn privacy_is_kept() {
    let server = Server::start().await;
    let (ann, bob) = (server.user("ann").await, server.user("bob").await);
    // privacy: who may fetch it (nobody in particular, another user, its owner)
    for (privacy, expected) in [(1, [200, 200, 200]), (2, [200, 200, 200]), (3, [401, 403, 200]), (4, [401, 200, 200])] {
        let uuid = server.create_live(&ann, json!({ "privacy": privacy })).await;
        for (token, expected) in [None, Some(bob.as_str()), Some(ann.as_str())].into_iter().zip(expected) {
            for path in
                [format!("/api/v1/videos/{uuid}"), format!("/api/v1/videos/live/{uuid}"), format!("/api/shoal/v1/videos/{uuid}/live")]
            {
                let (status, _) = server.call(Method::GET, &path, token, None).await;
                assert_eq!(status.as_u16(), expected, "privacy {privacy} {path}");
            }
        }
        let (_, details) = server.call(Method::GET, &format!("/api/v1/videos/{uuid}"), Some(&ann), None).await;
        let by_row = server.get(&format!("/api/v1/videos/{}", details["id"])).await.0.as_u16();
        let by_row_expected = if privacy == 2 { 404 } else { expected[0] };
        assert_eq!(by_row, by_row_expected, "row ids can be counted through: privacy {privacy}");
        let page = server.http.get(server.url(&format!("/videos/embed/{uuid}"))).send().await.expect("an answer");
        assert_eq!(page.status().as_u16(), if expected[0] == 200 { 200 } else { 404 });
        let page = server.http.get(server.url(&format!("/w/{uuid}"))).send().await.expect("an answer").text().await.expect("text");
        assert_eq!(page.contains("A live"), expected[0] == 200 && page.contains("og:title"), "privacy {privacy}");
    }
    server.stop().await;
}

#[tokio::test]
async fn lists_are_filtered_sorted_and_paged() {
    let server = Server::start().await;
    let token = server.root().await;
    let app = &server.running.app;
    for (name, category) in [("Alpha 100%", 1), ("beta", 2), ("Gamma under_score", 2)] {
        let uuid = server.create_live(&token, json!({ "name": name, "category": category, "tags": [name.split(' ').next()] })).await;
        let mut tx = app.store.write().await.expect("the store");
        let video = tx.videos().by_uuid(uuid.parse().expect("a uuid")).await.expect("the store").expect("the video");
        tx.videos().set_state(video.id, shoal::domain::VideoState::Published).await.expect("published");
        tx.commit().await.expect("committed");
    }
    let names = async |query: &str| {
        let (status, list) = server.get(&format!("/api/v1/videos?{query}")).await;
        assert_eq!(status, StatusCode::OK, "{query}: {list}");
        let names: Vec<_> =
            list["data"].as_array().expect("a list").iter().map(|video| video["name"].as_str().expect("text").to_owned()).collect();
        (list["total"].as_i64().expect("a number"), names.join(","))
    };
    assert_eq!(names("sort=name").await, (3, "Alpha 100%,beta,Gamma under_score".into()));
    assert_eq!(names("sort=-name&count=1&start=1").await, (3, "beta".into()));
    assert_eq!(names("count=0").await, (3, String::new()));
    assert_eq!(names("categoryOneOf=2&sort=name").await, (2, "beta,Gamma under_score".into()));
    assert_eq!(names("categoryOneOf[]=1&categoryOneOf[]=2").await.0, 3);
    assert_eq!(names("tagsOneOf=BETA").await, (1, "beta".into()));
    assert_eq!(names("isLive=false").await.0, 0);
    assert_eq!(names("isLocal=true").await.0, 3);
    assert_eq!(names("nsfw=true").await.0, 0);
    assert_eq!(names("search=ALPHA").await, (1, "Alpha 100%".into()));
    assert_eq!(names("search=0%25").await.0, 1, "wildcards are plain characters");
    assert_eq!(names("search=r_s").await.0, 1, "wildcards are plain characters");
    assert_eq!(names("search=a&sort=-name&count=1&start=1").await, (3, "beta".into()));
    assert_eq!(names("search=eta&start=5").await, (1, String::new()), "all that was found is skipped");
    assert_eq!(names("search=be&count=0").await, (1, String::new()));
    assert_eq!(names("sort=-updatedAt").await.1, "Gamma under_score,beta,Alpha 100%");
    assert_eq!(names("search=';DROP TABLE videos;--").await.0, 0);
    assert_eq!(server.get("/api/v1/video-channels/root_channel/videos").await.1["total"], 3);
    assert_eq!(server.get("/api/v1/accounts/root/videos").await.1["total"], 3);
    assert_eq!(server.get("/api/v1/accounts/nobody/videos").await.0, StatusCode::NOT_FOUND);
    server.stop().await;
}

#[tokio::test]
async fn a_running_live_keeps_its_settings() {
    let server = Server::start().await;
    let token = server.root().await;
    let uuid = server.create_live(&token, json!({})).await;
    let mut tx = server.running.app.store.write().await.expect("the store");
    let video = tx.videos().by_uuid(uuid.parse().expect("a uuid")).await.expect("the store").expect("the video");
    tx.videos().went_live(video.id, shoal::domain::Timestamp::now(), None).await.expect("went live");
    tx.commit().await.expect("committed");
    let (status, _) =
        server.call(Method::PUT, &format!("/api/v1/videos/live/{uuid}"), Some(&token), Some(json!({ "saveReplay": true }))).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let path = format!("/api/v1/videos/{uuid}");
    assert_eq!(server.call(Method::PUT, &path, Some(&token), Some(json!({ "privacy": 3 }))).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(server.call(Method::PUT, &path, Some(&token), Some(json!({ "name": "Other name" }))).await.0, StatusCode::NO_CONTENT);
    server.stop().await;
}

#[tokio::test]
async fn a_user_has_so_many_lives() {
    let server = Server::start_with(|config| config.live.max_user_lives = 1).await;
    let token = server.user("ann").await;
    let uuid = server.create_live(&token, json!({})).await;
    let (_, me) = server.call(Method::GET, "/api/v1/users/me", Some(&token), None).await;
    let body = json!({ "channelId": me["videoChannels"][0]["id"], "name": "Another" });
    let (status, problem) = server.call(Method::POST, "/api/v1/videos/live", Some(&token), Some(body)).await;
    assert_eq!((status, &problem["code"]), (StatusCode::FORBIDDEN, &json!("max_user_lives_limit_reached")));
    assert_eq!(server.call(Method::DELETE, &format!("/api/v1/videos/{uuid}"), Some(&token), None).await.0, StatusCode::NO_CONTENT);
    server.create_live(&token, json!({})).await;
    server.stop().await;
}

#[tokio::test]
async fn a_deleted_video_leaves_nothing_on_disk() {
    let server = Server::start().await;
    let token = server.root().await;
    let uuid = server.create_live(&token, json!({})).await;
    let folder = server.folder.path();
    let files = [
        folder.join(format!("streaming-playlists/hls/{uuid}/replay.mp4")),
        folder.join("thumbnails/one.jpg"),
        folder.join("previews/two.jpg"),
    ];
    for file in &files {
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        std::fs::write(file, "x").expect("a file");
    }
    let mut tx = server.running.app.store.write().await.expect("the store");
    let video = tx.videos().by_uuid(uuid.parse().expect("a uuid")).await.expect("the store").expect("the video");
    tx.videos().set_pictures(video.id, "one.jpg", "two.jpg").await.expect("set");
    tx.commit().await.expect("committed");
    assert_eq!(server.call(Method::DELETE, &format!("/api/v1/videos/{uuid}"), Some(&token), None).await.0, StatusCode::NO_CONTENT);
    eventually("the files are gone", async || files.iter().all(|file| !file.exists())).await;
    server.stop().await;
}

#[tokio::test]
async fn a_user_may_not_want_to_share() {
    let server = Server::start().await;
    wishes(&server).await;
    server.stop().await;
}

#[tokio::test]
async fn a_user_may_not_want_to_share_on_postgresql() {
    let cluster = postgres::Cluster::start();
    let url = cluster.database("wishes");
    let server = Server::start_with(|config| config.database_url = url).await;
    wishes(&server).await;
    server.stop().await;
}

async fn wishes(server: &Server) {
    const ME: &str = "/api/v1/users/me";
    let (ann, bob) = (server.user("ann").await, server.user("bob").await);
    let shares = async |token: &str| server.call(Method::GET, ME, Some(token), None).await.1["p2pEnabled"].clone();
    let put = async |token: Option<&str>, fields: Value| server.call(Method::PUT, ME, token, Some(fields)).await;
    assert_eq!((shares(&ann).await, shares(&bob).await), (json!(true), json!(true)));
    assert_eq!(put(Some(&ann), json!({ "p2pEnabled": false })).await.0, StatusCode::NO_CONTENT);
    assert_eq!((shares(&ann).await, shares(&bob).await), (json!(false), json!(true)), "each has their own");
    // As PeerTube's pages send it, with settings that mean nothing here.
    assert_eq!(put(Some(&ann), json!({ "nsfwPolicy": "blur", "videoLanguages": null })).await.0, StatusCode::NO_CONTENT);
    assert_eq!(shares(&ann).await, json!(false), "what is not named stays");
    for wrong in [json!("maybe"), json!(2), json!(["x"]), json!("")] {
        let (status, problem) = put(Some(&ann), json!({ "p2pEnabled": wrong })).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{wrong}: {problem}");
    }
    assert_eq!(put(Some(&ann), json!({ "p2pEnabled": true, "password": "something else" })).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(shares(&ann).await, json!(false), "all or nothing");
    assert_eq!(put(None, json!({ "p2pEnabled": true })).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(put(Some(&ann), json!({ "p2pEnabled": true })).await.0, StatusCode::NO_CONTENT);
    assert_eq!(shares(&ann).await, json!(true));
}

#[tokio::test]
async fn channels_share_one_namespace_with_accounts() {
    let server = Server::start().await;
    let token = server.root().await;
    let create = async |name: &str| {
        let body = json!({ "name": name, "displayName": "A channel" });
        server.call(Method::POST, "/api/v1/video-channels", Some(&token), Some(body)).await
    };
    let (status, created) = create("second").await;
    assert_eq!(status, StatusCode::OK, "{created}");
    assert!(created["videoChannel"]["id"].is_i64());
    assert_eq!(create("second").await.0, StatusCode::CONFLICT);
    assert_eq!(create("root").await.0, StatusCode::CONFLICT, "an account's name");
    assert_eq!(create("No Spaces").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(server.get("/api/v1/accounts/root/video-channels").await.1["total"], 2);
    let handle = format!("/api/v1/video-channels/second@{}", server.base.trim_start_matches("http://"));
    assert_eq!(server.get(&handle).await.0, StatusCode::OK, "with this server's own host");
    assert_eq!(server.get("/api/v1/video-channels/second@elsewhere.example").await.0, StatusCode::NOT_FOUND);
    server.stop().await;
}

#[tokio::test]
async fn every_origin_may_use_the_api() {
    let server = Server::start().await;
    let preflight = server
        .http
        .request(Method::OPTIONS, server.url("/api/v1/videos"))
        .header("origin", "https://elsewhere.example")
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "authorization")
        .send()
        .await
        .expect("an answer");
    assert_eq!(preflight.headers()["access-control-allow-origin"], "*");
    assert!(preflight.headers()["access-control-allow-headers"].to_str().expect("text").contains("authorization"));
    let answer =
        server.http.get(server.url("/api/v1/videos")).header("origin", "https://elsewhere.example").send().await.expect("an answer");
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    server.stop().await;
}

#[tokio::test]
async fn the_committed_description_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/web/packages/api-client/openapi.json");
    let committed = std::fs::read_to_string(path).expect("web/packages/api-client/openapi.json");
    assert_eq!(
        committed.trim(),
        shoal::http::openapi::document_json().trim(),
        "`shoal openapi > web/packages/api-client/openapi.json` brings it up to date"
    );
    let server = Server::start().await;
    let (_, served) = server.get("/api/v1/openapi.json").await;
    assert_eq!(served, serde_json::from_str::<Value>(&committed).expect("JSON"));
    for (path, operations) in served["paths"].as_object().expect("paths") {
        assert!(path.starts_with("/api/"), "{path}");
        let bodies = operations.as_object().expect("operations").values().filter_map(|operation| operation.pointer("/requestBody/content"));
        for kind in bodies.flat_map(|kinds| kinds.as_object().expect("kinds").values()) {
            assert_ne!(kind["schema"], json!({ "type": "object" }), "{path}: its fields are described");
        }
    }
    server.stop().await;
}
