//! A native peer of the swarm protocol (`docs/swarm-protocol.md`).
//!
//! [`wire`] holds the words, messages and manifests, [`core`] the scheduler. Neither needs a runtime.
#![warn(missing_docs)]

pub mod core;
pub mod wire;
