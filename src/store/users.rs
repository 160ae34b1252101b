use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

use super::{Result, flag, maybe_timestamp, timestamp};
use crate::domain::{AccountId, Role, Timestamp, User, UserId};

/// People who log in.
pub struct Users<'c>(pub(super) &'c mut AnyConnection);

/// A user to be; the account is made before.
#[derive(Clone, Copy, Debug)]
pub struct NewUser<'a> {
    /// Their account.
    pub account_id: AccountId,
    /// Login name.
    pub username: &'a str,
    /// May be empty.
    pub email: &'a str,
    /// Argon2 in PHC form.
    pub password_hash: &'a str,
    /// What they may do.
    pub role: Role,
}

impl Users<'_> {
    /// By row id.
    pub async fn by_id(&mut self, id: UserId) -> Result<Option<User>> {
        let row = sqlx::query("SELECT * FROM users WHERE id = $1").bind(id.0).fetch_optional(&mut *self.0).await?;
        Ok(row.as_ref().map(user).transpose()?)
    }

    /// By login name, or by e-mail address.
    pub async fn by_login(&mut self, login: &str) -> Result<Option<User>> {
        let row = sqlx::query("SELECT * FROM users WHERE username = $1 OR (email <> '' AND email = $1) ORDER BY id LIMIT 1")
            .bind(login.to_lowercase())
            .fetch_optional(&mut *self.0)
            .await?;
        Ok(row.as_ref().map(user).transpose()?)
    }

    /// How many there are.
    pub async fn count(&mut self) -> Result<i64> {
        Ok(sqlx::query("SELECT COUNT(*) AS total FROM users").fetch_one(&mut *self.0).await?.try_get("total")?)
    }

    /// Adds a user; `Conflict` when the name is taken.
    pub async fn create(&mut self, new: NewUser<'_>) -> Result<UserId> {
        let row = sqlx::query(
            "INSERT INTO users (account_id, username, email, password_hash, role, created_at) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
        )
        .bind(new.account_id.0)
        .bind(new.username)
        .bind(new.email.to_lowercase())
        .bind(new.password_hash)
        .bind(new.role.code())
        .bind(Timestamp::now().as_millis())
        .fetch_one(&mut *self.0)
        .await?;
        Ok(UserId(row.try_get("id")?))
    }

    /// Replaces the password.
    pub async fn set_password(&mut self, id: UserId, password_hash: &str) -> Result<()> {
        sqlx::query("UPDATE users SET password_hash = $1 WHERE id = $2").bind(password_hash).bind(id.0).execute(&mut *self.0).await?;
        Ok(())
    }

    /// Whether their pages share.
    pub async fn set_p2p_enabled(&mut self, id: UserId, enabled: bool) -> Result<()> {
        let enabled = i64::from(enabled);
        sqlx::query("UPDATE users SET p2p_enabled = $1 WHERE id = $2").bind(enabled).bind(id.0).execute(&mut *self.0).await?;
        Ok(())
    }

    /// Notes a login.
    pub async fn logged_in(&mut self, id: UserId, at: Timestamp) -> Result<()> {
        sqlx::query("UPDATE users SET last_login_at = $1 WHERE id = $2").bind(at.as_millis()).bind(id.0).execute(&mut *self.0).await?;
        Ok(())
    }
}

pub(super) fn user(row: &AnyRow) -> sqlx::Result<User> {
    Ok(User {
        id: UserId(row.try_get("id")?),
        account_id: AccountId(row.try_get("account_id")?),
        username: row.try_get("username")?,
        email: row.try_get("email")?,
        password_hash: row.try_get("password_hash")?,
        role: Role::from_code(row.try_get("role")?),
        blocked: flag(row, "blocked")?,
        p2p_enabled: flag(row, "p2p_enabled")?,
        created_at: timestamp(row, "created_at")?,
        last_login_at: maybe_timestamp(row, "last_login_at")?,
    })
}
