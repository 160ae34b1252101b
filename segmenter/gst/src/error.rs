use std::path::PathBuf;
use std::time::Duration;

use gstreamer as gst;

/// Why a pipeline could not be built, or ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// GStreamer itself does not start.
    #[error("GStreamer does not start: {0}")]
    Start(#[from] gst::glib::Error),
    /// An element's plugin is not installed.
    #[error("GStreamer element {element} is missing (Debian package {package})")]
    MissingElement {
        /// The element's name.
        element: String,
        /// The Debian package that has it.
        package: &'static str,
    },
    /// The server could not be reached, or answered no.
    #[error("cannot publish to {server}: {reason}")]
    Refused {
        /// Host and port; never the stream key.
        server: String,
        /// In words.
        reason: String,
    },
    /// The server ended the connection while publishing.
    #[error("the connection to {server} was lost: {reason}")]
    Lost {
        /// Host and port; never the stream key.
        server: String,
        /// In words.
        reason: String,
    },
    /// An element failed.
    #[error("{element}: {message}")]
    Pipeline {
        /// The failing element.
        element: String,
        /// In GStreamer's words.
        message: String,
    },
    /// It was not done in time.
    #[error("{what} took longer than {limit:?}")]
    Timeout {
        /// What was waited for.
        what: &'static str,
        /// For how long.
        limit: Duration,
    },
    /// The media is of a kind that this operation cannot handle.
    #[error("unsupported media: {0}")]
    Unsupported(String),
    /// The media is encrypted.
    #[error("the media is encrypted")]
    Encrypted,
    /// The media is longer or larger than is taken.
    #[error("too large: {0}")]
    TooLarge(String),
    /// The caller did not want it any more.
    #[error("cancelled")]
    Cancelled,
    /// What was made could not be written.
    #[error(transparent)]
    Recording(#[from] segmenter::journal::Error),
    /// The media is broken.
    #[error("malformed media: {0}")]
    Malformed(String),
    /// The caller asked for something impossible.
    #[error("invalid option: {0}")]
    InvalidOption(String),
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}
