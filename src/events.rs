//! The in-process bus of facts that may be lost. What must survive a crash is a job row instead.

use tokio::sync::broadcast;
use uuid::Uuid;

use crate::domain::{VideoId, VideoState};
use crate::live::status::Status;

/// Facts kept for a subscriber that lags; past this it is told that it missed some. A page's
/// socket re-reads the state then, so the number only bounds memory.
const CAPACITY: usize = 1024;

/// Something that happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A video's state changed, or its broadcast was interrupted or resumed.
    BroadcastState {
        /// The video's row.
        video_id: VideoId,
        /// The video's public id.
        video: Uuid,
        /// Its state now.
        state: VideoState,
        /// A broadcast goes on, but its publisher is gone for the moment (grace).
        interrupted: bool,
        /// The public id of the replay, when the broadcast just became one.
        replay: Option<Uuid>,
    },
    /// The number of viewers changed.
    ViewersChanged {
        /// The video's public id.
        video: Uuid,
        /// Viewers now.
        viewers: u64,
    },
    /// A fresh measurement of a publisher's stream, for its owner.
    BroadcastHealth {
        /// The video's public id.
        video: Uuid,
        /// The measurement.
        status: Box<Status>,
    },
}

/// Publishes and hands out [`Event`]s; cheap to clone.
#[derive(Clone, Debug)]
pub struct Bus {
    sender: broadcast::Sender<Event>,
}

impl Bus {
    /// A bus without subscribers.
    pub fn new() -> Self {
        Self { sender: broadcast::channel(CAPACITY).0 }
    }

    /// Tells every subscriber; nobody listening is fine.
    pub fn publish(&self, event: Event) {
        let _ = self.sender.send(event);
    }

    /// Everything published from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.sender.subscribe()
    }
}

impl Default for Bus {
    fn default() -> Self {
        Self::new()
    }
}
