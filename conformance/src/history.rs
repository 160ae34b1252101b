//! Rules that one rendition's playlist shows over time.
//!
//! A core without I/O: whoever got a playlist hands it in with the times of
//! its request and answer, in the order of the answers.

use crate::Expect;
use crate::playlist::Media;
use crate::playlist::media::{Part, Position, Segment, ServerControl};
use crate::report::Ledger;
use crate::rule::RuleId;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Versions remembered to compare texts: more than come while one request is under way.
const VERSIONS: usize = 64;
/// Edges remembered: enough for the lag that any rule asks about.
const EDGES: usize = 256;
/// Segments remembered after they left the window, for their URIs.
const PAST_SEGMENTS: u64 = 1000;
/// Downloads of removed media waiting for their time.
const REMOVALS: usize = 10_000;
/// Removed media is asked for this long before it may go.
const BEFORE_EXPIRY: Duration = Duration::from_millis(300);

/// A playlist as one client got it.
pub(crate) struct Seen {
    pub media: Arc<Media>,
    pub url: String,
    pub via_delta: bool,
    pub sent: Instant,
    pub at: Instant,
    /// Wall clock of `at`, in milliseconds since 1970.
    pub wall_ms: f64,
    /// How late this process itself may have been.
    pub excused: Duration,
}

/// A removed resource to be asked for.
pub(crate) struct Due {
    pub uri: String,
    pub rule: RuleId,
}

struct Removal {
    uri: String,
    rule: RuleId,
    due: Instant,
}

struct Record {
    segment: Segment,
    appeared: Instant,
    parts: Vec<(Part, Instant)>,
    /// Its part tags are listed.
    tags: bool,
    listed: bool,
}

/// What a rendition's playlists may not change, from its first one.
struct Fixed {
    target_duration: u64,
    part_target: Option<f64>,
    control: Option<ServerControl>,
}

#[derive(PartialEq, Clone, Copy)]
struct Version {
    newest: Option<Position>,
    complete: bool,
    first: u64,
    ended: bool,
}

/// The newest position at a moment, and its date.
#[derive(Clone, Copy)]
pub(crate) struct Edge {
    pub at: Instant,
    pub newest: Position,
    pub date_ms: Option<f64>,
}

/// The history of one rendition's playlist.
#[derive(Default)]
pub(crate) struct History {
    fixed: Option<Fixed>,
    records: BTreeMap<u64, Record>,
    msn_of: HashMap<String, u64>,
    latest: Option<(Arc<Media>, Instant)>,
    ended: Option<(Arc<Media>, Instant)>,
    versions: VecDeque<(Version, Arc<Media>, bool)>,
    pub edges: VecDeque<Edge>,
    hint: Option<(Position, String)>,
    last_part: Option<Instant>,
    last_segment: Option<Instant>,
    longest: f64,
    removals: Vec<Removal>,
}

impl History {
    /// Takes in a whole playlist (a delta update already laid over its base).
    pub(crate) fn handle(&mut self, seen: &Seen, expect: &Expect, ledger: &mut Ledger) {
        self.check_fixed(seen, ledger);
        if self.check_end(seen, ledger) {
            return;
        }
        self.check_version(seen, ledger);
        let media = &seen.media;
        if let Some((latest, at)) = &self.latest
            && (media.newest(), media.media_sequence) < (latest.newest(), latest.media_sequence)
        {
            if media.media_sequence < latest.media_sequence && media.newest() >= latest.newest() {
                let (now, before) = (media.media_sequence, latest.media_sequence);
                ledger.broken(RuleId::MediaSequence, &seen.url, format!("{now} after {before}"));
            } else if seen.sent > *at {
                let (now, before) = (media.newest(), latest.newest());
                ledger.broken(RuleId::NeverGoesBack, &seen.url, format!("{now:?} after {before:?}"));
            }
            return;
        }
        self.check_segments(seen, expect, ledger);
        self.check_hint(seen, ledger);
        self.check_removed(seen, ledger);
        if let Some(newest) = media.newest()
            && self.edges.back().is_none_or(|edge| edge.newest < newest)
        {
            if self.edges.len() == EDGES {
                self.edges.pop_front();
            }
            self.edges.push_back(Edge { at: seen.at, newest, date_ms: media.edge_date_ms() });
        }
        self.longest = self.longest.max(media.length());
        self.latest = Some((Arc::clone(media), seen.at));
    }

