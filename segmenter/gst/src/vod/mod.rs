//! Video on demand: a file becomes renditions in fragmented MP4, each a finished [recording](segmenter::journal) like a replay's.
//!
//! All renditions that are encoded come out of one pass, which decodes once: that takes the least time in all. Their recordings
//! grow segment by segment, so what is there can be played ([`media_playlist`]) before the rest is. A rendition whose frames are
//! copied goes before the others in a pass of its own that lasts as long as reading the file; then the whole video is there.

mod pass;
mod plan;
mod retime;
mod sprites;
mod writer;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use media::MediaTime;
use segmenter::journal::Recording;
use segmenter::name::Names;

use crate::Error;
use pass::{Branch, Pass};

pub use plan::{Making, Plan, Rendition, VodOptions, target_bitrate};
pub use sprites::{Storyboard, picture_at, storyboard};

/// Where the renditions go and what they are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Each rendition gets a directory in it, named as the rendition is.
    pub directory: PathBuf,
    /// The names' prefix: 1 to 64 ASCII letters and digits.
    pub prefix: String,
    /// Unix time in ms of the video's beginning, for EXT-X-PROGRAM-DATE-TIME: the same in all renditions and after a restart.
    pub date_time: i64,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transcoding<'a> {
    /// Of all that is to be done, 0 to 1; never falls.
    pub done: f64,
    /// A rendition that is whole since the last call.
    pub finished: Option<&'a Rendition>,
}

/// Makes the renditions of `plan` from `input`. Those that are finished in the output's directory stay as they are; what an earlier
/// attempt left unfinished is made anew. `progress` is called several times a second, and may end it. Blocks: run it where that
/// is allowed, best in a process of its own with bounded memory.
///
/// # Errors
/// [`Error::Cancelled`] if `progress` says so; what is finished stays. [`Error::Malformed`] or [`Error::Pipeline`] if the file
/// cannot be decoded to its end, [`Error::Timeout`] if nothing comes out any more, [`Error::TooLarge`] if it goes on for longer
/// than it says, [`Error::Recording`] if the disk is full.
pub fn transcode(
    input: &Path,
    output: &Output,
    plan: &Plan,
    options: &VodOptions,
    progress: &mut dyn FnMut(Transcoding<'_>) -> ControlFlow<()>,
) -> Result<(), Error> {
    let info = crate::probe(input)?;
    if plan.renditions.is_empty() {
        return Err(Error::InvalidOption("no rendition to make".to_owned()));
    }
    let mut plan = plan.clone();
    let is_open = |rendition: &&Rendition| !is_finished(&output.directory.join(&rendition.name));
    let copied: Vec<_> = plan.renditions.iter().filter(|rendition| rendition.making == Making::Copied).filter(is_open).cloned().collect();
    if let Some(rendition) = copied.first() {
        let branches = vec![Branch { rendition, writer: create(output, rendition, &info, &plan)? }];
        // Reading takes no time beside encoding.
        let done = if plan.renditions.len() > 1 { (0.0, 0.05) } else { (0.0, 1.0) };
        let pass = Pass { input, info: &info, plan: &plan, options, copy: true, done };
        match pass.run(branches, progress) {
            // Its groups of pictures turned out to be none that could be cut into segments.
            Err(Error::Unsupported(reason)) => {
                tracing::debug!(reason, "vod.copy");
                plan = plan.without_copy();
            }
            other => other?,
        }
    }
    let rest: Vec<_> = plan.renditions.iter().filter(is_open).cloned().collect();
    if rest.is_empty() {
        return Ok(());
    }
    let branches: Result<Vec<_>, Error> =
        rest.iter().map(|rendition| Ok(Branch { rendition, writer: create(output, rendition, &info, &plan)? })).collect();
    let pass = Pass { input, info: &info, plan: &plan, options, copy: false, done: (if copied.is_empty() { 0.0 } else { 0.05 }, 1.0) };
    pass.run(branches?, progress)
}

fn is_finished(directory: &Path) -> bool {
    Recording::read(directory).is_ok_and(|recording| recording.finished)
}

fn create(output: &Output, rendition: &Rendition, info: &crate::MediaInfo, _: &Plan) -> Result<writer::Writer, Error> {
    let names = Names::new(&output.prefix, &rendition.name).map_err(|error| Error::InvalidOption(error.to_string()))?;
    let directory = output.directory.join(&rendition.name);
    // The names are letters and digits: this is inside of the output's directory.
    match std::fs::remove_dir_all(&directory) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => return Err(Error::File { path: directory, source }),
        _ => {}
    }
    let shape = writer::Shape {
        has_video: rendition.making != Making::AudioOnly,
        has_audio: info.audio.is_some(),
        copied: rendition.making == Making::Copied,
        frame_rate: rendition.frame_rate,
        date_time: output.date_time,
    };
    writer::Writer::create(&directory, &names, shape)
}

/// The media playlist of a rendition in the making or finished: as long as it grows, an EVENT playlist without end
/// (draft-pantos-hls-rfc8216bis section 4.4.3.5). Its target duration is what segments may last, not what they do: it must not change
/// (section 6.2.1). Only a last segment whose sound goes on for seconds after the picture raises it, at the very end. `uri` as for
/// [`segmenter::vod::media_playlist`].
pub fn media_playlist(recording: &Recording, uri: impl Fn(u32) -> String) -> Option<String> {
    const TARGET_DURATION: &str = "#EXT-X-TARGETDURATION:";
    let mut text = segmenter::vod::media_playlist(recording, uri)?;
    if let Some((promised, _)) = recording.started
        && let Some(longest) = text.lines().find_map(|line| line.strip_prefix(TARGET_DURATION)?.parse::<u32>().ok())
        && longest < promised
    {
        text = text.replacen(&format!("{TARGET_DURATION}{longest}\n"), &format!("{TARGET_DURATION}{promised}\n"), 1);
    }
    if !recording.finished {
        text = text.replacen("#EXT-X-PLAYLIST-TYPE:VOD", "#EXT-X-PLAYLIST-TYPE:EVENT", 1);
        let length = text.trim_end_matches("#EXT-X-ENDLIST\n").len();
        text.truncate(length);
    }
    Some(text)
}

/// The end of what is there, for a share of `duration`.
fn share(position: MediaTime, duration: Option<MediaTime>) -> f64 {
    let duration = duration.map_or(0.0, MediaTime::as_secs_f64);
    if duration > 0.0 { (position.as_secs_f64() / duration).clamp(0.0, 1.0) } else { 0.0 }
}
