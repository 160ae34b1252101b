//! Swarms: who takes part in a broadcast, and who sends what to whom.
//!
//! [`Tracker`] holds the swarms and speaks the WebTorrent tracker protocol with Shoal's additions
//! (docs/swarm-protocol.md) on any number of [`Connection`]s. [`swarm`], [`topology`], [`stun`] and the rest are cores without
//! I/O; sockets are behind the feature `net`.
#![warn(missing_docs)]

mod address;
#[cfg(feature = "net")]
pub mod clock;
mod counters;
pub mod frame;
pub mod http;
pub mod ids;
mod member;
mod mesh;
mod outgoing;
mod overlay;
mod peers;
pub mod protocol;
pub mod stun;
pub mod swarm;
pub mod token;
pub mod topology;
mod tracker;
#[cfg(test)]
mod world;
#[cfg(feature = "net")]
pub mod ws;

pub use address::AddressKey;
pub use ids::{InfoHash, OfferId, PeerId};
pub use member::Offload;
pub use overlay::SMALL_SWARM;
pub use swarm::Kind;
pub use token::Tokens;
pub use tracker::{Access, Connection, Frame, Limits, Summary, TooManyConnections, Tracker};
