//! The stream that is published: a prepared FLV file, made once by ffmpeg.

use anyhow::Context as _;
use ingest::testing::{self, Tag};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// Length of the prepared stream in seconds; published again and again.
const SECONDS: u32 = 20;
/// Video and audio bit rates in kbit/s, 2.5 Mbit/s together with what carries them.
const VIDEO_KBPS: u32 = 2350;
const AUDIO_KBPS: u32 = 128;

/// A stream in memory, shared by all its publishers.
#[derive(Debug, Clone)]
pub(crate) struct Stream {
    pub tags: Arc<[Tag]>,
    /// How long it is, so that it can follow itself, in milliseconds.
    pub length_ms: u32,
}

impl Stream {
    /// 720p30 at 2.5 Mbit/s with a keyframe every 2 s and two B-frames, as OBS would send it.
    pub(crate) fn prepare(out: &Path) -> anyhow::Result<Self> {
        let path = out.join("source.flv");
        if !path.exists() {
            make(&path)?;
        }
        let tags = testing::tags(&std::fs::read(&path)?);
        anyhow::ensure!(tags.len() > 100, "{} holds no stream", path.display());
        Ok(Self { tags: tags.into(), length_ms: SECONDS * 1000 })
    }
}

fn make(path: &Path) -> anyhow::Result<()> {
    let directory = path.parent().context("no directory")?;
    std::fs::create_dir_all(directory)?;
    let partial: PathBuf = path.with_extension("part.flv");
    let rate = format!("{VIDEO_KBPS}k");
    let seconds = SECONDS.to_string();
    let status = Command::new("ffmpeg")
        .args(["-hide_banner", "-loglevel", "error", "-y"])
        .args(["-f", "lavfi", "-i", "testsrc2=s=1280x720:r=30,noise=alls=12:allf=t"])
        .args(["-f", "lavfi", "-i", "sine=frequency=330:sample_rate=48000"])
        .args(["-t", &seconds, "-c:v", "libx264", "-preset", "veryfast"])
        .args(["-pix_fmt", "yuv420p", "-bf", "2", "-g", "60", "-sc_threshold", "0"])
        .args(["-b:v", &rate, "-minrate", &rate, "-maxrate", &rate])
        .args(["-bufsize", &rate, "-x264-params", "nal-hrd=cbr"])
        .args(["-c:a", "aac", "-ac", "2", "-b:a", &format!("{AUDIO_KBPS}k")])
        .args(["-f", "flv"])
        .arg(&partial)
        .status()
        .context("ffmpeg is needed to prepare the stream")?;
    anyhow::ensure!(status.success(), "ffmpeg: {status}");
    std::fs::rename(&partial, path)?;
    Ok(())
}
