//! The ladder: one decoder, and for each rung a scaler and an encoder whose keyframes and timestamps are the source's.
//!
//! The rungs get their own timeline inside of the pipeline, so that jumps, wraps and negative times of the source never
//! reach GStreamer; on the way out every frame gets back the exact times it came with.

pub(crate) mod encoder;
mod timeline;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use gstreamer_video as gst_video;
use media::{Codec, Kind, Unit, Video};
use tokio::sync::mpsc;

use crate::pipeline::{self, Pipeline, Report};
use crate::{Error, decoder};
use timeline::Timeline;

/// Coded frames that wait for the decoder: two seconds at 30 fps. Then groups are left out.
const WAITING_FRAMES: u64 = 60;
/// The same in bytes: two seconds at 64 Mbit/s.
const WAITING_BYTES: u64 = 16 << 20;
/// Raw frames that wait for each encoder; at 1080p they are 3 MB each.
const WAITING_RAW_FRAMES: u32 = 3;
/// Encoded frames that wait for the reader, all rungs together. A slow reader makes the encoders wait, and they the source.
const WAITING_OUTPUTS: usize = 256;
/// How often a waiting encoder looks whether the reader has gone.
const READER_POLL: Duration = Duration::from_millis(5);
/// Most encoders at once: more rungs than this help no viewer.
const MOST_RUNGS: usize = 8;
/// Below this height more than 30 frames per second cost more than they show.
const FULL_RATE_HEIGHT: u32 = 720;
/// 30 fps with a tolerance for whole milliseconds.
const REDUCED_RATE_STEP: gst::ClockTime = gst::ClockTime::from_mseconds(31);

/// A rendition to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rung {
    /// Its height in pixels; of an upright picture its width.
    pub height: u32,
    /// Its bit rate in kbit/s.
    pub bitrate_kbps: u32,
}

/// How the ladder works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LadderOptions {
    /// Use an encoder in hardware, if there is one.
    pub hardware: bool,
    /// Threads of each software encoder.
    pub threads: u32,
    /// At most 30 frames per second below 720 lines.
    pub reduce_frame_rate: bool,
}

impl Default for LadderOptions {
    fn default() -> Self {
        Self { hardware: true, threads: 1, reduce_frame_rate: true }
    }
}

/// What comes out of the ladder; `rung` counts as the rungs were given.
#[derive(Debug)]
#[non_exhaustive]
pub enum LadderOutput {
    /// The rung's parameters, before its first unit and when they change.
    Track {
        /// Which rung.
        rung: usize,
        /// H.264.
        video: Video,
    },
    /// A frame with the source's `pts` and `arrival`, a keyframe exactly where the source has one. Its `dts` lies as far before `pts`
    /// as at the source's last keyframe, so that all renditions agree on when a segment begins.
    Unit {
        /// Which rung.
        rung: usize,
        /// H.264, length-prefixed.
        unit: Unit,
    },
    /// It cannot go on. The last output; the source itself is not touched by it.
    Failed(Error),
}

/// A running ladder's entrance. Dropping it lets the frames inside come out, then the outputs end.
#[derive(Debug)]
pub struct Ladder {
    source: gst_app::AppSrc,
    shared: Arc<Shared>,
    /// Waiting for a keyframe after frames were left out, or at the start.
    skipping: bool,
    started: bool,
}

#[derive(Debug)]
struct Shared {
    timeline: Mutex<Timeline>,
    stopping: AtomicBool,
    dropped_groups: AtomicU64,
}

