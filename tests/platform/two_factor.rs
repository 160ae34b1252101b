//! The second factor: set up, asked for, used once, switched off.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shoal::domain::{CODE_PERIOD_S, OtpSecret, Timestamp};

use crate::support::mail::MailServer;
use crate::support::{PASSWORD, Server, on_both_databases};

/// The answer to a login with this code, and what its header asks for.
async fn login(server: &Server, code: Option<&str>) -> (StatusCode, Value, Option<String>) {
    login_from(server, code, None).await
}

/// As [`login`], from an address that a proxy tells.
async fn login_from(server: &Server, code: Option<&str>, address: Option<&str>) -> (StatusCode, Value, Option<String>) {
    let (_, client) = server.get("/api/v1/oauth-clients/local").await;
    let form = [
        ("client_id", client["client_id"].as_str().expect("text")),
        ("client_secret", client["client_secret"].as_str().expect("text")),
        ("grant_type", "password"),
        ("username", "ann"),
        ("password", PASSWORD),
    ];
    let mut request = server.http.post(server.url("/api/v1/users/token")).form(&form);
    if let Some(code) = code {
        request = request.header("x-peertube-otp", code);
    }
    if let Some(address) = address {
        request = request.header("x-forwarded-for", address);
    }
    let response = request.send().await.expect("an answer");
    let asked = response.headers().get("x-peertube-otp").map(|value| value.to_str().expect("text").to_owned());
    (response.status(), response.json().await.expect("JSON"), asked)
}

#[tokio::test]
async fn a_second_factor_is_asked_for() {
    on_both_databases("second", |_| {}, second_factor).await;
}

async fn second_factor(server: &Server, _mail: &MailServer) {
    let (ann, bob, root) = (server.user("ann").await, server.user("bob").await, server.root().await);
    let me = async || server.call(Method::GET, "/api/v1/users/me", Some(&ann), None).await.1;
    let base = format!("/api/v1/users/{}/two-factor", me().await["id"]);
    let post =
        async |what: &str, token: Option<&str>, body: Value| server.call(Method::POST, &format!("{base}/{what}"), token, Some(body)).await;
    let password = json!({ "currentPassword": PASSWORD });
    for what in ["request", "confirm-request", "disable"] {
        let body = json!({ "currentPassword": PASSWORD, "requestToken": "x", "otpToken": "000000" });
        assert_eq!(post(what, None, body.clone()).await.0, StatusCode::UNAUTHORIZED, "{what}");
        assert_eq!(post(what, Some(&bob), body).await.0, StatusCode::FORBIDDEN, "{what}");
    }
    assert_eq!(post("request", Some(&ann), json!({})).await.0, StatusCode::BAD_REQUEST);
    let (status, problem) = post("request", Some(&ann), json!({ "currentPassword": "wrong" })).await;
    assert_eq!((status, &problem["code"]), (StatusCode::FORBIDDEN, &json!("current_password_is_invalid")));
    assert_eq!(post("disable", Some(&ann), password.clone()).await.0, StatusCode::BAD_REQUEST, "there is none");

    let (status, answer) = post("request", Some(&ann), password.clone()).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let request = &answer["otpRequest"];
    let secret = OtpSecret::from_base32(request["secret"].as_str().expect("text")).expect("base32");
    assert!(request["uri"].as_str().expect("text").starts_with("otpauth://totp/"));
    // It counts only once it is confirmed.
    assert_eq!(login(server, None).await.0, StatusCode::OK);

    let step = || Timestamp::now().as_millis() / 1000 / CODE_PERIOD_S;
    // One that is none of those which may count while this test runs.
    let soon: Vec<_> = (-2..10).map(|later| secret.code(step() + later)).collect();
    let wrong = (0..100).map(|number| format!("{number:06}")).find(|code| !soon.contains(code)).expect("a wrong code");
    let confirm =
        async |token: &Value, code: &str| post("confirm-request", Some(&ann), json!({ "requestToken": token, "otpToken": code })).await.0;
    assert_eq!(confirm(&json!("x"), &secret.code(step())).await, StatusCode::FORBIDDEN);
    assert_eq!(confirm(&request["requestToken"], "not a code").await, StatusCode::FORBIDDEN);
    assert_eq!(confirm(&request["requestToken"], &secret.code(step())).await, StatusCode::NO_CONTENT);
    assert_eq!(confirm(&request["requestToken"], &secret.code(step())).await, StatusCode::BAD_REQUEST, "it is on");
    assert_eq!(post("request", Some(&ann), password.clone()).await.0, StatusCode::BAD_REQUEST, "it is on");
    assert_eq!(me().await["twoFactorEnabled"], true);

    let (status, problem, asked) = login(server, None).await;
    assert_eq!((status, &problem["code"]), (StatusCode::UNAUTHORIZED, &json!("missing_two_factor")));
    assert_eq!(asked.as_deref(), Some("required; app"));
    let (status, problem, _) = login(server, Some(&wrong)).await;
    assert_eq!((status, &problem["code"]), (StatusCode::BAD_REQUEST, &json!("invalid_two_factor")));
    // The current code was used; the next one counts already (a telephone's clock may be fast).
    let code = secret.code(step() + 1);
    assert_eq!(login(server, Some(&code)).await.0, StatusCode::OK);
    let (status, problem, _) = login(server, Some(&code)).await;
    assert_eq!((status, &problem["code"]), (StatusCode::BAD_REQUEST, &json!("invalid_two_factor")), "a code counts once");

    assert_eq!(post("disable", Some(&ann), json!({ "currentPassword": "wrong" })).await.0, StatusCode::FORBIDDEN);
    assert_eq!(post("disable", Some(&ann), password).await.0, StatusCode::NO_CONTENT);
    assert_eq!(login(server, None).await.0, StatusCode::OK);
    // Moderators help those who lost their telephone.
    assert_eq!(post("disable", Some(&root), json!({})).await.0, StatusCode::BAD_REQUEST, "off already");
}

