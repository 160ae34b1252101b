//! The multivariant playlist (section 4.4.6) of the renditions of a live.

use std::fmt::Write;

use crate::window::View;
use crate::{Init, Picture};

/// Head-room over the highest rate measured so far: the peak of what is still to come is not known.
const HEAD_ROOM_PERCENT: u64 = 110;
/// Below this share of a target duration a measurement is mostly one keyframe; the encoder's word is better.
const ENOUGH_MEDIA_PERCENT: i64 = 50;

/// One EXT-X-STREAM-INF.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// Its media playlist, relative to the multivariant one.
    pub uri: String,
    /// BANDWIDTH, the peak, in bits per second.
    pub bandwidth: u64,
    /// AVERAGE-BANDWIDTH in bits per second.
    pub average_bandwidth: u64,
    /// RFC 6381, comma separated, all formats that occur.
    pub codecs: String,
    /// RESOLUTION and FRAME-RATE, if there is a picture.
    pub picture: Option<Picture>,
}

impl Variant {
    /// The rendition behind `view`, once it has media. `bitrate_hint`: the encoder's word in bits per second,
    /// used until enough was measured.
    pub fn of_view(uri: &str, view: &View, bitrate_hint: Option<u64>) -> Option<Self> {
        let init = view.init().filter(|_| view.is_listable())?;
        let (bandwidth, average_bandwidth) = bandwidths(view, bitrate_hint);
        Some(Self { uri: uri.to_owned(), bandwidth, average_bandwidth, codecs: codecs(view, init), picture: init.video })
    }
}

/// The multivariant playlist, variants in the given order.
pub fn render(variants: &[Variant]) -> String {
    // Nothing in it needs more than version 1 (section 8).
    let mut text = String::from("#EXTM3U\n");
    for Variant { uri, bandwidth, average_bandwidth, codecs, picture } in variants {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "#EXT-X-STREAM-INF:BANDWIDTH={bandwidth},AVERAGE-BANDWIDTH={average_bandwidth},CODECS=\"{codecs}\"");
        if let Some(picture) = picture {
            let _ = write!(text, ",RESOLUTION={}x{}", picture.width, picture.height);
            if let Some(rate) = picture.frame_rate {
                let _ = write!(text, ",FRAME-RATE={rate:.3}");
            }
            text.push_str(",VIDEO-RANGE=SDR,CLOSED-CAPTIONS=NONE");
        }
        let _ = write!(text, "\n{uri}\n");
    }
    text
}

/// BANDWIDTH (peak) and AVERAGE-BANDWIDTH, in bits per second.
fn bandwidths(view: &View, hint: Option<u64>) -> (u64, u64) {
    let mut measured = view.measured;
    if let Some(open) = &view.open {
        measured.bytes += open.length;
        measured.duration += open.duration;
    }
    let enough = measured.duration.as_nanos().saturating_mul(100) >= view.target().as_nanos().saturating_mul(ENOUGH_MEDIA_PERCENT);
    let average = match hint {
        Some(hint) if !enough && hint > 0 => hint,
        _ => measured.average(),
    };
    (with_head_room(measured.peak.max(average)), average.max(1))
}

/// In steps of a sixteenth of the power of two below: p2p-media-loader names its swarms by this number, so that viewers who
/// read slightly different ones would not meet.
fn with_head_room(bits_per_second: u64) -> u64 {
    let rate = (bits_per_second.saturating_mul(HEAD_ROOM_PERCENT) / 100).max(1);
    let step = (1 << rate.ilog2()) >> 4;
    rate.checked_next_multiple_of(step.max(1)).unwrap_or(rate)
}

/// Every format in any listed segment (section 6.2.4), the newest first.
fn codecs(view: &View, newest: &Init) -> String {
    let mut all: Vec<&str> = newest.codecs.split(',').collect();
    let mut inits: Vec<u32> = view.listed.iter().map(|segment| segment.init).collect();
    inits.dedup();
    for init in view.inits.iter().filter(|init| inits.contains(&init.number)) {
        for codec in init.codecs.split(',') {
            if !all.contains(&codec) {
                all.push(codec);
            }
        }
    }
    all.join(",")
}
