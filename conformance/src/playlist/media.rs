//! Media playlists (4.4.1 to 4.4.5).

use super::attributes::{Attributes, decimal, integer};
use super::{Error, passed_over};
use time::OffsetDateTime;
use time::format_description::well_known::Iso8601;

/// A media playlist, as written.
#[derive(Debug, Clone, PartialEq)]
pub struct Media {
    /// EXT-X-VERSION, 1 if absent.
    pub version: u64,
    /// EXT-X-TARGETDURATION in seconds.
    pub target_duration: u64,
    /// EXT-X-SERVER-CONTROL.
    pub server_control: Option<ServerControl>,
    /// PART-TARGET of EXT-X-PART-INF in seconds.
    pub part_target: Option<f64>,
    /// EXT-X-MEDIA-SEQUENCE, 0 if absent.
    pub media_sequence: u64,
    /// EXT-X-DISCONTINUITY-SEQUENCE, if stated.
    pub discontinuity_sequence: Option<u64>,
    /// EXT-X-INDEPENDENT-SEGMENTS.
    pub independent_segments: bool,
    /// EXT-X-PLAYLIST-TYPE.
    pub playlist_type: Option<String>,
    /// SKIPPED-SEGMENTS of EXT-X-SKIP.
    pub skipped: Option<u64>,
    /// The segments in order; the last may be open: parts without a URI yet.
    pub segments: Vec<Segment>,
    /// EXT-X-PRELOAD-HINT tags.
    pub hints: Vec<Hint>,
    /// EXT-X-RENDITION-REPORT tags.
    pub reports: Vec<RenditionReport>,
    /// EXT-X-ENDLIST.
    pub ended: bool,
}

/// EXT-X-SERVER-CONTROL (4.4.3.8), times in seconds.
#[derive(Debug, Clone, PartialEq, Default)]
#[expect(missing_docs, reason = "the attributes by their names")]
pub struct ServerControl {
    pub can_block_reload: bool,
    pub can_skip_until: Option<f64>,
    pub can_skip_dateranges: bool,
    pub hold_back: Option<f64>,
    pub part_hold_back: Option<f64>,
}

/// A media segment, or the open parent of the newest parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// Media Sequence Number.
    pub msn: u64,
    /// The URI; none while the segment is open.
    pub uri: Option<String>,
    /// EXTINF in seconds; none while the segment is open.
    pub duration: Option<f64>,
    /// EXT-X-DISCONTINUITY stands before it.
    pub discontinuity: bool,
    /// Discontinuity Sequence Number (6.2.1).
    pub discontinuity_number: u64,
    /// EXT-X-PROGRAM-DATE-TIME as stated, in milliseconds since 1970.
    pub date_ms: Option<i64>,
    /// URI of the EXT-X-MAP in force.
    pub map: Option<String>,
    /// EXT-X-GAP.
    pub gap: bool,
    /// Its EXT-X-PART tags.
    pub parts: Vec<Part>,
}

/// EXT-X-PART (4.4.4.9).
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the attributes by their names")]
pub struct Part {
    pub uri: String,
    pub duration: f64,
    pub independent: bool,
    pub byterange: Option<String>,
    pub gap: bool,
}

/// EXT-X-PRELOAD-HINT (4.4.5.3).
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the attributes by their names")]
pub struct Hint {
    pub kind: HintKind,
    pub uri: String,
}

/// TYPE of a hint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the values by their names")]
pub enum HintKind {
    Part,
    Map,
}

/// EXT-X-RENDITION-REPORT (4.4.5.4).
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the attributes by their names")]
pub struct RenditionReport {
    pub uri: String,
    pub last_msn: Option<u64>,
    pub last_part: Option<u64>,
}

/// A place on the timeline of one playlist: a part, or a whole segment without parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Media Sequence Number.
    pub msn: u64,
    /// Part index; [`Position::WHOLE`] for a segment that lists no parts.
    pub part: u64,
}

