use sqlx::{AnyConnection, Row as _};

use super::Result;
use crate::domain::{Role, Timestamp, VideoState};

/// How many there are of everything, for the instance's numbers.
pub struct Census<'c>(pub(super) &'c mut AnyConnection);

/// How registrations went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RegistrationCounts {
    /// All of them.
    pub total: i64,
    /// Those that somebody answered.
    pub processed: i64,
    /// How long that took on average; `None` without any.
    pub average_response_ms: Option<i64>,
}

impl Census<'_> {
    /// Users with this role.
    pub async fn users_of(&mut self, role: Role) -> Result<i64> {
        let row = sqlx::query("SELECT COUNT(*) AS total FROM users WHERE role = $1").bind(role.code()).fetch_one(&mut *self.0).await?;
        Ok(row.try_get("total")?)
    }

    /// Users who logged in, or were seen, at `since` or later.
    pub async fn users_since(&mut self, since: Timestamp) -> Result<i64> {
        let row = sqlx::query(
            "SELECT COUNT(*) AS total FROM users u WHERE u.last_login_at >= $1
                OR u.id IN (SELECT t.user_id FROM oauth_tokens t WHERE t.active_at >= $1)",
        )
        .bind(since.as_millis())
        .fetch_one(&mut *self.0)
        .await?;
        Ok(row.try_get("total")?)
    }

    /// Local channels with a video published at `since` or later.
    pub async fn channels_since(&mut self, since: Timestamp) -> Result<i64> {
        let row = sqlx::query(
            "SELECT COUNT(DISTINCT v.channel_id) AS total FROM videos v WHERE v.state = $1 AND v.published_at >= $2 AND v.remote = 0",
        )
        .bind(VideoState::Published.code())
        .bind(since.as_millis())
        .fetch_one(&mut *self.0)
        .await?;
        Ok(row.try_get("total")?)
    }

    /// How registrations went.
    pub async fn registrations(&mut self) -> Result<RegistrationCounts> {
        let row = sqlx::query(
            "SELECT COUNT(*) AS total, COUNT(processed_at) AS processed,
                CAST(COALESCE(AVG(processed_at - created_at), 0) AS BIGINT) AS average FROM registrations",
        )
        .fetch_one(&mut *self.0)
        .await?;
        let (processed, average): (i64, i64) = (row.try_get("processed")?, row.try_get("average")?);
        Ok(RegistrationCounts { total: row.try_get("total")?, processed, average_response_ms: (processed > 0).then_some(average) })
    }
}
