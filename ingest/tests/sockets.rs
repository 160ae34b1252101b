//! The server over loopback sockets, with clients of our own and real encoders.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ingest::testing::{Recording, SAMPLE_FLV, Style, mutate, send, tags};
use ingest::{Config, End, Event, Limits, Publish, Rejection, Server, UnitReader};
use media::{Kind, Tracks};
use tokio::time::timeout;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

async fn server(limits: Limits) -> Server {
    Server::bind(Config { limits, ..config() }).await.expect("a free port")
}

fn config() -> Config {
    Config::new("127.0.0.1:0".parse().expect("an address"))
}

async fn next(server: &mut Server) -> Publish {
    timeout(PATIENCE, server.accept()).await.expect("a publish in time").expect("a running server")
}

#[derive(Debug, Default)]
struct Received {
    tracks: Vec<Tracks>,
    video: usize,
    keyframes: usize,
    audio: usize,
    end: Option<End>,
}

async fn read(mut reader: UnitReader) -> Received {
    let mut received = Received::default();
    while received.end.is_none() {
        match timeout(PATIENCE, reader.next()).await.expect("events in time") {
            Event::Tracks(tracks) => received.tracks.push(tracks),
            Event::Unit(unit) if unit.kind == Kind::Video => {
                received.video += 1;
                received.keyframes += usize::from(unit.keyframe);
            }
            Event::Unit(_) => received.audio += 1,
            Event::Metadata(_) => {}
            Event::End(end) => received.end = Some(end),
        }
    }
    assert_eq!(reader.dropped_groups(), 0);
    received
}

fn spawn(program: &str, arguments: &str) -> Child {
    Command::new(program)
        .args(arguments.split_whitespace())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}"))
}

async fn finish(child: Child) -> Output {
    let wait = tokio::task::spawn_blocking(|| child.wait_with_output());
    timeout(PATIENCE, wait).await.expect("the encoder ends").expect("a task").expect("its output")
}

fn ok(output: &Output) -> ExitStatus {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.status
}

const PICTURE: &str = "-f lavfi -i testsrc=size=320x240:rate=30";
const SOUND: &str = "-f lavfi -i sine=440:sample_rate=48000";
const H264: &str = "-c:v libx264 -preset veryfast -g 30 -pix_fmt yuv420p";

fn ffmpeg(rest: &str) -> Child {
    spawn("ffmpeg", &format!("-v error {rest}"))
}

fn sample(style: Style, name: &str) -> Recording {
    Recording::new(style, "live", name, &tags(SAMPLE_FLV))
}

/// A client on a thread of its own; whether it saw its publish start.
fn client(address: SocketAddr, pieces: Vec<Vec<u8>>) -> tokio::task::JoinHandle<bool> {
    tokio::task::spawn_blocking(move || send(address, pieces, PATIENCE).expect("a connection"))
}

#[tokio::test]
async fn ffmpeg_publishes_pictures_and_sound() {
    let mut server = server(Limits::default()).await;
    let url = format!("rtmp://{}/live/key?token=x", server.local_addr());
    let encoder = ffmpeg(&format!("{PICTURE} {SOUND} -t 2 {H264} -bf 2 -c:a aac -f flv {url}"));
    let publish = next(&mut server).await;
    assert_eq!(publish.stream_key().as_str(), "key");
    assert_eq!(publish.query(), "token=x");
    assert!(publish.encoder().is_some_and(|name| name.contains("Lavf")));
    let received = read(publish.accept().await).await;
    ok(&finish(encoder).await);
    assert_eq!(received.end, Some(End::Clean));
    assert_eq!((received.video, received.keyframes), (60, 2));
    // 2 s of 1024 samples at 48 kHz, and the encoder's priming
    assert!((93..=96).contains(&received.audio), "{}", received.audio);
    assert_eq!(received.tracks.len(), 1);
    let video = received.tracks[0].video.as_ref().expect("video");
    assert_eq!((video.width, video.height), (320, 240));
}

