//! The tracker as clients meet it, in virtual time: each test is a row of what clients in the field do or need.

use std::task::Waker;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::protocol::MAX_OFFERS;
use crate::swarm::{MAX_OFFER_AGE, MAX_PEER_AGE};

const PLAIN: InfoHash = InfoHash(*b"plain swarm \x00\x1f\"\\\x80\xff..");
const OTHER: InfoHash = InfoHash([b'o'; 20]);
const UNKNOWN: InfoHash = InfoHash([b'u'; 20]);
const ALL: Access = Access { shoal: true, plain: true };

struct World {
    tracker: Tracker,
    now: Instant,
}

struct Peer {
    connection: Connection,
    id: String,
    now: Instant,
}

/// As a client writes it: each byte a character.
fn binary(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

fn id(name: &str) -> String {
    format!("{name:*<20}")
}

fn offers(count: usize) -> Vec<Value> {
    let offer = |number: usize| json!({ "offer_id": id(&format!("offer {number}")), "offer": { "type": "offer", "sdp": format!("sdp \r\n\"{number}\"") } });
    (0..count).map(offer).collect()
}

fn announce(peer: &Peer, swarm: &InfoHash) -> Value {
    json!({ "action": "announce", "info_hash": binary(&swarm.0), "peer_id": peer.id, "numwant": 0, "left": 1, "event": "started" })
}

fn answer(peer: &Peer, to: &str, offer_id: &str) -> Value {
    json!({ "action": "announce", "info_hash": binary(&PLAIN.0), "peer_id": peer.id, "to_peer_id": to, "offer_id": offer_id,
        "answer": { "type": "answer", "sdp": "fine" } })
}

impl World {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        let now = Instant::now();
        let tracker = Tracker::new(Tokens::new([3; 32]), limits, 1, now, 1_000_000);
        assert!(tracker.register(now, PLAIN, Kind::Plain));
        assert!(tracker.register(now, OTHER, Kind::Plain));
        Self { tracker, now }
    }

    fn connect(&self, name: &str) -> Peer {
        self.connect_from(name, "127.0.0.1", ALL).expect("loopback has no limits")
    }

    fn connect_from(&self, name: &str, address: &str, access: Access) -> Result<Peer, TooManyConnections> {
        let connection = self.tracker.open(self.now, address.parse().expect("an address"), access)?;
        Ok(Peer { connection, id: id(name), now: self.now })
    }

    fn join(&self, name: &str) -> Peer {
        let mut peer = self.connect(name);
        let response = peer.ask(&announce(&peer, &PLAIN));
        assert_eq!(response["interval"], 120, "{response}");
        peer
    }

    fn pass(&mut self, time: Duration) {
        // As the clock does it: often.
        let until = self.now + time;
        while self.now < until {
            self.now += Duration::from_secs(1);
            self.tracker.handle_timeout(self.now, 1_000_000);
        }
    }

    fn counts(&self) -> (u32, u32) {
        let counts = self.tracker.summary(&PLAIN).expect("is registered").counts;
        (counts.complete, counts.incomplete)
    }
}

impl Peer {
    fn say(&mut self, message: &Value) {
        self.connection.handle_message(self.now, &message.to_string());
    }

    fn hear(&mut self) -> Vec<Value> {
        let mut heard = Vec::new();
        let mut cx = Context::from_waker(Waker::noop());
        while let Poll::Ready(Some(Frame::Text(text))) = self.connection.poll_message(&mut cx) {
            heard.push(serde_json::from_str(&text).expect("the tracker writes JSON"));
        }
        heard
    }

    /// Says something that has one answer.
    fn ask(&mut self, message: &Value) -> Value {
        self.say(message);
        let mut heard = self.hear();
        assert_eq!(heard.len(), 1, "{heard:?}");
        heard.remove(0)
    }

    fn refused(&mut self, message: &Value) -> String {
        self.ask(message)["failure reason"].as_str().expect("a failure").to_owned()
    }
}

