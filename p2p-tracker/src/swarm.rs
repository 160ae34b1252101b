//! One swarm: who takes part, and which message goes to whom.
//!
//! A core without I/O: `C` names a connection, and what is to be sent goes to an [`Outputs`].

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use rand::SeedableRng as _;
use rand::rngs::SmallRng;

use crate::address::AddressKey;
use crate::ids::{InfoHash, OfferId, PeerId};
use crate::member::{Member, Offload};
use crate::mesh::Mesh;
use crate::overlay::Overlay;
use crate::peers::Peers;
use crate::protocol::{Announce, Answer, Counts, Event, MAX_OFFERS, Message, OfferTo, Rejected, Report, SHOAL_VERSION};
use crate::topology::{self, PeerKey};

/// Time between announces that peers are asked for; as bittorrent-tracker and aquatic.
pub const ANNOUNCE_INTERVAL: Duration = Duration::from_secs(120);
/// A peer that has not announced (or reported) for this long is gone; as aquatic.
pub const MAX_PEER_AGE: Duration = Duration::from_secs(180);
/// An offer may be answered for this long; clients give up after 50 s.
pub const MAX_OFFER_AGE: Duration = Duration::from_secs(120);
/// Unanswered offers that are remembered for each peer: a few announces' worth, the newest win.
const MAX_OUTSTANDING: usize = 8 * MAX_OFFERS;
/// How often old peers and offers are looked for.
const SWEEP: Duration = Duration::from_secs(10);

/// Takes what is to be sent.
pub trait Outputs<C> {
    /// `message` goes to `to`.
    fn send(&mut self, to: &C, message: &Message<'_>);
}

/// What kind of swarm it is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// Anybody's who knows the info hash; WebTorrent and nothing else.
    Plain,
    /// A broadcast's: peers need a token, and the tracker tells them who sends what to whom.
    Shoal(topology::Config),
    /// A video's: peers need a token, and the tracker tells each of them some others.
    Mesh,
}

/// What a swarm has beyond WebTorrent.
pub(crate) enum Order {
    Plain,
    Trees(Box<Overlay>),
    Mesh(Mesh),
}

impl Order {
    pub(crate) fn trees(&mut self) -> Option<&mut Overlay> {
        match self {
            Self::Trees(overlay) => Some(overlay),
            _ => None,
        }
    }
}

/// Bounds of one swarm.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Peers in all.
    pub peers: usize,
    /// Peers from one address.
    pub peers_per_address: u32,
}

impl Default for Limits {
    fn default() -> Self {
        // A peer costs about a kB here; a school or an office shares one address.
        Self { peers: 1_000_000, peers_per_address: 200 }
    }
}

/// Who sends a message.
#[derive(Debug)]
pub struct Sender<'a, C> {
    /// Its connection.
    pub connection: &'a C,
    /// Its address; `None` is not counted.
    pub address: Option<AddressKey>,
    /// The peer that speaks, if it has announced in this swarm on this connection.
    pub peer: Option<PeerKey>,
}

impl<C> Clone for Sender<'_, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Sender<'_, C> {}

/// A swarm.
pub struct Swarm<C> {
    pub(crate) info_hash: InfoHash,
    limits: Limits,
    pub(crate) peers: Peers<Peer<C>>,
    addresses: HashMap<AddressKey, u32>,
    complete: u32,
    downloaded: u32,
    pub(crate) order: Order,
    offload: Offload,
    pub(crate) random: SmallRng,
    /// Times of peers and offers are seconds since then.
    began: Instant,
    swept: Instant,
}

pub(crate) struct Peer<C> {
    pub(crate) connection: C,
    pub(crate) address: Option<AddressKey>,
    seeder: bool,
    pub(crate) heard_s: u32,
    outstanding: VecDeque<Outstanding>,
    pub(crate) member: Option<Box<Member>>,
}

impl<C> Peer<C> {
    /// Remembers an offer that may be answered.
    fn offered(&mut self, offer: Outstanding) {
        if self.outstanding.len() == MAX_OUTSTANDING {
            self.outstanding.pop_front();
        }
        self.outstanding.push_back(offer);
    }
}

/// An offer that has not been answered.
struct Outstanding {
    to: PeerKey,
    offer_id: OfferId,
    made_s: u32,
}

