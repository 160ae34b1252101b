//! Whom to believe: pairs that do not work, parents that go silent, peers that send wrong bytes, and peers that say so of too many.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use super::index::Id;
use super::{Output, PeerKey, Topology};

/// Pairs remembered per peer. One that fails with more than that is hardly reachable at all, and may try the first again.
const APART: usize = 32;
/// Milliseconds for which a child is not given to a parent again that it lost, the first time...
const SHUNNED: u64 = 4_000;
/// ...and up to which power of two times as long after more losses.
const LONGEST_SHUN: u8 = 4;
/// Milliseconds after which a pair may fail as if it never had.
const LOSSES_FORGOTTEN: u64 = 120_000;
/// Addresses that must agree before a peer is acted against: one person has one or two.
const WITNESSES: usize = 3;
/// Addresses that must agree before a peer is expelled, and by how much they must outnumber those that it served as well and that say nothing.
/// Whether bytes were wrong cannot be proven. Where three in ten peers lie, of those whom an honest one serves three in ten may accuse it, and
/// of those whom a liar serves seven in ten do: that twelve accuse an honest one before six others are content happens once in a thousand.
const EXPELLERS: usize = 12;
const OUTNUMBER: usize = 2;
/// Addresses served that are remembered per peer.
const SERVED: usize = 32;
/// Peers that one address may accuse within [`MEMORY`] and be believed. With a third of all peers sending wrong bytes an honest one meets
/// about two before they are without children.
const CREDIBLE: usize = 5;
/// Milliseconds after which an accusation no longer counts against the credit of the accuser.
const MEMORY: u64 = 600_000;
/// Accusations remembered for credit; the oldest are forgotten first.
const ACCUSATIONS: usize = 10_000;
/// Expelled peers remembered. They are named by their connection's key, so this only spares repetition.
const EXPELLED: usize = 1_000;
/// Milliseconds between the first report of a silent peer and the judgement. A peer whose own parent fell silent passes nothing on, and its
/// children report it: it has reported its own loss by then, and is not to blame.
const DELIBERATION: u64 = 1_000;
/// Milliseconds before a loss in which a change above the lost peer explains it.
const EXCUSE: u64 = 3_000;
/// Milliseconds in which losses add up.
const LOSSES_ADD_UP: u64 = 10_000;
/// Each time a peer is found silent it stays without children twice as long, up to this power of two: one that only takes serves hardly
/// ever.
const LONGEST_BENCH: u8 = 5;
/// Losses kept per case.
const LOSSES: usize = 16;

/// Whom a peer must not be paired with.
#[derive(Debug)]
pub(super) struct Apart {
    other: PeerKey,
    until: u64,
    /// How often it has lost the other, of late.
    losses: u8,
}

#[derive(Debug)]
struct Loss {
    at: u64,
    stripe: u8,
    address: u64,
}

/// What is remembered about the behaviour of peers.
#[derive(Debug, Default)]
pub(super) struct Trust {
    /// Whom an address accused, of late.
    ledger: HashMap<u64, Vec<PeerKey>>,
    /// The same in order of time.
    entries: VecDeque<(u64, u64, PeerKey)>,
    expelled: HashSet<PeerKey>,
    expelled_order: VecDeque<PeerKey>,
    /// Peers reported silent, and when to judge them, in order of time.
    cases: HashMap<PeerKey, Vec<Loss>>,
    docket: VecDeque<(u64, PeerKey)>,
    /// Peers without children or set aside for a while, and until when, in order of time.
    benched: BTreeSet<(u64, PeerKey)>,
}

impl Trust {
    pub(super) fn is_expelled(&self, key: PeerKey) -> bool {
        self.expelled.contains(&key)
    }

    fn remember_expelled(&mut self, key: PeerKey) {
        if self.expelled.insert(key) {
            self.expelled_order.push_back(key);
        }
        if self.expelled_order.len() > EXPELLED
            && let Some(oldest) = self.expelled_order.pop_front()
        {
            self.expelled.remove(&oldest);
        }
    }

