use std::fmt;
use std::ops::{Add, AddAssign, Div, Neg, Sub, SubAssign};

/// A point or a span on a media timeline, in nanoseconds; may be negative.
///
/// Milliseconds (RTMP), nanoseconds (enhanced RTMP, GStreamer) and 90 kHz ticks
/// (video in fragmented MP4) convert without loss; other time bases round to nearest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MediaTime(i64);

impl MediaTime {
    /// The origin of a timeline, and the empty span.
    pub const ZERO: Self = Self(0);

    /// From nanoseconds.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From milliseconds; saturates.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// From seconds; saturates.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    /// From `ticks` of `1/timescale` s, rounded to the nearest nanosecond; a `timescale` of 0 gives zero.
    pub fn from_ticks(ticks: i64, timescale: u32) -> Self {
        if timescale == 0 {
            return Self::ZERO;
        }
        Self(div_round(i128::from(ticks) * 1_000_000_000, i128::from(timescale)))
    }

    /// In ticks of `1/timescale` s, rounded to the nearest.
    pub fn to_ticks(self, timescale: u32) -> i64 {
        div_round(i128::from(self.0) * i128::from(timescale), 1_000_000_000)
    }

    /// In nanoseconds.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// In whole milliseconds, rounded towards minus infinity.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// In seconds.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// As an unsigned duration; negative spans become zero.
    pub fn to_duration(self) -> std::time::Duration {
        std::time::Duration::from_nanos(u64::try_from(self.0).unwrap_or(0))
    }

    /// From an unsigned duration; saturates.
    pub fn from_duration(duration: std::time::Duration) -> Self {
        Self(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
    }

    /// The distance from zero.
    pub const fn abs(self) -> Self {
        Self(self.0.saturating_abs())
    }
}

fn div_round(numerator: i128, denominator: i128) -> i64 {
    let rounded = (numerator + denominator / 2).div_euclid(denominator);
    i64::try_from(rounded).unwrap_or(if rounded < 0 { i64::MIN } else { i64::MAX })
}

impl Add for MediaTime {
    type Output = Self;
    fn add(self, rhs: Self) -> Self {
        Self(self.0.saturating_add(rhs.0))
    }
}

impl Sub for MediaTime {
    type Output = Self;
    fn sub(self, rhs: Self) -> Self {
        Self(self.0.saturating_sub(rhs.0))
    }
}

impl AddAssign for MediaTime {
    fn add_assign(&mut self, rhs: Self) {
        *self = *self + rhs;
    }
}

impl SubAssign for MediaTime {
    fn sub_assign(&mut self, rhs: Self) {
        *self = *self - rhs;
    }
}

impl Neg for MediaTime {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

/// A fraction of a span; a `rhs` of 0 divides by nothing.
impl Div<i64> for MediaTime {
    type Output = Self;
    fn div(self, rhs: i64) -> Self {
        Self(self.0.checked_div(rhs).unwrap_or(self.0))
    }
}

impl fmt::Display for MediaTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} s", self.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn converts_the_common_time_bases_without_loss() {
        for ms in [-1, 0, 1, 33, 16_777_215, i64::from(u32::MAX)] {
            let t = MediaTime::from_millis(ms);
            assert_eq!(t.as_millis(), ms);
            assert_eq!(MediaTime::from_ticks(t.to_ticks(90_000), 90_000), t);
        }
    }

    #[test]
    fn rounds_to_the_nearest_tick() {
        let frame = MediaTime::from_ticks(1024, 44_100);
        assert_eq!(frame.to_ticks(44_100), 1024);
        assert_eq!(MediaTime::from_nanos(-1).to_ticks(90_000), 0);
    }

    #[test]
    fn saturates_instead_of_wrapping() {
        let top = MediaTime::from_nanos(i64::MAX);
        assert_eq!(top + top, top);
        assert_eq!(MediaTime::from_millis(i64::MAX).as_nanos(), i64::MAX);
    }
}
