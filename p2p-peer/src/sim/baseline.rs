//! What there was before: HTTP alone, and whole segments pulled from peers as p2p-media-loader 2.3 does, by which the simulator is calibrated.

use rand::{Rng, SeedableRng, rngs::SmallRng};

/// Parameters of [`whole_segments`]. The default is p2p-media-loader's.
#[derive(Debug, Clone, Copy)]
pub struct Pull {
    /// Viewers.
    pub peers: u32,
    /// From the picture's time to its display.
    pub latency_ms: i64,
    /// Duration of a segment.
    pub segment_ms: i64,
    /// The stream's rate, bit/s.
    pub rate_bps: u64,
    /// Others that each is connected to.
    pub neighbours: u32,
    /// Segments needed within this are fetched by HTTP as long as there are slots: `highDemandTimeWindow`.
    pub high_demand_ms: i64,
    /// `simultaneousHttpDownloads`.
    pub http_slots: u32,
    /// `simultaneousP2PDownloads`.
    pub p2p_slots: u32,
    /// From a peer's having a segment to its first byte at another: announcing, asking, the other's turn. Its maker measured 0.3 to 1.6 s;
    /// the value in this range by which the published offload comes out is what the simulator is calibrated with.
    pub hand_over_ms: i64,
    /// All lines are symmetric and have so many bit/s.
    pub line_bps: f64,
    /// Chance.
    pub seed: u64,
}

impl Pull {
    /// A thousand viewers in data centres, as in PeerTube's stress test of 2023.
    #[must_use]
    pub fn new(latency_ms: i64) -> Self {
        Self {
            peers: 1_000,
            latency_ms,
            segment_ms: 4_000,
            rate_bps: 3_000_000,
            neighbours: 30,
            high_demand_ms: 15_000,
            http_slots: 2,
            p2p_slots: 3,
            hand_over_ms: 1_000,
            line_bps: 1e8,
            seed: 1,
        }
    }
}

/// Offload of playing by HTTP alone.
#[must_use]
pub const fn http_only() -> f64 {
    0.0
}

/// How often the loader looks at its queue.
const STEP_MS: i64 = 20;
/// From asking the origin to the segment's first byte.
const ASK_MS: i64 = 100;

#[derive(Clone, Copy, PartialEq)]
enum Load {
    None,
    Http(i64),
    Peer { from: usize, until: i64 },
    Done,
}

/// Share of bytes that the origin does not send when whole segments are pulled.
///
/// Inside the high-demand window a peer loads by HTTP while it has slots, and breaks a load from a peer off for that; outside it loads from
/// peers only, but now and then a random one of its queue by HTTP, the rarer the more peers it knows. A peer gives to one at a time.
#[must_use]
pub fn whole_segments(pull: &Pull) -> f64 {
    let mut rng = SmallRng::seed_from_u64(pull.seed);
    let n = pull.peers as usize;
    let size = pull.rate_bps as f64 * pull.segment_ms as f64 / 8_000.0;
    let load_ms = (size * 8e3 / pull.line_bps) as i64;
    let segments = (120_000 / pull.segment_ms) as usize;
    let near: Vec<Vec<usize>> = (0..n).map(|_| (0..pull.neighbours).map(|_| rng.random_range(0..n)).collect()).collect();
    // Each sees the playlist anew once in a segment's time.
    let phase: Vec<i64> = (0..n).map(|_| rng.random_range(0..pull.segment_ms)).collect();
    let pause = |rng: &mut SmallRng| (rng.random::<f64>() * 1000.0 * f64::from(pull.neighbours)) as i64 + 1_000;
    let mut random_http: Vec<i64> = (0..n).map(|_| pause(&mut rng)).collect();
    let mut loads = vec![vec![Load::None; segments]; n];
    let mut giving = vec![0i64; n];
    let (mut http, mut peers) = (0u64, 0u64);
    let end = (segments as i64 + 1) * pull.segment_ms + pull.latency_ms;
    let mut now = 0;
    while now < end {
        now += STEP_MS;
        for p in 0..n {
            // The queue: segments that are there and not yet past the playhead.
            let seen = (now - phase[p]).div_euclid(pull.segment_ms) * pull.segment_ms + phase[p];
            let first = ((now - pull.latency_ms).max(0) / pull.segment_ms) as usize;
            let last = (seen / pull.segment_ms - 1).min(segments as i64 - 1);
            let queue = first..(last + 1).max(0) as usize;
            let (mut of_http, mut of_peers) = (0, 0);
            for s in queue.clone() {
                match loads[p][s] {
                    Load::Http(until) if until <= now => {
                        loads[p][s] = Load::Done;
                        http += 1;
                    }
                    Load::Peer { until, .. } if until <= now => {
                        loads[p][s] = Load::Done;
                        peers += 1;
                    }
                    Load::Http(_) => of_http += 1,
                    Load::Peer { .. } => of_peers += 1,
                    Load::None | Load::Done => {}
                }
            }
            for s in queue.clone() {
                let need = s as i64 * pull.segment_ms + pull.latency_ms - now;
                let high = need <= pull.high_demand_ms;
                if high && of_http < pull.http_slots && matches!(loads[p][s], Load::None | Load::Peer { .. }) {
                    if let Load::Peer { from, .. } = loads[p][s] {
                        giving[from] = now;
                        of_peers -= 1;
                    }
                    loads[p][s] = Load::Http(now + ASK_MS + load_ms);
                    of_http += 1;
                } else if loads[p][s] == Load::None && of_peers < pull.p2p_slots {
                    let able = near[p].iter().copied().filter(|q| *q != p && giving[*q] <= now && loads[*q][s] == Load::Done);
                    let able: Vec<_> = able.collect();
                    if !able.is_empty() {
                        let from = able[rng.random_range(0..able.len())];
                        let until = now + pull.hand_over_ms + load_ms;
                        giving[from] = until;
                        loads[p][s] = Load::Peer { from, until };
                        of_peers += 1;
                    }
                }
            }
            if now >= random_http[p] {
                random_http[p] = now + pause(&mut rng);
                // The more of the queue are left, and the fewer peers there are, the likelier.
                let known = f64::from(pull.neighbours + 1);
                let mut open: Vec<_> = queue.filter(|s| loads[p][*s] == Load::None).collect();
                let mut left = open.len().min(2 * (pull.neighbours as usize + 1));
                while !open.is_empty() && of_http < pull.http_slots {
                    let s = open.swap_remove(rng.random_range(0..open.len()));
                    if rng.random::<f64>() <= left as f64 / known {
                        loads[p][s] = Load::Http(now + ASK_MS + load_ms);
                        of_http += 1;
                    }
                    left = left.saturating_sub(1);
                }
            }
        }
    }
    peers as f64 / (http + peers).max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PeerTube's stress test saved 75 % at some 30 s; at 3 s it has P2P off, as nothing is shared.
    #[test]
    fn whole_segments_share_what_was_published() {
        let far = whole_segments(&Pull::new(30_000));
        assert!((0.70..0.80).contains(&far), "{far}");
        let near = whole_segments(&Pull { segment_ms: 1_000, ..Pull::new(3_000) });
        assert!(near < 0.05, "{near}");
    }
}
