//! Where viewers live: their uplinks, distances, losses, NATs; and how long what they send takes.
//!
//! The mix of uplinks is an assumption made from published speed tests; what a hop costs was measured between two browsers over an
//! emulated path (see docs/swarm.md).

use rand::{Rng, rngs::SmallRng};

/// How a home is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Fibre,
    Cable,
    Dsl,
    Mobile,
}

/// How hard a home's NAT is to pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nat {
    /// None, or any filter that opens for whom one sends to from anywhere.
    Open,
    /// Opens for the very address and port one has sent to.
    Restricted,
    /// Another port for each destination: carriers' NATs.
    Symmetric,
}

/// A viewer's connection to the world.
#[derive(Debug, Clone, Copy)]
pub(super) struct Home {
    pub access: Access,
    pub up_bps: f64,
    pub down_bps: f64,
    /// Of this home alone, per packet.
    loss: f64,
    /// Round trip to its provider, ms.
    access_ms: f64,
    /// Where it is, in ms of round trip.
    at: (f64, f64),
    nat: Nat,
    /// Hash of its address: some homes share one.
    pub address: u64,
}

/// One way between two homes, or a home and the origin.
#[derive(Debug, Clone, Copy)]
pub(super) struct Path {
    pub rtt_ms: f64,
    pub loss: f64,
}

/// Payload of a packet of a data channel.
const PACKET_BYTES: f64 = 1163.0;
/// Initial congestion window.
const WINDOW_BYTES: f64 = 10.0 * PACKET_BYTES;
/// Headers of DTLS, SCTP, UDP and IP over payload, measured on a paced stream.
pub(super) const OVERHEAD: f64 = 1.07;

impl Home {
    pub(super) fn draw(rng: &mut SmallRng) -> Self {
        let access = match rng.random_range(0..100) {
            0..35 => Access::Fibre,
            35..70 => Access::Cable,
            70..85 => Access::Dsl,
            _ => Access::Mobile,
        };
        // A normal variate, by the sum of uniform ones.
        let normal: f64 = (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
        let (up, down, loss, access_ms) = match access {
            Access::Fibre => ((100.0 * (0.6 * normal).exp()).clamp(10.0, 1000.0), 300.0, 0.0005, 4.0),
            Access::Cable => (rng.random_range(10.0..30.0), 200.0, 0.001, 12.0),
            Access::Dsl => (rng.random_range(1.0..10.0), rng.random_range(16.0..60.0), 0.002, 22.0),
            Access::Mobile => ((9.0 * (0.5 * normal).exp()).clamp(1.0, 50.0), 60.0, 0.005, 40.0),
        };
        let symmetric = if access == Access::Mobile { 60 } else { 5 };
        let nat = match rng.random_range(0..100) {
            roll if roll < symmetric => Nat::Symmetric,
            roll if roll < symmetric + (100 - symmetric) * 6 / 10 => Nat::Restricted,
            _ => Nat::Open,
        };
        Self {
            access,
            up_bps: up * 1e6,
            down_bps: down * 1e6,
            loss,
            access_ms,
            at: (rng.random_range(0.0..60.0), rng.random_range(0.0..60.0)),
            nat,
            address: rng.random(),
        }
    }

    /// The same place, with a line as in a data centre.
    pub(super) fn in_a_data_centre(self) -> Self {
        Self { access: Access::Fibre, up_bps: 1e8, down_bps: 1e8, loss: 1e-6, access_ms: 1.0, nat: Nat::Open, ..self }
    }

    /// The way to another home.
    pub(super) fn path(&self, other: &Self) -> Path {
        let (dx, dy) = (self.at.0 - other.at.0, self.at.1 - other.at.1);
        Path { rtt_ms: (self.access_ms + other.access_ms) / 2.0 + dx.hypot(dy) + 2.0, loss: self.loss + other.loss }
    }

    /// The way to the origin, which is in the middle and loses nothing.
    pub(super) fn origin_path(self) -> Path {
        let (dx, dy) = (self.at.0 - 30.0, self.at.1 - 30.0);
        Path { rtt_ms: self.access_ms / 2.0 + dx.hypot(dy) + 4.0, loss: self.loss }
    }

    /// Whether a direct connection comes about.
    pub(super) fn reaches(&self, other: &Self) -> bool {
        !matches!((self.nat, other.nat), (Nat::Symmetric, Nat::Symmetric | Nat::Restricted) | (Nat::Restricted, Nat::Symmetric))
    }

    /// How long a GET of so many bytes takes on an open connection, in ms.
    pub(super) fn http_ms(&self, bytes: u64, rng: &mut SmallRng) -> f64 {
        let rtt = self.origin_path().rtt_ms;
        let rounds = (bytes as f64 / 14_600.0 + 1.0).log2().ceil().min(3.0);
        let served = 4.0 - 12.0 * (1.0 - rng.random::<f64>()).ln();
        rtt * (1.0 + 0.5 * rounds) + bytes as f64 * 8e3 / self.down_bps + served
    }
}

/// One direction of a data channel: how its congestion control spreads what is sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flow {
    path: Path,
    /// The channel has carried all it was given before by then, us.
    free_us: i64,
    last_us: i64,
    /// What was sent since the channel last was idle for a round trip.
    burst_bytes: f64,
    burst_us: i64,
}

