//! Finished videos: what becomes of files that people upload, where it is kept, and the jobs that do it; on SQLite and on
//! PostgreSQL, on disk and in object storage.

#[path = "../support/mod.rs"]
mod support;

mod clips;
mod crashes;
mod downloads;
mod jobs;
mod kills;
mod refusals;
mod replacing;
mod shapes;
mod storage;
mod torrents;
mod uploads;