#[test]
fn an_announce_is_answered_with_counts() {
    let world = World::new();
    let mut first = world.connect("first");
    let expected = json!({ "action": "announce", "info_hash": binary(&PLAIN.0), "interval": 120, "complete": 0, "incomplete": 1 });
    assert_eq!(first.ask(&announce(&first, &PLAIN)), expected);
    let mut seeder = world.connect("seeder");
    let mut message = announce(&seeder, &PLAIN);
    message["left"] = json!(0);
    assert_eq!(seeder.ask(&message)["complete"], 1);
    assert_eq!(world.counts(), (1, 1));
}

#[test]
fn offers_go_to_different_others_and_answers_back() {
    let world = World::new();
    let mut others: Vec<Peer> = (0..5).map(|number| world.join(&format!("other {number}"))).collect();
    let mut peer = world.connect("peer");
    let mut message = announce(&peer, &PLAIN);
    message["offers"] = json!(offers(5));
    assert_eq!(peer.ask(&message)["incomplete"], 6);
    for other in &mut others {
        let heard = other.hear();
        assert_eq!(heard.len(), 1, "one each");
        let relayed = &heard[0];
        assert_eq!(relayed["peer_id"], *peer.id);
        assert_eq!(relayed["info_hash"], binary(&PLAIN.0));
        assert!(relayed["offer"]["sdp"].as_str().expect("as it came").starts_with("sdp \r\n\""));
        other.say(&answer(other, &peer.id, relayed["offer_id"].as_str().expect("as it came")));
        assert!(other.hear().is_empty(), "an answer has none");
        let answers = peer.hear();
        assert_eq!(answers.len(), 1);
        assert_eq!(answers[0]["peer_id"], *other.id);
        assert_eq!(answers[0]["offer_id"], relayed["offer_id"]);
        assert_eq!(answers[0]["answer"], json!({ "type": "answer", "sdp": "fine" }));
        assert!(answers[0].get("to_peer_id").is_none());
    }
}

#[test]
fn numwant_may_be_missing_and_ten_offers_are_relayed() {
    let world = World::new();
    let mut others: Vec<Peer> = (0..30).map(|number| world.join(&format!("other {number}"))).collect();
    let mut peer = world.connect("peer");
    let mut message = announce(&peer, &PLAIN);
    message.as_object_mut().expect("an object").remove("numwant");
    message["offers"] = json!(offers(25));
    peer.say(&message);
    let heard: Vec<usize> = others.iter_mut().map(|other| other.hear().len()).collect();
    assert_eq!(heard.iter().sum::<usize>(), MAX_OFFERS);
    assert!(heard.iter().all(|count| *count <= 1));
}

#[test]
fn answers_need_an_offer_made_to_that_very_peer() {
    let world = World::new();
    let mut asked = world.join("asked");
    let mut peer = world.connect("peer");
    let mut message = announce(&peer, &PLAIN);
    message["offers"] = json!(offers(1));
    peer.ask(&message);
    let offer_id = asked.hear()[0]["offer_id"].as_str().expect("an offer").to_owned();
    let mut meddler = world.join("meddler");
    assert_eq!(meddler.refused(&answer(&meddler, &peer.id, &offer_id)), "no such offer, or it is too old");
    let other_offer = answer(&asked, &peer.id, &id("another"));
    assert_eq!(asked.refused(&other_offer), "no such offer, or it is too old");
    let nobody = answer(&asked, &id("nobody"), &offer_id);
    assert_eq!(asked.refused(&nobody), "no such offer, or it is too old");
    assert!(peer.hear().is_empty());
    asked.say(&answer(&asked, &peer.id, &offer_id));
    assert_eq!(peer.hear().len(), 1);
    assert_eq!(asked.refused(&answer(&asked, &peer.id, &offer_id)), "no such offer, or it is too old", "it has been answered");
}

#[test]
fn nobody_speaks_in_anothers_name() {
    let world = World::new();
    let mut asked = world.join("asked");
    let mut peer = world.connect("peer");
    let mut message = announce(&peer, &PLAIN);
    message["offers"] = json!(offers(1));
    peer.ask(&message);
    let offer_id = asked.hear()[0]["offer_id"].as_str().expect("an offer").to_owned();
    let mut forged = answer(&asked, &peer.id, &offer_id);
    forged["peer_id"] = json!(id("somebody else"));
    asked.say(&forged);
    assert_eq!(peer.hear()[0]["peer_id"], *asked.id);
}

