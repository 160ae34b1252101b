//! Files as people upload them, made once by ffmpeg; and a way to hand them to a server as the upload does.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::Value;
use shoal::config::{Config, Rendition};
use shoal::domain::{ChannelId, VideoId, VideoState};
use shoal::store::NewVideo;
use shoal::vod::{self, uploaded};
use uuid::Uuid;

use crate::support::Server;

/// What is uploaded.
#[derive(Clone, Copy, Debug)]
pub enum Clip {
    /// Four seconds of 640x360 that browsers play as they are: H.264 with AAC in MP4.
    Plain,
    /// The same in another shape, to tell it apart.
    Upright,
    /// Four seconds that have to be encoded anew: VP9 with Opus in WebM.
    Webm,
    /// Sound alone.
    Sound,
    /// Long and noisy: working on it takes some seconds.
    Heavy,
    /// Wider than is taken.
    Wide,
}

/// Its file.
pub fn clip(clip: Clip) -> &'static Path {
    static CLIPS: [OnceLock<PathBuf>; 6] = [const { OnceLock::new() }; 6];
    CLIPS[clip as usize].get_or_init(|| make(clip))
}

fn make(clip: Clip) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let end = match clip {
        Clip::Webm => "webm",
        Clip::Sound => "mp3",
        _ => "mp4",
    };
    let path = folder.join(format!("upload-{clip:?}.{end}"));
    if path.exists() {
        return path;
    }
    let unfinished = folder.join(format!("upload-{clip:?}-{}.{end}", std::process::id()));
    let picture = |size: &'static str| ["-f", "lavfi", "-i", size];
    let sound = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"];
    let avc = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-pix_fmt", "yuv420p", "-x264-params", "open-gop=0:scenecut=0"];
    let aac = ["-c:a", "aac", "-b:a", "64k"];
    let (arguments, seconds): (Vec<&str>, &str) = match clip {
        Clip::Plain => ([&picture("testsrc2=size=640x360:rate=25")[..], &sound, &avc, &["-b:v", "400k"], &aac].concat(), "4"),
        Clip::Upright => ([&picture("testsrc2=size=360x640:rate=25")[..], &sound, &avc, &["-b:v", "400k"], &aac].concat(), "6"),
        Clip::Webm => (
            [
                &picture("testsrc2=size=640x360:rate=25")[..],
                &sound,
                &["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus"],
            ]
            .concat(),
            "4",
        ),
        Clip::Sound => ([&sound[..], &["-c:a", "libmp3lame"]].concat(), "4"),
        Clip::Heavy => {
            ([&picture("testsrc2=size=1280x720:rate=30,noise=alls=60:allf=t")[..], &sound, &avc, &["-qp", "20"], &aac].concat(), "12")
        }
        Clip::Wide => ([&picture("color=size=9000x64:rate=1")[..], &avc].concat(), "1"),
    };
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-loglevel", "error"]).args(arguments).args(["-t", seconds, "-y"]).arg(&unfinished);
    assert!(command.status().expect("ffmpeg is installed").success(), "{clip:?}");
    std::fs::rename(&unfinished, &path).expect("renamed");
    path
}

/// The program works in processes of its own; two renditions of small pictures, so that tests are fast.
pub fn settings(config: &mut Config) {
    config.program = Some(env!("CARGO_BIN_EXE_shoal").into());
    config.transcoding.ladder = [360, 180].map(|height| Rendition { height, bitrate_kbps: 0 }).to_vec();
    config.transcoding.min_free_disk_bytes = 1 << 20;
    config.transcoding.hardware = false;
}

/// A server with these settings.
pub async fn server() -> Server {
    Server::start_with(settings).await
}

/// A video whose file was uploaded.
#[derive(Clone, Debug)]
pub struct Upload {
    pub uuid: Uuid,
    pub id: VideoId,
}

