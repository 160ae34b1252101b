//! Peers with real channels over loopback, an origin and a tracker that stand in for the server's.
#![cfg(feature = "net")]

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use ed25519_dalek::SigningKey;
use futures_util::{SinkExt as _, StreamExt as _};
use p2p_peer::{
    driver::{Config, Evil, Peer, Stats},
    wire::{Manifest, Message, Place, SwarmId, message::Slice, slices},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    sync::{broadcast, mpsc},
};
use tokio_tungstenite::tungstenite::Message as Frame;

const PART_MS: u64 = 200;
const STRIPES: u8 = 4;
/// Numbers are up to 200 ms old, each peer's otherwise: what passes between peers in twice that time.
const MOMENT_BYTES: u64 = 100_000;
const SWARM: SwarmId = SwarmId([7; 20]);

#[derive(Clone)]
struct Part {
    place: Place,
    bytes: Bytes,
    manifest: Bytes,
}

type Socket = (String, mpsc::UnboundedSender<Frame>);

#[derive(Clone)]
struct World {
    parts: Arc<Mutex<Vec<Part>>>,
    news: broadcast::Sender<Part>,
    /// Sockets of peers, by what JSON calls them, in the order in which they came.
    peers: Arc<Mutex<Vec<Socket>>>,
    http: u16,
    ws: u16,
    key: Arc<SigningKey>,
}

impl World {
    async fn start() -> Self {
        let http = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let ws = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let world = Self {
            parts: Arc::default(),
            news: broadcast::channel(64).0,
            peers: Arc::default(),
            http: http.local_addr().expect("bound").port(),
            ws: ws.local_addr().expect("bound").port(),
            key: Arc::new(SigningKey::from_bytes(&[3; 32])),
        };
        tokio::spawn(world.clone().make());
        let origin = world.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = http.accept().await {
                let origin = origin.clone();
                tokio::spawn(async move { origin.serve(socket).await });
            }
        });
        let tracker = world.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = ws.accept().await {
                let tracker = tracker.clone();
                tokio::spawn(async move { tracker.track(socket).await });
            }
        });
        world
    }

    fn token_url(&self) -> String {
        format!("http://127.0.0.1:{}/swarm/token", self.http)
    }

    async fn make(self) {
        let mut tick = tokio::time::interval(Duration::from_millis(PART_MS));
        for i in 0u32.. {
            tick.tick().await;
            let place = Place::new(7 + i / 10, i % 10).expect("a small number");
            let bytes: Bytes = (0..20_000u32).map(|at| (at.wrapping_mul(31) ^ i) as u8).collect::<Vec<_>>().into();
            let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as u64;
            let manifest = Manifest {
                rendition: 0,
                place,
                time_ms: now - PART_MS,
                duration_ms: PART_MS as u16,
                size: bytes.len() as u32,
                flags: 0,
                hashes: slices::hashes(&bytes, STRIPES),
                text: format!("#EXT-X-PART:DURATION=0.20000,URI=\"part-{}\"\n", place.0),
            };
            let part = Part { place, bytes, manifest: manifest.sign(&self.key, SWARM).expect("short") };
            self.parts.lock().expect("not poisoned").push(part.clone());
            let _ = self.news.send(part.clone());
            let frame = Frame::binary([&[1u8][..], &SWARM.0, &part.manifest].concat());
            for (_, peer) in self.peers.lock().expect("not poisoned").iter() {
                let _ = peer.send(frame.clone());
            }
        }
    }

    async fn serve(self, socket: TcpStream) -> Option<()> {
        let mut socket = BufReader::new(socket);
        loop {
            let mut request = String::new();
            while !request.ends_with("\r\n\r\n") {
                if socket.read_line(&mut request).await.ok()? == 0 {
                    return None;
                }
            }
            let path = request.split(' ').nth(1)?.to_owned();
            let socket = socket.get_mut();
            if path.contains("/token") {
                let body = json!({
                    "swarm": SWARM.to_string(), "token": "t", "tracker": format!("ws://127.0.0.1:{}/", self.ws), "stun": [],
                    "key": hex::encode(self.key.verifying_key().as_bytes()), "stripes": STRIPES, "renditions": ["source"], "uplinkCeiling": 2, "base": "/",
                });
                let body = body.to_string();
                socket.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).await.ok()?;
            } else if let Some((_, query)) = path.split_once("/stripes/0?stripes=") {
                let wanted: Vec<u8> =
                    query.split('&').next()?.split("%2C").flat_map(|list| list.split(',')).filter_map(|s| s.parse().ok()).collect();
                let mut news = self.news.subscribe();
                socket.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").await.ok()?;
                while let Ok(part) = news.recv().await {
                    socket.write_all(&Message::Manifest(part.manifest.clone()).encode_frame()).await.ok()?;
                    let (size, count) = (part.bytes.len() as u32, slices::count(part.bytes.len() as u32, STRIPES));
                    for index in (0..count).filter(|i| wanted.contains(&slices::stripe_of(*i, STRIPES))) {
                        let range = slices::range(size, count, index);
                        let bytes = part.bytes.slice(range.start as usize..range.end as usize);
                        let slice = Slice { rendition: 0, place: part.place, index: index as u16, length: bytes.len() as u32, bytes };
                        socket.write_all(&Message::Slice(slice).encode_frame()).await.ok()?;
                    }
                }
            } else {
                let place: u32 = path.rsplit_once("part-")?.1.parse().ok()?;
                let bytes = self.parts.lock().expect("not poisoned").iter().find(|part| part.place.0 == place)?.bytes.clone();
                let range = request.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("range: bytes=").map(str::to_owned));
                let (status, bytes) = match range.as_deref().and_then(|range| range.split_once('-')) {
                    Some((start, end)) => {
                        ("206 Partial Content", bytes.slice(start.parse::<usize>().ok()?..=end.trim().parse::<usize>().ok()?))
                    }
                    None => ("200 OK", bytes),
                };
                socket.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", bytes.len()).as_bytes()).await.ok()?;
                socket.write_all(&bytes).await.ok()?;
            }
        }
    }

    /// The first to come takes everything from the origin, the others from it.
    async fn track(self, socket: TcpStream) -> Option<()> {
        let mut socket = tokio_tungstenite::accept_async(socket).await.ok()?;
        let (tx, mut rx) = mpsc::unbounded_channel();
        let mut me = String::new();
        loop {
            tokio::select! {
                frame = rx.recv() => socket.send(frame?).await.ok()?,
                frame = socket.next() => {
                    let Frame::Text(text) = frame?.ok()? else { continue };
                    let mut message: Value = serde_json::from_str(&text).expect("peers send JSON");
                    let from = message["peer_id"].as_str().expect("an id").to_owned();
                    let peers = self.peers.lock().expect("not poisoned").clone();
                    if let Some(to) = message["to_peer_id"].as_str() {
                        let to = peers.iter().find(|(id, _)| id == to).map(|(_, to)| to.clone());
                        message.as_object_mut().expect("an object").remove("to_peer_id");
                        let _ = to.map(|to| to.send(Frame::text(message.to_string())));
                    } else if message["event"] == "started" {
                        me = from;
                        let stripes: Vec<_> = (0..STRIPES)
                            .map(|stripe| match peers.first() {
                                None => json!({"rendition": 0, "stripe": stripe, "root": true}),
                                Some((first, _)) => json!({"rendition": 0, "stripe": stripe, "parent": first, "standby": null}),
                            })
                            .collect();
                        let assign = json!({"action": "assign", "info_hash": message["info_hash"], "peers": 1, "manifests": true, "stripes": stripes});
                        let _ = tx.send(Frame::text(assign.to_string()));
                        self.peers.lock().expect("not poisoned").push((me.clone(), tx.clone()));
                    } else if message["event"] == "stopped" {
                        let gone = json!({"action": "gone", "info_hash": message["info_hash"], "peer_id": me});
                        self.peers.lock().expect("not poisoned").retain(|(id, _)| *id != me);
                        for (_, peer) in peers {
                            let _ = peer.send(Frame::text(gone.to_string()));
                        }
                    }
                }
            }
        }
    }
}

