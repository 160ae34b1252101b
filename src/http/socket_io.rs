//! Socket.IO for PeerTube's clients, at `/socket.io`: the namespaces `/live-videos` and `/user-notifications` as PeerTube has them.
//! Shoal's own pages have one plain socket for everything (`super::socket`).
//!
//! The library keeps the request that opened a session for as long as the session lasts, so what hangs on that request, its
//! `Session`, is there for as long: it counts the session, and bounds what its client may do. Nothing here goes by cookies, so a
//! page of another site can do no more than any program; as at PeerTube it gets no leave to read what it polls.

mod told;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, HeaderValue};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use socketioxide::ParserConfig;
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, SocketRef, State as Shared, TryData};
use socketioxide::handler::ConnectHandler as _;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::extract::{VideoRef, Viewer};
use super::problem::{Problem, Result};
use super::serve::Client;
use super::slots::{Slot, Slots};
use super::socket::Allowance;
use crate::app::App;
use crate::domain::{UserId, VideoState};
use crate::events::Event;
use told::{Said, Told};

const LIVE_VIDEOS: &str = "/live-videos";
const USER_NOTIFICATIONS: &str = "/user-notifications";
/// Sessions, and requests that are being answered: some 20 kB each.
const MAX_SESSIONS: usize = 20_000;
/// Of one address: a school's or a carrier's whole audience may share one. A page has a session, and two requests at worst.
const MAX_PER_ADDRESS: usize = 256;
/// When there is no place, it is not asked again before this time.
const FULL_PAUSE: Duration = Duration::from_secs(30);
/// Videos that one session follows; PeerTube's pages follow one.
const MAX_SUBSCRIPTIONS: usize = 100;
/// Messages that a client may send in a row...
const BURST: f64 = 120.0;
/// ...and per second after that.
const RATE: f64 = 10.0;
/// Longest message from a client, and most that it sends in one request: they are a few words each.
const MAX_MESSAGE: usize = 16 * 1024;
/// Messages that wait for a client: one that is that far behind is not reading, and misses its next ping.
const QUEUE: usize = 64;
/// A client that has joined no namespace by then is gone.
const JOIN_TIMEOUT: Duration = Duration::from_secs(20);
/// Saying goodbye takes no longer.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Sockets of PeerTube's clients; cheap to clone.
#[derive(Clone, Default)]
pub struct Sockets(Arc<Mutex<Option<SocketIo>>>);

/// `/socket.io`, which is open from now on.
pub(super) fn router(app: &App) -> Router<App> {
    let (service, io) = SocketIo::builder()
        .max_payload(MAX_MESSAGE as u64)
        .ws_max_message_size(MAX_MESSAGE)
        .ws_max_frame_size(MAX_MESSAGE)
        // Nobody sends bytes here.
        .with_parser(ParserConfig::common().max_incoming_binaries(0).max_incoming_binary_buf_size(0))
        .max_buffer_size(QUEUE)
        .connect_timeout(JOIN_TIMEOUT)
        .with_state(app.clone())
        .build_svc();
    io.ns(LIVE_VIDEOS, joined.with(join_live_videos));
    io.ns(USER_NOTIFICATIONS, joined.with(join_user_notifications));
    *app.socket_io.lock() = Some(io);
    let door = Door { slots: Slots::new(MAX_SESSIONS, MAX_PER_ADDRESS), stop: app.stop.clone() };
    Router::new()
        .route_service("/socket.io", service.clone())
        .route_service("/socket.io/", service)
        .layer(middleware::from_fn_with_state(door, admit))
}

/// What stands before the library.
#[derive(Clone)]
struct Door {
    slots: Slots,
    stop: CancellationToken,
}

/// Gives every request a place, which it keeps if it opens a session.
async fn admit(State(door): State<Door>, mut request: Request, next: Next) -> Response {
    let Some(client) = request.extensions().get::<Client>().copied() else {
        return Problem::internal(&"a request without its connection").into_response();
    };
    let Some(slot) = door.slots.take(client.address) else { return Problem::too_many(FULL_PAUSE).into_response() };
    request.extensions_mut().insert(Arc::new(Session::new(client, slot)));
    let mut response = tokio::select! {
        response = next.run(request) => response,
        () = door.stop.cancelled() => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "The server is stopping").into_response(),
    };
    response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// One client's session, whatever it travels by.
