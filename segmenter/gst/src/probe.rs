//! What a media file holds.

use std::path::Path;
use std::time::Duration;

use gstreamer as gst;
use gstreamer_pbutils as gst_pbutils;
use gstreamer_pbutils::prelude::*;
use media::{Codec, MediaTime};

use crate::{Error, decoder, pipeline};

/// Opening a file on a slow disk and decoding its first frames; a file that needs longer is treated as broken.
/// Of a broken file the discoverer often knows the error at once, and tells it at the end of this time.
const LIMIT: Duration = Duration::from_secs(10);
/// Stopping the elements again.
const STOPPING: Duration = Duration::from_secs(5);
/// Larger pictures are not taken: one frame of 8192 x 8192 is 100 MB.
const LARGEST_SIDE: u32 = 8192;

/// What a media file holds.
#[derive(Clone, Debug, PartialEq)]
pub struct MediaInfo {
    /// How long it is, if it says so.
    pub duration: Option<MediaTime>,
    /// Its length.
    pub size_bytes: u64,
    /// Players can start anywhere in it.
    pub seekable: bool,
    /// Its first video stream.
    pub video: Option<VideoInfo>,
    /// Its first audio stream.
    pub audio: Option<AudioInfo>,
    /// The container in words; empty if there is none (a bare stream of frames).
    pub container: String,
    /// Number of audio streams.
    pub audio_streams: usize,
}

impl MediaInfo {
    /// Bits per second over the whole file, if its duration is known.
    pub fn bitrate(&self) -> Option<u64> {
        let seconds = self.duration?.as_secs_f64();
        (seconds > 0.0).then(|| (self.size_bytes as f64 * 8.0 / seconds) as u64)
    }
}

/// A file's video stream.
#[derive(Clone, Debug, PartialEq)]
pub struct VideoInfo {
    /// The coding, if it is one that browsers play.
    pub codec: Option<Codec>,
    /// The coding in words.
    pub description: String,
    /// Picture width in pixels as displayed: upright, and with square pixels.
    pub width: u32,
    /// Picture height in pixels as displayed.
    pub height: u32,
    /// Frames per second, if constant, or as the container has it on average.
    pub frame_rate: Option<f64>,
    /// Bits per second, if the stream says so.
    pub bitrate: Option<u64>,
    /// How the pictures have to be turned to stand upright.
    pub orientation: Orientation,
    /// Width and height in pixels as coded, before turning and stretching.
    pub coded: (u32, u32),
    /// A picture is two fields of different times.
    pub interlaced: bool,
    /// More than 8 bits a sample, or other than 4:2:0.
    pub deep: bool,
    /// PQ or HLG transfer (ITU-R BT.2100).
    pub hdr: bool,
}

impl VideoInfo {
    /// Displayed as coded, without turning or stretching.
    pub fn is_plain(&self) -> bool {
        (self.width, self.height) == self.coded && self.orientation == Orientation::Upright && !self.interlaced
    }
}

/// How a camera was held; what has to be done to its pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Orientation {
    /// Nothing.
    Upright,
    /// Turn by 90 degrees clockwise.
    Clockwise,
    /// Turn by 180 degrees.
    Rotate180,
    /// Turn by 90 degrees counter-clockwise.
    Counterclockwise,
    /// Mirror left and right.
    HorizontalFlip,
    /// Mirror top and bottom.
    VerticalFlip,
    /// Mirror at the diagonal from the upper left corner.
    UpperLeftDiagonal,
    /// Mirror at the diagonal from the upper right corner.
    UpperRightDiagonal,
}

impl Orientation {
    fn parse(tag: &str) -> Self {
        match tag {
            "rotate-90" => Self::Clockwise,
            "rotate-180" => Self::Rotate180,
            "rotate-270" => Self::Counterclockwise,
            "flip-rotate-0" => Self::HorizontalFlip,
            "flip-rotate-90" => Self::UpperRightDiagonal,
            "flip-rotate-180" => Self::VerticalFlip,
            "flip-rotate-270" => Self::UpperLeftDiagonal,
            _ => Self::Upright,
        }
    }

    /// What videoflip calls it.
    pub(crate) fn direction(self) -> &'static str {
        match self {
            Self::Upright => "identity",
            Self::Clockwise => "90r",
            Self::Rotate180 => "180",
            Self::Counterclockwise => "90l",
            Self::HorizontalFlip => "horiz",
            Self::VerticalFlip => "vert",
            Self::UpperLeftDiagonal => "ul-lr",
            Self::UpperRightDiagonal => "ur-ll",
        }
    }

    /// Width becomes height.
    fn swaps_sides(self) -> bool {
        matches!(self, Self::Clockwise | Self::Counterclockwise | Self::UpperLeftDiagonal | Self::UpperRightDiagonal)
    }
}

