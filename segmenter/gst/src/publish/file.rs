//! Files in other containers than FLV.

use std::path::Path;

use gstreamer as gst;

use super::Encoder;
use super::feed::Feed;
use crate::Error;
use crate::pipeline::Pipeline;

/// Opens a file.
pub(super) async fn open(
    _pipeline: &mut Pipeline,
    path: &Path,
    _repeat: bool,
    _encoder: &Encoder,
    _sink: &gst::Element,
    _paced: bool,
) -> Result<Feed, Error> {
    Err(Error::Unsupported(path.display().to_string()))
}
