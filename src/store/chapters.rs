use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

use super::Result;
use crate::domain::{Chapter, Timestamp, VideoId};

/// Chapters of videos.
pub struct Chapters<'c>(pub(super) &'c mut AnyConnection);

impl Chapters<'_> {
    /// Of a video, in order.
    pub async fn of_video(&mut self, video_id: VideoId) -> Result<Vec<Chapter>> {
        let rows = sqlx::query("SELECT timecode_s, title FROM video_chapters WHERE video_id = $1 ORDER BY timecode_s")
            .bind(video_id.0)
            .fetch_all(&mut *self.0)
            .await?;
        let chapter = |row: &AnyRow| Ok(Chapter { timecode_s: row.try_get("timecode_s")?, title: row.try_get("title")? });
        Ok(rows.iter().map(chapter).collect::<sqlx::Result<_>>()?)
    }

    /// Replaces a video's chapters.
    pub async fn set(&mut self, video_id: VideoId, chapters: &[Chapter]) -> Result<()> {
        sqlx::query("DELETE FROM video_chapters WHERE video_id = $1").bind(video_id.0).execute(&mut *self.0).await?;
        for chapter in chapters {
            sqlx::query("INSERT INTO video_chapters (video_id, timecode_s, title) VALUES ($1, $2, $3)")
                .bind(video_id.0)
                .bind(chapter.timecode_s)
                .bind(&chapter.title)
                .execute(&mut *self.0)
                .await?;
        }
        sqlx::query("UPDATE videos SET updated_at = $1 WHERE id = $2")
            .bind(Timestamp::now().as_millis())
            .bind(video_id.0)
            .execute(&mut *self.0)
            .await?;
        Ok(())
    }
}
