//! What came of a simulation.

use std::fmt::Write as _;

use super::Scenario;
use crate::core::{CoreConfig, CoreStats, trace};

/// Joining costs the origin the parts of this time, after the delay that the policy sets: what connecting takes.
pub(super) const SETTLE_MS: i64 = 3_000;
/// Longest latency that is told apart, ms.
const MAX_LAG_MS: usize = 20_000;

/// A value every 100 ms.
pub type Series = Vec<f64>;

/// Whose upload says something has been there for so long, or half of the time that is measured.
const LONG_MS: i64 = 10_000;

/// What is counted while it runs.
#[derive(Debug)]
pub(super) struct Tally {
    warm_ms: i64,
    long_ms: i64,
    own_early: u64,
    own_late: u64,
    fetched: u64,
    streamed: u64,
    consumed: u64,
    pub requests: u64,
    fetches: u64,
    uploaded: u64,
    stalls: u64,
    stalled_ms: i64,
    starts_ms: Vec<i64>,
    /// Parts played, by latency in ms.
    lags: Vec<u32>,
    duplicate: u64,
    failovers: u64,
    rescued: u64,
    depth: u32,
    /// Upload of each who could, in times the stream's rate.
    shares: Vec<f64>,
    usable: f64,
    in_swarm: f64,
    audience: f64,
    samples: f64,
    origin: Series,
    played: Series,
}

impl Tally {
    pub(super) fn new(scenario: &Scenario) -> Self {
        Self {
            warm_ms: scenario.warm_ms,
            long_ms: LONG_MS.min(scenario.measure_ms / 2),
            own_early: 0,
            own_late: 0,
            fetched: 0,
            streamed: 0,
            consumed: 0,
            requests: 0,
            fetches: 0,
            uploaded: 0,
            stalls: 0,
            stalled_ms: 0,
            starts_ms: Vec::new(),
            lags: vec![0; MAX_LAG_MS],
            duplicate: 0,
            failovers: 0,
            rescued: 0,
            depth: 0,
            shares: Vec::new(),
            usable: 0.0,
            in_swarm: 0.0,
            audience: 0.0,
            samples: 0.0,
            origin: Vec::new(),
            played: Vec::new(),
        }
    }

    fn add(series: &mut Series, at_ms: i64, bytes: u64) {
        let at = at_ms.max(0) as usize / 100;
        if series.len() <= at {
            series.resize(at + 1, 0.0);
        }
        series[at] += bytes as f64;
    }

    pub(super) fn own(&mut self, now: i64, bytes: u64, requests: u64, early: bool) {
        *(if early { &mut self.own_early } else { &mut self.own_late }) += bytes;
        self.requests += requests;
        Self::add(&mut self.origin, now - self.warm_ms, bytes);
    }

    pub(super) fn fetched(&mut self, now: i64, bytes: u64) {
        self.fetched += bytes;
        self.requests += 1;
        self.fetches += 1;
        Self::add(&mut self.origin, now - self.warm_ms, bytes);
    }

    pub(super) fn streamed(&mut self, now: i64, bytes: u64) {
        self.streamed += bytes;
        Self::add(&mut self.origin, now - self.warm_ms, bytes);
    }

    pub(super) fn uploaded(&mut self, bytes: u64) {
        self.uploaded += bytes;
    }

    pub(super) fn played(&mut self, now: i64, lag_ms: i64, bytes: u64) {
        self.consumed += bytes;
        self.lags[(lag_ms.max(0) as usize).min(MAX_LAG_MS - 1)] += 1;
        Self::add(&mut self.played, now - self.warm_ms, bytes);
    }

    pub(super) fn started(&mut self, took_ms: i64) {
        self.starts_ms.push(took_ms);
    }

    pub(super) fn stall(&mut self, took_ms: i64) {
        self.stalls += 1;
        self.stalled_ms += took_ms;
    }

    pub(super) fn sample(&mut self, usable: f64, in_swarm: usize, audience: usize) {
        self.usable += usable;
        self.in_swarm += in_swarm as f64;
        self.audience += audience as f64;
        self.samples += 1.0;
    }

