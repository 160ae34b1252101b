//! The job that signs a finished video's manifests.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::manifests::{self, Signer};
use super::{Error, Swarms};
use crate::app::App;
use crate::config::Policy;
use crate::domain::{Place, VideoId};
use crate::jobs::{Failure, Job};
use crate::live::vod_folder;
use crate::store;

/// Videos looked at together for missing manifests.
const PAGE: i64 = 200;

/// Hashes a finished video and signs its manifests, so that its viewers can share it.
#[derive(Debug, Serialize, Deserialize)]
pub struct SignManifests {
    video_id: i64,
}

impl SignManifests {
    /// Of this video.
    pub fn of(video: VideoId) -> Self {
        Self { video_id: video.0 }
    }
}

impl Job for SignManifests {
    const NAME: &'static str = "sign-manifests";

    fn video(&self) -> Option<VideoId> {
        Some(VideoId(self.video_id))
    }

    async fn run(self, app: &App) -> Result<(), Failure> {
        let id = VideoId(self.video_id);
        self.sign(app).await?;
        // From here on nothing reads its files but viewers.
        Ok(super::moving::move_if_wanted(app, id).await?)
    }
}

impl SignManifests {
    async fn sign(self, app: &App) -> Result<(), Failure> {
        if app.config.swarm.policy == Policy::Off {
            return Ok(());
        }
        // Two jobs for one video would write to one file; and lives come first.
        let _one_at_a_time = app.vod.signing().await;
        let id = VideoId(self.video_id);
        let mut tx = app.store.read().await?;
        // Deleted in the meantime, or on the air again: nothing to do.
        let Some(video) = tx.videos().by_id(id).await?.filter(|video| !video.is_live && !video.remote) else { return Ok(()) };
        let Some(playlist) = tx.playlists().of_video(id).await? else { return Ok(()) };
        let media = tx.media().of_video(id).await?;
        // Its bytes are elsewhere: it was signed before they went, or is not shared. And what still grows is signed when it is whole.
        if media.place != Place::Disk || super::transcode::is_being_made(&playlist, &media) {
            return Ok(());
        }
        drop(tx);
        let folder = vod_folder(&app.config.data_dir, video.uuid);
        match sign(&app.vod, &folder, playlist.playlist, video.uuid).await {
            Err(_) if app.store.read().await?.videos().by_id(id).await?.is_none() => Ok(()),
            result => Ok(result?),
        }
    }
}

async fn sign(swarms: &Swarms, folder: &std::path::Path, multivariant: String, video: uuid::Uuid) -> Result<(), Error> {
    let owned = folder.to_owned();
    let renditions = blocking(folder, move || manifests::renditions(&owned, &multivariant)).await?;
    for (index, name) in (0..=u8::MAX).zip(renditions) {
        if manifests::path(folder, &name).exists() {
            continue;
        }
        let (owned, key, swarm) = (folder.to_owned(), swarms.keys().signing().clone(), swarms.id(video));
        let mut signer = Some(blocking(folder, move || Signer::open(&owned, index, &name, key, swarm)).await?);
        // Segment by segment, so that a server that stops need not wait.
        while let Some(next) = signer {
            signer = blocking(folder, move || next.step()).await?;
        }
    }
    Ok(())
}

async fn blocking<T: Send + 'static>(
    folder: &std::path::Path,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    spawn_blocking(work).await.map_err(std::io::Error::other).map_err(Error::file(folder))?
}

/// Enqueues the job for videos that have no manifests: those that were there before there were any.
pub async fn enqueue_missing(app: App) {
    if app.config.swarm.policy == Policy::Off {
        return;
    }
    match find_and_enqueue(&app).await {
        Ok(0) => {}
        Ok(videos) => tracing::info!(videos, "vod.sign: enqueued"),
        Err(error) => tracing::error!(%error, "vod.sign"),
    }
}

async fn find_and_enqueue(app: &App) -> store::Result<usize> {
    let (mut after, mut enqueued) = (VideoId(0), 0);
    loop {
        let page = app.store.read().await?.playlists().finished(after, PAGE).await?;
        let Some((last, ..)) = page.last() else { return Ok(enqueued) };
        after = *last;
        let data_dir: PathBuf = app.config.data_dir.clone();
        let missing = spawn_blocking(move || {
            let lacks = |(_, uuid, multivariant): &(VideoId, uuid::Uuid, String)| {
                let folder = vod_folder(&data_dir, *uuid);
                // One whose playlist cannot be read would fail at every start.
                let renditions = manifests::renditions(&folder, multivariant).unwrap_or_default();
                renditions.iter().any(|name| !manifests::path(&folder, name).exists())
            };
            page.into_iter().filter(lacks).map(|(id, ..)| id).collect::<Vec<_>>()
        });
        // A panic in there is a bug; the videos of this page stay without.
        let missing = missing.await.unwrap_or_default();
        if missing.is_empty() {
            continue;
        }
        enqueued += missing.len();
        let mut tx = app.store.write().await?;
        for id in missing {
            tx.jobs().enqueue(&SignManifests::of(id)).await?;
        }
        tx.commit().await?;
        app.jobs.wake();
    }
}
