//! What is known of a running broadcast, as the API and the page's socket tell it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::Timestamp;

/// Where a live stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Nothing published yet (or, for a permanent live, not at the moment).
    Waiting,
    /// A publisher sends.
    Live,
    /// The publisher is gone; the broadcast waits for its return.
    Interrupted,
    /// Over.
    Ended,
}

/// A hint for the streamer: a stable code for programs, words for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Advice {
    /// Stable, for example `keyframe_interval_long`.
    pub code: String,
    /// What is wrong and how to fix it.
    pub text: String,
}

/// A running broadcast as its owner sees it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Status {
    /// Where it stands.
    pub state: State,
    /// When its session began.
    #[schema(value_type = Option<String>)]
    pub started_at: Option<Timestamp>,
    /// Bits per second that arrive, averaged over the last seconds.
    pub bitrate_bps: Option<u64>,
    /// Frames per second.
    pub fps: Option<f64>,
    /// Longest distance between keyframes lately, in milliseconds.
    pub keyframe_interval_ms: Option<u64>,
    /// Most B-frames between two reference frames.
    pub b_frames: Option<u32>,
    /// Groups of pictures thrown away because the server lagged.
    pub dropped_groups: u64,
    /// Holes in the video by the encoder (frames dropped under congestion).
    pub holes: u64,
    /// Picture width in pixels.
    pub width: Option<u32>,
    /// Picture height in pixels.
    pub height: Option<u32>,
    /// Codecs as RFC 6381 writes them, comma separated.
    pub codecs: Option<String>,
    /// What the encoder calls itself.
    pub encoder: Option<String>,
    /// The recording stopped because the disk is nearly full.
    pub recording_stopped: bool,
    /// What viewers do for each other; null where they must not.
    pub swarm: Option<Sharing>,
    /// What to do better.
    pub advice: Vec<Advice>,
}

/// How viewers share a broadcast, in sums since it began (or the server did).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Sharing {
    /// In the swarm now.
    pub peers: u64,
    /// Media bytes that they took from this server.
    pub http_bytes: u64,
    /// Media bytes that they took from each other.
    pub p2p_bytes: u64,
    /// The share of the latter, 0 to 1.
    pub offload: f64,
}

impl Sharing {
    /// Of these sums.
    pub fn new(peers: u64, http_bytes: u64, p2p_bytes: u64) -> Self {
        let all = http_bytes.saturating_add(p2p_bytes).max(1);
        Self { peers, http_bytes, p2p_bytes, offload: (p2p_bytes as f64 / all as f64 * 1000.0).round() / 1000.0 }
    }
}

impl Status {
    /// Of a broadcast that nothing is known of yet.
    pub fn waiting(started_at: Timestamp) -> Self {
        Self {
            state: State::Waiting,
            started_at: Some(started_at),
            bitrate_bps: None,
            fps: None,
            keyframe_interval_ms: None,
            b_frames: None,
            dropped_groups: 0,
            holes: 0,
            width: None,
            height: None,
            codecs: None,
            encoder: None,
            recording_stopped: false,
            swarm: None,
            advice: Vec::new(),
        }
    }
}
