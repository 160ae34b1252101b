//! Units become parts of fragmented MP4 and Low-Latency HLS playlists
//! (draft-pantos-hls-rfc8216bis). Cores without I/O; time is an argument.
#![warn(missing_docs)]

pub mod fmp4;
pub mod growth;
pub mod journal;
pub mod multivariant;
pub mod name;
pub mod output;
pub mod packager;
pub mod playlist;
pub mod reload;
#[cfg(feature = "server")]
pub mod rendition;
pub mod sha256;
mod timeline;
pub mod vod;
pub mod window;

pub use output::{Cut, Init, Output, Part, Picture, Reason, Sound};
