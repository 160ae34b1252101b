//! From messages to tracks and units: which track is taken, when the tracks are announced, what of a frame is kept.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use media::{Audio, Codec, Kind, MediaTime, Tracks, Unit, Video};

use crate::clock::Clock;
use crate::event::{Event, Metadata, Rejection};
use crate::flv::{self, Body, Item};
use crate::nal;

/// Media of one kind that is awaited in case the other kind's configuration still comes ...
const ANNOUNCE_AFTER_MEDIA: MediaTime = MediaTime::from_millis(500);
/// ... and time on the clock.
const ANNOUNCE_AFTER: Duration = Duration::from_secs(1);
/// Units held until the tracks are announced: two seconds of 120 frames and Opus packets ...
const MAX_HELD_UNITS: usize = 512;
/// ... and their bytes: a second at 32 Mbit/s.
const MAX_HELD_BYTES: usize = 4 * 1024 * 1024;
/// Largest decoder configuration kept; real ones have 20 to 400 bytes.
const MAX_CONFIG_BYTES: usize = 16 * 1024;
/// Pre-skip of an Opus stream that came without its header: libopus' 6.5 ms.
const OPUS_PRE_SKIP: u16 = 312;

struct VideoTrack {
    id: u8,
    raw: Bytes,
    video: Video,
    length_size: usize,
    waits_for_keyframe: bool,
}

struct AudioTrack {
    id: u8,
    raw: Bytes,
    audio: Audio,
}

/// What has been left out of a publish, in messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Tags and frames that contradict themselves.
    pub malformed: u64,
    /// Frames that nothing can be done with: before the configuration, before the first keyframe, of other tracks.
    pub unusable: u64,
}

/// One publish's media.
#[derive(Default)]
pub struct Publication {
    video: Option<VideoTrack>,
    audio: Option<AudioTrack>,
    video_clock: Clock,
    audio_clock: Clock,
    announced: Option<Tracks>,
    /// The tracks may differ from those announced.
    changed: bool,
    announces_video: Option<bool>,
    announces_audio: Option<bool>,
    /// When the first configuration or frame came.
    began: Option<Instant>,
    held: Vec<Unit>,
    held_bytes: usize,
    dropped: Dropped,
}

impl Publication {
    /// Whether the tracks have been announced.
    pub fn is_announced(&self) -> bool {
        self.announced.is_some()
    }

    /// What has been left out so far.
    pub fn dropped(&self) -> Dropped {
        self.dropped
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let waits = self.announced.is_none() && (self.video_ready() || self.audio.is_some());
        if waits { Some(self.began? + ANNOUNCE_AFTER) } else { None }
    }

    /// Announces a single track when the other has been waited for long enough.
    pub fn handle_timeout(&mut self, now: Instant, events: &mut VecDeque<Event>) {
        if self.poll_timeout().is_some_and(|at| at <= now) {
            self.announce(events);
        }
    }

    /// Takes `onMetaData`.
    pub fn handle_metadata(&mut self, metadata: Metadata, events: &mut VecDeque<Event>) {
        self.announces_video = metadata.announces_video;
        self.announces_audio = metadata.announces_audio;
        events.push_back(Event::Metadata(metadata));
    }

    /// Takes an audio tag's body; `timestamp` in milliseconds as sent.
    ///
    /// # Errors
    /// The publish must be refused.
    pub fn handle_audio(&mut self, now: Instant, timestamp: u32, body: Bytes, events: &mut VecDeque<Event>) -> Result<(), Rejection> {
        let Some(items) = self.items(flv::audio(body))? else { return Ok(()) };
        for item in items {
            self.began.get_or_insert(now);
            if self.audio.as_ref().is_some_and(|track| track.id != item.track_id) {
                self.dropped.unusable += 1;
                continue;
            }
            match item.body {
                Body::Config(raw) => self.configure_audio(item.track_id, item.codec, raw)?,
                Body::Frame { data, .. } => {
                    if self.audio.is_none() && item.codec == Codec::Opus && !data.is_empty() {
                        self.configure_audio(item.track_id, Codec::Opus, opus_head(&data))?;
                    }
                    self.audio_frame(now, timestamp, item.codec, item.offset_ns, data, events);
                }
            }
            self.try_announce(now, events);
        }
        Ok(())
    }

