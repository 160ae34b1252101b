use proptest::prelude::*;

use super::*;
use crate::amf0::{Value, object};
use crate::chunk::Reader;
use crate::testing::{ChunkWriter, Outcome, Recording, SAMPLE_FLV, Style, attempt, command, mutate, recordings, run, tags};

/// The commands, as values, that a session sent.
fn commands(sent: &[u8]) -> Vec<Vec<Value>> {
    // S0, S1, S2
    let mut rest = &sent[(1 + 2 * 1536).min(sent.len())..];
    let mut reader = Reader::new();
    let mut out = Vec::new();
    while let Some(message) = reader.read(&mut rest).expect("our own bytes") {
        if message.type_id == message_type::COMMAND_AMF0 {
            out.push(amf0::decode(&message.payload).expect("our own values"));
        }
    }
    out
}

fn statuses(sent: &[u8]) -> Vec<(String, String)> {
    let text = |value: &Value, name| value.property(name).and_then(Value::as_str).unwrap_or("").to_owned();
    let status = |values: &Vec<Value>| {
        let information = values.get(3)?;
        Some((text(information, "level"), text(information, "code")))
    };
    commands(sent).iter().filter_map(status).filter(|(level, _)| !level.is_empty()).collect()
}

fn recording(style: Style) -> Recording {
    Recording::new(style, "live", "key", &tags(SAMPLE_FLV))
}

struct Client {
    now: Instant,
    session: Session,
    sent: Vec<u8>,
    requests: Vec<PublishRequest>,
    events: Vec<Event>,
    closed: bool,
}

impl Client {
    fn new() -> Self {
        let now = Instant::now();
        let session = Session::new(now, Deadlines::default());
        Self { now, session, sent: Vec::new(), requests: Vec::new(), events: Vec::new(), closed: false }
    }

    fn feed(&mut self, bytes: &[u8]) -> usize {
        let consumed = self.session.handle_input(self.now, bytes);
        self.drain();
        consumed
    }

    fn drain(&mut self) {
        while let Some(output) = self.session.poll_output() {
            assert!(!self.closed, "an output after the last");
            match output {
                Output::Send(bytes) => self.sent.extend_from_slice(&bytes),
                Output::Publish(request) => self.requests.push(request),
                Output::Event(event) => self.events.push(event),
                Output::Close => self.closed = true,
            }
        }
    }

    /// Up to and including the request to publish.
    fn requesting(app: &str, name: &str) -> Self {
        let mut client = Self::new();
        let recording = Recording::new(Style::Obs, app, name, &[]);
        for message in &recording.messages[..=recording.publish] {
            client.feed(message);
        }
        client
    }

    fn publishing() -> Self {
        let mut client = Self::requesting("live", "key");
        client.session.accept_publish(client.now);
        client.drain();
        client
    }

    fn command(&mut self, name: &str, transaction: f64, arguments: &[Value]) {
        let payload = command(name, transaction, arguments);
        let writer = ChunkWriter { chunk_size: 4096, repeats_extended: true };
        let message = writer.message(0, 3, 0, message_type::COMMAND_AMF0, 1, &payload);
        self.feed(&message);
    }

    /// Lets time pass up to the next deadline.
    fn wait(&mut self) -> Duration {
        let due = self.session.poll_timeout().expect("a deadline");
        let waited = due - self.now;
        self.now = due;
        self.session.handle_timeout(due);
        self.drain();
        waited
    }
}

fn connect_only(app: &str, more: &[(&str, Value)]) -> Client {
    let mut client = Client::new();
    let handshake = recording(Style::Obs).messages;
    client.feed(&handshake[0]);
    client.feed(&handshake[1]);
    let mut properties = vec![("app".to_owned(), app.into())];
    properties.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    let payload = command("connect", 1.0, &[Value::Object(properties)]);
    let bytes = ChunkWriter::default().message(0, 3, 0, message_type::COMMAND_AMF0, 0, &payload);
    client.feed(&bytes);
    client
}