struct Session {
    client: Client,
    allowance: Mutex<Allowance>,
    /// Videos as the client names them, with their rooms once it may enter.
    followed: Mutex<HashMap<VideoRef, Option<Uuid>>>,
    _slot: Slot,
}

impl Session {
    fn new(client: Client, slot: Slot) -> Self {
        Self { client, allowance: Mutex::new(Allowance::new(BURST, RATE)), followed: Mutex::default(), _slot: slot }
    }

    fn of(socket: &SocketRef) -> Option<Arc<Self>> {
        socket.req_parts().extensions.get::<Arc<Self>>().cloned()
    }

    /// Counts a message; false when it is one too many.
    fn takes(&self) -> bool {
        self.allowance.lock().unwrap_or_else(PoisonError::into_inner).takes()
    }

    fn followed(&self) -> MutexGuard<'_, HashMap<VideoRef, Option<Uuid>>> {
        // Nothing between two statements leaves the map inconsistent: a poisoned lock is usable.
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The client wants to follow this video.
    fn want(&self, video: VideoRef) -> Result<()> {
        let mut followed = self.followed();
        if followed.len() >= MAX_SUBSCRIPTIONS && !followed.contains_key(&video) {
            return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "Too many videos are followed"));
        }
        followed.entry(video).or_default();
        Ok(())
    }

    /// The client may follow it: `enter`s its room, unless it has given it up meanwhile.
    fn follow(&self, video: VideoRef, room: Uuid, enter: impl FnOnce()) {
        let mut followed = self.followed();
        if let Some(place) = followed.get_mut(&video) {
            *place = Some(room);
            enter();
        }
    }

    /// The client does not follow it any more: `exit`s the room that it has no other reason to be in.
    fn leave(&self, video: VideoRef, exit: impl FnOnce(Uuid)) {
        let mut followed = self.followed();
        // A video has three names.
        if let Some(room) = followed.remove(&video).flatten()
            && !followed.values().any(|other| *other == Some(room))
        {
            exit(room);
        }
    }
}

/// Lets a socket into a namespace, if its session may still do something. Repeated joins begin anew.
fn let_in(socket: &SocketRef) -> Result<Arc<Session>, &'static str> {
    let session = Session::of(socket).filter(|session| session.takes()).ok_or("Too many requests, please try again later")?;
    socket.leave_all();
    Ok(session)
}

/// All was done on the way in, so that nothing a client says right after its welcome is missed.
async fn joined(_: SocketRef) {}

async fn join_live_videos(socket: SocketRef) -> Result<(), &'static str> {
    let_in(&socket)?.followed().clear();
    socket.on("subscribe", subscribe);
    socket.on("unsubscribe", unsubscribe);
    Ok(())
}

async fn join_user_notifications(socket: SocketRef, Shared(app): Shared<App>) -> Result<(), &'static str> {
    let_in(&socket)?;
    let Some(token) = access_token(&socket) else { return Err("No access token provided") };
    match app.auth.user(&app.store, &token).await {
        Ok(Some(user)) => {
            socket.join(user_room(user.id));
            Ok(())
        }
        Ok(None) => Err("Invalid access token."),
        Err(error) => {
            tracing::error!(%error, "http.socket_io");
            Err("The server failed")
        }
    }
}

/// Where PeerTube's clients put it: in the query of the request that opens the session.
fn access_token(socket: &SocketRef) -> Option<String> {
    let query = socket.req_parts().uri.query()?;
    query.split('&').find_map(|pair| pair.strip_prefix("accessToken=")).filter(|token| !token.is_empty()).map(str::to_owned)
}

/// The room of somebody's sockets.
fn user_room(user: UserId) -> String {
    format!("user-{user}")
}

/// What `subscribe` and `unsubscribe` carry.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    /// A row id, as PeerTube's clients say it, or any other name of the video.
    video_id: Value,
    /// Of a video that one opens.
    video_password: Option<String>,
}

