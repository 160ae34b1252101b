//! `shoal admin`: what somebody who is locked out needs. The server may run or not.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::{Subcommand, ValueEnum};

use crate::config::Config;
use crate::domain::{Email, Place, Role, User, Username};
use crate::images::Images;
use crate::store::{Store, Tx, UserFilter, UserSort};
use crate::users::{self, NewPerson};
use crate::{import, removal};

/// Users that are listed at once.
const BATCH: i64 = 100;

#[derive(Debug, Subcommand)]
pub(super) enum Admin {
    /// Add a user with an account and a channel.
    CreateUser {
        /// Login name: a-z, 0-9, . and _
        username: String,
        /// E-mail address.
        #[arg(long, default_value = "")]
        email: String,
        /// What they may do.
        #[arg(long, value_enum, default_value = "user")]
        role: RoleArgument,
        /// The password; generated and printed when absent.
        #[arg(long)]
        password: Option<String>,
    },
    /// Set a new password and end all sessions of a user.
    ResetPassword {
        /// Login name.
        username: String,
        /// The password; generated and printed when absent.
        #[arg(long)]
        password: Option<String>,
    },
    /// List users.
    ListUsers {
        /// Only those whose name or address contains this.
        #[arg(long)]
        search: Option<String>,
    },
    /// Change what a user may do; ends all their sessions.
    SetRole {
        /// Login name.
        username: String,
        /// What they may do.
        #[arg(value_enum)]
        role: RoleArgument,
    },
    /// Change a user's e-mail address, without a proof.
    SetEmail {
        /// Login name.
        username: String,
        /// The address.
        email: String,
    },
    /// Change how much a user may upload.
    SetQuota {
        /// Login name.
        username: String,
        /// Bytes of video in all; -1: no limit.
        #[arg(long, allow_negative_numbers = true)]
        total: Option<i64>,
        /// Bytes of video within 24 hours; -1: no limit.
        #[arg(long, allow_negative_numbers = true)]
        daily: Option<i64>,
    },
    /// Keep a user out and end all their sessions.
    BlockUser {
        /// Login name.
        username: String,
        /// Why.
        #[arg(long)]
        reason: Option<String>,
    },
    /// Let a user in again.
    UnblockUser {
        /// Login name.
        username: String,
    },
    /// Let a user log in without the second factor: their telephone is lost.
    DisableTwoFactor {
        /// Login name.
        username: String,
    },
    /// Make the account, settings, channels and lives of an archive a user's: from another server of this kind, or from PeerTube.
    ImportUser {
        /// Login name.
        username: String,
        /// The archive (ZIP).
        archive: PathBuf,
    },
    /// Enqueue the move of all finished videos' files; the server does it when it runs.
    MoveMedia {
        /// Where they are to be.
        #[arg(long, value_enum)]
        to: PlaceArgument,
    },
    /// Delete a user with everything: channels, videos, pictures. There is no way back.
    DeleteUser {
        /// Login name.
        username: String,
        /// Do it.
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum PlaceArgument {
    Disk,
    S3,
}

impl From<PlaceArgument> for Place {
    fn from(argument: PlaceArgument) -> Self {
        match argument {
            PlaceArgument::Disk => Self::Disk,
            PlaceArgument::S3 => Self::ObjectStorage,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum RoleArgument {
    Administrator,
    Moderator,
    User,
}

impl From<RoleArgument> for Role {
    fn from(argument: RoleArgument) -> Self {
        match argument {
            RoleArgument::Administrator => Self::Administrator,
            RoleArgument::Moderator => Self::Moderator,
            RoleArgument::User => Self::User,
        }
    }
}

pub(super) async fn run(config: Config, command: Admin) -> Result<()> {
    std::fs::create_dir_all(&config.data_dir).with_context(|| config.data_dir.display().to_string())?;
    let store = Store::open(&config.database_url, &config.data_dir).await?;
    let result = administer(&config, &store, command).await;
    store.close().await;
    result
}

async fn administer(config: &Config, store: &Store, command: Admin) -> Result<()> {
    match command {
        Admin::CreateUser { username, email, role, password } => {
            create_user(config, store, &username, &email, role.into(), password).await?;
        }
        Admin::ResetPassword { username, password } => {
            let (password, is_generated) = chosen_or_generated(password);
            users::reset_password(store, &username, &password).await?;
            tell_login(&username, is_generated.then_some(&password));
        }
        Admin::ListUsers { search } => list_users(store, search).await?,
        Admin::SetRole { username, role } => {
            let role = Role::from(role);
            let user = change(store, &username, |user| {
                if user.is_root() {
                    bail!("the role of {} stays", User::ROOT);
                }
                user.role = role;
                Ok(())
            })
            .await?;
            println!("{} is {} now; all sessions ended.", user.username, role.label());
        }
        Admin::SetEmail { username, email } => {
            let email = Email::parse(&email).context("e-mail address")?;
            let user = change(store, &username, |user| {
                user.email = email.as_str().to_owned();
                (user.pending_email, user.email_verified) = (None, None);
                Ok(())
            })
            .await
            .context("is the address taken?")?;
            println!("Letters to {} go to {}; all sessions ended.", user.username, user.email);
        }
        Admin::SetQuota { username, total, daily } => {
            let user = change(store, &username, |user| {
                user.quota.total = total.unwrap_or(user.quota.total).max(-1);
                user.quota.daily = daily.unwrap_or(user.quota.daily).max(-1);
                Ok(())
            })
            .await?;
            println!("{} may upload {} bytes in all, {} a day (-1: no limit).", user.username, user.quota.total, user.quota.daily);
        }
        Admin::BlockUser { username, reason } => {
            let user = change(store, &username, |user| {
                if user.is_root() {
                    bail!("{} cannot be blocked", User::ROOT);
                }
                (user.blocked, user.blocked_reason) = (true, reason);
                Ok(())
            })
            .await?;
            println!("{} is blocked; all sessions ended.", user.username);
        }
        Admin::UnblockUser { username } => {
            let user = change(store, &username, |user| {
                (user.blocked, user.blocked_reason) = (false, None);
                Ok(())
            })
            .await?;
            println!("{} can log in again.", user.username);
        }
        Admin::DisableTwoFactor { username } => {
            let user = change(store, &username, |user| {
                user.otp_secret = None;
                Ok(())
            })
            .await?;
            println!("{} logs in without a second factor; all sessions ended.", user.username);
        }
        Admin::ImportUser { username, archive } => import_user(config, store, &username, archive).await?,
        Admin::MoveMedia { to } => {
            anyhow::ensure!(config.storage.bucket.is_some(), "no object storage is configured (storage.bucket)");
            println!("{} videos will be moved.", crate::vod::enqueue_moves(store, to.into()).await?);
        }
        Admin::DeleteUser { username, yes } => delete_user(config, store, &username, yes).await?,
    }
    Ok(())
}

async fn create_user(config: &Config, store: &Store, username: &str, email: &str, role: Role, password: Option<String>) -> Result<()> {
    let username = Username::parse(username)?;
    let email = if email.is_empty() { String::new() } else { Email::parse(email).context("e-mail address")?.as_str().to_owned() };
    let (password, is_generated) = chosen_or_generated(password);
    let password_hash = users::hash_password(&password).await?;
    let mut tx = store.write().await?;
    let person = NewPerson { quota: config.user.quota(), ..NewPerson::new(&username, &email, role, &password_hash) };
    person.insert(&mut tx).await?;
    tx.commit().await?;
    tell_login(username.as_str(), is_generated.then_some(&password));
    Ok(())
}

fn chosen_or_generated(password: Option<String>) -> (String, bool) {
    match password {
        Some(password) => (password, false),
        None => (users::generate_password(), true),
    }
}

fn tell_login(username: &str, generated: Option<&String>) {
    match generated {
        Some(password) => println!("{username} can log in with the password {password}"),
        None => println!("{username} can log in."),
    }
}

async fn list_users(store: &Store, search: Option<String>) -> Result<()> {
    let mut filter = UserFilter { search, sort: UserSort::Oldest, count: BATCH, ..UserFilter::default() };
    let mut tx = store.read().await?;
    println!("{:>6}  {:<14}  {:<24}  {:<32}  {:<24}  ", "id", "role", "name", "e-mail", "last login");
    loop {
        let (_, users) = tx.users().list(&filter).await?;
        if users.is_empty() {
            return Ok(());
        }
        for user in &users {
            println!(
                "{:>6}  {:<14}  {:<24}  {:<32}  {:<24}  {}",
                user.id.0,
                user.role.label(),
                user.username,
                user.email,
                user.last_login_at.map_or_else(|| "never".to_owned(), |at| at.to_string()),
                notes(user)
            );
        }
        filter.start += BATCH;
    }
}

fn notes(user: &User) -> String {
    let mut notes = Vec::new();
    if user.blocked {
        notes.push("blocked");
    }
    if user.otp_secret.is_some() {
        notes.push("second factor");
    }
    if user.email_verified == Some(false) {
        notes.push("address not proven");
    }
    notes.join(", ")
}

async fn by_name(tx: &mut Tx, username: &str) -> Result<User> {
    tx.users().by_login(username).await?.with_context(|| format!("there is no user {username}"))
}

/// Changes a user; all their sessions end, so that nobody goes on with what they had.
async fn change(store: &Store, username: &str, change: impl FnOnce(&mut User) -> Result<()>) -> Result<User> {
    let mut tx = store.write().await?;
    let id = by_name(&mut tx, username).await?.id;
    // The server may run meanwhile, and change them too.
    let mut user = tx.users().hold(id).await?.with_context(|| format!("there is no user {username}"))?;
    let before = user.email.clone();
    change(&mut user)?;
    tx.users().update(&user).await?;
    if user.email != before {
        tx.one_time().remove_letters_of(user.id).await?;
    }
    tx.tokens().delete_of(user.id).await?;
    tx.commit().await?;
    Ok(user)
}

async fn import_user(config: &Config, store: &Store, username: &str, archive: PathBuf) -> Result<()> {
    let user = by_name(&mut store.read().await?, username).await?;
    let most = config.user.max_channels as usize;
    let summary = import::read(store, &Images::default(), &config.data_dir, &user, archive, most).await?;
    for (what, count) in
        [("account", summary.account), ("settings", summary.settings), ("channels", summary.channels), ("lives", summary.lives)]
    {
        println!("{what}: {} taken over, {} here already, {} not possible", count.success, count.duplicates, count.errors);
    }
    println!("finished videos: {} left out, to be uploaded", summary.videos_left_out);
    Ok(())
}

async fn delete_user(config: &Config, store: &Store, username: &str, yes: bool) -> Result<()> {
    let mut tx = store.read().await?;
    let user = by_name(&mut tx, username).await?;
    if user.is_root() {
        bail!("{} cannot be deleted", User::ROOT);
    }
    if !yes {
        let videos = tx.users().count_videos(user.account_id).await?;
        bail!("{} has {videos} videos, which would be deleted as well: say --yes if you mean it", user.username);
    }
    let account = tx.accounts().by_id(user.account_id).await?.context("the account is missing")?;
    drop(tx);
    removal::account_offline(store, &config.data_dir, &account).await?;
    println!("{} is deleted; the files of their videos go when the server runs.", user.username);
    Ok(())
}
