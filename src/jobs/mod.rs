//! Durable work as rows in the database: enqueued in the transaction that causes it, run here,
//! retried with growing pauses, taken up again after a crash. A job must bear being run twice.

mod publish;
mod remove_files;

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{Mutex, Notify};
use tokio_util::task::AbortOnDropHandle;

use crate::app::App;
use crate::domain::{JobId, Timestamp, VideoId};
use crate::store::{ClaimedJob, Class, Store};

pub use publish::PublishScheduled;
pub use remove_files::{Only, RemoveFiles};

/// Why a job failed.
pub type Failure = Box<dyn Error + Send + Sync>;

/// A piece of durable work. The value is its payload, kept as JSON.
pub trait Job: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Names it in the table; never reused for something else.
    const NAME: &'static str;
    /// Given up after this many failures.
    const MAX_ATTEMPTS: i64 = 8;
    /// It takes long (decodes and encodes, copies gigabytes): few of these run at once, and others do not wait for them.
    const HEAVY: bool = false;

    /// The video it works on: it goes when the video goes, and no two heavy ones work on one video at a time.
    fn video(&self) -> Option<VideoId> {
        None
    }

    /// Does it.
    fn run(self, app: &App) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// No further attempt would do better. The text is for people.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Hopeless(pub String);

/// It cannot be done now, which is not the job's fault: the attempt does not count.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct Postponed {
    /// The text is for people.
    pub reason: String,
    /// After this long.
    pub pause: Duration,
}

/// The attempt that runs.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// The job's row.
    pub id: JobId,
    /// Should it fail, there is no other.
    pub is_last: bool,
}

tokio::task_local! {
    static ATTEMPT: Attempt;
}

/// The attempt that runs in this task; `None` outside of jobs.
pub fn attempt() -> Option<Attempt> {
    ATTEMPT.try_with(|attempt| *attempt).ok()
}

/// How long an idle runner sleeps at most: the bound on how late a job is whose wake-up was lost.
const POLL: Duration = Duration::from_secs(5);
/// The pause after the first failure; doubles each time.
const RETRY_BASE: Duration = Duration::from_secs(2);
/// The longest pause between two attempts.
const RETRY_MAX: Duration = Duration::from_secs(3600);
/// Jobs that run at once, besides heavy ones.
const WORKERS: usize = 2;

type Run = for<'a> fn(String, &'a App) -> Pin<Box<dyn Future<Output = Result<(), Failure>> + Send + 'a>>;

/// The kinds of job that this server can run.
#[derive(Clone, Default)]
pub struct Registry {
    kinds: Vec<(&'static str, i64, Run)>,
}

impl Registry {
    /// Adds a kind.
    #[must_use]
    pub fn with<J: Job>(mut self) -> Self {
        fn run<'a, J: Job>(payload: String, app: &'a App) -> Pin<Box<dyn Future<Output = Result<(), Failure>> + Send + 'a>> {
            Box::pin(async move { serde_json::from_str::<J>(&payload)?.run(app).await })
        }
        self.kinds.push((J::NAME, J::MAX_ATTEMPTS, run::<J>));
        self
    }
}

/// Every kind of job of this server.
pub fn registry() -> Registry {
    Registry::default()
        .with::<RemoveFiles>()
        .with::<PublishScheduled>()
        .with::<crate::live::RemuxReplay>()
        .with::<crate::vod::SignManifests>()
        .with::<crate::vod::Transcode>()
        .with::<crate::vod::DrawStoryboard>()
        .with::<crate::vod::HashFiles>()
        .with::<crate::vod::RemoveVersion>()
        .with::<crate::vod::MoveToObjectStorage>()
        .with::<crate::vod::MoveToDisk>()
        .with::<crate::mail::Letter>()
        .with::<crate::export::WriteExport>()
        .with::<crate::export::RemoveExport>()
}

/// Tells the runner that a job was committed, and whether it may take any.
#[derive(Clone, Default)]
pub struct Wake(Arc<Inner>);

#[derive(Default)]
struct Inner {
    light: Notify,
    heavy: Notify,
    paused: AtomicBool,
    /// One claim at a time: a claim looks at what runs.
    claiming: Mutex<()>,
}

impl Wake {
    /// Call after the commit.
    pub fn wake(&self) {
        self.0.light.notify_one();
        self.0.heavy.notify_one();
    }

    /// Once this returns no further job begins until [`Wake::resume`], or the server's next start; those that run go on.
    pub async fn pause(&self) {
        // Whoever is about to claim one does so before.
        let _claiming = self.0.claiming.lock().await;
        self.0.paused.store(true, Ordering::Relaxed);
    }

    /// Jobs begin again.
    pub fn resume(&self) {
        self.0.paused.store(false, Ordering::Relaxed);
        self.0.light.notify_waiters();
        self.0.heavy.notify_waiters();
    }

    /// Whether jobs wait for [`Wake::resume`].
    pub fn is_paused(&self) -> bool {
        self.0.paused.load(Ordering::Relaxed)
    }

    async fn notified(&self, class: Class) {
        match class {
            Class::Heavy => self.0.heavy.notified().await,
            Class::Light | Class::Any => self.0.light.notified().await,
        }
    }
}

/// Runs jobs until the server stops. What runs then is run again at the next start, see [`recover`].
pub async fn run(app: App, registry: Registry) {
    crate::vod::remove_leftovers(&app).await;
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..WORKERS {
        workers.spawn(work(app.clone(), registry.clone(), Class::Light));
    }
    for _ in 0..app.config.transcoding.concurrency {
        workers.spawn(work(app.clone(), registry.clone(), Class::Heavy));
    }
    while workers.join_next().await.is_some() {}
}

