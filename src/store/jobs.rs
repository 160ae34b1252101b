use sqlx::{AnyConnection, Row as _};

use super::{Error, Result};
use crate::domain::{JobId, Timestamp};
use crate::jobs::Job;

/// Finished jobs stay this long for whoever looks, then go.
const KEPT_MS: i64 = 7 * 86_400_000;

/// Durable work: rows written in the transaction that causes it.
pub struct Jobs<'c>(pub(super) &'c mut AnyConnection);

/// A job that this process runs now.
#[derive(Clone, Debug)]
pub struct ClaimedJob {
    /// The row.
    pub id: JobId,
    /// [`Job::NAME`].
    pub name: String,
    /// The job as JSON.
    pub payload: String,
    /// Counting this one.
    pub attempts: i64,
}

/// How many jobs are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobCounts {
    /// To be run, now or later.
    pub waiting: i64,
    /// Running.
    pub active: i64,
    /// Given up.
    pub failed: i64,
}

impl Jobs<'_> {
    /// Adds a job, to be run as soon as this transaction is committed.
    pub async fn enqueue<J: Job>(&mut self, job: &J) -> Result<JobId> {
        self.enqueue_at(job, Timestamp::now()).await
    }

    /// Adds a job, to be run at `at`.
    pub async fn enqueue_at<J: Job>(&mut self, job: &J, at: Timestamp) -> Result<JobId> {
        let payload = serde_json::to_string(job).map_err(|_| Error::Corrupt("job payload"))?;
        let row = sqlx::query("INSERT INTO jobs (name, payload, run_at, created_at) VALUES ($1, $2, $3, $4) RETURNING id")
            .bind(J::NAME)
            .bind(payload)
            .bind(at.as_millis())
            .bind(Timestamp::now().as_millis())
            .fetch_one(&mut *self.0)
            .await?;
        Ok(JobId(row.try_get("id")?))
    }

    /// Adds a job by its name, for kinds that are run elsewhere.
    pub async fn enqueue_named(&mut self, name: &str, payload: &impl serde::Serialize) -> Result<JobId> {
        let payload = serde_json::to_string(payload).map_err(|_| Error::Corrupt("job payload"))?;
        let now = Timestamp::now().as_millis();
        let row = sqlx::query("INSERT INTO jobs (name, payload, run_at, created_at) VALUES ($1, $2, $3, $4) RETURNING id")
            .bind(name)
            .bind(payload)
            .bind(now)
            .bind(now)
            .fetch_one(&mut *self.0)
            .await?;
        Ok(JobId(row.try_get("id")?))
    }

    /// Takes the job that is due longest; `None` when there is none. Two claimers never get the same one.
    pub async fn claim(&mut self, now: Timestamp) -> Result<Option<ClaimedJob>> {
        // The outer condition is checked again after waiting for another claimer's row lock (PostgreSQL).
        let row = sqlx::query(
            "UPDATE jobs SET state = 'active', attempts = attempts + 1, started_at = $1 WHERE state = 'waiting' AND id =
             (SELECT id FROM jobs WHERE state = 'waiting' AND run_at <= $1 ORDER BY run_at, id LIMIT 1)
             RETURNING id, name, payload, attempts",
        )
        .bind(now.as_millis())
        .fetch_optional(&mut *self.0)
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(ClaimedJob {
            id: JobId(row.try_get("id")?),
            name: row.try_get("name")?,
            payload: row.try_get("payload")?,
            attempts: row.try_get("attempts")?,
        }))
    }

    /// When the next job is due; `None` when none waits.
    pub async fn next_due(&mut self) -> Result<Option<Timestamp>> {
        let row =
            sqlx::query("SELECT run_at FROM jobs WHERE state = 'waiting' ORDER BY run_at LIMIT 1").fetch_optional(&mut *self.0).await?;
        Ok(row.map(|row| row.try_get("run_at")).transpose()?.map(Timestamp::from_millis))
    }

    /// The job is done.
    pub async fn complete(&mut self, id: JobId, now: Timestamp) -> Result<()> {
        sqlx::query("UPDATE jobs SET state = 'completed', finished_at = $1, error = NULL WHERE id = $2")
            .bind(now.as_millis())
            .bind(id.0)
            .execute(&mut *self.0)
            .await?;
        sqlx::query("DELETE FROM jobs WHERE finished_at < $1").bind(now.as_millis() - KEPT_MS).execute(&mut *self.0).await?;
        Ok(())
    }

    /// The job did not work: again at `retry_at`, or never.
    pub async fn fail(&mut self, id: JobId, now: Timestamp, error: &str, retry_at: Option<Timestamp>) -> Result<()> {
        let state = if retry_at.is_some() { "waiting" } else { "failed" };
        sqlx::query("UPDATE jobs SET state = $1, run_at = COALESCE($2, run_at), finished_at = $3, error = $4 WHERE id = $5")
            .bind(state)
            .bind(retry_at.map(Timestamp::as_millis))
            .bind(retry_at.is_none().then_some(now.as_millis()))
            .bind(error)
            .bind(id.0)
            .execute(&mut *self.0)
            .await?;
        Ok(())
    }

    /// Jobs that ran when the server died wait again. One server owns the table.
    pub async fn recover(&mut self) -> Result<u64> {
        let result = sqlx::query("UPDATE jobs SET state = 'waiting' WHERE state = 'active'").execute(&mut *self.0).await?;
        Ok(result.rows_affected())
    }

    /// All waiting jobs are due now: their pauses are over.
    pub async fn hurry(&mut self) -> Result<()> {
        sqlx::query("UPDATE jobs SET run_at = 0 WHERE state = 'waiting'").execute(&mut *self.0).await?;
        Ok(())
    }

    /// How many are in each state.
    pub async fn counts(&mut self) -> Result<JobCounts> {
        let rows = sqlx::query("SELECT state, COUNT(*) AS total FROM jobs GROUP BY state").fetch_all(&mut *self.0).await?;
        let mut counts = JobCounts::default();
        for row in rows {
            let total = row.try_get("total")?;
            match row.try_get::<String, _>("state")?.as_str() {
                "waiting" => counts.waiting = total,
                "active" => counts.active = total,
                "failed" => counts.failed = total,
                _ => {}
            }
        }
        Ok(counts)
    }
}
