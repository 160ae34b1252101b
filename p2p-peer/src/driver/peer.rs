//! The peer's one task: it runs the scheduler and does what it says.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use ed25519_dalek::VerifyingKey;
use reqwest::Url;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use super::{
    Config, Event, Evil, Lie, MAX_EVENTS, Stats,
    link::{self, Allowance, Command, LinkEvent, Net, Role},
    origin::{Origin, Token, part_url},
    store::{Store, is_known},
    tracker::{self, Joining, TrackerEvent},
    words,
};
use crate::{
    core::{self, Bits, Core, CoreConfig, Output, PartFacts},
    wire::{
        Manifest, Message, PeerId, Place,
        manifest::parse,
        message::{Assembler, Slice},
        slices,
    },
};

/// Connections at most.
const MAX_LINKS: usize = 40;
/// SDP of a data channel takes one or two kilobytes.
const MAX_SDP_BYTES: usize = 32 << 10;
/// How often the playhead is told, and the numbers.
const PLAYHEAD: Duration = Duration::from_millis(200);
/// A stream that broke is opened again after this.
const STREAM_RETRY: Duration = Duration::from_millis(500);
/// What a flooding peer sends each time the playhead is told.
const FLOOD: u32 = 200;

pub(super) struct Start {
    pub id: PeerId,
    pub config: Config,
    pub origin: Origin,
    pub token: Token,
    pub key: VerifyingKey,
    pub base: Url,
    pub stats: watch::Sender<Stats>,
    pub lies: mpsc::Sender<Lie>,
    pub left: mpsc::Receiver<()>,
}

struct Link {
    turn: u64,
    offer_id: String,
    commands: mpsc::Sender<Command>,
    task: JoinHandle<()>,
    assembler: Assembler,
    allowance: Allowance,
    greeted: bool,
    open: bool,
    waiting: u64,
}

struct Driver {
    id: PeerId,
    config: Config,
    origin: Origin,
    token: Token,
    key: VerifyingKey,
    base: Url,
    net: Net,
    joining: Joining,
    began: Instant,
    core: Core,
    store: Store<core::Origin>,
    links: HashMap<PeerId, Link>,
    banned: HashSet<PeerId>,
    turns: u64,
    stream: Option<(u64, JoinHandle<()>)>,
    wanted_stream: Option<(u8, Vec<u8>, Place)>,
    events: mpsc::Sender<Event>,
    tracker: mpsc::Sender<String>,
    /// The newest part's end in programme time, and when it became known.
    edge: Option<(i64, Instant)>,
    played: Option<Place>,
    active: bool,
    stats: Stats,
    lies: mpsc::Sender<Lie>,
}