#[test]
fn offers_expire() {
    let mut world = World::new();
    let mut asked = world.join("asked");
    let mut peer = world.connect("peer");
    let mut message = announce(&peer, &PLAIN);
    message["offers"] = json!(offers(1));
    peer.ask(&message);
    let offer_id = asked.hear()[0]["offer_id"].as_str().expect("an offer").to_owned();
    world.pass(MAX_OFFER_AGE + Duration::from_secs(1));
    asked.now = world.now;
    assert_eq!(asked.refused(&answer(&asked, &peer.id, &offer_id)), "no such offer, or it is too old");
}

#[test]
fn strangers_are_told_to_announce_first() {
    let world = World::new();
    let peer = world.join("peer");
    let mut stranger = world.connect("stranger");
    assert_eq!(stranger.refused(&answer(&stranger, &peer.id, &id("offer 0"))), "announce first");
    let mut offer = answer(&stranger, &peer.id, &id("offer 0"));
    offer["offer"] = offer["answer"].take();
    assert_eq!(stranger.refused(&offer), "announce first");
}

#[test]
fn left_may_be_null_or_missing_or_anything() {
    let world = World::new();
    for (number, left) in [json!(null), json!("0"), json!(-1), json!({ "a": [] }), json!(0.5)].into_iter().enumerate() {
        let mut peer = world.connect(&format!("peer {number}"));
        let mut message = announce(&peer, &PLAIN);
        message["left"] = left;
        assert_eq!(peer.ask(&message)["complete"], 0, "{message}");
    }
    let mut peer = world.connect("without");
    let mut message = announce(&peer, &PLAIN);
    message.as_object_mut().expect("an object").remove("left");
    assert_eq!(peer.ask(&message)["complete"], 0);
}

#[test]
fn unknown_events_and_fields_are_no_failure() {
    let world = World::new();
    for event in [json!(""), json!("paused"), json!("update"), json!(7), json!(null)] {
        let mut peer = world.connect("peer");
        let mut message = announce(&peer, &PLAIN);
        message["event"] = event;
        message["trackerid"] = json!("x");
        message["uploaded"] = json!("many");
        message["something"] = json!([{ "new": 1 }]);
        assert_eq!(peer.ask(&message)["interval"], 120, "{message}");
    }
}

#[test]
fn what_is_wrong_is_answered_and_the_connection_stays() {
    let world = World::new();
    let mut peer = world.join("peer");
    for text in ["", "null", "[]", "7", "{", "\"announce\"", "{}", "{\"action\":\"dance\"}", "{\"action\":7}", "\u{0}"] {
        peer.connection.handle_message(world.now, text);
        let heard = peer.hear();
        assert!(heard.len() == 1 && heard[0]["failure reason"].is_string(), "{text}: {heard:?}");
    }
    for (field, value) in [
        ("info_hash", json!("x".repeat(21))),
        ("info_hash", json!("x".repeat(19))),
        ("info_hash", json!(null)),
        ("info_hash", json!("\u{100}".repeat(20))),
        ("peer_id", json!("short")),
        ("peer_id", json!(null)),
        ("offers", json!("none")),
        ("offers", json!([{ "offer_id": "short", "offer": {} }])),
        ("offers", json!([{ "offer_id": id("o"), "offer": "no object" }])),
        ("offers", json!([{ "offer_id": id("o") }])),
        ("offers", json!([7])),
    ] {
        let mut message = announce(&peer, &PLAIN);
        message[field] = value;
        let refused = peer.ask(&message);
        assert!(refused["failure reason"].is_string(), "{message}: {refused}");
        assert_eq!(refused["action"], "announce");
        if field != "info_hash" {
            assert_eq!(refused["info_hash"], binary(&PLAIN.0), "clients look for it");
        }
    }
    assert_eq!(peer.ask(&announce(&peer, &PLAIN))["incomplete"], 1);
}

