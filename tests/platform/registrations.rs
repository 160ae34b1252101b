//! Who may join: nobody, everybody, those whom moderators let in; with a proof of the address or without.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shoal::domain::{Registration, Timestamp};
use shoal::mail::LIFETIME;
use shoal::store::NewRegistration;

use crate::support::mail::{MailServer, secret_in};
use crate::support::{PASSWORD, Server, on_both_databases};

const REGISTER: &str = "/api/v1/users/register";
const REQUEST: &str = "/api/v1/users/registrations/request";

fn form(name: &str) -> Value {
    json!({ "username": name, "password": PASSWORD, "email": format!("{name}@mail.example") })
}

async fn post(server: &Server, path: &str, body: Value) -> (StatusCode, Value) {
    server.call(Method::POST, path, None, Some(body)).await
}

async fn login(server: &Server, name: &str) -> (StatusCode, Value) {
    server.token_request(&[("grant_type", "password"), ("username", name), ("password", PASSWORD)]).await
}

#[tokio::test]
async fn nobody_may_join_unless_it_is_allowed() {
    let server = Server::start().await;
    assert_eq!(server.get("/api/v1/config").await.1["signup"]["allowed"], false);
    assert_eq!(post(&server, REGISTER, form("ann")).await.0, StatusCode::FORBIDDEN);
    assert_eq!(post(&server, REQUEST, form("ann")).await.0, StatusCode::FORBIDDEN);
    server.stop().await;
}

#[tokio::test]
async fn everybody_may_join_up_to_a_limit() {
    on_both_databases(
        "open",
        |config| {
            config.signup.enabled = true;
            config.signup.requires_approval = false;
            config.signup.limit = 3;
            config.user.video_quota_bytes = 5;
        },
        open,
    )
    .await;
}

async fn open(server: &Server, mail: &MailServer) {
    let (_, config) = server.get("/api/v1/config").await;
    assert_eq!((&config["signup"]["allowed"], &config["signup"]["requiresApproval"]), (&json!(true), &json!(false)));
    assert_eq!(config["email"]["enabled"], true);
    let mut full = form("ann");
    full["displayName"] = json!("Ann");
    full["channel"] = json!({ "name": "ann-tv", "displayName": "Ann's TV" });
    let (status, answer) = post(server, REGISTER, full).await;
    assert_eq!((status, &answer["state"]), (StatusCode::OK, &json!({ "id": 3, "label": "Accepted" })), "{answer}");
    let token = server.login("ann", PASSWORD).await;
    let (_, me) = server.call(Method::GET, "/api/v1/users/me", Some(&token), None).await;
    assert_eq!((&me["account"]["displayName"], &me["videoChannels"][0]["displayName"]), (&json!("Ann"), &json!("Ann's TV")));
    assert_eq!((&me["role"]["id"], &me["videoQuota"], &me["emailVerified"]), (&json!(2), &json!(5), &Value::Null));

    for (body, status) in [
        (form("ann"), StatusCode::CONFLICT),
        (form("ann_tv@x"), StatusCode::BAD_REQUEST),
        (json!({ "username": "bob", "password": PASSWORD, "email": "ann@mail.example" }), StatusCode::CONFLICT),
        (json!({ "username": "bob", "email": "bob@mail.example" }), StatusCode::BAD_REQUEST),
        (json!({ "username": "bob", "password": "short", "email": "bob@mail.example" }), StatusCode::BAD_REQUEST),
        (
            json!({ "username": "bob", "password": PASSWORD, "email": "bob@mail.example", "channel": { "name": "bobs" } }),
            StatusCode::BAD_REQUEST,
        ),
        (
            json!({ "username": "bob", "password": PASSWORD, "email": "bob@mail.example", "channel": { "name": "bob", "displayName": "B" } }),
            StatusCode::BAD_REQUEST,
        ),
        (
            json!({ "username": "bob", "password": PASSWORD, "email": "bob@mail.example", "channel": { "name": "ann-tv", "displayName": "B" } }),
            StatusCode::CONFLICT,
        ),
    ] {
        let (answered, problem) = post(server, REGISTER, body.clone()).await;
        assert_eq!(answered, status, "{body}: {problem}");
    }
    assert_eq!(post(server, REQUEST, form("bob")).await.0, StatusCode::BAD_REQUEST, "nobody answers here");
    assert_eq!(post(server, REGISTER, form("bob")).await.0, StatusCode::OK);
    // Three users are here with root.
    assert_eq!(post(server, REGISTER, form("carl")).await.0, StatusCode::FORBIDDEN);
    assert_eq!(server.get("/api/v1/config").await.1["signup"]["allowed"], false);
    assert_eq!(mail.count(), 0);
}

