//! Join tokens: who may enter a broadcast's swarm, and until when.
//!
//! A token is `base64url(expiry as u64 big-endian | HMAC-SHA-256(secret, "shoal-join-1" | swarm | expiry))`, without padding.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::ids::InfoHash;

const DOMAIN: &[u8] = b"shoal-join-1";
const EXPIRY_BYTES: usize = 8;
const MAC_BYTES: usize = 32;
const TOKEN_BYTES: usize = EXPIRY_BYTES + MAC_BYTES;
/// Characters of a token.
const TOKEN_CHARACTERS: usize = TOKEN_BYTES.div_ceil(3) * 4 - 2;

/// Issues tokens and knows its own again.
#[derive(Clone)]
pub struct Tokens {
    secret: [u8; 32],
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens")
    }
}

impl Tokens {
    /// `secret` must be random, and the same as long as tokens live.
    pub fn new(secret: [u8; 32]) -> Self {
        Self { secret }
    }

    /// A token for `swarm`, good until `expires_unix_s`.
    pub fn issue(&self, swarm: &InfoHash, expires_unix_s: u64) -> String {
        let mut bytes = [0; TOKEN_BYTES];
        bytes[..EXPIRY_BYTES].copy_from_slice(&expires_unix_s.to_be_bytes());
        bytes[EXPIRY_BYTES..].copy_from_slice(&self.mac(swarm, expires_unix_s));
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Whether `token` was issued for `swarm` and has not expired.
    pub fn check(&self, swarm: &InfoHash, token: &str, now_unix_s: u64) -> bool {
        let mut bytes = [0; TOKEN_BYTES + 2];
        if token.len() != TOKEN_CHARACTERS {
            return false;
        }
        let Ok(TOKEN_BYTES) = BASE64_URL_SAFE_NO_PAD.decode_slice(token, &mut bytes) else { return false };
        let mut expiry = [0; EXPIRY_BYTES];
        expiry.copy_from_slice(&bytes[..EXPIRY_BYTES]);
        let expires_unix_s = u64::from_be_bytes(expiry);
        let genuine: bool = self.mac(swarm, expires_unix_s).ct_eq(&bytes[EXPIRY_BYTES..TOKEN_BYTES]).into();
        genuine && now_unix_s < expires_unix_s
    }

    fn mac(&self, swarm: &InfoHash, expires_unix_s: u64) -> [u8; MAC_BYTES] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).expect("HMAC takes keys of any length");
        mac.update(DOMAIN);
        mac.update(&swarm.0);
        mac.update(&expires_unix_s.to_be_bytes());
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SWARM: InfoHash = InfoHash([7; 20]);

    #[test]
    fn a_token_is_good_for_its_swarm_until_it_expires() {
        let tokens = Tokens::new([1; 32]);
        let token = tokens.issue(&SWARM, 1000);
        assert_eq!(token.len(), TOKEN_CHARACTERS);
        assert!(tokens.check(&SWARM, &token, 999));
        assert!(!tokens.check(&SWARM, &token, 1000));
        assert!(!tokens.check(&InfoHash([8; 20]), &token, 999));
        assert!(!Tokens::new([2; 32]).check(&SWARM, &token, 999));
    }

    #[test]
    fn every_changed_character_spoils_it() {
        let tokens = Tokens::new([1; 32]);
        let token = tokens.issue(&SWARM, 1000);
        for at in 0..token.len() {
            let mut other = token.clone().into_bytes();
            other[at] = if other[at] == b'A' { b'B' } else { b'A' };
            assert!(!tokens.check(&SWARM, &String::from_utf8(other).expect("ASCII"), 0), "character {at}");
        }
        assert!(!tokens.check(&SWARM, &token[1..], 0));
        assert!(!tokens.check(&SWARM, &format!("{token}="), 0));
    }

    proptest! {
        #[test]
        fn nothing_made_up_passes(token in "\\PC{0,80}") {
            prop_assert!(!Tokens::new([1; 32]).check(&SWARM, &token, 0));
        }
    }
}
