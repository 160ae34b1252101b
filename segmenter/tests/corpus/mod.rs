//! Publishers in code: what encoders send over RTMP, with its faults, and a judge of what comes out.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::time::{Duration, Instant};

use bytes::Bytes;
use media::{Audio, Codec, Kind, MediaTime, Tracks, Unit, Video};
use segmenter::output::{Init, Output, Part};
use segmenter::packager::{Clock, Config, Packager, Role, Terms};
use segmenter::{Reason, fmp4};

pub const UNIX: i64 = 1_700_000_000_000_000_000;

/// x264's `avcC` for 1280x720 without VUI timing.
pub fn video(width_in_macroblocks: u8) -> Video {
    // Baseline SPS: 16x16 units by exp-golomb, so that different sizes make different configurations.
    let mut bits = String::from("010000101100000000011110"); // profile 66, constraints, level 30
    bits += "1"; // sps id 0
    bits += "1"; // log2_max_frame_num_minus4
    bits += "011"; // poc type 2
    bits += "010"; // one reference
    bits += "0";
    bits += &ue(u32::from(width_in_macroblocks) - 1);
    bits += &ue(44);
    bits += "1100"; // frame_mbs_only, direct_8x8, no cropping, no VUI
    bits += "1";
    while bits.len() % 8 != 0 {
        bits += "0";
    }
    let sps: Vec<u8> = std::iter::once(0x67)
        .chain(bits.as_bytes().chunks(8).map(|byte| byte.iter().fold(0, |value, bit| value << 1 | (bit - b'0'))))
        .collect();
    let pps = [0x68, 0xce, 0x38, 0x80];
    let mut config = vec![1, 66, 0xc0, 30, 0xff, 0xe1, 0, sps.len() as u8];
    config.extend(&sps);
    config.extend([1, 0, 4]);
    config.extend(pps);
    Video::parse(Codec::H264, config.into()).expect("a valid record")
}

fn ue(value: u32) -> String {
    let code = format!("{:b}", value + 1);
    "0".repeat(code.len() - 1) + &code
}

/// AAC-LC, stereo.
pub fn aac(rate: u32) -> Audio {
    let config: &'static [u8] = match rate {
        48_000 => &[0x11, 0x90],
        44_100 => &[0x12, 0x10],
        24_000 => &[0x13, 0x10],
        22_050 => &[0x13, 0x90],
        _ => unreachable!("no such rate here"),
    };
    Audio::parse(Codec::Aac, Bytes::from_static(config)).expect("a valid config")
}

pub fn opus() -> Audio {
    let head = b"OpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\x00\x00\x00";
    Audio::parse(Codec::Opus, Bytes::from_static(head)).expect("a valid head")
}

/// A CFR encoder that rounds its timestamps to milliseconds, as RTMP does.
#[derive(Clone)]
pub struct Encoder {
    /// Frames per `1` seconds as a fraction; `(0, 1)` is no video.
    pub rate: (i64, i64),
    pub gop: i64,
    /// Presentation order of the frames of a mini-GOP relative to decoding order: delays in frames.
    pub reorder: Reorder,
    pub audio: Option<Audio>,
    /// Sound arrives and is stamped this much later than the picture that belongs to it… in arrival only.
    pub audio_late: Duration,
    pub first_dts: MediaTime,
    /// Subtracted from every composition offset.
    pub negative: MediaTime,
    pub frame_bytes: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reorder {
    None,
    /// n B-frames between anchors, not used as references.
    B(i64),
    /// Three B-frames, the middle one is a reference.
    Pyramid,
}

impl Default for Encoder {
    fn default() -> Self {
        Self {
            rate: (30, 1),
            gop: 60,
            reorder: Reorder::None,
            audio: Some(aac(48_000)),
            audio_late: Duration::ZERO,
            first_dts: MediaTime::ZERO,
            negative: MediaTime::ZERO,
            frame_bytes: 4000,
        }
    }
}

impl Encoder {
    pub fn tracks(&self) -> Tracks {
        Tracks { video: (self.rate.0 > 0).then(|| video(80)), audio: self.audio.clone() }
    }

    pub fn frame(&self) -> MediaTime {
        MediaTime::from_nanos(1_000_000_000 * self.rate.1 / self.rate.0.max(1))
    }

