//! Playlists of made-up windows: golden texts, a second parser's opinion, and a naive model.
#![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "a test that cannot go on fails")]

mod feed;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use feed::{Feed, config, running, step};
use media::MediaTime;
use proptest::prelude::*;
use segmenter::Output;
use segmenter::playlist::{Report, Skip, render, render_whole};
use segmenter::window::{Config, Window};

/// Compares with the file of that name; `UPDATE_GOLDEN=1` writes it anew, to be read before it is committed.
fn golden(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{name} differs");
}

fn report() -> Vec<Report> {
    vec![Report { uri: "audio.m3u8".into(), last_msn: 10, last_part: 3 }]
}

fn apply(window: &mut Window, feed: &Feed, outputs: Vec<Output>) {
    for output in outputs {
        window.handle_output(feed.now(), output);
    }
}

#[test]
fn first_part_comes_after_leading_gaps() {
    let (_, mut window) = running(config(), 8, 1);
    golden("first-part.m3u8", &render(&window.view(), Skip::No, &report()));
}

#[test]
fn first_part_at_sequence_number_zero_has_no_room_for_gaps() {
    let (_, mut window) = running(config(), 0, 1);
    golden("first-part-at-zero.m3u8", &render(&window.view(), Skip::No, &[]));
    assert_eq!(render_whole(&window.view()), None, "nothing is whole yet");
}

#[test]
fn running_window_and_its_delta_updates() {
    let (_, mut window) = running(config(), 8, 123);
    let view = window.view();
    golden("running.m3u8", &render(&view, Skip::No, &report()));
    golden("running-delta.m3u8", &render(&view, Skip::Segments, &report()));
    golden("running-delta-v2.m3u8", &render(&view, Skip::SegmentsAndDateRanges, &report()));
    golden("running-whole.m3u8", &render_whole(&view).unwrap());
}

#[test]
fn interruption_return_and_end() {
    let (mut feed, mut window) = running(config(), 8, 34);
    // The encoder vanishes in the middle of a segment: that one ends, absence keeps the cadence.
    let end = feed.segment_end();
    apply(&mut window, &feed, vec![end]);
    for _ in 0..12 {
        let outputs = feed.step(true);
        apply(&mut window, &feed, outputs);
    }
    golden("interrupted.m3u8", &render(&window.view(), Skip::No, &[]));
    let end = feed.segment_end();
    apply(&mut window, &feed, vec![end]);
    let init = feed.init(true);
    apply(&mut window, &feed, init);
    golden("returning.m3u8", &render(&window.view(), Skip::No, &[]));
    step(&mut feed, &mut window, 11);
    golden("returned.m3u8", &render(&window.view(), Skip::No, &[]));
    window.handle_end(feed.now());
    golden("ended.m3u8", &render(&window.view(), Skip::Segments, &[]));
    golden("ended-whole.m3u8", &render_whole(&window.view()).unwrap());
    // Once the discontinuity has left the window, its sequence number says so.
    let (mut feed, mut window) = running(config(), 0, 15);
    let end = feed.segment_end();
    apply(&mut window, &feed, vec![end]);
    let init = feed.init(true);
    apply(&mut window, &feed, init);
    step(&mut feed, &mut window, 120);
    let text = render(&window.view(), Skip::No, &[]);
    assert!(text.contains("#EXT-X-DISCONTINUITY-SEQUENCE:1\n"), "{text}");
    assert!(!text.contains("#EXT-X-DISCONTINUITY\n"), "{text}");
}

#[test]
fn durations_are_exact() {
    // 29.97 frames a second, 6 frames to a part, on a nanosecond timeline.
    let mut feed = Feed::new(0);
    let mut window = Window::new(config());
    let outputs = feed.started().into_iter().chain(feed.init(false)).collect();
    apply(&mut window, &feed, outputs);
    for frame in (0..60).step_by(6) {
        let at = |frame: i64| MediaTime::from_nanos(frame * 1_001_000_000_000 / 30_000);
        let output = feed.part_with(at(frame + 6) - at(frame), false, Bytes::from_static(b"x"));
        apply(&mut window, &feed, vec![output]);
    }
    let end = feed.segment_end();
    apply(&mut window, &feed, vec![end]);
    let text = render(&window.view(), Skip::No, &[]);
    assert!(text.contains("#EXT-X-PART:DURATION=0.200200,"), "{text}");
    assert!(text.contains("#EXTINF:2.002,\n"), "{text}");
}

#[test]
fn another_parser_reads_the_same() {
    let (_, mut window) = running(config(), 8, 123);
    let text = render(&window.view(), Skip::No, &report());
    let playlist = m3u8_rs::parse_media_playlist_res(text.as_bytes()).unwrap();
    assert_eq!(playlist.version, Some(6));
    assert_eq!(playlist.target_duration, 2);
    assert_eq!(playlist.media_sequence, 10);
    assert_eq!(playlist.segments.len(), 10);
    assert!(!playlist.end_list);
    for (segment, msn) in playlist.segments.iter().zip(10..) {
        assert_eq!(segment.uri, format!("ab12cd34-source-{msn}.m4s"));
        assert_eq!(segment.duration, 2.0);
        assert!(segment.program_date_time.is_some());
    }
    assert_eq!(playlist.segments[0].map.as_ref().unwrap().uri, "ab12cd34-source-init0.mp4");
}