impl<C: Clone + PartialEq> Swarm<C> {
    /// An empty swarm. `seed` decides every choice it makes.
    pub fn new(info_hash: InfoHash, kind: Kind, limits: Limits, now: Instant, seed: u64) -> Self {
        let order = match kind {
            Kind::Plain => Order::Plain,
            Kind::Shoal(config) => Order::Trees(Box::new(Overlay::new(config, seed, now))),
            Kind::Mesh => Order::Mesh(Mesh::default()),
        };
        Self {
            info_hash,
            limits,
            peers: Peers::new(),
            addresses: HashMap::new(),
            complete: 0,
            downloaded: 0,
            order,
            offload: Offload::default(),
            random: SmallRng::seed_from_u64(seed),
            began: now,
            swept: now,
        }
    }

    /// How many take part.
    pub fn counts(&self) -> Counts {
        let incomplete = self.peers.len() as u32 - self.complete;
        Counts { complete: self.complete, incomplete, downloaded: self.downloaded }
    }

    /// What the peers reported so far; nothing in a plain swarm.
    pub fn offload(&self) -> Offload {
        self.offload
    }

    /// Takes an announce; returns the peer that it made or kept. A new peer is let in if
    /// `admit` says so.
    pub fn handle_announce(
        &mut self,
        now: Instant,
        from: Sender<'_, C>,
        announce: &Announce<'_>,
        admit: impl FnOnce() -> Result<(), &'static str>,
        out: &mut impl Outputs<C>,
    ) -> Option<PeerKey> {
        let mine = self.owned(from);
        if announce.event == Event::Stopped {
            if let Some(key) = mine {
                self.remove(now, key, out);
            }
            self.respond(from.connection, out);
            return None;
        }
        let (key, joins) = match mine {
            Some(key) => (key, false),
            None => match self.admit(now, from, announce, admit) {
                Ok(key) => (key, true),
                Err(reason) => {
                    self.fail("announce", reason, from.connection, out);
                    return None;
                }
            },
        };
        let heard_s = self.seconds(now);
        let peer = self.peers.by_key_mut(key).expect("was found or added above");
        peer.heard_s = heard_s;
        match (peer.seeder, announce.seeder) {
            (false, true) => self.complete += 1,
            (true, false) => self.complete -= 1,
            _ => {}
        }
        peer.seeder = announce.seeder;
        if announce.event == Event::Completed {
            self.downloaded = self.downloaded.saturating_add(1);
        }
        self.respond(from.connection, out);
        self.relay_offers(key, heard_s, announce, out);
        if joins && let Some(shoal) = announce.shoal {
            match self.order {
                Order::Plain => {}
                Order::Trees(_) => self.join_trees(now, key, from, shoal, out),
                Order::Mesh(_) => self.join_mesh(now, key, shoal, out),
            }
        }
        Some(key)
    }

