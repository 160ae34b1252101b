//! A strict reader of playlists: what the grammar does not allow is an error.
//!
//! Written for this crate alone, from draft-pantos-hls-rfc8216bis-22 section 4,
//! so that it shares no mistake with any writer of playlists.

mod attributes;
pub mod media;
pub mod multivariant;

pub use media::Media;
pub use multivariant::Multivariant;

/// Why a text is not a playlist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct Error {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}

/// Whether a line is a blank or a comment, which readers pass over (4.1).
fn passed_over(line: &str) -> bool {
    line.is_empty() || (line.starts_with('#') && !line.starts_with("#EXT"))
}