#[tokio::test]
async fn addresses_are_proven_where_that_is_asked_for() {
    on_both_databases(
        "proven",
        |config| {
            config.signup.enabled = true;
            config.signup.requires_approval = false;
            config.signup.requires_email_verification = true;
        },
        proven,
    )
    .await;
}

async fn proven(server: &Server, mail: &MailServer) {
    assert_eq!(post(server, REGISTER, form("ann")).await.0, StatusCode::OK);
    let (status, problem) = login(server, "ann").await;
    assert_eq!((status, &problem["detail"]), (StatusCode::BAD_REQUEST, &json!("User email is not verified.")));
    let secret = secret_in(&mail.next_to("ann@mail.example").await);
    let ask = async |email: &str| post(server, "/api/v1/users/ask-send-verify-email", json!({ "email": email })).await.0;
    assert_eq!(ask("nobody@mail.example").await, StatusCode::NO_CONTENT);
    assert_eq!(ask("ann@mail.example").await, StatusCode::NO_CONTENT, "but one letter a minute is enough");
    let id = {
        let mut tx = server.running.app.store.read().await.expect("the store");
        tx.users().by_login("ann").await.expect("the store").expect("ann").id
    };
    let verify = format!("/api/v1/users/{id}/verify-email");
    for (body, status) in [
        (json!({ "verificationString": "0".repeat(40) }), StatusCode::FORBIDDEN),
        (json!({}), StatusCode::BAD_REQUEST),
        (json!({ "verificationString": secret, "isPendingEmail": true }), StatusCode::FORBIDDEN),
    ] {
        assert_eq!(post(server, &verify, body.clone()).await.0, status, "{body}");
    }
    assert_eq!(post(server, "/api/v1/users/999/verify-email", json!({ "verificationString": secret })).await.0, StatusCode::NOT_FOUND);
    assert_eq!(post(server, &verify, json!({ "verificationString": secret })).await.0, StatusCode::NO_CONTENT);
    assert_eq!(post(server, &verify, json!({ "verificationString": secret })).await.0, StatusCode::FORBIDDEN, "it counts once");
    let token = server.login("ann", PASSWORD).await;

    // A new address is proven before it replaces the old one.
    let body = json!({ "email": "new@mail.example", "currentPassword": PASSWORD });
    assert_eq!(server.call(Method::PUT, "/api/v1/users/me", Some(&token), Some(body)).await.0, StatusCode::NO_CONTENT);
    let me = async || server.call(Method::GET, "/api/v1/users/me", Some(&token), None).await.1;
    assert_eq!((&me().await["email"], &me().await["pendingEmail"]), (&json!("ann@mail.example"), &json!("new@mail.example")));
    let secret = secret_in(&mail.next_to("new@mail.example").await);
    let body = json!({ "verificationString": secret, "isPendingEmail": true });
    assert_eq!(post(server, &verify, body).await.0, StatusCode::NO_CONTENT);
    assert_eq!((&me().await["email"], &me().await["pendingEmail"]), (&json!("new@mail.example"), &Value::Null));
    assert_eq!(mail.count(), 0);

    // An older letter proves no newer address, even before there is a newer letter.
    let change = async |email: &str| {
        let body = json!({ "email": email, "currentPassword": PASSWORD });
        server.call(Method::PUT, "/api/v1/users/me", Some(&token), Some(body)).await.0
    };
    let prove = async |secret: &str| post(server, &verify, json!({ "verificationString": secret, "isPendingEmail": true })).await.0;
    assert_eq!(change("first@mail.example").await, StatusCode::NO_CONTENT);
    let older = secret_in(&mail.next_to("first@mail.example").await);
    server.running.app.jobs.pause().await;
    assert_eq!(change("second@mail.example").await, StatusCode::NO_CONTENT);
    assert_eq!(prove(&older).await, StatusCode::FORBIDDEN);
    server.running.app.jobs.resume();
    let newer = secret_in(&mail.next_to("second@mail.example").await);
    assert_eq!(prove(&newer).await, StatusCode::NO_CONTENT);
    assert_eq!(me().await["email"], "second@mail.example");

    // Nobody has letters written to the addresses of many, six an hour.
    for number in 4..=6 {
        assert_eq!(change(&format!("{number}@mail.example")).await, StatusCode::NO_CONTENT);
        mail.next_to(&format!("{number}@mail.example")).await;
    }
    assert_eq!(change("seventh@mail.example").await, StatusCode::TOO_MANY_REQUESTS);

    // An older letter sets no password once letters go elsewhere.
    let body = json!({ "email": "second@mail.example" });
    assert_eq!(post(server, "/api/v1/users/ask-reset-password", body).await.0, StatusCode::NO_CONTENT);
    let secret = secret_in(&mail.next_to("second@mail.example").await);
    let root = server.root().await;
    let body = json!({ "email": "third@mail.example" });
    let (status, problem) = server.call(Method::PUT, &format!("/api/v1/users/{id}"), Some(&root), Some(body)).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{problem}");
    let body = json!({ "verificationString": secret, "password": "another password" });
    assert_eq!(post(server, &format!("/api/v1/users/{id}/reset-password"), body).await.0, StatusCode::FORBIDDEN);
    server.login("ann", PASSWORD).await;
}

