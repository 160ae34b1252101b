use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

use super::{Result, flag};
use crate::domain::{FileId, PlaylistId, Timestamp, VideoFile, VideoId};

/// Whole files of videos.
pub struct Files<'c>(pub(super) &'c mut AnyConnection);

/// A file to be noted; replaces one of the same name.
#[derive(Clone, Debug)]
pub struct NewFile {
    /// Of which video.
    pub video_id: VideoId,
    /// Part of this presentation; `None` for a plain file.
    pub playlist_id: Option<PlaylistId>,
    /// File name below the video's folder.
    pub file: String,
    /// Height in lines; 0 is audio only.
    pub resolution: i64,
    /// In pixels.
    pub width: Option<i64>,
    /// In pixels.
    pub height: Option<i64>,
    /// In bytes.
    pub size_bytes: i64,
    /// Frames per second; -1 unknown.
    pub fps: i64,
    /// Sound.
    pub has_audio: bool,
    /// Pictures.
    pub has_video: bool,
}

impl Files<'_> {
    /// All of a video, largest picture first.
    pub async fn of_video(&mut self, video_id: VideoId) -> Result<Vec<VideoFile>> {
        let rows = sqlx::query("SELECT * FROM video_files WHERE video_id = $1 ORDER BY resolution DESC, id")
            .bind(video_id.0)
            .fetch_all(&mut *self.0)
            .await?;
        Ok(rows.iter().map(file).collect::<sqlx::Result<_>>()?)
    }

    /// Forgets a file. False when it was gone.
    pub async fn delete(&mut self, id: FileId) -> Result<bool> {
        let result = sqlx::query("DELETE FROM video_files WHERE id = $1").bind(id.0).execute(&mut *self.0).await?;
        Ok(result.rows_affected() > 0)
    }

    /// Keeps the hash of a file's torrent, hex.
    pub async fn set_info_hash(&mut self, id: FileId, info_hash: &str) -> Result<()> {
        sqlx::query("UPDATE video_files SET info_hash = $1 WHERE id = $2").bind(info_hash).bind(id.0).execute(&mut *self.0).await?;
        Ok(())
    }

    /// Notes a file.
    pub async fn add(&mut self, new: &NewFile) -> Result<FileId> {
        let row = sqlx::query(
            "INSERT INTO video_files (video_id, playlist_id, file, resolution, width, height, size_bytes, fps, has_audio, has_video, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
             ON CONFLICT (video_id, file) DO UPDATE SET playlist_id = excluded.playlist_id, resolution = excluded.resolution,
                width = excluded.width, height = excluded.height, size_bytes = excluded.size_bytes, fps = excluded.fps,
                has_audio = excluded.has_audio, has_video = excluded.has_video, info_hash = NULL RETURNING id",
        )
        .bind(new.video_id.0)
        .bind(new.playlist_id.map(|id| id.0))
        .bind(&new.file)
        .bind(new.resolution)
        .bind(new.width)
        .bind(new.height)
        .bind(new.size_bytes)
        .bind(new.fps)
        .bind(i64::from(new.has_audio))
        .bind(i64::from(new.has_video))
        .bind(Timestamp::now().as_millis())
        .fetch_one(&mut *self.0)
        .await?;
        Ok(FileId(row.try_get("id")?))
    }
}

fn file(row: &AnyRow) -> sqlx::Result<VideoFile> {
    Ok(VideoFile {
        id: FileId(row.try_get("id")?),
        video_id: VideoId(row.try_get("video_id")?),
        playlist_id: row.try_get::<Option<i64>, _>("playlist_id")?.map(PlaylistId),
        file: row.try_get("file")?,
        resolution: row.try_get("resolution")?,
        width: row.try_get("width")?,
        height: row.try_get("height")?,
        size_bytes: row.try_get("size_bytes")?,
        fps: row.try_get("fps")?,
        has_audio: flag(row, "has_audio")?,
        has_video: flag(row, "has_video")?,
        info_hash: row.try_get("info_hash")?,
    })
}