/// A playlist as a player keeps it: media sequence number to the lines of that segment, parts apart.
#[derive(Debug, Default, PartialEq)]
struct Parsed {
    media_sequence: u64,
    discontinuity_sequence: u64,
    skipped: u64,
    segments: Vec<Vec<String>>,
    /// By segment: durations in ns, independent, gap.
    parts: BTreeMap<u64, Vec<(i64, bool, bool)>>,
    durations: BTreeMap<u64, i64>,
    hint: Option<u64>,
    last_part: Option<u64>,
    ended: bool,
}

fn nanos(text: &str) -> i64 {
    let (whole, fraction) = text.split_once('.').unwrap();
    whole.parse::<i64>().unwrap() * 1_000_000_000 + format!("{fraction:0<9}").parse::<i64>().unwrap()
}

fn parse(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    let mut lines = Vec::new();
    let (mut msn, mut any_tag_of_open) = (0, false);
    for line in text.lines() {
        let value = |prefix: &str| line.strip_prefix(prefix);
        if let Some(number) = value("#EXT-X-MEDIA-SEQUENCE:") {
            parsed.media_sequence = number.parse().unwrap();
            msn = parsed.media_sequence;
        } else if let Some(number) = value("#EXT-X-DISCONTINUITY-SEQUENCE:") {
            parsed.discontinuity_sequence = number.parse().unwrap();
        } else if let Some(number) = value("#EXT-X-SKIP:SKIPPED-SEGMENTS=") {
            parsed.skipped = number.split(',').next().unwrap().parse().unwrap();
            msn += parsed.skipped;
        } else if let Some(attributes) = value("#EXT-X-PART:DURATION=") {
            let (duration, rest) = attributes.split_once(',').unwrap();
            let number = rest.split_once("-p").unwrap().1.split_once('.').unwrap().0;
            parsed.last_part = Some(number.parse().unwrap());
            let part = (nanos(duration), rest.contains("INDEPENDENT=YES"), rest.contains("GAP=YES"));
            parsed.parts.entry(msn).or_default().push(part);
            any_tag_of_open = true;
        } else if let Some(attributes) = value("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=") {
            let number = attributes.split_once("-p").unwrap().1.split_once('.').unwrap().0;
            assert_eq!(parsed.hint.replace(number.parse().unwrap()), None, "one hint");
        } else if line == "#EXT-X-ENDLIST" {
            parsed.ended = true;
        } else if let Some(duration) = value("#EXTINF:") {
            parsed.durations.insert(msn, nanos(duration.trim_end_matches(',')));
            lines.push(line.to_owned());
        } else if !line.starts_with('#') {
            lines.push(line.to_owned());
            assert_eq!(line, format!("ab12cd34-source-{msn}.m4s"));
            parsed.segments.push(std::mem::take(&mut lines));
            msn += 1;
            any_tag_of_open = false;
        } else if ["#EXT-X-DISCONTINUITY", "#EXT-X-MAP", "#EXT-X-PROGRAM-DATE-TIME", "#EXT-X-GAP"]
            .iter()
            .any(|tag| line == *tag || line.strip_prefix(tag).is_some_and(|rest| rest.starts_with(':')))
        {
            assert!(line == "#EXT-X-GAP" || !any_tag_of_open, "{line} after the first part");
            lines.push(line.to_owned());
        }
    }
    parsed
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Parts(u8),
    /// Ends the segment early and sends absences.
    Gap(u8),
    /// New parameters.
    Return,
    ShortPart,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        6 => (1u8..40).prop_map(Event::Parts),
        2 => (1u8..25).prop_map(Event::Gap),
        1 => Just(Event::Return),
        2 => Just(Event::ShortPart),
    ];
    proptest::collection::vec(event, 1..25)
}

