//! The 20-byte ids of the WebTorrent protocol.
//!
//! In JSON each is a "binary string": 20 characters from U+0000 to U+00FF, one per byte.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};

/// Bytes of every id.
pub const ID_BYTES: usize = 20;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub [u8; ID_BYTES]);

        impl $name {
            /// Reads a binary string; `None` if it has not 20 characters up to U+00FF.
            pub fn parse(text: &str) -> Option<Self> {
                parse(text).map(Self)
            }

            /// Reads 40 hexadecimal digits.
            pub fn parse_hex(text: &str) -> Option<Self> {
                parse_hex(text).map(Self)
            }

            /// Writes a JSON string with its quotes.
            pub fn encode(&self, out: &mut Vec<u8>) {
                encode(&self.0, out);
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        /// Hexadecimal.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(Binary).map(Self)
            }
        }
    };
}

id! {
    /// Names a swarm; of a broadcast it is random, of a plain swarm what third-party clients compute.
    InfoHash
}
id! {
    /// Names a peer; chosen by the peer itself.
    PeerId
}
id! {
    /// Names an offer; chosen by who makes it.
    OfferId
}

struct Binary;

impl Visitor<'_> for Binary {
    type Value = [u8; ID_BYTES];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string of 20 characters up to U+00FF")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

fn parse(text: &str) -> Option<[u8; ID_BYTES]> {
    let mut id = [0; ID_BYTES];
    let mut characters = text.chars();
    for byte in &mut id {
        *byte = u8::try_from(u32::from(characters.next()?)).ok()?;
    }
    characters.next().is_none().then_some(id)
}

fn parse_hex(text: &str) -> Option<[u8; ID_BYTES]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * ID_BYTES {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|value| value as u8);
    let mut id = [0; ID_BYTES];
    for (byte, pair) in id.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(id)
}

fn encode(id: &[u8; ID_BYTES], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    // Six bytes each at worst, and the quotes.
    let mut text = [0; 6 * ID_BYTES + 2];
    text[0] = b'"';
    let mut length = 1;
    for &byte in id {
        match byte {
            b'"' | b'\\' => {
                text[length..length + 2].copy_from_slice(&[b'\\', byte]);
                length += 2;
            }
            0..0x20 => {
                let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]);
                text[length..length + 6].copy_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
                length += 6;
            }
            0x20..0x80 => {
                text[length] = byte;
                length += 1;
            }
            0x80.. => {
                text[length..length + 2].copy_from_slice(&[0xc0 | byte >> 6, 0x80 | byte & 0x3f]);
                length += 2;
            }
        }
    }
    text[length] = b'"';
    out.extend_from_slice(&text[..=length]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_again(id: [u8; ID_BYTES]) {
            let mut json = Vec::new();
            InfoHash(id).encode(&mut json);
            let text: String = serde_json::from_slice(&json).expect("a JSON string");
            prop_assert_eq!(text.chars().map(u32::from).collect::<Vec<_>>(), id.map(u32::from).to_vec());
            prop_assert_eq!(serde_json::from_slice::<InfoHash>(&json).expect("an id"), InfoHash(id));
            prop_assert_eq!(InfoHash::parse(&text), Some(InfoHash(id)));
            prop_assert_eq!(InfoHash::parse_hex(&InfoHash(id).to_string()), Some(InfoHash(id)));
        }
    }

    #[test]
    fn other_lengths_and_characters_are_refused() {
        for text in ["", "19 characters long..", "21 characters, not 20", "nineteen+one beyond\u{100}"] {
            let expected = (text.chars().count() == 20 && text.chars().all(|c| u32::from(c) < 256)).then_some(());
            assert_eq!(PeerId::parse(text).map(|_| ()), expected, "{text:?}");
        }
        assert_eq!(PeerId::parse("nineteen+one beyond\u{100}"), None);
        assert_eq!(PeerId::parse_hex("zz"), None);
        assert_eq!(PeerId::parse_hex(&"é".repeat(20)), None);
    }
}
