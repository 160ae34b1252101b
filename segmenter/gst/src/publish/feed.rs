//! What runs beside the pipeline: a thread that makes buffers when their time has come.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use gstreamer_video as gst_video;

use super::pattern::{Painter, Planes, Tone};
use super::{Encoder, Pattern, Preset, flv};
use crate::pipeline::Pipeline;
use crate::{Error, pipeline};

/// Encoders shift timestamps below the first one for B-frames; from here they stay positive.
const FIRST_PTS: gst::ClockTime = gst::ClockTime::from_seconds(1);
/// Sound needs no capturing here: it is made this much ahead, so that the muxer never holds a picture back for it.
const AUDIO_LEAD: Duration = Duration::from_millis(64);
const AUDIO_RATE: u32 = 48_000;
/// One AAC frame.
const AUDIO_BLOCK: u32 = 1024;
/// Raw frames that may wait for the encoder before new ones are left out: a quarter of a second at 30 fps.
const WAITING_FRAMES: u64 = 8;
/// Tags that may wait for the network, in bytes; then the file waits too.
const WAITING_TAGS: u64 = 1 << 20;
/// Further behind than this, a source starts anew instead of catching up.
const LATE_LIMIT: Duration = Duration::from_secs(1);
/// A longer step of an FLV file's timestamps is not waited for: it is a jump, not time that passes.
const STEP_LIMIT: Duration = Duration::from_secs(10);
/// Tags due within this time go out together: less than a frame at 30 per second.
const TAG_GROUP: Duration = Duration::from_millis(20);
/// And no more than this many, where time stands still.
const TAGS_AT_ONCE: usize = 64;
/// More than any encoder's delay, so that one stream can wait for the other in front of the muxer.
const MUX_QUEUE: gst::ClockTime = gst::ClockTime::from_seconds(5);

/// Shared with the thread.
#[derive(Default)]
struct State {
    stop: AtomicBool,
    frames: AtomicU64,
    dropped: AtomicU64,
    error: Mutex<Option<Error>>,
}

/// A source at work. It stops when dropped.
pub(super) struct Feed {
    state: Arc<State>,
    on_finish: Option<Box<dyn FnOnce() + Send>>,
}

impl Feed {
    /// One that works by itself until `on_finish` was called; its frames are the tags that reach `end`.
    pub(super) fn new(end: &gst::Pad, on_finish: impl FnOnce() + Send + 'static) -> Self {
        let state = Arc::<State>::default();
        let counter = state.clone();
        end.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            counter.frames.fetch_add(1, Ordering::Relaxed);
            gst::PadProbeReturn::Ok
        });
        Self { state, on_finish: Some(Box::new(on_finish)) }
    }

    /// Asks it to end the stream.
    pub(super) fn finish(&mut self) {
        self.state.stop.store(true, Ordering::Relaxed);
        if let Some(on_finish) = self.on_finish.take() {
            on_finish();
        }
    }

    pub(super) fn frames(&self) -> u64 {
        self.state.frames.load(Ordering::Relaxed)
    }

    pub(super) fn dropped(&self) -> u64 {
        self.state.dropped.load(Ordering::Relaxed)
    }

    /// Why it ended early, once.
    pub(super) fn take_error(&self) -> Option<Error> {
        self.state.error.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.state.stop.store(true, Ordering::Relaxed);
    }
}

fn spawn(name: &str, work: impl FnOnce(&State) + Send + 'static) -> Result<Feed, Error> {
    let state = Arc::<State>::default();
    let shared = state.clone();
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || work(&shared));
    thread.map_err(|source| Error::File { path: format!("thread {name}").into(), source })?;
    Ok(Feed { state, on_finish: None })
}

