//! What swarms that need a token know of each peer, and count of all.

use std::time::Instant;

use crate::protocol::Report;
use crate::topology::Place;

/// Reports that a peer may make in a row...
const REPORT_BURST: f32 = 10.0;
/// ...and per second: the protocol says two.
const REPORT_RATE: f32 = 3.0;
/// Bytes that are believed of one report: 10 s at 800 Mbit/s.
pub(crate) const MAX_REPORTED_BYTES: u64 = 1_000_000_000;

/// Media bytes, as the peers of a swarm reported them so far. Nobody checks them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offload {
    /// From the origin.
    pub http_bytes: u64,
    /// From other peers.
    pub p2p_bytes: u64,
    /// To other peers.
    pub upload_bytes: u64,
}

impl Offload {
    pub(crate) fn add(&mut self, report: &Report) {
        self.http_bytes += report.http_bytes.min(MAX_REPORTED_BYTES);
        self.p2p_bytes += report.p2p_bytes.min(MAX_REPORTED_BYTES);
        self.upload_bytes += report.upload_bytes.min(MAX_REPORTED_BYTES);
    }
}

/// A peer of a swarm that needs a token.
pub(crate) struct Member {
    pub(crate) rendition: u8,
    /// How many peers it was told there are, and whether the tracker sends it manifests; `None` before the first assignment.
    pub(crate) told: Option<(u32, bool)>,
    /// Of a broadcast's: its places in the trees.
    pub(crate) stripes: Box<[(u8, u8, Place)]>,
    /// Of a broadcast's: gets manifests until then although it was told otherwise.
    pub(crate) fades: Option<Instant>,
    /// Of a video's: when it was last given others because it asked.
    pub(crate) drawn: Option<Instant>,
    allowance: f32,
    refilled: Instant,
}

impl Member {
    pub(crate) fn new(now: Instant, rendition: u8) -> Self {
        Self { rendition, told: None, stripes: Box::default(), fades: None, drawn: None, allowance: REPORT_BURST, refilled: now }
    }

    /// Whether one more report is not too many.
    pub(crate) fn may_report(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.refilled).as_secs_f32();
        self.allowance = (self.allowance + passed * REPORT_RATE).min(REPORT_BURST);
        self.refilled = now;
        let may = self.allowance >= 1.0;
        self.allowance -= f32::from(u8::from(may));
        may
    }
}
