//! Decoders by coding.

use gstreamer as gst;
use media::Codec;

use crate::{Error, pipeline};

/// Larger pictures are not decoded: their frames alone would be hundreds of megabytes.
const LARGEST_SIDE: i32 = 8192;

/// The media type of a coding, as a parser hands it to a decoder.
pub(crate) fn media_type(codec: Codec) -> Option<&'static str> {
    match codec {
        Codec::H264 => Some("video/x-h264"),
        Codec::H265 => Some("video/x-h265"),
        Codec::Av1 => Some("video/x-av1"),
        Codec::Vp9 => Some("video/x-vp9"),
        _ => None,
    }
}

/// The video coding that a demuxer's pad carries.
pub(crate) fn video_codec(caps: &gst::CapsRef) -> Option<Codec> {
    let name = caps.structure(0)?.name();
    [Codec::H264, Codec::H265, Codec::Av1, Codec::Vp9].into_iter().find(|&codec| media_type(codec) == Some(name.as_str()))
}

/// Parser, size limit and decoder for a video coding, to be linked in this order. The decoder adds no frames of delay for threads.
pub(crate) fn video_decoder(codec: Codec) -> Result<Vec<gst::Element>, Error> {
    let (parser, decoders): (_, &[&str]) = match codec {
        Codec::H264 => (Some("h264parse"), &["avdec_h264", "openh264dec"]),
        Codec::H265 => (Some("h265parse"), &["avdec_h265", "libde265dec"]),
        Codec::Av1 => (Some("av1parse"), &["dav1ddec", "av1dec", "avdec_av1"]),
        Codec::Vp9 => (Some("vp9parse"), &["vp9dec", "avdec_vp9"]),
        other => return Err(Error::Unsupported(format!("{other:?} is not video"))),
    };
    let mut elements = Vec::new();
    if let Some(parser) = parser {
        elements.push(pipeline::element(parser)?);
    }
    let media_type = media_type(codec).unwrap_or_default();
    let limit = gst::IntRange::new(16, LARGEST_SIDE);
    let limits = gst::Caps::builder(media_type).field("width", limit).field("height", limit).build();
    elements.push(pipeline::caps_filter(&limits)?);
    let decoder = pipeline::first_element(decoders)?;
    // libav would hold one frame back for each thread.
    pipeline::set_number(&decoder, "max-threads", 1);
    // A damaged frame is no reason to end: the next keyframe repairs it.
    pipeline::set_number(&decoder, "max-errors", -1);
    elements.push(decoder);
    Ok(elements)
}