#[test]
fn every_style_of_encoder_publishes() {
    for style in Style::ALL {
        let outcome = run(&recording(style).messages);
        assert!(outcome.published, "{style:?}");
        assert_eq!(outcome.end, Some(End::Clean), "{style:?}");
        assert_eq!(outcome.tracks, 1, "{style:?}");
        assert!(outcome.units > 100, "{style:?}: {}", outcome.units);
        let statuses = statuses(&outcome.sent);
        let codes: Vec<_> = statuses.iter().map(|(_, code)| code.as_str()).collect();
        let expected = ["NetConnection.Connect.Success", "NetStream.Publish.Start", "NetStream.Unpublish.Success"];
        assert_eq!(codes, expected, "{style:?}");
    }
}

#[test]
fn styles_differ_in_the_bytes_and_not_in_the_units() {
    let units = |style| {
        let outcome = run(&recording(style).messages);
        (outcome.units, outcome.unit_bytes)
    };
    assert_eq!(units(Style::Obs), units(Style::Ffmpeg));
    assert_eq!(units(Style::Obs), units(Style::Larix));
}

#[test]
fn cutting_the_bytes_changes_nothing() {
    let same = |style, pieces: Vec<&[u8]>, expected: &Outcome| {
        let outcome = run(pieces);
        assert_eq!(outcome.events, expected.events, "{style:?}");
        assert_eq!(outcome.end, expected.end);
    };
    for style in Style::ALL {
        let bytes = recording(style).bytes();
        let expected = run([&bytes]);
        for size in [1, 7, 100, 1460, 4096] {
            same(style, bytes.chunks(size).collect(), &expected);
        }
    }
}

#[test]
fn the_key_is_found_and_never_printed() {
    for (app, name) in [("live", "secret"), ("live/secret", ""), ("live/", "secret?token=hidden"), ("", "live/secret/")] {
        let client = Client::requesting(app, name);
        assert_eq!(client.requests.len(), 1, "{app} {name}");
        assert_eq!(client.requests[0].stream_key.as_str(), "secret");
        let printed = format!("{:?}", client.requests[0]);
        assert!(!printed.contains("secret") && !printed.contains("hidden"), "{printed}");
    }
    assert_eq!(Client::requesting("live", "k?a=1").requests[0].query, "a=1");
    assert_eq!(Client::requesting("live", "k").requests[0].encoder.as_deref(), Some("FMLE/3.0 (compatible; FMSc/1.0)"));
}

#[test]
fn a_rejection_comes_before_any_start() {
    for (rejection, code) in [
        (Rejection::UnknownKey, "NetStream.Publish.BadName"),
        (Rejection::Busy, "NetStream.Publish.BadName"),
        (Rejection::Disabled, "NetStream.Publish.BadName"),
        (Rejection::ShuttingDown, "NetStream.Publish.Rejected"),
    ] {
        let mut client = Client::requesting("live", "secret");
        client.session.reject_publish(&rejection);
        client.drain();
        assert!(client.closed && client.events.is_empty());
        let statuses = statuses(&client.sent);
        assert_eq!(statuses.last(), Some(&("error".to_owned(), code.to_owned())));
        assert!(statuses.iter().all(|(_, code)| code != "NetStream.Publish.Start"));
        let described = commands(&client.sent).last().and_then(|values| values[3].property("description").cloned());
        assert_eq!(described, Some(rejection.to_string().as_str().into()));
        assert!(!client.sent.windows(6).any(|window| window == b"secret"), "the key is not echoed");
        assert_eq!(client.feed(b"anything"), 8);
    }
}

#[test]
fn no_key_is_an_unknown_key() {
    for (app, name) in [("live", ""), ("live", "?token=x"), ("", "other/key")] {
        let client = Client::requesting(app, name);
        assert!(client.closed && client.requests.is_empty(), "{app} {name}");
        assert_eq!(statuses(&client.sent).last().map(|(_, code)| code.as_str()), Some("NetStream.Publish.BadName"));
    }
}

#[test]
fn nothing_is_consumed_until_the_decision() {
    let mut client = Client::requesting("live", "key");
    assert_eq!(client.feed(b"some bytes"), 0);
    assert!(!client.session.is_publishing());
    client.session.accept_publish(client.now);
    client.drain();
    assert_eq!(client.feed(&[0x02]), 1);
}

