use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use uuid::Uuid;

use super::{Error, Result};
use crate::domain::{Playlist, PlaylistId, Timestamp, VideoId};

/// HLS presentations; at most one of a video.
pub struct Playlists<'c>(pub(super) &'c mut AnyConnection);

impl Playlists<'_> {
    /// Of this video.
    pub async fn of_video(&mut self, video_id: VideoId) -> Result<Option<Playlist>> {
        let row = sqlx::query("SELECT id, video_id, playlist, segments_sha256 FROM streaming_playlists WHERE video_id = $1")
            .bind(video_id.0)
            .fetch_optional(&mut *self.0)
            .await?;
        Ok(row.as_ref().map(playlist).transpose()?)
    }

    /// Finished videos of this instance after video `after`, by id: each with its public id and its presentation.
    pub async fn finished(&mut self, after: VideoId, count: i64) -> Result<Vec<(VideoId, Uuid, String)>> {
        let rows = sqlx::query(
            "SELECT v.id, v.uuid, p.playlist FROM streaming_playlists p JOIN videos v ON v.id = p.video_id
             WHERE v.id > $1 AND v.is_live = 0 AND v.remote = 0 ORDER BY v.id LIMIT $2",
        )
        .bind(after.0)
        .bind(count)
        .fetch_all(&mut *self.0)
        .await?;
        let finished = rows.iter().map(|row| {
            let uuid = Uuid::parse_str(row.try_get("uuid")?).map_err(|_| Error::Corrupt("video uuid"))?;
            Ok((VideoId(row.try_get("id")?), uuid, row.try_get("playlist")?))
        });
        finished.collect()
    }

    /// Sets a video's presentation: file names below its HLS folder.
    pub async fn put(&mut self, video_id: VideoId, playlist: &str, segments_sha256: Option<&str>) -> Result<PlaylistId> {
        let row = sqlx::query(
            "INSERT INTO streaming_playlists (video_id, playlist, segments_sha256, created_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (video_id) DO UPDATE SET playlist = excluded.playlist, segments_sha256 = excluded.segments_sha256 RETURNING id",
        )
        .bind(video_id.0)
        .bind(playlist)
        .bind(segments_sha256)
        .bind(Timestamp::now().as_millis())
        .fetch_one(&mut *self.0)
        .await?;
        Ok(PlaylistId(row.try_get("id")?))
    }

    /// Takes a video's presentation away, with its files.
    pub async fn delete(&mut self, video_id: VideoId) -> Result<()> {
        sqlx::query("DELETE FROM streaming_playlists WHERE video_id = $1").bind(video_id.0).execute(&mut *self.0).await?;
        Ok(())
    }
}

fn playlist(row: &AnyRow) -> sqlx::Result<Playlist> {
    Ok(Playlist {
        id: PlaylistId(row.try_get("id")?),
        video_id: VideoId(row.try_get("video_id")?),
        playlist: row.try_get("playlist")?,
        segments_sha256: row.try_get("segments_sha256")?,
    })
}