#[test]
fn only_swarms_that_exist() {
    let world = World::new();
    let mut peer = world.connect("peer");
    let refused = peer.ask(&announce(&peer, &UNKNOWN));
    assert_eq!(refused, json!({ "failure reason": "no such swarm", "action": "announce", "info_hash": binary(&UNKNOWN.0) }));
    peer.ask(&announce(&peer, &PLAIN));
    assert_eq!(world.tracker.remove(world.now, &PLAIN).map(|summary| summary.counts.incomplete), Some(1));
    assert_eq!(peer.refused(&announce(&peer, &PLAIN)), "no such swarm");
    assert!(world.tracker.register(world.now, PLAIN, Kind::Plain));
    assert!(!world.tracker.register(world.now, PLAIN, Kind::Plain));
    assert_eq!(peer.ask(&announce(&peer, &PLAIN))["incomplete"], 1);
}

#[test]
fn pages_that_may_not_are_refused() {
    let world = World::new();
    let access = Access { shoal: true, plain: false };
    let mut peer = world.connect_from("peer", "127.0.0.1", access).expect("no limits");
    assert_eq!(peer.refused(&announce(&peer, &PLAIN)), "not allowed from this page");
    assert_eq!(world.counts(), (0, 0));
}

#[test]
fn leaving_is_answered_and_counted() {
    let world = World::new();
    let (mut leaver, mut other) = (world.join("leaver"), world.join("other"));
    let mut message = announce(&leaver, &PLAIN);
    message["event"] = json!("stopped");
    assert_eq!(leaver.ask(&message)["incomplete"], 1);
    assert_eq!(leaver.ask(&message)["incomplete"], 1, "twice does no harm");
    let mut offer = announce(&other, &PLAIN);
    offer["offers"] = json!(offers(3));
    other.ask(&offer);
    assert!(leaver.hear().is_empty());
    drop(other);
    assert_eq!(world.counts(), (0, 0));
    assert_eq!(world.tracker.connections(), 1);
}

#[test]
fn completed_is_counted_in_scrapes() {
    let world = World::new();
    let mut peer = world.join("peer");
    let mut message = announce(&peer, &PLAIN);
    message["event"] = json!("completed");
    message["left"] = json!(0);
    peer.ask(&message);
    let scrape = peer.ask(&json!({ "action": "scrape", "info_hash": binary(&PLAIN.0) }));
    let mut files = serde_json::Map::new();
    files.insert(binary(&PLAIN.0), json!({ "complete": 1, "incomplete": 0, "downloaded": 1 }));
    assert_eq!(scrape, json!({ "action": "scrape", "files": files }));
}

#[test]
fn scrapes_of_several_leave_out_what_is_not_there_and_of_everything_fail() {
    let world = World::new();
    let mut peer = world.connect("peer");
    let several = [binary(&OTHER.0), binary(&UNKNOWN.0), binary(&PLAIN.0)];
    let scrape = peer.ask(&json!({ "action": "scrape", "info_hash": several }));
    assert_eq!(scrape["files"].as_object().expect("by swarm").len(), 2);
    for message in
        [json!({ "action": "scrape" }), json!({ "action": "scrape", "info_hash": [] }), json!({ "action": "scrape", "info_hash": null })]
    {
        let refused = peer.ask(&message);
        assert_eq!(refused, json!({ "failure reason": "full scrapes are not allowed", "action": "scrape" }));
    }
    assert_eq!(peer.refused(&json!({ "action": "scrape", "info_hash": ["short"] })), "invalid info_hash");
}

#[test]
fn the_newest_socket_of_a_peer_id_wins_and_the_old_one_removes_nothing() {
    let world = World::new();
    let mut old = world.join("peer");
    let mut new = world.join("peer");
    assert_eq!(world.counts(), (0, 1));
    let mut other = world.connect("other");
    let mut message = announce(&other, &PLAIN);
    message["offers"] = json!(offers(1));
    other.ask(&message);
    assert_eq!((old.hear().len(), new.hear().len()), (0, 1));
    let mut stopped = announce(&old, &PLAIN);
    stopped["event"] = json!("stopped");
    old.ask(&stopped);
    assert_eq!(world.counts(), (0, 2));
    drop(old);
    assert_eq!(world.counts(), (0, 2));
    drop(new);
    assert_eq!(world.counts(), (0, 1));
}

