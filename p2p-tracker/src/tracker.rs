//! All swarms and the connections to them: what sockets of every kind share.
//!
//! No I/O and no clock in here either; sockets pass in what they read, and wait for what is to be sent.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::address::AddressKey;
use crate::counters::{Counters, Received};
use crate::frame;
use crate::ids::{InfoHash, PeerId};
use crate::member::Offload;
use crate::outgoing::Outgoing;
use crate::protocol::{Announce, Counts, Message, Rejected, Request};
use crate::swarm::{self, Kind, Outputs, Sender, Swarm};
use crate::token::Tokens;
use crate::topology::PeerKey;

/// Peers that one connection is, in all swarms; a page is in one, a WebTorrent client in some tens.
const MAX_JOINED: usize = 100;

/// Bounds for each address. Loopback has none: behind it is a proxy that does not say for whom it speaks, or a test.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections from one address (IPv6: one /64).
    pub connections_per_address: u32,
    /// Messages from one address per second, on average.
    pub messages_per_second: f64,
    /// Messages from one address in a row.
    pub message_burst: f64,
    /// Bounds of each swarm.
    pub swarm: swarm::Limits,
}

impl Default for Limits {
    fn default() -> Self {
        // A school of 200 viewers behind one address: each makes some twenty offers on joining, and reports twice a second at worst.
        Self { connections_per_address: 400, messages_per_second: 400.0, message_burst: 5000.0, swarm: swarm::Limits::default() }
    }
}

/// What a connection may do, as the origin of its page and the instance's policy allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Swarms of broadcasts and videos, with a token.
    pub shoal: bool,
    /// Plain swarms.
    pub plain: bool,
}

/// How it stands with a swarm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Who takes part.
    pub counts: Counts,
    /// What the peers reported.
    pub offload: Offload,
}

/// One address has too many connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many connections from this address")]
pub struct TooManyConnections;

/// The tracker; clones are the same one.
#[derive(Clone)]
pub struct Tracker {
    shared: Arc<Shared>,
}

struct Shared {
    tokens: Tokens,
    limits: Limits,
    seed: AtomicU64,
    began: Instant,
    /// Unix time of `began`, in seconds; set anew when the clock is.
    began_unix_s: AtomicU64,
    swarms: RwLock<HashMap<InfoHash, Arc<Registered>>>,
    addresses: Mutex<HashMap<AddressKey, Arc<Address>>>,
    counters: Counters,
}

struct Registered {
    info_hash: InfoHash,
    needs_token: bool,
    removed: AtomicBool,
    /// Milliseconds since `began` at which the swarm wants to be called.
    due_ms: AtomicU64,
    swarm: Mutex<Swarm<Outgoing>>,
}

struct Address {
    connections: AtomicU32,
    allowance: Mutex<Allowance>,
}

struct Allowance {
    left: f64,
    refilled: Instant,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing in here is left half done by a panic that later calls could not live with.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Sending<'a>(&'a Counters);

impl Outputs<Outgoing> for Sending<'_> {
    fn send(&mut self, to: &Outgoing, message: &Message<'_>) {
        self.0.sent(message);
        to.push(message);
    }
}

impl Tracker {
    /// A tracker without swarms. `seed` decides its choices; `now_unix_s` is the time by which tokens expire.
    pub fn new(tokens: Tokens, limits: Limits, seed: u64, now: Instant, now_unix_s: u64) -> Self {
        Self {
            shared: Arc::new(Shared {
                tokens,
                limits,
                seed: AtomicU64::new(seed),
                began: now,
                began_unix_s: AtomicU64::new(now_unix_s),
                swarms: RwLock::default(),
                addresses: Mutex::default(),
                counters: Counters::default(),
            }),
        }
    }

    /// The tokens that this tracker knows.
    pub fn tokens(&self) -> &Tokens {
        &self.shared.tokens
    }

