//! What goes into the scheduler and what comes out of it. Times are integer milliseconds of one monotonic clock.
//!
//! As JSON they are what the engine of the pages has too: recorded traces hold them.

use serde::{Deserialize, Serialize};

use super::bits::Bits;
use crate::wire::{PeerId, Place};

/// Who a slice came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The stripe stream of the origin.
    Origin,
    /// A fetch.
    Http,
    /// Another peer.
    Peer(PeerId),
}

impl Serialize for Origin {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Origin => serializer.serialize_str("origin"),
            Self::Http => serializer.serialize_str("http"),
            Self::Peer(peer) => peer.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            "origin" => Ok(Self::Origin),
            "http" => Ok(Self::Http),
            _ => PeerId::from_hex(&text).map(Self::Peer).ok_or_else(|| serde::de::Error::custom("neither origin, http nor a peer")),
        }
    }
}

/// What a scheduler is told once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoreConfig {
    /// This peer.
    pub peer: PeerId,
    /// K.
    pub stripes: u8,
    /// Whether this viewer lends its uplink at all.
    pub upload: bool,
    /// Most that it sends, in tenths of the stream's rate: 20 is twice the rate.
    pub ceiling_tenths: u32,
}

/// What the scheduler needs of a manifest; its signature was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartFacts {
    /// Rendition.
    pub rendition: u8,
    /// Part.
    pub place: Place,
    /// Programme date-time of its start.
    pub time_ms: i64,
    /// Duration.
    pub duration_ms: i64,
    /// Bytes.
    pub size: u32,
    /// Number of slices, at most 255.
    pub slices: u16,
}

/// One stripe's place in the trees, as the tracker assigns it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assigned {
    /// Rendition.
    pub rendition: u8,
    /// Stripe.
    pub stripe: u8,
    /// Whether it is to be taken from the origin.
    pub root: bool,
    /// Who brings it, unless this is a root.
    #[serde(default)]
    pub parent: Option<PeerId>,
    /// Who is to bring it when the parent does not.
    #[serde(default)]
    pub standby: Option<PeerId>,
}

/// The whole state of a peer's places in the trees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// The tracker sends manifests to this peer.
    pub manifests: bool,
    /// At most one for each stripe of a rendition; a stripe that is not named is nobody's task.
    pub stripes: Vec<Assigned>,
}

/// Which slices of a part a peer has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HavePart {
    /// Part.
    pub place: Place,
    /// How many slices it has in all.
    pub slices: u16,
    /// Those that are there.
    pub bits: Bits,
}

/// The peers' messages that the scheduler deals with. SLICE, DATA and MANIFEST are the driver's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(missing_docs, reason = "fields are those of wire::Message")]
pub enum Message {
    Hello { slots: u32, newest: Place },
    Have { rendition: u8, parts: Vec<HavePart> },
    Subscribe { rendition: u8, stripe: u8, from: Place, manifests: bool },
    Accept { rendition: u8, stripe: u8, path: Vec<u32> },
    Reject { rendition: u8, stripe: u8, reason: u8, alternatives: Vec<PeerId> },
    Path { rendition: u8, stripe: u8, path: Vec<u32> },
    Request { rendition: u8, place: Place, slices: u16, bits: Bits },
    Cancel { rendition: u8, place: Place, slices: u16, bits: Bits },
    Unsubscribe { rendition: u8, stripe: u8 },
    Ping { nonce: u32 },
    Pong { nonce: u32 },
    Bye,
}

/// A subscription that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// Rendition.
    pub rendition: u8,
    /// Stripe.
    pub stripe: u8,
    /// Who was to bring it.
    pub peer: PeerId,
    /// It is there, but would not have this peer.
    pub refused: bool,
}

/// What the tracker is told. Bytes count since the report before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are those of the protocol's report")]
pub struct Report {
    pub rendition: u8,
    pub slots: u32,
    pub upload: bool,
    pub unreachable: Vec<PeerId>,
    pub lost: Vec<Lost>,
    pub accused: Vec<PeerId>,
    pub http_bytes: u64,
    pub p2p_bytes: u64,
    pub upload_bytes: u64,
}

/// What the driver is to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Output {
    /// Send a message.
    #[expect(missing_docs, reason = "named for what they are")]
    Send { peer: PeerId, message: Message },
    /// Send the bytes of a slice, as SLICE and DATA; then `handle_buffered`.
    #[expect(missing_docs, reason = "named for what they are")]
    Push { peer: PeerId, rendition: u8, place: Place, index: u16 },
    /// Send the signed manifest of a part.
    #[expect(missing_docs, reason = "named for what they are")]
    Manifest { peer: PeerId, rendition: u8, place: Place },
    /// Open a channel.
    #[expect(missing_docs, reason = "named for what they are")]
    Connect { peer: PeerId },
    /// Close the channel.
    #[expect(missing_docs, reason = "named for what they are")]
    Disconnect { peer: PeerId },
    /// Drop the pair and never take it up again.
    #[expect(missing_docs, reason = "named for what they are")]
    Ban { peer: PeerId },
    /// Fetch slices `first` to `last` (inclusive) by HTTP; each by `handle_slice`, then `handle_fetched`.
    #[expect(missing_docs, reason = "named for what they are")]
    Fetch { id: u32, rendition: u8, place: Place, first: u16, last: u16 },
    /// Keep one streaming response open for these stripes; none: close it.
    #[expect(missing_docs, reason = "named for what they are")]
    Stream { rendition: u8, stripes: Vec<u8>, from: Place },
    /// Every slice of the part is there.
    #[expect(missing_docs, reason = "named for what they are")]
    Complete { rendition: u8, place: Place },
    /// Whether playback should take its parts from here.
    #[expect(missing_docs, reason = "named for what they are")]
    Active { active: bool },
    /// Tell the tracker.
    #[expect(missing_docs, reason = "named for what they are")]
    Report { report: Report },
}

/// Numbers for whoever is curious.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoreStats {
    /// Whether playback takes its parts from here.
    pub active: bool,
    /// Open connections.
    pub peers: u32,
    /// Peers that this one receives stripes from.
    pub parents: u32,
    /// Subscriptions of others, in stripes.
    pub children: u32,
    /// Child stripes that the uplink carries.
    pub slots: u32,
    /// Longest path to a root, in hops.
    pub depth: u32,
    /// Useful bytes from the origin.
    pub http_bytes: u64,
    /// Useful bytes from peers.
    pub p2p_bytes: u64,
    /// Bytes given to peers.
    pub upload_bytes: u64,
    /// Bytes that were there already.
    pub duplicate_bytes: u64,
    /// Slices that had to come by HTTP because they were late.
    pub rescued: u64,
    /// Stripes taken from their standby.
    pub failovers: u64,
    /// Peers dropped for good.
    pub banned: u64,
}
