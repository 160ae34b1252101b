//! CPU and memory of passthrough lives, Shoal and nginx in turn with the same publishers.

use crate::everything;
use crate::flv::Stream;
use crate::nginx::Nginx;
use crate::process::{self, megabytes};
use crate::publisher::Publisher;
use crate::server::Server;
use crate::table::Table;
use crate::{Common, server};
use serde::Serialize;
use std::net::SocketAddr;
use std::time::Duration;

/// Until start-up is over and segments come regularly.
const WARM_UP: Duration = Duration::from_secs(8);
const DEFAULT_SECONDS: u64 = 30;
/// Between two publishers, so that they do not cut in the same instant.
const APART: Duration = Duration::from_millis(37);
/// Bounds of the whole server's CPU, in percent of a core for each live, and beside nginx.
const CPU_PER_LIVE: f64 = 1.2;
const TIMES_NGINX: f64 = 2.0;
/// Bound of the delay of a part at the 95th percentile.
const PART_DELAY: f64 = 0.040;
pub(crate) const DELAY: &str = "shoal_segmenter_part_delay_seconds";

/// One server with some lives.
#[derive(Debug, Serialize)]
struct Measured {
    server: &'static str,
    lives: usize,
    cpu_percent: f64,
    cpu_percent_each: f64,
    pss_mb: f64,
    rss_mb: f64,
    part_delay_p50_s: Option<f64>,
    part_delay_p95_s: Option<f64>,
}

pub(crate) async fn run(common: &Common, counts: &[usize], alone: bool) -> anyhow::Result<Table> {
    let stream = Stream::prepare(&common.out)?;
    let window = common.duration(DEFAULT_SECONDS);
    let mut table = Table::new("lives");
    let mut all = Vec::new();
    for &count in counts {
        let shoal = shoal(common, count, window, &stream).await?;
        let nginx = match alone {
            true => None,
            false => Some(nginx(count, window, &stream).await?),
        };
        let each = shoal.cpu_percent_each;
        // The bound holds for many lives; one alone also pays for what every server does.
        match count {
            1 => table.fact("CPU of 1 live", format!("{each:.2} % of a core")),
            _ => table.bound(
                format!("CPU of {count} lives, each"),
                format!("<= {CPU_PER_LIVE} % of a core"),
                format!("{each:.2} %"),
                each <= CPU_PER_LIVE,
            ),
        }
        if let Some(nginx) = &nginx {
            let times = shoal.cpu_percent / nginx.cpu_percent;
            let (bound, measured) =
                (format!("<= {TIMES_NGINX} x nginx"), format!("{times:.2} x ({:.2} % : {:.2} %)", shoal.cpu_percent, nginx.cpu_percent));
            match count {
                1 => table.fact("beside nginx-rtmp, 1 live", measured),
                _ => table.bound(format!("beside nginx-rtmp, {count} lives"), bound, measured, times <= TIMES_NGINX),
            }
        }
        table.fact(
            format!("memory (PSS) with {count} lives"),
            format!("{:.1} MB{}", shoal.pss_mb, nginx.as_ref().map_or(String::new(), |n| format!(" (nginx {:.1} MB)", n.pss_mb))),
        );
        if let Some(delay) = shoal.part_delay_p95_s {
            table.bound(
                format!("part delay with {count} lives, p95"),
                format!("<= {:.0} ms", PART_DELAY * 1e3),
                format!("<= {:.0} ms", delay * 1e3),
                delay <= PART_DELAY,
            );
        }
        all.push(shoal);
        all.extend(nginx);
    }
    table.details = serde_json::to_value(all)?;
    Ok(table)
}

/// Begins to publish to every key.
pub(crate) async fn publish_all(
    address: SocketAddr,
    keys: impl IntoIterator<Item = &str>,
    stream: &Stream,
) -> anyhow::Result<Vec<Publisher>> {
    let mut publishers = Vec::new();
    for key in keys {
        publishers.push(Publisher::start(address, "live", key, stream).await?);
        tokio::time::sleep(APART).await;
    }
    Ok(publishers)
}

/// Makes lives and begins to publish to all of them.
pub(crate) async fn start_lives(server: &Server, count: usize, stream: &Stream) -> anyhow::Result<(Vec<server::Live>, Vec<Publisher>)> {
    let mut lives = Vec::new();
    for number in 0..count {
        lives.push(server.live(&format!("Live {number}")).await?);
    }
    let keys = lives.iter().map(|live| live.key.as_str());
    let publishers = publish_all(server.rtmp, keys, stream).await?;
    Ok((lives, publishers))
}

async fn shoal(common: &Common, count: usize, window: Duration, stream: &Stream) -> anyhow::Result<Measured> {
    let (server, _certificate) = everything::start(common).await?;
    let (lives, publishers) = start_lives(&server, count, stream).await?;
    tokio::time::sleep(WARM_UP).await;
    let before = server.metrics().await?;
    let cpu = process::cpu_percent(server.pid(), window).await;
    let after = server.metrics().await?;
    let usage = process::usage(server.pid());
    for live in &lives {
        server.wait_for(live, "master.m3u8", Duration::ZERO).await?;
    }
    let running = publishers.iter().filter(|p| p.is_running()).count();
    anyhow::ensure!(running == count, "{running} of {count} publishers are left");
    drop(publishers);
    server.stop().await?;
    Ok(Measured {
        server: "shoal",
        lives: count,
        cpu_percent: cpu,
        cpu_percent_each: cpu / count as f64,
        pss_mb: megabytes(usage.pss),
        rss_mb: megabytes(usage.rss),
        part_delay_p50_s: Some(after.percentile_since(&before, DELAY, 50.0)),
        part_delay_p95_s: Some(after.percentile_since(&before, DELAY, 95.0)),
    })
}

async fn nginx(count: usize, window: Duration, stream: &Stream) -> anyhow::Result<Measured> {
    let nginx = Nginx::start().await?;
    let keys: Vec<String> = (0..count).map(|number| format!("live{number}")).collect();
    let publishers = publish_all(nginx.rtmp, keys.iter().map(String::as_str), stream).await?;
    tokio::time::sleep(WARM_UP).await;
    let cpu = process::cpu_percent(nginx.pid(), window).await;
    let usage = process::usage(nginx.pid());
    for key in &keys {
        let path = nginx.playlist(key);
        anyhow::ensure!(path.exists(), "nginx wrote no {}", path.display());
    }
    let running = publishers.iter().filter(|p| p.is_running()).count();
    anyhow::ensure!(running == count, "{running} of {count} publishers are left");
    drop(publishers);
    nginx.stop().await?;
    Ok(Measured {
        server: "nginx-rtmp",
        lives: count,
        cpu_percent: cpu,
        cpu_percent_each: cpu / count as f64,
        pss_mb: megabytes(usage.pss),
        rss_mb: megabytes(usage.rss),
        part_delay_p50_s: None,
        part_delay_p95_s: None,
    })
}