/// What may never differ between two playlists of one life, and what each alone must keep.
fn check(before: Option<&Parsed>, text: &str, delta: &str) -> Parsed {
    let parsed = parse(text);
    let target = 2_000_000_000_i64;
    let total: i64 = parsed.durations.values().sum();
    for (msn, parts) in &parsed.parts {
        if let Some(duration) = parsed.durations.get(msn) {
            assert_eq!(parts.iter().map(|part| part.0).sum::<i64>(), *duration, "parts add up to segment {msn}");
        }
        for (index, part) in parts.iter().enumerate() {
            assert!(part.0 <= 215_000_000);
            let last = index + 1 == parts.len();
            let gap_follows = parts.get(index + 1).is_some_and(|next| next.2);
            assert!(part.1 || part.2 || last || gap_follows || part.0 >= 182_750_000, "short part {msn}.{index}");
        }
    }
    // Parts only near the end, and of the last segments without a hole.
    let open: i64 = parsed.parts.iter().filter(|(msn, _)| !parsed.durations.contains_key(msn)).flat_map(|(_, p)| p).map(|p| p.0).sum();
    let mut distance = total + open;
    for (msn, duration) in &parsed.durations {
        if distance > 3 * target {
            assert!(!parsed.parts.contains_key(msn), "parts of {msn} are too old");
        }
        distance -= duration;
    }
    assert_eq!(parsed.hint.is_some(), !parsed.ended);
    if let (Some(hint), Some(last)) = (parsed.hint, parsed.last_part) {
        assert_eq!(hint, last + 1);
    }
    if let Some(before) = before {
        let removed = parsed.media_sequence.checked_sub(before.media_sequence).expect("never decreases") as usize;
        if removed > 0 {
            assert!(total >= 3 * target, "removal left {total} ns");
        }
        let gone = before.segments.iter().take(removed).flatten().filter(|line| *line == "#EXT-X-DISCONTINUITY").count();
        assert_eq!(parsed.discontinuity_sequence, before.discontinuity_sequence + gone as u64);
        let strip = |lines: &Vec<String>| -> Vec<String> { lines.iter().filter(|line| !line.starts_with("#EXT-X-MAP")).cloned().collect() };
        for (old, new) in before.segments.iter().skip(removed).zip(&parsed.segments) {
            assert_eq!(strip(old), strip(new), "a listed segment changed");
        }
        assert!(parsed.segments.len() + removed >= before.segments.len());
    }
    // A delta update put together with what a player has is the whole playlist.
    let update = parse(delta);
    assert_eq!(update.media_sequence, parsed.media_sequence);
    let skipped = update.skipped as usize;
    let without_map = |segments: &[Vec<String>]| -> Vec<String> {
        segments.iter().flatten().filter(|line| !line.starts_with("#EXT-X-MAP")).cloned().collect()
    };
    assert_eq!(without_map(&update.segments), without_map(&parsed.segments[skipped..]));
    assert_eq!((update.hint, &update.parts), (parsed.hint, &parsed.parts));
    let kept: i64 = update.durations.values().sum::<i64>() + open;
    if skipped > 0 {
        assert!(kept >= 6 * target, "skipped inside the boundary");
    }
    parsed
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_life_keeps_the_rules(events in events(), first in 0u64..12, window_secs in 1u64..40) {
        let config = Config { dvr_window: Duration::from_secs(window_secs), ..config() };
        let (mut feed, mut window) = running(config, first, 1);
        let mut before: Option<Parsed> = None;
        let mut model: Vec<(u64, u64)> = Vec::new(); // (msn, first part) of all segments ever opened
        model.push((feed.msn, 0));
        let mut feed_all = |feed: &mut Feed, window: &mut Window, outputs: Vec<Output>| {
            for output in outputs {
                if let Output::Part(part) = &output && model.last().is_none_or(|last| last.0 != part.msn) {
                    model.push((part.msn, part.number));
                }
                window.handle_output(feed.now(), output);
                let view = window.view();
                let (full, delta) = (render(&view, Skip::No, &[]), render(&view, Skip::Segments, &[]));
                let parsed = check(before.as_ref(), &full, &delta);
                let listed = parsed.media_sequence + parsed.segments.len() as u64;
                let complete = model.iter().filter(|segment| segment.0 < listed).count();
                // Whatever was opened is listed as complete, listed as open, or has slid out at the front.
                assert!(complete + 1 >= model.len(), "an open segment vanished");
                before = Some(parsed);
            }
        };
        for event in events {
            match event {
                Event::Parts(count) => for _ in 0..count {
                    let outputs = feed.step(false);
                    feed_all(&mut feed, &mut window, outputs);
                },
                Event::Gap(count) => {
                    if feed.index > 0 {
                        let end = feed.segment_end();
                        feed_all(&mut feed, &mut window, vec![end]);
                    }
                    for _ in 0..count {
                        let outputs = feed.step(true);
                        feed_all(&mut feed, &mut window, outputs);
                    }
                    if feed.index > 0 {
                        let end = feed.segment_end();
                        feed_all(&mut feed, &mut window, vec![end]);
                    }
                }
                Event::Return => {
                    if feed.index > 0 {
                        let end = feed.segment_end();
                        feed_all(&mut feed, &mut window, vec![end]);
                    }
                    let init = feed.init(true);
                    feed_all(&mut feed, &mut window, init);
                }
                Event::ShortPart => {
                    let part = feed.part_with(MediaTime::from_millis(70), false, Bytes::from_static(b"short"));
                    let end = feed.segment_end();
                    feed_all(&mut feed, &mut window, vec![part, end]);
                }
            }
        }
        window.handle_end(feed.now());
        prop_assert!(parse(&render(&window.view(), Skip::Segments, &[])).ended);
    }
}
