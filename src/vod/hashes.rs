//! The job that hashes a video's files for their torrents, so that the API can tell their magnets.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;
use uuid::Uuid;

use crate::app::App;
use crate::blobs::Blob;
use crate::config::StorageKind;
use crate::domain::{Place, VideoFile, VideoId};
use crate::jobs::{Failure, Job, Postponed};
use crate::torrent;

/// Where a file of a local video is, while it is on disk.
pub fn file_path(data_dir: &Path, video: Uuid, file: &VideoFile) -> PathBuf {
    let blob = match file.playlist_id {
        Some(_) => Blob::Hls(video, file.file.clone()),
        None => Blob::WebVideo(file.file.clone()),
    };
    blob.path(data_dir)
}

/// Hashes what a video has of files without a hash.
#[derive(Debug, Serialize, Deserialize)]
pub struct HashFiles {
    video_id: i64,
}

impl HashFiles {
    /// Of this video.
    pub fn of(video: VideoId) -> Self {
        Self { video_id: video.0 }
    }
}

impl Job for HashFiles {
    const NAME: &'static str = "hash-files";
    const HEAVY: bool = true;

    fn video(&self) -> Option<VideoId> {
        Some(VideoId(self.video_id))
    }

    async fn run(self, app: &App) -> Result<(), Failure> {
        // There are torrents only of what stays on disk.
        if app.config.storage.kind == StorageKind::S3 {
            return Ok(());
        }
        let id = VideoId(self.video_id);
        let mut tx = app.store.read().await?;
        // Deleted in the meantime: nothing to do.
        let Some(video) = tx.videos().by_id(id).await?.filter(|video| !video.remote) else { return Ok(()) };
        let files = tx.files().of_video(id).await?;
        let place = tx.media().of_video(id).await?.place;
        drop(tx);
        if place != Place::Disk {
            return Ok(());
        }
        for file in files.into_iter().filter(|file| file.info_hash.is_none()) {
            let (path, stop) = (file_path(&app.config.data_dir, video.uuid, &file), app.stop.clone());
            // The hashes of its pieces are kept when somebody asks for the torrent: few do.
            let hashing = spawn_blocking(move || torrent::pieces_of(&path, None, &stop));
            let (length, pieces) = match hashing.await.map_err(io::Error::other)? {
                // Replaced in the meantime.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(_) if app.stop.is_cancelled() => {
                    return Err(Postponed { reason: "the server stops".to_owned(), pause: Duration::ZERO }.into());
                }
                hashed => hashed?,
            };
            let mut tx = app.store.write().await?;
            tx.files().set_info_hash(file.id, &torrent::info_hash(&file.file, length, &pieces)).await?;
            tx.commit().await?;
        }
        Ok(())
    }
}