impl Position {
    /// Part index of a segment that is there as a whole: later than each of its parts.
    pub const WHOLE: u64 = u64::MAX;
}

impl Segment {
    fn new(msn: u64) -> Self {
        Self {
            msn,
            uri: None,
            duration: None,
            discontinuity: false,
            discontinuity_number: 0,
            date_ms: None,
            map: None,
            gap: false,
            parts: Vec::new(),
        }
    }

    /// Duration in seconds: EXTINF, or the sum of the parts so far.
    pub fn length(&self) -> f64 {
        self.duration.unwrap_or_else(|| self.parts.iter().map(|part| part.duration).sum())
    }

    /// Whether the segment is complete, not only some of its parts.
    pub fn complete(&self) -> bool {
        self.uri.is_some()
    }
}

impl Media {
    /// Reads a playlist.
    ///
    /// # Errors
    /// The first line that breaks the grammar of section 4.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut reader = Reader::new();
        for (index, line) in text.lines().enumerate() {
            reader.line(index, line).map_err(|reason| Error { line: index + 1, reason })?;
        }
        let lines = text.lines().count();
        if !text.ends_with('\n') {
            return Err(Error { line: lines, reason: "the last line does not end: the text may be cut".into() });
        }
        reader.finish().map_err(|reason| Error { line: lines, reason })
    }

    /// The newest thing listed.
    pub fn newest(&self) -> Option<Position> {
        self.segments.last().map(|segment| Position {
            msn: segment.msn,
            part: match segment.parts.len() {
                0 => Position::WHOLE,
                n => n as u64 - 1,
            },
        })
    }

    /// Whether a part, or with `part` none a whole segment, is listed or past (6.2.5.2).
    pub fn has_reached(&self, msn: u64, part: Option<u64>) -> bool {
        let Some(last) = self.segments.last() else {
            return false;
        };
        // A later segment, even an open one, proves the one before complete.
        last.msn > msn
            || last.msn == msn
                && match part {
                    None => last.complete(),
                    Some(part) => last.parts.len() as u64 > part || (last.parts.is_empty() && last.complete()),
                }
    }

    /// Media Sequence Number of the last segment, open or not.
    pub fn last_msn(&self) -> Option<u64> {
        self.segments.last().map(|segment| segment.msn)
    }

    /// Sum of all durations in seconds.
    pub fn length(&self) -> f64 {
        self.segments.iter().map(Segment::length).sum()
    }

    /// The hinted part's URI.
    pub fn hinted_part(&self) -> Option<&str> {
        self.hints.iter().find(|hint| hint.kind == HintKind::Part).map(|hint| hint.uri.as_str())
    }

    /// The date at the start of each segment, stated or extrapolated forward and
    /// backward (6.3.3), in milliseconds since 1970; empty if no date is stated.
    pub fn dates_ms(&self) -> Vec<f64> {
        let Some(first) = self.segments.iter().position(|s| s.date_ms.is_some()) else {
            return Vec::new();
        };
        let before: f64 = self.segments[..first].iter().map(Segment::length).sum();
        let mut date = self.segments[first].date_ms.unwrap_or_default() as f64 - before * 1000.0;
        self.segments
            .iter()
            .map(|segment| {
                let start = segment.date_ms.map_or(date, |stated| stated as f64);
                date = start + segment.length() * 1000.0;
                start
            })
            .collect()
    }

    /// The date at which the listed media ends, in milliseconds since 1970.
    pub fn edge_date_ms(&self) -> Option<f64> {
        let start = *self.dates_ms().last()?;
        Some(start + self.segments.last()?.length() * 1000.0)
    }

    /// Lays a delta update over the playlist before it (6.3.7).
    ///
    /// # Errors
    /// In words, what was skipped but is not known.
    pub fn patched_by(&self, delta: &Media) -> Result<Media, String> {
        let Some(skipped) = delta.skipped else {
            return Ok(delta.clone());
        };
        let mut whole = delta.clone();
        whole.skipped = None;
        let mut segments = Vec::new();
        for msn in delta.media_sequence..delta.media_sequence + skipped {
            let known = self
                .segments
                .iter()
                .find(|segment| segment.msn == msn && segment.complete())
                .ok_or_else(|| format!("segment {msn} was skipped but never listed before"))?;
            let mut known = known.clone();
            // What is skipped is beyond the parts (CAN-SKIP-UNTIL >= 6 TD > 3 TD).
            known.parts.clear();
            segments.push(known);
        }
        let mut number =
            segments.last().map_or(delta.discontinuity_sequence.unwrap_or(0), |segment: &Segment| segment.discontinuity_number);
        let mut map = segments.last().and_then(|segment| segment.map.clone());
        for segment in &delta.segments {
            let mut segment = segment.clone();
            number += u64::from(segment.discontinuity);
            segment.discontinuity_number = number;
            map = segment.map.clone().or(map);
            segment.map.clone_from(&map);
            segments.push(segment);
        }
        whole.segments = segments;
        Ok(whole)
    }
}