impl Shared {
    fn timeline(&self) -> MutexGuard<'_, Timeline> {
        self.timeline.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ladder {
    /// Starts the rungs that are lower than the source; the others never put anything out. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] if no rung is lower than the source, [`Error::Unsupported`] for a coding without decoder,
    /// [`Error::MissingElement`].
    pub fn start(source: &Video, rungs: &[Rung], options: LadderOptions) -> Result<(Self, mpsc::Receiver<LadderOutput>), Error> {
        let useful = useful_rungs(source, rungs);
        if useful.is_empty() {
            return Err(Error::InvalidOption("no rung is lower than the source".to_owned()));
        }
        let mut pipeline = Pipeline::new_background()?;
        let shared = Arc::new(Shared { timeline: Mutex::default(), stopping: AtomicBool::new(false), dropped_groups: AtomicU64::new(0) });
        let (outputs, receiver) = mpsc::channel(WAITING_OUTPUTS);

        let appsrc = gst_app::AppSrc::builder()
            .caps(&source_caps(source)?)
            .format(gst::Format::Time)
            .max_buffers(WAITING_FRAMES + 1)
            .max_bytes(WAITING_BYTES)
            .build();
        let decoder = decoder::video_decoder(source.codec)?;
        let tee = pipeline::element("tee")?;
        let chain: Vec<_> = std::iter::once(appsrc.upcast_ref()).chain(&decoder).chain([&tee]).collect();
        pipeline.chain(&chain)?;
        for (rung, size) in useful {
            let branch = Branch { rung, size, bitrate_kbps: rungs[rung].bitrate_kbps };
            branch.build(&pipeline, &tee, &shared, &outputs, options)?;
        }
        pipeline.play()?;
        tokio::spawn(watch(pipeline, shared.clone(), outputs));
        Ok((Self { source: appsrc, shared, skipping: true, started: false }, receiver))
    }

    /// Gives it the source's next video frame, in decoding order. Never waits: if the encoders lag, frames are left out
    /// up to a keyframe, and counted. Frames before the first keyframe are left out too; other kinds are ignored.
    pub fn push(&mut self, unit: &Unit) {
        // An appsrc that has been stopped complains about every buffer.
        if unit.kind != Kind::Video || self.shared.stopping.load(Ordering::Relaxed) {
            return;
        }
        let full = self.is_full();
        if self.skipping && (!unit.keyframe || full) {
            return;
        }
        if full {
            self.skipping = true;
            self.shared.dropped_groups.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.skipping = false;
        let times = self.shared.timeline().enter(unit);
        let mut buffer = gst::Buffer::from_slice(unit.data.clone());
        // Just made: nobody else has it.
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(times.pts);
            buffer.set_dts(times.dts);
            if !unit.keyframe {
                buffer.set_flags(gst::BufferFlags::DELTA_UNIT);
            }
            if !self.started {
                buffer.set_flags(gst::BufferFlags::DISCONT);
            }
        }
        self.started = true;
        // A pipeline that has failed says so to the reader.
        let _ = self.source.push_buffer(buffer);
    }

    /// Whether the next frame would be left out. Who has the source on disk waits instead.
    pub fn is_full(&self) -> bool {
        self.source.current_level_buffers() >= WAITING_FRAMES || self.source.current_level_bytes() >= WAITING_BYTES
    }

    /// How many times frames were left out because the encoders lagged.
    pub fn dropped_groups(&self) -> u64 {
        self.shared.dropped_groups.load(Ordering::Relaxed)
    }
}

impl Drop for Ladder {
    fn drop(&mut self) {
        let _ = self.source.end_of_stream();
    }
}

/// Holds the pipeline until it has ended, failed, or nobody reads it any more.
async fn watch(mut pipeline: Pipeline, shared: Arc<Shared>, outputs: mpsc::Sender<LadderOutput>) {
    let failure = tokio::select! {
        report = pipeline.report() => match report {
            Report::End => None,
            Report::Failed { element, message } => Some(Error::Pipeline { element, message }),
        },
        () = outputs.closed() => None,
    };
    shared.stopping.store(true, Ordering::Relaxed);
    // Stopping waits for the encoders' threads: not on the runtime's.
    let _ = tokio::task::spawn_blocking(move || drop(pipeline)).await;
    if let Some(error) = failure {
        let _ = outputs.send(LadderOutput::Failed(error)).await;
    }
}

/// The rungs that are lower than the source, with their pictures' sizes. The shorter side counts; both sides are even.
fn useful_rungs(source: &Video, rungs: &[Rung]) -> Vec<(usize, (u32, u32))> {
    let (width, height) = (source.width, source.height);
    let short = width.min(height);
    let rungs = rungs.iter().enumerate().take(MOST_RUNGS);
    let lower = rungs.filter(|(_, rung)| rung.bitrate_kbps > 0 && rung.height >= 64 && rung.height < short);
    let scaled = |side: u32, to: u32| {
        let exact = u64::from(side) * u64::from(to) / u64::from(short.max(1));
        u32::try_from(exact.next_multiple_of(2)).unwrap_or(u32::MAX)
    };
    lower.map(|(index, rung)| (index, (scaled(width, rung.height), scaled(height, rung.height)))).collect()
}

fn source_caps(source: &Video) -> Result<gst::Caps, Error> {
    let media_type = decoder::media_type(source.codec).ok_or_else(|| Error::Unsupported(format!("{:?} is not video", source.codec)))?;
    let side = |pixels: u32| i32::try_from(pixels).unwrap_or(i32::MAX);
    let caps = gst::Caps::builder(media_type).field("width", side(source.width)).field("height", side(source.height));
    let config = gst::Buffer::from_slice(source.config.clone());
    Ok(match source.codec {
        Codec::H264 => caps.field("stream-format", "avc").field("alignment", "au").field("codec_data", config).build(),
        Codec::H265 => caps.field("stream-format", "hvc1").field("alignment", "au").field("codec_data", config).build(),
        Codec::Av1 => caps.field("stream-format", "obu-stream").field("alignment", "tu").field("codec_data", config).build(),
        _ => caps.build(),
    })
}

/// One rung's part of the pipeline.
struct Branch {
    rung: usize,
    size: (u32, u32),
    bitrate_kbps: u32,
}

impl Branch {
    fn build(
        &self,
        pipeline: &Pipeline,
        tee: &gst::Element,
        shared: &Arc<Shared>,
        outputs: &mpsc::Sender<LadderOutput>,
        options: LadderOptions,
    ) -> Result<(), Error> {
        let queue = pipeline::element("queue")?;
        queue.set_property("max-size-buffers", WAITING_RAW_FRAMES);
        queue.set_property("max-size-bytes", 0u32);
        queue.set_property("max-size-time", 0u64);
        if options.reduce_frame_rate && self.size.0.min(self.size.1) < FULL_RATE_HEIGHT {
            self.reduce_frame_rate(&queue, shared)?;
        }
        let scale = pipeline::element("videoscale")?;
        scale.set_property("add-borders", false);
        let side = |pixels: u32| i32::try_from(pixels).unwrap_or(i32::MAX);
        let caps = gst::Caps::builder("video/x-raw")
            .field("width", side(self.size.0))
            .field("height", side(self.size.1))
            .field("pixel-aspect-ratio", gst::Fraction::new(1, 1));
        let encoder = encoder::Encoder::choose(self.bitrate_kbps, options)?;
        let caps = match encoder.format {
            Some(format) => caps.field("format", format).build(),
            None => caps.build(),
        };
        self.force_keyframes(&encoder.element, shared)?;

        let format = gst::Caps::builder("video/x-h264").field("stream-format", "avc").field("alignment", "au").build();
        let sink = gst_app::AppSink::builder().sync(false).max_buffers(1).build();
        let mut output =
            Forwarder { rung: self.rung, shared: shared.clone(), outputs: outputs.clone(), track: None, state: Emitted::default() };
        sink.set_callbacks(
            gst_app::AppSinkCallbacks::builder()
                .new_sample(move |sink| output.forward(&sink.pull_sample().map_err(|_| gst::FlowError::Eos)?))
                .build(),
        );
        let convert = pipeline::element("videoconvert")?;
        let raw = pipeline::caps_filter(&caps)?;
        let filter = pipeline::caps_filter(&format)?;
        let mut chain = vec![tee, &queue, &scale, &convert, &raw, &encoder.element];
        chain.extend(&encoder.parser);
        chain.extend([&filter, sink.upcast_ref()]);
        pipeline.chain(&chain)
    }

