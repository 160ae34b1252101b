//! The messages between peers, and the frames of the origin's stripe stream.

use bytes::{BufMut, Bytes, BytesMut};

use super::{PeerId, Place, Reader, ShortId, SwarmId, WireError, slices::MAX_SLICE_BYTES};

/// Longest message between peers.
pub const MAX_MESSAGE_BYTES: usize = MAX_PAYLOAD_BYTES + 32;
/// Most bytes of a slice in one SLICE or DATA: messages of 16 KiB are fastest.
pub const MAX_PAYLOAD_BYTES: usize = 16_384;
/// Longest message of the stripe stream: a whole SLICE.
pub const MAX_FRAME_BYTES: usize = SLICE_HEADER_BYTES + MAX_SLICE_BYTES as usize;
/// Most parts of a HAVE.
pub const MAX_PARTS: usize = 64;
/// Most peers on a path.
pub const MAX_PATH: usize = 16;
/// Most alternatives of a REJECT.
pub const MAX_ALTERNATIVES: usize = 8;

const SLICE_HEADER_BYTES: usize = 1 + 1 + 4 + 2 + 4;

/// Which slices of a part: bit `i & 7` of byte `i >> 3`. Bits beyond `n` mean nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bitmap {
    n: u8,
    bits: Bytes,
}

impl Bitmap {
    /// The bitmap of `n` slices that has those of `indices`; others are ignored.
    #[must_use]
    pub fn new(n: u8, indices: impl IntoIterator<Item = usize>) -> Self {
        let mut bits = vec![0; usize::from(n).div_ceil(8)];
        for i in indices.into_iter().filter(|i| *i < usize::from(n)) {
            bits[i >> 3] |= 1 << (i & 7);
        }
        Self { n, bits: bits.into() }
    }

    /// How many slices the part has.
    #[must_use]
    pub const fn n(&self) -> u8 {
        self.n
    }

    /// Whether slice `index` is in it.
    #[must_use]
    pub fn has(&self, index: usize) -> bool {
        index < usize::from(self.n) && self.bits[index >> 3] & (1 << (index & 7)) != 0
    }

    /// The slices in it, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        (0..usize::from(self.n)).filter(|i| self.has(*i))
    }

    /// Its bytes as they are on the wire.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bits
    }

    fn read(reader: &mut Reader) -> Result<Self, WireError> {
        let n = reader.u8()?;
        Ok(Self { n, bits: reader.take(usize::from(n).div_ceil(8))? })
    }

    fn write(&self, out: &mut BytesMut) {
        out.put_u8(self.n);
        out.put_slice(&self.bits);
    }
}

/// Why a peer does not take a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reason(pub u8);

impl Reason {
    /// No free slot.
    pub const FULL: Self = Self(1);
    /// The path would get too long.
    pub const TOO_DEEP: Self = Self(2);
    /// The asker is on the path.
    pub const LOOP: Self = Self(3);
    /// It does not have the stripe itself.
    pub const NO_SOURCE: Self = Self(4);
    /// Its uplink is congested.
    pub const OVERLOADED: Self = Self(5);
    /// It does not share this rendition.
    pub const NOT_SHARED: Self = Self(6);
}

/// A message between peers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// First of each side.
    Hello {
        /// Version of the protocol.
        version: u8,
        /// The sender.
        peer: PeerId,
        /// The swarm it means.
        swarm: SwarmId,
        /// Free child stripes.
        slots: u8,
        /// Newest part it knows; `Place(0)`: none.
        newest: Place,
    },
    /// Slices the sender holds.
    Have {
        /// Rendition.
        rendition: u8,
        /// Parts and which of their slices.
        parts: Vec<(Place, Bitmap)>,
    },
    /// Asks to be pushed a stripe.
    Subscribe {
        /// Rendition.
        rendition: u8,
        /// Stripe.
        stripe: u8,
        /// First part wanted.
        from: Place,
        /// Whether manifests are to be sent too.
        manifests: bool,
    },
    /// The subscription holds.
    Accept {
        /// Rendition.
        rendition: u8,
        /// Stripe.
        stripe: u8,
        /// From the root to the sender, both included.
        path: Vec<ShortId>,
    },
    /// The subscription does not hold (any more).
    Reject {
        /// Rendition.
        rendition: u8,
        /// Stripe.
        stripe: u8,
        /// Why.
        reason: Reason,
        /// Peers to ask instead.
        alternatives: Vec<PeerId>,
    },
    /// The path of a subscription has changed.
    Path {
        /// Rendition.
        rendition: u8,
        /// Stripe.
        stripe: u8,
        /// From the root to the sender, both included.
        path: Vec<ShortId>,
    },
    /// A manifest, unread: see [`super::manifest::parse`].
    Manifest(Bytes),
    /// A slice, or its first bytes.
    Slice(Slice),
    /// The next bytes of the last SLICE.
    Data(Bytes),
    /// Asks for slices.
    Request {
        /// Rendition.
        rendition: u8,
        /// Part.
        place: Place,
        /// Slices wanted.
        slices: Bitmap,
    },
    /// Takes a REQUEST back.
    Cancel {
        /// Rendition.
        rendition: u8,
        /// Part.
        place: Place,
        /// Slices no longer wanted.
        slices: Bitmap,
    },
    /// Ends a subscription.
    Unsubscribe {
        /// Rendition.
        rendition: u8,
        /// Stripe.
        stripe: u8,
    },
    /// Asks for a PONG.
    Ping {
        /// Comes back.
        nonce: u32,
    },
    /// Answers a PING.
    Pong {
        /// The PING's.
        nonce: u32,
    },
    /// The sender leaves.
    Bye,
}

