//! The job that makes a video of an uploaded file.
//!
//! Everything is made in a folder of its own, by the [workshop](super::workshop), and becomes the video's by links and one
//! transaction. A video that nobody can watch yet is there as soon as something of it plays, unless its owner wants to wait; one
//! that is replaced stays as it was until all of the new version is there.

mod input;
mod publish;

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::moving::RemoveVersion;
use super::storyboard::described;
use super::workshop::{Board, Event, Facts, Fault, FaultKind, Order, PREVIEW, Planned, STORYBOARD, THUMBNAIL, Work, mp4_path};
use super::{HashFiles, SignManifests, originals_folder, prefix_of, storyboard_file};
use crate::app::App;
use crate::blobs::{self, Blob};
use crate::domain::{JobId, Media, Place, Playlist, PlaylistId, Storyboard, Timestamp, Video, VideoId, VideoState};
use crate::hangup::Unnamed;
use crate::jobs::{self, Failure, Hopeless, Job, Postponed};
use crate::live::thumbnail::{previews_folder, thumbnails_folder};
use crate::live::{free_bytes, vod_folder, web_videos_folder};
use crate::store::{self, NewFile, Tx};
use input::Input;
use publish::{Published, PublishedRendition};

/// How often progress is written down, and it is looked whether anybody still wants it.
const NOTED_EVERY: Duration = Duration::from_secs(2);
/// After this what grows is shown again; then after twice as long each time, for long playlists take long to write.
const SHOWN_AFTER: Duration = Duration::from_secs(2);
/// At least this often.
const SHOWN_EVERY: Duration = Duration::from_secs(60);
/// While the disk is full somebody makes room.
const DISK_PAUSE: Duration = Duration::from_secs(300);
/// Files of the version before are still fetched by those who watch it.
const LINGER: Duration = Duration::from_secs(3600);
/// Work that takes longer, besides [`SLOWEST`] times the video's duration, will never end.
const LONGEST_START: Duration = Duration::from_secs(3600);
/// The slowest machines with the largest pictures.
const SLOWEST: u32 = 60;

/// Makes a video of an uploaded file: renditions, files for download, pictures. The file is the one that
/// [`Sources`](crate::store::Sources) names, or else the best file that the video has.
#[derive(Debug, Serialize, Deserialize)]
pub struct Transcode {
    video: VideoId,
}

