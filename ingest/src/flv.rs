//! FLV audio and video tag bodies: Adobe FLV 10.1 (annex E.4.2, E.4.3), the HEVC and AV1 that went round before
//! there was a rule for them, and Enhanced RTMP v1 and v2 (Veovera, "Enhanced RTMP v2").

use bytes::Bytes;
use media::Codec;

/// Tracks read from one multitrack message; OBS sends at most 6.
const MAX_TRACKS: usize = 16;

/// A tag body that says nothing usable.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// Cut short, or a reserved value.
    #[error("malformed tag")]
    Malformed,
    /// A coding that browsers do not play from fragmented MP4; its name.
    #[error("{0} cannot be played in browsers")]
    Unsupported(String),
}

/// One track's share of a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// 0 unless the tag is multitrack.
    pub track_id: u8,
    /// Its coding.
    pub codec: Codec,
    /// Nanoseconds to add to the tag's time (TimestampOffsetNano), below 1 ms.
    pub offset_ns: u32,
    /// What it holds.
    pub body: Body,
}

/// What a tag holds for a track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// The decoder configuration (sequence header).
    Config(Bytes),
    /// A frame or packet.
    Frame {
        /// As the tag claims; always true for audio.
        keyframe: bool,
        /// Presentation minus decoding time in ms.
        composition_ms: i32,
        /// The coded frame.
        data: Bytes,
    },
}

/// PacketType values of video and audio, where they agree.
mod packet {
    pub const SEQUENCE_START: u8 = 0;
    pub const CODED_FRAMES: u8 = 1;
    /// Video: coded frames whose composition time is zero and left out.
    pub const CODED_FRAMES_X: u8 = 3;
    pub const AUDIO_MULTITRACK: u8 = 5;
    pub const VIDEO_MULTITRACK: u8 = 6;
    pub const MOD_EX: u8 = 7;
}

/// FrameType of key frames.
const KEY: u8 = 1;
/// FrameType of server-generated info and commands.
const COMMAND: u8 = 5;

/// Reads an audio tag's body. Empty for what carries no media (multichannel configuration, sequence end).
pub fn audio(mut body: Bytes) -> Result<Vec<Item>, Error> {
    let Some(first) = take(&mut body) else { return Ok(Vec::new()) };
    let format = first >> 4;
    match format {
        // ExHeader
        9 => enhanced(first & 0x0F, packet::AUDIO_MULTITRACK, true, body, audio_codec),
        // AAC
        10 => {
            let packet_type = take(&mut body).ok_or(Error::Malformed)?;
            let body = match packet_type {
                0 => Body::Config(body),
                1 => Body::Frame { keyframe: true, composition_ms: 0, data: body },
                _ => return Err(Error::Malformed),
            };
            Ok(vec![Item { track_id: 0, codec: Codec::Aac, offset_ns: 0, body }])
        }
        _ => Err(Error::Unsupported(
            match format {
                0 | 3 => "PCM",
                1 => "ADPCM",
                2 | 14 => "MP3",
                4..=6 => "Nellymoser",
                7 | 8 => "G.711",
                11 => "Speex",
                _ => "this audio codec",
            }
            .into(),
        )),
    }
}

/// Reads a video tag's body. Empty for what carries no media (commands, metadata, sequence end).
pub fn video(mut body: Bytes) -> Result<Vec<Item>, Error> {
    let Some(first) = take(&mut body) else { return Ok(Vec::new()) };
    if first & 0x80 != 0 {
        let frame_type = first >> 4 & 7;
        if frame_type == COMMAND {
            return Ok(Vec::new());
        }
        return enhanced(first & 0x0F, packet::VIDEO_MULTITRACK, frame_type == KEY, body, video_codec);
    }
    let frame_type = first >> 4;
    let codec = match first & 0x0F {
        7 => Codec::H264,
        12 => Codec::H265,
        13 => Codec::Av1,
        other => {
            if frame_type == COMMAND {
                return Ok(Vec::new());
            }
            return Err(Error::Unsupported(
                match other {
                    2 => "FLV1 (Sorenson H.263)",
                    3 | 6 => "Screen Video",
                    4 | 5 => "VP6",
                    8 => "H.263",
                    9 => "MPEG-4 Part 2",
                    14 => "VP8",
                    _ => "this video codec",
                }
                .into(),
            ));
        }
    };
    if frame_type == COMMAND {
        return Ok(Vec::new());
    }
    let packet_type = take(&mut body).ok_or(Error::Malformed)?;
    let composition_ms = composition_time(&mut body)?;
    let body = match packet_type {
        0 => Body::Config(body),
        1 => Body::Frame { keyframe: frame_type == KEY, composition_ms, data: body },
        2 => return Ok(Vec::new()),
        _ => return Err(Error::Malformed),
    };
    Ok(vec![Item { track_id: 0, codec, offset_ns: 0, body }])
}

fn take(body: &mut Bytes) -> Option<u8> {
    let byte = *body.first()?;
    let _ = body.split_to(1);
    Some(byte)
}

fn array<const N: usize>(body: &mut Bytes) -> Result<[u8; N], Error> {
    let bytes = *body.first_chunk().ok_or(Error::Malformed)?;
    let _ = body.split_to(N);
    Ok(bytes)
}

