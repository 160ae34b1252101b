//! What an ended broadcast leaves behind: a video that can be watched at once, or nothing.
//!
//! The recording is fragmented MP4 already. Its run files are linked into the video's folder and playlists of byte
//! ranges written beside them; a job then remuxes them into plain MP4 for download. Everything here may be run
//! again after a crash.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use segmenter::journal::{self, Recording};
use segmenter::{multivariant, vod};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::broadcast::Remains;
use super::clerk::Subject;
use super::pipeline::{SOURCE, recorded_renditions};
use super::{recording_folder, studio, thumbnail, vod_folder};
use crate::app::App;
use crate::domain::{LiveSession, Timestamp, Video, VideoId, VideoState};
use crate::events::Event;
use crate::jobs::{Failure, Job};
use crate::store::{self, NewFile, NewVideo, Tx};
use crate::vod::{DrawStoryboard, HashFiles, SignManifests};

/// Attempts to conclude a broadcast: the database may be busy or restarting.
const ATTEMPTS: u32 = 5;
/// Pause between them.
const RETRY: Duration = Duration::from_secs(1);

/// After the broadcast: replay or not, states, and word to everybody who waits. True when its recording is no longer needed.
pub(super) async fn finish(app: &App, subject: &Subject, remains: Remains) -> bool {
    let result = match &remains.session {
        _ if !remains.played => {
            remove_folder(&recording_folder(&app.config.data_dir, &subject.prefix)).await;
            Ok(Some((VideoState::WaitingForLive, None)))
        }
        Some(session) => conclude_at_last(app, subject, session).await,
        None => Err(Error::NoSession),
    };
    if let (Ok(Some((_, Some(_)))), Some(allowance)) = (&result, &remains.allowance) {
        allowance.counted();
    }
    let is_done = match result {
        Ok(told) => {
            let replay = told.and_then(|(_, replay)| replay);
            tracing::info!(video = %subject.video.uuid, played = remains.played, replay = replay.is_some(), "live.end");
            if let Some((state, replay)) = told {
                tell(app, &subject.video, state, replay);
            }
            true
        }
        Err(error) if is_deleted(app, subject.video.id).await => {
            tracing::info!(%error, video = %subject.video.uuid, "live.end: its video was deleted");
            let made = if subject.live.permanent { subject.replay } else { subject.video.uuid };
            remove_folder(&vod_folder(&app.config.data_dir, made)).await;
            true
        }
        // The session's row still says that there is something to do: the next start does it.
        Err(error) => {
            tracing::error!(%error, video = %subject.video.uuid, "live.end");
            false
        }
    };
    drop(remains.allowance);
    for waiting in remains.waiting {
        let _ = waiting.send(());
    }
    is_done
}

async fn conclude_at_last(app: &App, subject: &Subject, session: &LiveSession) -> Result<Told, Error> {
    let mut attempt = 1;
    loop {
        match conclude(app, subject, session).await {
            Err(Error::Store(error)) if attempt < ATTEMPTS && !is_deleted(app, subject.video.id).await => {
                tracing::warn!(%error, attempt, video = %subject.video.uuid, "live.end: again in a moment");
                attempt += 1;
                tokio::time::sleep(RETRY).await;
            }
            result => return result,
        }
    }
}

/// The database says so; one that says nothing has not lost the video.
async fn is_deleted(app: &App, id: VideoId) -> bool {
    let found = async { app.store.read().await?.videos().by_id(id).await };
    matches!(found.await, Ok(None))
}

/// The video's state after its broadcast and the replay's public id; `None` if there is another broadcast already.
type Told = Option<(VideoState, Option<Uuid>)>;

