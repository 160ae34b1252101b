use sqlx::{AnyConnection, Row as _};

use super::{Result, timestamp};
use crate::domain::{Timestamp, UserId};

/// Tokens that one user may hold; the oldest go, so that a client that never logs out cannot fill the table.
const PER_USER: i64 = 100;

/// What people log in with: only hashes of tokens.
pub struct Tokens<'c>(pub(super) &'c mut AnyConnection);

/// A pair of tokens to be.
#[derive(Clone, Copy, Debug)]
pub struct NewToken<'a> {
    /// Whose.
    pub user_id: UserId,
    /// SHA-256 of the access token, hex.
    pub access_hash: &'a str,
    /// Valid until.
    pub access_expires_at: Timestamp,
    /// SHA-256 of the refresh token, hex.
    pub refresh_hash: &'a str,
    /// Valid until.
    pub refresh_expires_at: Timestamp,
}

/// A pair of tokens.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    /// The row.
    pub id: i64,
    /// Whose.
    pub user_id: UserId,
    /// The access token's end.
    pub access_expires_at: Timestamp,
    /// The refresh token's end.
    pub refresh_expires_at: Timestamp,
}

impl Tokens<'_> {
    /// Adds a pair.
    pub async fn create(&mut self, new: NewToken<'_>) -> Result<()> {
        let now = Timestamp::now().as_millis();
        sqlx::query(
            "INSERT INTO oauth_tokens (user_id, access_hash, access_expires_at, refresh_hash, refresh_expires_at, created_at)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(new.user_id.0)
        .bind(new.access_hash)
        .bind(new.access_expires_at.as_millis())
        .bind(new.refresh_hash)
        .bind(new.refresh_expires_at.as_millis())
        .bind(now)
        .execute(&mut *self.0)
        .await?;
        sqlx::query("DELETE FROM oauth_tokens WHERE refresh_expires_at < $1").bind(now).execute(&mut *self.0).await?;
        sqlx::query(
            "DELETE FROM oauth_tokens WHERE user_id = $1 AND id NOT IN
             (SELECT id FROM oauth_tokens WHERE user_id = $1 ORDER BY id DESC LIMIT $2)",
        )
        .bind(new.user_id.0)
        .bind(PER_USER)
        .execute(&mut *self.0)
        .await?;
        Ok(())
    }

    /// By the hash of an access token.
    pub async fn by_access(&mut self, hash: &str) -> Result<Option<Token>> {
        let row = sqlx::query("SELECT id, user_id, access_expires_at, refresh_expires_at FROM oauth_tokens WHERE access_hash = $1")
            .bind(hash)
            .fetch_optional(&mut *self.0)
            .await?;
        Ok(row.as_ref().map(token).transpose()?)
    }

    /// By the hash of a refresh token.
    pub async fn by_refresh(&mut self, hash: &str) -> Result<Option<Token>> {
        let row = sqlx::query("SELECT id, user_id, access_expires_at, refresh_expires_at FROM oauth_tokens WHERE refresh_hash = $1")
            .bind(hash)
            .fetch_optional(&mut *self.0)
            .await?;
        Ok(row.as_ref().map(token).transpose()?)
    }

    /// Takes a pair back; false when it was gone already.
    pub async fn delete(&mut self, id: i64) -> Result<bool> {
        let result = sqlx::query("DELETE FROM oauth_tokens WHERE id = $1").bind(id).execute(&mut *self.0).await?;
        Ok(result.rows_affected() > 0)
    }

    /// Takes back everything a user holds.
    pub async fn delete_of(&mut self, user_id: UserId) -> Result<()> {
        sqlx::query("DELETE FROM oauth_tokens WHERE user_id = $1").bind(user_id.0).execute(&mut *self.0).await?;
        Ok(())
    }
}

fn token(row: &sqlx::any::AnyRow) -> sqlx::Result<Token> {
    Ok(Token {
        id: row.try_get("id")?,
        user_id: UserId(row.try_get("user_id")?),
        access_expires_at: timestamp(row, "access_expires_at")?,
        refresh_expires_at: timestamp(row, "refresh_expires_at")?,
    })
}
