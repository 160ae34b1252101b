//! Damaged RTMP sessions against the real server, one good publisher throughout.

use crate::Common;
use crate::flv::Stream;
use crate::parts::media_playlist;
use crate::process::{self, megabytes};
use crate::publisher::Publisher;
use crate::server::Server;
use crate::table::{Table, percentile};
use conformance::playlist::Media;
use ingest::testing::{Recording, SAMPLE_FLV, Style, mutate, tags};
use serde_json::json;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

/// Sessions at a time, each from an address and with keys of its own.
const AT_ONCE: u64 = 32;
/// Keys of each: the one before may not be free again at once.
const KEYS: u64 = 4;
/// A session that the server has not closed by then is a hang.
const HANG: Duration = Duration::from_secs(90);
/// Of the sessions, so many must get past their publish.
const PAST_PUBLISH: f64 = 0.30;
/// Half-open publishers, and how long they stay.
const HALF_OPEN: u32 = 500;
const HALF_OPEN_FOR: Duration = Duration::from_secs(15);
/// The good one's playlist must have moved within this.
const STALL: Duration = Duration::from_secs(3);
/// A rewind window short enough to be full in the first third: its growth is no leak.
const WINDOW: (&str, &str) = ("SHOAL_LIVE_DVR_WINDOW_S", "30");
/// Memory of the last third of the sessions may be this much above that of the middle one.
const FLAT_MB: f64 = 16.0;
const SAMPLE_EVERY: Duration = Duration::from_secs(2);

#[derive(Default)]
struct Counts {
    sessions: AtomicU64,
    past_publish: AtomicU64,
    hangs: AtomicU64,
    unreachable: AtomicU64,
}

pub(crate) async fn run(common: &Common, sessions: u64, seed: u64) -> anyhow::Result<Table> {
    let stream = Stream::prepare(&common.out)?;
    let mut server = Server::start_with(common, &[WINDOW]).await?;
    let good = server.live("The good one").await?;
    let publisher = Publisher::start(server.rtmp, "live", &good.key, &stream).await?;
    let mut keys = Vec::new();
    for number in 0..AT_ONCE * KEYS {
        keys.push(server.live(&format!("Hostile {number}")).await?.key);
    }
    let playlist = media_playlist(&server, &good).await?;
    let follow = tokio::spawn(follow(playlist, server.client().clone()));

    let counts = Arc::new(Counts::default());
    let began = Instant::now();
    let mut attackers = JoinSet::new();
    for lane in 0..AT_ONCE {
        let keys = keys[(lane * KEYS) as usize..][..KEYS as usize].to_vec();
        let counts = Arc::clone(&counts);
        attackers.spawn(attack(server.rtmp, lane, keys, seed, sessions, counts));
    }
    let mut memory: Vec<(u64, f64)> = Vec::new();
    loop {
        let done = tokio::time::timeout(SAMPLE_EVERY, async {
            while let Some(joined) = attackers.join_next().await {
                joined?;
            }
            anyhow::Ok(())
        });
        let finished = match done.await {
            Ok(finished) => {
                finished?;
                true
            }
            Err(_) => false,
        };
        let rss = megabytes(process::usage(server.pid()).rss);
        memory.push((counts.sessions.load(Ordering::Relaxed), rss));
        anyhow::ensure!(server.is_running(), "the server died");
        if finished {
            break;
        }
    }
    let took = began.elapsed();
    let half_open = half_open(server.rtmp).await?;
    let newcomer = server.live("A newcomer").await?;
    let welcome = Publisher::start(server.rtmp, "live", &newcomer.key, &stream).await;
    tokio::time::sleep(HALF_OPEN_FOR).await;
    drop(half_open);

    let good_runs = publisher.is_running();
    let longest_stall = match follow.is_finished() {
        true => follow.await?.err().map_or("ended".to_owned(), |error| error.to_string()),
        false => {
            follow.abort();
            String::new()
        }
    };
    let panics = server.panics();
    drop((publisher, welcome.as_ref().ok()));
    server.stop().await?;

    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let (all, past) = (count(&counts.sessions), count(&counts.past_publish));
    let share = past as f64 / all.max(1) as f64;
    let peak = memory.iter().map(|(_, rss)| *rss).fold(0.0, f64::max);
    // The window fills in the first third; medians, because one large message at a time is allowed.
    let median = |from: f64, to: f64| {
        let within = memory.iter().filter(|(n, _)| (from..=to).contains(&(*n as f64 / all as f64)));
        let mut rss: Vec<f64> = within.map(|(_, rss)| *rss).collect();
        percentile(&mut rss, 50.0)
    };
    let (middle, late) = (median(0.33, 0.67), median(0.67, 1.0));
    let mut table = Table::new("hostile");
    table.bound(format!("{all} damaged sessions in {:.0} s: panics", took.as_secs_f64()), "0", panics.len().to_string(), panics.is_empty());
    let (hangs, unreachable) = (count(&counts.hangs), count(&counts.unreachable));
    table.bound("sessions that hang", "0", hangs.to_string(), hangs == 0);
    table.bound("connections refused", "0", unreachable.to_string(), unreachable == 0);
    table.bound(
        "sessions past their publish",
        format!(">= {:.0} %", PAST_PUBLISH * 100.0),
        format!("{:.1} %", share * 100.0),
        share >= PAST_PUBLISH,
    );
    table.bound(
        "memory, last third beside the middle one",
        format!("<= {FLAT_MB} MB more"),
        format!("{middle:.1} MB -> {late:.1} MB (peak {peak:.1} MB)"),
        late - middle <= FLAT_MB,
    );
    table.bound(
        format!("the good one, and with {HALF_OPEN} half-open publishers"),
        "streams on",
        if good_runs && longest_stall.is_empty() { "streamed on".to_owned() } else { format!("running: {good_runs}; {longest_stall}") },
        good_runs && longest_stall.is_empty(),
    );
    table.bound(
        "a new publisher beside the half-open ones",
        "is taken",
        welcome.as_ref().map_or_else(ToString::to_string, |_| "was taken".to_owned()),
        welcome.is_ok(),
    );
    table.details = json!({
        "sessions": all, "first_seed": seed, "seconds": took.as_secs_f64(),
        "past_publish": past, "panics": panics, "memory_sessions_mb": memory,
    });
    Ok(table)
}

