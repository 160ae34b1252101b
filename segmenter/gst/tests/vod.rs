//! Uploads of every kind become renditions that play; what is broken ends in an error or in a video, and ends.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use media::MediaTime;
use segmenter::journal::{Recording, run_file_name};
use segmenter_gst::vod::{Making, Output, Plan, VodOptions, media_playlist, picture_at, storyboard, transcode};
use segmenter_gst::{Error, MediaInfo, Rung, probe, remux};

/// Runs ffmpeg over `arguments` and returns the file that it made.
fn ffmpeg(directory: &Path, name: &str, arguments: &str) -> PathBuf {
    let path = directory.join(name);
    let output = Command::new("ffmpeg").args(["-v", "error", "-y"]).args(arguments.split_whitespace()).arg(&path).output().unwrap();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    path
}

/// Lavfi inputs: a moving picture and a tone.
fn sources(size: &str, rate: &str, seconds: u32) -> String {
    format!(
        "-f lavfi -i testsrc2=size={size}:rate={rate}:duration={seconds} -f lavfi -i sine=frequency=440:sample_rate=48000:duration={seconds}"
    )
}

fn options(heights: &[u32]) -> VodOptions {
    let rungs = heights.iter().map(|&height| Rung { height, bitrate_kbps: 0 }).collect();
    VodOptions { rungs, keep_resolution: false, hardware: false, threads: 2, ..VodOptions::default() }
}

/// Transcodes into `directory` and returns what was finished, in this order.
fn run(input: &Path, directory: &Path, plan: &Plan, options: &VodOptions) -> Result<Vec<String>, Error> {
    let output = Output { directory: directory.to_owned(), prefix: "test".to_owned(), date_time: 1_700_000_000_000 };
    let (mut finished, mut done) = (Vec::new(), 0.0);
    transcode(input, &output, plan, options, &mut |step| {
        assert!((done..=1.0).contains(&step.done), "{done} to {}", step.done);
        done = step.done;
        finished.extend(step.finished.map(|rendition| rendition.name.clone()));
        ControlFlow::Continue(())
    })?;
    assert!(done > 0.99, "{done}");
    Ok(finished)
}

/// Packets of a stream by presentation: (pts in s, keyframe).
type Packets = Vec<(f64, bool)>;

/// Of picture and sound.
fn packets(path: &Path) -> (Packets, Packets) {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-show_entries", "packet=codec_type,pts_time,flags", "-of", "csv=p=0"])
        .arg(path)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let stream = |kind: &str| {
        let fields = text.lines().filter_map(|line| line.strip_prefix(kind)?.strip_prefix(',')?.split_once(','));
        let mut packets: Packets = fields.map(|(time, flags)| (time.parse().unwrap(), flags.starts_with('K'))).collect();
        packets.sort_by(|a, b| a.0.total_cmp(&b.0));
        packets
    };
    (stream("video"), stream("audio"))
}

/// A rendition after it was looked at from all sides.
struct Seen {
    seconds: f64,
    video: Packets,
    audio: Packets,
    size: Option<(u32, u32)>,
    file: PathBuf,
}

