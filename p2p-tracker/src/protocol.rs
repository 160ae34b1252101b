//! What is said at the tracker: the messages of WebTorrent trackers, and what Shoal adds (docs/swarm-protocol.md).
//!
//! Session descriptions are never copied while reading: they are passed on as the JSON text that came.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::ids::{InfoHash, OfferId, PeerId};

/// Offers of one announce that are passed on; clients make 5 or 10.
pub const MAX_OFFERS: usize = 10;
/// Swarms of one scrape.
pub const MAX_SCRAPE: usize = 64;
/// Peers in one list of a report; a peer has fewer connections.
pub const MAX_REPORTED: usize = 64;
/// Version of Shoal's additions.
pub const SHOAL_VERSION: u32 = 1;
/// First byte of a binary frame that carries a manifest.
pub const MANIFEST_FRAME: u8 = 1;

/// A message from a peer.
#[derive(Debug)]
pub enum Request<'a> {
    /// Joins a swarm, stays in it, or leaves it.
    Announce(Announce<'a>),
    /// Offers a connection to one peer.
    OfferTo(OfferTo<'a>),
    /// Answers an offer.
    Answer(Answer<'a>),
    /// Asks how many take part.
    Scrape(Vec<InfoHash>),
    /// Tells how it goes with the others.
    Report(Report),
}

/// What an announce says happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Nothing, or `started`, or what is not known.
    Update,
    /// The peer has everything now.
    Completed,
    /// The peer leaves.
    Stopped,
}

/// An announce.
#[derive(Debug)]
pub struct Announce<'a> {
    /// The swarm.
    pub info_hash: InfoHash,
    /// Who announces.
    pub peer_id: PeerId,
    /// What happened.
    pub event: Event,
    /// `left` is zero: it has everything.
    pub seeder: bool,
    /// Offers to pass on, at most [`MAX_OFFERS`].
    pub offers: Vec<Offer<'a>>,
    /// For Shoal's swarms, from the token endpoint.
    pub token: Option<&'a str>,
    /// Understands Shoal's additions.
    pub shoal: Option<Shoal>,
}

/// An offer of an announce.
#[derive(Debug, Deserialize)]
pub struct Offer<'a> {
    /// Its id.
    pub offer_id: OfferId,
    /// The session description, as JSON.
    #[serde(borrow)]
    offer: &'a RawValue,
}

impl<'a> Offer<'a> {
    /// The session description, as JSON.
    pub fn description(&self) -> &'a str {
        self.offer.get()
    }
}

/// How a peer takes part in a Shoal swarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Shoal {
    /// Of the additions.
    pub version: u32,
    /// What it plays.
    #[serde(default)]
    pub rendition: u8,
    /// Child stripes it can carry in all.
    #[serde(default)]
    pub slots: u16,
    /// Whether it sends at all.
    #[serde(default)]
    pub upload: bool,
}

/// An offer to one peer.
#[derive(Debug)]
pub struct OfferTo<'a> {
    /// The swarm.
    pub info_hash: InfoHash,
    /// Who sends it.
    pub peer_id: PeerId,
    /// Whom it is for.
    pub to_peer_id: PeerId,
    /// Its id.
    pub offer_id: OfferId,
    /// The session description, as JSON.
    pub description: &'a str,
}

/// An answer to an offer.
#[derive(Debug)]
pub struct Answer<'a> {
    /// The swarm.
    pub info_hash: InfoHash,
    /// Who sends it.
    pub peer_id: PeerId,
    /// Who made the offer.
    pub to_peer_id: PeerId,
    /// The offer's id.
    pub offer_id: OfferId,
    /// The session description, as JSON.
    pub description: &'a str,
}

/// What a peer of a Shoal swarm tells from time to time.
#[derive(Debug, Deserialize)]
pub struct Report {
    /// The swarm.
    pub info_hash: InfoHash,
    /// Who sends it.
    pub peer_id: PeerId,
    /// What it plays now.
    #[serde(default)]
    pub rendition: Option<u8>,
    /// Child stripes it can carry in all.
    #[serde(default)]
    pub slots: Option<u16>,
    /// Whether it sends at all.
    #[serde(default)]
    pub upload: Option<bool>,
    /// Peers to which no connection came about.
    #[serde(default)]
    pub unreachable: Vec<PeerId>,
    /// Parents that stopped sending, or refused to.
    #[serde(default)]
    pub lost: Vec<Lost>,
    /// Peers that sent what they must not.
    #[serde(default)]
    pub accused: Vec<PeerId>,
    /// Peers that it has a connection to; told in a mesh only.
    #[serde(default)]
    pub neighbours: Option<u16>,
    /// Media bytes by HTTP since the last report.
    #[serde(default)]
    pub http_bytes: u64,
    /// Media bytes from peers since the last report.
    #[serde(default)]
    pub p2p_bytes: u64,
    /// Media bytes to peers since the last report.
    #[serde(default)]
    pub upload_bytes: u64,
}

