//! Finished videos: how files that people upload become such, where their files are, their manifests, made once, and their swarms
//! (docs/swarm-protocol.md).
//!
//! All there is to know about such a video is in its folder: a multivariant playlist, media playlists of byte ranges, the
//! files with these bytes, and for each rendition a file of signed manifests.

mod hashes;
pub mod imports;
mod job;
mod manifests;
mod moving;
mod playlist;
mod storyboard;
mod swarms;
mod transcode;
pub mod uploaded;
pub mod workshop;

use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

pub use hashes::{HashFiles, file_path};
pub use job::{SignManifests, enqueue_missing};
pub use manifests::Index;
pub use moving::{MoveToDisk, MoveToObjectStorage, RemoveVersion, enqueue_moves, needs_original};
pub use storyboard::DrawStoryboard;
pub use swarms::{Swarm, Swarms};
pub use transcode::{Transcode, enqueue as enqueue_transcoding, remove_leftovers};

use crate::domain::Playlist;

/// Stripes of a segment: nobody pushes here, so they only say how a small one is cut.
pub const STRIPES: u8 = 4;

/// Where uploaded files of a video are; nobody is ever served from there. A name that begins with a dot is not whole yet.
pub fn originals_folder(data_dir: &Path, video: Uuid) -> PathBuf {
    data_dir.join("original-video-files").join(video.to_string())
}

/// What the name of sprites ends with.
const STORYBOARD: &str = "-storyboard.jpg";

/// A new name for the sprites of a video, in its folder. `prefix`: what the names of its playlists begin with. They go with those; the
/// rest of the name nobody can guess.
pub fn storyboard_file(prefix: &str) -> String {
    format!("{prefix}-{}{STORYBOARD}", Uuid::new_v4().simple())
}

/// What the names of a video's playlists, and of what goes with them, begin with.
fn prefix_of(playlist: &Playlist) -> Option<&str> {
    playlist.playlist.strip_suffix("-master.m3u8")
}

/// Whether a name is one of sprites.
pub fn is_storyboard(file: &str) -> bool {
    file.ends_with(STORYBOARD)
}

/// Why a video's manifests cannot be made or read. Always this server's fault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file is not there, or does not let itself be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A playlist is none that this server writes.
    #[error("{path}: line {line}: {reason}")]
    Playlist {
        /// Which.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// A file of manifests holds something else.
    #[error("{path}: byte {offset}: {reason}")]
    Manifests {
        /// Which.
        path: PathBuf,
        /// Of the frame.
        offset: u64,
        /// What is wrong.
        reason: &'static str,
    },
}

impl Error {
    fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }

    /// There is no such file (yet, or any more).
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::File { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_sprites_cannot_be_guessed() {
        let (one, other) = (storyboard_file("ab12cd34"), storyboard_file("ab12cd34"));
        assert!(one.starts_with("ab12cd34-") && is_storyboard(&one), "{one}");
        assert_ne!(one, other);
        assert!(!is_storyboard("ab12cd34-720.m3u8"));
    }
}