    fn check_fixed(&mut self, seen: &Seen, ledger: &mut Ledger) {
        let media = &seen.media;
        let Some(fixed) = &self.fixed else {
            self.fixed = Some(Fixed {
                target_duration: media.target_duration,
                part_target: media.part_target,
                control: media.server_control.clone(),
            });
            return;
        };
        let mut broken = |rule, detail| ledger.broken(rule, &seen.url, detail);
        if media.target_duration != fixed.target_duration {
            let (now, before) = (media.target_duration, fixed.target_duration);
            broken(RuleId::TargetDurationConstant, format!("{now}, was {before}"));
        }
        // Once ended, nothing is live any more and the low-latency header may go.
        if media.ended {
            return;
        }
        if media.part_target != fixed.part_target {
            let (now, before) = (media.part_target, fixed.part_target);
            broken(RuleId::PartInf, format!("{now:?}, was {before:?}"));
        }
        if media.server_control != fixed.control {
            let (now, before) = (&media.server_control, &fixed.control);
            broken(RuleId::ServerControlConstant, format!("{now:?}, was {before:?}"));
        }
    }

    /// Returns whether the playlist had ended before: there is nothing more to learn then.
    fn check_end(&mut self, seen: &Seen, ledger: &mut Ledger) -> bool {
        let Some((last, at)) = &self.ended else {
            if seen.media.ended {
                self.ended = Some((Arc::clone(&seen.media), seen.at));
            }
            return false;
        };
        if seen.media.ended {
            if let Some(difference) = difference(last, &seen.media) {
                ledger.broken(RuleId::EndlistFinal, &seen.url, format!("changed after EXT-X-ENDLIST: {difference}"));
            }
        } else if seen.sent > *at {
            ledger.broken(RuleId::EndlistFinal, &seen.url, "EXT-X-ENDLIST went away");
        }
        true
    }

    fn check_version(&mut self, seen: &Seen, ledger: &mut Ledger) {
        let media = &seen.media;
        let version = Version {
            newest: media.newest(),
            complete: media.segments.last().is_some_and(Segment::complete),
            first: media.media_sequence,
            ended: media.ended,
        };
        let known = self.versions.iter().find(|(known, ..)| *known == version);
        if let Some((_, known, via_delta)) = known {
            if let Some(difference) = difference(known, media) {
                let rule = if *via_delta || seen.via_delta { RuleId::DeltaReconstructs } else { RuleId::OneVersionOneText };
                ledger.broken(rule, &seen.url, difference);
            } else if *via_delta != seen.via_delta {
                ledger.count("deltas equal to the whole");
            }
            return;
        }
        if self.versions.len() == VERSIONS {
            self.versions.pop_front();
        }
        self.versions.push_back((version, Arc::clone(media), seen.via_delta));
    }

    fn check_segments(&mut self, seen: &Seen, expect: &Expect, ledger: &mut Ledger) {
        let media = &seen.media;
        let target = media.target_duration as f64;
        let mut new_parts = 0_u32;
        let mut new_segments = 0_u32;
        let mut after = media.length();
        for segment in &media.segments {
            after -= segment.length();
            if let Some(uri) = &segment.uri {
                let msn = *self.msn_of.entry(uri.clone()).or_insert(segment.msn);
                if msn != segment.msn {
                    ledger.broken(RuleId::MediaSequence, &seen.url, format!("{uri} was segment {msn}, is {}", segment.msn));
                    return;
                }
            }
            let Some(record) = self.records.get_mut(&segment.msn) else {
                new_segments += u32::from(segment.complete());
                new_parts += segment.parts.len() as u32;
                // It appeared when the edge was where it ends.
                let ago = Duration::from_secs_f64(after.max(0.0));
                let appeared = match self.latest {
                    None => seen.at.checked_sub(ago).unwrap_or(seen.at),
                    Some(_) => seen.at,
                };
                let parts = segment.parts.iter().cloned();
                self.records.insert(
                    segment.msn,
                    Record {
                        segment: segment.clone(),
                        appeared,
                        parts: parts.map(|part| (part, seen.at)).collect(),
                        tags: !segment.parts.is_empty(),
                        listed: true,
                    },
                );
                continue;
            };
            new_segments += u32::from(segment.complete() && !record.segment.complete());
            new_parts += record.update(segment, seen, ledger);
        }
        let live = self.latest.is_some() && !media.ended;
        let late = |since: Option<Instant>, bound: f64| {
            let bound = Duration::from_secs_f64(bound) + expect.cadence_slack + seen.excused;
            since.map(|since| seen.at.duration_since(since)).filter(|gap| *gap > bound)
        };
        if new_parts > 0 || self.last_part.is_none() {
            if let Some(part_target) = media.part_target.filter(|_| live)
                && let Some(gap) = late(self.last_part, part_target)
            {
                ledger.broken(RuleId::PartCadence, &seen.url, format!("{:.0} ms after the part before", gap.as_secs_f64() * 1e3));
            }
            self.last_part = Some(seen.at);
        }
        if new_segments > 0 || self.last_segment.is_none() {
            if live && let Some(gap) = late(self.last_segment, 1.5 * target) {
                ledger.broken(RuleId::SegmentCadence, &seen.url, format!("{:.2} s after the segment before", gap.as_secs_f64()));
            }
            self.last_segment = Some(seen.at);
        }
        if new_parts == 1
            && live
            && expect.same_clock
            && let Some(edge) = media.edge_date_ms()
        {
            let age = seen.wall_ms - edge;
            let excused = seen.excused.as_secs_f64() * 1e3;
            if age < -expect.edge_ahead_ms || age > expect.edge_age_ms + excused {
                ledger.broken(RuleId::ArrivalCadence, &seen.url, format!("the newest part ended {age:.0} ms ago by its date"));
            }
            ledger.count("edges dated");
        }
    }