/// The test pattern, encoded and muxed into `sink`; starts the pipeline.
pub(super) fn pattern(
    pipeline: &mut Pipeline,
    pattern: &Pattern,
    encoder: &Encoder,
    sink: &gst::Element,
    paced: bool,
    duration: Option<Duration>,
) -> Result<Feed, Error> {
    let Pattern { width, height, frame_rate, audio } = *pattern;
    if !(1..=240).contains(&frame_rate) || width % 2 != 0 || height % 2 != 0 || width > 7680 || height > 4320 {
        return Err(Error::InvalidOption("a test pattern has 1 to 240 frames per second and an even size up to 7680x4320".to_owned()));
    }
    let rate = i32::try_from(frame_rate).unwrap_or(30);
    let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::I420, width, height)
        .fps(gst::Fraction::new(rate, 1))
        .build()
        .map_err(|error| Error::InvalidOption(error.to_string()))?;
    let planes = planes(&info);
    let painter = Painter::new(planes).ok_or_else(|| Error::InvalidOption("a test pattern is at least 160x90".to_owned()))?;

    let caps = info.to_caps().map_err(|error| Error::InvalidOption(error.to_string()))?;
    let mux = muxer()?;
    let video = gst_app::AppSrc::builder().caps(&caps).format(gst::Format::Time).max_buffers(WAITING_FRAMES + 2).build();
    let coder = video_encoder(encoder)?;
    let caps_filter = element_with_caps("video/x-h264,stream-format=avc,alignment=au")?;
    pipeline.chain(&[video.upcast_ref(), &coder, &caps_filter, &queue()?, &mux])?;
    let sound = if audio {
        let caps = gst::Caps::builder("audio/x-raw").field("format", "S16LE").field("layout", "interleaved");
        let caps = caps.field("rate", i32::try_from(AUDIO_RATE).unwrap_or(48_000)).field("channels", 2).build();
        let source = gst_app::AppSrc::builder().caps(&caps).format(gst::Format::Time).max_bytes(1 << 22).build();
        let coder = audio_encoder(encoder)?;
        pipeline.chain(&[source.upcast_ref(), &pipeline::element("audioconvert")?, &coder, &queue()?, &mux])?;
        Some(source)
    } else {
        None
    };
    pipeline.chain(&[&mux, sink])?;
    pipeline.play()?;

    let work = PatternWork { painter, planes, video, sound, frame_rate, paced, last: duration.filter(|_| !paced) };
    spawn("pattern", move |state| work.run(state))
}

fn planes(info: &gst_video::VideoInfo) -> Planes {
    let stride = |plane: usize| usize::try_from(info.stride()[plane]).unwrap_or(0);
    Planes {
        width: info.width() as usize,
        height: info.height() as usize,
        strides: [stride(0), stride(1), stride(2)],
        offsets: [info.offset()[0], info.offset()[1], info.offset()[2]],
        size: info.size(),
    }
}

struct PatternWork {
    painter: Painter,
    planes: Planes,
    video: gst_app::AppSrc,
    sound: Option<gst_app::AppSrc>,
    frame_rate: u32,
    /// In real time; otherwise as fast as it is coded.
    paced: bool,
    last: Option<Duration>,
}

