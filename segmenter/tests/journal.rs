//! Recordings: what is written is read back, whatever cuts the writing short.
#![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "a test that cannot go on fails")]

mod feed;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use feed::{Feed, config, names};
use media::MediaTime;
use segmenter::journal::{Error, Recorder, Recording, Rotation, run_file_name};
use segmenter::multivariant;
use segmenter::playlist::{Skip, render};
use segmenter::window::{Stored, Window};
use segmenter::{Output, vod};
use sha2::{Digest, Sha256};

fn same_init(feed: &mut Feed, discontinuity: bool) -> Vec<Output> {
    feed.init_with(discontinuity, Bytes::from_static(b"the same parameters"))
}

/// Two runs, an absence, a return with equal parameters, one with others; ends in the middle of a segment.
fn broadcast() -> (Feed, Vec<Output>) {
    let mut feed = Feed::new(8);
    let mut outputs = feed.started();
    outputs.extend(same_init(&mut feed, false));
    outputs.extend(feed.steps(14));
    outputs.push(feed.segment_end());
    for _ in 0..12 {
        outputs.extend(feed.step(true));
    }
    outputs.push(feed.segment_end());
    outputs.extend(same_init(&mut feed, true));
    outputs.extend(feed.segments(2));
    outputs.extend(feed.init(true));
    outputs.extend(feed.steps(23));
    (feed, outputs)
}

fn record(dir: &Path, outputs: &[Output]) -> Vec<Stored> {
    let mut recorder = Recorder::create(dir, &names("source"), Rotation::Never).unwrap();
    outputs.iter().flat_map(|output| recorder.append(std::slice::from_ref(output)).unwrap()).collect()
}

/// Segments by number: bytes as they went in.
fn expected(outputs: &[Output]) -> BTreeMap<u64, Vec<u8>> {
    let mut segments: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
    for output in outputs {
        if let Output::Part(part) = output {
            segments.entry(part.msn).or_default().extend_from_slice(&part.bytes);
        }
    }
    segments
}

fn bytes_of(recording: &Recording, index: usize) -> Vec<u8> {
    let span = &recording.segments[index].span;
    let file = fs::read(&span.path).unwrap();
    file[span.offset as usize..(span.offset + span.length) as usize].to_vec()
}

#[test]
fn everything_written_is_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let (feed, outputs) = broadcast();
    let stored = record(dir.path(), &outputs);
    let recording = Recording::read(dir.path()).unwrap();
    assert_eq!((recording.prefix.as_str(), recording.rendition.as_str()), ("ab12cd34", "source"));
    assert_eq!(recording.started, Some((2, feed::PART_TARGET)));
    assert!(!recording.finished);
    let expected = expected(&outputs);
    assert_eq!(recording.segments.iter().map(|s| s.msn).collect::<Vec<_>>(), expected.keys().copied().collect::<Vec<_>>());
    for (index, (segment, bytes)) in recording.segments.iter().zip(expected.values()).enumerate() {
        assert_eq!(&bytes_of(&recording, index), bytes);
        assert_eq!(segment.sha256.as_slice(), Sha256::digest(bytes).as_slice());
    }
    assert_eq!(recording.end(), feed.at);
    assert_eq!(recording.inits.len(), 3);
    assert_eq!(recording.init(1).unwrap().bytes, recording.init(0).unwrap().bytes);
    // Equal parameters share a run file, which begins with them and is the plain concatenation.
    assert_eq!(recording.runs(), [0, 1]);
    let first_run: Vec<u8> = expected.iter().filter(|(msn, _)| **msn <= 13).flat_map(|(_, bytes)| bytes.clone()).collect();
    assert_eq!(fs::read(dir.path().join(run_file_name(0))).unwrap(), [b"the same parameters".to_vec(), first_run].concat());
    // What the recorder said of complete segments is what stands there.
    for stored in stored {
        let segment = recording.segments.iter().find(|segment| segment.msn == stored.msn).unwrap();
        assert_eq!(segment.span, stored.span);
    }
    let discontinuities: Vec<u64> = recording.segments.iter().filter(|s| s.discontinuity).map(|s| s.msn).collect();
    assert_eq!(discontinuities, [12, 14]);
}