    fn check_hint(&mut self, seen: &Seen, ledger: &mut Ledger) {
        let media = &seen.media;
        if let Some((after, hinted)) = &self.hint
            && media.newest().is_some_and(|newest| newest > *after)
        {
            let next = media.segments.iter().flat_map(|s| s.parts.iter().enumerate().map(move |(i, part)| (s.msn, i, part))).find(
                |(msn, index, _)| {
                    let part = *index as u64;
                    *msn == after.msn && part == after.part.wrapping_add(1) || *msn == after.msn + 1 && part == 0
                },
            );
            // A hint whose part never came to be ends in a gap.
            if let Some((msn, index, part)) = next
                && !part.gap
            {
                ledger.count("hints compared");
                if part.uri != *hinted {
                    ledger.broken(RuleId::PreloadHintMatches, &seen.url, format!("hinted {hinted}, part {index} of {msn} is {}", part.uri));
                }
            }
            self.hint = None;
        }
        if let (Some(newest), Some(uri)) = (media.newest(), media.hinted_part()) {
            self.hint = Some((newest, uri.to_owned()));
        }
    }

    fn check_removed(&mut self, seen: &Seen, ledger: &mut Ledger) {
        let media = &seen.media;
        let target = Duration::from_secs(media.target_duration);
        let first = media.media_sequence;
        let mut removed = false;
        for (&msn, record) in &mut self.records {
            let tags = media.segments.iter().find(|segment| segment.msn == msn).is_some_and(|segment| !segment.parts.is_empty());
            if record.tags && !tags {
                record.tags = false;
                for (part, _) in record.parts.iter().filter(|(part, _)| !part.gap) {
                    push_removal(&mut self.removals, &part.uri, RuleId::RemovedPartAvailable, seen.at, seen.at + 3 * target);
                }
            }
            if record.listed && msn < first {
                record.listed = false;
                removed = true;
                let available = record.segment.length() + self.longest;
                let until = record.appeared + Duration::from_secs_f64(available);
                if let Some(uri) = record.segment.uri.as_deref().filter(|_| !record.segment.gap)
                    && until > seen.at
                {
                    push_removal(&mut self.removals, uri, RuleId::RemovedSegmentAvailable, seen.at, until);
                }
            }
        }
        let length = media.length();
        if removed && !media.ended && length < 3.0 * media.target_duration as f64 {
            ledger.broken(RuleId::WindowMinimum, &seen.url, format!("{length:.3} s are left"));
        }
        if let Some(oldest) = first.checked_sub(PAST_SEGMENTS)
            && self.records.first_key_value().is_some_and(|(msn, _)| *msn < oldest)
        {
            self.records = self.records.split_off(&oldest);
            self.msn_of.retain(|_, msn| *msn >= oldest);
        }
    }

    /// The newest whole playlist.
    pub(crate) fn latest(&self) -> Option<&Arc<Media>> {
        self.latest.as_ref().map(|(media, _)| media)
    }

    /// Whether EXT-X-ENDLIST has been seen.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// When a part, or with `part` none a whole segment, was first seen by any client.
    pub(crate) fn first_seen(&self, msn: u64, part: Option<u64>) -> Option<Instant> {
        let record = self.records.get(&msn)?;
        match part {
            Some(part) => Some(record.parts.get(usize::try_from(part).ok()?)?.1),
            None => None,
        }
    }