/// What the names of all that a job makes begin with: the same in each of its attempts. Whoever knows the video's id can find it out,
/// so it opens nothing.
fn version_of(video: Uuid, job: JobId) -> Uuid {
    let hash: [u8; 32] = Sha256::digest(format!("shoal version {job} of {video}")).into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

/// From now on the video is made of the file that [`uploaded::note`](super::uploaded::note) noted. It is to be in state
/// [`VideoState::ToTranscode`] unless it can be watched already; the job publishes it.
pub async fn enqueue(tx: &mut Tx, video: VideoId) -> store::Result<JobId> {
    tx.media().set_error(video, None).await?;
    tx.jobs().enqueue(&Transcode { video }).await
}

/// Whether the presentation is one that a job has not finished yet.
pub(super) fn is_being_made(playlist: &Playlist, media: &Media) -> bool {
    let version = playlist.playlist.get(..36).and_then(|text| Uuid::try_parse(text).ok());
    version.is_some() && version != media.version
}

/// Where versions are made, a folder for each job.
pub(super) fn work_folder(data_dir: &Path) -> PathBuf {
    data_dir.join("transcoding")
}

/// Removes what jobs left that will never run again.
pub async fn remove_leftovers(app: &App) {
    let wanted = async { app.store.read().await?.jobs().unfinished(Transcode::NAME).await };
    let wanted: HashSet<String> = match wanted.await {
        Ok(jobs) => jobs.iter().map(ToString::to_string).collect(),
        Err(error) => return tracing::error!(%error, "vod.transcode"),
    };
    let folder = work_folder(&app.config.data_dir);
    let Ok(mut entries) = tokio::fs::read_dir(&folder).await else { return };
    while let Ok(Some(entry)) = entries.next_entry().await {
        if !entry.file_name().to_str().is_some_and(|name| wanted.contains(name)) {
            remove_folder(&entry.path()).await;
        }
    }
}

pub(super) async fn remove_folder(folder: &Path) {
    match tokio::fs::remove_dir_all(folder).await {
        Err(error) if error.kind() != io::ErrorKind::NotFound => tracing::warn!(%error, folder = %folder.display(), "vod.remove"),
        _ => {}
    }
}

/// Why it went no further.
#[derive(Debug, thiserror::Error)]
enum Stop {
    /// The job or the video was deleted.
    #[error("nobody wants it any more")]
    Unwanted,
    /// The server stops.
    #[error("the server stops")]
    Interrupted,
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("files: {0}")]
    Publish(#[from] publish::Error),
    #[error(transparent)]
    Blobs(#[from] blobs::Error),
    #[error("files: {0}")]
    File(#[from] io::Error),
}

impl Stop {
    fn is_disk_full(&self) -> bool {
        match self {
            Self::Fault(fault) => fault.kind == FaultKind::Disk,
            Self::Publish(error) => error.is_disk_full(),
            Self::Blobs(error) => error.is_disk_full(),
            Self::File(error) => error.kind() == io::ErrorKind::StorageFull,
            _ => false,
        }
    }

    /// For the video's owner.
    fn reason(&self) -> String {
        match self {
            Self::Fault(fault) => fault.message.clone(),
            _ => "the server had a problem with its files".to_owned(),
        }
    }
}

impl Job for Transcode {
    const NAME: &'static str = "video-transcoding";
    const MAX_ATTEMPTS: i64 = 4;
    const HEAVY: bool = true;

    fn video(&self) -> Option<VideoId> {
        Some(self.video)
    }

    async fn run(self, app: &App) -> Result<(), Failure> {
        let id = self.video;
        let attempt = jobs::attempt();
        let job = attempt.map_or(JobId(0), |attempt| attempt.id);
        let work = work_folder(&app.config.data_dir).join(job.to_string());
        let mut tx = app.store.read().await?;
        let Some(video) = tx.videos().by_id(id).await? else {
            remove_folder(&work).await;
            return Ok(());
        };
        let playlist = tx.playlists().of_video(id).await?;
        let media = tx.media().of_video(id).await?;
        drop(tx);
        if video.remote || video.is_live {
            return Err(Hopeless("only finished videos of this server can be transcoded".to_owned()).into());
        }
        let version = version_of(video.uuid, job);
        if media.version == Some(version) {
            // All was done but to say so.
            remove_folder(&work).await;
            return Ok(());
        }
        let replaces = playlist.is_some_and(|playlist| !playlist.playlist.starts_with(&version.to_string()));
        let mut making = Making {
            app,
            job: attempt.map(|attempt| attempt.id),
            video,
            version,
            replaces,
            work,
            facts: None,
            percent: 0,
            is_published: false,
        };
        let Err(stop) = making.run().await else {
            remove_folder(&making.work).await;
            return Ok(());
        };
        match &stop {
            Stop::Unwanted => {
                making.forget().await?;
                Ok(())
            }
            Stop::Interrupted => Err(Postponed { reason: stop.to_string(), pause: Duration::ZERO }.into()),
            stop if stop.is_disk_full() => Err(Postponed { reason: "the server's disk is full".to_owned(), pause: DISK_PAUSE }.into()),
            Stop::Fault(Fault { kind: FaultKind::File, message }) => {
                making.give_up(message).await?;
                Err(Hopeless(message.clone()).into())
            }
            stop if attempt.is_none_or(|attempt| attempt.is_last) => {
                making.give_up(&stop.reason()).await?;
                Err(Hopeless(stop.to_string()).into())
            }
            _ => Err(stop.into()),
        }
    }
}

/// A version in the making.
struct Making<'a> {
    app: &'a App,
    job: Option<JobId>,
    video: Video,
    version: Uuid,
    /// There is another version that can be watched: it stays until all of this one is there.
    replaces: bool,
    /// Where it is made.
    work: PathBuf,
    facts: Option<Facts>,
    percent: i64,
    is_published: bool,
}

impl Making<'_> {
    async fn run(&mut self) -> Result<(), Stop> {
        let settings = self.app.config.transcoding.clone();
        tokio::fs::create_dir_all(&self.work).await?;
        if free_bytes(&self.work).is_some_and(|free| free < settings.min_free_disk_bytes) {
            return Err(Fault::new(FaultKind::Disk, "the server's disk is full").into());
        }
        let input = input::choose(self.app, &self.video, &self.work).await?;
        let order = Order {
            input: input.path.clone(),
            folder: self.work.clone(),
            prefix: self.version.simple().to_string(),
            date_time: self.video.created_at.as_millis(),
            settings,
            only_storyboard: false,
        };
        let started = Instant::now();
        let mut work = Work::start(self.app.config.program.as_deref(), order);
        let mut noted = tokio::time::interval(NOTED_EVERY);
        noted.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (mut shown, mut pause) = (Instant::now(), SHOWN_AFTER);
        let (mut copied, mut board) = (false, None);
        loop {
            let event = tokio::select! {
                biased;
                () = self.app.stop.cancelled() => return Err(Stop::Interrupted),
                event = work.next() => match event? {
                    Some(event) => event,
                    None => break,
                },
                _ = noted.tick() => {
                    self.note().await?;
                    if started.elapsed() > self.limit() {
                        return Err(Fault::new(FaultKind::Server, "it took too long").into());
                    }
                    if self.may_grow() && shown.elapsed() >= pause {
                        self.show().await?;
                        (shown, pause) = (Instant::now(), (pause * 2).min(SHOWN_EVERY));
                    }
                    continue;
                }
            };
            match event {
                Event::Probed(facts) => self.probed(facts).await?,
                Event::Pictures => self.pictures().await?,
                Event::Progress(done) => self.percent = (done * 100.0) as i64,
                Event::Finished(_) if self.may_grow() => self.show().await?,
                Event::Copied => copied = true,
                Event::Storyboard(sizes) => board = Some(sizes),
                Event::Skipped(what) => tracing::warn!(video = %self.video.uuid, what, "vod.transcode: left out"),
                Event::Finished(_) | Event::End | Event::Failed(_) => {}
            }
        }
        drop(work);
        match self.published(true).await? {
            Some(published) => self.switch(published, copied, board, Some(&input)).await,
            None => Err(Fault::new(FaultKind::File, "nothing in it can be played").into()),
        }
    }

    /// What is there may be watched before the rest is.
    fn may_grow(&self) -> bool {
        !self.replaces && !self.video.wait_transcoding && self.facts.is_some()
    }

    /// It will never end if it takes longer.
    fn limit(&self) -> Duration {
        let duration = self.facts.as_ref().and_then(|facts| facts.duration_ms).and_then(|millis| u64::try_from(millis).ok());
        let longest = Duration::from_secs(self.app.config.transcoding.max_duration_s);
        LONGEST_START + duration.map_or(longest, Duration::from_millis).saturating_mul(SLOWEST)
    }

    /// Writes down how far it is; nobody may want it any more.
    async fn note(&self) -> Result<(), Stop> {
        let Some(job) = self.job else { return Ok(()) };
        let mut tx = self.app.store.write().await?;
        let is_wanted = tx.jobs().set_progress(job, self.percent.min(99)).await?;
        tx.commit().await?;
        if is_wanted { Ok(()) } else { Err(Stop::Unwanted) }
    }

    async fn probed(&mut self, facts: Facts) -> Result<(), Stop> {
        let mut tx = self.app.store.write().await?;
        let (width, height) = (facts.width.map(i64::from), facts.height.map(i64::from));
        tx.sources().set_facts(self.video.id, width, height, facts.frame_rate.map(|rate| rate.round() as i64)).await?;
        if !self.replaces {
            tx.media().set_facts(self.video.id, facts.duration_ms.unwrap_or(0), facts.aspect_ratio()).await?;
        }
        tx.commit().await?;
        self.facts = Some(facts);
        Ok(())
    }

    /// A video without pictures of its owner's choice gets those that were made.
    async fn pictures(&self) -> Result<(), Stop> {
        let name = format!("{}.jpg", Uuid::new_v4());
        let data_dir = &self.app.config.data_dir;
        let mut kept = Vec::new();
        for (folder, made) in [(thumbnails_folder(data_dir), THUMBNAIL), (previews_folder(data_dir), PREVIEW)] {
            tokio::fs::create_dir_all(&folder).await?;
            let target = folder.join(&name);
            tokio::fs::copy(self.work.join(made), &target).await?;
            kept.push(target);
        }
        let mut tx = self.app.store.write().await?;
        let is_wanted = tx.videos().by_id(self.video.id).await?.is_some_and(|video| video.thumbnail.is_none());
        if is_wanted {
            tx.videos().set_pictures(self.video.id, &name, &name).await?;
            tx.commit().await?;
        } else {
            drop(tx);
            for path in kept {
                let _ = tokio::fs::remove_file(path).await;
            }
        }
        Ok(())
    }

    /// Links what is there into the video's folder, with playlists.
    async fn published(&self, only_finished: bool) -> Result<Option<Published>, Stop> {
        let planned: Vec<Planned> = self.facts.as_ref().map(|facts| facts.renditions.clone()).unwrap_or_default();
        let folder = vod_folder(&self.app.config.data_dir, self.video.uuid);
        let (work, version) = (self.work.clone(), self.version);
        let writing = move || publish::write(&folder, &work, version, &planned, only_finished);
        Ok(spawn_blocking(writing).await.map_err(io::Error::other)??)
    }

    /// Lets viewers have what is there; more will come.
    async fn show(&mut self) -> Result<(), Stop> {
        let Some(published) = self.published(false).await? else { return Ok(()) };
        let id = self.video.id;
        let mut tx = self.app.store.write().await?;
        if tx.videos().by_id(id).await?.is_none() {
            return Err(Stop::Unwanted);
        }
        let playlist = tx.playlists().put(id, &published.master, Some(&published.hashes)).await?;
        for rendition in published.renditions.iter().filter(|rendition| rendition.is_finished) {
            tx.files().add(&self.row(rendition, Some(playlist))).await?;
        }
        if !self.is_published {
            tx.media().publish(id, Timestamp::now()).await?;
        }
        tx.commit().await?;
        self.is_published = true;
        Ok(())
    }

    fn row(&self, rendition: &PublishedRendition, playlist: Option<PlaylistId>) -> NewFile {
        NewFile {
            video_id: self.video.id,
            playlist_id: playlist,
            file: if playlist.is_some() { rendition.file.clone() } else { self.web_video(rendition) },
            resolution: rendition.resolution.into(),
            width: rendition.width.map(Into::into),
            height: rendition.height.map(Into::into),
            size_bytes: i64::try_from(rendition.size_bytes).unwrap_or(i64::MAX),
            fps: rendition.frame_rate.map_or(if rendition.height.is_some() { -1 } else { 0 }, |rate| rate.round() as i64),
            has_audio: rendition.has_audio,
            has_video: rendition.height.is_some(),
        }
    }

    /// The name of a rendition's plain file: begins with the video's id, by which it is asked whether somebody may have it.
    fn web_video(&self, rendition: &PublishedRendition) -> String {
        let version = self.version.simple().to_string();
        format!("{}-{}-{}.mp4", self.video.uuid, rendition.resolution, &version[..8])
    }

    /// Moves plain files to where they are served; their rows.
    async fn web_videos(&self, renditions: &[PublishedRendition]) -> Result<Vec<NewFile>, Stop> {
        let folder = web_videos_folder(&self.app.config.data_dir);
        tokio::fs::create_dir_all(&folder).await?;
        let mut rows = Vec::new();
        for rendition in renditions {
            let (made, target) = (mp4_path(&self.work, &rendition.name), folder.join(self.web_video(rendition)));
            // After a crash it is there already.
            if tokio::fs::try_exists(&made).await? {
                tokio::fs::rename(&made, &target).await?;
            }
            let size = tokio::fs::metadata(&target).await?.len();
            rows.push(NewFile { size_bytes: i64::try_from(size).unwrap_or(i64::MAX), ..self.row(rendition, None) });
        }
        Ok(rows)
    }

    async fn storyboard(&self, board: Board) -> Result<(Storyboard, Unnamed), Stop> {
        let file = storyboard_file(&self.version.to_string());
        let target = vod_folder(&self.app.config.data_dir, self.video.uuid).join(&file);
        let sprites = Unnamed::copied(self.work.join(STORYBOARD), target).await?;
        Ok((described(board, file), sprites))
    }

    /// This version is the video from now on. `input`: what it was made of; `None` if it was given up half-way.
    async fn switch(&self, published: Published, copied: bool, board: Option<Board>, input: Option<&Input>) -> Result<(), Stop> {
        let (app, id) = (self.app, self.video.id);
        let plain = if copied { self.web_videos(&published.renditions).await? } else { Vec::new() };
        let (storyboard, sprites) = match board {
            Some(board) => Some(self.storyboard(board).await?),
            None => None,
        }
        .unzip();
        let original = input.and_then(|input| input.original.clone());
        let kept = if app.config.transcoding.keep_original { original.clone() } else { None };
        let now = Timestamp::now();

        let mut tx = app.store.write().await?;
        if tx.videos().by_id(id).await?.is_none() {
            return Err(Stop::Unwanted);
        }
        if let Some(job) = self.job
            && !tx.jobs().set_progress(job, 99).await?
        {
            return Err(Stop::Unwanted);
        }
        let before = Before::read(&mut tx, id).await?;
        let playlist = tx.playlists().put(id, &published.master, Some(&published.hashes)).await?;
        let rows: Vec<NewFile> = published.renditions.iter().map(|rendition| self.row(rendition, Some(playlist))).chain(plain).collect();
        let names: Vec<String> = rows.iter().map(|row| row.file.clone()).collect();
        for row in &rows {
            tx.files().add(row).await?;
        }
        tx.media().forget_files_but(id, &names).await?;
        tx.media().put_storyboard(id, storyboard.as_ref()).await?;
        let aspect_ratio = self.facts.as_ref().and_then(Facts::aspect_ratio);
        tx.media().set_facts(id, published.duration_ms, aspect_ratio).await?;
        let media = Media { place: Place::Disk, version: Some(self.version), original: kept.clone(), error: None };
        tx.media().put(id, &media).await?;
        tx.media().publish(id, now).await?;
        tx.jobs().enqueue(&SignManifests::of(id)).await?;
        tx.jobs().enqueue(&HashFiles::of(id)).await?;
        if let Some(old) = before.leaves(&self.video, self.version, &names) {
            tx.jobs().enqueue_at(&old, now.plus(LINGER.max(app.blobs.address_lifetime()))).await?;
        }
        sprites.unwrap_or_default().commit(tx, || {}).await?;
        app.jobs.wake();
        // Whoever shares the version before finds the new one when asking again.
        app.vod.close(&app.metrics, self.video.uuid);
        if let Some(original) = original {
            input::clean_originals(&originals_folder(&app.config.data_dir, self.video.uuid), &original, kept.is_some()).await;
        }
        Ok(())
    }

    /// It cannot be made. What of it is whole stays, if there is nothing else to watch.
    async fn give_up(&self, reason: &str) -> Result<(), Failure> {
        let finished = if self.replaces || self.facts.is_none() { None } else { self.published(true).await.unwrap_or_default() };
        if let Some(published) = finished {
            match self.switch(published, false, None, None).await {
                Ok(()) => {}
                Err(Stop::Unwanted) => return self.forget().await,
                Err(stop) => return Err(stop.into()),
            }
        } else if !self.replaces {
            self.unpublish().await?;
        }
        let mut tx = self.app.store.write().await?;
        if tx.videos().by_id(self.video.id).await?.is_some() {
            tx.media().set_error(self.video.id, Some(reason)).await?;
            tx.commit().await?;
        }
        remove_folder(&self.work).await;
        Ok(())
    }

    /// Takes back what was shown of it.
    async fn unpublish(&self) -> Result<(), Failure> {
        let id = self.video.id;
        let mut tx = self.app.store.write().await?;
        let is_ours = |playlist: &Playlist| playlist.playlist.starts_with(&self.version.to_string());
        if tx.playlists().of_video(id).await?.as_ref().is_some_and(is_ours) {
            // Its files' rows go with it.
            tx.playlists().delete(id).await?;
        }
        for state in [VideoState::ToTranscode, VideoState::Published] {
            tx.media().change_state(id, state, VideoState::TranscodingFailed).await?;
        }
        tx.commit().await?;
        let folder = vod_folder(&self.app.config.data_dir, self.video.uuid);
        super::moving::remove_names(&folder, &self.version.to_string()).await;
        Ok(())
    }

    /// Somebody deleted the job, or the video with all that belongs to it.
    async fn forget(&self) -> Result<(), Failure> {
        remove_folder(&self.work).await;
        let is_there = self.app.store.read().await?.videos().by_id(self.video.id).await?.is_some();
        if !is_there {
            // Whoever removed its files did not know of these.
            remove_folder(&vod_folder(&self.app.config.data_dir, self.video.uuid)).await;
            super::moving::remove_names(&web_videos_folder(&self.app.config.data_dir), &self.video.uuid.to_string()).await;
            return Ok(());
        }
        if !self.replaces {
            self.unpublish().await?;
            let mut tx = self.app.store.write().await?;
            tx.media().set_error(self.video.id, Some("it was cancelled")).await?;
            tx.commit().await?;
        }
        Ok(())
    }
}

/// What a video had before the switch.
struct Before {
    media: Media,
    playlist: Option<Playlist>,
    files: Vec<crate::domain::VideoFile>,
}

impl Before {
    async fn read(tx: &mut Tx, id: VideoId) -> store::Result<Self> {
        Ok(Self {
            media: tx.media().of_video(id).await?,
            playlist: tx.playlists().of_video(id).await?,
            files: tx.files().of_video(id).await?,
        })
    }

    /// What of it is in the way once `names` are the video's files, made as `version`.
    fn leaves(self, video: &Video, version: Uuid, names: &[String]) -> Option<RemoveVersion> {
        let playlist = self.playlist.filter(|playlist| !playlist.playlist.starts_with(&version.to_string()))?;
        let prefix = prefix_of(&playlist).map(str::to_owned);
        let gone = self.files.into_iter().filter(|file| !names.contains(&file.file));
        let mut blobs: Vec<Blob> = gone
            .map(|file| match file.playlist_id {
                Some(_) => Blob::Hls(video.uuid, file.file),
                None => Blob::WebVideo(file.file),
            })
            .collect();
        // On disk it is removed with the other originals.
        if self.media.place == Place::ObjectStorage {
            blobs.extend(self.media.original.map(|name| Blob::Original(video.uuid, name)));
        }
        Some(RemoveVersion::new(video, prefix, self.media.place, blobs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_job_has_not_finished_is_known_by_its_name() {
        let version = Uuid::new_v4();
        let playlist = |name: String| Playlist { id: PlaylistId(1), video_id: VideoId(1), playlist: name, segments_sha256: None };
        let media = Media { version: Some(version), ..Media::default() };
        assert!(is_being_made(&playlist(format!("{version}-master.m3u8")), &Media::default()));
        assert!(is_being_made(&playlist(format!("{}-master.m3u8", Uuid::new_v4())), &media));
        assert!(!is_being_made(&playlist(format!("{version}-master.m3u8")), &media));
        // A replay's.
        assert!(!is_being_made(&playlist("ab12cd34-master.m3u8".into()), &Media::default()));
    }

    #[test]
    fn disks_that_are_full_are_told_from_files_that_are_broken() {
        assert!(Stop::from(Fault::new(FaultKind::Disk, "full")).is_disk_full());
        assert!(Stop::from(io::Error::from(io::ErrorKind::StorageFull)).is_disk_full());
        assert!(!Stop::from(Fault::new(FaultKind::File, "broken")).is_disk_full());
        assert_eq!(Stop::from(Fault::new(FaultKind::File, "broken")).reason(), "broken");
    }
}
