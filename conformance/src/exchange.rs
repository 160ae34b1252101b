//! Requests and answers over HTTP, and the rules their headers show.

use crate::board::Board;
use crate::rule::RuleId;
use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName};
use reqwest::{Method, header};
use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// An answer that waits for nothing is given up after this.
const PATIENCE: Duration = Duration::from_secs(5);
/// Playlists are decompressed up to this size: no honest one comes near.
const PLAYLIST_LIMIT: u64 = 16 << 20;

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub method: Method,
    pub url: String,
    pub gzip: bool,
    pub range: Option<String>,
    pub patience: Duration,
}

impl Ask {
    pub(crate) fn get(url: impl Into<String>) -> Self {
        Self { method: Method::GET, url: url.into(), gzip: false, range: None, patience: PATIENCE }
    }

    pub(crate) fn head(url: impl Into<String>) -> Self {
        Self { method: Method::HEAD, ..Self::get(url) }
    }

    pub(crate) fn range(mut self, range: impl Into<String>) -> Self {
        self.range = Some(range.into());
        self
    }

    pub(crate) fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
}

/// One answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub url: String,
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub sent: Instant,
    /// When the head of the answer came.
    pub head: Instant,
    /// When its last byte came.
    pub at: Instant,
    pub wall_ms: f64,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Not within the patience of the request.
    Late,
    /// The connection failed.
    Cut(String),
}

/// What an answer ought to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Master,
    /// A media playlist; with delivery directives or without.
    Playlist {
        directed: bool,
        ended: bool,
    },
    Media,
    Json,
}

impl Answer {
    pub(crate) fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Seconds between the request and the head of its answer.
    pub(crate) fn waited(&self) -> Duration {
        self.head.duration_since(self.sent)
    }

    fn max_age(&self) -> Option<u64> {
        let value = self.header(header::CACHE_CONTROL)?;
        let refused = ["no-store", "no-cache", "private"];
        if value.split(',').any(|word| refused.contains(&word.trim())) {
            return None;
        }
        value.split(',').find_map(|word| word.trim().strip_prefix("max-age="))?.parse().ok()
    }
}

/// A client with its own connections.
pub(crate) struct Client {
    http: reqwest::Client,
    pub board: Arc<Board>,
    pub gzip: bool,
}

/// Where pages of other origins come from, as far as the origin can tell.
const ORIGIN: &str = "https://viewer.example";

impl Client {
    pub(crate) fn new(http: reqwest::Client, board: Arc<Board>) -> Self {
        Self { http, board, gzip: false }
    }

    /// Sends a request and takes the whole answer.
    pub(crate) async fn fetch(&self, ask: &Ask) -> Result<Answer, Failure> {
        let encoding = if ask.gzip { "gzip" } else { "identity" };
        let mut request =
            self.http.request(ask.method.clone(), &ask.url).header(header::ORIGIN, ORIGIN).header(header::ACCEPT_ENCODING, encoding);
        if let Some(range) = &ask.range {
            request = request.header(header::RANGE, range);
        }
        let sent = Instant::now();
        let exchange = async {
            let response = request.send().await?;
            let head = Instant::now();
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let body = response.bytes().await?;
            let at = Instant::now();
            Ok::<_, reqwest::Error>(Answer { url: ask.url.clone(), status, headers, body, sent, head, at, wall_ms: wall_ms() })
        };
        match tokio::time::timeout(ask.patience, exchange).await {
            Ok(Ok(answer)) => {
                self.board.count("answers");
                self.check_any(&answer);
                Ok(answer)
            }
            Ok(Err(error)) => Err(Failure::Cut(format!("{error:?}"))),
            Err(_) => Err(Failure::Late),
        }
    }

    /// Sends a request that is answered at once, and records if it is not answered at all.
    pub(crate) async fn answered(&self, ask: &Ask) -> Option<Answer> {
        match self.fetch(ask).await {
            Ok(answer) => Some(answer),
            Err(Failure::Late) => {
                let waited = ask.patience.as_secs_f64();
                self.board.broken(RuleId::Transport, &ask.url, format!("no answer in {waited:.1} s"));
                None
            }
            Err(Failure::Cut(reason)) => {
                self.board.broken(RuleId::Transport, &ask.url, reason);
                None
            }
        }
    }