/// Playlist, file and decoders agree with one another.
fn look_at(directory: &Path, name: &str) -> Seen {
    let recording = Recording::read(&directory.join(name)).unwrap();
    assert!(recording.finished, "{name}");
    assert_eq!(recording.runs(), [0], "{name}: one file");
    let file = directory.join(name).join(run_file_name(0));
    let length = std::fs::metadata(&file).unwrap().len();
    let text = media_playlist(&recording, run_file_name).unwrap();
    let playlist = match m3u8_rs::parse_playlist_res(text.as_bytes()) {
        Ok(m3u8_rs::Playlist::MediaPlaylist(playlist)) => playlist,
        other => panic!("{name}: {other:?}"),
    };
    assert!(playlist.end_list && playlist.version.is_some_and(|version| version >= 6), "{name}");
    let map = playlist.segments[0].map.as_ref().unwrap();
    let mut at = map.byte_range.as_ref().unwrap().length;
    let mut seconds = 0.0;
    // Everything is presented a tenth of a second after its place in decoding order.
    let shown = |stream: Packets| stream.into_iter().map(|(pts, keyframe)| (pts - 0.1, keyframe)).collect::<Packets>();
    let (video, audio) = packets(&file);
    let (video, audio) = (shown(video), shown(audio));
    for segment in &playlist.segments {
        let range = segment.byte_range.as_ref().unwrap();
        assert_eq!(range.offset, Some(at), "{name}: ranges follow one another");
        at += range.length;
        assert!(f64::from(segment.duration).round() <= playlist.target_duration as f64, "{name}");
        if !video.is_empty() && seconds < video[video.len() - 1].0 {
            let begins = video.iter().any(|&(pts, keyframe)| keyframe && (pts - seconds).abs() < 0.002);
            assert!(begins || seconds == 0.0, "{name}: no keyframe at {seconds}");
        }
        seconds += f64::from(segment.duration);
    }
    assert_eq!(at, length, "{name}: all of the file is listed");
    let decoded = Command::new("ffmpeg").args(["-v", "warning", "-i"]).arg(&file).args(["-f", "null", "-"]).output().unwrap();
    let complaint = String::from_utf8_lossy(&decoded.stderr).to_string();
    assert!(decoded.status.success() && complaint.is_empty(), "{name}: {complaint}");
    for stream in [&video, &audio].into_iter().filter(|stream| !stream.is_empty()) {
        assert!(stream[0].0.abs() < 0.05, "{name}: begins at {}", stream[0].0);
    }
    if let (Some(picture), Some(sound)) = (video.last(), audio.last()) {
        assert!(sound.0 + 0.05 > picture.0, "{name}: sound lasts as long as the picture");
    }
    let picture = recording.inits[0].video;
    Seen { seconds, video, audio, size: picture.map(|picture| (picture.width, picture.height)), file }
}

fn keyframes(video: &[(f64, bool)]) -> Vec<i64> {
    video.iter().filter(|packet| packet.1).map(|packet| (packet.0 * 1000.0).round() as i64).collect()
}

struct Case {
    name: &'static str,
    size: &'static str,
    rate: &'static str,
    arguments: &'static str,
    /// As displayed.
    shown: Option<(u32, u32)>,
    has_audio: bool,
    /// Of the 120p rendition.
    small: Option<(u32, u32)>,
}

const fn case(name: &'static str, arguments: &'static str) -> Case {
    Case { name, size: "320x180", rate: "30", arguments, shown: Some((320, 180)), has_audio: true, small: Some((214, 120)) }
}