#[tokio::test]
async fn ffmpeg_publishes_one_kind_alone() {
    let mut server = server(Limits::default()).await;
    let url = format!("rtmp://{}/live/key", server.local_addr());
    let encoder = ffmpeg(&format!("{PICTURE} -t 1 {H264} -f flv {url}"));
    let received = read(next(&mut server).await.accept().await).await;
    ok(&finish(encoder).await);
    assert_eq!((received.video, received.audio), (30, 0));
    assert!(received.tracks.len() == 1 && received.tracks[0].audio.is_none());

    let encoder = ffmpeg(&format!("{SOUND} -t 1 -c:a aac -f flv {url}"));
    let received = read(next(&mut server).await.accept().await).await;
    ok(&finish(encoder).await);
    assert!(received.video == 0 && received.audio > 45);
    assert!(received.tracks.len() == 1 && received.tracks[0].video.is_none());
}

#[tokio::test]
async fn gstreamer_publishes() {
    let mut server = server(Limits::default()).await;
    let encoder = spawn(
        "gst-launch-1.0",
        &format!(
            "-q videotestsrc num-buffers=60 ! video/x-raw,framerate=30/1 ! x264enc key-int-max=30 ! flvmux \
             streamable=true name=m ! rtmp2sink location=rtmp://{}/live/key audiotestsrc num-buffers=80 ! voaacenc ! m.",
            server.local_addr()
        ),
    );
    let received = read(next(&mut server).await.accept().await).await;
    ok(&finish(encoder).await);
    assert_eq!((received.video, received.keyframes), (60, 2));
    assert!(received.audio > 50);
    assert_eq!(received.end, Some(End::Clean));
}

#[tokio::test]
async fn a_rejected_encoder_fails_before_it_starts() {
    let mut server = server(Limits::default()).await;
    let url = format!("rtmp://{}/live/wrong", server.local_addr());
    let encoder = ffmpeg(&format!("{PICTURE} -t 1 {H264} -f flv {url}"));
    next(&mut server).await.reject(Rejection::UnknownKey).await;
    let output = finish(encoder).await;
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("This stream key is not known"), "{said}");
}

#[tokio::test]
async fn an_unplayable_codec_makes_the_encoder_fail() {
    let mut server = server(Limits::default()).await;
    let url = format!("rtmp://{}/live/key", server.local_addr());
    let encoder = ffmpeg(&format!("-re {PICTURE} -t 20 -c:v flv -f flv {url}"));
    let received = read(next(&mut server).await.accept().await).await;
    let Some(End::Refused(why)) = received.end else { panic!("{received:?}") };
    assert!(why.contains("FLV1") && why.contains("H.264"), "{why}");
    assert!(!finish(encoder).await.status.success());
}

#[tokio::test]
async fn the_owner_ends_a_publish_and_the_encoder_hears_it() {
    let mut server = server(Limits::default()).await;
    let url = format!("rtmp://{}/live/key", server.local_addr());
    let encoder = ffmpeg(&format!("-re {PICTURE} -t 20 {H264} -f flv {url}"));
    let mut reader = next(&mut server).await.accept().await;
    while !matches!(timeout(PATIENCE, reader.next()).await.expect("in time"), Event::Unit(_)) {}
    reader.close(Rejection::Ended);
    let received = read(reader).await;
    assert_eq!(received.end, Some(End::Refused(Rejection::Ended.to_string())));
    assert!(!finish(encoder).await.status.success());
}

#[tokio::test]
async fn publishes_over_tls_with_a_certificate_that_changes() {
    let issued = Arc::new(AtomicUsize::new(0));
    let counter = issued.clone();
    let tls: ingest::Tls = Arc::new(move || {
        counter.fetch_add(1, Ordering::Relaxed);
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(certified.signing_key.serialize_der().into());
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("protocol versions")
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key)
            .expect("a usable certificate");
        Arc::new(config)
    });
    let mut server = Server::bind(Config { tls: Some(tls), ..config() }).await.expect("a free port");
    let url = format!("rtmps://{}/live/key", server.local_addr());
    for round in 1..=2 {
        let encoder = ffmpeg(&format!("{PICTURE} {SOUND} -t 1 {H264} -c:a aac -f flv {url}"));
        let received = read(next(&mut server).await.accept().await).await;
        ok(&finish(encoder).await);
        assert_eq!((received.video, received.end), (30, Some(End::Clean)));
        assert_eq!(issued.load(Ordering::Relaxed), round);
    }
    let gst = format!(
        "-q videotestsrc num-buffers=30 ! x264enc ! flvmux streamable=true ! rtmp2sink tls-validation-flags=0 \
         location=rtmps://{}/live/key",
        server.local_addr()
    );
    let encoder = spawn("gst-launch-1.0", &gst);
    assert_eq!(read(next(&mut server).await.accept().await).await.video, 30);
    ok(&finish(encoder).await);
    // plain RTMP on this port gets nowhere and harms nobody
    let plain = client(server.local_addr(), sample(Style::Obs, "key").messages);
    assert!(!plain.await.expect("a client"));
}

