use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

use super::{Result, timestamp};
use crate::domain::{Timestamp, UserId, VideoId};

/// Uploads in parts.
pub struct Uploads<'c>(pub(super) &'c mut AnyConnection);

/// An upload that goes on over several requests. How much of it is there says its file's length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// In the address and as the file's name.
    pub id: String,
    /// Whose.
    pub user_id: UserId,
    /// The video whose file it replaces; `None`: it becomes a new video.
    pub video_id: Option<VideoId>,
    /// As the client calls it.
    pub filename: String,
    /// In bytes, when whole.
    pub size_bytes: i64,
    /// The form that describes the video, as JSON.
    pub fields: String,
    /// File name of a picture that came with it.
    pub thumbnail: Option<String>,
    /// File name of a picture that came with it.
    pub preview: Option<String>,
    /// What it became.
    pub result_video_id: Option<VideoId>,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it is given up unless more comes.
    pub expires_at: Timestamp,
}

impl Uploads<'_> {
    /// By its id.
    pub async fn by_id(&mut self, id: &str) -> Result<Option<Upload>> {
        let row = sqlx::query("SELECT * FROM uploads WHERE id = $1").bind(id).fetch_optional(&mut *self.0).await?;
        Ok(row.as_ref().map(upload).transpose()?)
    }

    /// Adds one; `Conflict` when there is one with this id.
    pub async fn create(&mut self, upload: &Upload) -> Result<()> {
        sqlx::query(
            "INSERT INTO uploads (id, user_id, video_id, filename, size_bytes, fields, thumbnail, preview, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(&upload.id)
        .bind(upload.user_id.0)
        .bind(upload.video_id.map(|id| id.0))
        .bind(&upload.filename)
        .bind(upload.size_bytes)
        .bind(&upload.fields)
        .bind(&upload.thumbnail)
        .bind(&upload.preview)
        .bind(upload.created_at.as_millis())
        .bind(upload.expires_at.as_millis())
        .execute(&mut *self.0)
        .await?;
        Ok(())
    }

    /// All of a user, those that ended and are remembered too.
    pub async fn of_user(&mut self, user_id: UserId) -> Result<Vec<Upload>> {
        let rows = sqlx::query("SELECT * FROM uploads WHERE user_id = $1").bind(user_id.0).fetch_all(&mut *self.0).await?;
        Ok(rows.iter().map(upload).collect::<sqlx::Result<_>>()?)
    }

    /// How many of a user are not whole, and their size when they are.
    pub async fn open_of(&mut self, user_id: UserId) -> Result<(i64, i64)> {
        let row = sqlx::query(
            "SELECT COUNT(*) AS total, CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) AS bytes FROM uploads
             WHERE user_id = $1 AND result_video_id IS NULL",
        )
        .bind(user_id.0)
        .fetch_one(&mut *self.0)
        .await?;
        Ok((row.try_get("total")?, row.try_get("bytes")?))
    }

    /// Keeps one until then.
    pub async fn keep_until(&mut self, id: &str, expires_at: Timestamp) -> Result<()> {
        sqlx::query("UPDATE uploads SET expires_at = $1 WHERE id = $2").bind(expires_at.as_millis()).bind(id).execute(&mut *self.0).await?;
        Ok(())
    }

    /// Notes what it became, and that this is to be remembered until then.
    pub async fn done(&mut self, id: &str, video_id: VideoId, expires_at: Timestamp) -> Result<()> {
        sqlx::query("UPDATE uploads SET result_video_id = $1, expires_at = $2 WHERE id = $3")
            .bind(video_id.0)
            .bind(expires_at.as_millis())
            .bind(id)
            .execute(&mut *self.0)
            .await?;
        Ok(())
    }

    /// Forgets one. False when it was gone.
    pub async fn delete(&mut self, id: &str) -> Result<bool> {
        let result = sqlx::query("DELETE FROM uploads WHERE id = $1").bind(id).execute(&mut *self.0).await?;
        Ok(result.rows_affected() > 0)
    }

    /// Forgets what has expired, and says what it was.
    pub async fn take_expired(&mut self, now: Timestamp) -> Result<Vec<Upload>> {
        let rows =
            sqlx::query("DELETE FROM uploads WHERE expires_at < $1 RETURNING *").bind(now.as_millis()).fetch_all(&mut *self.0).await?;
        Ok(rows.iter().map(upload).collect::<sqlx::Result<_>>()?)
    }
}

fn upload(row: &AnyRow) -> sqlx::Result<Upload> {
    Ok(Upload {
        id: row.try_get("id")?,
        user_id: UserId(row.try_get("user_id")?),
        video_id: row.try_get::<Option<i64>, _>("video_id")?.map(VideoId),
        filename: row.try_get("filename")?,
        size_bytes: row.try_get("size_bytes")?,
        fields: row.try_get("fields")?,
        thumbnail: row.try_get("thumbnail")?,
        preview: row.try_get("preview")?,
        result_video_id: row.try_get::<Option<i64>, _>("result_video_id")?.map(VideoId),
        created_at: timestamp(row, "created_at")?,
        expires_at: timestamp(row, "expires_at")?,
    })
}
