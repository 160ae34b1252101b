use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A set of slices of one part: a bit for each of at most 255. Small, as there is one for each part and neighbour.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bits {
    /// Slices there are.
    len: u16,
    low: u64,
    /// Slices 64 and up, of the few parts that have so many.
    high: Option<Box<[u64; 3]>>,
}

impl Bits {
    /// None of `len` slices; bits beyond 255 are never set.
    #[must_use]
    pub fn new(len: u16) -> Self {
        Self { len, low: 0, high: (len > 64).then(Box::default) }
    }

    /// Of the bytes that are on the wire: bit `i & 7` of byte `i >> 3`.
    #[must_use]
    pub fn from_bytes(len: u16, bytes: &[u8]) -> Self {
        let mut bits = Self::new(len);
        for i in (0..len).filter(|i| bytes.get(usize::from(i >> 3)).is_some_and(|byte| byte & (1 << (i & 7)) != 0)) {
            bits.set(i);
        }
        bits
    }

    /// Of a part with at most 32 slices.
    pub(super) fn from_word(len: u16, word: u32) -> Self {
        Self { len, low: word.into(), high: None }
    }

    /// The first 32 slices.
    pub(super) fn word(&self) -> u32 {
        self.low as u32
    }

    /// The bytes that are on the wire.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let words = [self.low].into_iter().chain(self.high.iter().flat_map(|high| high.iter().copied()));
        words.flat_map(u64::to_le_bytes).take(usize::from(self.len.div_ceil(8))).collect()
    }

    /// Whether slice `index` is in it.
    #[must_use]
    pub fn has(&self, index: u16) -> bool {
        let word = match index >> 6 {
            0 => self.low,
            word => self.high.as_ref().and_then(|high| high.get(usize::from(word) - 1)).copied().unwrap_or(0),
        };
        word & (1 << (index & 63)) != 0
    }

    /// Bits of the slices of `stripe` that are not in it; `None` where one word does not hold all, or for an odd number of stripes.
    pub(super) fn absent_of(&self, stripe: u8, stripes: u8) -> Option<u64> {
        let every: u64 = match stripes {
            1 => u64::MAX,
            2 => 0x5555_5555_5555_5555,
            4 => 0x1111_1111_1111_1111,
            8 => 0x0101_0101_0101_0101,
            _ => return None,
        };
        let all = u64::MAX.checked_shr(64u32.checked_sub(self.len.into())?).unwrap_or(0);
        Some(!self.low & all & every.checked_shl(stripe.into()).unwrap_or(0))
    }

    /// Puts slice `index` into it.
    pub fn set(&mut self, index: u16) {
        let word = match index >> 6 {
            0 => Some(&mut self.low),
            word => self.high.as_mut().and_then(|high| high.get_mut(usize::from(word) - 1)),
        };
        if let Some(word) = word {
            *word |= 1 << (index & 63);
        }
    }
}

impl Serialize for Bits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(self.to_bytes()))
    }
}

impl<'de> Deserialize<'de> for Bits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = hex::decode(String::deserialize(deserializer)?).map_err(D::Error::custom)?;
        if bytes.len() > 32 {
            return Err(D::Error::custom("more than 255 slices"));
        }
        Ok(Self::from_bytes(bytes.len() as u16 * 8, &bytes))
    }
}
