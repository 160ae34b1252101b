//! The rules the checker asserts, each with the place it comes from.
//!
//! Section numbers are those of draft-pantos-hls-rfc8216bis-22; "B.1" is its
//! Low-Latency Server Configuration Profile; "practice" marks what players
//! need although no specification demands it.

use serde::Serialize;

/// How bad it is to break a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The stream is wrong: a conforming player may fail.
    Violation,
    /// The specification advises otherwise (SHOULD).
    Warning,
}

macro_rules! rules {
    ($($(#[doc = $doc:literal])+ $name:ident $(= $severity:ident)?,)+) => {
        /// A rule of Low-Latency HLS, as far as it shows from outside.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[non_exhaustive]
        pub enum RuleId {
            $($(#[doc = $doc])+ $name,)+
        }

        impl RuleId {
            /// Every rule, in the order of the list.
            pub const ALL: &'static [RuleId] = &[$(RuleId::$name,)+];

            /// The rule's name, as reports print it.
            pub const fn name(self) -> &'static str {
                match self { $(RuleId::$name => stringify!($name),)+ }
            }

            /// The rule in words, with its section.
            pub const fn text(self) -> &'static str {
                match self { $(RuleId::$name => concat!($($doc),+).trim_ascii(),)+ }
            }

            /// Whether breaking it is a violation or only a warning.
            pub const fn severity(self) -> Severity {
                match self { $(RuleId::$name => rules!(@severity $($severity)?),)+ }
            }
        }
    };
    (@severity) => { Severity::Violation };
    (@severity $severity:ident) => { Severity::$severity };
}

rules! {
    // One playlist by itself.
    /// 4.1-4.4: every line is a known tag, a URI or blank; attributes follow the grammar, once each.
    Syntax,
    /// 8: EXT-X-VERSION is as high as the tags used require (6 with EXT-X-MAP, 9 with EXT-X-SKIP).
    Version,
    /// 6.2.2: a live playlist has no EXT-X-PLAYLIST-TYPE.
    PlaylistType,
    /// 4.4.3.1: every EXTINF, rounded to the nearest integer, is at most the target duration.
    ExtinfRounding,
    /// 4.4.3.7: EXT-X-PART-INF with PART-TARGET stands in every playlist with parts, and never changes.
    PartInf,
    /// 4.4.4.9: DURATION of a part is at most the part target duration.
    PartDurationMax,
    /// 4.4.4.9: DURATION of a part is at least 85 % of the part target, but for the parts excepted.
    PartDurationMin,
    /// 4.4.4.9: the parts of a segment add up to its EXTINF.
    PartsSum,
    /// 4.4.3.8: EXT-X-SERVER-CONTROL stands in every live playlist, with CAN-BLOCK-RELOAD=YES.
    ServerControl,
    /// 4.4.3.8: PART-HOLD-BACK stands with parts and is at least twice the part target.
    PartHoldBack,
    /// 4.4.3.8: PART-HOLD-BACK should be at least three times the part target.
    PartHoldBackAdvice = Warning,
    /// 4.4.3.8: HOLD-BACK is at least three target durations.
    HoldBack,
    /// 4.4.3.8: CAN-SKIP-UNTIL is at least six target durations.
    CanSkipUntil,
    /// 6.2.2: EXT-X-PART tags go when more than three target durations from the end.
    PartsNearEdge,
    /// 6.2.2: EXT-X-PART tags go in the order in which they stand.
    PartsRemovedInOrder,
    /// 6.2.6, B.1: a live playlist with parts hints the next part, once.
    PreloadHintPresent,
    /// 4.4.5.3: the hinted URI is that of the part that comes.
    PreloadHintMatches,
    /// 4.4.5.3: no hint beside EXT-X-ENDLIST.
    PreloadHintAfterEnd,
    /// B.1, 6.2.4: every segment of every media playlist has a date, by tag or by extrapolation.
    ProgramDateTimePresent,
    /// 6.2.1: dates agree with the durations between them, go forward, and stay with their segment.
    ProgramDateTimeConsistent,
    /// 4.4.4.5: every fMP4 segment has an EXT-X-MAP.
    MapPresent,
    /// 4.4.4.3: another EXT-X-MAP comes with an EXT-X-DISCONTINUITY.
    MapNeedsDiscontinuity,
    /// 4.4.4.7, 4.4.4.9: the parts of an EXT-X-GAP segment have GAP=YES, and no others are hidden in it.
    GapConsistent,
    /// 6.2.2: a live playlist is never cut below three target durations.
    WindowMinimum,

    // One playlist over time.
    /// 6.2.1: EXT-X-TARGETDURATION never changes.
    TargetDurationConstant,
    /// 6.2.4: EXT-X-SERVER-CONTROL says the same all the time.
    ServerControlConstant,
    /// 6.2.2: EXT-X-MEDIA-SEQUENCE never decreases and counts the removed segments.
    MediaSequence,
    /// 6.2.1: a listed segment keeps URI, duration, discontinuity, map and gap.
    SegmentImmutable,
    /// 6.2.1: a listed part keeps URI, duration and flags.
    PartImmutable,
    /// 6.2.2: EXT-X-DISCONTINUITY-SEQUENCE counts the removed discontinuities.
    DiscontinuitySequence,
    /// 6.2.1: after EXT-X-ENDLIST nothing changes any more.
    EndlistFinal,
    /// 6.2.1: a later answer is never older than an earlier one.
    NeverGoesBack,
    /// 6.2.1, B.1: updates are atomic and requests idempotent: one version has one text.
    OneVersionOneText,
    /// 6.2.1: a new part within one part target of the one before.
    PartCadence,
    /// 6.2.1: a new segment within 1.5 target durations of the one before.
    SegmentCadence,
    /// 6.2.1: dates are those of the capture: the newest part is as old as the edge.
    ArrivalCadence,

    // Several playlists.
    /// 6.2.4: every media playlist has the same target duration.
    TargetDurationShared,
    /// 6.2.4: every media playlist has the same EXT-X-SERVER-CONTROL.
    ServerControlShared,
    /// 4.4.5.4, B.1: a rendition report for every other media playlist, with relative URI.
    RenditionReportPresent,
    /// 4.4.5.4: a rendition report is as new as its playlist, and no newer than the rendition.
    RenditionReportRight,
    /// B.1: renditions are updated in sync within one part target.
    RenditionsInStep,
    /// 6.2.4: matching content has the same discontinuity sequence number in every rendition.
    RenditionsDiscontinuity,
    /// 6.2.4: dates map to media timestamps in the same way in every rendition.
    RenditionsDate,

    // Delivery directives.
    /// 6.2.5.1: `_HLS_skip` gets a delta update, others a whole playlist.
    DeltaOffered,
    /// 6.2.5.1: a delta update keeps everything up to the skip boundary.
    DeltaBoundary,
    /// 6.2.5.1: a delta update laid over the playlist before gives exactly the whole playlist.
    DeltaReconstructs,
    /// 6.2.5.2: no answer before the segment or part asked for is there.
    BlockingEarly,
    /// 6.2.5.2: the answer comes as soon as the segment or part is there.
    BlockingLate,
    /// 6.2.5.2: a request that cannot be served is given up after three target durations, not before.
    BlockingDeadline,
    /// 6.2.5.2: a part index past the end of its segment means part 0 of the next.
    PartPastEnd,
    /// 6.2.5.2: old or removed media is answered at once with the whole playlist.
    OldMediaAtOnce,
    /// 6.2.5.2: `_HLS_part` without `_HLS_msn` is a bad request.
    PartWithoutMsn,
    /// 6.2.5.2: media further ahead than the limit is a bad request, at once.
    FarFuture,
    /// 6.2.5: directives that are no decimal integers are a bad request, at once.
    GarbageRefused,
    /// 6.2.5.1, 6.2.5.2: directives are ignored after EXT-X-ENDLIST.
    DirectivesAfterEnd,
    /// 6.2.6: a hinted part is held until it is there, then sent whole.
    HintHeld,

    // Media over HTTP.
    /// 6.2.1: everything a playlist lists can be downloaded.
    ListedAvailable,
    /// 6.2.2: a part can be downloaded for three target durations after its tag went.
    RemovedPartAvailable,
    /// 6.2.2: a removed segment can be downloaded for its Availability Duration.
    RemovedSegmentAvailable,
    /// 6.2.6: what was never listed or hinted is not found, at once.
    UnknownNotFound,
    /// 6.2.1: the bytes behind a URI never change.
    BytesImmutable,
    /// practice: HEAD answers as GET does, without a body.
    Head,
    /// B.1: byte ranges are served, and refused past the end.
    Range,
    /// 4, practice: playlists and media carry their content types.
    ContentType,
    /// practice: every answer may be read by pages of any origin.
    Cors,
    /// B.1: Cache-Control as the profile recommends.
    CacheControl,
    /// B.1: playlists are sent with gzip to those who accept it, and only to them.
    Gzip,
    /// practice: no connection is cut, no answer is a 5xx.
    Transport,
    /// PeerTube: segments-sha256.json has the digest of every listed segment when it is listed.
    Sha256Complete,
    /// PeerTube: every digest in segments-sha256.json is that of the bytes.
    Sha256Right,

    // Inside the fragments.
    /// ISO 14496-12: boxes nest, runs stay inside their mdat, tracks are those of the map.
    Fmp4,
    /// 3.1.2: a segment is the concatenation of its parts.
    SegmentIsItsParts,
    /// 6.2.1: decode times go on from part to part unless a discontinuity stands between.
    DecodeTimeContinuous,
    /// 4.4.4.9: DURATION is the duration of the samples.
    DurationTrue,
    /// 4.4.4.9: INDEPENDENT=YES exactly on the parts that hold an independent frame.
    IndependentFlag,
    /// 4.4.2.1, 3: every segment holds an independent frame, the first is one with EXT-X-INDEPENDENT-SEGMENTS.
    SegmentIndependent,

    // The multivariant playlist.
    /// 4.4.6.2: BANDWIDTH is at least the peak segment bit rate, and AVERAGE-BANDWIDTH not above it.
    Bandwidth,
    /// 4.4.6.2: CODECS covers every track.
    Codecs,
    /// 4.4.6.2: RESOLUTION is that of the pictures.
    Resolution,
    /// 4.4.6.2: FRAME-RATE, with three decimals, is that of the pictures.
    FrameRate,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_texts_cite_their_source() {
        let names: BTreeSet<_> = RuleId::ALL.iter().map(|rule| rule.name()).collect();
        assert_eq!(names.len(), RuleId::ALL.len());
        for rule in RuleId::ALL {
            assert!(rule.text().contains(':'), "{} cites nothing", rule.name());
        }
    }
}
