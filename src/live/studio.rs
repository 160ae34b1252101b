//! Pictures and downloads, made by GStreamer in a process of their own: decoders of what strangers send stay out of
//! the server, and so do the 60 MB that GStreamer's plugins take up once loaded.

use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use clap::Subcommand;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// A picture takes some tens of milliseconds and the process's start as many.
const PICTURE_LIMIT: Duration = Duration::from_secs(15);
/// Remuxing goes as fast as the disk: six hours at 10 Mbit/s are 27 GB.
const REMUX_LIMIT: Duration = Duration::from_secs(3600);
/// Lives come first.
const NICENESS: i32 = 10;
/// Two JPEGs of at most 850 pixels' width.
const MAX_PICTURES: u64 = 4 << 20;

/// What the program does for the server; not for people.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Pictures of a fragmented MP4 on standard input, each as its length (32 bits, little-endian) and a JPEG.
    Pictures {
        /// Length of the initialisation section at the beginning.
        #[arg(long)]
        init_bytes: usize,
        /// Widths in pixels.
        #[arg(long = "width")]
        widths: Vec<u32>,
    },
    /// Fragmented MP4 into plain MP4; prints facts as JSON.
    Remux {
        /// What is there.
        input: PathBuf,
        /// What is to be.
        output: PathBuf,
    },
    /// An uploaded file into renditions: an order as JSON on standard input, events as JSON on standard output.
    Work,
}

/// What a video file holds, for the database.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Facts {
    /// Length in bytes.
    pub size_bytes: u64,
    /// In pixels; absent without a picture.
    pub width: Option<u32>,
    /// In pixels; absent without a picture.
    pub height: Option<u32>,
    /// Frames per second, if constant.
    pub frame_rate: Option<f64>,
    /// There is sound.
    pub has_audio: bool,
}

/// Does a task in this process.
pub async fn run(task: Task) -> anyhow::Result<()> {
    if !matches!(task, Task::Work) {
        // A failure costs nothing but priority. Work has a priority of its own.
        let _ = rustix::process::nice(NICENESS);
    }
    match task {
        Task::Pictures { init_bytes, widths } => {
            let mut input = Vec::new();
            io::stdin().lock().read_to_end(&mut input)?;
            anyhow::ensure!(init_bytes <= input.len(), "standard input ends early");
            let input = Bytes::from(input);
            let (init, part) = (input.slice(..init_bytes), input.slice(init_bytes..));
            let mut output = io::stdout().lock();
            for width in widths {
                let picture = segmenter_gst::thumbnail(&[init.clone(), part.clone()], width).await?;
                output.write_all(&u32::try_from(picture.len())?.to_le_bytes())?;
                output.write_all(&picture)?;
            }
            Ok(output.flush()?)
        }
        Task::Remux { input, output } => {
            println!("{}", serde_json::to_string(&remux_here(input, output).await?)?);
            Ok(())
        }
        // Nothing else goes on in this process: it may block.
        Task::Work => crate::vod::workshop::work(),
    }
}

/// JPEGs of these widths of the first picture in `part`. `program`: this one, started anew for it; without it the work is
/// done here.
pub(super) async fn pictures(program: Option<&Path>, init: Bytes, part: Bytes, widths: [u32; 2]) -> anyhow::Result<Vec<Bytes>> {
    let Some(program) = program else {
        let mut pictures = Vec::new();
        for width in widths {
            pictures.push(segmenter_gst::thumbnail(&[init.clone(), part.clone()], width).await?);
        }
        return Ok(pictures);
    };
    let mut command = child(program);
    command.args(["media", "pictures", "--init-bytes", &init.len().to_string()]);
    for width in widths {
        command.args(["--width", &width.to_string()]);
    }
    let mut child = command.stdin(Stdio::piped()).spawn()?;
    // Both were asked for as pipes.
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let (Some(mut stdin), Some(stdout)) = (stdin, stdout) else { anyhow::bail!("no pipes") };
    let work = async {
        stdin.write_all(&init).await?;
        stdin.write_all(&part).await?;
        drop(stdin);
        let mut output = Vec::new();
        stdout.take(MAX_PICTURES).read_to_end(&mut output).await?;
        anyhow::ensure!(child.wait().await?.success(), "the process failed");
        Ok(Bytes::from(output))
    };
    let mut output = timeout(PICTURE_LIMIT, work).await??;
    let mut pictures = Vec::new();
    while output.len() >= 4 {
        let length = output.split_to(4);
        let length = u32::from_le_bytes([length[0], length[1], length[2], length[3]]) as usize;
        anyhow::ensure!(length <= output.len(), "the process broke off");
        pictures.push(output.split_to(length));
    }
    anyhow::ensure!(pictures.len() == widths.len(), "pictures are missing");
    Ok(pictures)
}

/// Remuxes `input` to `output`; `program` as for [`pictures`].
pub(super) async fn remux(program: Option<&Path>, input: PathBuf, output: PathBuf) -> anyhow::Result<Facts> {
    let Some(program) = program else { return remux_here(input, output).await };
    let work = child(program).args(["media", "remux"]).arg(input).arg(output).stdin(Stdio::null()).output();
    let done = timeout(REMUX_LIMIT, work).await??;
    let errors = String::from_utf8_lossy(&done.stderr);
    anyhow::ensure!(done.status.success(), "remux: {}", errors.trim());
    Ok(serde_json::from_slice(&done.stdout)?)
}

async fn remux_here(input: PathBuf, output: PathBuf) -> anyhow::Result<Facts> {
    let info = spawn_blocking(move || segmenter_gst::remux(&[input], &output)).await??;
    let video = info.video.as_ref();
    Ok(Facts {
        size_bytes: info.size_bytes,
        width: video.map(|video| video.width),
        height: video.map(|video| video.height),
        frame_rate: video.and_then(|video| video.frame_rate),
        has_audio: info.audio.is_some(),
    })
}

/// This program again, gone when the task that waits for it is.
fn child(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}
