use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

use super::{Result, flag, timestamp};
use crate::domain::{Caption, VideoId};

/// Captions of videos.
pub struct Captions<'c>(pub(super) &'c mut AnyConnection);

impl Captions<'_> {
    /// Of a video, by language.
    pub async fn of_video(&mut self, video_id: VideoId) -> Result<Vec<Caption>> {
        let rows = sqlx::query("SELECT * FROM video_captions WHERE video_id = $1 ORDER BY language")
            .bind(video_id.0)
            .fetch_all(&mut *self.0)
            .await?;
        Ok(rows.iter().map(caption).collect::<sqlx::Result<_>>()?)
    }

    /// Of a video in one language.
    pub async fn of_language(&mut self, video_id: VideoId, language: &str) -> Result<Option<Caption>> {
        let row = sqlx::query("SELECT * FROM video_captions WHERE video_id = $1 AND language = $2")
            .bind(video_id.0)
            .bind(language)
            .fetch_optional(&mut *self.0)
            .await?;
        Ok(row.as_ref().map(caption).transpose()?)
    }

    /// Sets a video's captions in one language.
    pub async fn put(&mut self, caption: &Caption) -> Result<()> {
        sqlx::query(
            "INSERT INTO video_captions (video_id, language, file, automatically_generated, size_bytes, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (video_id, language) DO UPDATE SET file = excluded.file,
                automatically_generated = excluded.automatically_generated, size_bytes = excluded.size_bytes,
                updated_at = excluded.updated_at",
        )
        .bind(caption.video_id.0)
        .bind(&caption.language)
        .bind(&caption.file)
        .bind(i64::from(caption.automatically_generated))
        .bind(caption.size_bytes)
        .bind(caption.updated_at.as_millis())
        .execute(&mut *self.0)
        .await?;
        Ok(())
    }

    /// Takes a video's captions in one language away. False when there were none.
    pub async fn delete(&mut self, video_id: VideoId, language: &str) -> Result<bool> {
        let result = sqlx::query("DELETE FROM video_captions WHERE video_id = $1 AND language = $2")
            .bind(video_id.0)
            .bind(language)
            .execute(&mut *self.0)
            .await?;
        Ok(result.rows_affected() > 0)
    }
}

fn caption(row: &AnyRow) -> sqlx::Result<Caption> {
    Ok(Caption {
        video_id: VideoId(row.try_get("video_id")?),
        language: row.try_get("language")?,
        file: row.try_get("file")?,
        automatically_generated: flag(row, "automatically_generated")?,
        size_bytes: row.try_get("size_bytes")?,
        updated_at: timestamp(row, "updated_at")?,
    })
}