/// Reads line by line.
struct Reader {
    media: Media,
    seen: Vec<&'static str>,
    segment: Segment,
    /// Something of the next segment has been read.
    pending: bool,
    map: Option<String>,
    discontinuities: u64,
    target_duration: Option<u64>,
}

const ONCE: &[&str] = &[
    "EXT-X-VERSION",
    "EXT-X-TARGETDURATION",
    "EXT-X-SERVER-CONTROL",
    "EXT-X-PART-INF",
    "EXT-X-MEDIA-SEQUENCE",
    "EXT-X-DISCONTINUITY-SEQUENCE",
    "EXT-X-INDEPENDENT-SEGMENTS",
    "EXT-X-PLAYLIST-TYPE",
    "EXT-X-START",
    "EXT-X-SKIP",
    "EXT-X-ENDLIST",
];

impl Reader {
    fn new() -> Self {
        Self {
            media: Media {
                version: 1,
                target_duration: 0,
                server_control: None,
                part_target: None,
                media_sequence: 0,
                discontinuity_sequence: None,
                independent_segments: false,
                playlist_type: None,
                skipped: None,
                segments: Vec::new(),
                hints: Vec::new(),
                reports: Vec::new(),
                ended: false,
            },
            seen: Vec::new(),
            segment: Segment::new(0),
            pending: false,
            map: None,
            discontinuities: 0,
            target_duration: None,
        }
    }

