//! What is made of an uploaded file: renditions, plain MP4, pictures. In a process of its own, bounded in memory and of low
//! priority: decoders of what strangers send stay out of the server, and the process can be ended at any moment.
//!
//! The process reads an [`Order`] as a line of JSON from its standard input, tells of each [`Event`] in a line on its standard
//! output, and ends when its input does: with the server, however that ends.

mod process;

use std::fs::File;
use std::io::{self, BufRead as _, ErrorKind, Read as _, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use media::MediaTime;
use rustix::process::{Resource, Rlimit, nice, setrlimit};
use segmenter::journal::{self, run_file_name};
use segmenter_gst::vod::{Making, Output, Plan, Rendition, VodOptions, picture_at, storyboard, transcode};
use segmenter_gst::{Error, MediaInfo, Rung, probe, remux};
use serde::{Deserialize, Serialize};

use crate::config::Transcoding;
use crate::live::free_bytes;
use crate::live::thumbnail::{PREVIEW_WIDTH, THUMBNAIL_WIDTH};

pub use process::Work;

/// The small picture, in the folder of an order.
pub const THUMBNAIL: &str = "thumbnail.jpg";
/// The large one.
pub const PREVIEW: &str = "preview.jpg";
/// The sprites.
pub const STORYBOARD: &str = "storyboard.jpg";
/// An order is some kB.
const MAX_ORDER: u64 = 1 << 20;
/// What shows that a file is no text.
const SNIFFED: u64 = 512;
/// How often it is looked whether the disk is full.
const SPACE_CHECK: Duration = Duration::from_secs(2);
/// Shares of the work: encoding takes nearly all of the time.
const ENCODED: f64 = 0.94;
/// After the plain files.
const COPIED: f64 = 0.97;

/// What is to be made, and of what.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    /// The file.
    pub input: PathBuf,
    /// Everything is made in here. What an earlier attempt finished stays as it is.
    pub folder: PathBuf,
    /// What the recordings are called: letters and digits.
    pub prefix: String,
    /// Unix time of the video's beginning, in ms.
    pub date_time: i64,
    /// How.
    pub settings: Transcoding,
    /// Nothing but [`STORYBOARD`], of this very file.
    pub only_storyboard: bool,
}

/// A rendition that will be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// Of its folder.
    pub name: String,
    /// The shorter side in pixels; 0 for sound alone.
    pub resolution: u32,
}

/// What is known of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// How long it says it is.
    pub duration_ms: Option<i64>,
    /// Of its pictures as they are shown, in pixels; absent without any.
    pub width: Option<u32>,
    /// The same.
    pub height: Option<u32>,
    /// Frames per second, if it says so.
    pub frame_rate: Option<f64>,
    /// In the order of quality.
    pub renditions: Vec<Planned>,
}

impl Facts {
    /// Width over height, if it has pictures.
    pub fn aspect_ratio(&self) -> Option<f64> {
        Some(f64::from(self.width?) / f64::from(self.height?.max(1)))
    }
}

/// Sizes of a storyboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Board {
    /// In pixels.
    pub total_width: u32,
    /// In pixels.
    pub total_height: u32,
    /// In pixels.
    pub sprite_width: u32,
    /// In pixels.
    pub sprite_height: u32,
    /// Seconds.
    pub sprite_duration: u32,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The file was looked at.
    Probed(Facts),
    /// [`THUMBNAIL`] and [`PREVIEW`] are there.
    Pictures,
    /// This share of the work is done, 0 to 1.
    Progress(f64),
    /// The rendition of this name is whole.
    Finished(String),
    /// `{name}.mp4` is there for each rendition.
    Copied,
    /// [`STORYBOARD`] is there.
    Storyboard(Board),
    /// Something that a video can do without could not be made.
    Skipped(String),
    /// That was all.
    End,
    /// It did not work.
    Failed(Fault),
}

/// Whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The file's: no further attempt would do better.
    File,
    /// The disk is full, or nearly so.
    Disk,
    /// Nobody wants it any more.
    Cancelled,
    /// The server's, or nobody knows.
    Server,
}

