//! A small origin of correct Low-Latency HLS, to prove the checker on.
//!
//! Everything it serves is a function of the time: two renditions (video with
//! audio, and audio alone) with segments of one second and parts of 200 ms,
//! a window that is full when it starts, a gap and a discontinuity that slide
//! out of it, another gap and discontinuity with a new map while it runs, and
//! an end. The media are boxes with samples of noise: right in every number,
//! worth nothing to a decoder.

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Target duration and length of every segment, in seconds.
const TARGET_DURATION: u64 = 1;
/// Parts in every segment.
const PARTS: u64 = 5;
/// Part target duration.
const PART: Duration = Duration::from_millis(200);
/// Complete segments in the playlist.
const WINDOW: u64 = 10;
/// CAN-SKIP-UNTIL, in segments.
const SKIP: u64 = 6;
/// Media Sequence Number of the first segment there ever was.
const FIRST_MSN: u64 = 100;
/// Segments that exist when the origin starts.
const HISTORY: u64 = 12;
/// Segments that are gaps, counted from the first.
const GAPS: [u64; 2] = [4, 14];
/// Segments that begin with a discontinuity and a map of their own.
const DISCONTINUITIES: [u64; 2] = [5, 15];
/// The last segment.
const LAST: u64 = 20;
/// Samples of a part: 25 pictures a second, 20 ms of sound.
const PICTURES: u32 = 5;
const SOUNDS: u32 = 10;
const VIDEO_TIMESCALE: u32 = 90_000;
const AUDIO_TIMESCALE: u32 = 48_000;

