//! The socket of an open page: `/api/shoal/v1/socket`.
//!
//! The page says `{"type":"subscribe","video":UUID,"token"?:ACCESS_TOKEN}`, `unsubscribe`, `watching`
//! (every few seconds while it plays) and `ping`; it hears `state`, `viewers`, for its own videos
//! `health`, `pong`, and `error` with a `code`. What has an `action` is for the tracker, whose messages and manifests (binary)
//! come back on the same socket: a page has one.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::http::header::ORIGIN;
use axum::response::Response;
use p2p_tracker::{Connection, Frame};
use rand::Rng as _;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;
use tokio::time::timeout;
use uuid::Uuid;

use super::extract::{Base, may_watch, owns};
use super::hub::{Outgoing, health_text, state_text, viewers_text};
use super::problem::{Problem, Result};
use super::serve::Client;
use super::shoal::Health;
use super::viewers::ViewerId;
use crate::app::App;

/// Longest message from a page...
const MAX_MESSAGE: usize = 4096;
/// ...and to the tracker: ten offers of some kB.
const MAX_TRACKER_MESSAGE: usize = 64 * 1024;
/// Videos that one page follows: a long list of lives.
const MAX_SUBSCRIPTIONS: usize = 100;
/// Sockets open at once: some 20 kB each.
const MAX_SOCKETS: i64 = 50_000;
/// Messages a page may send in a row...
const BURST: f64 = 120.0;
/// ...and per second after that.
const RATE: f64 = 10.0;
/// The same to the tracker: a page that joins offers to and answers a dozen others, twice if half of them have gone...
const TRACKER_BURST: f64 = 300.0;
/// ...and reports twice a second at most.
const TRACKER_RATE: f64 = 20.0;
/// A silent page is asked whether it is still there.
const PING: Duration = Duration::from_secs(30);
/// A page that does not take a message by then is gone.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// What pages say.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Incoming {
    Subscribe { video: Uuid, token: Option<String> },
    Unsubscribe { video: Uuid },
    Watching { video: Uuid },
    Ping,
}

/// Tells what is for the tracker.
#[derive(Debug, Deserialize)]
struct Addressed {
    action: Option<IgnoredAny>,
}

pub(super) async fn upgrade(
    State(app): State<App>,
    base: Base,
    client: Client,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response> {
    // Browsers say which page opens the socket; a foreign one has no business here. Programs say nothing.
    if let Some(origin) = headers.get(ORIGIN) {
        let own = origin.as_bytes() == base.0.as_bytes() || origin.as_bytes() == app.public_url().as_bytes();
        if !own {
            return Err(Problem::forbidden("This socket is for pages of this server"));
        }
    }
    if app.metrics.page_sockets.value() >= MAX_SOCKETS {
        return Err(Problem::new(axum::http::StatusCode::SERVICE_UNAVAILABLE, "Too many open pages"));
    }
    Ok(upgrade
        .max_message_size(MAX_TRACKER_MESSAGE)
        .max_frame_size(MAX_TRACKER_MESSAGE)
        .read_buffer_size(MAX_MESSAGE)
        .write_buffer_size(0)
        .max_write_buffer_size(256 * 1024)
        .on_upgrade(move |socket| run(app, client, socket)))
}

async fn run(app: App, client: Client, mut socket: WebSocket) {
    app.metrics.page_sockets.add(1);
    let (outgoing, mut messages, overflow) = app.hub.open();
    let mut page = Page {
        outgoing,
        subscriptions: HashSet::new(),
        watched: HashSet::new(),
        viewer: ViewerId(rand::rng().random()),
        allowance: Allowance::new(BURST, RATE),
    };
    // From the first message for it on.
    let mut tracker = None;
    let mut tracker_allowance = Allowance::new(TRACKER_BURST, TRACKER_RATE);
    let mut heard = Instant::now();
    loop {
        let message = tokio::select! {
            biased;
            () = app.stop.cancelled() => break,
            () = overflow.cancelled() => break,
            Some(text) = messages.recv() => {
                match timeout(SEND_TIMEOUT, socket.send(Message::Text(text))).await {
                    Ok(Ok(())) => continue,
                    _ => break,
                }
            }
            message = socket.recv() => message,
            frame = said(&mut tracker) => {
                let message = match frame {
                    Some(Frame::Text(text)) => Message::Text(text.into()),
                    Some(Frame::Binary(bytes)) => Message::Binary(bytes),
                    // Put out of the swarm; the page's own events go on.
                    None => { tracker = None; continue }
                };
                match timeout(SEND_TIMEOUT, socket.send(message)).await {
                    Ok(Ok(())) => continue,
                    _ => break,
                }
            }
            () = tokio::time::sleep(PING) => {
                let asked = timeout(SEND_TIMEOUT, socket.send(Message::Ping(bytes::Bytes::new()))).await;
                if heard.elapsed() > 3 * PING || !matches!(asked, Ok(Ok(()))) {
                    break;
                }
                continue;
            }
        };
        heard = Instant::now();
        let text = match message {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) if page.allowance.takes() => continue,
            _ => break,
        };
        if serde_json::from_str::<Addressed>(&text).is_ok_and(|addressed| addressed.action.is_some()) {
            if !tracker_allowance.takes() {
                break;
            }
            match connect(&app, client, &mut tracker) {
                Some(tracker) => tracker.handle_message(Instant::now(), &text),
                None => {
                    let answer = json!({ "failure reason": "not here, or too many connections" }).to_string();
                    if !matches!(timeout(SEND_TIMEOUT, socket.send(Message::Text(answer.into()))).await, Ok(Ok(()))) {
                        break;
                    }
                }
            }
            continue;
        }
        if text.len() > MAX_MESSAGE || !page.allowance.takes() {
            break;
        }
        let mut answers = Vec::new();
        if page.handle(&app, &text, &mut answers).await.is_break() {
            break;
        }
        let sent = timeout(SEND_TIMEOUT, async {
            for answer in answers {
                socket.send(Message::Text(answer.into())).await?;
            }
            Ok::<_, axum::Error>(())
        });
        if !matches!(sent.await, Ok(Ok(()))) {
            break;
        }
    }
    page.close(&app);
    app.metrics.page_sockets.add(-1);
    let _ = timeout(Duration::from_secs(1), socket.send(Message::Close(None))).await;
}

