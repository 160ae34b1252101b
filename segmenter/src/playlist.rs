//! Media playlists of a [`View`] (draft-pantos-hls-rfc8216bis section 4): whole ones and delta updates.

use std::fmt::Write;

use media::MediaTime;
use time::OffsetDateTime;

use crate::name::{Names, Resource};
use crate::window::{PARTS_LISTED, PartEntry, Segment, View};

/// The Skip Boundary (CAN-SKIP-UNTIL) in target durations: the least section 4.4.3.8 allows.
const SKIP_BOUNDARY: i64 = 6;
/// HOLD-BACK in target durations: the least section 4.4.3.8 allows.
const HOLD_BACK: i64 = 3;
/// PART-HOLD-BACK in part targets: what section 4.4.3.8 recommends at least.
const PART_HOLD_BACK: i64 = 3;

/// `_HLS_skip`: which playlist is wanted (section 6.2.5.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Skip {
    /// The whole playlist.
    #[default]
    No,
    /// `YES`: a delta update.
    Segments,
    /// `v2`: a delta update without old date ranges; Shoal has none.
    SegmentsAndDateRanges,
}

/// What EXT-X-RENDITION-REPORT says of another rendition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Its playlist, relative to this one.
    pub uri: String,
    /// LAST-MSN.
    pub last_msn: u64,
    /// LAST-PART.
    pub last_part: u64,
}

/// The media playlist of `view`. A delta update that has nothing to skip is the whole playlist.
pub fn render(view: &View, skip: Skip, reports: &[Report]) -> String {
    let skipped = if skip == Skip::No || view.ended { 0 } else { skippable(view) };
    let mut text = Text(String::with_capacity(512 + 160 * (view.listed.len() - skipped)));
    header(&mut text, view, skip, skipped);
    body(&mut text, view, skipped);
    if view.ended {
        text.line(format_args!("#EXT-X-ENDLIST"));
    } else {
        hints(&mut text, view);
    }
    for Report { uri, last_msn, last_part } in reports {
        text.line(format_args!("#EXT-X-RENDITION-REPORT:URI=\"{uri}\",LAST-MSN={last_msn},LAST-PART={last_part}"));
    }
    text.0
}

/// The playlist of `view` in whole segments: nothing of the Low-Latency profile, for engines that stumble over it. Such as
/// p2p-media-loader, which knows a playlist by its address alone and loses it at the first reload with `_HLS_msn`.
/// `None` before the first segment is whole.
pub fn render_whole(view: &View) -> Option<String> {
    let first = view.listed.iter().position(|segment| !segment.leading)?;
    let mut text = Text(String::with_capacity(256 + 160 * (view.listed.len() - first)));
    text.line(format_args!("#EXTM3U"));
    text.line(format_args!("#EXT-X-VERSION:6"));
    text.line(format_args!("#EXT-X-TARGETDURATION:{}", view.target_duration));
    text.line(format_args!("#EXT-X-MEDIA-SEQUENCE:{}", view.listed[first].msn));
    text.line(format_args!("#EXT-X-DISCONTINUITY-SEQUENCE:{}", view.discontinuity_sequence));
    let mut before = None;
    for segment in view.listed.iter().skip(first) {
        let map = Some(segment.init).filter(|_| before.replace(segment.init) != Some(segment.init) || segment.discontinuity);
        text.begin(&view.config.names, segment.discontinuity, map, segment.program_date_time);
        text.end(&view.config.names, segment);
    }
    if view.ended {
        text.line(format_args!("#EXT-X-ENDLIST"));
    }
    Some(text.0)
}

/// A text that grows by lines.
#[derive(Default)]
pub(crate) struct Text(pub String);

impl Text {
    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a `String` cannot fail.
        let _ = self.0.write_fmt(line);
        self.0.push('\n');
    }

    /// The tags before a segment's first part. `map`: its EXT-X-MAP, where the one before is another.
    pub(crate) fn begin(&mut self, names: &Names, discontinuity: bool, map: Option<u32>, program_date_time: i64) {
        if discontinuity {
            self.line(format_args!("#EXT-X-DISCONTINUITY"));
        }
        if let Some(init) = map {
            self.line(format_args!("#EXT-X-MAP:URI=\"{}\"", names.of(Resource::Init(init))));
        }
        self.line(format_args!("#EXT-X-PROGRAM-DATE-TIME:{}", DateTime(program_date_time)));
    }

    /// The tag of a part.
    pub(crate) fn part(&mut self, names: &Names, number: u64, part: &PartEntry) {
        self.line(format_args!(
            "#EXT-X-PART:DURATION={},URI=\"{}\"{}{}",
            Seconds(part.duration),
            names.of(Resource::Part(number)),
            if part.independent { ",INDEPENDENT=YES" } else { "" },
            if part.gap { ",GAP=YES" } else { "" },
        ));
    }

    /// What stands after a segment's last part.
    pub(crate) fn end(&mut self, names: &Names, segment: &Segment) {
        if segment.gap {
            self.line(format_args!("#EXT-X-GAP"));
        }
        self.line(format_args!("#EXTINF:{},", Seconds(segment.duration)));
        self.line(format_args!("{}", names.of(Resource::Segment(segment.msn))));
    }
}

