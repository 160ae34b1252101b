//! What nobody may guess, and what is kept of it.

use rand::Rng as _;
use sha2::{Digest as _, Sha256};

/// `N` random bytes in hexadecimal.
pub fn random_hex<const N: usize>() -> String {
    let mut bytes = [0; N];
    rand::rng().fill(&mut bytes[..]);
    hex::encode(bytes)
}

/// What is kept of a random secret: SHA-256 in hexadecimal. It needs no salt and no slowness, as nobody can try 160 bits.
pub fn hash(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_are_not_kept() {
        let (one, other) = (random_hex::<20>(), random_hex::<20>());
        assert_eq!(one.len(), 40);
        assert_ne!(one, other);
        assert_ne!(hash(&one), one);
        assert_eq!(hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "FIPS 180-4");
    }
}