/// A file's audio stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioInfo {
    /// The coding, if it is one that browsers play.
    pub codec: Option<Codec>,
    /// The coding in words.
    pub description: String,
    /// Samples per second.
    pub sample_rate: u32,
    /// Number of channels.
    pub channels: u32,
    /// Bits per second, if the stream says so.
    pub bitrate: Option<u64>,
}

/// Looks into the file at `path`. Blocks for up to 10 s: run it where that is allowed.
///
/// # Errors
/// [`Error::File`] if it cannot be opened, [`Error::Malformed`] if it holds no media that GStreamer knows, [`Error::Timeout`].
pub fn probe(path: &Path) -> Result<MediaInfo, Error> {
    pipeline::start_gstreamer()?;
    let file_error = |source| Error::File { path: path.to_owned(), source };
    let absolute = std::fs::canonicalize(path).map_err(file_error)?;
    let metadata = std::fs::metadata(&absolute).map_err(file_error)?;
    if !metadata.is_file() {
        return Err(Error::Unsupported(format!("{} is not a file", path.display())));
    }
    let uri = gst::glib::filename_to_uri(&absolute, None)?;
    let info = discover(uri.to_string(), &absolute)?;
    let video_stream = info.video_streams().into_iter().find(|stream| !stream.is_image());
    let audio_streams = info.audio_streams();
    match info.result() {
        gst_pbutils::DiscovererResult::Ok => {}
        gst_pbutils::DiscovererResult::Timeout => return Err(Error::Timeout { what: "probing", limit: LIMIT }),
        gst_pbutils::DiscovererResult::MissingPlugins => {
            // Cameras add streams of their own (time codes, motion): only pictures and sound are missed.
            let missing = info.missing_elements_installer_details();
            let is_missed = |detail: &gst::glib::GString| {
                detail.contains("decoder-video/") && video_stream.is_none()
                    || detail.contains("decoder-audio/") && audio_streams.is_empty()
                    || video_stream.is_none() && audio_streams.is_empty()
            };
            if missing.iter().any(is_missed) || missing.is_empty() {
                return Err(Error::Unsupported(format!("no decoder for {}", missing.join(", "))));
            }
        }
        other => return Err(Error::Malformed(format!("{other:?}"))),
    }
    let video = video_stream.as_ref().map(video_info);
    let audio = audio_streams.first().map(|stream| {
        let (codec, description) = describe(stream.upcast_ref());
        let bitrate = bits_per_second(stream.bitrate().max(stream.max_bitrate()));
        AudioInfo { codec, description, sample_rate: stream.sample_rate(), channels: stream.channels(), bitrate }
    });
    if video.is_none() && audio.is_none() {
        return Err(Error::Malformed("neither video nor audio in it".to_owned()));
    }
    if let Some(VideoInfo { coded: (width, height), .. }) = video
        && width.max(height) > LARGEST_SIDE
    {
        return Err(Error::TooLarge(format!("a picture of {width} x {height} pixels")));
    }
    let container = info.stream_info().filter(|stream| stream.is::<gst_pbutils::DiscovererContainerInfo>());
    let container = container.and_then(|stream| stream.caps());
    let container = container.map(|caps| gst_pbutils::pb_utils_get_codec_description(&caps).to_string()).unwrap_or_default();
    Ok(MediaInfo {
        duration: info.duration().and_then(|time| i64::try_from(time.nseconds()).ok()).map(MediaTime::from_nanos),
        size_bytes: metadata.len(),
        seekable: info.is_seekable(),
        video,
        audio,
        container,
        audio_streams: audio_streams.len(),
    })
}

/// On a thread of its own, so that an element that hangs while it is stopped costs no more than that thread.
fn discover(uri: String, path: &Path) -> Result<gst_pbutils::DiscovererInfo, Error> {
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    let looking = move || {
        let discoverer = gst_pbutils::Discoverer::new(gst::ClockTime::from_seconds(LIMIT.as_secs()));
        // Who asked may have given up.
        let _ = sender.send(discoverer.and_then(|discoverer| discoverer.discover_uri(&uri)));
    };
    let spawned = std::thread::Builder::new().name("probe".to_owned()).spawn(looking);
    spawned.map_err(|error| Error::Malformed(error.to_string()))?;
    let timeout = |_| Error::Timeout { what: "probing", limit: LIMIT + STOPPING };
    receiver.recv_timeout(LIMIT + STOPPING).map_err(timeout)?.map_err(|error| {
        let message = error.message().to_owned();
        // Of protected MP4 only the decryptor is missed.
        let is_missing = error.matches(gst::CoreError::MissingPlugin) || error.matches(gst::StreamError::CodecNotFound);
        match () {
            () if error.matches(gst::StreamError::Decrypt) || error.matches(gst::StreamError::DecryptNokey) => Error::Encrypted,
            () if is_missing && is_protected(path) => Error::Encrypted,
            () if is_missing => Error::Unsupported(message),
            () => Error::Malformed(message),
        }
    })
}

