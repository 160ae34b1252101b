use super::*;
use crate::chunk::message_type;
use crate::event::Metadata;
use crate::testing::{SAMPLE_FLV, Tag, tags};

struct Publish {
    now: Instant,
    publication: Publication,
    events: VecDeque<Event>,
}

impl Publish {
    fn new() -> Self {
        Self { now: Instant::now(), publication: Publication::default(), events: VecDeque::new() }
    }

    fn handle(&mut self, tag: &Tag) -> Result<(), Rejection> {
        let body = tag.body.clone();
        match tag.type_id {
            message_type::VIDEO => self.publication.handle_video(self.now, tag.timestamp, body, &mut self.events),
            message_type::AUDIO => self.publication.handle_audio(self.now, tag.timestamp, body, &mut self.events),
            _ => Ok(()),
        }
    }

    fn video(&mut self, timestamp: u32, body: &[u8]) -> Result<(), Rejection> {
        self.handle(&Tag { type_id: message_type::VIDEO, timestamp, body: Bytes::copy_from_slice(body) })
    }

    fn audio(&mut self, timestamp: u32, body: &[u8]) -> Result<(), Rejection> {
        self.handle(&Tag { type_id: message_type::AUDIO, timestamp, body: Bytes::copy_from_slice(body) })
    }

    fn take(&mut self) -> Vec<Event> {
        self.events.drain(..).collect()
    }

    fn tracks(&mut self) -> Vec<(bool, bool)> {
        let kinds = |event| match event {
            Event::Tracks(tracks) => Some((tracks.video.is_some(), tracks.audio.is_some())),
            _ => None,
        };
        self.take().into_iter().filter_map(kinds).collect()
    }
}

fn sample(type_id: u8) -> Vec<Tag> {
    tags(SAMPLE_FLV).into_iter().filter(|tag| tag.type_id == type_id).collect()
}

fn units(events: &[Event]) -> Vec<&Unit> {
    events.iter().filter_map(|event| if let Event::Unit(unit) = event { Some(unit) } else { None }).collect()
}

#[test]
fn announces_both_tracks_once_and_then_the_units() {
    let mut publish = Publish::new();
    for tag in tags(SAMPLE_FLV) {
        publish.handle(&tag).expect("a sound file");
    }
    let events = publish.take();
    let Event::Tracks(tracks) = &events[0] else { panic!("tracks first") };
    let video = tracks.video.as_ref().expect("video");
    assert_eq!((video.codec, video.width, video.height), (Codec::H264, 64, 48));
    assert_eq!(tracks.audio.as_ref().expect("audio").sample_rate, 44_100);
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Tracks(_))).count(), 1);
    let video: Vec<_> = units(&events).into_iter().filter(|unit| unit.kind == Kind::Video).collect();
    assert_eq!(video.len(), 20);
    assert_eq!(video.iter().filter(|unit| unit.keyframe).count(), 2);
    assert!(video.iter().any(|unit| unit.pts > unit.dts + MediaTime::from_millis(100)), "B-frames");
    assert!(units(&events).len() > 20 + 80);
    assert_eq!(publish.publication.dropped(), Dropped::default());
}

#[test]
fn one_track_is_announced_when_the_metadata_says_so() {
    for (kind, video) in [(message_type::VIDEO, true), (message_type::AUDIO, false)] {
        let mut publish = Publish::new();
        let metadata = Metadata { announces_video: Some(video), announces_audio: Some(!video), ..Metadata::default() };
        publish.publication.handle_metadata(metadata, &mut publish.events);
        publish.handle(&sample(kind)[0]).expect("configuration");
        assert_eq!(publish.tracks(), [(video, !video)]);
    }
}

