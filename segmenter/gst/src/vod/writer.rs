//! One rendition on disk: coded frames and packets become segments of a [recording](segmenter::journal), of which the segmenter
//! makes playlists, hashes and variants as of a replay.
//!
//! Decoding times are not the encoder's but the presentation times of a segment in order (its groups of pictures are closed); all
//! that is presented, picture and sound, lies [`LEAD`] later, the same in all renditions whatever their encoders delay.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Instant;

use bytes::Bytes;
use media::{Audio, MediaTime, Video};
use segmenter::fmp4::{self, Sample, VIDEO_TIMESCALE};
use segmenter::journal::{Recorder, Rotation};
use segmenter::name::Names;
use segmenter::output::{FIRST_MSN, Init, Output, Part, Picture, Sound};
use segmenter::packager::silence;

use super::plan::SEGMENT;
use crate::Error;

/// By how much pictures are presented after their place in decoding order: two frames of 20 a second, as deep as B-frames refer.
/// Composition offsets below zero would be allowed, but libavformat delays such a picture against the sound.
const LEAD: MediaTime = MediaTime::from_millis(100);
/// A keyframe this far into a segment begins the next.
const SHORTEST: MediaTime = MediaTime::from_millis(1500);
/// A segment that is longer although its frames were copied: the source's keyframes are too far apart.
const LONGEST_COPIED: MediaTime = MediaTime::from_secs(6);
/// Sound that goes on after the picture stays in the last segment if it is shorter.
const TRAILING_SOUND: MediaTime = MediaTime::from_secs(4);
/// What may wait for the other track: with more, sound and picture lie too far apart in the file.
const MOST_WAITING: usize = 256 << 20;
/// A copied picture that begins later than this, or before zero, was cut by an edit list.
const COPIED_START: MediaTime = MediaTime::from_millis(100);

/// A coded frame or packet on the rendition's timeline.
#[derive(Clone, Debug)]
pub(super) struct Coded {
    /// When it is presented.
    pub(super) pts: MediaTime,
    /// Decoding can start here.
    pub(super) keyframe: bool,
    /// As ISO BMFF stores it.
    pub(super) data: Bytes,
}

struct Packet {
    /// In ticks of the sampling rate.
    decode: u64,
    data: Bytes,
}

/// What a rendition is to hold.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub(super) has_video: bool,
    pub(super) has_audio: bool,
    /// Frames are the source's own.
    pub(super) copied: bool,
    /// Frames per second.
    pub(super) frame_rate: f64,
    /// Unix time in ms at which the video begins, for EXT-X-PROGRAM-DATE-TIME.
    pub(super) date_time: i64,
}

pub(super) struct Writer {
    shape: Shape,
    recorder: Recorder,
    video: Option<Video>,
    audio: Option<Audio>,
    silence: Option<Bytes>,
    frames: Vec<Coded>,
    packets: VecDeque<Packet>,
    waiting: usize,
    video_ended: bool,
    audio_ended: bool,
    /// Where the next packet of sound begins, in ticks.
    audio_next: u64,
    /// Where the open segment begins.
    start: MediaTime,
    number: u64,
}

impl Writer {
    /// Begins the recording in `directory`.
    pub(super) fn create(directory: &Path, names: &Names, shape: Shape) -> Result<Self, Error> {
        let recorder = Recorder::create(directory, names, Rotation::Never)?;
        let (video_ended, audio_ended) = (!shape.has_video, !shape.has_audio);
        Ok(Self {
            shape,
            recorder,
            video: None,
            audio: None,
            silence: None,
            frames: Vec::new(),
            packets: VecDeque::new(),
            waiting: 0,
            video_ended,
            audio_ended,
            audio_next: 0,
            start: MediaTime::ZERO,
            number: 0,
        })
    }

    /// Up to where everything is on disk.
    pub(super) fn position(&self) -> MediaTime {
        self.start
    }

    /// Whether all tracks have ended and everything is on disk.
    pub(super) fn is_done(&self) -> bool {
        self.video_ended && self.audio_ended
    }

    pub(super) fn set_video(&mut self, video: Video) -> Result<(), Error> {
        match &self.video {
            // Bit rates and levels may change, but not in the middle of a file with one initialisation section.
            Some(before) if before.config != video.config => Err(Error::Unsupported("the video's parameters change".to_owned())),
            _ => {
                self.video = Some(video);
                Ok(())
            }
        }
    }

    pub(super) fn set_audio(&mut self, audio: Audio) -> Result<(), Error> {
        match &self.audio {
            Some(before) if *before != audio => Err(Error::Unsupported("the sound's parameters change".to_owned())),
            _ => {
                self.silence = silence::packet(&audio).map(|(packet, _)| packet);
                self.audio = Some(audio);
                Ok(())
            }
        }
    }

