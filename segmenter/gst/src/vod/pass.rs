//! One pass over the file: decoding (or parsing) once, a branch for each rendition, and the writers at their ends.

mod encoder;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use media::{Audio, Codec, MediaTime, Video};

use super::retime::{self, Origin};
use super::writer::{Coded, Writer};
use super::{Making, Plan, Rendition, Transcoding, VodOptions, share};
use crate::pipeline::{self, Pipeline, Report};
use crate::probe::Orientation;
use crate::{Error, MediaInfo};

/// Raw frames that wait for each encoder, so that scaling and encoding overlap; at 1080p they are 3 MB each.
const WAITING_RAW_FRAMES: u32 = 4;
/// Coded frames and packets that wait for the writers.
const WAITING_CODED: usize = 64;
/// How often progress is told when nothing comes out.
const TICK: Duration = Duration::from_millis(200);
/// Nothing comes out for so long: something hangs. A slow machine still makes a frame of the largest size in a few seconds.
const STALL: Duration = Duration::from_secs(120);
/// Stopping the elements of a pipeline; one that hangs is left to the process's end.
const STOPPING: Duration = Duration::from_secs(10);
/// A file may go on for longer than it says by this; then it is damaged or hostile.
const OVERTIME: MediaTime = MediaTime::from_secs(60);
/// Decoding stops before H.264 and AAC.
const COPIED: &str = "video/x-h264";
const COPIED_SOUND: &str = "audio/mpeg, mpegversion=(int)4";

/// A rendition of the pass.
pub(super) struct Branch<'a> {
    pub(super) rendition: &'a Rendition,
    pub(super) writer: Writer,
}

/// See the [module](self).
pub(super) struct Pass<'a> {
    pub(super) input: &'a Path,
    pub(super) info: &'a MediaInfo,
    pub(super) plan: &'a Plan,
    pub(super) options: &'a VodOptions,
    /// Takes the file's own frames.
    pub(super) copy: bool,
    /// Which share of the whole work it is: from, to.
    pub(super) done: (f64, f64),
}

/// What comes out of the pipeline, by rendition; sound is for all.
enum Message {
    VideoTrack(usize, Video),
    Video(usize, Coded),
    VideoEnd(usize),
    AudioTrack(Audio),
    Audio(Coded),
    AudioEnd,
    Failed(Error),
}