#[test]
fn other_applications_are_refused_on_connecting() {
    for app in ["vod", "livestream", "app/live"] {
        let client = connect_only(app, &[]);
        assert!(client.closed);
        let expected = ("error".to_owned(), "NetConnection.Connect.Rejected".to_owned());
        assert_eq!(statuses(&client.sent), [expected]);
    }
    let url: Value = "rtmp://host/live".into();
    assert!(!connect_only("", &[("tcUrl", url)]).closed);
}

#[test]
fn capabilities_are_told_to_those_who_ask() {
    let information = |client: &Client| commands(&client.sent)[0][3].clone();
    let plain = information(&connect_only("live", &[]));
    assert!(plain.property("fourCcList").is_none() && plain.property("capsEx").is_none());

    let list = Value::Array(vec!["hvc1".into(), "ac-3".into(), "Opus".into()]);
    let map = object([("*", 4.0.into())]);
    let asking = [("fourCcList", list), ("videoFourCcInfoMap", map), ("capsEx", 15.0.into())];
    let enhanced = information(&connect_only("live", &asking));
    assert_eq!(enhanced.property("fourCcList"), Some(&Value::Array(vec!["hvc1".into(), "Opus".into()])));
    assert_eq!(enhanced.property("capsEx"), Some(&Value::Number(14.0)));
    assert!(enhanced.property("videoFourCcInfoMap").and_then(|map| map.property("av01")).is_some());
    assert!(enhanced.property("audioFourCcInfoMap").is_none());

    let any = [("fourCcList", Value::Array(vec!["*".into()]))];
    let Some(Value::Array(all)) = information(&connect_only("live", &any)).property("fourCcList").cloned() else {
        panic!("a list");
    };
    assert_eq!(all.len(), 6);
}

#[test]
fn players_are_sent_away() {
    let mut client = connect_only("live", &[]);
    let play = command("play", 0.0, &[Value::Null, "key".into()]);
    client.feed(&ChunkWriter::default().message(0, 3, 0, message_type::COMMAND_AMF0, 1, &play));
    assert!(client.closed);
    let expected = ("error".to_owned(), "NetStream.Play.Failed".to_owned());
    assert_eq!(statuses(&client.sent).last(), Some(&expected));
}

#[test]
fn amf3_commands_are_amf0_behind_a_zero() {
    let mut client = connect_only("live", &[]);
    let publish = [&[0][..], &command("publish", 0.0, &[Value::Null, "key".into()])].concat();
    client.feed(&ChunkWriter::default().message(0, 3, 0, message_type::COMMAND_AMF3, 1, &publish));
    assert_eq!(client.requests.len(), 1);
}

#[test]
fn every_way_of_stopping_is_clean() {
    for stop in ["FCUnpublish", "deleteStream", "closeStream"] {
        let mut client = Client::publishing();
        client.command(stop, 0.0, &[Value::Null]);
        assert!(matches!(client.events[..], [Event::End(End::Clean)]), "{stop}");
        // the encoder closes first, or is helped
        assert!(!client.closed);
        assert_eq!(client.wait(), FAREWELL);
        assert!(client.closed);
    }
}

#[test]
fn every_phase_has_its_deadline() {
    let deadlines = Deadlines::default();
    let mut client = Client::new();
    client.feed(&[3]);
    assert_eq!(client.wait(), deadlines.handshake);
    assert!(client.closed);

    // bytes do not put it off
    let mut client = Client::new();
    client.now += deadlines.handshake / 2;
    client.feed(&[3, 0]);
    assert_eq!(client.wait(), deadlines.handshake / 2);

    let mut client = Client::new();
    let handshake = recording(Style::Ffmpeg).messages;
    client.feed(&handshake[0]);
    client.feed(&handshake[1]);
    assert_eq!(client.wait(), deadlines.connect);

    let mut client = connect_only("live", &[]);
    assert_eq!(client.wait(), deadlines.publish);
    assert!(client.closed && client.events.is_empty());

    let mut client = Client::requesting("live", "key");
    assert_eq!(client.wait(), deadlines.decision);
    assert!(client.closed && client.events.is_empty());
    assert_eq!(statuses(&client.sent).last().map(|(level, _)| level.as_str()), Some("error"));

    let mut client = Client::publishing();
    assert_eq!(client.wait(), deadlines.first_media);
    assert!(matches!(&client.events[..], [Event::End(End::Refused(why))] if why.contains("H.264 and AAC")));
    assert_eq!(statuses(&client.sent).last().map(|(level, _)| level.as_str()), Some("error"));
}