#[test]
fn one_track_is_announced_after_half_a_second_of_it() {
    let mut publish = Publish::new();
    let mut held = 0;
    for tag in sample(message_type::VIDEO) {
        publish.handle(&tag).expect("a sound file");
        if publish.events.is_empty() {
            held += 1;
        }
    }
    // the configuration, and frames at 0 to 400 ms
    assert_eq!(held, 6);
    let events = publish.take();
    assert!(matches!(&events[0], Event::Tracks(Tracks { video: Some(_), audio: None })));
    assert_eq!(units(&events).len(), 20);
}

#[test]
fn one_track_is_announced_after_a_second_on_the_clock() {
    let mut publish = Publish::new();
    let tags = sample(message_type::AUDIO);
    publish.handle(&tags[0]).expect("configuration");
    publish.handle(&tags[1]).expect("frame");
    let due = publish.publication.poll_timeout().expect("an announcement is due");
    assert_eq!(due, publish.now + ANNOUNCE_AFTER);
    publish.publication.handle_timeout(due - Duration::from_millis(1), &mut publish.events);
    assert!(publish.events.is_empty());
    publish.publication.handle_timeout(due, &mut publish.events);
    assert_eq!(publish.take().len(), 2);
    assert_eq!(publish.publication.poll_timeout(), None);
}

#[test]
fn a_track_that_comes_late_is_announced_then() {
    let mut publish = Publish::new();
    for tag in sample(message_type::VIDEO) {
        publish.handle(&tag).expect("a sound file");
    }
    publish.take();
    publish.handle(&sample(message_type::AUDIO)[0]).expect("configuration");
    assert_eq!(publish.tracks(), [(true, true)]);
}

#[test]
fn a_repeated_configuration_is_nothing_new_and_a_different_one_is() {
    let mut publish = Publish::new();
    let (video, audio) = (sample(message_type::VIDEO), sample(message_type::AUDIO));
    publish.handle(&video[0]).expect("configuration");
    publish.handle(&audio[0]).expect("configuration");
    publish.handle(&video[1]).expect("keyframe");
    publish.handle(&video[0]).expect("configuration");
    publish.handle(&video[2]).expect("frame");
    assert_eq!(units(&publish.take()).len(), 2);
    // AAC at 22.05 instead of 44.1 kHz
    publish.audio(50, &[0xAF, 0, 0x13, 0x88]).expect("configuration");
    assert_eq!(publish.tracks(), [(true, true)]);
    // other parameters (constraint flags): only a keyframe can follow
    let mut changed = video[0].body.to_vec();
    changed[7] ^= 0x08;
    publish.video(60, &changed).expect("configuration");
    assert_eq!(publish.tracks(), [(true, true)]);
    publish.handle(&video[3]).expect("frame");
    assert!(publish.take().is_empty());
    publish.handle(&video[11]).expect("keyframe");
    assert_eq!(units(&publish.take()).len(), 1);
    // damage is passed over
    publish.video(60, &[0x17, 0, 0, 0, 0, 1, 2, 3]).expect("passed over");
    publish.video(60, &[0x17, 0, 0, 0, 0]).expect("passed over");
    publish.handle(&video[12]).expect("frame");
    assert_eq!(units(&publish.take()).len(), 1);
    assert_eq!(publish.publication.dropped().malformed, 1);
}

#[test]
fn what_cannot_be_played_is_refused_with_advice() {
    let refused = |bytes: &[u8], video: bool| {
        let mut publish = Publish::new();
        let result = if video { publish.video(0, bytes) } else { publish.audio(0, bytes) };
        result.expect_err("cannot be played").to_string()
    };
    assert!(refused(&[0x12, 0], true).starts_with("FLV1 (Sorenson H.263) cannot be played in browsers. Shoal needs H.264"));
    assert!(refused(&[0x2F, 0], false).contains("MP3") && refused(b"\x91ac-3x", false).contains("AAC or Opus"));
    // a first configuration that is damaged
    assert!(refused(&[0x17, 0, 0, 0, 0, 1, 2, 3], true).contains("H264"));
    // AAC Main
    assert!(refused(&[0xAF, 0, 0x0A, 0x10], false).contains("AAC-LC"));
}