/// A stripe that a parent does not send any more.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Lost {
    /// Of the stripe.
    pub rendition: u8,
    /// The stripe.
    pub stripe: u8,
    /// The parent.
    pub peer: PeerId,
    /// It is there, but would not have this peer.
    #[serde(default)]
    pub refused: bool,
}

/// A message that cannot be acted on, and what its sender is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Rejected {
    /// What it wanted to be.
    pub action: Option<&'static str>,
    /// The swarm, as far as it is known.
    pub info_hash: Option<InfoHash>,
    /// What is wrong.
    pub reason: &'static str,
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    action: Option<&'a RawValue>,
    #[serde(borrow)]
    info_hash: Option<&'a RawValue>,
    peer_id: Option<PeerId>,
    to_peer_id: Option<PeerId>,
    offer_id: Option<OfferId>,
    #[serde(borrow)]
    left: Option<&'a RawValue>,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
    #[serde(borrow)]
    offers: Option<Vec<Offer<'a>>>,
    #[serde(borrow)]
    offer: Option<&'a RawValue>,
    #[serde(borrow)]
    answer: Option<&'a RawValue>,
    #[serde(borrow)]
    token: Option<&'a RawValue>,
    shoal: Option<Shoal>,
}

/// As much of a broken message as its sender needs to recognise the failure.
#[derive(Deserialize)]
struct Fragment<'a> {
    #[serde(borrow)]
    action: Option<&'a RawValue>,
    #[serde(borrow)]
    info_hash: Option<&'a RawValue>,
}

const ANNOUNCE: &str = "announce";
const SCRAPE: &str = "scrape";
const REPORT: &str = "report";

impl<'a> Request<'a> {
    /// Reads a message.
    ///
    /// # Errors
    /// When the message is no JSON object of a kind that is known, or lacks a field or has a wrong one.
    pub fn parse(text: &'a str) -> Result<Self, Rejected> {
        let wire: Wire<'_> = serde_json::from_str(text).map_err(|_| malformed(text))?;
        let action = action(wire.action);
        if action == Some(SCRAPE) {
            return scrape(wire.info_hash);
        }
        let info_hash = wire.info_hash.and_then(|raw| serde_json::from_str::<InfoHash>(raw.get()).ok());
        let reject = |reason| Rejected { action, info_hash, reason };
        if action.is_none() {
            return Err(reject("unknown action"));
        }
        let info_hash = info_hash.ok_or(reject("invalid info_hash"))?;
        let peer_id = wire.peer_id.ok_or(reject("invalid peer_id"))?;
        if action == Some(REPORT) {
            return serde_json::from_str(text).map(Self::Report).map_err(|_| reject("invalid report"));
        }
        let offer_id = || wire.offer_id.ok_or(reject("invalid offer_id"));
        if let Some(answer) = wire.answer {
            let to_peer_id = wire.to_peer_id.ok_or(reject("invalid to_peer_id"))?;
            let description = description(answer).ok_or(reject("invalid answer"))?;
            return Ok(Self::Answer(Answer { info_hash, peer_id, to_peer_id, offer_id: offer_id()?, description }));
        }
        if let (Some(to_peer_id), Some(offer)) = (wire.to_peer_id, wire.offer) {
            let description = description(offer).ok_or(reject("invalid offer"))?;
            return Ok(Self::OfferTo(OfferTo { info_hash, peer_id, to_peer_id, offer_id: offer_id()?, description }));
        }
        let event = match wire.event.map(RawValue::get) {
            Some("\"stopped\"") => Event::Stopped,
            Some("\"completed\"") => Event::Completed,
            _ => Event::Update,
        };
        let mut offers = wire.offers.unwrap_or_default();
        offers.truncate(MAX_OFFERS);
        if !offers.iter().all(|offer| description(offer.offer).is_some()) {
            return Err(reject("invalid offer"));
        }
        Ok(Self::Announce(Announce {
            info_hash,
            peer_id,
            event,
            seeder: wire.left.is_some_and(|left| left.get() == "0"),
            offers,
            token: wire.token.map(|token| token.get().trim_matches('"')),
            shoal: wire.shoal,
        }))
    }
}

