use sqlx::any::{AnyArguments, AnyRow};
use sqlx::{AnyConnection, Arguments as _, AssertSqlSafe, Row as _};

use super::{Error, Result, maybe_timestamp, timestamp};
use crate::domain::{JobId, Timestamp, VideoId};
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

/// Which jobs a worker takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// All.
    Any,
    /// Those that take long.
    Heavy,
    /// All others.
    Light,
}

impl Class {
    /// The condition on `jobs j`.
    fn sql(self) -> &'static str {
        match self {
            Self::Any => "",
            Self::Heavy => " AND j.heavy = 1",
            Self::Light => " AND j.heavy = 0",
        }
    }
}

/// A job for people to look at.
#[derive(Clone, Debug)]
pub struct JobRow {
    /// The row.
    pub id: JobId,
    /// [`Job::NAME`].
    pub name: String,
    /// The job as JSON.
    pub payload: String,
    /// The video it works on.
    pub video: Option<VideoId>,
    /// `waiting`, `active`, `completed` or `failed`.
    pub state: String,
    /// Percent.
    pub progress: i64,
    /// Counting one that runs.
    pub attempts: i64,
    /// Not before.
    pub run_at: Timestamp,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it last began.
    pub started_at: Option<Timestamp>,
    /// When it was done, or given up.
    pub finished_at: Option<Timestamp>,
    /// Why it did not work the last time, or what it waits for.
    pub error: Option<String>,
}

