//! `shoal publish`: sends a file or a test picture to an RTMP server.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use segmenter_gst::{Options, Preset, Source, Target};
use tokio::sync::watch;

/// What to publish, and where.
#[derive(Debug, Args)]
pub(super) struct Publish {
    /// rtmp:// or rtmps:// address, ending in the stream key.
    url: String,
    /// A file instead of the test picture.
    #[arg(long, value_name = "F", conflicts_with = "test_pattern")]
    file: Option<PathBuf>,
    /// The file again and again.
    #[arg(long, requires = "file")]
    repeat: bool,
    /// A moving picture with a running clock (also without this option).
    #[arg(long)]
    test_pattern: bool,
    /// Stop after N seconds.
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
    /// Encode as OBS does by default, with B-frames and lookahead.
    #[arg(long)]
    obs: bool,
    /// Video bitrate.
    #[arg(long, value_name = "KBPS")]
    bitrate: Option<u32>,
    /// Frames between keyframes.
    #[arg(long, value_name = "FRAMES")]
    keyframe_interval: Option<u32>,
    /// Accept any certificate of an rtmps:// server.
    #[arg(long)]
    insecure: bool,
}

impl Publish {
    fn options(self) -> Options {
        let mut options = match self.file {
            Some(path) => Options::file(&self.url, path),
            None => Options::pattern(&self.url),
        };
        if let Source::File { repeat, .. } = &mut options.source {
            *repeat = self.repeat;
        }
        if let Target::Rtmp { verify_certificate, .. } = &mut options.target {
            *verify_certificate = !self.insecure;
        }
        options.duration = self.seconds.map(Duration::from_secs);
        if self.obs {
            options.encoder.preset = Preset::Obs;
        }
        if let Some(bitrate) = self.bitrate {
            options.encoder.bitrate_kbps = bitrate;
        }
        if let Some(interval) = self.keyframe_interval {
            options.encoder.keyframe_interval = interval;
        }
        options
    }
}

/// Publishes until the end, or until it is interrupted.
pub(super) async fn run(publish: Publish) -> Result<()> {
    let (progress, mut connected) = watch::channel(segmenter_gst::Progress::default());
    let mut options = publish.options();
    options.progress = Some(progress);
    tokio::spawn(async move {
        if connected.wait_for(|progress| progress.connected).await.is_ok() {
            println!("Publishing; Ctrl-C ends it.");
        }
    });
    let stop = async {
        // Without signals it runs to its end.
        match super::Signals::new() {
            Ok(mut signals) => signals.wait().await,
            Err(_) => std::future::pending().await,
        }
    };
    let report = segmenter_gst::publish_until(options, stop).await?;
    println!(
        "Published for {:.1} s: {} frames, {} dropped, {} bytes.",
        report.elapsed.as_secs_f64(),
        report.frames,
        report.dropped,
        report.bytes
    );
    Ok(())
}
