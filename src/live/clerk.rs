//! Keeps the database and the bus in step with a broadcast, off the media path and in order.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{MULTIVARIANT, SEGMENTS_SHA256};
use crate::app::App;
use crate::domain::{LiveError, LiveSession, SessionId, Timestamp, Video, VideoState};
use crate::events::Event;
use crate::store::{self, Tx};

/// Notes that may wait for the database.
const QUEUE: usize = 64;
/// Pause before a failed write is tried again: the database may be busy or restarting.
const RETRY: Duration = Duration::from_secs(1);
/// Attempts to write one note.
const ATTEMPTS: u32 = 5;

/// What a session needs to go on after the server was restarted; kept in its row.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Resume {
    /// Prefix of resource names, and the name of the folder with the recording.
    pub prefix: String,
    /// Public id of the replay, should it become a video of its own; fixed from the start, so that an attempt after a
    /// crash writes to the same folder.
    pub replay: Uuid,
    /// Set while the publisher is gone: when the broadcast ends unless one comes, in ms since the Unix epoch.
    pub grace_ends_at: Option<i64>,
}

/// Something to be written down.
pub(super) enum Note {
    /// The first part is there.
    WentLive { aspect_ratio: Option<f64> },
    /// The publisher is gone until then.
    Interrupted { grace_ends_at: Timestamp },
    /// A publisher is back.
    Resumed,
    /// The broadcast is over, or never began.
    Ended { error: Option<LiveError>, longest_keyframe_interval_ms: Option<i64> },
}

/// The broadcast as the database knows it.
pub(super) struct Subject {
    pub video: Video,
    pub live: crate::domain::Live,
    pub prefix: String,
    pub replay: Uuid,
    pub started_at: Timestamp,
}

/// Writes notes down, one after the other.
pub(super) struct Clerk {
    notes: mpsc::Sender<Note>,
    task: tokio::task::JoinHandle<Option<LiveSession>>,
}

impl Clerk {
    /// Starts the task; `session` if the broadcast already has a row.
    pub fn start(app: App, subject: Arc<Subject>, session: Option<SessionId>) -> Self {
        let (notes, receiver) = mpsc::channel(QUEUE);
        let task = tokio::spawn(run(app, subject, session, receiver));
        Self { notes, task }
    }

    /// Leaves a note. A database that is stuck costs the note, not the live.
    pub fn note(&self, note: Note) {
        if self.notes.try_send(note).is_err() {
            tracing::error!("live.clerk: the database does not keep up, a note was lost");
        }
    }

    /// Waits until all notes are written; the session's row, if there is one.
    pub async fn close(self) -> Option<LiveSession> {
        drop(self.notes);
        self.task.await.ok().flatten()
    }
}

async fn run(app: App, subject: Arc<Subject>, session: Option<SessionId>, mut notes: mpsc::Receiver<Note>) -> Option<LiveSession> {
    let mut desk = Desk { app, subject, session, beginning: None };
    while let Some(note) = notes.recv().await {
        desk.handle(note).await;
    }
    let mut tx = desk.app.store.read().await.ok()?;
    tx.sessions().by_id(desk.session?).await.ok()?
}

struct Desk {
    app: App,
    subject: Arc<Subject>,
    session: Option<SessionId>,
    /// The beginning, until it is written: what follows makes no sense without it.
    beginning: Option<Beginning>,
}

struct Beginning {
    aspect_ratio: Option<f64>,
}

impl Desk {
    /// Tries until the note is written, or gives up; what is lost is logged. Then tells the bus.
    async fn handle(&mut self, note: Note) {
        for attempt in 1..=ATTEMPTS {
            match self.write(&note).await {
                Ok(()) => break,
                Err(error) if attempt == ATTEMPTS => tracing::error!(%error, video = %self.subject.video.uuid, "live.clerk"),
                Err(_) => tokio::time::sleep(RETRY).await,
            }
        }
        match note {
            Note::WentLive { .. } | Note::Resumed => self.tell(false),
            Note::Interrupted { .. } => self.tell(true),
            // Told once it is known what becomes of the recording.
            Note::Ended { .. } => {}
        }
    }