    /// How many frames after its decoding slot the frame `index` of a GOP is shown.
    fn delay(&self, index: i64) -> i64 {
        match self.reorder {
            Reorder::None => 0,
            // I P B B P B B: anchors are decoded ahead of the B-frames before them.
            Reorder::B(count) if index == 0 => i64::from(count > 0),
            Reorder::B(count) => {
                let cycle = count + 1;
                // A last mini-GOP that is not whole has no B-frames.
                if (index - 1) / cycle * cycle + cycle >= self.gop {
                    1
                } else if (index - 1) % cycle == 0 {
                    count + 1
                } else {
                    0
                }
            }
            Reorder::Pyramid if index == 0 => 2,
            Reorder::Pyramid => {
                if (index - 1) / 4 * 4 + 4 >= self.gop {
                    2
                } else {
                    [5, 2, 0, 1][((index - 1) % 4) as usize]
                }
            }
        }
    }

    /// The units of `seconds`, in arrival order; time runs from `start` as the frames' decoding times say.
    pub fn units(&self, start: Instant, seconds: i64) -> Vec<Unit> {
        let ms = |numerator: i64, denominator: i64| MediaTime::from_millis((numerator * 1000 + denominator / 2).div_euclid(denominator));
        let mut units = Vec::new();
        if self.rate.0 > 0 {
            let (rate, scale) = self.rate;
            for index in 0..seconds * rate / scale {
                let in_gop = index % self.gop;
                let dts = ms(index * scale, rate);
                let pts = ms((index + self.delay(in_gop)) * scale, rate) - self.negative;
                let keyframe = in_gop == 0;
                let size = if keyframe { self.frame_bytes * 6 } else { self.frame_bytes };
                units.push(unit(Kind::Video, self.first_dts + dts, self.first_dts + pts, keyframe, size, start + dts.to_duration()));
            }
        }
        if let Some(audio) = &self.audio {
            let (length, rate) = (i64::from(audio.samples_per_unit), i64::from(audio.sample_rate));
            for index in 0..seconds * rate / length {
                let dts = ms(index * length, rate);
                let arrival = start + dts.to_duration() + self.audio_late;
                units.push(unit(Kind::Audio, self.first_dts + dts, self.first_dts + dts, true, 340, arrival));
            }
        }
        units.sort_by_key(|unit| (unit.arrival, unit.kind == Kind::Audio));
        units
    }
}

pub fn unit(kind: Kind, dts: MediaTime, pts: MediaTime, keyframe: bool, size: usize, arrival: Instant) -> Unit {
    // Opus: a 20 ms packet.
    let mut data = vec![0xaa; size.max(8)];
    data[0] = 0xf8;
    Unit { kind, dts, pts, keyframe, data: data.into(), arrival }
}

/// A leader with what came out of it.
pub struct Rig {
    pub packager: Packager,
    pub start: Instant,
    pub now: Instant,
    pub outputs: Vec<Output>,
    /// When each output came.
    pub times: Vec<Instant>,
}

impl Rig {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut Config)) -> Self {
        let start = Instant::now();
        let mut config = Config {
            role: Role::Leader { mirror: false },
            part: MediaTime::from_millis(200),
            clock: Clock { instant: start, unix_nanos: UNIX },
            resume: None,
            keyframe_interval_hint: None,
        };
        change(&mut config);
        Self { packager: Packager::new(config), start, now: start, outputs: Vec::new(), times: Vec::new() }
    }

    pub fn drain(&mut self) {
        while let Some(output) = self.packager.poll_output() {
            self.outputs.push(output);
            self.times.push(self.now);
        }
    }

    /// Time passes up to `until`, with every timeout in its moment.
    pub fn pass(&mut self, until: Instant) {
        while let Some(due) = self.packager.poll_timeout().filter(|&due| due <= until) {
            self.now = self.now.max(due);
            self.packager.handle_timeout(self.now);
            self.drain();
        }
        self.now = self.now.max(until);
    }

    pub fn tracks(&mut self, tracks: &Tracks) {
        self.packager.handle_tracks(self.now, tracks);
        self.drain();
    }

    pub fn feed(&mut self, units: impl IntoIterator<Item = Unit>) {
        for unit in units {
            self.pass(unit.arrival);
            self.packager.handle_unit(self.now, unit);
            self.drain();
        }
    }

    pub fn end(&mut self) {
        self.packager.handle_end(self.now);
        self.drain();
    }

    pub fn parts(&self) -> Vec<&Part> {
        self.outputs.iter().filter_map(|output| if let Output::Part(part) = output { Some(part) } else { None }).collect()
    }

    pub fn inits(&self) -> Vec<&Init> {
        self.outputs.iter().filter_map(|output| if let Output::Init(init) = output { Some(init) } else { None }).collect()
    }

    pub fn segments(&self) -> Vec<MediaTime> {
        self.outputs
            .iter()
            .filter_map(|output| if let Output::SegmentEnd { duration, .. } = output { Some(*duration) } else { None })
            .collect()
    }

    pub fn terms(&self) -> (u32, MediaTime) {
        match self.outputs.first() {
            Some(Output::Started { target_duration, part_target }) => (*target_duration, *part_target),
            other => panic!("begins with {other:?}"),
        }
    }

    /// Asserts every rule that holds for all streams; gives the samples per track.
    pub fn judge(&self) -> Judged {
        judge(&self.outputs)
    }
}