impl Asked {
    fn video(&self) -> Result<VideoRef> {
        let parsed = match &self.video_id {
            Value::Number(id) => VideoRef::parse(&id.to_string()),
            Value::String(text) => VideoRef::parse(text),
            _ => None,
        };
        parsed.ok_or_else(|| Problem::invalid("videoId", "must be a number, a UUID or a short UUID"))
    }
}

/// Follows a video. Whoever asks for an acknowledgement gets `{}`, or what the REST API would say instead of the video.
fn subscribe(
    socket: SocketRef,
    Shared(app): Shared<App>,
    TryData(asked): TryData<Asked>,
    ack: AckSender,
) -> impl Future<Output = ()> + Send + 'static {
    // Here, and not in the future: what a client says counts in its order.
    let wanted = want(&socket, asked.ok());
    async move {
        let entered = match wanted {
            Ok((session, video, password)) => enter(&app, &socket, &session, video, password).await,
            Err(problem) => Err(problem),
        };
        let answer = entered.map_or_else(|problem| problem.body(), |()| serde_json::Map::new());
        // A client that is gone does not need it.
        let _ = ack.send(&answer);
    }
}

fn want(socket: &SocketRef, asked: Option<Asked>) -> Result<(Arc<Session>, VideoRef, Option<String>)> {
    let Some(session) = Session::of(socket).filter(|session| session.takes()) else {
        // The next message ends the session.
        let _ = socket.clone().disconnect();
        return Err(Problem::too_many(Duration::from_secs(1)));
    };
    let asked = asked.ok_or_else(|| Problem::invalid("videoId", "is needed"))?;
    let video = asked.video()?;
    session.want(video)?;
    Ok((session, video, asked.video_password))
}

async fn enter(app: &App, socket: &SocketRef, session: &Session, video: VideoRef, password: Option<String>) -> Result<()> {
    match watchable(app, socket, session, video, password).await {
        Ok(room) => {
            session.follow(video, room, || socket.join(room.to_string()));
            // Gone in this very moment: its rooms would stay for ever.
            if !socket.connected() {
                socket.leave_all();
            }
            Ok(())
        }
        Err(problem) => {
            session.leave(video, |room| socket.leave(room.to_string()));
            Err(problem)
        }
    }
}

/// The public id of a video that this client may watch. A login that has ended meanwhile is none: sessions last for days.
async fn watchable(app: &App, socket: &SocketRef, session: &Session, video: VideoRef, password: Option<String>) -> Result<Uuid> {
    let user = match access_token(socket) {
        Some(token) => app.auth.user(&app.store, &token).await?,
        None => None,
    };
    let viewer = Viewer::new(user, password, session.client.address);
    let mut tx = app.store.read().await?;
    Ok(viewer.fetch(app, &mut tx, video).await?.0.uuid)
}

fn unsubscribe(socket: SocketRef, TryData(asked): TryData<Asked>) -> std::future::Ready<()> {
    if let (Some(session), Some(video)) = (Session::of(&socket), asked.ok().and_then(|asked| asked.video().ok())) {
        session.leave(video, |room| socket.leave(room.to_string()));
    }
    std::future::ready(())
}

impl Sockets {
    fn lock(&self) -> MutexGuard<'_, Option<SocketIo>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells all sockets of a user of something new: PeerTube's `new-notification`.
    pub async fn notify<T: Serialize>(&self, user: UserId, notification: &T) {
        self.emit(USER_NOTIFICATIONS, user_room(user), "new-notification", notification).await;
    }

    /// A client that does not keep up misses it, and its next ping as well.
    async fn emit<T: Serialize>(&self, namespace: &str, room: String, event: &str, data: &T) {
        let room = self.lock().as_ref().and_then(|io| io.of(namespace)).map(|all| all.within(room));
        if let Some(room) = room {
            let _ = room.emit(event, data).await;
        }
    }