    /// Opens a swarm. False: there is one already, which stays as it is.
    pub fn register(&self, now: Instant, info_hash: InfoHash, kind: Kind) -> bool {
        let needs_token = !matches!(kind, Kind::Plain);
        // Any odd constant: the seeds only have to differ.
        let seed = self.shared.seed.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let swarm = Swarm::new(info_hash, kind, self.shared.limits.swarm, now, seed);
        let registered = Registered {
            info_hash,
            needs_token,
            removed: AtomicBool::new(false),
            due_ms: AtomicU64::new(u64::MAX),
            swarm: Mutex::new(swarm),
        };
        let mut swarms = self.shared.swarms.write().unwrap_or_else(PoisonError::into_inner);
        match swarms.entry(info_hash) {
            std::collections::hash_map::Entry::Occupied(_) => false,
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(Arc::new(registered));
                true
            }
        }
    }

    /// Closes a swarm and forgets its peers; their connections stay. Returns how it stood.
    pub fn remove(&self, now: Instant, info_hash: &InfoHash) -> Option<Summary> {
        let removed = self.shared.swarms.write().unwrap_or_else(PoisonError::into_inner).remove(info_hash)?;
        removed.removed.store(true, Ordering::Relaxed);
        let mut swarm = locked(&removed.swarm);
        let summary = summary(&swarm);
        *swarm = Swarm::new(*info_hash, Kind::Plain, self.shared.limits.swarm, now, 0);
        Some(summary)
    }

    /// Passes a manifest, as the origin signed it, on to the peers of a Shoal swarm that are to get it from here.
    pub fn handle_manifest(&self, info_hash: &InfoHash, manifest: &[u8]) {
        if let Some(registered) = self.shared.find(info_hash) {
            locked(&registered.swarm).handle_manifest(manifest, &mut Sending(&self.shared.counters));
        }
    }

    /// Lets a connection in.
    ///
    /// # Errors
    /// If its address has too many already.
    pub fn open(&self, now: Instant, address: IpAddr, access: Access) -> Result<Connection, TooManyConnections> {
        let key = AddressKey::of(address);
        let address = key.map(|key| self.shared.connect(now, key)).transpose()?;
        let from = key.zip(address);
        self.shared.counters.connections.fetch_add(1, Ordering::Relaxed);
        Ok(Connection { shared: self.shared.clone(), access, from, outgoing: Outgoing::default(), joined: Vec::new(), taken: None })
    }

    /// Does what has become due in any swarm. `now_unix_s` is the time by which tokens expire.
    pub fn handle_timeout(&self, now: Instant, now_unix_s: u64) {
        let passed = now.saturating_duration_since(self.shared.began);
        self.shared.began_unix_s.store(now_unix_s.saturating_sub(passed.as_secs()), Ordering::Relaxed);
        let now_ms = passed.as_millis() as u64;
        let due: Vec<_> = {
            let swarms = self.shared.swarms.read().unwrap_or_else(PoisonError::into_inner);
            swarms.values().filter(|swarm| swarm.due_ms.load(Ordering::Relaxed) <= now_ms).cloned().collect()
        };
        for registered in due {
            let mut swarm = locked(&registered.swarm);
            swarm.handle_timeout(now, &mut Sending(&self.shared.counters));
            self.shared.schedule(&registered, &swarm);
        }
    }

    /// When [`Self::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let swarms = self.shared.swarms.read().unwrap_or_else(PoisonError::into_inner);
        let due_ms = swarms.values().map(|swarm| swarm.due_ms.load(Ordering::Relaxed)).min()?;
        (due_ms != u64::MAX).then(|| self.shared.began + Duration::from_millis(due_ms))
    }

    /// How it stands with a swarm.
    pub fn summary(&self, info_hash: &InfoHash) -> Option<Summary> {
        self.shared.find(info_hash).map(|registered| summary(&locked(&registered.swarm)))
    }

    /// Peers in all swarms.
    pub fn peers(&self) -> u64 {
        let swarms = self.shared.swarms.read().unwrap_or_else(PoisonError::into_inner);
        let peers = |registered: &Arc<Registered>| {
            let counts = locked(&registered.swarm).counts();
            u64::from(counts.complete) + u64::from(counts.incomplete)
        };
        swarms.values().map(peers).sum()
    }

    /// Open connections.
    pub fn connections(&self) -> u64 {
        self.shared.counters.connections.load(Ordering::Relaxed)
    }

    /// Messages so far by kind: what came (`announce`, `offer_to`, `answer`, `scrape`, `report`, `invalid`), and what was sent.
    pub fn messages(&self) -> Vec<(&'static str, u64)> {
        self.shared.counters.messages()
    }

    /// Answers `GET /tracker/announce`: the counts, and no peer, for there are none that could be reached without WebRTC.
    pub fn http_announce(&self, query: &str) -> Vec<u8> {
        crate::http::announce(query, |info_hash| self.summary(info_hash).map(|summary| summary.counts))
    }

    /// Answers `GET /tracker/scrape`.
    pub fn http_scrape(&self, query: &str) -> Vec<u8> {
        crate::http::scrape(query, |info_hash| self.summary(info_hash).map(|summary| summary.counts))
    }
}

