//! Users: managed by moderators, changed by themselves, deleted for good.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shoal::jobs::Job as _;
use shoal::mail::Letter;
use shoal::store::JobFilter;

use crate::support::mail::{MailServer, secret_in};
use crate::support::{PASSWORD, Server, assert_shape, eventually, fixture, on_both_databases};

const ME: &str = "/api/v1/users/me";

#[tokio::test]
async fn users_are_managed() {
    on_both_databases("managed", |config| config.user.video_quota_bytes = 1000, managed).await;
}

async fn managed(server: &Server, mail: &MailServer) {
    let root = server.root().await;
    let call = async |method: Method, path: &str, body: Value| server.call(method, path, Some(&root), Some(body)).await;
    let (status, created) = call(
        Method::POST,
        "/api/v1/users",
        json!({ "username": "ann", "password": PASSWORD, "email": "Ann@Mail.example", "role": 2, "videoQuotaDaily": 100, "channelName": "ann-tv" }),
    )
    .await;
    assert_eq!(status, StatusCode::OK, "{created}");
    assert!(created["user"]["account"]["id"].is_i64());
    let path = format!("/api/v1/users/{}", created["user"]["id"]);
    let (status, ann) = server.call(Method::GET, &format!("{path}?withStats=true"), Some(&root), None).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!((&ann["email"], &ann["emailVerified"]), (&json!("ann@mail.example"), &Value::Null));
    assert_eq!((&ann["videoQuota"], &ann["videoQuotaDaily"]), (&json!(1000), &json!(100)), "the instance's and their own");
    assert_eq!((&ann["videoQuotaUsed"], &ann["videosCount"], &ann["role"]["label"]), (&json!(0), &json!(0), &json!("User")));
    assert_eq!(server.get("/api/v1/video-channels/ann-tv").await.0, StatusCode::OK);
    // In the letters' case or not, by name or by address.
    let token = server.login("ANN@mail.example", PASSWORD).await;

    for (body, status) in [
        (json!({ "username": "ann", "password": PASSWORD, "email": "other@mail.example", "role": 2 }), StatusCode::CONFLICT),
        (json!({ "username": "other", "password": PASSWORD, "email": "ann@mail.example", "role": 2 }), StatusCode::CONFLICT),
        (json!({ "username": "ann-tv", "password": PASSWORD, "email": "other@mail.example", "role": 2 }), StatusCode::BAD_REQUEST),
        (json!({ "username": "peertube", "password": PASSWORD, "email": "other@mail.example", "role": 2 }), StatusCode::CONFLICT),
        (
            json!({ "username": "other", "password": PASSWORD, "email": "other@mail.example", "role": 2, "channelName": "ann" }),
            StatusCode::CONFLICT,
        ),
        (
            json!({ "username": "other", "password": PASSWORD, "email": "other@mail.example", "role": 2, "channelName": "other" }),
            StatusCode::BAD_REQUEST,
        ),
        (json!({ "username": "other", "password": "short", "email": "other@mail.example", "role": 2 }), StatusCode::BAD_REQUEST),
        (json!({ "username": "other", "password": PASSWORD, "email": "nowhere", "role": 2 }), StatusCode::BAD_REQUEST),
        (json!({ "username": "other", "password": PASSWORD, "email": "other@mail.example", "role": 3 }), StatusCode::BAD_REQUEST),
        (json!({ "username": "other", "password": PASSWORD, "email": "other@mail.example" }), StatusCode::BAD_REQUEST),
        (
            json!({ "username": "other", "password": PASSWORD, "email": "other@mail.example", "role": 2, "videoQuota": -2 }),
            StatusCode::BAD_REQUEST,
        ),
        (
            json!({ "username": "other", "password": PASSWORD, "email": "other@mail.example", "role": 2, "adminFlags": 2 }),
            StatusCode::BAD_REQUEST,
        ),
    ] {
        let (answered, problem) = call(Method::POST, "/api/v1/users", body.clone()).await;
        assert_eq!(answered, status, "{body}: {problem}");
    }

    // Without a password a letter has the link to choose one.
    let (status, bob) = call(Method::POST, "/api/v1/users", json!({ "username": "bob", "email": "bob@mail.example", "role": 2 })).await;
    assert_eq!(status, StatusCode::OK, "{bob}");
    let secret = secret_in(&mail.next_to("bob@mail.example").await);
    let reset = format!("/api/v1/users/{}/reset-password", bob["user"]["id"]);
    let body = json!({ "verificationString": secret, "password": "bob's password" });
    assert_eq!(server.call(Method::POST, &reset, None, Some(body.clone())).await.0, StatusCode::NO_CONTENT);
    assert_eq!(server.call(Method::POST, &reset, None, Some(body)).await.0, StatusCode::FORBIDDEN, "it counts once");
    let bob = server.login("bob", "bob's password").await;

    let list = async |query: &str| {
        let (status, list) = server.call(Method::GET, &format!("/api/v1/users?{query}"), Some(&root), None).await;
        assert_eq!(status, StatusCode::OK, "{query}: {list}");
        let names: Vec<_> =
            list["data"].as_array().expect("a list").iter().map(|user| user["username"].as_str().expect("text").to_owned()).collect();
        (list["total"].as_i64().expect("a number"), names.join(","))
    };
    assert_eq!(list("sort=username").await, (3, "ann,bob,root".into()));
    assert_eq!(list("sort=-createdAt&count=1").await, (3, "bob".into()));
    assert_eq!(list("search=MAIL.ex&sort=id").await, (2, "ann,bob".into()));
    assert_eq!(list("search=%25").await.0, 0, "wildcards are plain characters");
    assert_eq!(list("role=0").await, (1, "root".into()));
    assert_eq!(list("blocked=true").await.0, 0);
    for query in ["sort=random", "role=7", "blocked=perhaps", "count=101"] {
        let (status, _) = server.call(Method::GET, &format!("/api/v1/users?{query}"), Some(&root), None).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
    }

    // A new role or password ends what was begun with the old one.
    assert_eq!(call(Method::PUT, &path, json!({ "videoQuota": -1, "emailVerified": true })).await.0, StatusCode::NO_CONTENT);
    assert_eq!(server.call(Method::GET, ME, Some(&token), None).await.1["emailVerified"], true);
    assert_eq!(call(Method::PUT, &path, json!({ "role": 1 })).await.0, StatusCode::NO_CONTENT);
    assert_eq!(server.call(Method::GET, ME, Some(&token), None).await.0, StatusCode::UNAUTHORIZED);
    let moderator = server.login("ann", PASSWORD).await;
    assert_eq!(call(Method::PUT, &path, json!({ "email": "bob@mail.example" })).await.0, StatusCode::CONFLICT);
    assert_eq!(call(Method::PUT, &path, json!({ "email": "x" })).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(call(Method::PUT, "/api/v1/users/1", json!({ "role": 2 })).await.0, StatusCode::BAD_REQUEST, "root stays what it is");
    assert_eq!(call(Method::DELETE, "/api/v1/users/1", json!({})).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(call(Method::POST, "/api/v1/users/1/block", json!({})).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(call(Method::PUT, "/api/v1/users/999", json!({})).await.0, StatusCode::NOT_FOUND);
    assert_eq!(call(Method::PUT, "/api/v1/users/one", json!({})).await.0, StatusCode::BAD_REQUEST);

    // Moderators manage users, and only them.
    let as_moderator = async |method: Method, path: &str, body: Value| server.call(method, path, Some(&moderator), Some(body)).await.0;
    let bobs = format!("/api/v1/users/{}", server.call(Method::GET, ME, Some(&bob), None).await.1["id"]);
    assert_eq!(as_moderator(Method::PUT, &bobs, json!({ "videoQuota": 5 })).await, StatusCode::NO_CONTENT);
    assert_eq!(as_moderator(Method::PUT, &bobs, json!({ "role": 1 })).await, StatusCode::FORBIDDEN, "nobody is raised by a moderator");
    assert_eq!(as_moderator(Method::PUT, "/api/v1/users/1", json!({ "password": "taken over" })).await, StatusCode::FORBIDDEN);
    assert_eq!(as_moderator(Method::DELETE, "/api/v1/users/1", json!({})).await, StatusCode::FORBIDDEN);
    let body = json!({ "username": "eve", "password": PASSWORD, "email": "eve@mail.example", "role": 0 });
    assert_eq!(as_moderator(Method::POST, "/api/v1/users", body).await, StatusCode::FORBIDDEN);
    for (method, path) in [
        (Method::GET, "/api/v1/users"),
        (Method::POST, "/api/v1/users"),
        (Method::GET, "/api/v1/users/1"),
        (Method::PUT, "/api/v1/users/1"),
        (Method::DELETE, "/api/v1/users/1"),
        (Method::POST, "/api/v1/users/1/block"),
        (Method::POST, "/api/v1/users/1/unblock"),
    ] {
        assert_eq!(server.call(method.clone(), path, Some(&bob), None).await.0, StatusCode::FORBIDDEN, "{method} {path}");
        assert_eq!(server.call(method.clone(), path, None, None).await.0, StatusCode::UNAUTHORIZED, "{method} {path}");
    }

    // Kept out, told so, and let in again.
    let block = format!("{bobs}/block");
    assert_eq!(as_moderator(Method::POST, &block, json!({ "reason": "x".repeat(251) })).await, StatusCode::BAD_REQUEST);
    assert_eq!(as_moderator(Method::POST, &block, json!({ "reason": "Too loud" })).await, StatusCode::NO_CONTENT);
    assert!(mail.next_to("bob@mail.example").await.contains("Too loud"));
    assert_eq!(server.call(Method::GET, ME, Some(&bob), None).await.0, StatusCode::UNAUTHORIZED);
    let fields = [("grant_type", "password"), ("username", "bob"), ("password", "bob's password")];
    assert_eq!(server.token_request(&fields).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(list("blocked=true").await, (1, "bob".into()));
    assert_eq!(as_moderator(Method::POST, &format!("{bobs}/unblock"), json!({})).await, StatusCode::NO_CONTENT);
    server.login("bob", "bob's password").await;
    mail.next_to("bob@mail.example").await;

    // Deleted with all they had; the name is free again.
    assert_eq!(as_moderator(Method::DELETE, &bobs, json!({})).await, StatusCode::NO_CONTENT);
    assert_eq!(server.get("/api/v1/accounts/bob").await.0, StatusCode::NOT_FOUND);
    assert_eq!(server.get("/api/v1/video-channels/bob_channel").await.0, StatusCode::NOT_FOUND);
    server.user("bob").await;
}

#[tokio::test]
async fn users_change_themselves() {
    on_both_databases("themselves", |_| {}, themselves).await;
}

async fn themselves(server: &Server, mail: &MailServer) {
    let ann = server.user("ann").await;
    let elsewhere = server.login("ann", PASSWORD).await;
    let put = async |body: Value| server.call(Method::PUT, ME, Some(&ann), Some(body)).await;
    let me = async || server.call(Method::GET, ME, Some(&ann), None).await.1;
    assert_shape(&fixture("api-users-me.json"), &me().await, "me");

    let body = json!({
        "displayName": "Ann B.", "description": "About **me**", "nsfwPolicy": "do_not_list", "autoPlayVideo": false,
        "videosHistoryEnabled": false, "videoLanguages": ["de", "en"], "noWelcomeModal": false, "theme": "dark"
    });
    assert_eq!(put(body).await.0, StatusCode::NO_CONTENT);
    let changed = me().await;
    assert_eq!((&changed["account"]["displayName"], &changed["account"]["description"]), (&json!("Ann B."), &json!("About **me**")));
    assert_eq!((&changed["nsfwPolicy"], &changed["autoPlayVideo"]), (&json!("do_not_list"), &json!(false)));
    assert_eq!((&changed["videoLanguages"], &changed["noWelcomeModal"]), (&json!(["de", "en"]), &json!(false)));
    assert_eq!(changed["p2pEnabled"], true, "what is not named stays");
    assert_eq!(put(json!({ "videoLanguages": null, "description": null })).await.0, StatusCode::NO_CONTENT);
    assert_eq!((&me().await["videoLanguages"], &me().await["account"]["description"]), (&Value::Null, &Value::Null));
    for wrong in [
        json!({ "displayName": "" }),
        json!({ "displayName": "x".repeat(121) }),
        json!({ "description": "x".repeat(1001) }),
        json!({ "nsfwPolicy": "perhaps" }),
        json!({ "autoPlayVideo": "perhaps" }),
        json!({ "theme": "../../etc" }),
        json!({ "password": "a new password" }),
        json!({ "email": "ann@mail.example" }),
        json!({ "email": "nowhere", "currentPassword": PASSWORD }),
        json!({ "password": "short", "currentPassword": PASSWORD }),
    ] {
        assert_eq!(put(wrong.clone()).await.0, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let (status, problem) = put(json!({ "password": "a new password", "currentPassword": "wrong" })).await;
    assert_eq!((status, &problem["code"]), (StatusCode::UNAUTHORIZED, &json!("current_password_is_invalid")));

    // A new password ends all other sessions, not this one.
    assert_eq!(put(json!({ "password": "a new password", "currentPassword": PASSWORD })).await.0, StatusCode::NO_CONTENT);
    assert_eq!(server.call(Method::GET, ME, Some(&elsewhere), None).await.0, StatusCode::UNAUTHORIZED);
    server.login("ann", "a new password").await;

    // Where nobody asks for a proof, a new address counts at once.
    let body = json!({ "email": "Ann@mail.example", "currentPassword": "a new password" });
    assert_eq!(put(body.clone()).await.0, StatusCode::NO_CONTENT);
    assert_eq!(me().await["email"], "ann@mail.example");
    assert_eq!(put(json!({ "email": "ann@mail.example" })).await.0, StatusCode::NO_CONTENT, "unchanged");
    let bob = server.user("bob").await;
    let body = json!({ "email": "ann@mail.example", "currentPassword": PASSWORD });
    assert_eq!(server.call(Method::PUT, ME, Some(&bob), Some(body)).await.0, StatusCode::CONFLICT);

    // A forgotten password: a letter to who is known, the same answer to who is not.
    let ask =
        async |email: &str| server.call(Method::POST, "/api/v1/users/ask-reset-password", None, Some(json!({ "email": email }))).await.0;
    assert_eq!(ask("nobody@mail.example").await, StatusCode::NO_CONTENT);
    assert_eq!(ask("nowhere").await, StatusCode::BAD_REQUEST);
    // However many ask before it goes out, there is one.
    server.running.app.jobs.pause().await;
    for _ in 0..3 {
        assert_eq!(ask("ann@mail.example").await, StatusCode::NO_CONTENT);
    }
    let mut tx = server.running.app.store.read().await.expect("the store");
    let waiting = JobFilter { state: Some("waiting".into()), name: Some(Letter::NAME.into()), count: 10, ..JobFilter::default() };
    assert_eq!(tx.jobs().list(&waiting).await.expect("the store").0, 1);
    drop(tx);
    server.running.app.jobs.resume();
    let secret = secret_in(&mail.next_to("ann@mail.example").await);
    assert_eq!(ask("ann@mail.example").await, StatusCode::NO_CONTENT, "as ever, but there is no letter every second");
    let reset = format!("/api/v1/users/{}/reset-password", me().await["id"]);
    for (body, status) in [
        (json!({ "verificationString": "0".repeat(40), "password": "a third password" }), StatusCode::FORBIDDEN),
        (json!({ "password": "a third password" }), StatusCode::BAD_REQUEST),
        (json!({ "verificationString": secret }), StatusCode::BAD_REQUEST),
        (json!({ "verificationString": secret, "password": "short" }), StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(server.call(Method::POST, &reset, None, Some(body.clone())).await.0, status, "{body}");
    }
    let others = reset.replace(&me().await["id"].to_string(), "1");
    let body = json!({ "verificationString": secret, "password": "a third password" });
    assert_eq!(server.call(Method::POST, &others, None, Some(body.clone())).await.0, StatusCode::FORBIDDEN, "it is nobody else's");
    assert_eq!(server.call(Method::POST, &reset, None, Some(body)).await.0, StatusCode::NO_CONTENT);
    assert_eq!(server.call(Method::GET, ME, Some(&ann), None).await.0, StatusCode::UNAUTHORIZED, "all sessions ended");
    server.login("ann", "a third password").await;
    assert_eq!(mail.count(), 0, "one letter");
    // What is kept of a secret, or of the job that wrote the letter, is of no use to whoever reads the database.
    if server.running.app.store.backend() == shoal::store::Backend::Sqlite {
        for file in ["shoal.sqlite", "shoal.sqlite-wal"] {
            let bytes = std::fs::read(server.folder.path().join(file)).unwrap_or_default();
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{file}");
        }
    }
}

#[tokio::test]
async fn sessions_are_listed_and_ended() {
    on_both_databases("sessions", |_| {}, sessions).await;
}

async fn sessions(server: &Server, _mail: &MailServer) {
    let ann = server.user("ann").await;
    let other = server.login("ann", PASSWORD).await;
    let (bob, root) = (server.user("bob").await, server.root().await);
    let id = server.call(Method::GET, ME, Some(&ann), None).await.1["id"].clone();
    let path = format!("/api/v1/users/{id}/token-sessions");
    let (status, list) = server.call(Method::GET, &path, Some(&ann), None).await;
    assert_eq!((status, &list["total"]), (StatusCode::OK, &json!(2)), "{list}");
    let current: Vec<_> = list["data"].as_array().expect("a list").iter().filter(|one| one["currentSession"] == true).collect();
    assert_eq!(current.len(), 1);
    assert_eq!((&current[0]["loginIP"], &current[0]["lastActivityIP"]), (&json!("127.0.0.1"), &json!("127.0.0.1")));
    assert!(current[0]["loginDate"].is_string() && current[0]["createdAt"].is_string());
    let others = list["data"].as_array().expect("a list").iter().find(|one| one["currentSession"] == false).expect("the other");
    let revoke = format!("{path}/{}/revoke", others["id"]);

    for (token, status) in [(None, StatusCode::UNAUTHORIZED), (Some(&bob), StatusCode::FORBIDDEN)] {
        let token = token.map(String::as_str);
        assert_eq!(server.call(Method::GET, &path, token, None).await.0, status);
        assert_eq!(server.call(Method::POST, &revoke, token, None).await.0, status);
    }
    assert_eq!(server.call(Method::GET, &format!("{path}?sort=random"), Some(&ann), None).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(server.call(Method::GET, &path, Some(&root), None).await.1["total"], 2, "moderators see to it too");
    let bobs =
        format!("/api/v1/users/{}/token-sessions/{}/revoke", server.call(Method::GET, ME, Some(&bob), None).await.1["id"], others["id"]);
    assert_eq!(server.call(Method::POST, &bobs, Some(&bob), None).await.0, StatusCode::NOT_FOUND, "a session of somebody else");

    assert_eq!(server.call(Method::POST, &revoke, Some(&ann), None).await.0, StatusCode::OK);
    assert_eq!(server.call(Method::GET, ME, Some(&other), None).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(server.call(Method::POST, &revoke, Some(&ann), None).await.0, StatusCode::NOT_FOUND);

    // A renewed session is the same one to its user: it began where it began.
    let fields = [("grant_type", "password"), ("username", "ann"), ("password", PASSWORD)];
    let (_, tokens) = server.token_request(&fields).await;
    let refresh = tokens["refresh_token"].as_str().expect("text");
    let (_, tokens) = server.token_request(&[("grant_type", "refresh_token"), ("refresh_token", refresh)]).await;
    let renewed = tokens["access_token"].as_str().expect("text");
    let (_, list) = server.call(Method::GET, &path, Some(renewed), None).await;
    assert_eq!(list["total"], 2);
    let mine = list["data"].as_array().expect("a list").iter().find(|one| one["currentSession"] == true).expect("this one");
    assert!(mine["loginDate"].as_str() <= mine["createdAt"].as_str(), "{mine}");
}

#[tokio::test]
async fn deletion_really_deletes() {
    on_both_databases("deletion", |_| {}, deletion).await;
}

async fn deletion(server: &Server, _mail: &MailServer) {
    let app = &server.running.app;
    let ann = server.user("ann").await;
    let uuid = server.create_live(&ann, json!({})).await;
    let (status, _) =
        server.call(Method::POST, "/api/v1/video-channels", Some(&ann), Some(json!({ "name": "ann2", "displayName": "Second" }))).await;
    assert_eq!(status, StatusCode::OK);
    let id = server.call(Method::GET, ME, Some(&ann), None).await.1["id"].as_i64().expect("a number");
    let folder = server.folder.path().join(format!("streaming-playlists/hls/{uuid}"));
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("replay.mp4"), "x").expect("a file");

    assert_eq!(server.call(Method::DELETE, ME, None, None).await.0, StatusCode::UNAUTHORIZED);
    let root = server.root().await;
    assert_eq!(server.call(Method::DELETE, ME, Some(&root), None).await.0, StatusCode::BAD_REQUEST, "root stays");
    assert_eq!(server.call(Method::DELETE, ME, Some(&ann), None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(server.call(Method::GET, ME, Some(&ann), None).await.0, StatusCode::UNAUTHORIZED);
    for path in ["/api/v1/accounts/ann", "/api/v1/video-channels/ann_channel", "/api/v1/video-channels/ann2"] {
        assert_eq!(server.get(path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(server.call(Method::GET, &format!("/api/v1/videos/{uuid}"), Some(&root), None).await.0, StatusCode::NOT_FOUND);
    let mut tx = app.store.read().await.expect("the store");
    assert!(tx.users().by_id(shoal::domain::UserId(id)).await.expect("the store").is_none());
    assert!(tx.users().by_login("ann").await.expect("the store").is_none());
    drop(tx);
    eventually("the files are gone", async || !folder.exists()).await;
    // Nothing of them is in the way of the next one by that name.
    let next = server.user("ann").await;
    assert_eq!(server.call(Method::GET, "/api/v1/users/me/videos", Some(&next), None).await.1["total"], 0);
}

#[tokio::test]
async fn channels_are_changed_and_deleted() {
    on_both_databases("channels", |config| config.user.max_channels = 2, channels).await;
}

async fn channels(server: &Server, _mail: &MailServer) {
    let (ann, bob, root) = (server.user("ann").await, server.user("bob").await, server.root().await);
    let create = async |token: &str, body: Value| server.call(Method::POST, "/api/v1/video-channels", Some(token), Some(body)).await.0;
    let body = json!({ "name": "Ann-2", "displayName": "Second", "support": "Buy me a tea" });
    assert_eq!(create(&ann, body).await, StatusCode::OK);
    assert_eq!(create(&ann, json!({ "name": "ann3", "displayName": "Third" })).await, StatusCode::BAD_REQUEST, "two are enough");
    assert_eq!(create(&bob, json!({ "name": "ann-2", "displayName": "Mine" })).await, StatusCode::CONFLICT);
    assert_eq!(create(&bob, json!({ "name": "instance", "displayName": "Mine" })).await, StatusCode::CONFLICT);
    assert_eq!(create(&bob, json!({ "name": "bobs", "displayName": "x".repeat(121) })).await, StatusCode::BAD_REQUEST);
    assert_eq!(create(&bob, json!({ "name": "bobs", "displayName": "x", "support": "x".repeat(1001) })).await, StatusCode::BAD_REQUEST);
    let path = "/api/v1/video-channels/ann-2";
    let (_, channel) = server.get(path).await;
    assert_shape(&fixture("api-channel.json"), &channel, "channel");
    assert_eq!((&channel["name"], &channel["support"]), (&json!("ann-2"), &json!("Buy me a tea")));

    let uuid = server.create_live(&ann, json!({ "channelId": channel["id"] })).await;
    let put = async |token: Option<&str>, body: Value| server.call(Method::PUT, path, token, Some(body)).await.0;
    let body = json!({ "displayName": "New", "description": "About", "support": "Tea", "bulkVideosSupportUpdate": true });
    assert_eq!(put(None, body.clone()).await, StatusCode::UNAUTHORIZED);
    assert_eq!(put(Some(&bob), body.clone()).await, StatusCode::FORBIDDEN);
    assert_eq!(put(Some(&ann), json!({ "displayName": "" })).await, StatusCode::BAD_REQUEST);
    assert_eq!(put(Some(&ann), body).await, StatusCode::NO_CONTENT);
    let (_, changed) = server.get(path).await;
    assert_eq!((&changed["displayName"], &changed["description"], &changed["support"]), (&json!("New"), &json!("About"), &json!("Tea")));
    assert_eq!(server.call(Method::GET, &format!("/api/v1/videos/{uuid}"), Some(&ann), None).await.1["support"], "Tea");
    assert_eq!(put(Some(&root), json!({ "support": null })).await, StatusCode::NO_CONTENT, "moderators may");
    assert_eq!(server.get(path).await.1["support"], Value::Null);
    assert_eq!(server.call(Method::PUT, "/api/v1/video-channels/none", Some(&ann), Some(json!({}))).await.0, StatusCode::NOT_FOUND);

    assert_eq!(server.call(Method::DELETE, path, Some(&bob), None).await.0, StatusCode::FORBIDDEN);
    assert_eq!(server.call(Method::DELETE, path, None, None).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(server.call(Method::DELETE, path, Some(&ann), None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(server.get(path).await.0, StatusCode::NOT_FOUND);
    assert_eq!(server.call(Method::GET, &format!("/api/v1/videos/{uuid}"), Some(&ann), None).await.0, StatusCode::NOT_FOUND);
    let last = "/api/v1/video-channels/ann_channel";
    assert_eq!(server.call(Method::DELETE, last, Some(&ann), None).await.0, StatusCode::CONFLICT, "one is left to everybody");
}

#[tokio::test]
async fn quotas_count_the_largest_file_of_each_video() {
    on_both_databases("quotas", |_| {}, quotas).await;
}

async fn quotas(server: &Server, _mail: &MailServer) {
    let app = &server.running.app;
    let ann = server.user("ann").await;
    let used = async || server.call(Method::GET, "/api/v1/users/me/video-quota-used", Some(&ann), None).await.1;
    assert_eq!(used().await, json!({ "videoQuotaUsed": 0, "videoQuotaUsedDaily": 0 }));
    for (number, sizes) in [[10, 300], [500, 20]].into_iter().enumerate() {
        let uuid = server.create_live(&ann, json!({})).await;
        let mut tx = app.store.write().await.expect("the store");
        let video = tx.videos().by_uuid(uuid.parse().expect("a uuid")).await.expect("the store").expect("the video");
        for (resolution, size_bytes) in (1_i64..).zip(sizes) {
            let file = shoal::store::NewFile {
                video_id: video.id,
                playlist_id: None,
                file: format!("{number}-{resolution}.mp4"),
                resolution,
                width: None,
                height: None,
                size_bytes,
                fps: 30,
                has_audio: true,
                has_video: true,
            };
            tx.files().add(&file).await.expect("a file");
        }
        tx.commit().await.expect("committed");
    }
    assert_eq!(used().await, json!({ "videoQuotaUsed": 800, "videoQuotaUsedDaily": 800 }));
    assert_eq!(server.call(Method::GET, "/api/v1/users/me/video-quota-used", None, None).await.0, StatusCode::UNAUTHORIZED);
}
