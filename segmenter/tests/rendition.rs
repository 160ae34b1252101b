//! Readers of a live: waiting, waking, looking up, caching.
#![cfg(feature = "server")]
#![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "a test that cannot go on fails")]

mod feed;

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use feed::{Feed, PARTS_PER_SEGMENT, config, names};
use segmenter::journal::{Recorder, Rotation};
use segmenter::reload::Reload;
use segmenter::rendition::{Group, ObjectPoll, PlaylistPoll, Rendition, RenditionWriter};
use segmenter::window::{Config, Object, Window};
use segmenter::{Init, Output, Sound};
use sha2::{Digest, Sha256};

fn open(group: &Group, config: Config) -> (Feed, RenditionWriter, Rendition) {
    let mut feed = Feed::new(0);
    let (mut writer, rendition) = group.open(Window::new(config));
    writer.handle_outputs(feed.now(), feed.started());
    let init = feed.init(false);
    writer.handle_outputs(feed.now(), init);
    (feed, writer, rendition)
}

fn steps(feed: &mut Feed, writer: &mut RenditionWriter, count: u32) {
    for _ in 0..count {
        let outputs = feed.step(false);
        writer.handle_outputs(feed.now(), outputs);
    }
}

fn text(poll: PlaylistPoll) -> String {
    match poll {
        PlaylistPoll::Ready(playlist) => String::from_utf8(playlist.body.plain().to_vec()).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn poll(rendition: &Rendition, query: &[(&str, &str)]) -> PlaylistPoll {
    let now = Instant::now();
    rendition.poll_playlist(now, &Reload::parse(query.iter().copied()), now)
}

fn object(rendition: &Rendition, name: &str) -> ObjectPoll {
    let now = Instant::now();
    rendition.poll_object(now, name, now)
}

fn read(poll: ObjectPoll) -> Vec<u8> {
    match poll {
        ObjectPoll::Ready { object: Object::Memory(chunks), .. } => chunks.concat(),
        ObjectPoll::Ready { object: Object::File(span), .. } => {
            let file = std::fs::read(&span.path).unwrap();
            file[span.offset as usize..(span.offset + span.length) as usize].to_vec()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn texts_are_rendered_once_and_shared() {
    let group = Group::new();
    let (mut feed, mut writer, rendition) = open(&group, config());
    steps(&mut feed, &mut writer, 15);
    let body = |poll| match poll {
        PlaylistPoll::Ready(playlist) => playlist.body,
        other => panic!("{other:?}"),
    };
    let (first, second) = (body(poll(&rendition, &[])), body(poll(&rendition, &[("_HLS_msn", "1"), ("_HLS_part", "4")])));
    assert!(Arc::ptr_eq(&first, &second));
    assert_eq!(first.gzip().as_ptr(), second.gzip().as_ptr());
    let mut unzipped = Vec::new();
    flate2::read::GzDecoder::new(first.gzip().as_ref()).read_to_end(&mut unzipped).unwrap();
    assert_eq!(unzipped, first.plain());
    // Nothing to skip yet: the delta update is the same text.
    assert!(Arc::ptr_eq(&first, &body(poll(&rendition, &[("_HLS_skip", "YES")]))));
    steps(&mut feed, &mut writer, 100);
    assert!(text(poll(&rendition, &[("_HLS_skip", "YES")])).contains("#EXT-X-SKIP"));
}

#[test]
fn answers_say_how_long_they_last() {
    let group = Group::new();
    let (mut feed, mut writer, rendition) = open(&group, config());
    steps(&mut feed, &mut writer, 15);
    let max_age = |poll| match poll {
        PlaylistPoll::Ready(playlist) => playlist.max_age,
        PlaylistPoll::Invalid { max_age, .. } => max_age,
        other => panic!("{other:?}"),
    };
    assert_eq!(max_age(poll(&rendition, &[])), Duration::from_secs(1));
    assert_eq!(max_age(poll(&rendition, &[("_HLS_msn", "1"), ("_HLS_part", "0")])), Duration::from_secs(12));
    assert_eq!(max_age(poll(&rendition, &[("_HLS_msn", "100")])), Duration::from_secs(2));
    let missing = |name| match object(&rendition, name) {
        ObjectPoll::Missing { max_age } => max_age,
        other => panic!("{other:?}"),
    };
    assert_eq!(missing("../../etc/passwd"), Duration::from_secs(2));
    // It will be there in a moment: no cache may keep its absence.
    assert_eq!(missing("ab12cd34-source-p16.m4s"), Duration::ZERO);
    assert!(matches!(object(&rendition, "ab12cd34-source-p15.m4s"), ObjectPoll::Wait { .. }));
}

#[test]
fn reports_tell_of_the_other_renditions() {
    let group = Group::new();
    let (mut feed, mut writer, video) = open(&group, config());
    let audio_config = Config { names: names("audio"), ..config() };
    let (mut audio_feed, mut audio_writer, audio) = open(&group, audio_config);
    steps(&mut feed, &mut writer, 13);
    assert!(!text(poll(&video, &[])).contains("RENDITION-REPORT"), "nothing to report yet");
    steps(&mut audio_feed, &mut audio_writer, 12);
    steps(&mut feed, &mut writer, 1);
    let report = "#EXT-X-RENDITION-REPORT:URI=\"audio.m3u8\",LAST-MSN=1,LAST-PART=1\n";
    assert!(text(poll(&video, &[])).ends_with(report));
    assert!(text(poll(&audio, &[])).ends_with("#EXT-X-RENDITION-REPORT:URI=\"source.m3u8\",LAST-MSN=1,LAST-PART=3\n"));
}

#[test]
fn segments_are_their_parts_in_memory_and_on_disk() {
    let group = Group::new();
    let tiny = Config { memory: Duration::from_secs(4), dvr_window: Duration::from_secs(60), ..config() };
    let (mut feed, mut writer, rendition) = open(&group, tiny);
    let dir = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::create(dir.path(), &names("source"), Rotation::Never).unwrap();
    let mut feed_copy = Feed::new(0);
    recorder.append(&feed_copy.init(false)).unwrap();
    for _ in 0..20 * PARTS_PER_SEGMENT {
        let outputs = feed.step(false);
        writer.handle_outputs(feed.now(), outputs.clone());
        let stored = recorder.append(&outputs).unwrap();
        writer.handle_stored(feed.now(), stored);
    }
    let mut on_disk = 0;
    for msn in 0..20u64 {
        let name = format!("ab12cd34-source-{msn}.m4s");
        let parts: Vec<u8> = (msn * 10..(msn + 1) * 10).flat_map(|number| feed.bytes(number)).collect();
        let poll = object(&rendition, &name);
        on_disk += usize::from(matches!(poll, ObjectPoll::Ready { object: Object::File(_), .. }));
        assert_eq!(read(poll), parts, "{name}");
    }
    assert_eq!(on_disk, 18, "4 s of 40 in memory");
    // Parts: for seven target durations after their segment's end, from memory or disk; then only segments.
    for number in 130..200 {
        assert_eq!(read(object(&rendition, &format!("ab12cd34-source-p{number}.m4s"))), feed.bytes(number));
    }
    assert!(matches!(object(&rendition, "ab12cd34-source-p5.m4s"), ObjectPoll::Missing { .. }));
    assert_eq!(read(object(&rendition, "ab12cd34-source-init0.mp4")), b"init of run 0");
}

#[test]
fn without_a_recording_memory_bounds_the_window() {
    let group = Group::new();
    let bound = Config { memory_bytes: 4000, dvr_window: Duration::from_secs(600), ..config() };
    let (mut feed, mut writer, rendition) = open(&group, bound);
    for _ in 0..60 * PARTS_PER_SEGMENT {
        let part = feed.part_with(feed::PART, false, Bytes::from(vec![7; 100]));
        writer.handle_outputs(feed.now(), [part]);
        if feed.index == PARTS_PER_SEGMENT {
            let end = feed.segment_end();
            writer.handle_outputs(feed.now(), [end]);
        }
    }
    let text = text(poll(&rendition, &[]));
    let listed = text.lines().filter(|line| line.starts_with("#EXTINF")).count();
    assert_eq!(listed, 4, "4000 bytes are four segments:\n{text}");
    let servable =
        (0..60u64).filter(|msn| matches!(object(&rendition, &format!("ab12cd34-source-{msn}.m4s")), ObjectPoll::Ready { .. })).count();
    assert!((5..=12).contains(&servable), "{servable} segments, a removed one lingers, but not for ever");
}

#[test]
fn removed_segments_linger() {
    let group = Group::new();
    let (mut feed, mut writer, rendition) = open(&group, Config { dvr_window: Duration::from_secs(8), ..config() });
    steps(&mut feed, &mut writer, 60);
    // 12 s in: segment 0 (2 s) and 1 have left the window of 8 s, but were listed within the last 14 s.
    assert!(!text(poll(&rendition, &[])).contains("ab12cd34-source-0.m4s"));
    assert!(matches!(object(&rendition, "ab12cd34-source-0.m4s"), ObjectPoll::Ready { .. }));
    assert!(matches!(object(&rendition, "ab12cd34-source-p3.m4s"), ObjectPoll::Ready { .. }));
    steps(&mut feed, &mut writer, 50);
    assert!(matches!(object(&rendition, "ab12cd34-source-0.m4s"), ObjectPoll::Missing { .. }));
}

#[test]
fn hashes_are_never_behind_the_playlist() {
    let group = Group::new();
    let (mut feed, mut writer, rendition) = open(&group, config());
    let (mut audio_feed, mut audio_writer, _) = open(&group, Config { names: names("audio"), ..config() });
    for step in 0..300 {
        let gap = (100..150).contains(&step);
        let outputs = feed.step(gap);
        writer.handle_outputs(feed.now(), outputs);
        let outputs = audio_feed.step(gap);
        audio_writer.handle_outputs(audio_feed.now(), outputs);
        let text = text(poll(&rendition, &[]));
        let hashes: BTreeMap<String, String> = serde_json::from_slice(&group.segments_sha256()).unwrap();
        let mut gap = false;
        for line in text.lines() {
            if line == "#EXT-X-GAP" {
                gap = true;
            } else if !line.starts_with('#') {
                assert_eq!(hashes.contains_key(line), !gap, "{line}");
                if !gap {
                    assert_eq!(hashes[line], hex::encode(Sha256::digest(read(object(&rendition, line)))));
                }
                gap = false;
            }
        }
    }
    let hashes: BTreeMap<String, String> = serde_json::from_slice(&group.segments_sha256()).unwrap();
    assert!(hashes.keys().any(|name| name.starts_with("ab12cd34-audio-")));
}

#[test]
fn multivariant_measures() {
    let group = Group::new();
    assert_eq!(group.multivariant(Some(2_500_000)), None);
    let (mut feed, mut writer, _) = open(&group, config());
    let mut audio_feed = Feed::new(0);
    let (mut audio_writer, _) = group.open(Window::new(Config { names: names("audio"), ..config() }));
    audio_writer.handle_outputs(audio_feed.now(), audio_feed.started());
    let sound = Some(Sound { sample_rate: 48_000, channels: 2 });
    let init =
        Init { number: 0, bytes: Bytes::from_static(b"i"), codecs: "mp4a.40.2".into(), video: None, audio: sound, discontinuity: false };
    audio_writer.handle_outputs(audio_feed.now(), [Output::Init(init)]);
    // A keyframe first: 40 times the rate of the rest.
    let big = |feed: &mut Feed, size| feed.part_with(feed::PART, false, Bytes::from(vec![0; size]));
    let part = big(&mut feed, 400_000);
    writer.handle_outputs(feed.now(), [part]);
    let part = big(&mut audio_feed, 4_000);
    audio_writer.handle_outputs(audio_feed.now(), [part]);
    let first = group.multivariant(Some(2_500_000)).unwrap();
    assert_eq!(
        first,
        "#EXTM3U\n\
         #EXT-X-STREAM-INF:BANDWIDTH=2752512,AVERAGE-BANDWIDTH=2500000,CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=1280x720,FRAME-RATE=30.000,VIDEO-RANGE=SDR,CLOSED-CAPTIONS=NONE\n\
         source.m3u8\n\
         #EXT-X-STREAM-INF:BANDWIDTH=180224,AVERAGE-BANDWIDTH=160000,CODECS=\"mp4a.40.2\"\n\
         audio.m3u8\n"
    );
    for _ in 0..9 {
        let part = big(&mut feed, 10_000);
        writer.handle_outputs(feed.now(), [part]);
    }
    let end = feed.segment_end();
    writer.handle_outputs(feed.now(), [end]);
    for _ in 0..10 {
        let part = big(&mut feed, 5_000);
        writer.handle_outputs(feed.now(), [part]);
    }
    // 490 kB in 2 s is the peak; 540 kB in 4 s the average.
    let later = group.multivariant(Some(2_500_000)).unwrap();
    assert!(later.contains("BANDWIDTH=2228224,AVERAGE-BANDWIDTH=1080000,"), "{later}");
    let parsed = m3u8_rs::parse_master_playlist_res(later.as_bytes()).unwrap();
    assert_eq!(parsed.variants.len(), 2);
    assert_eq!(parsed.variants[0].uri, "source.m3u8");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_waiter_is_answered_by_its_part_and_woken_once_per_part() {
    const WAITERS: usize = 2_000;
    let group = Group::new();
    let (mut feed, mut writer, rendition) = open(&group, config());
    steps(&mut feed, &mut writer, 3);
    let (woken, ready) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut tasks = Vec::new();
    for _ in 0..WAITERS {
        let (rendition, woken, ready) = (rendition.clone(), woken.clone(), ready.clone());
        tasks.push(tokio::spawn(async move {
            let request = Reload::parse([("_HLS_msn", "0"), ("_HLS_part", "4")]);
            let since = Instant::now();
            let mut version = rendition.version();
            version.borrow_and_update();
            ready.fetch_add(1, Ordering::SeqCst);
            loop {
                match rendition.poll_playlist(Instant::now(), &request, since) {
                    PlaylistPoll::Ready(playlist) => return playlist.body,
                    PlaylistPoll::Wait { .. } => {}
                    other => panic!("{other:?}"),
                }
                version.changed().await.unwrap();
                woken.fetch_add(1, Ordering::SeqCst);
            }
        }));
    }
    while ready.load(Ordering::SeqCst) < WAITERS {
        tokio::task::yield_now().await;
    }
    steps(&mut feed, &mut writer, 1);
    while woken.load(Ordering::SeqCst) < WAITERS {
        tokio::task::yield_now().await;
    }
    assert!(tasks.iter().all(|task| !task.is_finished()), "part 3 is not part 4");
    steps(&mut feed, &mut writer, 1);
    let mut bodies = Vec::new();
    for task in tasks {
        bodies.push(task.await.unwrap());
    }
    assert_eq!(woken.load(Ordering::SeqCst), 2 * WAITERS);
    assert!(bodies.iter().all(|body| Arc::ptr_eq(body, &bodies[0])), "one text for all");
    assert!(bodies[0].plain().ends_with(b"#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"ab12cd34-source-p5.m4s\"\n"));
}

#[tokio::test]
async fn a_hinted_part_comes_whole_or_not_at_all() {
    let group = Group::new();
    let (mut feed, mut writer, rendition) = open(&group, config());
    steps(&mut feed, &mut writer, 3);
    let wait = |name: &'static str| {
        let rendition = rendition.clone();
        tokio::spawn(async move { rendition.object(name).await })
    };
    let part = wait("ab12cd34-source-p3.m4s");
    tokio::task::yield_now().await;
    steps(&mut feed, &mut writer, 1);
    assert_eq!(read(part.await.unwrap()), feed.bytes(3));
    // The next one turns out to be an absence.
    let part = wait("ab12cd34-source-p4.m4s");
    tokio::task::yield_now().await;
    let outputs = feed.step(true);
    writer.handle_outputs(feed.now(), outputs);
    let ObjectPoll::Missing { max_age } = part.await.unwrap() else { panic!("an absent part was served") };
    assert_eq!(max_age, Duration::from_secs(8));
    // And the last one never comes.
    let part = wait("ab12cd34-source-p5.m4s");
    let playlist = {
        let rendition = rendition.clone();
        tokio::spawn(async move { rendition.playlist(&Reload::parse([("_HLS_msn", "0")])).await })
    };
    tokio::task::yield_now().await;
    writer.end(feed.now());
    assert!(matches!(part.await.unwrap(), ObjectPoll::Missing { .. }));
    assert!(text(playlist.await.unwrap()).ends_with("#EXT-X-ENDLIST\n"));
}

#[test]
fn nobody_waits_longer_than_three_target_durations() {
    let group = Group::new();
    let (mut feed, mut writer, rendition) = open(&group, config());
    steps(&mut feed, &mut writer, 3);
    let now = Instant::now();
    let late = now + Duration::from_secs(6);
    let request = Reload::parse([("_HLS_msn", "0"), ("_HLS_part", "3")]);
    assert!(matches!(rendition.poll_playlist(now, &request, now), PlaylistPoll::Wait { deadline } if deadline == late));
    assert!(matches!(rendition.poll_playlist(late, &request, now), PlaylistPoll::Unavailable));
    let hinted = "ab12cd34-source-p3.m4s";
    assert!(matches!(rendition.poll_object(now, hinted, now), ObjectPoll::Wait { deadline } if deadline == late));
    assert!(matches!(rendition.poll_object(late, hinted, now), ObjectPoll::Unavailable));
}
