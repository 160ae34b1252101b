use sqlx::{AnyConnection, Row as _};
use uuid::Uuid;

use super::{Error, Result};
use crate::domain::{Media, Place, Storyboard, Timestamp, VideoId, VideoState};

/// Where the files of local videos are, and how far their making is.
pub struct MediaRows<'c>(pub(super) &'c mut AnyConnection);

/// A file in object storage that somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteFile {
    /// In bytes.
    pub size_bytes: i64,
    /// Part of an HLS presentation, not a plain file.
    pub in_playlist: bool,
}

/// How much lies in one place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// Files.
    pub files: i64,
    /// Their bytes.
    pub bytes: i64,
}

impl MediaRows<'_> {
    /// Of this video.
    pub async fn of_video(&mut self, id: VideoId) -> Result<Media> {
        let row = sqlx::query("SELECT storage, version, original, error FROM video_media WHERE video_id = $1")
            .bind(id.0)
            .fetch_optional(&mut *self.0)
            .await?;
        let Some(row) = row else { return Ok(Media::default()) };
        Ok(Media {
            place: Place::from_code(row.try_get("storage")?).ok_or(Error::Corrupt("video_media.storage"))?,
            version: row.try_get::<Option<String>, _>("version")?.map(|text| parse(&text)).transpose()?,
            original: row.try_get("original")?,
            error: row.try_get("error")?,
        })
    }

    /// Writes what is known of a video's files.
    pub async fn put(&mut self, id: VideoId, media: &Media) -> Result<()> {
        sqlx::query(
            "INSERT INTO video_media (video_id, storage, version, original, error) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (video_id) DO UPDATE SET storage = excluded.storage, version = excluded.version, original = excluded.original,
                error = excluded.error",
        )
        .bind(id.0)
        .bind(media.place.code())
        .bind(media.version.map(|version| version.to_string()))
        .bind(&media.original)
        .bind(&media.error)
        .execute(&mut *self.0)
        .await?;
        Ok(())
    }

    /// Notes why a video's files could not be made, or that nothing is wrong any more.
    pub async fn set_error(&mut self, id: VideoId, error: Option<&str>) -> Result<()> {
        sqlx::query(
            "INSERT INTO video_media (video_id, error) VALUES ($1, $2) ON CONFLICT (video_id) DO UPDATE SET error = excluded.error",
        )
        .bind(id.0)
        .bind(error)
        .execute(&mut *self.0)
        .await?;
        Ok(())
    }

    /// Notes how long a video is and the shape of its pictures (width over height).
    pub async fn set_facts(&mut self, id: VideoId, duration_ms: i64, aspect_ratio: Option<f64>) -> Result<()> {
        // Floats do not travel: see `videos`.
        let ratio = aspect_ratio.filter(|ratio| ratio.is_finite()).map(|ratio| (ratio * 10_000.0).round() as i64);
        sqlx::query("UPDATE videos SET duration_ms = $1, aspect_ratio = CAST($2 AS DOUBLE PRECISION) / 10000 WHERE id = $3")
            .bind(duration_ms)
            .bind(ratio)
            .bind(id.0)
            .execute(&mut *self.0)
            .await?;
        Ok(())
    }

    /// Lets everybody have a video that was being made; false if it is gone, or was not being made.
    pub async fn publish(&mut self, id: VideoId, now: Timestamp) -> Result<bool> {
        let result = sqlx::query("UPDATE videos SET state = $1, published_at = $2, updated_at = $2 WHERE id = $3 AND state IN ($4, $5)")
            .bind(VideoState::Published.code())
            .bind(now.as_millis())
            .bind(id.0)
            .bind(VideoState::ToTranscode.code())
            .bind(VideoState::TranscodingFailed.code())
            .execute(&mut *self.0)
            .await?;
        Ok(result.rows_affected() > 0)
    }

    /// Moves a video from one state to another; false if it is gone, or in another one.
    pub async fn change_state(&mut self, id: VideoId, from: VideoState, to: VideoState) -> Result<bool> {
        let result = sqlx::query("UPDATE videos SET state = $1, updated_at = $2 WHERE id = $3 AND state = $4")
            .bind(to.code())
            .bind(Timestamp::now().as_millis())
            .bind(id.0)
            .bind(from.code())
            .execute(&mut *self.0)
            .await?;
        Ok(result.rows_affected() > 0)
    }

    /// Forgets the files of a video that are not called like this.
    pub async fn forget_files_but(&mut self, id: VideoId, kept: &[String]) -> Result<()> {
        let rows = sqlx::query("SELECT id, file FROM video_files WHERE video_id = $1").bind(id.0).fetch_all(&mut *self.0).await?;
        for row in rows {
            let file: String = row.try_get("file")?;
            if !kept.contains(&file) {
                sqlx::query("DELETE FROM video_files WHERE id = $1").bind(row.try_get::<i64, _>("id")?).execute(&mut *self.0).await?;
            }
        }
        Ok(())
    }

    /// A file of a video whose files are in object storage; `None` for any other name.
    pub async fn remote_file(&mut self, video: Uuid, file: &str) -> Result<Option<RemoteFile>> {
        let row = sqlx::query(
            "SELECT f.size_bytes, f.playlist_id FROM video_files f JOIN videos v ON v.id = f.video_id
             JOIN video_media m ON m.video_id = v.id WHERE v.uuid = $1 AND f.file = $2 AND m.storage = $3",
        )
        .bind(video.to_string())
        .bind(file)
        .bind(Place::ObjectStorage.code())
        .fetch_optional(&mut *self.0)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let in_playlist = row.try_get::<Option<i64>, _>("playlist_id")?.is_some();
        Ok(Some(RemoteFile { size_bytes: row.try_get("size_bytes")?, in_playlist }))
    }

    /// Finished videos of this instance after video `after` whose files are in `place`, by id.
    pub async fn in_place(&mut self, place: Place, after: VideoId, count: i64) -> Result<Vec<VideoId>> {
        let rows = sqlx::query(
            "SELECT v.id FROM videos v JOIN streaming_playlists p ON p.video_id = v.id LEFT JOIN video_media m ON m.video_id = v.id
             WHERE v.id > $1 AND v.is_live = 0 AND v.remote = 0 AND COALESCE(m.storage, 0) = $2 ORDER BY v.id LIMIT $3",
        )
        .bind(after.0)
        .bind(place.code())
        .bind(count)
        .fetch_all(&mut *self.0)
        .await?;
        Ok(rows.iter().map(|row| row.try_get("id").map(VideoId)).collect::<sqlx::Result<_>>()?)
    }

    /// How much is in this place.
    pub async fn stored(&mut self, place: Place) -> Result<Stored> {
        let row = sqlx::query(
            "SELECT COUNT(*) AS files, CAST(COALESCE(SUM(f.size_bytes), 0) AS BIGINT) AS bytes FROM video_files f
             JOIN videos v ON v.id = f.video_id LEFT JOIN video_media m ON m.video_id = v.id
             WHERE v.remote = 0 AND COALESCE(m.storage, 0) = $1",
        )
        .bind(place.code())
        .fetch_one(&mut *self.0)
        .await?;
        Ok(Stored { files: row.try_get("files")?, bytes: row.try_get("bytes")? })
    }

    /// A video's storyboard.
    pub async fn storyboard(&mut self, id: VideoId) -> Result<Option<Storyboard>> {
        let row = sqlx::query(
            "SELECT file, total_width, total_height, sprite_width, sprite_height, sprite_duration_s FROM storyboards WHERE video_id = $1",
        )
        .bind(id.0)
        .fetch_optional(&mut *self.0)
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Storyboard {
            file: row.try_get("file")?,
            total_width: row.try_get("total_width")?,
            total_height: row.try_get("total_height")?,
            sprite_width: row.try_get("sprite_width")?,
            sprite_height: row.try_get("sprite_height")?,
            sprite_duration_s: row.try_get("sprite_duration_s")?,
        }))
    }

    /// Sets a video's storyboard, or takes it away.
    pub async fn put_storyboard(&mut self, id: VideoId, board: Option<&Storyboard>) -> Result<()> {
        sqlx::query("DELETE FROM storyboards WHERE video_id = $1").bind(id.0).execute(&mut *self.0).await?;
        let Some(board) = board else { return Ok(()) };
        sqlx::query(
            "INSERT INTO storyboards (video_id, file, total_width, total_height, sprite_width, sprite_height, sprite_duration_s)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(id.0)
        .bind(&board.file)
        .bind(board.total_width)
        .bind(board.total_height)
        .bind(board.sprite_width)
        .bind(board.sprite_height)
        .bind(board.sprite_duration_s)
        .execute(&mut *self.0)
        .await?;
        Ok(())
    }
}

fn parse(text: &str) -> Result<Uuid> {
    Uuid::parse_str(text).map_err(|_| Error::Corrupt("version"))
}
