//! How many messages of which kind there were.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::protocol::Message;

/// What came.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Received {
    Announce,
    OfferTo,
    Answer,
    Scrape,
    Report,
    Invalid,
}

/// Names in the order of the counters: what came, then what was sent.
const KINDS: [&str; 14] = [
    "announce",
    "offer_to",
    "answer",
    "scrape",
    "report",
    "invalid",
    "sent_response",
    "sent_offer",
    "sent_answer",
    "sent_scrape",
    "sent_failure",
    "sent_gone",
    "sent_assign",
    "sent_manifest",
];
const SENT: usize = 6;

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) connections: AtomicU64,
    messages: [AtomicU64; KINDS.len()],
}

impl Counters {
    pub(crate) fn received(&self, kind: Received) {
        self.messages[kind as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn sent(&self, message: &Message<'_>) {
        let kind = match message {
            Message::Response { .. } => 0,
            Message::Offer { .. } => 1,
            Message::Answer { .. } => 2,
            Message::Scrape { .. } => 3,
            Message::Failure(_) => 4,
            Message::Gone { .. } => 5,
            Message::Assign { .. } => 6,
            Message::Manifest { .. } => 7,
        };
        self.messages[SENT + kind].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn messages(&self) -> Vec<(&'static str, u64)> {
        let counts = self.messages.iter().map(|count| count.load(Ordering::Relaxed));
        KINDS.into_iter().zip(counts).collect()
    }
}
