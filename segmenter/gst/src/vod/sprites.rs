//! Still pictures of a file: one at a position, and storyboards.

use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use media::MediaTime;

use crate::pipeline::{self, Pipeline, Report};
use crate::probe::Orientation;
use crate::{Error, MediaInfo, VideoInfo};

/// One picture of a large file on a slow disk.
const PICTURE_LIMIT: Duration = Duration::from_secs(30);
/// A whole storyboard.
const STORYBOARD_LIMIT: Duration = Duration::from_secs(600);
/// Good enough for a card in a list.
const QUALITY: i32 = 80;
/// PeerTube's: sprites in a row, and rows.
const MOST_IN_A_ROW: u32 = 11;
/// PeerTube's: the longer side of a sprite.
const SPRITE_SIDE: u32 = 192;
/// In files up to this long every position is met exactly; in longer ones the keyframe before it has to do.
const EXACT: MediaTime = MediaTime::from_secs(120);

/// Sprites in one JPEG, row by row, with the fields of PeerTube's storyboards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storyboard {
    /// The picture.
    pub jpeg: Bytes,
    /// Its width in pixels: a whole number of sprites.
    pub total_width: u32,
    /// Its height in pixels.
    pub total_height: u32,
    /// Width of a sprite in pixels.
    pub sprite_width: u32,
    /// Height of a sprite in pixels.
    pub sprite_height: u32,
    /// Seconds of video that each sprite stands for.
    pub sprite_duration: u32,
}

/// The picture of the file at `position` (or the last before it) as JPEG, upright, at most `max_width` pixels wide and never larger
/// than it is. Blocks for up to 30 s.
///
/// # Errors
/// [`Error::Unsupported`] without picture, [`Error::Malformed`], [`Error::Timeout`].
pub fn picture_at(path: &Path, info: &MediaInfo, position: MediaTime, max_width: u32) -> Result<Bytes, Error> {
    if max_width < 16 {
        return Err(Error::InvalidOption("a picture is at least 16 pixels wide".to_owned()));
    }
    let video = video(info)?;
    let width = max_width.min(video.width);
    let height = u32::try_from(u64::from(video.height) * u64::from(width) / u64::from(video.width.max(1))).unwrap_or(1);
    let size = (width.max(1), height.max(1));
    let mut stills = Stills::open(path, video, size, Instant::now() + PICTURE_LIMIT)?;
    let picture = match stills.at(position, true)? {
        Some(picture) => picture,
        // Behind the last frame.
        None => stills.at(MediaTime::ZERO, true)?.ok_or_else(|| Error::Malformed("no picture in it".to_owned()))?,
    };
    encode(picture, size)
}

/// At most 11 x 11 sprites over the whole of the file. Of several renditions the smallest is the one to take. Blocks.
///
/// # Errors
/// As for [`picture_at`]; [`Error::Unsupported`] if its duration is not known or shorter than a second.
pub fn storyboard(path: &Path, info: &MediaInfo) -> Result<Storyboard, Error> {
    let video = video(info)?;
    let duration = info.duration.unwrap_or(MediaTime::ZERO);
    let seconds = u32::try_from(duration.as_millis() / 1000).unwrap_or(0);
    if seconds == 0 {
        return Err(Error::Unsupported("too short for a storyboard".to_owned()));
    }
    let sprite_duration = seconds.div_ceil(MOST_IN_A_ROW * MOST_IN_A_ROW);
    let count = seconds.div_ceil(sprite_duration);
    let (columns, rows) = grid(count);
    let size = fit((video.width, video.height), SPRITE_SIDE);
    let (total_width, total_height) = (columns * size.0, rows * size.1);
    let mut canvas = vec![0; total_width as usize * total_height as usize * 3];
    let mut stills = Stills::open(path, video, size, Instant::now() + STORYBOARD_LIMIT)?;
    let mut last: Option<Vec<u8>> = None;
    for index in 0..count {
        let position = MediaTime::from_secs(i64::from(index * sprite_duration));
        // Where nothing can be decoded the sprite before it stands in.
        let sprite = stills.at(position, duration <= EXACT)?.or_else(|| last.clone());
        let Some(sprite) = sprite else { continue };
        let (left, top) = ((index % columns * size.0) as usize * 3, (index / columns * size.1) as usize);
        for (row, line) in sprite.chunks_exact(size.0 as usize * 3).enumerate() {
            let start = (top + row) * total_width as usize * 3 + left;
            canvas[start..start + line.len()].copy_from_slice(line);
        }
        last = Some(sprite);
    }
    if last.is_none() {
        return Err(Error::Malformed("no picture in it".to_owned()));
    }
    let jpeg = encode(canvas, (total_width, total_height))?;
    Ok(Storyboard { jpeg, total_width, total_height, sprite_width: size.0, sprite_height: size.1, sprite_duration })
}

