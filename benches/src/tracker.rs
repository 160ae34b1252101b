//! The tracker beside `aquatic_ws`, the fastest one there is: the same load on both, each alone on one core, the load on another.
//!
//! Counted alike: responses to announces, offers passed on, answers passed on. What aquatic answers to an answer is
//! expected of it and not counted.

mod load;
mod peer;

use anyhow::{Context as _, bail};
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::Common;
use crate::flv::Stream;
use crate::lives::start_lives;
use crate::server::Server;
use crate::table::{Table, percentile};

/// Swarms under load.
const SWARMS: usize = 50;
/// Times that each load is put on each tracker, in turn.
const ROUNDS: usize = 3;
/// The load until then is not counted.
const WARM_UP: Duration = Duration::from_secs(2);
/// From start to listening.
const READY_WITHIN: Duration = Duration::from_secs(10);
/// What must hold: times aquatic's useful messages for the same CPU time.
const LEAST_RATIO: f64 = 1.2;
/// ... and bytes for a peer that is there and says nothing.
const MOST_IDLE_BYTES: f64 = 10_000.0;
/// Until a live takes hardly more memory.
const FILLED: Duration = Duration::from_secs(30);

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Shoal,
    Aquatic,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Shoal => "Shoal",
            Self::Aquatic => "aquatic_ws",
        }
    }
}

/// A running tracker, pinned to the first core; killed when dropped.
struct Tracker {
    kind: Kind,
    child: Child,
    address: SocketAddr,
    _directory: TempDir,
}