/// A running origin; stops when dropped.
#[derive(Debug)]
pub struct Origin {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Origin {
    /// Starts an origin on a free port of the loopback interface.
    ///
    /// # Errors
    /// If there is no port to listen on.
    pub async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let stream = Arc::new(Stream::begin());
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let _ = socket.set_nodelay(true);
                let stream = Arc::clone(&stream);
                tokio::spawn(async move {
                    let service = service_fn(move |request| {
                        let stream = Arc::clone(&stream);
                        async move { Ok::<_, std::convert::Infallible>(stream.answer(request).await) }
                    });
                    let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service);
                    // A client that goes away is no fault.
                    let _ = connection.await;
                });
            }
        });
        Ok(Self { address, task })
    }

    /// URL of the multivariant playlist.
    pub fn master_url(&self) -> String {
        format!("http://{}/hls/master.m3u8", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How long from the start to the end of the stream.
    pub fn lasts(&self) -> Duration {
        PART * ((LAST + 1 - HISTORY) * PARTS) as u32
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rendition {
    Video,
    Audio,
}

impl Rendition {
    const ALL: [Self; 2] = [Self::Video, Self::Audio];

    fn name(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::Audio => "audio",
        }
    }
}

/// The stream: when its first part began, by both clocks.
struct Stream {
    began: Instant,
    began_ms: u64,
}

/// What a request is answered with.
struct Reply {
    status: StatusCode,
    content_type: &'static str,
    max_age: u64,
    body: Bytes,
}

impl Reply {
    fn refuse(status: StatusCode) -> Self {
        Self { status, content_type: "text/plain", max_age: TARGET_DURATION, body: Bytes::new() }
    }
}

impl Stream {
    fn begin() -> Self {
        let history = PART * (HISTORY * PARTS) as u32;
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
        let now = Instant::now();
        Self { began: now.checked_sub(history).unwrap_or(now), began_ms: now_ms - history.as_millis() as u64 }
    }

    /// Number of parts that exist.
    fn parts(&self) -> u64 {
        let parts = (self.began.elapsed().as_millis() / PART.as_millis()) as u64;
        parts.min((LAST + 1) * PARTS)
    }

    async fn until_part(&self, part: u64) {
        tokio::time::sleep_until((self.began + PART * (part + 1) as u32).into()).await;
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let accepts_gzip = request
            .headers()
            .get(header::ACCEPT_ENCODING)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.contains("gzip"));
        let range = request
            .headers()
            .get(header::RANGE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("bytes="))
            .map(str::to_owned);
        let name = request.uri().path().strip_prefix("/hls/").unwrap_or("");
        let reply = self.reply(name, request.uri().query().unwrap_or("")).await;
        let mut response = Response::new(Full::default());
        let mut body = reply.body;
        *response.status_mut() = reply.status;
        let headers = response.headers_mut();
        let text = |text: String| HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""));
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
        headers.insert(header::CACHE_CONTROL, text(format!("max-age={}", reply.max_age)));
        let playlist = name.ends_with(".m3u8");
        if playlist {
            headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        }
        if playlist && accepts_gzip && reply.status == StatusCode::OK {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            body = gzip(&body);
        }
        if let Some(range) = range.filter(|_| reply.status == StatusCode::OK) {
            let length = body.len();
            match byte_range(&range, length) {
                Some((from, to)) => {
                    headers.insert(header::CONTENT_RANGE, text(format!("bytes {from}-{}/{length}", to - 1)));
                    *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                    body = body.slice(from..to);
                }
                None => {
                    *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
                    body = Bytes::new();
                }
            }
        }
        let length = text(body.len().to_string());
        response.headers_mut().insert(header::CONTENT_LENGTH, length);
        if request.method() != Method::HEAD {
            *response.body_mut() = Full::new(body);
        }
        response
    }

    async fn reply(&self, name: &str, query: &str) -> Reply {
        if name == "master.m3u8" {
            return Reply {
                status: StatusCode::OK,
                content_type: "application/vnd.apple.mpegurl",
                max_age: TARGET_DURATION,
                body: Bytes::from_static(MASTER.as_bytes()),
            };
        }
        if name == "segments-sha256.json" {
            return Reply {
                status: StatusCode::OK,
                content_type: "application/json",
                max_age: TARGET_DURATION,
                body: self.digests().into(),
            };
        }
        for rendition in Rendition::ALL {
            let Some(rest) = name.strip_prefix(rendition.name()) else {
                continue;
            };
            if rest == ".m3u8" {
                return self.playlist(rendition, query).await;
            }
            let numbered = |prefix: &str, suffix: &str| -> Option<u64> { rest.strip_prefix(prefix)?.strip_suffix(suffix)?.parse().ok() };
            let body = if let Some(number) = numbered("-init", ".mp4") {
                (number <= DISCONTINUITIES.len() as u64).then(|| init(rendition, number))
            } else if let Some(part) = numbered("-p", ".m4s") {
                // Only the hinted part is waited for.
                if part == self.parts() && part < (LAST + 1) * PARTS && !is_gap(part / PARTS) {
                    self.until_part(part).await;
                }
                (part < self.parts() && !is_gap(part / PARTS)).then(|| media(rendition, part))
            } else {
                numbered("-", ".m4s")
                    .and_then(|msn| msn.checked_sub(FIRST_MSN))
                    .filter(|segment| (segment + 1) * PARTS <= self.parts() && !is_gap(*segment))
                    .map(|segment| whole_segment(rendition, segment))
            };
            if let Some(body) = body {
                return Reply { status: StatusCode::OK, content_type: "video/mp4", max_age: 3600, body };
            }
        }
        Reply::refuse(StatusCode::NOT_FOUND)
    }

    async fn playlist(&self, rendition: Rendition, query: &str) -> Reply {
        let (mut msn, mut part, mut skip) = (None, None, false);
        if self.parts() < (LAST + 1) * PARTS {
            for pair in query.split('&') {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                let asked = match name {
                    "_HLS_msn" => &mut msn,
                    "_HLS_part" => &mut part,
                    "_HLS_skip" => {
                        skip = value == "YES" || value == "v2";
                        continue;
                    }
                    _ => continue,
                };
                let Ok(value) = value.parse::<u64>() else {
                    return Reply::refuse(StatusCode::BAD_REQUEST);
                };
                *asked = Some(value);
            }
            match (msn, part) {
                (None, None) => {}
                (None, Some(_)) => return Reply::refuse(StatusCode::BAD_REQUEST),
                (Some(msn), part) => {
                    let now = self.parts();
                    let segment = msn.saturating_sub(FIRST_MSN);
                    let too_far =
                        segment > now / PARTS + 2 || part.is_some_and(|part| segment >= now / PARTS && part > now % PARTS + 3 * PARTS);
                    if too_far {
                        return Reply::refuse(StatusCode::BAD_REQUEST);
                    }
                    if msn >= FIRST_MSN {
                        // A part past the end is part 0 of the next segment.
                        let awaited = segment * PARTS + part.unwrap_or(PARTS - 1).min(PARTS);
                        self.until_part(awaited.min((LAST + 1) * PARTS - 1)).await;
                    }
                }
            }
        }
        let parts = self.parts();
        let ended = parts == (LAST + 1) * PARTS;
        Reply {
            status: StatusCode::OK,
            content_type: "application/vnd.apple.mpegurl",
            max_age: if msn.is_some() { 6 * TARGET_DURATION } else { 1 },
            body: self.render(rendition, parts, skip && !ended).into(),
        }
    }

    fn render(&self, rendition: Rendition, parts: u64, skip: bool) -> String {
        let name = rendition.name();
        let complete = parts / PARTS;
        let ended = complete > LAST;
        let first = complete.saturating_sub(WINDOW);
        let removed = DISCONTINUITIES.iter().filter(|d| **d < first).count();
        let mut text = format!(
            "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:{TARGET_DURATION}\n\
             #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL={SKIP}.0,HOLD-BACK=3.0,PART-HOLD-BACK=1.000\n\
             #EXT-X-PART-INF:PART-TARGET=0.200\n\
             #EXT-X-MEDIA-SEQUENCE:{}\n#EXT-X-DISCONTINUITY-SEQUENCE:{removed}\n\
             #EXT-X-INDEPENDENT-SEGMENTS\n",
            first + FIRST_MSN
        );
        let mut from = first;
        if skip {
            from = complete - SKIP;
            let _ = writeln!(text, "#EXT-X-SKIP:SKIPPED-SEGMENTS={}", from - first);
        }
        for segment in from..=complete.min(LAST) {
            let in_segment = (parts - segment * PARTS).min(PARTS);
            if in_segment == 0 {
                break;
            }
            if DISCONTINUITIES.contains(&segment) {
                text.push_str("#EXT-X-DISCONTINUITY\n");
            }
            if DISCONTINUITIES.contains(&segment) || segment == first {
                let _ = writeln!(text, "#EXT-X-MAP:URI=\"{name}-init{}.mp4\"", map(segment));
            }
            let _ = writeln!(text, "#EXT-X-PROGRAM-DATE-TIME:{}", self.date(segment));
            let gap = is_gap(segment);
            // Parts stand within three target durations of the end.
            if (segment + 4) * PARTS >= parts {
                for part in segment * PARTS..segment * PARTS + in_segment {
                    let _ = writeln!(
                        text,
                        "#EXT-X-PART:DURATION=0.20000,URI=\"{name}-p{part}.m4s\"{}{}",
                        if !gap && (rendition == Rendition::Audio || part.is_multiple_of(PARTS)) { ",INDEPENDENT=YES" } else { "" },
                        if gap { ",GAP=YES" } else { "" },
                    );
                }
            }
            if in_segment == PARTS {
                if gap {
                    text.push_str("#EXT-X-GAP\n");
                }
                let msn = segment + FIRST_MSN;
                let _ = writeln!(text, "#EXTINF:1.00000,\n{name}-{msn}.m4s");
            }
        }
        if ended {
            text.push_str("#EXT-X-ENDLIST\n");
        } else {
            let _ = writeln!(text, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{name}-p{parts}.m4s\"");
            for other in Rendition::ALL.iter().filter(|other| **other != rendition) {
                let newest = parts - 1;
                let _ = writeln!(
                    text,
                    "#EXT-X-RENDITION-REPORT:URI=\"{}.m3u8\",LAST-MSN={},LAST-PART={}",
                    other.name(),
                    newest / PARTS + FIRST_MSN,
                    newest % PARTS
                );
            }
        }
        text
    }

    fn date(&self, segment: u64) -> String {
        let ms = self.began_ms + segment * PARTS * PART.as_millis() as u64;
        let date = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
        let (hour, minute, second, ms) = date.to_hms_milli();
        let (year, month, day) = date.to_calendar_date();
        let month = u8::from(month);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
    }

    fn digests(&self) -> String {
        let complete = self.parts() / PARTS;
        let mut digests = serde_json::Map::new();
        for segment in complete.saturating_sub(WINDOW + 2)..complete {
            for rendition in Rendition::ALL {
                if !is_gap(segment) {
                    let digest = Sha256::digest(whole_segment(rendition, segment));
                    digests.insert(format!("{}-{}.m4s", rendition.name(), segment + FIRST_MSN), hex::encode(digest).into());
                }
            }
        }
        serde_json::Value::Object(digests).to_string()
    }
}

