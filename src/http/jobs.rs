//! The server's durable work, for administrators: looked at, held up, tried again.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Login, Page};
use super::fields::{Fields, QueryFields};
use super::model::List;
use super::problem::{Problem, ProblemBody, Result};
use crate::app::App;
use crate::domain::{JobId, Role, Timestamp, User, VideoState};
use crate::jobs::Job as _;
use crate::store::{JobFilter, JobRow};
use crate::vod::Transcode;

/// PeerTube's states; `waiting` is due, `delayed` is not yet.
const STATES: [&str; 5] = ["active", "completed", "failed", "waiting", "delayed"];
/// Kinds of jobs have short names.
const MAX_TYPE: usize = 100;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(all))
        .routes(routes!(in_state))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(queue))
        .routes(routes!(retry))
        .routes(routes!(delete))
}

/// A job.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct JobView {
    /// Row id.
    id: String,
    /// `active`, `completed`, `failed`, `waiting` or `delayed`.
    state: String,
    /// Its kind.
    #[serde(rename = "type")]
    kind: String,
    /// What it is about.
    #[schema(value_type = Object)]
    data: Value,
    /// Percent.
    progress: i64,
    /// Shoal's own: how often it was tried.
    attempts: i64,
    /// Why it did not work the last time, or what it waits for.
    error: Option<String>,
    /// When it was added.
    #[schema(value_type = String)]
    created_at: Timestamp,
    /// When it was done, or given up.
    #[schema(value_type = Option<String>)]
    finished_on: Option<Timestamp>,
    /// When it last began.
    #[schema(value_type = Option<String>)]
    processed_on: Option<Timestamp>,
}

impl JobView {
    fn of(job: JobRow) -> Self {
        let is_delayed = job.state == "waiting" && job.run_at > Timestamp::now();
        Self {
            id: job.id.to_string(),
            state: if is_delayed { "delayed".to_owned() } else { job.state },
            kind: job.name,
            data: serde_json::from_str(&job.payload).unwrap_or(Value::Null),
            progress: job.progress,
            attempts: job.attempts,
            error: job.error,
            created_at: job.created_at,
            finished_on: job.finished_at,
            processed_on: job.started_at,
        }
    }
}

fn administrator(user: &User) -> Result<()> {
    if user.role == Role::Administrator { Ok(()) } else { Err(Problem::forbidden("User does not have enough rights")) }
}

async fn list(app: &App, state: Option<&str>, fields: &Fields) -> Result<Json<List<JobView>>> {
    let page = Page::parse(fields)?;
    let ascending = match fields.text("sort") {
        None | Some("" | "-createdAt") => false,
        Some("createdAt") => true,
        Some(_) => return Err(Problem::invalid("sort", "must be createdAt or -createdAt")),
    };
    let name = fields.text("jobType").filter(|name| !name.is_empty()).map(str::to_owned);
    if name.as_ref().is_some_and(|name| name.len() > MAX_TYPE) {
        return Err(Problem::invalid("jobType", "too long"));
    }
    let filter = JobFilter { state: state.map(str::to_owned), name, ascending, start: page.start, count: page.count };
    let (total, jobs) = app.store.read().await?.jobs().list(&filter).await?;
    Ok(Json(List { total, data: jobs.into_iter().map(JobView::of).collect() }))
}

/// Jobs in any state, newest first.
#[utoipa::path(
    get, path = "/api/v1/jobs", operation_id = "all_jobs", tag = "Job",
    params(("jobType" = Option<String>, Query), ("start" = Option<i64>, Query), ("count" = Option<i64>, Query), ("sort" = Option<String>, Query)),
    responses((status = 200, body = List<JobView>), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody))
)]
async fn all(State(app): State<App>, Login(user): Login, QueryFields(fields): QueryFields) -> Result<Json<List<JobView>>> {
    administrator(&user)?;
    list(&app, None, &fields).await
}

/// Jobs in one state, newest first: `active`, `completed`, `failed`, `waiting` (due) or `delayed` (not yet).
#[utoipa::path(
    get, path = "/api/v1/jobs/{state}", operation_id = "jobs_in_state", tag = "Job",
    params(("state" = String, Path), ("jobType" = Option<String>, Query), ("start" = Option<i64>, Query), ("count" = Option<i64>, Query), ("sort" = Option<String>, Query)),
    responses((status = 200, body = List<JobView>), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody))
)]
async fn in_state(
    State(app): State<App>,
    Login(user): Login,
    Path(state): Path<String>,
    QueryFields(fields): QueryFields,
) -> Result<Json<List<JobView>>> {
    administrator(&user)?;
    if !STATES.contains(&state.as_str()) {
        return Err(Problem::invalid("state", "must be active, completed, failed, waiting or delayed"));
    }
    list(&app, Some(&state), &fields).await
}

