//! Recording of one rendition on disk, for DVR, replay and going on after a crash.
//!
//! A directory holds run files (`run-0.mp4`, …: an initialisation section and parts, each a playable fragmented
//! MP4) and `journal`, an append-only list of what is in them, one checked line each. Bytes are written before
//! the line that tells of them, so whatever instruction a crash hits, the journal up to its last whole line is
//! true; the rest is cut off by [`Recorder::recover`].
//!
//! A run goes on in the same file as long as the initialisation stays the same, across reconnects too.
//! All calls block on the file system; run them where that is fine.

mod line;
mod recorder;
mod recording;

pub use recorder::{Recorder, Rotation};
pub use recording::{RecordedPart, RecordedSegment, Recording};

use std::io;
use std::path::{Path, PathBuf};

/// Why a recording cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file system refused; `ENOSPC` is [`io::ErrorKind::StorageFull`].
    #[error("{}: {source}", path.display())]
    Io {
        /// What was being read or written.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// There is no journal, or not even its first line is whole.
    #[error("{}: no recording", .0.display())]
    Empty(PathBuf),
    /// A recording is already there; see [`Recorder::recover`].
    #[error("{}: already holds a recording", .0.display())]
    Exists(PathBuf),
    /// An earlier error ended this recording; what was written before is whole.
    #[error("the recording has stopped")]
    Stopped,
}

impl Error {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}

fn journal_path(dir: &Path) -> PathBuf {
    dir.join("journal")
}

/// The name of run file `run` in a recording's directory.
pub fn run_file_name(run: u32) -> String {
    format!("run-{run}.mp4")
}