    /// Leaves out frames that follow the last one by less than a thirtieth of a second, but never a keyframe.
    fn reduce_frame_rate(&self, queue: &gst::Element, shared: &Arc<Shared>) -> Result<(), Error> {
        let shared = shared.clone();
        let last = Mutex::new(None::<gst::ClockTime>);
        let pad = pad(queue, "sink")?;
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            let Some(pts) = info.buffer().and_then(|buffer| buffer.pts()) else { return gst::PadProbeReturn::Ok };
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            let early = last.is_some_and(|last| pts < last + REDUCED_RATE_STEP);
            if early && !shared.timeline().is_keyframe(pts) {
                // Not `Drop`: GStreamer 1.22 would release a second time what the binding has released.
                info.flow_res = Ok(gst::FlowSuccess::Ok);
                return gst::PadProbeReturn::Handled;
            }
            *last = Some(pts);
            gst::PadProbeReturn::Ok
        });
        Ok(())
    }

    /// Asks the encoder for a keyframe right before each picture that was one in the source.
    fn force_keyframes(&self, encoder: &gst::Element, shared: &Arc<Shared>) -> Result<(), Error> {
        let shared = shared.clone();
        let started = AtomicBool::new(false);
        let pad = pad(encoder, "sink")?;
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            let Some(pts) = info.buffer().and_then(|buffer| buffer.pts()) else { return gst::PadProbeReturn::Ok };
            // The first is one anyway; asked for, it would be noted down with x264enc's shifted time, and all later ones refused.
            if started.swap(true, Ordering::Relaxed) && shared.timeline().is_keyframe(pts) {
                // Applies to the next frame, and that is this one.
                pad.send_event(gst_video::DownstreamForceKeyUnitEvent::builder().all_headers(true).build());
            }
            gst::PadProbeReturn::Ok
        });
        Ok(())
    }
}

