//! A stateful conformance checker for Low-Latency HLS origins.
//!
//! It knows an origin only by its URLs: many clients play, poll, join, switch
//! and misbehave for minutes, and every answer is held against the rules of
//! draft-pantos-hls-rfc8216bis-22, the low-latency profile of its appendix B
//! and what players need ([`RuleId`] lists them with their sections).
//!
//! [`origin`] is a small correct origin and [`proxy`] breaks one rule at a
//! time: together they prove that the checker names each fault and no other.

pub mod fmp4;
pub mod origin;
pub mod playlist;
pub mod proxy;

mod board;
mod checker;
mod clients;
mod exchange;
mod history;
mod presentation;
mod report;
mod rule;
mod snapshot;

pub use checker::{Checker, Config, Error};
pub use report::{Report, Violation};
pub use rule::{RuleId, Severity};

use std::time::Duration;

/// What may be expected of the origin and of the machine between.
#[derive(Debug, Clone)]
pub struct Expect {
    /// `segments-sha256.json` beside the multivariant playlist.
    pub sha256: bool,
    /// The origin reads the same clock, so dates can be held against it.
    pub same_clock: bool,
    /// Added to one part target and to 1.5 target durations between updates.
    pub cadence_slack: Duration,
    /// In which an answer that waits for nothing, or no longer, must come.
    pub answer_slack: Duration,
    /// Stated and extrapolated dates, and dates of renditions, may differ by this.
    pub date_tolerance_ms: f64,
    /// The newest part may have ended this long ago by its date.
    pub edge_age_ms: f64,
    /// The newest part may end this far in the future by its date.
    pub edge_ahead_ms: f64,
    /// DURATION may differ from the samples, and decode times from those before, by this.
    pub sample_tolerance: Duration,
}

impl Default for Expect {
    fn default() -> Self {
        Self {
            sha256: true,
            same_clock: true,
            cadence_slack: Duration::from_millis(250),
            answer_slack: Duration::from_millis(500),
            date_tolerance_ms: 150.0,
            edge_age_ms: 1000.0,
            edge_ahead_ms: 500.0,
            sample_tolerance: Duration::from_millis(20),
        }
    }
}