    pub(super) fn settle(&mut self, mark: &CoreStats, stats: &CoreStats, upload: bool, ms: i64) {
        self.duplicate += stats.duplicate_bytes - mark.duplicate_bytes;
        self.failovers += stats.failovers - mark.failovers;
        self.rescued += stats.rescued - mark.rescued;
        self.depth = self.depth.max(stats.depth);
        if upload && ms > self.long_ms {
            self.shares.push((stats.upload_bytes - mark.upload_bytes) as f64 * 8e3 / ms as f64);
        }
    }

    pub(super) fn outcome(
        mut self,
        scenario: &Scenario,
        banned: usize,
        moves: u64,
        traces: Vec<(CoreConfig, Vec<trace::Line>)>,
    ) -> Outcome {
        let consumed = self.consumed.max(1) as f64;
        let of = |bytes: u64| bytes as f64 / consumed;
        let seconds = scenario.measure_ms as f64 / 1000.0;
        let rate = scenario.rate_bps as f64;
        let samples = self.samples.max(1.0);
        let (swarm, audience) = (self.in_swarm / samples, (self.audience / samples).max(1.0));
        let per_stripe = if swarm <= 15.0 {
            1.0
        } else if swarm <= 100.0 {
            2.0
        } else {
            (swarm / 100.0).max(3.0)
        };
        let root_share = (per_stripe / audience).min(1.0);
        let uplink = self.usable / samples / audience;
        let early = of(self.own_early);
        self.starts_ms.sort_unstable();
        self.shares.iter_mut().for_each(|share| *share /= rate);
        self.shares.sort_unstable_by(f64::total_cmp);
        let sum: f64 = self.shares.iter().sum();
        let squares: f64 = self.shares.iter().map(|share| share * share).sum();
        let viewer_seconds = audience * seconds;
        // Of what was sent in 100 ms, the most, over what HTTP alone would send in that time.
        let burst = self.origin.iter().copied().fold(0.0, f64::max) / (audience * rate / 80.0);
        Outcome {
            name: scenario.name.clone(),
            peers: scenario.peers,
            offload: 1.0 - of(self.own_early + self.own_late + self.fetched + self.streamed),
            bound: uplink.min(1.0) - root_share - early,
            uplink,
            root_share,
            startup_share: early,
            streamed: of(self.streamed),
            fetched: of(self.fetched),
            own_late: of(self.own_late),
            request_offload: 1.0 - self.requests as f64 / (viewer_seconds * 2_000.0 / scenario.part_ms as f64),
            requests_per_viewer: self.requests as f64 / viewer_seconds,
            stalls_per_hour: self.stalls as f64 / viewer_seconds * 3600.0,
            stalled: self.stalled_ms as f64 / 1000.0 / viewer_seconds,
            latency_ms: [50, 95, 99].map(|percent| percentile(&self.lags, percent)),
            start_ms: [50, 95].map(|percent| sorted_percentile(&self.starts_ms, percent).unwrap_or(0)),
            duplicates: of(self.duplicate),
            burst,
            upload: [50, 95, 100].map(|percent| sorted_percentile(&self.shares, percent).unwrap_or(0.0)),
            fairness: if squares > 0.0 { sum * sum / (squares * self.shares.len() as f64) } else { 1.0 },
            depth: self.depth,
            failovers_per_hour: self.failovers as f64 / viewer_seconds * 3600.0,
            rescued: self.rescued,
            banned,
            moves,
            origin: self.origin,
            played: self.played,
            latencies: self.lags,
            traces,
        }
    }
}

fn percentile(counts: &[u32], percent: u64) -> i64 {
    let all: u64 = counts.iter().map(|count| u64::from(*count)).sum();
    let mut seen = 0;
    counts
        .iter()
        .position(|count| {
            seen += u64::from(*count);
            seen * 100 >= all * percent
        })
        .unwrap_or(0) as i64
}