#[test]
fn a_second_peer_id_on_one_socket_is_another_peer() {
    let world = World::new();
    let mut peer = world.join("first");
    let second = id("second");
    let mut message = announce(&peer, &PLAIN);
    message["peer_id"] = json!(second);
    message["offers"] = json!(offers(1));
    peer.say(&message);
    let heard = peer.hear();
    assert_eq!((&heard[0]["incomplete"], &heard[1]["peer_id"]), (&json!(2), &json!(second)), "its offer went to the first");
    peer.say(&answer(&peer, &second, &id("offer 0")));
    assert_eq!(peer.hear()[0]["peer_id"], *peer.id);
    message["event"] = json!("stopped");
    assert_eq!(peer.ask(&message)["incomplete"], 1);
    assert_eq!(peer.ask(&announce(&peer, &OTHER))["incomplete"], 1, "other swarms are separate");
    drop(peer);
    assert_eq!(world.tracker.peers(), 0);
}

#[test]
fn one_swarm_for_both_families() {
    let world = World::new();
    for (name, address) in [("v4", "192.0.2.1"), ("v6", "2001:db8::1")] {
        let mut peer = world.connect_from(name, address, ALL).expect("the first");
        peer.ask(&announce(&peer, &PLAIN));
        std::mem::forget(peer);
    }
    assert_eq!(world.counts(), (0, 2));
}

#[test]
fn peers_that_do_not_announce_any_more_are_forgotten() {
    let mut world = World::new();
    let (_silent, mut alive) = (world.join("silent"), world.join("alive"));
    for _ in 0..3 {
        world.pass(MAX_PEER_AGE / 2);
        alive.now = world.now;
        alive.ask(&announce(&alive, &PLAIN));
    }
    assert_eq!(world.counts(), (0, 1));
    assert_eq!(world.tracker.messages().iter().find(|(kind, _)| *kind == "announce").map(|(_, count)| *count), Some(5));
}

#[test]
fn more_than_a_thousand_peers_are_kept() {
    let world = World::new();
    let peers: Vec<Peer> = (0..3000).map(|number| world.join(&format!("peer {number}"))).collect();
    assert_eq!(world.counts(), (0, 3000));
    drop(peers);
    assert_eq!(world.counts(), (0, 0));
}

#[test]
fn each_address_has_its_limits_and_loopback_none() {
    let swarm = swarm::Limits { peers: 10, peers_per_address: 2 };
    let mut world = World::with(Limits { connections_per_address: 3, messages_per_second: 1.0, message_burst: 4.0, swarm });
    let from = |world: &World, name, address| world.connect_from(name, address, ALL);
    let mut peers: Vec<Peer> = ["a", "b", "c"].iter().map(|name| from(&world, name, "192.0.2.1").expect("three")).collect();
    assert!(matches!(from(&world, "d", "192.0.2.1"), Err(TooManyConnections)));
    let mut neighbour = from(&world, "e", "192.0.2.2").expect("another address");
    let reasons: Vec<Value> = peers.iter_mut().map(|peer| peer.ask(&announce(peer, &PLAIN))["failure reason"].clone()).collect();
    assert_eq!(reasons, [json!(null), json!(null), json!("too many peers from this address")]);
    assert_eq!(neighbour.ask(&announce(&neighbour, &PLAIN))["incomplete"], 3);
    // The fourth message is the last of the burst.
    let message = announce(&peers[0], &PLAIN);
    peers[0].ask(&message);
    assert_eq!(peers[0].refused(&message), "too many messages from this address");
    world.pass(Duration::from_secs(1));
    peers[0].now = world.now;
    assert_eq!(peers[0].ask(&message)["incomplete"], 3);
    peers.clear();
    assert!(from(&world, "d", "192.0.2.1").is_ok(), "who has gone is not counted");
    let mut home: Vec<Peer> = (0..9).map(|number| world.connect(&format!("home {number}"))).collect();
    let full: Vec<bool> = home.iter_mut().map(|peer| peer.ask(&announce(peer, &PLAIN))["failure reason"] == "swarm is full").collect();
    assert_eq!(full, [false; 9], "one neighbour and nine at home");
    let mut last = world.connect("last");
    assert_eq!(last.refused(&announce(&last, &PLAIN)), "swarm is full");
}

