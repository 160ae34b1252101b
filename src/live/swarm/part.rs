//! A part as the origin gives it to a swarm: its signed manifest, and its slices.

use bytes::{Bytes, BytesMut};
use ed25519_dalek::SigningKey;
use media::MediaTime;
use p2p_peer::wire::message::{Message, Slice};
use p2p_peer::wire::{Manifest, Place, SwarmId, slices};
use segmenter::growth::Grown;

/// A part of a rendition with its manifest.
#[derive(Debug)]
pub struct Part {
    /// Index of its rendition.
    pub rendition: u8,
    /// Where it is.
    pub place: Place,
    /// How long it is.
    pub duration: MediaTime,
    /// Nothing follows.
    pub last: bool,
    /// The signed manifest.
    pub manifest: Bytes,
    bytes: Bytes,
    stripes: u8,
}

impl Part {
    /// Hashes and signs. `None`: beyond what the protocol can name (six megabytes, a thousand parts in a segment).
    pub fn sign(key: &SigningKey, swarm: SwarmId, stripes: u8, rendition: u8, grown: Grown) -> Option<Self> {
        let place = Place::new(u32::try_from(grown.msn).ok()?, u32::try_from(grown.part).ok()?)?;
        let flag = |is: bool, flag: u8| if is { flag } else { 0 };
        // To the nearest millisecond.
        let duration_ms = (grown.duration.as_nanos().max(0) + 500_000) / 1_000_000;
        let manifest = Manifest {
            rendition,
            place,
            time_ms: u64::try_from(grown.program_date_time).unwrap_or(0),
            duration_ms: u16::try_from(duration_ms).unwrap_or(u16::MAX),
            size: u32::try_from(grown.bytes.len()).ok()?,
            flags: flag(grown.independent, Manifest::INDEPENDENT) | flag(grown.gap, Manifest::GAP) | flag(grown.end, Manifest::LAST),
            hashes: slices::hashes(&grown.bytes, stripes),
            text: grown.text,
        };
        let signed = manifest.sign(key, swarm).ok()?;
        let (duration, last, bytes) = (grown.duration, grown.end, grown.bytes);
        Some(Self { rendition, place, duration, last, manifest: signed, bytes, stripes })
    }

    /// What a stripe stream says of it: its manifest, and the slices of the stripes in `wanted` (a bit each).
    pub fn frames(&self, wanted: u32) -> Bytes {
        let mut frames = BytesMut::from(&*Message::Manifest(self.manifest.clone()).encode_frame());
        // Its bytes were hashed with a length that fits.
        let size = self.bytes.len() as u32;
        let count = slices::count(size, self.stripes);
        for index in (0..count).filter(|index| wanted & (1 << slices::stripe_of(*index, self.stripes)) != 0) {
            let range = slices::range(size, count, index);
            let bytes = self.bytes.slice(range.start as usize..range.end as usize);
            let slice = Slice { rendition: self.rendition, place: self.place, index: index as u16, length: bytes.len() as u32, bytes };
            frames.extend_from_slice(&Message::Slice(slice).encode_frame());
        }
        frames.freeze()
    }
}