/// A user `ann` with a second factor, set up already.
async fn ann_with(server: &Server, secret: OtpSecret) {
    let ann = server.user("ann").await;
    let id = server.call(Method::GET, "/api/v1/users/me", Some(&ann), None).await.1["id"].as_i64().expect("a number");
    let app = &server.running.app;
    let mut tx = app.store.write().await.expect("the store");
    let mut user = tx.users().by_id(shoal::domain::UserId(id)).await.expect("the store").expect("ann");
    user.otp_secret = Some(secret);
    tx.users().update(&user).await.expect("updated");
    tx.commit().await.expect("committed");
}

#[tokio::test]
async fn codes_are_not_guessed() {
    let server = Server::start().await;
    ann_with(&server, OtpSecret::from_bytes([9; 20])).await;
    for attempt in 0..10 {
        assert_eq!(login(&server, Some("no code")).await.0, StatusCode::BAD_REQUEST, "attempt {attempt}");
    }
    assert_eq!(login(&server, Some("no code")).await.0, StatusCode::TOO_MANY_REQUESTS);
    server.stop().await;
}

#[tokio::test]
async fn codes_are_not_guessed_from_many_addresses() {
    let server = Server::start_with(|config| {
        config.http.trusted_proxies = vec![shoal::config::Network::parse("127.0.0.0/8").expect("a network")];
    })
    .await;
    let secret = OtpSecret::from_bytes([9; 20]);
    ann_with(&server, secret.clone()).await;
    for number in 0..20 {
        let address = format!("203.0.113.{number}");
        assert_eq!(login_from(&server, Some("no code"), Some(&address)).await.0, StatusCode::BAD_REQUEST, "{address}");
    }
    // The right one too, else guessing would go on.
    let code = secret.code(Timestamp::now().as_millis() / 1000 / CODE_PERIOD_S);
    assert_eq!(login_from(&server, Some(&code), Some("203.0.113.99")).await.0, StatusCode::TOO_MANY_REQUESTS);
    server.stop().await;
}
