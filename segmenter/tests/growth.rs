//! A playlist of one moment and the texts of all later parts are the playlist of any later moment.
#![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "a test that cannot go on fails")]

mod feed;

use std::time::Duration;

use bytes::Bytes;
use feed::{EPOCH_MS, Feed, config, running, step};
use media::MediaTime;
use proptest::prelude::*;
use segmenter::Output;
use segmenter::growth::{Grown, Growth};
use segmenter::playlist::{Skip, render};
use segmenter::window::{Config, View, Window};

/// Tags that stand once in a playlist, or tell of what is not there yet.
const NOT_BODY: [&str; 9] = [
    "#EXTM3U",
    "#EXT-X-VERSION",
    "#EXT-X-TARGETDURATION",
    "#EXT-X-PART-INF",
    "#EXT-X-SERVER-CONTROL",
    "#EXT-X-MEDIA-SEQUENCE",
    "#EXT-X-DISCONTINUITY-SEQUENCE",
    "#EXT-X-PRELOAD-HINT",
    "#EXT-X-ENDLIST",
];

/// A client's playlist: it appends what it is told.
#[derive(Clone)]
struct Client {
    lines: Vec<String>,
    growth: Growth,
    ended: bool,
}

impl Client {
    fn at(view: &View) -> Self {
        Self { lines: body(view), growth: Growth::after(view), ended: view.ended() }
    }

    fn poll(&mut self, view: &View) {
        for grown in self.growth.poll(view) {
            assert!(!self.ended, "nothing comes behind the end");
            self.append(&grown.text);
            self.ended = grown.end;
        }
    }

    fn append(&mut self, text: &str) {
        assert!(text.is_empty() || text.ends_with('\n'));
        let mut lines: Vec<_> = text.lines().collect();
        let is_closed = self.lines.last().is_some_and(|line| !line.starts_with('#'));
        if is_closed && let Some(uri) = lines.iter().position(|line| !line.starts_with('#')) {
            lines.drain(..=uri);
        }
        self.lines.extend(lines.into_iter().map(str::to_owned));
    }

    /// What the origin lists, the client has.
    fn check(&self, view: &View) {
        let (mine, theirs) = (segments(&self.lines), segments(&body(view)));
        assert_eq!(self.ended, view.ended());
        let offset = mine.len() - theirs.len();
        for (index, (mine, theirs)) in mine[offset..].iter().zip(&theirs).enumerate() {
            let without_map = |lines: &[String]| -> Vec<String> {
                // The first segment of a playlist repeats the tag.
                lines.iter().filter(|line| index > 0 || !line.starts_with("#EXT-X-MAP")).cloned().collect()
            };
            let (mine_other, mut theirs_other) = (without_map(&mine.other), without_map(&theirs.other));
            if index + 1 + offset == segments(&self.lines).len() && theirs.closed && !mine.closed {
                // It is told with the next part.
                theirs_other.truncate(mine_other.len());
            }
            assert_eq!(mine_other, theirs_other);
            if !theirs.parts.is_empty() {
                assert_eq!(mine.parts, theirs.parts);
            }
        }
    }
}

#[derive(Debug, Default)]
struct Lines {
    other: Vec<String>,
    parts: Vec<String>,
    closed: bool,
}

fn body(view: &View) -> Vec<String> {
    let text = render(view, Skip::No, &[]);
    text.lines().filter(|line| !NOT_BODY.iter().any(|tag| line.starts_with(tag))).map(str::to_owned).collect()
}

fn segments(lines: &[String]) -> Vec<Lines> {
    let mut segments = vec![Lines::default()];
    for line in lines {
        if segments.last().unwrap().closed {
            segments.push(Lines::default());
        }
        let last = segments.last_mut().unwrap();
        if line.starts_with("#EXT-X-PART:") {
            last.parts.push(line.clone());
        } else {
            last.closed = !line.starts_with('#');
            last.other.push(line.clone());
        }
    }
    segments
}

fn apply(window: &mut Window, feed: &Feed, outputs: Vec<Output>) {
    for output in outputs {
        window.handle_output(feed.now(), output);
    }
}

fn texts(grown: &[Grown]) -> Vec<&str> {
    grown.iter().map(|grown| grown.text.as_str()).collect()
}

#[test]
fn a_part_adds_its_line() {
    let (mut feed, mut window) = running(config(), 8, 3);
    let mut growth = Growth::after(&window.view());
    assert_eq!(growth.poll(&window.view()), []);
    step(&mut feed, &mut window, 1);
    let grown = growth.poll(&window.view());
    assert_eq!(texts(&grown), ["#EXT-X-PART:DURATION=0.200,URI=\"ab12cd34-source-p3.m4s\"\n"]);
    let Grown { msn, part, program_date_time, duration, independent, gap, end, ref bytes, .. } = grown[0];
    assert_eq!((msn, part, program_date_time, duration.as_millis()), (8, 3, EPOCH_MS + 600, 200));
    assert_eq!((independent, gap, end, bytes), (false, false, false, &feed.bytes(3)));
    assert_eq!(growth.poll(&window.view()), []);
}

#[test]
fn the_first_part_of_a_segment_ends_the_one_before() {
    let (mut feed, mut window) = running(config(), 8, 9);
    let mut growth = Growth::after(&window.view());
    // The segment's last part, then what follows.
    step(&mut feed, &mut window, 1);
    assert_eq!(texts(&growth.poll(&window.view())), ["#EXT-X-PART:DURATION=0.200,URI=\"ab12cd34-source-p9.m4s\"\n"]);
    step(&mut feed, &mut window, 1);
    let first = "#EXTINF:2.000,\nab12cd34-source-8.m4s\n#EXT-X-PROGRAM-DATE-TIME:2026-11-23T06:00:02.000Z\n\
        #EXT-X-PART:DURATION=0.200,URI=\"ab12cd34-source-p10.m4s\",INDEPENDENT=YES\n";
    assert_eq!(texts(&growth.poll(&window.view())), [first]);
}

