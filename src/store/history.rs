use sqlx::{AnyConnection, Row as _};

use super::Result;
use super::videos::Videos;
use crate::domain::{Timestamp, UserId, Video, VideoId};

/// What users watched.
pub struct History<'c>(pub(super) &'c mut AnyConnection);

impl History<'_> {
    /// Notes that this user was at `position_s` of a video at `at`. Nothing when one of them is gone.
    pub async fn note(&mut self, user_id: UserId, video_id: VideoId, position_s: i64, at: Timestamp) -> Result<()> {
        sqlx::query(
            "INSERT INTO user_video_history (user_id, video_id, position_s, updated_at)
             SELECT u.id, v.id, CAST($1 AS BIGINT), CAST($2 AS BIGINT) FROM users u JOIN videos v ON v.id = $3 WHERE u.id = $4
             ON CONFLICT (user_id, video_id) DO UPDATE SET position_s = excluded.position_s, updated_at = excluded.updated_at",
        )
        .bind(position_s)
        .bind(at.as_millis())
        .bind(video_id.0)
        .bind(user_id.0)
        .execute(&mut *self.0)
        .await?;
        Ok(())
    }

    /// Where this user stopped watching a video, in seconds.
    pub async fn position(&mut self, user_id: UserId, video_id: VideoId) -> Result<Option<i64>> {
        let row = sqlx::query("SELECT position_s FROM user_video_history WHERE user_id = $1 AND video_id = $2")
            .bind(user_id.0)
            .bind(video_id.0)
            .fetch_optional(&mut *self.0)
            .await?;
        Ok(row.map(|row| row.try_get("position_s")).transpose()?)
    }

    /// A page of what this user watched, last first, each with where they stopped; `search` is what titles contain.
    pub async fn of_user(&mut self, user_id: UserId, search: Option<&str>, start: i64, count: i64) -> Result<(i64, Vec<(i64, Video)>)> {
        // What would be wildcards are plain characters.
        let pattern = search.map_or_else(String::new, |text| {
            let mut pattern = String::from("%");
            for c in text.to_lowercase().chars() {
                if matches!(c, '%' | '_' | '\\') {
                    pattern.push('\\');
                }
                pattern.push(c);
            }
            pattern.push('%');
            pattern
        });
        let total = sqlx::query(
            "SELECT COUNT(*) AS total FROM user_video_history w JOIN videos v ON v.id = w.video_id
             WHERE w.user_id = $1 AND ($2 = '' OR LOWER(v.name) LIKE $2 ESCAPE '\\')",
        )
        .bind(user_id.0)
        .bind(&pattern)
        .fetch_one(&mut *self.0)
        .await?
        .try_get("total")?;
        let rows = sqlx::query(
            "SELECT w.video_id, w.position_s FROM user_video_history w JOIN videos v ON v.id = w.video_id
             WHERE w.user_id = $1 AND ($2 = '' OR LOWER(v.name) LIKE $2 ESCAPE '\\')
             ORDER BY w.updated_at DESC, w.video_id DESC LIMIT $3 OFFSET $4",
        )
        .bind(user_id.0)
        .bind(&pattern)
        .bind(count)
        .bind(start)
        .fetch_all(&mut *self.0)
        .await?;
        let mut watched = Vec::with_capacity(rows.len());
        for row in &rows {
            let id = VideoId(row.try_get("video_id")?);
            if let Some(video) = Videos(&mut *self.0).by_id(id).await? {
                watched.push((row.try_get("position_s")?, video));
            }
        }
        Ok((total, watched))
    }

    /// Forgets one video, or everything up to `until`, or all of it.
    pub async fn forget(&mut self, user_id: UserId, video: Option<VideoId>, until: Option<Timestamp>) -> Result<()> {
        sqlx::query("DELETE FROM user_video_history WHERE user_id = $1 AND ($2 = 0 OR video_id = $2) AND updated_at <= $3")
            .bind(user_id.0)
            .bind(video.map_or(0, |id| id.0))
            .bind(until.map_or(i64::MAX, Timestamp::as_millis))
            .execute(&mut *self.0)
            .await?;
        Ok(())
    }
}