#[derive(Debug, Default)]
pub struct Judged {
    pub video_samples: usize,
    pub audio_samples: usize,
    /// Largest distance of a part's announced start from its first video sample's decoding time.
    pub largest_offset: MediaTime,
    /// Decoding steps that Chromium takes as a discontinuity.
    pub discontinuous_steps: usize,
    /// Audio gaps inside runs.
    pub audio_gaps: usize,
    pub segments_without_keyframe: usize,
    /// Presentation times in ticks, in decoding order.
    pub presentation: Vec<i64>,
}

pub fn judge(outputs: &[Output]) -> Judged {
    let mut judged = Judged::default();
    let Some(Output::Started { target_duration, part_target }) = outputs.first() else {
        panic!("begins with {:?}", outputs.first());
    };
    let target = *part_target;
    let shortest = MediaTime::from_nanos(target.as_nanos() * 85 / 100);
    let mut edge: Option<MediaTime> = None;
    let mut number = None;
    let mut segment: Option<(u64, u32, MediaTime)> = None;
    let mut ended_msn: Option<u64> = None;
    let mut last_video: Option<(u64, u32)> = None;
    let mut last_audio: Option<(u64, u32)> = None;
    let mut audio_rate = 48_000;
    let mut has_video = false;
    let mut clock: Option<(MediaTime, i64)> = None;
    let mut after_init = false;
    for (index, output) in outputs.iter().enumerate() {
        match output {
            Output::Started { .. } => assert_eq!(index, 0, "terms are announced once"),
            Output::Init(init) => {
                let scales = fmp4::read::timescales(&init.bytes);
                assert_eq!(scales.len(), usize::from(init.video.is_some()) + usize::from(init.audio.is_some()));
                if let Some(&(_, rate)) = scales.iter().find(|(track, _)| *track == fmp4::AUDIO_TRACK) {
                    audio_rate = rate;
                }
                has_video = init.video.is_some();
                (last_video, last_audio, clock) = (None, None, None);
                assert!(segment.is_none(), "a run begins a segment");
                after_init = true;
            }
            Output::SegmentEnd { msn, duration } => {
                let (open, parts, sum) = segment.take().expect("a segment is open");
                assert_eq!((open, sum), (*msn, *duration));
                assert!(parts > 0);
                assert!(duration.as_secs_f64().round() as u32 <= *target_duration, "EXTINF {duration} above {target_duration}");
                if let Some(last) = ended_msn.replace(*msn) {
                    assert_eq!(*msn, last + 1);
                }
            }
            Output::Part(part) => {
                assert_eq!(part.number, number.map_or(part.number, |last: u64| last + 1));
                number = Some(part.number);
                assert_eq!(edge.unwrap_or(part.start), part.start, "parts are contiguous");
                edge = Some(part.start + part.duration);
                let is_first = segment.is_none();
                let (msn, count, sum) = segment.get_or_insert((part.msn, 0, MediaTime::ZERO));
                assert_eq!((part.msn, part.index), (*msn, *count));
                assert!(ended_msn.is_none_or(|last| part.msn == last + 1));
                *count += 1;
                *sum += part.duration;
                assert!(part.duration > MediaTime::ZERO);
                assert!(part.duration <= target, "part {} of {} above {target}", part.number, part.duration);
                let mut later = outputs[index + 1..].iter().filter(|output| !matches!(output, Output::Cut(_) | Output::Unit(_)));
                let is_exempt = part.independent
                    || part.gap
                    || match later.next() {
                        Some(Output::Part(next)) => next.gap,
                        // The last of its segment, or of what there is.
                        _ => true,
                    };
                assert!(is_exempt || part.duration >= shortest, "part {} of {} below 85 % of {target}", part.number, part.duration);
                assert_eq!(part.gap, part.bytes.is_empty());
                match clock {
                    Some((start, unix)) => {
                        let step = (part.program_date_time - unix) - (part.start - start).as_millis();
                        assert!(step.abs() <= 3, "the wall clock jumps by {step} ms at {}", part.start);
                    }
                    None => assert!(part.program_date_time > 0),
                }
                clock = Some((part.start, part.program_date_time));
                if part.gap {
                    continue;
                }
                let fragment = fmp4::read::fragment(&part.bytes).expect("a part is a fragment");
                assert_eq!(u64::from(fragment.sequence), part.number + 1);
                let mut has_sync = false;
                for track in &fragment.tracks {
                    assert!(!track.samples.is_empty());
                    let is_video = track.track == fmp4::VIDEO_TRACK;
                    let last = if is_video { &mut last_video } else { &mut last_audio };
                    if let Some((decode, duration)) = *last {
                        assert!(track.decode_time > decode, "decoding times grow");
                        if track.decode_time > decode + 2 * u64::from(duration) {
                            judged.discontinuous_steps += 1;
                        }
                        if !is_video && track.decode_time != decode + u64::from(duration) {
                            judged.audio_gaps += 1;
                        }
                    }
                    let mut decode = track.decode_time;
                    for sample in &track.samples {
                        assert!(sample.duration > 0);
                        *last = Some((decode, sample.duration));
                        if is_video {
                            judged.presentation.push(decode.cast_signed() + i64::from(sample.composition));
                        }
                        decode += u64::from(sample.duration);
                    }
                    if is_video {
                        has_sync = track.samples.iter().any(|sample| sample.sync);
                        judged.video_samples += track.samples.len();
                        let start = MediaTime::from_ticks(track.decode_time.cast_signed(), fmp4::VIDEO_TIMESCALE);
                        judged.largest_offset = judged.largest_offset.max((start - part.start).abs());
                        if is_first && !track.samples[0].sync {
                            judged.segments_without_keyframe += 1;
                        }
                        if after_init {
                            assert!(track.samples[0].sync, "a run begins with a keyframe");
                            after_init = false;
                        }
                    } else {
                        judged.audio_samples += track.samples.len();
                        assert!(audio_rate > 0);
                    }
                }
                if has_video {
                    assert_eq!(part.independent, has_sync);
                } else {
                    assert!(part.independent);
                }
            }
            Output::Cut(cut) => assert!(!matches!(cut.reason, Reason::Segment) || segment.is_none()),
            Output::Unit(_) => {}
        }
    }
    judged
}

/// What a follower makes of a leader's outputs.
pub fn follow(rig: &Rig, tracks: &Tracks) -> Vec<Output> {
    let mut outputs = Vec::new();
    let mut follower: Option<Packager> = None;
    for (output, time) in rig.outputs.iter().zip(&rig.times) {
        match output {
            Output::Started { target_duration, part_target } => {
                let terms = Terms { target_duration: *target_duration, part_target: *part_target };
                let mut packager = Packager::new(Config {
                    role: Role::Follower { terms },
                    part: MediaTime::from_millis(200),
                    clock: Clock { instant: rig.start, unix_nanos: UNIX },
                    resume: None,
                    keyframe_interval_hint: None,
                });
                packager.handle_tracks(*time, tracks);
                follower = Some(packager);
            }
            Output::Cut(cut) => follower.as_mut().expect("started").handle_cut(*time, *cut),
            Output::Unit(unit) => {
                let follower = follower.as_mut().expect("started");
                if tracks.video.is_some() || unit.kind == Kind::Audio {
                    follower.handle_unit(*time, unit.clone());
                }
            }
            _ => {}
        }
        if let Some(follower) = &mut follower {
            while let Some(output) = follower.poll_output() {
                outputs.push(output);
            }
        }
    }
    outputs
}