fn u24(body: &mut Bytes) -> Result<u32, Error> {
    let [a, b, c] = array(body)?;
    Ok(u32::from_be_bytes([0, a, b, c]))
}

/// SI24
fn composition_time(body: &mut Bytes) -> Result<i32, Error> {
    let [a, b, c] = array(body)?;
    Ok(i32::from_be_bytes([a, b, c, 0]) >> 8)
}

fn four_cc(body: &mut Bytes, codec: fn([u8; 4]) -> Option<Codec>) -> Result<Codec, Error> {
    let name: [u8; 4] = array(body)?;
    codec(name).ok_or_else(|| {
        Error::Unsupported(match &name {
            b"ac-3" => "AC-3".into(),
            b"ec-3" => "E-AC-3".into(),
            b".mp3" => "MP3".into(),
            b"fLaC" => "FLAC".into(),
            b"vp08" => "VP8".into(),
            b"vvc1" => "VVC".into(),
            _ if name.iter().all(u8::is_ascii_graphic) => String::from_utf8_lossy(&name).into_owned(),
            _ => "this codec".into(),
        })
    })
}

fn video_codec(name: [u8; 4]) -> Option<Codec> {
    match &name {
        b"avc1" => Some(Codec::H264),
        b"hvc1" => Some(Codec::H265),
        b"av01" => Some(Codec::Av1),
        b"vp09" => Some(Codec::Vp9),
        _ => None,
    }
}

fn audio_codec(name: [u8; 4]) -> Option<Codec> {
    match &name {
        b"mp4a" => Some(Codec::Aac),
        b"Opus" => Some(Codec::Opus),
        _ => None,
    }
}

/// The rest of an ExAudioTagHeader or ExVideoTagHeader with its body; both have one form.
fn enhanced(
    mut packet_type: u8,
    multitrack: u8,
    keyframe: bool,
    mut body: Bytes,
    codec: fn([u8; 4]) -> Option<Codec>,
) -> Result<Vec<Item>, Error> {
    let mut offset_ns = 0;
    while packet_type == packet::MOD_EX {
        let mut size = usize::from(take(&mut body).ok_or(Error::Malformed)?) + 1;
        if size == 256 {
            size = usize::from(u16::from_be_bytes(array(&mut body)?)) + 1;
        }
        if body.len() < size {
            return Err(Error::Malformed);
        }
        let mut data = body.split_to(size);
        let next = take(&mut body).ok_or(Error::Malformed)?;
        packet_type = next & 0x0F;
        // TimestampOffsetNano, at most 999,999
        if next >> 4 == 0 && data.len() >= 3 {
            offset_ns = u24(&mut data)?.min(999_999);
        }
    }
    let item = |track_id, codec, packet_type, mut body: Bytes| {
        let body = match packet_type {
            packet::SEQUENCE_START => Body::Config(body),
            packet::CODED_FRAMES => {
                let timed = matches!(codec, Codec::H264 | Codec::H265);
                let composition_ms = if timed { composition_time(&mut body)? } else { 0 };
                Body::Frame { keyframe, composition_ms, data: body }
            }
            packet::CODED_FRAMES_X => Body::Frame { keyframe, composition_ms: 0, data: body },
            // sequence end, metadata (HDR), multichannel configuration, MPEG-2 TS sequence start
            _ => return Ok(None),
        };
        Ok(Some(Item { track_id, codec, offset_ns, body }))
    };
    if packet_type != multitrack {
        if !matches!(packet_type, packet::SEQUENCE_START | packet::CODED_FRAMES | packet::CODED_FRAMES_X) {
            return Ok(Vec::new());
        }
        let codec = four_cc(&mut body, codec)?;
        return Ok(item(0, codec, packet_type, body)?.into_iter().collect());
    }
    let kind = take(&mut body).ok_or(Error::Malformed)?;
    let (kind, packet_type) = (kind >> 4, kind & 0x0F);
    if packet_type == multitrack || packet_type == packet::MOD_EX {
        return Err(Error::Malformed);
    }
    match kind {
        // OneTrack
        0 => {
            let codec = four_cc(&mut body, codec)?;
            let track_id = take(&mut body).ok_or(Error::Malformed)?;
            Ok(item(track_id, codec, packet_type, body)?.into_iter().collect())
        }
        // ManyTracks, ManyTracksManyCodecs
        1 | 2 => {
            let shared = if kind == 1 { Some(four_cc(&mut body, codec)?) } else { None };
            let mut items = Vec::new();
            for _ in 0..MAX_TRACKS {
                if body.is_empty() {
                    break;
                }
                // Another track's coding is no reason to refuse the first one's.
                let codec = match shared.map_or_else(|| four_cc(&mut body, codec), Ok) {
                    Err(error @ Error::Unsupported(_)) if items.is_empty() => return Err(error),
                    Err(Error::Unsupported(_)) => None,
                    other => Some(other?),
                };
                let track_id = take(&mut body).ok_or(Error::Malformed)?;
                let size = u24(&mut body)? as usize;
                if body.len() < size {
                    return Err(Error::Malformed);
                }
                let track = body.split_to(size);
                if let Some(codec) = codec {
                    items.extend(item(track_id, codec, packet_type, track)?);
                }
            }
            Ok(items)
        }
        _ => Err(Error::Malformed),
    }
}

#[cfg(test)]
mod tests;
