use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

use super::Result;
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
