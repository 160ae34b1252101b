//! Making users and passwords.

use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use rand::Rng as _;

use crate::app::FirstLogin;
use crate::config::Secret;
use crate::domain::{Invalid, Role, UserId, Username};
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
    create_user(store, "root", "", Role::Administrator, text).await?;
    Ok(Some(FirstLogin { username: "root".into(), password: generated.map(Secret::new) }))
}

/// Adds a user with an account and a first channel `{username}_channel`.
pub async fn create_user(store: &Store, username: &str, email: &str, role: Role, password: &str) -> Result<UserId, Error> {
    let username = Username::parse(username)?;
    let password_hash = hash_password(password).await?;
    let mut tx = store.write().await?;
    let id = insert_user(&mut tx, &username, email, role, &password_hash).await.map_err(|error| match error {
        store::Error::Conflict => Error::Taken(username.as_str().to_owned()),
        error => Error::Store(error),
    })?;
    tx.commit().await?;
    Ok(id)
}

async fn insert_user(tx: &mut Tx, username: &Username, email: &str, role: Role, password_hash: &str) -> store::Result<UserId> {
    let name = username.as_str();
    let actor = NewActor { kind: "account", name, host: None, url: None };
    let account_id = tx.accounts().create(actor, name).await?;
    let user = NewUser { account_id, username: name, email, password_hash, role };
    let id = tx.users().create(user).await?;
    let channel =
        NewChannel { account_id, name: &format!("{name}_channel"), display_name: &format!("Main {name} channel"), description: None };
    tx.channels().create(channel).await?;
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
    if !(PASSWORD_MIN..=PASSWORD_MAX).contains(&password.len()) {
        return Err(Invalid("a password has 6 to 255 characters").into());
    }
    let password = password.to_owned();
    let hashed = tokio::task::spawn_blocking(move || {
        let salt = SaltString::encode_b64(&rand::rng().random::<[u8; 16]>())?;
        argon2().hash_password(password.as_bytes(), &salt).map(|hash| hash.to_string())
    });
    match hashed.await {
        Ok(result) => result.map_err(Error::Hash),
        Err(_) => Err(Error::Hash(argon2::password_hash::Error::Crypto)),
    }
}

/// Whether `password` is the one of `hash`, away from the threads that serve.
pub(crate) async fn verify_password(hash: String, password: String) -> bool {
    let verified = tokio::task::spawn_blocking(move || {
        PasswordHash::new(&hash).is_ok_and(|hash| argon2().verify_password(password.as_bytes(), &hash).is_ok())
    });
    verified.await.unwrap_or(false)
}
