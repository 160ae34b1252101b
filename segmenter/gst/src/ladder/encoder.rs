//! Encoders for the rungs: in hardware if there is one, else x264.

use gstreamer as gst;
use gstreamer::prelude::*;

use super::LadderOptions;
use crate::{Error, pipeline};

/// Keyframes come only when they are asked for: further apart than any source's.
const NEVER: i64 = 1_000_000;

/// Best first: the newer interfaces of the same chips before the older.
const HARDWARE: &[&str] = &["nvh264enc", "vah264enc", "vah264lpenc", "qsvh264enc", "vaapih264enc", "v4l2h264enc"];

/// An encoder and what has to stand around it.
pub(super) struct Encoder {
    pub(super) element: gst::Element,
    /// Makes avcC out of what it puts out.
    pub(super) parser: Option<gst::Element>,
    /// The raw format it must get; otherwise it says so itself.
    pub(super) format: Option<&'static str>,
}

impl Encoder {
    pub(super) fn choose(bitrate_kbps: u32, options: LadderOptions) -> Result<Self, Error> {
        if options.hardware
            && let Some(element) = hardware(bitrate_kbps, NEVER)
        {
            return Ok(Self { element, parser: Some(pipeline::element("h264parse")?), format: None });
        }
        let element = pipeline::element("x264enc")?;
        element.set_property("bitrate", bitrate_kbps);
        element.set_property("threads", options.threads);
        element.set_property_from_str("speed-preset", "veryfast");
        // No B-frames and no lookahead: a rendition must not be later than the source.
        element.set_property_from_str("tune", "zerolatency");
        element.set_property("sliced-threads", options.threads != 1);
        element.set_property_from_str("pass", "cbr");
        element.set_property("vbv-buf-capacity", 1000u32);
        pipeline::set_number(&element, "key-int-max", NEVER);
        element.set_property_from_str("option-string", "scenecut=0");
        Ok(Self { element, parser: None, format: Some("I420") })
    }
}

/// The best encoder in hardware, if there is one; a keyframe every `interval` frames.
pub(crate) fn hardware(bitrate_kbps: u32, interval: i64) -> Option<gst::Element> {
    let element = HARDWARE.iter().find_map(|name| working(name))?;
    configure_hardware(&element, bitrate_kbps, interval);
    Some(element)
}

/// The element if its device answers.
fn working(name: &str) -> Option<gst::Element> {
    let element = gst::ElementFactory::make(name).build().ok()?;
    let ready = element.set_state(gst::State::Ready).is_ok();
    let _ = element.set_state(gst::State::Null);
    ready.then_some(element)
}

/// Their properties have different names; the bit rate is in kbit/s but for Video4Linux.
fn configure_hardware(element: &gst::Element, bitrate_kbps: u32, keyframe_interval: i64) {
    pipeline::set_number(element, "bitrate", i64::from(bitrate_kbps));
    for interval in ["key-int-max", "keyframe-period", "gop-size"] {
        pipeline::set_number(element, interval, keyframe_interval);
    }
    for b_frames in ["b-frames", "bframes", "max-bframes"] {
        pipeline::set_number(element, b_frames, 0);
    }
    if element.find_property("extra-controls").is_some() {
        let controls = gst::Structure::builder("controls")
            .field("video_bitrate", i32::try_from(u64::from(bitrate_kbps) * 1000).unwrap_or(i32::MAX))
            .build();
        element.set_property("extra-controls", controls);
    }
}