impl Tracker {
    async fn start(kind: Kind, binary: &Path, swarms: usize) -> anyhow::Result<Self> {
        let directory = TempDir::with_prefix("shoal-bench-tracker-")?;
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut command = Command::new("taskset");
        command.args(["-c", "0"]).arg(binary);
        match kind {
            Kind::Shoal => {
                command.arg(address.to_string()).args((0..swarms).map(|swarm| hex(&load::info_hash(swarm))));
            }
            Kind::Aquatic => {
                let configuration = format!(
                    "socket_workers = 1\nswarm_workers = 1\nlog_level = \"error\"\n\
                     [network]\naddress = \"{address}\"\nonly_ipv6 = false\nenable_tls = false\nenable_http_health_checks = false\n\
                     [access_list]\nmode = \"off\"\n"
                );
                let path = directory.path().join("aquatic.toml");
                std::fs::write(&path, configuration)?;
                command.arg("-c").arg(path);
            }
        }
        let log = std::fs::File::create(directory.path().join("log"))?;
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).kill_on_drop(true).spawn();
        let child = child.with_context(|| format!("{} does not start", binary.display()))?;
        let began = Instant::now();
        while TcpStream::connect(address).await.is_err() {
            if began.elapsed() > READY_WITHIN {
                bail!("{} does not listen: {}", kind.name(), std::fs::read_to_string(directory.path().join("log"))?);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(Self { kind, child, address, _directory: directory })
    }

    fn pid(&self) -> u32 {
        self.child.id().unwrap_or(0)
    }

    fn target(&self) -> load::Target {
        load::Target { address: self.address, path: "/", answers_are_answered: self.kind == Kind::Aquatic }
    }
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// The other tracker, built from crates.io at first use.
async fn aquatic(common: &Common) -> anyhow::Result<PathBuf> {
    let root = common.out.parent().unwrap_or(Path::new("target")).join("aquatic");
    let binary = root.join("bin/aquatic_ws");
    if !binary.exists() {
        println!("building aquatic_ws, once (ten minutes)");
        let mut install = Command::new("nice");
        // Not as locked by its authors: that does not compile any more (metrics 0.22.3, rust-lang/rust#141402).
        install.args(["cargo", "install", "aquatic_ws", "--version", "0.9.0", "--root"]).arg(&root);
        anyhow::ensure!(install.status().await?.success(), "aquatic_ws cannot be built");
    }
    Ok(binary)
}

/// The tracker by itself, beside this program.
fn own() -> anyhow::Result<PathBuf> {
    let directory = std::env::current_exe()?.parent().map(Path::to_path_buf).unwrap_or_default();
    let binary = directory.join("examples/tracker");
    anyhow::ensure!(binary.exists(), "{} is missing: cargo build --release -p p2p-tracker --examples", binary.display());
    Ok(binary)
}

/// Everybody comes to one live, at the server as people run it.
async fn crowd(common: &Common, peers: usize) -> anyhow::Result<load::Joins> {
    let stream = Stream::prepare(&common.out)?;
    let server = Server::start_with(common, &[("SHOAL_SWARM_POLICY", "on")]).await?;
    let (lives, _publishers) = start_lives(&server, 1, &stream).await?;
    let live = lives.first().context("a live was started")?;
    server.wait_for(live, "master.m3u8", READY_WITHIN).await?;
    // The first window of the live is in memory.
    tokio::time::sleep(FILLED).await;
    let access = server.get(&format!("/api/shoal/v1/swarms/{}/token", live.uuid)).await?;
    let text = |name: &str| access[name].as_str().map(str::to_owned).with_context(|| format!("no {name}"));
    let announces = load::Announces::Broadcast { info_hash: binary(&text("swarm")?), token: text("token")? };
    let target = load::Target { address: server.http, path: "/tracker/socket", answers_are_answered: false };
    load::join(target, server.pid(), announces, peers).await
}

/// Hexadecimal as a binary string: each byte a character.
fn binary(hex: &str) -> String {
    hex.as_bytes().chunks(2).filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok().map(char::from)).collect()
}

pub(crate) async fn run(common: &Common, connections: &[usize], idle: usize) -> anyhow::Result<Table> {
    let trackers = [(Kind::Aquatic, aquatic(common).await?), (Kind::Shoal, own()?)];
    let window = common.duration(8);
    let mut table = Table::new("tracker");
    let mut details = Vec::new();
    for &connections in connections {
        let mut rates = [Vec::new(), Vec::new()];
        for round in 0..ROUNDS {
            for (kind, binary) in &trackers {
                let tracker = Tracker::start(*kind, binary, SWARMS).await?;
                let result = load::exchange(tracker.target(), tracker.pid(), SWARMS, connections, WARM_UP, window).await?;
                let rate = result.useful() as f64 / result.cpu.as_secs_f64();
                rates[usize::from(*kind == Kind::Shoal)].push(rate);
                details.push(json!({
                    "tracker": kind.name(), "connections": connections, "round": round, "per_cpu_s": rate,
                    "responses": result.responses, "offers": result.offers, "answers": result.answers, "failures": result.failures,
                    "cpu_s": result.cpu.as_secs_f64(), "wall_s": result.wall.as_secs_f64(),
                }));
            }
        }
        let [aquatic, shoal] = rates.map(|mut rates| percentile(&mut rates, 50.0));
        let ratio = shoal / aquatic;
        table.bound(
            format!("useful messages per CPU second, {connections} connections"),
            format!(">= {LEAST_RATIO} x aquatic_ws ({aquatic:.0})"),
            format!("{shoal:.0} ({ratio:.2} x)"),
            ratio >= LEAST_RATIO,
        );
    }
    let mut joins = Vec::new();
    for (kind, binary) in &trackers {
        let tracker = Tracker::start(*kind, binary, SWARMS).await?;
        let result = load::join(tracker.target(), tracker.pid(), load::Announces::Plain { swarms: SWARMS }, idle).await?;
        details.push(json!({
            "tracker": kind.name(), "idle": result.joined, "wall_s": result.wall.as_secs_f64(), "cpu_s": result.cpu.as_secs_f64(),
            "rss_before": result.rss_before, "rss_after": result.rss_after,
        }));
        joins.push(result);
    }
    let [aquatic, shoal] = &joins[..] else { bail!("two trackers were measured") };
    let per_second = |joins: &load::Joins| joins.joined as f64 / joins.wall.as_secs_f64();
    let per_cpu_second = |joins: &load::Joins| joins.joined as f64 / joins.cpu.as_secs_f64();
    table.bound(
        "joins per second (connect, announce, 5 offers)",
        format!(">= aquatic_ws ({:.0})", per_second(aquatic)),
        format!("{:.0}", per_second(shoal)),
        per_second(shoal) >= per_second(aquatic),
    );
    table.fact("joins per CPU second", format!("{:.0}; aquatic_ws {:.0}", per_cpu_second(shoal), per_cpu_second(aquatic)));
    table.bound(
        format!("bytes per idle peer, {idle} connected and announced"),
        format!("<= {MOST_IDLE_BYTES:.0}; all connected"),
        format!("{:.0}; {} connected (aquatic_ws {:.0})", shoal.bytes_per_peer(), shoal.joined, aquatic.bytes_per_peer()),
        shoal.bytes_per_peer() <= MOST_IDLE_BYTES && shoal.joined == idle,
    );
    let crowd = crowd(common, idle).await?;
    table.bound(
        format!("bytes per peer in the server itself, {idle} in one broadcast's swarm"),
        format!("<= {MOST_IDLE_BYTES:.0}; all connected"),
        format!("{:.0}; {} connected", crowd.bytes_per_peer(), crowd.joined),
        crowd.bytes_per_peer() <= MOST_IDLE_BYTES && crowd.joined == idle,
    );
    table.fact("these joins per second and per CPU second", format!("{:.0}; {:.0}", per_second(&crowd), per_cpu_second(&crowd)));
    table.details = json!(details);
    Ok(table)
}
