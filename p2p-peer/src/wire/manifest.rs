//! The manifest of a part: what it is, the hashes of its slices, the playlist's new lines; signed by the origin.

use bytes::{BufMut, Bytes, BytesMut};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use super::{
    Place, Reader, SwarmId, VERSION, WireError,
    slices::{self, SliceHash},
};

/// Longest manifest in bytes: one message between peers, without its type.
pub const MAX_MANIFEST_BYTES: usize = super::message::MAX_MESSAGE_BYTES - 1;

/// What a signature is over begins with this, so that no other signature of the key passes for a manifest's.
const CONTEXT: &[u8; 16] = b"shoal-manifest-1";
const SIGNATURE_BYTES: usize = 64;

/// A part as its origin describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Index into the renditions that the token endpoint names.
    pub rendition: u8,
    /// Where the part is.
    pub place: Place,
    /// Program date-time of the part's start, in ms since 1970.
    pub time_ms: u64,
    /// Duration in ms, rounded.
    pub duration_ms: u16,
    /// Bytes of the part; 0 for a gap.
    pub size: u32,
    /// [`Self::INDEPENDENT`], [`Self::GAP`], [`Self::LAST`]; other bits are to be ignored.
    pub flags: u8,
    /// Hash of each slice, see [`slices::hashes`].
    pub hashes: Vec<SliceHash>,
    /// The lines by which the media playlist grew with this part, each ended by `\n`.
    pub text: String,
}

impl Manifest {
    /// Flag: the part begins with a keyframe.
    pub const INDEPENDENT: u8 = 1;
    /// Flag: the origin has no bytes for this part.
    pub const GAP: u8 = 2;
    /// Flag: the broadcast ends with this part.
    pub const LAST: u8 = 4;

    /// Whether the part begins with a keyframe.
    #[must_use]
    pub const fn independent(&self) -> bool {
        self.flags & Self::INDEPENDENT != 0
    }

    /// Whether there is no part here.
    #[must_use]
    pub const fn gap(&self) -> bool {
        self.flags & Self::GAP != 0
    }

    /// Whether the broadcast ends with this part.
    #[must_use]
    pub const fn last(&self) -> bool {
        self.flags & Self::LAST != 0
    }

    /// Whether `bytes` are slice `index` of the part.
    #[must_use]
    pub fn matches(&self, index: usize, bytes: &[u8]) -> bool {
        self.hashes.get(index).is_some_and(|hash| slices::hash(bytes) == *hash)
    }

    /// The manifest's bytes, signed for `swarm`.
    ///
    /// # Errors
    /// [`WireError::Limit`] if the text makes it longer than [`MAX_MANIFEST_BYTES`], or there are more than [`slices::MAX_SLICES`].
    pub fn sign(&self, key: &SigningKey, swarm: SwarmId) -> Result<Bytes, WireError> {
        let fixed = 1 + 1 + 4 + 8 + 2 + 4 + 1 + 2 + 2;
        let len = fixed + 16 * self.hashes.len() + self.text.len() + SIGNATURE_BYTES;
        if len > MAX_MANIFEST_BYTES || self.hashes.len() > slices::MAX_SLICES as usize {
            return Err(WireError::Limit);
        }
        // The context and the swarm are signed, but not sent.
        let mut signed = BytesMut::with_capacity(36 + len);
        signed.put_slice(CONTEXT);
        signed.put_slice(&swarm.0);
        signed.put_u8(VERSION);
        signed.put_u8(self.rendition);
        signed.put_u32_le(self.place.0);
        signed.put_u64_le(self.time_ms);
        signed.put_u16_le(self.duration_ms);
        signed.put_u32_le(self.size);
        signed.put_u8(self.flags);
        signed.put_u16_le(self.hashes.len() as u16);
        signed.put_slice(self.hashes.as_flattened());
        signed.put_u16_le(self.text.len() as u16);
        signed.put_slice(self.text.as_bytes());
        let signature = key.sign(&signed);
        signed.put_slice(&signature.to_bytes());
        Ok(signed.freeze().slice(36..))
    }
}

/// A manifest as it came, not yet trusted: [`Unverified::verify`] gives the [`Manifest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unverified {
    manifest: Manifest,
    bytes: Bytes,
}

/// Reads a manifest of a swarm of `stripes`. What it says is not to be used before [`Unverified::verify`].
///
/// # Errors
/// [`WireError::Length`], [`WireError::Version`], [`WireError::Slices`], [`WireError::Text`]: whoever sent it is to be banned.
pub fn parse(bytes: Bytes, stripes: u8) -> Result<Unverified, WireError> {
    if bytes.len() > MAX_MANIFEST_BYTES {
        return Err(WireError::Length);
    }
    let mut reader = Reader(bytes.clone());
    let version = reader.u8()?;
    if version != VERSION {
        return Err(WireError::Version);
    }
    let rendition = reader.u8()?;
    let place = Place(reader.u32()?);
    let time_ms = reader.u64()?;
    let duration_ms = reader.u16()?;
    let size = reader.u32()?;
    let flags = reader.u8()?;
    let n = reader.u16()?;
    let hashes = reader.take(16 * usize::from(n))?;
    let text_len = reader.u16()?;
    let text = reader.take(usize::from(text_len))?;
    reader.take(SIGNATURE_BYTES)?;
    reader.end()?;
    if u32::from(n) != slices::count(size, stripes) || u32::from(n) > slices::MAX_SLICES || (flags & Manifest::GAP != 0 && size != 0) {
        return Err(WireError::Slices);
    }
    let text = String::from_utf8(text.to_vec()).map_err(|_| WireError::Text)?;
    let (hashes, _) = hashes.as_chunks::<16>();
    Ok(Unverified { manifest: Manifest { rendition, place, time_ms, duration_ms, size, flags, hashes: hashes.to_vec(), text }, bytes })
}

impl Unverified {
    /// The manifest, if the origin's key signed it for this swarm.
    ///
    /// # Errors
    /// [`WireError::Signature`]: whoever sent it is to be banned.
    pub fn verify(self, key: &VerifyingKey, swarm: SwarmId) -> Result<Manifest, WireError> {
        let (body, signature) = self.bytes.split_at(self.bytes.len() - SIGNATURE_BYTES);
        let signature = Signature::from_slice(signature).map_err(|_| WireError::Signature)?;
        let mut signed = Vec::with_capacity(36 + body.len());
        signed.extend_from_slice(CONTEXT);
        signed.extend_from_slice(&swarm.0);
        signed.extend_from_slice(body);
        key.verify_strict(&signed, &signature).map_err(|_| WireError::Signature)?;
        Ok(self.manifest)
    }

    /// The place it claims.
    #[must_use]
    pub const fn place(&self) -> Place {
        self.manifest.place
    }

    /// The rendition it claims.
    #[must_use]
    pub const fn rendition(&self) -> u8 {
        self.manifest.rendition
    }

    /// Its bytes as they came.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The manifest of bytes that came from the origin itself over TLS or from this process.
    #[must_use]
    pub fn trust(self) -> Manifest {
        self.manifest
    }
}
