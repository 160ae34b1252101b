//! The ladder with real encoders.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use media::{Codec, Kind, MediaTime, Unit, Video};
use segmenter_gst::{Error, Ladder, LadderOptions, LadderOutput, Options, Pattern, Preset, Rung, Source, Target, publish};
use tokio::sync::mpsc;

/// A test pattern's video, `offset_ms` later.
async fn source(pattern: Pattern, preset: Preset, keyframe_interval: u32, seconds: u64, offset_ms: i64) -> (Video, Vec<Unit>) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("source.flv");
    let mut options = Options::pattern("");
    options.target = Target::Flv(path.clone());
    options.source = Source::Pattern(Pattern { audio: false, ..pattern });
    options.encoder.preset = preset;
    options.encoder.keyframe_interval = keyframe_interval;
    options.duration = Some(Duration::from_secs(seconds));
    publish(options).await.unwrap();
    read_flv(&path, offset_ms)
}

fn read_flv(path: &Path, offset_ms: i64) -> (Video, Vec<Unit>) {
    let file = Bytes::from(std::fs::read(path).unwrap());
    let (mut track, mut units, mut at) = (None, Vec::new(), 13);
    while at + 11 <= file.len() {
        let header = &file[at..at + 11];
        let size = u32::from_be_bytes([0, header[1], header[2], header[3]]) as usize;
        let dts = i64::from(u32::from_be_bytes([header[7], header[4], header[5], header[6]]));
        let payload = file.slice(at + 11..at + 11 + size);
        at += 11 + size + 4;
        if header[0] != 9 {
            continue;
        }
        let composition = i64::from(i32::from_be_bytes([payload[2], payload[3], payload[4], 0]) >> 8);
        match payload[1] {
            0 => track = Some(Video::parse(Codec::H264, payload.slice(5..)).unwrap()),
            1 => units.push(Unit {
                kind: Kind::Video,
                dts: MediaTime::from_millis(offset_ms + dts),
                pts: MediaTime::from_millis(offset_ms + dts + composition),
                keyframe: payload[0] >> 4 == 1,
                data: payload.slice(5..),
                arrival: Instant::now(),
            }),
            _ => {}
        }
    }
    (track.unwrap(), units)
}

/// Pushes everything as fast as it is taken and reads until the end.
async fn transcode(video: &Video, units: &[Unit], rungs: &[Rung]) -> BTreeMap<usize, (Video, Vec<Unit>)> {
    let (mut ladder, outputs) = Ladder::start(video, rungs, LadderOptions::default()).unwrap();
    let reading = tokio::spawn(collect(outputs));
    for unit in units {
        while ladder.is_full() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        ladder.push(unit);
    }
    assert_eq!(ladder.dropped_groups(), 0);
    drop(ladder);
    reading.await.unwrap().unwrap()
}

async fn collect(mut outputs: mpsc::Receiver<LadderOutput>) -> Result<BTreeMap<usize, (Video, Vec<Unit>)>, Error> {
    let mut rungs = BTreeMap::new();
    while let Some(output) = outputs.recv().await {
        match output {
            LadderOutput::Track { rung, video } => assert!(rungs.insert(rung, (video, Vec::new())).is_none(), "one track"),
            LadderOutput::Unit { rung, unit } => rungs.get_mut(&rung).expect("track first").1.push(unit),
            LadderOutput::Failed(error) => return Err(error),
            _ => {}
        }
    }
    Ok(rungs)
}

