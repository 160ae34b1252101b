//! Publishing over real connections; ffmpeg is the server.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use segmenter_gst::{Error, Options, Pattern, Preset, Source, Target, publish, publish_until, read_stamp};

/// A port that is free now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// ffmpeg waiting for one publisher, whose stream it writes to `output`.
async fn listen(port: u16, output: &Path) -> Child {
    let url = format!("rtmp://127.0.0.1:{port}/live/key");
    let child = Command::new("ffmpeg").args(["-v", "quiet", "-y", "-listen", "1", "-i", &url, "-c", "copy"]).arg(output).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    // ffmpeg serves the first connection only, so readiness is read where the kernel tells it.
    let wanted = format!(":{port:04X} 00000000:0000 0A");
    while !std::fs::read_to_string("/proc/net/tcp").unwrap().contains(&wanted) {
        assert!(Instant::now() < deadline, "ffmpeg does not listen");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    child
}

fn options(port: u16) -> Options {
    Options::pattern(&format!("rtmp://127.0.0.1:{port}/live/key"))
}

fn pattern_file(directory: &Path) -> Options {
    let mut options = Options::pattern("");
    options.source = Source::Pattern(Pattern { width: 320, height: 180, ..Pattern::default() });
    options.target = Target::Flv(directory.join("pattern.flv"));
    options.duration = Some(Duration::from_secs(2));
    options
}

fn streams(path: &Path) -> Vec<String> {
    let output = Command::new("ffprobe").args(["-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0"]).arg(path).output();
    String::from_utf8(output.unwrap().stdout).unwrap().lines().map(str::to_owned).collect()
}

fn timestamps(path: &Path, stream: &str, field: &str) -> Vec<i64> {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-select_streams", stream, "-show_entries", &format!("packet={field}"), "-of", "csv=p=0"]);
    let output = command.arg(path).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(|line| line.trim_end_matches(',').parse().unwrap()).collect()
}

#[tokio::test]
async fn the_pattern_arrives_live_with_true_stamps() {
    let directory = tempfile::tempdir().unwrap();
    for preset in [Preset::Zerolatency, Preset::Obs] {
        let (port, received) = (free_port(), directory.path().join("received.flv"));
        let mut server = listen(port, &received).await;
        let mut options = options(port);
        options.encoder.preset = preset;
        options.source = Source::Pattern(Pattern { width: 640, height: 360, ..Pattern::default() });
        let (progress, watched) = tokio::sync::watch::channel(Default::default());
        options.progress = Some(progress);
        let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
        let report = publish_until(options, tokio::time::sleep(Duration::from_secs(2))).await.unwrap();
        // It says goodbye, so the server ends by itself.
        server.wait().unwrap();
        assert!(watched.borrow().connected);
        assert!(report.frames >= 20 && report.bytes > 50_000, "{report:?}");
        assert_eq!(streams(&received), ["h264", "aac"]);

        let raw = directory.path().join("raw");
        let mut decode = Command::new("ffmpeg");
        decode.args(["-v", "error", "-y", "-i"]).arg(&received).args([
            "-an",
            "-f",
            "rawvideo",
            "-pix_fmt",
            "yuv420p",
            "-fps_mode",
            "passthrough",
        ]);
        assert!(decode.arg(&raw).status().unwrap().success());
        let raw = std::fs::read(&raw).unwrap();
        let stamps: Vec<_> = raw.chunks_exact(640 * 360 * 3 / 2).map(|frame| read_stamp(frame, 640, 640, 360).unwrap()).collect();
        let shown = timestamps(&received, "v", "pts");
        assert!(stamps.len() >= 20 && stamps.len() <= shown.len(), "{} of {}", stamps.len(), shown.len());
        let first = i64::from(stamps[0].wrapping_sub(started as u32));
        assert!((0..2000).contains(&first), "the first frame was made {first} ms after the start");
        // A stamp is the time of its frame; the difference is how late a loaded machine let the painter run.
        for (stamp, pts) in stamps.iter().zip(sorted(shown.clone())) {
            let late = i64::from(stamp.wrapping_sub(stamps[0])) - (pts - shown[0]);
            assert!(late.abs() < 1000, "{late} ms at {pts}");
        }
    }
}

fn sorted(mut times: Vec<i64>) -> Vec<i64> {
    times.sort();
    times
}

#[tokio::test]
async fn a_file_arrives_in_its_own_time_and_again() {
    let directory = tempfile::tempdir().unwrap();
    publish(pattern_file(directory.path())).await.unwrap();
    let flv = directory.path().join("pattern.flv");
    let mp4 = directory.path().join("pattern.mp4");
    let remuxed = Command::new("ffmpeg").args(["-v", "error", "-i"]).arg(&flv).args(["-c", "copy"]).arg(&mp4).status();
    assert!(remuxed.unwrap().success());
    let webm = directory.path().join("pattern.webm");
    let transcoded =
        Command::new("ffmpeg").args(["-v", "error", "-i"]).arg(&flv).args(["-c:v", "libvpx", "-c:a", "libopus"]).arg(&webm).status();
    assert!(transcoded.unwrap().success());

    let cases: [(&PathBuf, bool, f64); 4] = [(&flv, false, 2.0), (&flv, true, 3.0), (&mp4, true, 3.0), (&webm, false, 2.0)];
    for (file, repeat, seconds) in cases {
        let (port, received) = (free_port(), directory.path().join("received.flv"));
        let mut server = listen(port, &received).await;
        let mut options = options(port);
        options.source = Source::File { path: file.clone(), repeat };
        options.duration = repeat.then_some(Duration::from_secs(3));
        let started = Instant::now();
        publish(options).await.unwrap();
        server.wait().unwrap();
        let took = started.elapsed().as_secs_f64();
        assert!((seconds - 0.5..seconds + 15.0).contains(&took), "{} took {took} s", file.display());
        assert_eq!(streams(&received), ["h264", "aac"]);
        let video = timestamps(&received, "v", "dts");
        assert!(video.len() as f64 > (seconds - 1.0) * 30.0, "{}: {} frames", file.display(), video.len());
        assert!(video.windows(2).all(|pair| (1..200).contains(&(pair[1] - pair[0]))), "{}: {video:?}", file.display());
    }
}

#[tokio::test]
async fn refusals_and_losses_are_told() {
    let port = free_port();
    let error = publish(options(port)).await.unwrap_err();
    assert!(matches!(&error, Error::Refused { server, .. } if *server == format!("127.0.0.1:{port}")), "{error}");
    assert!(!error.to_string().contains("key"), "{error}");

    let directory = tempfile::tempdir().unwrap();
    let mut server = listen(port, &directory.path().join("received.flv")).await;
    let killing = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        server.kill().unwrap();
        server.wait().unwrap();
    };
    let (outcome, ()) = tokio::join!(publish(options(port)), killing);
    assert!(matches!(outcome, Err(Error::Lost { .. })), "{outcome:?}");

    let mut options = options(port);
    options.source = Source::File { path: "/nonexistent.mp4".into(), repeat: false };
    assert!(matches!(publish(options).await, Err(Error::File { .. })));
    assert!(matches!(publish(Options::pattern("http://x/live/key")).await, Err(Error::InvalidOption(_))));
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let started = Instant::now();
    let outcome = publish(options(silent.local_addr().unwrap().port())).await;
    assert!(matches!(outcome, Err(Error::Refused { .. } | Error::Timeout { .. })), "{outcome:?}");
    assert!(started.elapsed() < Duration::from_secs(12));
}
