//! Imports: files that are fetched from elsewhere, and addresses that are not.

use axum::Router;
use axum::body::Body;
use axum::http::StatusCode as Answer;
use axum::response::{IntoResponse as _, Redirect};
use axum::routing::get;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shoal::domain::{ChannelId, ImportId, ImportState, Quota, UserId, VideoState};
use shoal::store::NewVideo;

use crate::support::{Server, eventually, postgres};

const IMPORTS: &str = "/api/v1/videos/imports";

/// A server with files on this machine: its address.
async fn elsewhere() -> String {
    let media = || async { ([("content-type", "video/mp4")], "media from elsewhere").into_response() };
    let slow = || async {
        tokio::time::sleep(std::time::Duration::from_secs(60)).await;
        Answer::OK
    };
    // A byte now and then, without an end.
    let drip = || async {
        let bytes = futures_util::stream::unfold((), |()| async {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            Some((Ok::<_, std::convert::Infallible>("x"), ()))
        });
        ([("content-type", "video/mp4")], Body::from_stream(bytes)).into_response()
    };
    let router = Router::new()
        .route("/drip.mp4", get(drip))
        .route("/a.mp4", get(media))
        .route("/page.mp4", get(|| async { ([("content-type", "text/html")], "<p>no media").into_response() }))
        .route("/missing.mp4", get(|| async { Answer::NOT_FOUND }))
        .route("/moved.mp4", get(|| async { Redirect::temporary("/a.mp4") }))
        .route("/circle.mp4", get(|| async { Redirect::temporary("/circle.mp4") }))
        .route("/large.mp4", get(|| async { ([("content-type", "video/mp4")], vec![0_u8; 5000]).into_response() }))
        .route("/slow.mp4", get(slow));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

#[tokio::test]
async fn files_are_imported() {
    let server = Server::start_with(|config| {
        config.federation.allow_private_addresses = true;
        config.videos.max_file_bytes = 4000;
    })
    .await;
    imported(&server).await;
    server.stop().await;
}

#[tokio::test]
async fn files_are_imported_on_postgresql() {
    let cluster = postgres::Cluster::start();
    let url = cluster.database("imports");
    let server = Server::start_with(|config| {
        config.database_url = url;
        config.federation.allow_private_addresses = true;
        config.videos.max_file_bytes = 4000;
    })
    .await;
    imported(&server).await;
    server.stop().await;
}

async fn imported(server: &Server) {
    let (token, base) = (server.root().await, elsewhere().await);
    let channel = server.channel(&token).await;
    let import = async |path: &str| {
        let body = json!({ "targetUrl": format!("{base}{path}"), "channelId": channel, "privacy": 1 });
        let (status, import) = server.call(Method::POST, IMPORTS, Some(&token), Some(body)).await;
        assert_eq!(status, StatusCode::OK, "{import}");
        import
    };
    let state = async |id: &Value| {
        let (_, mine) = server.call(Method::GET, "/api/v1/users/me/videos/imports", Some(&token), None).await;
        mine["data"].as_array().expect("a list").iter().find(|import| import["id"] == *id).expect("the import").clone()
    };
    let over = async |id: &Value, expected: i64| {
        eventually("the import is over", async || ![1, 6].contains(&state(id).await["state"]["id"].as_i64().expect("a number"))).await;
        let import = state(id).await;
        assert_eq!(import["state"]["id"], expected, "{import}");
        import
    };
    for path in ["/a.mp4", "/moved.mp4"] {
        let begun = import(path).await;
        assert_eq!((&begun["state"]["id"], &begun["magnetUri"]), (&json!(1), &Value::Null));
        let done = over(&begun["id"], 2).await;
        let uuid = done["video"]["uuid"].as_str().expect("a uuid");
        let name = begun["video"]["name"].as_str().expect("text");
        assert!(name.starts_with(path.trim_start_matches('/').trim_end_matches(".mp4")), "named after its address: {name}");
        let files: Vec<_> = server.originals(uuid).iter().map(|path| std::fs::read(path).expect("a file")).collect();
        assert_eq!(files, [b"media from elsewhere".to_vec()]);
    }
    for (path, reason) in [("/missing.mp4", "404"), ("/page.mp4", "no media"), ("/circle.mp4", "too often"), ("/large.mp4", "larger")] {
        let begun = import(path).await;
        let failed = over(&begun["id"], 3).await;
        assert!(failed["error"].as_str().expect("text").contains(reason), "{failed}");
        // Not to be seen, and not left behind.
        let video = format!("/api/v1/videos/{}", begun["video"]["uuid"].as_str().expect("a uuid"));
        assert_eq!(server.get(&video).await.0, StatusCode::UNAUTHORIZED);
        let path = format!("{IMPORTS}/{}", begun["id"]);
        assert_eq!(server.call(Method::POST, &format!("{path}/retry"), Some(&token), None).await.0, StatusCode::NO_CONTENT);
        over(&begun["id"], 3).await;
        let stranger = server.user(&format!("stranger{}", begun["id"])).await;
        assert_eq!(server.call(Method::DELETE, &path, Some(&stranger), None).await.0, StatusCode::FORBIDDEN);
        assert_eq!(server.call(Method::DELETE, &path, Some(&token), None).await.0, StatusCode::NO_CONTENT);
        assert_eq!(server.call(Method::GET, &video, Some(&token), None).await.0, StatusCode::NOT_FOUND);
        assert_eq!(server.call(Method::DELETE, &path, Some(&token), None).await.0, StatusCode::NOT_FOUND);
    }
    // Cancelled while it waits for the other server.
    let begun = import("/slow.mp4").await;
    let path = format!("{IMPORTS}/{}", begun["id"]);
    assert_eq!(server.call(Method::DELETE, &path, Some(&token), None).await.0, StatusCode::CONFLICT);
    assert_eq!(server.call(Method::POST, &format!("{path}/cancel"), Some(&token), None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(server.call(Method::POST, &format!("{path}/cancel"), Some(&token), None).await.0, StatusCode::CONFLICT);
    assert_eq!(state(&begun["id"]).await["state"], json!({ "id": 5, "label": "Cancelled" }));
    let (_, only) = server
        .call(Method::GET, &format!("/api/v1/users/me/videos/imports?targetUrl={base}/slow.mp4&sort=createdAt"), Some(&token), None)
        .await;
    assert_eq!(only["total"], 1);
}

#[tokio::test]
async fn every_user_has_a_turn() {
    let server = Server::start().await;
    turns(&server).await;
    server.stop().await;
}

#[tokio::test]
async fn every_user_has_a_turn_on_postgresql() {
    let cluster = postgres::Cluster::start();
    let url = cluster.database("turns");
    let server = Server::start_with(|config| config.database_url = url).await;
    turns(&server).await;
    server.stop().await;
}

async fn turns(server: &Server) {
    let mut people = Vec::new();
    for name in ["ann", "bob"] {
        let token = server.user(name).await;
        people.push((name, server.channel(&token).await));
    }
    // Never committed, so that the server's own workers take none.
    let mut tx = server.running.app.store.write().await.expect("the store");
    let mut users = Vec::new();
    for (name, channel) in people {
        let user = tx.users().by_login(name).await.expect("the store").expect("the user").id;
        for number in 0..3 {
            let uuid = uuid::Uuid::new_v4();
            let new = NewVideo { state: VideoState::ToImport, ..NewVideo::live(uuid, ChannelId(channel), format!("{name} {number}")) };
            let video = tx.videos().create(&new).await.expect("a video");
            tx.imports().create(user, video, "https://files.example/a.mp4").await.expect("an import");
        }
        users.push(user);
    }
    let [ann, bob] = users[..] else { panic!("two users") };
    let mut claimed = async |last: UserId| tx.imports().claim(last).await.expect("the store");
    let first = claimed(UserId(0)).await.expect("one");
    let second = claimed(first.user_id).await.expect("another");
    assert_eq!((first.user_id, second.user_id), (ann, bob));
    assert!(claimed(second.user_id).await.is_none(), "each has one");
    assert!(!tx.imports().any_claimable().await.expect("the store"));
    tx.imports().set_state(first.id, ImportState::Failed, None).await.expect("set");
    tx.imports().set_state(second.id, ImportState::Failed, None).await.expect("set");
    assert!(tx.imports().any_claimable().await.expect("the store"));
    let third = tx.imports().claim(ann).await.expect("the store").expect("one");
    assert_eq!(third.user_id, bob, "after whose turn it was");
    let fourth = tx.imports().claim(bob).await.expect("the store").expect("one");
    assert!(fourth.user_id == ann && fourth.id > first.id, "the next in a circle");
}

#[tokio::test]
async fn imports_stop_where_the_room_ends() {
    let server = Server::start_with(|config| config.federation.allow_private_addresses = true).await;
    let (base, ann) = (elsewhere().await, server.user("ann").await);
    let app = &server.running.app;
    let mut tx = app.store.write().await.expect("the store");
    let mut user = tx.users().by_login("ann").await.expect("the store").expect("ann");
    user.quota = Quota { total: 10, daily: -1 };
    tx.users().update(&user).await.expect("updated");
    tx.commit().await.expect("committed");
    let channel = server.channel(&ann).await;
    // One says how long it is, the other does not.
    for path in ["/large.mp4", "/drip.mp4"] {
        let body = json!({ "targetUrl": format!("{base}{path}"), "channelId": channel });
        let (status, import) = server.call(Method::POST, IMPORTS, Some(&ann), Some(body)).await;
        assert_eq!(status, StatusCode::OK, "{import}");
        let id = ImportId(import["id"].as_i64().expect("a number"));
        let import = async || app.store.read().await.expect("the store").imports().by_id(id).await.expect("the store").expect("it");
        eventually("it has ended", async || import().await.state == ImportState::Failed).await;
        assert!(import().await.error.is_some_and(|error| error.contains("quota")), "{path}");
    }
    assert_eq!(std::fs::read_dir(server.folder.path().join("uploads")).map_or(0, Iterator::count), 0);
    assert_eq!(app.allowances.coming_bytes(user.id), 0);
    server.stop().await;
}

#[tokio::test]
async fn imports_of_who_is_kept_out_end() {
    let server = Server::start_with(|config| config.federation.allow_private_addresses = true).await;
    let (base, root, ann) = (elsewhere().await, server.root().await, server.user("ann").await);
    let user = server.call(Method::GET, "/api/v1/users/me", Some(&ann), None).await.1["id"].clone();
    let body = json!({ "targetUrl": format!("{base}/drip.mp4"), "channelId": server.channel(&ann).await });
    let (status, import) = server.call(Method::POST, IMPORTS, Some(&ann), Some(body)).await;
    assert_eq!(status, StatusCode::OK, "{import}");
    let id = ImportId(import["id"].as_i64().expect("a number"));
    let app = &server.running.app;
    let state =
        async || app.store.read().await.expect("the store").imports().by_id(id).await.expect("the store").map(|import| import.state);
    let files = || std::fs::read_dir(server.folder.path().join("uploads")).map_or(0, Iterator::count);
    eventually("it is on its way", async || files() == 1).await;
    let block = format!("/api/v1/users/{user}/block");
    assert_eq!(server.call(Method::POST, &block, Some(&root), Some(json!({}))).await.0, StatusCode::NO_CONTENT);
    eventually("it has ended", async || state().await == Some(ImportState::Cancelled)).await;
    assert_eq!(files(), 0);
    server.stop().await;
}

#[tokio::test]
async fn private_addresses_are_refused() {
    let server = Server::start().await;
    let (token, base) = (server.root().await, elsewhere().await);
    let channel = server.channel(&token).await;
    let post = async |token: Option<&str>, fields: Value| {
        let mut body = json!({ "channelId": channel, "name": "An import" });
        for (key, value) in fields.as_object().expect("an object") {
            body[key] = value.clone();
        }
        server.call(Method::POST, IMPORTS, token, Some(body)).await.0
    };
    for url in [
        format!("{base}/a.mp4"),
        "http://169.254.169.254/a.mp4".to_owned(),
        "http://[::1]/a.mp4".to_owned(),
        "http://2130706433/".to_owned(),
    ] {
        assert_eq!(post(Some(&token), json!({ "targetUrl": url })).await, StatusCode::FORBIDDEN, "{url}");
    }
    for url in ["file:///etc/passwd", "ftp://files.example/a.mp4", "nonsense", "http://a:b@files.example/a.mp4"] {
        assert_eq!(post(Some(&token), json!({ "targetUrl": url })).await, StatusCode::BAD_REQUEST, "{url}");
    }
    assert_eq!(post(Some(&token), json!({})).await, StatusCode::BAD_REQUEST);
    assert_eq!(post(Some(&token), json!({ "magnetUri": "magnet:?xt=urn:btih:0" })).await, StatusCode::CONFLICT);
    assert_eq!(post(None, json!({ "targetUrl": "https://files.example/a.mp4" })).await, StatusCode::UNAUTHORIZED);
    // A name that leads home is only known once it is resolved.
    let port = base.rsplit(':').next().expect("a port");
    assert_eq!(post(Some(&token), json!({ "targetUrl": format!("http://localhost:{port}/a.mp4") })).await, StatusCode::OK);
    eventually("it fails", async || {
        let (_, mine) = server.call(Method::GET, "/api/v1/users/me/videos/imports", Some(&token), None).await;
        mine["data"][0]["state"]["id"] == 3 && mine["data"][0]["error"].as_str().is_some_and(|error| error.contains("public internet"))
    })
    .await;
    server.stop().await;

    let server = Server::start_with(|config| config.videos.import_enabled = false).await;
    let token = server.root().await;
    let body = json!({ "targetUrl": "https://files.example/a.mp4", "channelId": 1 });
    assert_eq!(server.call(Method::POST, IMPORTS, Some(&token), Some(body)).await.0, StatusCode::CONFLICT);
    assert_eq!(server.get("/api/v1/config").await.1["import"]["videos"]["http"]["enabled"], false);
    server.stop().await;
}