fn summary(swarm: &Swarm<Outgoing>) -> Summary {
    Summary { counts: swarm.counts(), offload: swarm.offload() }
}

impl Shared {
    fn find(&self, info_hash: &InfoHash) -> Option<Arc<Registered>> {
        self.swarms.read().unwrap_or_else(PoisonError::into_inner).get(info_hash).cloned()
    }

    fn schedule(&self, registered: &Registered, swarm: &Swarm<Outgoing>) {
        let due = swarm.poll_timeout().map(|due| due.saturating_duration_since(self.began).as_millis() as u64);
        // Not before it is due, and a swarm that was removed meanwhile never.
        let due_ms = due.map_or(u64::MAX, |due| due + 1);
        registered.due_ms.store(due_ms, Ordering::Relaxed);
    }

    fn connect(&self, now: Instant, key: AddressKey) -> Result<Arc<Address>, TooManyConnections> {
        let mut addresses = locked(&self.addresses);
        let address = addresses.entry(key).or_insert_with(|| {
            let allowance = Allowance { left: self.limits.message_burst, refilled: now };
            Arc::new(Address { connections: AtomicU32::new(0), allowance: Mutex::new(allowance) })
        });
        if address.connections.load(Ordering::Relaxed) >= self.limits.connections_per_address {
            return Err(TooManyConnections);
        }
        address.connections.fetch_add(1, Ordering::Relaxed);
        Ok(address.clone())
    }

    fn disconnect(&self, key: AddressKey) {
        let mut addresses = locked(&self.addresses);
        if let Some(address) = addresses.get(&key)
            && address.connections.fetch_sub(1, Ordering::Relaxed) == 1
        {
            addresses.remove(&key);
        }
    }

    fn unix_s(&self, now: Instant) -> u64 {
        self.began_unix_s.load(Ordering::Relaxed) + now.saturating_duration_since(self.began).as_secs()
    }
}

/// A message to a connection, for those who do not write frames themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// Goes as a text frame.
    Text(String),
    /// Goes as a binary frame.
    Binary(Bytes),
}

/// A connection of a peer. Dropping it closes it.
pub struct Connection {
    shared: Arc<Shared>,
    access: Access,
    from: Option<(AddressKey, Arc<Address>)>,
    outgoing: Outgoing,
    joined: Vec<Joined>,
    /// Frames taken from `outgoing` and not handed out yet.
    taken: Option<Taken>,
}

/// A peer of this connection. There may be several in one swarm: programs share one socket among their clients.
struct Joined {
    swarm: Arc<Registered>,
    id: PeerId,
    peer: PeerKey,
}

