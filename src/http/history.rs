//! What whoever asks watched, and where they stopped.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Base, Login, Page, VideoRef, may_watch};
use super::fields::{Fields, QueryFields};
use super::model::{List, VideoSummary};
use super::problem::{Problem, ProblemBody, Result};
use crate::app::App;
use crate::domain::{Privacy, Timestamp};

/// Longest text that is searched for.
const MAX_SEARCH: usize = 200;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(delete)).routes(routes!(remove))
}

/// What whoever asks watched, last first, each with `userHistory.currentTime`.
#[utoipa::path(
    get, path = "/api/v1/users/me/history/videos", operation_id = "my_history", tag = "My History",
    params(("start" = Option<i64>, Query), ("count" = Option<i64>, Query), ("search" = Option<String>, Query)),
    responses((status = 200, body = List<VideoSummary>), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody))
)]
async fn list(
    State(app): State<App>,
    base: Base,
    Login(user): Login,
    QueryFields(fields): QueryFields,
) -> Result<Json<List<VideoSummary>>> {
    let page = Page::parse(&fields)?;
    let search = fields.text("search").map(str::trim).filter(|text| !text.is_empty());
    if search.is_some_and(|text| text.len() > MAX_SEARCH) {
        return Err(Problem::invalid("search", "too long"));
    }
    app.viewers.settle(&app).await?;
    let (total, watched) = app.store.read().await?.history().of_user(user.id, search, page.start, page.count).await?;
    // What was taken back since is not shown any more, not even its title.
    let shown = watched.iter().filter(|(_, video)| may_watch(Some(&user), video) || video.privacy == Privacy::Password);
    let data = shown.map(|(position_s, video)| VideoSummary::of(video, &app, &base, false).watched_until(*position_s)).collect();
    Ok(Json(List { total, data }))
}

/// Forget that one watched a video.
#[utoipa::path(
    delete, path = "/api/v1/users/me/history/videos/{id}", operation_id = "delete_history_video", tag = "My History", params(("id" = String, Path)),
    responses((status = 204), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn delete(State(app): State<App>, Login(user): Login, id: VideoRef) -> Result<StatusCode> {
    app.viewers.settle(&app).await?;
    let mut tx = app.store.write().await?;
    let video = id.fetch(&mut tx).await?;
    tx.history().forget(user.id, Some(video.id), None).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What to forget.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
struct HistoryForm {
    /// RFC 3339; all of it without.
    before_date: Option<String>,
}

/// Forget what one watched: all of it, or what was before `beforeDate`.
#[utoipa::path(
    post, path = "/api/v1/users/me/history/videos/remove", operation_id = "clear_history", tag = "My History", request_body = HistoryForm,
    responses((status = 204), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody))
)]
async fn remove(State(app): State<App>, Login(user): Login, fields: Fields) -> Result<StatusCode> {
    let before = match fields.nullable("beforeDate").flatten() {
        Some(text) => Some(Timestamp::parse(text).ok_or_else(|| Problem::invalid("beforeDate", "must be an RFC 3339 time"))?),
        None => None,
    };
    app.viewers.settle(&app).await?;
    let mut tx = app.store.write().await?;
    tx.history().forget(user.id, None, before).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
