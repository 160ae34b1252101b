//! Videos that do not change any more: their manifests, made once, and their swarms (docs/swarm-protocol.md).
//!
//! All there is to know about such a video is in its folder: a multivariant playlist, media playlists of byte ranges, the
//! files with these bytes, and for each rendition a file of signed manifests.

pub mod imports;
mod job;
mod manifests;
mod playlist;
mod swarms;
pub mod uploaded;

use std::io;
use std::path::PathBuf;

pub use job::{SignManifests, enqueue_missing};
pub use manifests::Index;
pub use swarms::{Swarm, Swarms};
pub use uploaded::Uploaded;

/// Stripes of a segment: nobody pushes here, so they only say how a small one is cut.
pub const STRIPES: u8 = 4;

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