struct Taken {
    frames: Bytes,
    at: usize,
}

impl Connection {
    /// Takes a message. What is to be said, to this peer or to others, waits at their connections then.
    pub fn handle_message(&mut self, now: Instant, text: &str) {
        if !self.is_allowed(now) {
            return self.fail(Rejected { action: None, info_hash: None, reason: "too many messages from this address" });
        }
        match Request::parse(text) {
            Ok(request) => self.handle_request(now, request),
            Err(rejected) => {
                self.shared.counters.received(Received::Invalid);
                self.fail(rejected);
            }
        }
    }

    fn handle_request(&mut self, now: Instant, request: Request<'_>) {
        let shared = self.shared.clone();
        let mut out = Sending(&shared.counters);
        let (action, info_hash, id) = match &request {
            Request::Announce(announce) => ("announce", announce.info_hash, announce.peer_id),
            Request::OfferTo(offer) => ("announce", offer.info_hash, offer.peer_id),
            Request::Answer(answer) => ("announce", answer.info_hash, answer.peer_id),
            Request::Report(report) => ("report", report.info_hash, report.peer_id),
            Request::Scrape(hashes) => {
                shared.counters.received(Received::Scrape);
                return self.scrape(hashes);
            }
        };
        shared.counters.received(match &request {
            Request::Announce(_) => Received::Announce,
            Request::OfferTo(_) => Received::OfferTo,
            Request::Answer(_) => Received::Answer,
            _ => Received::Report,
        });
        let here = |joined: &Joined| joined.swarm.info_hash == info_hash;
        let exact = self.joined.iter().position(|joined| here(joined) && joined.id == id);
        // Only an announce makes a peer: under whatever name anything else comes, it is from who is here already.
        let joined = exact.or_else(|| match &request {
            Request::Announce(_) => None,
            _ => self.joined.iter().position(here),
        });
        let known = joined.map(|index| self.joined[index].swarm.clone());
        let known = known.filter(|swarm| !swarm.removed.load(Ordering::Relaxed)).or_else(|| shared.find(&info_hash));
        let Some(registered) = known else {
            self.joined.retain(|joined| joined.swarm.info_hash != info_hash);
            return self.fail(Rejected { action: Some(action), info_hash: Some(info_hash), reason: "no such swarm" });
        };
        let address = self.from.as_ref().map(|(key, _)| *key);
        let peer = joined.map(|index| self.joined[index].peer);
        let from = Sender { connection: &self.outgoing, address, peer };
        let mut swarm = locked(&registered.swarm);
        match &request {
            Request::Announce(announce) => {
                let full = joined.is_none() && self.joined.len() >= MAX_JOINED;
                let admit = || self.admit(now, &registered, announce, full);
                let peer = swarm.handle_announce(now, from, announce, admit, &mut out);
                shared.schedule(&registered, &swarm);
                drop(swarm);
                self.remember(joined, announce.peer_id, peer, registered);
            }
            Request::OfferTo(offer) => swarm.handle_offer(now, from, offer, &mut out),
            Request::Answer(answer) => swarm.handle_answer(now, from, answer, &mut out),
            Request::Report(report) => {
                swarm.handle_report(now, from, report, &mut out);
                shared.schedule(&registered, &swarm);
            }
            Request::Scrape(_) => {}
        }
    }

    fn remember(&mut self, joined: Option<usize>, id: PeerId, peer: Option<PeerKey>, swarm: Arc<Registered>) {
        match (joined, peer) {
            (Some(index), Some(peer)) => self.joined[index] = Joined { swarm, id, peer },
            (Some(index), None) => drop(self.joined.swap_remove(index)),
            (None, Some(peer)) => {
                // Most connections are in one swarm only.
                self.joined.reserve_exact(1);
                self.joined.push(Joined { swarm, id, peer });
            }
            (None, None) => {}
        }
    }