/// Why it did not work. The text may be shown to whoever uploaded the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{message}")]
pub struct Fault {
    /// Whose.
    pub kind: FaultKind,
    /// In words.
    pub message: String,
}

impl Fault {
    /// With words.
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    fn disk() -> Self {
        Self::new(FaultKind::Disk, "the server's disk is full")
    }

    fn io(source: &io::Error) -> Self {
        if source.kind() == ErrorKind::StorageFull {
            Self::disk()
        } else {
            Self::new(FaultKind::Server, format!("on the server: {source}"))
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match &error {
            Error::Cancelled => Self::new(FaultKind::Cancelled, "cancelled"),
            Error::Unsupported(_) | Error::Encrypted | Error::TooLarge(_) | Error::Malformed(_) => {
                Self::new(FaultKind::File, error.to_string())
            }
            Error::Recording(journal::Error::Io { source, .. }) | Error::File { source, .. } => Self::io(source),
            _ => Self::new(FaultKind::Server, error.to_string()),
        }
    }
}

/// Where a rendition's bytes are in the folder of an order.
pub fn run_path(folder: &Path, rendition: &str) -> PathBuf {
    folder.join(rendition).join(run_file_name(0))
}

/// Where its plain MP4 is.
pub fn mp4_path(folder: &Path, rendition: &str) -> PathBuf {
    folder.join(format!("{rendition}.mp4"))
}

/// Does what an order says, in this process. `tell` may end it. Blocks.
pub fn make(order: &Order, tell: &mut dyn FnMut(Event) -> ControlFlow<()>) -> Result<(), Fault> {
    if is_text(&order.input).map_err(|error| Fault::io(&error))? {
        return Err(Fault::new(FaultKind::File, "this is a text, not a video"));
    }
    let info = probe(&order.input).map_err(|error| match error {
        // Files that are whole show what they are in a moment.
        Error::Timeout { .. } => Fault::new(FaultKind::File, "it cannot be read: the file is broken"),
        error => error.into(),
    })?;
    if order.only_storyboard {
        let board = drawn(order, &order.input, &info)?;
        return heard(tell(Event::Storyboard(board)));
    }
    let options = options(&order.settings);
    let plan = Plan::new(&info, &options)?;
    if plan.renditions.is_empty() {
        return Err(Fault::new(FaultKind::File, "there are neither pictures nor sound in it"));
    }
    if !order.settings.enabled && plan.renditions.iter().any(|rendition| rendition.making == Making::Encoded) {
        return Err(Fault::new(FaultKind::File, "this server does not transcode: it takes H.264 with AAC at an ordinary bitrate in MP4"));
    }
    heard(tell(Event::Probed(facts(&info, &plan))))?;
    if info.video.is_some() {
        let event = match pictures(order, &info) {
            Ok(()) => Event::Pictures,
            Err(fault) => skipped("pictures", fault)?,
        };
        heard(tell(event))?;
    }
    renditions(order, &plan, &options, tell)?;
    if order.settings.mp4 {
        let event = match copies(order, &plan) {
            Ok(()) => Event::Copied,
            Err(fault) => skipped("files for download", fault)?,
        };
        heard(tell(event))?;
    }
    heard(tell(Event::Progress(COPIED)))?;
    if info.video.is_some() {
        let event = match sprites(order, &plan) {
            Ok(board) => Event::Storyboard(board),
            Err(fault) => skipped("storyboard", fault)?,
        };
        heard(tell(event))?;
    }
    heard(tell(Event::Progress(1.0)))
}

fn heard(answer: ControlFlow<()>) -> Result<(), Fault> {
    match answer {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Fault::new(FaultKind::Cancelled, "cancelled")),
    }
}

/// A video can do without it, unless the disk is full: then nothing else can be made either.
fn skipped(what: &str, fault: Fault) -> Result<Event, Fault> {
    if fault.kind == FaultKind::Disk { Err(fault) } else { Ok(Event::Skipped(format!("{what}: {fault}"))) }
}

/// Playlists and lists of other files are texts: whoever follows them fetches what others chose.
fn is_text(path: &Path) -> io::Result<bool> {
    let mut head = Vec::new();
    File::open(path)?.take(SNIFFED).read_to_end(&mut head)?;
    Ok(head.iter().all(|byte| matches!(*byte, b'\t' | b'\n' | b'\r' | 0x20..)))
}

