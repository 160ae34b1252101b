//! What opens a video that is not open to everybody: tokens for its media, which can stand in an address without being a login, and its
//! passwords.
//!
//! A token says for whom it was made; whether they may watch is looked up each time it is used, so that nothing outlives a
//! change of privacy, a blocked user or a password that was taken away.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use rand::Rng as _;
use sha2::Sha256;
use uuid::Uuid;

use super::brake::Brake;
use super::problem::{Problem, Result};
use crate::domain::{PasswordId, Timestamp, UserId, Video};
use crate::store::{self, Store, Tx};

/// How long a token lasts, as PeerTube has it: players ask for a new one when they begin.
pub(super) const LIFETIME: Duration = Duration::from_secs(8 * 3600);
/// Wrong passwords in a row from one address, ...
const GUESSES: u32 = 30;
/// ... and then each second: a thousand words take a quarter of an hour.
const GUESSES_PER_SECOND: u32 = 1;
/// Kind (1), id (8), time (8).
const PAYLOAD: usize = 17;
/// Of the HMAC: 128 bits cannot be guessed.
const MAC: usize = 16;

/// For whom a token was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grant {
    /// Somebody who was logged in.
    User(UserId),
    /// Somebody who had this password.
    Password(PasswordId),
}

/// Makes and reads tokens, and brakes guesses; cheap to clone.
#[derive(Clone)]
pub struct VideoTokens(Arc<Inner>);

struct Inner {
    key: [u8; 32],
    guesses: Brake,
}

impl VideoTokens {
    /// Reads the key, or makes it at the first start.
    pub async fn load(store: &Store) -> store::Result<Self> {
        const NAME: &str = "video_token_key";
        let mut key = [0; 32];
        let mut tx = store.write().await?;
        let kept = tx.settings().value(NAME).await?;
        if kept.is_none_or(|kept| hex::decode_to_slice(kept, &mut key).is_err()) {
            rand::rng().fill(&mut key);
            tx.settings().put(NAME, &hex::encode(key)).await?;
        }
        tx.commit().await?;
        Ok(Self(Arc::new(Inner { key, guesses: Brake::new(GUESSES, GUESSES_PER_SECOND) })))
    }

    /// A token for the media of `video`.
    pub(super) fn make(&self, video: Uuid, grant: Grant, expires_at: Timestamp) -> String {
        let (kind, id) = match grant {
            Grant::User(id) => (1, id.0),
            Grant::Password(id) => (2, id.0),
        };
        let mut token = Vec::with_capacity(PAYLOAD + MAC);
        token.push(kind);
        token.extend_from_slice(&id.to_be_bytes());
        token.extend_from_slice(&expires_at.as_millis().to_be_bytes());
        let mac = self.mac(video, &token).finalize().into_bytes();
        token.extend_from_slice(&mac[..MAC]);
        URL_SAFE_NO_PAD.encode(token)
    }

    /// For whom a token of `video` was made; `None` when it is none, or no more.
    pub(super) fn read(&self, video: Uuid, token: &str, now: Timestamp) -> Option<Grant> {
        // Before it is decoded: tokens have one length.
        if token.len() != (PAYLOAD + MAC) * 4 / 3 {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (payload, mac) = bytes.split_at_checked(PAYLOAD)?;
        self.mac(video, payload).verify_truncated_left(mac).ok()?;
        let id = i64::from_be_bytes(payload[1..9].try_into().ok()?);
        let expires_at = i64::from_be_bytes(payload[9..17].try_into().ok()?);
        if expires_at <= now.as_millis() {
            return None;
        }
        match payload[0] {
            1 => Some(Grant::User(UserId(id))),
            2 => Some(Grant::Password(PasswordId(id))),
            _ => None,
        }
    }

    fn mac(&self, video: Uuid, payload: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0.key).expect("HMAC takes a key of any length");
        mac.update(video.as_bytes());
        mac.update(payload);
        mac
    }

    /// Which password of `video` this is; the error says what is wrong. `address`: where it comes from, if that is known.
    pub(super) async fn unlock(&self, tx: &mut Tx, video: &Video, password: &str, address: Option<IpAddr>) -> Result<PasswordId> {
        // Without an address the guesses at this video count together.
        let guesser = address.unwrap_or_else(|| IpAddr::V6(Ipv6Addr::from_bits(video.uuid.as_u128())));
        if let Err(pause) = self.0.guesses.peek(guesser, Instant::now()) {
            return Err(Problem::too_many(pause));
        }
        let mut found = None;
        // All are compared, so that the time does not tell which it was.
        for kept in tx.passwords().of_video(video.id).await? {
            if kept.password.matches(password) {
                found = Some(kept.id);
            }
        }
        if found.is_none() {
            // Only what was wrong counts.
            let _ = self.0.guesses.pass(guesser, Instant::now());
        }
        found.ok_or_else(|| Problem::forbidden("Incorrect video password. Access to the video is denied.").code("incorrect_video_password"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(key: u8) -> VideoTokens {
        VideoTokens(Arc::new(Inner { key: [key; 32], guesses: Brake::new(1, 1) }))
    }

    #[test]
    fn tokens_open_one_video_for_a_time() {
        let (tokens, video) = (tokens(1), Uuid::from_u128(7));
        let (now, end) = (Timestamp::from_millis(1000), Timestamp::from_millis(2000));
        for grant in [Grant::User(UserId(42)), Grant::Password(PasswordId(i64::MAX))] {
            let token = tokens.make(video, grant, end);
            assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "it can stand in an address: {token}");
            assert_eq!(tokens.read(video, &token, now), Some(grant));
            assert_eq!(tokens.read(video, &token, end), None, "over");
            assert_eq!(tokens.read(Uuid::from_u128(8), &token, now), None, "another video's");
            assert_eq!(super::tests::tokens(2).read(video, &token, now), None, "another server's");
            let mut bent = token.clone().into_bytes();
            bent[3] = if bent[3] == b'A' { b'B' } else { b'A' };
            assert_eq!(tokens.read(video, &String::from_utf8(bent).expect("ASCII"), now), None);
        }
        for text in [String::new(), "abc".to_owned(), "A".repeat(44), "é".repeat(22)] {
            assert_eq!(tokens.read(video, &text, now), None, "{text}");
        }
    }
}