    /// Target duration, part target and server control of the first playlist.
    pub(crate) fn fixed(&self) -> Option<(u64, Option<f64>, Option<&ServerControl>)> {
        let fixed = self.fixed.as_ref()?;
        Some((fixed.target_duration, fixed.part_target, fixed.control.as_ref()))
    }

    /// The most parts any complete segment had, to ask beyond.
    pub(crate) fn most_parts(&self) -> Option<usize> {
        let complete = self.records.values().filter(|r| r.segment.complete());
        complete.map(|r| r.parts.len()).max().filter(|n| *n > 0)
    }

    /// Removed resources whose time to be asked for has come.
    pub(crate) fn take_due(&mut self, now: Instant) -> Vec<Due> {
        let mut due = Vec::new();
        self.removals.retain(|removal| {
            let ripe = removal.due <= now;
            if ripe {
                due.push(Due { uri: removal.uri.clone(), rule: removal.rule });
            }
            !ripe
        });
        due
    }
}

/// Asks for a removed resource at once, and again shortly before it may go.
fn push_removal(removals: &mut Vec<Removal>, uri: &str, rule: RuleId, now: Instant, until: Instant) {
    if removals.len() + 2 > REMOVALS {
        return;
    }
    let late = until.checked_sub(BEFORE_EXPIRY).unwrap_or(now);
    for due in [Some(now), (late > now).then_some(late)].into_iter().flatten() {
        removals.push(Removal { uri: uri.to_owned(), rule, due });
    }
}

impl Record {
    /// Takes in the segment as listed now; returns how many parts are new.
    fn update(&mut self, segment: &Segment, seen: &Seen, ledger: &mut Ledger) -> u32 {
        let msn = segment.msn;
        let before = &self.segment;
        let mut broken = |rule, detail: String| ledger.broken(rule, &seen.url, detail);
        if before.complete() {
            let was = (&before.uri, before.duration, before.gap);
            let is = (&segment.uri, segment.duration, segment.gap);
            if was != is {
                broken(RuleId::SegmentImmutable, format!("segment {msn} was {was:?}, is {is:?}"));
            }
        }
        if before.discontinuity != segment.discontinuity || before.map != segment.map {
            let was = (before.discontinuity, &before.map);
            let is = (segment.discontinuity, &segment.map);
            broken(RuleId::SegmentImmutable, format!("segment {msn} was {was:?}, is {is:?}"));
        } else if before.discontinuity_number != segment.discontinuity_number {
            let (was, is) = (before.discontinuity_number, segment.discontinuity_number);
            broken(RuleId::DiscontinuitySequence, format!("segment {msn} had number {was}, has {is}"));
        }
        if let (Some(was), Some(is)) = (before.date_ms, segment.date_ms)
            && was != is
        {
            broken(RuleId::ProgramDateTimeConsistent, format!("date of segment {msn} moved by {} ms", is - was));
        }
        let mut new = 0;
        if !segment.parts.is_empty() {
            if segment.parts.len() < self.parts.len() {
                broken(RuleId::PartImmutable, format!("segment {msn} had {} parts, has {}", self.parts.len(), segment.parts.len()));
            }
            for (index, part) in segment.parts.iter().enumerate() {
                match self.parts.get(index) {
                    Some((known, _)) if known != part => {
                        broken(RuleId::PartImmutable, format!("part {index} of {msn} was {known:?}, is {part:?}"))
                    }
                    Some(_) => {}
                    None => {
                        new += 1;
                        self.parts.push((part.clone(), seen.at));
                    }
                }
            }
            self.tags = true;
        }
        if !self.segment.complete() {
            // The tags of its beginning stay those first seen, to be compared for ever.
            self.segment.uri.clone_from(&segment.uri);
            self.segment.duration = segment.duration;
            self.segment.gap = segment.gap;
        }
        new
    }
}

/// The first difference between two texts of one version, rendition reports aside.
fn difference(known: &Media, media: &Media) -> Option<String> {
    if known.segments.len() != media.segments.len() {
        return Some(format!("{} segments, another answer had {}", media.segments.len(), known.segments.len()));
    }
    for (was, is) in known.segments.iter().zip(&media.segments) {
        if was != is {
            return Some(format!("{is:?}, another answer had {was:?}"));
        }
    }
    if known.hints != media.hints {
        return Some(format!("{:?}, another answer had {:?}", media.hints, known.hints));
    }
    let rest = |m: &Media| (m.discontinuity_sequence, m.independent_segments, m.playlist_type.clone(), m.server_control.clone(), m.ended);
    (rest(known) != rest(media)).then(|| format!("{:?}, another {:?}", rest(media), rest(known)))
}
