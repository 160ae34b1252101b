//! Tokens, and the brake on guessing.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{PASSWORD, Server, assert_shape, fixture};

#[tokio::test]
async fn sessions_begin_are_renewed_and_end() {
    let server = Server::start().await;
    let (status, first) = server.token_request(&[("grant_type", "password"), ("username", "root"), ("password", PASSWORD)]).await;
    assert_eq!(status, StatusCode::OK);
    assert_shape(&fixture("api-users-token.json"), &first, "token");
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    let (access, refresh) = (text(&first["access_token"]), text(&first["refresh_token"]));
    assert_eq!(access.len(), 40);
    assert_ne!(access, refresh);
    let me = async |token: &str| server.call(Method::GET, "/api/v1/users/me", Some(token), None).await.0;
    assert_eq!(me(&access).await, StatusCode::OK);
    assert_eq!(me(&refresh).await, StatusCode::UNAUTHORIZED, "a refresh token is no access token");

    let (status, second) = server.token_request(&[("grant_type", "refresh_token"), ("refresh_token", &refresh)]).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(me(&access).await, StatusCode::UNAUTHORIZED, "the old pair is used up");
    let (status, problem) = server.token_request(&[("grant_type", "refresh_token"), ("refresh_token", &refresh)]).await;
    assert_eq!((status, &problem["code"]), (StatusCode::BAD_REQUEST, &json!("invalid_grant")));
    let access = text(&second["access_token"]);
    assert_eq!(me(&access).await, StatusCode::OK);

    assert_eq!(server.call(Method::POST, "/api/v1/users/revoke-token", Some(&access), None).await.0, StatusCode::OK);
    assert_eq!(me(&access).await, StatusCode::UNAUTHORIZED);

    // A new password ends all sessions.
    let access = server.root().await;
    shoal::users::reset_password(&server.running.app.store, "root", "another password").await.expect("reset");
    assert_eq!(me(&access).await, StatusCode::UNAUTHORIZED);
    server.login("ROOT", "another password").await;
    // What the database holds logs nobody in.
    let database = std::fs::read(server.folder.path().join("shoal.sqlite")).expect("the database");
    assert!(!database.windows(access.len()).any(|window| window == access.as_bytes()));
    server.stop().await;
}

#[tokio::test]
async fn wrong_logins_are_refused_with_peertubes_codes() {
    let server = Server::start().await;
    for (fields, code) in [
        (vec![("grant_type", "password"), ("username", "root"), ("password", "wrong")], "invalid_grant"),
        (vec![("grant_type", "password"), ("username", "nobody"), ("password", "wrong")], "invalid_grant"),
        (vec![("grant_type", "password"), ("username", "root")], "invalid_request"),
        (vec![("grant_type", "magic")], "unsupported_grant_type"),
        (vec![("grant_type", "password"), ("username", "root"), ("password", PASSWORD), ("client_secret", "wrong")], "invalid_client"),
    ] {
        let (status, problem) = server.token_request(&fields).await;
        assert_eq!((status, &problem["code"]), (StatusCode::BAD_REQUEST, &json!(code)), "{fields:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn guessing_is_braked_per_user_and_address() {
    let server = Server::start().await;
    server.user("ann").await;
    let wrong = [("grant_type", "password"), ("username", "root"), ("password", "wrong")];
    for attempt in 0..10 {
        assert_eq!(server.token_request(&wrong).await.0, StatusCode::BAD_REQUEST, "attempt {attempt}");
    }
    let (status, problem) = server.token_request(&wrong).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "{problem}");
    let right = [("grant_type", "password"), ("username", "root"), ("password", PASSWORD)];
    assert_eq!(server.token_request(&right).await.0, StatusCode::TOO_MANY_REQUESTS, "the right one too, else guessing would go on");
    // An invented address of an untrusted client changes nothing; other users are let in.
    let (_, client) = server.get("/api/v1/oauth-clients/local").await;
    let mut form: Vec<_> = right.to_vec();
    form.extend(["client_id", "client_secret"].map(|name| (name, client[name].as_str().expect("text"))));
    let spoofed = server.http.post(server.url("/api/v1/users/token")).header("x-forwarded-for", "203.0.113.9").form(&form);
    assert_eq!(spoofed.send().await.expect("an answer").status(), StatusCode::TOO_MANY_REQUESTS);
    server.login("ann", PASSWORD).await;
    server.stop().await;
}

#[tokio::test]
async fn trusted_proxies_say_whom_they_speak_for() {
    let server = Server::start_with(|config| {
        config.http.trusted_proxies = vec![shoal::config::Network::parse("127.0.0.0/8").expect("a network")];
    })
    .await;
    let (_, client) = server.get("/api/v1/oauth-clients/local").await;
    let log_in = async |address: &str, password: &str| {
        let form = [
            ("client_id", client["client_id"].as_str().expect("text")),
            ("client_secret", client["client_secret"].as_str().expect("text")),
            ("grant_type", "password"),
            ("username", "root"),
            ("password", password),
        ];
        let request = server.http.post(server.url("/api/v1/users/token")).header("x-forwarded-for", address).form(&form);
        request.send().await.expect("an answer").status()
    };
    for _ in 0..10 {
        // The client invents what stands before the proxy's own word.
        log_in("198.51.100.1, 203.0.113.9", "wrong").await;
    }
    assert_eq!(log_in("198.51.100.2, 203.0.113.9", PASSWORD).await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(log_in("203.0.113.10", PASSWORD).await, StatusCode::OK);
    server.stop().await;
}
