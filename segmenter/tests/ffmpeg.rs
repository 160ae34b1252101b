//! Real H.264 and AAC through the packager, judged by an independent demuxer and decoder.

mod corpus;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use bytes::Bytes;
use corpus::Rig;
use media::{Audio, Codec, Kind, MediaTime, Tracks, Unit, Video};
use segmenter::Output;
use segmenter::packager::Role;

/// Just enough of FLV: H.264 and AAC, as ffmpeg writes them.
fn read_flv(bytes: &[u8], start: Instant) -> (Tracks, Vec<Unit>) {
    let mut tracks = Tracks::default();
    let mut units = Vec::new();
    let u24 = |at: usize| u32::from_be_bytes([0, bytes[at], bytes[at + 1], bytes[at + 2]]);
    let mut at = 13;
    while at + 11 <= bytes.len() {
        let size = u24(at + 1) as usize;
        let dts = MediaTime::from_millis(i64::from(u24(at + 4) | u32::from(bytes[at + 7]) << 24));
        let body = &bytes[at + 11..at + 11 + size];
        let arrival = start + dts.to_duration();
        match (bytes[at], body) {
            (9, [_, 0, _, _, _, config @ ..]) => {
                tracks.video = Some(Video::parse(Codec::H264, Bytes::copy_from_slice(config)).expect("avcC"));
            }
            (9, [first, 1, a, b, c, data @ ..]) => {
                let composition = i32::from_be_bytes([*a, *b, *c, 0]) >> 8;
                let pts = dts + MediaTime::from_millis(i64::from(composition));
                let keyframe = first >> 4 == 1;
                units.push(Unit { kind: Kind::Video, dts, pts, keyframe, data: Bytes::copy_from_slice(data), arrival });
            }
            (8, [_, 0, config @ ..]) => {
                tracks.audio = Some(Audio::parse(Codec::Aac, Bytes::copy_from_slice(config)).expect("an ASC"));
            }
            (8, [_, 1, data @ ..]) => {
                let data = Bytes::copy_from_slice(data);
                units.push(Unit { kind: Kind::Audio, dts, pts: dts, keyframe: true, data, arrival });
            }
            _ => {}
        }
        at += 11 + size + 4;
    }
    (tracks, units)
}