/// Every part of `recording` is a prefix of the broadcast's.
fn assert_prefix(recording: &Recording, expected: &BTreeMap<u64, Vec<u8>>) {
    for (index, (segment, (msn, bytes))) in recording.segments.iter().zip(expected).enumerate() {
        let have = bytes_of(recording, index);
        assert_eq!(segment.msn, *msn);
        assert_eq!(segment.sha256.as_slice(), Sha256::digest(&have).as_slice());
        if index + 1 < recording.segments.len() {
            assert_eq!(&have, bytes);
        } else {
            assert!(bytes.starts_with(&have));
        }
    }
}

#[test]
fn a_journal_cut_anywhere_is_a_prefix_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let (_, outputs) = broadcast();
    record(dir.path(), &outputs);
    let expected = expected(&outputs);
    let journal = fs::read(dir.path().join("journal")).unwrap();
    let runs: Vec<_> = (0..2).map(|run| fs::read(dir.path().join(run_file_name(run))).unwrap()).collect();
    let mut most = 0;
    for length in 0..=journal.len() {
        fs::write(dir.path().join("journal"), &journal[..length]).unwrap();
        let recording = match Recording::read(dir.path()) {
            Err(Error::Empty(_)) if most == 0 => continue,
            other => other.unwrap(),
        };
        assert_prefix(&recording, &expected);
        assert!(recording.segments.len() >= most, "more journal, less recording");
        most = recording.segments.len();
        // Recovery every now and then: it rewrites files.
        if length % 97 == 0 || length == journal.len() {
            let (mut recorder, recovered) = Recorder::recover(dir.path(), Rotation::Never).unwrap();
            assert_eq!(recovered.segments, recording.segments);
            go_on(&mut recorder, &recovered);
            let after = Recording::read(dir.path()).unwrap();
            assert!(after.finished);
            assert_eq!(after.segments.len(), recording.segments.len() + 2);
            assert_eq!(after.segments[..recording.segments.len()], recording.segments);
            for (index, segment) in after.segments.iter().enumerate() {
                assert_eq!(segment.sha256.as_slice(), Sha256::digest(bytes_of(&after, index)).as_slice());
            }
            for (run, bytes) in runs.iter().enumerate() {
                fs::write(dir.path().join(run_file_name(run as u32)), bytes).unwrap();
            }
        }
    }
    assert_eq!(most, expected.len());
}

/// The publisher is back after the restart: two more segments of the first run's parameters, and the end.
fn go_on(recorder: &mut Recorder, recording: &Recording) {
    let mut feed = Feed::new(recording.next_msn().unwrap_or(8));
    feed.number = recording.next_part().unwrap_or(0);
    feed.init = recording.next_init();
    feed.at = recording.end();
    recorder.append(&feed.started()).unwrap();
    recorder.append(&same_init(&mut feed, true)).unwrap();
    recorder.append(&feed.segments(2)).unwrap();
    recorder.finish().unwrap();
    assert!(matches!(recorder.append(&[]), Err(Error::Stopped)));
}

#[test]
fn run_files_cut_anywhere_leave_a_prefix() {
    let dir = tempfile::tempdir().unwrap();
    let (_, outputs) = broadcast();
    record(dir.path(), &outputs);
    let expected = expected(&outputs);
    for run in [1, 0] {
        let path = dir.path().join(run_file_name(run));
        let bytes = fs::read(&path).unwrap();
        for length in (0..bytes.len()).rev() {
            fs::write(&path, &bytes[..length]).unwrap();
            let recording = Recording::read(dir.path()).unwrap();
            assert_prefix(&recording, &expected);
            assert!(recording.segments.len() < expected.len() || run == 1);
        }
        fs::write(&path, &bytes).unwrap();
    }
}