    fn line(&mut self, index: usize, line: &str) -> Result<(), String> {
        if index == 0 {
            return if line == "#EXTM3U" { Ok(()) } else { Err("the first line is not #EXTM3U".into()) };
        }
        if passed_over(line) {
            return Ok(());
        }
        let Some(tag) = line.strip_prefix('#') else {
            return self.uri(line);
        };
        let (name, value) = match tag.split_once(':') {
            Some((name, value)) => (name, Some(value)),
            None => (tag, None),
        };
        if let Some(once) = ONCE.iter().find(|once| **once == name) {
            if self.seen.contains(once) {
                return Err(format!("{name} stands twice"));
            }
            self.seen.push(once);
        }
        let plain = || match value {
            None => Ok(()),
            Some(_) => Err(format!("{name} takes no value")),
        };
        let needed = || value.ok_or_else(|| format!("{name} without a value"));
        let number = || {
            let value = needed()?;
            integer(value).ok_or_else(|| format!("{name}:{value} is no integer"))
        };
        let header = |started: bool| {
            if started { Err(format!("{name} stands after the first segment")) } else { Ok(()) }
        };
        let started = self.pending || !self.media.segments.is_empty();
        match name {
            "EXT-X-VERSION" => self.media.version = number()?,
            "EXT-X-TARGETDURATION" => self.target_duration = Some(number()?),
            "EXT-X-MEDIA-SEQUENCE" => {
                header(started)?;
                self.media.media_sequence = number()?;
                self.segment.msn = self.media.media_sequence;
            }
            "EXT-X-DISCONTINUITY-SEQUENCE" => {
                header(started)?;
                let value = number()?;
                self.media.discontinuity_sequence = Some(value);
                self.discontinuities = value;
            }
            "EXT-X-INDEPENDENT-SEGMENTS" => {
                plain()?;
                self.media.independent_segments = true;
            }
            "EXT-X-PLAYLIST-TYPE" => self.media.playlist_type = Some(needed()?.to_owned()),
            "EXT-X-SERVER-CONTROL" => self.server_control(needed()?)?,
            "EXT-X-PART-INF" => {
                let mut attributes = Attributes::parse(needed()?)?;
                let target = attributes.decimal("PART-TARGET")?.ok_or("EXT-X-PART-INF without PART-TARGET")?;
                attributes.finish()?;
                self.media.part_target = Some(target);
            }
            "EXT-X-SKIP" => {
                header(started)?;
                let mut attributes = Attributes::parse(needed()?)?;
                let skipped = attributes.integer("SKIPPED-SEGMENTS")?.ok_or("EXT-X-SKIP without SKIPPED-SEGMENTS")?;
                attributes.allow(&["RECENTLY-REMOVED-DATERANGES"]);
                attributes.finish()?;
                self.media.skipped = Some(skipped);
                self.segment.msn = self.media.media_sequence.checked_add(skipped).ok_or("sequence numbers overflow")?;
            }
            "EXTINF" => {
                let value = needed()?;
                let (duration, _title) = value.split_once(',').ok_or_else(|| format!("EXTINF:{value} without a comma"))?;
                let duration = decimal(duration).ok_or_else(|| format!("EXTINF {duration} is no decimal"))?;
                if self.segment.duration.replace(duration).is_some() {
                    return Err("two EXTINF before one URI".into());
                }
                self.pending = true;
            }
            "EXT-X-DISCONTINUITY" => {
                plain()?;
                self.before_parts(name)?;
                if self.segment.discontinuity {
                    return Err("two EXT-X-DISCONTINUITY before one segment".into());
                }
                self.segment.discontinuity = true;
                self.discontinuities += 1;
            }
            "EXT-X-PROGRAM-DATE-TIME" => {
                self.before_parts(name)?;
                let value = needed()?;
                let date = OffsetDateTime::parse(value, &Iso8601::PARSING).map_err(|error| format!("date {value}: {error}"))?;
                let date_ms = (date.unix_timestamp_nanos() / 1_000_000) as i64;
                if self.segment.date_ms.replace(date_ms).is_some() {
                    return Err("two dates before one segment".into());
                }
            }
            "EXT-X-MAP" => {
                self.before_parts(name)?;
                let mut attributes = Attributes::parse(needed()?)?;
                let uri = attributes.string("URI")?.ok_or("EXT-X-MAP without URI")?;
                attributes.allow(&["BYTERANGE"]);
                attributes.finish()?;
                self.map = Some(uri);
            }
            "EXT-X-GAP" => {
                plain()?;
                self.segment.gap = true;
                self.pending = true;
            }
            "EXT-X-PART" => self.part(needed()?)?,
            "EXT-X-PRELOAD-HINT" => self.hint(needed()?)?,
            "EXT-X-RENDITION-REPORT" => {
                let mut attributes = Attributes::parse(needed()?)?;
                let report = RenditionReport {
                    uri: attributes.string("URI")?.ok_or("rendition report without URI")?,
                    last_msn: attributes.integer("LAST-MSN")?,
                    last_part: attributes.integer("LAST-PART")?,
                };
                attributes.finish()?;
                self.media.reports.push(report);
            }
            "EXT-X-ENDLIST" => {
                plain()?;
                self.media.ended = true;
            }
            "EXT-X-BYTERANGE" | "EXT-X-BITRATE" | "EXT-X-KEY" | "EXT-X-DATERANGE" | "EXT-X-START" | "EXT-X-DEFINE" => {
                needed()?;
            }
            _ => return Err(format!("unknown tag {name}")),
        }
        Ok(())
    }

