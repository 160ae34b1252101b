//! The program itself, so that it can be killed.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::PASSWORD;

/// From its start to the file that tells its addresses; a cold disk included.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// A server that is a process of its own, on free ports; SIGKILL when dropped: nobody has time to clean up.
pub struct Program {
    child: Child,
    addresses: Value,
    pub base: String,
    http: reqwest::Client,
}

impl Program {
    /// Starts it in `folder`, with these variables besides.
    pub async fn start(folder: &Path, variables: &[(&str, &str)]) -> Self {
        let told = folder.join("addresses.json");
        let _ = std::fs::remove_file(&told);
        let mut command = Command::new(env!("CARGO_BIN_EXE_shoal"));
        command.arg("serve").env("SHOAL_DATA_DIR", folder).env("SHOAL_ROOT_PASSWORD", PASSWORD);
        command.env("SHOAL_HTTP_LISTEN", "127.0.0.1:0").env("SHOAL_RTMP_LISTEN", "127.0.0.1:0");
        command.envs(variables.iter().copied());
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program");
        let mut program = Self { child, addresses: Value::Null, base: String::new(), http: reqwest::Client::new() };
        let began = Instant::now();
        while program.addresses.is_null() {
            assert!(program.child.try_wait().expect("a status").is_none(), "the program ended");
            assert!(began.elapsed() < READY_WITHIN, "the program is not ready");
            tokio::time::sleep(Duration::from_millis(20)).await;
            program.addresses = serde_json::from_slice(&std::fs::read(&told).unwrap_or_default()).unwrap_or_default();
        }
        program.base = format!("http://{}", program.addresses["http"].as_str().expect("HTTP listens"));
        program
    }

    /// Where to publish with this key.
    pub fn rtmp_url(&self, key: &str) -> String {
        format!("rtmp://{}/live/{key}", self.addresses["rtmp"].as_str().expect("RTMP listens"))
    }

    pub fn request(&self, method: Method, path: &str, token: Option<&str>) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub async fn get(&self, path: &str, token: Option<&str>) -> (StatusCode, Value) {
        let response = self.request(Method::GET, path, token).send().await.expect("an answer");
        let status = response.status();
        (status, response.json().await.expect("JSON"))
    }

    /// SIGKILL.
    pub fn kill(self) {
        drop(self);
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