const MASTER: &str = "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-INDEPENDENT-SEGMENTS\n\
#EXT-X-STREAM-INF:BANDWIDTH=400000,AVERAGE-BANDWIDTH=300000,CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=1280x720,FRAME-RATE=25.000\nvideo.m3u8\n\
#EXT-X-STREAM-INF:BANDWIDTH=100000,AVERAGE-BANDWIDTH=90000,CODECS=\"mp4a.40.2\"\naudio.m3u8\n";

fn is_gap(segment: u64) -> bool {
    GAPS.contains(&segment)
}

/// The map in force for a segment.
fn map(segment: u64) -> u64 {
    DISCONTINUITIES.iter().filter(|d| **d <= segment).count() as u64
}

fn gzip(body: &[u8]) -> Bytes {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    // Writing to memory cannot fail.
    let _ = encoder.write_all(body);
    encoder.finish().unwrap_or_default().into()
}

/// A single range of a body (RFC 9110, 14.1.2), as first byte and byte after the last.
fn byte_range(range: &str, length: usize) -> Option<(usize, usize)> {
    let (from, to) = range.split_once('-')?;
    let (from, to) = match (from.parse::<usize>().ok(), to.parse::<usize>().ok()) {
        (Some(from), Some(to)) => (from, to.saturating_add(1).min(length)),
        (Some(from), None) => (from, length),
        (None, Some(last)) => (length.saturating_sub(last), length),
        (None, None) => return None,
    };
    (from < to).then_some((from, to))
}