/// Why a replay could not be made.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("the database does not know of the broadcast")]
    NoSession,
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("recording: {0}")]
    File(#[from] io::Error),
    #[error("recording: {0}")]
    Journal(#[from] journal::Error),
}

/// Moves everything to where it stays.
async fn conclude(app: &App, subject: &Subject, session: &LiveSession) -> Result<Told, Error> {
    let folder = recording_folder(&app.config.data_dir, &subject.prefix);
    let kept = if session.save_replay { read(folder).await? } else { Vec::new() };
    let permanent = subject.live.permanent;
    if kept.iter().all(|recording| recording.segments.iter().all(|segment| segment.span.length == 0)) {
        let state = VideoState::after_broadcast(permanent, false);
        let mut tx = app.store.write().await?;
        let is_over = leave_air(&mut tx, session, state).await?;
        tx.sessions().processed(session.id, None).await?;
        tx.commit().await?;
        return Ok(is_over.then_some((state, None)));
    }
    // A permanent live's replay is a video of its own.
    let uuid = if permanent { subject.replay } else { subject.video.uuid };
    // There is one with media in it, and the source is the first.
    let facts = Facts::of(&kept[0]);
    let (data_dir, prefix) = (app.config.data_dir.clone(), subject.prefix.clone());
    let files = spawn_blocking(move || write_vod(&vod_folder(&data_dir, uuid), &prefix, &kept)).await.map_err(io::Error::other)??;
    let state = VideoState::after_broadcast(permanent, true);

    let mut tx = app.store.write().await?;
    let live = tx.videos().by_id(subject.video.id).await?;
    let mut is_over = true;
    let id = if permanent {
        is_over = leave_air(&mut tx, session, state).await?;
        tx.videos().create(&replay_of(live.as_ref().unwrap_or(&subject.video), subject, session, uuid, &facts)).await?
    } else {
        if let Some(mut video) = live.clone() {
            video.state = state;
            video.is_live = false;
            video.duration_ms = facts.duration_ms;
            video.aspect_ratio = facts.aspect_ratio.or(video.aspect_ratio);
            tx.videos().update(&video).await?;
        }
        subject.video.id
    };
    if permanent
        && let Some(live) = live
        && let (Some(live_thumbnail), Some(live_preview)) = (&live.thumbnail, &live.preview)
    {
        // A name of its own, as the live's pictures are replaced while it runs, and one that cannot be guessed.
        let name = format!("{}.jpg", Uuid::new_v4());
        let data_dir = &app.config.data_dir;
        let small = thumbnail::thumbnails_folder(data_dir);
        let large = thumbnail::previews_folder(data_dir);
        if link(&small.join(live_thumbnail), &small.join(&name)).and_then(|()| link(&large.join(live_preview), &large.join(&name))).is_ok()
        {
            tx.videos().set_pictures(id, &name, &name).await?;
        }
    }
    let playlist = tx.playlists().put(id, &files.master, Some(&files.hashes)).await?;
    for run in &files.runs {
        tx.files().add(&run.noted(id, playlist)).await?;
    }
    let source: Vec<_> = files.runs.into_iter().filter(|run| run.is_source).map(|run| run.name).collect();
    tx.sessions().processed(session.id, Some(id)).await?;
    tx.jobs().enqueue(&SignManifests::of(id)).await?;
    tx.jobs().enqueue(&RemuxReplay { video_id: id.0, runs: source }).await?;
    tx.commit().await?;
    app.jobs.wake();
    Ok(is_over.then_some((state, Some(uuid))))
}

/// Takes the video off the air, unless another broadcast of it has begun; whether it did.
async fn leave_air(tx: &mut Tx, session: &LiveSession, state: VideoState) -> store::Result<bool> {
    let open = tx.sessions().open().await?;
    if open.iter().any(|other| other.video_id == session.video_id && other.id != session.id) {
        return Ok(false);
    }
    tx.videos().set_state(session.video_id, state).await?;
    tx.playlists().delete(session.video_id).await?;
    Ok(true)
}

async fn read(folder: PathBuf) -> Result<Vec<Recording>, Error> {
    let read = move || {
        let recordings = recorded_renditions(&folder).into_iter().filter_map(|name| match Recording::read(&folder.join(name)) {
            Ok(recording) => Some(Ok(recording)),
            // Recording stopped before it began, or the broadcast had no sound of its own.
            Err(journal::Error::Empty(_)) => None,
            Err(error) => Some(Err(error)),
        });
        recordings.collect::<Result<Vec<_>, _>>()
    };
    Ok(spawn_blocking(read).await.map_err(io::Error::other)??)
}

/// What the database is told of a recording.
#[derive(Clone, Copy)]
struct Facts {
    duration_ms: i64,
    width: Option<i64>,
    height: Option<i64>,
    frame_rate: Option<i64>,
    aspect_ratio: Option<f64>,
    has_audio: bool,
}

impl Facts {
    fn of(recording: &Recording) -> Self {
        let last = recording.inits.last();
        let picture = last.and_then(|init| init.video);
        Self {
            duration_ms: recording.duration().as_millis(),
            width: picture.map(|picture| picture.width.into()),
            height: picture.map(|picture| picture.height.into()),
            frame_rate: picture.and_then(|picture| picture.frame_rate).map(|rate| rate.round() as i64),
            aspect_ratio: picture.map(|picture| f64::from(picture.width) / f64::from(picture.height.max(1))),
            has_audio: last.is_some_and(|init| init.audio.is_some()),
        }
    }
}

struct VodFiles {
    master: String,
    hashes: String,
    runs: Vec<Run>,
}

/// A run file.
struct Run {
    name: String,
    size_bytes: u64,
    is_source: bool,
    facts: Facts,
}

impl Run {
    fn noted(&self, video_id: VideoId, playlist: crate::domain::PlaylistId) -> NewFile {
        let facts = &self.facts;
        NewFile {
            video_id,
            playlist_id: Some(playlist),
            file: self.name.clone(),
            resolution: facts.height.unwrap_or(0),
            width: facts.width,
            height: facts.height,
            size_bytes: i64::try_from(self.size_bytes).unwrap_or(i64::MAX),
            fps: facts.frame_rate.unwrap_or(-1),
            has_audio: facts.has_audio,
            has_video: facts.height.is_some(),
        }
    }
}

/// Name of run file `run` of `recording` in the video's folder.
fn run_name(recording: &Recording, run: u32) -> String {
    format!("{}-{}-{run}.mp4", recording.prefix, recording.rendition)
}

/// Links the run files into `folder` and writes the playlists beside them.
fn write_vod(folder: &Path, prefix: &str, recordings: &[Recording]) -> Result<VodFiles, Error> {
    std::fs::create_dir_all(folder)?;
    let mut variants = Vec::new();
    let mut runs = Vec::new();
    for recording in recordings {
        for run in recording.runs() {
            let name = run_name(recording, run);
            let Some(segment) = recording.segments.iter().find(|segment| segment.run == run) else { continue };
            let target = folder.join(&name);
            link(&segment.span.path, &target)?;
            let size_bytes = std::fs::metadata(&target)?.len();
            runs.push(Run { name, size_bytes, is_source: recording.rendition == SOURCE, facts: Facts::of(recording) });
        }
        let uri = format!("{prefix}-{}.m3u8", recording.rendition);
        let playlist = vod::media_playlist(recording, |run| run_name(recording, run));
        if let (Some(text), Some(variant)) = (playlist, vod::variant(recording, &uri)) {
            std::fs::write(folder.join(&uri), text)?;
            variants.push(variant);
        }
    }
    let hashes = format!("{prefix}-segments-sha256.json");
    let all: Vec<&Recording> = recordings.iter().collect();
    std::fs::write(folder.join(&hashes), vod::segments_sha256(&all, run_name))?;
    let master = format!("{prefix}-master.m3u8");
    // Last: whoever finds it finds the rest.
    std::fs::write(folder.join(&master), multivariant::render(&variants))?;
    Ok(VodFiles { master, hashes, runs })
}

/// A second name for the same bytes, so that viewers of the ended live keep theirs; a copy where links are not possible.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::hard_link(from, to) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(_) => std::fs::copy(from, to).map(drop),
    }
}

