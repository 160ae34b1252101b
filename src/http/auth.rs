//! Logins: tokens as PeerTube gives them, and a brake on guessing passwords.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rand::Rng as _;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

use crate::domain::{Timestamp, User, UserId};
use crate::store::{self, NewToken, Store};
use crate::users::verify_password;

/// As PeerTube: a day.
const ACCESS_LIFETIME: Duration = Duration::from_secs(86_399);
/// As PeerTube: two weeks.
const REFRESH_LIFETIME: Duration = Duration::from_secs(1_209_599);
/// Wrong passwords for one user from one address (or for all users from one address, times ten)
/// within [`WINDOW`] before it must wait.
const ATTEMPTS: u32 = 10;
/// See [`ATTEMPTS`].
const WINDOW: Duration = Duration::from_secs(300);
/// Addresses and users remembered; the oldest half goes when full, 100 bytes each.
const REMEMBERED: usize = 20_000;
/// Passwords checked at once: each takes 19 MiB and a core for tens of milliseconds.
const CHECKS: usize = 2;
/// Logins that may wait for their check; more are refused.
const WAITING: usize = 64;
/// A hash of no password, so that an unknown user takes as long as a wrong password.
const DECOY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2hvYWxkZWNveXNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Why somebody is not let in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Name or password is wrong.
    #[error("credentials are invalid")]
    Credentials,
    /// The refresh token is unknown, used or expired.
    #[error("the refresh token is invalid")]
    Refresh,
    /// The user is kept out.
    #[error("the user is blocked")]
    Blocked,
    /// Too many wrong passwords.
    #[error("too many attempts")]
    TooMany(Duration),
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// A pair of tokens, shown once.
#[derive(Clone, Debug)]
pub struct Issued {
    /// For requests.
    pub access: String,
    /// For the next pair.
    pub refresh: String,
    /// Seconds until `access` ends.
    pub access_expires_in_s: u64,
    /// Seconds until `refresh` ends.
    pub refresh_expires_in_s: u64,
}

/// Logins; cheap to clone.
#[derive(Clone)]
pub struct Auth(Arc<Inner>);

struct Inner {
    client_id: String,
    client_secret: String,
    failures: Mutex<HashMap<(IpAddr, String), (u32, Instant)>>,
    checks: Semaphore,
    waiting: Semaphore,
}

impl Auth {
    /// Reads the OAuth client's id and secret, or makes them at the first start.
    pub async fn new(store: &Store) -> store::Result<Self> {
        let mut tx = store.write().await?;
        let mut values = Vec::new();
        for key in ["oauth_client_id", "oauth_client_secret"] {
            let value = match tx.settings().value(key).await? {
                Some(value) => value,
                None => {
                    let fresh = random_hex::<16>();
                    tx.settings().put(key, &fresh).await?;
                    fresh
                }
            };
            values.push(value);
        }
        tx.commit().await?;
        let client_secret = values.pop().unwrap_or_default();
        let client_id = values.pop().unwrap_or_default();
        Ok(Self(Arc::new(Inner {
            client_id,
            client_secret,
            failures: Mutex::default(),
            checks: Semaphore::new(CHECKS),
            waiting: Semaphore::new(WAITING),
        })))
    }

    /// The public OAuth client: id and secret.
    pub fn client(&self) -> (&str, &str) {
        (&self.0.client_id, &self.0.client_secret)
    }

    /// The OAuth password grant.
    pub async fn log_in(&self, store: &Store, address: IpAddr, login: &str, password: String) -> Result<Issued, Error> {
        let login = login.trim().to_lowercase();
        self.check_brake(address, &login)?;
        let Ok(_waiting) = self.0.waiting.try_acquire() else {
            return Err(Error::TooMany(Duration::from_secs(1)));
        };
        let Ok(_check) = self.0.checks.acquire().await else {
            return Err(Error::TooMany(Duration::from_secs(1)));
        };
        // Those who waited here while others failed must not all get their try.
        self.check_brake(address, &login)?;
        let user = store.read().await?.users().by_login(&login).await?;
        let hash = user.as_ref().map_or_else(|| DECOY.to_owned(), |user| user.password_hash.clone());
        let good = verify_password(hash, password).await;
        let Some(user) = user.filter(|_| good) else {
            self.note_failure(address, &login);
            return Err(Error::Credentials);
        };
        if user.blocked {
            return Err(Error::Blocked);
        }
        self.forget(address, &login);
        let mut tx = store.write().await?;
        tx.users().logged_in(user.id, Timestamp::now()).await?;
        let issued = issue(&mut tx, user.id).await?;
        tx.commit().await?;
        Ok(issued)
    }

