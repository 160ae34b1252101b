//! Lives from end to end: publishers come in by RTMP, players fetch Low-Latency HLS, replays are left.

#[path = "../support/mod.rs"]
mod support;

mod admission;
mod endings;
mod interruptions;
mod kills;
mod playback;
mod player;
mod proxy;
mod publisher;
mod swarm;
mod vod;