    /// Passes events on until the server stops; then all sessions end.
    pub async fn run(self, app: App) {
        let mut events = app.events.subscribe();
        let mut told = Told::default();
        loop {
            let event = tokio::select! {
                () = app.stop.cancelled() => break,
                event = events.recv() => event,
            };
            match event {
                Ok(Event::BroadcastState { video, state, replay, .. }) => {
                    // A live that became its own replay is over.
                    let state = if replay.is_some() && state == VideoState::Published { VideoState::LiveEnded } else { state };
                    self.tell(video, told.changes(video, state, Instant::now())).await;
                }
                Ok(Event::ViewersChanged { video, viewers }) => {
                    self.emit(LIVE_VIDEOS, video.to_string(), "views-change", &json!({ "viewers": viewers })).await;
                }
                Ok(_) => {}
                Err(RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "socket_io.lagged");
                    self.catch_up(&app, &mut told).await;
                }
                Err(RecvError::Closed) => break,
            }
        }
        let io = self.lock().take();
        if let Some(io) = io {
            let _ = timeout(CLOSE_TIMEOUT, io.close()).await;
        }
    }

    async fn tell(&self, video: Uuid, said: Vec<Said>) {
        for said in said {
            match said {
                Said::State(state) => {
                    self.emit(LIVE_VIDEOS, video.to_string(), "state-change", &json!({ "state": state.code() })).await;
                }
                Said::ForceEnd => self.emit(LIVE_VIDEOS, video.to_string(), "force-end", &json!({})).await,
            }
        }
    }

    /// Events were missed: the states of all videos that somebody follows are looked up.
    async fn catch_up(&self, app: &App, told: &mut Told) {
        let Some(all) = self.lock().as_ref().and_then(|io| io.of(LIVE_VIDEOS)) else { return };
        let rooms = all.broadcast().rooms().await.unwrap_or_default();
        for video in rooms.iter().filter_map(|room| Uuid::parse_str(room).ok()) {
            let found = async { app.store.read().await?.videos().by_uuid(video).await };
            if let Ok(Some(found)) = found.await {
                let state = if found.is_live { found.state } else { VideoState::LiveEnded };
                self.tell(video, told.changes(video, state, Instant::now())).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::domain::VideoId;

    fn session() -> Session {
        let address = IpAddr::from([192, 0, 2, 1]);
        let slot = Slots::new(1, 1).take(address).expect("a place");
        Session::new(Client { address, secure: false }, slot)
    }

    #[test]
    fn a_video_is_left_by_its_last_name() {
        let (session, room) = (session(), Uuid::from_u128(7));
        let (id, uuid) = (VideoRef::Id(VideoId(1)), VideoRef::Uuid(room));
        let (mut entered, mut left) = (0, Vec::new());
        for name in [id, uuid] {
            session.want(name).expect("room for it");
            session.follow(name, room, || entered += 1);
        }
        session.leave(id, |room| left.push(room));
        assert_eq!((entered, left.len()), (2, 0), "it is followed by another name");
        session.leave(uuid, |room| left.push(room));
        session.leave(uuid, |room| left.push(room));
        assert_eq!(left, [room]);
        session.follow(uuid, room, || entered += 1);
        assert_eq!(entered, 2, "it was given up before it was found");
    }

    #[test]
    fn a_session_follows_only_so_many() {
        let session = session();
        let name = |number: usize| VideoRef::Id(VideoId(i64::try_from(number).expect("small")));
        for number in 0..MAX_SUBSCRIPTIONS {
            session.want(name(number)).expect("room for it");
        }
        assert!(session.want(name(MAX_SUBSCRIPTIONS)).is_err());
        session.want(name(3)).expect("the same again");
        session.leave(name(3), |_| ());
        session.want(name(MAX_SUBSCRIPTIONS)).expect("its room");
    }

    #[test]
    fn videos_are_named_in_any_way() {
        let asked = |video_id: Value| Asked { video_id, video_password: None }.video().ok();
        assert_eq!(asked(json!(42)), Some(VideoRef::Id(VideoId(42))));
        assert_eq!(asked(json!("42")), Some(VideoRef::Id(VideoId(42))));
        assert_eq!(asked(json!("3a8e34f6-4c52-43ae-83fb-8157a2d0c8ea")), VideoRef::parse("3a8e34f6-4c52-43ae-83fb-8157a2d0c8ea"));
        for wrong in [json!(null), json!([1]), json!("../etc"), json!(1.5), json!({ "a": 1 })] {
            assert_eq!(asked(wrong.clone()), None, "{wrong}");
        }
    }
}
