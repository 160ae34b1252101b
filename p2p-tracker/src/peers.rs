//! The peers of a swarm: by key, by id, and at random.

use std::collections::HashMap;

use rand::Rng;

use crate::ids::PeerId;
use crate::topology::PeerKey;

/// Peers with stable keys. A key is never used twice: it holds a slot and how often that slot was taken.
pub(crate) struct Peers<P> {
    slots: Vec<Slot<P>>,
    free: Vec<u32>,
    /// Taken slots in no order, to choose from.
    taken: Vec<u32>,
    ids: HashMap<PeerId, u32>,
}

struct Slot<P> {
    generation: u32,
    entry: Option<Entry<P>>,
}

struct Entry<P> {
    id: PeerId,
    /// Where in `taken` this slot stands.
    position: u32,
    peer: P,
}

fn key(slot: u32, generation: u32) -> PeerKey {
    PeerKey(u64::from(generation) << 32 | u64::from(slot))
}

impl<P> Peers<P> {
    pub(crate) fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), taken: Vec::new(), ids: HashMap::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.taken.len()
    }

    /// Adds a peer whose id is not there yet.
    pub(crate) fn insert(&mut self, id: PeerId, peer: P) -> PeerKey {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { generation: 0, entry: None });
            (self.slots.len() - 1) as u32
        });
        let position = self.taken.len() as u32;
        self.taken.push(slot);
        self.ids.insert(id, slot);
        let place = &mut self.slots[slot as usize];
        place.entry = Some(Entry { id, position, peer });
        key(slot, place.generation)
    }

    pub(crate) fn remove(&mut self, key: PeerKey) -> Option<(PeerId, P)> {
        let slot = self.slot(key)?;
        let place = &mut self.slots[slot as usize];
        let entry = place.entry.take()?;
        place.generation = place.generation.wrapping_add(1);
        self.free.push(slot);
        self.ids.remove(&entry.id);
        self.taken.swap_remove(entry.position as usize);
        if let Some(&moved) = self.taken.get(entry.position as usize)
            && let Some(moved) = &mut self.slots[moved as usize].entry
        {
            moved.position = entry.position;
        }
        Some((entry.id, entry.peer))
    }

    fn slot(&self, key: PeerKey) -> Option<u32> {
        let (generation, slot) = ((key.0 >> 32) as u32, key.0 as u32);
        let place = self.slots.get(slot as usize)?;
        (place.generation == generation && place.entry.is_some()).then_some(slot)
    }

    pub(crate) fn key_of(&self, id: &PeerId) -> Option<PeerKey> {
        let slot = *self.ids.get(id)?;
        Some(key(slot, self.slots[slot as usize].generation))
    }

    pub(crate) fn by_key(&self, key: PeerKey) -> Option<(&PeerId, &P)> {
        let entry = self.slots[self.slot(key)? as usize].entry.as_ref()?;
        Some((&entry.id, &entry.peer))
    }

    pub(crate) fn by_key_mut(&mut self, key: PeerKey) -> Option<&mut P> {
        let slot = self.slot(key)?;
        self.slots[slot as usize].entry.as_mut().map(|entry| &mut entry.peer)
    }

    pub(crate) fn keys(&self) -> Vec<PeerKey> {
        self.taken.iter().map(|&slot| key(slot, self.slots[slot as usize].generation)).collect()
    }

    /// Chooses up to `N` different peers but not `except`, each as likely as any other; `count` of them are wanted.
    pub(crate) fn choose<const N: usize>(&self, count: usize, except: PeerKey, random: &mut impl Rng) -> ([PeerKey; N], usize) {
        let mut chosen = [except; N];
        let others = self.taken.len() - usize::from(self.slot(except).is_some());
        let count = count.min(N).min(others);
        let mut found = 0;
        // Few wanted of many: drawing again is rare. Few there: a walk from a random beginning meets them all.
        let walk = others < 4 * count;
        let start = if self.taken.is_empty() { 0 } else { random.random_range(0..self.taken.len()) };
        let mut step = 0;
        while found < count {
            let position = if walk { (start + step) % self.taken.len() } else { random.random_range(0..self.taken.len()) };
            step += 1;
            let slot = self.taken[position];
            let candidate = key(slot, self.slots[slot as usize].generation);
            if candidate != except && !chosen[..found].contains(&candidate) {
                chosen[found] = candidate;
                found += 1;
            }
        }
        (chosen, found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng as _;
    use rand::rngs::SmallRng;

    fn id(number: u8) -> PeerId {
        PeerId([number; 20])
    }

    proptest! {
        #[test]
        fn agrees_with_a_plain_map(steps in prop::collection::vec((any::<bool>(), 0u8..20), 0..200), seed: u64) {
            let mut random = SmallRng::seed_from_u64(seed);
            let mut peers = Peers::new();
            let mut model: HashMap<u8, PeerKey> = HashMap::new();
            let mut old = Vec::new();
            for (insert, number) in steps {
                if insert && !model.contains_key(&number) {
                    model.insert(number, peers.insert(id(number), number));
                } else if !insert && let Some(key) = model.remove(&number) {
                    prop_assert_eq!(peers.remove(key), Some((id(number), number)));
                    old.push(key);
                }
                prop_assert_eq!(peers.len(), model.len());
                for (number, key) in &model {
                    prop_assert_eq!(peers.key_of(&id(*number)), Some(*key));
                    prop_assert_eq!(peers.by_key(*key), Some((&id(*number), number)));
                }
                prop_assert!(old.iter().all(|key| peers.by_key(*key).is_none()));
                let except = model.values().next().copied().unwrap_or(PeerKey(u64::MAX));
                let (chosen, found) = peers.choose::<10>(7, except, &mut random);
                let others = model.values().filter(|key| **key != except).count();
                prop_assert_eq!(found, others.min(7));
                let mut different = chosen[..found].to_vec();
                different.sort_by_key(|key| key.0);
                different.dedup();
                prop_assert_eq!(different.len(), found);
                prop_assert!(different.iter().all(|key| *key != except && peers.by_key(*key).is_some()));
            }
        }
    }

    #[test]
    fn everybody_is_chosen_about_as_often() {
        let mut peers = Peers::new();
        for number in 0..100 {
            peers.insert(id(number), number);
        }
        let me = peers.key_of(&id(0)).expect("was inserted");
        let mut random = SmallRng::seed_from_u64(1);
        let mut times = [0; 100];
        for _ in 0..10_000 {
            let (chosen, found) = peers.choose::<10>(5, me, &mut random);
            for key in &chosen[..found] {
                times[*peers.by_key(*key).expect("is there").1 as usize] += 1;
            }
        }
        assert_eq!(times[0], 0);
        assert!(times[1..].iter().all(|count| (350..=660).contains(count)), "{times:?}");
    }
}
