//! Swarms as peers meet them: tokens, the tracker, manifests, streams of stripes.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use ed25519_dalek::VerifyingKey;
use futures_util::{SinkExt as _, StreamExt as _};
use p2p_peer::wire::message::Frames;
use p2p_peer::wire::{Manifest, Message, Place, SwarmId, manifest, slices};
use p2p_tracker::InfoHash;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shoal::config::Policy;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::Message as Frame;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::player::Live;
use crate::publisher::{Clip, Publisher};
use crate::support::{Server, eventually};

const PATIENCE: Duration = Duration::from_secs(20);

/// What the token endpoint gave.
pub struct Ticket {
    pub swarm: SwarmId,
    pub token: String,
    pub key: VerifyingKey,
    pub stripes: u8,
    pub tracker: String,
    pub all: Value,
}

impl Ticket {
    pub async fn of(server: &Server, uuid: &str) -> Self {
        let (status, all) = server.get(&format!("/api/shoal/v1/swarms/{uuid}/token")).await;
        assert_eq!(status, StatusCode::OK, "{all}");
        let text = |name: &str| all[name].as_str().expect("a text").to_owned();
        let mut key = [0; 32];
        hex::decode_to_slice(text("key"), &mut key).expect("64 hexadecimal digits");
        Self {
            swarm: SwarmId::from_hex(&text("swarm")).expect("40 hexadecimal digits"),
            token: text("token"),
            key: VerifyingKey::from_bytes(&key).expect("a key"),
            stripes: u8::try_from(all["stripes"].as_u64().expect("a number")).expect("few"),
            tracker: text("tracker"),
            all,
        }
    }

    pub fn verify(&self, bytes: Bytes) -> Manifest {
        manifest::parse(bytes, self.stripes).expect("a manifest").verify(&self.key, self.swarm).expect("signed by the origin")
    }

    /// The first announce of a peer that shares.
    pub fn announce(&self, peer: &str, token: &str) -> Value {
        json!({
            "action": "announce", "info_hash": binary(&self.swarm.0), "peer_id": peer, "token": token, "event": "started",
            "numwant": 0, "left": 1, "shoal": { "version": 1, "rendition": 0, "slots": 1, "upload": true }
        })
    }
}

/// As WebTorrent writes ids: a character for each byte.
pub fn binary(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    pub async fn open(url: &str) -> Self {
        Self::try_open(url, None).await.unwrap_or_else(|status| panic!("{url}: {status}"))
    }

    async fn try_open(url: &str, origin: Option<&str>) -> Result<Self, StatusCode> {
        let mut request = url.into_client_request().expect("a request");
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().expect("a header"));
        }
        match tokio_tungstenite::connect_async(request).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(tokio_tungstenite::tungstenite::Error::Http(response)) => {
                Err(StatusCode::from_u16(response.status().as_u16()).expect("a status"))
            }
            Err(error) => panic!("{url}: {error}"),
        }
    }

    pub async fn say(&mut self, message: &Value) {
        self.0.send(Frame::text(message.to_string())).await.expect("sent");
    }

    async fn frame(&mut self) -> Frame {
        let frame = timeout(PATIENCE, self.0.next()).await.expect("a message in time");
        frame.expect("the socket is open").expect("a message")
    }

    /// The next text.
    pub async fn hear(&mut self) -> Value {
        loop {
            if let Frame::Text(text) = self.frame().await {
                return serde_json::from_str(&text).expect("JSON");
            }
        }
    }

    /// The next manifest of the source for `swarm`.
    async fn manifest(&mut self, ticket: &Ticket) -> Manifest {
        loop {
            if let Frame::Binary(bytes) = self.frame().await {
                assert_eq!((bytes[0], &bytes[1..21]), (1, &ticket.swarm.0[..]));
                let manifest = ticket.verify(bytes.slice(21..));
                if manifest.rendition == 0 {
                    return manifest;
                }
            }
        }
    }
}

