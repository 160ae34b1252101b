//! Encoders for whole files: unlike the ladder's they may look ahead.

use gstreamer as gst;
use gstreamer::prelude::*;

use super::super::{Rendition, VodOptions};
use crate::ladder::encoder::hardware;
use crate::{Error, pipeline};

/// x264's own default: what most people cannot tell from the original.
const QUALITY: u32 = 23;
/// Below this rate two frames are longer than the writer's lead.
const LOWEST_REORDERED: f64 = 20.0;
/// Encoders for AAC, best first, and the samples that each puts before the first one without saying so.
const AAC: [(&str, i64); 2] = [("avenc_aac", 1024), ("voaacenc", 1600)];

/// The elements from raw frames to H.264 with a keyframe exactly every `group` frames.
pub(super) fn video(rendition: &Rendition, group: u32, options: &VodOptions) -> Result<Vec<gst::Element>, Error> {
    if options.hardware
        && let Some(element) = hardware(rendition.bitrate_kbps, i64::from(group))
    {
        return Ok(vec![pipeline::element("videoconvert")?, element, pipeline::element("h264parse")?]);
    }
    let element = pipeline::element("x264enc")?;
    element.set_property("bitrate", rendition.bitrate_kbps);
    element.set_property("threads", options.threads);
    element.set_property_from_str("speed-preset", "veryfast");
    // Constant quality: pictures that need fewer bits get fewer. The bit rate is only the peak.
    element.set_property_from_str("pass", "qual");
    element.set_property("quantizer", QUALITY);
    element.set_property("vbv-buf-capacity", 2000u32);
    pipeline::set_number(&element, "key-int-max", i64::from(group));
    // Keyframes only where all renditions have them, and nothing refers over them.
    element.set_property_from_str("option-string", "scenecut=0:open-gop=0");
    if rendition.frame_rate < LOWEST_REORDERED {
        // The writer has room for a tenth of a second between decoding and showing.
        pipeline::set_number(&element, "bframes", 0);
    }
    Ok(vec![element])
}

/// An encoder for AAC, and by how many samples it delays what it gets.
pub(super) fn audio(bitrate_kbps: u32) -> Result<(gst::Element, i64), Error> {
    let element = pipeline::first_element(&AAC.map(|(name, _)| name))?;
    pipeline::set_number(&element, "bitrate", i64::from(bitrate_kbps) * 1000);
    let name = element.factory().map(|factory| factory.name());
    let priming = AAC.iter().find(|(known, _)| name.as_deref() == Some(*known)).map_or(0, |(_, samples)| *samples);
    Ok((element, priming))
}
