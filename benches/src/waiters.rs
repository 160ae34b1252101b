//! Thousands of players that wait for the next part, each on a connection of its own.

use crate::Common;
use crate::flv::Stream;
use crate::lives::start_lives;
use crate::parts::{Connection, media_playlist, request};
use crate::process;
use crate::server::Server;
use crate::table::{Table, percentile};
use conformance::playlist::Media;
use serde_json::json;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

const DEFAULT_SECONDS: u64 = 20;
/// Until the window has some length.
const WARM_UP: Duration = Duration::from_secs(8);
/// Parts after the players came that are not counted.
const SETTLE: Duration = Duration::from_secs(4);
/// Players that connect at once; a listening socket's backlog holds as many.
const AT_ONCE: usize = 200;
/// Bounds: playlist out after the part at the 95th percentile, and memory for each player.
const DELAY_MS: f64 = 150.0;
const BYTES: f64 = 12_000.0;

/// The next part to be asked for: Media Sequence Number and part index.
type Next = (u64, u64);

/// When each part's playlist came, to whom first and to all.
#[derive(Default)]
struct Times {
    counting: bool,
    first: HashMap<Next, Instant>,
    answers: Vec<(Next, Instant)>,
}

pub(crate) async fn run(common: &Common, players: usize) -> anyhow::Result<Table> {
    let stream = Stream::prepare(&common.out)?;
    let window = common.duration(DEFAULT_SECONDS);
    let server = Server::start(common).await?;
    let (lives, publishers) = start_lives(&server, 1, &stream).await?;
    tokio::time::sleep(WARM_UP).await;
    let playlist = media_playlist(&server, &lives[0]).await?;
    let path = playlist.trim_start_matches(&server.url("")).to_owned();

    let times = Arc::new(Mutex::new(Times::default()));
    let (next, _) = watch::channel((0, 0));
    let next = Arc::new(next);
    let mut tasks: JoinSet<anyhow::Result<()>> = JoinSet::new();
    let watcher = watch_parts(playlist, Arc::clone(&next), Arc::clone(&times), server.client().clone());
    tasks.spawn(watcher);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = process::usage(server.pid());
    for number in 0..players {
        let socket = TcpStream::connect(server.http).await?;
        let (path, next, times) = (path.clone(), next.subscribe(), Arc::clone(&times));
        tasks.spawn(wait_for_parts(socket, path, next, times));
        if number % AT_ONCE == AT_ONCE - 1 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    tokio::time::sleep(SETTLE).await;
    times.lock().unwrap_or_else(PoisonError::into_inner).counting = true;
    let cpu = process::cpu_percent(server.pid(), window).await;
    let after = process::usage(server.pid());
    if let Some(done) = tasks.try_join_next() {
        done??;
        anyhow::bail!("a player gave up");
    }
    tasks.abort_all();
    drop(publishers);
    let taken = std::mem::take(&mut *times.lock().unwrap_or_else(PoisonError::into_inner));
    server.stop().await?;

    let mut delays: Vec<f64> = taken
        .answers
        .iter()
        .filter_map(|(part, at)| {
            let first = taken.first.get(part)?;
            Some(at.saturating_duration_since(*first).as_secs_f64() * 1e3)
        })
        .collect();
    anyhow::ensure!(delays.len() >= players, "only {} answers", delays.len());
    let parts = taken.first.len();
    let [p50, p95, max] = [50.0, 95.0, 100.0].map(|percent| percentile(&mut delays, percent));
    let each = (after.rss.saturating_sub(before.rss)) as f64 / players as f64;
    let mut table = Table::new("waiters");
    table.bound(
        format!("{players} waiting players: playlist out after the part, p95"),
        format!("<= {DELAY_MS} ms"),
        format!("{p95:.0} ms (p50 {p50:.0}, max {max:.0})"),
        p95 <= DELAY_MS,
    );
    table.bound("memory for each waiting player", format!("<= {:.0} kB", BYTES / 1e3), format!("{:.1} kB", each / 1e3), each <= BYTES);
    table.fact("answers per second", format!("{:.0}", delays.len() as f64 / window.as_secs_f64()));
    table.fact("CPU of the server meanwhile", format!("{cpu:.0} % of a core"));
    table.details = json!({
        "players": players, "parts": parts, "answers": delays.len(),
        "p50_ms": p50, "p95_ms": p95, "max_ms": max,
        "bytes_each": each, "rss_before": before.rss, "rss_after": after.rss, "cpu_percent": cpu,
    });
    Ok(table)
}

/// Follows the playlist and fetches each hinted part: the first of the two to
/// come says when a part is there, and all others learn what to ask for next.
async fn watch_parts(
    playlist: String,
    next: Arc<watch::Sender<Next>>,
    times: Arc<Mutex<Times>>,
    client: reqwest::Client,
) -> anyhow::Result<()> {
    let mut text = client.get(&playlist).send().await?.text().await?;
    loop {
        let media = Media::parse(&text)?;
        let last = media.segments.last();
        let last = last.ok_or_else(|| anyhow::anyhow!("nothing is listed"))?;
        let asked = match last.complete() {
            true => (last.msn + 1, 0),
            false => (last.msn, last.parts.len() as u64),
        };
        next.send_replace(asked);
        let (msn, part) = asked;
        let url = format!("{playlist}?_HLS_msn={msn}&_HLS_part={part}");
        let hinted = media.hinted_part();
        let hint = hinted.and_then(|uri| reqwest::Url::parse(&playlist).ok()?.join(uri).ok());
        let part_there = async {
            if let Some(hint) = hint {
                client.get(hint).send().await?.bytes().await?;
            }
            anyhow::Ok(Instant::now())
        };
        let playlist_there = async {
            let text = client.get(&url).send().await?.error_for_status()?.text().await?;
            anyhow::Ok((text, Instant::now()))
        };
        let (hinted, reloaded) = tokio::join!(part_there, playlist_there);
        let (reloaded, at) = reloaded?;
        text = reloaded;
        let at = hinted.map_or(at, |hinted| hinted.min(at));
        let mut times = times.lock().unwrap_or_else(PoisonError::into_inner);
        if times.counting {
            let first = times.first.entry(asked).or_insert(at);
            *first = at.min(*first);
        }
    }
}

async fn wait_for_parts(socket: TcpStream, path: String, mut next: watch::Receiver<Next>, times: Arc<Mutex<Times>>) -> anyhow::Result<()> {
    let mut connection = Connection::new(socket)?;
    loop {
        let asked = *next.borrow_and_update();
        let (msn, part) = asked;
        let request = request(&format!("{path}?_HLS_msn={msn}&_HLS_part={part}"));
        connection.exchange(request.as_bytes()).await?;
        let at = Instant::now();
        {
            let mut times = times.lock().unwrap_or_else(PoisonError::into_inner);
            if times.counting {
                times.answers.push((asked, at));
            }
        }
        if *next.borrow() == asked {
            next.changed().await?;
        }
    }
}