async fn on_air(server: &Server, fields: Value) -> (Live, Publisher) {
    let live = Live::create(server, fields).await;
    let publisher = Publisher::start(Clip::Plain, &live.rtmp_url);
    live.wait_for("live").await;
    (live, publisher)
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_for_those_who_may_watch() {
    let server =
        Server::start_with(|config| config.stun.listen = shoal::config::StunListen::At("127.0.0.1:0".parse().expect("an address"))).await;
    let waiting = Live::create(&server, json!({})).await;
    let path = format!("/api/shoal/v1/swarms/{}/token", waiting.uuid);
    let (status, answer) = server.get(&path).await;
    assert_eq!((status, &answer["code"]), (StatusCode::NOT_FOUND, &json!("no_swarm")), "nothing runs");
    assert_eq!(server.get("/api/shoal/v1/swarms/65011806-a53e-4559-a1eb-ec26c3075402/token").await.0, StatusCode::NOT_FOUND);

    let (live, _publisher) = on_air(&server, json!({})).await;
    let ticket = Ticket::of(&server, &live.uuid).await;
    let all = &ticket.all;
    assert_eq!(all["kind"], "live");
    assert_eq!((&all["policy"], &all["minimumViewers"], &all["delaySeconds"]), (&json!("on"), &json!(3), &json!(10)), "{all}");
    assert_eq!((&all["uplinkCeiling"], &all["renditions"], &all["stripes"]), (&json!(2.0), &json!(["source", "audio"]), &json!(4)));
    assert_eq!(all["base"], json!(format!("{}/static/streaming-playlists/hls/{}/", server.base, live.uuid)));
    assert_eq!(ticket.tracker, server.base.replacen("http", "ws", 1) + "/tracker/socket");
    let stun = server.running.addrs.stun.expect("STUN listens");
    assert_eq!(all["stun"], json!([format!("stun:127.0.0.1:{}", stun.port())]));
    assert!(all["expiresIn"].as_u64().expect("a number") > 60);
    let request =
        server.http.get(server.url(&format!("/api/shoal/v1/swarms/{}/token", live.uuid))).header("origin", "https://elsewhere.example");
    let response = request.send().await.expect("an answer");
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    let details = live.video().await;
    assert_eq!(details["trackerUrls"][0], json!(ticket.tracker), "other players find the tracker");

    let (private, _private_publisher) = on_air(&server, json!({ "privacy": 3 })).await;
    let path = format!("/api/shoal/v1/swarms/{}/token", private.uuid);
    assert_eq!(server.get(&path).await.0, StatusCode::FORBIDDEN);
    let stranger = server.user("bob").await;
    assert_eq!(server.call(Method::GET, &path, Some(&stranger), None).await.0, StatusCode::FORBIDDEN);
    assert_eq!(server.call(Method::GET, &path, Some(&private.token), None).await.0, StatusCode::OK);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tracker_lets_in_who_has_a_token() {
    let server = Server::start().await;
    let (live, _publisher) = on_air(&server, json!({})).await;
    let (other, _other_publisher) = on_air(&server, json!({})).await;
    let ticket = Ticket::of(&server, &live.uuid).await;
    let foreign = Ticket::of(&server, &other.uuid).await;
    assert_ne!(ticket.swarm, foreign.swarm);

    let mut socket = Socket::open(&ticket.tracker).await;
    let expired = server.running.app.swarms.tracker().tokens().issue(&InfoHash(ticket.swarm.0), 1_700_000_000);
    for bad in ["", "nonsense", &foreign.token, &expired] {
        socket.say(&ticket.announce("-SH0100-aaaaaaaaaaaa", bad)).await;
        let answer = socket.hear().await;
        assert!(answer["failure reason"].is_string(), "{bad:?}: {answer}");
    }
    let unknown =
        json!({ "action": "announce", "info_hash": binary(&[9; 20]), "peer_id": "-SH0100-aaaaaaaaaaaa", "left": 0, "numwant": 1 });
    socket.say(&unknown).await;
    assert!(socket.hear().await["failure reason"].is_string(), "only swarms that exist");
    socket.say(&ticket.announce("-SH0100-aaaaaaaaaaaa", &ticket.token)).await;
    let answer = socket.hear().await;
    assert!(answer["interval"].is_number() && answer["info_hash"] == json!(binary(&ticket.swarm.0)), "{answer}");
    eventually("it is counted", async || {
        let text = server.http.get(metrics(&server)).send().await.expect("an answer").text().await.expect("text");
        text.contains("\nshoal_swarm_peers 1\n") && live.status().await["health"]["swarm"]["peers"] == 1
    })
    .await;

    // What they took, and from where.
    socket
        .say(&json!({
            "action": "report", "info_hash": binary(&ticket.swarm.0), "peer_id": "-SH0100-aaaaaaaaaaaa", "rendition": 0, "slots": 1, "upload": true,
            "http_bytes": 1000, "p2p_bytes": 3000, "upload_bytes": 0
        }))
        .await;
    eventually("the owner sees it", async || {
        let swarm = live.status().await["health"]["swarm"].clone();
        swarm["http_bytes"] == 1000 && swarm["p2p_bytes"] == 3000 && swarm["offload"] == 0.75
    })
    .await;
    let text = server.http.get(metrics(&server)).send().await.expect("an answer").text().await.expect("text");
    assert!(text.contains("shoal_viewer_media_bytes_total{source=\"p2p\"} 3000\n"), "{text}");
    assert!(text.contains("shoal_tracker_messages_total{kind=\"announce\"} 6\n"), "{text}");
    server.stop().await;
}

pub fn metrics(server: &Server) -> String {
    format!("http://{}/metrics", server.running.addrs.metrics.expect("it listens"))
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_elsewhere_may_come_with_a_token() {
    let server = Server::start().await;
    let (live, _publisher) = on_air(&server, json!({})).await;
    let ticket = Ticket::of(&server, &live.uuid).await;
    for origin in [None, Some(server.base.as_str()), Some("https://elsewhere.example"), Some("null")] {
        let mut socket = Socket::try_open(&ticket.tracker, origin).await.expect("let in");
        socket.say(&ticket.announce("-SH0100-aaaaaaaaaaaa", &ticket.token)).await;
        assert!(socket.hear().await["interval"].is_number(), "{origin:?}");
    }
    server.stop().await;
}

/// The lines of a playlist, without what stands once in it or tells of what is to come.
fn body(text: &str) -> Vec<&str> {
    let hidden = ["#EXT-X-PRELOAD-HINT", "#EXT-X-RENDITION-REPORT", "#EXT-X-ENDLIST"];
    text.lines().skip_while(|line| !line.starts_with("#EXT-X-MAP")).filter(|line| !hidden.iter().any(|tag| line.starts_with(tag))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn manifests_say_what_the_playlist_will_say() {
    let server = Server::start().await;
    let (live, _publisher) = on_air(&server, json!({})).await;
    let ticket = Ticket::of(&server, &live.uuid).await;
    // One socket for everything, as pages have it.
    let mut socket = Socket::open(&server.url("/api/shoal/v1/socket").replacen("http", "ws", 1)).await;
    socket.say(&json!({ "type": "ping" })).await;
    assert_eq!(socket.hear().await, json!({ "type": "pong" }));
    socket.say(&ticket.announce("-SH0100-aaaaaaaaaaaa", &ticket.token)).await;
    assert!(socket.hear().await["interval"].is_number());

    let first = socket.manifest(&ticket).await;
    let mut text = first.text.clone();
    let mut manifests = vec![first];
    while manifests.len() < 18 {
        let manifest = socket.manifest(&ticket).await;
        assert!(manifest.place.0 > manifests.last().expect("one").place.0);
        text.push_str(&manifest.text);
        manifests.push(manifest);
    }
    // The playlist lists all of them; from the first one's own line on it says the same.
    let last = manifests.last().expect("one").place;
    let playlist = live.playlist(&format!("?_HLS_msn={}&_HLS_part={}", last.msn(), last.part())).await;
    let mine: Vec<_> = text.lines().skip_while(|line| !line.starts_with("#EXT-X-PART:")).collect();
    let theirs: Vec<_> = body(&playlist.0).into_iter().skip_while(|line| *line != mine[0]).collect();
    assert!(theirs.len() >= mine.len(), "{text}\n{}", playlist.0);
    assert_eq!(mine, theirs[..mine.len()]);
    assert!(mine.iter().any(|line| line.starts_with("#EXTINF")), "over the end of a segment");

    // Each tells of the part that HTTP gives.
    for manifest in manifests.iter().rev().take(3) {
        let line = manifest.text.lines().rfind(|line| line.starts_with("#EXT-X-PART:")).expect("its line");
        let name = line.split("URI=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a name");
        let bytes = live.get(name).await.bytes().await.expect("bytes");
        assert_eq!(bytes.len(), manifest.size as usize);
        assert_eq!(slices::hashes(&bytes, ticket.stripes), manifest.hashes);
        assert!((1..=215).contains(&manifest.duration_ms), "{}", manifest.duration_ms);
    }
    // The end is told as well.
    assert_eq!(live.end().await, StatusCode::NO_CONTENT);
    let end = loop {
        let manifest = socket.manifest(&ticket).await;
        if manifest.last() {
            break manifest;
        }
    };
    assert_eq!((end.size, end.duration_ms, end.place.part()), (0, 0, 0));
    let playlist = live.playlist("").await;
    assert!(playlist.0.contains(&format!("{}#EXT-X-ENDLIST\n", end.text)), "{}\n{}", end.text, playlist.0);
    server.stop().await;
}

/// The parts of a stripe stream: manifest, and slices by index.
async fn parts(server: &Server, ticket: &Ticket, uuid: &str, query: &str, count: usize) -> Vec<(Manifest, BTreeMap<u16, Bytes>)> {
    let url = server.url(&format!("/api/shoal/v1/swarms/{uuid}/stripes/0?{query}&token={}", ticket.token));
    let response = server.http.get(url).send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    let mut body = response.bytes_stream();
    let (mut frames, mut parts) = (Frames::default(), Vec::<(Manifest, BTreeMap<u16, Bytes>)>::new());
    // One more, so that the last one wanted is whole.
    while parts.len() <= count {
        let chunk = timeout(PATIENCE, body.next()).await.expect("in time").expect("without end").expect("bytes");
        frames.push(&chunk);
        while let Some(message) = frames.next().expect("a valid stream") {
            match message {
                Message::Manifest(bytes) => parts.push((ticket.verify(bytes), BTreeMap::new())),
                Message::Slice(slice) => {
                    let (manifest, slices) = parts.last_mut().expect("the manifest comes first");
                    assert_eq!((slice.rendition, slice.place), (0, manifest.place));
                    assert!(manifest.matches(slice.index.into(), &slice.bytes), "the hash matches");
                    slices.insert(slice.index, slice.bytes);
                }
                other => panic!("{other:?}"),
            }
        }
    }
    parts.truncate(count);
    parts
}

#[tokio::test(flavor = "multi_thread")]
async fn roots_are_given_their_stripes() {
    let server = Server::start().await;
    let (live, _publisher) = on_air(&server, json!({})).await;
    let ticket = Ticket::of(&server, &live.uuid).await;
    let before = server.running.app.metrics.http_media_bytes.value();
    let (even, odd) = tokio::join!(
        parts(&server, &ticket, &live.uuid, "stripes=0,2&from=0", 20),
        parts(&server, &ticket, &live.uuid, "stripes=1,3&from=0", 20)
    );
    assert!(server.running.app.metrics.http_media_bytes.value() > before, "they are media");
    let odd: BTreeMap<Place, _> = odd.into_iter().map(|(manifest, slices)| (manifest.place, slices)).collect();
    let mut whole = 0;
    for (manifest, slices) in even {
        assert!(slices.keys().all(|index| index % 2 == 0));
        let Some(others) = odd.get(&manifest.place) else { continue };
        let all: BTreeMap<_, _> = slices.into_iter().chain(others.clone()).collect();
        let bytes: Vec<u8> = all.into_values().flatten().collect();
        let line = manifest.text.lines().rfind(|line| line.starts_with("#EXT-X-PART:")).expect("its line");
        let name = line.split("URI=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a name");
        assert_eq!(live.get(name).await.bytes().await.expect("bytes"), bytes, "{name}");
        whole += 1;
    }
    assert!(whole >= 15, "{whole} parts were in both streams");

    for (query, expected) in [
        (format!("stripes=0&from=0&token={}x", ticket.token), StatusCode::FORBIDDEN),
        (format!("stripes=4&from=0&token={}", ticket.token), StatusCode::BAD_REQUEST),
        (format!("stripes=&from=0&token={}", ticket.token), StatusCode::BAD_REQUEST),
        ("stripes=0".to_owned(), StatusCode::BAD_REQUEST),
    ] {
        let url = server.url(&format!("/api/shoal/v1/swarms/{}/stripes/source?{query}", live.uuid));
        assert_eq!(server.http.get(url).send().await.expect("an answer").status(), expected, "{query}");
    }
    let nowhere = format!("/api/shoal/v1/swarms/{}/stripes/9?stripes=0&token={}", live.uuid, ticket.token);
    assert_eq!(server.get(&nowhere).await.0, StatusCode::NOT_FOUND);

    // A stream ends with its broadcast, and a stopping server does not wait for it.
    let url = server.url(&format!("/api/shoal/v1/swarms/{}/stripes/0?stripes=0&token={}", live.uuid, ticket.token));
    let rest = server.http.get(&url).send().await.expect("an answer");
    let rest = tokio::spawn(rest.bytes());
    assert_eq!(live.end().await, StatusCode::NO_CONTENT);
    let rest = timeout(PATIENCE, rest).await.expect("in time").expect("no panic").expect("a clean end");
    assert!(!rest.is_empty());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swarm_outlives_the_server() {
    let server = Server::start().await;
    let (mut live, publisher) = on_air(&server, json!({})).await;
    let before = Ticket::of(&server, &live.uuid).await;
    drop(publisher);
    let server = server.restart().await;
    live.find_rtmp_url(&server).await;
    let after = Ticket::of(&server, &live.uuid).await;
    assert_eq!((before.swarm, before.key, before.stripes), (after.swarm, after.key, after.stripes));
    let mut socket = Socket::open(&after.tracker).await;
    socket.say(&after.announce("-SH0100-aaaaaaaaaaaa", &before.token)).await;
    assert!(socket.hear().await["interval"].is_number(), "old tokens are still good");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_may_not_share() {
    let server = Server::start_with(|config| config.swarm.policy = Policy::Off).await;
    let (live, _publisher) = on_air(&server, json!({})).await;
    assert_eq!(server.get(&format!("/api/shoal/v1/swarms/{}/token", live.uuid)).await.0, StatusCode::NOT_FOUND);
    assert_eq!(live.video().await["trackerUrls"], json!([]));
    assert_eq!(live.status().await["health"]["swarm"], Value::Null);
    let refused = Socket::try_open(&(server.base.replacen("http", "ws", 1) + "/tracker/socket"), None).await;
    assert_eq!(refused.err(), Some(StatusCode::NOT_FOUND));
    server.stop().await;
}
