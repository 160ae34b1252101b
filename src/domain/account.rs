use serde::{Deserialize, Serialize};

use super::{AccountId, ActorId, ChannelId, Invalid, Timestamp, UserId};

/// What accounts and channels have in common: a name in one namespace and, for remote ones, URLs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The row.
    pub id: ActorId,
    /// The name before the `@`.
    pub name: String,
    /// The host of a remote actor; `None` is this instance.
    pub host: Option<String>,
    /// The actor's URL, for remote ones.
    pub url: Option<String>,
    /// Number of followers.
    pub followers_count: i64,
    /// Number followed.
    pub following_count: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Pictures.
    pub images: ActorImages,
}

/// A picture of an actor in one size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorImage {
    /// File name below the folder of its kind, or a URL for remote ones.
    pub file: String,
    /// In pixels; 0 unknown.
    pub width: u32,
    /// In pixels; 0 unknown.
    pub height: u32,
    /// When it was made.
    pub created_at: Timestamp,
}

/// All pictures of an actor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ActorImages {
    /// Square, largest first.
    pub avatars: Vec<ActorImage>,
    /// Wide, largest first; only of channels.
    pub banners: Vec<ActorImage>,
}

/// Somebody, here or elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The row.
    pub id: AccountId,
    /// Name and place.
    pub actor: Actor,
    /// The user behind it, if local.
    pub user_id: Option<UserId>,
    /// As shown.
    pub display_name: String,
    /// About them.
    pub description: Option<String>,
}

/// A place for videos; belongs to an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// The row.
    pub id: ChannelId,
    /// Name and place.
    pub actor: Actor,
    /// Whose it is.
    pub account: Account,
    /// As shown.
    pub display_name: String,
    /// About it.
    pub description: Option<String>,
    /// How to support it.
    pub support: Option<String>,
}

impl Account {
    /// Longest name as shown.
    pub const MAX_DISPLAY_NAME: usize = 120;
    /// Longest description, and longest text about support.
    pub const MAX_TEXT: usize = 1000;

    /// Checks a name as shown, of an account or a channel: 1 to 120 characters.
    pub fn parse_display_name(text: &str) -> Result<String, Invalid> {
        let text = text.trim();
        if (1..=Self::MAX_DISPLAY_NAME).contains(&text.chars().count()) {
            Ok(text.to_owned())
        } else {
            Err(Invalid("a displayed name has 1 to 120 characters"))
        }
    }
}

/// A channel's name, which is also a federated handle. PeerTube allows capitals; handles are compared without them, so they
/// are made small here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelName(String);

impl ChannelName {
    /// Checks the form: 1 to 50 of `a-z 0-9 . _ - :`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.to_ascii_lowercase();
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-:".contains(c);
        if (1..=50).contains(&text.len()) && text.chars().all(allowed) {
            Ok(Self(text))
        } else {
            Err(Invalid("a channel's name has 1 to 50 of the characters a-z, 0-9, ., _, - and :"))
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `name` or `name@host` as API paths carry it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handle {
    /// Before the `@`.
    pub name: String,
    /// After it; `None` for this instance.
    pub host: Option<String>,
}

impl Handle {
    /// Splits a handle; `local_host` after the `@` means this instance.
    pub fn parse(text: &str, local_host: &str) -> Self {
        match text.trim_start_matches('@').split_once('@') {
            Some((name, host)) if !host.eq_ignore_ascii_case(local_host) => {
                Self { name: name.to_ascii_lowercase(), host: Some(host.to_ascii_lowercase()) }
            }
            Some((name, _)) => Self { name: name.to_ascii_lowercase(), host: None },
            None => Self { name: text.trim_start_matches('@').to_ascii_lowercase(), host: None },
        }
    }
}