impl Upload {
    /// Of the user of this token, as the upload leaves it.
    pub async fn of(server: &Server, token: &str, file: &Path, wait: bool) -> Self {
        let (_, me) = server.call(Method::GET, "/api/v1/users/me", Some(token), None).await;
        let channel = ChannelId(me["videoChannels"][0]["id"].as_i64().expect("a channel"));
        let uuid = Uuid::new_v4();
        let app = &server.running.app;
        let mut tx = app.store.write().await.expect("the store");
        let new = NewVideo { is_live: false, state: VideoState::ToTranscode, ..NewVideo::live(uuid, channel, "An upload".to_owned()) };
        let id = tx.videos().create(&new).await.expect("a video");
        let mut video = tx.videos().by_id(id).await.expect("the store").expect("the video");
        video.wait_transcoding = wait;
        tx.videos().update(&video).await.expect("updated");
        tx.commit().await.expect("committed");
        put_original(server, id, file).await;
        Self { uuid, id }
    }

    /// Another file in its place.
    pub async fn replace(&self, server: &Server, file: &Path) {
        put_original(server, self.id, file).await;
    }

    pub async fn details(&self, server: &Server, token: Option<&str>) -> Value {
        let (status, video) = server.call(Method::GET, &format!("/api/v1/videos/{}", self.uuid), token, None).await;
        assert_eq!(status, StatusCode::OK, "{video}");
        video
    }

    pub async fn state(&self, server: &Server) -> VideoState {
        let mut tx = server.running.app.store.read().await.expect("the store");
        tx.videos().by_id(self.id).await.expect("the store").expect("the video").state
    }

    /// How the owner sees it.
    pub async fn progress(&self, server: &Server, token: &str) -> Value {
        let path = format!("/api/shoal/v1/videos/{}/transcoding", self.uuid);
        let (status, progress) = server.call(Method::GET, &path, Some(token), None).await;
        assert_eq!(status, StatusCode::OK, "{progress}");
        progress
    }

    /// Waits until its job is done, one way or the other; how it ended.
    pub async fn ended(&self, server: &Server, token: &str) -> String {
        let mut ended = String::new();
        within(60, "the job ends", async || {
            ended = self.progress(server, token).await["state"].as_str().expect("text").to_owned();
            !matches!(ended.as_str(), "waiting" | "active" | "none")
        })
        .await;
        ended
    }

    pub fn folder(&self, server: &Server) -> PathBuf {
        server.folder.path().join("streaming-playlists/hls").join(self.uuid.to_string())
    }
}

/// Puts a file where uploads leave theirs, and notes it.
async fn put_original(server: &Server, video: VideoId, file: &Path) {
    let app = &server.running.app;
    let mut tx = app.store.write().await.expect("the store");
    let video = tx.videos().by_id(video).await.expect("the store").expect("the video");
    let end = file.extension().and_then(|end| end.to_str()).unwrap_or("bin");
    let placed = uploaded::place(server.folder.path(), video.uuid, file, end).await.expect("placed");
    // The newest counts, and a link brings its time along.
    let path = vod::originals_folder(server.folder.path(), video.uuid).join(&placed);
    std::fs::copy(file, path.with_extension("copy")).expect("copied");
    std::fs::rename(path.with_extension("copy"), path).expect("renamed");
    let size = std::fs::metadata(file).expect("the file").len();
    uploaded::note(&mut tx, &video, &placed, &file.file_name().expect("a name").to_string_lossy(), size).await.expect("noted");
    tx.commit().await.expect("committed");
    app.jobs.wake();
}

/// Waits for `condition`, which is looked at often; encoding takes longer than what other tests wait for.
pub async fn within(seconds: u64, what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !condition().await {
        assert!(began.elapsed() < Duration::from_secs(seconds), "not within {seconds} s: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Names in a folder; of one that is not there, none.
pub fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Seconds, as ffprobe measures a file or address.
pub async fn probe_duration(file: &str) -> f64 {
    let mut command = tokio::process::Command::new("ffprobe");
    command.args(["-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", file]);
    let output = command.output().await.expect("ffprobe is installed");
    assert!(output.status.success(), "{file}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number")
}

/// Byte ranges of a media playlist: file, offset, length.
pub fn ranges(playlist: &str) -> Vec<(String, u64, u64)> {
    let m3u8_rs::Playlist::MediaPlaylist(playlist) = m3u8_rs::parse_playlist_res(playlist.as_bytes()).expect("a playlist") else {
        panic!("a media playlist")
    };
    let segments = playlist.segments.into_iter().map(|segment| {
        let range = segment.byte_range.expect("a range");
        (segment.uri, range.offset.expect("an offset"), range.length)
    });
    segments.collect()
}
