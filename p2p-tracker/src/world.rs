//! A tracker with one swarm and its peers, in virtual time.

use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{Access, Connection, Frame, InfoHash, Kind, Limits, Tokens, Tracker};

pub(crate) const SWARM: InfoHash = InfoHash([b's'; 20]);
pub(crate) const NOW_UNIX_S: u64 = 1_000_000;

pub(crate) struct World {
    pub(crate) tracker: Tracker,
    pub(crate) now: Instant,
}

pub(crate) struct Peer {
    pub(crate) connection: Connection,
    pub(crate) id: String,
    pub(crate) texts: Vec<Value>,
    pub(crate) manifests: Vec<Vec<u8>>,
}

pub(crate) fn id(number: usize) -> String {
    format!("{:*<20}", format!("peer {number}"))
}

pub(crate) fn manifest(rendition: u8, number: u8) -> Vec<u8> {
    vec![1, rendition, number]
}

impl World {
    pub(crate) fn new(kind: Kind) -> Self {
        let now = Instant::now();
        let tracker = Tracker::new(Tokens::new([3; 32]), Limits::default(), 1, now, NOW_UNIX_S);
        assert!(tracker.register(now, SWARM, kind));
        Self { tracker, now }
    }

    pub(crate) fn token(&self) -> String {
        self.tracker.tokens().issue(&SWARM, NOW_UNIX_S + 600)
    }

    /// Peers come from addresses far from each other.
    pub(crate) fn connect(&self, number: usize) -> Peer {
        let address = [10, number as u8, (number >> 8) as u8, 1];
        let connection = self.tracker.open(self.now, address.into(), Access { shoal: true, plain: false }).expect("the first");
        Peer { connection, id: id(number), texts: Vec::new(), manifests: Vec::new() }
    }

    pub(crate) fn join(&self, number: usize) -> Peer {
        let mut peer = self.connect(number);
        peer.say(self.now, &self.announce(&peer));
        assert_eq!(peer.texts[0]["interval"], 120, "{:?}", peer.texts);
        peer
    }

    pub(crate) fn announce(&self, peer: &Peer) -> Value {
        json!({ "action": "announce", "info_hash": "s".repeat(20), "peer_id": peer.id, "left": null, "token": self.token(),
            "shoal": { "version": 1, "rendition": 0, "slots": 8, "upload": true } })
    }

    pub(crate) fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds * 10 {
            self.now += Duration::from_millis(100);
            self.tracker.handle_timeout(self.now, NOW_UNIX_S);
        }
    }

    pub(crate) fn manifest(&self, manifest: &[u8]) {
        self.tracker.handle_manifest(&SWARM, manifest);
    }
}

impl Peer {
    pub(crate) fn say(&mut self, now: Instant, message: &Value) {
        self.connection.handle_message(now, &message.to_string());
        self.hear();
    }

    pub(crate) fn hear(&mut self) {
        let mut cx = Context::from_waker(Waker::noop());
        while let Poll::Ready(Some(frame)) = self.connection.poll_message(&mut cx) {
            match frame {
                Frame::Text(text) => self.texts.push(serde_json::from_str(&text).expect("the tracker writes JSON")),
                Frame::Binary(frame) => {
                    assert_eq!(frame[..21], [&[1][..], &SWARM.0].concat());
                    self.manifests.push(frame[21..].to_vec());
                }
            }
        }
    }

    pub(crate) fn report(&mut self, now: Instant, fields: &Value) {
        let mut report = json!({ "action": "report", "info_hash": "s".repeat(20), "peer_id": self.id });
        for (field, value) in fields.as_object().expect("fields") {
            report[field] = value.clone();
        }
        self.say(now, &report);
    }

    pub(crate) fn last(&self, action: &str) -> Option<&Value> {
        self.texts.iter().rfind(|text| text["action"] == action)
    }

    pub(crate) fn assigned(&self) -> &Value {
        self.last("assign").expect("every joiner is told its places")
    }

    pub(crate) fn failure(&mut self, now: Instant, message: &Value) -> String {
        self.texts.clear();
        self.say(now, message);
        assert_eq!(self.texts.len(), 1, "{:?}", self.texts);
        self.texts[0]["failure reason"].as_str().expect("a failure").to_owned()
    }
}