fn cases() -> Vec<Case> {
    vec![
        case("plain.mp4", "-pix_fmt yuv420p -c:v libx264 -preset veryfast -g 30 -c:a aac"),
        case("intervals.mov", "-pix_fmt yuv420p -c:v libx264 -preset veryfast -g 250 -c:a pcm_s16le"),
        case("surround.mkv", "-pix_fmt yuv420p -c:v libx264 -preset veryfast -c:a aac -ac 6"),
        case("page.webm", "-pix_fmt yuv420p -c:v libvpx -deadline realtime -cpu-used 8 -b:v 500k -c:a libopus"),
        case("old.avi", "-c:v mpeg4 -c:a libmp3lame -ar 22050"),
        case("offset.ts", "-pix_fmt yuv420p -c:v libx264 -preset veryfast -c:a aac -output_ts_offset 5000"),
        case("stream.flv", "-pix_fmt yuv420p -c:v libx264 -preset veryfast -c:a aac -ar 44100"),
        case("free.ogv", "-c:v libtheora -c:a libvorbis"),
        case("two.mkv", "-map 0:v -map 1:a -map 1:a -pix_fmt yuv420p -c:v libx264 -preset veryfast -c:a:0 flac -c:a:1 libopus"),
        case(
            "deep.mp4",
            "-pix_fmt yuv420p10le -c:v libx264 -preset veryfast -color_trc arib-std-b67 -colorspace bt2020nc -color_primaries bt2020 -c:a aac",
        ),
        Case { has_audio: false, ..case("silent.mp4", "-an -pix_fmt yuv420p -c:v libx264 -preset veryfast") },
        Case {
            size: "321x181",
            shown: Some((321, 181)),
            // 212.8, to the nearest even.
            small: Some((212, 120)),
            // The source rounds to even sizes.
            ..case("odd.mkv", "-vf scale=321:181,setsar=1 -pix_fmt yuv444p -c:v libx264 -preset veryfast -c:a aac")
        },
        Case {
            size: "240x240",
            shown: Some((320, 240)),
            small: Some((160, 120)),
            ..case("anamorphic.mp4", "-vf setsar=4/3 -pix_fmt yuv420p -c:v libx264 -preset veryfast -c:a aac")
        },
        Case { rate: "60", ..case("fast.mp4", "-pix_fmt yuv420p -c:v libx264 -preset veryfast -c:a aac") },
        // Every third frame is missing, irregularly.
        case(
            "variable.mp4",
            "-vf select='mod(n\\,3)+eq(mod(n\\,5)\\,0)' -vsync vfr -pix_fmt yuv420p -c:v libx264 -preset veryfast -c:a aac",
        ),
        Case { shown: None, small: None, ..case("song.mp3", "-vn -c:a libmp3lame") },
        Case { shown: None, small: None, ..case("song.m4a", "-vn -c:a aac") },
        Case { shown: None, small: None, ..case("song.opus", "-vn -c:a libopus") },
    ]
}

#[test]
fn uploads_of_every_kind_become_renditions() {
    /// A whole group of pictures and a half.
    const SECONDS: u32 = 3;
    let seconds = f64::from(SECONDS);
    let directory = tempfile::tempdir().unwrap();
    for case in cases() {
        let Case { name, size, rate, arguments, shown, has_audio, small } = case;
        let file = ffmpeg(directory.path(), name, &format!("{} {arguments}", sources(size, rate, SECONDS)));
        let info = probe(&file).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(info.video.as_ref().map(|video| (video.width, video.height)), shown, "{name}");
        assert_eq!(info.audio.is_some(), has_audio, "{name}");
        assert!((info.duration.unwrap().as_secs_f64() - seconds).abs() < 0.2, "{name}: {:?}", info.duration);
        let options = options(&[180, 120]);
        let plan = Plan::new(&info, &options).unwrap();
        let out = directory.path().join(format!("{name}.out"));
        let finished = run(&file, &out, &plan, &options).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(finished.len(), plan.renditions.len(), "{name}: {finished:?}");
        let mut aligned = None;
        for rendition in &plan.renditions {
            let seen = look_at(&out, &rendition.name);
            assert!((seen.seconds - seconds).abs() < 0.1, "{name} {}: {} s", rendition.name, seen.seconds);
            assert_eq!(!seen.audio.is_empty(), has_audio, "{name}");
            if rendition.making == Making::Encoded {
                assert_eq!(seen.size, Some((rendition.width, rendition.height)), "{name}");
                let frames = rendition.frame_rate * seconds;
                assert!((seen.video.len() as f64 - frames).abs() <= 2.0, "{name} {}: {} frames", rendition.name, seen.video.len());
                let keyframes = keyframes(&seen.video);
                assert_eq!(keyframes, [0, 2000], "{name} {}", rendition.name);
                assert_eq!(*aligned.get_or_insert_with(|| keyframes.clone()), keyframes, "{name}");
            }
            if rendition.name == "120p" {
                assert_eq!(seen.size, small, "{name}");
            }
        }
    }
}

