//! The multivariant playlist (section 4.4.6) of the renditions of a live.

use std::fmt::Write;

use crate::Init;
use crate::window::View;

/// Head-room over the highest rate measured so far: the peak of what is still to come is not known.
const HEAD_ROOM_PERCENT: u64 = 110;
/// Below this share of a target duration a measurement is mostly one keyframe; the encoder's word is better.
const ENOUGH_MEDIA_PERCENT: i64 = 50;

/// One EXT-X-STREAM-INF per rendition that has media, in the given order, each `(playlist URI, view)`; none
/// as long as there is no media. `bitrate_hint`: the encoder's word in bits per second, for the first picture
/// rendition until enough was measured.
pub fn render(renditions: &[(&str, &View)], bitrate_hint: Option<u64>) -> Option<String> {
    let mut text = String::from("#EXTM3U\n#EXT-X-VERSION:6\n");
    let mut hint = bitrate_hint;
    let mut any = false;
    for (uri, view) in renditions {
        let Some(init) = view.init().filter(|_| view.is_listable()) else { continue };
        any = true;
        let hint = if init.video.is_some() { hint.take() } else { None };
        let (bandwidth, average) = bandwidths(view, hint);
        // Writing to a `String` cannot fail.
        let _ = write!(text, "#EXT-X-STREAM-INF:BANDWIDTH={bandwidth},AVERAGE-BANDWIDTH={average},CODECS=\"{}\"", codecs(view, init));
        if let Some(video) = init.video {
            let _ = write!(text, ",RESOLUTION={}x{}", video.width, video.height);
            if let Some(rate) = video.frame_rate {
                let _ = write!(text, ",FRAME-RATE={rate:.3}");
            }
            text.push_str(",VIDEO-RANGE=SDR,CLOSED-CAPTIONS=NONE");
        }
        let _ = write!(text, "\n{uri}\n");
    }
    any.then_some(text)
}

/// BANDWIDTH (peak) and AVERAGE-BANDWIDTH, in bits per second.
fn bandwidths(view: &View, hint: Option<u64>) -> (u64, u64) {
    let mut measured = view.measured;
    if let Some(open) = &view.open {
        measured.bytes += open.length;
        measured.duration += open.duration;
    }
    let enough = measured.duration.as_nanos().saturating_mul(100)
        >= view.target().as_nanos().saturating_mul(ENOUGH_MEDIA_PERCENT);
    let average = match hint {
        Some(hint) if !enough && hint > 0 => hint,
        _ => measured.average(),
    };
    let peak = measured.peak.max(average).saturating_mul(HEAD_ROOM_PERCENT) / 100;
    (peak.max(1), average.max(1))
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
