//! Timestamps without wraps.

/// A counter of milliseconds wraps at 32 bits (every 49.7 days) ...
const WRAP_24: i64 = 1 << 24;
/// ... or, with senders that never use the extended field, at 24 (every 4 h 39 min). A step back of nearly 2^24 ms is such
/// a wrap if it ends within this distance of the overflow; no frame interval is longer.
const WRAP_WINDOW_MS: i64 = 60_000;

/// One track's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    last: Option<(u32, i64)>,
}

impl Clock {
    /// The unwrapped time, in milliseconds, of the sender's `timestamp`; `other` is the clock of the publish's other
    /// track, beside which a clock starts that has not been used yet.
    ///
    /// Apart from wraps the result jumps wherever the sender does.
    pub fn unwrap(&mut self, timestamp: u32, other: Clock) -> i64 {
        let time = match self.last.or(other.last) {
            None => i64::from(timestamp),
            Some((last, time)) => time + step(last, timestamp),
        };
        self.last = Some((timestamp, time));
        time
    }
}

fn step(last: u32, next: u32) -> i64 {
    // As a signed 32-bit difference, which carries over the 32-bit wrap.
    let step = i64::from(next.wrapping_sub(last).cast_signed());
    let near_top = |t: u32| (WRAP_24 - WRAP_WINDOW_MS..WRAP_24).contains(&i64::from(t));
    let near_zero = |t: u32| i64::from(t) < WRAP_WINDOW_MS;
    if near_top(last) && near_zero(next) {
        step + WRAP_24
    } else if near_zero(last) && near_top(next) {
        // The other track's, or a late frame's, time from before the wrap.
        step - WRAP_24
    } else {
        step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(timestamps: &[u32]) -> Vec<i64> {
        let mut clock = Clock::default();
        timestamps.iter().map(|&t| clock.unwrap(t, Clock::default())).collect()
    }

    #[test]
    fn passes_ordinary_times_and_jumps_through() {
        assert_eq!(run(&[0, 33, 67, 5_000, 100]), [0, 33, 67, 5_000, 100]);
        assert_eq!(run(&[4_000_000_000]), [4_000_000_000]);
    }

    #[test]
    fn carries_over_32_bits() {
        assert_eq!(run(&[u32::MAX - 10, 23, 56]), [4_294_967_285, 4_294_967_319, 4_294_967_352]);
        // a frame from before the wrap, after it
        assert_eq!(run(&[u32::MAX, 3, u32::MAX - 1]), [4_294_967_295, 4_294_967_299, 4_294_967_294]);
    }

    #[test]
    fn carries_over_24_bits_if_the_sender_wraps_there() {
        assert_eq!(run(&[0xFF_FFF0, 0x11, 0x32]), [0xFF_FFF0, 0x100_0011, 0x100_0032]);
        assert_eq!(run(&[0xFF_FFF0, 0x100_0011]), [0xFF_FFF0, 0x100_0011]);
    }

    #[test]
    fn wraps_again_and_again() {
        let mut clock = Clock::default();
        let mut expected = 0_i64;
        for _ in 0..6000 {
            assert_eq!(clock.unwrap((expected % WRAP_24) as u32, Clock::default()), expected);
            expected += 20_011;
        }
        assert!(expected > 7 * WRAP_24);
    }

    #[test]
    fn a_late_track_starts_beside_the_other() {
        let mut video = Clock::default();
        for t in [0xFF_FFF0_u32, 0x10] {
            video.unwrap(t, Clock::default());
        }
        let mut audio = Clock::default();
        assert_eq!(audio.unwrap(0x20, video), 0x100_0020);
        let mut late = Clock::default();
        assert_eq!(late.unwrap(0xFF_FFFF, video), 0xFF_FFFF);
    }
}