pub(super) async fn run(start: Start) {
    let Start { id, config, origin, token, key, base, stats, lies, mut left } = start;
    let (events, mut happening) = mpsc::channel(MAX_EVENTS);
    let (tracker, outgoing) = mpsc::channel(tracker::MAX_WAITING);
    let joining = Joining {
        url: token.tracker.clone(),
        swarm: token.swarm,
        peer: id,
        token: token.token.clone(),
        rendition: 0,
        upload: config.upload,
    };
    let socket = tokio::spawn(tracker::run(joining.clone(), outgoing, events.clone()));
    let ceiling_tenths = (token.uplink_ceiling * 10.0).round() as u32;
    let core = Core::new(CoreConfig { peer: id, stripes: token.stripes, upload: config.upload, ceiling_tenths });
    let net = Net { stun: token.stun.iter().take(4).cloned().collect(), bind: config.bind.clone() };
    let mut driver = Driver {
        id,
        config,
        origin,
        token,
        key,
        base,
        net,
        joining,
        began: Instant::now(),
        core,
        store: Store::new(),
        links: HashMap::new(),
        banned: HashSet::new(),
        turns: 0,
        stream: None,
        wanted_stream: None,
        events,
        tracker,
        edge: None,
        played: None,
        active: false,
        stats: Stats::default(),
        lies,
    };
    let now = driver.now();
    driver.core.handle_rendition(now, 0, true);
    let mut playhead = tokio::time::interval(PLAYHEAD);
    loop {
        driver.drain();
        let due = driver.began + Duration::from_millis(driver.core.poll_timeout().clamp(0, i64::from(u32::MAX)) as u64);
        tokio::select! {
            event = happening.recv() => match event {
                Some(event) => driver.happen(event),
                None => break,
            },
            () = tokio::time::sleep_until(due.into()) => {
                let now = driver.now();
                driver.core.handle_timeout(now);
            }
            _ = playhead.tick() => {
                driver.play();
                if stats.send(Stats { core: driver.core.stats(), ..driver.stats }).is_err() { break }
            }
            _ = left.recv() => break,
        }
    }
    for link in driver.links.values() {
        let _ = link.commands.try_send(Command::Send(Message::Bye.encode()));
    }
    if let Some((_, task)) = driver.stream.take() {
        task.abort();
    }
    let links: Vec<_> = driver.links.drain().map(|(_, link)| link.task).collect();
    drop(driver);
    // No event is read any more: links and socket say their last words and end.
    drop(happening);
    let goodbye = async {
        let _ = socket.await;
        for link in links {
            let _ = link.await;
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(1), goodbye).await;
}

impl Driver {
    fn now(&self) -> i64 {
        self.began.elapsed().as_millis() as i64
    }

    fn happen(&mut self, event: Event) {
        let now = self.now();
        match event {
            Event::Tracker(event) => self.tracker_says(event),
            Event::Link { peer, turn, event } => {
                if self.links.get(&peer).is_some_and(|link| link.turn == turn) {
                    self.link_says(peer, event);
                }
            }
            Event::StreamOpen { turn } => {
                if self.streams(turn) {
                    self.core.handle_stream(now, true);
                }
            }
            Event::Stream { turn, message } => {
                if self.streams(turn) {
                    match message {
                        Message::Manifest(bytes) => self.manifest(None, bytes),
                        Message::Slice(slice) => self.slice(core::Origin::Origin, slice),
                        _ => {}
                    }
                }
            }
            Event::StreamClosed { turn } => {
                if self.streams(turn) {
                    self.core.handle_stream(now, false);
                    self.open_stream(STREAM_RETRY);
                }
            }
            Event::Fetched { id, rendition, place, first, last, duration_ms, data } => {
                let ok = data.is_some();
                if let Some(data) = data {
                    self.fetched(rendition, place, first, last, &data);
                }
                self.core.handle_fetched(now, id, ok, duration_ms);
            }
        }
    }

    fn streams(&self, turn: u64) -> bool {
        self.stream.as_ref().is_some_and(|(current, _)| *current == turn)
    }

    // ---- the tracker

    fn tracker_says(&mut self, event: TrackerEvent) {
        let now = self.now();
        match event {
            TrackerEvent::Open => {}
            TrackerEvent::Offer { peer, offer_id, sdp } => self.answer(peer, offer_id, sdp),
            TrackerEvent::Answer { peer, offer_id, sdp } => {
                if let Some(link) = self.links.get(&peer).filter(|link| link.offer_id == offer_id && sdp.len() <= MAX_SDP_BYTES) {
                    let _ = link.commands.try_send(Command::Answer(sdp));
                }
            }
            TrackerEvent::Assign(assignment) => self.core.handle_assign(now, &assignment),
            TrackerEvent::Gone { peer, offer_id } => {
                let unanswered = self.links.get(&peer).is_some_and(|link| !link.open && Some(&link.offer_id) == offer_id.as_ref());
                if unanswered || offer_id.is_none() {
                    self.unlink(peer);
                    self.core.handle_gone(now, peer);
                }
            }
            TrackerEvent::Manifest(bytes) => self.manifest(None, bytes),
        }
    }

    fn say(&self, message: String) {
        // A tracker that takes nothing is no reason to wait: reports come again.
        let _ = self.tracker.try_send(message);
    }

    // ---- links

    fn link(&mut self, peer: PeerId, offer_id: String, role: Role) {
        self.turns += 1;
        let (commands, receiver) = mpsc::channel(link::MAX_WAITING);
        let task = tokio::spawn(link::run(self.net.clone(), role, peer, self.turns, receiver, self.events.clone()));
        let link = Link {
            turn: self.turns,
            offer_id,
            commands,
            task,
            assembler: Assembler::default(),
            allowance: Allowance::new(),
            greeted: false,
            open: false,
            waiting: 0,
        };
        self.links.insert(peer, link);
    }

    fn connect(&mut self, peer: PeerId) {
        if self.links.contains_key(&peer) || self.links.len() >= MAX_LINKS || self.banned.contains(&peer) {
            return;
        }
        let offer_id = hex::encode(rand::random::<[u8; 10]>());
        self.link(peer, offer_id, Role::Offer);
    }

    fn answer(&mut self, peer: PeerId, offer_id: String, sdp: String) {
        if peer == self.id || self.banned.contains(&peer) || sdp.len() > MAX_SDP_BYTES {
            return;
        }
        if let Some(link) = self.links.get(&peer) {
            // Both at once: the offer of the smaller id stands, unless the other side knows of a break that this one has not noticed.
            if !link.open && self.id < peer {
                return;
            }
            let open = link.open;
            self.unlink(peer);
            if open {
                let now = self.now();
                self.core.handle_peer_close(now, peer);
            }
        }
        if self.links.len() < MAX_LINKS {
            self.link(peer, offer_id, Role::Answer(sdp));
        }
    }

    /// The link ends once it has sent what it was given.
    fn unlink(&mut self, peer: PeerId) {
        self.links.remove(&peer);
    }

    fn link_says(&mut self, peer: PeerId, event: LinkEvent) {
        let now = self.now();
        match event {
            LinkEvent::Local(sdp) => {
                let Some(link) = self.links.get(&peer) else { return };
                let kind = if sdp.contains("a=setup:actpass") { "offer" } else { "answer" };
                self.say(self.joining.description(peer, &link.offer_id, kind, &sdp));
            }
            LinkEvent::Open => {
                if let Some(link) = self.links.get_mut(&peer) {
                    link.open = true;
                }
                self.core.handle_peer_open(now, peer);
            }
            LinkEvent::Message(bytes) => {
                if self.message(peer, bytes).is_none() {
                    self.stats.broken += 1;
                    self.unlink(peer);
                    self.core.handle_peer_close(now, peer);
                }
            }
            LinkEvent::Buffered(bytes) => {
                if let Some(link) = self.links.get_mut(&peer) {
                    link.waiting = bytes;
                }
                self.core.handle_buffered(now, peer, bytes);
            }
            LinkEvent::Closed => {
                self.unlink(peer);
                self.core.handle_peer_close(now, peer);
            }
        }
    }

    /// `None`: it is broken, and the pair with it.
    fn message(&mut self, peer: PeerId, bytes: Bytes) -> Option<()> {
        let now = self.now();
        let message = Message::parse(bytes).ok()?;
        let link = self.links.get_mut(&peer)?;
        if !link.allowance.take(matches!(message, Some(Message::Slice(_) | Message::Data(_)))) {
            return None;
        }
        let Some(message) = message else { return Some(()) };
        if let Message::Hello { peer: id, swarm, .. } = &message {
            if *id != peer || *swarm != self.token.swarm {
                return None;
            }
            link.greeted = true;
        }
        if !link.greeted || (link.assembler.is_open() && !matches!(message, Message::Slice(_) | Message::Data(_))) {
            return None;
        }
        match message {
            Message::Slice(slice) => {
                if let Some(slice) = link.assembler.slice(slice).ok()? {
                    self.slice(core::Origin::Peer(peer), slice);
                }
            }
            Message::Data(data) => {
                if let Some(slice) = link.assembler.data(&data).ok()? {
                    self.slice(core::Origin::Peer(peer), slice);
                }
            }
            Message::Manifest(bytes) => self.manifest(Some(peer), bytes),
            message => {
                if let Some(message) = words::from_wire(message) {
                    self.core.handle_message(now, peer, &message);
                }
            }
        }
        Some(())
    }

    fn send(&mut self, peer: PeerId, bytes: Bytes) {
        let Some(link) = self.links.get_mut(&peer) else { return };
        link.waiting += bytes.len() as u64;
        if link.commands.try_send(Command::Send(bytes)).is_err() {
            // It takes nothing any more.
            self.unlink(peer);
            let now = self.now();
            self.core.handle_peer_close(now, peer);
        }
    }

    // ---- parts

    fn manifest(&mut self, from: Option<PeerId>, bytes: Bytes) {
        let now = self.now();
        let refused = |driver: &mut Self| {
            if let Some(peer) = from {
                driver.core.handle_slice(now, core::Origin::Peer(peer), 0, Place(0), 0, false);
            }
        };
        let Ok(unverified) = parse(bytes.clone(), self.token.stripes) else { return refused(self) };
        if unverified.rendition() != 0 {
            return;
        }
        if is_known(&self.store, &unverified) {
            let facts = facts(&unverified.trust());
            return self.core.handle_manifest(now, facts, from);
        }
        let Ok(manifest) = unverified.verify(&self.key, self.token.swarm) else { return refused(self) };
        let facts = facts(&manifest);
        let end_ms = facts.time_ms + facts.duration_ms;
        if self.edge.is_none_or(|(edge_ms, _)| end_ms > edge_ms) {
            self.edge = Some((end_ms, Instant::now()));
        }
        let held = self.store.add(manifest, bytes);
        self.core.handle_manifest(now, facts, from);
        for (from, slice) in held {
            self.slice(from, slice);
        }
    }

    fn slice(&mut self, from: core::Origin, slice: Slice) {
        let now = self.now();
        let Slice { rendition, place, index, .. } = slice;
        let Some(part) = self.store.find_mut(place) else {
            if from != core::Origin::Http {
                self.store.hold(from, slice);
            }
            return;
        };
        let valid = match part.slices.get(usize::from(index)) {
            Some(Some(_)) => true,
            Some(None) => part.manifest.matches(index.into(), &slice.bytes),
            None => false,
        };
        if valid {
            part.slices[usize::from(index)].get_or_insert(slice.bytes);
        }
        self.core.handle_slice(now, from, rendition, place, index, valid);
    }

    fn fetched(&mut self, rendition: u8, place: Place, first: u16, last: u16, data: &Bytes) {
        let Some(part) = self.store.find(place) else { return };
        let (start, _) = part.span(first, last);
        let (size, count) = (part.manifest.size, part.manifest.hashes.len() as u32);
        for index in first..=last {
            let range = slices::range(size, count, index.into());
            let bytes = data.slice((range.start - start) as usize..(range.end - start) as usize);
            self.slice(core::Origin::Http, Slice { rendition, place, index, length: range.len() as u32, bytes });
        }
    }

    /// The picture moves on.
    fn play(&mut self) {
        let now = self.now();
        let Some((end_ms, since)) = self.edge else { return };
        // With nothing new the picture stops: the broadcast pauses or ends.
        let time_ms = end_ms + (since.elapsed().as_millis() as i64).min(self.config.latency_ms) - self.config.latency_ms;
        self.core.handle_playhead(now, Some(time_ms));
        if self.active {
            let (due, wanted) = self.store.around(self.played, time_ms);
            for (place, whole) in due {
                self.stats.missed += u64::from(!whole);
                self.played = Some(place);
            }
            if let Some(place) = wanted {
                self.core.handle_wanted(now, place);
            }
        }
        match self.config.evil {
            Some(Evil::Flood) => self.flood(),
            Some(Evil::LyingHave) => self.lie(),
            _ => {}
        }
    }

    // ---- what the scheduler wants

    fn drain(&mut self) {
        while let Some(output) = self.core.poll_output() {
            self.perform(output);
        }
    }

    fn perform(&mut self, output: Output) {
        match output {
            Output::Send { peer, message } => {
                if self.config.evil == Some(Evil::LyingHave) && matches!(message, core::Message::Have { .. }) {
                    return;
                }
                let message = words::to_wire(message, self.id, self.token.swarm);
                self.send(peer, message.encode());
            }
            Output::Push { peer, rendition, place, index } => self.push(peer, rendition, place, index),
            Output::Manifest { peer, place, .. } => {
                if let Some(signed) = self.store.find(place).map(|part| part.signed.clone()) {
                    self.send(peer, Message::Manifest(signed).encode());
                }
            }
            Output::Connect { peer } => self.connect(peer),
            Output::Disconnect { peer } => self.unlink(peer),
            Output::Ban { peer } => {
                tracing::info!(%peer, "peer.banned");
                self.banned.insert(peer);
                self.unlink(peer);
            }
            Output::Fetch { id, rendition, place, first, last } => self.fetch(id, rendition, place, first, last),
            Output::Stream { rendition, stripes, from } => {
                self.wanted_stream = (!stripes.is_empty()).then_some((rendition, stripes, from));
                self.open_stream(Duration::ZERO);
            }
            Output::Complete { .. } => self.stats.parts += 1,
            Output::Active { active } => {
                self.active = active;
                self.played = None;
            }
            Output::Report { mut report } => {
                if self.config.evil == Some(Evil::Accuse) {
                    report.accused = self.links.keys().copied().collect();
                    for peer in &report.accused {
                        self.lied(*peer);
                    }
                }
                self.say(self.joining.report(&report));
            }
        }
    }

    fn push(&mut self, peer: PeerId, rendition: u8, place: Place, index: u16) {
        let now = self.now();
        let stored = self.store.find(place).and_then(|part| part.slices.get(usize::from(index))?.clone());
        let Some(bytes) = stored else { return };
        let mut slice = Slice { rendition, place, index, length: bytes.len() as u32, bytes };
        match self.config.evil {
            Some(Evil::WrongBytes) => {
                let mut wrong = slice.bytes.to_vec();
                wrong[0] ^= 1;
                slice.bytes = wrong.into();
                self.lied(peer);
            }
            Some(Evil::WrongLength) => {
                slice.length += 1;
                self.lied(peer);
            }
            // Asked for and promised, but not given: here the lie begins to matter.
            Some(Evil::LyingHave) => return self.lied(peer),
            _ => {}
        }
        let messages: Vec<_> = slice.messages().collect();
        for message in messages {
            self.send(peer, message);
        }
        if let Some(waiting) = self.links.get(&peer).map(|link| link.waiting) {
            self.core.handle_buffered(now, peer, waiting);
        }
    }

    fn fetch(&self, id: u32, rendition: u8, place: Place, first: u16, last: u16) {
        let (origin, events, began) = (self.origin.clone(), self.events.clone(), Instant::now());
        let wanted = self.store.find(place).and_then(|part| {
            let (start, end) = part.span(first, last);
            Some((part_url(&part.manifest.text, &self.base)?, start, end, part.manifest.size))
        });
        tokio::spawn(async move {
            let data = match wanted {
                Some((url, start, end, size)) => origin.range(url, start, end, size).await,
                None => None,
            };
            let duration_ms = began.elapsed().as_millis() as i64;
            let _ = events.send(Event::Fetched { id, rendition, place, first, last, duration_ms, data }).await;
        });
    }

    /// Opens the stream that is wanted instead of the one there is.
    fn open_stream(&mut self, after: Duration) {
        if let Some((_, task)) = self.stream.take() {
            task.abort();
        }
        let Some((rendition, stripes, from)) = self.wanted_stream.clone() else { return };
        self.turns += 1;
        let turn = self.turns;
        let (origin, token, events) = (self.origin.clone(), self.token.token.clone(), self.events.clone());
        let task = tokio::spawn(async move {
            tokio::time::sleep(after).await;
            origin.stream(rendition, stripes, from, token, turn, events).await;
        });
        self.stream = Some((turn, task));
    }

    // ---- evil

    fn lied(&self, peer: PeerId) {
        // Where nobody listens it is lost.
        if let Some(evil) = self.config.evil {
            let _ = self.lies.try_send(Lie { peer, at: SystemTime::now(), evil });
        }
    }

    fn flood(&mut self) {
        let peers: Vec<_> = self.links.iter().filter(|(_, link)| link.open).map(|(peer, _)| *peer).collect();
        for peer in peers {
            self.lied(peer);
            for nonce in 0..FLOOD {
                if let Some(link) = self.links.get(&peer) {
                    let _ = link.commands.try_send(Command::Send(Message::Ping { nonce }.encode()));
                }
            }
        }
    }

    fn lie(&mut self) {
        let parts = self.store.newest(20).map(|(place, slices)| {
            let all = vec![0xff; usize::from(slices).div_ceil(8)];
            core::HavePart { place, slices, bits: Bits::from_bytes(slices, &all) }
        });
        let message = core::Message::Have { rendition: 0, parts: parts.collect() };
        let bytes = words::to_wire(message, self.id, self.token.swarm).encode();
        let peers: Vec<_> = self.links.iter().filter(|(_, link)| link.open).map(|(peer, _)| *peer).collect();
        for peer in peers {
            self.send(peer, bytes.clone());
        }
    }
}

fn facts(manifest: &Manifest) -> PartFacts {
    PartFacts {
        rendition: manifest.rendition,
        place: manifest.place,
        // Later than any clock says, it would only be a mistake of the origin.
        time_ms: i64::try_from(manifest.time_ms).unwrap_or(i64::MAX / 4).min(i64::MAX / 4),
        duration_ms: manifest.duration_ms.into(),
        size: manifest.size,
        slices: manifest.hashes.len() as u16,
    }
}
