//! Broadcasts: publishers come in, one task each turns their units into playlists, and what is left of them
//! becomes replays.

mod admission;
mod advice;
mod broadcast;
mod clerk;
mod pipeline;
mod recorder;
mod recover;
mod replay;
pub mod status;
pub mod studio;
pub mod swarm;
pub mod thumbnail;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use segmenter::rendition::Group;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::app::App;
use broadcast::{Broadcast, Command, Outcome, Remains};
pub use recorder::free_bytes;
pub use replay::{RemuxReplay, web_videos_folder};
use status::Status;

/// A broadcast's multivariant playlist, in its video's HLS folder.
pub const MULTIVARIANT: &str = "master.m3u8";
/// The same in whole segments only, for players that stumble over the Low-Latency profile.
pub const WHOLE_MULTIVARIANT: &str = "whole.m3u8";
/// The hashes of a broadcast's segments, beside it.
pub const SEGMENTS_SHA256: &str = "segments-sha256.json";
/// How long viewers may still fetch what an ended broadcast listed.
const LINGER: Duration = Duration::from_secs(300);
/// Commands that wait for a broadcast.
const COMMANDS: usize = 16;
/// What the owner's "End stream" waits at most until viewers have been told.
const END_PATIENCE: Duration = Duration::from_secs(5);

/// Where publishers are taken.
#[derive(Clone, Copy, Debug, Default)]
pub struct Listening {
    /// RTMP.
    pub rtmp: Option<SocketAddr>,
    /// RTMP with TLS.
    pub rtmps: Option<SocketAddr>,
}

/// All running broadcasts; cheap to clone.
#[derive(Clone, Default)]
pub struct Live {
    inner: Arc<Inner>,
}

/// Pictures made at once: media comes first.
const PICTURES_AT_ONCE: usize = 1;

struct Inner {
    entries: Mutex<HashMap<Uuid, Entry>>,
    tasks: Mutex<JoinSet<()>>,
    stopping: AtomicBool,
    /// Held from the look whether a broadcast runs until another one is registered.
    opening: Mutex<()>,
    pictures: Arc<Semaphore>,
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            entries: Mutex::default(),
            tasks: Mutex::default(),
            stopping: AtomicBool::new(false),
            opening: Mutex::default(),
            pictures: Arc::new(Semaphore::new(PICTURES_AT_ONCE)),
        }
    }
}

/// A broadcast in the registry; kept for a while after it ended.
#[derive(Clone)]
struct Entry {
    /// Tells broadcasts of the same video apart.
    prefix: String,
    commands: mpsc::Sender<Command>,
    status: watch::Receiver<Status>,
    group: Group,
    ended: bool,
}

impl Live {
    /// Takes up broadcasts that ran when the server stopped, then starts taking publishers.
    pub async fn start(&self, app: &App) -> io::Result<Listening> {
        recover::run(app).await;
        admission::start(app).await
    }