#[tokio::test]
async fn a_lost_connection_is_not_a_clean_end() {
    let mut server = server(Limits::default()).await;
    let recording = sample(Style::Ffmpeg, "key");
    let cut = recording.messages.len() - 20;
    let sending = client(server.local_addr(), recording.messages[..cut].to_vec());
    let received = read(next(&mut server).await.accept().await).await;
    assert!(matches!(received.end, Some(End::Lost(_))), "{:?}", received.end);
    assert!(received.video > 10);
    assert!(sending.await.expect("a client"));
}

#[tokio::test]
async fn half_open_publishers_do_not_stop_a_good_one() {
    let mut server = server(Limits::default()).await;
    let address = server.local_addr();
    let good = sample(Style::Obs, "good");
    // begins before, goes on during the flood
    let mut stream = TcpStream::connect(address).expect("a connection");
    let begun = good.publish + 40;
    stream.write_all(&good.messages[..begun].concat()).expect("sent");
    let publish = next(&mut server).await;
    let reading = tokio::spawn(async move { read(publish.accept().await).await });
    // silent ones, ones within the handshake, ones that never publish
    let cuts = [0, 1, 700, 1600, 3073, 3200];
    let bytes = sample(Style::Obs, "bad").bytes();
    let flood: Vec<_> = (0..500)
        .map(|number| {
            let mut stream = TcpStream::connect(address).expect("a connection");
            // The server may have closed it already, to make room.
            let _ = stream.write_all(&bytes[..cuts[number % cuts.len()]]);
            stream
        })
        .collect();
    stream.write_all(&good.messages[begun..].concat()).expect("sent");
    let received = timeout(Duration::from_secs(5), reading).await.expect("in time").expect("a reader");
    assert_eq!((received.video, received.end), (20, Some(End::Clean)));
    // and another one gets in while they are all there
    let late = client(address, sample(Style::Larix, "late").messages);
    let publish = timeout(Duration::from_secs(5), server.accept()).await.expect("in time").expect("a server");
    assert_eq!(publish.stream_key().as_str(), "late");
    assert_eq!(read(publish.accept().await).await.video, 20);
    assert!(late.await.expect("a client"));
    drop(flood);
}

#[tokio::test]
async fn those_who_wait_for_the_owner_wait_alone() {
    let mut server = server(Limits { pending_per_address: 100, ..Limits::default() }).await;
    let address = server.local_addr();
    // More than the accept queue holds; nobody accepts yet.
    let clients: Vec<_> = (0..80).map(|number| client(address, sample(Style::Ffmpeg, &format!("k{number}")).messages)).collect();
    let first = next(&mut server).await;
    let mut readers = vec![tokio::spawn(async move { read(first.accept().await).await })];
    for _ in 1..80 {
        let publish = next(&mut server).await;
        readers.push(tokio::spawn(async move { read(publish.accept().await).await }));
    }
    for reader in readers {
        assert_eq!(reader.await.expect("a reader").end, Some(End::Clean));
    }
    for client in clients {
        assert!(client.await.expect("a client"));
    }
}

