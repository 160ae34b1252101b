use super::{AccountId, Invalid, Timestamp, UserId};

/// What a user may do; PeerTube's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything.
    Administrator,
    /// Everything but the instance's settings.
    Moderator,
    /// Their own things.
    User,
}

impl Role {
    /// The number in the database and the API.
    pub fn code(self) -> i64 {
        match self {
            Self::Administrator => 0,
            Self::Moderator => 1,
            Self::User => 2,
        }
    }

    /// From the number; anything unknown may do the least.
    pub fn from_code(code: i64) -> Self {
        match code {
            0 => Self::Administrator,
            1 => Self::Moderator,
            _ => Self::User,
        }
    }

    /// The label in the API.
    pub fn label(self) -> &'static str {
        match self {
            Self::Administrator => "Administrator",
            Self::Moderator => "Moderator",
            Self::User => "User",
        }
    }

    /// May act on other people's videos.
    pub fn moderates(self) -> bool {
        self != Self::User
    }
}

/// Somebody who can log in here.
#[derive(Clone, Debug)]
pub struct User {
    /// The row.
    pub id: UserId,
    /// Their account.
    pub account_id: AccountId,
    /// Login name.
    pub username: String,
    /// May be empty.
    pub email: String,
    /// Argon2 in PHC form.
    pub password_hash: String,
    /// What they may do.
    pub role: Role,
    /// Kept out.
    pub blocked: bool,
    /// Their pages share videos with other viewers, unless they choose otherwise there.
    pub p2p_enabled: bool,
    /// When they were added.
    pub created_at: Timestamp,
    /// When they last logged in.
    pub last_login_at: Option<Timestamp>,
}

/// A login name that can also be a federated handle: `[a-z0-9._]{1,50}`, as PeerTube requires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username(String);

impl Username {
    /// Checks the form.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '.';
        if (1..=50).contains(&text.len()) && text.chars().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid("a name has 1 to 50 of the characters a-z, 0-9, . and _"))
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