/// A span in seconds, exact to the nanosecond: what was cut is what is printed, so that parts add up to
/// their segment and none is rounded above the part target or below 85 % of it.
pub(crate) struct Seconds(pub MediaTime);

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let nanos = self.0.as_nanos().max(0);
        let (whole, fraction) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
        if fraction % 1_000_000 == 0 {
            write!(f, "{whole}.{:03}", fraction / 1_000_000)
        } else if fraction % 1_000 == 0 {
            write!(f, "{whole}.{:06}", fraction / 1_000)
        } else {
            write!(f, "{whole}.{fraction:09}")
        }
    }
}

/// Milliseconds since the Unix epoch as ISO 8601 in UTC, with milliseconds.
pub(crate) struct DateTime(pub i64);

impl std::fmt::Display for DateTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
        let (hour, minute, second, ms) = (at.hour(), at.minute(), at.second(), at.millisecond());
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
    }
}

fn times(time: MediaTime, factor: i64) -> MediaTime {
    MediaTime::from_nanos(time.as_nanos().saturating_mul(factor))
}

/// A delta update of `view` would differ from the whole playlist.
pub fn skips(view: &View) -> bool {
    !view.ended && skippable(view) > 0
}

/// How many segments lie wholly beyond the Skip Boundary, measured from the playlist's end.
fn skippable(view: &View) -> usize {
    let boundary = times(view.target(), SKIP_BOUNDARY);
    let mut distance = view.duration();
    let beyond = |segment: &&std::sync::Arc<Segment>| {
        distance -= segment.duration;
        distance > boundary
    };
    view.listed.iter().take_while(beyond).count()
}

fn header(text: &mut Text, view: &View, skip: Skip, skipped: usize) {
    // Section 8: EXT-X-MAP needs 6, EXT-X-SKIP 9, with RECENTLY-REMOVED-DATERANGES 10.
    let version = match skip {
        _ if skipped == 0 => 6,
        Skip::No | Skip::Segments => 9,
        Skip::SegmentsAndDateRanges => 10,
    };
    let hold_back = MediaTime::from_duration(view.config.part_hold_back).max(times(view.part_target, PART_HOLD_BACK));
    text.line(format_args!("#EXTM3U"));
    text.line(format_args!("#EXT-X-VERSION:{version}"));
    text.line(format_args!("#EXT-X-TARGETDURATION:{}", view.target_duration));
    text.line(format_args!("#EXT-X-PART-INF:PART-TARGET={}", Seconds(view.part_target)));
    text.line(format_args!(
        "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL={},HOLD-BACK={},PART-HOLD-BACK={}",
        Seconds(times(view.target(), SKIP_BOUNDARY)),
        Seconds(times(view.target(), HOLD_BACK)),
        Seconds(hold_back),
    ));
    text.line(format_args!("#EXT-X-MEDIA-SEQUENCE:{}", view.media_sequence()));
    text.line(format_args!("#EXT-X-DISCONTINUITY-SEQUENCE:{}", view.discontinuity_sequence));
    match (skipped, skip) {
        (0, _) => {}
        (_, Skip::No | Skip::Segments) => text.line(format_args!("#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}")),
        (_, Skip::SegmentsAndDateRanges) => {
            text.line(format_args!("#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped},RECENTLY-REMOVED-DATERANGES=\"\""));
        }
    }
}

fn body(text: &mut Text, view: &View, skipped: usize) {
    let names = &view.config.names;
    let parts_from = times(view.target(), PARTS_LISTED);
    let mut before = None;
    // A delta update repeats the EXT-X-MAP that applies to what it lists: that tag was not skipped.
    let mut map = |discontinuity: bool, init: u32| Some(init).filter(|_| before.replace(init) != Some(init) || discontinuity);
    let mut distance = view.duration();
    for (index, segment) in view.listed.iter().enumerate() {
        // From the segment's start to the playlist's end.
        let from_start = distance;
        distance -= segment.duration;
        if index < skipped {
            continue;
        }
        text.begin(names, segment.discontinuity, map(segment.discontinuity, segment.init), segment.program_date_time);
        if from_start <= parts_from {
            parts(text, names, segment.first_part, &segment.parts);
        }
        text.end(names, segment);
    }
    if let Some(open) = &view.open {
        text.begin(names, open.discontinuity, map(open.discontinuity, open.init), open.program_date_time);
        parts(text, names, open.first_part, &open.parts);
    }
}

fn parts(text: &mut Text, names: &Names, first: u64, parts: &[PartEntry]) {
    for (number, part) in (first..).zip(parts) {
        text.part(names, number, part);
    }
}

/// The next part, and the initialisation section it will need if that is a new one (section 4.4.5.3).
fn hints(text: &mut Text, view: &View) {
    let names = &view.config.names;
    if let Some(init) = view.next_init {
        text.line(format_args!("#EXT-X-PRELOAD-HINT:TYPE=MAP,URI=\"{}\"", names.of(Resource::Init(init))));
    }
    text.line(format_args!("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{}\"", names.of(Resource::Part(view.next_part))));
}
