use std::{borrow::Cow, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// 20 bytes that name a peer: `-SH0100-` and 12 random ones.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub [u8; 20]);

impl PeerId {
    /// What ids of this program begin with.
    pub const PREFIX: [u8; 8] = *b"-SH0100-";

    /// A new id from `random`.
    #[must_use]
    pub fn new(random: [u8; 12]) -> Self {
        let mut id = [0; 20];
        id[..8].copy_from_slice(&Self::PREFIX);
        id[8..].copy_from_slice(&random);
        Self(id)
    }

    /// The last four bytes, most significant first: how paths name peers.
    #[must_use]
    pub const fn short(&self) -> ShortId {
        let id = &self.0;
        ShortId(u32::from_be_bytes([id[16], id[17], id[18], id[19]]))
    }
}

/// 20 random bytes that name the swarm of one broadcast: the `info_hash` at the tracker.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SwarmId(pub [u8; 20]);

macro_rules! hex_id {
    ($name:ident) => {
        impl $name {
            /// Of 40 hexadecimal digits, as JSON has it.
            #[must_use]
            pub fn from_hex(text: &str) -> Option<Self> {
                let mut id = [0; 20];
                hex::decode_to_slice(text, &mut id).ok()?;
                Some(Self(id))
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                Self::from_hex(&text).ok_or_else(|| D::Error::custom("an id is 40 hexadecimal digits"))
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}
hex_id!(PeerId);
hex_id!(SwarmId);

/// The last four bytes of a [`PeerId`].
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[serde(transparent)]
pub struct ShortId(pub u32);

/// Where a part is in its broadcast: `msn << 10 | part`. Places grow with time.
#[derive(Default, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[serde(transparent)]
pub struct Place(pub u32);

impl Place {
    /// Highest media sequence number that a place can hold.
    pub const MAX_MSN: u32 = (1 << 22) - 1;
    /// Highest index of a part in its segment.
    pub const MAX_PART: u32 = (1 << 10) - 1;

    /// The place of part `part` of segment `msn`; `None` beyond [`Self::MAX_MSN`] or [`Self::MAX_PART`].
    #[must_use]
    pub const fn new(msn: u32, part: u32) -> Option<Self> {
        if msn > Self::MAX_MSN || part > Self::MAX_PART { None } else { Some(Self(msn << 10 | part)) }
    }

    /// Media sequence number of the segment.
    #[must_use]
    pub const fn msn(self) -> u32 {
        self.0 >> 10
    }

    /// Index of the part in its segment.
    #[must_use]
    pub const fn part(self) -> u32 {
        self.0 & Self::MAX_PART
    }
}