#[test]
fn absence_return_and_end() {
    let (mut feed, mut window) = running(config(), 8, 5);
    let mut growth = Growth::after(&window.view());
    let outputs = vec![feed.segment_end(), feed.part(true), feed.segment_end()];
    apply(&mut window, &feed, outputs);
    let outputs = feed.init(true);
    apply(&mut window, &feed, outputs);
    step(&mut feed, &mut window, 1);
    let grown = growth.poll(&window.view());
    let gap = "#EXTINF:1.000,\nab12cd34-source-8.m4s\n#EXT-X-PROGRAM-DATE-TIME:2026-11-23T06:00:01.000Z\n\
        #EXT-X-PART:DURATION=0.200,URI=\"ab12cd34-source-p5.m4s\",GAP=YES\n";
    let back = "#EXT-X-GAP\n#EXTINF:0.200,\nab12cd34-source-9.m4s\n#EXT-X-DISCONTINUITY\n\
        #EXT-X-MAP:URI=\"ab12cd34-source-init1.mp4\"\n#EXT-X-PROGRAM-DATE-TIME:2026-11-23T06:00:01.200Z\n\
        #EXT-X-PART:DURATION=0.200,URI=\"ab12cd34-source-p6.m4s\",INDEPENDENT=YES\n";
    assert_eq!(texts(&grown), [gap, back]);
    assert!(grown[0].gap && grown[0].bytes.is_empty() && !grown[1].gap);
    window.handle_end(feed.now());
    let grown = growth.poll(&window.view());
    assert_eq!(texts(&grown), ["#EXTINF:0.200,\nab12cd34-source-10.m4s\n"]);
    let Grown { msn, part, gap, end, program_date_time, .. } = grown[0];
    assert_eq!((msn, part, gap, end, program_date_time), (11, 0, false, true, EPOCH_MS + 1400));
    assert_eq!(growth.poll(&window.view()), [], "the end is told once");
    assert_eq!(Growth::after(&window.view()).poll(&window.view()), []);
    assert_eq!(Growth::within(&window.view(), MediaTime::ZERO).poll(&window.view()).len(), 1);
}

#[test]
fn joiners_are_told_of_the_last_seconds() {
    let (mut feed, mut window) = running(config(), 8, 34);
    let view = window.view();
    let grown = Growth::within(&view, MediaTime::from_secs(4)).poll(&view);
    let places: Vec<_> = grown.iter().map(|grown| (grown.msn, grown.part)).collect();
    assert_eq!((places.len(), places[0], places[19]), (20, (9, 4), (11, 3)));
    assert_eq!(Growth::within(&view, MediaTime::from_secs(3600)).poll(&view).len(), 34);
    // Between two segments, and before anything.
    step(&mut feed, &mut window, 6);
    let view = window.view();
    assert_eq!(Growth::within(&view, MediaTime::from_secs(1)).poll(&view).len(), 5);
    let empty = Window::new(config()).view();
    assert_eq!(Growth::within(&empty, MediaTime::from_secs(4)).poll(&empty), []);
}

#[test]
fn what_has_left_memory_is_passed_over() {
    let small = Config { memory: Duration::from_secs(2), memory_bytes: 100, dvr_window: Duration::from_secs(6), ..config() };
    let (mut feed, mut window) = running(small, 8, 5);
    let mut growth = Growth::after(&window.view());
    step(&mut feed, &mut window, 400);
    let grown = growth.poll(&window.view());
    assert!(!grown.is_empty() && grown.len() < 100, "{}", grown.len());
    assert!(grown.iter().all(|grown| !grown.bytes.is_empty()));
    step(&mut feed, &mut window, 1);
    assert_eq!(growth.poll(&window.view()).len(), 1);
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
    proptest::collection::vec(event, 1..20)
}

fn outputs(feed: &mut Feed, event: Event) -> Vec<Output> {
    let mut outputs = Vec::new();
    match event {
        Event::Parts(count) => outputs.extend((0..count).flat_map(|_| feed.step(false))),
        Event::Gap(count) => {
            outputs.extend((feed.index > 0).then(|| feed.segment_end()));
            outputs.extend((0..count).flat_map(|_| feed.step(true)));
            outputs.extend((feed.index > 0).then(|| feed.segment_end()));
        }
        Event::Return => {
            outputs.extend((feed.index > 0).then(|| feed.segment_end()));
            outputs.extend(feed.init(true));
        }
        Event::ShortPart => {
            outputs.push(feed.part_with(MediaTime::from_millis(70), false, Bytes::from_static(b"short")));
            outputs.push(feed.segment_end());
        }
    }
    outputs
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_client_keeps_up(events in events(), first in 0u64..12, window_secs in 12u64..60, every in 1usize..8, polls in 1usize..4) {
        let config = Config { dvr_window: Duration::from_secs(window_secs), ..config() };
        let (mut feed, mut window) = running(config, first, 1);
        let mut clients = vec![Client::at(&window.view())];
        let mut count = 0;
        for event in events {
            for output in outputs(&mut feed, event) {
                window.handle_output(feed.now(), output);
                let view = window.view();
                count += 1;
                // Who looks at every version, and who misses some, hear the same.
                if count % polls == 0 {
                    for client in &mut clients {
                        client.poll(&view);
                        client.check(&view);
                    }
                }
                if count % (10 * every) == 0 {
                    clients.push(Client::at(&view));
                }
            }
        }
        window.handle_end(feed.now());
        for client in &mut clients {
            client.poll(&window.view());
            client.check(&window.view());
        }
    }
}
