//! Logins: tokens as PeerTube gives them, and a brake on guessing passwords and codes.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use tokio::sync::Semaphore;

use crate::domain::{RegistrationState, Timestamp, User, UserId};
use crate::hangup;
use crate::secrets::{hash, random_hex};
use crate::store::{self, NewToken, Store, Token, Visit};
use crate::tally::Tally;
use crate::users;

/// As PeerTube: a day.
const ACCESS_LIFETIME: Duration = Duration::from_secs(86_399);
/// As PeerTube: two weeks.
const REFRESH_LIFETIME: Duration = Duration::from_secs(1_209_599);
/// Wrong passwords and codes for one user from one address (or for all users from one address, times ten)
/// within [`WINDOW`] before it must wait.
const ATTEMPTS: u32 = 10;
/// See [`ATTEMPTS`].
const WINDOW: Duration = Duration::from_secs(300);
/// Wrong codes of the second factor for one user, from wherever, within [`CODES_WINDOW`] before all must wait: whoever tries them
/// knows the password, may have many addresses, and three codes of a million count at a time.
const CODES: u32 = 20;
/// See [`CODES`].
const CODES_WINDOW: Duration = Duration::from_secs(3600);
/// Longest login: an e-mail address (RFC 5321 section 4.5.3.1.3). Nobody has a longer one, and wrong ones are remembered.
const MAX_LOGIN: usize = 254;
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
    /// Of passwords, by address and login...
    guesses: Tally<(IpAddr, String)>,
    /// ...and by address alone.
    guesses_from: Tally<IpAddr>,
    /// Of codes, by user.
    codes: Tally<UserId>,
    checks: Arc<Semaphore>,
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
            guesses: Tally::new(ATTEMPTS, WINDOW),
            guesses_from: Tally::new(ATTEMPTS * 10, WINDOW),
            codes: Tally::new(CODES, CODES_WINDOW),
            checks: Arc::new(Semaphore::new(CHECKS)),
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
        if login.len() > MAX_LOGIN {
            return Err(Error::Credentials);
        }
        let address = attempt.place.address;
        self.begin_guess(address, &login)?;
        let outcome = self.check_and_issue(store, &login, attempt).await;
        match &outcome {
            Ok(_) => self.forget_guesses(address, &login),
            // Stays counted, as do guesses whose answer nobody waits for.
            Err(Error::Credentials | Error::InvalidTwoFactor) => {}
            Err(_) => self.take_guess_back(address, &login),
        }
        outcome
    }

    async fn check_and_issue(&self, store: &Store, login: &str, attempt: Attempt<'_>) -> Result<Issued, Error> {
        let Attempt { password, otp, place, .. } = attempt;
        let mut tx = store.read().await?;
        let user = tx.users().by_login(login).await?;
        // Who asked for an account and knows its password is told how that stands.
        let registration = if user.is_none() { tx.registrations().by_login(login).await? } else { None };
        drop(tx);
        let hash = match (&user, &registration) {
            (Some(user), _) => user.password_hash.clone(),
            (None, Some(registration)) if !registration.password_hash.is_empty() => registration.password_hash.clone(),
            _ => DECOY.to_owned(),
        };
        let good = self.in_turn(move || users::is_password(&password, &hash)).await?;
        if let Some(registration) = registration.filter(|_| good) {
            match registration.state {
                RegistrationState::Pending => return Err(Error::AwaitsApproval),
                RegistrationState::Rejected => return Err(Error::Rejected),
                RegistrationState::Accepted => {}
            }
        }
        let checked = user.filter(|_| good).ok_or(Error::Credentials)?;
        let mut tx = store.write().await?;
        // As it is now: hashing took its time. Whoever blocks the user, or sets a password, is through with it, or takes back what is
        // issued here.
        let user = tx.users().hold(checked.id).await?;
        let user = user.filter(|user| user.password_hash == checked.password_hash).ok_or(Error::Credentials)?;
        if user.blocked {
            return Err(Error::Blocked);
        }
        if self.0.needs_verified_email && user.email_verified == Some(false) {
            return Err(Error::Unverified);
        }
        let step = match (&user.otp_secret, otp) {
            (None, _) => None,
            (Some(_), None) => return Err(Error::MissingTwoFactor),
            (Some(secret), Some(code)) => {
                self.0.codes.count(user.id, Instant::now()).map_err(Error::TooMany)?;
                Some(secret.step_of(code, Timestamp::now().as_millis() / 1000).ok_or(Error::InvalidTwoFactor)?)
            }
        };
        if let Some(step) = step
            && !tx.users().use_otp_step(user.id, step).await?
        {
            return Err(Error::InvalidTwoFactor);
        }
        tx.users().logged_in(user.id, Timestamp::now()).await?;
        let visit = place.visit();
        let issued = issue(&mut tx, user.id, &visit, &visit).await?;
        tx.commit().await?;
        if step.is_some() {
            self.0.codes.forget(&user.id);
        }
        Ok(issued)
    }

    /// The OAuth refresh grant: the old pair is used up.
    pub async fn refresh(&self, store: &Store, refresh: &str, place: Place<'_>) -> Result<Issued, Error> {
        let mut tx = store.write().await?;
        let token = tx.tokens().by_refresh(&hash(refresh)).await?.ok_or(Error::Refresh)?;
        // Whoever ends the user's sessions either took this pair back by now, or finds the next one.
        let user = tx.users().hold(token.user_id).await?.ok_or(Error::Refresh)?;
        if token.refresh_expires_at < Timestamp::now() || !tx.tokens().delete(token.id).await? {
            return Err(Error::Refresh);
        }
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
        self.begin_guess(address, &user.username)?;
        let hash = user.password_hash.clone();
        let good = self.in_turn(move || users::is_password(&password, &hash)).await;
        if !matches!(good, Ok(false)) {
            self.take_guess_back(address, &user.username);
        }
        good
    }

    /// Hashes a password, in turn with those that are checked.
    pub async fn hash_password(&self, password: &str) -> Result<String, Error> {
        let password = password.to_owned();
        Ok(self.in_turn(move || users::hash(&password)).await??)
    }

    /// Hashes when it is its turn, unless too many wait already. The turn is the work's: that goes on when nobody waits for it any
    /// more, as after a connection that broke.
    async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let busy = || Error::TooMany(Duration::from_secs(1));
        let waiting = self.0.waiting.try_acquire().map_err(|_| busy())?;
        let turn = Arc::clone(&self.0.checks).acquire_owned().await.map_err(|_| busy())?;
        drop(waiting);
        hangup::blocking(turn, work).await.map_err(|_| users::Error::Hash(argon2::password_hash::Error::Crypto).into())
    }

    /// Counts a guess before it is looked at: of many at once not all may have their try.
    fn begin_guess(&self, address: IpAddr, login: &str) -> Result<(), Error> {
        let (address, now) = (network(address), Instant::now());
        self.0.guesses_from.count(address, now).map_err(Error::TooMany)?;
        self.0.guesses.count((address, login.to_owned()), now).map_err(|left| {
            self.0.guesses_from.take_back(&address);
            Error::TooMany(left)
        })
    }

    /// It was none.
    fn take_guess_back(&self, address: IpAddr, login: &str) {
        let address = network(address);
        self.0.guesses_from.take_back(&address);
        self.0.guesses.take_back(&(address, login.to_owned()));
    }

    /// It was right, and so those before it were slips.
    fn forget_guesses(&self, address: IpAddr, login: &str) {
        let address = network(address);
        self.0.guesses_from.take_back(&address);
        self.0.guesses.forget(&(address, login.to_owned()));
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
    use futures_util::FutureExt as _;
    use tempfile::TempDir;

    use super::*;
    use crate::domain::{OtpSecret, Role};

    const PASSWORD: &str = "correct horse";

    async fn opened() -> (Auth, Store, UserId, TempDir) {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open("", folder.path()).await.expect("a store");
        let ann = users::create_user(&store, "ann", "", Role::User, PASSWORD).await.expect("a user");
        (Auth::new(&store, false).await.expect("logins"), store, ann, folder)
    }

    fn attempt(password: &str) -> Attempt<'static> {
        let place = Place { address: [192, 0, 2, 1].into(), device: None };
        Attempt { login: "ann", password: password.to_owned(), otp: None, place }
    }

    #[tokio::test]
    async fn a_turn_lasts_as_long_as_the_work() {
        let (auth, ..) = opened().await;
        let (finish, finished) = std::sync::mpsc::channel::<()>();
        // Asked once, and then whoever asked is gone.
        assert!(auth.in_turn(move || finished.recv()).now_or_never().is_none());
        assert_eq!(auth.0.checks.available_permits(), CHECKS - 1);
        finish.send(()).expect("the work waits");
        let all = u32::try_from(CHECKS).expect("few");
        assert!(auth.0.checks.acquire_many(all).await.is_ok(), "given back by the work");
    }

    #[tokio::test]
    async fn guesses_count_before_they_are_looked_at() {
        let (auth, store, _ann, _folder) = opened().await;
        for number in 0..ATTEMPTS {
            assert!(auth.log_in(&store, attempt("wrong")).now_or_never().is_none(), "nobody waits for answer {number}");
        }
        assert!(matches!(auth.log_in(&store, attempt(PASSWORD)).await, Err(Error::TooMany(_))));
    }

    #[tokio::test]
    async fn users_are_let_in_as_they_are_after_the_check() {
        let (auth, store, ann, _folder) = opened().await;
        let other_hash = users::hash_password("another password").await.expect("hashed");
        let all = u32::try_from(CHECKS).expect("few");
        for change in ["block", "second factor", "password"] {
            let turns = Arc::clone(&auth.0.checks).acquire_many_owned(all).await.expect("open");
            let login = tokio::spawn({
                let (auth, store) = (auth.clone(), store.clone());
                async move { auth.log_in(&store, attempt(PASSWORD)).await }
            });
            // The user was read before the login waits for its turn.
            while auth.0.waiting.available_permits() == WAITING {
                tokio::task::yield_now().await;
            }
            let mut tx = store.write().await.expect("the store");
            let mut user = tx.users().by_id(ann).await.expect("the store").expect("ann");
            (user.blocked, user.otp_secret) = (change == "block", (change == "second factor").then(|| OtpSecret::from_bytes([7; 20])));
            tx.users().update(&user).await.expect("updated");
            if change == "password" {
                tx.users().set_password(ann, &other_hash).await.expect("updated");
            }
            tx.commit().await.expect("committed");
            drop(turns);
            let outcome = login.await.expect("no panic");
            let is_refused = match change {
                "block" => matches!(outcome, Err(Error::Blocked)),
                "second factor" => matches!(outcome, Err(Error::MissingTwoFactor)),
                _ => matches!(outcome, Err(Error::Credentials)),
            };
            assert!(is_refused, "{change}: {outcome:?}");
        }
    }

    #[tokio::test]
    async fn right_passwords_are_no_guesses() {
        let (auth, store, ann, _folder) = opened().await;
        let user = store.read().await.expect("the store").users().by_id(ann).await.expect("the store").expect("ann");
        for _ in 0..=ATTEMPTS {
            let address = attempt("").place.address;
            assert!(auth.is_password_of(&user, PASSWORD.to_owned(), address).await.expect("an answer"));
        }
        assert!(auth.log_in(&store, attempt(PASSWORD)).await.is_ok());
    }

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
