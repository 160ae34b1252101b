//! Socket.IO, as its protocol has it (web/e2e has the client of its makers).

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shoal::domain::{UserId, VideoId, VideoState};
use shoal::events::Event;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use uuid::Uuid;

use crate::support::Server;

const LIVE_VIDEOS: &str = "/live-videos";
const USER_NOTIFICATIONS: &str = "/user-notifications";

/// A session by long polling.
struct Client<'a> {
    server: &'a Server,
    url: String,
    heard: VecDeque<String>,
}

impl<'a> Client<'a> {
    async fn open(server: &'a Server, query: &str) -> Self {
        let url = server.url(&format!("/socket.io/?EIO=4&transport=polling{query}"));
        let response = server.http.get(&url).send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK);
        let text = response.text().await.expect("text");
        let open: Value = serde_json::from_str(text.strip_prefix('0').expect("an opening")).expect("JSON");
        assert_eq!(open["upgrades"], json!(["websocket"]));
        let url = format!("{url}&sid={}", open["sid"].as_str().expect("an id"));
        Self { server, url, heard: VecDeque::new() }
    }

    async fn send(&self, packet: String) {
        let response = self.server.http.post(&self.url).body(packet).send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK);
    }

    async fn say(&self, message: &str) {
        self.send(format!("4{message}")).await;
    }

    /// The next message.
    async fn hear(&mut self) -> String {
        loop {
            if let Some(message) = self.heard.pop_front() {
                return message;
            }
            let answer = tokio::time::timeout(Duration::from_secs(10), self.server.http.get(&self.url).send()).await;
            let text = answer.expect("a message within 10 s").expect("an answer").text().await.expect("text");
            for packet in text.split('\u{1e}') {
                match packet.split_at_checked(1) {
                    Some(("4", message)) => self.heard.push_back(message.to_owned()),
                    Some(("2", _)) => self.send("3".to_owned()).await,
                    _ => {}
                }
            }
        }
    }

    /// Joins a namespace; what is said to that.
    async fn join(&mut self, namespace: &str) -> String {
        self.say(&format!("0{namespace},")).await;
        self.hear().await
    }

    /// The acknowledgement of an event.
    async fn ask(&mut self, event: &str, argument: Value) -> Value {
        self.say(&format!("2{LIVE_VIDEOS},7{}", json!([event, argument]))).await;
        let answer = self.hear().await;
        let arguments = answer.strip_prefix("3/live-videos,7").unwrap_or_else(|| panic!("no acknowledgement: {answer}"));
        serde_json::from_str::<Value>(arguments).expect("JSON")[0].clone()
    }

    /// The next event.
    async fn event(&mut self) -> Value {
        let message = self.hear().await;
        let arguments = message.strip_prefix("2/live-videos,").unwrap_or_else(|| panic!("no event: {message}"));
        serde_json::from_str(arguments).expect("JSON")
    }
}

async fn row_id(server: &Server, uuid: &str) -> VideoId {
    VideoId(server.get(&format!("/api/v1/videos/{uuid}")).await.1["id"].as_i64().expect("a number"))
}

#[tokio::test]
async fn lives_are_told_of_as_peertube_does() {
    let server = Server::start().await;
    let token = server.root().await;
    let (uuid, other) = (server.create_live(&token, json!({})).await, server.create_live(&token, json!({})).await);
    let video_id = row_id(&server, &uuid).await;
    let video: Uuid = uuid.parse().expect("a uuid");
    let events = &server.running.app.events;
    let state = |state: VideoState, interrupted: bool, replay: Option<Uuid>| {
        events.publish(Event::BroadcastState { video_id, video, state, interrupted, replay });
    };

    let mut client = Client::open(&server, "").await;
    assert!(client.join(LIVE_VIDEOS).await.starts_with("0/live-videos,{\"sid\":\""));
    assert_eq!(client.ask("subscribe", json!({ "videoId": video_id.0 })).await, json!({}));
    state(VideoState::Published, false, None);
    assert_eq!(client.event().await, json!(["state-change", { "state": 1 }]));
    // A publisher that goes and comes back is nothing to load the video anew for.
    state(VideoState::Published, true, None);
    state(VideoState::Published, false, None);
    events.publish(Event::ViewersChanged { video, viewers: 7 });
    assert_eq!(client.event().await, json!(["views-change", { "viewers": 7 }]));
    state(VideoState::WaitingForLive, false, None);
    assert_eq!(client.event().await, json!(["state-change", { "state": 4 }]));
    state(VideoState::Published, false, None);
    assert_eq!(client.event().await[0], "force-end");
    assert_eq!(client.event().await, json!(["state-change", { "state": 1 }]));
    state(VideoState::Published, false, Some(video));
    assert_eq!(client.event().await, json!(["state-change", { "state": 5 }]));

    // By the names that PeerTube does not know as well.
    assert_eq!(client.ask("subscribe", json!({ "videoId": other })).await, json!({}));
    client.say(&format!("2{LIVE_VIDEOS},{}", json!(["unsubscribe", { "videoId": video_id.0.to_string() }]))).await;
    events.publish(Event::ViewersChanged { video, viewers: 8 });
    events.publish(Event::ViewersChanged { video: other.parse().expect("a uuid"), viewers: 9 });
    assert_eq!(client.event().await, json!(["views-change", { "viewers": 9 }]), "the first is followed no more");
    server.stop().await;
}

