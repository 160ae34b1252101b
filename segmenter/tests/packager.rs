//! The packager against publishers in code, in virtual time.

mod corpus;

use std::time::{Duration, Instant};

use corpus::{Encoder, Reorder, Rig, UNIX, aac, opus, video};
use media::{Kind, MediaTime, Tracks, Unit};
use proptest::prelude::*;
use segmenter::Output;
use segmenter::packager::{Clock, Resume, Role, Terms};

fn run(encoder: &Encoder, seconds: i64) -> Rig {
    let mut rig = Rig::new();
    rig.tracks(&encoder.tracks());
    rig.feed(encoder.units(rig.start, seconds));
    rig.end();
    rig
}

#[test]
fn an_ordinary_stream_has_two_second_segments_of_six_frame_parts() {
    let rig = run(&Encoder::default(), 20);
    let judged = rig.judge();
    assert_eq!(rig.terms().1, MediaTime::from_millis(215));
    assert_eq!(judged.video_samples, 600);
    assert_eq!(judged.audio_gaps, 0);
    assert_eq!(judged.discontinuous_steps, 0);
    assert_eq!(judged.segments_without_keyframe, 0);
    assert!(judged.largest_offset <= MediaTime::from_millis(1), "{}", judged.largest_offset);
    // The broadcast ends with a packet of sound after the last frame.
    for segment in &rig.segments()[..9] {
        assert!((*segment - MediaTime::from_secs(2)).abs() <= MediaTime::from_millis(1), "{segment}");
    }
    for part in &rig.parts()[..100] {
        assert!((part.duration - MediaTime::from_millis(200)).abs() <= MediaTime::from_millis(1), "{}", part.duration);
    }
}

#[test]
fn a_part_is_out_with_its_last_frame() {
    let encoder = Encoder::default();
    let rig = run(&encoder, 10);
    for (output, time) in rig.outputs.iter().zip(&rig.times) {
        if let segmenter::Output::Part(part) = output
            && part.number + 2 < rig.parts().len() as u64
        {
            assert_eq!(*time, part.newest_arrival);
            let last_frame = part.start + part.duration - encoder.frame();
            let arrived = MediaTime::from_duration(*time - rig.start);
            assert!((arrived - last_frame).abs() <= MediaTime::from_millis(1));
        }
    }
}

#[test]
fn every_corpus_stream_obeys_the_rules() {
    for reorder in [Reorder::None, Reorder::B(2), Reorder::B(3), Reorder::Pyramid] {
        for gop in [30, 45, 60, 250] {
            for audio in [None, Some(aac(48_000)), Some(aac(44_100)), Some(opus())] {
                for negative in [0, 67] {
                    let encoder =
                        Encoder { gop, reorder, audio: audio.clone(), negative: MediaTime::from_millis(negative), ..Encoder::default() };
                    let rig = run(&encoder, 30);
                    let judged = rig.judge();
                    assert_eq!(judged.video_samples, 900);
                    assert_eq!((judged.discontinuous_steps, judged.segments_without_keyframe), (0, 0));
                    assert!(judged.largest_offset <= MediaTime::from_millis(2));
                }
            }
        }
    }
}

#[test]
fn sound_that_comes_late_travels_in_later_parts() {
    let encoder = Encoder { audio_late: std::time::Duration::from_secs(1), ..Encoder::default() };
    let rig = run(&encoder, 20);
    let judged = rig.judge();
    assert_eq!((judged.audio_gaps, judged.discontinuous_steps), (0, 0));
    assert!(judged.largest_offset <= MediaTime::from_millis(1));
    assert_eq!(rig.packager.health().video_holes, 0);
}