#[test]
fn a_turned_phone_stands_upright() {
    let directory = tempfile::tempdir().unwrap();
    let flat = ffmpeg(directory.path(), "flat.mp4", &format!("{} -pix_fmt yuv420p -c:v libx264 -c:a aac", sources("320x180", "30", 3)));
    let turned = ffmpeg(directory.path(), "turned.mp4", &format!("-i {} -c copy -metadata:s:v:0 rotate=90", flat.display()));
    let info = probe(&turned).unwrap();
    assert_eq!(info.video.as_ref().map(|video| (video.width, video.height)), Some((180, 320)));
    let options = options(&[180, 120]);
    let plan = Plan::new(&info, &options).unwrap();
    assert!(plan.renditions.iter().all(|rendition| rendition.making == Making::Encoded));
    run(&turned, directory.path(), &plan, &options).unwrap();
    assert_eq!(look_at(directory.path(), "180p").size, Some((180, 320)));
    assert_eq!(look_at(directory.path(), "120p").size, Some((120, 214)));
    // The same picture as ffmpeg makes of it, which knows which way is up.
    let gray = |name: &str, file: &Path| {
        let arguments = format!("-i {} -frames:v 1 -vf scale=18:32 -pix_fmt gray -f rawvideo", file.display());
        std::fs::read(ffmpeg(directory.path(), name, &arguments)).unwrap()
    };
    let (want, got) = (gray("want", &turned), gray("got", &look_at(directory.path(), "180p").file));
    let difference: u32 = want.iter().zip(&got).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
    assert!(difference / 576 < 12, "{difference}");
    let jpeg = picture_at(&turned, &info, MediaTime::from_secs(1), 90).unwrap();
    std::fs::write(directory.path().join("picture.jpg"), jpeg).unwrap();
    let picture = probe_picture(&directory.path().join("picture.jpg"));
    assert_eq!(picture, "mjpeg,90,160");
}

fn probe_picture(path: &Path) -> String {
    let info = Command::new("ffprobe")
        .args(["-v", "error", "-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0"])
        .arg(path)
        .output()
        .unwrap();
    String::from_utf8_lossy(&info.stdout).trim().to_owned()
}

/// When the picture first turns white and when the sound sets in, in seconds.
fn clap(directory: &Path, file: &Path, rate: f64) -> (f64, f64) {
    let pixels = ffmpeg(directory, "pixels", &format!("-i {} -map 0:v -vf scale=4:4 -pix_fmt gray -f rawvideo", file.display()));
    let pixels = std::fs::read(pixels).unwrap();
    let frame = pixels.chunks_exact(16).position(|frame| frame.iter().map(|&pixel| u32::from(pixel)).sum::<u32>() > 16 * 128).unwrap();
    let samples = ffmpeg(directory, "samples", &format!("-i {} -map 0:a -ac 1 -ar 48000 -f s16le", file.display()));
    let samples = std::fs::read(samples).unwrap();
    let loud = samples.chunks_exact(2).position(|sample| i16::from_le_bytes([sample[0], sample[1]]).unsigned_abs() > 3000).unwrap();
    (frame as f64 / rate, loud as f64 / 48_000.0)
}

