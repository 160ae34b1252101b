//! What people think of videos.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Base, Login, Page, VideoRef, Viewer};
use super::fields::{Fields, QueryFields};
use super::model::{List, VideoSummary};
use super::problem::{Problem, ProblemBody, Result};
use crate::app::App;
use crate::domain::{Handle, Rating};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(rate)).routes(routes!(mine)).routes(routes!(of_account))
}

/// What somebody thinks.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
struct RatingForm {
    /// `like`, `dislike` or `none`
    rating: String,
}

/// Rate a video that one may watch.
#[utoipa::path(
    put, path = "/api/v1/videos/{id}/rate", tag = "Video Rates", params(("id" = String, Path)), request_body = RatingForm,
    responses((status = 204), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn rate(State(app): State<App>, Login(user): Login, viewer: Viewer, id: VideoRef, fields: Fields) -> Result<StatusCode> {
    let rating = fields.text("rating").and_then(Rating::parse);
    let rating = rating.ok_or_else(|| Problem::invalid("rating", "must be like, dislike or none"))?;
    let mut tx = app.store.write().await?;
    let (video, _) = viewer.fetch(&app, &mut tx, id).await?;
    tx.ratings().rate(user.account_id, video.id, rating).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What whoever asks thinks of a video.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RatingView {
    /// The video's row id.
    id: i64,
    /// The same.
    video_id: i64,
    /// `like`, `dislike` or `none`
    rating: &'static str,
}

/// What whoever asks thinks of a video.
#[utoipa::path(
    get, path = "/api/v1/users/me/videos/{id}/rating", operation_id = "my_rating", tag = "My User", params(("id" = String, Path)),
    responses((status = 200, body = RatingView), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn mine(State(app): State<App>, Login(user): Login, viewer: Viewer, id: VideoRef) -> Result<Json<RatingView>> {
    let mut tx = app.store.read().await?;
    let (video, _) = viewer.fetch(&app, &mut tx, id).await?;
    let rating = tx.ratings().of(user.account_id, video.id).await?;
    Ok(Json(RatingView { id: video.id.0, video_id: video.id.0, rating: rating.map_or("none", Rating::word) }))
}

/// A video and what was thought of it.
#[derive(Serialize, ToSchema)]
struct Rated {
    /// Which.
    video: VideoSummary,
    /// `like` or `dislike`
    rating: &'static str,
}

/// What an account rated, last first; for whoever it is.
#[utoipa::path(
    get, path = "/api/v1/accounts/{name}/ratings", operation_id = "account_ratings", tag = "Accounts",
    params(("name" = String, Path), ("start" = Option<i64>, Query), ("count" = Option<i64>, Query), ("rating" = Option<String>, Query)),
    responses((status = 200, body = List<Rated>), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn of_account(
    State(app): State<App>,
    base: Base,
    Login(user): Login,
    Path(name): Path<String>,
    QueryFields(fields): QueryFields,
) -> Result<Json<List<Rated>>> {
    let page = Page::parse(&fields)?;
    let only = match fields.text("rating") {
        None | Some("") => None,
        Some(word) => Rating::parse(word).flatten().map(Some).ok_or_else(|| Problem::invalid("rating", "must be like or dislike"))?,
    };
    let mut tx = app.store.read().await?;
    let account = tx.accounts().by_handle(&Handle::parse(&name, base.authority())).await?.ok_or_else(|| Problem::not_found("Account"))?;
    if account.id != user.account_id {
        return Err(Problem::forbidden("Cannot see the ratings of another account"));
    }
    let (total, rated) = tx.ratings().of_account(account.id, user.role.moderates(), only, page.start, page.count).await?;
    let rated = rated.iter();
    let data = rated.map(|(rating, video)| Rated { video: VideoSummary::of(video, &app, &base, false), rating: rating.word() }).collect();
    Ok(Json(List { total, data }))
}
