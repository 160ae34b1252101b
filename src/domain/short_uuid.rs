//! PeerTube's 22-character form of a UUID: the number in Flickr's base 58, most significant digit
//! first, padded on the left with `1` (the alphabet's zero).

use uuid::Uuid;

const ALPHABET: &[u8; 58] = b"123456789abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ";

/// Digits needed for 128 bits.
const LENGTH: usize = 22;

/// The short form.
pub fn encode(uuid: Uuid) -> String {
    let mut rest = uuid.as_u128();
    let mut digits = [ALPHABET[0]; LENGTH];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(rest % 58) as usize];
        rest /= 58;
    }
    digits.iter().map(|&digit| char::from(digit)).collect()
}

/// Back from the short form; `None` when it is none.
pub fn decode(text: &str) -> Option<Uuid> {
    if text.len() != LENGTH {
        return None;
    }
    let mut number: u128 = 0;
    for byte in text.bytes() {
        let digit = ALPHABET.iter().position(|&letter| letter == byte)?;
        number = number.checked_mul(58)?.checked_add(digit as u128)?;
    }
    Some(Uuid::from_u128(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_peertube() {
        // Captured from PeerTube 6.3.
        for (uuid, short) in [
            ("dda3ff36-adb8-4a79-869f-c3bc8381506e", "tnpKgfqVZJU5vNVxMEUb65"),
            ("3a8e34f6-4c52-43ae-83fb-8157a2d0c8ea", "8eo1SBoaXSzJCibAofJ6gy"),
            ("75993ae0-fd4b-4b90-8e26-691b3fd80d85", "fwfyJMea1JjPNQnary8xhi"),
            ("48775140-c639-409a-b80a-7c53edc23dad", "9X1uiLgsSP4knF5bDChkqR"),
        ] {
            let parsed = Uuid::parse_str(uuid).expect("a captured uuid");
            assert_eq!(encode(parsed), short);
            assert_eq!(decode(short), Some(parsed));
        }
    }

    #[test]
    fn pads_and_refuses() {
        assert_eq!(decode(&encode(Uuid::nil())), Some(Uuid::nil()));
        assert_eq!(decode(&encode(Uuid::max())), Some(Uuid::max()));
        assert_eq!(decode("ZZZZZZZZZZZZZZZZZZZZZZ"), None, "more than 128 bits");
        assert_eq!(decode("0eo1SBoaXSzJCibAofJ6gy"), None, "0 is not in the alphabet");
        assert_eq!(decode("short"), None);
    }
}