    /// Stops taking publishers and ends what runs so that it can go on after a restart.
    pub async fn stop(&self) {
        let commands: Vec<_> = {
            let _opening = self.opening();
            self.inner.stopping.store(true, Ordering::Relaxed);
            self.entries().values().map(|entry| entry.commands.clone()).collect()
        };
        for commands in commands {
            // One that is ending already needs no telling.
            let _ = commands.send(Command::Stop).await;
        }
        let mut tasks = std::mem::take(&mut *self.inner.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        while tasks.join_next().await.is_some() {}
    }

    /// The renditions of a video's running (or just ended) broadcast.
    pub fn group(&self, video: Uuid) -> Option<Group> {
        self.entries().get(&video).map(|entry| entry.group.clone())
    }

    /// A running broadcast's status.
    pub fn status(&self, video: Uuid) -> Option<Status> {
        self.entries().get(&video).filter(|entry| entry.runs()).map(|entry| entry.status.borrow().clone())
    }

    /// Ends a broadcast at once, or waits for the end of one that is ending; false when none runs.
    pub async fn end(&self, video: Uuid) -> bool {
        let Some(entry) = self.entries().get(&video).cloned() else { return false };
        let (reply, answer) = oneshot::channel();
        if entry.commands.send(Command::End { reply }).await.is_err() {
            return false;
        }
        // The end is on its way even if telling everybody takes longer.
        let _ = tokio::time::timeout(END_PATIENCE, answer).await;
        true
    }

    /// Ends a broadcast whose video is gone; nobody waits for it.
    fn abandon(&self, video: Uuid) {
        if let Some(entry) = self.running(video) {
            let (reply, _) = oneshot::channel();
            // A queue that is full is full of others who want something of it; they find the same.
            let _ = entry.commands.try_send(Command::End { reply });
        }
    }

    fn running(&self, video: Uuid) -> Option<Entry> {
        self.entries().get(&video).filter(|entry| entry.runs()).cloned()
    }

    fn opening(&self) -> MutexGuard<'_, ()> {
        self.inner.opening.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopping(&self) -> bool {
        self.inner.stopping.load(Ordering::Relaxed)
    }

    /// Broadcasts that have not ended.
    fn count(&self) -> usize {
        self.entries().values().filter(|entry| entry.runs()).count()
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<Uuid, Entry>> {
        self.inner.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.inner.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    /// Registers a broadcast and runs it to its end and past it.
    fn open(
        &self,
        app: &App,
        subject: Arc<clerk::Subject>,
        group: Group,
        make: impl FnOnce(watch::Sender<Status>) -> Broadcast,
    ) -> mpsc::Sender<Command> {
        let (status_sender, status) = watch::channel(Status::waiting(subject.started_at));
        let (commands, mut receiver) = mpsc::channel(COMMANDS);
        let swarm = app.swarms.open(app, subject.video.uuid, &subject.prefix, group.clone());
        let entry = Entry { prefix: subject.prefix.clone(), commands: commands.clone(), status, group, ended: false };
        self.entries().insert(subject.video.uuid, entry);
        app.metrics.broadcasts.add(1);
        let broadcast = make(status_sender);
        let (live, app) = (self.clone(), app.clone());
        self.spawn(async move {
            let remains = broadcast.run(&mut receiver).await;
            app.metrics.broadcasts.add(-1);
            live.mark_ended(&subject);
            if let Some(swarm) = swarm {
                swarm.close(remains.outcome == Outcome::Suspended);
            }
            if remains.outcome == Outcome::Ended {
                let is_done = conclude(&app, &subject, remains, &mut receiver).await;
                live.linger(&app, subject, is_done);
            }
        });
        commands
    }

    fn mark_ended(&self, subject: &clerk::Subject) {
        if let Some(entry) = self.entries().get_mut(&subject.video.uuid).filter(|entry| entry.prefix == subject.prefix) {
            entry.ended = true;
        }
    }

    /// Forgets an ended broadcast once viewers have had time to fetch the rest; its recording too, if it is no longer
    /// needed (`is_done`).
    fn linger(&self, app: &App, subject: Arc<clerk::Subject>, is_done: bool) {
        let (live, app) = (self.clone(), app.clone());
        // Not in `tasks`: a stopping server need not wait; what is left is cleaned up at the next start.
        tokio::spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(LINGER) => {}
                () = app.stop.cancelled() => return,
            }
            {
                let mut entries = live.entries();
                if entries.get(&subject.video.uuid).is_some_and(|entry| entry.prefix == subject.prefix) {
                    entries.remove(&subject.video.uuid);
                }
            }
            if is_done {
                replay::remove_folder(&recording_folder(&app.config.data_dir, &subject.prefix)).await;
            }
        });
    }
}

impl Entry {
    /// It has not ended, and its task is there.
    fn runs(&self) -> bool {
        !self.ended && !self.commands.is_closed()
    }
}

/// Makes the replay. Whoever wants the broadcast to end is answered when that is done, and whoever wants to publish is
/// told at once that it is over.
async fn conclude(app: &App, subject: &clerk::Subject, remains: Remains, commands: &mut mpsc::Receiver<Command>) -> bool {
    let finish = replay::finish(app, subject, remains);
    tokio::pin!(finish);
    let mut waiting = Vec::new();
    loop {
        tokio::select! {
            // Those who wait learn of it by the drop.
            is_done = &mut finish => return is_done,
            Some(command) = commands.recv() => if let Command::End { reply } = command { waiting.push(reply) },
        }
    }
}

/// Where a running broadcast is recorded: a folder for each rendition below it.
fn recording_folder(data_dir: &Path, prefix: &str) -> PathBuf {
    data_dir.join("live").join(prefix)
}

/// Where the playlists and files of a finished video are.
pub fn vod_folder(data_dir: &Path, video: Uuid) -> PathBuf {
    data_dir.join("streaming-playlists").join("hls").join(video.to_string())
}