    pub(super) fn push_video(&mut self, frame: Coded) -> Result<(), Error> {
        if self.video_ended {
            return Ok(());
        }
        if self.frames.is_empty() && !frame.keyframe {
            // Nothing can be decoded of it.
            return Ok(());
        }
        if self.shape.copied && self.number == 0 && self.frames.is_empty() && !(-SHORT..COPIED_START).contains(&frame.pts) {
            return Err(Error::Unsupported("the picture does not begin with a keyframe at the start".to_owned()));
        }
        self.waiting += frame.data.len();
        self.frames.push(frame);
        self.advance()
    }

    /// A packet; what is missing before it becomes silence, what comes twice is left out.
    pub(super) fn push_audio(&mut self, packet: &Coded) -> Result<(), Error> {
        let Some(audio) = &self.audio else { return Ok(()) };
        if self.audio_ended {
            return Ok(());
        }
        let (rate, samples) = (audio.sample_rate, u64::from(audio.samples(&packet.data)));
        let at = packet.pts.to_ticks(rate);
        // More than half a packet before its place: a repetition, or from before the beginning.
        if at + i64::try_from(samples / 2).unwrap_or(0) < i64::try_from(self.audio_next).unwrap_or(i64::MAX) {
            return Ok(());
        }
        self.fill_silence(u64::try_from(at).unwrap_or(0));
        self.waiting += packet.data.len();
        self.packets.push_back(Packet { decode: self.audio_next, data: packet.data.clone() });
        self.audio_next += samples;
        self.advance()
    }

    /// Packets of silence up to `until`, as many whole ones as fit.
    fn fill_silence(&mut self, until: u64) {
        let (Some(audio), Some(silence)) = (&self.audio, &self.silence) else {
            self.audio_next = self.audio_next.max(until);
            return;
        };
        let samples = u64::from(audio.samples(silence)).max(1);
        while self.audio_next + samples <= until {
            self.packets.push_back(Packet { decode: self.audio_next, data: silence.clone() });
            self.audio_next += samples;
        }
    }

    pub(super) fn end_video(&mut self) -> Result<(), Error> {
        self.video_ended = true;
        self.advance()
    }

    pub(super) fn end_audio(&mut self) -> Result<(), Error> {
        self.audio_ended = true;
        self.advance()
    }

    /// Everything has come: writes what is left and closes the recording.
    ///
    /// # Errors
    /// [`Error::Malformed`] if there was nothing to be written.
    pub(super) fn finish(mut self) -> Result<(), Error> {
        self.end_video()?;
        self.end_audio()?;
        if self.number == 0 {
            let reason = "nothing in it can be decoded".to_owned();
            return Err(if self.shape.copied { Error::Unsupported(reason) } else { Error::Malformed(reason) });
        }
        self.recorder.finish()?;
        Ok(())
    }

    fn frame(&self) -> MediaTime {
        MediaTime::from_nanos((1e9 / self.shape.frame_rate.max(1.0)) as i64)
    }

    fn audio_end(&self) -> MediaTime {
        let rate = self.audio.as_ref().map_or(1, |audio| audio.sample_rate);
        MediaTime::from_ticks(i64::try_from(self.audio_next).unwrap_or(i64::MAX), rate)
    }

    /// Writes the segments that are whole.
    fn advance(&mut self) -> Result<(), Error> {
        while let Some((frames, end)) = self.next_segment()? {
            self.write(frames, end)?;
        }
        if self.waiting > MOST_WAITING {
            return Err(Error::TooLarge("sound and picture lie too far apart".to_owned()));
        }
        Ok(())
    }

    /// How many frames the open segment has and where it ends, if it is whole.
    fn next_segment(&mut self) -> Result<Option<(usize, MediaTime)>, Error> {
        if !self.frames.is_empty() {
            let begins = |frame: &Coded| frame.keyframe && frame.pts - self.start >= SHORTEST;
            let next = self.frames.iter().skip(1).position(begins).map(|index| index + 1);
            let last = self.frames.iter().map(|frame| frame.pts).max().unwrap_or(self.start);
            if self.shape.copied && next.map_or(last, |next| self.frames[next].pts) - self.start > LONGEST_COPIED {
                return Err(Error::Unsupported("keyframes are too far apart".to_owned()));
            }
            return Ok(match next {
                Some(next) => {
                    let end = self.frames[next].pts;
                    (self.audio_ended || self.audio_end() >= end).then_some((next, end))
                }
                None if self.video_ended => {
                    let end = last + self.frame();
                    let trailing = self.audio_end() - end;
                    if self.audio_ended && trailing < TRAILING_SOUND {
                        Some((self.frames.len(), end.max(self.audio_end())))
                    } else {
                        (trailing >= TRAILING_SOUND).then_some((self.frames.len(), end))
                    }
                }
                None => None,
            });
        }
        if !self.video_ended || self.packets.is_empty() {
            return Ok(None);
        }
        // Sound alone: whole packets of at least two seconds.
        let end = self.audio_end();
        Ok((self.audio_ended || end - self.start >= SEGMENT).then_some((0, end)))
    }

