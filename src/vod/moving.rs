//! Jobs that move a finished video's files between the data folder and object storage, and that remove what is no longer needed.
//!
//! Files are copied first; one transaction says where they are from then on; what is left behind goes later. Names of files are
//! never used for other bytes, so a copy that is there already is a good one.

use std::io;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::transcode::{Transcode, is_being_made};
use super::{DrawStoryboard, HashFiles, SignManifests};
use crate::app::App;
use crate::blobs::{self, Blob};
use crate::config::StorageKind;
use crate::domain::{JobId, Media, Place, Playlist, Timestamp, Video, VideoFile, VideoId};
use crate::jobs::{self, Failure, Hopeless, Job, Postponed};
use crate::live::{RemuxReplay, free_bytes, vod_folder};
use crate::store::{self, Tx};

/// Others need a video's files where they are: this long until it is tried again.
const BUSY_PAUSE: Duration = Duration::from_secs(10);
/// The jobs that made the video end before its files go.
const SETTLING: Duration = Duration::from_secs(1);
/// While the disk is full somebody makes room.
const DISK_PAUSE: Duration = Duration::from_secs(300);
/// Videos enqueued together.
const PAGE: i64 = 200;

/// Moves a video's files into object storage.
#[derive(Debug, Serialize, Deserialize)]
pub struct MoveToObjectStorage {
    video_id: i64,
}

/// Moves a video's files back into the data folder.
#[derive(Debug, Serialize, Deserialize)]
pub struct MoveToDisk {
    video_id: i64,
}

impl Job for MoveToObjectStorage {
    const NAME: &'static str = "move-to-object-storage";

    fn video(&self) -> Option<VideoId> {
        Some(VideoId(self.video_id))
    }

    async fn run(self, app: &App) -> Result<(), Failure> {
        relocate(app, VideoId(self.video_id), Place::ObjectStorage).await
    }
}

impl Job for MoveToDisk {
    const NAME: &'static str = "move-to-file-system";

    fn video(&self) -> Option<VideoId> {
        Some(VideoId(self.video_id))
    }

    async fn run(self, app: &App) -> Result<(), Failure> {
        relocate(app, VideoId(self.video_id), Place::Disk).await
    }
}

/// Enqueues the move of one video. Which jobs there are for it already does not matter: those find nothing to do.
pub async fn enqueue(tx: &mut Tx, video: VideoId, to: Place) -> store::Result<JobId> {
    match to {
        Place::ObjectStorage => tx.jobs().enqueue(&MoveToObjectStorage { video_id: video.0 }).await,
        Place::Disk => tx.jobs().enqueue(&MoveToDisk { video_id: video.0 }).await,
    }
}

/// Enqueues the move of all finished videos that are not in `to`; how many those are. The server need not run.
pub async fn enqueue_moves(store: &store::Store, to: Place) -> store::Result<usize> {
    let from = match to {
        Place::ObjectStorage => Place::Disk,
        Place::Disk => Place::ObjectStorage,
    };
    let (mut after, mut enqueued) = (VideoId(0), 0);
    loop {
        let mut tx = store.write().await?;
        let page = tx.media().in_place(from, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(enqueued) };
        after = *last;
        for id in &page {
            enqueue(&mut tx, *id, to).await?;
        }
        enqueued += page.len();
        tx.commit().await?;
    }
}

/// After a video was made: its files go to object storage, where that is where files are kept.
pub(super) async fn move_if_wanted(app: &App, id: VideoId) -> store::Result<()> {
    if app.config.storage.kind != StorageKind::S3 {
        return Ok(());
    }
    let mut tx = app.store.write().await?;
    let is_finished = tx.videos().by_id(id).await?.is_some_and(|video| !video.is_live && !video.remote);
    if is_finished && tx.media().of_video(id).await?.place == Place::Disk {
        tx.jobs().enqueue_at(&MoveToObjectStorage { video_id: id.0 }, Timestamp::now().plus(SETTLING)).await?;
        tx.commit().await?;
        app.jobs.wake();
    }
    Ok(())
}

/// A video with its files, at one moment.
struct Subject {
    video: Video,
    playlist: Playlist,
    media: Media,
    files: Vec<VideoFile>,
}

impl Subject {
    /// `None` if it is gone, or nothing of it can be moved.
    async fn read(tx: &mut Tx, id: VideoId) -> store::Result<Option<Self>> {
        let Some(video) = tx.videos().by_id(id).await?.filter(|video| !video.is_live && !video.remote) else { return Ok(None) };
        let Some(playlist) = tx.playlists().of_video(id).await? else { return Ok(None) };
        let media = tx.media().of_video(id).await?;
        let files = tx.files().of_video(id).await?;
        Ok(Some(Self { video, playlist, media, files }))
    }

