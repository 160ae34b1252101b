//! From the moment publishing is accepted to the first playlist.

use crate::Common;
use crate::flv::Stream;
use crate::publisher::Publisher;
use crate::server::Server;
use crate::table::{Table, percentile};
use serde_json::json;
use std::time::Duration;

const BOUND_MS: f64 = 1000.0;
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) async fn run(common: &Common, times: usize) -> anyhow::Result<Table> {
    let stream = Stream::prepare(&common.out)?;
    let server = Server::start(common).await?;
    let mut waits = Vec::new();
    for number in 0..times {
        let live = server.live_with(&format!("Start {number}"), false, false).await?;
        let publisher = Publisher::start(server.rtmp, "live", &live.key, &stream).await?;
        server.wait_for(&live, "master.m3u8", PATIENCE).await?;
        waits.push(publisher.began.elapsed().as_secs_f64() * 1e3);
        drop(publisher);
    }
    server.stop().await?;
    let mut table = Table::new("start");
    let details = json!({ "ms": waits });
    let (p50, max) = (percentile(&mut waits, 50.0), percentile(&mut waits, 100.0));
    table.bound(
        format!("publish begins -> master playlist answers, {times} times"),
        format!("<= {BOUND_MS} ms"),
        format!("p50 {p50:.0} ms, max {max:.0} ms"),
        max <= BOUND_MS,
    );
    table.details = details;
    Ok(table)
}