#[test]
fn sound_and_picture_stay_together() {
    let directory = tempfile::tempdir().unwrap();
    let clapper = "-f lavfi -i color=black:size=320x180:rate=30:duration=4,drawbox=color=white:t=fill:enable='gte(t\\,2.5)' \
                   -f lavfi -i aevalsrc=0.8*sin(6283*t)*gte(t\\,2.5):s=48000:d=4 \
                   -pix_fmt yuv420p -c:v libx264 -preset veryfast -bf 3 -g 30";
    for (name, arguments, delay) in
        [("edit.mp4", "-c:a aac", 0.0), ("audio.mkv", "-c:a libopus", 0.0), ("offset.ts", "-c:a mp2 -output_ts_offset 95000", 0.0)]
    {
        let file = ffmpeg(directory.path(), name, &format!("{clapper} {arguments}"));
        let info = probe(&file).unwrap();
        for passthrough in [true, false] {
            let options = VodOptions { passthrough, ..options(&[180, 120]) };
            let out = directory.path().join(format!("{name}.{passthrough}"));
            run(&file, &out, &Plan::new(&info, &options).unwrap(), &options).unwrap();
            for rendition in ["180p", "120p"] {
                let (picture, sound) = clap(directory.path(), &look_at(&out, rendition).file, 30.0);
                assert!((picture - 2.5).abs() < 0.05, "{name} {rendition} copy {passthrough}: picture at {picture}");
                assert!((sound - picture - delay).abs() < 0.03, "{name} {rendition} copy {passthrough}: {picture} and {sound}");
            }
        }
    }
    // Sound that begins a second late and ends a second early is silence there. (-t counts from before -itsoffset.)
    let plain = ffmpeg(directory.path(), "plain.mp4", &format!("{clapper} -c:a aac"));
    let path = plain.display();
    let late = ffmpeg(directory.path(), "late.mkv", &format!("-i {path} -itsoffset 1 -ss 1 -t 3 -i {path} -map 0:v -map 1:a -c copy"));
    let info = probe(&late).unwrap();
    let options = options(&[120]);
    let out = directory.path().join("late");
    run(&late, &out, &Plan::new(&info, &options).unwrap(), &options).unwrap();
    let seen = look_at(&out, "120p");
    assert!((seen.seconds - 4.0).abs() < 0.1, "{}", seen.seconds);
    let (picture, sound) = clap(directory.path(), &seen.file, 30.0);
    assert!((sound - picture).abs() < 0.06, "{picture} and {sound}");
}

#[test]
fn what_fits_is_copied_first() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = format!("{} -pix_fmt yuv420p -c:v libx264 -preset veryfast -flags +cgop -g 30 -c:a aac", sources("320x180", "30", 5));
    let file = ffmpeg(directory.path(), "source.mp4", &arguments);
    let info = probe(&file).unwrap();
    let options = options(&[180, 120]);
    let plan = Plan::new(&info, &options).unwrap();
    assert_eq!(plan.renditions[0].making, Making::Copied);
    let out = directory.path().join("out");
    assert_eq!(run(&file, &out, &plan, &options).unwrap(), ["180p", "120p"]);
    let (source, copied) = (packets(&file).0, look_at(&out, "180p"));
    assert_eq!(copied.video.len(), source.len());
    // What segments may last, whatever they do: known when the first is written.
    let playlist = |name: &str| media_playlist(&Recording::read(&out.join(name)).unwrap(), run_file_name).unwrap();
    assert!(playlist("180p").contains("#EXT-X-TARGETDURATION:6\n") && playlist("120p").contains("#EXT-X-TARGETDURATION:2\n"));
    for (got, want) in copied.video.iter().zip(&source) {
        assert!((got.0 - want.0).abs() < 0.002 && got.1 == want.1, "{got:?} {want:?}");
    }
    // Its own bytes, decoded, are the source's.
    let hash = |name: &str, file: &Path| {
        std::fs::read_to_string(ffmpeg(directory.path(), name, &format!("-i {} -map 0:v -f md5", file.display()))).unwrap()
    };
    assert_eq!(hash("a", &file), hash("b", &copied.file));
    // As one file for download.
    let download = directory.path().join("download.mp4");
    let made = remux(std::slice::from_ref(&look_at(&out, "120p").file), &download).unwrap();
    assert!((made.duration.unwrap().as_secs_f64() - 5.0).abs() < 0.1 && made.video.is_some() && made.audio.is_some());
    // Finished renditions stay, unfinished ones are made anew.
    std::fs::remove_dir_all(out.join("120p")).unwrap();
    std::fs::create_dir(out.join("120p")).unwrap();
    std::fs::write(out.join("120p").join("journal"), b"nonsense").unwrap();
    let before = std::fs::metadata(&copied.file).unwrap().modified().unwrap();
    assert_eq!(run(&file, &out, &plan, &options).unwrap(), ["120p"]);
    assert_eq!(std::fs::metadata(&copied.file).unwrap().modified().unwrap(), before);
    look_at(&out, "120p");
}

