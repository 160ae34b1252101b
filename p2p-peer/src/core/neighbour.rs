//! Another peer of the swarm, as the scheduler knows it.

use super::{MAX_BROKEN_PROMISES, bits::Bits};
use crate::wire::{PeerId, Place};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    None,
    /// Asked for.
    Connecting,
    /// The channel is there.
    Open,
}

#[derive(Debug)]
pub(super) struct Neighbour {
    pub id: PeerId,
    pub state: State,
    /// It has introduced itself.
    pub greeted: bool,
    pub banned: bool,
    /// Do not try to connect before.
    pub retry_ms: i64,
    /// Do not take it for a parent of one's own accord before.
    pub suspect_until_ms: i64,
    /// Needed by nobody since.
    pub idle_since_ms: i64,
    /// Something pushed has not left since.
    pub busy_since_ms: Option<i64>,
    /// Slices it said it has, by part.
    pub have: ByPart,
    /// Slices sent to it, by part.
    pub sent: ByPart,
    /// Parts whose manifests were sent to it.
    pub manifests: Vec<Place>,
    /// Requests that it did not answer in time, though it said it had what was asked for.
    pub broken_promises: u32,
    /// A slice has come from it.
    pub brought: bool,
}

impl Neighbour {
    pub(super) fn new(id: PeerId) -> Self {
        Self {
            id,
            state: State::None,
            greeted: false,
            banned: false,
            retry_ms: 0,
            suspect_until_ms: 0,
            idle_since_ms: 0,
            busy_since_ms: None,
            have: ByPart::default(),
            sent: ByPart::default(),
            manifests: Vec::new(),
            broken_promises: 0,
            brought: false,
        }
    }

    /// A new channel knows nothing of the one before.
    pub(super) fn reset(&mut self, state: State) {
        self.state = state;
        self.greeted = false;
        self.busy_since_ms = None;
        self.have = ByPart::default();
        self.sent = ByPart::default();
        self.manifests = Vec::new();
    }

    /// It promised something and did not give it, then or ever.
    pub(super) fn is_shunned(&self, now: i64) -> bool {
        !self.brought && now < self.suspect_until_ms
    }

    /// Nothing is asked of it.
    pub(super) fn breaks_promises(&self, now: i64) -> bool {
        self.broken_promises >= MAX_BROKEN_PROMISES || self.is_shunned(now)
    }

    /// Forgets what concerns parts before `place`; all with `FAR`.
    pub(super) fn prune(&mut self, place: i64) {
        self.have.prune(place);
        self.sent.prune(place);
        self.manifests.retain(|known| i64::from(known.0) >= place);
    }
}

/// Slices by part: a word for each part that has so few slices as most have. Mostly the newest part is asked for, which is at the end.
#[derive(Debug, Default)]
pub(super) struct ByPart {
    few: Vec<(Place, u32)>,
    many: Vec<(Place, Bits)>,
}

/// Slices of a part that a word holds.
const FEW: u16 = 32;

impl ByPart {
    fn prune(&mut self, place: i64) {
        self.few.retain(|(known, _)| i64::from(known.0) >= place);
        self.many.retain(|(known, _)| i64::from(known.0) >= place);
    }

    fn word(&self, place: Place) -> Option<u32> {
        self.few.iter().rev().find(|(known, _)| *known == place).map(|(_, word)| *word)
    }

    fn bits(&self, place: Place) -> Option<&Bits> {
        self.many.iter().rev().find(|(known, _)| *known == place).map(|(_, bits)| bits)
    }

    /// What is known of a part with so many slices.
    pub(super) fn find(&self, place: Place, slices: u16) -> Option<Bits> {
        if slices <= FEW { self.word(place).map(|word| Bits::from_word(slices, word)) } else { self.bits(place).cloned() }
    }

    pub(super) fn has(&self, place: Place, index: u16) -> bool {
        self.word(place).is_some_and(|word| index < FEW && word & (1 << index) != 0) || self.bits(place).is_some_and(|bits| bits.has(index))
    }

    pub(super) fn put(&mut self, place: Place, slices: u16, bits: &Bits) {
        if slices <= FEW {
            let word = bits.word();
            match self.few.iter_mut().rev().find(|(known, _)| *known == place) {
                Some((_, old)) => *old = word,
                None => self.few.push((place, word)),
            }
        } else {
            match self.many.iter_mut().rev().find(|(known, _)| *known == place) {
                Some((_, old)) => *old = bits.clone(),
                None => self.many.push((place, bits.clone())),
            }
        }
    }

    /// Adds slice `index` of the `slices` of a part.
    pub(super) fn remember(&mut self, place: Place, slices: u16, index: u16) {
        if slices <= FEW {
            match self.few.iter_mut().rev().find(|(known, _)| *known == place) {
                Some((_, word)) => *word |= 1 << index,
                None => self.few.push((place, 1 << index)),
            }
        } else if let Some((_, bits)) = self.many.iter_mut().rev().find(|(known, _)| *known == place) {
            bits.set(index);
        } else {
            let mut bits = Bits::new(slices);
            bits.set(index);
            self.many.push((place, bits));
        }
    }
}
