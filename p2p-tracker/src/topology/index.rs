//! Where nodes are found again: lists by level, with constant-time insertion, removal and random choice.

/// Number of a peer in the arena.
pub(super) type Id = u32;

/// Where an entry of [`Buckets`] lies. The owner of the entry keeps it, so that removal needs no search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seat {
    pub(super) bucket: u8,
    pub(super) at: u32,
}

/// Peers in numbered lists, in no order.
#[derive(Debug)]
pub(super) struct Buckets(Vec<Vec<Id>>);

impl Buckets {
    pub(super) fn new(buckets: usize) -> Self {
        Self(vec![Vec::new(); buckets])
    }

    pub(super) fn push(&mut self, bucket: u8, id: Id) -> Seat {
        let list = &mut self.0[usize::from(bucket)];
        list.push(id);
        Seat { bucket, at: list.len() as u32 - 1 }
    }

    /// Takes the entry at `seat` out. The last of the list moves there and is returned: its owner must be told.
    pub(super) fn remove(&mut self, seat: Seat) -> Option<Id> {
        let list = &mut self.0[usize::from(seat.bucket)];
        list.swap_remove(seat.at as usize);
        list.get(seat.at as usize).copied()
    }

    pub(super) fn bucket(&self, bucket: u8) -> &[Id] {
        self.0.get(usize::from(bucket)).map_or(&[], Vec::as_slice)
    }

    pub(super) fn len(&self) -> usize {
        self.0.iter().map(Vec::len).sum()
    }
}

/// A seeded source of choices (SplitMix64). Written out so that a recorded run replays the same in every version.
#[derive(Debug)]
pub(super) struct Dice(pub(super) u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 for a bound of 0.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        if bound <= 1 { 0 } else { (self.next() % bound as u64) as usize }
    }

    /// Up to `N` neighbours from a random place of the list: all of it when it is short.
    pub(super) fn sample<const N: usize>(&mut self, list: &[Id]) -> Sample<N> {
        let mut sample = Sample { ids: [0; N], len: list.len().min(N) };
        let start = self.below(list.len());
        for (i, id) in sample.ids.iter_mut().take(sample.len).enumerate() {
            *id = list[(start + i) % list.len()];
        }
        sample
    }
}

/// A few peers, copied out so that the lists may change while they are tried.
pub(super) struct Sample<const N: usize> {
    ids: [Id; N],
    len: usize,
}

impl<const N: usize> Sample<N> {
    pub(super) fn iter(&self) -> impl Iterator<Item = Id> + '_ {
        self.ids[..self.len].iter().copied()
    }
}
