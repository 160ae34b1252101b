//! Making users and passwords.

use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use rand::Rng as _;

use crate::app::FirstLogin;
use crate::config::Secret;
use crate::domain::{AccountId, ChannelName, Invalid, Quota, Role, Used, User, UserId, Username, Video};
use crate::store::{self, NewActor, NewChannel, NewUser, Store, Tx};

/// Shortest password, as PeerTube has it.
const PASSWORD_MIN: usize = 6;
/// Longest password: hashing cost grows with it.
const PASSWORD_MAX: usize = 255;
/// Argon2id at OWASP's smallest recommended memory: 19 MiB for one hash, so that logins in
/// parallel do not push lives out of memory.
const ARGON2_MEMORY_KIB: u32 = 19 * 1024;

/// Why a user or password was not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The name or the password has a form that is not allowed.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The name is taken by a user, an account or a channel.
    #[error("the name {0} is taken")]
    Taken(String),
    /// There is no such user.
    #[error("there is no user {0}")]
    Unknown(String),
    /// Hashing failed.
    #[error("hashing: {0}")]
    Hash(argon2::password_hash::Error),
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// Makes user `root` if there is no user at all. `None` when there was one.
pub(crate) async fn ensure_root(store: &Store, password: Option<&Secret>) -> Result<Option<FirstLogin>, Error> {
    if store.read().await?.users().count().await? > 0 {
        return Ok(None);
    }
    let generated = password.is_none().then(generate_password);
    let text = password.map(Secret::expose).or(generated.as_deref()).unwrap_or_default();
    create_user(store, User::ROOT, "", Role::Administrator, text).await?;
    Ok(Some(FirstLogin { username: User::ROOT.into(), password: generated.map(Secret::new) }))
}

/// Names that no user and no channel may have: the instance itself goes by the first one on other servers.
const RESERVED: [&str; 2] = ["peertube", "instance"];

/// Somebody to be, checked.
#[derive(Clone, Debug)]
pub struct NewPerson<'a> {
    /// Login name, also the account's.
    pub username: &'a Username,
    /// In small letters; may be empty.
    pub email: &'a str,
    /// `Some(false)` when a proof is asked for.
    pub email_verified: Option<bool>,
    /// Argon2 in PHC form.
    pub password_hash: &'a str,
    /// What they may do.
    pub role: Role,
    /// How much they may upload.
    pub quota: Quota,
    /// PeerTube's bits.
    pub admin_flags: i64,
    /// The account's name as shown; absent: the login name.
    pub display_name: Option<&'a str>,
    /// The first channel's name and its name as shown; absent: made from the login name.
    pub channel: Option<(&'a ChannelName, &'a str)>,
}

impl<'a> NewPerson<'a> {
    /// With nothing but what is needed.
    pub fn new(username: &'a Username, email: &'a str, role: Role, password_hash: &'a str) -> Self {
        Self {
            username,
            email,
            email_verified: None,
            password_hash,
            role,
            quota: Quota::UNLIMITED,
            admin_flags: 0,
            display_name: None,
            channel: None,
        }
    }

    /// Adds them with an account and a first channel; the caller commits.
    pub async fn insert(&self, tx: &mut Tx) -> Result<(UserId, AccountId), Error> {
        let name = self.username.as_str();
        let taken = |error| match error {
            store::Error::Conflict => Error::Taken(name.to_owned()),
            error => Error::Store(error),
        };
        let channel = match self.channel {
            Some((channel, _)) => channel.as_str().to_owned(),
            None => free_channel_name(tx, name).await?,
        };
        if RESERVED.contains(&name) || RESERVED.contains(&channel.as_str()) {
            return Err(Error::Taken(name.to_owned()));
        }
        let actor = NewActor { kind: "account", name, host: None, url: None };
        let account_id = tx.accounts().create(actor, self.display_name.unwrap_or(name)).await.map_err(taken)?;
        let user = NewUser {
            account_id,
            username: name,
            email: self.email,
            email_verified: self.email_verified,
            password_hash: self.password_hash,
            role: self.role,
            quota: self.quota,
            admin_flags: self.admin_flags,
        };
        let id = tx.users().create(user).await.map_err(taken)?;
        let display_name = self.channel.map_or_else(|| format!("Main {name} channel"), |(_, display_name)| display_name.to_owned());
        let channel = NewChannel { account_id, name: &channel, display_name: &display_name, description: None, support: None };
        tx.channels().create(channel).await.map_err(taken)?;
        Ok((id, account_id))
    }
}

