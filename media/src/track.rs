use bytes::Bytes;

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
}

/// A video track's parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Video {
    /// The coding.
    pub codec: Codec,
    /// The decoder configuration record as ISO BMFF stores it, without box header: `avcC`, `hvcC`, `av1C` or `vpcC`.
    pub config: Bytes,
    /// Picture width in pixels as displayed (cropping applied).
    pub width: u32,
    /// Picture height in pixels as displayed.
    pub height: u32,
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