impl PatternWork {
    fn run(mut self, state: &State) {
        let Some(pool) = self.pool() else { return self.fail(state, "no memory for pictures") };
        let tone = Tone::new(AUDIO_RATE);
        let started = Instant::now();
        let started_wall = unix_millis();
        let utc_offset = gst::glib::DateTime::now_local().map_or(0, |now| now.utc_offset().as_seconds());
        let frame = |index: u64| Duration::from_nanos(index * 1_000_000_000 / u64::from(self.frame_rate));
        let (mut index, mut samples) = (0, 0);
        while !state.stop.load(Ordering::Relaxed) && self.last.is_none_or(|last| frame(index) < last) {
            let due = frame(index);
            let late = if self.paced { sleep_until(started + due) } else { Duration::ZERO };
            if !self.push_sound(&tone, &mut samples, due + frame(1) + AUDIO_LEAD, started_wall) {
                break;
            }
            let waiting = self.video.current_level_buffers() >= WAITING_FRAMES;
            if self.paced && (late > LATE_LIMIT || waiting) {
                state.dropped.fetch_add(1, Ordering::Relaxed);
                index += 1;
                continue;
            }
            let wall = if self.paced { unix_millis() } else { started_wall + i64::try_from(due.as_millis()).unwrap_or(0) };
            let Ok(mut buffer) = pool.acquire_buffer(None) else { break };
            // A buffer just taken from the pool has no other owner.
            if let Some(buffer) = buffer.get_mut() {
                buffer.set_pts(FIRST_PTS + clock_time(due));
                buffer.set_duration(clock_time(frame(1)));
                if let Ok(mut map) = buffer.map_writable() {
                    self.painter.paint(&mut map, index, wall, utc_offset);
                }
            }
            if self.video.push_buffer(buffer).is_err() {
                break;
            }
            index += 1;
            state.frames.store(index, Ordering::Relaxed);
            while !self.paced && self.video.current_level_buffers() >= WAITING_FRAMES && !state.stop.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        let _ = self.video.end_of_stream();
        if let Some(sound) = &self.sound {
            let _ = sound.end_of_stream();
        }
    }

    fn pool(&self) -> Option<gst::BufferPool> {
        let pool = gst::BufferPool::new();
        let mut config = pool.config();
        // No upper bound here: the encoder keeps as many as its lookahead, the queue in front of it is bounded.
        config.set_params(None, u32::try_from(self.planes.size).ok()?, 2, 0);
        pool.set_config(config).ok()?;
        pool.set_active(true).ok()?;
        Some(pool)
    }

    fn push_sound(&self, tone: &Tone, samples: &mut u64, until: Duration, started_wall: i64) -> bool {
        let Some(sound) = &self.sound else { return true };
        let time = |samples: u64| Duration::from_nanos(samples * 1_000_000_000 / u64::from(AUDIO_RATE));
        while time(*samples) < until {
            let mut block = Vec::with_capacity(AUDIO_BLOCK as usize * 4);
            tone.fill(&mut block, *samples, AUDIO_BLOCK, started_wall);
            let mut buffer = gst::Buffer::from_mut_slice(block);
            if let Some(buffer) = buffer.get_mut() {
                buffer.set_pts(FIRST_PTS + clock_time(time(*samples)));
                buffer.set_duration(clock_time(time(u64::from(AUDIO_BLOCK))));
            }
            if sound.push_buffer(buffer).is_err() {
                return false;
            }
            *samples += u64::from(AUDIO_BLOCK);
        }
        true
    }

    fn fail(&self, state: &State, reason: &str) {
        *state.error.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Error::Pipeline { element: "pattern".to_owned(), message: reason.to_owned() });
        let _ = self.video.end_of_stream();
        if let Some(sound) = &self.sound {
            let _ = sound.end_of_stream();
        }
    }
}

/// The tags of an FLV file into `sink`; starts the pipeline.
pub(super) fn flv(pipeline: &mut Pipeline, path: &Path, repeat: bool, sink: &gst::Element, paced: bool) -> Result<Feed, Error> {
    let path = path.to_owned();
    let mut reader = flv::Reader::open(&path).map_err(|source| Error::File { path: path.clone(), source })?;
    let caps = gst::Caps::builder("video/x-flv").build();
    let source = gst_app::AppSrc::builder().caps(&caps).format(gst::Format::Time).max_bytes(WAITING_TAGS).block(true).build();
    pipeline.chain(&[source.upcast_ref(), sink])?;
    pipeline.play()?;
    spawn("flv", move |state| {
        if let Err(source_error) = push_tags(&mut reader, &source, repeat, paced, state) {
            let error = Error::File { path, source: source_error };
            *state.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        }
        let _ = source.end_of_stream();
    })
}

fn push_tags(reader: &mut flv::Reader, source: &gst_app::AppSrc, repeat: bool, paced: bool, state: &State) -> std::io::Result<()> {
    let mut due = Instant::now();
    let mut group = Group { due, tags: gst::BufferList::new() };
    let (mut shift, mut first, mut previous) = (0u32, None, None::<u32>);
    // The largest step between tags stands for the length of the last frame when the file starts again.
    let mut step = 0;
    loop {
        let Some(mut tag) = reader.read()? else {
            let (Some(start), Some(end), true) = (first.take(), previous, repeat) else { break };
            reader.rewind()?;
            shift = end.wrapping_add(step.min(100)).wrapping_sub(start);
            continue;
        };
        first.get_or_insert(tag.timestamp);
        tag.shift(shift);
        if let Some(previous) = previous {
            let forward = tag.timestamp.wrapping_sub(previous);
            let passed = Duration::from_millis(u64::from(forward));
            if passed <= STEP_LIMIT {
                due += passed;
                step = step.max(forward);
            }
        }
        previous = Some(tag.timestamp);
        if due > group.due + TAG_GROUP || group.tags.len() >= TAGS_AT_ONCE {
            if !group.push(source, state) {
                return Ok(());
            }
            let late = if paced { sleep_until(due) } else { Duration::ZERO };
            if late > LATE_LIMIT {
                due += late;
            }
            group.due = due;
        }
        // Just made: nobody else has it.
        if let Some(tags) = group.tags.get_mut() {
            tags.add(gst::Buffer::from_mut_slice(tag.bytes));
        }
    }
    group.push(source, state);
    Ok(())
}