#[tokio::test]
async fn lives_are_refused_as_by_the_api() {
    let server = Server::start().await;
    let (ann, bob) = (server.user("ann").await, server.user("bob").await);
    let private = server.create_live(&ann, json!({ "privacy": 3 })).await;
    let open = server.create_live(&ann, json!({})).await;
    for (query, status) in
        [(String::new(), json!(401)), (format!("&accessToken={bob}"), json!(403)), (format!("&accessToken={ann}"), Value::Null)]
    {
        let mut client = Client::open(&server, &query).await;
        client.join(LIVE_VIDEOS).await;
        assert_eq!(client.ask("subscribe", json!({ "videoId": private })).await["status"], status, "{query}");
        assert_eq!(client.ask("subscribe", json!({ "videoId": open })).await, json!({}), "{query}");
    }
    // A login that is no good is none.
    let mut client = Client::open(&server, "&accessToken=nobody").await;
    client.join(LIVE_VIDEOS).await;
    assert_eq!(client.ask("subscribe", json!({ "videoId": open })).await, json!({}));
    assert_eq!(client.ask("subscribe", json!({ "videoId": Uuid::nil() })).await["status"], 404);
    for wrong in [json!({ "videoId": "../etc" }), json!({ "videoId": null }), json!({}), json!("x"), Value::Null] {
        assert_eq!(client.ask("subscribe", wrong.clone()).await["status"], 400, "{wrong}");
    }
    assert_eq!(client.join("/runners").await, "4/runners,{\"message\":\"Invalid namespace\"}");
    // Nothing came of what was refused.
    let events = &server.running.app.events;
    events.publish(Event::ViewersChanged { video: private.parse().expect("a uuid"), viewers: 1 });
    events.publish(Event::ViewersChanged { video: open.parse().expect("a uuid"), viewers: 2 });
    assert_eq!(client.event().await, json!(["views-change", { "viewers": 2 }]));
    server.stop().await;
}

async fn user_id(server: &Server, token: &str) -> UserId {
    let (_, me) = server.call(Method::GET, "/api/v1/users/me", Some(token), None).await;
    UserId(me["id"].as_i64().expect("a number"))
}

#[tokio::test]
async fn notifications_reach_their_user() {
    let server = Server::start().await;
    let (ann, bob) = (server.user("ann").await, server.user("bob").await);
    for (query, message) in
        [("", "No access token provided"), ("&accessToken=", "No access token provided"), ("&accessToken=x", "Invalid access token.")]
    {
        let mut client = Client::open(&server, query).await;
        assert_eq!(client.join(USER_NOTIFICATIONS).await, format!("4/user-notifications,{{\"message\":\"{message}\"}}"));
    }
    let mut clients = Vec::new();
    for token in [&ann, &bob] {
        let mut client = Client::open(&server, &format!("&accessToken={token}")).await;
        assert!(client.join(USER_NOTIFICATIONS).await.starts_with("0/user-notifications,"));
        clients.push(client);
    }
    let sockets = &server.running.app.socket_io;
    sockets.notify(user_id(&server, &ann).await, &json!({ "id": 3 })).await;
    sockets.notify(user_id(&server, &bob).await, &json!({ "id": 4 })).await;
    for (client, number) in clients.iter_mut().zip([3, 4]) {
        assert_eq!(client.hear().await, format!("2/user-notifications,[\"new-notification\",{{\"id\":{number}}}]"));
    }
    server.stop().await;
}

/// Waits until nothing more comes.
async fn ended(socket: &mut WebSocketStream<MaybeTlsStream<TcpStream>>) {
    let end = async { while let Some(Ok(_)) = socket.next().await {} };
    tokio::time::timeout(Duration::from_secs(10), end).await.expect("it ends");
}

#[tokio::test]
async fn sessions_are_bounded_and_end_with_the_server() {
    let server = Server::start().await;
    let url = server.url("/socket.io/?EIO=4&transport=websocket").replacen("http", "ws", 1);
    let mut sockets = Vec::new();
    for _ in 0..2 {
        let (mut socket, _) = tokio_tungstenite::connect_async(&url).await.expect("a socket");
        let open = socket.next().await.expect("an opening").expect("a message");
        assert!(open.to_text().expect("text").starts_with("0{"));
        socket.send(Message::text("40/live-videos,")).await.expect("sent");
        loop {
            let message = socket.next().await.expect("a welcome").expect("a message");
            if message.to_text().expect("text").starts_with("40/live-videos,") {
                break;
            }
        }
        sockets.push(socket);
    }
    // Longer than anything that PeerTube's clients say.
    let _ = sockets[0].send(Message::text(format!("42/live-videos,[\"subscribe\",\"{}\"]", "x".repeat(100_000)))).await;
    ended(&mut sockets[0]).await;

    tokio::join!(server.stop(), ended(&mut sockets[1]));
}
