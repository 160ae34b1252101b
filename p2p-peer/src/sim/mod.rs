//! A swarm in virtual time: the tracker's topology, this crate's core, homes with their uplinks, and players.
//!
//! Deterministic discrete events: the same [`Scenario`] gives the same [`Outcome`]. Hops take what was measured between browsers.

mod baseline;
mod homes;
mod outcome;
mod peers;
mod playback;
mod plot;
mod record;
mod tracker;
mod viewer;
mod wheel;
mod world;

pub use baseline::{Pull, http_only, whole_segments};
pub use outcome::{Outcome, Series, table};
pub use plot::{Line, chart};
pub use record::record;
pub use world::run;

/// What is simulated.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// What it is called in tables.
    pub name: String,
    /// Chance.
    pub seed: u64,
    /// Viewers.
    pub peers: u32,
    /// They come within this time.
    pub arrive_ms: i64,
    /// Nothing is counted before.
    pub warm_ms: i64,
    /// What is counted.
    pub measure_ms: i64,
    /// The stream's rate, bit/s.
    pub rate_bps: u64,
    /// Duration of a part.
    pub part_ms: i64,
    /// Parts of a segment: one keyframe each.
    pub segment_parts: u32,
    /// How many times larger than others a part with a keyframe is, in tenths.
    pub keyframe_tenths: u64,
    /// K.
    pub stripes: u8,
    /// Target: from the picture's time to its display.
    pub latency_ms: i64,
    /// From the end of a part to its being there to be fetched.
    pub origin_ms: i64,
    /// Viewers join the swarm so long after they began to watch.
    pub delay_ms: i64,
    /// Most that a viewer uploads, in tenths of the rate.
    pub ceiling_tenths: u32,
    /// Viewers that leave, and come anew, per minute, in per cent of the audience.
    pub churn_percent: u32,
    /// Viewers that send wrong bytes, in per cent.
    pub polluters_percent: u32,
    /// Viewers that do not upload though they could, in per cent. Mobile ones never do.
    pub leeches_percent: u32,
    /// All homes have symmetric lines of 100 Mbit/s without loss or NAT.
    pub fibre: bool,
    /// All roots vanish at once at this time.
    pub roots_die_ms: Option<i64>,
    /// HTTP takes so many times as long, in tenths, in the middle third of what is counted.
    pub slow_http_tenths: Option<i64>,
    /// Peers whose schedulers' inputs and outputs are recorded.
    pub recorded: Vec<u32>,
    /// A viewer changes the rendition so long after joining (recorded peers only).
    pub switch_ms: Option<i64>,
    /// The origin has no bytes for every so manieth part.
    pub gap_every: Option<u32>,
}

impl Scenario {
    /// The stream of 3 Mbit/s at 2.5 s of latency, homes as they are, 5 % of them coming and going per minute.
    #[must_use]
    pub fn new(name: &str, peers: u32) -> Self {
        Self {
            name: name.to_owned(),
            seed: 1,
            peers,
            arrive_ms: 10_000,
            warm_ms: 50_000,
            measure_ms: 60_000,
            rate_bps: 3_000_000,
            part_ms: 200,
            segment_parts: 10,
            keyframe_tenths: 40,
            stripes: 4,
            latency_ms: 2_500,
            origin_ms: 60,
            delay_ms: 10_000,
            ceiling_tenths: 20,
            churn_percent: 5,
            polluters_percent: 0,
            leeches_percent: 0,
            fibre: false,
            roots_die_ms: None,
            slow_http_tenths: None,
            recorded: Vec::new(),
            switch_ms: None,
            gap_every: None,
        }
    }

    /// Bytes of part `i`.
    fn part_bytes(&self, i: u32) -> u32 {
        let segment = self.rate_bps * self.part_ms as u64 * u64::from(self.segment_parts) / 8_000;
        let shares = (u64::from(self.segment_parts) - 1) * 10 + self.keyframe_tenths;
        let tenths = if i.is_multiple_of(self.segment_parts) { self.keyframe_tenths } else { 10 };
        (segment * tenths / shares) as u32
    }
}