fn action(raw: Option<&RawValue>) -> Option<&'static str> {
    match raw?.get() {
        "\"announce\"" => Some(ANNOUNCE),
        "\"scrape\"" => Some(SCRAPE),
        "\"report\"" => Some(REPORT),
        _ => None,
    }
}

/// Session descriptions are objects; what is in them is between the peers.
fn description(raw: &RawValue) -> Option<&str> {
    Some(raw.get()).filter(|text| text.starts_with('{'))
}

fn malformed(text: &str) -> Rejected {
    let Ok(fragment) = serde_json::from_str::<Fragment<'_>>(text) else {
        return Rejected { action: None, info_hash: None, reason: "invalid request" };
    };
    let info_hash = fragment.info_hash.and_then(|raw| serde_json::from_str(raw.get()).ok());
    Rejected { action: action(fragment.action), info_hash, reason: "invalid request" }
}

fn scrape<'a>(raw: Option<&RawValue>) -> Result<Request<'a>, Rejected> {
    let reject = |reason| Rejected { action: Some(SCRAPE), info_hash: None, reason };
    let text = raw.ok_or(reject("full scrapes are not allowed"))?.get();
    let hashes: Result<Vec<InfoHash>, _> = match text.starts_with('[') {
        true => serde_json::from_str(text),
        false => serde_json::from_str(text).map(|hash| vec![hash]),
    };
    let mut hashes = hashes.map_err(|_| reject("invalid info_hash"))?;
    if hashes.is_empty() {
        return Err(reject("full scrapes are not allowed"));
    }
    hashes.truncate(MAX_SCRAPE);
    Ok(Request::Scrape(hashes))
}

/// How many take part in a swarm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Peers that have everything.
    pub complete: u32,
    /// The others.
    pub incomplete: u32,
    /// How often a peer said that it has everything now.
    pub downloaded: u32,
}

/// Where a peer takes a stripe from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// From the origin.
    Root,
    /// From another peer, and from the second one should that fail.
    Parent(PeerId, Option<PeerId>),
}

/// A stripe of an assignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stripe {
    /// Of the stripe.
    pub rendition: u8,
    /// The stripe.
    pub stripe: u8,
    /// Where it comes from.
    pub source: Source,
}

/// A message to a peer.
#[derive(Clone, Copy, Debug)]
pub enum Message<'a> {
    /// The answer to an announce.
    Response {
        /// The swarm.
        info_hash: &'a InfoHash,
        /// Seconds until the next announce.
        interval_s: u32,
        /// Who takes part.
        counts: Counts,
    },
    /// Somebody's offer.
    Offer {
        /// The swarm.
        info_hash: &'a InfoHash,
        /// Who made it.
        peer_id: &'a PeerId,
        /// Its id.
        offer_id: &'a OfferId,
        /// The session description, as JSON.
        description: &'a str,
    },
    /// Somebody's answer.
    Answer {
        /// The swarm.
        info_hash: &'a InfoHash,
        /// Who made it.
        peer_id: &'a PeerId,
        /// The offer's id.
        offer_id: &'a OfferId,
        /// The session description, as JSON.
        description: &'a str,
    },
    /// The answer to a scrape.
    Scrape {
        /// Of each swarm asked for.
        files: &'a [(InfoHash, Counts)],
    },
    /// The answer to what could not be done.
    Failure(Rejected),
    /// A peer that is not there (any more).
    Gone {
        /// The swarm.
        info_hash: &'a InfoHash,
        /// The peer.
        peer_id: &'a PeerId,
        /// The offer that found nobody.
        offer_id: Option<&'a OfferId>,
    },
    /// Where the receiver takes its stripes from, or whom it is to know.
    Assign {
        /// The swarm.
        info_hash: &'a InfoHash,
        /// Peers in the swarm.
        peers: u32,
        /// The tracker sends this peer manifests.
        manifests: bool,
        /// Every stripe that is the peer's task.
        stripes: &'a [Stripe],
        /// Peers to connect to; in a mesh only.
        neighbours: Option<&'a [PeerId]>,
    },
    /// A manifest.
    Manifest {
        /// The swarm.
        info_hash: &'a InfoHash,
        /// As the origin signed it.
        manifest: &'a [u8],
    },
}