    fn blobs(&self) -> Vec<Blob> {
        let uuid = self.video.uuid;
        let blob = |file: &VideoFile| match file.playlist_id {
            Some(_) => Blob::Hls(uuid, file.file.clone()),
            None => Blob::WebVideo(file.file.clone()),
        };
        let original = self.media.original.iter().map(|name| Blob::Original(uuid, name.clone()));
        self.files.iter().map(blob).chain(original).collect()
    }
}

/// Whether a job works with what a video was made from, or is about to.
pub async fn needs_original(tx: &mut Tx, id: VideoId) -> store::Result<bool> {
    let unfinished = tx.jobs().unfinished_of(id).await?;
    let moves = [MoveToObjectStorage::NAME, MoveToDisk::NAME];
    Ok(unfinished.iter().any(|(_, name, is_active)| name == Transcode::NAME || *is_active && moves.contains(&name.as_str())))
}

/// Whether something is at work on the files that are to be moved.
async fn is_busy(tx: &mut Tx, id: VideoId) -> store::Result<bool> {
    let own = jobs::attempt().map(|attempt| attempt.id);
    let others = [Transcode::NAME, RemuxReplay::NAME, SignManifests::NAME, DrawStoryboard::NAME, RemoveVersion::NAME];
    let moves = [MoveToObjectStorage::NAME, MoveToDisk::NAME];
    let unfinished = tx.jobs().unfinished_of(id).await?;
    Ok(unfinished.iter().any(|(job, name, is_active)| {
        Some(*job) != own && (others.contains(&name.as_str()) || *is_active && moves.contains(&name.as_str()))
    }))
}

async fn relocate(app: &App, id: VideoId, to: Place) -> Result<(), Failure> {
    if !app.blobs.is_configured() {
        return Err(Hopeless(blobs::Error::Absent.to_string()).into());
    }
    let mut tx = app.store.read().await?;
    let Some(subject) = Subject::read(&mut tx, id).await? else { return Ok(()) };
    if subject.media.place == to {
        return Ok(());
    }
    if is_being_made(&subject.playlist, &subject.media) || is_busy(&mut tx, id).await? {
        return Err(Postponed { reason: "its files are in use".to_owned(), pause: BUSY_PAUSE }.into());
    }
    drop(tx);
    let files = subject.blobs();
    if to == Place::Disk {
        let wanted: u64 = subject.files.iter().map(|file| u64::try_from(file.size_bytes).unwrap_or(0)).sum();
        let least = app.config.transcoding.min_free_disk_bytes.saturating_add(wanted);
        if free_bytes(&app.config.data_dir).is_some_and(|free| free < least) {
            return Err(disk_full());
        }
    }
    for (done, blob) in files.iter().enumerate() {
        let copying = copy(app, blob, to);
        let copied = tokio::select! {
            biased;
            () = app.stop.cancelled() => return Err(Postponed { reason: "the server stopped".to_owned(), pause: Duration::ZERO }.into()),
            copied = copying => copied,
        };
        match copied {
            Err(error) if error.is_disk_full() => return Err(disk_full()),
            copied => copied?,
        }
        if !note(app, done + 1, files.len()).await? {
            return forget(app, &subject).await;
        }
    }
    let mut tx = app.store.write().await?;
    let Some(now) = Subject::read(&mut tx, id).await? else {
        drop(tx);
        return forget(app, &subject).await;
    };
    if now.playlist != subject.playlist || now.media.place != subject.media.place || now.blobs() != files {
        // Replaced meanwhile. The copies go with the next removal of everything; another attempt moves what there is now.
        return Err(Postponed { reason: "it was replaced meanwhile".to_owned(), pause: BUSY_PAUSE }.into());
    }
    tx.media().put(id, &Media { place: to, ..now.media }).await?;
    let rest = RemoveVersion::new(&now.video, None, subject.media.place, files);
    let later = match to {
        // Files that are open stay readable.
        Place::ObjectStorage => Timestamp::now(),
        // Viewers have addresses that are good for a while.
        Place::Disk => Timestamp::now().plus(app.blobs.address_lifetime()),
    };
    tx.jobs().enqueue_at(&rest, later).await?;
    if to == Place::Disk {
        tx.jobs().enqueue(&HashFiles::of(id)).await?;
    }
    tx.commit().await?;
    app.jobs.wake();
    Ok(())
}

/// The job was deleted, or its video: whoever removed that did not know of all copies. Of a video that is there they are found the
/// next time.
async fn forget(app: &App, subject: &Subject) -> Result<(), Failure> {
    if app.store.read().await?.videos().by_id(subject.video.id).await?.is_none() {
        app.blobs.delete_all(subject.video.uuid).await?;
    }
    Ok(())
}

