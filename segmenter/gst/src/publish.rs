//! `shoal publish`: a test pattern or a file, sent to a server by RTMP or RTMPS, or recorded as FLV.

mod feed;
mod file;
mod flv;
mod pattern;
mod target;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use gstreamer as gst;
use gstreamer::prelude::*;
use tokio::sync::watch;

use crate::Error;
use crate::pipeline::{self, Pipeline};
use feed::Feed;
use target::Location;

/// A server that has not said yes after this long never will.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// A server that has taken no byte for this long is gone, even if its connection is not.
const STALL_LIMIT: Duration = Duration::from_secs(30);
/// For the encoders to hand over their last frames and the sink to send them.
const FINISH_LIMIT: Duration = Duration::from_secs(5);
/// How often the counters are read.
const TICK: Duration = Duration::from_millis(100);
/// The last commands are on their way when nothing was written for this many ticks.
const QUIET_TICKS: u32 = 2;

/// What to publish, and where.
#[derive(Debug)]
pub struct Options {
    /// Where it goes.
    pub target: Target,
    /// What is sent.
    pub source: Source,
    /// For how long; `None`: until the source ends or the caller stops it.
    pub duration: Option<Duration>,
    /// How the test pattern, and what a file holds in other codings than H.264 and AAC, are coded.
    pub encoder: Encoder,
    /// Told about the progress ten times a second.
    pub progress: Option<watch::Sender<Progress>>,
}

impl Options {
    /// The test pattern to `url`, without end.
    pub fn pattern(url: &str) -> Self {
        Self {
            target: Target::Rtmp { url: url.to_owned(), verify_certificate: true },
            source: Source::Pattern(Pattern::default()),
            duration: None,
            encoder: Encoder::default(),
            progress: None,
        }
    }

    /// The file at `path` to `url`, once.
    pub fn file(url: &str, path: impl Into<PathBuf>) -> Self {
        Self { source: Source::File { path: path.into(), repeat: false }, ..Self::pattern(url) }
    }
}

/// Where a publish goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A server.
    Rtmp {
        /// `rtmp://` or `rtmps://`, host, port, application and stream key. `Debug` shows the key; logs and errors do not.
        url: String,
        /// Refuse an RTMPS server whose certificate no authority vouches for.
        verify_certificate: bool,
    },
    /// An FLV file, written as fast as the source can be coded. The stamps of a test pattern run from now on in media time.
    Flv(PathBuf),
}

/// What is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A moving picture with a running clock, a binary timestamp (see [`crate::stamp`]) and a beep every second.
    Pattern(Pattern),
    /// A file. FLV is sent as it is, tag by tag; of other containers H.264 and AAC are sent as they are, the rest is transcoded.
    File {
        /// Where it is.
        path: PathBuf,
        /// Start again at the end, with timestamps that go on; another container than FLV is converted beforehand.
        repeat: bool,
    },
}

/// The test pattern's format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// Pixels, even, at least 160.
    pub width: u32,
    /// Pixels, even, at least 90.
    pub height: u32,
    /// Frames per second, 1 to 240.
    pub frame_rate: u32,
    /// With sound.
    pub audio: bool,
}

impl Default for Pattern {
    fn default() -> Self {
        Self { width: 1280, height: 720, frame_rate: 30, audio: true }
    }
}

/// How the encoder is set up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preset {
    /// x264 ultrafast, tune zerolatency: every frame leaves at once, no B-frames.
    #[default]
    Zerolatency,
    /// As OBS sets up x264: veryfast, CBR with filler, 3 B-frames with pyramid, lookahead of 10 frames (holds about 0.35 s at 30 fps).
    Obs,
}

/// The encoder's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoder {
    /// Its character.
    pub preset: Preset,
    /// Video bit rate in kbit/s.
    pub bitrate_kbps: u32,
    /// Frames from one keyframe to the next; OBS "auto" is 250.
    pub keyframe_interval: u32,
    /// Threads of the video encoder; 0: as many as it likes.
    pub threads: u32,
    /// Audio bit rate in kbit/s.
    pub audio_bitrate_kbps: u32,
}