#[test]
fn a_damaged_journal_neither_panics_nor_lies() {
    let dir = tempfile::tempdir().unwrap();
    let (_, outputs) = broadcast();
    record(dir.path(), &outputs);
    let expected = expected(&outputs);
    let journal = fs::read(dir.path().join("journal")).unwrap();
    for at in 0..journal.len() {
        let mut damaged = journal.clone();
        damaged[at] ^= 1 << (at % 8);
        fs::write(dir.path().join("journal"), &damaged).unwrap();
        if let Ok(recording) = Recording::read(dir.path()) {
            assert_prefix(&recording, &expected);
        }
    }
}

#[test]
fn the_window_comes_back_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let (feed, outputs) = broadcast();
    record(dir.path(), &outputs);
    let (_, recording) = Recorder::recover(dir.path(), Rotation::Never).unwrap();
    let mut config = config();
    config.dvr_window = Duration::from_secs(3600);
    let mut before = Window::new(config.clone());
    for output in outputs {
        before.handle_output(feed.now(), output);
    }
    let now = Instant::now();
    let mut after = Window::restore(config, now, &recording);
    let segments = |text: String| -> Vec<String> {
        let body: Vec<_> = text.lines().map(str::to_owned).collect();
        let last = body.iter().rposition(|line| line.starts_with("ab12cd34-source-")).unwrap();
        body[..=last].to_vec()
    };
    // The same, and the segment that was open is now complete.
    let (old, new) = (segments(render(&before.view(), Skip::No, &[])), segments(render(&after.view(), Skip::No, &[])));
    let lines = |lines: &[String]| -> Vec<String> { lines.iter().filter(|line| !line.starts_with("#EXT-X-PART:")).cloned().collect() };
    let (old, new) = (lines(&old), lines(&new));
    assert_eq!(old, new[..old.len()]);
    assert_eq!(new[old.len() + 1..], ["#EXTINF:0.600,", "ab12cd34-source-16.m4s"]);
    // And it goes on: GAP segments, then the publisher.
    let mut feed = Feed::new(recording.next_msn().unwrap());
    feed.number = recording.next_part().unwrap();
    feed.init = recording.next_init();
    for _ in 0..10 {
        for output in feed.step(true) {
            after.handle_output(now, output);
        }
    }
    let text = render(&after.view(), Skip::No, &[]);
    assert!(text.contains("#EXT-X-GAP\n#EXTINF:2.000,\nab12cd34-source-17.m4s\n"), "{text}");
    assert!(text.contains(&format!("URI=\"ab12cd34-source-p{}.m4s\"", feed.number)), "{text}");
}

#[test]
fn vod_lists_what_can_be_played() {
    let dir = tempfile::tempdir().unwrap();
    let (_, outputs) = broadcast();
    record(dir.path(), &outputs);
    let recording = Recording::read(dir.path()).unwrap();
    let uri = |run| format!("video-{run}.mp4");
    let text = vod::media_playlist(&recording, uri).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/vod.m3u8");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &text).unwrap();
    }
    assert_eq!(text, fs::read_to_string(path).unwrap());
    // A second parser's opinion, and every byte in its place.
    let playlist = m3u8_rs::parse_media_playlist_res(text.as_bytes()).unwrap();
    assert!(playlist.end_list);
    let expected = expected(&outputs);
    let media: Vec<&Vec<u8>> = expected.values().filter(|bytes| !bytes.is_empty()).collect();
    assert_eq!(playlist.segments.len(), media.len());
    let hashes: BTreeMap<String, BTreeMap<String, String>> =
        serde_json::from_str(&vod::segments_sha256(&[&recording], |_, run| uri(run))).unwrap();
    for (segment, bytes) in playlist.segments.iter().zip(media) {
        let run: u32 = segment.uri.trim_start_matches("video-").trim_end_matches(".mp4").parse().unwrap();
        let file = fs::read(dir.path().join(run_file_name(run))).unwrap();
        let range = segment.byte_range.as_ref().unwrap();
        let (first, length) = (range.offset.unwrap() as usize, range.length as usize);
        assert_eq!(&file[first..first + length], bytes.as_slice());
        let hash = &hashes[&segment.uri][&format!("{first}-{}", first + length - 1)];
        assert_eq!(*hash, hex::encode(Sha256::digest(bytes)));
    }
    let variant = vod::variant(&recording, "video.m3u8").unwrap();
    assert!(variant.bandwidth >= variant.average_bandwidth && variant.average_bandwidth > 0);
    let master = multivariant::render(&[variant]);
    assert!(master.contains("CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=1280x720,FRAME-RATE=30.000"), "{master}");
    m3u8_rs::parse_master_playlist_res(master.as_bytes()).unwrap();
}

