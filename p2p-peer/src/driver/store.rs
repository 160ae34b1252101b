//! The bytes of the newest parts, and slices whose manifests are still on their way.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::wire::{Manifest, Place, manifest::Unverified, message::Slice, slices};

/// As many parts as the scheduler remembers.
const MAX_PARTS: usize = 64;
/// Slices kept until their manifests come.
const MAX_HELD: usize = 64;

pub(super) struct Stored {
    pub manifest: Manifest,
    /// As it came: it is passed on so.
    pub signed: Bytes,
    pub slices: Vec<Option<Bytes>>,
}

#[derive(Default)]
pub(super) struct Store<F> {
    parts: BTreeMap<Place, Stored>,
    held: Vec<(F, Slice)>,
}

impl<F> Store<F> {
    pub(super) fn new() -> Self {
        Self { parts: BTreeMap::new(), held: Vec::new() }
    }

    pub(super) fn find(&self, place: Place) -> Option<&Stored> {
        self.parts.get(&place)
    }

    pub(super) fn find_mut(&mut self, place: Place) -> Option<&mut Stored> {
        self.parts.get_mut(&place)
    }

    /// Adds a part, and gives the slices of it that came before.
    pub(super) fn add(&mut self, manifest: Manifest, signed: Bytes) -> Vec<(F, Slice)> {
        let place = manifest.place;
        let slices = vec![None; manifest.hashes.len()];
        self.parts.entry(place).or_insert(Stored { manifest, signed, slices });
        while self.parts.len() > MAX_PARTS {
            self.parts.pop_first();
        }
        self.held.extract_if(.., |(_, slice)| slice.place == place).collect()
    }

    pub(super) fn hold(&mut self, from: F, slice: Slice) {
        let oldest = self.parts.first_key_value().map(|(place, _)| *place);
        if oldest.is_some_and(|oldest| slice.place < oldest) {
            return;
        }
        if self.held.len() == MAX_HELD {
            self.held.remove(0);
        }
        self.held.push((from, slice));
    }
}

impl Stored {
    /// The bytes of slices `first` to `last`.
    pub(super) fn span(&self, first: u16, last: u16) -> (u32, u32) {
        let count = self.manifest.hashes.len() as u32;
        let of = |index: u16| slices::range(self.manifest.size, count, index.into());
        (of(first).start, of(last).end)
    }
}

/// Whether a manifest is the very one that is stored.
pub(super) fn is_known<F>(store: &Store<F>, unverified: &Unverified) -> bool {
    store.find(unverified.place()).is_some_and(|stored| stored.signed == unverified.bytes())
}

impl<F> Store<F> {
    /// The parts after `played` that begin before `time_ms`, and whether they are whole; and the first of those later ones that is not.
    pub(super) fn around(&self, played: Option<Place>, time_ms: i64) -> (Vec<(Place, bool)>, Option<Place>) {
        let mut due = Vec::new();
        for (place, part) in self.parts.iter().filter(|(place, _)| played.is_none_or(|played| **place > played)) {
            let whole = part.slices.iter().all(Option::is_some);
            if i64::try_from(part.manifest.time_ms).is_ok_and(|starts_ms| starts_ms <= time_ms) {
                // What was there before it began to play is not missed.
                due.push((*place, whole || played.is_none()));
            } else if !whole {
                return (due, Some(*place));
            }
        }
        (due, None)
    }

    /// The newest parts, and how many slices they have.
    pub(super) fn newest(&self, count: usize) -> impl Iterator<Item = (Place, u16)> {
        self.parts.iter().rev().take(count).map(|(place, part)| (*place, part.slices.len() as u16))
    }
}
