//! The page's socket: states at once, health for owners only, nothing unbounded.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::Method;
use serde_json::{Value, json};
use shoal::domain::VideoState;
use shoal::events::Event;
use shoal::live::status::{State, Status};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::support::{Server, eventually};

struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    async fn open(server: &Server) -> Self {
        let url = server.url("/api/shoal/v1/socket").replacen("http", "ws", 1);
        Self(tokio_tungstenite::connect_async(url).await.expect("a socket").0)
    }

    async fn say(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.expect("sent");
    }

    /// The next message; `None` when the socket is closed.
    async fn hear(&mut self) -> Option<Value> {
        loop {
            let message = tokio::time::timeout(Duration::from_secs(10), self.0.next()).await.expect("a message within 10 s");
            match message {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).expect("JSON")),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => return None,
            }
        }
    }

    /// Nothing comes before the answer to a ping.
    async fn hears_nothing(&mut self) {
        self.say(json!({ "type": "ping" })).await;
        assert_eq!(self.hear().await, Some(json!({ "type": "pong" })));
    }
}

fn status() -> Status {
    Status {
        state: State::Live,
        started_at: None,
        bitrate_bps: Some(2_500_000),
        fps: Some(29.97),
        keyframe_interval_ms: Some(2000),
        b_frames: Some(2),
        dropped_groups: 0,
        holes: 1,
        width: Some(1280),
        height: Some(720),
        codecs: Some("avc1.64001f,mp4a.40.2".into()),
        encoder: Some("OBS".into()),
        recording_stopped: false,
        swarm: None,
        advice: Vec::new(),
    }
}

#[tokio::test]
async fn pages_hear_states_at_once_and_owners_the_health() {
    let server = Server::start().await;
    let (ann, bob) = (server.user("ann").await, server.user("bob").await);
    let uuid = server.create_live(&ann, json!({})).await;
    let video: uuid::Uuid = uuid.parse().expect("a uuid");
    let (_, details) = server.get(&format!("/api/v1/videos/{uuid}")).await;
    let video_id = shoal::domain::VideoId(details["id"].as_i64().expect("a number"));
    let events = &server.running.app.events;

    let mut owner = Socket::open(&server).await;
    let mut viewer = Socket::open(&server).await;
    owner.say(json!({ "type": "subscribe", "video": uuid, "token": ann })).await;
    viewer.say(json!({ "type": "subscribe", "video": uuid, "token": bob })).await;
    for socket in [&mut owner, &mut viewer] {
        let first = socket.hear().await.expect("the state");
        assert_eq!((&first["type"], &first["state"]), (&json!("state"), &json!("waiting")));
        assert_eq!(socket.hear().await.expect("the viewers"), json!({ "type": "viewers", "video": uuid, "viewers": 0 }));
    }

    let told = async |state: VideoState, interrupted: bool, replay: Option<uuid::Uuid>, expected: &str, socket: &mut Socket| {
        events.publish(Event::BroadcastState { video_id, video, state, interrupted, replay });
        let message = socket.hear().await.expect("a state");
        assert_eq!((&message["state"], &message["video"]), (&json!(expected), &json!(uuid)));
    };
    told(VideoState::Published, false, None, "live", &mut viewer).await;
    told(VideoState::Published, true, None, "interrupted", &mut viewer).await;
    told(VideoState::LiveEnded, false, None, "ended", &mut viewer).await;
    told(VideoState::Published, false, Some(video), "ended", &mut viewer).await;
    told(VideoState::WaitingForLive, false, None, "waiting", &mut viewer).await;

    events.publish(Event::BroadcastHealth { video, status: Box::new(status()) });
    for _ in 0..5 {
        assert_eq!(owner.hear().await.expect("a state")["type"], "state");
    }
    let health = owner.hear().await.expect("the health");
    assert_eq!(health["type"], "health");
    assert_eq!(health["health"]["bitrate_kbps"], 2500);
    assert_eq!(health["health"]["frame_rate"], 29.97);
    assert_eq!(health["health"]["keyframe_interval_s"], 2.0);
    viewer.hears_nothing().await;

    viewer.say(json!({ "type": "unsubscribe", "video": uuid })).await;
    viewer.hears_nothing().await;
    events.publish(Event::ViewersChanged { video, viewers: 7 });
    assert_eq!(owner.hear().await.expect("the viewers")["viewers"], 7);
    viewer.hears_nothing().await;
    server.stop().await;
}