fn video(info: &MediaInfo) -> Result<&VideoInfo, Error> {
    info.video.as_ref().ok_or_else(|| Error::Unsupported("no picture in it".to_owned()))
}

/// The grid for `count` sprites with the fewest empty places, the nearest to a square among them.
fn grid(count: u32) -> (u32, u32) {
    let candidates = (1..=MOST_IN_A_ROW).map(|columns| (columns, count.div_ceil(columns))).filter(|(_, rows)| *rows <= MOST_IN_A_ROW);
    let best = candidates.min_by_key(|&(columns, rows)| (columns * rows - count, columns.abs_diff(rows), rows));
    best.unwrap_or((MOST_IN_A_ROW, MOST_IN_A_ROW))
}

/// Even sides, the longer `most` at most.
fn fit((width, height): (u32, u32), most: u32) -> (u32, u32) {
    let long = u64::from(width.max(height).max(1));
    let side = |side: u32| u32::try_from(u64::from(side) * u64::from(most) / long / 2 * 2).unwrap_or(most).max(2);
    (side(width), side(height))
}

/// A paused pipeline that seeks from picture to picture.
struct Stills {
    pipeline: Pipeline,
    sink: gst_app::AppSink,
    size: (u32, u32),
    deadline: Instant,
}

impl Stills {
    fn open(path: &Path, video: &VideoInfo, size: (u32, u32), deadline: Instant) -> Result<Self, Error> {
        let pipeline = Pipeline::new()?;
        let source = pipeline::element("filesrc")?;
        source.set_property("location", path);
        let decoder = pipeline::element("decodebin")?;
        pipeline.chain(&[&source, &decoder])?;
        let entrance = pipeline::element("videoconvert")?;
        let mut chain = vec![entrance.clone()];
        if video.orientation != Orientation::Upright {
            let flip = pipeline::element("videoflip")?;
            flip.set_property_from_str("video-direction", video.orientation.direction());
            chain.push(flip);
        }
        let scale = pipeline::element("videoscale")?;
        scale.set_property("add-borders", false);
        let side = |pixels: u32| i32::try_from(pixels).unwrap_or(i32::MAX);
        let format = gst::Caps::builder("video/x-raw")
            .field("format", "RGB")
            .field("width", side(size.0))
            .field("height", side(size.1))
            .field("pixel-aspect-ratio", gst::Fraction::new(1, 1))
            .build();
        let convert = pipeline::element("videoconvert")?;
        let sink = gst_app::AppSink::builder().sync(false).max_buffers(1).caps(&format).build();
        chain.extend([scale, convert, sink.clone().upcast()]);
        pipeline.chain(&chain.iter().collect::<Vec<_>>())?;
        let coded = video.coded;
        decoder.connect_pad_added(move |decoder, pad| {
            let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
            let Some(structure) = caps.structure(0).filter(|structure| structure.name() == "video/x-raw") else { return };
            let side = |field| structure.get::<i32>(field).ok().and_then(|side| u32::try_from(side).ok());
            let other = side("width").zip(side("height")).is_some_and(|size| size != coded);
            let Some(sink) = entrance.static_pad("sink").filter(|sink| !sink.is_linked() && !other) else { return };
            if let Err(error) = pad.link(&sink) {
                gst::element_error!(decoder, gst::StreamError::Failed, ("{error}"));
            }
        });
        let failed = || Error::Pipeline { element: "pipeline".to_owned(), message: "does not start".to_owned() };
        pipeline.inner().set_state(gst::State::Paused).map_err(|_| failed())?;
        let mut stills = Self { pipeline, sink, size, deadline };
        stills.wait()?.ok_or_else(|| Error::Malformed("no picture in it".to_owned()))?;
        Ok(stills)
    }