#[test]
fn keyframes_are_idr_pictures_whatever_the_tag_says() {
    let mut publish = Publish::new();
    publish.handle(&sample(message_type::VIDEO)[0]).expect("configuration");
    publish.handle(&sample(message_type::AUDIO)[0]).expect("configuration");
    publish.take();
    // an intra frame that is only a recovery point, flagged as keyframe: decoding cannot start there
    publish.video(0, &[0x17, 1, 0, 0, 0, 0, 0, 0, 2, 0x41, 0x9A]).expect("frame");
    assert!(publish.take().is_empty());
    // an IDR picture flagged as inter frame
    publish.video(40, &[0x27, 1, 0, 0, 0, 0, 0, 0, 2, 0x65, 0x88]).expect("frame");
    publish.video(80, &[0x17, 1, 0, 0, 0, 0, 0, 0, 2, 0x41, 0x9A]).expect("frame");
    let events = publish.take();
    assert_eq!(units(&events).iter().map(|unit| unit.keyframe).collect::<Vec<_>>(), [true, false]);
    assert_eq!(publish.publication.dropped().unusable, 1);
}

#[test]
fn negative_composition_and_nanoseconds_reach_the_units() {
    let mut publish = Publish::new();
    publish.handle(&sample(message_type::VIDEO)[0]).expect("configuration");
    publish.handle(&sample(message_type::AUDIO)[0]).expect("configuration");
    publish.take();
    publish.video(100, &[0x17, 1, 0xFF, 0xFF, 0xDF, 0, 0, 0, 2, 0x65, 0x88]).expect("frame");
    publish.video(200, b"\x97\x02\x07\xA1\x20\x03avc1\0\0\0\x02\x65\x88").expect("frame");
    let events = publish.take();
    let times: Vec<_> = units(&events).iter().map(|unit| (unit.dts.as_nanos(), unit.pts.as_nanos())).collect();
    assert_eq!(times, [(100_000_000, 67_000_000), (200_500_000, 200_500_000)]);
}

#[test]
fn short_lengths_are_widened_in_frame_and_configuration() {
    let mut publish = Publish::new();
    let mut config = sample(message_type::VIDEO)[0].body.to_vec();
    config[9] = config[9] & !3 | 1;
    publish.video(0, &config).expect("configuration");
    publish.handle(&sample(message_type::AUDIO)[0]).expect("configuration");
    publish.video(0, &[0x17, 1, 0, 0, 0, 0, 2, 0x65, 0x88]).expect("frame");
    let events = publish.take();
    let Event::Tracks(Tracks { video: Some(video), .. }) = &events[0] else { panic!("tracks first") };
    assert_eq!(video.config[4] & 3, 3);
    assert_eq!(units(&events)[0].data[..], [0, 0, 0, 2, 0x65, 0x88]);
}

#[test]
fn damaged_and_empty_frames_are_left_out_and_counted() {
    let mut publish = Publish::new();
    publish.video(0, &[0x27, 1, 0, 0, 0, 0, 0, 0, 1, 0x65]).expect("before the configuration");
    publish.audio(0, &[0xAF, 1, 1, 2]).expect("before the configuration");
    publish.handle(&sample(message_type::VIDEO)[0]).expect("configuration");
    publish.handle(&sample(message_type::AUDIO)[0]).expect("configuration");
    publish.video(0, &[0x17, 1, 0, 0, 0, 0, 0, 0, 9, 0x65]).expect("a length that lies");
    publish.video(0, &[0x17, 1, 0, 0, 0]).expect("empty");
    publish.audio(0, &[0xAF, 1]).expect("empty");
    publish.audio(0, &[0xAF]).expect("cut short");
    assert_eq!(units(&publish.take()).len(), 0);
    assert_eq!(publish.publication.dropped(), Dropped { malformed: 2, unusable: 4 });
}