fn replay_of(video: &Video, subject: &Subject, session: &LiveSession, uuid: Uuid, facts: &Facts) -> NewVideo {
    NewVideo {
        uuid,
        channel_id: video.channel.id,
        name: replay_name(&video.name, session.started_at),
        description: video.description.clone(),
        support: video.support.clone(),
        category: video.category,
        licence: video.licence,
        language: video.language.clone(),
        privacy: subject.live.replay_privacy,
        nsfw: video.nsfw,
        state: VideoState::Published,
        is_live: false,
        duration_ms: facts.duration_ms,
        aspect_ratio: facts.aspect_ratio,
        comments_policy: video.comments_policy,
        download_enabled: video.download_enabled,
        tags: Vec::new(),
    }
}

/// "Name - 2026-11-23 18:30", within the longest title.
fn replay_name(name: &str, started_at: Timestamp) -> String {
    let text = started_at.to_string();
    let date = text.get(..16).unwrap_or(&text).replace('T', " ");
    let room = Video::MAX_NAME - date.chars().count() - 3;
    let name: String = name.chars().take(room).collect();
    format!("{} - {date}", name.trim_end())
}

fn tell(app: &App, video: &Video, state: VideoState, replay: Option<Uuid>) {
    app.events.publish(Event::BroadcastState { video_id: video.id, video: video.uuid, state, interrupted: false, replay });
}

