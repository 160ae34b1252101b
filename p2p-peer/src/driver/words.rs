//! The scheduler's messages on the wire, and back.

use crate::{
    core::{Bits, HavePart, Message},
    wire::{self, PeerId, ShortId, SwarmId, message::Bitmap, message::Reason},
};

fn bitmap(slices: u16, bits: &Bits) -> Bitmap {
    Bitmap::new(slices.min(255) as u8, (0..slices).filter(|i| bits.has(*i)).map(usize::from))
}

fn bits(bitmap: &Bitmap) -> (u16, Bits) {
    (bitmap.n().into(), Bits::from_bytes(bitmap.n().into(), bitmap.as_bytes()))
}

pub(super) fn to_wire(message: Message, peer: PeerId, swarm: SwarmId) -> wire::Message {
    let ids = |path: Vec<u32>| path.into_iter().map(ShortId).collect();
    match message {
        Message::Hello { slots, newest } => {
            wire::Message::Hello { version: wire::VERSION, peer, swarm, slots: slots.min(255) as u8, newest }
        }
        Message::Have { rendition, parts } => {
            let parts = parts.iter().map(|part| (part.place, bitmap(part.slices, &part.bits))).collect();
            wire::Message::Have { rendition, parts }
        }
        Message::Subscribe { rendition, stripe, from, manifests } => wire::Message::Subscribe { rendition, stripe, from, manifests },
        Message::Accept { rendition, stripe, path } => wire::Message::Accept { rendition, stripe, path: ids(path) },
        Message::Reject { rendition, stripe, reason, alternatives } => {
            wire::Message::Reject { rendition, stripe, reason: Reason(reason), alternatives }
        }
        Message::Path { rendition, stripe, path } => wire::Message::Path { rendition, stripe, path: ids(path) },
        Message::Request { rendition, place, slices, bits } => wire::Message::Request { rendition, place, slices: bitmap(slices, &bits) },
        Message::Cancel { rendition, place, slices, bits } => wire::Message::Cancel { rendition, place, slices: bitmap(slices, &bits) },
        Message::Unsubscribe { rendition, stripe } => wire::Message::Unsubscribe { rendition, stripe },
        Message::Ping { nonce } => wire::Message::Ping { nonce },
        Message::Pong { nonce } => wire::Message::Pong { nonce },
        Message::Bye => wire::Message::Bye,
    }
}

/// `None` for SLICE, DATA and MANIFEST, which are the driver's.
pub(super) fn from_wire(message: wire::Message) -> Option<Message> {
    let ids = |path: Vec<ShortId>| path.into_iter().map(|id| id.0).collect();
    Some(match message {
        wire::Message::Hello { slots, newest, .. } => Message::Hello { slots: slots.into(), newest },
        wire::Message::Have { rendition, parts } => {
            let part = |(place, bitmap): &(_, Bitmap)| {
                let (slices, bits) = bits(bitmap);
                HavePart { place: *place, slices, bits }
            };
            Message::Have { rendition, parts: parts.iter().map(part).collect() }
        }
        wire::Message::Subscribe { rendition, stripe, from, manifests } => Message::Subscribe { rendition, stripe, from, manifests },
        wire::Message::Accept { rendition, stripe, path } => Message::Accept { rendition, stripe, path: ids(path) },
        wire::Message::Reject { rendition, stripe, reason, alternatives } => {
            Message::Reject { rendition, stripe, reason: reason.0, alternatives }
        }
        wire::Message::Path { rendition, stripe, path } => Message::Path { rendition, stripe, path: ids(path) },
        wire::Message::Request { rendition, place, slices } => {
            let (slices, bits) = bits(&slices);
            Message::Request { rendition, place, slices, bits }
        }
        wire::Message::Cancel { rendition, place, slices } => {
            let (slices, bits) = bits(&slices);
            Message::Cancel { rendition, place, slices, bits }
        }
        wire::Message::Unsubscribe { rendition, stripe } => Message::Unsubscribe { rendition, stripe },
        wire::Message::Ping { nonce } => Message::Ping { nonce },
        wire::Message::Pong { nonce } => Message::Pong { nonce },
        wire::Message::Bye => Message::Bye,
        wire::Message::Slice(_) | wire::Message::Data(_) | wire::Message::Manifest(_) => return None,
    })
}
