//! Files in other containers than FLV: what RTMP can carry is sent as it is, the rest is transcoded.

use std::path::Path;

use gstreamer as gst;
use gstreamer::prelude::*;

use super::Encoder;
use super::feed::{self, Feed};
use crate::pipeline::{self, Pipeline};
use crate::{Error, probe};

/// Where decoding may stop.
const ENOUGH: &str = "video/x-h264; audio/mpeg, mpegversion=(int)4; video/x-raw(ANY); audio/x-raw(ANY)";

/// Opens the file and starts the pipeline; `paced`: in the file's own time.
pub(super) async fn open(pipeline: &mut Pipeline, path: &Path, encoder: &Encoder, sink: &gst::Element, paced: bool) -> Result<Feed, Error> {
    let looked_into = path.to_owned();
    let probing = tokio::task::spawn_blocking(move || probe(&looked_into));
    let info = probing.await.map_err(|error| Error::Malformed(error.to_string()))??;
    let absolute = std::fs::canonicalize(path).map_err(|source| Error::File { path: path.to_owned(), source })?;

    let source = pipeline::element("uridecodebin")?;
    source.set_property("uri", gst::glib::filename_to_uri(&absolute, None)?.as_str());
    source.set_property_from_str("caps", ENOUGH);
    sink.set_property("sync", paced);
    let mux = feed::muxer()?;
    pipeline.add(&[&source])?;
    pipeline.chain(&[&mux, sink])?;
    // Both before the first frame, so that the muxer waits for both. Each is taken by the first stream of its kind.
    let branch = |present: bool, name: &str| -> Result<Option<gst::Element>, Error> {
        if !present {
            return Ok(None);
        }
        let queue = feed::queue()?;
        pipeline.add(&[&queue])?;
        queue.link_pads(None, &mux, Some(name)).map_err(unlinkable)?;
        Ok(Some(queue))
    };
    let (video, audio) = (branch(info.video.is_some(), "video")?, branch(info.audio.is_some(), "audio")?);

    let (weak, encoder) = (pipeline.inner().downgrade(), encoder.clone());
    source.connect_pad_added(move |source, pad| {
        let Some(pipeline) = weak.upgrade() else { return };
        let Some(name) = pad.current_caps().and_then(|caps| caps.structure(0).map(|structure| structure.name().to_string())) else {
            return;
        };
        let queue = if name.starts_with("video/") { &video } else { &audio };
        let Some(queue) = queue.as_ref().filter(|queue| queue.static_pad("sink").is_some_and(|sink| !sink.is_linked())) else { return };
        if let Err(error) = link(&pipeline, pad, &name, queue, &encoder) {
            gst::element_error!(source, gst::StreamError::Failed, ("{error}"));
        }
    });
    let end = sink.static_pad("sink").ok_or_else(|| Error::Unsupported("a sink without pad".to_owned()))?;
    let feed = Feed::new(&end.clone(), move || {
        // Ahead of what the demuxer has read: the end is now. It waits for the sink, so not here.
        let _ = std::thread::Builder::new().name("end of file".to_owned()).spawn(move || end.send_event(gst::event::Eos::new()));
    });
    pipeline.play()?;
    Ok(feed)
}

/// From a stream to the muxer.
fn link(pipeline: &gst::Pipeline, pad: &gst::Pad, media_type: &str, queue: &gst::Element, encoder: &Encoder) -> Result<(), Error> {
    let elements = match media_type {
        "video/x-h264" => vec![pipeline::element("h264parse")?, feed::element_with_caps("video/x-h264,stream-format=avc,alignment=au")?],
        "audio/mpeg" => vec![pipeline::element("aacparse")?, feed::element_with_caps("audio/mpeg,mpegversion=4,stream-format=raw")?],
        name if name.starts_with("video/x-raw") => vec![
            pipeline::element("videoconvert")?,
            feed::element_with_caps("video/x-raw,format=I420")?,
            feed::video_encoder(encoder)?,
            feed::element_with_caps("video/x-h264,stream-format=avc,alignment=au")?,
        ],
        name if name.starts_with("audio/x-raw") => vec![
            pipeline::element("audioconvert")?,
            pipeline::element("audioresample")?,
            feed::element_with_caps("audio/x-raw,rate=48000,channels=(int)[1,2]")?,
            feed::audio_encoder(encoder)?,
        ],
        other => return Err(Error::Unsupported(other.to_owned())),
    };
    pipeline.add_many(&elements).map_err(unlinkable)?;
    gst::Element::link_many(elements.iter().chain([queue])).map_err(unlinkable)?;
    for element in elements.iter().rev() {
        element.sync_state_with_parent().map_err(unlinkable)?;
    }
    let sink = elements.first().and_then(|element| element.static_pad("sink"));
    let sink = sink.ok_or_else(|| Error::Unsupported(media_type.to_owned()))?;
    pad.link(&sink).map(drop).map_err(|error| Error::Pipeline { element: pad.name().to_string(), message: error.to_string() })
}

fn unlinkable(error: gst::glib::BoolError) -> Error {
    Error::Pipeline { element: "file".to_owned(), message: error.to_string() }
}
