use std::io::{self, ErrorKind};
use std::path::Path;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Failure, Job};
use crate::app::App;
use crate::domain::{Video, VideoFile};
use crate::live::thumbnail::{previews_folder, thumbnails_folder};
use crate::live::{vod_folder, web_videos_folder};
use crate::vod::originals_folder;
use crate::vod::uploaded::captions_folder;

/// What goes of a video that stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Only {
    /// Its plain files.
    WebVideos,
    /// Its HLS presentation.
    Hls,
}

/// Removes what a deleted video, or a deleted part of one, left on disk and in object storage.
#[derive(Debug, Serialize, Deserialize)]
pub struct RemoveFiles {
    #[serde(default)]
    only: Option<Only>,
    video: Uuid,
    thumbnail: Option<String>,
    preview: Option<String>,
    web_videos: Vec<String>,
}

impl RemoveFiles {
    /// Of this video and its files, as they were before it was deleted.
    pub fn of(video: &Video, files: &[VideoFile]) -> Self {
        Self {
            only: None,
            video: video.uuid,
            thumbnail: video.thumbnail.clone(),
            preview: video.preview.clone(),
            web_videos: files.iter().filter(|file| file.playlist_id.is_none()).map(|file| file.file.clone()).collect(),
        }
    }

    /// Of these files alone, which are part of what `only` says; the video stays.
    pub fn of_part(video: &Video, files: &[VideoFile], only: Only) -> Self {
        Self { only: Some(only), ..Self::of(video, files) }
    }
}

impl Job for RemoveFiles {
    const NAME: &'static str = "remove-files";

    async fn run(self, app: &App) -> Result<(), Failure> {
        let data_dir = &app.config.data_dir;
        if self.only == Some(Only::Hls) {
            return Ok(unless_gone(tokio::fs::remove_dir_all(vod_folder(data_dir, self.video)).await)?);
        }
        for name in &self.web_videos {
            remove(&web_videos_folder(data_dir), name).await?;
        }
        if self.only == Some(Only::WebVideos) {
            return Ok(());
        }
        let pictures = [(thumbnails_folder(data_dir), self.thumbnail), (previews_folder(data_dir), self.preview)];
        for (folder, name) in pictures {
            if let Some(name) = name {
                remove(&folder, &name).await?;
            }
        }
        for folder in [originals_folder(data_dir, self.video), captions_folder(data_dir, self.video), vod_folder(data_dir, self.video)] {
            unless_gone(tokio::fs::remove_dir_all(folder).await)?;
        }
        // Plain files of versions that were replaced have no row any more.
        remove_beginning(&web_videos_folder(data_dir), &self.video.to_string()).await?;
        if app.blobs.is_configured() {
            app.blobs.delete_all(self.video).await?;
        }
        Ok(())
    }
}

async fn remove_beginning(folder: &Path, start: &str) -> io::Result<()> {
    let Ok(mut entries) = tokio::fs::read_dir(folder).await else { return Ok(()) };
    while let Some(entry) = entries.next_entry().await? {
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(start)) {
            unless_gone(tokio::fs::remove_file(entry.path()).await)?;
        }
    }
    Ok(())
}

async fn remove(folder: &Path, name: &str) -> io::Result<()> {
    // Names come from our own rows; one that leads elsewhere is none of ours.
    if name.contains(['/', '\\']) || name.starts_with('.') {
        return Ok(());
    }
    unless_gone(tokio::fs::remove_file(folder.join(name)).await)
}

fn unless_gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => result,
    }
}
