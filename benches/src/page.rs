//! A page that is open already: when it shows the picture of a live that begins, and when it plays again after the
//! encoder was gone.

use crate::Common;
use crate::flv::Stream;
use crate::publisher::Publisher;
use crate::server::{Live, Server};
use crate::table::{Table, percentile};
use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{Instant, sleep, timeout};

/// Drives the browser; from the repository's root, where `make bench` runs.
const SCRIPT: &str = "web/e2e/page.mjs";
const BEGIN_BOUND_MS: f64 = 2500.0;
const RETURN_BOUND_MS: f64 = 2000.0;
/// How long a page waits before its live begins.
const WAITS: Duration = Duration::from_secs(3);
/// How long it plays before the encoder goes.
const PLAYS: Duration = Duration::from_secs(10);
/// How long the encoder is gone.
const GONE: Duration = Duration::from_secs(10);
/// A picture that is not there by then does not come.
const PATIENCE: Duration = Duration::from_secs(20);
/// The browser's start, and everything it does beyond waiting.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

pub(crate) async fn run(common: &Common, begins: usize, returns: usize) -> anyhow::Result<Table> {
    let stream = Stream::prepare(&common.out)?;
    let server = Server::start(common).await?;
    let mut page = Page::start()?;
    let begun = begin(&server, &mut page, &stream, begins).await?;
    let returned = come_back(&server, &mut page, &stream, returns).await?;
    page.close().await?;
    server.stop().await?;

    let mut table = Table::new("page");
    let mut row = |what: String, bound: f64, mut waits: Vec<f64>| {
        let (p50, max) = (percentile(&mut waits, 50.0), percentile(&mut waits, 100.0));
        table.bound(what, format!("<= {bound} ms"), format!("p50 {p50:.0} ms, max {max:.0} ms"), max <= bound);
    };
    let first = begun.iter().map(|waited| waited.first_ms).collect();
    row(format!("publish begins -> a waiting page shows the picture, {begins} times"), BEGIN_BOUND_MS, first);
    let moving = returned.waits.iter().map(|waited| waited.moving_ms).collect();
    row(format!("encoder gone for {} s -> picture moves again, {returns} times", GONE.as_secs()), RETURN_BOUND_MS, moving);
    let (sessions, loads) = (returned.sessions, returned.loads);
    table.bound("broadcasts; loads of the page", "1; 1", format!("{sessions}; {loads}"), sessions == 1 && loads == 1);
    table.details = json!({ "begins": begun, "returns": returned.waits });
    Ok(table)
}

/// Opens the page of a live that has not begun, then begins it.
async fn begin(server: &Server, page: &mut Page, stream: &Stream, times: usize) -> anyhow::Result<Vec<Waited>> {
    let mut waits = Vec::new();
    for number in 0..times {
        let live = server.live(&format!("Begin {number}")).await?;
        page.open(&watch(server, &live)).await?;
        sleep(WAITS).await;
        let publisher = Publisher::start(server.rtmp, "live", &live.key, stream).await?;
        waits.push(page.picture(publisher.began).await?.0);
    }
    Ok(waits)
}

struct Returned {
    waits: Vec<Waited>,
    sessions: u64,
    loads: u64,
}

/// Takes the publisher away without a word and brings it back, in one broadcast on one page.
async fn come_back(server: &Server, page: &mut Page, stream: &Stream, times: usize) -> anyhow::Result<Returned> {
    let live = server.live("Return").await?;
    page.open(&watch(server, &live)).await?;
    let mut publisher = Publisher::start(server.rtmp, "live", &live.key, stream).await?;
    let (_, mut loads) = page.picture(publisher.began).await?;
    let mut waits = Vec::new();
    for _ in 0..times {
        sleep(PLAYS).await;
        drop(publisher);
        sleep(GONE).await;
        publisher = Publisher::start(server.rtmp, "live", &live.key, stream).await?;
        let (waited, loaded) = page.picture(publisher.began).await?;
        waits.push(waited);
        loads = loaded;
    }
    let sessions = server.get(&format!("/api/v1/videos/live/{}/sessions", live.uuid)).await?;
    Ok(Returned { waits, sessions: sessions["total"].as_u64().context("no number of sessions")?, loads })
}

fn watch(server: &Server, live: &Live) -> String {
    server.url(&format!("/w/{}", live.short))
}

/// From the accepted publish.
#[derive(Debug, Serialize)]
struct Waited {
    /// To the first frame that was presented.
    first_ms: f64,
    /// To the first frame that others followed without a pause.
    moving_ms: f64,
}

/// A browser with one page; killed when dropped.
struct Page {
    child: Child,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

#[derive(Deserialize)]
struct Picture {
    first_ms: Option<f64>,
    moving_ms: Option<f64>,
    loads: u64,
}

impl Page {
    fn start() -> anyhow::Result<Self> {
        let mut child = Command::new("node")
            .arg(SCRIPT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("node is needed to drive the browser")?;
        let (commands, answers) = (child.stdin.take().context("no pipe")?, child.stdout.take().context("no pipe")?);
        Ok(Self { child, commands, answers: BufReader::new(answers).lines() })
    }

    async fn ask(&mut self, command: &str) -> anyhow::Result<Value> {
        self.commands.write_all(format!("{command}\n").as_bytes()).await?;
        let answer = timeout(ANSWER_WITHIN, self.answers.next_line()).await.with_context(|| format!("{SCRIPT}: {command}"))??;
        Ok(serde_json::from_str(&answer.with_context(|| format!("{SCRIPT} ended at {command}"))?)?)
    }

    async fn open(&mut self, url: &str) -> anyhow::Result<()> {
        self.ask(&format!("open {url}")).await.map(drop)
    }

    /// How long the picture took since `began`, and how often the page has been loaded.
    async fn picture(&mut self, began: Instant) -> anyhow::Result<(Waited, u64)> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let since = (now - began.elapsed()).as_secs_f64() * 1e3;
        let seen = self.ask(&format!("picture {since:.3} {}", PATIENCE.as_secs())).await?;
        let seen: Picture = serde_json::from_value(seen)?;
        let (first, moving) = seen.first_ms.zip(seen.moving_ms).with_context(|| format!("no picture that moves after {PATIENCE:?}"))?;
        Ok((Waited { first_ms: first - since, moving_ms: moving - since }, seen.loads))
    }

    /// Closes the browser.
    async fn close(mut self) -> anyhow::Result<()> {
        drop(self.commands);
        let status = timeout(ANSWER_WITHIN, self.child.wait()).await.context("the browser did not close")??;
        anyhow::ensure!(status.success(), "{SCRIPT}: {status}");
        Ok(())
    }
}
