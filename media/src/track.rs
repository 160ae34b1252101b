use bytes::Bytes;

use crate::{aac, av1, h264, h265, opus, vp9};

/// The two kinds of track that a publish can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
}

/// A coding that browsers play from fragmented MP4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// ITU-T H.264 (AVC).
    H264,
    /// ITU-T H.265 (HEVC).
    H265,
    /// AOMedia AV1.
    Av1,
    /// VP9.
    Vp9,
    /// MPEG-4 AAC (LC, HE, HEv2).
    Aac,
    /// Opus.
    Opus,
}

/// A decoder configuration that cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The record ends early or contradicts itself.
    #[error("malformed {codec:?} configuration: {reason}")]
    Malformed {
        /// Whose configuration.
        codec: Codec,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Well formed, but no browser plays it.
    #[error("unsupported {codec:?} configuration: {reason}")]
    Unsupported {
        /// Whose configuration.
        codec: Codec,
        /// What browsers cannot play.
        reason: &'static str,
    },
}

/// A video track's parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Video {
    /// The coding.
    pub codec: Codec,
    /// The decoder configuration record as ISO BMFF stores it, without box header: `avcC`, `hvcC`, `av1C`, or
    /// `vpcC` (with its version and flags).
    pub config: Bytes,
    /// Picture width in pixels as displayed (cropping applied). VP9: 0 until a keyframe was [observed](Video::observe).
    pub width: u32,
    /// Picture height in pixels as displayed.
    pub height: u32,
}

/// Larger pictures are a damaged record: no encoder makes them and no browser decodes them.
const MAX_DIMENSION: u32 = 16_384;

impl Video {
    /// Reads a decoder configuration record (the payload of a sequence header).
    ///
    /// # Errors
    /// [`Error::Malformed`] if the record has no readable picture size, or if `codec` is not a video codec.
    pub fn parse(codec: Codec, config: Bytes) -> Result<Self, Error> {
        let malformed = |reason| Error::Malformed { codec, reason };
        let (width, height) = match codec {
            Codec::H264 => h264::config_sps(&config).map(|sps| (sps.width, sps.height)),
            Codec::H265 => h265::config_dimensions(&config),
            Codec::Av1 => av1::config_sequence(&config).map(|sequence| (sequence.width, sequence.height)),
            Codec::Vp9 => {
                let config = vp9::normalize(&config).ok_or(malformed("no vpcC record"))?;
                return Ok(Self { codec, config, width: 0, height: 0 });
            }
            Codec::Aac | Codec::Opus => return Err(malformed("not a video codec")),
        }
        .ok_or(malformed("no readable sequence parameters"))?;
        if !(1..=MAX_DIMENSION).contains(&width) || !(1..=MAX_DIMENSION).contains(&height) {
            return Err(malformed("implausible picture size"));
        }
        Ok(Self { codec, config, width, height })
    }

    /// Takes from a keyframe what the record leaves open: the picture size of VP9.
    pub fn observe(&mut self, keyframe: &[u8]) {
        if self.codec == Codec::Vp9
            && self.width == 0
            && let Some((width, height)) = vp9::keyframe_dimensions(keyframe)
        {
            (self.width, self.height) = (width, height);
        }
    }

    /// RFC 6381 codecs parameter, e.g. `avc1.64001f`.
    pub fn codec_string(&self) -> String {
        match self.codec {
            Codec::H265 => h265::codec_string(&self.config),
            Codec::Av1 => av1::codec_string(&self.config),
            Codec::Vp9 => vp9::codec_string(&self.config),
            _ => self.config.get(1..4).map(|p| format!("avc1.{:02x}{:02x}{:02x}", p[0], p[1], p[2])),
        }
        .unwrap_or_default()
    }

    /// Frames per second, if the record says so (VUI or sequence timing). Encoders get this wrong: a hint.
    pub fn frame_rate(&self) -> Option<f64> {
        match self.codec {
            Codec::H264 => h264::config_sps(&self.config)?.frame_rate,
            Codec::H265 => h265::config_frame_rate(&self.config),
            Codec::Av1 => av1::config_sequence(&self.config)?.frame_rate,
            _ => None,
        }
    }

