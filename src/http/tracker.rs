//! The tracker on this server's port: `/tracker/socket` (WebSocket), `/tracker/announce` and `/tracker/scrape`.
//!
//! Pages of any site may connect, as WebTorrent's do: a broadcast's swarm opens only to a token, others only exist where the
//! instance lets third-party players in.

use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{RawQuery, Request, State};
use axum::http::header::{CONNECTION, CONTENT_TYPE, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper_util::rt::TokioIo;
use p2p_tracker::{Access, ws};

use super::extract::Base;
use super::problem::{Problem, Result};
use super::serve::Client;
use crate::app::App;
use crate::config::{Config, Policy};
use crate::domain::Video;

/// Sockets open at once, pages' own apart: some 10 kB each.
const MAX_SOCKETS: u64 = 100_000;
/// Who is one too many may ask again after this.
pub(super) const RETRY: Duration = Duration::from_secs(5);
const SOCKET: &str = "/tracker/socket";

pub(super) fn router() -> Router<App> {
    Router::new().route(SOCKET, get(socket)).route("/tracker/announce", get(announce)).route("/tracker/scrape", get(scrape))
}

/// The tracker's WebSocket.
pub(super) fn url(base: &Base) -> String {
    // http becomes ws, https wss.
    format!("ws{}{SOCKET}", base.0.strip_prefix("http").unwrap_or("://localhost"))
}

/// Players of other makers may meet here.
pub(super) fn is_open(config: &Config) -> bool {
    config.swarm.policy != Policy::Off && config.swarm.third_party
}

/// Where players of other makers meet for this video: as PeerTube has it, WebSocket first.
pub(super) fn urls(video: &Video, app: &App, base: &Base) -> Vec<String> {
    if !video.is_live || video.remote || !is_open(&app.config) {
        return Vec::new();
    }
    vec![url(base), format!("{}/tracker/announce", base.0)]
}

/// What a connection to the tracker may do.
pub(super) fn access(app: &App) -> Access {
    Access { shoal: app.config.swarm.policy != Policy::Off, plain: is_open(&app.config) }
}

async fn socket(State(app): State<App>, client: Client, mut request: Request) -> Result<Response> {
    if app.config.swarm.policy == Policy::Off {
        return Err(Problem::not_found("Tracker"));
    }
    let key = handshake(request.method(), request.headers()).ok_or_else(|| {
        // RFC 6455 section 4.2.2 has 426 for versions; one word for all that is no WebSocket.
        Problem::new(StatusCode::UPGRADE_REQUIRED, "This address is for WebSockets")
    })?;
    let accept = HeaderValue::from_str(&ws::accept_key(key)).map_err(|error| Problem::internal(&error))?;
    let tracker = app.swarms.tracker();
    if tracker.connections() >= MAX_SOCKETS {
        return Err(Problem::too_many(RETRY));
    }
    let connection = tracker.open(Instant::now(), client.address, access(&app)).map_err(|_| Problem::too_many(RETRY))?;
    let upgrade = hyper::upgrade::on(&mut request);
    let stop = app.stop.clone();
    tokio::spawn(async move {
        match upgrade.await {
            Ok(stream) => ws::serve_until(TokioIo::new(stream), connection, stop.cancelled()).await,
            Err(error) => tracing::debug!(%error, "http.tracker"),
        }
    });
    let headers = [
        (CONNECTION, HeaderValue::from_static("upgrade")),
        (UPGRADE, HeaderValue::from_static("websocket")),
        (SEC_WEBSOCKET_ACCEPT, accept),
    ];
    Ok((StatusCode::SWITCHING_PROTOCOLS, headers).into_response())
}

/// The key of a WebSocket's opening handshake (RFC 6455 section 4.2.1).
fn handshake<'a>(method: &Method, headers: &'a HeaderMap) -> Option<&'a str> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let says = |name: HeaderName, word: &str| {
        let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|value| value.trim().eq_ignore_ascii_case(word))
    };
    let is_handshake = method == Method::GET && says(CONNECTION, "upgrade") && says(UPGRADE, "websocket");
    text(SEC_WEBSOCKET_KEY).filter(|_| is_handshake && text(SEC_WEBSOCKET_VERSION) == Some("13"))
}

async fn announce(State(app): State<App>, RawQuery(query): RawQuery) -> Response {
    answer(&app, |tracker| tracker.http_announce(query.as_deref().unwrap_or("")))
}

async fn scrape(State(app): State<App>, RawQuery(query): RawQuery) -> Response {
    answer(&app, |tracker| tracker.http_scrape(query.as_deref().unwrap_or("")))
}

fn answer(app: &App, ask: impl FnOnce(&p2p_tracker::Tracker) -> Vec<u8>) -> Response {
    if !is_open(&app.config) {
        return Problem::not_found("Tracker").into_response();
    }
    ([(CONTENT_TYPE, p2p_tracker::http::CONTENT_TYPE)], ask(app.swarms.tracker())).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_follow_the_page() {
        assert_eq!(url(&Base("http://localhost:9000".into())), "ws://localhost:9000/tracker/socket");
        assert_eq!(url(&Base("https://tv.example".into())), "wss://tv.example/tracker/socket");
    }

    #[test]
    fn knows_a_handshake() {
        let mut headers = HeaderMap::new();
        for (name, value) in
            [(CONNECTION, "keep-alive, Upgrade"), (UPGRADE, "WebSocket"), (SEC_WEBSOCKET_VERSION, "13"), (SEC_WEBSOCKET_KEY, "x")]
        {
            assert_eq!(handshake(&Method::GET, &headers), None);
            headers.insert(name, HeaderValue::from_static(value));
        }
        assert_eq!(handshake(&Method::GET, &headers), Some("x"));
        assert_eq!(handshake(&Method::POST, &headers), None);
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("12"));
        assert_eq!(handshake(&Method::GET, &headers), None);
    }
}