/// Tags that go out together: waking three threads for each would cost more than sending it.
struct Group {
    due: Instant,
    tags: gst::BufferList,
}

impl Group {
    /// Whether to go on.
    fn push(&mut self, source: &gst_app::AppSrc, state: &State) -> bool {
        let tags = std::mem::replace(&mut self.tags, gst::BufferList::new());
        state.frames.fetch_add(tags.len() as u64, Ordering::Relaxed);
        !state.stop.load(Ordering::Relaxed) && (tags.is_empty() || source.push_buffer_list(tags).is_ok())
    }
}

/// Sleeps until `due`, and says how late it is.
fn sleep_until(due: Instant) -> Duration {
    let now = Instant::now();
    if due > now {
        std::thread::sleep(due - now);
    }
    Instant::now().saturating_duration_since(due)
}

fn unix_millis() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(0))
}

fn clock_time(duration: Duration) -> gst::ClockTime {
    gst::ClockTime::try_from(duration).unwrap_or(gst::ClockTime::ZERO)
}

/// An FLV muxer for streaming.
pub(super) fn muxer() -> Result<gst::Element, Error> {
    let mux = pipeline::element("flvmux")?;
    mux.set_property("streamable", true);
    mux.set_property("encoder", concat!("Shoal ", env!("CARGO_PKG_VERSION")));
    Ok(mux)
}

/// Before the muxer.
pub(super) fn queue() -> Result<gst::Element, Error> {
    let queue = pipeline::element("queue")?;
    queue.set_property("max-size-buffers", 0u32);
    queue.set_property("max-size-bytes", 0u32);
    queue.set_property("max-size-time", MUX_QUEUE.nseconds());
    Ok(queue)
}

pub(super) fn element_with_caps(caps: &str) -> Result<gst::Element, Error> {
    let filter = pipeline::element("capsfilter")?;
    filter.set_property_from_str("caps", caps);
    Ok(filter)
}

pub(super) fn video_encoder(encoder: &Encoder) -> Result<gst::Element, Error> {
    if encoder.bitrate_kbps == 0 || encoder.keyframe_interval == 0 {
        return Err(Error::InvalidOption("the bit rate and the keyframe interval are at least 1".to_owned()));
    }
    let coder = pipeline::element("x264enc")?;
    coder.set_property("bitrate", encoder.bitrate_kbps);
    coder.set_property("key-int-max", encoder.keyframe_interval);
    coder.set_property("threads", encoder.threads);
    coder.set_property_from_str("pass", "cbr");
    match encoder.preset {
        Preset::Zerolatency => {
            coder.set_property_from_str("speed-preset", "ultrafast");
            coder.set_property_from_str("tune", "zerolatency");
            coder.set_property("bframes", 0u32);
            coder.set_property("sliced-threads", encoder.threads != 1);
        }
        Preset::Obs => {
            coder.set_property_from_str("speed-preset", "veryfast");
            // The rest is what x264's veryfast means, which the element's own defaults would override.
            coder.set_property("vbv-buf-capacity", 1000u32);
            coder.set_property("bframes", 3u32);
            coder.set_property("b-pyramid", true);
            coder.set_property("rc-lookahead", 10i32);
            coder.set_property_from_str("option-string", "filler=1");
        }
    }
    Ok(coder)
}

pub(super) fn audio_encoder(encoder: &Encoder) -> Result<gst::Element, Error> {
    let coder = pipeline::first_element(&["avenc_aac", "fdkaacenc", "voaacenc"])?;
    coder.set_property("bitrate", i32::try_from(encoder.audio_bitrate_kbps.saturating_mul(1000)).unwrap_or(128_000));
    Ok(coder)
}
