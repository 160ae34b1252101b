//! The words that every media crate of Shoal shares: a coded [`Unit`], the
//! [`Track`] it belongs to, and [`MediaTime`]. No I/O, no tokio.
#![warn(missing_docs)]

mod time;
mod track;
mod unit;

pub use time::MediaTime;
pub use track::{Audio, Codec, Error, Kind, Track, Tracks, Video};
pub use unit::Unit;
