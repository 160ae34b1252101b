//! Damage to sessions, as bad clients and bad luck would do it; the same for the same seed.

use super::Recording;

/// Numbers that parsers stumble over.
const NUMBERS: [u32; 12] = [0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x1_0000, 0xFF_FFFE, 0xFF_FFFF, 0x100_0000, 0x7FFF_FFFF, 0xFFFF_FFFF];
/// Most faults in one session.
const MAX_FAULTS: u64 = 4;
/// Of so many sessions ...
const IN: u64 = 10;
/// ... that many are damaged only after their `publish`.
const LATE: u64 = 6;

/// SplitMix64: small, and the same everywhere.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// Seeded.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Below `bound`, which must not be 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.draw() % bound
    }

    fn index(&mut self, len: usize) -> usize {
        self.below(len.max(1) as u64) as usize
    }
}

/// The bytes of `recording`, damaged as `seed` says, in the pieces in which they are to be sent.
pub fn mutate(recording: &Recording, seed: u64) -> Vec<Vec<u8>> {
    let mut rng = Rng::new(seed);
    let mut messages = recording.messages.clone();
    let from = if rng.below(IN) < LATE { recording.publish + 1 } else { 0 };
    for _ in 0..=rng.below(MAX_FAULTS) {
        if messages.len() > from {
            fault(&mut messages, from, &mut rng);
        }
    }
    recut(&messages, &mut rng)
}

fn fault(messages: &mut Vec<Vec<u8>>, from: usize, rng: &mut Rng) {
    let index = from + rng.index(messages.len() - from);
    let other = from + rng.index(messages.len() - from);
    let message = &mut messages[index];
    // Half of the time near the front, where the headers are.
    let reach = if rng.below(2) == 0 { message.len().min(32) } else { message.len() };
    let at = rng.index(reach);
    match rng.below(12) {
        0 => {
            if let Some(byte) = message.get_mut(at) {
                *byte ^= 1 << rng.below(8);
            }
        }
        1 => {
            if let Some(byte) = message.get_mut(at) {
                *byte = rng.draw() as u8;
            }
        }
        2 | 3 => {
            let number = NUMBERS[rng.index(NUMBERS.len())].to_be_bytes();
            let width = 1 + rng.index(4);
            let end = message.len().min(at + width);
            message[at.min(end)..end].copy_from_slice(&number[4 - width..][..end - at.min(end)]);
        }
        4 => {
            let bytes: Vec<u8> = (0..=rng.below(64)).map(|_| rng.draw() as u8).collect();
            message.splice(at..at, bytes);
        }
        5 => {
            let end = message.len().min(at + 1 + rng.index(64));
            message.drain(at.min(end)..end);
        }
        6 => message.truncate(at),
        7 => {
            let copy = message.clone();
            messages.insert(other, copy);
        }
        8 => {
            messages.remove(index);
        }
        9 => messages.swap(index, other),
        10 => {
            // one message in the middle of another
            let inner = messages[other].clone();
            messages[index].splice(at..at, inner);
        }
        _ => {
            // an AMF0 or FLV marker where there was something else
            if let Some(byte) = message.get_mut(at) {
                *byte = rng.below(0x20) as u8;
            }
        }
    }
}

fn recut(messages: &[Vec<u8>], rng: &mut Rng) -> Vec<Vec<u8>> {
    let largest = match rng.below(4) {
        0 => return messages.to_vec(),
        1 => 16,
        2 => 1460,
        _ => 65_536,
    };
    let bytes = messages.concat();
    let mut rest = &bytes[..];
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.len().min(1 + rng.index(largest)));
        pieces.push(piece.to_vec());
        rest = after;
    }
    pieces
}
