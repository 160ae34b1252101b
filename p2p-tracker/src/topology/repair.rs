//! When something ends: peers that leave, parents that go silent, slots that shrink. All is mended before the call returns.

use super::forest::roots_for;
use super::index::Id;
use super::{ASIDE, Output, PeerKey, Topology};

/// Milliseconds for which a child is not given to the parent again that refused it: by then the parent has reported what it can carry.
const REFUSED: u64 = 3_000;

impl Topology {
    /// A peer is gone for good.
    pub(super) fn remove(&mut self, key: PeerKey) {
        let Some(id) = self.keys.remove(&key) else { return };
        self.withdraw(id);
        self.peers[id as usize].dirty = false;
        self.vacant.push(id);
    }

    /// Takes a peer out of its forests, and tells its partners that it is gone.
    fn withdraw(&mut self, id: Id) {
        let peer = self.peer(id).key;
        for to in self.uproot(id, true) {
            let to = self.peer(to).key;
            self.notices.push_back(Output::Gone { to, peer });
        }
    }

    /// A peer watches another rendition: the connections may stay, the places do not.
    pub(super) fn change_rendition(&mut self, id: Id, rendition: u8) {
        self.uproot(id, false);
        self.plant(id, rendition);
    }

    /// A peer is to share with others that are set aside, and with nobody else.
    pub(super) fn move_aside(&mut self, id: Id) {
        self.withdraw(id);
        self.plant(id, self.peer(id).watches() | ASIDE);
    }

    /// Puts a peer that is in no forest into those of a rendition.
    fn plant(&mut self, id: Id, rendition: u8) {
        self.peers[id as usize].rendition = rendition;
        self.enter(id);
        self.mark(id);
        self.settle_in(id);
    }

    /// Takes a peer out of its forests and mends them. Returns who had it as parent, standby or child.
    fn uproot(&mut self, id: Id, tell: bool) -> Vec<Id> {
        let mut partners = Vec::new();
        let mut bereft = Vec::new();
        let mut relieved = Vec::new();
        for stripe in 0..self.config.stripes {
            let root = self.is_root(id, stripe);
            self.set_standby(id, None, stripe);
            relieved.extend(self.detach(id, stripe));
            let children = self.node(id, stripe).children.clone();
            for &child in &children {
                self.detach(child, stripe);
            }
            let wards = std::mem::take(&mut self.node_mut(id, stripe).wards);
            for &ward in &wards {
                self.node_mut(ward, stripe).standby = None;
                self.mark(ward);
            }
            if tell {
                partners.extend(children.iter().chain(&wards));
            }
            bereft.push((stripe, root, children, wards));
        }
        self.exit(id);
        for (stripe, root, children, wards) in bereft {
            self.house(children, stripe, root);
            for ward in wards {
                // A child had it for parent, not for standby; all wards still stand.
                self.keep_standby(ward, stripe);
            }
        }
        if tell {
            partners.extend(&relieved);
            partners.sort_unstable();
            partners.dedup();
        }
        relieved.sort_unstable();
        relieved.dedup();
        for parent in relieved {
            self.offer(parent);
        }
        partners
    }

    /// Finds new places for nodes that have lost their parent in this stripe: each goes to its standby, where it has gone by itself
    /// already, if there is room, and otherwise wherever there is. The strongest come first, and take the shallowest places. If a root was
    /// lost that the stripe needs, the strongest inherits: no other could take over sooner.
    pub(super) fn house(&mut self, mut orphans: Vec<Id>, stripe: u8, root_lost: bool) {
        orphans.retain(|&id| self.node(id, stripe).parent.is_none());
        orphans.sort_by_key(|&id| std::cmp::Reverse((self.strength(id), self.node(id, stripe).children.len())));
        let Some(&first) = orphans.first() else { return };
        let rendition = self.peer(first).rendition;
        let heir = (root_lost && self.capacity(first) > 0 && !self.has_enough_roots(rendition, &orphans, stripe)).then_some(first);
        if heir.is_some() {
            self.set_standby(first, None, stripe);
        }
        for id in orphans.into_iter().filter(|&id| Some(id) != heir) {
            // Meanwhile it may have become somebody's child: whoever gets room takes who waits.
            if self.node(id, stripe).parent.is_none() {
                self.rehouse(id, stripe, heir);
            }
        }
        if let Some(heir) = heir {
            if self.is_root(heir, stripe) {
                self.offer(heir);
            } else if self.node(heir, stripe).parent.is_none() {
                self.rehouse(heir, stripe, None);
            }
        }
    }

    /// Whether the stripe has its roots without counting these.
    fn has_enough_roots(&self, rendition: u8, orphans: &[Id], stripe: u8) -> bool {
        let among = orphans.iter().filter(|&&id| self.is_root(id, stripe)).count();
        self.roots(rendition, stripe).len() - among >= roots_for(self.renditions[&rendition].members)
    }

    /// A place for a node without parent: with its standby, with the heir of the root, or anywhere. A standby outside the trees is no good
    /// choice, as it would become one more root.
    fn rehouse(&mut self, id: Id, stripe: u8, heir: Option<Id>) {
        let height = self.height(id, stripe);
        let standby =
            self.node(id, stripe).standby.filter(|&standby| self.node(standby, stripe).parent.is_some() || self.is_root(standby, stripe));
        let near = standby.into_iter().chain(heir).find(|&parent| self.can_take(parent, id, stripe, height));
        match near.or_else(|| self.parent_for(id, stripe)) {
            Some(parent) => self.give(id, parent, stripe),
            None => self.set_standby(id, None, stripe),
        }
    }

