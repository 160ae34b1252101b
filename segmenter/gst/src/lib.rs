//! Everything that Shoal leaves to GStreamer: publishing a file or a test pattern by RTMP ([`publish()`]), the ladder
//! of renditions ([`Ladder`]), video on demand ([`vod`]), probing ([`probe()`]), thumbnails ([`thumbnail()`]) and remuxing recorded runs
//! ([`remux()`], [`join()`]). No other crate links it.
#![warn(missing_docs)]

mod decoder;
mod error;
mod ladder;
mod pipeline;
mod probe;
mod publish;
mod remux;
pub mod stamp;
mod thumbnail;
pub mod vod;

pub use error::Error;
pub use ladder::{Ladder, LadderOptions, LadderOutput, Rung};
pub use probe::{AudioInfo, MediaInfo, Orientation, VideoInfo, probe};
pub use publish::{Encoder, Options, Pattern, Preset, Progress, Report, Source, Target, publish, publish_until};
pub use remux::{Joined, Piece, join, remux};
pub use stamp::read_stamp;
pub use thumbnail::thumbnail;