#[tokio::test]
async fn more_publishers_than_allowed_are_told() {
    let mut server = server(Limits { publishers: 1, ..Limits::default() }).await;
    let recording = sample(Style::Obs, "one");
    let mut one = TcpStream::connect(server.local_addr()).expect("a connection");
    one.write_all(&recording.messages[..recording.publish + 10].concat()).expect("sent");
    let reader = next(&mut server).await.accept().await;
    let mut two = TcpStream::connect(server.local_addr()).expect("a connection");
    two.write_all(&recording.messages[..=recording.publish].concat()).expect("sent");
    let mut answer = Vec::new();
    let answer = tokio::task::spawn_blocking(move || {
        two.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        // The server closes once it has said so.
        two.read_to_end(&mut answer).expect("an answer");
        answer
    });
    let answer = String::from_utf8_lossy(&answer.await.expect("a client")).into_owned();
    assert!(answer.contains("NetStream.Publish.Rejected") && !answer.contains("Publish.Start"));
    // the place is free again afterwards
    drop(reader);
    drop(one);
    let three = client(server.local_addr(), recording.messages.clone());
    let publish = loop {
        match timeout(Duration::from_millis(200), server.accept()).await {
            Ok(publish) => break publish.expect("a server"),
            Err(_) if !three.is_finished() => {}
            Err(_) => panic!("refused"),
        }
    };
    assert_eq!(read(publish.accept().await).await.video, 20);
    assert!(three.await.expect("a client"));
}

#[tokio::test]
async fn a_dropped_publish_or_server_turns_publishers_away() {
    let mut server = server(Limits::default()).await;
    let sending = client(server.local_addr(), sample(Style::Obs, "key").messages);
    drop(next(&mut server).await);
    assert!(!sending.await.expect("a client"));

    let address = server.local_addr();
    let sending = client(address, sample(Style::Obs, "key").messages);
    let publish = next(&mut server).await;
    drop(server);
    // what was brought to the owner goes on
    assert_eq!(read(publish.accept().await).await.video, 20);
    assert!(sending.await.expect("a client"));
    timeout(PATIENCE, async {
        while TcpStream::connect(address).is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the port is closed");
}

#[tokio::test]
async fn a_slow_owner_loses_groups_and_holds_up_nobody() {
    let mut server = server(Limits { queue_bytes: 2000, ..Limits::default() }).await;
    let sending = client(server.local_addr(), sample(Style::Obs, "key").messages);
    let mut reader = next(&mut server).await.accept().await;
    // All of it is taken from the publisher though nobody reads.
    assert!(sending.await.expect("a client"));
    let mut first_video = None;
    loop {
        match timeout(PATIENCE, reader.next()).await.expect("in time") {
            Event::Unit(unit) if unit.kind == Kind::Video => {
                first_video.get_or_insert(unit.keyframe);
            }
            Event::End(end) => {
                assert_eq!(end, End::Clean);
                break;
            }
            _ => {}
        }
    }
    assert_ne!(first_video, Some(false));
    assert!(reader.dropped_groups() >= 1);
}

#[tokio::test]
async fn mutated_sessions_over_sockets_leave_a_good_publisher_alone() {
    let mut server = server(Limits::default()).await;
    let address = server.local_addr();
    let good = sample(Style::Obs, "good");
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.write_all(&good.messages[..good.publish + 40].concat()).expect("sent");
    let publish = next(&mut server).await;
    let reading = tokio::spawn(async move { read(publish.accept().await).await });
    let accepting = tokio::spawn(async move {
        while let Some(publish) = server.accept().await {
            tokio::spawn(async move {
                let mut reader = publish.accept().await;
                while !matches!(reader.next().await, Event::End(_)) {}
            });
        }
    });
    let published = tokio::task::spawn_blocking(move || {
        let recordings = Style::ALL.map(|style| sample(style, "bad"));
        (0..60_u64)
            .filter(|&seed| {
                let pieces = mutate(&recordings[seed as usize % 3], seed);
                send(address, pieces, PATIENCE).expect("a connection")
            })
            .count()
    });
    let published = published.await.expect("the clients");
    assert!(published >= 18, "{published} of 60");
    stream.write_all(&good.messages[good.publish + 40..].concat()).expect("sent");
    assert_eq!(reading.await.expect("a reader").video, 20);
    accepting.abort();
    // read what is left so that closing is not a reset
    stream.set_read_timeout(Some(Duration::from_millis(1))).expect("a timeout");
    let _ = stream.read(&mut [0; 8192]);
}