impl Default for Encoder {
    fn default() -> Self {
        Self { preset: Preset::default(), bitrate_kbps: 2500, keyframe_interval: 60, threads: 1, audio_bitrate_kbps: 128 }
    }
}

/// How far a publish is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The server has accepted the stream.
    pub connected: bool,
    /// Frames (test pattern) or FLV tags (file) made so far.
    pub frames: u64,
    /// Frames left out because encoder or network could not keep up.
    pub dropped: u64,
    /// Bytes sent, or written to the file.
    pub bytes: u64,
}

/// What was published.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// From the server's yes to the end.
    pub elapsed: Duration,
    /// Frames (test pattern) or FLV tags (file).
    pub frames: u64,
    /// Frames left out because encoder or network could not keep up.
    pub dropped: u64,
    /// Bytes sent, or written to the file.
    pub bytes: u64,
}

/// Publishes until the source ends or `options.duration` is over. Dropping the future cuts the connection without a goodbye.
///
/// # Errors
/// [`Error::Refused`] when the server is not there or says no, [`Error::Lost`] when it goes away, others when the source
/// cannot be read or coded.
pub async fn publish(options: Options) -> Result<Report, Error> {
    publish_until(options, std::future::pending()).await
}

/// As [`publish()`], and ends cleanly (FCUnpublish, deleteStream) when `stop` completes.
///
/// # Errors
/// As [`publish()`].
pub async fn publish_until(options: Options, stop: impl Future<Output = ()>) -> Result<Report, Error> {
    let mut stop = std::pin::pin!(stop);
    let session = tokio::select! {
        session = Session::start(&options) => session?,
        () = &mut stop => return Ok(Report::default()),
    };
    session.run(options, stop).await
}

/// A file made FLV, because FLV can be repeated without a seam. Deleted when dropped.
struct Converted {
    path: PathBuf,
}

impl Converted {
    async fn new(path: &Path, encoder: &Encoder) -> Result<Self, Error> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("shoal-publish-{}-{}.flv", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let converted = Self { path: std::env::temp_dir().join(name) };
        let options = Options {
            target: Target::Flv(converted.path.clone()),
            source: Source::File { path: path.to_owned(), repeat: false },
            duration: None,
            encoder: encoder.clone(),
            progress: None,
        };
        // Boxed, because it is the future that it is part of.
        Box::pin(publish(options)).await?;
        Ok(converted)
    }
}

impl Drop for Converted {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A running pipeline with its source and sink.
struct Session {
    feed: Feed,
    pipeline: Pipeline,
    sink: gst::Element,
    /// The server, if there is one.
    server: Option<String>,
    /// The file, if there is none.
    file: PathBuf,
}

impl Session {
    async fn start(options: &Options) -> Result<Self, Error> {
        let mut pipeline = Pipeline::new()?;
        let (sink, server, file) = match &options.target {
            Target::Rtmp { url, verify_certificate } => {
                let location = Location::parse(url)?;
                (location.sink(*verify_certificate)?, Some(location.server()), PathBuf::new())
            }
            Target::Flv(path) => {
                let sink = pipeline::element("filesink")?;
                sink.set_property("location", path);
                sink.set_property("sync", false);
                (sink, None, path.clone())
            }
        };
        let paced = server.is_some();
        let feed = match &options.source {
            Source::Pattern(pattern) => feed::pattern(&mut pipeline, pattern, &options.encoder, &sink, paced, options.duration)?,
            Source::File { path, repeat } if flv::is_flv(path)? => feed::flv(&mut pipeline, path, *repeat, &sink, paced)?,
            Source::File { path, repeat: false } => file::open(&mut pipeline, path, &options.encoder, &sink, paced).await?,
            Source::File { path, repeat: true } => {
                let converted = Converted::new(path, &options.encoder).await?;
                // Once open, it needs no name any more.
                feed::flv(&mut pipeline, &converted.path, true, &sink, paced)?
            }
        };
        Ok(Self { feed, pipeline, sink, server, file })
    }

