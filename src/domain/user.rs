use super::{AccountId, Invalid, OtpSecret, Preferences, Quota, Timestamp, UserId};

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

    /// From the number, as a client sends it; `None` when there is no such role.
    pub fn parse(code: i64) -> Option<Self> {
        [Self::Administrator, Self::Moderator, Self::User].into_iter().find(|role| role.code() == code)
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

    /// May change, block and delete users with the role `other`.
    pub fn manages(self, other: Self) -> bool {
        match self {
            Self::Administrator => true,
            Self::Moderator => other == Self::User,
            Self::User => false,
        }
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
    /// In small letters; may be empty.
    pub email: String,
    /// What `email` is to be once it is proven.
    pub pending_email: Option<String>,
    /// Whether the address is proven; `None`: nobody asked for a proof.
    pub email_verified: Option<bool>,
    /// Argon2 in PHC form.
    pub password_hash: String,
    /// What they may do.
    pub role: Role,
    /// Kept out.
    pub blocked: bool,
    /// Why.
    pub blocked_reason: Option<String>,
    /// How much they may upload.
    pub quota: Quota,
    /// PeerTube's bits: 1 bypasses the review of new videos.
    pub admin_flags: i64,
    /// Settings of their pages.
    pub preferences: Preferences,
    /// Asked for a code at each login.
    pub otp_secret: Option<OtpSecret>,
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

impl User {
    /// The first user, whom nobody can lock out, degrade or delete.
    pub const ROOT: &str = "root";
    /// All bits of `admin_flags`.
    pub const ADMIN_FLAGS: i64 = 1;
    /// Longest reason for a block.
    pub const MAX_BLOCKED_REASON: usize = 250;

    /// Whether it is the first user.
    pub fn is_root(&self) -> bool {
        self.username == Self::ROOT
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moderators_manage_only_users() {
        assert!(Role::Administrator.manages(Role::Administrator));
        assert!(Role::Moderator.manages(Role::User));
        assert!(!Role::Moderator.manages(Role::Moderator) && !Role::Moderator.manages(Role::Administrator));
        assert!(!Role::User.manages(Role::User));
        assert_eq!((Role::parse(1), Role::parse(3), Role::from_code(3)), (Some(Role::Moderator), None, Role::User));
    }

    #[test]
    fn names_have_a_form() {
        for good in ["a", "ann_1.b", &"x".repeat(50)] {
            assert!(Username::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "Ann", "a b", "a@b", "ä", &"x".repeat(51)] {
            assert!(Username::parse(bad).is_err(), "{bad}");
        }
    }
}
