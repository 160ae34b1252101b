//! The words that every media crate of Shoal shares: a coded [`Unit`], the
//! [`Track`] it belongs to, and [`MediaTime`]. No I/O, no tokio.
#![warn(missing_docs)]

pub mod aac;
mod av1;
mod bits;
pub mod h264;
pub mod h265;
pub mod opus;
mod time;
mod track;
mod unit;
mod vp9;

pub use time::MediaTime;
pub use track::{Audio, Codec, Error, Kind, Track, Tracks, Video};
pub use unit::Unit;