    /// The picture at `position`, as rows of RGB without padding; `None` behind the end.
    fn at(&mut self, position: MediaTime, exact: bool) -> Result<Option<Vec<u8>>, Error> {
        let kind = if exact { gst::SeekFlags::ACCURATE } else { gst::SeekFlags::KEY_UNIT | gst::SeekFlags::SNAP_BEFORE };
        let to = gst::ClockTime::from_nseconds(u64::try_from(position.as_nanos()).unwrap_or(0));
        if self.pipeline.inner().seek_simple(gst::SeekFlags::FLUSH | kind, to).is_err() {
            // What cannot be moved in shows its first picture only.
            return Ok(None);
        }
        let Some(sample) = self.wait()? else { return Ok(None) };
        let Some(buffer) = sample.buffer().and_then(|buffer| buffer.map_readable().ok()) else { return Ok(None) };
        let (row, height) = (self.size.0 as usize * 3, self.size.1 as usize);
        // Rows of RGB are padded to four bytes.
        let picture: Vec<u8> =
            buffer.chunks(row.next_multiple_of(4)).take(height).filter_map(|line| line.get(..row)).flatten().copied().collect();
        Ok((picture.len() == row * height).then_some(picture))
    }

    /// The next picture that has been decoded; `None` at the end.
    fn wait(&mut self) -> Result<Option<gst::Sample>, Error> {
        const STEP: gst::ClockTime = gst::ClockTime::from_mseconds(100);
        loop {
            if let Some(sample) = self.sink.try_pull_preroll(STEP) {
                return Ok(Some(sample));
            }
            if let Some(Report::Failed { message, .. }) = self.pipeline.try_report() {
                return Err(Error::Malformed(message));
            }
            if self.sink.is_eos() {
                return Ok(None);
            }
            if Instant::now() > self.deadline {
                return Err(Error::Timeout { what: "pictures", limit: STORYBOARD_LIMIT });
            }
        }
    }
}

/// Rows of RGB as JPEG.
fn encode(rgb: Vec<u8>, (width, height): (u32, u32)) -> Result<Bytes, Error> {
    let mut pipeline = Pipeline::new()?;
    let row = width as usize * 3;
    let mut padded = Vec::with_capacity(row.next_multiple_of(4) * height as usize);
    for line in rgb.chunks(row) {
        padded.extend_from_slice(line);
        padded.resize(padded.len().next_multiple_of(4), 0);
    }
    let side = |pixels: u32| i32::try_from(pixels).unwrap_or(i32::MAX);
    let caps = gst::Caps::builder("video/x-raw")
        .field("format", "RGB")
        .field("width", side(width))
        .field("height", side(height))
        .field("framerate", gst::Fraction::new(0, 1))
        .build();
    let source = gst_app::AppSrc::builder().caps(&caps).format(gst::Format::Time).build();
    let convert = pipeline::element("videoconvert")?;
    let encoder = pipeline::element("jpegenc")?;
    encoder.set_property("quality", QUALITY);
    let sink = gst_app::AppSink::builder().sync(false).build();
    pipeline.chain(&[source.upcast_ref(), &convert, &encoder, sink.upcast_ref()])?;
    pipeline.play()?;
    let mut buffer = gst::Buffer::from_mut_slice(padded);
    if let Some(buffer) = buffer.get_mut() {
        buffer.set_pts(gst::ClockTime::ZERO);
    }
    let _ = source.push_buffer(buffer);
    let _ = source.end_of_stream();
    let limit = gst::ClockTime::from_seconds(PICTURE_LIMIT.as_secs());
    let sample = sink.try_pull_sample(limit).ok_or(Error::Timeout { what: "a JPEG", limit: PICTURE_LIMIT })?;
    let buffer = sample.buffer().and_then(|buffer| buffer.map_readable().ok());
    buffer.map(|buffer| Bytes::copy_from_slice(&buffer)).ok_or_else(|| Error::Malformed("no picture in it".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_hold_all_sprites_and_few_empty_places() {
        for count in 1..=MOST_IN_A_ROW * MOST_IN_A_ROW {
            let (columns, rows) = grid(count);
            assert!(columns <= MOST_IN_A_ROW && rows <= MOST_IN_A_ROW && columns * rows >= count, "{count}");
        }
        assert_eq!((grid(121), grid(1), grid(6)), ((11, 11), (1, 1), (3, 2)));
    }

    #[test]
    fn sprites_keep_the_shape() {
        assert_eq!(fit((1920, 1080), 192), (192, 108));
        assert_eq!(fit((1080, 1920), 192), (108, 192));
        assert_eq!(fit((10_000, 10), 192), (192, 2));
    }
}
