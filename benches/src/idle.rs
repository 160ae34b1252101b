//! Memory of a server that has nothing to do, with everything switched on: fresh, and after it was used.

use crate::Common;
use crate::everything;
use crate::process::{self, megabytes};
use crate::server::Server;
use crate::table::Table;
use serde_json::json;
use std::time::{Duration, Instant};

const DEFAULT_SECONDS: u64 = 60;
/// Bound in MB (10^6 bytes), of the highest sample.
const BOUND: f64 = 80.0;
const SAMPLE_EVERY: Duration = Duration::from_secs(1);
/// Until the server has done what it does once.
const SETTLED: Duration = Duration::from_secs(5);
/// A visitor's round: pages, the API, pictures that are not there. So often.
const ROUNDS: usize = 20;
const PATHS: [&str; 12] = [
    "/",
    "/login",
    "/w/nothing",
    "/api/v1/config",
    "/api/v1/config/about",
    "/api/v1/server/stats",
    "/api/v1/videos?sort=-publishedAt",
    "/api/v1/videos?sort=-trending&isLocal=true",
    "/api/v1/search/videos?search=anything",
    "/api/v1/video-channels",
    "/api/v1/accounts/root/videos",
    "/api/v1/openapi.json",
];

pub(crate) async fn run(common: &Common) -> anyhow::Result<Table> {
    let length = common.duration(DEFAULT_SECONDS);
    let (server, _certificate) = everything::start(common).await?;
    tokio::time::sleep(SETTLED).await;
    let fresh = highest(&server, length).await;
    for _ in 0..ROUNDS {
        for path in PATHS {
            server.client().get(server.url(path)).send().await?.bytes().await?;
        }
        server.get("/api/v1/users/me").await?;
        server.get("/api/v1/jobs").await?;
    }
    let used = highest(&server, length).await;
    let pss = megabytes(process::usage(server.pid()).pss);
    server.stop().await?;
    let mut table = Table::new("idle");
    for (what, measured) in [("fresh", fresh), ("after it was used", used)] {
        table.bound(
            format!("resident memory, idle, everything switched on, {what}"),
            format!("<= {BOUND} MB"),
            format!("{measured:.1} MB"),
            measured <= BOUND,
        );
    }
    table.fact("proportional set size, with the processes it started", format!("{pss:.1} MB"));
    table.details = json!({ "fresh_mb": fresh, "used_mb": used, "pss_mb": pss });
    Ok(table)
}

/// The most of some time, in MB.
async fn highest(server: &Server, length: Duration) -> f64 {
    let began = Instant::now();
    let mut most: f64 = 0.0;
    loop {
        most = most.max(megabytes(process::resident(server.pid())));
        if began.elapsed() >= length {
            return most;
        }
        tokio::time::sleep(SAMPLE_EVERY).await;
    }
}
