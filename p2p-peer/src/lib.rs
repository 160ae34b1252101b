//! A native peer of the swarm protocol (`docs/swarm-protocol.md`).
//!
//! [`wire`] holds the words, messages and manifests, [`core`] the scheduler. Neither needs a runtime.
//! `driver` (feature `net`) runs the scheduler with WebRTC, HTTP and real time;
//! `sim` (feature `sim`) runs the scheduler in a swarm in virtual time.
#![warn(missing_docs)]

pub mod core;
#[cfg(feature = "net")]
pub mod driver;
#[cfg(feature = "sim")]
pub mod sim;
pub mod wire;
