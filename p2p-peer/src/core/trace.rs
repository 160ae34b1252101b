//! Traces: what went into a scheduler and what came out, as lines of JSON. Both cores replay them with identical outputs.
//!
//! The first line is `{"config": …}`. Each other is `{"at": ms, "in": {…}, "out": […], "due": ms}`: an input, the outputs drained
//! after it, and then `poll_timeout`.

use serde::{Deserialize, Serialize};

use super::{Assignment, Core, CoreConfig, Message, Origin, Output, PartFacts};
use crate::wire::{PeerId, Place};

/// One call of a `handle_…`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(missing_docs, reason = "named as the methods of Core and their arguments")]
pub enum Input {
    Rendition { rendition: u8, sharable: bool },
    Manifest { facts: PartFacts, from: Option<PeerId> },
    Assign { assignment: Assignment },
    Gone { peer: PeerId },
    PeerOpen { peer: PeerId },
    PeerClose { peer: PeerId },
    Message { peer: PeerId, message: Message },
    Slice { from: Origin, rendition: u8, place: Place, index: u16, valid: bool },
    Buffered { peer: PeerId, bytes: u64 },
    Fetched { id: u32, ok: bool, duration_ms: i64 },
    Stream { open: bool },
    Playhead { time_ms: Option<i64> },
    Wanted { place: Place },
    Timeout,
}

impl Input {
    /// Calls the method that it stands for.
    pub fn apply(&self, core: &mut Core, now: i64) {
        match self {
            Self::Rendition { rendition, sharable } => core.handle_rendition(now, *rendition, *sharable),
            Self::Manifest { facts, from } => core.handle_manifest(now, *facts, *from),
            Self::Assign { assignment } => core.handle_assign(now, assignment),
            Self::Gone { peer } => core.handle_gone(now, *peer),
            Self::PeerOpen { peer } => core.handle_peer_open(now, *peer),
            Self::PeerClose { peer } => core.handle_peer_close(now, *peer),
            Self::Message { peer, message } => core.handle_message(now, *peer, message),
            Self::Slice { from, rendition, place, index, valid } => core.handle_slice(now, *from, *rendition, *place, *index, *valid),
            Self::Buffered { peer, bytes } => core.handle_buffered(now, *peer, *bytes),
            Self::Fetched { id, ok, duration_ms } => core.handle_fetched(now, *id, *ok, *duration_ms),
            Self::Stream { open } => core.handle_stream(now, *open),
            Self::Playhead { time_ms } => core.handle_playhead(now, *time_ms),
            Self::Wanted { place } => core.handle_wanted(now, *place),
            Self::Timeout => core.handle_timeout(now),
        }
    }
}

/// The first line of a trace.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Head {
    /// Of the scheduler whose trace it is.
    pub config: CoreConfig,
}

/// Any other line of a trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The time, in ms.
    pub at: i64,
    /// What went in.
    #[serde(rename = "in")]
    pub input: Input,
    /// What came out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub out: Vec<Output>,
    /// When the next timeout is due after that.
    pub due: i64,
}

impl Line {
    /// Gives `input` to the core and notes what came out.
    pub fn record(core: &mut Core, at: i64, input: Input) -> Self {
        input.apply(core, at);
        let out = std::iter::from_fn(|| core.poll_output()).collect();
        Self { at, input, out, due: core.poll_timeout() }
    }
}
