use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

use super::{Error, Result, timestamp};
use crate::domain::{Privacy, Schedule, Timestamp, VideoId};

/// Files that were uploaded or imported, as they came.
pub struct Sources<'c>(pub(super) &'c mut AnyConnection);

/// The file that a video was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Of which video.
    pub video_id: VideoId,
    /// File name below the video's folder of originals.
    pub file: String,
    /// As whoever sent it called it.
    pub input_filename: String,
    /// In bytes.
    pub size_bytes: i64,
    /// Lines of the shorter side; `None` until it was probed, as all that follows.
    pub resolution: Option<i64>,
    /// In pixels.
    pub width: Option<i64>,
    /// In pixels.
    pub height: Option<i64>,
    /// Frames per second.
    pub fps: Option<i64>,
    /// When it came.
    pub created_at: Timestamp,
}

impl Sources<'_> {
    /// Of a video.
    pub async fn of_video(&mut self, video_id: VideoId) -> Result<Option<Source>> {
        let row = sqlx::query("SELECT * FROM video_sources WHERE video_id = $1").bind(video_id.0).fetch_optional(&mut *self.0).await?;
        Ok(row.as_ref().map(source).transpose()?)
    }

    /// Sets a video's, in place of an earlier one.
    pub async fn put(&mut self, source: &Source) -> Result<()> {
        sqlx::query(
            "INSERT INTO video_sources (video_id, file, input_filename, size_bytes, resolution, width, height, fps, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             ON CONFLICT (video_id) DO UPDATE SET file = excluded.file, input_filename = excluded.input_filename,
                size_bytes = excluded.size_bytes, resolution = excluded.resolution, width = excluded.width, height = excluded.height,
                fps = excluded.fps, created_at = excluded.created_at",
        )
        .bind(source.video_id.0)
        .bind(&source.file)
        .bind(&source.input_filename)
        .bind(source.size_bytes)
        .bind(source.resolution)
        .bind(source.width)
        .bind(source.height)
        .bind(source.fps)
        .bind(source.created_at.as_millis())
        .execute(&mut *self.0)
        .await?;
        Ok(())
    }

    /// Notes what a video's file shows: width and height in pixels, frames per second.
    pub async fn set_facts(&mut self, video_id: VideoId, width: Option<i64>, height: Option<i64>, fps: Option<i64>) -> Result<()> {
        let resolution = width.zip(height).map(|(width, height)| width.min(height));
        sqlx::query("UPDATE video_sources SET resolution = $1, width = $2, height = $3, fps = $4 WHERE video_id = $5")
            .bind(resolution)
            .bind(width)
            .bind(height)
            .bind(fps)
            .bind(video_id.0)
            .execute(&mut *self.0)
            .await?;
        Ok(())
    }

    /// Forgets a video's. False when it had none.
    pub async fn delete(&mut self, video_id: VideoId) -> Result<bool> {
        let result = sqlx::query("DELETE FROM video_sources WHERE video_id = $1").bind(video_id.0).execute(&mut *self.0).await?;
        Ok(result.rows_affected() > 0)
    }
}

fn source(row: &AnyRow) -> sqlx::Result<Source> {
    Ok(Source {
        video_id: VideoId(row.try_get("video_id")?),
        file: row.try_get("file")?,
        input_filename: row.try_get("input_filename")?,
        size_bytes: row.try_get("size_bytes")?,
        resolution: row.try_get("resolution")?,
        width: row.try_get("width")?,
        height: row.try_get("height")?,
        fps: row.try_get("fps")?,
        created_at: timestamp(row, "created_at")?,
    })
}

/// Changes of privacy to come.
pub struct Schedules<'c>(pub(super) &'c mut AnyConnection);

impl Schedules<'_> {
    /// Of a video.
    pub async fn of_video(&mut self, video_id: VideoId) -> Result<Option<Schedule>> {
        let row = sqlx::query("SELECT update_at, privacy FROM video_schedules WHERE video_id = $1")
            .bind(video_id.0)
            .fetch_optional(&mut *self.0)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let privacy = Privacy::from_code(row.try_get("privacy")?).ok_or(Error::Corrupt("video_schedules.privacy"))?;
        Ok(Some(Schedule { update_at: timestamp(&row, "update_at")?, privacy }))
    }

    /// Sets a video's; `None` takes it away.
    pub async fn set(&mut self, video_id: VideoId, schedule: Option<Schedule>) -> Result<()> {
        sqlx::query("DELETE FROM video_schedules WHERE video_id = $1").bind(video_id.0).execute(&mut *self.0).await?;
        if let Some(schedule) = schedule {
            sqlx::query("INSERT INTO video_schedules (video_id, update_at, privacy) VALUES ($1, $2, $3)")
                .bind(video_id.0)
                .bind(schedule.update_at.as_millis())
                .bind(schedule.privacy.code())
                .execute(&mut *self.0)
                .await?;
        }
        Ok(())
    }
}
