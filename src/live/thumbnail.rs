//! Pictures of a running broadcast, for cards and link previews.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use uuid::Uuid;

use super::studio;
use crate::app::App;
use crate::domain::Video;

/// Width of the small picture, in pixels; PeerTube's.
const THUMBNAIL_WIDTH: u32 = 280;
/// Width of the large one.
const PREVIEW_WIDTH: u32 = 850;

/// Folder of the small pictures.
pub fn thumbnails_folder(data_dir: &Path) -> PathBuf {
    data_dir.join("thumbnails")
}

/// Folder of the large pictures.
pub fn previews_folder(data_dir: &Path) -> PathBuf {
    data_dir.join("previews")
}

/// Makes both pictures from `init` and a `part` that begins with a keyframe, unless others are being made.
pub(super) async fn make(app: &App, video: &Video, init: Bytes, part: Bytes) {
    let Ok(_permit) = app.live.inner.pictures.try_acquire() else { return };
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
    for (folder, picture) in folders.iter().zip(&pictures) {
        tokio::fs::create_dir_all(folder).await?;
        tokio::fs::write(folder.join(&name), picture).await?;
    }
    let mut tx = app.store.write().await?;
    let before = tx.videos().by_id(video.id).await?;
    tx.videos().set_pictures(video.id, &name, &name).await?;
    tx.commit().await?;
    let old = before.map(|video| [video.thumbnail, video.preview]).unwrap_or_default();
    for (folder, old) in folders.iter().zip(old) {
        if let Some(old) = old {
            let _ = tokio::fs::remove_file(folder.join(old)).await;
        }
    }
    Ok(())
}