#[test]
fn nothing_recorded_is_no_vod() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(Recording::read(dir.path()), Err(Error::Empty(_))));
    let mut recorder = Recorder::create(dir.path(), &names("source"), Rotation::Never).unwrap();
    assert!(matches!(Recorder::create(dir.path(), &names("source"), Rotation::Never), Err(Error::Exists(_))));
    recorder.finish().unwrap();
    let recording = Recording::read(dir.path()).unwrap();
    assert!(recording.finished && vod::media_playlist(&recording, run_file_name).is_none());
}

#[test]
fn dvr_keeps_the_disk_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let rotation = Rotation::Every(MediaTime::from_secs(10));
    let mut recorder = Recorder::create(dir.path(), &names("source"), rotation).unwrap();
    let mut feed = Feed::new(0);
    recorder.append(&feed.started()).unwrap();
    recorder.append(&same_init(&mut feed, false)).unwrap();
    let files = || fs::read_dir(dir.path()).unwrap().count();
    let mut longest_journal = 0;
    for round in 0..50u64 {
        recorder.append(&feed.segments(3)).unwrap();
        if round == 20 {
            recorder.append(&feed.init(true)).unwrap();
        }
        if round == 30 {
            // A crash and a restart in between change nothing.
            drop(recorder);
            recorder = Recorder::recover(dir.path(), rotation).unwrap().0;
        }
        recorder.forget(feed.msn.saturating_sub(10)).unwrap();
        assert!(files() <= 6, "{} files", files());
        longest_journal = longest_journal.max(fs::metadata(dir.path().join("journal")).unwrap().len());
    }
    assert!(longest_journal < 30_000, "{longest_journal}");
    let recording = Recording::read(dir.path()).unwrap();
    assert!(recording.segments.len() >= 10);
    assert_eq!(recording.segments.last().unwrap().msn, 149);
    assert_eq!(recording.discontinuities_dropped, 1);
    for (index, segment) in recording.segments.iter().enumerate() {
        assert_eq!(segment.sha256.as_slice(), Sha256::digest(bytes_of(&recording, index)).as_slice());
        assert!(recording.init(segment.init).is_some());
    }
}

#[test]
fn a_full_disk_stops_the_recording_and_keeps_what_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::create(dir.path(), &names("source"), Rotation::Never).unwrap();
    let mut feed = Feed::new(0);
    recorder.append(&feed.started()).unwrap();
    recorder.append(&same_init(&mut feed, false)).unwrap();
    recorder.append(&feed.segments(2)).unwrap();
    // The next run's file cannot be made.
    fs::create_dir(dir.path().join(run_file_name(1))).unwrap();
    recorder.append(&feed.init(true)).unwrap();
    assert!(matches!(recorder.append(&feed.segments(1)), Err(Error::Io { .. })));
    assert!(matches!(recorder.append(&feed.segments(1)), Err(Error::Stopped)));
    let recording = Recording::read(dir.path()).unwrap();
    assert_eq!(recording.segments.len(), 2);
}