    /// A child must leave its parent in this stripe. The parent's slot goes to somebody else.
    pub(super) fn separate(&mut self, child: Id, stripe: u8) {
        let Some(parent) = self.detach(child, stripe) else { return };
        self.rehouse(child, stripe, None);
        self.offer(parent);
    }

    /// A peer says what it can carry.
    pub(super) fn set_capacity(&mut self, id: Id, slots: Option<u16>, upload: Option<bool>) {
        let ceiling = self.config.slots_ceiling;
        let before = self.capacity(id);
        let peer = &mut self.peers[id as usize];
        peer.slots = slots.map_or(peer.slots, |slots| slots.min(ceiling));
        peer.upload = upload.unwrap_or(peer.upload);
        if self.capacity(id) != before {
            self.capacity_changed(id);
        }
    }

    pub(super) fn capacity_changed(&mut self, id: Id) {
        self.reseat_all(id);
        if self.capacity(id) == 0 {
            self.release_wards(id);
        }
        let excess = self.peer(id).carried.saturating_sub(self.capacity(id));
        if excess > 0 {
            self.shed(id, usize::from(excess));
        } else {
            self.offer(id);
        }
    }

    /// Whoever cannot carry anybody is nobody's standby.
    fn release_wards(&mut self, id: Id) {
        for stripe in 0..self.config.stripes {
            for ward in self.node(id, stripe).wards.clone() {
                self.choose_standby(ward, stripe);
            }
        }
    }

    /// Takes so many children from a peer: first those whom nobody depends on, then those with a standby that has room, then the newest.
    fn shed(&mut self, id: Id, excess: usize) {
        let mut children = Vec::new();
        for stripe in 0..self.config.stripes {
            for (age, &child) in self.node(id, stripe).children.iter().enumerate() {
                let node = self.node(child, stripe);
                let choice = node.standby.is_some_and(|standby| self.openness(standby, stripe).is_some());
                children.push(((!node.children.is_empty(), !choice, std::cmp::Reverse(age)), stripe, child));
            }
        }
        children.sort_unstable();
        self.dismiss(children.into_iter().take(excess).map(|(_, stripe, child)| (stripe, child)).collect());
    }

    /// These lose their parents, all at once, and get others.
    fn dismiss(&mut self, children: Vec<(u8, Id)>) {
        for &(stripe, child) in &children {
            self.detach(child, stripe);
        }
        for (stripe, child) in children {
            if self.node(child, stripe).parent.is_none() {
                self.rehouse(child, stripe, None);
            }
        }
    }

    /// A rendition has become more than tiny, or tiny: peers may have children in fewer stripes now, or in more.
    pub(super) fn limit_changed(&mut self, rendition: u8) {
        let limit = usize::from(self.interior_limit(rendition));
        let members = self.members(rendition);
        let mut dismissed = Vec::new();
        for &id in &members {
            let mut fed: Vec<u8> = (0..self.config.stripes).filter(|&stripe| !self.node(id, stripe).children.is_empty()).collect();
            fed.sort_by_key(|&stripe| std::cmp::Reverse(self.node(id, stripe).children.len()));
            for &stripe in fed.iter().skip(limit) {
                dismissed.extend(self.node(id, stripe).children.iter().map(|&child| (stripe, child)));
            }
            self.reseat_all(id);
        }
        self.dismiss(dismissed);
        for id in members {
            self.offer(id);
        }
    }

    /// Who feeds `id` in a stripe, if it is `parent` as a report has it.
    fn fed_by(&self, id: Id, rendition: u8, stripe: u8, parent: PeerKey) -> Option<Id> {
        if stripe >= self.config.stripes || rendition != self.peer(id).watches() {
            return None;
        }
        self.keys.get(&parent).copied().filter(|&parent| self.node(id, stripe).parent == Some(parent))
    }

    /// A parent would not have the child that was given to it: it knows better than this how much it can carry now. Nobody is to blame.
    pub(super) fn refused(&mut self, id: Id, rendition: u8, stripe: u8, key: PeerKey) {
        let Some(parent) = self.fed_by(id, rendition, stripe, key) else { return };
        self.keep_apart(id, key, Some(REFUSED));
        self.detach(id, stripe);
        self.rehouse(id, stripe, None);
        self.offer(parent);
    }

    /// A child lost its parent, and has moved to its standby already: so that becomes its parent, if it can. The pair is not tried again for a while.
    pub(super) fn lost(&mut self, id: Id, rendition: u8, stripe: u8, key: PeerKey) {
        let Some(parent) = self.fed_by(id, rendition, stripe, key) else { return };
        self.shun(id, key);
        self.note_loss(id, parent, stripe);
        let standby = self.node(id, stripe).standby;
        self.detach(id, stripe);
        if let Some(standby) = standby
            && !self.are_apart(standby, id)
        {
            self.make_room(standby, stripe);
        }
        self.rehouse(id, stripe, None);
        self.part_ways(id, parent);
        self.offer(parent);
    }

    /// Frees a slot of a full peer for somebody who is there already, if one of its children in this stripe can go elsewhere at no loss.
    fn make_room(&mut self, id: Id, stripe: u8) {
        if self.free(id) > 0 || self.capacity(id) == 0 {
            return;
        }
        let newest = self.node(id, stripe).children.iter().rev().copied().find(|&child| self.node(child, stripe).children.is_empty());
        if let Some(child) = newest
            && let Some(parent) = self.parent_for(child, stripe)
        {
            self.detach(child, stripe);
            self.give(child, parent, stripe);
        }
    }
}