#[tokio::test]
async fn moderators_answer_those_who_would_like_to_join() {
    on_both_databases(
        "answered",
        |config| {
            config.signup.enabled = true;
            config.signup.requires_email_verification = true;
        },
        answered,
    )
    .await;
}

async fn answered(server: &Server, mail: &MailServer) {
    let root = server.root().await;
    let body = json!({ "email": "root@mail.example" });
    // Moderators with an address are told of those who ask.
    assert_eq!(server.call(Method::PUT, "/api/v1/users/1", Some(&root), Some(body)).await.0, StatusCode::NO_CONTENT);
    let asking = |name: &str| {
        let mut body = form(name);
        body["registrationReason"] = json!("I film birds");
        body["channel"] = json!({ "name": format!("{name}-birds"), "displayName": "Birds" });
        body
    };
    assert_eq!(post(server, REGISTER, form("ann")).await.0, StatusCode::BAD_REQUEST, "without a reason");
    let (status, answer) = post(server, REGISTER, asking("ann")).await;
    assert_eq!((status, &answer["state"]), (StatusCode::OK, &json!({ "id": 1, "label": "Pending" })), "{answer}");
    assert_eq!(post(server, REQUEST, asking("bob")).await.0, StatusCode::OK);
    assert!(mail.next_to("root@mail.example").await.contains("I film birds"));
    for body in [asking("ann"), asking("bob")] {
        assert_eq!(post(server, REQUEST, body).await.0, StatusCode::CONFLICT, "asked for already");
    }
    let mut same_channel = asking("carl");
    same_channel["channel"]["name"] = json!("ann-birds");
    assert_eq!(post(server, REQUEST, same_channel).await.0, StatusCode::CONFLICT);
    let (status, problem) = login(server, "ann").await;
    assert_eq!((status, &problem["code"]), (StatusCode::BAD_REQUEST, &json!("account_waiting_for_approval")));
    let wrong = [("grant_type", "password"), ("username", "ann"), ("password", "wrong")];
    assert_eq!(server.token_request(&wrong).await.1["code"], "invalid_grant", "only who knows the password is told");

    let list = async |query: &str| {
        let (status, list) = server.call(Method::GET, &format!("/api/v1/users/registrations?{query}"), Some(&root), None).await;
        assert_eq!(status, StatusCode::OK, "{query}: {list}");
        list
    };
    let all = list("sort=createdAt").await;
    assert_eq!((&all["total"], &all["data"][0]["username"]), (&json!(2), &json!("ann")));
    let ann = &all["data"][0];
    assert_eq!((&ann["registrationReason"], &ann["channelHandle"]), (&json!("I film birds"), &json!("ann-birds")));
    assert_eq!((&ann["emailVerified"], &ann["user"], &ann["state"]["id"]), (&json!(false), &Value::Null, &json!(1)));
    assert!(ann.get("password").is_none() && !ann.to_string().contains("argon2"), "{ann}");
    assert_eq!(list("search=BOB").await["total"], 1);
    assert_eq!(list("stateOneOf=2&stateOneOf=3").await["total"], 0);
    let path = |number: usize, what: &str| format!("/api/v1/users/registrations/{}{what}", all["data"][number]["id"]);

    // The proof of the address goes along.
    let secret = secret_in(&mail.next_to("ann@mail.example").await);
    mail.next_to("bob@mail.example").await;
    let ask = json!({ "email": "ann@mail.example" });
    assert_eq!(post(server, "/api/v1/users/registrations/ask-send-verify-email", ask).await.0, StatusCode::NO_CONTENT);
    let body = json!({ "verificationString": secret });
    assert_eq!(post(server, &path(1, "/verify-email"), body.clone()).await.0, StatusCode::FORBIDDEN, "somebody else's");
    assert_eq!(post(server, &path(0, "/verify-email"), body).await.0, StatusCode::NO_CONTENT);

    // Only moderators see and answer.
    let carl = server.user("carl").await;
    for (method, path) in [
        (Method::GET, "/api/v1/users/registrations".to_owned()),
        (Method::POST, path(0, "/accept")),
        (Method::POST, path(0, "/reject")),
        (Method::DELETE, path(0, "")),
    ] {
        assert_eq!(server.call(method.clone(), &path, Some(&carl), None).await.0, StatusCode::FORBIDDEN, "{method} {path}");
        assert_eq!(server.call(method.clone(), &path, None, None).await.0, StatusCode::UNAUTHORIZED, "{method} {path}");
    }
    let answer = async |path: String, body: Value| server.call(Method::POST, &path, Some(&root), Some(body)).await.0;
    assert_eq!(answer(path(0, "/accept"), json!({})).await, StatusCode::BAD_REQUEST, "an answer has words");
    assert_eq!(
        answer("/api/v1/users/registrations/999/accept".into(), json!({ "moderationResponse": "Hello" })).await,
        StatusCode::NOT_FOUND
    );
    assert_eq!(answer(path(0, "/accept"), json!({ "moderationResponse": "Welcome, Ann" })).await, StatusCode::NO_CONTENT);
    assert_eq!(answer(path(0, "/reject"), json!({ "moderationResponse": "No" })).await, StatusCode::CONFLICT, "answered already");
    assert!(mail.next_to("ann@mail.example").await.contains("Welcome, Ann"));
    let token = server.login("ann", PASSWORD).await;
    let (_, me) = server.call(Method::GET, "/api/v1/users/me", Some(&token), None).await;
    assert_eq!((&me["emailVerified"], &me["videoChannels"][0]["name"]), (&json!(true), &json!("ann-birds")));
    assert_eq!(list("stateOneOf=3").await["data"][0]["user"]["id"], me["id"]);

    let body = json!({ "moderationResponse": "Sorry", "preventEmailDelivery": true });
    assert_eq!(answer(path(1, "/reject"), body).await, StatusCode::NO_CONTENT);
    assert_eq!(login(server, "bob").await.1["code"], "account_approval_rejected");
    // Forgotten, bob may ask again; ann stays.
    for number in [0, 1] {
        assert_eq!(server.call(Method::DELETE, &path(number, ""), Some(&root), None).await.0, StatusCode::NO_CONTENT);
        assert_eq!(server.call(Method::DELETE, &path(number, ""), Some(&root), None).await.0, StatusCode::NOT_FOUND);
    }
    assert_eq!(post(server, REQUEST, asking("bob")).await.0, StatusCode::OK);
    server.login("ann", PASSWORD).await;

    // The letter to a registration's address proves none that its user has by then.
    let secret = secret_in(&mail.next_to("bob@mail.example").await);
    let again = format!("/api/v1/users/registrations/{}", list("search=bob").await["data"][0]["id"]);
    let body = json!({ "moderationResponse": "Welcome, Bob", "preventEmailDelivery": true });
    assert_eq!(answer(format!("{again}/accept"), body).await, StatusCode::NO_CONTENT);
    let bob = format!("/api/v1/users/{}", list("search=bob").await["data"][0]["user"]["id"]);
    let body = json!({ "email": "robert@mail.example" });
    assert_eq!(server.call(Method::PUT, &bob, Some(&root), Some(body)).await.0, StatusCode::NO_CONTENT);
    let body = json!({ "verificationString": secret });
    assert_eq!(post(server, &format!("{again}/verify-email"), body).await.0, StatusCode::NO_CONTENT);
    assert_eq!(server.call(Method::GET, &bob, Some(&root), None).await.1["emailVerified"], false);

    // Whoever does not prove their address in time makes room for others.
    for name in ["dora", "ella"] {
        assert_eq!(post(server, REQUEST, asking(name)).await.0, StatusCode::OK);
    }
    mail.next_to("dora@mail.example").await;
    let secret = secret_in(&mail.next_to("ella@mail.example").await);
    let ella = format!("/api/v1/users/registrations/{}", list("search=ella").await["data"][0]["id"]);
    let body = json!({ "verificationString": secret });
    assert_eq!(post(server, &format!("{ella}/verify-email"), body).await.0, StatusCode::NO_CONTENT);
    for (now, waiting) in [(Timestamp::now(), 2), (Timestamp::now().plus(LIFETIME * 2), 1)] {
        shoal::uploads::tidy(&server.running.app, now).await.expect("tidied");
        assert_eq!(list("stateOneOf=1").await["total"], waiting);
    }
    assert_eq!(list("search=ella").await["total"], 1);
}