    /// Notes an accusation. Whether the address may be believed; and if this one was too many, whom else it had accused.
    fn note_accusation(&mut self, now: u64, address: u64, accused: PeerKey) -> Credit {
        while self.entries.front().is_some_and(|&(at, ..)| at + MEMORY <= now) || self.entries.len() >= ACCUSATIONS {
            let Some((_, address, accused)) = self.entries.pop_front() else { break };
            if let Some(list) = self.ledger.get_mut(&address) {
                list.retain(|&key| key != accused);
                if list.is_empty() {
                    self.ledger.remove(&address);
                }
            }
        }
        let list = self.ledger.entry(address).or_default();
        if list.len() > CREDIBLE {
            return Credit::Spent(Vec::new());
        }
        if !list.contains(&accused) {
            list.push(accused);
            self.entries.push_back((now, address, accused));
        }
        if list.len() > CREDIBLE { Credit::Spent(list.clone()) } else { Credit::Good }
    }
}

enum Credit {
    Good,
    /// With those whom the address had accused while it was believed.
    Spent(Vec<PeerKey>),
}

impl Topology {
    /// The two are not paired from now on, or for some milliseconds. Only the one who says so remembers it: nobody fills another's memory.
    pub(super) fn keep_apart(&mut self, id: Id, other: PeerKey, duration: Option<u64>) {
        let until = duration.map_or(u64::MAX, |duration| self.now + duration);
        let apart = self.apart(id, other);
        apart.until = apart.until.max(until);
    }

    /// A child is not given to the parent again that it lost, each time for twice as long: mostly the fault lay further up, or will pass, and a
    /// swarm that is small or had a bad moment has few pairs to lose.
    pub(super) fn shun(&mut self, id: Id, other: PeerKey) {
        let now = self.now;
        let apart = self.apart(id, other);
        apart.until = apart.until.max(now + (SHUNNED << apart.losses.min(LONGEST_SHUN)));
        apart.losses = apart.losses.saturating_add(1);
    }

    fn apart(&mut self, id: Id, other: PeerKey) -> &mut Apart {
        let now = self.now;
        let apart = &mut self.peers[id as usize].apart;
        apart.retain(|pair| pair.until.saturating_add(LOSSES_FORGOTTEN) > now);
        let at = apart.iter().position(|pair| pair.other == other).unwrap_or_else(|| {
            if apart.len() == APART {
                apart.pop_front();
            }
            apart.push_back(Apart { other, until: 0, losses: 0 });
            apart.len() - 1
        });
        &mut apart[at]
    }

    /// How unlikely it is that the two reach each other, 0 to 64: those behind the worst address translators fail with many, and certainly
    /// with each other.
    pub(super) fn unlikeliness(&self, a: Id, b: Id) -> u32 {
        let failures = |id: Id| self.peer(id).apart.iter().filter(|pair| pair.until > self.now).count().min(8) as u32;
        failures(a) * failures(b)
    }

    /// Whether the two must not be paired.
    pub(super) fn are_apart(&self, a: Id, b: Id) -> bool {
        let avoids = |a: Id, b: Id| {
            let b = self.peer(b).key;
            self.peer(a).apart.iter().any(|pair| pair.other == b && pair.until > self.now)
        };
        avoids(a, b) || avoids(b, a)
    }

    /// A peer cannot reach another: whatever binds them ends.
    pub(super) fn part(&mut self, id: Id, other: PeerKey) {
        let Some(&other_id) = self.keys.get(&other) else { return };
        if other_id == id {
            return;
        }
        self.keep_apart(id, other, None);
        self.part_ways(id, other_id);
    }

    /// Ends what binds two peers who must be apart.
    pub(super) fn part_ways(&mut self, a: Id, b: Id) {
        if self.peer(a).rendition != self.peer(b).rendition {
            return;
        }
        for stripe in 0..self.config.stripes {
            for (child, parent) in [(a, b), (b, a)] {
                if self.node(child, stripe).standby == Some(parent) {
                    self.choose_standby(child, stripe);
                }
                if self.node(child, stripe).parent == Some(parent) {
                    self.separate(child, stripe);
                }
            }
        }
    }

    /// Remembers that a peer was to feed another.
    pub(super) fn note_service(&mut self, parent: Id, child: Id) {
        let address = self.peer(child).address;
        let served = &mut self.peers[parent as usize].served;
        if !served.contains(&address) {
            if served.len() == SERVED {
                served.remove(0);
            }
            served.push(address);
        }
    }