fn options(settings: &Transcoding) -> VodOptions {
    let rungs = settings.ladder.iter().map(|rung| Rung { height: rung.height, bitrate_kbps: rung.bitrate_kbps }).collect();
    VodOptions {
        rungs: if settings.enabled { rungs } else { Vec::new() },
        keep_resolution: settings.keep_resolution || !settings.enabled,
        audio_only: settings.audio_only && settings.enabled,
        max_frame_rate: settings.max_frame_rate,
        passthrough: settings.passthrough || !settings.enabled,
        hardware: settings.hardware,
        threads: settings.threads,
        audio_bitrate_kbps: settings.audio_bitrate_kbps,
        max_duration: Duration::from_secs(settings.max_duration_s),
        ..VodOptions::default()
    }
}

fn facts(info: &MediaInfo, plan: &Plan) -> Facts {
    Facts {
        duration_ms: info.duration.map(MediaTime::as_millis),
        width: info.video.as_ref().map(|video| video.width),
        height: info.video.as_ref().map(|video| video.height),
        frame_rate: info.video.as_ref().and_then(|video| video.frame_rate),
        renditions: plan
            .renditions
            .iter()
            .map(|rendition| Planned { name: rendition.name.clone(), resolution: resolution(rendition) })
            .collect(),
    }
}

/// Rungs are named after their lines.
fn resolution(rendition: &Rendition) -> u32 {
    rendition.name.strip_suffix('p').and_then(|lines| lines.parse().ok()).unwrap_or(0)
}

fn pictures(order: &Order, info: &MediaInfo) -> Result<(), Fault> {
    // Past titles and fades.
    let position = info.duration.unwrap_or(MediaTime::ZERO) / 10;
    for (name, width) in [(THUMBNAIL, THUMBNAIL_WIDTH), (PREVIEW, PREVIEW_WIDTH)] {
        let picture = picture_at(&order.input, info, position, width)?;
        std::fs::write(order.folder.join(name), picture).map_err(|error| Fault::io(&error))?;
    }
    Ok(())
}

fn renditions(order: &Order, plan: &Plan, options: &VodOptions, tell: &mut dyn FnMut(Event) -> ControlFlow<()>) -> Result<(), Fault> {
    let output = Output { directory: order.folder.clone(), prefix: order.prefix.clone(), date_time: order.date_time };
    let (mut is_full, mut checked, mut told) = (false, Instant::now(), 0.0);
    let outcome = transcode(&order.input, &output, plan, options, &mut |step| {
        if checked.elapsed() >= SPACE_CHECK {
            checked = Instant::now();
            is_full = free_bytes(&order.folder).is_some_and(|free| free < order.settings.min_free_disk_bytes);
            if is_full {
                return ControlFlow::Break(());
            }
        }
        if let Some(rendition) = step.finished {
            tell(Event::Finished(rendition.name.clone()))?;
        }
        let done = step.done * ENCODED;
        // A thousand lines at most.
        if done - told < 0.001 {
            return ControlFlow::Continue(());
        }
        told = done;
        tell(Event::Progress(done))
    });
    match outcome {
        Err(Error::Cancelled) if is_full => Err(Fault::disk()),
        other => Ok(other?),
    }
}

fn copies(order: &Order, plan: &Plan) -> Result<(), Fault> {
    for rendition in &plan.renditions {
        let output = mp4_path(&order.folder, &rendition.name);
        // It appears when it is whole.
        if !output.exists() {
            remux(&[run_path(&order.folder, &rendition.name)], &output)?;
        }
    }
    Ok(())
}

fn sprites(order: &Order, plan: &Plan) -> Result<Board, Fault> {
    let smallest =
        plan.renditions.iter().filter(|rendition| rendition.making != Making::AudioOnly).min_by_key(|rendition| rendition.height);
    let smallest = smallest.ok_or_else(|| Fault::new(FaultKind::File, "no pictures"))?;
    let whole = mp4_path(&order.folder, &smallest.name);
    let path = if whole.exists() { whole } else { run_path(&order.folder, &smallest.name) };
    drawn(order, &path, &probe(&path)?)
}

