//! Units become parts of fragmented MP4 and Low-Latency HLS playlists
//! (draft-pantos-hls-rfc8216bis). Cores without I/O; time is an argument.
#![warn(missing_docs)]

pub mod output;

pub use output::{Cut, Init, Output, Part, Picture, Reason, Sound};
