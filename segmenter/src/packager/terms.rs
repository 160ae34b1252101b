//! The two numbers that a playlist announces once and for all.

use media::MediaTime;

/// Segments are cut near this length: short enough to join and seek well, long enough to keep playlists small.
pub(crate) const SEGMENT: MediaTime = MediaTime::from_secs(2);
/// A duration rounds to the target duration below this excess (EXTINF "rounded to the nearest integer").
const ROUNDING: MediaTime = MediaTime::from_millis(490);
/// If nobody says how often keyframes come: no encoder's default is longer.
pub(crate) const UNKNOWN_INTERVAL: MediaTime = MediaTime::from_secs(10);
/// Timestamps are whole milliseconds: two of them are apart by up to this much more or less than the truth.
pub(crate) const JITTER: MediaTime = MediaTime::from_millis(1);

/// Values that never change in a playlist's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// EXT-X-TARGETDURATION in seconds.
    pub target_duration: u32,
    /// PART-TARGET.
    pub part_target: MediaTime,
}

impl Terms {
    /// The longest that a segment may become.
    pub(crate) fn longest_segment(&self) -> MediaTime {
        MediaTime::from_secs(i64::from(self.target_duration)) + ROUNDING
    }

    /// The shortest that an ordinary part may be: 85 % of the target (section 4.4.4.9), on a whole tick of 90 kHz.
    pub(crate) fn shortest_part(&self) -> MediaTime {
        shortest(self.part_target)
    }

    /// The length of a part of as many whole `frame`s as fit, within what the rules allow.
    pub(crate) fn full_part(&self, frame: MediaTime, jitter: MediaTime) -> MediaTime {
        let count = fitting(self.part_target, frame, jitter).max(1);
        MediaTime::from_nanos(frame.as_nanos().saturating_mul(count)).clamp(self.shortest_part(), self.part_target)
    }
}

fn shortest(target: MediaTime) -> MediaTime {
    let ticks = (i128::from(target.as_nanos().max(0)) * 85 * 90_000).cast_unsigned().div_ceil(100 * 1_000_000_000);
    MediaTime::from_ticks(i64::try_from(ticks).unwrap_or(i64::MAX), 90_000)
}

/// How many whole `frame`s fit into `target` for sure: both the part's ends and the frame that may follow are rounded.
fn fitting(target: MediaTime, frame: MediaTime, jitter: MediaTime) -> i64 {
    (target - jitter - jitter).as_nanos() / frame.as_nanos().max(1)
}

/// Whether parts of the most whole `frame`s that fit stay within 85-100 % of `target`.
fn fits(target: MediaTime, frame: MediaTime, jitter: MediaTime) -> bool {
    let full = MediaTime::from_nanos(fitting(target, frame, jitter) * frame.as_nanos());
    full > MediaTime::ZERO && full - jitter >= shortest(target)
}

/// The PART-TARGET to announce for a configured part length, a video frame's and an audio packet's duration: the one
/// nearest to the wish of which whole frames and whole packets both fill 85-100 %.
pub(crate) fn part_target(nominal: MediaTime, frame: Option<MediaTime>, packet: Option<MediaTime>) -> MediaTime {
    /// 200 ms parts: this fits the common frame rates and packets.
    const DEFAULT: (i64, i64) = (200, 215);
    const RANGE: std::ops::RangeInclusive<i64> = 60..=1100;
    let wish = nominal.as_millis().clamp(100, 1000);
    let wish = if wish == DEFAULT.0 { DEFAULT.1 } else { wish };
    let video_fits = |target| frame.is_none_or(|frame| fits(target, frame, JITTER));
    let audio_fits = |target| packet.is_none_or(|packet| fits(target, packet, MediaTime::ZERO));
    let candidates = || {
        let distances = (0..=wish / 2).flat_map(|distance| [wish + distance, wish - distance]);
        distances.filter(|ms| RANGE.contains(ms)).map(MediaTime::from_millis)
    };
    candidates()
        .find(|&target| video_fits(target) && audio_fits(target))
        .or_else(|| candidates().find(|&target| video_fits(target)))
        // Less than a frame in the longest part that comes into question: one frame a part.
        .unwrap_or_else(|| {
            let frame = frame.or(packet).unwrap_or(nominal) + JITTER + JITTER + JITTER;
            frame.max(MediaTime::from_millis(wish)).min(MediaTime::from_secs(2))
        })
}

/// The EXT-X-TARGETDURATION for keyframes every `interval`: of the multiple of it that is nearest to 2 s.
pub(crate) fn target_duration(interval: MediaTime) -> u32 {
    const MAX: i64 = 30;
    let interval = interval.max(MediaTime::from_millis(1)).as_nanos();
    let multiples = ((SEGMENT.as_nanos() + interval / 2) / interval).max(1);
    let nominal = interval.saturating_mul(multiples);
    // A quarter second over the whole still rounds down.
    let seconds = (nominal - 250_000_000).max(0).div_euclid(1_000_000_000) + i64::from((nominal - 250_000_000).max(0) % 1_000_000_000 != 0);
    u32::try_from(seconds.clamp(2, MAX)).unwrap_or(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(rate: f64) -> MediaTime {
        MediaTime::from_nanos((1e9 / rate).round() as i64)
    }

    #[test]
    fn announces_215_ms_for_the_common_rates_and_codecs() {
        let packets = [1024.0 / 48_000.0, 1024.0 / 44_100.0, 1024.0 / 24_000.0, 1024.0 / 22_050.0, 0.02];
        for rate in [
            10.0,
            15.0,
            20.0,
            24_000.0 / 1001.0,
            24.0,
            25.0,
            30_000.0 / 1001.0,
            30.0,
            48.0,
            50.0,
            59.94,
            60.0,
            75.0,
            90.0,
            100.0,
            120.0,
            144.0,
        ] {
            for packet in packets {
                let target = part_target(MediaTime::from_millis(200), Some(frame(rate)), Some(frame(1.0 / packet)));
                assert_eq!(target, MediaTime::from_millis(215), "{rate} fps, packets of {packet} s");
            }
        }
    }

    #[test]
    fn finds_a_target_for_every_rate_and_wish() {
        for wish in (100..=1000).step_by(50) {
            for tenths in 20..=1440 {
                let rate = f64::from(tenths) / 10.0;
                let target = part_target(MediaTime::from_millis(wish), Some(frame(rate)), None);
                assert!(fits(target, frame(rate), JITTER), "{rate} fps, {wish} ms: {target}");
            }
        }
    }

    #[test]
    fn the_target_duration_covers_the_interval() {
        for (interval_ms, expected) in
            [(500, 2), (1000, 2), (1500, 2), (2000, 2), (2002, 2), (2400, 3), (4167, 4), (8333, 9), (10_000, 10), (1, 2)]
        {
            assert_eq!(target_duration(MediaTime::from_millis(interval_ms)), expected, "{interval_ms} ms");
        }
        for ms in 1..=30_000 {
            let interval = MediaTime::from_millis(ms);
            let terms = Terms { target_duration: target_duration(interval), part_target: MediaTime::from_millis(215) };
            let nominal = interval.as_nanos() * ((2_000_000_000 + interval.as_nanos() / 2) / interval.as_nanos()).max(1);
            assert!(MediaTime::from_nanos(nominal) <= terms.longest_segment(), "{ms} ms");
        }
    }
}
