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
    /// Picture width in pixels as displayed.
    pub width: u32,
    /// Picture height in pixels as displayed.
    pub height: u32,
    /// Frames per second, if constant.
    pub frame_rate: Option<f64>,
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
    let discoverer = gst_pbutils::Discoverer::new(gst::ClockTime::from_seconds(LIMIT.as_secs()))?;
    let info = discoverer.discover_uri(&uri).map_err(|error| Error::Malformed(error.message().to_owned()))?;
    match info.result() {
        gst_pbutils::DiscovererResult::Ok => {}
        gst_pbutils::DiscovererResult::Timeout => return Err(Error::Timeout { what: "probing", limit: LIMIT }),
        gst_pbutils::DiscovererResult::MissingPlugins => {
            return Err(Error::Unsupported(format!("no decoder for {}", info.missing_elements_installer_details().join(", "))));
        }
        other => return Err(Error::Malformed(format!("{other:?}"))),
    }
    let video = info.video_streams().into_iter().find(|stream| !stream.is_image()).map(|stream| {
        let (numerator, denominator) = (stream.framerate().numer(), stream.framerate().denom());
        let (codec, description) = describe(stream.upcast_ref());
        VideoInfo {
            codec,
            description,
            width: stream.width(),
            height: stream.height(),
            frame_rate: (numerator > 0 && denominator > 0).then(|| f64::from(numerator) / f64::from(denominator)),
        }
    });
    let audio = info.audio_streams().into_iter().next().map(|stream| {
        let (codec, description) = describe(stream.upcast_ref());
        AudioInfo { codec, description, sample_rate: stream.sample_rate(), channels: stream.channels() }
    });
    if video.is_none() && audio.is_none() {
        return Err(Error::Malformed("neither video nor audio in it".to_owned()));
    }
    Ok(MediaInfo {
        duration: info.duration().and_then(|time| i64::try_from(time.nseconds()).ok()).map(MediaTime::from_nanos),
        size_bytes: metadata.len(),
        seekable: info.is_seekable(),
        video,
        audio,
    })
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
