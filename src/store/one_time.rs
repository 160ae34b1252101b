use sqlx::{AnyConnection, Row as _};

use super::Result;
use crate::domain::{RegistrationId, Timestamp, UserId};

/// What can be used once: proofs of addresses, leave to set a password. Only hashes are kept.
pub struct OneTime<'c>(pub(super) &'c mut AnyConnection);

/// What a one-time secret is for. The value of those that go out in letters is the address that they are written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Proves the address of a user.
    VerifyEmail,
    /// Proves the address that a user wants to change to.
    VerifyPendingEmail,
    /// Proves the address of a registration.
    VerifyRegistration,
    /// Sets a password.
    ResetPassword,
    /// Confirms a second factor; its value is the factor's secret.
    TwoFactor,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify-email",
            Self::VerifyPendingEmail => "verify-pending-email",
            Self::VerifyRegistration => "verify-registration",
            Self::ResetPassword => "reset-password",
            Self::TwoFactor => "two-factor",
        }
    }
}

/// Whose a one-time secret is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A user's.
    User(UserId),
    /// A registration's.
    Registration(RegistrationId),
}

impl Holder {
    /// `user_id` and `registration_id`.
    fn columns(self) -> (Option<i64>, Option<i64>) {
        match self {
            Self::User(id) => (Some(id.0), None),
            Self::Registration(id) => (None, Some(id.0)),
        }
    }
}

impl OneTime<'_> {
    /// Keeps the hash of a secret until `expires_at`; those made before for the same purpose do not count any more.
    pub async fn put(&mut self, purpose: Purpose, holder: Holder, hash: &str, value: Option<&str>, expires_at: Timestamp) -> Result<()> {
        let now = Timestamp::now().as_millis();
        sqlx::query("DELETE FROM one_time_secrets WHERE expires_at < $1").bind(now).execute(&mut *self.0).await?;
        self.remove(purpose, holder).await?;
        let (user_id, registration_id) = holder.columns();
        sqlx::query(
            "INSERT INTO one_time_secrets (purpose, user_id, registration_id, hash, value, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(purpose.name())
        .bind(user_id)
        .bind(registration_id)
        .bind(hash)
        .bind(value)
        .bind(now)
        .bind(expires_at.as_millis())
        .execute(&mut *self.0)
        .await?;
        Ok(())
    }

    /// The value kept with a secret that is still good: `Some(None)` for one without a value, `None` when it is not good.
    pub async fn find(&mut self, purpose: Purpose, holder: Holder, hash: &str) -> Result<Option<Option<String>>> {
        let (user_id, registration_id) = holder.columns();
        let row = sqlx::query(
            "SELECT value FROM one_time_secrets WHERE hash = $1 AND purpose = $2 AND expires_at >= $3
                AND (user_id = $4 OR registration_id = $5)",
        )
        .bind(hash)
        .bind(purpose.name())
        .bind(Timestamp::now().as_millis())
        .bind(user_id)
        .bind(registration_id)
        .fetch_optional(&mut *self.0)
        .await?;
        Ok(row.map(|row| row.try_get("value")).transpose()?)
    }

    /// Whether one was made for the purpose since `at`.
    pub async fn was_made_since(&mut self, purpose: Purpose, holder: Holder, at: Timestamp) -> Result<bool> {
        let (user_id, registration_id) = holder.columns();
        let row = sqlx::query(
            "SELECT id FROM one_time_secrets WHERE purpose = $1 AND created_at >= $2 AND (user_id = $3 OR registration_id = $4) LIMIT 1",
        )
        .bind(purpose.name())
        .bind(at.as_millis())
        .bind(user_id)
        .bind(registration_id)
        .fetch_optional(&mut *self.0)
        .await?;
        Ok(row.is_some())
    }

    /// What was written to a user's addresses does not count any more.
    pub async fn remove_letters_of(&mut self, id: UserId) -> Result<()> {
        for purpose in [Purpose::VerifyEmail, Purpose::VerifyPendingEmail, Purpose::ResetPassword] {
            self.remove(purpose, Holder::User(id)).await?;
        }
        Ok(())
    }

    /// What was made for the purpose does not count any more.
    pub async fn remove(&mut self, purpose: Purpose, holder: Holder) -> Result<()> {
        let (user_id, registration_id) = holder.columns();
        sqlx::query("DELETE FROM one_time_secrets WHERE purpose = $1 AND (user_id = $2 OR registration_id = $3)")
            .bind(purpose.name())
            .bind(user_id)
            .bind(registration_id)
            .execute(&mut *self.0)
            .await?;
        Ok(())
    }
}