impl Pass<'_> {
    /// Runs it to the end.
    pub(super) fn run(
        &self,
        mut branches: Vec<Branch<'_>>,
        progress: &mut dyn FnMut(Transcoding<'_>) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let (sender, receiver) = sync_channel(WAITING_CODED);
        let renditions: Vec<&Rendition> = branches.iter().map(|branch| branch.rendition).collect();
        let mut pipeline = self.build(&renditions, sender)?;
        pipeline.play()?;
        let outcome = self.drive(&mut pipeline, &receiver, &mut branches, progress);
        // Whoever waits for room in the channel finds it closed.
        drop(receiver);
        stop(pipeline)?;
        outcome?;
        for Branch { rendition, writer } in branches {
            writer.finish()?;
            let step = Transcoding { done: self.done.1, finished: Some(rendition) };
            if progress(step).is_break() {
                return Err(Error::Cancelled);
            }
        }
        Ok(())
    }

    fn drive(
        &self,
        pipeline: &mut Pipeline,
        receiver: &Receiver<Message>,
        branches: &mut [Branch<'_>],
        progress: &mut dyn FnMut(Transcoding<'_>) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let limit = self.info.duration.map_or(MediaTime::from_duration(self.options.max_duration), |duration| duration + OVERTIME);
        let (mut moved, mut told) = (Instant::now(), Instant::now());
        while !branches.iter().all(|branch| branch.writer.is_done()) {
            let message = receiver.recv_timeout(TICK);
            if let Some(Report::Failed { element, message }) = pipeline.try_report() {
                return Err(Error::Pipeline { element, message });
            }
            match message {
                Ok(message) => {
                    moved = Instant::now();
                    handle(message, branches, limit)?;
                }
                Err(RecvTimeoutError::Timeout) if moved.elapsed() > STALL => {
                    return Err(Error::Timeout { what: "transcoding", limit: STALL });
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(Error::Malformed("it breaks off".to_owned())),
            }
            if told.elapsed() >= TICK {
                told = Instant::now();
                let position = branches.iter().map(|branch| branch.writer.position()).min().unwrap_or(MediaTime::ZERO);
                let done = self.done.0 + (self.done.1 - self.done.0) * share(position, self.plan.duration);
                if progress(Transcoding { done, finished: None }).is_break() {
                    return Err(Error::Cancelled);
                }
            }
        }
        Ok(())
    }

    fn build(&self, renditions: &[&Rendition], sender: SyncSender<Message>) -> Result<Pipeline, Error> {
        let pipeline = Pipeline::new()?;
        let source = pipeline::element("filesrc")?;
        source.set_property("location", self.input);
        let decoder = pipeline::element("decodebin")?;
        let mut stops = Vec::new();
        if self.copy {
            stops.push(COPIED);
        }
        if self.plan.copies_audio {
            stops.push(COPIED_SOUND);
        }
        if !stops.is_empty() {
            let stops = format!("{}; video/x-raw(ANY); audio/x-raw(ANY)", stops.join("; "));
            decoder.set_property_from_str("caps", &stops);
        }
        // A damaged frame is no reason to end: the next keyframe repairs it.
        decoder.connect("deep-element-added", false, |values| {
            if let Some(element) = values.get(2).and_then(|value| value.get::<gst::Element>().ok()) {
                pipeline::set_number(&element, "max-errors", -1);
            }
            None
        });
        pipeline.chain(&[&source, &decoder])?;

        let has_video = renditions.iter().any(|rendition| rendition.making != Making::AudioOnly);
        let has_audio = self.info.audio.is_some();
        let origin = Origin::new(usize::from(has_video) + usize::from(has_audio));
        let entrance = || -> Result<gst::Element, Error> {
            let entrance = pipeline::element("identity")?;
            retime::retime(&pad(&entrance, "src")?, origin.clone());
            Ok(entrance)
        };
        let video = if has_video { Some(entrance()?) } else { None };
        let audio = if has_audio { Some(entrance()?) } else { None };
        if let Some(entrance) = &video {
            if self.copy {
                self.copy_video(&pipeline, entrance, &sender)?
            } else {
                self.encode_video(&pipeline, entrance, renditions, &sender)?
            }
        }
        if let Some(entrance) = &audio {
            self.audio(&pipeline, entrance, &sender)?;
        }
        self.connect(&decoder, video, audio, sender);
        Ok(pipeline)
    }

    /// Links the streams that were chosen as they come out of the decoder.
    fn connect(&self, decoder: &gst::Element, video: Option<gst::Element>, audio: Option<gst::Element>, sender: SyncSender<Message>) {
        let coded = self.info.video.as_ref().map(|video| video.coded);
        let copies_audio = self.plan.copies_audio;
        let free = |element: &Option<gst::Element>| {
            element.as_ref().and_then(|element| element.static_pad("sink")).filter(|sink| !sink.is_linked())
        };
        let (later_video, later_audio, later) = (video.clone(), audio.clone(), sender);
        decoder.connect_pad_added(move |decoder, pad| {
            let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
            let Some(structure) = caps.structure(0) else { return };
            let name = structure.name().as_str();
            let sink = if name.starts_with("video/") {
                let side = |field| structure.get::<i32>(field).ok().and_then(|side| u32::try_from(side).ok());
                // The picture on the cover of a record is a video stream as well.
                let other = side("width").zip(side("height")).is_some_and(|size| Some(size) != coded);
                free(&video).filter(|_| !other)
            } else if name.starts_with("audio/") {
                // Another track than the one that was looked at may be in another coding.
                let other = copies_audio && name != "audio/mpeg";
                free(&audio).filter(|_| !other)
            } else {
                None
            };
            if let Some(sink) = sink
                && let Err(error) = pad.link(&sink)
            {
                gst::element_error!(decoder, gst::StreamError::Failed, ("{error}"));
            }
        });
        // A stream that was promised and cannot be decoded: nobody is to wait for it.
        decoder.connect_no_more_pads(move |_| {
            let is_missing = |element: &Option<gst::Element>| {
                element.as_ref().and_then(|element| element.static_pad("sink")).is_some_and(|sink| !sink.is_linked())
            };
            let failed = |what: &str| Message::Failed(Error::Unsupported(format!("the {what} cannot be decoded")));
            if is_missing(&later_video) {
                let _ = later.send(failed("picture"));
            } else if is_missing(&later_audio) {
                let _ = later.send(failed("sound"));
            }
        });
    }

    fn copy_video(&self, pipeline: &Pipeline, entrance: &gst::Element, sender: &SyncSender<Message>) -> Result<(), Error> {
        let parser = pipeline::element("h264parse")?;
        let format = gst::Caps::builder("video/x-h264").field("stream-format", "avc").field("alignment", "au").build();
        let sink = video_sink(0, sender.clone());
        pipeline.chain(&[entrance, &parser, &pipeline::caps_filter(&format)?, sink.upcast_ref()])
    }

    fn encode_video(
        &self,
        pipeline: &Pipeline,
        entrance: &gst::Element,
        renditions: &[&Rendition],
        sender: &SyncSender<Message>,
    ) -> Result<(), Error> {
        let video = self.info.video.as_ref().ok_or_else(|| Error::InvalidOption("no video to encode".to_owned()))?;
        let mut chain = vec![entrance.clone()];
        if video.interlaced {
            let deinterlace = pipeline::element("deinterlace")?;
            // One frame of two fields: not twice the rate.
            deinterlace.set_property_from_str("fields", "top");
            chain.push(deinterlace);
        }
        let rate = |(numerator, denominator): (u32, u32)| {
            gst::Fraction::new(i32::try_from(numerator).unwrap_or(30), i32::try_from(denominator).unwrap_or(1))
        };
        let format = gst::Caps::builder("video/x-raw").field("format", "I420").field("framerate", rate(self.plan.rate));
        // x264 writes down what it is told; what it gets has to be that. High dynamic range is clipped, not mapped.
        let format = if video.hdr { format.field("colorimetry", "bt709") } else { format };
        let convert = pipeline::element("videoconvert")?;
        set_all_threads(&convert);
        chain.extend([pipeline::element("videorate")?, convert, pipeline::caps_filter(&format.build())?]);
        if video.orientation != Orientation::Upright {
            let flip = pipeline::element("videoflip")?;
            flip.set_property_from_str("video-direction", video.orientation.direction());
            chain.push(flip);
        }
        let tee = pipeline::element("tee")?;
        chain.push(tee.clone());
        pipeline.chain(&chain.iter().collect::<Vec<_>>())?;

        for (index, rendition) in renditions.iter().enumerate().filter(|(_, rendition)| rendition.making != Making::AudioOnly) {
            let queue = pipeline::element("queue")?;
            queue.set_property("max-size-buffers", WAITING_RAW_FRAMES);
            queue.set_property("max-size-bytes", 0u32);
            queue.set_property("max-size-time", 0u64);
            keep_every(&pad(&queue, "sink")?, rendition.step);
            let scale = pipeline::element("videoscale")?;
            scale.set_property("add-borders", false);
            set_all_threads(&scale);
            let side = |pixels: u32| i32::try_from(pixels).unwrap_or(i32::MAX);
            let (numerator, denominator) = self.plan.rate;
            let encoder = encoder::video(rendition, self.plan.group / rendition.step.max(1), self.options)?;
            let size = gst::Caps::builder("video/x-raw")
                .field("width", side(rendition.width))
                .field("height", side(rendition.height))
                .field("pixel-aspect-ratio", gst::Fraction::new(1, 1));
            let size = pipeline::caps_filter(&size.build())?;
            let tag = pipeline::element("capssetter")?;
            tag.set_property(
                "caps",
                gst::Caps::builder("video/x-raw").field("framerate", rate((numerator, denominator * rendition.step))).build(),
            );
            let format = gst::Caps::builder("video/x-h264").field("stream-format", "avc").field("alignment", "au").build();
            let format = pipeline::caps_filter(&format)?;
            let sink = video_sink(index, sender.clone());
            let mut chain = vec![&tee, &queue, &scale, &size];
            if rendition.step > 1 {
                chain.push(&tag);
            }
            chain.extend(&encoder);
            chain.extend([&format, sink.upcast_ref()]);
            pipeline.chain(&chain)?;
        }
        Ok(())
    }

    fn audio(&self, pipeline: &Pipeline, entrance: &gst::Element, sender: &SyncSender<Message>) -> Result<(), Error> {
        let raw = gst::Caps::builder("audio/mpeg").field("mpegversion", 4).field("stream-format", "raw").build();
        let format = pipeline::caps_filter(&raw)?;
        if self.plan.copies_audio {
            let sink = audio_sink(MediaTime::ZERO, sender.clone());
            return pipeline.chain(&[entrance, &pipeline::element("aacparse")?, &format, sink.upcast_ref()]);
        }
        let info = self.info.audio.as_ref().ok_or_else(|| Error::InvalidOption("no sound to encode".to_owned()))?;
        let rate = if matches!(info.sample_rate, 44_100 | 48_000) { info.sample_rate } else { 48_000 };
        let channels = if info.channels == 1 { 1 } else { 2 };
        let shape =
            gst::Caps::builder("audio/x-raw").field("rate", i32::try_from(rate).unwrap_or(48_000)).field("channels", channels).build();
        let shape = pipeline::caps_filter(&shape)?;
        let (encoder, priming) = encoder::audio(self.options.audio_bitrate_kbps)?;
        let sink = audio_sink(MediaTime::from_ticks(priming, rate), sender.clone());
        // Decoded sound is small: a queue lets encoders of pictures and sound work side by side.
        let (queue, convert, resample) =
            (pipeline::element("queue")?, pipeline::element("audioconvert")?, pipeline::element("audioresample")?);
        let after = pipeline::element("audioconvert")?;
        pipeline.chain(&[entrance, &queue, &convert, &resample, &shape, &after, &encoder, &format, sink.upcast_ref()])
    }
}

/// Gives a message to the writers that it is for.
fn handle(message: Message, branches: &mut [Branch<'_>], limit: MediaTime) -> Result<(), Error> {
    let late = |coded: &Coded| match coded.pts > limit {
        true => Err(Error::TooLarge("it goes on for longer than it says".to_owned())),
        false => Ok(()),
    };
    let with = |branches: &mut [Branch<'_>], index: usize, act: &mut dyn FnMut(&mut Writer) -> Result<(), Error>| {
        branches.get_mut(index).map_or(Ok(()), |branch| act(&mut branch.writer))
    };
    match message {
        Message::VideoTrack(index, video) => with(branches, index, &mut |writer| writer.set_video(video.clone())),
        Message::Video(index, coded) => late(&coded).and_then(|()| with(branches, index, &mut |writer| writer.push_video(coded.clone()))),
        Message::VideoEnd(index) => with(branches, index, &mut Writer::end_video),
        Message::AudioTrack(audio) => branches.iter_mut().try_for_each(|branch| branch.writer.set_audio(audio.clone())),
        Message::Audio(coded) => {
            late(&coded)?;
            branches.iter_mut().try_for_each(|branch| branch.writer.push_audio(&coded))
        }
        Message::AudioEnd => branches.iter_mut().try_for_each(|branch| branch.writer.end_audio()),
        Message::Failed(error) => Err(error),
    }
}

/// Stops it on a thread of its own: an element that hangs costs no more than that thread.
fn stop(pipeline: Pipeline) -> Result<(), Error> {
    let (sender, receiver) = sync_channel::<()>(1);
    let stopping = move || {
        drop(pipeline);
        drop(sender);
    };
    let spawned = std::thread::Builder::new().name("stop".to_owned()).spawn(stopping);
    spawned.map_err(|error| Error::Malformed(error.to_string()))?;
    match receiver.recv_timeout(STOPPING) {
        Err(RecvTimeoutError::Timeout) => Err(Error::Timeout { what: "stopping", limit: STOPPING }),
        _ => Ok(()),
    }
}

fn pad(element: &gst::Element, name: &str) -> Result<gst::Pad, Error> {
    let missing = || Error::Pipeline { element: element.name().to_string(), message: format!("no pad {name}") };
    element.static_pad(name).ok_or_else(missing)
}

/// Frames are split among as many threads as there are processors.
fn set_all_threads(element: &gst::Element) {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    pipeline::set_number(element, "n-threads", i64::try_from(threads).unwrap_or(1));
}

/// Lets the first frame and every `step`-th after it pass.
fn keep_every(pad: &gst::Pad, step: u32) {
    if step <= 1 {
        return;
    }
    let count = std::sync::atomic::AtomicU32::new(0);
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let index = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if index.is_multiple_of(step) {
            return gst::PadProbeReturn::Ok;
        }
        // Not `Drop`: GStreamer 1.22 would release a second time what the binding has released.
        info.flow_res = Ok(gst::FlowSuccess::Ok);
        gst::PadProbeReturn::Handled
    });
}

/// Hands what arrives to the writers; `parse` makes a track of the decoder's configuration.
fn sink<T: Send + 'static>(
    sender: SyncSender<Message>,
    shift: MediaTime,
    parse: impl Fn(Bytes) -> Result<T, media::Error> + Send + 'static,
    track: impl Fn(T) -> Message + Send + 'static,
    coded: impl Fn(Coded) -> Message + Send + 'static,
    end: impl Fn() -> Message + Send + 'static,
) -> gst_app::AppSink {
    let sink = gst_app::AppSink::builder().sync(false).async_(false).max_buffers(1).build();
    let mut config: Option<Bytes> = None;
    let ending = sender.clone();
    let new_sample = move |sink: &gst_app::AppSink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        let send = |message| sender.send(message).map_err(|_| gst::FlowError::Flushing);
        let structure = sample.caps().and_then(|caps| caps.structure(0)).ok_or(gst::FlowError::NotNegotiated)?;
        let new = structure.get::<gst::Buffer>("codec_data").map_err(|_| gst::FlowError::NotNegotiated)?;
        let new = new.map_readable().map_err(|_| gst::FlowError::Error)?;
        if config.as_deref() != Some(new.as_slice()) {
            let new = Bytes::copy_from_slice(&new);
            match parse(new.clone()) {
                Ok(parsed) => send(track(parsed))?,
                Err(error) => send(Message::Failed(Error::Unsupported(error.to_string())))?,
            }
            config = Some(new);
        }
        let buffer = sample.buffer().ok_or(gst::FlowError::Error)?;
        // Running time: encoders that shift timestamps (x264 by 1000 hours) shift the segment with them.
        let segment = sample.segment().and_then(|segment| segment.downcast_ref::<gst::ClockTime>());
        // Signed: rounding may put the first frame a little before zero.
        let time = segment.and_then(|segment| segment.to_running_time_full(buffer.pts()?));
        if let Some(time) = time {
            let nanos = i64::try_from(time.abs().nseconds()).unwrap_or(i64::MAX);
            let nanos = if time.is_negative() { -nanos } else { nanos };
            let pts = MediaTime::from_nanos(nanos) - shift;
            let keyframe = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
            let data = Bytes::copy_from_slice(&buffer.map_readable().map_err(|_| gst::FlowError::Error)?);
            if !data.is_empty() {
                send(coded(Coded { pts, keyframe, data }))?;
            }
        }
        Ok(gst::FlowSuccess::Ok)
    };
    let eos = move |_: &gst_app::AppSink| {
        let _ = ending.send(end());
    };
    sink.set_callbacks(gst_app::AppSinkCallbacks::builder().new_sample(new_sample).eos(eos).build());
    sink
}

fn video_sink(index: usize, sender: SyncSender<Message>) -> gst_app::AppSink {
    sink(
        sender,
        MediaTime::ZERO,
        |config| Video::parse(Codec::H264, config),
        move |video| Message::VideoTrack(index, video),
        move |coded| Message::Video(index, coded),
        move || Message::VideoEnd(index),
    )
}

/// `priming`: what the encoder puts before the first sample.
fn audio_sink(priming: MediaTime, sender: SyncSender<Message>) -> gst_app::AppSink {
    sink(sender, priming, |config| Audio::parse(Codec::Aac, config), Message::AudioTrack, Message::Audio, || Message::AudioEnd)
}
