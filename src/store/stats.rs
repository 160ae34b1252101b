use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use uuid::Uuid;

use super::Result;
use crate::domain::{Timestamp, VideoId};

/// Length of the times over which watching is summed, in milliseconds.
pub const SLOT_MS: i64 = 600_000;
/// Parts of a video in which retention is counted.
pub const RETENTION_BUCKETS: u32 = 100;

/// How videos were watched.
pub struct Stats<'c>(pub(super) &'c mut AnyConnection);

/// What happened to a video within one slot; `started` and sums are to be added, `present` and the peak are maxima.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    /// Viewers seen.
    pub present: i64,
    /// Those among them who came.
    pub started: i64,
    /// Time that they watched, in milliseconds.
    pub watch_ms: i64,
    /// Most viewers at once.
    pub peak: i64,
    /// When that was, in milliseconds since 1970.
    pub peak_at: i64,
    /// What players say that they got by HTTP, in bytes.
    pub http_bytes: i64,
    /// What players say that they got from each other, in bytes.
    pub p2p_bytes: i64,
}

/// Sums over a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overall {
    /// Different viewers.
    pub viewers: i64,
    /// Time that they watched, in milliseconds.
    pub watch_ms: i64,
    /// Most viewers at once.
    pub peak: i64,
    /// When that was; `None` without viewers.
    pub peak_at: Option<Timestamp>,
    /// By HTTP, in bytes.
    pub http_bytes: i64,
    /// From each other, in bytes.
    pub p2p_bytes: i64,
}

impl Stats<'_> {
    /// Adds what happened in the slot of `at`; a video that is gone counts nothing.
    pub async fn add(&mut self, video: Uuid, at: Timestamp, watch: &Watch, retention: &[(u32, i64)]) -> Result<()> {
        let row = sqlx::query("SELECT id FROM videos WHERE uuid = $1").bind(video.to_string()).fetch_optional(&mut *self.0).await?;
        let Some(row) = row else { return Ok(()) };
        let id: i64 = row.try_get("id")?;
        sqlx::query(
            "INSERT INTO video_watch (video_id, slot, present, started, watch_ms, peak, peak_at, http_bytes, p2p_bytes)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             ON CONFLICT (video_id, slot) DO UPDATE SET
                present = CASE WHEN excluded.present > video_watch.present THEN excluded.present ELSE video_watch.present END,
                started = video_watch.started + excluded.started, watch_ms = video_watch.watch_ms + excluded.watch_ms,
                peak_at = CASE WHEN excluded.peak > video_watch.peak THEN excluded.peak_at ELSE video_watch.peak_at END,
                peak = CASE WHEN excluded.peak > video_watch.peak THEN excluded.peak ELSE video_watch.peak END,
                http_bytes = video_watch.http_bytes + excluded.http_bytes, p2p_bytes = video_watch.p2p_bytes + excluded.p2p_bytes",
        )
        .bind(id)
        .bind(at.as_millis().div_euclid(SLOT_MS))
        .bind(watch.present)
        .bind(watch.started)
        .bind(watch.watch_ms)
        .bind(watch.peak)
        .bind(watch.peak_at)
        .bind(watch.http_bytes)
        .bind(watch.p2p_bytes)
        .execute(&mut *self.0)
        .await?;
        for (bucket, viewers) in retention {
            sqlx::query(
                "INSERT INTO video_retention (video_id, bucket, viewers) VALUES ($1, $2, $3)
                 ON CONFLICT (video_id, bucket) DO UPDATE SET viewers = video_retention.viewers + excluded.viewers",
            )
            .bind(id)
            .bind(i64::from(*bucket))
            .bind(viewers)
            .execute(&mut *self.0)
            .await?;
        }
        Ok(())
    }

    /// The slots of a video within a time, in order: their number and what happened.
    pub async fn slots(&mut self, video_id: VideoId, from: Timestamp, until: Timestamp) -> Result<Vec<(i64, Watch)>> {
        let rows = sqlx::query("SELECT * FROM video_watch WHERE video_id = $1 AND slot >= $2 AND slot <= $3 ORDER BY slot")
            .bind(video_id.0)
            .bind(from.as_millis().div_euclid(SLOT_MS))
            .bind(until.as_millis().div_euclid(SLOT_MS))
            .fetch_all(&mut *self.0)
            .await?;
        Ok(rows.iter().map(|row| Ok((row.try_get("slot")?, watch(row)?))).collect::<sqlx::Result<_>>()?)
    }

    /// How many viewers saw each part of a video, by the part's number.
    pub async fn retention(&mut self, video_id: VideoId) -> Result<Vec<(i64, i64)>> {
        let rows = sqlx::query("SELECT bucket, viewers FROM video_retention WHERE video_id = $1 ORDER BY bucket")
            .bind(video_id.0)
            .fetch_all(&mut *self.0)
            .await?;
        Ok(rows.iter().map(|row| Ok((row.try_get("bucket")?, row.try_get("viewers")?))).collect::<sqlx::Result<_>>()?)
    }

    /// Forgets which parts were seen: the video's file is another one now.
    pub async fn forget_retention(&mut self, video_id: VideoId) -> Result<()> {
        sqlx::query("DELETE FROM video_retention WHERE video_id = $1").bind(video_id.0).execute(&mut *self.0).await?;
        Ok(())
    }
}

impl Overall {
    /// Of slots in order. Who came before the first of them is counted in it, who came later where they came.
    pub fn of(slots: &[(i64, Watch)]) -> Self {
        let mut overall = Self::default();
        for (index, (_, watch)) in slots.iter().enumerate() {
            overall.viewers += if index == 0 { watch.present.max(watch.started) } else { watch.started };
            overall.watch_ms += watch.watch_ms;
            overall.http_bytes += watch.http_bytes;
            overall.p2p_bytes += watch.p2p_bytes;
            if watch.peak > overall.peak {
                overall.peak = watch.peak;
                overall.peak_at = Some(Timestamp::from_millis(watch.peak_at));
            }
        }
        overall
    }
}

fn watch(row: &AnyRow) -> sqlx::Result<Watch> {
    Ok(Watch {
        present: row.try_get("present")?,
        started: row.try_get("started")?,
        watch_ms: row.try_get("watch_ms")?,
        peak: row.try_get("peak")?,
        peak_at: row.try_get("peak_at")?,
        http_bytes: row.try_get("http_bytes")?,
        p2p_bytes: row.try_get("p2p_bytes")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn viewers_are_counted_once() {
        let slot = |present, started, peak| Watch { present, started, peak, peak_at: peak * 1000, watch_ms: 10, ..Watch::default() };
        // Five are there, two of them new; then three more come, and all stay.
        let overall = Overall::of(&[(1, slot(5, 2, 5)), (2, slot(8, 3, 7)), (3, slot(8, 0, 6))]);
        assert_eq!((overall.viewers, overall.watch_ms, overall.peak), (8, 30, 7));
        assert_eq!(overall.peak_at, Some(Timestamp::from_millis(7000)));
        assert_eq!(Overall::of(&[]), Overall::default());
    }
}