    /// Takes a video tag's body; `timestamp` in milliseconds as sent.
    ///
    /// # Errors
    /// The publish must be refused.
    pub fn handle_video(&mut self, now: Instant, timestamp: u32, body: Bytes, events: &mut VecDeque<Event>) -> Result<(), Rejection> {
        let Some(items) = self.items(flv::video(body))? else { return Ok(()) };
        for item in items {
            self.began.get_or_insert(now);
            if self.video.as_ref().is_some_and(|track| track.id != item.track_id) {
                self.dropped.unusable += 1;
                continue;
            }
            match item.body {
                Body::Config(raw) => self.configure_video(item.track_id, item.codec, raw)?,
                Body::Frame { .. } => self.video_frame(now, timestamp, item, events),
            }
            self.try_announce(now, events);
        }
        Ok(())
    }

    fn items(&mut self, items: Result<Vec<Item>, flv::Error>) -> Result<Option<Vec<Item>>, Rejection> {
        match items {
            Ok(items) => Ok(Some(items)),
            Err(flv::Error::Malformed) => {
                self.dropped.malformed += 1;
                Ok(None)
            }
            Err(flv::Error::Unsupported(codec)) => Err(refuse(&format!("{codec} cannot be played in browsers"))),
        }
    }

    fn configure_video(&mut self, id: u8, codec: Codec, raw: Bytes) -> Result<(), Rejection> {
        let current = self.video.as_ref();
        if raw.is_empty() || current.is_some_and(|track| track.video.codec == codec && track.raw == raw) {
            return Ok(());
        }
        if raw.len() > MAX_CONFIG_BYTES {
            self.dropped.malformed += 1;
            return Ok(());
        }
        let length_size = nal::length_size(codec, &raw).unwrap_or(4);
        match Video::parse(codec, nal::with_long_lengths(codec, &raw)) {
            Ok(video) => {
                self.video = Some(VideoTrack { id, raw, video, length_size, waits_for_keyframe: true });
                self.changed = true;
                Ok(())
            }
            Err(error) => self.bad_configuration(self.video.is_some(), &error),
        }
    }

    fn configure_audio(&mut self, id: u8, codec: Codec, raw: Bytes) -> Result<(), Rejection> {
        let current = self.audio.as_ref();
        if raw.is_empty() || current.is_some_and(|track| track.audio.codec == codec && track.raw == raw) {
            return Ok(());
        }
        if raw.len() > MAX_CONFIG_BYTES {
            self.dropped.malformed += 1;
            return Ok(());
        }
        match Audio::parse(codec, raw.clone()) {
            Ok(audio) => {
                self.audio = Some(AudioTrack { id, raw, audio });
                self.changed = true;
                Ok(())
            }
            Err(error) => self.bad_configuration(self.audio.is_some(), &error),
        }
    }

    /// A configuration that is damaged is passed over while there is an older one; one that is sound and cannot be
    /// played ends the publish.
    fn bad_configuration(&mut self, has_older: bool, error: &media::Error) -> Result<(), Rejection> {
        if has_older && matches!(error, media::Error::Malformed { .. }) {
            self.dropped.malformed += 1;
            return Ok(());
        }
        Err(refuse(&error.to_string()))
    }

    fn audio_frame(&mut self, now: Instant, timestamp: u32, codec: Codec, offset_ns: u32, data: Bytes, events: &mut VecDeque<Event>) {
        let data = if codec == Codec::Aac { without_adts(data) } else { data };
        if data.is_empty() || self.audio.as_ref().is_none_or(|track| track.audio.codec != codec) {
            self.dropped.unusable += 1;
            return;
        }
        let dts = media_time(self.audio_clock.unwrap(timestamp, self.video_clock), offset_ns);
        self.push(Unit { kind: Kind::Audio, dts, pts: dts, keyframe: true, data, arrival: now }, events);
    }

    fn video_frame(&mut self, now: Instant, timestamp: u32, item: Item, events: &mut VecDeque<Event>) {
        let Body::Frame { keyframe, composition_ms, data } = item.body else { return };
        let Some(track) = self.video.as_mut().filter(|track| track.video.codec == item.codec && !data.is_empty()) else {
            self.dropped.unusable += 1;
            return;
        };
        let checked = match item.codec {
            Codec::H264 | Codec::H265 => nal::check(item.codec, data, track.length_size),
            Codec::Av1 => Some((without_temporal_delimiter(data), keyframe)),
            _ => Some((data, keyframe)),
        };
        let Some((data, keyframe)) = checked.filter(|(data, _)| !data.is_empty()) else {
            self.dropped.malformed += 1;
            return;
        };
        if track.waits_for_keyframe && !keyframe {
            self.dropped.unusable += 1;
            return;
        }
        if track.video.width == 0 {
            track.video.observe(&data);
            self.changed = true;
        }
        if track.video.width == 0 {
            self.dropped.malformed += 1;
            return;
        }
        track.waits_for_keyframe = false;
        let dts = media_time(self.video_clock.unwrap(timestamp, self.audio_clock), item.offset_ns);
        let pts = dts + MediaTime::from_millis(i64::from(composition_ms));
        // A size that only the keyframe told must be announced before it.
        self.try_announce(now, events);
        self.push(Unit { kind: Kind::Video, dts, pts, keyframe, data, arrival: now }, events);
    }

