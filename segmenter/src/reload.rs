//! Delivery directives of playlist requests (section 6.2.5): what was asked, and whether it can be answered now.

use std::time::{Duration, Instant};

use crate::playlist::Skip;
use crate::window::View;

/// A request is not held longer than this many target durations (section 6.2.5.2).
const PATIENCE: u32 = 3;
/// How far `_HLS_msn` may lie beyond the last media segment (section 6.2.5.2).
const ADVANCE_SEGMENTS: u64 = 2;
/// The Advance Part Limit is this divided by the part target in seconds, when that is below one second.
const ADVANCE: i64 = 3;

/// The delivery directives of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reload {
    /// `_HLS_msn`.
    pub msn: Option<u64>,
    /// `_HLS_part`.
    pub part: Option<u64>,
    /// `_HLS_skip`.
    pub skip: Skip,
    /// The directives make no sense. Answered with 400, but only while the playlist obeys directives at all.
    pub invalid: Option<Invalid>,
}

/// Why a request is answered with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Invalid {
    /// A directive is not one `decimal-integer`, or stands there twice.
    #[error("{0} is not one decimal integer")]
    Malformed(&'static str),
    /// `_HLS_part` without `_HLS_msn`.
    #[error("_HLS_part needs _HLS_msn")]
    PartWithoutMsn,
    /// More than two segments beyond the last.
    #[error("_HLS_msn is too far ahead")]
    MsnTooFar,
    /// Beyond the Advance Part Limit.
    #[error("_HLS_part is too far ahead")]
    PartTooFar,
}

/// What to do with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Answer with the playlist as it is.
    Ready,
    /// Hold until the playlist changes, no longer than `deadline`.
    Wait {
        /// When to answer 503.
        deadline: Instant,
    },
    /// 400.
    Invalid(Invalid),
    /// 503.
    Unavailable,
}

impl Reload {
    /// From the decoded query; everything that is not a delivery directive is ignored.
    pub fn parse<'a>(query: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut reload = Self::default();
        let mut skip_seen = false;
        for (key, value) in query {
            match key {
                "_HLS_msn" => reload.number("_HLS_msn", value, |reload| &mut reload.msn),
                "_HLS_part" => reload.number("_HLS_part", value, |reload| &mut reload.part),
                "_HLS_skip" if skip_seen => reload.invalid = Some(Invalid::Malformed("_HLS_skip")),
                "_HLS_skip" => {
                    skip_seen = true;
                    // Section 6.2.5.1 knows two values; a later one may be answered with the whole playlist.
                    reload.skip = match value {
                        "YES" => Skip::Segments,
                        "v2" => Skip::SegmentsAndDateRanges,
                        _ => Skip::No,
                    };
                }
                _ => {}
            }
        }
        if reload.part.is_some() && reload.msn.is_none() {
            reload.invalid = reload.invalid.or(Some(Invalid::PartWithoutMsn));
        }
        reload
    }

    fn number(&mut self, name: &'static str, value: &str, field: impl Fn(&mut Self) -> &mut Option<u64>) {
        let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
        match value.parse() {
            Ok(number) if digits && field(self).is_none() => *field(self) = Some(number),
            _ => self.invalid = Some(Invalid::Malformed(name)),
        }
    }

    /// The request waits for something that is not there yet, or did.
    pub fn is_blocking(&self) -> bool {
        self.msn.is_some()
    }
}

/// How long a request for something to come may be held.
pub(crate) fn patience(view: &View) -> Duration {
    Duration::from_secs(u64::from(view.target_duration.max(1))) * PATIENCE
}

/// The rules of section 6.2.5.2 for a request that began at `since`.
pub fn decide(view: &View, request: &Reload, now: Instant, since: Instant) -> Decision {
    if view.ended {
        return Decision::Ready;
    }
    if let Some(invalid) = request.invalid {
        return Decision::Invalid(invalid);
    }
    let wait = || {
        let deadline = since + patience(view);
        if now < deadline { Decision::Wait { deadline } } else { Decision::Unavailable }
    };
    if !view.is_listable() {
        return wait();
    }
    let Some(msn) = request.msn else { return Decision::Ready };
    let open = view.open.as_ref().map(|open| (open.msn, open.parts.len() as u64));
    // The number the next complete segment will have.
    let next = match (view.last_complete(), open) {
        (Some(last), _) => last.saturating_add(1),
        (None, Some((msn, _))) => msn,
        (None, None) => 0,
    };
    if msn < next && request.part.is_none() {
        return Decision::Ready;
    }
    // "greater than the Media Sequence Number of the last Media Segment in the current Playlist plus two"
    if msn > next.saturating_add(ADVANCE_SEGMENTS - 1) {
        return Decision::Invalid(Invalid::MsnTooFar);
    }
    let Some(part) = request.part else { return wait() };
    // "a Part Index greater than that of the final Partial Segment of the Parent Segment": part 0 of the next.
    let (msn, part) = match view.listed.iter().rev().find(|segment| segment.msn == msn) {
        Some(segment) if part >= segment.parts.len() as u64 => (msn + 1, 0),
        _ => (msn, part),
    };
    let available = match open {
        _ if msn < next => return Decision::Ready,
        Some((open, parts)) if open == msn => parts,
        _ => 0,
    };
    if part < available {
        Decision::Ready
    } else if part - available >= advance_part_limit(view) {
        // `part` lies `part - available + 1` beyond the last part.
        Decision::Invalid(Invalid::PartTooFar)
    } else {
        wait()
    }
}

/// "three divided by the Part Target Duration if the Part Target Duration is less than one second, or three"
fn advance_part_limit(view: &View) -> u64 {
    let target = view.part_target.as_nanos().max(1);
    if target >= 1_000_000_000 {
        return ADVANCE.unsigned_abs();
    }
    (ADVANCE * 1_000_000_000 / target).unsigned_abs()
}
