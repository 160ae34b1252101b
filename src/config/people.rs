//! Who may join, how much they may upload, and how letters go out.

use serde::{Deserialize, Serialize};

use super::{Error, Secret};

/// Who may join.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Signup {
    /// Strangers may ask for an account.
    pub enabled: bool,
    /// A moderator answers each of them.
    pub requires_approval: bool,
    /// They prove their e-mail address first.
    pub requires_email_verification: bool,
    /// Closed at so many users; -1: never.
    pub limit: i64,
    /// What the page tells them, in years.
    pub minimum_age: u32,
}

/// What new users get.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct User {
    /// Bytes of video in all; -1: no limit.
    pub video_quota_bytes: i64,
    /// Bytes of video within 24 hours; -1: no limit.
    pub video_quota_daily_bytes: i64,
    /// Most channels of one user.
    pub max_channels: u32,
}

/// How letters go out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Smtp {
    /// The mail server; empty: letters are written to the log.
    pub host: String,
    /// Its port; 0: 465, 587 or 25, as `security` says.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// Login; empty: none.
    pub username: String,
    /// Its password.
    pub password: Secret,
    /// The sender's address; empty: `shoal@` and the host of `http.public_url`.
    pub from: String,
}

/// How a connection to the mail server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// TLS from the first byte.
    #[default]
    Tls,
    /// TLS after a word in the clear; refused without it.
    Starttls,
    /// Not at all: for a mail server on this machine.
    None,
}

impl Default for Signup {
    fn default() -> Self {
        Self { enabled: false, requires_approval: true, requires_email_verification: false, limit: -1, minimum_age: 16 }
    }
}

impl Default for User {
    fn default() -> Self {
        Self { video_quota_bytes: -1, video_quota_daily_bytes: -1, max_channels: 20 }
    }
}

impl Default for Smtp {
    fn default() -> Self {
        Self {
            host: String::new(),
            port: 0,
            security: Security::Tls,
            username: String::new(),
            password: Secret::new(""),
            from: String::new(),
        }
    }
}

impl User {
    /// The quota of new users.
    pub fn quota(&self) -> crate::domain::Quota {
        crate::domain::Quota { total: self.video_quota_bytes, daily: self.video_quota_daily_bytes }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let invalid = |key: &'static str, reason: &str| Err(Error::Invalid { key, reason: reason.to_owned() });
        if self.video_quota_bytes < -1 {
            return invalid("user.video_quota_bytes", "must be -1 (no limit) or more");
        }
        if self.video_quota_daily_bytes < -1 {
            return invalid("user.video_quota_daily_bytes", "must be -1 (no limit) or more");
        }
        if !(1..=100).contains(&self.max_channels) {
            return invalid("user.max_channels", "must lie between 1 and 100");
        }
        Ok(())
    }
}

impl Smtp {
    pub(super) fn check(&self) -> Result<(), Error> {
        if !self.from.is_empty() && crate::domain::Email::parse(&self.from).is_err() {
            return Err(Error::Invalid { key: "smtp.from", reason: "must be an e-mail address".into() });
        }
        Ok(())
    }
}