    /// The OAuth refresh grant: the old pair is used up.
    pub async fn refresh(&self, store: &Store, refresh: &str) -> Result<Issued, Error> {
        let mut tx = store.write().await?;
        let token = tx.tokens().by_refresh(&hash(refresh)).await?.ok_or(Error::Refresh)?;
        if token.refresh_expires_at < Timestamp::now() || !tx.tokens().delete(token.id).await? {
            return Err(Error::Refresh);
        }
        let user = tx.users().by_id(token.user_id).await?.ok_or(Error::Refresh)?;
        if user.blocked {
            return Err(Error::Blocked);
        }
        let issued = issue(&mut tx, user.id).await?;
        tx.commit().await?;
        Ok(issued)
    }

    /// Whose access token this is; `None` when it is nobody's (any more).
    pub async fn user(&self, store: &Store, access: &str) -> store::Result<Option<User>> {
        let mut tx = store.read().await?;
        let Some(token) = tx.tokens().by_access(&hash(access)).await? else {
            return Ok(None);
        };
        if token.access_expires_at < Timestamp::now() {
            return Ok(None);
        }
        Ok(tx.users().by_id(token.user_id).await?.filter(|user| !user.blocked))
    }

    /// Ends the session of this access token.
    pub async fn log_out(&self, store: &Store, access: &str) -> store::Result<()> {
        let mut tx = store.write().await?;
        if let Some(token) = tx.tokens().by_access(&hash(access)).await? {
            tx.tokens().delete(token.id).await?;
        }
        tx.commit().await
    }

    fn check_brake(&self, address: IpAddr, login: &str) -> Result<(), Error> {
        let failures = self.0.failures.lock().unwrap_or_else(PoisonError::into_inner);
        for (login, limit) in [(login, ATTEMPTS), ("", ATTEMPTS * 10)] {
            if let Some(&(count, since)) = failures.get(&(network(address), login.to_owned())) {
                let left = WINDOW.saturating_sub(since.elapsed());
                if count >= limit && !left.is_zero() {
                    return Err(Error::TooMany(left));
                }
            }
        }
        Ok(())
    }

    fn note_failure(&self, address: IpAddr, login: &str) {
        let now = Instant::now();
        let mut failures = self.0.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= REMEMBERED {
            failures.retain(|_, (_, since)| since.elapsed() < WINDOW);
            if failures.len() >= REMEMBERED {
                let mut times: Vec<_> = failures.values().map(|(_, since)| *since).collect();
                times.sort_unstable();
                let middle = times[times.len() / 2];
                failures.retain(|_, (_, since)| *since > middle);
            }
        }
        for login in [login, ""] {
            let entry = failures.entry((network(address), login.to_owned())).or_insert((0, now));
            if entry.1.elapsed() >= WINDOW {
                *entry = (0, now);
            }
            entry.0 += 1;
        }
    }

    fn forget(&self, address: IpAddr, login: &str) {
        let mut failures = self.0.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.remove(&(network(address), login.to_owned()));
    }
}

async fn issue(tx: &mut store::Tx, user_id: UserId) -> store::Result<Issued> {
    let (access, refresh) = (random_hex::<20>(), random_hex::<20>());
    let now = Timestamp::now();
    tx.tokens()
        .create(NewToken {
            user_id,
            access_hash: &hash(&access),
            access_expires_at: now.plus(ACCESS_LIFETIME),
            refresh_hash: &hash(&refresh),
            refresh_expires_at: now.plus(REFRESH_LIFETIME),
        })
        .await?;
    Ok(Issued { access, refresh, access_expires_in_s: ACCESS_LIFETIME.as_secs(), refresh_expires_in_s: REFRESH_LIFETIME.as_secs() })
}

/// One person's address: an IPv6 customer has a whole /64.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & !u128::from(u64::MAX)).into()),
        address => address,
    }
}

fn hash(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

fn random_hex<const N: usize>() -> String {
    let mut bytes = [0; N];
    rand::rng().fill(&mut bytes[..]);
    hex::encode(bytes)
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::PasswordHash;

    use super::*;

    #[test]
    fn the_decoy_is_a_real_hash() {
        assert!(PasswordHash::new(DECOY).is_ok());
    }

    #[test]
    fn an_ipv6_customer_is_one_address() {
        let of = |text: &str| network(text.parse().expect("an address"));
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), of("2001:db8:1:2:ffff::1"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