    /// Tags that also apply to the first part stand before it (4.4.4.9).
    fn before_parts(&mut self, name: &str) -> Result<(), String> {
        self.pending = true;
        if self.segment.parts.is_empty() { Ok(()) } else { Err(format!("{name} stands after a part of its segment")) }
    }

    fn server_control(&mut self, value: &str) -> Result<(), String> {
        let mut attributes = Attributes::parse(value)?;
        let control = ServerControl {
            can_block_reload: attributes.yes("CAN-BLOCK-RELOAD", false)?,
            can_skip_until: attributes.decimal("CAN-SKIP-UNTIL")?,
            can_skip_dateranges: attributes.yes("CAN-SKIP-DATERANGES", false)?,
            hold_back: attributes.decimal("HOLD-BACK")?,
            part_hold_back: attributes.decimal("PART-HOLD-BACK")?,
        };
        attributes.finish()?;
        if control.can_skip_dateranges && control.can_skip_until.is_none() {
            return Err("CAN-SKIP-DATERANGES without CAN-SKIP-UNTIL".into());
        }
        self.media.server_control = Some(control);
        Ok(())
    }

    fn part(&mut self, value: &str) -> Result<(), String> {
        if self.segment.duration.is_some() {
            return Err("a part after the EXTINF of its segment".into());
        }
        let mut attributes = Attributes::parse(value)?;
        let part = Part {
            uri: attributes.string("URI")?.ok_or("a part without URI")?,
            duration: attributes.decimal("DURATION")?.ok_or("a part without DURATION")?,
            independent: attributes.yes("INDEPENDENT", false)?,
            byterange: attributes.string("BYTERANGE")?,
            gap: attributes.yes("GAP", false)?,
        };
        attributes.finish()?;
        self.segment.parts.push(part);
        self.pending = true;
        Ok(())
    }

    fn hint(&mut self, value: &str) -> Result<(), String> {
        let mut attributes = Attributes::parse(value)?;
        let kind = match attributes.word("TYPE")? {
            Some("PART") => HintKind::Part,
            Some("MAP") => HintKind::Map,
            other => return Err(format!("hint of TYPE {other:?}")),
        };
        let uri = attributes.string("URI")?.ok_or("a hint without URI")?;
        attributes.allow(&["BYTERANGE-START", "BYTERANGE-LENGTH"]);
        attributes.finish()?;
        self.media.hints.push(Hint { kind, uri });
        Ok(())
    }

    fn uri(&mut self, uri: &str) -> Result<(), String> {
        if uri.contains(|c: char| c.is_whitespace()) {
            return Err(format!("white space in URI {uri:?}"));
        }
        if self.segment.duration.is_none() {
            return Err(format!("segment {uri} without EXTINF"));
        }
        self.segment.uri = Some(uri.to_owned());
        self.close_segment()
    }

    fn close_segment(&mut self) -> Result<(), String> {
        let next = self.segment.msn.checked_add(1).ok_or("sequence numbers overflow")?;
        let mut segment = std::mem::replace(&mut self.segment, Segment::new(next));
        segment.map.clone_from(&self.map);
        segment.discontinuity_number = self.discontinuities;
        self.media.segments.push(segment);
        self.pending = false;
        Ok(())
    }

