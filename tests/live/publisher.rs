//! ffmpeg as the encoder, with clips made once.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// What is published.
#[derive(Clone, Copy, Debug)]
pub enum Clip {
    /// Two seconds of picture and sound, a keyframe each second.
    Plain,
    /// The same without sound.
    Picture,
    /// Sound alone.
    Sound,
    /// So many bytes that a few seconds fill the server's memory for a live.
    Heavy,
    /// A coding that no browser plays.
    Sorenson,
}

fn clip(clip: Clip) -> &'static Path {
    static CLIPS: [OnceLock<PathBuf>; 5] = [const { OnceLock::new() }; 5];
    CLIPS[clip as usize].get_or_init(|| make(clip))
}

fn make(clip: Clip) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join(format!("{clip:?}.flv"));
    if path.exists() {
        return path;
    }
    let unfinished = folder.join(format!("{clip:?}-{}.flv", std::process::id()));
    let picture = ["-f", "lavfi", "-i", "testsrc=size=320x180:rate=25"];
    let noise = ["-f", "lavfi", "-i", "testsrc=size=640x360:rate=25,noise=alls=100:allf=t"];
    let sound = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"];
    let avc = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "25", "-pix_fmt", "yuv420p"];
    let aac = ["-c:a", "aac", "-b:a", "64k"];
    let arguments: Vec<&str> = match clip {
        Clip::Plain => [&picture[..], &sound, &avc, &aac].concat(),
        Clip::Picture => [&picture[..], &avc].concat(),
        Clip::Sound => [&sound[..], &aac].concat(),
        Clip::Heavy => [&noise[..], &sound, &avc, &["-qp", "8"], &aac].concat(),
        Clip::Sorenson => [&picture[..], &["-c:v", "flv1"]].concat(),
    };
    let status =
        Command::new("ffmpeg").args(["-nostdin", "-loglevel", "error"]).args(arguments).args(["-t", "2", "-y"]).arg(&unfinished).status();
    assert!(status.expect("ffmpeg is installed").success(), "{clip:?}");
    std::fs::rename(&unfinished, &path).expect("renamed");
    path
}

/// A running ffmpeg; killed when dropped.
pub struct Publisher(Child);

impl Publisher {
    /// Publishes `clip` over and over, in real time.
    pub fn start(what: Clip, url: &str) -> Self {
        Self::run(what, url, &[])
    }

    /// Publishes about this long, then ends cleanly.
    pub fn start_for(what: Clip, url: &str, length: Duration) -> Self {
        Self::run(what, url, &["-t", &length.as_secs_f64().to_string()])
    }

    fn run(what: Clip, url: &str, more: &[&str]) -> Self {
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-loglevel", "error", "-re", "-stream_loop", "-1", "-i"]).arg(clip(what));
        command.args(["-c", "copy"]).args(more).args(["-f", "flv", url]);
        Self(command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().expect("ffmpeg is installed"))
    }

    /// Ends it as a user does: the stream is closed properly.
    pub fn stop(mut self) {
        self.signal(Signal::INT);
        let _ = self.0.wait();
    }

    /// The connection stays, and nothing comes any more.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).expect("it runs");
    }

    /// It has gone on its own; whether all was well.
    pub async fn ended(&mut self) -> bool {
        for _ in 0..400 {
            if let Some(status) = self.0.try_wait().expect("a status") {
                return status.success();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("ffmpeg runs for 20 s and should not");
    }

    /// It still runs.
    pub fn runs(&mut self) -> bool {
        self.0.try_wait().expect("a status").is_none()
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Seconds of media at `location` as ffprobe measures them.
pub async fn probe_duration(location: &str) -> f64 {
    let arguments = ["-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", location];
    let output = tokio::process::Command::new("ffprobe").args(arguments).output().await.expect("ffprobe is installed");
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    text.parse().unwrap_or_else(|_| panic!("{location}: {text:?} {}", String::from_utf8_lossy(&output.stderr)))
}
