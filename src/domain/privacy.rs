use std::fmt;

use subtle::ConstantTimeEq as _;

use super::Invalid;

/// Who may see a video; PeerTube's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Privacy {
    /// 1: everybody; in lists.
    Public,
    /// 2: everybody who has the address.
    Unlisted,
    /// 3: the owner and moderators.
    Private,
    /// 4: users of this instance.
    Internal,
    /// 5: everybody who has the address and one of its passwords.
    Password,
}

impl Privacy {
    /// All of them, in order.
    pub const ALL: [Self; 5] = [Self::Public, Self::Unlisted, Self::Private, Self::Internal, Self::Password];

    /// The number in the database and the API.
    pub fn code(self) -> i64 {
        match self {
            Self::Public => 1,
            Self::Unlisted => 2,
            Self::Private => 3,
            Self::Internal => 4,
            Self::Password => 5,
        }
    }

    /// From the number.
    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|privacy| privacy.code() == code)
    }

    /// The label in the API.
    pub fn label(self) -> &'static str {
        match self {
            Self::Public => "Public",
            Self::Unlisted => "Unlisted",
            Self::Private => "Private",
            Self::Internal => "Internal",
            Self::Password => "Password protected",
        }
    }

    /// Whoever knows the address may watch, without an account.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Public | Self::Unlisted)
    }

    /// Nobody but its owner has it yet.
    pub fn is_hidden(self) -> bool {
        self == Self::Private
    }
}

/// A password of a video. Its `Debug` shows nothing, so that it cannot reach a log.
#[derive(Clone)]
pub struct VideoPassword(String);

impl VideoPassword {
    /// Shortest and longest, as PeerTube has it.
    const LENGTH: std::ops::RangeInclusive<usize> = 2..=100;
    /// Most of one video: all of them are compared each time.
    pub const MAX: usize = 100;

    /// Checks what an owner wants it to be.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if Self::LENGTH.contains(&text.chars().count()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid("a password of a video has 2 to 100 characters"))
        }
    }

    /// As the database kept it.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether `text` is it, in a time that does not tell how much of it is right.
    pub fn matches(&self, text: &str) -> bool {
        self.0.as_bytes().ct_eq(text.as_bytes()).into()
    }
}

impl fmt::Debug for VideoPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VideoPassword(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_privacies_go_together() {
        for privacy in Privacy::ALL {
            assert_eq!(Privacy::from_code(privacy.code()), Some(privacy));
        }
        assert_eq!(Privacy::from_code(6), None);
        assert!(!Privacy::Password.is_open());
    }

    #[test]
    fn passwords_are_checked_and_not_shown() {
        let password = VideoPassword::parse("open sesame").expect("good");
        assert!(password.matches("open sesame"));
        assert!(!password.matches("open sesam") && !password.matches(""));
        assert!(!format!("{password:?}").contains("sesame"));
        assert!(VideoPassword::parse("x").is_err());
        assert!(VideoPassword::parse(&"x".repeat(101)).is_err());
    }
}
