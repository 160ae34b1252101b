//! Memory: idle, for each live with a full window, and its slope over a long time.

use crate::Common;
use crate::everything;
use crate::flv::Stream;
use crate::lives::start_lives;
use crate::process::{self, megabytes};
use crate::table::Table;
use serde_json::json;
use std::time::{Duration, Instant};

const DEFAULT_SECONDS: u64 = 3600;
/// Until the window is full (600 s by default: what is older leaves the playlist) and every buffer has its size.
const FULL: Duration = Duration::from_secs(660);
const SAMPLE_EVERY: Duration = Duration::from_secs(10);
/// Until an idle server has done what it does once.
const SETTLED: Duration = Duration::from_secs(5);
/// Bounds in megabytes: idle, more for each live, slope for each live and hour.
const IDLE: f64 = 80.0;
const EACH: f64 = 12.0;
const SLOPE: f64 = 1.0;
/// A slope over less than this says more about chance.
const SLOPE_NEEDS: Duration = Duration::from_secs(600);

pub(crate) async fn run(common: &Common, count: usize) -> anyhow::Result<Table> {
    let stream = Stream::prepare(&common.out)?;
    let length = common.duration(DEFAULT_SECONDS);
    let (server, _certificate) = everything::start(common).await?;
    tokio::time::sleep(SETTLED).await;
    let idle = megabytes(process::resident(server.pid()));
    let (_lives, publishers) = start_lives(&server, count, &stream).await?;
    tokio::time::sleep(FULL.min(length)).await;
    let began = Instant::now();
    let mut samples: Vec<(f64, f64)> = Vec::new();
    // A process of its own takes a picture of each live every two minutes; it is there for about a second.
    let mut peak: f64 = 0.0;
    loop {
        samples.push((began.elapsed().as_secs_f64(), megabytes(process::resident(server.pid()))));
        peak = peak.max(megabytes(process::usage(server.pid()).rss));
        if began.elapsed() >= length {
            break;
        }
        tokio::time::sleep(SAMPLE_EVERY).await;
    }
    let running = publishers.iter().filter(|p| p.is_running()).count();
    anyhow::ensure!(running == count, "{running} of {count} publishers are left");
    drop(publishers);
    server.stop().await?;

    let highest = samples.iter().map(|sample| sample.1).fold(0.0, f64::max);
    let each = (highest - idle) / count as f64;
    let slope = slope(&samples) * 3600.0 / count as f64;
    let mut table = Table::new("memory");
    table.bound("resident memory, idle", format!("<= {IDLE} MB"), format!("{idle:.1} MB"), idle <= IDLE);
    table.bound(format!("more for each of {count} lives, window full"), format!("<= {EACH} MB"), format!("{each:.1} MB"), each <= EACH);
    table.fact("highest, with the process that takes the lives' pictures", format!("{peak:.1} MB"));
    let what = format!("slope over {:.0} minutes, each live", length.as_secs_f64() / 60.0);
    let measured = format!("{slope:.2} MB/h");
    if length >= SLOPE_NEEDS {
        table.bound(what, format!("<= {SLOPE} MB/h"), measured, slope <= SLOPE);
    } else {
        table.fact(what, measured);
    }
    table.details = json!({ "idle_mb": idle, "samples_s_mb": samples });
    Ok(table)
}

/// Least squares: megabytes per second.
fn slope(samples: &[(f64, f64)]) -> f64 {
    let n = samples.len() as f64;
    let mean_x = samples.iter().map(|s| s.0).sum::<f64>() / n;
    let mean_y = samples.iter().map(|s| s.1).sum::<f64>() / n;
    let covariance: f64 = samples.iter().map(|s| (s.0 - mean_x) * (s.1 - mean_y)).sum();
    let variance: f64 = samples.iter().map(|s| (s.0 - mean_x).powi(2)).sum();
    if variance > 0.0 { covariance / variance } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::slope;

    #[test]
    fn slopes_are_those_of_the_line() {
        let line: Vec<(f64, f64)> = (0..9).map(|x| (f64::from(x), 7.0 - 0.5 * f64::from(x))).collect();
        assert!((slope(&line) + 0.5).abs() < 1e-12);
        assert_eq!(slope(&line[..1]), 0.0);
    }
}
