use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

use super::{Result, timestamp};
use crate::domain::{PasswordId, Timestamp, VideoId, VideoPassword};

/// Passwords of videos.
pub struct Passwords<'c>(pub(super) &'c mut AnyConnection);

/// A password as it is kept.
#[derive(Clone, Debug)]
pub struct KeptPassword {
    /// The row.
    pub id: PasswordId,
    /// The secret.
    pub password: VideoPassword,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Passwords<'_> {
    /// All of a video.
    pub async fn of_video(&mut self, video_id: VideoId) -> Result<Vec<KeptPassword>> {
        let rows = sqlx::query("SELECT id, password, created_at, updated_at FROM video_passwords WHERE video_id = $1 ORDER BY id")
            .bind(video_id.0)
            .fetch_all(&mut *self.0)
            .await?;
        Ok(rows.iter().map(password).collect::<sqlx::Result<_>>()?)
    }

    /// Whether a video (still) has this one.
    pub async fn has(&mut self, video_id: VideoId, id: PasswordId) -> Result<bool> {
        let row = sqlx::query("SELECT id FROM video_passwords WHERE video_id = $1 AND id = $2")
            .bind(video_id.0)
            .bind(id.0)
            .fetch_optional(&mut *self.0)
            .await?;
        Ok(row.is_some())
    }

    /// Adds one; `Conflict` when the video has it.
    pub async fn add(&mut self, video_id: VideoId, password: &VideoPassword) -> Result<()> {
        let now = Timestamp::now().as_millis();
        sqlx::query("INSERT INTO video_passwords (video_id, password, created_at, updated_at) VALUES ($1, $2, $3, $4)")
            .bind(video_id.0)
            .bind(password.expose())
            .bind(now)
            .bind(now)
            .execute(&mut *self.0)
            .await?;
        Ok(())
    }

    /// Replaces all of a video.
    pub async fn set(&mut self, video_id: VideoId, passwords: &[VideoPassword]) -> Result<()> {
        sqlx::query("DELETE FROM video_passwords WHERE video_id = $1").bind(video_id.0).execute(&mut *self.0).await?;
        for password in passwords {
            self.add(video_id, password).await?;
        }
        Ok(())
    }

    /// Takes one away. False when the video has none such.
    pub async fn delete(&mut self, video_id: VideoId, id: PasswordId) -> Result<bool> {
        let result = sqlx::query("DELETE FROM video_passwords WHERE video_id = $1 AND id = $2")
            .bind(video_id.0)
            .bind(id.0)
            .execute(&mut *self.0)
            .await?;
        Ok(result.rows_affected() > 0)
    }
}

fn password(row: &AnyRow) -> sqlx::Result<KeptPassword> {
    Ok(KeptPassword {
        id: PasswordId(row.try_get("id")?),
        password: VideoPassword::from_text(row.try_get::<String, _>("password")?),
        created_at: timestamp(row, "created_at")?,
        updated_at: timestamp(row, "updated_at")?,
    })
}
