use std::fmt;

use hmac::{Hmac, Mac as _};
use sha1::Sha1;
use subtle::ConstantTimeEq as _;

/// A code is good for so many seconds (RFC 6238 section 5.2).
pub const CODE_PERIOD_S: i64 = 30;
/// Clocks of telephones go wrong: one code before and after the current one counts too (RFC 6238 section 6).
const DRIFT_STEPS: i64 = 1;
/// Digits of a code, as PeerTube's.
const DIGITS: usize = 6;
/// RFC 4648 section 6.
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// What a user's telephone and the server share to compute codes (TOTP, RFC 6238, with SHA-1, 6 digits and 30 s, which all
/// apps know).
#[derive(Clone, PartialEq, Eq)]
pub struct OtpSecret(Vec<u8>);

impl OtpSecret {
    /// From random bytes: 20, as RFC 4226 section 4 recommends.
    pub fn from_bytes(bytes: [u8; 20]) -> Self {
        Self(bytes.to_vec())
    }

    /// Reads base32 without padding; `None` when it is none.
    pub fn from_base32(text: &str) -> Option<Self> {
        let mut bytes = Vec::with_capacity(text.len() * 5 / 8);
        let (mut buffer, mut bits) = (0_u32, 0);
        for c in text.bytes() {
            let value = ALPHABET.iter().position(|known| *known == c.to_ascii_uppercase())?;
            buffer = (buffer << 5) | u32::try_from(value).ok()?;
            bits += 5;
            if bits >= 8 {
                bits -= 8;
                bytes.push(u8::try_from((buffer >> bits) & 0xff).ok()?);
            }
        }
        (!bytes.is_empty()).then_some(Self(bytes))
    }

    /// As apps take it: base32 without padding.
    pub fn to_base32(&self) -> String {
        let mut text = String::with_capacity(self.0.len().div_ceil(5) * 8);
        let (mut buffer, mut bits) = (0_u32, 0);
        for byte in &self.0 {
            buffer = (buffer << 8) | u32::from(*byte);
            bits += 8;
            while bits >= 5 {
                bits -= 5;
                text.push(char::from(ALPHABET[((buffer >> bits) & 31) as usize]));
            }
        }
        if bits > 0 {
            text.push(char::from(ALPHABET[((buffer << (5 - bits)) & 31) as usize]));
        }
        text
    }

    /// The step whose code this is, if it is one of those around `now_s` (seconds since 1970). The caller sees to it that a
    /// step counts only once.
    pub fn step_of(&self, code: &str, now_s: i64) -> Option<i64> {
        let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        if code.len() != DIGITS {
            return None;
        }
        let now = now_s.div_euclid(CODE_PERIOD_S);
        let mut found = None;
        for step in now - DRIFT_STEPS..=now + DRIFT_STEPS {
            // All are compared, each in constant time.
            if bool::from(self.code(step).as_bytes().ct_eq(code.as_bytes())) {
                found = Some(step);
            }
        }
        found
    }

    /// The code of a step: HOTP, RFC 4226 section 5.3.
    pub fn code(&self, step: i64) -> String {
        let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(&self.0) else {
            // HMAC takes keys of any length.
            return String::new();
        };
        mac.update(&step.to_be_bytes());
        let digest = mac.finalize().into_bytes();
        let offset = usize::from(digest[19] & 0xf);
        let number = u32::from_be_bytes([digest[offset], digest[offset + 1], digest[offset + 2], digest[offset + 3]]) & 0x7fff_ffff;
        format!("{:06}", number % 1_000_000)
    }

    /// What apps read from a QR code: <https://github.com/google/google-authenticator/wiki/Key-Uri-Format>.
    pub fn uri(&self, issuer: &str, account: &str) -> String {
        let issuer = escape(issuer);
        format!(
            "otpauth://totp/{issuer}:{}?secret={}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={CODE_PERIOD_S}",
            escape(account),
            self.to_base32()
        )
    }
}

/// The secret must not reach a log.
impl fmt::Debug for OtpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OtpSecret(..)")
    }
}

/// RFC 3986 section 2.1.
fn escape(text: &str) -> String {
    use std::fmt::Write as _;
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_rfc() {
        // RFC 6238 appendix B, the last six digits.
        let secret = OtpSecret::from_bytes(*b"12345678901234567890");
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")] {
            assert_eq!(secret.code(seconds / CODE_PERIOD_S), code);
            assert_eq!(secret.step_of(code, seconds), Some(seconds / CODE_PERIOD_S));
        }
    }

    #[test]
    fn codes_around_now_count() {
        let secret = OtpSecret::from_bytes([7; 20]);
        let code = secret.code(1000);
        for (now_s, step) in [(1000 * 30, Some(1000)), (1000 * 30 - 30, Some(1000)), (1000 * 30 + 59, Some(1000)), (1000 * 30 + 60, None)] {
            assert_eq!(secret.step_of(&code, now_s), step, "{now_s}");
        }
        let spaced = format!("{} {}", &code[..3], &code[3..]);
        assert_eq!(secret.step_of(&spaced, 30_000), Some(1000));
        assert_eq!(secret.step_of("", 30_000), None);
        assert_eq!(secret.step_of("12345", 30_000), None);
    }

    #[test]
    fn base32_round_trips() {
        assert_eq!(OtpSecret(b"foobar".to_vec()).to_base32(), "MZXW6YTBOI", "RFC 4648 section 10, without padding");
        let secret = OtpSecret::from_bytes([0xa5; 20]);
        assert_eq!(OtpSecret::from_base32(&secret.to_base32()), Some(secret.clone()));
        assert_eq!(OtpSecret::from_base32("1"), None);
        assert!(!format!("{secret:?}").contains(&secret.to_base32()));
        assert!(secret.uri("My TV", "ann@mail.example").starts_with("otpauth://totp/My%20TV:ann%40mail.example?secret="));
    }
}