#[test]
fn a_silent_publisher_is_lost_after_a_while() {
    let mut client = Client::requesting("live", "key");
    client.session.accept_publish(client.now);
    let recording = recording(Style::Obs);
    for message in &recording.messages[recording.publish + 1..recording.messages.len() - 2] {
        client.feed(message);
    }
    client.now += Duration::from_secs(10);
    client.feed(&[0x44]);
    assert_eq!(client.wait(), Deadlines::default().idle);
    assert!(client.closed);
    assert!(matches!(client.events.last(), Some(Event::End(End::Lost(_)))));
}

#[test]
fn a_single_track_is_announced_by_the_clock() {
    let mut client = Client::publishing();
    let writer = ChunkWriter { chunk_size: 4096, repeats_extended: true };
    let config = &tags(SAMPLE_FLV).into_iter().find(|tag| tag.type_id == 8).expect("audio").body;
    client.feed(&writer.message(0, 4, 0, message_type::AUDIO, 1, config));
    assert!(client.events.is_empty());
    assert_eq!(client.wait(), Duration::from_secs(1));
    assert!(matches!(client.events[..], [Event::Tracks(_)]));
    assert_eq!(client.session.poll_timeout(), Some(client.now + Duration::from_secs(29)));
}

#[test]
fn an_unplayable_codec_is_told_to_the_encoder() {
    let mut client = Client::publishing();
    let writer = ChunkWriter { chunk_size: 4096, repeats_extended: true };
    client.feed(&writer.message(0, 4, 0, message_type::AUDIO, 1, &[0x2F, 1, 2, 3]));
    assert!(client.closed);
    assert!(matches!(&client.events[..], [Event::End(End::Refused(why))] if why.contains("MP3")));
    let expected = ("error".to_owned(), "NetStream.Publish.Rejected".to_owned());
    assert_eq!(statuses(&client.sent).last(), Some(&expected));
}

#[test]
fn the_owner_can_end_it() {
    let mut client = Client::publishing();
    client.session.close(&Rejection::Ended);
    client.drain();
    assert!(client.closed);
    assert!(matches!(client.events[..], [Event::End(End::Refused(_))]));
    assert_eq!(statuses(&client.sent).last().map(|(level, _)| level.as_str()), Some("error"));
}

#[test]
fn a_broken_connection_is_lost() {
    let mut client = Client::publishing();
    client.session.handle_disconnect("reset");
    client.drain();
    assert!(matches!(&client.events[..], [Event::End(End::Lost(why))] if why == "reset"));
    assert!(client.closed);
    client.session.handle_disconnect("again");
    client.drain();
}

#[test]
fn pings_are_answered_and_windows_acknowledged_with_the_total() {
    let mut client = Client::publishing();
    let writer = ChunkWriter { chunk_size: 4096, repeats_extended: true };
    client.sent.clear();
    client.feed(&writer.message(0, 2, 0, message_type::USER_CONTROL, 0, &[0, 6, 1, 2, 3, 4]));
    assert!(client.sent.ends_with(&[0, 7, 1, 2, 3, 4]));
    client.sent.clear();
    client.feed(&writer.message(0, 2, 0, message_type::WINDOW_ACKNOWLEDGEMENT_SIZE, 0, &100_000_u32.to_be_bytes()));
    let before = client.session.received;
    let filler = writer.message(0, 5, 0, 100, 1, &vec![0; 60_000]);
    client.feed(&filler);
    client.feed(&filler);
    let expected: Vec<u32> = [1, 2].map(|count| before as u32 + count * filler.len() as u32).to_vec();
    let mut sent = &client.sent[..];
    let mut reader = Reader::new();
    let mut acknowledged = Vec::new();
    while let Some(message) = reader.read(&mut sent).expect("our own bytes") {
        assert_eq!(message.type_id, message_type::ACKNOWLEDGEMENT);
        acknowledged.push(u32::from_be_bytes(*message.payload.first_chunk().expect("four bytes")));
    }
    assert_eq!(acknowledged, expected);
}

