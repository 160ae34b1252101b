//! The parts that the scheduler knows: which of their slices are here.

use std::collections::VecDeque;

use super::{bits::Bits, types::PartFacts};
use crate::wire::{PeerId, Place, slices};

#[derive(Debug)]
pub(super) struct Part {
    pub facts: PartFacts,
    /// When its manifest came.
    pub seen_ms: i64,
    pub have: Bits,
    pub missing: u16,
    /// Id of the fetch that is to bring the slice, 0: none. `None`: nothing of it was ever fetched.
    pub fetching: Option<Box<[u32]>>,
    /// The player waits for it since; -1: it does not.
    pub wanted_ms: i64,
    /// No fetch before this, after one that failed.
    pub retry_ms: i64,
    /// Stripes (bits) that were declared late for this part.
    pub late: u32,
    /// Peers asked for slices, and when; -1: something came, or nothing came in time.
    pub asked: Vec<(PeerId, i64)>,
}

impl Part {
    pub(super) fn new(facts: PartFacts, seen_ms: i64) -> Self {
        Self {
            facts,
            seen_ms,
            have: Bits::new(facts.slices),
            missing: facts.slices,
            fetching: None,
            wanted_ms: -1,
            retry_ms: 0,
            late: 0,
            asked: Vec::new(),
        }
    }

    pub(super) fn place(&self) -> Place {
        self.facts.place
    }

    pub(super) fn complete(&self) -> bool {
        self.missing == 0
    }

    pub(super) fn slices(&self) -> u16 {
        self.facts.slices
    }

    pub(super) fn bytes(&self, index: u16) -> u64 {
        slices::range(self.facts.size, self.facts.slices.into(), index.into()).len() as u64
    }

    /// The slices of `stripe`.
    pub(super) fn of_stripe(&self, stripe: u8, stripes: u8) -> impl Iterator<Item = u16> + use<> {
        (u16::from(stripe)..self.facts.slices).step_by(usize::from(stripes.max(1)))
    }

    /// Whether a fetch is to bring the slice.
    pub(super) fn is_fetched(&self, index: u16) -> bool {
        self.fetching.as_ref().is_some_and(|fetching| fetching[usize::from(index)] != 0)
    }

    /// Notes that fetch `id` is to bring the slice.
    pub(super) fn fetch(&mut self, index: u16, id: u32) {
        let slices = usize::from(self.facts.slices);
        self.fetching.get_or_insert_with(|| vec![0; slices].into())[usize::from(index)] = id;
    }

    /// Whether slices of `stripe` are missing.
    pub(super) fn lacks(&self, stripe: u8, stripes: u8) -> bool {
        match self.have.absent_of(stripe, stripes) {
            Some(absent) => absent != 0,
            None => self.of_stripe(stripe, stripes).any(|i| !self.have.has(i)),
        }
    }

    /// Whether slices of `stripe` are missing that nobody fetches.
    pub(super) fn unfetched(&self, stripe: u8, stripes: u8) -> bool {
        if self.fetching.is_none() {
            return self.lacks(stripe, stripes);
        }
        self.of_stripe(stripe, stripes).any(|i| !self.have.has(i) && !self.is_fetched(i))
    }
}

/// Parts kept: some ten seconds of 200 ms.
pub(super) const MAX_PARTS: usize = 64;

/// The newest parts of one rendition, oldest first.
#[derive(Debug, Default)]
pub(super) struct PartWindow {
    pub parts: VecDeque<Part>,
    /// Which of them are not complete, by index.
    open: u64,
}

const _: () = assert!(MAX_PARTS <= u64::BITS as usize, "the window's bits hold all parts");

impl PartWindow {
    pub(super) fn clear(&mut self) {
        self.parts.clear();
        self.open = 0;
    }

    /// Indices of the parts that are not complete, oldest first.
    pub(super) fn incomplete(&self) -> impl Iterator<Item = usize> + use<> {
        let mut open = self.open;
        std::iter::from_fn(move || {
            let p = open.trailing_zeros();
            open &= open.checked_sub(1)?;
            Some(p as usize)
        })
    }

    /// A part has become complete.
    pub(super) fn close(&mut self, p: usize) {
        self.open &= !(1 << p);
    }

    pub(super) fn newest(&self) -> Place {
        self.parts.back().map_or(Place(0), Part::place)
    }

    pub(super) fn find(&self, place: Place) -> Option<usize> {
        for (i, part) in self.parts.iter().enumerate().rev() {
            if part.place() == place {
                return Some(i);
            }
            if part.place() < place {
                return None;
            }
        }
        None
    }

    /// Adds a part in its place; false when it is known, or older than the window.
    pub(super) fn add(&mut self, part: Part) -> bool {
        let mut at = self.parts.len();
        while at > 0 && self.parts[at - 1].place() > part.place() {
            at -= 1;
        }
        if at > 0 && self.parts[at - 1].place() == part.place() {
            return false;
        }
        if at == 0 && self.parts.len() == MAX_PARTS {
            return false;
        }
        self.parts.insert(at, part);
        if self.parts.len() > MAX_PARTS {
            self.parts.pop_front();
        }
        self.open = self.parts.iter().enumerate().filter(|(_, part)| !part.complete()).fold(0, |open, (p, _)| open | 1 << p);
        true
    }
}
