use std::net::{IpAddr, Ipv4Addr};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::task::JoinHandle;

use super::*;
use crate::{Access, InfoHash, Kind, Limits, Tokens, Tracker};

const SWARM: InfoHash = InfoHash([b's'; 20]);

fn tracker() -> Tracker {
    let tracker = Tracker::new(Tokens::new([0; 32]), Limits::default(), 0, Instant::now(), 0);
    tracker.register(Instant::now(), SWARM, Kind::Plain);
    tracker
}

fn connect(tracker: &Tracker, buffer: usize) -> (DuplexStream, JoinHandle<()>) {
    let (client, server) = duplex(buffer);
    let access = Access { shoal: true, plain: true };
    let connection = tracker.open(Instant::now(), IpAddr::V4(Ipv4Addr::LOCALHOST), access).expect("no limits");
    (client, tokio::spawn(serve(server, connection)))
}

fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x80 | opcode, 0x80 | 126];
    bytes.extend_from_slice(&(payload.len() as u16).to_be_bytes());
    if payload.len() < 126 {
        bytes.truncate(1);
        bytes.push(0x80 | payload.len() as u8);
    }
    let mask = [1, 2, 3, 4];
    bytes.extend_from_slice(&mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

fn announce(name: &str, offers: usize) -> Vec<u8> {
    let offer = format!(r#"{{"offer_id":"{}","offer":{{"type":"offer","sdp":"{}"}}}}"#, "o".repeat(20), "x".repeat(1200));
    let offers = vec![offer; offers].join(",");
    let (hash, id) = ("s".repeat(20), format!("{name:*<20}"));
    frame(1, format!(r#"{{"action":"announce","info_hash":"{hash}","peer_id":"{id}","offers":[{offers}]}}"#).as_bytes())
}

/// Opcode and payload of the next frame.
async fn hear(client: &mut DuplexStream) -> (u8, Vec<u8>) {
    let mut head = [0; 2];
    client.read_exact(&mut head).await.expect("a frame");
    let length = match head[1] {
        126 => usize::from(client.read_u16().await.expect("a length")),
        short => usize::from(short),
    };
    let mut payload = vec![0; length];
    client.read_exact(&mut payload).await.expect("a payload");
    (head[0] & 15, payload)
}

async fn hear_text(client: &mut DuplexStream) -> String {
    let (opcode, payload) = hear(client).await;
    assert_eq!(opcode, 1);
    String::from_utf8(payload).expect("text")
}

#[test]
fn the_example_of_rfc_6455_section_1_3() {
    assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

#[tokio::test]
async fn peers_on_two_sockets_meet() {
    let tracker = tracker();
    // Small pipes: frames come and go in pieces.
    let ((mut first, _), (mut second, _)) = (connect(&tracker, 100), connect(&tracker, 100));
    first.write_all(&announce("first", 0)).await.expect("is open");
    assert!(hear_text(&mut first).await.contains(r#""interval":120"#));
    second.write_all(&announce("second", 3)).await.expect("is open");
    assert!(hear_text(&mut second).await.contains(r#""incomplete":2"#));
    let offer = hear_text(&mut first).await;
    assert!(offer.contains(&format!(r#""peer_id":"{:*<20}""#, "second")) && offer.len() > 1200, "{offer}");
}

#[tokio::test]
async fn control_frames_are_answered() {
    let tracker = tracker();
    let (mut client, server) = connect(&tracker, 4096);
    client.write_all(&frame(9, b"are you there?")).await.expect("is open");
    assert_eq!(hear(&mut client).await, (10, b"are you there?".to_vec()));
    client.write_all(&frame(1, b"nonsense")).await.expect("is open");
    assert!(hear_text(&mut client).await.contains("failure reason"));
    client.write_all(&frame(8, &1000u16.to_be_bytes())).await.expect("is open");
    assert_eq!(hear(&mut client).await, (8, 1000u16.to_be_bytes().to_vec()));
    server.await.expect("has ended");
    assert_eq!(tracker.connections(), 0);
}

#[tokio::test]
async fn broken_frames_end_the_connection_with_a_status() {
    let tracker = tracker();
    for (bytes, status) in
        [(vec![0x81, 1, b'x'], 1002), (frame(1, &[0xff]), 1007), (vec![0x81, 0xff, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0], 1009)]
    {
        let (mut client, server) = connect(&tracker, 4096);
        client.write_all(&bytes).await.expect("is open");
        assert_eq!(hear(&mut client).await, (8, u16::to_be_bytes(status).to_vec()));
        server.await.expect("has ended");
    }
}

#[tokio::test]
async fn a_peer_whose_stream_ends_has_left() {
    let tracker = tracker();
    let (mut client, server) = connect(&tracker, 4096);
    client.write_all(&announce("peer", 0)).await.expect("is open");
    hear_text(&mut client).await;
    assert_eq!(tracker.peers(), 1);
    drop(client);
    server.await.expect("has ended");
    assert_eq!(tracker.peers(), 0);
}

#[tokio::test]
async fn who_does_not_read_is_cut_off_and_others_go_on() {
    let tracker = tracker();
    let (mut sleeper, asleep) = connect(&tracker, 1000);
    sleeper.write_all(&announce("sleeper", 0)).await.expect("is open");
    while tracker.peers() == 0 {
        tokio::task::yield_now().await;
    }
    let (mut peer, _) = connect(&tracker, 100_000);
    for _ in 0..300 {
        peer.write_all(&announce("peer", 1)).await.expect("is open");
        assert!(hear_text(&mut peer).await.contains("interval"));
    }
    asleep.await.expect("has ended");
    assert_eq!(tracker.peers(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_silent_are_asked_and_then_given_up() {
    let tracker = tracker();
    let (mut client, server) = connect(&tracker, 4096);
    assert_eq!(hear(&mut client).await, (9, Vec::new()));
    client.write_all(&frame(10, b"")).await.expect("is open");
    assert_eq!(hear(&mut client).await, (9, Vec::new()));
    server.await.expect("has ended");
    assert_eq!(tracker.connections(), 0);
}

#[tokio::test]
async fn goodbye_is_said_when_the_server_stops() {
    let tracker = tracker();
    let (mut client, server) = duplex(4096);
    let access = Access { shoal: true, plain: true };
    let connection = tracker.open(Instant::now(), IpAddr::V4(Ipv4Addr::LOCALHOST), access).expect("no limits");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(serve_until(server, connection, async { drop(stopped.await) }));
    drop(stop);
    assert_eq!(hear(&mut client).await, (8, 1001u16.to_be_bytes().to_vec()));
    server.await.expect("has ended");
}
