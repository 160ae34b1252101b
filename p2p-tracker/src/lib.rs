//! Swarms: who takes part in a broadcast, and who sends what to whom.
#![warn(missing_docs)]
