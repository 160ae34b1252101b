use super::{AccountId, ActorId, ChannelId, Timestamp, UserId};

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
