//! How long a fetch takes, and when the last moment for it has come.

const SAMPLES: usize = 32;
/// Before anything was measured.
const FIRST_MS: i64 = 200;

/// The newest durations of fetches.
#[derive(Debug, Default)]
pub(super) struct HttpTimes {
    durations: Vec<i64>,
    p95_ms: Option<i64>,
}

impl HttpTimes {
    pub(super) fn add(&mut self, duration_ms: i64) {
        if self.durations.len() == SAMPLES {
            self.durations.remove(0);
        }
        self.durations.push(duration_ms.min(2_000));
        let mut sorted = self.durations.clone();
        sorted.sort_unstable();
        let length = sorted.len();
        self.p95_ms = sorted.get((length - 1).min(length * 95 / 100)).copied();
    }

    pub(super) fn p95_ms(&self) -> i64 {
        self.p95_ms.unwrap_or(FIRST_MS)
    }
}

/// Spreads peers over 100 ms, each part anew, so that what all of them miss is not asked for by all at once.
pub(super) fn stagger(short_id: u32, place: u32) -> i64 {
    let mut x = short_id ^ place.wrapping_mul(0x9e37_79b1);
    x = (x ^ (x >> 15)).wrapping_mul(0x85eb_ca6b);
    i64::from((x ^ (x >> 13)) % 100)
}