    fn push(&mut self, unit: Unit, events: &mut VecDeque<Event>) {
        if self.announced.is_some() {
            events.push_back(Event::Unit(unit));
            return;
        }
        self.held_bytes += unit.data.len();
        self.held.push(unit);
    }

    /// VP9's size is known only from its first keyframe.
    fn video_ready(&self) -> bool {
        self.video.as_ref().is_some_and(|track| track.video.width > 0)
    }

    fn try_announce(&mut self, now: Instant, events: &mut VecDeque<Event>) {
        let (video, audio) = (self.video_ready(), self.audio.is_some());
        if !video && !audio {
            return;
        }
        if self.announced.is_some() {
            if self.changed {
                self.announce(events);
            }
            return;
        }
        let complete = match (video, audio) {
            (true, true) => true,
            (true, false) => self.announces_video == Some(true) && self.announces_audio == Some(false),
            (false, _) => self.announces_audio == Some(true) && self.announces_video == Some(false),
        };
        let waited = self.began.is_some_and(|began| now >= began + ANNOUNCE_AFTER)
            || self.held_span() >= ANNOUNCE_AFTER_MEDIA
            || self.held.len() >= MAX_HELD_UNITS
            || self.held_bytes >= MAX_HELD_BYTES;
        if complete || waited {
            self.announce(events);
        }
    }

    fn held_span(&self) -> MediaTime {
        match (self.held.first(), self.held.last()) {
            (Some(first), Some(last)) => (last.dts - first.dts).abs(),
            _ => MediaTime::ZERO,
        }
    }

    /// Announces the tracks if they are not those announced before, and lets the held units follow.
    fn announce(&mut self, events: &mut VecDeque<Event>) {
        let tracks = Tracks {
            video: self.video.as_ref().map(|track| track.video.clone()).filter(|video| video.width > 0),
            audio: self.audio.as_ref().map(|track| track.audio.clone()),
        };
        if self.announced.as_ref() != Some(&tracks) {
            events.push_back(Event::Tracks(tracks.clone()));
            self.announced = Some(tracks);
        }
        self.changed = false;
        self.held_bytes = 0;
        events.extend(std::mem::take(&mut self.held).into_iter().map(Event::Unit));
    }
}

fn refuse(why: &str) -> Rejection {
    Rejection::Unsupported(format!(
        "{why}. Shoal needs H.264, H.265, AV1 or VP9 video and AAC or Opus audio: choose H.264 and AAC in the encoder."
    ))
}

fn media_time(ms: i64, offset_ns: u32) -> MediaTime {
    MediaTime::from_millis(ms) + MediaTime::from_nanos(i64::from(offset_ns))
}

/// An AAC frame without the ADTS header (ISO/IEC 13818-7, section 6.2) that some encoders leave in front of it.
fn without_adts(data: Bytes) -> Bytes {
    let &[a, b, _, d, e, f, _, ..] = &data[..] else { return data };
    // syncword and layer
    if a != 0xFF || b & 0xF6 != 0xF0 {
        return data;
    }
    let header = if b & 1 == 1 { 7 } else { 9 };
    let length = usize::from(d & 3) << 11 | usize::from(e) << 3 | usize::from(f >> 5);
    if length == data.len() && length > header { data.slice(header..) } else { data }
}

/// A temporal unit as ISO BMFF stores it: without the temporal delimiter OBU (AV1-ISOBMFF, section 2.4).
fn without_temporal_delimiter(data: Bytes) -> Bytes {
    if data.starts_with(&[0x12, 0x00]) { data.slice(2..) } else { data }
}

/// The identification header of a stream that came without it (RFC 7845, section 5.1), by its first packet.
fn opus_head(packet: &[u8]) -> Bytes {
    let stereo = packet.first().is_some_and(|toc| toc & 4 != 0);
    let mut head = b"OpusHead\x01".to_vec();
    head.push(1 + u8::from(stereo));
    head.extend_from_slice(&OPUS_PRE_SKIP.to_le_bytes());
    head.extend_from_slice(&48_000_u32.to_le_bytes());
    head.extend_from_slice(&[0, 0, 0]);
    head.into()
}

#[cfg(test)]
mod tests;