    fn check_any(&self, answer: &Answer) {
        if answer.status >= 500 && answer.status != 503 {
            self.board.broken(RuleId::Transport, &answer.url, format!("status {}", answer.status));
        }
        let allowed = answer.header(header::ACCESS_CONTROL_ALLOW_ORIGIN);
        if !matches!(allowed, Some("*" | ORIGIN)) {
            self.board.broken(RuleId::Cors, &answer.url, format!("status {}, Access-Control-Allow-Origin: {allowed:?}", answer.status));
        }
    }

    /// Checks the headers of a successful answer.
    pub(crate) fn check_headers(&self, answer: &Answer, kind: Kind) {
        let url = &answer.url;
        let content_type = answer.header(header::CONTENT_TYPE).unwrap_or("");
        let essence = content_type.split(';').next().unwrap_or("").trim();
        let expected: &[&str] = match kind {
            Kind::Master | Kind::Playlist { .. } => &["application/vnd.apple.mpegurl", "audio/mpegurl"],
            Kind::Media => &["video/mp4", "audio/mp4", "video/iso.segment"],
            Kind::Json => &["application/json"],
        };
        if !expected.contains(&essence) {
            self.board.broken(RuleId::ContentType, url, format!("{content_type:?}"));
        }
        let target = self.board.target_duration().as_secs();
        let age = answer.max_age();
        let right = match kind {
            Kind::Master | Kind::Json => true,
            Kind::Playlist { ended: true, .. } => age.is_some(),
            Kind::Playlist { directed: true, .. } => age == Some(6 * target),
            // Half a target duration; whole seconds are all the header can say.
            Kind::Playlist { .. } => age.is_some_and(|age| age <= target.div_ceil(2)),
            Kind::Media => age.is_some_and(|age| age >= 6 * target),
        };
        if !right {
            let value = answer.header(header::CACHE_CONTROL);
            self.board.broken(RuleId::CacheControl, url, format!("{kind:?} with target {target}: {value:?}"));
        }
    }

    /// The text of a media playlist, with the rule about its compression.
    pub(crate) fn text(&self, answer: &Answer, asked_gzip: bool) -> Option<String> {
        let encoding = answer.header(header::CONTENT_ENCODING);
        if asked_gzip && encoding != Some("gzip") {
            let detail = format!("gzip accepted, Content-Encoding: {encoding:?}");
            self.board.broken(RuleId::Gzip, &answer.url, detail);
        }
        self.small_text(answer, asked_gzip)
    }

    /// The text of a playlist that may be too small to be worth compressing.
    pub(crate) fn small_text(&self, answer: &Answer, asked_gzip: bool) -> Option<String> {
        let encoding = answer.header(header::CONTENT_ENCODING);
        let url = &answer.url;
        if !asked_gzip && encoding.is_some() {
            self.board.broken(RuleId::Gzip, url, format!("accepted gzip: {asked_gzip}, Content-Encoding: {encoding:?}"));
        }
        let vary = answer.header(header::VARY).unwrap_or("").to_ascii_lowercase();
        if encoding.is_some() && !vary.contains("accept-encoding") && vary != "*" {
            self.board.broken(RuleId::Gzip, url, "no Vary: Accept-Encoding");
        }
        let bytes = match encoding {
            Some("gzip") => {
                let mut plain = Vec::new();
                let decoder = flate2::read::GzDecoder::new(&answer.body[..]);
                match decoder.take(PLAYLIST_LIMIT).read_to_end(&mut plain) {
                    Ok(_) => plain,
                    Err(error) => {
                        self.board.broken(RuleId::Gzip, url, error.to_string());
                        return None;
                    }
                }
            }
            _ => answer.body.to_vec(),
        };
        match String::from_utf8(bytes) {
            Ok(text) => Some(text),
            Err(_) => {
                self.board.broken(RuleId::Syntax, url, "not UTF-8");
                None
            }
        }
    }
}

/// The wall clock, in milliseconds since 1970.
pub(crate) fn wall_ms() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64() * 1000.0)
}