    async fn write(&mut self, note: &Note) -> store::Result<()> {
        if let Note::WentLive { aspect_ratio } = note {
            self.beginning = Some(Beginning { aspect_ratio: *aspect_ratio });
        }
        if let Some(Beginning { aspect_ratio }) = self.beginning {
            self.session = self.went_live(aspect_ratio).await?;
            self.beginning = None;
        }
        match note {
            Note::WentLive { .. } => {}
            Note::Interrupted { grace_ends_at } => self.set_resume(Some(*grace_ends_at)).await?,
            Note::Resumed => self.set_resume(None).await?,
            Note::Ended { error, longest_keyframe_interval_ms } => self.ended(*error, *longest_keyframe_interval_ms).await?,
        }
        Ok(())
    }

    async fn went_live(&self, aspect_ratio: Option<f64>) -> store::Result<Option<SessionId>> {
        let mut tx = self.app.store.write().await?;
        let Subject { video, live, started_at, .. } = &*self.subject;
        if !tx.videos().went_live(video.id, *started_at, aspect_ratio).await? {
            // Deleted while its publisher came in.
            self.app.live.abandon(video.uuid);
            return Ok(None);
        }
        let session = tx.sessions().start(video.id, *started_at, live.save_replay).await?;
        tx.sessions().set_resume(session, Some(&self.resume(None))).await?;
        tx.playlists().put(video.id, MULTIVARIANT, Some(SEGMENTS_SHA256)).await?;
        tx.commit().await?;
        Ok(Some(session))
    }

    async fn set_resume(&self, grace_ends_at: Option<Timestamp>) -> store::Result<()> {
        let Some(session) = self.session else { return Ok(()) };
        let mut tx = self.app.store.write().await?;
        tx.sessions().set_resume(session, Some(&self.resume(grace_ends_at))).await?;
        tx.commit().await
    }

    fn resume(&self, grace_ends_at: Option<Timestamp>) -> String {
        let resume = Resume {
            prefix: self.subject.prefix.clone(),
            replay: self.subject.replay,
            grace_ends_at: grace_ends_at.map(Timestamp::as_millis),
        };
        // Strings and numbers: always representable.
        serde_json::to_string(&resume).unwrap_or_default()
    }

    async fn ended(&self, error: Option<LiveError>, longest_keyframe_interval_ms: Option<i64>) -> store::Result<()> {
        let video = &self.subject.video;
        let mut tx = self.app.store.write().await?;
        let session = match (self.session, error) {
            (Some(session), _) => session,
            (None, Some(error)) => self.failed(&mut tx, error).await?,
            (None, None) => return Ok(()),
        };
        tx.sessions().end(session, Timestamp::now(), error).await?;
        if self.session.is_none() {
            tx.sessions().processed(session, None).await?;
        }
        if let Some(interval) = longest_keyframe_interval_ms {
            tx.lives().set_longest_keyframe_interval(video.id, interval).await?;
        }
        tx.commit().await
    }

    /// The session of a broadcast of which nothing was ever played: its owner should see why. An encoder that tries again
    /// and again leaves one.
    async fn failed(&self, tx: &mut Tx, error: LiveError) -> store::Result<SessionId> {
        let Subject { video, started_at, .. } = &*self.subject;
        let grace = Duration::from_secs(self.app.config.live.grace_lost_s.into());
        let last = tx.sessions().behind(video.id).await?;
        match last.filter(|last| last.error == Some(error.code()) && last.ended_at.is_some_and(|at| *started_at < at.plus(grace))) {
            Some(last) => Ok(last.id),
            None => tx.sessions().start(video.id, *started_at, false).await,
        }
    }

    fn tell(&self, interrupted: bool) {
        let video = &self.subject.video;
        let state = VideoState::Published;
        self.app.events.publish(Event::BroadcastState { video_id: video.id, video: video.uuid, state, interrupted, replay: None });
    }
}

/// Reads what a session's row kept.
pub(super) fn parse_resume(session: &LiveSession) -> Option<Resume> {
    serde_json::from_str(session.resume.as_deref()?).ok()
}

/// A new prefix: 32 random bits, in hex.
pub(super) fn new_prefix() -> String {
    let uuid = Uuid::new_v4();
    hex::encode(&uuid.as_bytes()[..4])
}
