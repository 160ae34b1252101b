//! The conformance checker on a live whose encoder goes away, comes back and ends.

use crate::Common;
use crate::flv::Stream;
use crate::publisher::Publisher;
use crate::server::Server;
use crate::table::Table;
use conformance::{Checker, Config};
use std::time::Duration;

const DEFAULT_SECONDS: u64 = 600;
/// How long the encoder is gone.
const AWAY: Duration = Duration::from_secs(10);
/// From a clean stop to EXT-X-ENDLIST, with time for the checks after it.
const ENDING: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) async fn run(common: &Common, clients: usize) -> anyhow::Result<Table> {
    let stream = Stream::prepare(&common.out)?;
    let length = common.duration(DEFAULT_SECONDS);
    let mut server = Server::start(common).await?;
    let live = server.live_with("Conformance", false, true).await?;
    let begin = || Publisher::start(server.rtmp, "live", &live.key, &stream);
    let publisher = begin().await?;
    server.wait_for(&live, "master.m3u8", PATIENCE).await?;
    let mut config = Config::new(server.hls(&live, "master.m3u8"));
    config.clients = clients;
    config.duration = length + ENDING;
    let check = tokio::spawn(Checker::run(config));

    tokio::time::sleep(length.mul_f64(0.4)).await;
    drop(publisher);
    tokio::time::sleep(AWAY).await;
    let rest = length.mul_f64(0.6).saturating_sub(AWAY);
    let again = Publisher::start_for(server.rtmp, "live", &live.key, &stream, rest).await?;
    again.finish().await?;
    let report = check.await??;
    let running = server.is_running();
    server.stop().await?;

    let mut table = Table::new("conformance");
    let broken: u64 = report.broken.values().sum();
    table.bound(
        format!("conformance checker, {:.0} s, {clients} clients, reconnect and end", report.seconds),
        "0 violations",
        format!("{} violations ({broken} in all)", report.violations.len()),
        report.passed() && running,
    );
    table.bound(
        "the broadcast's end was seen",
        ">= 1 request after it",
        report.counter("requests after the end").to_string(),
        report.counter("requests after the end") > 0,
    );
    for (rule, count) in &report.broken {
        table.fact(format!("{rule} broken"), format!("{count} times"));
    }
    println!("{report}");
    table.details = serde_json::to_value(&report)?;
    Ok(table)
}