fn config(evil: Option<Evil>) -> Config {
    Config { bind: "127.0.0.1:0".into(), evil, ..Config::default() }
}

/// Waits until the numbers are right. A busy machine may take a while.
async fn until(peers: &[Peer], what: &str, holds: impl Fn(&[Stats]) -> bool) {
    for _ in 0..600 {
        let stats: Vec<_> = peers.iter().map(Peer::stats).collect();
        if holds(&stats) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{what}: {:#?}", peers.iter().map(Peer::stats).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_pass_the_stream_on() {
    let world = World::start().await;
    let mut peers = Vec::new();
    for _ in 0..3 {
        peers.push(Peer::join(&world.token_url(), config(None)).await.expect("a swarm"));
        until(&peers[..1], "a root", |stats| stats[0].parts > 3).await;
    }
    until(&peers, "slices from the first to the others", |stats| stats[1..].iter().all(|stats| stats.core.p2p_bytes > 200_000)).await;
    let stats: Vec<_> = peers.iter().map(Peer::stats).collect();
    assert_eq!(stats[0].core.p2p_bytes, 0, "the first has nobody to take from");
    // Whom the first had no slot for it sent on to the other.
    let sum = |of: fn(&Stats) -> u64| stats.iter().map(of).sum::<u64>();
    assert!(stats[0].core.upload_bytes > 0 && sum(|s| s.core.upload_bytes) + MOMENT_BYTES >= sum(|s| s.core.p2p_bytes), "{stats:?}");
    assert_eq!(sum(|s| s.core.banned + s.broken), 0, "{stats:?}");
    // The first says goodbye: the others do without it.
    let parts = peers[1].stats().parts;
    peers.remove(0).leave().await;
    until(&peers, "parts from the origin", |stats| stats[0].parts > parts + 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn liars_are_shut_out() {
    for evil in [Evil::WrongBytes, Evil::WrongLength] {
        let world = World::start().await;
        let mut peers = vec![Peer::join(&world.token_url(), config(Some(evil))).await.expect("a swarm")];
        until(&peers, "a root", |stats| stats[0].parts > 3).await;
        peers.push(Peer::join(&world.token_url(), config(None)).await.expect("a swarm"));
        until(&peers, "the lie found out", |stats| stats[1].core.banned + stats[1].broken > 0).await;
        let parts = peers[1].stats().parts;
        until(&peers, "parts from the origin", |stats| stats[1].parts > parts + 10).await;

        assert_eq!(peers[1].stats().core.banned, u64::from(evil == Evil::WrongBytes), "wrong bytes are never forgiven");
    }
}
