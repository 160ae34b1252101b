//! A peer with real channels, sockets and time: it takes part in a broadcast's swarm and passes on what it gets.
//!
//! It is no player: what nobody brings it does not fetch before the swarm carries it. [`Evil`] makes it lie, for tests of others.

mod link;
mod origin;
mod peer;
mod store;
mod tracker;
mod words;

use std::time::SystemTime;

use bytes::Bytes;
use serde::Serialize;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use crate::{core::CoreStats, wire, wire::PeerId};

/// Lies that may wait to be taken down: more are not, and a test that does not listen misses nothing.
const MAX_LIES: usize = 1_024;
/// Events that may wait for the peer: when it cannot keep up, its channels wait.
const MAX_EVENTS: usize = 1_024;

/// How a peer takes part.
#[derive(Debug, Clone)]
pub struct Config {
    /// Whether it sends anything to others.
    pub upload: bool,
    /// How far behind the edge it pretends to play, in ms: parts are missed in their time by that.
    pub latency_ms: i64,
    /// Where UDP is bound; the unspecified address means every interface but loopback.
    pub bind: String,
    /// What it does to others.
    pub evil: Option<Evil>,
}

impl Default for Config {
    fn default() -> Self {
        Self { upload: true, latency_ms: 2_000, bind: "0.0.0.0:0".into(), evil: None }
    }
}

/// Ways to harm a swarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evil {
    /// Slices with a byte turned.
    WrongBytes,
    /// Slices that say they are longer than they are.
    WrongLength,
    /// As many messages as go through.
    Flood,
    /// Says that it has everything, and gives nothing.
    LyingHave,
    /// Accuses all it knows to the tracker.
    Accuse,
}

impl Evil {
    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::WrongBytes => "wrong-bytes",
            Self::WrongLength => "wrong-length",
            Self::Flood => "flood",
            Self::LyingHave => "lying-have",
            Self::Accuse => "accuse",
        }
    }

    /// By the name that the command line takes.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::WrongBytes, Self::WrongLength, Self::Flood, Self::LyingHave, Self::Accuse].into_iter().find(|evil| evil.name() == name)
    }
}

/// What an evil peer did to another, for tests to know since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lie {
    /// To whom, or about whom when it accused.
    pub peer: PeerId,
    /// When.
    pub at: SystemTime,
    /// What.
    pub evil: Evil,
}

/// Why a swarm could not be joined.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The address of the token endpoint is none.
    #[error("not an address")]
    Url,
    /// What the token endpoint says makes no sense.
    #[error("the token endpoint's answer makes no sense")]
    Token,
    /// The origin does not answer, or has no swarm for this.
    #[error("the origin: {0}")]
    Origin(#[from] reqwest::Error),
}

/// What a peer has seen so far.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Stats {
    /// The scheduler's numbers: bytes by source are among them.
    #[serde(flatten)]
    pub core: CoreStats,
    /// Parts that came whole.
    pub parts: u64,
    /// Parts that were not whole when they were to be played, while the swarm was to bring them.
    pub missed: u64,
    /// Pairs closed because of broken messages.
    pub broken: u64,
}

/// A peer of a swarm. Dropping it leaves.
#[derive(Debug)]
pub struct Peer {
    id: PeerId,
    stats: watch::Receiver<Stats>,
    lies: mpsc::Receiver<Lie>,
    leave: mpsc::Sender<()>,
    task: JoinHandle<()>,
}

impl Peer {
    /// Joins the swarm that the token endpoint at `token_url` opens (`…/api/shoal/v1/swarms/{uuid}/token`).
    ///
    /// # Errors
    /// [`JoinError`] if there is no swarm to be joined. Later failures only make it retry.
    pub async fn join(token_url: &str, config: Config) -> Result<Self, JoinError> {
        let origin = origin::Origin::new(token_url)?;
        let (token, key, base) = origin.token().await?;
        let id = PeerId::new(rand::random());
        let (stats_tx, stats) = watch::channel(Stats::default());
        let (lies_tx, lies) = mpsc::channel(MAX_LIES);
        let (leave, left) = mpsc::channel(1);
        let task = tokio::spawn(peer::run(peer::Start { id, config, origin, token, key, base, stats: stats_tx, lies: lies_tx, left }));
        Ok(Self { id, stats, lies, leave, task })
    }

    /// Its id in the swarm.
    #[must_use]
    pub const fn id(&self) -> PeerId {
        self.id
    }

    /// What it has seen so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        *self.stats.borrow()
    }

    /// What it did to others since this was asked last.
    pub fn lies(&mut self) -> Vec<Lie> {
        std::iter::from_fn(|| self.lies.try_recv().ok()).collect()
    }

    /// Says goodbye to all and leaves.
    pub async fn leave(self) {
        let _ = self.leave.send(()).await;
        let _ = self.task.await;
    }
}

/// What happens to a peer.
#[derive(Debug)]
enum Event {
    Tracker(tracker::TrackerEvent),
    Link { peer: PeerId, turn: u64, event: link::LinkEvent },
    StreamOpen { turn: u64 },
    Stream { turn: u64, message: wire::Message },
    StreamClosed { turn: u64 },
    Fetched { id: u32, rendition: u8, place: wire::Place, first: u16, last: u16, duration_ms: i64, data: Option<Bytes> },
}