/// A slice, or the first bytes of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// Rendition.
    pub rendition: u8,
    /// Part.
    pub place: Place,
    /// Which slice of the part.
    pub index: u16,
    /// Bytes of the whole slice.
    pub length: u32,
    /// The bytes that came with it.
    pub bytes: Bytes,
}

impl Message {
    /// Reads one message; `None` for a type that is not known, which is to be ignored.
    ///
    /// # Errors
    /// [`WireError::Length`] or [`WireError::Limit`]: the pair is to be closed.
    pub fn parse(bytes: Bytes) -> Result<Option<Self>, WireError> {
        if bytes.len() > MAX_MESSAGE_BYTES {
            return Err(WireError::Limit);
        }
        Self::parse_with(bytes, MAX_PAYLOAD_BYTES)
    }

    /// Reads one message of the stripe stream, where a SLICE is whole.
    ///
    /// # Errors
    /// [`WireError::Length`] or [`WireError::Limit`]: the stream is broken.
    pub fn parse_frame(bytes: Bytes) -> Result<Option<Self>, WireError> {
        if bytes.len() > MAX_FRAME_BYTES {
            return Err(WireError::Limit);
        }
        match Self::parse_with(bytes, MAX_SLICE_BYTES as usize)? {
            Some(Self::Slice(slice)) if slice.bytes.len() != slice.length as usize => Err(WireError::Length),
            message => Ok(message),
        }
    }

    fn parse_with(bytes: Bytes, max_payload: usize) -> Result<Option<Self>, WireError> {
        let mut r = Reader(bytes);
        let message = match r.u8()? {
            1 => Self::Hello {
                version: r.u8()?,
                peer: PeerId(r.array()?),
                swarm: SwarmId(r.array()?),
                slots: r.u8()?,
                newest: Place(r.u32()?),
            },
            2 => {
                let rendition = r.u8()?;
                let count = bounded(r.u8()?, MAX_PARTS)?;
                let parts = (0..count).map(|_| Ok((Place(r.u32()?), Bitmap::read(&mut r)?))).collect::<Result<_, _>>()?;
                Self::Have { rendition, parts }
            }
            3 => Self::Subscribe { rendition: r.u8()?, stripe: r.u8()?, from: Place(r.u32()?), manifests: r.u8()? & 1 != 0 },
            4 => Self::Accept { rendition: r.u8()?, stripe: r.u8()?, path: read_path(&mut r)? },
            5 => {
                let (rendition, stripe, reason) = (r.u8()?, r.u8()?, Reason(r.u8()?));
                let count = bounded(r.u8()?, MAX_ALTERNATIVES)?;
                let alternatives = (0..count).map(|_| Ok(PeerId(r.array()?))).collect::<Result<_, _>>()?;
                Self::Reject { rendition, stripe, reason, alternatives }
            }
            6 => Self::Path { rendition: r.u8()?, stripe: r.u8()?, path: read_path(&mut r)? },
            7 => return Ok(Some(Self::Manifest(payload(r, MAX_MESSAGE_BYTES)?))),
            8 => {
                let (rendition, place, index, length) = (r.u8()?, Place(r.u32()?), r.u16()?, r.u32()?);
                if length == 0 || length > MAX_SLICE_BYTES {
                    return Err(WireError::Limit);
                }
                let bytes = payload(r, max_payload)?;
                if bytes.len() > length as usize {
                    return Err(WireError::Length);
                }
                return Ok(Some(Self::Slice(Slice { rendition, place, index, length, bytes })));
            }
            9 => return Ok(Some(Self::Data(payload(r, max_payload)?))),
            10 => Self::Request { rendition: r.u8()?, place: Place(r.u32()?), slices: Bitmap::read(&mut r)? },
            11 => Self::Cancel { rendition: r.u8()?, place: Place(r.u32()?), slices: Bitmap::read(&mut r)? },
            12 => Self::Unsubscribe { rendition: r.u8()?, stripe: r.u8()? },
            13 => Self::Ping { nonce: r.u32()? },
            14 => Self::Pong { nonce: r.u32()? },
            15 => Self::Bye,
            _ => return Ok(None),
        };
        r.end()?;
        Ok(Some(message))
    }

