//! Logins: tokens as PeerTube gives them, and a brake on guessing passwords.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::domain::{RegistrationState, Timestamp, User, UserId};
use crate::secrets::{hash, random_hex};
use crate::store::{self, NewToken, Store, Token, Visit};
use crate::users::{self, verify_password};

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
/// Passwords that may wait for their check; more are refused.
const WAITING: usize = 64;
/// Longest name of a device that is kept.
const MAX_DEVICE: usize = 200;
/// Where a session is gets noted so often: a write each time would be felt.
const SEEN_EVERY: Duration = Duration::from_secs(600);
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
    /// The user's address is not proven, which this instance asks for.
    #[error("the e-mail address is not verified")]
    Unverified,
    /// A code of the second factor is needed.
    #[error("a second factor is needed")]
    MissingTwoFactor,
    /// The code of the second factor is wrong, or was used before.
    #[error("the second factor is invalid")]
    InvalidTwoFactor,
    /// Nobody has answered the registration yet.
    #[error("the registration waits for approval")]
    AwaitsApproval,
    /// The registration was refused.
    #[error("the registration was rejected")]
    Rejected,
    /// A password that is none, or one that could not be hashed.
    #[error(transparent)]
    Password(#[from] users::Error),
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

/// Somebody who wants to log in.
pub struct Attempt<'a> {
    /// Name or e-mail address.
    pub login: &'a str,
    /// As typed.
    pub password: String,
    /// A code of the second factor.
    pub otp: Option<&'a str>,
    /// Where they are.
    pub place: Place<'a>,
}

/// Where somebody is.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Their address.
    pub address: IpAddr,
    /// What their program calls itself.
    pub device: Option<&'a str>,
}

impl Place<'_> {
    fn visit(self) -> Visit {
        Visit {
            device: self.device.map(|device| device.chars().take(MAX_DEVICE).collect()),
            ip: Some(self.address.to_canonical().to_string()),
            at: Some(Timestamp::now()),
        }
    }
}

/// Logins; cheap to clone.
#[derive(Clone)]
pub struct Auth(Arc<Inner>);

struct Inner {
    client_id: String,
    client_secret: String,
    needs_verified_email: bool,
    /// Signs links.
    link_key: String,
    failures: Mutex<HashMap<(IpAddr, String), (u32, Instant)>>,
    checks: Semaphore,
    waiting: Semaphore,
}

impl Auth {
    /// Reads the OAuth client's id and secret, or makes them at the first start. `needs_verified_email`: nobody gets in who was
    /// asked to prove an address and has not.
    pub async fn new(store: &Store, needs_verified_email: bool) -> store::Result<Self> {
        let mut tx = store.write().await?;
        let mut values = Vec::new();
        for key in ["oauth_client_id", "oauth_client_secret", "link_key"] {
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
        let link_key = values.pop().unwrap_or_default();
        let client_secret = values.pop().unwrap_or_default();
        let client_id = values.pop().unwrap_or_default();
        Ok(Self(Arc::new(Inner {
            client_id,
            client_secret,
            needs_verified_email,
            link_key,
            failures: Mutex::default(),
            checks: Semaphore::new(CHECKS),
            waiting: Semaphore::new(WAITING),
        })))
    }

    /// The public OAuth client: id and secret.
    pub fn client(&self) -> (&str, &str) {
        (&self.0.client_id, &self.0.client_secret)
    }

    /// Signs what a link says: whoever has the link needs no login.
    pub fn sign(&self, text: &str) -> String {
        hex::encode(self.mac(text).finalize().into_bytes())
    }

    /// Whether a link says what was signed.
    pub fn is_signed(&self, text: &str, signature: &str) -> bool {
        // Compares in constant time.
        hex::decode(signature).is_ok_and(|signature| self.mac(text).verify_slice(&signature).is_ok())
    }

    fn mac(&self, text: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.link_key.as_bytes()).expect("HMAC takes keys of any length");
        mac.update(text.as_bytes());
        mac
    }

    /// The OAuth password grant.
    pub async fn log_in(&self, store: &Store, attempt: Attempt<'_>) -> Result<Issued, Error> {
        let login = attempt.login.trim().to_lowercase();
        let address = attempt.place.address;
        self.check_brake(address, &login)?;
        let _turn = self.turn().await?;
        // Those who waited here while others failed must not all get their try.
        self.check_brake(address, &login)?;
        let mut tx = store.read().await?;
        let user = tx.users().by_login(&login).await?;
        // Who asked for an account and knows its password is told how that stands.
        let registration = if user.is_none() { tx.registrations().by_login(&login).await? } else { None };
        drop(tx);
        let hash = match (&user, &registration) {
            (Some(user), _) => user.password_hash.clone(),
            (None, Some(registration)) if !registration.password_hash.is_empty() => registration.password_hash.clone(),
            _ => DECOY.to_owned(),
        };
        let good = verify_password(hash, attempt.password).await;
        if let Some(registration) = registration.filter(|_| good) {
            match registration.state {
                RegistrationState::Pending => return Err(Error::AwaitsApproval),
                RegistrationState::Rejected => return Err(Error::Rejected),
                RegistrationState::Accepted => {}
            }
        }
        let Some(user) = user.filter(|_| good) else {
            self.note_failure(address, &login);
            return Err(Error::Credentials);
        };
        if user.blocked {
            return Err(Error::Blocked);
        }
        if self.0.needs_verified_email && user.email_verified == Some(false) {
            return Err(Error::Unverified);
        }
        let step = match (&user.otp_secret, attempt.otp) {
            (None, _) => None,
            (Some(_), None) => return Err(Error::MissingTwoFactor),
            (Some(secret), Some(code)) => {
                let Some(step) = secret.step_of(code, Timestamp::now().as_millis() / 1000) else {
                    self.note_failure(address, &login);
                    return Err(Error::InvalidTwoFactor);
                };
                Some(step)
            }
        };
        let mut tx = store.write().await?;
        if let Some(step) = step
            && !tx.users().use_otp_step(user.id, step).await?
        {
            self.note_failure(address, &login);
            return Err(Error::InvalidTwoFactor);
        }
        self.forget(address, &login);
        tx.users().logged_in(user.id, Timestamp::now()).await?;
        let visit = attempt.place.visit();
        let issued = issue(&mut tx, user.id, &visit, &visit).await?;
        tx.commit().await?;
        Ok(issued)
    }