#[test]
fn adts_headers_are_taken_off() {
    let frame = |bytes: &[u8]| without_adts(Bytes::copy_from_slice(bytes)).to_vec();
    // 7 + 3 bytes, without CRC
    let adts = [0xFF, 0xF1, 0x50, 0x80, 0x01, 0x5F, 0xFC, 1, 2, 3];
    assert_eq!(frame(&adts), [1, 2, 3]);
    assert_eq!(frame(&adts[..9]), adts[..9]);
    assert_eq!(frame(&[0xFF, 0xF1, 1]), [0xFF, 0xF1, 1]);
}

#[test]
fn only_the_first_track_of_several_is_taken() {
    let mut publish = Publish::new();
    let raw = sample(message_type::VIDEO)[0].body.slice(5..);
    publish.video(0, &[&b"\x90avc1"[..], &raw].concat()).expect("configuration");
    publish.video(0, &[&b"\x96\x00avc1\x01"[..], &raw].concat()).expect("of another track");
    publish.handle(&sample(message_type::AUDIO)[0]).expect("configuration");
    publish.video(0, b"\x93avc1\0\0\0\x02\x65\x88").expect("frame");
    publish.video(0, b"\x96\x03avc1\x01\0\0\0\x02\x65\x99").expect("frame of another track");
    let events = publish.take();
    assert_eq!(units(&events).len(), 1);
    assert_eq!(units(&events)[0].data[5], 0x88);
}

#[test]
fn opus_is_taken_with_and_without_its_header() {
    let head = b"OpusHead\x01\x02\x38\x01\x80\xBB\0\0\0\0\0";
    for head in [Some(&head[..]), None] {
        let mut publish = Publish::new();
        publish.handle(&sample(message_type::VIDEO)[0]).expect("configuration");
        if let Some(head) = head {
            publish.audio(0, &[b"\x90Opus", head].concat()).expect("configuration");
        }
        publish.audio(0, b"\x91Opus\xFC\x01").expect("packet");
        let events = publish.take();
        let Event::Tracks(Tracks { audio: Some(audio), .. }) = &events[0] else { panic!("tracks first") };
        assert_eq!((audio.codec, audio.channels, audio.sample_rate), (Codec::Opus, 2, 48_000));
        assert_eq!(units(&events)[0].data[..], [0xFC, 1]);
    }
}

#[test]
fn av1_temporal_delimiters_are_taken_off() {
    let data = Bytes::from_static(&[0x12, 0, 0x32, 1]);
    assert_eq!(without_temporal_delimiter(data)[..], [0x32, 1]);
}

#[test]
fn vp9_is_announced_with_the_size_of_its_first_keyframe() {
    let mut publish = Publish::new();
    publish.video(0, b"\x90vp09\x01\0\0\0\0\x1F\x80\x02\x02\x02\0\0").expect("configuration");
    publish.handle(&sample(message_type::AUDIO)[0]).expect("configuration");
    assert!(publish.events.is_empty());
    // frame marker 2, profile 0, key frame, shown; sync code; colour space 1, range 0; 320 x 240
    let bits = [0x82, 0x49, 0x83, 0x42, 0x20, 0x13, 0xF0, 0x0E, 0xF0];
    publish.video(0, &[&b"\x91vp09"[..], &bits].concat()).expect("keyframe");
    let events = publish.take();
    let Event::Tracks(Tracks { video: Some(video), audio: Some(_) }) = &events[0] else { panic!("{events:?}") };
    assert_eq!((video.width, video.height), (320, 240));
    assert_eq!(units(&events).len(), 1);
}

#[test]
fn what_is_held_is_bounded() {
    let mut publish = Publish::new();
    publish.handle(&sample(message_type::AUDIO)[0]).expect("configuration");
    for _ in 0..2 * MAX_HELD_UNITS {
        publish.audio(0, &[0xAF, 1, 1, 2]).expect("packet");
        assert!(publish.publication.held.len() < MAX_HELD_UNITS);
    }
    assert_eq!(publish.tracks(), [(false, true)]);
}
