//! A proxy that breaks one rule of what it passes on.
//!
//! It sits between the checker and an origin and mutates playlists, headers,
//! bytes or the time of answers so that exactly the chosen rule is broken
//! (and those that cannot help being broken with it). With it the checker is
//! checked: it must name every fault.

mod memory;
mod mutation;
mod text;

use crate::checker::{self, Checker, Config};
use crate::origin::Origin;
use crate::report::Report;
use crate::rule::RuleId;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use memory::Memory;
use std::convert::Infallible;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A running proxy; stops when dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    path: String,
    task: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Clients of a proof: one of each manner.
const CLIENTS: usize = 9;
/// How long a proof goes on after the stream has ended.
const AFTERWARDS: Duration = Duration::from_secs(4);

/// Runs the checker against a correct origin of which one rule is broken, or none.
///
/// # Errors
/// If the origin, the proxy or the checker cannot start.
pub async fn prove(broken: Option<RuleId>) -> anyhow::Result<Report> {
    let origin = Origin::start().await?;
    let proxy = Proxy::start(&origin.master_url(), broken).await?;
    let mut config = Config::new(proxy.master_url());
    config.clients = CLIENTS;
    config.duration = origin.lasts() + AFTERWARDS;
    config.stop_at = broken;
    Ok(Checker::run(config).await?)
}

impl Proxy {
    /// Starts a proxy to the origin of a multivariant playlist, on a free
    /// port of the loopback interface.
    ///
    /// # Errors
    /// If the URL is none, or there is no port to listen on.
    pub async fn start(master_url: &str, broken: Option<RuleId>) -> anyhow::Result<Self> {
        let origin = reqwest::Url::parse(master_url)?;
        let path = origin.path().to_owned();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let relay = Arc::new(Relay { origin, http: checker::http(false)?, broken, memory: Mutex::new(Memory::new(Instant::now())) });
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let _ = socket.set_nodelay(true);
                let relay = Arc::clone(&relay);
                tokio::spawn(async move {
                    let service = service_fn(move |request| {
                        let relay = Arc::clone(&relay);
                        async move { Ok::<_, Infallible>(relay.answer(request).await) }
                    });
                    let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service);
                    // A client that goes away is no fault.
                    let _ = connection.await;
                });
            }
        });
        Ok(Self { address, path, task })
    }

    /// URL of the multivariant playlist, through the proxy.
    pub fn master_url(&self) -> String {
        format!("http://{}{}", self.address, self.path)
    }
}

struct Relay {
    origin: reqwest::Url,
    http: reqwest::Client,
    broken: Option<RuleId>,
    memory: Mutex<Memory>,
}

/// A request on its way to the origin.
struct Asked {
    method: Method,
    path: String,
    query: Option<String>,
    gzip: bool,
    range: Option<HeaderValue>,
}

impl Asked {
    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or("")
    }

    fn is_playlist(&self) -> bool {
        self.path.ends_with(".m3u8")
    }

    fn directive(&self, name: &str) -> Option<&str> {
        let pairs = self.query.as_deref()?.split('&');
        pairs.filter_map(|pair| pair.split_once('=')).find_map(|(key, value)| (key == name).then_some(value))
    }
}

/// An answer on its way to the client.
struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answered {
    fn empty(status: StatusCode) -> Self {
        let mut headers = HeaderMap::new();
        let any = HeaderValue::from_static("*");
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any);
        Self { status, headers, body: Bytes::new() }
    }
}

impl Relay {
    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let accepts = request.headers().get(header::ACCEPT_ENCODING);
        let mut asked = Asked {
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().map(str::to_owned),
            gzip: accepts.and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains("gzip")),
            range: request.headers().get(header::RANGE).cloned(),
        };
        let received = Instant::now();
        let refused = self.broken.and_then(|rule| mutation::request(rule, &mut asked, &mut self.memory()));
        let mut answered = match refused {
            Some(status) => Answered::empty(status),
            None => self.pass_on(&asked).await,
        };
        if asked.is_playlist() && answered.status == StatusCode::OK {
            self.memory().learn(asked.name(), &answered.body);
        }
        if let Some(rule) = self.broken {
            let delay = mutation::delay(rule, &asked, received, &mut self.memory());
            if let Some(until) = delay {
                tokio::time::sleep_until(until.into()).await;
            }
            mutation::answer(rule, &asked, &mut answered, &mut self.memory());
        }
        self.finish(&asked, answered)
    }

    async fn pass_on(&self, asked: &Asked) -> Answered {
        let mut url = self.origin.clone();
        url.set_path(&asked.path);
        url.set_query(asked.query.as_deref());
        let mut request = self
            .http
            .request(asked.method.clone(), url)
            .header(header::ACCEPT_ENCODING, "identity")
            .header(header::ORIGIN, "https://viewer.example");
        if let Some(range) = &asked.range {
            request = request.header(header::RANGE, range);
        }
        let passed = async {
            let response = request.send().await?;
            let (status, headers) = (response.status(), response.headers().clone());
            Ok::<_, reqwest::Error>(Answered { status, headers, body: response.bytes().await? })
        };
        passed.await.unwrap_or_else(|_| Answered::empty(StatusCode::BAD_GATEWAY))
    }

    fn finish(&self, asked: &Asked, answered: Answered) -> Response<Full<Bytes>> {
        let Answered { status, mut headers, mut body } = answered;
        let head = asked.method == Method::HEAD;
        headers.remove(header::TRANSFER_ENCODING);
        headers.remove(header::CONNECTION);
        let compress = asked.is_playlist() && asked.gzip && status == StatusCode::OK && self.broken != Some(RuleId::Gzip);
        if compress {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            // Writing to memory cannot fail.
            let _ = encoder.write_all(&body);
            body = encoder.finish().unwrap_or_default().into();
            let gzip = HeaderValue::from_static("gzip");
            headers.insert(header::CONTENT_ENCODING, gzip);
        }
        if !head {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        let mut response = Response::new(Full::new(if head { Bytes::new() } else { body }));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }
}