    /// The OAuth refresh grant: the old pair is used up.
    pub async fn refresh(&self, store: &Store, refresh: &str, place: Place<'_>) -> Result<Issued, Error> {
        let mut tx = store.write().await?;
        let token = tx.tokens().by_refresh(&hash(refresh)).await?.ok_or(Error::Refresh)?;
        if token.refresh_expires_at < Timestamp::now() || !tx.tokens().delete(token.id).await? {
            return Err(Error::Refresh);
        }
        let user = tx.users().by_id(token.user_id).await?.ok_or(Error::Refresh)?;
        if user.blocked {
            return Err(Error::Blocked);
        }
        let issued = issue(&mut tx, user.id, &token.login, &place.visit()).await?;
        tx.commit().await?;
        Ok(issued)
    }

    /// Whose access token this is; `None` when it is nobody's (any more).
    pub async fn user(&self, store: &Store, access: &str) -> store::Result<Option<User>> {
        Ok(self.session(store, access).await?.map(|(_, user)| user))
    }

    /// The session of this access token, and whose it is; `None` when it is nobody's (any more).
    pub async fn session(&self, store: &Store, access: &str) -> store::Result<Option<(Token, User)>> {
        let mut tx = store.read().await?;
        let Some(token) = tx.tokens().by_access(&hash(access)).await? else {
            return Ok(None);
        };
        if token.access_expires_at < Timestamp::now() {
            return Ok(None);
        }
        let user = tx.users().by_id(token.user_id).await?.filter(|user| !user.blocked);
        Ok(user.map(|user| (token, user)))
    }

    /// Notes where a session is, now and then.
    pub async fn seen(&self, store: &Store, session: &Token, place: Place<'_>) -> store::Result<()> {
        if session.active.at.is_some_and(|at| at.plus(SEEN_EVERY) > Timestamp::now()) {
            return Ok(());
        }
        let mut tx = store.write().await?;
        tx.tokens().seen(session.id, &place.visit()).await?;
        tx.commit().await
    }

    /// Ends the session of this access token.
    pub async fn log_out(&self, store: &Store, access: &str) -> store::Result<()> {
        let mut tx = store.write().await?;
        if let Some(token) = tx.tokens().by_access(&hash(access)).await? {
            tx.tokens().delete(token.id).await?;
        }
        tx.commit().await
    }

    /// Whether this is the password of somebody who is logged in: asked for again before what must not be done by whoever
    /// finds a page open. Wrong ones count as at the login.
    pub async fn is_password_of(&self, user: &User, password: String, address: IpAddr) -> Result<bool, Error> {
        self.check_brake(address, &user.username)?;
        let _turn = self.turn().await?;
        self.check_brake(address, &user.username)?;
        let good = verify_password(user.password_hash.clone(), password).await;
        if !good {
            self.note_failure(address, &user.username);
        }
        Ok(good)
    }

    /// Hashes a password, in turn with those that are checked.
    pub async fn hash_password(&self, password: &str) -> Result<String, Error> {
        let _turn = self.turn().await?;
        Ok(users::hash_password(password).await?)
    }

    /// Waits for leave to hash, unless too many wait already.
    async fn turn(&self) -> Result<SemaphorePermit<'_>, Error> {
        let busy = || Error::TooMany(Duration::from_secs(1));
        let _waiting = self.0.waiting.try_acquire().map_err(|_| busy())?;
        self.0.checks.acquire().await.map_err(|_| busy())
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

async fn issue(tx: &mut store::Tx, user_id: UserId, login: &Visit, active: &Visit) -> store::Result<Issued> {
    let (access, refresh) = (random_hex::<20>(), random_hex::<20>());
    let now = Timestamp::now();
    tx.tokens()
        .create(NewToken {
            user_id,
            access_hash: &hash(&access),
            access_expires_at: now.plus(ACCESS_LIFETIME),
            refresh_hash: &hash(&refresh),
            refresh_expires_at: now.plus(REFRESH_LIFETIME),
            login,
            active,
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
