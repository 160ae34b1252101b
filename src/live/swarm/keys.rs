//! The instance's secrets for swarms, kept in the database from the first start on.

use std::fmt;

use ed25519_dalek::SigningKey;
use hmac::{Hmac, Mac as _};
use p2p_peer::wire::SwarmId;
use rand::Rng as _;
use sha2::Sha256;

use crate::store::{self, Store};

/// What manifests are signed with, and what ids and tokens come from.
pub struct Keys {
    secret: [u8; 32],
    signing: SigningKey,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(..)")
    }
}

impl Keys {
    /// Reads them, or makes them at the first start.
    pub async fn load(store: &Store) -> store::Result<Self> {
        let mut tx = store.write().await?;
        let mut keys = [[0; 32]; 2];
        for (name, key) in ["swarm_secret", "swarm_signing_key"].into_iter().zip(&mut keys) {
            let kept = tx.settings().value(name).await?;
            // Something that is no key can only be replaced: nobody could join with it.
            if kept.is_none_or(|kept| hex::decode_to_slice(kept, key).is_err()) {
                rand::rng().fill(key);
                tx.settings().put(name, &hex::encode(&key)).await?;
            }
        }
        tx.commit().await?;
        let [secret, signing] = keys;
        Ok(Self { secret, signing: SigningKey::from_bytes(&signing) })
    }

    /// What manifests are signed with.
    pub fn signing(&self) -> &SigningKey {
        &self.signing
    }

    /// The swarm of the broadcast with this prefix: nobody else can compute it, and it stays the same over a restart.
    pub fn swarm_id(&self, prefix: &str) -> SwarmId {
        let mut id = SwarmId([0; 20]);
        id.0.copy_from_slice(&self.derive("swarm", prefix)[..20]);
        id
    }

    /// The key of join tokens.
    pub fn token_key(&self) -> [u8; 32] {
        self.derive("token", "")
    }

    fn derive(&self, purpose: &str, subject: &str) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).expect("HMAC takes a key of any length");
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(subject.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn keys_outlive_the_process() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open("", folder.path()).await.expect("a store");
        let first = Keys::load(&store).await.expect("keys");
        let second = Keys::load(&store).await.expect("keys");
        assert_eq!(first.signing().to_bytes(), second.signing().to_bytes());
        assert_eq!(first.swarm_id("ab12cd34"), second.swarm_id("ab12cd34"));
        assert_ne!(first.swarm_id("ab12cd34"), first.swarm_id("ab12cd35"));
        assert_ne!(first.token_key(), second.signing().to_bytes());
        store.close().await;
    }
}
