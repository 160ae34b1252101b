use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

use super::{Result, flag, maybe_timestamp, timestamp};
use crate::domain::{LiveError, LiveSession, SessionId, Timestamp, VideoId};

/// Broadcasts of lives.
pub struct Sessions<'c>(pub(super) &'c mut AnyConnection);

impl Sessions<'_> {
    /// Notes that a broadcast begins.
    pub async fn start(&mut self, video_id: VideoId, at: Timestamp, save_replay: bool) -> Result<SessionId> {
        let row = sqlx::query("INSERT INTO live_sessions (video_id, started_at, save_replay) VALUES ($1, $2, $3) RETURNING id")
            .bind(video_id.0)
            .bind(at.as_millis())
            .bind(i64::from(save_replay))
            .fetch_one(&mut *self.0)
            .await?;
        Ok(SessionId(row.try_get("id")?))
    }

    /// Notes that a broadcast ended; what it kept to go on tells where its recording is until that is processed.
    pub async fn end(&mut self, id: SessionId, at: Timestamp, error: Option<LiveError>) -> Result<()> {
        sqlx::query("UPDATE live_sessions SET ended_at = $1, error = $2 WHERE id = $3")
            .bind(at.as_millis())
            .bind(error.map(LiveError::code))
            .bind(id.0)
            .execute(&mut *self.0)
            .await?;
        Ok(())
    }

    /// Notes that nothing is left to do for a broadcast, and which video holds its recording.
    pub async fn processed(&mut self, id: SessionId, replay: Option<VideoId>) -> Result<()> {
        sqlx::query("UPDATE live_sessions SET ending_processed = 1, replay_video_id = $1, resume = NULL WHERE id = $2")
            .bind(replay.map(|id| id.0))
            .bind(id.0)
            .execute(&mut *self.0)
            .await?;
        Ok(())
    }

    /// Keeps what the live room needs to go on after a restart.
    pub async fn set_resume(&mut self, id: SessionId, resume: Option<&str>) -> Result<()> {
        sqlx::query("UPDATE live_sessions SET resume = $1 WHERE id = $2").bind(resume).bind(id.0).execute(&mut *self.0).await?;
        Ok(())
    }

    /// By row id.
    pub async fn by_id(&mut self, id: SessionId) -> Result<Option<LiveSession>> {
        let row = sqlx::query("SELECT * FROM live_sessions WHERE id = $1").bind(id.0).fetch_optional(&mut *self.0).await?;
        Ok(row.as_ref().map(session).transpose()?)
    }

    /// Broadcasts that never ended: they ran when the server died.
    pub async fn open(&mut self) -> Result<Vec<LiveSession>> {
        let rows = sqlx::query("SELECT * FROM live_sessions WHERE ended_at IS NULL ORDER BY id").fetch_all(&mut *self.0).await?;
        Ok(rows.iter().map(session).collect::<sqlx::Result<_>>()?)
    }

    /// Broadcasts that ended without anybody having looked after their recording: the server died in between.
    pub async fn unprocessed(&mut self) -> Result<Vec<LiveSession>> {
        let rows = sqlx::query("SELECT * FROM live_sessions WHERE ended_at IS NOT NULL AND ending_processed = 0 ORDER BY id")
            .fetch_all(&mut *self.0)
            .await?;
        Ok(rows.iter().map(session).collect::<sqlx::Result<_>>()?)
    }

    /// A page of a live's broadcasts, oldest first, and how many there were.
    pub async fn of_video(&mut self, video_id: VideoId, start: i64, count: i64) -> Result<(i64, Vec<LiveSession>)> {
        let total = sqlx::query("SELECT COUNT(*) AS total FROM live_sessions WHERE video_id = $1")
            .bind(video_id.0)
            .fetch_one(&mut *self.0)
            .await?
            .try_get("total")?;
        let rows = sqlx::query("SELECT * FROM live_sessions WHERE video_id = $1 ORDER BY id LIMIT $2 OFFSET $3")
            .bind(video_id.0)
            .bind(count)
            .bind(start)
            .fetch_all(&mut *self.0)
            .await?;
        Ok((total, rows.iter().map(session).collect::<sqlx::Result<_>>()?))
    }

    /// The last broadcast of this live, or the one that this video is the recording of.
    pub async fn behind(&mut self, video_id: VideoId) -> Result<Option<LiveSession>> {
        let row = sqlx::query("SELECT * FROM live_sessions WHERE replay_video_id = $1 OR video_id = $1 ORDER BY id DESC LIMIT 1")
            .bind(video_id.0)
            .fetch_optional(&mut *self.0)
            .await?;
        Ok(row.as_ref().map(session).transpose()?)
    }
}

fn session(row: &AnyRow) -> sqlx::Result<LiveSession> {
    Ok(LiveSession {
        id: SessionId(row.try_get("id")?),
        video_id: VideoId(row.try_get("video_id")?),
        started_at: timestamp(row, "started_at")?,
        ended_at: maybe_timestamp(row, "ended_at")?,
        error: row.try_get("error")?,
        save_replay: flag(row, "save_replay")?,
        ending_processed: flag(row, "ending_processed")?,
        replay_video_id: row.try_get::<Option<i64>, _>("replay_video_id")?.map(VideoId),
        resume: row.try_get("resume")?,
    })
}
