//! Durable work as rows in the database: enqueued in the transaction that causes it, run here,
//! retried with growing pauses, taken up again after a crash. A job must bear being run twice.

mod remove_files;

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Notify;

use crate::app::App;
use crate::domain::Timestamp;
use crate::store::ClaimedJob;

pub use remove_files::RemoveFiles;

/// Why a job failed.
pub type Failure = Box<dyn Error + Send + Sync>;

/// A piece of durable work. The value is its payload, kept as JSON.
pub trait Job: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Names it in the table; never reused for something else.
    const NAME: &'static str;
    /// Given up after this many failures.
    const MAX_ATTEMPTS: i64 = 8;

    /// Does it.
    fn run(self, app: &App) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// How long an idle runner sleeps at most: the bound on how late a job is whose wake-up was lost.
const POLL: Duration = Duration::from_secs(5);
/// The pause after the first failure; doubles each time.
const RETRY_BASE: Duration = Duration::from_secs(2);
/// The longest pause between two attempts.
const RETRY_MAX: Duration = Duration::from_secs(3600);
/// Jobs that run at once: they are heavy (remuxing), and lives come first.
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
        .with::<crate::live::RemuxReplay>()
        .with::<crate::vod::SignManifests>()
        .with::<crate::mail::Letter>()
        .with::<crate::export::WriteExport>()
        .with::<crate::export::RemoveExport>()
}

/// Tells the runner that a job was committed.
#[derive(Clone, Default)]
pub struct Wake(Arc<Notify>);

impl Wake {
    /// Call after the commit.
    pub fn wake(&self) {
        self.0.notify_one();
    }
}

/// Runs jobs until the server stops. What runs then is run again at the next start.
pub async fn run(app: App, registry: Registry) {
    match recover(&app).await {
        Ok(0) => {}
        Ok(jobs) => tracing::info!(jobs, "jobs.recover"),
        Err(error) => tracing::error!(%error, "jobs.recover"),
    }
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..WORKERS {
        workers.spawn(work(app.clone(), registry.clone()));
    }
    while workers.join_next().await.is_some() {}
}

async fn recover(app: &App) -> crate::store::Result<u64> {
    let mut tx = app.store.write().await?;
    let jobs = tx.jobs().recover().await?;
    tx.commit().await?;
    Ok(jobs)
}

async fn work(app: App, registry: Registry) {
    while !app.stop.is_cancelled() {
        let pause = match run_next(&app, &registry).await {
            Ok(true) => continue,
            Ok(false) => next_due(&app).await.unwrap_or(POLL),
            Err(error) => {
                tracing::error!(%error, "jobs.claim");
                POLL
            }
        };
        tokio::select! {
            () = app.stop.cancelled() => {}
            () = app.jobs.0.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

async fn next_due(app: &App) -> Option<Duration> {
    let mut tx = app.store.read().await.ok()?;
    let due = tx.jobs().next_due().await.ok()??;
    let millis = due.as_millis() - Timestamp::now().as_millis();
    Some(Duration::from_millis(u64::try_from(millis).unwrap_or(0)).clamp(Duration::from_millis(10), POLL))
}

/// Runs the job that is due longest; false when there is none. Tests call it by hand.
pub async fn run_next(app: &App, registry: &Registry) -> crate::store::Result<bool> {
    // Looked at first by a reader, so that an idle runner never takes the only writer.
    let mut tx = app.store.read().await?;
    if tx.jobs().next_due().await?.is_none_or(|due| due > Timestamp::now()) {
        return Ok(false);
    }
    drop(tx);
    let mut tx = app.store.write().await?;
    let claimed = tx.jobs().claim(Timestamp::now()).await?;
    tx.commit().await?;
    let Some(job) = claimed else { return Ok(false) };
    // Another one may be due for the other worker.
    app.jobs.wake();

    let (result, attempts) = attempt(app, registry, &job).await;
    let mut tx = app.store.write().await?;
    let now = Timestamp::now();
    match result {
        Ok(()) => {
            tracing::info!(job.id = %job.id, job.name = job.name, job.attempts = job.attempts, "jobs.run");
            tx.jobs().complete(job.id, now).await?;
        }
        Err(error) => {
            let retry_at = (job.attempts < attempts).then(|| now.plus(retry_pause(job.attempts)));
            tracing::warn!(job.id = %job.id, job.name = job.name, job.attempts = job.attempts, %error, again = retry_at.is_some(), "jobs.run");
            tx.jobs().fail(job.id, now, &error.to_string(), retry_at).await?;
        }
    }
    tx.commit().await?;
    Ok(true)
}

async fn attempt(app: &App, registry: &Registry, job: &ClaimedJob) -> (Result<(), Failure>, i64) {
    let Some(&(_, attempts, run)) = registry.kinds.iter().find(|(name, ..)| *name == job.name) else {
        // A newer server enqueued it; it may come back.
        return (Err("unknown kind of job".into()), i64::MAX);
    };
    // Own task: a panic in a job is that job's failure.
    let (payload, app) = (job.payload.clone(), app.clone());
    let result = tokio::spawn(async move { run(payload, &app).await }).await;
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
