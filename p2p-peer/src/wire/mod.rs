//! What peers, tracker and origin say to each other: ids, places, slices, manifests, messages.
//!
//! Every parser takes bytes from strangers: lengths are exact, counts bounded, nothing panics. `vectors/` holds test vectors that the engine of
//! the pages checks as well.

mod id;
pub mod manifest;
pub mod message;
pub mod slices;

pub use id::{PeerId, Place, ShortId, SwarmId};
pub use manifest::Manifest;
pub use message::Message;

use bytes::Bytes;

/// Version of the protocol, in HELLO, in manifests and at the tracker.
pub const VERSION: u8 = 1;

/// Why bytes were refused. Always the fault of who sent them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// Fewer or more bytes than the fields take.
    #[error("wrong length")]
    Length,
    /// A count or length over its bound.
    #[error("over a limit")]
    Limit,
    /// A version this program does not speak.
    #[error("unknown version")]
    Version,
    /// The number of slices is not that of the rule.
    #[error("wrong number of slices")]
    Slices,
    /// Text that is not UTF-8.
    #[error("text is not UTF-8")]
    Text,
    /// The signature does not match.
    #[error("wrong signature")]
    Signature,
    /// DATA without or beyond its SLICE, or a SLICE before the last one was whole.
    #[error("message out of sequence")]
    Sequence,
}

impl WireError {
    /// The word for it in the test vectors.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Length => "length",
            Self::Limit => "limit",
            Self::Version => "version",
            Self::Slices => "slices",
            Self::Text => "text",
            Self::Signature => "signature",
            Self::Sequence => "sequence",
        }
    }
}

/// Reads little-endian fields off the front of a message.
struct Reader(Bytes);

impl Reader {
    fn take(&mut self, len: usize) -> Result<Bytes, WireError> {
        if len > self.0.len() {
            return Err(WireError::Length);
        }
        Ok(self.0.split_to(len))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (head, _) = self.0.split_first_chunk::<N>().ok_or(WireError::Length)?;
        let head = *head;
        self.take(N)?;
        Ok(head)
    }

    fn u8(&mut self) -> Result<u8, WireError> {
        Ok(self.array::<1>()?[0])
    }

    fn u16(&mut self) -> Result<u16, WireError> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    fn u32(&mut self) -> Result<u32, WireError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn u64(&mut self) -> Result<u64, WireError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    fn rest(self) -> Bytes {
        self.0
    }

    fn end(self) -> Result<(), WireError> {
        if self.0.is_empty() { Ok(()) } else { Err(WireError::Length) }
    }
}

#[cfg(test)]
mod tests;