#[tokio::test]
async fn viewers_are_counted_while_they_watch() {
    let server = Server::start().await;
    let token = server.root().await;
    let uuid = server.create_live(&token, json!({})).await;
    let mut page = Socket::open(&server).await;
    page.say(json!({ "type": "subscribe", "video": uuid })).await;
    page.hear().await.expect("the state");
    assert_eq!(page.hear().await.expect("viewers")["viewers"], 0, "a page that only lists the live does not watch it");
    page.say(json!({ "type": "watching", "video": uuid })).await;
    assert_eq!(page.hear().await.expect("viewers")["viewers"], 1);
    // A player that knows only PeerTube's API.
    let path = format!("/api/v1/videos/{uuid}/views");
    let (status, _) = server.call(Method::POST, &path, None, Some(json!({ "currentTime": 1, "sessionId": "a" }))).await;
    assert_eq!(status, 204);
    assert_eq!(page.hear().await.expect("viewers")["viewers"], 2);
    assert_eq!(server.get(&format!("/api/v1/videos/{uuid}")).await.1["viewers"], 2);
    for body in [json!({}), json!({ "currentTime": -1 }), json!({ "currentTime": "soon" })] {
        assert_eq!(server.call(Method::POST, &path, None, Some(body)).await.0, 400);
    }
    drop(page);
    eventually("the closed page no longer watches", async || server.get(&format!("/api/v1/videos/{uuid}")).await.1["viewers"] == 1).await;
    server.stop().await;
}

#[tokio::test]
async fn sockets_are_bounded_and_private() {
    let server = Server::start().await;
    let (ann, bob) = (server.user("ann").await, server.user("bob").await);
    let private = server.create_live(&ann, json!({ "privacy": 3 })).await;
    let mut socket = Socket::open(&server).await;
    for (token, code) in [(None, "forbidden"), (Some(&bob), "forbidden")] {
        socket.say(json!({ "type": "subscribe", "video": private, "token": token })).await;
        assert_eq!(socket.hear().await.expect("an error")["code"], code);
    }
    socket.say(json!({ "type": "subscribe", "video": uuid::Uuid::nil() })).await;
    assert_eq!(socket.hear().await.expect("an error")["code"], "not_found");
    socket.say(json!({ "type": "dance" })).await;
    assert_eq!(socket.hear().await.expect("an error")["code"], "malformed");
    socket.say(json!({ "type": "subscribe", "video": private, "token": ann })).await;
    assert_eq!(socket.hear().await.expect("the state")["state"], "waiting");
    socket.hear().await.expect("the viewers");
    // Too much, too fast: closed.
    for _ in 0..200 {
        if socket.0.send(Message::text(json!({ "type": "ping" }).to_string())).await.is_err() {
            break;
        }
    }
    while socket.hear().await.is_some() {}
    // Too large.
    let mut socket = Socket::open(&server).await;
    socket.0.send(Message::text("x".repeat(100_000))).await.ok();
    assert_eq!(socket.hear().await, None);

    let mut request = server.url("/api/shoal/v1/socket").replacen("http", "ws", 1).into_client_request().expect("a request");
    request.headers_mut().insert("origin", "https://elsewhere.example".parse().expect("a value"));
    match tokio_tungstenite::connect_async(request).await {
        Err(tungstenite::Error::Http(response)) => assert_eq!(response.status(), 403),
        other => panic!("a foreign page was let in: {other:?}"),
    }
    let mut request = server.url("/api/shoal/v1/socket").replacen("http", "ws", 1).into_client_request().expect("a request");
    request.headers_mut().insert("origin", server.base.parse().expect("a value"));
    assert!(tokio_tungstenite::connect_async(request).await.is_ok(), "our own page");
    let app = server.running.app.clone();
    eventually("closed sockets are forgotten", async || app.metrics.page_sockets.value() == 0).await;
    server.stop().await;
}