    /// The message's bytes. A SLICE or DATA is written with all the bytes it holds: cut them with [`Slice::messages`].
    /// Lists longer than the protocol allows are cut to its bounds.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(64);
        match self {
            Self::Hello { version, peer, swarm, slots, newest } => {
                out.put_slice(&[1, *version]);
                out.put_slice(&peer.0);
                out.put_slice(&swarm.0);
                out.put_u8(*slots);
                out.put_u32_le(newest.0);
            }
            Self::Have { rendition, parts } => {
                let parts = &parts[..parts.len().min(MAX_PARTS)];
                out.put_slice(&[2, *rendition, parts.len() as u8]);
                for (place, slices) in parts {
                    out.put_u32_le(place.0);
                    slices.write(&mut out);
                }
            }
            Self::Subscribe { rendition, stripe, from, manifests } => {
                out.put_slice(&[3, *rendition, *stripe]);
                out.put_u32_le(from.0);
                out.put_u8(u8::from(*manifests));
            }
            Self::Accept { rendition, stripe, path } => write_path(&mut out, 4, *rendition, *stripe, path),
            Self::Reject { rendition, stripe, reason, alternatives } => {
                let alternatives = &alternatives[..alternatives.len().min(MAX_ALTERNATIVES)];
                out.put_slice(&[5, *rendition, *stripe, reason.0, alternatives.len() as u8]);
                for peer in alternatives {
                    out.put_slice(&peer.0);
                }
            }
            Self::Path { rendition, stripe, path } => write_path(&mut out, 6, *rendition, *stripe, path),
            Self::Manifest(bytes) => {
                out.put_u8(7);
                out.put_slice(bytes);
            }
            Self::Slice(slice) => slice.write(&mut out, &slice.bytes),
            Self::Data(bytes) => {
                out.put_u8(9);
                out.put_slice(bytes);
            }
            Self::Request { rendition, place, slices } => write_wanted(&mut out, 10, *rendition, *place, slices),
            Self::Cancel { rendition, place, slices } => write_wanted(&mut out, 11, *rendition, *place, slices),
            Self::Unsubscribe { rendition, stripe } => out.put_slice(&[12, *rendition, *stripe]),
            Self::Ping { nonce } => {
                out.put_u8(13);
                out.put_u32_le(*nonce);
            }
            Self::Pong { nonce } => {
                out.put_u8(14);
                out.put_u32_le(*nonce);
            }
            Self::Bye => out.put_u8(15),
        }
        out.freeze()
    }

    /// The message as the stripe stream frames it: its length as u32, then itself.
    #[must_use]
    pub fn encode_frame(&self) -> Bytes {
        let message = self.encode();
        let mut out = BytesMut::with_capacity(4 + message.len());
        out.put_u32_le(message.len() as u32);
        out.put_slice(&message);
        out.freeze()
    }
}

impl Slice {
    /// The messages that carry this slice (`bytes` is all of it) between peers: one SLICE, and DATA as needed.
    pub fn messages(&self) -> impl Iterator<Item = Bytes> {
        self.bytes.chunks(MAX_PAYLOAD_BYTES).enumerate().map(|(i, chunk)| {
            let mut out = BytesMut::with_capacity(SLICE_HEADER_BYTES + chunk.len());
            if i == 0 {
                self.write(&mut out, chunk);
            } else {
                out.put_u8(9);
                out.put_slice(chunk);
            }
            out.freeze()
        })
    }

