use std::time::Instant;

use bytes::Bytes;

use crate::{Kind, MediaTime};

/// One coded frame (video) or packet (audio), as its container carried it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Which of the publish's two tracks it belongs to.
    pub kind: Kind,
    /// Decoding time. Unwrapped (never jumps back because a counter overflowed), otherwise as
    /// the encoder said: it may jump, repeat or start anywhere.
    pub dts: MediaTime,
    /// Presentation time; may lie before `dts` (negative composition offsets).
    pub pts: MediaTime,
    /// Decoding can start here (IDR/key frame). Always true for audio.
    pub keyframe: bool,
    /// The payload in the form ISO BMFF stores it: length-prefixed NAL units (H.264, H.265), a temporal
    /// unit of OBUs without delimiter (AV1), one frame (VP9), one raw AAC frame, one Opus packet.
    pub data: Bytes,
    /// When its last byte arrived.
    pub arrival: Instant,
}