fn keyframes(units: &[Unit]) -> Vec<(MediaTime, MediaTime)> {
    units.iter().filter(|unit| unit.keyframe).map(|unit| (unit.pts, unit.dts)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn renditions_have_the_sources_times_and_keyframes() {
    // 45 frames: no encoder would put keyframes there by itself. Times that start anywhere, here before zero.
    for (preset, offset_ms) in [(Preset::Obs, -2_000), (Preset::Zerolatency, 16_777_000)] {
        let (video, units) = source(Pattern { width: 960, height: 540, ..Pattern::default() }, preset, 45, 4, offset_ms).await;
        let mut want: Vec<_> = units.iter().map(|unit| unit.pts).collect();
        want.sort();
        let rungs = [720, 360, 240].map(|height| Rung { height, bitrate_kbps: height });
        let renditions = transcode(&video, &units, &rungs).await;
        assert_eq!(renditions.keys().collect::<Vec<_>>(), [&1, &2], "never larger than the source");
        for (rung, (track, got)) in &renditions {
            assert_eq!((track.width, track.height), [(0, 0), (640, 360), (426, 240)][*rung]);
            assert_eq!(got.iter().map(|unit| unit.pts).collect::<Vec<_>>(), want, "{preset:?} rung {rung}");
            assert_eq!(keyframes(got), keyframes(&units), "{preset:?} rung {rung}");
            assert_eq!(keyframes(got).len(), 3);
            assert!(got.windows(2).all(|pair| pair[0].dts < pair[1].dts), "{preset:?} rung {rung}");
            assert!(got.iter().all(|unit| unit.dts <= unit.pts));
            let bits = got.iter().map(|unit| unit.data.len() as u64 * 8).sum::<u64>() / 4;
            assert!(bits < u64::from(rungs[*rung].bitrate_kbps) * 1300, "{bits} bit/s");
        }
        // What comes out is video again: it goes through a ladder itself.
        let (track, first) = &renditions[&1];
        let again = transcode(track, first, &[Rung { height: 120, bitrate_kbps: 100 }]).await;
        assert_eq!(again[&0].1.len(), first.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_renditions_have_half_of_60_frames() {
    let pattern = Pattern { width: 640, height: 360, frame_rate: 60, audio: false };
    let (video, units) = source(pattern, Preset::Zerolatency, 61, 3, 0).await;
    let renditions = transcode(&video, &units, &[Rung { height: 180, bitrate_kbps: 200 }]).await;
    let got = &renditions[&0].1;
    assert!((88..=96).contains(&got.len()), "{} of {}", got.len(), units.len());
    assert_eq!(keyframes(got), keyframes(&units));
}

/// A second of test picture in another coding: one fragment per frame, so that `mdat` is the frame. With a picture of the first.
fn coded(codec: Codec, encoder: &[&str]) -> (Video, Vec<Unit>, Bytes) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("coded.mp4");
    let mut command = std::process::Command::new("ffmpeg");
    command.args(["-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=15:d=1", "-pix_fmt", "yuv420p", "-g", "8"]).args(encoder);
    command.args(["-movflags", "frag_every_frame+empty_moov+default_base_moof"]).arg(&path);
    assert!(command.status().unwrap().success());
    let file = Bytes::from(std::fs::read(&path).unwrap());
    let kind: &[u8; 4] = match codec {
        Codec::H265 => b"hvcC",
        Codec::Av1 => b"av1C",
        _ => b"vpcC",
    };
    let payload = |at: usize| file.slice(at + 4..at - 4 + u32::from_be_bytes(file[at - 4..at].try_into().unwrap()) as usize);
    let find = |kind: &[u8; 4], from: usize| file[from..].windows(4).position(|window| window == kind).map(|at| from + at);
    let config = payload(find(kind, 0).unwrap());
    let mut units = Vec::new();
    let mut at = 0;
    while let Some(mdat) = find(b"mdat", at) {
        let data = payload(mdat);
        at = mdat + data.len();
        let time = MediaTime::from_ticks(units.len() as i64, 15);
        units.push(Unit { kind: Kind::Video, dts: time, pts: time, keyframe: units.len() % 8 == 0, data, arrival: Instant::now() });
    }
    (Video { codec, config, width: 320, height: 240 }, units, file)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_codings_are_decoded() {
    let cases: [(Codec, &[&str]); 3] = [
        (
            Codec::H265,
            &[
                "-c:v",
                "libx265",
                "-preset",
                "ultrafast",
                "-tag:v",
                "hvc1",
                "-x265-params",
                "bframes=0:scenecut=0:keyint=8:min-keyint=8:log-level=none",
            ],
        ),
        (Codec::Vp9, &["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-lag-in-frames", "0"]),
        (Codec::Av1, &["-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-lag-in-frames", "0"]),
    ];
    for (codec, encoder) in cases {
        let (video, units, file) = coded(codec, encoder);
        assert_eq!(units.len(), 15, "{codec:?}");
        let renditions = transcode(&video, &units, &[Rung { height: 120, bitrate_kbps: 200 }]).await;
        let got = &renditions[&0].1;
        assert_eq!(got.iter().map(|unit| unit.pts).collect::<Vec<_>>(), units.iter().map(|unit| unit.pts).collect::<Vec<_>>(), "{codec:?}");
        assert_eq!(keyframes(got), keyframes(&units), "{codec:?}");
        let picture = segmenter_gst::thumbnail(&[file], 160).await.unwrap_or_else(|error| panic!("{codec:?}: {error}"));
        assert_eq!(picture[..2], [0xff, 0xd8], "{codec:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_encoder_that_lags_costs_whole_groups() {
    let (video, units) = source(Pattern { width: 640, height: 360, ..Pattern::default() }, Preset::Zerolatency, 20, 2, 0).await;
    let rungs = [Rung { height: 240, bitrate_kbps: 200 }];
    let (mut ladder, outputs) = Ladder::start(&video, &rungs, LadderOptions::default()).unwrap();
    // Nobody reads yet, and everything comes at once.
    let length = MediaTime::from_secs(2);
    for round in 0..20 {
        for unit in &units {
            let shift = MediaTime::from_nanos(length.as_nanos() * round);
            ladder.push(&Unit { dts: unit.dts + shift, pts: unit.pts + shift, ..unit.clone() });
        }
    }
    assert!(ladder.dropped_groups() > 0);
    drop(ladder);
    let renditions = tokio::time::timeout(Duration::from_secs(20), collect(outputs)).await.unwrap().unwrap();
    let got = &renditions[&0].1;
    assert!(got.len() > 30 && got.len() < 1200, "{}", got.len());
    for pair in got.windows(2) {
        let step = (pair[1].pts - pair[0].pts).as_millis();
        assert!(step < 40 || pair[1].keyframe, "after a hole of {step} ms comes a keyframe");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_frames_are_survived() {
    let (video, mut units) = source(Pattern { width: 640, height: 360, ..Pattern::default() }, Preset::Zerolatency, 15, 2, 0).await;
    units[20].data = Bytes::from_static(&[0xff; 300]);
    units[21].data = Bytes::new();
    let cut = units[22].data.len() / 2;
    units[22].data.truncate(cut);
    let renditions = transcode(&video, &units, &[Rung { height: 240, bitrate_kbps: 200 }]).await;
    let got = &renditions[&0].1;
    assert!(got.len() >= 56, "{}", got.len());
    assert_eq!(keyframes(got), keyframes(&units));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_work_is_said() {
    let broken = Video { codec: Codec::H264, config: Bytes::from_static(&[1, 2, 3]), width: 640, height: 360 };
    let rungs = [Rung { height: 240, bitrate_kbps: 200 }];
    let (mut ladder, outputs) = Ladder::start(&broken, &rungs, LadderOptions::default()).unwrap();
    let unit = Unit {
        kind: Kind::Video,
        dts: MediaTime::ZERO,
        pts: MediaTime::ZERO,
        keyframe: true,
        data: Bytes::from_static(&[0; 100]),
        arrival: Instant::now(),
    };
    ladder.push(&unit);
    drop(ladder);
    let outcome = tokio::time::timeout(Duration::from_secs(10), collect(outputs)).await.unwrap();
    assert!(outcome.is_err() || outcome.is_ok_and(|rungs| rungs.is_empty()));
    let lower = Video { height: 240, ..broken };
    assert!(matches!(Ladder::start(&lower, &rungs, LadderOptions::default()), Err(Error::InvalidOption(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_leaves_ends_it() {
    let (video, units) = source(Pattern { width: 640, height: 360, ..Pattern::default() }, Preset::Zerolatency, 15, 1, 0).await;
    let (mut ladder, mut outputs) = Ladder::start(&video, &[Rung { height: 240, bitrate_kbps: 200 }], LadderOptions::default()).unwrap();
    units.iter().for_each(|unit| ladder.push(unit));
    assert!(outputs.recv().await.is_some());
    drop(outputs);
    // Whatever still comes is swallowed.
    for _ in 0..10 {
        units.iter().for_each(|unit| ladder.push(unit));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
