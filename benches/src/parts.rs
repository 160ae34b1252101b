//! How many parts and playlists a second go out to players that ask without pause.

use crate::Common;
use crate::flv::Stream;
use crate::lives::{DELAY, start_lives};
use crate::process;
use crate::server::{Live, Server};
use crate::table::Table;
use conformance::playlist::Media;
use serde_json::json;
use std::cell::RefCell;
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const DEFAULT_SECONDS: u64 = 10;
const WARM_UP: Duration = Duration::from_secs(8);

pub(crate) async fn run(common: &Common, connections: usize) -> anyhow::Result<Table> {
    let stream = Stream::prepare(&common.out)?;
    let window = common.duration(DEFAULT_SECONDS);
    let server = Server::start(common).await?;
    let (lives, publishers) = start_lives(&server, 1, &stream).await?;
    tokio::time::sleep(WARM_UP).await;
    let live = &lives[0];
    let playlist = media_playlist(&server, live).await?;
    let text = server.client().get(&playlist).send().await?.text().await?;
    let media = Media::parse(&text)?;
    let part = media.segments.iter().flat_map(|segment| &segment.parts).rfind(|part| !part.gap).map(|part| server.hls(live, &part.uri));
    let part = part.ok_or_else(|| anyhow::anyhow!("no part is listed"))?;

    let mut table = Table::new("parts");
    let mut details = serde_json::Map::new();
    for (what, url, directive) in [
        ("parts", part, String::new()),
        ("playlists", playlist.clone(), String::new()),
        ("answered blocking playlists", playlist, format!("?_HLS_msn={}", media.media_sequence)),
    ] {
        let before = server.metrics().await?;
        let busy = process::usage(server.pid()).cpu;
        let (answers, bytes, seconds) = ask(&server, &format!("{url}{directive}"), connections, window).await?;
        let busy = (process::usage(server.pid()).cpu - busy).as_secs_f64();
        let after = server.metrics().await?;
        let rate = answers as f64 / seconds;
        let delay = after.percentile_since(&before, DELAY, 95.0);
        table.fact(
            format!("{what} per second, {connections} connections"),
            format!(
                "{rate:.0} ({:.0} Mbit/s; server at {:.0} % of a core; part delay p95 <= {:.0} ms meanwhile)",
                bytes as f64 * 8e-6 / seconds,
                100.0 * busy / seconds,
                delay * 1e3
            ),
        );
        details.insert(what.replace(' ', "_"), json!({ "per_second": rate, "bytes": bytes }));
    }
    drop(publishers);
    server.stop().await?;
    table.details = details.into();
    Ok(table)
}

/// URL of the first media playlist of a live.
pub(crate) async fn media_playlist(server: &Server, live: &Live) -> anyhow::Result<String> {
    let master = server.wait_for(live, "master.m3u8", Duration::from_secs(10)).await?;
    let master = conformance::playlist::Multivariant::parse(&master)?;
    let first = master.media_playlists();
    let first = first.first().ok_or_else(|| anyhow::anyhow!("no media playlist"))?;
    Ok(server.hls(live, first))
}

/// The same request again and again on some connections: answers, bytes of bodies, seconds.
async fn ask(server: &Server, url: &str, connections: usize, window: Duration) -> anyhow::Result<(u64, u64, f64)> {
    let path = url.strip_prefix(&server.url("")).ok_or_else(|| anyhow::anyhow!("{url} is of another server"))?;
    let request: Arc<[u8]> = request(path).into_bytes().into();
    let answers = Arc::new(AtomicU64::new(0));
    let bytes = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let mut players = JoinSet::new();
    for _ in 0..connections {
        let socket = TcpStream::connect(server.http).await?;
        let (request, answers, bytes) = (Arc::clone(&request), Arc::clone(&answers), Arc::clone(&bytes));
        players.spawn(async move {
            let mut connection = Connection::new(socket)?;
            while began.elapsed() < window {
                let length = connection.exchange(&request).await?;
                answers.fetch_add(1, Ordering::Relaxed);
                bytes.fetch_add(length as u64, Ordering::Relaxed);
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = players.join_next().await {
        done??;
    }
    let seconds = began.elapsed().as_secs_f64();
    Ok((answers.load(Ordering::Relaxed), bytes.load(Ordering::Relaxed), seconds))
}

/// A request as players send it.
pub(crate) fn request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: bench\r\nAccept-Encoding: gzip\r\n\r\n")
}

/// A connection that keeps nothing of the answers but their length.
pub(crate) struct Connection {
    socket: TcpStream,
}

/// Heads of answers are shorter.
const HEAD: usize = 2048;

impl Connection {
    pub(crate) fn new(socket: TcpStream) -> std::io::Result<Self> {
        socket.set_nodelay(true)?;
        Ok(Self { socket })
    }

    /// Sends a request and reads the answer to its end; gives the length of its body.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<usize> {
        self.socket.write_all(request).await?;
        let mut start = Vec::new();
        let mut body: Option<(usize, usize)> = None;
        loop {
            self.socket.readable().await?;
            let read = SCRATCH.with_borrow_mut(|scratch| {
                let read = match self.socket.try_read(scratch) {
                    Ok(0) => anyhow::bail!("the server closed the connection"),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
                    read => read?,
                };
                if body.is_none() {
                    start.extend_from_slice(&scratch[..read.min(HEAD)]);
                }
                Ok(read)
            })?;
            let (length, left) = match body {
                Some((length, left)) => (length, left.saturating_sub(read)),
                None => match head(&start) {
                    Some(head) => {
                        anyhow::ensure!(head.status == 200, "status {}", head.status);
                        // Whatever else this read brought is of the body.
                        let before = start.len() - read.min(HEAD);
                        let brought = before + read - head.size;
                        (head.length, head.length.saturating_sub(brought))
                    }
                    None => {
                        anyhow::ensure!(start.len() < HEAD, "an endless head");
                        continue;
                    }
                },
            };
            if left == 0 {
                return Ok(length);
            }
            body = Some((length, left));
        }
    }
}

thread_local! {
    /// Where bodies are read to and forgotten: one for all connections of a
    /// thread, because thousands of them wait at once.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; 64 * 1024]);
}

struct Head {
    status: u16,
    /// Of the head itself.
    size: usize,
    /// Content-Length.
    length: usize,
}

fn head(bytes: &[u8]) -> Option<Head> {
    let size = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&bytes[..size]).ok()?;
    let status = text.split(' ').nth(1)?.parse().ok()?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    })?;
    Some(Head { status, size, length })
}

#[cfg(test)]
mod tests {
    use super::head;

    #[test]
    fn heads_tell_where_the_body_ends() {
        let read = head(b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\nab").expect("a whole head");
        assert_eq!((read.status, read.size, read.length), (200, 39, 12));
        assert!(head(b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n").is_none());
    }
}