impl Message<'_> {
    /// Whether it goes as a binary frame; else it is text.
    pub fn is_binary(&self) -> bool {
        matches!(self, Self::Manifest { .. })
    }

    /// Appends the message's bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Response { info_hash, interval_s, counts } => {
                out.extend_from_slice(br#"{"action":"announce","info_hash":"#);
                info_hash.encode(out);
                out.extend_from_slice(br#","interval":"#);
                number(interval_s, out);
                out.extend_from_slice(br#","complete":"#);
                number(counts.complete, out);
                out.extend_from_slice(br#","incomplete":"#);
                number(counts.incomplete, out);
                out.push(b'}');
            }
            Self::Offer { info_hash, peer_id, offer_id, description } => {
                relay(info_hash, peer_id, offer_id, br#","offer":"#, description, out);
            }
            Self::Answer { info_hash, peer_id, offer_id, description } => {
                relay(info_hash, peer_id, offer_id, br#","answer":"#, description, out);
            }
            Self::Scrape { files } => {
                out.extend_from_slice(br#"{"action":"scrape","files":{"#);
                for (index, (info_hash, counts)) in files.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    info_hash.encode(out);
                    out.extend_from_slice(br#":{"complete":"#);
                    number(counts.complete, out);
                    out.extend_from_slice(br#","incomplete":"#);
                    number(counts.incomplete, out);
                    out.extend_from_slice(br#","downloaded":"#);
                    number(counts.downloaded, out);
                    out.push(b'}');
                }
                out.extend_from_slice(b"}}");
            }
            Self::Failure(Rejected { action, info_hash, reason }) => {
                // The reasons are ours: nothing in them needs an escape.
                out.extend_from_slice(br#"{"failure reason":""#);
                out.extend_from_slice(reason.as_bytes());
                out.push(b'"');
                if let Some(action) = action {
                    out.extend_from_slice(br#","action":""#);
                    out.extend_from_slice(action.as_bytes());
                    out.push(b'"');
                }
                if let Some(info_hash) = info_hash {
                    out.extend_from_slice(br#","info_hash":"#);
                    info_hash.encode(out);
                }
                out.push(b'}');
            }
            Self::Gone { info_hash, peer_id, offer_id } => {
                out.extend_from_slice(br#"{"action":"gone","info_hash":"#);
                info_hash.encode(out);
                out.extend_from_slice(br#","peer_id":"#);
                peer_id.encode(out);
                if let Some(offer_id) = offer_id {
                    out.extend_from_slice(br#","offer_id":"#);
                    offer_id.encode(out);
                }
                out.push(b'}');
            }
            Self::Assign { info_hash, peers, manifests, stripes, neighbours } => {
                out.extend_from_slice(br#"{"action":"assign","info_hash":"#);
                info_hash.encode(out);
                out.extend_from_slice(br#","peers":"#);
                number(peers, out);
                out.extend_from_slice(br#","manifests":"#);
                out.extend_from_slice(if manifests { b"true" } else { b"false" });
                out.extend_from_slice(br#","stripes":["#);
                for (index, stripe) in stripes.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    assigned(stripe, out);
                }
                out.push(b']');
                if let Some(neighbours) = neighbours {
                    out.extend_from_slice(br#","neighbours":["#);
                    for (index, peer) in neighbours.iter().enumerate() {
                        if index > 0 {
                            out.push(b',');
                        }
                        peer.encode(out);
                    }
                    out.push(b']');
                }
                out.push(b'}');
            }
            Self::Manifest { info_hash, manifest } => {
                out.push(MANIFEST_FRAME);
                out.extend_from_slice(&info_hash.0);
                out.extend_from_slice(manifest);
            }
        }
    }
}

fn relay(info_hash: &InfoHash, peer_id: &PeerId, offer_id: &OfferId, field: &[u8], description: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"action":"announce","info_hash":"#);
    info_hash.encode(out);
    out.extend_from_slice(br#","peer_id":"#);
    peer_id.encode(out);
    out.extend_from_slice(br#","offer_id":"#);
    offer_id.encode(out);
    out.extend_from_slice(field);
    out.extend_from_slice(description.as_bytes());
    out.push(b'}');
}

fn assigned(stripe: &Stripe, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"rendition":"#);
    number(u32::from(stripe.rendition), out);
    out.extend_from_slice(br#","stripe":"#);
    number(u32::from(stripe.stripe), out);
    match &stripe.source {
        Source::Root => out.extend_from_slice(br#","root":true}"#),
        Source::Parent(parent, standby) => {
            out.extend_from_slice(br#","parent":"#);
            parent.encode(out);
            out.extend_from_slice(br#","standby":"#);
            match standby {
                Some(standby) => standby.encode(out),
                None => out.extend_from_slice(b"null"),
            }
            out.push(b'}');
        }
    }
}

fn number(value: u32, out: &mut Vec<u8>) {
    use std::io::Write as _;
    write!(out, "{value}").expect("a Vec takes everything");
}