/// Has what ran when the server stopped run again. Call before anything runs.
pub async fn recover(store: &Store) -> crate::store::Result<()> {
    let mut tx = store.write().await?;
    let jobs = tx.jobs().recover().await?;
    tx.commit().await?;
    if jobs > 0 {
        tracing::info!(jobs, "jobs.recover");
    }
    Ok(())
}

async fn work(app: App, registry: Registry, class: Class) {
    while !app.stop.is_cancelled() {
        let pause = match app.jobs.is_paused() {
            true => POLL,
            false => match run_next_of(&app, &registry, class).await {
                Ok(Next::Ran) => continue,
                Ok(Next::Idle(pause)) => pause,
                Err(error) => {
                    tracing::error!(%error, "jobs.claim");
                    POLL
                }
            },
        };
        tokio::select! {
            () = app.stop.cancelled() => {}
            () = app.jobs.notified(class) => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

enum Next {
    Ran,
    /// There is nothing to do for so long, unless something is added.
    Idle(Duration),
}

fn until(due: Option<Timestamp>) -> Duration {
    let Some(due) = due else { return POLL };
    let millis = due.as_millis() - Timestamp::now().as_millis();
    Duration::from_millis(u64::try_from(millis).unwrap_or(0)).clamp(Duration::from_millis(10), POLL)
}

/// Runs the job that is due longest; false when there is none. Tests call it by hand.
pub async fn run_next(app: &App, registry: &Registry) -> crate::store::Result<bool> {
    Ok(matches!(run_next_of(app, registry, Class::Any).await?, Next::Ran))
}

async fn run_next_of(app: &App, registry: &Registry, class: Class) -> crate::store::Result<Next> {
    // Looked at first by a reader, so that an idle runner never takes the only writer.
    let mut tx = app.store.read().await?;
    let due = tx.jobs().next_due_of(class).await?;
    drop(tx);
    if due.is_none_or(|due| due > Timestamp::now()) {
        return Ok(Next::Idle(until(due)));
    }
    let claiming = app.jobs.0.claiming.lock().await;
    if class != Class::Any && app.jobs.is_paused() {
        return Ok(Next::Idle(POLL));
    }
    let mut tx = app.store.write().await?;
    let claimed = tx.jobs().claim_of(class, Timestamp::now()).await?;
    tx.commit().await?;
    drop(claiming);
    // What is due waits for another job of its video, or another worker was faster.
    let Some(job) = claimed else { return Ok(Next::Idle(POLL)) };
    // Another one may be due for the other worker.
    app.jobs.wake();

    let began = Instant::now();
    let (result, attempts) = perform(app, registry, &job).await;
    let name = registry.kinds.iter().map(|&(name, ..)| name).find(|name| *name == job.name);
    app.metrics.work.job_done(name.unwrap_or("unknown"), result.is_ok(), began.elapsed());
    let mut tx = app.store.write().await?;
    let now = Timestamp::now();
    match result {
        Ok(()) => {
            tracing::info!(job.id = %job.id, job.name = job.name, job.attempts = job.attempts, "jobs.run");
            tx.jobs().complete(job.id, now).await?;
        }
        Err(error) => match error.downcast_ref::<Postponed>() {
            Some(Postponed { reason, pause }) => {
                tracing::info!(job.id = %job.id, job.name = job.name, reason, "jobs.postpone");
                tx.jobs().postpone(job.id, now.plus(*pause), Some(reason)).await?;
            }
            None => {
                let is_hopeless = error.is::<Hopeless>();
                let retry_at = (!is_hopeless && job.attempts < attempts).then(|| now.plus(retry_pause(job.attempts)));
                tracing::warn!(job.id = %job.id, job.name = job.name, job.attempts = job.attempts, %error, again = retry_at.is_some(), "jobs.run");
                tx.jobs().fail(job.id, now, &error.to_string(), retry_at).await?;
            }
        },
    }
    tx.commit().await?;
    // One that waited for this one's video may go on.
    app.jobs.wake();
    Ok(Next::Ran)
}

async fn perform(app: &App, registry: &Registry, job: &ClaimedJob) -> (Result<(), Failure>, i64) {
    let Some(&(_, attempts, run)) = registry.kinds.iter().find(|(name, ..)| *name == job.name) else {
        // A newer server enqueued it; it may come back.
        return (Err("unknown kind of job".into()), i64::MAX);
    };
    // Own task: a panic in a job is that job's failure. It ends with the worker: what it was doing is done again.
    let (payload, app) = (job.payload.clone(), app.clone());
    let attempt = Attempt { id: job.id, is_last: job.attempts >= attempts };
    let task = tokio::spawn(ATTEMPT.scope(attempt, async move { run(payload, &app).await }));
    let result = AbortOnDropHandle::new(task).await;
    (result.unwrap_or_else(|error| Err(error.into())), attempts)
}

fn retry_pause(attempts: i64) -> Duration {
    let doublings = u32::try_from(attempts.clamp(1, 20) - 1).unwrap_or(0);
    RETRY_BASE.saturating_mul(1 << doublings).min(RETRY_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_are_bounded() {
        assert_eq!(retry_pause(1), RETRY_BASE);
        assert_eq!(retry_pause(2), RETRY_BASE * 2);
        assert_eq!(retry_pause(i64::MAX), RETRY_MAX);
    }
}
