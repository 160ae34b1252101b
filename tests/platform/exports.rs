//! Archives of what somebody has here.

use std::io::{Cursor, Read as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use rustix::fs::{CWD, Mode, mkfifoat};
use serde_json::{Value, json};
use shoal::domain::Privacy;
use shoal::store::JobFilter;

use crate::support::mail::MailServer;
use crate::support::{Server, eventually, on_both_databases};

#[tokio::test]
async fn users_fetch_what_they_have_here() {
    on_both_databases("exports", |_| {}, exports).await;
}

async fn exports(server: &Server, mail: &MailServer) {
    let (ann, bob) = (server.user("ann").await, server.user("bob").await);
    let body = json!({ "email": "ann@mail.example", "currentPassword": crate::support::PASSWORD, "displayName": "Ann B." });
    assert_eq!(server.call(Method::PUT, "/api/v1/users/me", Some(&ann), Some(body)).await.0, StatusCode::NO_CONTENT);
    let uuid = server.create_live(&ann, json!({ "name": "My live", "tags": ["birds"], "permanentLive": true })).await;
    let body = json!({ "name": "birds", "displayName": "Birds", "support": "Seeds" });
    assert_eq!(server.call(Method::POST, "/api/v1/video-channels", Some(&ann), Some(body)).await.0, StatusCode::OK);
    let id = server.call(Method::GET, "/api/v1/users/me", Some(&ann), None).await.1["id"].clone();
    let (base, ask) = (format!("/api/v1/users/{id}/exports"), format!("/api/v1/users/{id}/exports/request"));

    for (token, status) in [(None, StatusCode::UNAUTHORIZED), (Some(bob.as_str()), StatusCode::FORBIDDEN)] {
        assert_eq!(server.call(Method::POST, &ask, token, Some(json!({}))).await.0, status);
        assert_eq!(server.call(Method::GET, &base, token, None).await.0, status);
        assert_eq!(server.call(Method::DELETE, &format!("{base}/1"), token, None).await.0, status);
    }
    let (status, answer) = server.call(Method::POST, &ask, Some(&ann), Some(json!({ "withVideoFiles": true }))).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(server.call(Method::POST, &ask, Some(&ann), Some(json!({}))).await.0, StatusCode::BAD_REQUEST, "there is one");
    let list = async || server.call(Method::GET, &base, Some(&ann), None).await.1;
    eventually("the archive", async || list().await["data"][0]["state"]["id"] == 3).await;
    assert!(mail.next_to("ann@mail.example").await.contains("archive"));
    let archive = list().await["data"][0].clone();
    assert!(archive["size"].as_i64() > Some(0) && archive["expiresOn"].is_string(), "{archive}");

    let url = archive["privateDownloadUrl"].as_str().expect("text");
    let response = server.http.get(url).send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-disposition"], "attachment");
    assert_eq!(response.headers()["cache-control"], "no-store");
    let bytes = response.bytes().await.expect("a body");
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes.clone())).expect("an archive");
    let mut read = |name: &str| -> Value {
        let mut text = String::new();
        zip.by_name(name).unwrap_or_else(|error| panic!("{name}: {error}")).read_to_string(&mut text).expect("text");
        serde_json::from_str(&text).expect("JSON")
    };
    assert_eq!(read("peertube/account.json")["displayName"], "Ann B.");
    assert_eq!(read("peertube/user-settings.json")["email"], "ann@mail.example");
    assert_eq!(read("peertube/channels.json")["channels"][0]["name"], "ann_channel");
    let videos = read("peertube/videos.json");
    assert_eq!((&videos["videos"][0]["uuid"], &videos["videos"][0]["tags"]), (&json!(uuid), &json!(["birds"])));
    assert!(videos["videos"][0]["live"]["streamKey"].is_string());

    // Another user, elsewhere, takes it over; what is there already stays as it is.
    let elsewhere = Server::start().await;
    elsewhere.user("ann").await;
    let path = elsewhere.folder.path().join("archive.zip");
    std::fs::write(&path, &bytes).expect("written");
    let app = &elsewhere.running.app;
    let user = app.store.read().await.expect("the store").users().by_login("ann").await.expect("the store").expect("ann");
    let take_over = async || {
        let data_dir = elsewhere.folder.path();
        shoal::import::read(&app.store, &app.images, data_dir, &user, path.clone(), 20).await.expect("read")
    };
    let summary = take_over().await;
    assert_eq!((summary.account.success, summary.settings.success, summary.lives.success), (1, 1, 1), "{summary:?}");
    assert_eq!((summary.channels.success, summary.channels.duplicates), (1, 1), "{summary:?}");
    assert_eq!(elsewhere.get("/api/v1/accounts/ann").await.1["displayName"], "Ann B.");
    assert_eq!(elsewhere.get("/api/v1/video-channels/birds").await.1["support"], "Seeds");
    let token = elsewhere.login("ann", crate::support::PASSWORD).await;
    let (_, mine) = elsewhere.call(Method::GET, "/api/v1/users/me/videos", Some(&token), None).await;
    let live = format!("/api/v1/videos/live/{}", mine["data"][0]["uuid"].as_str().expect("a live"));
    let (_, live) = elsewhere.call(Method::GET, &live, Some(&token), None).await;
    assert_eq!((&live["permanentLive"], &live["streamKey"]), (&json!(true), &videos["videos"][0]["live"]["streamKey"]));
    let again = take_over().await;
    assert_eq!((again.channels.duplicates, again.lives.duplicates, again.lives.success), (2, 1, 0), "{again:?}");
    std::fs::write(&path, "no archive").expect("written");
    assert!(shoal::import::read(&app.store, &app.images, elsewhere.folder.path(), &user, path.clone(), 20).await.is_err());
    elsewhere.stop().await;

    // A link is good for its archive, for a while, and for nothing else.
    let (path, query) = url.split_once('?').expect("a query");
    for wrong in [
        path.to_owned(),
        url.replace("expires=", "expires=9"),
        format!("{path}?{}", query.replace("signature=", "signature=00")),
        url.replace(".zip", "x.zip"),
    ] {
        let status = server.http.get(&wrong).send().await.expect("an answer").status();
        assert!(status == StatusCode::FORBIDDEN || status == StatusCode::BAD_REQUEST, "{wrong}: {status}");
    }

    let one = format!("{base}/{}", archive["id"]);
    let bobs =
        one.replace(&format!("/{id}/"), &format!("/{}/", server.call(Method::GET, "/api/v1/users/me", Some(&bob), None).await.1["id"]));
    assert_eq!(server.call(Method::DELETE, &bobs, Some(&bob), None).await.0, StatusCode::NOT_FOUND, "an archive of somebody else");
    assert_eq!(server.call(Method::DELETE, &one, Some(&ann), None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(server.http.get(url).send().await.expect("an answer").status(), StatusCode::NOT_FOUND);
    let left = std::fs::read_dir(server.folder.path().join("exports")).expect("the folder").count();
    assert_eq!(left, 0);
}

/// A file that does not end while somebody reads it: a byte now and then.
fn endless(path: PathBuf) -> std::thread::JoinHandle<()> {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder");
    mkfifoat(CWD, &path, Mode::RUSR | Mode::WUSR).expect("a pipe");
    std::thread::spawn(move || {
        // Waits for a reader. In the end it does end, so that a test that fails does too.
        let mut pipe = std::fs::OpenOptions::new().write(true).open(path).expect("the pipe");
        for _ in 0..3000 {
            if pipe.write_all(b"x").is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    })
}

#[tokio::test]
async fn archives_hold_nothing_up_and_end_with_their_users() {
    let server = Server::start().await;
    let (app, data, root) = (&server.running.app, server.folder.path(), server.root().await);
    // Two, as many as there are workers for all that does not take long.
    let (mut users, mut readers) = (Vec::new(), Vec::new());
    for name in ["ann", "bob"] {
        let token = server.user(name).await;
        let id = server.call(Method::GET, "/api/v1/users/me", Some(&token), None).await.1["id"].clone();
        let (video, _) = server.video(server.channel(&token).await, "A video", Privacy::Public).await;
        let picture = format!("{name}.jpg");
        readers.push(endless(data.join("previews").join(&picture)));
        let mut tx = app.store.write().await.expect("the store");
        tx.videos().set_pictures(video, &picture, &picture).await.expect("set");
        tx.commit().await.expect("committed");
        let path = format!("/api/v1/users/{id}/exports/request");
        assert_eq!(server.call(Method::POST, &path, Some(&token), Some(json!({}))).await.0, StatusCode::OK);
        users.push(id);
    }
    let written = || std::fs::read_dir(data.join("exports")).map_or(0, Iterator::count);
    eventually("the first archive is being written", async || written() == 1).await;

    let (video, uuid) = server.video(server.channel(&root).await, "Another video", Privacy::Public).await;
    let picture = data.join("thumbnails").join("another.jpg");
    std::fs::create_dir_all(data.join("thumbnails")).expect("the folder");
    std::fs::write(&picture, "a picture").expect("written");
    let mut tx = app.store.write().await.expect("the store");
    tx.videos().set_pictures(video, "another.jpg", "another.jpg").await.expect("set");
    tx.commit().await.expect("committed");
    let path = format!("/api/v1/videos/{uuid}");
    assert_eq!(server.call(Method::DELETE, &path, Some(&root), None).await.0, StatusCode::NO_CONTENT);
    eventually("other jobs are done", async || !picture.exists()).await;

    // The one that waits first, so that it never begins.
    for id in users.iter().rev() {
        let path = format!("/api/v1/users/{id}");
        assert_eq!(server.call(Method::DELETE, &path, Some(&root), None).await.0, StatusCode::NO_CONTENT);
    }
    eventually("nothing is written any more", async || readers[0].is_finished() && written() == 0).await;
    server.stop().await;
}

#[tokio::test]
async fn archives_wait_for_space() {
    let server = Server::start_with(|config| config.live.min_free_disk_bytes = i64::MAX as u64).await;
    let (app, root) = (&server.running.app, server.root().await);
    let id = server.call(Method::GET, "/api/v1/users/me", Some(&root), None).await.1["id"].clone();
    let base = format!("/api/v1/users/{id}/exports");
    assert_eq!(server.call(Method::POST, &format!("{base}/request"), Some(&root), Some(json!({}))).await.0, StatusCode::OK);
    eventually("it is put off", async || {
        let filter = JobFilter { name: Some("create-user-export".to_owned()), count: 1, ..JobFilter::default() };
        let (_, jobs) = app.store.read().await.expect("the store").jobs().list(&filter).await.expect("the store");
        jobs[0].attempts == 0 && jobs[0].error.as_ref().is_some_and(|error| error.contains("disk is full"))
    })
    .await;
    let (_, list) = server.call(Method::GET, &base, Some(&root), None).await;
    assert_eq!(list["data"][0]["state"]["id"], 1, "{list}");
    assert_eq!(std::fs::read_dir(server.folder.path().join("exports")).map_or(0, Iterator::count), 0);
    server.stop().await;
}
