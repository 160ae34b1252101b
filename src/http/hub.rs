//! Brings events to the sockets of open pages: one receiver of the bus for all of them, an index by
//! video, text rendered once. A socket that does not keep up is closed; its page comes back.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::ws::Utf8Bytes;
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::shoal::{Health, phase};
use crate::app::App;
use crate::domain::VideoState;
use crate::events::Event;
use crate::live::status::State as Phase;

/// Messages that wait for one socket: a page that is that far behind is not reading.
const QUEUE: usize = 64;

/// What a page's socket is given to send.
pub(super) struct Outgoing {
    id: u64,
    sender: mpsc::Sender<Utf8Bytes>,
    overflow: CancellationToken,
}

struct Subscriber {
    sender: mpsc::Sender<Utf8Bytes>,
    overflow: CancellationToken,
    /// Its user owns the video: it is told of the stream's health.
    health: bool,
}

impl Subscriber {
    fn tell(&self, text: &Utf8Bytes) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.sender.try_send(text.clone()) {
            self.overflow.cancel();
        }
    }
}

/// Sockets by what they want to know; cheap to clone.
#[derive(Clone, Default)]
pub struct Hub {
    subscribers: Arc<Mutex<HashMap<Uuid, HashMap<u64, Subscriber>>>>,
    next: Arc<AtomicU64>,
}

impl Hub {
    /// A new socket: its handle, its messages, and what is cancelled when it must go.
    pub(super) fn open(&self) -> (Outgoing, mpsc::Receiver<Utf8Bytes>, CancellationToken) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let overflow = CancellationToken::new();
        let outgoing = Outgoing { id: self.next.fetch_add(1, Ordering::Relaxed), sender, overflow: overflow.clone() };
        (outgoing, receiver, overflow)
    }

    /// From now on `outgoing` is told of `video`.
    pub(super) fn subscribe(&self, outgoing: &Outgoing, video: Uuid, health: bool) {
        let subscriber = Subscriber { sender: outgoing.sender.clone(), overflow: outgoing.overflow.clone(), health };
        self.lock().entry(video).or_default().insert(outgoing.id, subscriber);
    }

    /// No longer.
    pub(super) fn unsubscribe(&self, outgoing: &Outgoing, video: Uuid) {
        let mut subscribers = self.lock();
        if let Some(of_video) = subscribers.get_mut(&video) {
            of_video.remove(&outgoing.id);
            if of_video.is_empty() {
                subscribers.remove(&video);
            }
        }
    }

    fn tell(&self, video: Uuid, health: bool, text: impl FnOnce() -> String) {
        let subscribers = self.lock();
        let Some(of_video) = subscribers.get(&video) else { return };
        let mut wanted = of_video.values().filter(|subscriber| subscriber.health || !health).peekable();
        if wanted.peek().is_some() {
            let text = Utf8Bytes::from(text());
            wanted.for_each(|subscriber| subscriber.tell(&text));
        }
    }

    /// Distributes events until the server stops.
    pub async fn run(self, app: App) {
        let mut events = app.events.subscribe();
        loop {
            let event = tokio::select! {
                () = app.stop.cancelled() => return,
                event = events.recv() => event,
            };
            match event {
                Ok(event) => self.handle(event),
                Err(RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "hub.lagged");
                    self.tell_all_again(&app).await;
                }
                Err(RecvError::Closed) => return,
            }
        }
    }

    fn handle(&self, event: Event) {
        match event {
            Event::BroadcastState { video, state, interrupted, replay, .. } => {
                let phase = match state {
                    // The recording is there: the live is over, also when it became its own replay.
                    VideoState::Published if replay.is_some() => Phase::Ended,
                    VideoState::Published if interrupted => Phase::Interrupted,
                    VideoState::Published => Phase::Live,
                    VideoState::WaitingForLive => Phase::Waiting,
                    _ => Phase::Ended,
                };
                self.tell(video, false, || json!({ "type": "state", "video": video, "state": phase, "replay": replay }).to_string());
            }
            Event::ViewersChanged { video, viewers } => self.tell(video, false, || viewers_text(video, viewers)),
            Event::BroadcastHealth { video, status } => self.tell(video, true, || health_text(video, &Health::of(&status))),
        }
    }

    /// After events were missed, all states are said again: saying one twice does no harm.
    async fn tell_all_again(&self, app: &App) {
        let videos: Vec<_> = self.lock().keys().copied().collect();
        for video in videos {
            if let Some(text) = state_text(app, video).await {
                self.tell(video, false, || text);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, HashMap<u64, Subscriber>>> {
        // Nothing between two statements leaves the maps inconsistent: a poisoned lock is usable.
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The state of a video as a message; `None` when there is no such video.
pub(super) async fn state_text(app: &App, video: Uuid) -> Option<String> {
    let phase = match app.live.status(video) {
        Some(status) => status.state,
        None => {
            let mut tx = app.store.read().await.ok()?;
            phase(&tx.videos().by_uuid(video).await.ok()??)
        }
    };
    Some(json!({ "type": "state", "video": video, "state": phase, "replay": null }).to_string())
}

/// The number of viewers as a message.
pub(super) fn viewers_text(video: Uuid, viewers: u64) -> String {
    json!({ "type": "viewers", "video": video, "viewers": viewers }).to_string()
}

/// A stream's health as a message.
pub(super) fn health_text(video: Uuid, health: &Health) -> String {
    json!({ "type": "health", "video": video, "health": health }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::VideoId;

    fn event(video: Uuid) -> Event {
        Event::BroadcastState { video_id: VideoId(1), video, state: VideoState::Published, interrupted: false, replay: None }
    }

    #[test]
    fn a_socket_hears_what_it_asked_for() {
        let hub = Hub::default();
        let (outgoing, mut messages, overflow) = hub.open();
        let (video, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        hub.subscribe(&outgoing, video, false);
        hub.handle(event(other));
        hub.handle(event(video));
        assert!(messages.try_recv().expect("one message").contains("\"live\""));
        assert!(messages.try_recv().is_err());
        hub.unsubscribe(&outgoing, video);
        hub.handle(event(video));
        assert!(messages.try_recv().is_err());
        assert!(hub.lock().is_empty());
        assert!(!overflow.is_cancelled());
    }

    #[test]
    fn a_socket_that_does_not_read_must_go() {
        let hub = Hub::default();
        let (outgoing, _messages, overflow) = hub.open();
        let video = Uuid::from_u128(1);
        hub.subscribe(&outgoing, video, false);
        for _ in 0..QUEUE {
            hub.handle(event(video));
        }
        assert!(!overflow.is_cancelled());
        hub.handle(event(video));
        assert!(overflow.is_cancelled());
    }
}