    /// A peer says that another sent it wrong bytes. It need not meet it again. Others are believed only together, and only of peers that were
    /// to feed them: when most of these say so the accused is set aside for a while, which does an honest one little harm, and is expelled when
    /// nearly all do.
    pub(super) fn accuse(&mut self, id: Id, other: PeerKey) {
        if !self.keys.contains_key(&other) || self.peer(id).key == other {
            return;
        }
        self.part(id, other);
        let address = self.peer(id).address;
        let Some(&accused) = self.keys.get(&other) else { return };
        if !self.peer(accused).served.contains(&address) {
            return;
        }
        match self.trust.note_accusation(self.now, address, other) {
            Credit::Spent(accused) => {
                for key in accused {
                    if let Some(&id) = self.keys.get(&key) {
                        self.peers[id as usize].accusers.retain(|&accuser| accuser != address);
                    }
                }
            }
            Credit::Good => {
                let peer = &mut self.peers[accused as usize];
                if peer.accusers.contains(&address) {
                    return;
                }
                peer.accusers.push(address);
                let count = peer.accusers.len();
                let content = peer.served.iter().filter(|served| !peer.accusers.contains(served)).count();
                if count >= EXPELLERS && count > OUTNUMBER * content {
                    self.trust.remember_expelled(other);
                    self.notices.push_back(Output::Expel { peer: other });
                    self.remove(other);
                } else if count >= WITNESSES && count > content && !peer.is_aside() {
                    self.set_aside(accused);
                } else if count > SERVED {
                    peer.accusers.remove(0);
                }
            }
        }
    }

    /// The peer stays without children for a while, each time twice as long.
    fn bench(&mut self, id: Id) {
        self.suspend(id);
        self.peers[id as usize].benched = true;
        self.capacity_changed(id);
    }

    /// The peer shares with others of its sort alone for a while, and takes the rest from the origin: nobody's uplink is spent on it, nor bytes
    /// of it trusted.
    fn set_aside(&mut self, id: Id) {
        self.suspend(id);
        self.move_aside(id);
    }

    fn suspend(&mut self, id: Id) {
        let peer = &mut self.peers[id as usize];
        let until = self.now + ((self.config.bench.as_millis() as u64) << peer.benches.min(LONGEST_BENCH));
        peer.benches = peer.benches.saturating_add(1);
        self.trust.benched.insert((until, peer.key));
    }

    /// A child found its parent silent.
    pub(super) fn note_loss(&mut self, child: Id, parent: Id, stripe: u8) {
        let (now, key, address) = (self.now, self.peer(parent).key, self.peer(child).address);
        let losses = self.trust.cases.entry(key).or_default();
        if losses.is_empty() {
            self.trust.docket.push_back((now + DELIBERATION, key));
        }
        if losses.len() < LOSSES && !losses.iter().any(|loss| loss.address == address && loss.stripe == stripe) {
            losses.push(Loss { at: now, stripe, address });
        }
    }

    /// Judges the peers reported silent, and lets those serve again who have been without children for long enough.
    pub(super) fn judge(&mut self) {
        while let Some(&(until, key)) = self.trust.benched.first()
            && until <= self.now
        {
            self.trust.benched.remove(&(until, key));
            let Some(&id) = self.keys.get(&key) else { continue };
            if std::mem::take(&mut self.peers[id as usize].benched) {
                self.capacity_changed(id);
            }
            if self.peer(id).is_aside() {
                self.change_rendition(id, self.peer(id).watches());
            }
        }
        while let Some(&(at, key)) = self.trust.docket.front()
            && at <= self.now
        {
            self.trust.docket.pop_front();
            let Some(mut losses) = self.trust.cases.remove(&key) else { continue };
            let Some(&id) = self.keys.get(&key) else { continue };
            losses.retain(|loss| loss.at + LOSSES_ADD_UP > self.now && !self.is_excused(id, loss));
            let mut addresses: Vec<u64> = losses.iter().map(|loss| loss.address).collect();
            addresses.sort_unstable();
            addresses.dedup();
            if addresses.len() >= WITNESSES {
                self.bench(id);
            } else if !losses.is_empty() {
                self.trust.cases.insert(key, losses);
                self.trust.docket.push_back((self.now + DELIBERATION, key));
            }
        }
    }

    /// Whether something above a peer changed about when it went silent.
    fn is_excused(&self, id: Id, loss: &Loss) -> bool {
        let mut at = Some(id);
        while let Some(id) = at {
            let node = self.node(id, loss.stripe);
            if node.placed + EXCUSE >= loss.at {
                return true;
            }
            at = node.parent;
        }
        false
    }
}
