//! Fragmented MP4 (ISO/IEC 14496-12): the initialisation segment and the one-`moof` parts of a rendition.
//!
//! Track 1 is video with a timescale of 90 kHz, track 2 audio with its sampling rate. `tfdt` is the decoding time
//! and composition offsets are signed, so a part can end between any two frames.

mod fragment;
mod init;
pub mod read;

pub use fragment::{Sample, fragment};
pub use init::init;

/// `track_ID` of the video track.
pub const VIDEO_TRACK: u32 = 1;
/// `track_ID` of the audio track.
pub const AUDIO_TRACK: u32 = 2;
/// Ticks per second of the video track: holds RTMP's milliseconds exactly.
pub const VIDEO_TIMESCALE: u32 = 90_000;

/// `sample_flags`: decoding can start here (depends on no other sample).
const SYNC: u32 = 0x0200_0000;
/// `sample_flags`: depends on others, is no sync sample.
const NON_SYNC: u32 = 0x0101_0000;