/// Whether sample entries of ISO/IEC 14496-12 section 8.12 stand where an index is: at the file's beginning or end.
fn is_protected(path: &Path) -> bool {
    use std::io::{Read as _, Seek as _, SeekFrom};
    /// An index of hours.
    const SEARCHED: u64 = 8 << 20;
    let Ok(mut file) = std::fs::File::open(path) else { return false };
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    [0, length.saturating_sub(SEARCHED)].into_iter().any(|start| {
        let mut bytes = Vec::new();
        let read = file.seek(SeekFrom::Start(start)).and_then(|_| (&mut file).take(SEARCHED).read_to_end(&mut bytes));
        read.is_ok() && bytes.windows(4).any(|kind| kind == b"encv" || kind == b"enca")
    })
}

fn bits_per_second(rate: u32) -> Option<u64> {
    (1..u32::MAX).contains(&rate).then_some(u64::from(rate))
}

fn video_info(stream: &gst_pbutils::DiscovererVideoInfo) -> VideoInfo {
    let (numerator, denominator) = (stream.framerate().numer(), stream.framerate().denom());
    let (codec, description) = describe(stream.upcast_ref());
    let coded = (stream.width(), stream.height());
    let side = |value: i32| u64::try_from(value).unwrap_or(0).max(1);
    let (wide, high) = (side(stream.par().numer()), side(stream.par().denom()));
    let scaled = |side: u32, by: u64, of: u64| u32::try_from((u64::from(side) * by + of / 2) / of).unwrap_or(u32::MAX).max(1);
    // Stretched, never shrunk: nothing of what was coded is lost.
    let (mut width, mut height) =
        if wide >= high { (scaled(coded.0, wide, high), coded.1) } else { (coded.0, scaled(coded.1, high, wide)) };
    let tag = stream.tags().and_then(|tags| tags.get::<gst::tags::ImageOrientation>().map(|tag| tag.get().to_owned()));
    let orientation = tag.map_or(Orientation::Upright, |tag| Orientation::parse(&tag));
    if orientation.swaps_sides() {
        (width, height) = (height, width);
    }
    let caps = stream.caps();
    let structure = caps.as_ref().and_then(|caps| caps.structure(0));
    let text = |field: &str| structure.and_then(|structure| structure.get::<String>(field).ok()).unwrap_or_default();
    let number = |field: &str| structure.and_then(|structure| structure.get::<u32>(field).ok());
    let colorimetry = text("colorimetry");
    VideoInfo {
        codec,
        description,
        width,
        height,
        // Containers with times in milliseconds or without a table say 0 or 90,000.
        frame_rate: (numerator > 0 && denominator > 0)
            .then(|| f64::from(numerator) / f64::from(denominator))
            .filter(|rate| (0.01..=1000.0).contains(rate)),
        bitrate: bits_per_second(stream.bitrate().max(stream.max_bitrate())),
        orientation,
        coded,
        interlaced: stream.is_interlaced(),
        deep: number("bit-depth-luma").is_some_and(|bits| bits > 8) || !matches!(text("chroma-format").as_str(), "" | "4:2:0"),
        hdr: ["smpte2084", "arib-std-b67", ":14:", ":16:", ":18:"].iter().any(|name| colorimetry.contains(name)),
    }
}

fn describe(stream: &gst_pbutils::DiscovererStreamInfo) -> (Option<Codec>, String) {
    let Some(caps) = stream.caps() else { return (None, String::new()) };
    let codec = decoder::video_codec(&caps).or_else(|| {
        let structure = caps.structure(0)?;
        match structure.name().as_str() {
            // Version 2 is MPEG-2 AAC, which decoders for 4 take as well.
            "audio/mpeg" if structure.get::<i32>("mpegversion").is_ok_and(|version| version == 4 || version == 2) => Some(Codec::Aac),
            "audio/x-opus" => Some(Codec::Opus),
            _ => None,
        }
    });
    (codec, gst_pbutils::pb_utils_get_codec_description(&caps).to_string())
}