/// One attacker: damaged sessions one after the other, seeds in steps.
async fn attack(server: SocketAddr, lane: u64, keys: Vec<String>, seed: u64, sessions: u64, counts: Arc<Counts>) {
    let tags = tags(SAMPLE_FLV);
    let recordings: Vec<Recording> =
        keys.iter().flat_map(|key| Style::ALL.map(|style| Recording::new(style, "live", key, &tags))).collect();
    let source = Ipv4Addr::new(127, 0, 1, lane as u8 + 1);
    for number in (lane..sessions).step_by(AT_ONCE as usize) {
        // Keys in turn, styles in turn.
        let turn = (number / AT_ONCE) as usize;
        let pieces = mutate(&recordings[turn % recordings.len()], seed + number);
        match tokio::time::timeout(HANG, session(server, source, &pieces)).await {
            Ok(Ok(past)) => {
                counts.past_publish.fetch_add(u64::from(past), Ordering::Relaxed);
            }
            Ok(Err(_)) => {
                counts.unreachable.fetch_add(1, Ordering::Relaxed);
            }
            Err(_) => {
                counts.hangs.fetch_add(1, Ordering::Relaxed);
                eprintln!("seed {} hangs", seed + number);
            }
        }
        counts.sessions.fetch_add(1, Ordering::Relaxed);
    }
}

/// Sends a session without waiting for answers and reads until the server
/// closes; whether publishing began. That the server closes early is no error.
async fn session(server: SocketAddr, source: Ipv4Addr, pieces: &[Vec<u8>]) -> std::io::Result<bool> {
    let mut socket = connect_from(server, source).await?;
    let (mut reader, mut writer) = socket.split();
    let send = async {
        for piece in pieces {
            if writer.write_all(piece).await.is_err() {
                break;
            }
        }
        let _ = writer.shutdown().await;
    };
    let start = b"NetStream.Publish.Start";
    let read = async {
        let mut buffer = [0; 4096];
        let mut heard: Vec<u8> = Vec::new();
        let mut past = false;
        while let Ok(read @ 1..) = reader.read(&mut buffer).await {
            heard.extend_from_slice(&buffer[..read]);
            past |= heard.windows(start.len()).any(|window| window == start);
            // Enough to find a text that lies across two reads.
            let keep = heard.len().saturating_sub(start.len());
            heard.drain(..keep);
        }
        past
    };
    let ((), past) = tokio::join!(send, read);
    Ok(past)
}

async fn connect_from(server: SocketAddr, source: Ipv4Addr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::new(IpAddr::V4(source), 0))?;
    let stream = socket.connect(server).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Publishers that stop in the middle of the handshake, from many addresses.
async fn half_open(server: SocketAddr) -> anyhow::Result<Vec<TcpStream>> {
    let mut open = Vec::new();
    for number in 0..HALF_OPEN {
        let source = Ipv4Addr::new(127, 0, 2 + (number / 250) as u8, (number % 250) as u8 + 1);
        let mut socket = connect_from(server, source).await?;
        // Some say nothing, some begin and stop.
        let said = [0, 1, 700, 1537][number as usize % 4];
        let mut hello = vec![0; said];
        if let Some(version) = hello.first_mut() {
            *version = 3;
        }
        socket.write_all(&hello).await?;
        open.push(socket);
    }
    Ok(open)
}

/// Follows the good one's playlist; ends with an error when it stands still.
async fn follow(playlist: String, client: reqwest::Client) -> anyhow::Result<()> {
    let mut newest = None;
    let mut moved = Instant::now();
    loop {
        let text = client.get(&playlist).send().await?.error_for_status()?.text().await?;
        let now = Media::parse(&text)?.newest();
        if now > newest {
            newest = now;
            moved = Instant::now();
        }
        anyhow::ensure!(moved.elapsed() < STALL, "its playlist stood still for {STALL:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