#[test]
fn one_connection_is_in_a_bounded_number_of_swarms() {
    let world = World::new();
    let mut peer = world.join("peer");
    for number in 1..MAX_JOINED {
        let mut swarm = UNKNOWN;
        swarm.0[..2].copy_from_slice(&(number as u16).to_be_bytes());
        world.tracker.register(world.now, swarm, Kind::Plain);
        assert_eq!(peer.ask(&announce(&peer, &swarm))["incomplete"], 1);
    }
    assert_eq!(peer.refused(&announce(&peer, &OTHER)), "too many peers on this connection");
    assert_eq!(peer.ask(&announce(&peer, &PLAIN))["incomplete"], 1);
}

#[test]
fn who_takes_nothing_is_cut_off() {
    let world = World::new();
    let mut sleeper = world.join("sleeper");
    let mut peer = world.join("peer");
    let mut message = announce(&peer, &PLAIN);
    message["offers"] = json!([{ "offer_id": id("o"), "offer": { "sdp": "x".repeat(50_000) } }]);
    for _ in 0..10 {
        peer.ask(&message);
    }
    let mut cx = Context::from_waker(Waker::noop());
    assert!(matches!(sleeper.connection.poll_message(&mut cx), Poll::Ready(None)));
    assert!(sleeper.connection.poll_overflow(&mut cx).is_ready());
    assert!(peer.connection.poll_overflow(&mut cx).is_pending());
}

#[test]
fn http_is_told_the_same_counts() {
    let world = World::new();
    let _peer = world.join("peer");
    let query = "info_hash=plain%20swarm%20%00%1f%22%5c%80%ff..";
    assert_eq!(world.tracker.http_announce(query), b"d8:completei0e10:incompletei1e8:intervali120e5:peers0:e");
    assert!(world.tracker.http_scrape(query).starts_with(b"d5:filesd20:plain swarm"));
}

/// Messages that are nearly right.
fn nearly() -> impl Strategy<Value = String> {
    let text = || prop_oneof![Just(binary(&PLAIN.0)), Just(id("peer")), Just(id("offer 0")), "\\PC{0,25}"];
    let value = move || {
        prop_oneof![
            text().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            Just(json!(null)),
            Just(json!(offers(2))),
            Just(json!({ "type": "offer", "sdp": "x" })),
            Just(json!({ "version": 1 })),
            Just(json!([])),
        ]
    };
    let action = prop_oneof![Just(json!("announce")), Just(json!("scrape")), Just(json!("report")), value()];
    let field = prop::sample::select(vec![
        "info_hash",
        "peer_id",
        "to_peer_id",
        "offer_id",
        "offer",
        "answer",
        "offers",
        "event",
        "left",
        "shoal",
        "token",
        "lost",
        "http_bytes",
    ]);
    (action, prop::collection::vec((field, value()), 0..6)).prop_map(|(action, fields)| {
        let mut message = json!({ "action": action, "info_hash": binary(&PLAIN.0), "peer_id": id("peer") });
        for (field, value) in fields {
            message[field] = value;
        }
        message.to_string()
    })
}

proptest! {
    #[test]
    fn any_text_is_answered_in_json(texts in prop::collection::vec(prop_oneof!["\\PC{0,200}", nearly()], 0..20)) {
        let world = World::new();
        let mut peers = [world.join("peer"), world.join("other")];
        for (index, text) in texts.iter().enumerate() {
            peers[index % 2].connection.handle_message(world.now, text);
            peers[0].hear();
            peers[1].hear();
        }
        drop(peers);
        prop_assert_eq!((world.counts(), world.tracker.connections()), ((0, 0), 0));
    }

    #[test]
    fn text_cut_short_is_answered(cut in 0usize..400) {
        let world = World::new();
        let mut peer = world.join("peer");
        let mut message = announce(&peer, &PLAIN);
        message["offers"] = json!(offers(2));
        let text = message.to_string();
        let cut = (0..=cut.min(text.len() - 1)).rev().find(|at| text.is_char_boundary(*at)).expect("zero is one");
        peer.connection.handle_message(world.now, &text[..cut]);
        let heard = peer.hear();
        prop_assert!(heard.len() == 1 && heard[0]["failure reason"].is_string());
    }
}