fn pad(element: &gst::Element, name: &str) -> Result<gst::Pad, Error> {
    let missing = || Error::Pipeline { element: element.name().to_string(), message: format!("no pad {name}") };
    element.static_pad(name).ok_or_else(missing)
}

/// What a rung has put out so far.
#[derive(Default)]
struct Emitted {
    /// `pts - dts` of the source's last keyframe.
    composition: media::MediaTime,
    last_dts: Option<media::MediaTime>,
}

/// Hands a rung's frames to the reader, with the source's times.
struct Forwarder {
    rung: usize,
    shared: Arc<Shared>,
    outputs: mpsc::Sender<LadderOutput>,
    track: Option<Bytes>,
    state: Emitted,
}

impl Forwarder {
    fn forward(&mut self, sample: &gst::Sample) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.forward_track(sample)?;
        let buffer = sample.buffer().ok_or(gst::FlowError::Error)?;
        // Running time: encoders that shift timestamps (x264 by 1000 hours) shift the segment with them.
        let time = sample
            .segment()
            .and_then(|segment| segment.downcast_ref::<gst::ClockTime>())
            .and_then(|segment| segment.to_running_time(buffer.pts()?));
        let Some(source) = time.and_then(|time| self.shared.timeline().find(time)) else {
            // Nothing that came in: an encoder's invention.
            return Ok(gst::FlowSuccess::Ok);
        };
        let keyframe = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
        if source.keyframe {
            self.state.composition = source.pts - source.dts;
        }
        let mut dts = source.pts - self.state.composition;
        if let Some(last) = self.state.last_dts
            && dts <= last
            && source.pts > last
        {
            // The distance grew at a keyframe by a rounded millisecond: decoding order comes first.
            dts = last + media::MediaTime::from_nanos(1_000_000);
        }
        self.state.last_dts = Some(dts);
        let data = buffer.map_readable().map_err(|_| gst::FlowError::Error)?;
        let unit = Unit { kind: Kind::Video, dts, pts: source.pts, keyframe, data: Bytes::copy_from_slice(&data), arrival: source.arrival };
        self.send(LadderOutput::Unit { rung: self.rung, unit })
    }

    fn forward_track(&mut self, sample: &gst::Sample) -> Result<(), gst::FlowError> {
        let structure = sample.caps().and_then(|caps| caps.structure(0)).ok_or(gst::FlowError::NotNegotiated)?;
        let config = structure.get::<gst::Buffer>("codec_data").map_err(|_| gst::FlowError::NotNegotiated)?;
        let config = config.map_readable().map_err(|_| gst::FlowError::Error)?;
        if self.track.as_deref() != Some(config.as_slice()) {
            let config = Bytes::copy_from_slice(&config);
            let video = Video::parse(Codec::H264, config.clone()).map_err(|_| gst::FlowError::NotNegotiated)?;
            self.track = Some(config);
            self.send(LadderOutput::Track { rung: self.rung, video })?;
        }
        Ok(())
    }

    /// Waits for room, but not for a reader who has gone.
    fn send(&self, mut output: LadderOutput) -> Result<gst::FlowSuccess, gst::FlowError> {
        loop {
            match self.outputs.try_send(output) {
                Ok(()) => return Ok(gst::FlowSuccess::Ok),
                Err(mpsc::error::TrySendError::Closed(_)) => return Err(gst::FlowError::Eos),
                Err(mpsc::error::TrySendError::Full(back)) => output = back,
            }
            if self.shared.stopping.load(Ordering::Relaxed) {
                return Err(gst::FlowError::Flushing);
            }
            std::thread::sleep(READER_POLL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn video(width: u32, height: u32) -> Video {
        Video { codec: Codec::H264, config: Bytes::new(), width, height }
    }

    #[test]
    fn rungs_are_lower_than_the_source_and_keep_its_shape() {
        let rungs = [1080, 720, 480, 360].map(|height| Rung { height, bitrate_kbps: 1000 });
        assert_eq!(useful_rungs(&video(1280, 720), &rungs), [(2, (854, 480)), (3, (640, 360))]);
        assert_eq!(useful_rungs(&video(1080, 1920), &rungs), [(1, (720, 1280)), (2, (480, 854)), (3, (360, 640))]);
        assert_eq!(useful_rungs(&video(320, 240), &rungs), []);
        assert_eq!(useful_rungs(&video(0, 0), &rungs), []);
    }
}