    async fn run(mut self, options: Options, mut stop: Pin<&mut impl Future<Output = ()>>) -> Result<Report, Error> {
        let started = Instant::now();
        let mut ticks = tokio::time::interval(TICK);
        let mut connected_at = None;
        let mut last_written = (0, started);
        let mut finishing: Option<Instant> = None;
        loop {
            tokio::select! {
                report = self.pipeline.report() => match report {
                    pipeline::Report::End => break,
                    pipeline::Report::Failed { element, message } => return Err(self.failure(connected_at.is_some(), element, message)),
                },
                () = &mut stop, if finishing.is_none() => finishing = Some(self.finish()),
                _ = ticks.tick() => {}
            }
            let now = Instant::now();
            let progress = self.progress();
            if progress.connected && connected_at.is_none() {
                connected_at = Some(now);
                tracing::info!(server = self.server.as_deref().unwrap_or("file"), "publishing");
            }
            if progress.bytes != last_written.0 {
                last_written = (progress.bytes, now);
            }
            if let Some(watch) = &options.progress {
                watch.send_replace(progress);
            }
            if let (Some(connected_at), Some(duration), None) = (connected_at, options.duration, finishing)
                && now >= connected_at + duration
            {
                finishing = Some(self.finish());
            }
            let (what, since, limit) = match (finishing, connected_at) {
                (Some(since), _) => ("ending the stream", since, FINISH_LIMIT),
                (None, None) => ("connecting", started, CONNECT_LIMIT),
                (None, Some(_)) => ("sending", last_written.1, STALL_LIMIT),
            };
            if now > since + limit {
                return Err(Error::Timeout { what, limit });
            }
        }
        if self.server.is_some() {
            self.drain().await;
        } else {
            // Closes the file.
            let _ = self.pipeline.inner().set_state(gst::State::Null);
        }
        let Progress { frames, dropped, bytes, .. } = self.progress();
        if let Some(error) = self.feed.take_error() {
            return Err(error);
        }
        Ok(Report { elapsed: connected_at.unwrap_or(started).elapsed(), frames, dropped, bytes })
    }

    fn finish(&mut self) -> Instant {
        self.feed.finish();
        Instant::now()
    }

    /// The sink reports the end before its last commands are written.
    async fn drain(&self) {
        let mut quiet = 0;
        let mut written = self.progress().bytes;
        let deadline = Instant::now() + Duration::from_secs(1);
        while quiet < QUIET_TICKS && Instant::now() < deadline {
            tokio::time::sleep(TICK).await;
            let now_written = self.progress().bytes;
            quiet = if now_written == written { quiet + 1 } else { 0 };
            written = now_written;
        }
    }

    fn progress(&self) -> Progress {
        let bytes = match self.server {
            Some(_) => {
                let stats = self.sink.property::<gst::Structure>("stats");
                stats.get::<u64>("out-bytes-total").unwrap_or(0)
            }
            None => std::fs::metadata(&self.file).map_or(0, |metadata| metadata.len()),
        };
        Progress { connected: bytes > 0, frames: self.feed.frames(), dropped: self.feed.dropped(), bytes }
    }

    fn failure(&self, connected: bool, element: String, message: String) -> Error {
        match &self.server {
            Some(server) if element == self.sink.name() => {
                let (server, reason) = (server.clone(), target::reason(&message));
                if connected { Error::Lost { server, reason } } else { Error::Refused { server, reason } }
            }
            _ => self.feed.take_error().unwrap_or(Error::Pipeline { element, message }),
        }
    }
}