    /// Writes the segment of the first `count` frames and the sound until `end`.
    fn write(&mut self, count: usize, end: MediaTime) -> Result<(), Error> {
        let keyframe = self.frames.first().map(|frame| frame.pts);
        let frames: Vec<Coded> = self.frames.drain(..count).collect();
        if frames.iter().any(|frame| Some(frame.pts) < keyframe) && self.shape.copied {
            return Err(Error::Unsupported("groups of pictures are open".to_owned()));
        }
        let video = video_samples(&frames, if self.frames.is_empty() { None } else { Some(end) }, self.frame());
        if self.shape.copied && video.iter().any(|sample| sample.composition < 0) {
            return Err(Error::Unsupported("pictures are decoded too long before they are shown".to_owned()));
        }
        if self.audio_ended && self.audio.is_some() && self.audio_end() < end {
            let rate = self.audio.as_ref().map_or(1, |audio| audio.sample_rate);
            self.fill_silence(u64::try_from(end.to_ticks(rate)).unwrap_or(0));
        }
        let mut audio = Vec::new();
        if let Some(track) = &self.audio {
            let until = u64::try_from(end.to_ticks(track.sample_rate)).unwrap_or(0);
            let lead = u64::try_from(LEAD.to_ticks(track.sample_rate)).unwrap_or(0);
            while let Some(packet) = self.packets.pop_front_if(|packet| packet.decode < until) {
                let duration = track.samples(&packet.data);
                audio.push(Sample { decode: packet.decode + lead, duration, composition: 0, sync: true, data: packet.data });
            }
            for index in 1..audio.len() {
                // Without silence to fill it, a hole prolongs the packet before it.
                audio[index - 1].duration = u32::try_from(audio[index].decode - audio[index - 1].decode).unwrap_or(u32::MAX);
            }
        }
        if video.is_empty() && audio.is_empty() {
            self.start = end;
            return Ok(());
        }
        self.waiting = self.frames.iter().map(|frame| frame.data.len()).chain(self.packets.iter().map(|packet| packet.data.len())).sum();
        let mut outputs = Vec::new();
        if self.number == 0 {
            outputs.extend(self.beginning());
        }
        let sequence = u32::try_from(self.number + 1).unwrap_or(u32::MAX);
        let msn = FIRST_MSN + self.number;
        let duration = end - self.start;
        outputs.push(Output::Part(Part {
            msn,
            index: 0,
            number: self.number,
            bytes: fmp4::fragment(sequence, &video, &audio),
            start: self.start,
            duration,
            independent: video.first().is_none_or(|sample| sample.sync),
            gap: false,
            program_date_time: self.shape.date_time.saturating_add(self.start.as_millis()),
            newest_arrival: Instant::now(),
        }));
        outputs.push(Output::SegmentEnd { msn, duration });
        self.recorder.append(&outputs)?;
        self.number += 1;
        self.start = end;
        Ok(())
    }

    /// What stands before the first segment. A track that never came is left out.
    fn beginning(&self) -> [Output; 2] {
        let (video, audio) = (self.video.as_ref(), self.audio.as_ref());
        let codecs = video.iter().map(|video| video.codec_string()).chain(audio.iter().map(|audio| audio.codec_string()));
        let codecs: Vec<_> = codecs.collect();
        let frame_rate = Some(self.shape.frame_rate).filter(|rate| *rate > 0.0);
        let longest = if self.shape.copied { LONGEST_COPIED } else { SEGMENT };
        let target_duration = u32::try_from((longest.as_millis() + 500) / 1000).unwrap_or(2);
        [
            Output::Started { target_duration, part_target: SEGMENT },
            Output::Init(Init {
                number: 0,
                bytes: fmp4::init(video, audio),
                codecs: codecs.join(","),
                video: video.map(|video| Picture { width: video.width, height: video.height, frame_rate }),
                audio: audio.map(|audio| Sound { sample_rate: audio.playback_rate(), channels: audio.channels }),
                discontinuity: false,
            }),
        ]
    }
}

/// Rounding of timestamps.
const SHORT: MediaTime = MediaTime::from_millis(2);

/// The samples of a segment, in decoding order; the last lasts until `end`, or for one `frame`.
fn video_samples(frames: &[Coded], end: Option<MediaTime>, frame: MediaTime) -> Vec<Sample> {
    let ticks = |time: MediaTime| u64::try_from(time.to_ticks(VIDEO_TIMESCALE)).unwrap_or(0);
    let mut decode: Vec<u64> = frames.iter().map(|frame| ticks(frame.pts)).collect();
    decode.sort_unstable();
    for index in 1..decode.len() {
        // Two frames at the same tick still are two.
        decode[index] = decode[index].max(decode[index - 1] + 1);
    }
    let last = decode.last().copied().unwrap_or(0);
    let end = end.map_or(last + ticks(frame), ticks).max(last + 1);
    let steps = decode.iter().zip(decode.iter().skip(1).chain([&end]));
    let samples = frames.iter().zip(steps).map(|(frame, (&at, &next))| Sample {
        decode: at,
        duration: u32::try_from(next - at).unwrap_or(u32::MAX),
        composition: i32::try_from(ticks(frame.pts + LEAD).cast_signed() - at.cast_signed()).unwrap_or(0),
        sync: frame.keyframe,
        data: frame.data.clone(),
    });
    samples.collect()
}
