//! What a [packager](crate::packager) says: initialisation segments, parts and segment boundaries of one rendition.

use std::time::Instant;

use bytes::Bytes;
use media::{MediaTime, Unit};

/// Media sequence number of a broadcast's first segment. The numbers below it are EXT-X-GAP segments that the
/// [window](crate::window) lists until there is enough media: stock players then start from the first part, and
/// players that know no parts wait instead of giving up.
pub const FIRST_MSN: u64 = 7;

/// The picture of an [`Init`], for the multivariant playlist.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Picture {
    /// Displayed width in pixels.
    pub width: u32,
    /// Displayed height in pixels.
    pub height: u32,
    /// Frames per second, if the stream or its timestamps told it by now.
    pub frame_rate: Option<f64>,
}

/// The sound of an [`Init`], for the multivariant playlist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sound {
    /// Samples per second, as played.
    pub sample_rate: u32,
    /// Number of channels, as played.
    pub channels: u8,
}

/// A Media Initialization Section (EXT-X-MAP): it applies to all parts that follow, until the next one.
#[derive(Clone, Debug, PartialEq)]
pub struct Init {
    /// Running number over the broadcast, from 0; names the resource.
    pub number: u32,
    /// `ftyp` and `moov`.
    pub bytes: Bytes,
    /// RFC 6381, comma separated, video first.
    pub codecs: String,
    /// The video track's picture, if there is one.
    pub video: Option<Picture>,
    /// The audio track's sound, if there is one.
    pub audio: Option<Sound>,
    /// EXT-X-DISCONTINUITY belongs before the next segment.
    pub discontinuity: bool,
}

/// A Partial Segment (EXT-X-PART): one `moof` and one `mdat`, or an absence (GAP=YES).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Media sequence number of its parent segment.
    pub msn: u64,
    /// Position in its parent segment, from 0.
    pub index: u32,
    /// Running number over the broadcast; names the resource, whichever segment the part ends up in.
    pub number: u64,
    /// The fragment; empty if `gap`.
    pub bytes: Bytes,
    /// Start on the output timeline (decoding time).
    pub start: MediaTime,
    /// Length on the output timeline: never above the announced part target.
    pub duration: MediaTime,
    /// Holds an independent frame (INDEPENDENT=YES).
    pub independent: bool,
    /// Nothing was there to be sent (GAP=YES).
    pub gap: bool,
    /// Wall clock of `start`, in ms since the Unix epoch (EXT-X-PROGRAM-DATE-TIME).
    pub program_date_time: i64,
    /// When its last unit arrived; a GAP part: when it was due.
    pub newest_arrival: Instant,
}

/// A boundary that the leader chose and its followers mirror, so that all renditions of a broadcast have the
/// same segments, absences and discontinuities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The media sequence number of the segment that holds what follows.
    pub msn: u64,
    /// Where, on the output timeline.
    pub at: MediaTime,
    /// Wall clock of `at`, in ns since the Unix epoch: followers take the leader's mapping.
    pub wall_clock: i64,
    /// What begins there.
    pub reason: Reason,
}

/// What begins at a [`Cut`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A segment: followers begin theirs at their first own unit (video: keyframe) at or after it.
    Segment,
    /// A run of media with its own initialisation; `discontinuity` unless it is the broadcast's first.
    Run {
        /// EXT-X-DISCONTINUITY applies.
        discontinuity: bool,
    },
    /// An absence lasts until here: followers fill up to it with GAP parts.
    Gap,
    /// The broadcast's end.
    End,
}

/// What comes out of a packager, in playlist order.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Once, before the first [`Init`]: values that never change in a playlist's life (draft-pantos-hls-rfc8216bis section 6.2.1).
    Started {
        /// EXT-X-TARGETDURATION in seconds.
        target_duration: u32,
        /// PART-TARGET as announced.
        part_target: MediaTime,
    },
    /// The initialisation of all following parts.
    Init(Init),
    /// A finished part.
    Part(Part),
    /// The segment `msn` has no further part.
    SegmentEnd {
        /// Its media sequence number.
        msn: u64,
        /// EXTINF: the sum of its parts.
        duration: MediaTime,
    },
    /// Leader only: hand it to the followers.
    Cut(Cut),
    /// Leader only, if asked for: a unit with its place on the output timeline, for followers and transcoders.
    Unit(Unit),
}