/// `{name}_channel`, or the next like it that nobody has; a name has at most 50 characters.
async fn free_channel_name(tx: &mut Tx, name: &str) -> Result<String, Error> {
    // Enough for names that somebody made to be in the way; then the insertion fails and says so.
    const TRIES: u32 = 20;
    let mut channel = String::new();
    for number in 1..=TRIES {
        let suffix = if number == 1 { "_channel".to_owned() } else { format!("_channel_{number}") };
        let room = 50 - suffix.len();
        channel = format!("{}{suffix}", &name[..name.len().min(room)]);
        if !tx.accounts().is_taken(&channel).await? {
            break;
        }
    }
    Ok(channel)
}

/// Whether a new user or channel may have this name.
pub async fn is_free(tx: &mut Tx, name: &str) -> store::Result<bool> {
    Ok(!RESERVED.contains(&name) && !tx.accounts().is_taken(name).await?)
}

/// What counts against somebody's quotas: what they have, and the uploads that they began.
async fn counted(tx: &mut Tx, user: &User) -> store::Result<Used> {
    let used = tx.users().used(user.account_id).await?;
    let (_, open_bytes) = tx.uploads().open_of(user.id).await?;
    Ok(Used { total: used.total.saturating_add(open_bytes), daily: used.daily.saturating_add(open_bytes) })
}

/// Whether somebody's quotas leave room for `more` bytes of video.
pub async fn has_room(tx: &mut Tx, user: &User, more: i64) -> store::Result<bool> {
    if user.quota == Quota::UNLIMITED {
        return Ok(true);
    }
    Ok(user.quota.allows(counted(tx, user).await?, more))
}

/// Whether the owner of a video is still within their quotas, with all that this transaction added. Others who add something for them
/// wait for its end.
pub async fn owner_has_room(tx: &mut Tx, video: &Video) -> store::Result<bool> {
    // Every video of this server has one.
    let Some(id) = video.channel.account.user_id else { return Ok(true) };
    match tx.users().hold(id).await? {
        Some(owner) => has_room(tx, &owner, 0).await,
        None => Ok(true),
    }
}

/// How many bytes of video a user may still have; `None`: no limit.
pub async fn room(tx: &mut Tx, user: &User) -> store::Result<Option<u64>> {
    if user.quota == Quota::UNLIMITED {
        return Ok(None);
    }
    Ok(user.quota.left(counted(tx, user).await?))
}

/// Adds a user with an account and a first channel `{username}_channel`, without limits.
pub async fn create_user(store: &Store, username: &str, email: &str, role: Role, password: &str) -> Result<UserId, Error> {
    let username = Username::parse(username)?;
    let password_hash = hash_password(password).await?;
    let mut tx = store.write().await?;
    let (id, _) = NewPerson::new(&username, email, role, &password_hash).insert(&mut tx).await?;
    tx.commit().await?;
    Ok(id)
}

/// Sets a new password and ends all sessions.
pub async fn reset_password(store: &Store, username: &str, password: &str) -> Result<(), Error> {
    let password_hash = hash_password(password).await?;
    let mut tx = store.write().await?;
    let user = tx.users().by_login(username).await?.ok_or_else(|| Error::Unknown(username.to_owned()))?;
    tx.users().set_password(user.id, &password_hash).await?;
    tx.tokens().delete_of(user.id).await?;
    tx.commit().await?;
    Ok(())
}

/// A password that people can type: 16 letters and digits without look-alikes, 92 bits.
pub fn generate_password() -> String {
    const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ23456789";
    let mut random = rand::rng();
    (0..16).map(|_| char::from(LETTERS[random.random_range(0..LETTERS.len())])).collect()
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(ARGON2_MEMORY_KIB, 2, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Hashes a password, away from the threads that serve.
pub async fn hash_password(password: &str) -> Result<String, Error> {
    let password = password.to_owned();
    let hashed = tokio::task::spawn_blocking(move || hash(&password));
    hashed.await.unwrap_or(Err(Error::Hash(argon2::password_hash::Error::Crypto)))
}

/// Hashes a password: 19 MiB and a core for tens of milliseconds, so never on a thread that serves.
pub(crate) fn hash(password: &str) -> Result<String, Error> {
    if !(PASSWORD_MIN..=PASSWORD_MAX).contains(&password.len()) {
        return Err(Invalid("a password has 6 to 255 characters").into());
    }
    let salt = SaltString::encode_b64(&rand::rng().random::<[u8; 16]>()).map_err(Error::Hash)?;
    Ok(argon2().hash_password(password.as_bytes(), &salt).map_err(Error::Hash)?.to_string())
}

/// Whether `password` is the one of `hash`; costs as much as [`hash`].
pub(crate) fn is_password(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| argon2().verify_password(password.as_bytes(), &hash).is_ok())
}
