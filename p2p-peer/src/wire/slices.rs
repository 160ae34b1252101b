//! The slice rule: how a part is cut, and which stripe each slice belongs to.

use std::ops::Range;

use sha2::{Digest, Sha256};

/// Longest slice, in bytes. Longer ones cost a hop more round trips of slow start than they save in hashes.
pub const MAX_SLICE_BYTES: u32 = 24_576;

/// Most slices of a part: REQUEST and HAVE count them in one byte. 6.2 MB, half a second at 100 Mbit/s.
pub const MAX_SLICES: u32 = 255;

/// The first 16 bytes of a slice's SHA-256.
pub type SliceHash = [u8; 16];

/// Slices of a part of `size` bytes in a swarm of `stripes`; 0 for an empty part.
#[must_use]
pub fn count(size: u32, stripes: u8) -> u32 {
    u32::from(stripes).min(size).max(size.div_ceil(MAX_SLICE_BYTES))
}

/// Bytes of slice `index` of `count` in a part of `size` bytes. Beyond the last slice it is empty.
#[must_use]
pub fn range(size: u32, count: u32, index: u32) -> Range<u32> {
    let at = |i: u32| (u64::from(i) * u64::from(size)).checked_div(u64::from(count)).map_or(size, |at| at.min(u64::from(size)) as u32);
    at(index)..at(index.saturating_add(1))
}

/// The stripe of slice `index`. A swarm has at least one stripe.
#[must_use]
pub fn stripe_of(index: u32, stripes: u8) -> u8 {
    (index % u32::from(stripes.max(1))) as u8
}

/// The hash that a manifest holds for a slice of these bytes.
#[must_use]
pub fn hash(slice: &[u8]) -> SliceHash {
    let digest = Sha256::digest(slice);
    let mut hash = [0; 16];
    hash.copy_from_slice(&digest[..16]);
    hash
}

/// The hashes of a whole part's slices. `part` is shorter than 4 GiB, as places and sizes on the wire are.
#[must_use]
pub fn hashes(part: &[u8], stripes: u8) -> Vec<SliceHash> {
    let size = u32::try_from(part.len()).unwrap_or(u32::MAX);
    let count = count(size, stripes);
    (0..count).map(|index| range(size, count, index)).map(|r| hash(&part[r.start as usize..r.end as usize])).collect()
}