fn drawn(order: &Order, path: &Path, info: &MediaInfo) -> Result<Board, Fault> {
    let board = storyboard(path, info)?;
    std::fs::write(order.folder.join(STORYBOARD), &board.jpeg).map_err(|error| Fault::io(&error))?;
    Ok(Board {
        total_width: board.total_width,
        total_height: board.total_height,
        sprite_width: board.sprite_width,
        sprite_height: board.sprite_height,
        sprite_duration: board.sprite_duration,
    })
}

/// The process that works: reads the order, does it, tells of it.
pub fn work() -> anyhow::Result<()> {
    let mut line = String::new();
    let mut input = io::stdin().lock();
    (&mut input).take(MAX_ORDER).read_line(&mut line)?;
    drop(input);
    let order: Order = serde_json::from_str(&line)?;
    restrain(&order.settings);
    std::thread::Builder::new().name("input".to_owned()).spawn(|| {
        // Nothing more is sent: it ends when the server does, or wants it to.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        std::process::exit(1);
    })?;
    let say = |event: &Event| -> io::Result<()> {
        let mut output = io::stdout().lock();
        serde_json::to_writer(&mut output, event)?;
        output.write_all(b"\n")?;
        output.flush()
    };
    let outcome = make(&order, &mut |event| match say(&event) {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    });
    say(&match outcome {
        Ok(()) => Event::End,
        Err(fault) => Event::Failed(fault),
    })?;
    Ok(())
}

/// Low priority, bounded memory, no dumps of other people's pictures.
fn restrain(settings: &Transcoding) {
    // A failure costs no more than what it would have prevented.
    let _ = nice(settings.niceness);
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    if settings.memory_mb > 0 {
        let bytes = settings.memory_mb.saturating_mul(1 << 20);
        let _ = setrlimit(Resource::Data, Rlimit { current: Some(bytes), maximum: Some(bytes) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_no_videos() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("upload");
        for (bytes, text) in [
            (&b"#EXTM3U\nhttp://169.254.169.254/latest\n"[..], true),
            ("\u{feff}<?xml version=\"1.0\"?><MPD/>".as_bytes(), true),
            (b"", true),
            (b"\0\0\0\x18ftypisom", false),
            (b"\x1aE\xdf\xa3\x01\0\0\0", false),
            (b"ID3\x04\0\0", false),
        ] {
            std::fs::write(&path, bytes).expect("written");
            assert_eq!(is_text(&path).expect("read"), text, "{bytes:?}");
        }
    }

    #[test]
    fn without_transcoding_only_the_file_itself_is_wanted() {
        let mut settings = Transcoding {
            ladder: vec![crate::config::Rendition { height: 480, bitrate_kbps: 900 }],
            audio_only: true,
            ..Transcoding::default()
        };
        let with = options(&settings);
        assert_eq!((with.rungs.len(), with.rungs[0].bitrate_kbps, with.audio_only), (1, 900, true));
        settings.enabled = false;
        let without = options(&settings);
        assert!(without.rungs.is_empty() && without.keep_resolution && without.passthrough && !without.audio_only);
    }

    #[test]
    fn events_travel_as_lines() {
        let fault = Fault::new(FaultKind::File, "malformed media:\nline two");
        for event in [Event::Progress(0.25), Event::Finished("720p".into()), Event::End, Event::Failed(fault)] {
            let line = serde_json::to_string(&event).expect("JSON");
            assert!(!line.contains('\n'));
            assert_eq!(serde_json::from_str::<Event>(&line).expect("JSON"), event);
        }
    }

    #[test]
    fn faults_say_whose_they_are() {
        let full = Error::File { path: "x".into(), source: io::Error::from(ErrorKind::StorageFull) };
        assert_eq!(Fault::from(full).kind, FaultKind::Disk);
        assert_eq!(Fault::from(Error::Encrypted).kind, FaultKind::File);
        assert_eq!(Fault::from(Error::Timeout { what: "x", limit: Duration::ZERO }).kind, FaultKind::Server);
    }
}