#[test]
fn metadata_and_aggregates_are_read() {
    let mut client = Client::publishing();
    let writer = ChunkWriter { chunk_size: 65_536, repeats_extended: true };
    client.feed(&ChunkWriter { chunk_size: 4096, ..writer.clone() }.message(0, 2, 0, 1, 0, &65_536_u32.to_be_bytes()));
    let lying = object([
        ("encoder", "obs-output module (libobs version 31.0)\u{7}".into()),
        ("width", "1280".into()),
        ("framerate", f64::NAN.into()),
        ("videocodecid", 1_635_135_537.0.into()),
        ("videodatarate", 2500.0.into()),
    ]);
    let data = amf0::encode(&["@setDataFrame".into(), "onMetaData".into(), lying]);
    client.feed(&writer.message(0, 4, 0, message_type::DATA_AMF0, 1, &data));
    let [Event::Metadata(metadata)] = &client.events[..] else { panic!("{:?}", client.events) };
    assert_eq!(metadata.encoder.as_deref(), Some("obs-output module (libobs version 31.0)"));
    assert_eq!((metadata.width, metadata.frame_rate, metadata.video_kbps), (Some(1280.0), None, Some(2500.0)));
    assert_eq!((metadata.announces_video, metadata.announces_audio), (Some(true), Some(false)));

    // the file's tags are an aggregate's already
    client.feed(&writer.message(0, 4, 0, message_type::AGGREGATE, 1, &SAMPLE_FLV[13..]));
    assert!(client.events.iter().filter(|event| matches!(event, Event::Unit(_))).count() > 100);
}

#[test]
fn floods_before_the_publish_are_cut_off() {
    let mut client = connect_only("live", &[]);
    for _ in 0..2 * MAX_COMMANDS {
        let bytes = command("createStream", 2.0, &[Value::Null]);
        client.feed(&ChunkWriter::default().message(0, 3, 0, message_type::COMMAND_AMF0, 0, &bytes));
    }
    assert!(client.closed);
    assert!(client.sent.len() < 20_000);

    let mut client = connect_only("live", &[]);
    let long = ChunkWriter::default().message(0, 4, 0, message_type::VIDEO, 1, &vec![0; MAX_COMMAND_BYTES + 1]);
    client.feed(&long);
    assert!(client.closed);
    // the same is welcome later
    let mut client = Client::publishing();
    client.feed(&ChunkWriter { chunk_size: 4096, repeats_extended: true }.message(0, 4, 0, 9, 1, &vec![0x17; 200_000]));
    assert!(!client.closed);
}

#[test]
fn captured_sessions_are_read_like_the_encoders_meant_them() {
    let captured = recordings().split_off(Style::ALL.len());
    assert_eq!(captured.len(), 2);
    for recording in captured {
        let outcome = run(&recording.messages);
        assert_eq!((outcome.published, outcome.end, outcome.tracks), (true, Some(End::Clean), 1));
        assert!(outcome.units > 60);
    }
}

#[test]
fn two_thousand_mutated_sessions_do_no_harm() {
    let recordings = recordings();
    let mut published = 0;
    for seed in 0..2000 {
        match attempt(&recordings[seed as usize % recordings.len()], seed) {
            Ok(outcome) => published += usize::from(outcome.published),
            Err(panic) => panic!("seed {seed}: {panic}"),
        }
    }
    assert!(published >= 600, "only {published} of 2000 got past publish");
}

proptest! {
    #[test]
    fn any_bytes_after_publish_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let recording = Recording::new(Style::Larix, "live", "key", &[]);
        let mut pieces = recording.messages[..=recording.publish].to_vec();
        pieces.push(bytes);
        prop_assert!(run(&pieces).published);
    }

    #[test]
    fn any_cut_of_a_mutated_session_gives_the_same_events(seed in any::<u64>(), size in 1_usize..3000) {
        let bytes = mutate(&recording(Style::ALL[seed as usize % 3]), seed).concat();
        prop_assert_eq!(run(bytes.chunks(size)).events, run([&bytes]).events);
    }
}
