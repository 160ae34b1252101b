//! Pictures of a running broadcast, for cards and link previews.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use super::studio;
use crate::app::App;
use crate::domain::Video;

/// Width of the small picture, in pixels; PeerTube's.
pub const THUMBNAIL_WIDTH: u32 = 280;
/// Width of the large one.
pub const PREVIEW_WIDTH: u32 = 850;

/// Folder of the small pictures.
pub fn thumbnails_folder(data_dir: &Path) -> PathBuf {
    data_dir.join("thumbnails")
}

/// Folder of the large pictures.
pub fn previews_folder(data_dir: &Path) -> PathBuf {
    data_dir.join("previews")
}

/// Leave to make pictures; `None` while others are being made.
pub(super) fn permit(app: &App) -> Option<OwnedSemaphorePermit> {
    app.live.inner.pictures.clone().try_acquire_owned().ok()
}

/// Makes both pictures from `init` and a `part` that begins with a keyframe.
pub(super) async fn make(app: &App, video: &Video, init: Bytes, part: Bytes, _permit: OwnedSemaphorePermit) {
    if let Err(error) = try_make(app, video, init, part).await {
        // A live without a picture is fine; the coding may have no decoder here.
        tracing::debug!(%error, video = %video.uuid, "live.thumbnail");
    }
}

async fn try_make(app: &App, video: &Video, init: Bytes, part: Bytes) -> anyhow::Result<()> {
    let program = app.config.program.as_deref();
    let pictures = studio::pictures(program, init, part, [THUMBNAIL_WIDTH, PREVIEW_WIDTH]).await?;
    // A new name each time, so that caches need not be asked.
    let name = format!("{}.jpg", Uuid::new_v4());
    let data_dir = &app.config.data_dir;
    let folders = [thumbnails_folder(data_dir), previews_folder(data_dir)];
    let kept = keep(app, video, &folders, &name, &pictures).await;
    // Without a row that names them the new ones are in the way, else those that it named before.
    let useless = match &kept {
        Ok(old) => old.clone(),
        Err(_) => [Some(name.clone()), Some(name)],
    };
    for (folder, name) in folders.iter().zip(useless) {
        if let Some(name) = name {
            let _ = tokio::fs::remove_file(folder.join(name)).await;
        }
    }
    kept.map(drop)
}

/// Writes the pictures; the names of those they replace.
async fn keep(app: &App, video: &Video, folders: &[PathBuf; 2], name: &str, pictures: &[Bytes]) -> anyhow::Result<[Option<String>; 2]> {
    for (folder, picture) in folders.iter().zip(pictures) {
        tokio::fs::create_dir_all(folder).await?;
        tokio::fs::write(folder.join(name), picture).await?;
    }
    let mut tx = app.store.write().await?;
    let before = tx.videos().by_id(video.id).await?;
    let before = before.ok_or_else(|| anyhow::anyhow!("the video is gone"))?;
    tx.videos().set_pictures(video.id, name, name).await?;
    tx.commit().await?;
    Ok([before.thumbnail, before.preview])
}