    /// Lets a new peer in, or takes a peer over onto its new connection.
    fn admit(
        &mut self,
        now: Instant,
        from: Sender<'_, C>,
        announce: &Announce<'_>,
        admit: impl FnOnce() -> Result<(), &'static str>,
    ) -> Result<PeerKey, &'static str> {
        admit()?;
        match announce.shoal {
            _ if matches!(self.order, Order::Plain) => {}
            Some(shoal) if shoal.version == SHOAL_VERSION => {}
            Some(_) => return Err("unknown version"),
            None => return Err("this swarm needs a client that knows it"),
        }
        if self.order.trees().is_some_and(|overlay| overlay.expelled.holds(now, &announce.peer_id, from.address)) {
            return Err("expelled");
        }
        let known = self.peers.key_of(&announce.peer_id);
        let before = known.and_then(|key| self.peers.by_key(key)).and_then(|(_, peer)| peer.address);
        if from.address != before
            && let Some(address) = from.address
            && self.addresses.get(&address).is_some_and(|count| *count >= self.limits.peers_per_address)
        {
            return Err("too many peers from this address");
        }
        if let Some(key) = known {
            // The newest socket wins; what the old one does now concerns this peer no more.
            self.uncount(before);
            self.count(from.address);
            let peer = self.peers.by_key_mut(key).expect("its key was just looked up");
            peer.connection = from.connection.clone();
            peer.address = from.address;
            return Ok(key);
        }
        if self.peers.len() >= self.limits.peers {
            return Err("swarm is full");
        }
        self.count(from.address);
        let peer = Peer {
            connection: from.connection.clone(),
            address: from.address,
            seeder: false,
            heard_s: 0,
            outstanding: VecDeque::new(),
            member: None,
        };
        Ok(self.peers.insert(announce.peer_id, peer))
    }

    fn relay_offers(&mut self, key: PeerKey, made_s: u32, announce: &Announce<'_>, out: &mut impl Outputs<C>) {
        if announce.offers.is_empty() {
            return;
        }
        let (chosen, count) = self.peers.choose::<MAX_OFFERS>(announce.offers.len(), key, &mut self.random);
        for (&to, offer) in chosen[..count].iter().zip(&announce.offers) {
            let (_, peer) = self.peers.by_key(to).expect("was chosen among the peers");
            let (info_hash, peer_id, offer_id) = (&self.info_hash, &announce.peer_id, &offer.offer_id);
            out.send(&peer.connection, &Message::Offer { info_hash, peer_id, offer_id, description: offer.description() });
        }
        let peer = self.peers.by_key_mut(key).expect("the caller's peer");
        for (&to, offer) in chosen[..count].iter().zip(&announce.offers) {
            peer.offered(Outstanding { to, offer_id: offer.offer_id, made_s });
        }
    }

    /// Takes an offer to one peer.
    pub fn handle_offer(&mut self, now: Instant, from: Sender<'_, C>, offer: &OfferTo<'_>, out: &mut impl Outputs<C>) {
        let Some(key) = self.owned(from) else { return self.fail("announce", "announce first", from.connection, out) };
        let made_s = self.seconds(now);
        let (info_hash, offer_id) = (&self.info_hash, &offer.offer_id);
        let Some(to) = self.peers.key_of(&offer.to_peer_id).filter(|to| *to != key) else {
            let gone = Message::Gone { info_hash, peer_id: &offer.to_peer_id, offer_id: Some(offer_id) };
            return out.send(from.connection, &gone);
        };
        let (peer_id, _) = self.peers.by_key(key).expect("is owned");
        let (_, peer) = self.peers.by_key(to).expect("its key was just looked up");
        out.send(&peer.connection, &Message::Offer { info_hash, peer_id, offer_id, description: offer.description });
        let peer = self.peers.by_key_mut(key).expect("is owned");
        peer.offered(Outstanding { to, offer_id: offer.offer_id, made_s });
    }

    /// Takes an answer; it is passed on if that offer was made to that peer and has not been answered.
    pub fn handle_answer(&mut self, now: Instant, from: Sender<'_, C>, answer: &Answer<'_>, out: &mut impl Outputs<C>) {
        let Some(key) = self.owned(from) else { return self.fail("announce", "announce first", from.connection, out) };
        let now_s = self.seconds(now);
        let offerer = self.peers.key_of(&answer.to_peer_id);
        let asked = offerer.and_then(|offerer| self.peers.by_key_mut(offerer)).is_some_and(|peer| {
            let found = peer.outstanding.iter().rposition(|offer| offer.to == key && offer.offer_id == answer.offer_id);
            let offer = found.and_then(|index| peer.outstanding.swap_remove_back(index));
            offer.is_some_and(|offer| now_s.saturating_sub(offer.made_s) <= MAX_OFFER_AGE.as_secs() as u32)
        });
        let Some((_, offerer)) = offerer.filter(|_| asked).and_then(|offerer| self.peers.by_key(offerer)) else {
            return self.fail("announce", "no such offer, or it is too old", from.connection, out);
        };
        let (peer_id, _) = self.peers.by_key(key).expect("is owned");
        let (info_hash, offer_id, description) = (&self.info_hash, &answer.offer_id, answer.description);
        out.send(&offerer.connection, &Message::Answer { info_hash, peer_id, offer_id, description });
    }

    /// Takes a report; in a plain swarm nobody makes any.
    pub fn handle_report(&mut self, now: Instant, from: Sender<'_, C>, report: &Report, out: &mut impl Outputs<C>) {
        let Some(key) = self.owned(from) else { return self.fail("report", "announce first", from.connection, out) };
        let heard_s = self.seconds(now);
        let Some(peer) = self.peers.by_key_mut(key) else { return };
        let Some(member) = &mut peer.member else { return };
        if !member.may_report(now) {
            return self.fail("report", "too many reports", from.connection, out);
        }
        peer.heard_s = heard_s;
        member.rendition = report.rendition.unwrap_or(member.rendition);
        self.offload.add(report);
        match self.order {
            Order::Plain => {}
            Order::Trees(_) => self.report_to_trees(now, key, report, out),
            Order::Mesh(_) => self.report_to_mesh(now, key, report, out),
        }
    }

    /// A connection is closed: the peer it was leaves, unless a newer connection has taken it over.
    pub fn handle_close(&mut self, now: Instant, peer: PeerKey, connection: &C, out: &mut impl Outputs<C>) {
        if self.owned(Sender { connection, address: None, peer: Some(peer) }).is_some() {
            self.remove(now, peer, out);
        }
    }

    /// Does what has become due.
    pub fn handle_timeout(&mut self, now: Instant, out: &mut impl Outputs<C>) {
        if now.duration_since(self.swept) >= SWEEP {
            self.swept = now;
            self.sweep(now, out);
        }
        match self.order {
            Order::Plain => {}
            Order::Trees(_) => self.handle_trees_timeout(now, out),
            Order::Mesh(_) => self.handle_mesh_timeout(now, out),
        }
    }

    /// When [`Self::handle_timeout`] wants to be called; `None` while the swarm is empty.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.peers.len() == 0 {
            return None;
        }
        let ordered = match &self.order {
            Order::Plain => None,
            Order::Trees(overlay) => Some(overlay.poll_timeout()),
            Order::Mesh(mesh) => mesh.review,
        };
        ordered.into_iter().chain([self.swept + SWEEP]).min()
    }

    fn sweep(&mut self, now: Instant, out: &mut impl Outputs<C>) {
        let now_s = self.seconds(now);
        for key in self.peers.keys() {
            let Some(peer) = self.peers.by_key_mut(key) else { continue };
            if now_s.saturating_sub(peer.heard_s) > MAX_PEER_AGE.as_secs() as u32 {
                self.remove(now, key, out);
            } else if !peer.outstanding.is_empty() {
                peer.outstanding.retain(|offer| now_s.saturating_sub(offer.made_s) <= MAX_OFFER_AGE.as_secs() as u32);
                peer.outstanding.shrink_to_fit();
            }
        }
    }

    fn remove(&mut self, now: Instant, key: PeerKey, out: &mut impl Outputs<C>) {
        if let Some((id, peer)) = self.forget(key)
            && peer.member.is_some()
        {
            match self.order {
                Order::Plain => {}
                Order::Trees(_) => self.leave_trees(now, key, id, out),
                Order::Mesh(_) => self.leave_mesh(now, key),
            }
        }
    }

    pub(crate) fn forget(&mut self, key: PeerKey) -> Option<(PeerId, Peer<C>)> {
        let (id, peer) = self.peers.remove(key)?;
        self.uncount(peer.address);
        self.complete -= u32::from(peer.seeder);
        Some((id, peer))
    }

    fn respond(&self, to: &C, out: &mut impl Outputs<C>) {
        let interval_s = ANNOUNCE_INTERVAL.as_secs() as u32;
        out.send(to, &Message::Response { info_hash: &self.info_hash, interval_s, counts: self.counts() });
    }

    pub(crate) fn fail(&self, action: &'static str, reason: &'static str, to: &C, out: &mut impl Outputs<C>) {
        let rejected = Rejected { action: Some(action), info_hash: Some(self.info_hash), reason };
        out.send(to, &Message::Failure(rejected));
    }

    /// The sender's peer, if it is still its own.
    pub(crate) fn owned(&self, from: Sender<'_, C>) -> Option<PeerKey> {
        let (_, peer) = self.peers.by_key(from.peer?)?;
        from.peer.filter(|_| peer.connection == *from.connection)
    }

    /// Whether a peer in the swarm has this address.
    pub(crate) fn shared(&self, address: AddressKey) -> bool {
        self.addresses.contains_key(&address)
    }

    fn count(&mut self, address: Option<AddressKey>) {
        if let Some(address) = address {
            *self.addresses.entry(address).or_insert(0) += 1;
        }
    }

    fn uncount(&mut self, address: Option<AddressKey>) {
        if let Some(address) = address
            && let Some(count) = self.addresses.get_mut(&address)
        {
            *count -= 1;
            if *count == 0 {
                self.addresses.remove(&address);
            }
        }
    }

    pub(crate) fn seconds(&self, now: Instant) -> u32 {
        now.duration_since(self.began).as_secs() as u32
    }
}
