//! A Shoal of the measurement's own.

use crate::Common;
use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// From start to ready, a cold disk included.
const READY_WITHIN: Duration = Duration::from_secs(20);
/// SIGTERM: exits within 10 s.
const STOP_WITHIN: Duration = Duration::from_secs(12);
const PASSWORD: &str = "measure what can be measured";

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub http: SocketAddr,
    pub rtmp: SocketAddr,
    metrics: SocketAddr,
    token: String,
    channel: i64,
    client: reqwest::Client,
    pub data: TempDir,
}

/// A live that can be published to.
#[derive(Debug, Clone)]
pub(crate) struct Live {
    pub uuid: String,
    pub short: String,
    pub key: String,
}

#[derive(Deserialize)]
struct Addresses {
    http: Option<SocketAddr>,
    rtmp: Option<SocketAddr>,
    metrics: Option<SocketAddr>,
}

impl Server {
    pub(crate) async fn start(common: &Common) -> anyhow::Result<Self> {
        Self::start_with(common, &[]).await
    }

    /// Starts with more settings, as environment variables.
    pub(crate) async fn start_with(common: &Common, settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let program = binary(common)?;
        let data = TempDir::with_prefix("shoal-bench-")?;
        let log = std::fs::File::create(data.path().join("shoal.log"))?;
        let mut child = Command::new(&program)
            .arg("serve")
            .env("SHOAL_DATA_DIR", data.path())
            .env("SHOAL_HTTP_LISTEN", "127.0.0.1:0")
            .env("SHOAL_RTMP_LISTEN", "127.0.0.1:0")
            .env("SHOAL_METRICS_LISTEN", "127.0.0.1:0")
            .env("SHOAL_ROOT_PASSWORD", PASSWORD)
            .env("SHOAL_LOG", "info")
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let client = reqwest::Client::builder().no_proxy().build()?;
        let path = data.path().join("addresses.json");
        let began = Instant::now();
        let (http, rtmp, metrics) = loop {
            if let Some(status) = child.try_wait()? {
                bail!("the server exited: {status}");
            }
            if began.elapsed() > READY_WITHIN {
                bail!("the server is not ready after {READY_WITHIN:?}");
            }
            let read = std::fs::read(&path).ok();
            let found = read.and_then(|bytes| serde_json::from_slice::<Addresses>(&bytes).ok());
            if let Some(Addresses { http: Some(http), rtmp: Some(rtmp), metrics: Some(metrics) }) = found
                && client.get(format!("http://{http}/healthz")).send().await.is_ok_and(|answer| answer.status().is_success())
            {
                break (http, rtmp, metrics);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let mut server = Self { child, http, rtmp, metrics, token: String::new(), channel: 0, client, data };
        server.log_in().await?;
        Ok(server)
    }

    async fn log_in(&mut self) -> anyhow::Result<()> {
        let local = self.get("/api/v1/oauth-clients/local").await?;
        let form = [
            ("client_id", local["client_id"].as_str().unwrap_or("")),
            ("client_secret", local["client_secret"].as_str().unwrap_or("")),
            ("grant_type", "password"),
            ("username", "root"),
            ("password", PASSWORD),
        ];
        let body = form.map(|(name, value)| format!("{name}={}", value.replace(' ', "+"))).join("&");
        let answer = self
            .client
            .post(self.url("/api/v1/users/token"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
            .send()
            .await?
            .error_for_status()
            .context("login")?;
        let token: Value = answer.json().await?;
        self.token = token["access_token"].as_str().context("no access token")?.to_owned();
        let me = self.get("/api/v1/users/me").await?;
        self.channel = me["videoChannels"][0]["id"].as_i64().context("root has no channel")?;
        Ok(())
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.http)
    }

    /// Asks the API as root.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let request = self.client.get(self.url(path)).bearer_auth(&self.token);
        let answer = request.send().await?.error_for_status()?;
        Ok(answer.json().await?)
    }

    /// Makes a permanent live.
    pub(crate) async fn live(&self, name: &str) -> anyhow::Result<Live> {
        self.live_with(name, true, false).await
    }

    pub(crate) async fn live_with(&self, name: &str, permanent: bool, replay: bool) -> anyhow::Result<Live> {
        let body = json!({
            "channelId": self.channel,
            "name": name,
            "privacy": 1,
            "permanentLive": permanent,
            "saveReplay": replay,
            "latencyMode": 3,
        });
        let answer = self
            .client
            .post(self.url("/api/v1/videos/live"))
            .bearer_auth(&self.token)
            .json(&body)
            .send()
            .await?
            .error_for_status()
            .context("cannot make a live")?;
        let made: Value = answer.json().await?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let uuid = text(&made["video"]["uuid"]).context("the live has no uuid")?;
        let short = text(&made["video"]["shortUUID"]).unwrap_or_else(|| uuid.clone());
        let live = self.get(&format!("/api/v1/videos/live/{uuid}")).await?;
        let key = text(&live["streamKey"]).context("the live has no key")?;
        Ok(Live { uuid, short, key })
    }

    /// Uploads a file in one form, as a video for everybody that is shown as soon as something of it plays; its UUID.
    pub(crate) async fn upload(&self, name: &str, file: &Path) -> anyhow::Result<String> {
        let part = reqwest::multipart::Part::bytes(std::fs::read(file)?).file_name("upload.mp4");
        let form = reqwest::multipart::Form::new()
            .text("channelId", self.channel.to_string())
            .text("name", name.to_owned())
            .text("privacy", "1")
            .text("waitTranscoding", "false")
            .part("videofile", part);
        let request = self.client.post(self.url("/api/v1/videos/upload")).bearer_auth(&self.token).multipart(form);
        let made: Value = request.send().await?.error_for_status().context("cannot upload")?.json().await?;
        made["video"]["uuid"].as_str().map(str::to_owned).context("the video has no uuid")
    }

    /// URL below the directory of a live's playlists.
    pub(crate) fn hls(&self, live: &Live, file: &str) -> String {
        let path = format!("/static/streaming-playlists/hls/{}/{file}", live.uuid);
        self.url(&path)
    }

    /// Waits until a file of a live answers 200.
    pub(crate) async fn wait_for(&self, live: &Live, file: &str, patience: Duration) -> anyhow::Result<String> {
        let url = self.hls(live, file);
        let began = Instant::now();
        loop {
            let answer = self.client.get(&url).send().await?;
            if answer.status().is_success() {
                return Ok(answer.text().await?);
            }
            if began.elapsed() > patience {
                bail!("{url}: {} after {patience:?}", answer.status());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// The metrics, by name and labels.
    pub(crate) async fn metrics(&self) -> anyhow::Result<Metrics> {
        let url = format!("http://{}/metrics", self.metrics);
        let text = self.client.get(url).send().await?.text().await?;
        Ok(Metrics(
            text.lines()
                .filter(|line| !line.starts_with('#'))
                .filter_map(|line| line.rsplit_once(' '))
                .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
                .collect(),
        ))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id().unwrap_or(0)
    }

    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Lines of the server's log that tell of a panic.
    pub(crate) fn panics(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.data.path().join("shoal.log")).unwrap_or_default();
        let lines = log.lines().filter(|line| line.contains("panicked at"));
        lines.map(str::to_owned).collect()
    }

    /// Stops the server as the system does.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        if let Some(pid) = rustix::process::Pid::from_raw(i32::try_from(self.pid())?) {
            rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        }
        let status = tokio::time::timeout(STOP_WITHIN, self.child.wait()).await.context("the server did not stop in time")??;
        anyhow::ensure!(status.success(), "the server exited: {status}");
        Ok(())
    }
}

/// Values by name and labels, as the server prints them.
pub(crate) struct Metrics(Vec<(String, f64)>);

impl Metrics {
    /// Upper bounds and cumulative counts of a histogram.
    fn buckets(&self, name: &str) -> Vec<(f64, f64)> {
        let prefix = format!("{name}_bucket{{le=\"");
        let of = |(key, count): &(String, f64)| {
            let bound = key.strip_prefix(&prefix)?.strip_suffix("\"}")?;
            let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().ok()? };
            Some((bound, *count))
        };
        self.0.iter().filter_map(of).collect()
    }

    /// The bucket bound below which `percent` of what was observed since `before` lies.
    pub(crate) fn percentile_since(&self, before: &Metrics, name: &str, percent: f64) -> f64 {
        let (now, then) = (self.buckets(name), before.buckets(name));
        let counts: Vec<(f64, f64)> = now
            .iter()
            .map(|(bound, count)| {
                let known = then.iter().find(|(other, _)| other == bound);
                (*bound, count - known.map_or(0.0, |(_, count)| *count))
            })
            .collect();
        let all = counts.last().map_or(0.0, |(_, count)| *count);
        let found = counts.iter().find(|(_, count)| *count >= all * percent / 100.0);
        found.map_or(f64::NAN, |(bound, _)| *bound)
    }
}

fn binary(common: &Common) -> anyhow::Result<PathBuf> {
    if let Some(path) = &common.shoal {
        return Ok(path.clone());
    }
    let own = std::env::current_exe()?;
    if own.file_name().is_some_and(|name| name == "shoal") {
        return Ok(own);
    }
    Ok(own.with_file_name("shoal"))
}