    fn admit(&self, now: Instant, registered: &Registered, announce: &Announce<'_>, full: bool) -> Result<(), &'static str> {
        if full {
            return Err("too many peers on this connection");
        }
        if !registered.needs_token {
            return if self.access.plain { Ok(()) } else { Err("not allowed from this page") };
        }
        if !self.access.shoal {
            return Err("not allowed from this page");
        }
        let unix_s = self.shared.unix_s(now);
        let genuine = announce.token.is_some_and(|token| self.shared.tokens.check(&announce.info_hash, token, unix_s));
        if genuine { Ok(()) } else { Err("invalid or expired token") }
    }

    fn scrape(&self, hashes: &[InfoHash]) {
        let count = |hash: &InfoHash| Some((*hash, locked(&self.shared.find(hash)?.swarm).counts()));
        let files: Vec<_> = hashes.iter().filter_map(count).collect();
        Sending(&self.shared.counters).send(&self.outgoing, &Message::Scrape { files: &files });
    }

    fn fail(&self, rejected: Rejected) {
        Sending(&self.shared.counters).send(&self.outgoing, &Message::Failure(rejected));
    }

    fn is_allowed(&self, now: Instant) -> bool {
        let Some((_, address)) = &self.from else { return true };
        let limits = &self.shared.limits;
        let mut allowance = locked(&address.allowance);
        let passed = now.saturating_duration_since(allowance.refilled).as_secs_f64();
        allowance.refilled = now;
        allowance.left = (allowance.left + passed * limits.messages_per_second).min(limits.message_burst);
        let allowed = allowance.left >= 1.0;
        allowance.left -= f64::from(u8::from(allowed));
        allowed
    }

    /// What waits to be sent, as WebSocket frames (RFC 6455), in exchange for an empty buffer; `None`: the peer does not
    /// take what it is sent, or was put out: drop the connection.
    pub fn poll_frames(&mut self, cx: &mut Context<'_>, empty: Vec<u8>) -> Poll<Option<Vec<u8>>> {
        self.outgoing.poll_frames(cx, empty)
    }

    /// Ready when the peer does not take what it is sent.
    pub fn poll_overflow(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.outgoing.poll_overflow(cx)
    }

    /// The next message to be sent, for those who do not write frames themselves; `None`: drop the connection.
    pub fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<Frame>> {
        loop {
            if let Some(taken) = &mut self.taken {
                if let Some((is_binary, payload)) = frame::payloads(&taken.frames[taken.at..]).next() {
                    let payload = taken.at + payload.start..taken.at + payload.end;
                    taken.at = payload.end;
                    let payload = taken.frames.slice(payload);
                    return Poll::Ready(Some(match is_binary {
                        true => Frame::Binary(payload),
                        false => Frame::Text(String::from_utf8_lossy(&payload).into_owned()),
                    }));
                }
                self.taken = None;
            }
            match std::task::ready!(self.outgoing.poll_frames(cx, Vec::new())) {
                Some(frames) => self.taken = Some(Taken { frames: frames.into(), at: 0 }),
                None => return Poll::Ready(None),
            }
        }
    }

    /// As [`Self::poll_message`]; may be dropped at any time without losing a message.
    pub async fn message(&mut self) -> Option<Frame> {
        std::future::poll_fn(|cx| self.poll_message(cx)).await
    }

    /// The peer leaves all swarms.
    pub fn handle_close(&mut self, now: Instant) {
        let shared = &self.shared;
        for Joined { swarm: registered, peer, .. } in self.joined.drain(..) {
            let mut swarm = locked(&registered.swarm);
            swarm.handle_close(now, peer, &self.outgoing, &mut Sending(&shared.counters));
            shared.schedule(&registered, &swarm);
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.handle_close(Instant::now());
        if let Some((key, _)) = &self.from {
            self.shared.disconnect(*key);
        }
        self.shared.counters.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
