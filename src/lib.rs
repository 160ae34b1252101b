//! Shoal: a live streaming engine with an embedded video platform.
//!
//! The rooms of this crate and their direction: `main -> app -> {http, live, vod, jobs} -> store -> domain`
//! (ARCHITECTURE.md).

pub mod allowance;
pub mod app;
pub mod blobs;
pub mod cli;
pub mod config;
pub mod domain;
pub mod events;
mod export;
pub mod fetch;
mod hangup;
pub mod http;
pub mod images;
pub mod import;
pub mod jobs;
pub mod live;
pub mod mail;
pub mod markdown;
pub mod metrics;
pub mod pictures;
mod removal;
mod secrets;
pub mod store;
mod tally;
mod tls;
pub mod torrent;
pub mod uploads;
pub mod users;
pub mod vod;
