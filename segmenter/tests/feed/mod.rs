//! What a packager puts out, made up: 200 ms parts in 2 s segments, unless told otherwise.
#![allow(dead_code, clippy::allow_attributes, reason = "each test file uses a part of it")]

use std::time::{Duration, Instant};

use bytes::Bytes;
use media::MediaTime;
use segmenter::name::Names;
use segmenter::window::{Config, Window};
use segmenter::{Init, Output, Part, Picture, Sound};

pub const PART: MediaTime = MediaTime::from_millis(200);
pub const PART_TARGET: MediaTime = MediaTime::from_millis(215);
pub const PARTS_PER_SEGMENT: u32 = 10;
/// 2026-11-23T06:00:00Z
pub const EPOCH_MS: i64 = 1_795_413_600_000;

pub fn names(rendition: &str) -> Names {
    Names::new("ab12cd34", rendition).expect("letters and digits")
}

/// A window of 20 s, all of it in memory.
pub fn config() -> Config {
    Config { memory: Duration::from_secs(60), ..Config::new(names("source"), Duration::from_secs(20)) }
}

pub struct Feed {
    pub start: Instant,
    pub target_duration: u32,
    pub part_target: MediaTime,
    pub msn: u64,
    pub index: u32,
    pub number: u64,
    pub init: u32,
    pub at: MediaTime,
    pub segment: MediaTime,
}

impl Feed {
    pub fn new(first_msn: u64) -> Self {
        Self {
            start: Instant::now(),
            target_duration: 2,
            part_target: PART_TARGET,
            msn: first_msn,
            index: 0,
            number: 0,
            init: 0,
            at: MediaTime::ZERO,
            segment: MediaTime::ZERO,
        }
    }

    /// The clock when all media so far has arrived.
    pub fn now(&self) -> Instant {
        self.start + self.at.to_duration()
    }

    pub fn started(&self) -> Vec<Output> {
        let (target_duration, part_target) = (self.target_duration, self.part_target);
        vec![Output::Started { target_duration, part_target }]
    }

    pub fn init(&mut self, discontinuity: bool) -> Vec<Output> {
        let bytes = Bytes::from(format!("init of run {}", self.init));
        self.init_with(discontinuity, bytes)
    }

    pub fn init_with(&mut self, discontinuity: bool, bytes: Bytes) -> Vec<Output> {
        let number = self.init;
        self.init += 1;
        vec![Output::Init(Init {
            number,
            bytes,
            codecs: "avc1.64001f,mp4a.40.2".into(),
            video: Some(Picture { width: 1280, height: 720, frame_rate: Some(30.0) }),
            audio: Some(Sound { sample_rate: 48_000, channels: 2 }),
            discontinuity,
        })]
    }

    pub fn part(&mut self, gap: bool) -> Output {
        let bytes = if gap { Bytes::new() } else { self.bytes(self.number) };
        self.part_with(PART, gap, bytes)
    }

    pub fn part_with(&mut self, duration: MediaTime, gap: bool, bytes: Bytes) -> Output {
        let part = Part {
            msn: self.msn,
            index: self.index,
            number: self.number,
            bytes,
            start: self.at,
            duration,
            independent: self.index == 0 && !gap,
            gap,
            program_date_time: EPOCH_MS + self.at.as_millis(),
            newest_arrival: self.now(),
        };
        self.index += 1;
        self.number += 1;
        self.at += duration;
        self.segment += duration;
        Output::Part(part)
    }

    /// Different bytes and lengths for every part.
    pub fn bytes(&self, number: u64) -> Bytes {
        Bytes::from(format!("part {number} {}", "x".repeat((number % 7) as usize)))
    }

    pub fn segment_end(&mut self) -> Output {
        let end = Output::SegmentEnd { msn: self.msn, duration: self.segment };
        self.msn += 1;
        self.index = 0;
        self.segment = MediaTime::ZERO;
        end
    }

    /// One step: a part, and the segment's end after every tenth.
    pub fn step(&mut self, gap: bool) -> Vec<Output> {
        let mut outputs = vec![self.part(gap)];
        if self.index == PARTS_PER_SEGMENT {
            outputs.push(self.segment_end());
        }
        outputs
    }

    pub fn steps(&mut self, count: u32) -> Vec<Output> {
        (0..count).flat_map(|_| self.step(false)).collect()
    }

    pub fn segments(&mut self, count: u32) -> Vec<Output> {
        self.steps(count * PARTS_PER_SEGMENT)
    }
}

/// A window with a running feed of `parts` parts, first segment `first_msn`.
pub fn running(config: Config, first_msn: u64, parts: u32) -> (Feed, Window) {
    let mut feed = Feed::new(first_msn);
    let mut window = Window::new(config);
    for output in feed.started().into_iter().chain(feed.init(false)) {
        window.handle_output(feed.now(), output);
    }
    step(&mut feed, &mut window, parts);
    (feed, window)
}

pub fn step(feed: &mut Feed, window: &mut Window, parts: u32) {
    for _ in 0..parts {
        for output in feed.step(false) {
            window.handle_output(feed.now(), output);
        }
    }
}
