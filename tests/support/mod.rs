//! What black-box tests share: a server on free ports, a client that knows the API, a PostgreSQL of their own.
#![allow(dead_code, reason = "each test program uses its part of it")]
#![allow(clippy::allow_attributes, reason = "an expectation would fail in the programs that use everything")]

pub mod mail;
pub mod postgres;
pub mod program;
pub mod seaweed;
pub mod videos;

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shoal::app::{App, Running};
use shoal::config::{Config, Secret};
use tempfile::TempDir;

pub const PASSWORD: &str = "correct horse";

/// A configuration that listens on free ports of this machine and keeps everything in `data_dir`.
pub fn config(data_dir: &Path) -> Config {
    let mut config = Config { data_dir: data_dir.to_owned(), ..Config::default() };
    config.http.listen = "127.0.0.1:0".parse().expect("an address");
    config.rtmp.listen = "127.0.0.1:0".parse().expect("an address");
    config.metrics.listen = Some("127.0.0.1:0".parse().expect("an address"));
    config.root_password = Some(Secret::new(PASSWORD));
    config
}

/// A running server with its folder.
pub struct Server {
    pub running: Running,
    pub base: String,
    pub http: reqwest::Client,
    pub folder: TempDir,
}

impl Server {
    /// With the defaults of [`config`].
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// With changes.
    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = config(folder.path());
        change(&mut config);
        let running = App::start(config).await.expect("the server starts");
        let base = format!("http://{}", running.addrs.http.expect("HTTP listens"));
        Self { running, base, http: reqwest::Client::new(), folder }
    }

    /// Stops and starts again on the same folder.
    pub async fn restart(self) -> Self {
        let Self { running, folder, .. } = self;
        running.stop().await;
        let running = App::start(config(folder.path())).await.expect("the server starts again");
        let base = format!("http://{}", running.addrs.http.expect("HTTP listens"));
        Self { running, base, http: reqwest::Client::new(), folder }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.call(Method::GET, path, None, None).await
    }

    pub async fn call(&self, method: Method, path: &str, token: Option<&str>, body: Option<Value>) -> (StatusCode, Value) {
        let mut request = self.http.request(method, self.url(path));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.expect("an answer");
        let status = response.status();
        let text = response.text().await.expect("a body");
        let value = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap_or(Value::String(text)) };
        (status, value)
    }

    /// The answer to a token request with these fields besides the client's.
    pub async fn token_request(&self, fields: &[(&str, &str)]) -> (StatusCode, Value) {
        let (_, client) = self.get("/api/v1/oauth-clients/local").await;
        let text = |name: &str| client[name].as_str().expect("the client").to_owned();
        let (id, secret) = (text("client_id"), text("client_secret"));
        let mut form = vec![("client_id", id.as_str()), ("client_secret", secret.as_str())];
        form.extend_from_slice(fields);
        let response = self.http.post(self.url("/api/v1/users/token")).form(&form).send().await.expect("an answer");
        (response.status(), response.json().await.expect("JSON"))
    }

    /// An access token.
    pub async fn login(&self, username: &str, password: &str) -> String {
        let fields = [("grant_type", "password"), ("username", username), ("password", password)];
        let (status, tokens) = self.token_request(&fields).await;
        assert_eq!(status, 200, "{tokens}");
        tokens["access_token"].as_str().expect("a token").to_owned()
    }

    /// The administrator's access token.
    pub async fn root(&self) -> String {
        self.login("root", PASSWORD).await
    }

    /// Another user with an access token.
    pub async fn user(&self, name: &str) -> String {
        shoal::users::create_user(&self.running.app.store, name, "", shoal::domain::Role::User, PASSWORD).await.expect("a user");
        self.login(name, PASSWORD).await
    }

    /// A live of the user of this token, in their first channel; returns its UUID.
    pub async fn create_live(&self, token: &str, fields: Value) -> String {
        let (_, me) = self.call(Method::GET, "/api/v1/users/me", Some(token), None).await;
        let mut body = json!({ "channelId": me["videoChannels"][0]["id"], "name": "A live", "privacy": 1 });
        for (key, value) in fields.as_object().expect("an object") {
            body[key] = value.clone();
        }
        let (status, created) = self.call(Method::POST, "/api/v1/videos/live", Some(token), Some(body)).await;
        assert_eq!(status, 200, "{created}");
        created["video"]["uuid"].as_str().expect("a uuid").to_owned()
    }

    pub async fn stop(self) {
        self.running.stop().await;
    }
}

/// A fixture captured from PeerTube 6.3.
pub fn fixture(name: &str) -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Everything in `expected` is in `actual` with the same type; null stands for any type. `actual`
/// may have more. Of arrays the first elements are compared.
pub fn assert_shape(expected: &Value, actual: &Value, path: &str) {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => {
            for (key, value) in expected {
                let Some(found) = actual.get(key) else { panic!("{path}.{key} is missing") };
                assert_shape(value, found, &format!("{path}.{key}"));
            }
        }
        (Value::Array(expected), Value::Array(actual)) => {
            if let (Some(expected), Some(actual)) = (expected.first(), actual.first()) {
                assert_shape(expected, actual, &format!("{path}[0]"));
            }
        }
        (Value::Null, _) | (_, Value::Null) => {}
        (Value::Bool(_), Value::Bool(_)) | (Value::Number(_), Value::Number(_)) | (Value::String(_), Value::String(_)) => {}
        (expected, actual) => panic!("{path}: expected the type of {expected}, found {actual}"),
    }
}

/// Runs `test` on a server with each database, with a mail server beside it.
pub async fn on_both_databases(name: &str, change: impl Fn(&mut Config), test: impl AsyncFn(&Server, &mail::MailServer)) {
    let cluster = postgres::Cluster::start();
    for url in [String::new(), cluster.database(name)] {
        let mail = mail::MailServer::start().await;
        let server = Server::start_with(|config| {
            config.database_url = url;
            mail.configure(config);
            change(config);
        })
        .await;
        test(&server, &mail).await;
        server.stop().await;
    }
}

/// Waits for `condition`, which is looked at often, and fails after 20 s.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    for _ in 0..400 {
        if condition().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not within 20 s: {what}");
}