fn ffmpeg(arguments: &[&str], output: &Path) {
    let out = Command::new("ffmpeg").args(["-v", "error", "-y"]).args(arguments).arg(output).output().expect("ffmpeg runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

/// Encodes `seconds` of test picture and tone.
fn encode(directory: &Path, rate: &str, seconds: u32, encoder: &[&str]) -> (Tracks, Vec<Unit>) {
    let file = directory.join("source.flv");
    let picture = format!("testsrc2=s=320x180:r={rate}");
    let length = seconds.to_string();
    let mut arguments = vec!["-f", "lavfi", "-i", &picture, "-f", "lavfi", "-i", "sine=r=48000:f=440", "-t", &length];
    arguments.extend(["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p"]);
    arguments.extend(encoder);
    arguments.extend(["-c:a", "aac", "-ac", "2", "-f", "flv"]);
    ffmpeg(&arguments, &file);
    read_flv(&std::fs::read(&file).expect("was written"), Instant::now())
}

/// One file per initialisation.
fn files(outputs: &[Output]) -> Vec<Vec<u8>> {
    let mut files: Vec<Vec<u8>> = Vec::new();
    for output in outputs {
        match output {
            Output::Init(init) => files.push(init.bytes.to_vec()),
            Output::Part(part) => {
                if let Some(file) = files.last_mut() {
                    file.extend_from_slice(&part.bytes);
                }
            }
            _ => {}
        }
    }
    files
}

/// Decodes `bytes` without an error, and gives the packets' (stream, dts, pts) and decoded frames per stream.
fn decode(directory: &Path, bytes: &[u8]) -> (Vec<(usize, i64, i64)>, Vec<usize>) {
    let file = directory.join("out.mp4");
    std::fs::write(&file, bytes).expect("space for it");
    let out = Command::new("ffmpeg")
        .args(["-v", "warning", "-xerror", "-i"])
        .arg(&file)
        .args(["-map", "0", "-f", "null", "-"])
        .output()
        .expect("ffmpeg runs");
    assert!(out.status.success() && out.stderr.is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
    let out = Command::new("ffprobe")
        .args(["-v", "error", "-count_frames", "-show_entries", "packet=stream_index,dts,pts:stream=nb_read_frames"])
        .args(["-of", "compact=nk=1:p=1"])
        .arg(&file)
        .output()
        .expect("ffprobe runs");
    let text = String::from_utf8_lossy(&out.stdout);
    let mut packets = Vec::new();
    let mut frames = Vec::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split('|').collect();
        match fields[..] {
            ["packet", stream, pts, dts, ..] => {
                packets.push((stream.parse().expect("index"), dts.parse().expect("dts"), pts.parse().expect("pts")));
            }
            ["stream", count, ..] => frames.push(count.parse().expect("count")),
            _ => {}
        }
    }
    (packets, frames)
}

fn assert_monotonic(packets: &[(usize, i64, i64)]) {
    for stream in 0..2 {
        let dts: Vec<i64> = packets.iter().filter(|packet| packet.0 == stream).map(|packet| packet.1).collect();
        assert!(dts.windows(2).all(|pair| pair[1] > pair[0]), "stream {stream}");
    }
}

#[test]
fn what_obs_and_ffmpeg_send_decodes_frame_for_frame() {
    let directory = tempfile::tempdir().expect("a directory");
    for (rate, frames, encoder) in [
        ("30", 180, &["-bf", "2", "-g", "60"][..]),
        ("60000/1001", 360, &["-bf", "3", "-b_strategy", "2", "-g", "250"][..]),
        ("24", 144, &["-tune", "zerolatency", "-g", "48"][..]),
        ("25", 150, &["-x264-params", "b-pyramid=normal:bframes=3:keyint=45:scenecut=0"][..]),
    ] {
        let (tracks, units) = encode(directory.path(), rate, 6, encoder);
        let sent_audio = units.iter().filter(|unit| unit.kind == Kind::Audio).count();
        let truth: Vec<i64> = units.iter().filter(|unit| unit.kind == Kind::Video).map(|unit| unit.pts.to_ticks(90_000)).collect();
        let mut rig = Rig::new();
        rig.tracks(&tracks);
        rig.feed(units);
        rig.end();
        let judged = rig.judge();
        assert_eq!((judged.discontinuous_steps, judged.audio_gaps, judged.segments_without_keyframe), (0, 0, 0));
        let files = files(&rig.outputs);
        assert_eq!(files.len(), 1);
        let (packets, counts) = decode(directory.path(), &files[0]);
        assert_eq!(counts[0], frames, "{rate}");
        // Sound before the first frame is left out; the decoder swallows its first packet.
        assert!(counts[1].abs_diff(sent_audio) <= 3, "{} of {sent_audio}", counts[1]);
        assert_monotonic(&packets);
        let shift = truth[0] - packets.iter().find(|packet| packet.0 == 0).expect("video").2;
        let shown: Vec<i64> = packets.iter().filter(|packet| packet.0 == 0).map(|packet| packet.2 + shift).collect();
        assert_eq!(shown, truth, "presentation times are the publisher's");
        let init = rig.inits()[0];
        assert_eq!(init.video.map(|video| (video.width, video.height)), Some((320, 180)));
        assert!(init.codecs.starts_with("avc1.") && init.codecs.ends_with(",mp4a.40.2"), "{}", init.codecs);
        if encoder.contains(&"250") {
            assert_eq!(rig.terms().0, 4, "x264 says keyint=250: 4.17 s at 59.94 fps");
        }
    }
}

#[test]
fn silence_for_lost_sound_decodes() {
    let directory = tempfile::tempdir().expect("a directory");
    let (tracks, units) = encode(directory.path(), "30", 6, &["-g", "60"]);
    let lost = |unit: &Unit| unit.kind == Kind::Audio && (2_000..3_500).contains(&unit.dts.as_millis());
    let sent = units.iter().filter(|unit| unit.kind == Kind::Audio).count();
    let mut rig = Rig::new();
    rig.tracks(&tracks);
    rig.feed(units.into_iter().filter(|unit| !lost(unit)));
    rig.end();
    assert!(rig.packager.health().silent_packets > 60);
    let judged = rig.judge();
    assert_eq!((judged.discontinuous_steps, judged.audio_gaps), (0, 0));
    let (packets, counts) = decode(directory.path(), &files(&rig.outputs)[0]);
    assert!(counts[1].abs_diff(sent) <= 3);
    assert_monotonic(&packets);
}

#[test]
fn a_reconnect_is_another_file_that_decodes_and_followers_decode_too() {
    let directory = tempfile::tempdir().expect("a directory");
    let (tracks, units) = encode(directory.path(), "30", 5, &["-bf", "2", "-g", "60"]);
    let mut rig = Rig::with(|config| config.role = Role::Leader { mirror: true });
    rig.tracks(&tracks);
    let first = rig.start;
    let shift = |units: &[Unit], by: Duration| -> Vec<Unit> {
        let begin = units[0].arrival;
        units.iter().map(|unit| Unit { arrival: first + by + (unit.arrival - begin), ..unit.clone() }).collect()
    };
    rig.feed(shift(&units, Duration::ZERO));
    rig.packager.handle_interruption(rig.now);
    rig.drain();
    rig.pass(rig.start + Duration::from_secs(9));
    rig.packager.handle_resume(rig.now);
    rig.tracks(&tracks);
    rig.feed(shift(&units, Duration::from_secs(9)));
    rig.end();
    rig.judge();
    let leader = files(&rig.outputs);
    assert_eq!(leader.len(), 2);
    let audio = corpus::follow(&rig, &Tracks { video: None, audio: tracks.audio.clone() });
    corpus::judge(&audio);
    for file in leader.iter().chain(&files(&audio)) {
        let (packets, _) = decode(directory.path(), file);
        assert_monotonic(&packets);
        assert!(packets.len() > 200);
    }
    let (_, counts) = decode(directory.path(), &leader[1]);
    assert_eq!(counts[0], 150);
}
