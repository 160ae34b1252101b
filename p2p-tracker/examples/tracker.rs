//! The tracker by itself, for tests and measurements: `tracker LISTEN HEX...` serves plain swarms under these info hashes
//! on every path, prints its address, and takes any number of connections.

use std::error::Error;
use std::time::Instant;

use p2p_tracker::{Access, InfoHash, Kind, Limits, Tokens, Tracker, clock, ws};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The longest head of a request.
const MAX_HEAD: usize = 8192;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let listener = TcpListener::bind(arguments.next().ok_or("usage: tracker LISTEN HEX...")?).await?;
    let tracker = Tracker::new(Tokens::new([0; 32]), Limits::default(), 0, Instant::now(), clock::unix_now_s());
    for argument in arguments {
        let info_hash = InfoHash::parse_hex(&argument).ok_or("an info hash has 40 hexadecimal digits")?;
        tracker.register(Instant::now(), info_hash, Kind::Plain);
    }
    println!("{}", listener.local_addr()?);
    tokio::spawn(clock::run(tracker.clone()));
    loop {
        let (stream, _) = listener.accept().await?;
        let tracker = tracker.clone();
        tokio::spawn(async move {
            if let Err(error) = connection(stream, &tracker).await {
                eprintln!("{error}");
            }
        });
    }
}

async fn connection(mut stream: TcpStream, tracker: &Tracker) -> Result<(), Box<dyn Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    let Some(head) = head(&mut stream).await? else { return Ok(()) };
    let key = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("sec-websocket-key").then(|| value.trim().to_owned())
    });
    let Some(key) = key else {
        let (path, query) = head.split(' ').nth(1).and_then(|target| target.split_once('?')).unwrap_or_default();
        let body = if path.ends_with("scrape") { tracker.http_scrape(query) } else { tracker.http_announce(query) };
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
        stream.write_all(&[head.as_bytes(), &body].concat()).await?;
        return Ok(());
    };
    let accept = ws::accept_key(&key);
    let upgrade =
        format!("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: {accept}\r\n\r\n");
    stream.write_all(upgrade.as_bytes()).await?;
    let connection = tracker.open(Instant::now(), stream.peer_addr()?.ip(), Access { shoal: true, plain: true })?;
    // Boxed, so that the task shrinks to what is needed from here on.
    Box::pin(ws::serve(stream, connection)).await;
    Ok(())
}

/// A request's head; nothing follows it before it is answered.
async fn head(stream: &mut TcpStream) -> std::io::Result<Option<String>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= MAX_HEAD || stream.read_buf(&mut head).await? == 0 {
            return Ok(None);
        }
    }
    Ok(String::from_utf8(head).ok())
}
