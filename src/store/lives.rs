use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

use super::{Error, Result, flag};
use crate::domain::{LatencyMode, Live, Privacy, StreamKey, VideoId};

/// The live side of videos.
pub struct Lives<'c>(pub(super) &'c mut AnyConnection);

impl Lives<'_> {
    /// Of this video; `None` when it is none.
    pub async fn by_video(&mut self, id: VideoId) -> Result<Option<Live>> {
        let row = sqlx::query("SELECT * FROM lives WHERE video_id = $1").bind(id.0).fetch_optional(&mut *self.0).await?;
        row.as_ref().map(live).transpose()
    }

    /// The live that a publisher with this key may publish to.
    pub async fn by_stream_key(&mut self, key: &StreamKey) -> Result<Option<Live>> {
        let row = sqlx::query("SELECT * FROM lives WHERE stream_key = $1").bind(key.expose()).fetch_optional(&mut *self.0).await?;
        row.as_ref().map(live).transpose()
    }

    /// Adds the live side of a video.
    pub async fn create(&mut self, live: &Live) -> Result<()> {
        sqlx::query(
            "INSERT INTO lives (video_id, permanent, save_replay, replay_privacy, latency_mode, stream_key, longest_keyframe_interval_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(live.video_id.0)
        .bind(i64::from(live.permanent))
        .bind(i64::from(live.save_replay))
        .bind(live.replay_privacy.code())
        .bind(live.latency_mode.code())
        .bind(live.stream_key.expose())
        .bind(live.longest_keyframe_interval_ms)
        .execute(&mut *self.0)
        .await?;
        Ok(())
    }

    /// Writes everything back, the key too.
    pub async fn update(&mut self, live: &Live) -> Result<()> {
        sqlx::query(
            "UPDATE lives SET permanent = $1, save_replay = $2, replay_privacy = $3, latency_mode = $4, stream_key = $5,
                longest_keyframe_interval_ms = $6 WHERE video_id = $7",
        )
        .bind(i64::from(live.permanent))
        .bind(i64::from(live.save_replay))
        .bind(live.replay_privacy.code())
        .bind(live.latency_mode.code())
        .bind(live.stream_key.expose())
        .bind(live.longest_keyframe_interval_ms)
        .bind(live.video_id.0)
        .execute(&mut *self.0)
        .await?;
        Ok(())
    }

    /// Remembers the longest keyframe interval of the session that ended, for the next one.
    pub async fn set_longest_keyframe_interval(&mut self, id: VideoId, interval_ms: i64) -> Result<()> {
        sqlx::query("UPDATE lives SET longest_keyframe_interval_ms = $1 WHERE video_id = $2")
            .bind(interval_ms)
            .bind(id.0)
            .execute(&mut *self.0)
            .await?;
        Ok(())
    }
}

fn live(row: &AnyRow) -> Result<Live> {
    Ok(Live {
        video_id: VideoId(row.try_get("video_id")?),
        permanent: flag(row, "permanent")?,
        save_replay: flag(row, "save_replay")?,
        replay_privacy: Privacy::from_code(row.try_get("replay_privacy")?).ok_or(Error::Corrupt("lives.replay_privacy"))?,
        latency_mode: LatencyMode::from_code(row.try_get("latency_mode")?).ok_or(Error::Corrupt("lives.latency_mode"))?,
        stream_key: StreamKey::from_text(row.try_get::<String, _>("stream_key")?),
        longest_keyframe_interval_ms: row.try_get("longest_keyframe_interval_ms")?,
    })
}