fn disk_full() -> Failure {
    Postponed { reason: "the server's disk is full".to_owned(), pause: DISK_PAUSE }.into()
}

/// Makes sure that the file is where it is to be.
async fn copy(app: &App, blob: &Blob, to: Place) -> blobs::Result<()> {
    let data_dir = &app.config.data_dir;
    let path = blob.path(data_dir);
    let failed = |source| blobs::Error::File { path: path.clone(), source };
    match to {
        Place::ObjectStorage => {
            let length = tokio::fs::metadata(&path).await.map_err(failed)?.len();
            if app.blobs.length(blob).await? != Some(length) {
                app.blobs.put(blob, data_dir).await?;
            }
        }
        Place::Disk => {
            if !tokio::fs::try_exists(&path).await.map_err(failed)? {
                if let Some(folder) = path.parent() {
                    tokio::fs::create_dir_all(folder).await.map_err(failed)?;
                }
                app.blobs.fetch(blob, &path).await?;
            }
        }
    }
    Ok(())
}

/// Writes down how far the job is; false if it is gone.
async fn note(app: &App, done: usize, all: usize) -> store::Result<bool> {
    let Some(attempt) = jobs::attempt() else { return Ok(true) };
    let percent = i64::try_from(done * 100 / all.max(1)).unwrap_or(100);
    let mut tx = app.store.write().await?;
    let is_wanted = tx.jobs().set_progress(attempt.id, percent.min(99)).await?;
    tx.commit().await?;
    Ok(is_wanted)
}

/// Removes files that a video does not need any more: those of a version before, or those that were moved away.
#[derive(Debug, Serialize, Deserialize)]
pub struct RemoveVersion {
    video_id: i64,
    video: Uuid,
    /// What the names of playlists and the like begin with, in the video's folder.
    prefix: Option<String>,
    place: Place,
    blobs: Vec<Blob>,
}

impl RemoveVersion {
    /// These files in this place.
    pub(super) fn new(video: &Video, prefix: Option<String>, place: Place, blobs: Vec<Blob>) -> Self {
        Self { video_id: video.id.0, video: video.uuid, prefix, place, blobs }
    }
}

impl Job for RemoveVersion {
    const NAME: &'static str = "remove-version";

    fn video(&self) -> Option<VideoId> {
        Some(VideoId(self.video_id))
    }

    async fn run(self, app: &App) -> Result<(), Failure> {
        let mut tx = app.store.read().await?;
        // Of a video that is gone all is removed anyhow.
        let Some(now) = Subject::read(&mut tx, VideoId(self.video_id)).await? else { return Ok(()) };
        drop(tx);
        let needed = if now.media.place == self.place { now.blobs() } else { Vec::new() };
        for blob in self.blobs.iter().filter(|blob| !needed.contains(blob)) {
            match self.place {
                Place::Disk => unless_gone(tokio::fs::remove_file(blob.path(&app.config.data_dir)).await)?,
                Place::ObjectStorage => app.blobs.delete(blob).await?,
            }
        }
        if let Some(prefix) = self.prefix.filter(|prefix| !now.playlist.playlist.starts_with(prefix.as_str())) {
            remove_names(&vod_folder(&app.config.data_dir, self.video), &prefix).await;
        }
        Ok(())
    }
}

/// Removes the files in a folder whose names begin with `prefix` and a hyphen.
pub(super) async fn remove_names(folder: &Path, prefix: &str) {
    if prefix.is_empty() {
        return;
    }
    let start = format!("{prefix}-");
    let Ok(mut entries) = tokio::fs::read_dir(folder).await else { return };
    while let Ok(Some(entry)) = entries.next_entry().await {
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(&start))
            && let Err(error) = unless_gone(tokio::fs::remove_file(entry.path()).await)
        {
            tracing::warn!(%error, path = %entry.path().display(), "vod.remove");
        }
    }
}

fn unless_gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_names_of_the_version_go() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["ab-master.m3u8", "ab-720.m3u8", "abc-720.m3u8", "cd-720.m3u8"] {
            std::fs::write(folder.path().join(name), "x").expect("written");
        }
        remove_names(folder.path(), "").await;
        remove_names(folder.path(), "ab").await;
        let mut left: Vec<_> =
            std::fs::read_dir(folder.path()).expect("a folder").map(|entry| entry.expect("an entry").file_name()).collect();
        left.sort();
        assert_eq!(left, ["abc-720.m3u8", "cd-720.m3u8"]);
    }
}