#[test]
fn groups_too_long_to_be_copied_are_encoded() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = format!("{} -pix_fmt yuv420p -c:v libx264 -preset ultrafast -g 999 -c:a aac", sources("160x90", "30", 8));
    let file = ffmpeg(directory.path(), "source.mp4", &arguments);
    let options = VodOptions { rungs: vec![Rung { height: 90, bitrate_kbps: 5000 }], ..options(&[]) };
    let plan = Plan::new(&probe(&file).unwrap(), &options).unwrap();
    assert_eq!(plan.renditions[0].making, Making::Copied);
    run(&file, directory.path(), &plan, &options).unwrap();
    assert_eq!(keyframes(&look_at(directory.path(), "90p").video), [0, 2000, 4000, 6000]);
}

#[test]
fn it_plays_while_it_grows_and_can_be_cancelled() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = format!("{} -pix_fmt yuv420p -c:v libx264 -preset ultrafast -c:a aac", sources("640x360", "30", 20));
    let file = ffmpeg(directory.path(), "source.mp4", &arguments);
    let options = VodOptions { passthrough: false, ..options(&[360, 180]) };
    let plan = Plan::new(&probe(&file).unwrap(), &options).unwrap();
    let output = Output { directory: directory.path().to_owned(), prefix: "test".to_owned(), date_time: 0 };
    let mut growing = None;
    let outcome = transcode(&file, &output, &plan, &options, &mut |_| {
        let recordings = ["360p", "180p"].map(|name| Recording::read(&directory.path().join(name)).unwrap());
        if recordings.iter().all(|recording| !recording.segments.is_empty()) {
            growing = media_playlist(&recordings[1], run_file_name);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    assert!(matches!(outcome, Err(Error::Cancelled)), "{outcome:?}");
    let growing = growing.unwrap();
    assert!(growing.contains("#EXT-X-PLAYLIST-TYPE:EVENT\n") && growing.contains("#EXT-X-TARGETDURATION:2\n"), "{growing}");
    assert!(!growing.contains("ENDLIST") && growing.ends_with('\n'));
}

#[test]
fn stills_show_what_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = format!("{} -pix_fmt yuv420p -c:v libx264 -preset ultrafast -g 60 -c:a aac", sources("640x360", "25", 5));
    let file = ffmpeg(directory.path(), "source.mp4", &arguments);
    let info = probe(&file).unwrap();
    let path = directory.path().join("picture.jpg");
    for (position, width, want) in [(0, 320, "mjpeg,320,180"), (3, 9999, "mjpeg,640,360"), (500, 280, "mjpeg,280,157")] {
        std::fs::write(&path, picture_at(&file, &info, MediaTime::from_secs(position), width).unwrap()).unwrap();
        assert_eq!(probe_picture(&path), want);
    }
    let board = storyboard(&file, &info).unwrap();
    assert_eq!((board.sprite_width, board.sprite_height, board.sprite_duration), (192, 108, 1));
    assert_eq!((board.total_width, board.total_height), (5 * 192, 108));
    std::fs::write(&path, &board.jpeg).unwrap();
    assert_eq!(probe_picture(&path), "mjpeg,960,108");
    // Each sprite is the picture at its time.
    let (tiles, frames) = (directory.path().join("tiles"), directory.path().join("frames"));
    let raw = "-pix_fmt gray -f rawvideo";
    ffmpeg(directory.path(), "tiles", &format!("-i {} -vf scale=160:18 {raw}", path.display()));
    ffmpeg(
        directory.path(),
        "frames",
        &format!("-i {} -vf select='not(mod(n\\,25))',scale=32:18,tile=5x1 -vsync vfr -frames:v 1 {raw}", file.display()),
    );
    let (tiles, frames) = (std::fs::read(tiles).unwrap(), std::fs::read(frames).unwrap());
    let difference: u32 = tiles.iter().zip(&frames).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
    assert!(difference / tiles.len() as u32 <= 8, "{}", difference / tiles.len() as u32);
    let song = ffmpeg(directory.path(), "song.mp3", "-f lavfi -i sine=duration=2");
    let info = probe(&song).unwrap();
    assert!(matches!(picture_at(&song, &info, MediaTime::ZERO, 100), Err(Error::Unsupported(_))));
}

/// Probes, transcodes and pictures, whatever comes of it.
fn try_all(file: &Path, out: &Path) -> Option<MediaInfo> {
    let info = probe(file).ok()?;
    let options = options(&[90]);
    let plan = Plan::new(&info, &options).ok()?;
    if !plan.renditions.is_empty() && run(file, out, &plan, &options).is_ok() {
        for rendition in &plan.renditions {
            assert!(Recording::read(&out.join(&rendition.name)).unwrap().finished);
        }
    }
    let _ = picture_at(file, &info, MediaTime::from_secs(1), 160);
    Some(info)
}

#[test]
fn damage_ends_in_an_error_or_a_video() {
    let directory = tempfile::tempdir().unwrap();
    let sources = sources("160x90", "15", 2);
    let mut noise = 0x1234_5678_u32;
    let mut random = move || {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        noise >> 8
    };
    for name in ["a.mp4", "b.mkv", "c.ts", "d.flv"] {
        let faststart = if name == "a.mp4" { "-movflags +faststart" } else { "" };
        let good =
            ffmpeg(directory.path(), name, &format!("{sources} -pix_fmt yuv420p -c:v libx264 -preset ultrafast -c:a aac {faststart}"));
        let bytes = std::fs::read(&good).unwrap();
        let mut inputs: Vec<Vec<u8>> = [10, 50, 90].iter().map(|percent| bytes[..bytes.len() * percent / 100].to_vec()).collect();
        for flips in [5, 50] {
            let mut mutated = bytes.clone();
            for _ in 0..flips {
                let at = random() as usize % mutated.len();
                mutated[at] = random() as u8;
            }
            inputs.push(mutated);
        }
        for (index, input) in inputs.into_iter().enumerate() {
            let started = Instant::now();
            let file = directory.path().join(format!("{index}.{name}"));
            std::fs::write(&file, input).unwrap();
            try_all(&file, &directory.path().join(format!("{index}.{name}.out")));
            assert!(started.elapsed() < Duration::from_secs(100), "{name} {index}");
        }
    }
}

#[test]
fn what_is_no_media_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    // A playlist would make the server fetch what it names.
    let playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n";
    let sdp = b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n";
    for (name, bytes) in [
        ("empty.mp4", &b""[..]),
        ("text.mp4", b"Hello, I am a film.\n"),
        ("page.html", b"<!doctype html><html><script>alert(1)</script></html>"),
        ("list.m3u8", playlist),
        ("list.mp4", playlist),
        ("session.sdp", sdp),
    ] {
        let outcome = probe(&write(name, bytes));
        assert!(matches!(outcome, Err(Error::Malformed(_) | Error::Unsupported(_))), "{name}: {outcome:?}");
    }
    let picture = ffmpeg(directory.path(), "picture.png", "-f lavfi -i testsrc2=size=64x64 -frames:v 1");
    let outcome = probe(&picture);
    assert!(outcome.is_err(), "{outcome:?}");
    let arguments = format!(
        "{} -pix_fmt yuv420p -c:v libx264 -c:a aac -encryption_scheme cenc-aes-ctr -encryption_key 76a6c65c5ea762046bd749a2e632ccbb -encryption_kid a7e61c373e219033c21091fa607bf3b8",
        sources("160x90", "15", 1)
    );
    let outcome = probe(&ffmpeg(directory.path(), "secret.mp4", &arguments));
    assert!(matches!(outcome, Err(Error::Encrypted)), "{outcome:?}");
}
