//! A native peer of the swarm protocol (`docs/swarm-protocol.md`).
//!
//! [`wire`] holds the words, messages and manifests, [`core`] the scheduler. Neither needs a runtime.
//! `sim` (feature `sim`) runs the scheduler in a swarm in virtual time.
#![warn(missing_docs)]

pub mod core;
#[cfg(feature = "sim")]
pub mod sim;
pub mod wire;