#[tokio::test]
async fn those_who_wait_for_an_answer_are_bounded() {
    let server = Server::start_with(|config| config.signup.enabled = true).await;
    let store = &server.running.app.store;
    let mut tx = store.write().await.expect("the store");
    let mut last = None;
    for number in 0..Registration::MAX_PENDING {
        let (username, email) = (format!("waiting{number}"), format!("{number}@mail.example"));
        let waiting = NewRegistration {
            reason: "I film birds",
            username: &username,
            email: &email,
            email_verified: None,
            password_hash: "none",
            display_name: None,
            channel_name: None,
            channel_display_name: None,
        };
        last = Some(tx.registrations().create(waiting).await.expect("a registration"));
    }
    tx.commit().await.expect("committed");
    let mut body = form("ann");
    body["registrationReason"] = json!("I film birds");
    let (status, problem) = post(&server, REQUEST, body.clone()).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("wait for an answer")), "{problem}");
    // One is answered: there is room for another.
    let mut tx = store.write().await.expect("the store");
    tx.registrations().reject(last.expect("a registration"), "Sorry").await.expect("rejected");
    tx.commit().await.expect("committed");
    assert_eq!(post(&server, REQUEST, body).await.0, StatusCode::OK);
    server.stop().await;
}

#[tokio::test]
async fn no_network_takes_all_places() {
    let server = Server::start_with(|config| config.signup.enabled = true).await;
    for number in 0..=25 {
        let mut body = form(&format!("waiting{number}"));
        body["registrationReason"] = json!("I film birds");
        let expected = if number < 25 { StatusCode::OK } else { StatusCode::TOO_MANY_REQUESTS };
        assert_eq!(post(&server, REQUEST, body).await.0, expected, "{number}");
    }
    server.stop().await;
}

#[tokio::test]
async fn registrations_are_braked_by_address() {
    let server = Server::start().await;
    let mut last = StatusCode::OK;
    for _ in 0..31 {
        last = post(&server, REGISTER, form("ann")).await.0;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    server.stop().await;
}
