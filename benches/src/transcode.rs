//! An upload on its way to a video, beside ffmpeg that makes the same ladder of the same file.

use crate::Common;
use crate::server::Server;
use crate::table::{Table, percentile};
use anyhow::{Context as _, bail};
use serde::Serialize;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::Command;

const DEFAULT_SECONDS: u64 = 60;
/// Bound of the time from the end of the upload to the end of the work, beside ffmpeg.
const TIMES_FFMPEG: f64 = 1.3;
/// Heights of the ladder, and the most kbit/s that the server gives them by default; ffmpeg gets the same.
const LADDER: [(u32, u32); 2] = [(720, 3041), (360, 1036)];
/// Pictures per second, and frames between keyframes: segments of two seconds.
const FRAME_RATE: u32 = 30;
const GROUP: u32 = 60;
/// Looked at so often whether something plays, and whether all is done.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// So many times the file's length on the slowest machine worth measuring.
const PATIENCE: u32 = 20;

/// One upload, in seconds from its end.
#[derive(Debug, Serialize)]
struct Made {
    first_plays_s: f64,
    done_s: f64,
}

pub(crate) async fn run(common: &Common, rounds: usize) -> anyhow::Result<Table> {
    let length = common.duration(DEFAULT_SECONDS);
    let input = prepare(&common.out, length).await?;
    let encoded = [("SHOAL_TRANSCODING_PASSTHROUGH", "off"), ("SHOAL_TRANSCODING_HARDWARE", "off")];
    let server = Server::start_with(common, &encoded).await?;
    let (mut peer, mut own) = (Vec::new(), Vec::new());
    // In turns, so that both have the machine's good and bad moments.
    for round in 0..rounds {
        peer.push(ffmpeg(&input, &common.out).await?);
        own.push(upload(&server, &input, length, &format!("Round {round}")).await?);
    }
    server.stop().await?;
    let server = Server::start_with(common, &[("SHOAL_TRANSCODING_HARDWARE", "off")]).await?;
    let by_default = upload(&server, &input, length, "By default").await?;
    server.stop().await?;

    let median = |values: &[f64]| percentile(&mut values.to_vec(), 50.0);
    let done = median(&own.iter().map(|made| made.done_s).collect::<Vec<_>>());
    let first = median(&own.iter().map(|made| made.first_plays_s).collect::<Vec<_>>());
    let ffmpeg = median(&peer);
    let times = done / ffmpeg;
    let seconds = length.as_secs();
    let mut table = Table::new("transcode");
    table.bound(
        format!("upload of {seconds} s, 720p{FRAME_RATE}, into 720p + 360p beside ffmpeg's x264 veryfast, median of {rounds}"),
        format!("<= {TIMES_FFMPEG} x"),
        format!("{times:.2} x ({done:.1} s : {ffmpeg:.1} s)"),
        times <= TIMES_FFMPEG,
    );
    let in_time = own.iter().all(|made| made.first_plays_s < made.done_s);
    table.bound("its first rendition plays", "before the rest is done", format!("after {first:.1} s of {done:.1} s"), in_time);
    table.fact(
        "the same with the file's own frames for 720p, as by default",
        format!("{:.1} s; plays after {:.1} s", by_default.done_s, by_default.first_plays_s),
    );
    table.details = json!({ "ffmpeg_s": peer, "shoal": own, "by_default": by_default });
    Ok(table)
}

/// A file as cameras make it: pictures that move, with some noise, at a bitrate above the ladder's.
async fn prepare(out: &Path, length: Duration) -> anyhow::Result<PathBuf> {
    let path = out.join(format!("upload-720p-{}s.mp4", length.as_secs()));
    if path.exists() {
        return Ok(path);
    }
    std::fs::create_dir_all(out)?;
    let unfinished = path.with_extension("part.mp4");
    let picture = format!("testsrc2=size=1280x720:rate={FRAME_RATE},noise=alls=12:allf=t");
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-loglevel", "error", "-y", "-f", "lavfi", "-i", &picture]);
    command.args(["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"]);
    command.args(["-c:v", "libx264", "-preset", "veryfast", "-b:v", "6M", "-maxrate", "8M", "-bufsize", "12M", "-pix_fmt", "yuv420p"]);
    command.args(["-g", &GROUP.to_string(), "-c:a", "aac", "-b:a", "128k", "-t", &length.as_secs().to_string()]).arg(&unfinished);
    ended(command).await?;
    std::fs::rename(&unfinished, &path)?;
    Ok(path)
}

