//! Publishers come in: RTMP and RTMPS, legacy and enhanced FLV.
//!
//! [`session::Session`] is the protocol without I/O; [`Server`] (feature `server`) drives it over sockets.
#![warn(missing_docs)]

mod aggregate;
pub mod amf0;
pub mod chunk;
mod clock;
mod event;
pub mod flv;
mod handshake;
mod nal;
mod name;
mod publication;
mod reply;
#[cfg(feature = "server")]
mod server;
pub mod session;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use event::{End, Event, Metadata, Rejection, StreamKey};
pub use name::APPLICATION;
pub use publication::Dropped;
#[cfg(feature = "server")]
pub use server::{Config, Limits, Liveness, Publish, Server, Tls, UnitReader};