fn whole_segment(rendition: Rendition, segment: u64) -> Bytes {
    let parts = segment * PARTS..(segment + 1) * PARTS;
    parts.flat_map(|part| media(rendition, part)).collect()
}

/// A box: its size, its type, its content.
fn boxed(kind: &[u8; 4], content: &[&[u8]]) -> Vec<u8> {
    let size = 8 + content.iter().map(|piece| piece.len()).sum::<usize>();
    let mut bytes = (size as u32).to_be_bytes().to_vec();
    bytes.extend_from_slice(kind);
    bytes.extend(content.iter().copied().flatten());
    bytes
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

fn init(rendition: Rendition, number: u64) -> Bytes {
    let mut tracks = Vec::new();
    let mut extends = Vec::new();
    if rendition == Rendition::Video {
        let mut entry = vec![0; 24];
        entry.extend_from_slice(&[0x05, 0x00, 0x02, 0xd0]);
        entry.resize(78, 0);
        let config = boxed(b"avcC", &[&[1, 0x64, 0, 0x1f, 0xff, number as u8]]);
        let entry = boxed(b"avc1", &[&entry, &config]);
        tracks.extend(track(1, VIDEO_TIMESCALE, b"vide", &entry));
        extends.extend(boxed(b"trex", &[&words(&[0, 1, 1, 0, 0, 0])]));
    }
    // ES_Descriptor, DecoderConfigDescriptor, AudioSpecificConfig of AAC-LC, 48 kHz, stereo.
    let mut config = vec![0, 0, 0, 0, 3, 22, 0, 2, 0, 4, 17];
    config.extend_from_slice(&[0x40, 0x15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 2, 0x11, 0x90]);
    let entry = boxed(b"mp4a", &[&[0; 28], &boxed(b"esds", &[&config])]);
    tracks.extend(track(2, AUDIO_TIMESCALE, b"soun", &entry));
    extends.extend(boxed(b"trex", &[&words(&[0, 2, 1, 0, 0, 0])]));
    let mut bytes = boxed(b"ftyp", &[b"iso6\0\0\0\0cmfc"]);
    bytes.extend(boxed(b"moov", &[&tracks, &boxed(b"mvex", &[&extends])]));
    bytes.into()
}

fn track(id: u32, timescale: u32, handler: &[u8; 4], entry: &[u8]) -> Vec<u8> {
    let header = boxed(b"tkhd", &[&words(&[3, 0, 0, id, 0, 0])]);
    let media_header = boxed(b"mdhd", &[&words(&[0, 0, 0, timescale, 0, 0])]);
    let handler = boxed(b"hdlr", &[&[0; 8], handler, &[0; 13]]);
    let descriptions = boxed(b"stsd", &[&words(&[0, 1]), entry]);
    let table = boxed(b"minf", &[&boxed(b"stbl", &[&descriptions])]);
    boxed(b"trak", &[&header, &boxed(b"mdia", &[&media_header, &handler, &table])])
}

fn media(rendition: Rendition, part: u64) -> Bytes {
    let runs: &[(u32, u32, u32)] = match rendition {
        Rendition::Video => &[(1, VIDEO_TIMESCALE, PICTURES), (2, AUDIO_TIMESCALE, SOUNDS)],
        Rendition::Audio => &[(2, AUDIO_TIMESCALE, SOUNDS)],
    };
    let size = |id| if id == 1 { 700 } else { 40 };
    let mut fragments = Vec::new();
    let mut samples = Vec::new();
    // Every field has a fixed length, so the length of the moof can be told beforehand.
    let traf = |count: u32| 8 + 16 + 20 + 20 + 12 * count as usize;
    let moof = 8 + 16 + runs.iter().map(|(.., count)| traf(*count)).sum::<usize>();
    for &(id, timescale, count) in runs {
        let ticks = timescale / 5;
        let offset = (moof + 8 + samples.len()) as u32;
        let mut run = words(&[0x701, count, offset]);
        for sample in 0..count {
            let sync = id == 2 || part.is_multiple_of(PARTS) && sample == 0;
            let flags = if sync { 0 } else { 0x0001_0000 };
            run.extend(words(&[ticks / count, size(id), flags]));
        }
        let decode_time = u64::from(ticks) * part;
        let decode_time = boxed(b"tfdt", &[&words(&[0x0100_0000]), &decode_time.to_be_bytes()]);
        let header = boxed(b"tfhd", &[&words(&[0x0002_0000, id])]);
        fragments.extend(boxed(b"traf", &[&header, &decode_time, &boxed(b"trun", &[&run])]));
        let noise = (0..count * size(id)).map(|n| (n as u64 * 31 + part * 17) as u8);
        samples.extend(noise);
    }
    let header = boxed(b"mfhd", &[&words(&[0, part as u32])]);
    let mut bytes = boxed(b"moof", &[&header, &fragments]);
    bytes.extend(boxed(b"mdat", &[&samples]));
    bytes.into()
}
