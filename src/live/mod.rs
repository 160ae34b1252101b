//! Broadcasts.

pub mod status;

use std::io;
use std::net::SocketAddr;

use uuid::Uuid;

use crate::app::App;
use status::Status;

/// Where publishers are taken.
#[derive(Clone, Copy, Debug, Default)]
pub struct Listening {
    /// RTMP.
    pub rtmp: Option<SocketAddr>,
    /// RTMP with TLS.
    pub rtmps: Option<SocketAddr>,
}

/// All running broadcasts; cheap to clone.
#[derive(Clone, Default)]
pub struct Live {}

impl Live {
    /// Starts taking publishers.
    pub async fn start(&self, _app: &App) -> io::Result<Listening> {
        Ok(Listening::default())
    }

    /// Ends everything cleanly.
    pub async fn stop(&self) {}

    /// A running broadcast's status.
    pub fn status(&self, _video: Uuid) -> Option<Status> {
        None
    }

    /// Ends a broadcast at once; false when none runs.
    pub async fn end(&self, _video: Uuid) -> bool {
        false
    }
}