/// Makes the ladder as the server does, in one process; how many seconds it took.
async fn ffmpeg(input: &Path, out: &Path) -> anyhow::Result<f64> {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-loglevel", "error", "-y", "-i"]).arg(input);
    command.args(["-filter_complex", "[0:v]split=2[high][copy];[copy]scale=-2:360[low]"]);
    for ((height, kbps), label) in LADDER.into_iter().zip(["[high]", "[low]"]) {
        command.args(["-map", label, "-map", "0:a", "-c:v", "libx264", "-preset", "veryfast", "-crf", "23"]);
        command.args(["-maxrate", &format!("{kbps}k"), "-bufsize", &format!("{}k", 2 * kbps)]);
        command.args(["-g", &GROUP.to_string(), "-sc_threshold", "0", "-c:a", "aac", "-b:a", "128k", "-movflags", "+faststart"]);
        command.arg(out.join(format!("ffmpeg-{height}.mp4")));
    }
    let began = Instant::now();
    ended(command).await?;
    Ok(began.elapsed().as_secs_f64())
}

async fn ended(mut command: Command) -> anyhow::Result<()> {
    let status = command.stdin(Stdio::null()).kill_on_drop(true).status().await.context("ffmpeg is needed")?;
    anyhow::ensure!(status.success(), "ffmpeg: {status}");
    Ok(())
}

/// Uploads the file and waits until all is made of it.
async fn upload(server: &Server, input: &Path, length: Duration, name: &str) -> anyhow::Result<Made> {
    let uuid = server.upload(name, input).await?;
    let began = Instant::now();
    let mut first_plays_s = None;
    loop {
        if first_plays_s.is_none() && plays(server, &uuid).await? {
            first_plays_s = Some(began.elapsed().as_secs_f64());
        }
        let progress = server.get(&format!("/api/shoal/v1/videos/{uuid}/transcoding")).await?;
        match progress["state"].as_str() {
            Some("completed") => break,
            Some("failed") => bail!("the server could not make it: {progress}"),
            _ => {}
        }
        anyhow::ensure!(began.elapsed() < length * PATIENCE, "not done after {:?}: {progress}", began.elapsed());
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let done_s = began.elapsed().as_secs_f64();
    let video = server.get(&format!("/api/v1/videos/{uuid}")).await?;
    let heights: Vec<u64> = files(&video).iter().filter_map(|file| file["resolution"]["id"].as_u64()).collect();
    anyhow::ensure!(heights == LADDER.map(|(height, _)| u64::from(height)), "made were {heights:?}");
    Ok(Made { first_plays_s: first_plays_s.unwrap_or(done_s), done_s })
}

fn files(video: &Value) -> &[Value] {
    video["streamingPlaylists"][0]["files"].as_array().map_or(&[][..], Vec::as_slice)
}

/// Whether a player would have a picture: playlists, and the bytes of the first segment.
async fn plays(server: &Server, uuid: &str) -> anyhow::Result<bool> {
    let video = server.get(&format!("/api/v1/videos/{uuid}")).await?;
    let Some(master) = video["streamingPlaylists"][0]["playlistUrl"].as_str().filter(|_| video["state"]["id"] == 1) else {
        return Ok(false);
    };
    let Some(variants) = text(server, master).await? else { return Ok(false) };
    let Some(variant) = addresses(&variants).next() else { return Ok(false) };
    let folder = &master[..=master.rfind('/').context("no path")?];
    let Some(media) = text(server, &format!("{folder}{variant}")).await? else { return Ok(false) };
    let range = media.lines().find_map(|line| line.strip_prefix("#EXT-X-BYTERANGE:")?.split_once('@'));
    let (Some((size, offset)), Some(file)) = (range, addresses(&media).next()) else { return Ok(false) };
    let (size, offset): (u64, u64) = (size.parse()?, offset.parse()?);
    let request = server.client().get(format!("{folder}{file}")).header("range", format!("bytes={offset}-{}", offset + size - 1));
    let answer = request.send().await?;
    Ok(answer.status() == reqwest::StatusCode::PARTIAL_CONTENT && answer.bytes().await?.len() as u64 == size)
}

async fn text(server: &Server, address: &str) -> anyhow::Result<Option<String>> {
    let answer = server.client().get(address).send().await?;
    if !answer.status().is_success() {
        return Ok(None);
    }
    Ok(Some(answer.text().await?))
}

fn addresses(playlist: &str) -> impl Iterator<Item = &str> {
    playlist.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}