impl Flow {
    pub(super) fn new(path: Path) -> Self {
        Self { path, free_us: 0, last_us: 0, burst_bytes: 0.0, burst_us: i64::MIN / 2 }
    }

    /// What is left of a message on its way: when it has left the sender's buffer, and when it is there, in us.
    /// `uplink_us` is when the sender's line is free, and is moved on.
    pub(super) fn send(&mut self, now_us: i64, bytes: u64, uplink_us: &mut i64, up_bps: f64, rng: &mut SmallRng) -> (i64, i64) {
        let rtt_us = self.path.rtt_ms * 1e3;
        let size = bytes as f64;
        let start_us = now_us.max(self.free_us);
        // A sender without loss sends as fast as it likes after some round trips; with loss as TCP's Reno would (Mathis).
        let rate = (1.22 / self.path.loss.sqrt() * PACKET_BYTES / (rtt_us / 1e6)).min(12.5e6);
        self.free_us = start_us + (size / rate * 1e6) as i64;
        // The line is shared by all channels of the home.
        let begin_us = start_us.max(*uplink_us);
        let line_us = begin_us + (size * OVERHEAD * 8e6 / up_bps) as i64;
        *uplink_us = line_us;
        // Slow start from the initial window, twice at most: then the window is open.
        if now_us - self.burst_us > rtt_us as i64 {
            self.burst_bytes = 0.0;
        }
        self.burst_bytes += size;
        self.burst_us = now_us;
        let rounds = ((self.burst_bytes / WINDOW_BYTES + 1.0).log2().ceil() - 1.0).clamp(0.0, 2.0);
        let packets = (size / PACKET_BYTES).ceil();
        let mut losses = 0.0;
        while losses < 4.0 && rng.random::<f64>() < 1.0 - (1.0 - self.path.loss).powf(packets) {
            losses += 1.0;
        }
        // While the window opens the line works.
        let left_us = line_us.max(begin_us + (rounds * rtt_us) as i64) + (1.1 * losses * rtt_us) as i64;
        let there_us = (left_us + (rtt_us / 2.0) as i64 + 4_000).max(self.last_us);
        self.last_us = there_us;
        (left_us, there_us)
    }

    /// When a message of a few bytes is there: behind what was sent before.
    pub(super) fn tell(&mut self, now_us: i64) -> i64 {
        self.last_us = self.last_us.max(now_us + (self.path.rtt_ms * 500.0) as i64);
        self.last_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    /// p50 and p95 of what a message every `every_ms` takes, after the first ones.
    fn hop(bytes: u64, rtt_ms: f64, loss: f64, every_ms: i64, up_bps: f64) -> (i64, i64) {
        let mut rng = SmallRng::seed_from_u64(1);
        let (mut flow, mut uplink_us) = (Flow::new(Path { rtt_ms, loss }), 0);
        let mut took: Vec<_> = (10..610)
            .map(|i| {
                let now_us = i * every_ms * 1000;
                (flow.send(now_us, bytes, &mut uplink_us, up_bps, &mut rng).1 - now_us) / 1000
            })
            .collect();
        took.sort_unstable();
        (took[300], took[570])
    }

    /// What was measured between two browsers (docs/swarm.md): a quarter of a part, half, a whole one; with and without loss.
    #[test]
    fn hops_take_what_was_measured() {
        let near = |took: i64, measured: i64| (took - measured).abs() * 100 <= measured * 25;
        for (bytes, rtt_ms, loss, every_ms, up_bps, p50, p95) in [
            (18_750, 50.0, 1e-6, 200, 1e9, 79, 83),
            (25_000, 50.0, 1e-6, 200, 1e9, 80, 84),
            (75_000, 50.0, 1e-6, 200, 1e9, 133, 137),
            (75_000, 50.0, 1e-6, 200, 1e7, 138, 143),
            (75_000, 50.0, 1e-6, 200, 5e6, 170, 173),
            (187_500, 50.0, 1e-6, 500, 1e7, 193, 198),
            (75_000, 20.0, 1e-6, 200, 1e9, 61, 71),
            (18_750, 50.0, 0.01, 200, 1e9, 82, 135),
        ] {
            let took = hop(bytes, rtt_ms, loss, every_ms, up_bps);
            assert!(near(took.0, p50) && near(took.1, p95), "{bytes} bytes, RTT {rtt_ms}, loss {loss}: {took:?}, measured ({p50}, {p95})");
        }
        // A whole part a channel at 1 % of loss: more than the channel carries.
        assert!(hop(75_000, 50.0, 0.01, 200, 1e9).0 > 1_500);
    }

    #[test]
    fn some_pairs_cannot_connect() {
        let mut rng = SmallRng::seed_from_u64(2);
        let homes: Vec<_> = (0..400).map(|_| Home::draw(&mut rng)).collect();
        let failed = homes.iter().flat_map(|a| homes.iter().map(move |b| (a, b))).filter(|(a, b)| !a.reaches(b)).count();
        let share = failed as f64 / 160_000.0;
        assert!((0.10..0.20).contains(&share), "{share}");
        assert!(homes.iter().all(|a| homes.iter().all(|b| a.reaches(b) == b.reaches(a))));
    }
}
