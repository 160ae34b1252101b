//! Clients for tests: sessions as different encoders speak them, made of FLV files, and a mutator of such sessions.
//!
//! Everything here is deterministic and without I/O, but for [`send`].

mod client;
mod drive;
pub mod fuzz;
mod mutate;

use bytes::Bytes;

pub use client::{ChunkWriter, Recording, Style, command};
pub use drive::{Outcome, attempt, run, send};
pub use mutate::{Rng, mutate};

/// Two seconds of 64x48 H.264 (10 fps, a keyframe each second, 2 B-frames) and AAC.
pub const SAMPLE_FLV: &[u8] = include_bytes!("../../testdata/sample.flv");

/// Sessions as ffmpeg 5.1 and GStreamer 1.22 sent them, captured on the wire.
const CAPTURED: [&[u8]; 2] = [include_bytes!("../../testdata/ffmpeg.rtmp"), include_bytes!("../../testdata/gstreamer.rtmp")];

/// A session of each style, made of [`SAMPLE_FLV`] and published to `/live/key`, and the captured ones.
pub fn recordings() -> Vec<Recording> {
    let made = Style::ALL.map(|style| Recording::new(style, "live", "key", &tags(SAMPLE_FLV)));
    made.into_iter().chain(CAPTURED.iter().filter_map(|bytes| Recording::captured(bytes))).collect()
}

/// One tag of an FLV file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// 8 audio, 9 video, 18 script data: also the RTMP message type.
    pub type_id: u8,
    /// Milliseconds.
    pub timestamp: u32,
    /// The tag's body.
    pub body: Bytes,
}

/// The tags of an FLV `file`, up to its end or its first fault.
pub fn tags(file: &[u8]) -> Vec<Tag> {
    let mut rest = file.get(13..).unwrap_or_default();
    let mut tags = Vec::new();
    while let Some(&[type_id, l0, l1, l2, t0, t1, t2, t3, _, _, _]) = rest.first_chunk() {
        let length = u32::from_be_bytes([0, l0, l1, l2]) as usize;
        let Some(body) = rest.get(11..11 + length) else { break };
        tags.push(Tag { type_id, timestamp: u32::from_be_bytes([t3, t0, t1, t2]), body: Bytes::copy_from_slice(body) });
        rest = rest.get(11 + length + 4..).unwrap_or_default();
    }
    tags
}
