//! The job that draws the storyboard of a replay, whose files the [workshop](super::workshop) did not make.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::transcode::{remove_folder, work_folder};
use super::workshop::{Board, Event, FaultKind, Order, STORYBOARD, Work};
use super::{prefix_of, storyboard_file};
use crate::app::App;
use crate::blobs::Blob;
use crate::domain::{JobId, Place, Storyboard, Video, VideoId};
use crate::hangup::Unnamed;
use crate::jobs::{self, Failure, Job, Postponed};
use crate::live::vod_folder;

/// While the disk is full somebody makes room.
const DISK_PAUSE: Duration = Duration::from_secs(300);

/// Draws the storyboard of a video that has a plain file of all its pictures, and none yet.
#[derive(Debug, Serialize, Deserialize)]
pub struct DrawStoryboard {
    video_id: i64,
}

impl DrawStoryboard {
    /// Of this video.
    pub fn of(video: VideoId) -> Self {
        Self { video_id: video.0 }
    }
}

impl Job for DrawStoryboard {
    const NAME: &'static str = "video-storyboard";
    const MAX_ATTEMPTS: i64 = 4;
    const HEAVY: bool = true;

    fn video(&self) -> Option<VideoId> {
        Some(VideoId(self.video_id))
    }

    async fn run(self, app: &App) -> Result<(), Failure> {
        let id = VideoId(self.video_id);
        let mut tx = app.store.read().await?;
        // Deleted in the meantime: nothing to do.
        let Some(video) = tx.videos().by_id(id).await?.filter(|video| !video.is_live && !video.remote) else { return Ok(()) };
        let files = tx.files().of_video(id).await?;
        let place = tx.media().of_video(id).await?.place;
        let is_drawn = tx.media().storyboard(id).await?.is_some();
        let playlist = tx.playlists().of_video(id).await?;
        drop(tx);
        let plain = files.into_iter().find(|file| file.playlist_id.is_none() && file.has_video);
        let Some(file) = plain.filter(|_| place == Place::Disk && !is_drawn) else { return Ok(()) };
        // What it would go with; a video can do without.
        let Some(prefix) = playlist.as_ref().and_then(prefix_of) else { return Ok(()) };
        let job = jobs::attempt().map_or(JobId(0), |attempt| attempt.id);
        let folder = work_folder(&app.config.data_dir).join(job.to_string());
        tokio::fs::create_dir_all(&folder).await?;
        let outcome = draw(app, &video, file.file, prefix, &folder).await;
        remove_folder(&folder).await;
        outcome
    }
}

async fn draw(app: &App, video: &Video, file: String, prefix: &str, folder: &Path) -> Result<(), Failure> {
    let order = Order {
        input: Blob::WebVideo(file).path(&app.config.data_dir),
        folder: folder.to_owned(),
        prefix: String::new(),
        date_time: video.created_at.as_millis(),
        settings: app.config.transcoding.clone(),
        only_storyboard: true,
    };
    let mut work = Work::start(app.config.program.as_deref(), order);
    let mut board = None;
    loop {
        let event = tokio::select! {
            biased;
            () = app.stop.cancelled() => return Err(Postponed { reason: "the server stops".to_owned(), pause: Duration::ZERO }.into()),
            event = work.next() => event,
        };
        match event {
            Ok(Some(Event::Storyboard(sizes))) => board = Some(sizes),
            Ok(Some(_)) => {}
            Ok(None) => break,
            Err(fault) => match fault.kind {
                // A video can do without.
                FaultKind::File => {
                    tracing::warn!(video = %video.uuid, %fault, "vod.storyboard: left out");
                    return Ok(());
                }
                FaultKind::Disk => return Err(Postponed { reason: fault.message, pause: DISK_PAUSE }.into()),
                FaultKind::Cancelled | FaultKind::Server => return Err(fault.into()),
            },
        }
    }
    let Some(board) = board else { return Ok(()) };
    let file = storyboard_file(prefix);
    let sprites = Unnamed::copied(folder.join(STORYBOARD), vod_folder(&app.config.data_dir, video.uuid).join(&file)).await?;
    let mut tx = app.store.write().await?;
    if tx.playlists().of_video(video.id).await?.as_ref().and_then(prefix_of) != Some(prefix) {
        // Deleted or made anew meanwhile, and whoever removes its files does not know of this one.
        return Ok(());
    }
    tx.media().put_storyboard(video.id, Some(&described(board, file))).await?;
    Ok(sprites.commit(tx, || {}).await?)
}

/// For the database.
pub(super) fn described(board: Board, file: String) -> Storyboard {
    Storyboard {
        file,
        total_width: board.total_width.into(),
        total_height: board.total_height.into(),
        sprite_width: board.sprite_width.into(),
        sprite_height: board.sprite_height.into(),
        sprite_duration_s: board.sprite_duration.into(),
    }
}