    /// The key frame interval in frames, if the encoder wrote its settings into this `keyframe` (x264, x265).
    pub fn keyframe_interval(&self, keyframe: &Bytes) -> Option<u32> {
        match self.codec {
            Codec::H264 => h264::x264_keyint(keyframe),
            // x265 may write them into the record instead.
            Codec::H265 => h265::x265_keyint(keyframe).or_else(|| h265::x265_keyint(&self.config)),
            _ => None,
        }
    }
}

/// `rate` in frames per second if a camera or a screen could have it.
pub(crate) fn plausible_rate(rate: f64) -> Option<f64> {
    (1.0..=480.0).contains(&rate).then_some(rate)
}

/// An audio track's parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audio {
    /// The coding.
    pub codec: Codec,
    /// AAC: the AudioSpecificConfig. Opus: the payload of `dOps`.
    pub config: Bytes,
    /// Samples per second as decoded without extensions (HE-AAC: the core's rate). Opus: 48000.
    pub sample_rate: u32,
    /// Number of channels.
    pub channels: u8,
    /// Samples (at `sample_rate`) in one packet: 1024 or 960 for AAC; Opus: 960 until a packet says otherwise.
    pub samples_per_unit: u32,
}

impl Audio {
    /// Reads a decoder configuration: an AudioSpecificConfig; OpusHead or the payload of `dOps`.
    ///
    /// # Errors
    /// [`Error::Malformed`] if the record cannot be read, or if `codec` is not an audio codec;
    /// [`Error::Unsupported`] for kinds of AAC that browsers do not play.
    pub fn parse(codec: Codec, config: Bytes) -> Result<Self, Error> {
        let malformed = |reason| Error::Malformed { codec, reason };
        match codec {
            Codec::Aac => {
                let asc = aac::config(&config).ok_or(malformed("no AudioSpecificConfig"))?;
                if asc.object_type != aac::LOW_COMPLEXITY {
                    return Err(Error::Unsupported { codec, reason: "only AAC-LC, HE-AAC and HE-AAC v2 are played" });
                }
                if asc.channels == 0 {
                    return Err(Error::Unsupported { codec, reason: "the channel layout is not known" });
                }
                let channels = if asc.parametric_stereo { 2 } else { asc.channels };
                let (sample_rate, samples_per_unit) = (asc.sample_rate, asc.samples_per_frame);
                Ok(Self { codec, config, sample_rate, channels, samples_per_unit })
            }
            Codec::Opus => {
                let config = opus::normalize(&config).ok_or(malformed("no OpusHead or dOps"))?;
                let channels = config[1];
                Ok(Self { codec, config, sample_rate: opus::SAMPLE_RATE, channels, samples_per_unit: 960 })
            }
            _ => Err(malformed("not an audio codec")),
        }
    }

    /// RFC 6381 codecs parameter, e.g. `mp4a.40.2`.
    pub fn codec_string(&self) -> String {
        if self.codec == Codec::Opus {
            return "Opus".into();
        }
        match aac::config(&self.config) {
            Some(asc) if asc.parametric_stereo => "mp4a.40.29",
            Some(asc) if asc.extension_rate.is_some() => "mp4a.40.5",
            _ => "mp4a.40.2",
        }
        .into()
    }

    /// Samples per second as played: HE-AAC's extension doubles the core's `sample_rate`.
    pub fn playback_rate(&self) -> u32 {
        let asc = if self.codec == Codec::Aac { aac::config(&self.config) } else { None };
        asc.and_then(|asc| asc.extension_rate).unwrap_or(self.sample_rate)
    }

    /// Samples (at `sample_rate`) in `packet`: Opus packets tell, AAC's are all the same.
    pub fn samples(&self, packet: &[u8]) -> u32 {
        let told = if self.codec == Codec::Opus { opus::packet_samples(packet) } else { None };
        told.unwrap_or(self.samples_per_unit)
    }
}

/// One track's parameters. Two tracks that compare equal can share an initialisation segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Track {
    /// Pictures.
    Video(Video),
    /// Sound.
    Audio(Audio),
}

/// The tracks of a publish: at least one, at most one of each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tracks {
    /// The video track, if there is one.
    pub video: Option<Video>,
    /// The audio track, if there is one.
    pub audio: Option<Audio>,
}