/// Which jobs a list holds.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    /// Only in this state; `delayed` are those that wait for a later time.
    pub state: Option<String>,
    /// Only of this kind.
    pub name: Option<String>,
    /// Oldest first, instead of newest.
    pub ascending: bool,
    /// Rows skipped.
    pub start: i64,
    /// Most rows.
    pub count: i64,
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
        let row = sqlx::query(
            "INSERT INTO jobs (name, payload, run_at, created_at, heavy, video_id) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
        )
        .bind(J::NAME)
        .bind(payload)
        .bind(at.as_millis())
        .bind(Timestamp::now().as_millis())
        .bind(i64::from(J::HEAVY))
        .bind(job.video().map(|id| id.0))
        .fetch_one(&mut *self.0)
        .await?;
        Ok(JobId(row.try_get("id")?))
    }

    /// Takes the job that is due longest; `None` when there is none. Two claimers never get the same one.
    pub async fn claim(&mut self, now: Timestamp) -> Result<Option<ClaimedJob>> {
        self.claim_of(Class::Any, now).await
    }

    /// As [`Jobs::claim`], of one class. Two heavy jobs never work on one video at a time.
    pub async fn claim_of(&mut self, class: Class, now: Timestamp) -> Result<Option<ClaimedJob>> {
        let of_class = class.sql();
        // The outer condition is checked again after waiting for another claimer's row lock (PostgreSQL).
        let sql = format!(
            "UPDATE jobs SET state = 'active', attempts = attempts + 1, progress = 0, started_at = $1 WHERE state = 'waiting' AND id =
             (SELECT j.id FROM jobs j WHERE j.state = 'waiting' AND j.run_at <= $1{of_class} AND NOT EXISTS (SELECT 1 FROM jobs a
                WHERE a.video_id = j.video_id AND a.heavy = 1 AND j.heavy = 1 AND a.state = 'active') ORDER BY j.run_at, j.id LIMIT 1)
             RETURNING id, name, payload, attempts"
        );
        let row = sqlx::query(AssertSqlSafe(sql)).bind(now.as_millis()).fetch_optional(&mut *self.0).await?;
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
        self.next_due_of(Class::Any).await
    }

    /// As [`Jobs::next_due`], of one class.
    pub async fn next_due_of(&mut self, class: Class) -> Result<Option<Timestamp>> {
        let of_class = class.sql();
        let sql = format!("SELECT j.run_at FROM jobs j WHERE j.state = 'waiting'{of_class} ORDER BY j.run_at LIMIT 1");
        let row = sqlx::query(AssertSqlSafe(sql)).fetch_optional(&mut *self.0).await?;
        Ok(row.map(|row| row.try_get("run_at")).transpose()?.map(Timestamp::from_millis))
    }

    /// Notes how far a job is, in percent. False when it is no longer to be done: somebody deleted it, or its video.
    pub async fn set_progress(&mut self, id: JobId, percent: i64) -> Result<bool> {
        let result = sqlx::query("UPDATE jobs SET progress = $1 WHERE id = $2 AND state = 'active'")
            .bind(percent.clamp(0, 100))
            .bind(id.0)
            .execute(&mut *self.0)
            .await?;
        Ok(result.rows_affected() > 0)
    }

    /// The job could not be done now, which is not its fault: at `at`, as if it had not been tried.
    pub async fn postpone(&mut self, id: JobId, at: Timestamp, reason: Option<&str>) -> Result<()> {
        sqlx::query(
            "UPDATE jobs SET state = 'waiting', attempts = attempts - 1, run_at = $1, error = $2 WHERE id = $3 AND state = 'active'",
        )
        .bind(at.as_millis())
        .bind(reason)
        .bind(id.0)
        .execute(&mut *self.0)
        .await?;
        Ok(())
    }

    /// A job that was given up, or waits for its next attempt, is due now with all its attempts. False when there is no such job.
    pub async fn retry(&mut self, id: JobId) -> Result<bool> {
        let result = sqlx::query(
            "UPDATE jobs SET state = 'waiting', attempts = 0, run_at = $1, finished_at = NULL
             WHERE id = $2 AND state IN ('waiting', 'failed')",
        )
        .bind(Timestamp::now().as_millis())
        .bind(id.0)
        .execute(&mut *self.0)
        .await?;
        Ok(result.rows_affected() > 0)
    }

    /// Removes a job; one that runs ends as soon as it looks. False when there is no such job.
    pub async fn delete(&mut self, id: JobId) -> Result<bool> {
        let result = sqlx::query("DELETE FROM jobs WHERE id = $1").bind(id.0).execute(&mut *self.0).await?;
        Ok(result.rows_affected() > 0)
    }

    /// One job.
    pub async fn by_id(&mut self, id: JobId) -> Result<Option<JobRow>> {
        let row = sqlx::query("SELECT * FROM jobs WHERE id = $1").bind(id.0).fetch_optional(&mut *self.0).await?;
        Ok(row.as_ref().map(job_row).transpose()?)
    }

    /// The newest job of kind `name` for a video.
    pub async fn last_of(&mut self, video: VideoId, name: &str) -> Result<Option<JobRow>> {
        let row = sqlx::query("SELECT * FROM jobs WHERE video_id = $1 AND name = $2 ORDER BY id DESC LIMIT 1")
            .bind(video.0)
            .bind(name)
            .fetch_optional(&mut *self.0)
            .await?;
        Ok(row.as_ref().map(job_row).transpose()?)
    }

    /// The jobs for a video that are not done and not given up: row, kind, whether it runs.
    pub async fn unfinished_of(&mut self, video: VideoId) -> Result<Vec<(JobId, String, bool)>> {
        let rows = sqlx::query("SELECT id, name, state FROM jobs WHERE video_id = $1 AND state IN ('waiting', 'active')")
            .bind(video.0)
            .fetch_all(&mut *self.0)
            .await?;
        let job = |row: &AnyRow| -> sqlx::Result<_> {
            let is_active = row.try_get::<String, _>("state")? == "active";
            Ok((JobId(row.try_get("id")?), row.try_get("name")?, is_active))
        };
        Ok(rows.iter().map(job).collect::<sqlx::Result<_>>()?)
    }

    /// Whether the same job waits already.
    pub async fn is_waiting<J: Job>(&mut self, job: &J) -> Result<bool> {
        let payload = serde_json::to_string(job).map_err(|_| Error::Corrupt("job payload"))?;
        let row = sqlx::query("SELECT id FROM jobs WHERE state = 'waiting' AND name = $1 AND payload = $2 LIMIT 1")
            .bind(J::NAME)
            .bind(payload)
            .fetch_optional(&mut *self.0)
            .await?;
        Ok(row.is_some())
    }

    /// Takes a video's jobs of kind `name` back that wait; one that runs goes on.
    pub async fn withdraw(&mut self, video: VideoId, name: &str) -> Result<()> {
        sqlx::query("DELETE FROM jobs WHERE video_id = $1 AND name = $2 AND state = 'waiting'")
            .bind(video.0)
            .bind(name)
            .execute(&mut *self.0)
            .await?;
        Ok(())
    }

    /// All jobs of this kind that are not done and not given up.
    pub async fn unfinished(&mut self, name: &str) -> Result<Vec<JobId>> {
        let rows = sqlx::query("SELECT id FROM jobs WHERE name = $1 AND state IN ('waiting', 'active')")
            .bind(name)
            .fetch_all(&mut *self.0)
            .await?;
        Ok(rows.iter().map(|row| row.try_get("id").map(JobId)).collect::<sqlx::Result<_>>()?)
    }

    /// A page of the jobs that pass `filter`, and how many pass in all.
    pub async fn list(&mut self, filter: &JobFilter) -> Result<(i64, Vec<JobRow>)> {
        let now = Timestamp::now().as_millis();
        let (condition, arguments) = conditions(filter, now)?;
        let total = sqlx::query_with(AssertSqlSafe(format!("SELECT COUNT(*) AS total FROM jobs{condition}")), arguments)
            .fetch_one(&mut *self.0)
            .await?
            .try_get("total")?;
        let (condition, arguments) = conditions(filter, now)?;
        let order = if filter.ascending { "created_at, id" } else { "created_at DESC, id DESC" };
        // Numbers of ours, not texts of others.
        let (count, start) = (filter.count, filter.start);
        let sql = format!("SELECT * FROM jobs{condition} ORDER BY {order} LIMIT {count} OFFSET {start}");
        let rows = sqlx::query_with(AssertSqlSafe(sql), arguments).fetch_all(&mut *self.0).await?;
        Ok((total, rows.iter().map(job_row).collect::<sqlx::Result<_>>()?))
    }

    /// The job is done.
    pub async fn complete(&mut self, id: JobId, now: Timestamp) -> Result<()> {
        sqlx::query("UPDATE jobs SET state = 'completed', progress = 100, finished_at = $1, error = NULL WHERE id = $2")
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

/// The condition of a filter, with what it is about.
fn conditions(filter: &JobFilter, now: i64) -> Result<(String, AnyArguments)> {
    let mut arguments = AnyArguments::default();
    let mut parts = Vec::new();
    match filter.state.as_deref() {
        // Times and comparisons are ours.
        Some("delayed") => parts.push(format!("state = 'waiting' AND run_at > {now}")),
        Some("waiting") => parts.push(format!("state = 'waiting' AND run_at <= {now}")),
        Some(state) => parts.push(format!("state = {}", bind(&mut arguments, state)?)),
        None => {}
    }
    if let Some(name) = &filter.name {
        parts.push(format!("name = {}", bind(&mut arguments, name)?));
    }
    let condition = if parts.is_empty() { String::new() } else { format!(" WHERE {}", parts.join(" AND ")) };
    Ok((condition, arguments))
}

/// Adds a text; how the query names it.
fn bind(arguments: &mut AnyArguments, text: &str) -> Result<String> {
    arguments.add(text.to_owned()).map_err(|error| Error::Database(sqlx::Error::Encode(error)))?;
    Ok(format!("${}", arguments.len()))
}

fn job_row(row: &AnyRow) -> sqlx::Result<JobRow> {
    Ok(JobRow {
        id: JobId(row.try_get("id")?),
        name: row.try_get("name")?,
        payload: row.try_get("payload")?,
        video: row.try_get::<Option<i64>, _>("video_id")?.map(VideoId),
        state: row.try_get("state")?,
        progress: row.try_get("progress")?,
        attempts: row.try_get("attempts")?,
        run_at: timestamp(row, "run_at")?,
        created_at: timestamp(row, "created_at")?,
        started_at: maybe_timestamp(row, "started_at")?,
        finished_at: maybe_timestamp(row, "finished_at")?,
        error: row.try_get("error")?,
    })
}
