//! A still picture out of a live part.

use std::time::Duration;

use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use tokio::sync::mpsc;

use crate::pipeline::{self, Pipeline, Report};
use crate::{Error, decoder};

/// Decoding and coding one picture takes some tens of milliseconds; on a machine that is this late, a thumbnail is no loss.
const LIMIT: Duration = Duration::from_secs(5);
/// A part holds a second at most; this is one of 100 Mbit/s.
const LARGEST_INPUT: usize = 16 << 20;
/// Good enough for a card in a list.
const QUALITY: i32 = 80;

/// Decodes the first picture of a fragmented MP4 (an initialisation segment and a part that begins with a keyframe, in this
/// order) and returns it as JPEG, at most `max_width` pixels wide and never larger than it was.
///
/// # Errors
/// [`Error::Malformed`] if there is no picture in it, [`Error::Unsupported`] for a coding without decoder, [`Error::Timeout`]
/// after five seconds.
pub async fn thumbnail(fmp4: &[Bytes], max_width: u32) -> Result<Bytes, Error> {
    let (mut pipeline, mut pictures) = start(fmp4, max_width)?;
    let decoding = async {
        tokio::select! {
            biased;
            Some(picture) = pictures.recv() => Ok(picture),
            report = pipeline.report() => match report {
                // The end is reported after the last picture.
                Report::End => pictures.try_recv().map_err(|_| Error::Malformed("no picture in it".to_owned())),
                Report::Failed { message, .. } => Err(Error::Malformed(message)),
            },
        }
    };
    let outcome = tokio::time::timeout(LIMIT, decoding).await.unwrap_or(Err(Error::Timeout { what: "a thumbnail", limit: LIMIT }));
    // Stopping waits for the decoder's threads: not on the runtime's.
    let stopping = tokio::task::spawn_blocking(move || drop(pipeline));
    let _ = tokio::time::timeout(LIMIT, stopping).await;
    outcome
}

fn start(fmp4: &[Bytes], max_width: u32) -> Result<(Pipeline, mpsc::Receiver<Bytes>), Error> {
    if fmp4.iter().map(Bytes::len).sum::<usize>() > LARGEST_INPUT {
        return Err(Error::Malformed(format!("longer than {LARGEST_INPUT} bytes")));
    }
    let max_width = i32::try_from(max_width).ok().filter(|&width| width >= 16);
    let max_width = max_width.ok_or_else(|| Error::InvalidOption("a thumbnail is at least 16 pixels wide".to_owned()))?;
    let mut pipeline = Pipeline::new()?;

    let caps = gst::Caps::builder("video/quicktime").build();
    let source = gst_app::AppSrc::builder().caps(&caps).max_bytes(LARGEST_INPUT as u64).build();
    let demuxer = pipeline::element("qtdemux")?;
    pipeline.chain(&[source.upcast_ref(), &demuxer])?;

    let scale = pipeline::element("videoscale")?;
    scale.set_property("add-borders", false);
    let size = gst::Caps::builder("video/x-raw")
        .field("width", gst::IntRange::new(16, max_width))
        .field("pixel-aspect-ratio", gst::Fraction::new(1, 1))
        .build();
    let encoder = pipeline::element("jpegenc")?;
    encoder.set_property("quality", QUALITY);
    let convert = pipeline::element("videoconvert")?;
    let sink = gst_app::AppSink::builder().sync(false).max_buffers(1).build();
    // Room for the one picture that is taken.
    let (sender, pictures) = mpsc::channel(1);
    sink.set_callbacks(
        gst_app::AppSinkCallbacks::builder()
            .new_sample(move |sink| {
                let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                let picture = sample.buffer().and_then(|buffer| buffer.map_readable().ok()).ok_or(gst::FlowError::Error)?;
                let _ = sender.try_send(Bytes::copy_from_slice(&picture));
                // One is enough.
                Err(gst::FlowError::Eos)
            })
            .build(),
    );
    pipeline.chain(&[&convert, &scale, &pipeline::caps_filter(&size)?, &encoder, sink.upcast_ref()])?;

    let weak = pipeline.inner().downgrade();
    demuxer.connect_pad_added(move |demuxer, pad| {
        let Some(pipeline) = weak.upgrade() else { return };
        let Some(codec) = pad.current_caps().and_then(|caps| decoder::video_codec(&caps)) else { return };
        if convert.static_pad("sink").is_none_or(|pad| pad.is_linked()) {
            return;
        }
        if let Err(error) = link_decoder(&pipeline, pad, codec, &convert) {
            gst::element_error!(demuxer, gst::StreamError::CodecNotFound, ("{error}"));
        }
    });
    pipeline.play()?;
    for bytes in fmp4 {
        // A pipeline that has failed already says so on its bus.
        let _ = source.push_buffer(gst::Buffer::from_slice(bytes.clone()));
    }
    let _ = source.end_of_stream();
    Ok((pipeline, pictures))
}

fn link_decoder(pipeline: &gst::Pipeline, pad: &gst::Pad, codec: media::Codec, convert: &gst::Element) -> Result<(), Error> {
    let failed = |message: String| Error::Pipeline { element: "thumbnail".to_owned(), message };
    let elements = decoder::video_decoder(codec)?;
    pipeline.add_many(&elements).map_err(|error| failed(error.to_string()))?;
    gst::Element::link_many(elements.iter().chain([convert])).map_err(|error| failed(error.to_string()))?;
    for element in elements.iter().rev() {
        element.sync_state_with_parent().map_err(|error| failed(error.to_string()))?;
    }
    let sink = elements.first().and_then(|element| element.static_pad("sink"));
    let sink = sink.ok_or_else(|| failed("a decoder without sink".to_owned()))?;
    pad.link(&sink).map(drop).map_err(|error| failed(error.to_string()))
}