#[test]
fn audio_only_streams_are_cut_by_packets() {
    for audio in [aac(48_000), aac(44_100), aac(24_000), aac(22_050), opus()] {
        let encoder = Encoder { rate: (0, 1), audio: Some(audio), ..Encoder::default() };
        let rig = run(&encoder, 30);
        let judged = rig.judge();
        assert_eq!(judged.audio_gaps, 0);
        assert_eq!(rig.terms(), (2, MediaTime::from_millis(215)));
        assert!(judged.audio_samples > 600);
        for segment in &rig.segments()[..rig.segments().len() - 1] {
            assert!((*segment - MediaTime::from_secs(2)).abs() <= MediaTime::from_millis(150), "{segment}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    #[test]
    fn parts_obey_the_rules_at_every_frame_rate(
        rate in prop_oneof![
            (10_i64..=144).prop_map(|rate| (rate, 1)),
            prop::sample::select(vec![(24_000, 1001), (30_000, 1001), (60_000, 1001), (120_000, 1001), (15_000, 1001), (25, 2)]),
        ],
        gop_tenths in 3_i64..60,
        part in prop::sample::select(vec![100_i64, 150, 200, 250, 333, 500, 1000]),
        reorder in prop::sample::select(vec![Reorder::None, Reorder::B(1), Reorder::B(2), Reorder::B(3), Reorder::Pyramid]),
        first_dts in 0_i64..10_000_000,
        audio in prop::sample::select(vec![None, Some(48_000_u32), Some(44_100), Some(24_000)]),
    ) {
        let gop = (rate.0 * gop_tenths / (rate.1 * 10)).max(5);
        let encoder = Encoder { rate, gop, reorder, audio: audio.map(aac), first_dts: MediaTime::from_millis(first_dts), frame_bytes: 100, ..Encoder::default() };
        let mut rig = Rig::with(|config| config.part = MediaTime::from_millis(part));
        rig.tracks(&encoder.tracks());
        rig.feed(encoder.units(rig.start, 12));
        rig.end();
        let judged = rig.judge();
        prop_assert_eq!(judged.video_samples as i64, 12 * rate.0 / rate.1);
        prop_assert_eq!(judged.discontinuous_steps, 0);
        prop_assert_eq!(judged.audio_gaps, 0);
        prop_assert!(judged.largest_offset <= MediaTime::from_millis(40), "{}", judged.largest_offset);
    }
}

/// Loses the video units whose decoding time lies in `from..to`.
fn lose_video(units: Vec<Unit>, from: i64, to: i64) -> Vec<Unit> {
    let lost = |unit: &Unit| unit.kind == Kind::Video && (from..to).contains(&unit.dts.as_millis());
    units.into_iter().filter(|unit| !lost(unit)).collect()
}

#[test]
fn a_video_hole_costs_neither_cadence_nor_a_decoding_step() {
    for reorder in [Reorder::None, Reorder::B(2)] {
        for start in [5_000, 5_070, 5_150, 5_950] {
            for length in [67, 100, 150, 300, 700, 1000, 1500, 2000, 3000] {
                let encoder = Encoder { reorder, gop: 250, ..Encoder::default() };
                let mut rig = Rig::new();
                rig.tracks(&encoder.tracks());
                rig.feed(lose_video(encoder.units(rig.start, 16), start, start + length));
                rig.end();
                let judged = rig.judge();
                assert_eq!(judged.discontinuous_steps, 0, "{start}+{length}");
                assert_eq!(judged.audio_gaps, 0);
                assert_eq!(rig.inits().len(), 1);
                assert!(rig.parts().iter().all(|part| !part.gap));
                // Presentation times are the truth, whatever decoding times do.
                let truth: Vec<i64> = lose_video(encoder.units(rig.start, 16), start, start + length)
                    .iter()
                    .filter(|unit| unit.kind == Kind::Video)
                    .map(|unit| unit.pts.to_ticks(90_000))
                    .collect();
                assert_eq!(judged.presentation, truth);
                // Parts keep coming: no two are further apart than a part and the patience.
                let times: Vec<_> = rig
                    .outputs
                    .iter()
                    .zip(&rig.times)
                    .filter(|(output, _)| matches!(output, Output::Part(_)))
                    .map(|(_, time)| *time)
                    .collect();
                for pair in times.windows(2) {
                    assert!(pair[1] - pair[0] <= Duration::from_millis(320), "{:?}", pair[1] - pair[0]);
                }
                if length != 100 {
                    assert_eq!(rig.packager.health().video_holes, u64::from(length > 100));
                }
            }
        }
    }
}

#[test]
fn lost_sound_is_silence() {
    for (from, to) in [(5_000, 5_200), (5_010, 6_000), (5_000, 7_900)] {
        let encoder = Encoder::default();
        let mut rig = Rig::new();
        rig.tracks(&encoder.tracks());
        let units = encoder.units(rig.start, 12);
        let total = units.iter().filter(|unit| unit.kind == Kind::Audio).count();
        rig.feed(units.into_iter().filter(|unit| unit.kind == Kind::Video || !(from..to).contains(&unit.dts.as_millis())));
        rig.end();
        let judged = rig.judge();
        assert_eq!((judged.audio_gaps, judged.discontinuous_steps), (0, 0));
        assert!(judged.audio_samples.abs_diff(total) <= 1);
        assert!(judged.largest_offset <= MediaTime::from_millis(1), "{}", judged.largest_offset);
        assert!(rig.packager.health().silent_packets >= (to - from) as u64 / 22 - 1);
    }
}

#[test]
fn sound_that_stays_away_does_not_stop_the_picture() {
    for (from, to) in [(-1, 100_000), (5_000, 15_000), (5_000, 100_000)] {
        let encoder = Encoder::default();
        let mut rig = Rig::new();
        rig.tracks(&encoder.tracks());
        let units = encoder.units(rig.start, 20);
        rig.feed(units.into_iter().filter(|unit| unit.kind == Kind::Video || !(from..to).contains(&unit.dts.as_millis())));
        let mut ahead = MediaTime::ZERO;
        let mut video_end = MediaTime::ZERO;
        let mut audio_end = MediaTime::ZERO;
        for part in rig.parts() {
            for track in segmenter::fmp4::read::fragment(&part.bytes).expect("a fragment").tracks {
                let ticks = (track.decode_time + track.duration()).cast_signed();
                match track.track {
                    1 => video_end = MediaTime::from_ticks(ticks, 90_000),
                    _ => audio_end = MediaTime::from_ticks(ticks, 48_000),
                }
            }
            ahead = ahead.max(video_end - audio_end);
        }
        assert!(ahead <= MediaTime::from_millis(1_900), "{ahead}");
        rig.end();
        let judged = rig.judge();
        assert_eq!((judged.audio_gaps, judged.discontinuous_steps, judged.video_samples), (0, 0, 600));
        assert!(judged.largest_offset <= MediaTime::from_millis(1), "{}", judged.largest_offset);
    }
}

#[test]
fn when_both_tracks_lose_media_the_timeline_stays_true() {
    for length in [100, 500, 1000, 1900] {
        for audio in [None, Some(aac(48_000))] {
            let encoder = Encoder { audio, ..Encoder::default() };
            let mut rig = Rig::new();
            rig.tracks(&encoder.tracks());
            rig.feed(encoder.units(rig.start, 12).into_iter().filter(|unit| !(5_000..5_000 + length).contains(&unit.dts.as_millis())));
            rig.end();
            let judged = rig.judge();
            assert_eq!((judged.audio_gaps, judged.discontinuous_steps), (0, 0), "{length}");
            let last = rig.parts().last().map(|part| part.start + part.duration).expect("parts");
            assert!((last - MediaTime::from_secs(12)).abs() <= MediaTime::from_millis(40), "{last}");
        }
    }
}

#[test]
fn jumps_of_the_clock_become_discontinuities() {
    for jump in [-1_000_000, -2_000, -600, 4_000, 3_600_000] {
        let encoder = Encoder { first_dts: MediaTime::from_secs(2000), ..Encoder::default() };
        let mut rig = Rig::new();
        rig.tracks(&encoder.tracks());
        let units = encoder.units(rig.start, 12).into_iter().map(|mut unit| {
            if unit.arrival >= rig.start + Duration::from_secs(6) {
                unit.dts += MediaTime::from_millis(jump);
                unit.pts += MediaTime::from_millis(jump);
            }
            unit
        });
        let units: Vec<_> = units.collect();
        rig.feed(units);
        rig.end();
        let judged = rig.judge();
        assert_eq!(rig.inits().iter().map(|init| init.discontinuity).collect::<Vec<_>>(), [false, true], "{jump}");
        assert_eq!(judged.video_samples, 360);
        assert_eq!(rig.packager.health().discontinuities, 1);
        let last = rig.parts().last().map(|part| part.start + part.duration).expect("parts");
        assert!((last - MediaTime::from_secs(12)).abs() <= MediaTime::from_millis(40), "{last}");
    }
}

#[test]
fn a_jump_in_the_middle_of_a_group_waits_for_a_keyframe_and_keeps_the_cadence() {
    let encoder = Encoder { gop: 250, ..Encoder::default() };
    let mut rig = Rig::new();
    rig.tracks(&encoder.tracks());
    let units: Vec<_> = encoder
        .units(rig.start, 20)
        .into_iter()
        .map(|mut unit| {
            if unit.arrival >= rig.start + Duration::from_secs(5) {
                unit.dts += MediaTime::from_secs(100);
                unit.pts += MediaTime::from_secs(100);
            }
            unit
        })
        .collect();
    rig.feed(units);
    rig.end();
    rig.judge();
    assert!(rig.parts().iter().filter(|part| part.gap).count() > 10);
    assert_eq!(rig.inits().len(), 2);
}

#[test]
fn an_interruption_is_bridged_by_gap_parts_at_the_same_cadence() {
    let encoder = Encoder::default();
    let mut rig = Rig::new();
    rig.tracks(&encoder.tracks());
    rig.feed(encoder.units(rig.start, 5));
    rig.pass(rig.start + Duration::from_millis(5_300));
    rig.packager.handle_interruption(rig.now);
    rig.drain();
    rig.pass(rig.start + Duration::from_secs(15));
    assert!(rig.packager.health().interrupted);
    rig.packager.handle_resume(rig.now);
    rig.tracks(&encoder.tracks());
    rig.feed(encoder.units(rig.start + Duration::from_secs(15), 6));
    rig.end();
    let judged = rig.judge();
    assert_eq!(judged.video_samples, 150 + 180);
    assert_eq!(rig.inits().len(), 2);
    assert!(rig.inits()[1].discontinuity);
    let gap: i64 = rig.parts().iter().filter(|part| part.gap).map(|part| part.duration.as_millis()).sum();
    assert!((9_700..=10_100).contains(&gap), "{gap}");
    let mut last = None;
    for (output, time) in rig.outputs.iter().zip(&rig.times) {
        if let Output::Part(part) = output
            && let Some(last) = last.replace(*time)
        {
            assert!(*time - last <= Duration::from_millis(420), "part {}: {:?}", part.number, *time - last);
        }
    }
    let end = rig.parts().last().map(|part| part.start + part.duration).expect("parts");
    assert!((end - MediaTime::from_secs(21)).abs() <= MediaTime::from_millis(250), "{end}");
}

#[test]
fn a_publisher_that_falls_silent_is_bridged_without_being_told() {
    let encoder = Encoder { audio: None, ..Encoder::default() };
    let mut rig = Rig::new();
    rig.tracks(&encoder.tracks());
    rig.feed(encoder.units(rig.start, 5));
    // Nine seconds later everything that was stuck arrives in a burst, then life goes on.
    let late: Vec<_> = encoder.units(rig.start, 20).into_iter().filter(|unit| unit.dts >= MediaTime::from_secs(5)).collect();
    let burst = rig.start + Duration::from_secs(14);
    rig.feed(late.into_iter().map(|mut unit| {
        unit.arrival = unit.arrival.max(burst);
        unit
    }));
    rig.end();
    rig.judge();
    assert!(rig.parts().iter().filter(|part| part.gap).count() >= 40);
    assert_eq!(rig.inits().len(), 2);
}

#[test]
fn another_resolution_is_another_initialisation() {
    let encoder = Encoder::default();
    let mut rig = Rig::new();
    rig.tracks(&encoder.tracks());
    rig.feed(encoder.units(rig.start, 4));
    let changed = Tracks { video: Some(video(40)), ..encoder.tracks() };
    rig.tracks(&changed);
    rig.tracks(&changed);
    let again = Encoder { first_dts: MediaTime::from_secs(4), ..encoder };
    rig.feed(again.units(rig.start + Duration::from_secs(4), 4));
    rig.end();
    let judged = rig.judge();
    assert_eq!(judged.video_samples, 240);
    assert_eq!(rig.inits().iter().map(|init| init.video.map(|video| video.width)).collect::<Vec<_>>(), [Some(1280), Some(640)]);
    assert!(rig.inits()[1].discontinuity);
}

#[test]
fn sound_that_turns_up_later_joins_at_a_keyframe() {
    let encoder = Encoder::default();
    let mut rig = Rig::new();
    let units = encoder.units(rig.start, 9);
    rig.tracks(&Tracks { audio: None, ..encoder.tracks() });
    let (before, after): (Vec<_>, Vec<_>) = units.into_iter().partition(|unit| unit.dts < MediaTime::from_millis(2_700));
    rig.feed(before.into_iter().filter(|unit| unit.kind == Kind::Video));
    rig.tracks(&encoder.tracks());
    rig.feed(after);
    rig.end();
    let judged = rig.judge();
    assert_eq!(judged.video_samples, 270, "no frame is lost");
    assert_eq!(rig.inits().iter().map(|init| init.audio.is_some()).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn the_target_duration_covers_what_the_encoder_announces() {
    let mut encoder = Encoder { gop: 250, ..Encoder::default() };
    let rig = run(&encoder, 30);
    assert_eq!(rig.terms().0, 10, "nobody said how often keyframes come");
    let mut hinted = Rig::with(|config| config.keyframe_interval_hint = Some(MediaTime::from_millis(2000)));
    hinted.tracks(&encoder.tracks());
    hinted.feed(encoder.units(hinted.start, 30));
    hinted.end();
    let judged = hinted.judge();
    assert_eq!(hinted.terms().0, 2);
    assert!(hinted.packager.health().outgrown);
    assert!(judged.segments_without_keyframe > 5);
    encoder.gop = 60;
    let mut units = encoder.units(hinted.start, 4);
    let mut settings = vec![0, 0, 2, 0, 6, 5, 255];
    settings.extend([0xdc, 0x45, 0xe9, 0xbd, 0xe6, 0xd9, 0x48, 0xb7, 0x96, 0x2c, 0xd8, 0x20, 0xd9, 0x23, 0xee, 0xef]);
    settings.extend(b"x264 - core 164 - options: cabac=1 keyint=250 keyint_min=25 scenecut=40");
    units[0].data = settings.into();
    let mut told = Rig::new();
    told.tracks(&encoder.tracks());
    told.feed(units);
    assert_eq!(told.terms().0, 9);
}

#[test]
fn a_restarted_server_continues_the_numbers() {
    let clock = Clock { instant: Instant::now(), unix_nanos: UNIX };
    let resume = Resume {
        msn: 17,
        part_number: 170,
        init_number: 3,
        position: MediaTime::from_secs(34),
        wall_clock: UNIX - 5_000_000_000,
        terms: Terms { target_duration: 2, part_target: MediaTime::from_millis(215) },
    };
    let mut rig = Rig::with(|config| {
        config.clock = clock;
        config.resume = Some(resume);
    });
    let encoder = Encoder::default();
    rig.pass(rig.start + Duration::from_secs(1));
    rig.tracks(&encoder.tracks());
    rig.feed(encoder.units(rig.now, 5));
    rig.end();
    rig.judge();
    let parts = rig.parts();
    assert_eq!((parts[0].msn, parts[0].number, parts[0].start), (17, 170, MediaTime::from_secs(34)));
    assert!(parts[0].gap);
    let first = parts.iter().find(|part| !part.gap).expect("media");
    assert!((first.start - MediaTime::from_secs(40)).abs() <= MediaTime::from_millis(250), "{}", first.start);
    assert_eq!((rig.inits()[0].number, rig.inits()[0].discontinuity), (3, true));
    let error = first.program_date_time - (UNIX / 1_000_000 + 1000);
    assert!(error.abs() <= 250, "{error}");
}

#[test]
fn followers_have_the_leaders_segments() {
    for gop in [30, 60, 250] {
        for audio_late in [0, 900] {
            let encoder = Encoder { gop, audio_late: Duration::from_millis(audio_late), reorder: Reorder::B(2), ..Encoder::default() };
            let mut rig = Rig::with(|config| config.role = Role::Leader { mirror: true });
            rig.tracks(&encoder.tracks());
            rig.feed(encoder.units(rig.start, 9));
            rig.packager.handle_interruption(rig.now);
            rig.drain();
            rig.pass(rig.start + Duration::from_secs(15));
            rig.packager.handle_resume(rig.now);
            rig.tracks(&encoder.tracks());
            rig.feed(encoder.units(rig.now, 9));
            rig.end();
            rig.judge();
            for tracks in [Tracks { video: None, ..encoder.tracks() }, encoder.tracks()] {
                let outputs = corpus::follow(&rig, &tracks);
                corpus::judge(&outputs);
                let segments = |outputs: &[Output]| -> Vec<(u64, MediaTime)> {
                    outputs
                        .iter()
                        .filter_map(|output| {
                            if let Output::Part(part) = output
                                && part.index == 0
                            {
                                Some((part.msn, part.start))
                            } else {
                                None
                            }
                        })
                        .collect()
                };
                let (mine, theirs) = (segments(&rig.outputs), segments(&outputs));
                assert_eq!(mine.len(), theirs.len(), "{gop} {audio_late}");
                for (mine, theirs) in mine.iter().zip(&theirs) {
                    assert_eq!(mine.0, theirs.0);
                    assert!((mine.1 - theirs.1).abs() <= MediaTime::from_millis(50), "{mine:?} {theirs:?}");
                }
                let gaps = |outputs: &[Output]| outputs.iter().filter(|output| matches!(output, Output::Part(part) if part.gap)).count();
                assert!(gaps(&outputs).abs_diff(gaps(&rig.outputs)) <= 2 + 6 * audio_late as usize / 900);
                assert_eq!(outputs.iter().filter(|output| matches!(output, Output::Init(_))).count(), 2);
                let wall = |outputs: &[Output]| -> Vec<i64> {
                    outputs
                        .iter()
                        .filter_map(|output| {
                            if let Output::Part(part) = output
                                && part.index == 0
                            {
                                Some(part.program_date_time - part.start.as_millis())
                            } else {
                                None
                            }
                        })
                        .collect()
                };
                for (mine, theirs) in wall(&rig.outputs).iter().zip(wall(&outputs)) {
                    assert!((mine - theirs).abs() <= 3, "{mine} {theirs}");
                }
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Unit { is_video: bool, step_ms: i64, cts_ms: i64, keyframe: bool, size: usize, wait_ms: u64 },
    Tracks(u8),
    Interrupt,
    Resume,
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let unit = (
        any::<bool>(),
        prop_oneof![8 => 0_i64..60, 1 => -1000_i64..5000, 1 => any::<i64>()],
        prop_oneof![9 => -100_i64..200, 1 => any::<i64>()],
        prop::bool::weighted(0.1),
        0_usize..3000,
        prop_oneof![9 => 0_u64..60, 1 => 0_u64..4000],
    )
        .prop_map(|(is_video, step_ms, cts_ms, keyframe, size, wait_ms)| Step::Unit {
            is_video,
            step_ms,
            cts_ms,
            keyframe,
            size,
            wait_ms,
        });
    prop::collection::vec(
        prop_oneof![60 => unit, 1 => (0_u8..6).prop_map(Step::Tracks), 1 => Just(Step::Interrupt), 1 => Just(Step::Resume), 2 => (0_u64..20_000).prop_map(Step::Pass)],
        1..600,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_publisher_breaks_the_rules(steps in steps()) {
        let mut rig = Rig::with(|config| config.role = Role::Leader { mirror: true });
        let kinds = [
            Tracks { video: Some(video(80)), audio: Some(aac(48_000)) },
            Tracks { video: Some(video(40)), audio: Some(aac(48_000)) },
            Tracks { video: Some(video(80)), audio: None },
            Tracks { video: None, audio: Some(opus()) },
            Tracks { video: Some(video(80)), audio: Some(opus()) },
            Tracks::default(),
        ];
        rig.tracks(&kinds[0]);
        let mut clocks = [MediaTime::ZERO; 2];
        for step in steps {
            match step {
                Step::Unit { is_video, step_ms, cts_ms, keyframe, size, wait_ms } => {
                    let clock = &mut clocks[usize::from(is_video)];
                    *clock += MediaTime::from_millis(step_ms);
                    let kind = if is_video { Kind::Video } else { Kind::Audio };
                    let arrival = rig.now + Duration::from_millis(wait_ms);
                    let unit = corpus::unit(kind, *clock, *clock + MediaTime::from_millis(cts_ms), keyframe, size, arrival);
                    rig.feed([unit]);
                }
                Step::Tracks(index) => rig.tracks(&kinds[usize::from(index)]),
                Step::Interrupt => rig.packager.handle_interruption(rig.now),
                Step::Resume => rig.packager.handle_resume(rig.now),
                Step::Pass(ms) => rig.pass(rig.now + Duration::from_millis(ms)),
            }
        }
        rig.end();
        if !rig.outputs.is_empty() && !rig.parts().is_empty() {
            rig.judge();
            for tracks in [Tracks { video: None, audio: Some(aac(48_000)) }, kinds[0].clone()] {
                let outputs = corpus::follow(&rig, &tracks);
                let msns = |outputs: &[Output]| outputs.iter().filter_map(|output| if let Output::Part(part) = output { Some(part.msn) } else { None }).max();
                prop_assert!(msns(&outputs) <= msns(&rig.outputs));
            }
        }
    }
}
