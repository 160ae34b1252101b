use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

use super::{Result, maybe_timestamp, timestamp};
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
    /// Where the session began.
    pub login: &'a Visit,
    /// Where it is now.
    pub active: &'a Visit,
}

/// Where and when somebody was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Visit {
    /// What their program calls itself.
    pub device: Option<String>,
    /// Their address.
    pub ip: Option<String>,
    /// When.
    pub at: Option<Timestamp>,
}

/// A pair of tokens: a session.
#[derive(Clone, Debug)]
pub struct Token {
    /// The row.
    pub id: i64,
    /// Whose.
    pub user_id: UserId,
    /// The access token's end.
    pub access_expires_at: Timestamp,
    /// The refresh token's end.
    pub refresh_expires_at: Timestamp,
    /// When this pair was made.
    pub created_at: Timestamp,
    /// Where the session began.
    pub login: Visit,
    /// Where it was last seen.
    pub active: Visit,
}

/// The order of a list of sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionSort {
    /// `-lastActivityDate`
    #[default]
    LastSeen,
    /// `lastActivityDate`
    LastSeenReversed,
    /// `-createdAt`, `-loginDate`
    Newest,
    /// `createdAt`, `loginDate`
    Oldest,
}

impl SessionSort {
    /// From PeerTube's name; `None` when there is no such order.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "-lastActivityDate" => Self::LastSeen,
            "lastActivityDate" => Self::LastSeenReversed,
            "-createdAt" | "-loginDate" => Self::Newest,
            "createdAt" | "loginDate" => Self::Oldest,
            _ => return None,
        })
    }
}

macro_rules! select_sessions {
    ($order:literal) => {
        concat!("SELECT * FROM oauth_tokens WHERE user_id = $1 AND refresh_expires_at >= $2 ORDER BY ", $order, " LIMIT $3 OFFSET $4")
    };
}

impl Tokens<'_> {
    /// Adds a pair.
    pub async fn create(&mut self, new: NewToken<'_>) -> Result<()> {
        let now = Timestamp::now().as_millis();
        sqlx::query(
            "INSERT INTO oauth_tokens (user_id, access_hash, access_expires_at, refresh_hash, refresh_expires_at, created_at,
                login_device, login_ip, login_at, active_device, active_ip, active_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        )
        .bind(new.user_id.0)
        .bind(new.access_hash)
        .bind(new.access_expires_at.as_millis())
        .bind(new.refresh_hash)
        .bind(new.refresh_expires_at.as_millis())
        .bind(now)
        .bind(&new.login.device)
        .bind(&new.login.ip)
        .bind(new.login.at.map(Timestamp::as_millis))
        .bind(&new.active.device)
        .bind(&new.active.ip)
        .bind(new.active.at.map(Timestamp::as_millis))
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
        let row = sqlx::query("SELECT * FROM oauth_tokens WHERE access_hash = $1").bind(hash).fetch_optional(&mut *self.0).await?;
        Ok(row.as_ref().map(token).transpose()?)
    }

    /// By the hash of a refresh token.
    pub async fn by_refresh(&mut self, hash: &str) -> Result<Option<Token>> {
        let row = sqlx::query("SELECT * FROM oauth_tokens WHERE refresh_hash = $1").bind(hash).fetch_optional(&mut *self.0).await?;
        Ok(row.as_ref().map(token).transpose()?)
    }

    /// A page of a user's sessions that have not ended, and how many there are.
    pub async fn of_user(&mut self, user_id: UserId, sort: SessionSort, start: i64, count: i64) -> Result<(i64, Vec<Token>)> {
        let now = Timestamp::now().as_millis();
        let total = sqlx::query("SELECT COUNT(*) AS total FROM oauth_tokens WHERE user_id = $1 AND refresh_expires_at >= $2")
            .bind(user_id.0)
            .bind(now)
            .fetch_one(&mut *self.0)
            .await?
            .try_get("total")?;
        let sql = match sort {
            SessionSort::LastSeen => select_sessions!("COALESCE(active_at, created_at) DESC, id DESC"),
            SessionSort::LastSeenReversed => select_sessions!("COALESCE(active_at, created_at), id"),
            SessionSort::Newest => select_sessions!("id DESC"),
            SessionSort::Oldest => select_sessions!("id"),
        };
        let rows = sqlx::query(sql).bind(user_id.0).bind(now).bind(count).bind(start).fetch_all(&mut *self.0).await?;
        Ok((total, rows.iter().map(token).collect::<sqlx::Result<_>>()?))
    }

    /// Notes where a session is now.
    pub async fn seen(&mut self, id: i64, visit: &Visit) -> Result<()> {
        sqlx::query("UPDATE oauth_tokens SET active_device = $1, active_ip = $2, active_at = $3 WHERE id = $4")
            .bind(&visit.device)
            .bind(&visit.ip)
            .bind(visit.at.map(Timestamp::as_millis))
            .bind(id)
            .execute(&mut *self.0)
            .await?;
        Ok(())
    }

    /// Takes one of a user's pairs back; false when they have no such pair.
    pub async fn delete_one_of(&mut self, user_id: UserId, id: i64) -> Result<bool> {
        let result =
            sqlx::query("DELETE FROM oauth_tokens WHERE id = $1 AND user_id = $2").bind(id).bind(user_id.0).execute(&mut *self.0).await?;
        Ok(result.rows_affected() > 0)
    }

    /// Takes back everything a user holds but the pair `kept`.
    pub async fn delete_others_of(&mut self, user_id: UserId, kept: i64) -> Result<()> {
        sqlx::query("DELETE FROM oauth_tokens WHERE user_id = $1 AND id <> $2").bind(user_id.0).bind(kept).execute(&mut *self.0).await?;
        Ok(())
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

fn token(row: &AnyRow) -> sqlx::Result<Token> {
    Ok(Token {
        id: row.try_get("id")?,
        user_id: UserId(row.try_get("user_id")?),
        access_expires_at: timestamp(row, "access_expires_at")?,
        refresh_expires_at: timestamp(row, "refresh_expires_at")?,
        created_at: timestamp(row, "created_at")?,
        login: Visit { device: row.try_get("login_device")?, ip: row.try_get("login_ip")?, at: maybe_timestamp(row, "login_at")? },
        active: Visit { device: row.try_get("active_device")?, ip: row.try_get("active_ip")?, at: maybe_timestamp(row, "active_at")? },
    })
}