/// Deletes a recording that nobody needs any more.
pub(super) async fn remove_folder(folder: &Path) {
    match tokio::fs::remove_dir_all(folder).await {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(%error, folder = %folder.display(), "live.remove");
        }
        _ => {}
    }
}

/// Where plain MP4 files are.
pub fn web_videos_folder(data_dir: &Path) -> PathBuf {
    data_dir.join("web-videos")
}

/// Makes plain MP4 files, for download, of a replay's run files.
#[derive(Serialize, Deserialize)]
pub struct RemuxReplay {
    video_id: i64,
    runs: Vec<String>,
}

impl Job for RemuxReplay {
    const NAME: &'static str = "remux-replay";

    fn video(&self) -> Option<VideoId> {
        Some(VideoId(self.video_id))
    }

    async fn run(self, app: &App) -> Result<(), Failure> {
        let id = VideoId(self.video_id);
        let mut tx = app.store.read().await?;
        // Deleted in the meantime: nothing to do.
        let Some(video) = tx.videos().by_id(id).await? else { return Ok(()) };
        drop(tx);
        let folder = vod_folder(&app.config.data_dir, video.uuid);
        let downloads = web_videos_folder(&app.config.data_dir);
        tokio::fs::create_dir_all(&downloads).await?;
        let several = self.runs.len() > 1;
        for (number, run) in self.runs.iter().enumerate() {
            let name = match several {
                true => format!("{}-{}.mp4", video.uuid, number + 1),
                false => format!("{}.mp4", video.uuid),
            };
            let (input, output) = (folder.join(run), downloads.join(&name));
            let made = studio::remux(app.config.program.as_deref(), input, output.clone()).await;
            let mut tx = app.store.write().await?;
            if tx.videos().by_id(id).await?.is_none() {
                // Deleted meanwhile, and whoever removed its files did not know of this one.
                let _ = tokio::fs::remove_file(output).await;
                return Ok(());
            }
            let facts = made?;
            let file = NewFile {
                video_id: id,
                playlist_id: None,
                file: name,
                resolution: facts.height.map_or(0, Into::into),
                width: facts.width.map(Into::into),
                height: facts.height.map(Into::into),
                size_bytes: i64::try_from(facts.size_bytes).unwrap_or(i64::MAX),
                fps: facts.frame_rate.map_or(-1, |rate| rate.round() as i64),
                has_audio: facts.has_audio,
                has_video: facts.height.is_some(),
            };
            tx.files().add(&file).await?;
            if number + 1 == self.runs.len() {
                tx.jobs().enqueue(&HashFiles::of(id)).await?;
            }
            if !several {
                // Of several none shows the whole.
                tx.jobs().enqueue(&DrawStoryboard::of(id)).await?;
            }
            tx.commit().await?;
        }
        app.jobs.wake();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_is_named_after_its_live_and_day() {
        let at = Timestamp::from_millis(1_700_000_000_000);
        assert_eq!(replay_name("Evening show", at), "Evening show - 2023-11-14 22:13");
        assert!(replay_name(&"x".repeat(120), at).chars().count() <= Video::MAX_NAME);
    }
}