fn sorted_percentile<T: Copy>(sorted: &[T], percent: usize) -> Option<T> {
    sorted.get((sorted.len() * percent / 100).min(sorted.len().checked_sub(1)?)).copied()
}

/// What came of a simulation. Shares are of the bytes that were played.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Of the scenario.
    pub name: String,
    /// Of the scenario.
    pub peers: u32,
    /// What the origin did not send.
    pub offload: f64,
    /// What it could be at most: `min(1, uplink) - root_share - startup_share`.
    pub bound: f64,
    /// What the viewers' uplinks could carry, by the rule of 60 % and the ceiling, over what all viewers need.
    pub uplink: f64,
    /// What the roots take, as many as there should be.
    pub root_share: f64,
    /// What newcomers take until they may join the swarm and are connected.
    pub startup_share: f64,
    /// What the streams of roots carried.
    pub streamed: f64,
    /// What cores fetched: repairs.
    pub fetched: f64,
    /// What players loaded by themselves, after they should have been connected.
    pub own_late: f64,
    /// HTTP requests that were not made, of those that playing without a swarm makes.
    pub request_offload: f64,
    /// HTTP requests per viewer and second.
    pub requests_per_viewer: f64,
    /// Waits per viewer and hour.
    pub stalls_per_hour: f64,
    /// Share of the time spent waiting.
    pub stalled: f64,
    /// p50, p95, p99.
    pub latency_ms: [i64; 3],
    /// From arriving to the first picture: p50, p95.
    pub start_ms: [i64; 2],
    /// Bytes that came twice.
    pub duplicates: f64,
    /// The most that the origin sent within 100 ms, of what it would send without a swarm.
    pub burst: f64,
    /// What uploaders uploaded, in times the stream's rate: p50, p95, most.
    pub upload: [f64; 3],
    /// Jain's index of what uploaders uploaded: 1 is all the same.
    pub fairness: f64,
    /// Longest path from a root.
    pub depth: u32,
    /// Stripes taken from their standby, per viewer and hour.
    pub failovers_per_hour: f64,
    /// Slices that were too late and came by HTTP.
    pub rescued: u64,
    /// Polluters that the tracker has expelled.
    pub banned: usize,
    /// Moves that the tracker made to better the forests.
    pub moves: u64,
    /// Bytes that the origin sent, over time.
    pub origin: Series,
    /// Bytes that were played, over time.
    pub played: Series,
    /// Parts played, by latency in ms.
    pub latencies: Vec<u32>,
    /// Of the recorded peers.
    pub traces: Vec<(CoreConfig, Vec<trace::Line>)>,
}

/// Outcomes as a table in Markdown.
#[must_use]
pub fn table(outcomes: &[Outcome]) -> String {
    let mut out = String::from(
        "| scenario | viewers | offload | bound = min(1, uplink) − roots − start-up | streams / repairs / own | requests saved | per viewer and s | \
         stalls per h | latency p50 / p95 / p99 ms | start p50 / p95 ms | twice | burst | upload p50 / p95 / max | fairness | depth |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    for o in outcomes {
        // A String never fails to be written to.
        let _ = writeln!(
            out,
            "| {} | {} | **{}** | {} = min(1, {:.2}) − {} − {} | {} / {} / {} | {} | {:.2} | {:.2} | {} / {} / {} | {} / {} | {} | {:.2} | {:.2} / {:.2} / {:.2} | {:.2} | {} |",
            o.name,
            o.peers,
            percent(o.offload),
            percent(o.bound),
            o.uplink,
            percent(o.root_share),
            percent(o.startup_share),
            percent(o.streamed),
            percent(o.fetched),
            percent(o.own_late),
            percent(o.request_offload),
            o.requests_per_viewer,
            o.stalls_per_hour,
            o.latency_ms[0],
            o.latency_ms[1],
            o.latency_ms[2],
            o.start_ms[0],
            o.start_ms[1],
            percent(o.duplicates),
            o.burst,
            o.upload[0],
            o.upload[1],
            o.upload[2],
            o.fairness,
            o.depth,
        );
    }
    out
}