    fn finish(mut self) -> Result<Media, String> {
        self.media.target_duration = match self.target_duration {
            Some(0) => return Err("EXT-X-TARGETDURATION of 0".into()),
            Some(seconds) => seconds,
            None => return Err("no EXT-X-TARGETDURATION".into()),
        };
        if self.segment.duration.is_some() {
            return Err("EXTINF without a URI at the end".into());
        }
        if !self.segment.parts.is_empty() {
            self.close_segment()?;
        } else if self.pending {
            return Err("segment tags without a segment at the end".into());
        }
        Ok(self.media)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIVE: &str = "#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:2
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12.0,PART-HOLD-BACK=1.0
#EXT-X-PART-INF:PART-TARGET=1.0
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-DISCONTINUITY-SEQUENCE:1
#EXT-X-MAP:URI=\"i0.mp4\"
#EXT-X-PROGRAM-DATE-TIME:2026-11-23T06:00:00.500Z
#EXTINF:2.00000,
s7.m4s
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI=\"i1.mp4\"
#EXT-X-PART:DURATION=1.0,URI=\"p0.m4s\",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"p1.m4s\"
#EXT-X-RENDITION-REPORT:URI=\"audio.m3u8\",LAST-MSN=8,LAST-PART=0
";

    #[test]
    fn reads_what_the_grammar_allows() {
        let media = Media::parse(LIVE).expect("the sample is correct");
        assert_eq!(media.newest(), Some(Position { msn: 8, part: 0 }));
        assert_eq!(media.segments[0].discontinuity_number, 1);
        assert_eq!(media.segments[1].discontinuity_number, 2);
        assert_eq!(media.segments[1].map.as_deref(), Some("i1.mp4"));
        assert_eq!(media.edge_date_ms(), Some(1_795_413_603_500.0));
        assert!(media.has_reached(7, None) && media.has_reached(7, Some(99)));
        assert!(media.has_reached(8, Some(0)) && !media.has_reached(8, Some(1)));
        assert!(!media.has_reached(8, None) && !media.has_reached(9, Some(0)));
    }

    #[test]
    fn names_the_line_that_breaks_it() {
        for (from, to, line) in [
            ("#EXTM3U", "#EXTM3", 1),
            ("VERSION:9", "VERSION:-9", 2),
            ("DURATION:2\n", "DURATION:2.0\n", 3),
            ("CAN-BLOCK-RELOAD=YES", "CAN-BLOCK-RELOAD=NO", 4),
            ("PART-TARGET=1.0", "PART-TARGET=\"1.0\"", 5),
            ("#EXTINF:2.00000,", "#EXTINF:2.00000", 10),
            ("s7.m4s", "s 7.m4s", 11),
            ("INDEPENDENT=YES", "DURATION=1.0", 14),
            ("URI=\"p0.m4s\"", "URI=\"p0.m4s", 14),
            ("#EXT-X-PRELOAD-HINT:TYPE=PART", "#EXT-X-PRELOAD-HUNT:TYPE=PART", 15),
            ("LAST-PART=0", "LAST-PORT=0", 16),
        ] {
            let broken = LIVE.replacen(from, to, 1);
            let error = Media::parse(&broken).expect_err(to);
            assert_eq!(error.line, line, "{to}: {error}");
        }
        assert!(Media::parse(LIVE.trim_end()).is_err(), "a cut text");
    }

    #[test]
    fn a_delta_over_its_playlist_gives_the_whole() {
        let before = Media::parse(LIVE).expect("correct");
        let delta = LIVE.replace(
            "#EXT-X-MAP:URI=\"i0.mp4\"\n#EXT-X-PROGRAM-DATE-TIME:2026-11-23T06:00:00.500Z\n#EXTINF:2.00000,\ns7.m4s\n",
            "#EXT-X-SKIP:SKIPPED-SEGMENTS=1\n",
        );
        let delta = Media::parse(&delta).expect("correct");
        assert_eq!(before.patched_by(&delta), Ok(before.clone()));
        let mut other = before.clone();
        other.segments.remove(0);
        assert!(other.patched_by(&delta).is_err());
    }
}
