//! How a media playlist grows: part by part, with the lines that each part adds.
//!
//! A playlist that somebody has, and the texts of all later parts, are together what the origin would render (but for
//! the hint, the reports, and what slides out at the front). A core: [`Growth::poll`] compares two moments of a window.

use bytes::Bytes;
use media::MediaTime;

use crate::playlist::Text;
use crate::window::{Open, PartEntry, Segment, View};

/// A part, and what it adds to the playlist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grown {
    /// Media sequence number of its parent segment.
    pub msn: u64,
    /// Position in its parent segment, from 0.
    pub part: u64,
    /// Wall clock of its start, in ms since the Unix epoch.
    pub program_date_time: i64,
    /// Its length.
    pub duration: MediaTime,
    /// Holds an independent frame.
    pub independent: bool,
    /// An absence, without bytes.
    pub gap: bool,
    /// No part, but the end of all: empty, where a next segment would begin. EXT-X-ENDLIST follows its text.
    pub end: bool,
    /// The fragment.
    pub bytes: Bytes,
    /// In playlist order: the lines that end the segment before, if this part begins one (EXT-X-GAP, EXTINF, URI), the
    /// lines that begin its own (EXT-X-DISCONTINUITY, EXT-X-MAP, EXT-X-PROGRAM-DATE-TIME), and its EXT-X-PART.
    ///
    /// A segment may be closed before the next part is there: a playlist from that moment has the first of these lines already.
    pub text: String,
}

/// Follows a window from some part on.
#[derive(Clone, Debug)]
pub struct Growth {
    /// Number of the next part to tell of.
    next: u64,
    ended: bool,
}

impl Growth {
    /// From the next part on.
    pub fn after(view: &View) -> Self {
        Self { next: view.next_part, ended: view.ended }
    }

    /// From the first part that begins within `span` before the window's end.
    pub fn within(view: &View, span: MediaTime) -> Self {
        let mut growth = Self { next: view.next_part, ended: false };
        let mut left = span;
        let open = view.open.iter().map(|open| (open.first_part, &open.parts[..]));
        let listed = view.listed.iter().rev().map(|segment| (segment.first_part, &segment.parts[..]));
        for (first, parts) in open.chain(listed) {
            for (index, part) in parts.iter().enumerate().rev() {
                left -= part.duration;
                if left < MediaTime::ZERO {
                    return growth;
                }
                growth.next = first + index as u64;
            }
        }
        growth
    }

    /// What `view` has beyond all that was told before. Parts whose bytes have left memory are passed over.
    pub fn poll(&mut self, view: &View) -> Vec<Grown> {
        let mut grown = Vec::new();
        for (index, segment) in view.listed.iter().enumerate() {
            if segment.first_part + (segment.parts.len() as u64) <= self.next {
                continue;
            }
            let before = index.checked_sub(1).and_then(|before| view.listed.get(before));
            self.tell(view, before.map(|before| &**before), &Parent::of(segment), &mut grown);
        }
        if let Some(open) = &view.open {
            self.tell(view, view.listed.last().map(|before| &**before), &Parent::of_open(open), &mut grown);
        }
        if view.ended && !self.ended {
            self.ended = true;
            grown.extend(view.listed.last().map(|last| end(view, last)));
        }
        grown
    }

    fn tell(&mut self, view: &View, before: Option<&Segment>, parent: &Parent<'_>, grown: &mut Vec<Grown>) {
        let names = &view.config.names;
        let mut offset = MediaTime::ZERO;
        for (index, part) in (0..).zip(parent.parts) {
            let (number, start) = (parent.first_part + index, offset);
            offset += part.duration;
            if number < self.next {
                continue;
            }
            self.next = number + 1;
            if !part.gap && part.bytes.is_empty() {
                continue;
            }
            let mut text = Text::default();
            if index == 0 {
                if let Some(before) = before {
                    text.end(names, before);
                }
                let same = before.is_some_and(|before| before.init == parent.init) && !parent.discontinuity;
                text.begin(names, parent.discontinuity, Some(parent.init).filter(|_| !same), parent.program_date_time);
            }
            text.part(names, number, part);
            grown.push(Grown {
                msn: parent.msn,
                part: index,
                program_date_time: parent.program_date_time.saturating_add(start.as_millis()),
                duration: part.duration,
                independent: part.independent,
                gap: part.gap,
                end: false,
                bytes: part.bytes.clone(),
                text: text.0,
            });
        }
    }
}

/// A segment, complete or not.
struct Parent<'a> {
    msn: u64,
    program_date_time: i64,
    init: u32,
    discontinuity: bool,
    first_part: u64,
    parts: &'a [PartEntry],
}

impl<'a> Parent<'a> {
    fn of(segment: &'a Segment) -> Self {
        let Segment { msn, program_date_time, init, discontinuity, first_part, ref parts, .. } = *segment;
        Self { msn, program_date_time, init, discontinuity, first_part, parts }
    }

    fn of_open(open: &'a Open) -> Self {
        let Open { msn, program_date_time, init, discontinuity, first_part, ref parts, .. } = *open;
        Self { msn, program_date_time, init, discontinuity, first_part, parts }
    }
}

/// Nothing follows `last`.
fn end(view: &View, last: &Segment) -> Grown {
    let mut text = Text::default();
    text.end(&view.config.names, last);
    Grown {
        msn: last.msn + 1,
        part: 0,
        program_date_time: last.program_date_time.saturating_add(last.duration.as_millis()),
        duration: MediaTime::ZERO,
        independent: false,
        gap: false,
        end: true,
        bytes: Bytes::new(),
        text: text.0,
    }
}
