use bytes::Bytes;
use media::{Audio, Codec, MediaTime, Tracks, Unit, Video};

use super::*;
use crate::event::Metadata;

fn unit(kind: Kind, keyframe: bool, number: i64, size: usize) -> Event {
    let time = MediaTime::from_millis(number);
    Event::Unit(Unit { kind, dts: time, pts: time, keyframe, data: vec![0; size].into(), arrival: Instant::now() })
}

fn tracks(video: bool) -> Event {
    let video = video.then(|| Video { codec: Codec::H264, config: Bytes::new(), width: 1, height: 1 });
    let audio = Some(Audio { codec: Codec::Aac, config: Bytes::new(), sample_rate: 48_000, channels: 2, samples_per_unit: 1024 });
    Event::Tracks(Tracks { video, audio })
}

fn names(reader: &mut UnitReader) -> Vec<String> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let mut out = Vec::new();
    loop {
        let mut next = std::pin::pin!(reader.next());
        let std::task::Poll::Ready(event) = next.as_mut().poll(&mut context) else { return out };
        out.push(match &event {
            Event::Unit(unit) => format!("{}{}", if unit.keyframe { "k" } else { "" }, unit.dts.as_millis()),
            Event::Tracks(_) => "tracks".into(),
            Event::Metadata(_) => "metadata".into(),
            Event::End(_) => "end".into(),
        });
        if matches!(event, Event::End(_)) {
            return out;
        }
    }
}

#[test]
fn events_come_in_order_and_the_end_again_and_again() {
    let (mut writer, mut reader) = channel(1000, 100);
    writer.push(&mut vec![tracks(true), unit(Kind::Video, true, 1, 10)]);
    writer.push(&mut vec![unit(Kind::Video, false, 2, 10), Event::End(End::Clean)]);
    drop(writer);
    assert_eq!(names(&mut reader), ["tracks", "k1", "2", "end"]);
    assert_eq!(names(&mut reader), ["end"]);
    assert_eq!(reader.dropped_groups(), 0);
}

#[test]
fn a_writer_that_vanishes_ends_the_publish() {
    let (writer, mut reader) = channel(1000, 100);
    drop(writer);
    assert_eq!(names(&mut reader), ["end"]);
    assert!(matches!(reader.end, Some(End::Lost(_))));
}

#[test]
fn a_slow_reader_loses_whole_groups_oldest_first() {
    let (mut writer, mut reader) = channel(100, 1000);
    writer.push(&mut vec![Event::Metadata(Metadata::default()), tracks(true)]);
    for number in 0..20 {
        // groups of four, a sound after each picture
        writer.push(&mut vec![unit(Kind::Video, number % 4 == 0, number, 10), unit(Kind::Audio, true, 100 + number, 1)]);
    }
    let events = names(&mut reader);
    assert_eq!(&events[..3], ["metadata", "tracks", "k12"]);
    assert_eq!(events.len(), 2 + 16);
    assert_eq!(reader.dropped_groups(), 3);
}

#[test]
fn a_group_larger_than_the_queue_is_dropped_to_its_end() {
    let (mut writer, mut reader) = channel(100, 1000);
    writer.push(&mut vec![tracks(true), unit(Kind::Video, true, 0, 60)]);
    for number in 1..5 {
        writer.push(&mut vec![unit(Kind::Video, false, number, 60), unit(Kind::Audio, true, 100 + number, 1)]);
    }
    assert_eq!(names(&mut reader), ["tracks"]);
    writer.push(&mut vec![unit(Kind::Video, false, 5, 1), unit(Kind::Video, true, 6, 1), unit(Kind::Video, false, 7, 1)]);
    assert_eq!(names(&mut reader), ["k6", "7"]);
    assert_eq!(reader.dropped_groups(), 1);
}

#[test]
fn sound_alone_loses_its_oldest_half() {
    let (mut writer, mut reader) = channel(100, 1000);
    writer.push(&mut vec![tracks(false)]);
    for number in 0..11 {
        writer.push(&mut vec![unit(Kind::Audio, true, number, 10)]);
    }
    assert_eq!(names(&mut reader), ["tracks", "k6", "k7", "k8", "k9", "k10"]);
}

#[test]
fn floods_of_anything_are_bounded() {
    let (mut writer, mut reader) = channel(100, 10);
    for number in 0..1000 {
        writer.push(&mut vec![tracks(true), Event::Metadata(Metadata::default()), unit(Kind::Video, true, number, 0)]);
        assert!(writer.shared.lock().events.len() <= 10);
    }
    for _ in 0..1000 {
        writer.push(&mut vec![tracks(true), Event::Metadata(Metadata::default())]);
        assert!(writer.shared.lock().events.len() <= 10);
    }
    writer.push(&mut vec![Event::End(End::Clean)]);
    assert_eq!(names(&mut reader).last().map(String::as_str), Some("end"));
}

#[test]
fn liveness_follows_the_units() {
    let (mut writer, reader) = channel(100, 10);
    let liveness = reader.liveness();
    let arrival = liveness.last_media() + Duration::from_secs(7);
    let Event::Unit(mut late) = unit(Kind::Audio, true, 0, 1) else { unreachable!() };
    late.arrival = arrival;
    writer.push(&mut vec![Event::Unit(late)]);
    assert_eq!(liveness.last_media(), arrival);
}
