//! Glass to glass: the test picture's clock, read in a browser.

use crate::Common;
use crate::server::Server;
use crate::table::Table;
use anyhow::Context as _;
use segmenter_gst::{Encoder, Options, publish_until};
use serde_json::Value;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;
use tokio::sync::oneshot;

/// Reads the clock; from the repository's root, where `make bench` runs.
const SCRIPT: &str = "web/e2e/latency.mjs";
const DEFAULT_SECONDS: u64 = 300;
/// Of each of several joins.
const JOIN_SECONDS: u64 = 12;
/// Before anybody looks: the window has some length then.
const WARM_UP: Duration = Duration::from_secs(12);
const PATIENCE: Duration = Duration::from_secs(20);
/// Frames between keyframes when OBS chooses ("auto"), at 30 frames a second.
const AUTO_KEYFRAMES: u32 = 250;
const AUTO_SECONDS: f64 = 250.0 / 30.0;

/// What publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Preset {
    /// x264 tune zerolatency, a keyframe every 2 s.
    Zerolatency,
    /// As OBS sets x264 up, a keyframe every 2 s.
    Obs,
    /// As OBS does by default: a keyframe every 8.3 s.
    Auto,
}

impl Preset {
    fn encoder(self) -> Encoder {
        let encoder = Encoder::default();
        match self {
            Self::Zerolatency => encoder,
            Self::Obs => Encoder { preset: segmenter_gst::Preset::Obs, ..encoder },
            Self::Auto => Encoder { preset: segmenter_gst::Preset::Obs, keyframe_interval: AUTO_KEYFRAMES, ..encoder },
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Zerolatency => "zerolatency",
            Self::Obs => "obs",
            Self::Auto => "auto",
        }
    }

    /// Bounds in milliseconds: median, and 95th percentile where there is one.
    fn bounds(self) -> (f64, Option<f64>) {
        match self {
            Self::Zerolatency => (1200.0, Some(1500.0)),
            Self::Obs => (1700.0, Some(2000.0)),
            Self::Auto => (2000.0, None),
        }
    }
}

/// A picture within this, from opening the page: the median of joins, or their 95th percentile.
const FIRST_PICTURE_P50: f64 = 800.0;
const FIRST_PICTURE_P95: f64 = 2000.0;

pub(crate) async fn run(common: &Common, preset: Preset, joins: usize) -> anyhow::Result<Table> {
    let server = Server::start(common).await?;
    let live = server.live("Glass").await?;
    let url = format!("rtmp://{}/live/{}", server.rtmp, live.key);
    let mut options = Options::pattern(&url);
    options.encoder = preset.encoder();
    let (stop, stopped) = oneshot::channel::<()>();
    // A thread of its own: encoding must not wait for anything measured here.
    let publishing = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let until = async {
            let _ = stopped.await;
        };
        anyhow::Ok(runtime.block_on(publish_until(options, until))?)
    });
    server.wait_for(&live, "master.m3u8", PATIENCE).await?;
    tokio::time::sleep(WARM_UP).await;
    let page = server.url(&format!("/w/{}", live.short));
    let seconds = match joins {
        1 => common.seconds.unwrap_or(DEFAULT_SECONDS),
        _ => common.seconds.unwrap_or(JOIN_SECONDS),
    };
    let samples = common.out.join(format!("glass-{}-samples.json", preset.name()));
    std::fs::create_dir_all(&common.out)?;
    let mut command = Command::new("node");
    command
        .args([SCRIPT, &page, "--seconds", &seconds.to_string()])
        .arg("--samples")
        .arg(&samples)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true);
    if joins > 1 {
        // One round of the interval and a join's share of it further each time, beyond what a join takes.
        let rounds = ((seconds as f64 + 4.0) / AUTO_SECONDS).ceil();
        let interval = AUTO_SECONDS * (rounds + 1.0 / joins as f64);
        command.args(["--joins", &joins.to_string()]);
        command.args(["--join-interval", &format!("{interval:.3}")]);
    }
    let output = command.output().await.context("node is needed to drive the browser")?;
    anyhow::ensure!(output.status.success(), "{SCRIPT}: {}", output.status);
    let seen: Value = serde_json::from_slice(&output.stdout).context(SCRIPT)?;
    let _ = stop.send(());
    let published =
        tokio::task::spawn_blocking(move || publishing.join()).await?.map_err(|_| anyhow::anyhow!("the publisher panicked"))??;
    server.stop().await?;
    let mut table = table(preset, joins, seconds, seen);
    // A machine too slow for the publisher says nothing about the server.
    table.bound(
        "frames that the publisher had to leave out",
        "<= 1 %",
        format!("{} of {}", published.dropped, published.frames),
        published.dropped * 100 <= published.frames,
    );
    Ok(table)
}

fn table(preset: Preset, joins: usize, seconds: u64, seen: Value) -> Table {
    let number = |pointer: &str| seen.pointer(pointer).and_then(Value::as_f64);
    let milliseconds = |value: Option<f64>| value.map_or("none".to_owned(), |value| format!("{value:.0} ms"));
    let within = |value: Option<f64>, bound: f64| value.is_some_and(|value| value <= bound);
    let suffix = if joins > 1 { "-joins" } else { "" };
    let mut table = Table::new(&format!("glass-{}{suffix}", preset.name()));
    let (p50_bound, p95_bound) = preset.bounds();
    if joins > 1 {
        let p50 = number("/summary/glass_to_glass_p50_ms/p50");
        let worst = number("/summary/glass_to_glass_p50_ms/max");
        table.bound(
            format!("glass to glass from 5 s after the first picture, {joins} joins, p50"),
            format!("<= {p50_bound} ms"),
            format!("{} (worst join {})", milliseconds(p50), milliseconds(worst)),
            within(p50, p50_bound),
        );
        let (p50, p95) = (number("/summary/first_picture_ms/p50"), number("/summary/first_picture_ms/p95"));
        match preset {
            // The last keyframe is further back, and so is the way to the edge.
            Preset::Auto => table.fact("first picture, p50", milliseconds(p50)),
            _ => table.bound("first picture, p50", format!("<= {FIRST_PICTURE_P50} ms"), milliseconds(p50), within(p50, FIRST_PICTURE_P50)),
        }
        table.bound("first picture, p95", format!("<= {FIRST_PICTURE_P95} ms"), milliseconds(p95), within(p95, FIRST_PICTURE_P95));
        let without = number("/summary/without_picture").unwrap_or(f64::NAN);
        table.bound("joins without a picture", "0", format!("{without}"), without == 0.0);
        let stalls = number("/summary/stalls").unwrap_or(f64::NAN);
        table.fact("stalls", format!("{stalls}"));
    } else {
        let (p50, p95) = (number("/glass_to_glass_ms/p50"), number("/glass_to_glass_ms/p95"));
        table.bound(
            format!("glass to glass, {}, p50", preset.name()),
            format!("<= {p50_bound} ms"),
            milliseconds(p50),
            within(p50, p50_bound),
        );
        if let Some(bound) = p95_bound {
            table.bound("p95", format!("<= {bound} ms"), milliseconds(p95), within(p95, bound));
        }
        let stalls = number("/stalls").unwrap_or(f64::NAN);
        table.bound(format!("stalls in {seconds} s"), "0", format!("{stalls}"), stalls == 0.0);
        table.fact("first picture", milliseconds(number("/first_picture_ms")));
    }
    table.details = seen;
    table
}