/// What the tracker says next; never without one.
async fn said(tracker: &mut Option<Connection>) -> Option<Frame> {
    match tracker {
        Some(tracker) => tracker.message().await,
        None => std::future::pending().await,
    }
}

/// The page's connection to the tracker; `None` where there is none to be had.
fn connect<'a>(app: &App, client: Client, tracker: &'a mut Option<Connection>) -> Option<&'a mut Connection> {
    let access = super::tracker::access(app);
    if tracker.is_none() && access.shoal {
        *tracker = app.swarms.tracker().open(Instant::now(), client.address, access).ok();
    }
    tracker.as_mut()
}

/// Messages that may still come.
pub(super) struct Allowance {
    burst: f64,
    rate: f64,
    left: f64,
    refilled: Instant,
}

impl Allowance {
    pub(super) fn new(burst: f64, rate: f64) -> Self {
        Self { burst, rate, left: burst, refilled: Instant::now() }
    }

    pub(super) fn takes(&mut self) -> bool {
        let now = Instant::now();
        self.left = (self.left + self.rate * now.duration_since(self.refilled).as_secs_f64()).min(self.burst);
        self.refilled = now;
        self.left -= 1.0;
        self.left >= 0.0
    }
}

struct Page {
    outgoing: Outgoing,
    subscriptions: HashSet<Uuid>,
    watched: HashSet<Uuid>,
    viewer: ViewerId,
    allowance: Allowance,
}

impl Page {
    async fn handle(&mut self, app: &App, text: &str, answers: &mut Vec<String>) -> ControlFlow<()> {
        let Ok(incoming) = serde_json::from_str::<Incoming>(text) else {
            answers.push(json!({ "type": "error", "code": "malformed" }).to_string());
            return ControlFlow::Continue(());
        };
        match incoming {
            Incoming::Ping => answers.push(json!({ "type": "pong" }).to_string()),
            Incoming::Unsubscribe { video } => {
                self.subscriptions.remove(&video);
                app.hub.unsubscribe(&self.outgoing, video);
                if self.watched.remove(&video) {
                    app.viewers.leave(video, self.viewer, Instant::now());
                }
            }
            Incoming::Watching { video } => {
                if self.subscriptions.contains(&video) {
                    self.watched.insert(video);
                    app.viewers.beat(video, self.viewer, Instant::now());
                }
            }
            Incoming::Subscribe { video, token } => {
                if let Err(code) = self.subscribe(app, video, token, answers).await {
                    answers.push(json!({ "type": "error", "code": code, "video": video }).to_string());
                }
            }
        }
        ControlFlow::Continue(())
    }

    async fn subscribe(&mut self, app: &App, uuid: Uuid, token: Option<String>, answers: &mut Vec<String>) -> Result<(), &'static str> {
        if self.subscriptions.len() >= MAX_SUBSCRIPTIONS && !self.subscriptions.contains(&uuid) {
            return Err("too_many");
        }
        let user = match token {
            Some(token) => app.auth.user(&app.store, &token).await.map_err(|_| "failed")?,
            None => None,
        };
        let mut tx = app.store.read().await.map_err(|_| "failed")?;
        let video = tx.videos().by_uuid(uuid).await.map_err(|_| "failed")?.ok_or("not_found")?;
        drop(tx);
        if !may_watch(user.as_ref(), &video) {
            return Err("forbidden");
        }
        let own = owns(user.as_ref(), &video);
        // First, so that nothing between the answer and the first event is lost.
        app.hub.subscribe(&self.outgoing, uuid, own);
        self.subscriptions.insert(uuid);
        answers.extend(state_text(app, uuid).await);
        answers.push(viewers_text(uuid, app.viewers.count(uuid)));
        if own && let Some(status) = app.live.status(uuid) {
            answers.push(health_text(uuid, &Health::of(&status)));
        }
        Ok(())
    }

    fn close(&self, app: &App) {
        for video in &self.subscriptions {
            app.hub.unsubscribe(&self.outgoing, *video);
        }
        for video in &self.watched {
            app.viewers.leave(*video, self.viewer, Instant::now());
        }
    }
}
