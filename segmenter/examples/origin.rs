//! A small LL-HLS origin: fragments of ~200 ms on standard input (a keyframe every ten of them), HTTP on the
//! address given. Shows how the rendition's pieces are put together, and serves for trying players.
//!
//! ffmpeg -re -f lavfi -i testsrc2=s=1280x720:r=30 -f lavfi -i sine -c:v libx264 -preset veryfast \
//!   -tune zerolatency -g 60 -c:a aac -f mp4 -movflags empty_moov+default_base_moof -frag_duration 200000 - |
//!   cargo run --release -p segmenter --example origin -- 127.0.0.1:9300 [directory with a page and its scripts]

use std::io::{self, Read};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use media::MediaTime;
use segmenter::name::Names;
use segmenter::output::FIRST_MSN;
use segmenter::reload::Reload;
use segmenter::rendition::{Group, ObjectPoll, PlaylistPoll, RenditionWriter};
use segmenter::window::{Config, Object, Window};
use segmenter::{Init, Output, Part, Picture, Sound};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

const PART: MediaTime = MediaTime::from_millis(200);
const PARTS_PER_SEGMENT: u32 = 10;

#[tokio::main]
async fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:9300".into());
    let files = arguments.next().map(PathBuf::from);
    let names = Names::new("0badcafe", "source").map_err(io::Error::other)?;
    let group = Group::new();
    let gaps = std::env::var("LEADING_GAPS").ok().and_then(|gaps| gaps.parse().ok()).unwrap_or(Config::LEADING_GAPS);
    let config = Config { leading_gaps: gaps, ..Config::new(names, Duration::from_secs(60)) };
    let (writer, _) = group.open(Window::new(config));
    std::thread::spawn(move || package(writer, &mut io::stdin().lock()));
    let listener = TcpListener::bind(address).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let (group, files) = (group.clone(), files.clone());
        tokio::spawn(async move {
            // A player that goes away in the middle is nothing to tell of.
            let _ = serve(stream, &group, files).await;
        });
    }
}

/// One box: its type and all of its bytes.
fn read_box(input: &mut impl Read) -> io::Result<([u8; 4], Vec<u8>)> {
    let mut header = [0; 8];
    input.read_exact(&mut header)?;
    let [a, b, c, d, kind @ ..] = header;
    let mut bytes = header.to_vec();
    let size = u64::from(u32::from_be_bytes([a, b, c, d]));
    input.take(size.saturating_sub(8)).read_to_end(&mut bytes)?;
    Ok((kind, bytes))
}

fn package(mut writer: RenditionWriter, input: &mut impl Read) {
    let now = Instant::now;
    writer.handle_outputs(now(), [Output::Started { target_duration: 2, part_target: MediaTime::from_millis(215) }]);
    let (mut head, mut number) = (Vec::new(), 0u64);
    while let Ok((kind, bytes)) = read_box(input) {
        head.extend_from_slice(&bytes);
        if &kind == b"moov" {
            writer.handle_outputs(now(), [Output::Init(init(std::mem::take(&mut head).into()))]);
        } else if &kind == b"mdat" {
            let index = (number % u64::from(PARTS_PER_SEGMENT)) as u32;
            let msn = FIRST_MSN + number / u64::from(PARTS_PER_SEGMENT);
            let mut outputs = vec![Output::Part(part(msn, index, number, std::mem::take(&mut head).into()))];
            if index + 1 == PARTS_PER_SEGMENT {
                outputs.push(Output::SegmentEnd { msn, duration: MediaTime::from_secs(2) });
            }
            writer.handle_outputs(now(), outputs);
            number += 1;
        }
    }
    writer.end(now());
}

fn init(bytes: Bytes) -> Init {
    let video = Some(Picture { width: 1280, height: 720, frame_rate: Some(30.0) });
    let audio = Some(Sound { sample_rate: 44_100, channels: 1 });
    Init { number: 0, bytes, codecs: "avc1.64001f,mp4a.40.2".into(), video, audio, discontinuity: false }
}

fn part(msn: u64, index: u32, number: u64, bytes: Bytes) -> Part {
    let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Part {
        msn,
        index,
        number,
        bytes,
        start: MediaTime::from_nanos(PART.as_nanos() * number as i64),
        duration: PART,
        independent: index == 0,
        gap: false,
        program_date_time: wall.as_millis() as i64 - PART.as_millis(),
        newest_arrival: Instant::now(),
    }
}

async fn serve(stream: TcpStream, group: &Group, files: Option<PathBuf>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    loop {
        let mut request = String::new();
        stream.read_line(&mut request).await?;
        loop {
            let mut header = String::new();
            if stream.read_line(&mut header).await? <= 2 {
                break;
            }
        }
        let Some(target) = request.strip_prefix("GET /").and_then(|rest| rest.split(' ').next()) else {
            return Ok(());
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let (status, kind, chunks) = answer(group, files.as_ref(), path, query).await;
        let length: usize = chunks.iter().map(Bytes::len).sum();
        let head =
            format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nAccess-Control-Allow-Origin: *\r\n\r\n");
        stream.write_all(head.as_bytes()).await?;
        for chunk in chunks {
            stream.write_all(&chunk).await?;
        }
    }
}

async fn answer(group: &Group, files: Option<&PathBuf>, path: &str, query: &str) -> (u16, &'static str, Vec<Bytes>) {
    const HLS: &str = "application/vnd.apple.mpegurl";
    if path == "log" {
        println!("{query}");
        return (204, "text/plain", Vec::new());
    }
    if path == "master.m3u8" {
        return match group.multivariant(None) {
            Some(text) => (200, HLS, vec![text.into()]),
            None => (404, HLS, Vec::new()),
        };
    }
    if let Some(rendition) = path.strip_suffix(".m3u8").and_then(|name| group.rendition(name)) {
        let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        return match rendition.playlist(&Reload::parse(pairs)).await {
            PlaylistPoll::Ready(playlist) => (200, HLS, vec![playlist.body.plain()]),
            PlaylistPoll::Invalid { .. } => (400, HLS, Vec::new()),
            _ => (503, HLS, Vec::new()),
        };
    }
    if let Some(file) = files.filter(|_| !path.contains("..")).and_then(|dir| std::fs::read(dir.join(path)).ok()) {
        let kind = if path.ends_with(".html") { "text/html" } else { "text/javascript" };
        return (200, kind, vec![file.into()]);
    }
    let Some(rendition) = group.renditions().into_iter().next() else { return (404, "text/plain", Vec::new()) };
    match rendition.object(path).await {
        ObjectPoll::Ready { object: Object::Memory(chunks), .. } => (200, rendition.content_type(), chunks.to_vec()),
        ObjectPoll::Unavailable => (503, "text/plain", Vec::new()),
        _ => (404, "text/plain", Vec::new()),
    }
}