/// Begin no further job until `resume`, or the server's next start. Those that run go on.
#[utoipa::path(
    post, path = "/api/v1/jobs/pause", operation_id = "pause_jobs", tag = "Job",
    responses((status = 204), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody))
)]
async fn pause(State(app): State<App>, Login(user): Login) -> Result<StatusCode> {
    administrator(&user)?;
    tracing::info!(user = user.username, "jobs.pause");
    app.jobs.pause().await;
    Ok(StatusCode::NO_CONTENT)
}

/// Begin jobs again.
#[utoipa::path(
    post, path = "/api/v1/jobs/resume", operation_id = "resume_jobs", tag = "Job",
    responses((status = 204), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody))
)]
async fn resume(State(app): State<App>, Login(user): Login) -> Result<StatusCode> {
    administrator(&user)?;
    tracing::info!(user = user.username, "jobs.resume");
    app.jobs.resume();
    Ok(StatusCode::NO_CONTENT)
}

/// The queue as a whole.
#[derive(Debug, Serialize, ToSchema)]
struct Queue {
    /// No job begins.
    paused: bool,
    /// To be run, now or later.
    waiting: i64,
    /// Running.
    active: i64,
    /// Given up.
    failed: i64,
}

/// Whether jobs are held up, and how many there are.
#[utoipa::path(
    get, path = "/api/shoal/v1/jobs", operation_id = "job_queue", tag = "Shoal",
    responses((status = 200, body = Queue), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody))
)]
async fn queue(State(app): State<App>, Login(user): Login) -> Result<Json<Queue>> {
    administrator(&user)?;
    let counts = app.store.read().await?.jobs().counts().await?;
    Ok(Json(Queue { paused: app.jobs.is_paused(), waiting: counts.waiting, active: counts.active, failed: counts.failed }))
}

fn id_of(text: &str) -> Result<JobId> {
    text.parse().map(JobId).map_err(|_| Problem::invalid("id", "must be a number"))
}

/// Try a job again at once that was given up, or waits for its next attempt.
#[utoipa::path(
    post, path = "/api/shoal/v1/jobs/{id}/retry", operation_id = "retry_job", tag = "Shoal", params(("id" = String, Path)),
    responses((status = 204), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody), (status = 409, body = ProblemBody))
)]
async fn retry(State(app): State<App>, Login(user): Login, Path(id): Path<String>) -> Result<StatusCode> {
    administrator(&user)?;
    let id = id_of(&id)?;
    let mut tx = app.store.write().await?;
    if tx.jobs().by_id(id).await?.is_none() {
        return Err(Problem::not_found("Job"));
    }
    if !tx.jobs().retry(id).await? {
        return Err(Problem::new(StatusCode::CONFLICT, "This job runs, or is done"));
    }
    tx.commit().await?;
    app.jobs.wake();
    Ok(StatusCode::NO_CONTENT)
}

/// Remove a job. One that runs ends as soon as it looks; what it began is undone.
#[utoipa::path(
    delete, path = "/api/shoal/v1/jobs/{id}", operation_id = "delete_job", tag = "Shoal", params(("id" = String, Path)),
    responses((status = 204), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn delete(State(app): State<App>, Login(user): Login, Path(id): Path<String>) -> Result<StatusCode> {
    administrator(&user)?;
    let id = id_of(&id)?;
    let mut tx = app.store.write().await?;
    let job = tx.jobs().by_id(id).await?.ok_or_else(|| Problem::not_found("Job"))?;
    tx.jobs().delete(id).await?;
    // One that runs says so itself. Nobody waits any longer for a video that will not be made.
    if let Some(video) = job.video.filter(|_| job.name == Transcode::NAME && job.state == "waiting")
        && tx.jobs().unfinished_of(video).await?.iter().all(|(_, name, _)| name != Transcode::NAME)
        && tx.media().change_state(video, VideoState::ToTranscode, VideoState::TranscodingFailed).await?
    {
        tx.media().set_error(video, Some("it was cancelled")).await?;
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