    fn write(&self, out: &mut BytesMut, bytes: &[u8]) {
        out.reserve(SLICE_HEADER_BYTES + bytes.len());
        out.put_slice(&[8, self.rendition]);
        out.put_u32_le(self.place.0);
        out.put_u16_le(self.index);
        out.put_u32_le(self.length);
        out.put_slice(bytes);
    }
}

/// Puts the slices of one channel together: one at a time, at most [`MAX_SLICE_BYTES`].
#[derive(Debug, Default)]
pub struct Assembler(Option<(Slice, BytesMut)>);

impl Assembler {
    /// Takes a SLICE; gives it back if it is whole.
    ///
    /// # Errors
    /// [`WireError::Sequence`] if the slice before is not: the pair is to be closed.
    pub fn slice(&mut self, slice: Slice) -> Result<Option<Slice>, WireError> {
        if self.0.is_some() {
            return Err(WireError::Sequence);
        }
        if slice.bytes.len() == slice.length as usize {
            return Ok(Some(slice));
        }
        let mut bytes = BytesMut::with_capacity(slice.length as usize);
        bytes.put_slice(&slice.bytes);
        self.0 = Some((slice, bytes));
        Ok(None)
    }

    /// Whether a slice is open: until it is whole nothing but its DATA may come.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.0.is_some()
    }

    /// Takes DATA; gives the slice back that it made whole.
    ///
    /// # Errors
    /// [`WireError::Sequence`] if no slice is open or this goes beyond it: the pair is to be closed.
    pub fn data(&mut self, data: &[u8]) -> Result<Option<Slice>, WireError> {
        let (mut slice, mut bytes) = self.0.take().ok_or(WireError::Sequence)?;
        let length = slice.length as usize;
        if bytes.len() + data.len() > length {
            return Err(WireError::Sequence);
        }
        bytes.put_slice(data);
        if bytes.len() < length {
            self.0 = Some((slice, bytes));
            return Ok(None);
        }
        slice.bytes = bytes.freeze();
        Ok(Some(slice))
    }
}

/// Reads the frames of a stripe stream as its bytes come in.
#[derive(Debug, Default)]
pub struct Frames(BytesMut);

impl Frames {
    /// Takes the next bytes. Call [`Self::next`] until it has none before giving more: it holds what was given.
    pub fn push(&mut self, bytes: &[u8]) {
        self.0.put_slice(bytes);
    }

    /// The next whole message; `Ok(None)` if there is none yet. Unknown types are skipped.
    ///
    /// # Errors
    /// As [`Message::parse_frame`]: the stream is broken.
    #[expect(clippy::should_implement_trait, reason = "errors end it, and None does not")]
    pub fn next(&mut self) -> Result<Option<Message>, WireError> {
        while let Some((length, _)) = self.0.split_first_chunk::<4>() {
            let length = u32::from_le_bytes(*length) as usize;
            if length > MAX_FRAME_BYTES {
                return Err(WireError::Limit);
            }
            if self.0.len() < 4 + length {
                break;
            }
            let frame = self.0.split_to(4 + length).freeze().slice(4..);
            if let Some(message) = Message::parse_frame(frame)? {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }
}

fn bounded(count: u8, limit: usize) -> Result<usize, WireError> {
    let count = usize::from(count);
    if count > limit { Err(WireError::Limit) } else { Ok(count) }
}

fn payload(reader: Reader, limit: usize) -> Result<Bytes, WireError> {
    let bytes = reader.rest();
    match bytes.len() {
        0 => Err(WireError::Length),
        len if len > limit => Err(WireError::Limit),
        _ => Ok(bytes),
    }
}

fn read_path(r: &mut Reader) -> Result<Vec<ShortId>, WireError> {
    let count = bounded(r.u8()?, MAX_PATH)?;
    (0..count).map(|_| Ok(ShortId(r.u32()?))).collect()
}

fn write_path(out: &mut BytesMut, kind: u8, rendition: u8, stripe: u8, path: &[ShortId]) {
    let path = &path[..path.len().min(MAX_PATH)];
    out.put_slice(&[kind, rendition, stripe, path.len() as u8]);
    for id in path {
        out.put_u32_le(id.0);
    }
}

fn write_wanted(out: &mut BytesMut, kind: u8, rendition: u8, place: Place, slices: &Bitmap) {
    out.put_slice(&[kind, rendition]);
    out.put_u32_le(place.0);
    slices.write(out);
}
