use super::{Invalid, RegistrationId, Timestamp, UserId};

/// Where a registration stands; PeerTube's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistrationState {
    /// 1: nobody has answered.
    Pending,
    /// 2: refused.
    Rejected,
    /// 3: there is a user now.
    Accepted,
}

impl RegistrationState {
    /// The number in the database and the API.
    pub fn code(self) -> i64 {
        match self {
            Self::Pending => 1,
            Self::Rejected => 2,
            Self::Accepted => 3,
        }
    }

    /// From the number.
    pub fn from_code(code: i64) -> Option<Self> {
        [Self::Pending, Self::Rejected, Self::Accepted].into_iter().find(|state| state.code() == code)
    }

    /// The label in the API.
    pub fn label(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Rejected => "Rejected",
            Self::Accepted => "Accepted",
        }
    }
}

/// Somebody who would like to have an account.
#[derive(Clone, Debug)]
pub struct Registration {
    /// The row.
    pub id: RegistrationId,
    /// Where it stands.
    pub state: RegistrationState,
    /// Why they would like to.
    pub reason: String,
    /// What they were answered.
    pub moderation_response: Option<String>,
    /// The login name they chose.
    pub username: String,
    /// In small letters.
    pub email: String,
    /// Whether the address is proven; `None`: nobody asked for a proof.
    pub email_verified: Option<bool>,
    /// Argon2 in PHC form; empty once there is a user.
    pub password_hash: String,
    /// Of the account, as shown.
    pub display_name: Option<String>,
    /// The first channel's name.
    pub channel_name: Option<String>,
    /// The first channel's name as shown.
    pub channel_display_name: Option<String>,
    /// Who came of it.
    pub user_id: Option<UserId>,
    /// When they asked.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Registration {
    /// Most that may wait for an answer: more than moderators read, and strangers fill no disk.
    pub const MAX_PENDING: i64 = 1000;

    /// Checks why somebody would like to join, or what they are answered: 2 to 3000 characters, as PeerTube has it.
    pub fn parse_message(text: &str) -> Result<String, Invalid> {
        let text = text.trim();
        if (2..=3000).contains(&text.chars().count()) { Ok(text.to_owned()) } else { Err(Invalid("has 2 to 3000 characters")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_have_peertubes_numbers() {
        for code in 1..=3 {
            assert_eq!(RegistrationState::from_code(code).map(RegistrationState::code), Some(code));
        }
        assert_eq!(RegistrationState::from_code(4), None);
        assert_eq!(Registration::parse_message("  hi "), Ok("hi".into()));
        assert!(Registration::parse_message("x").is_err());
        assert!(Registration::parse_message(&"x".repeat(3001)).is_err());
    }
}
