//! How long a frame is shown, from timestamps that are rounded to milliseconds.

use media::MediaTime;

/// Enough to average the rounding away, few enough to follow a change within a second or two.
const WINDOW: usize = 32;

/// Frame rates that encoders are set to, as fractions.
const COMMON: [(i64, i64); 24] = [
    (5, 1),
    (10, 1),
    (12, 1),
    (25, 2),
    (15_000, 1001),
    (15, 1),
    (20, 1),
    (24_000, 1001),
    (24, 1),
    (25, 1),
    (30_000, 1001),
    (30, 1),
    (48_000, 1001),
    (48, 1),
    (50, 1),
    (60_000, 1001),
    (60, 1),
    (72, 1),
    (75, 1),
    (90, 1),
    (100, 1),
    (120_000, 1001),
    (120, 1),
    (144, 1),
];

/// The estimate of a video track's frame duration.
#[derive(Debug)]
pub(crate) struct Cadence {
    hint: Option<i64>,
    deltas: [i64; WINDOW],
    count: usize,
    next: usize,
    frame: Option<i64>,
}

impl Cadence {
    /// `rate` is what the stream says of itself, in frames per second: believed as long as timestamps agree.
    pub(crate) fn new(rate: Option<f64>) -> Self {
        let hint = rate.map(|rate| (1e9 / rate) as i64).filter(|frame| (1_000_000..=2_000_000_000).contains(frame));
        Self { hint, deltas: [0; WINDOW], count: 0, next: 0, frame: hint }
    }

    /// Takes the difference of two frames' decoding times.
    pub(crate) fn observe(&mut self, delta: MediaTime) {
        if delta <= MediaTime::ZERO {
            return;
        }
        self.deltas[self.next] = delta.as_nanos();
        self.next = (self.next + 1) % WINDOW;
        self.count = (self.count + 1).min(WINDOW);
        self.frame = Some(self.estimate());
    }

    /// The nominal duration of a frame, as soon as anything tells it.
    pub(crate) fn frame(&self) -> Option<MediaTime> {
        self.frame.map(MediaTime::from_nanos)
    }

    /// Whether timestamps have been seen.
    pub(crate) fn is_measured(&self) -> bool {
        self.count > 0
    }

    fn estimate(&self) -> i64 {
        let mut sorted = self.deltas;
        let sorted = &mut sorted[..self.count];
        sorted.sort_unstable();
        let median = sorted[self.count / 2];
        // Lost frames and bursts are no frame durations.
        let (sum, count) = sorted
            .iter()
            .filter(|&&delta| delta * 2 > median && delta * 2 < median * 3)
            .fold((0, 0), |(sum, count), delta| (sum + delta, count + 1));
        let mean = sum / count.max(1);
        // Both ends of the measured stretch are rounded.
        let error = 1_000_000 / count.max(1) + mean / 2000;
        let agrees = |frame: &i64| (frame - mean).abs() <= error;
        self.hint.filter(agrees).unwrap_or_else(|| {
            let common = COMMON.iter().map(|(rate, scale)| scale * 1_000_000_000 / rate);
            common.filter(agrees).min_by_key(|frame| (frame - mean).abs()).unwrap_or(mean)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snaps_rounded_timestamps_to_common_rates() {
        for (rate, scale) in COMMON {
            let mut cadence = Cadence::new(None);
            let at = |index: i64| MediaTime::from_millis((index * scale * 1000 + rate / 2) / rate);
            for index in 1..100 {
                cadence.observe(at(index) - at(index - 1));
            }
            let exact = scale as f64 / rate as f64;
            let found = cadence.frame().expect("was observed").as_secs_f64();
            assert!((found - exact).abs() < exact * 0.0015, "{rate}/{scale}: {found} against {exact}");
        }
    }

    #[test]
    fn a_hint_holds_until_timestamps_contradict_it() {
        let mut cadence = Cadence::new(Some(29.97));
        assert_eq!(cadence.frame(), Some(MediaTime::from_nanos(33_366_700)));
        cadence.observe(MediaTime::from_millis(33));
        assert_eq!(cadence.frame(), Some(MediaTime::from_nanos(33_366_700)));
        for _ in 0..WINDOW {
            cadence.observe(MediaTime::from_millis(20));
        }
        assert_eq!(cadence.frame(), Some(MediaTime::from_millis(20)));
    }

    #[test]
    fn lost_frames_do_not_disturb_it() {
        let mut cadence = Cadence::new(None);
        for index in 0..60 {
            cadence.observe(MediaTime::from_millis(if index % 7 == 0 { 400 } else { 40 }));
        }
        assert_eq!(cadence.frame(), Some(MediaTime::from_millis(40)));
    }
}
