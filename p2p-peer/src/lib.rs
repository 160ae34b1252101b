//! A native peer of the swarm protocol (`docs/swarm-protocol.md`).
#![warn(missing_docs)]
