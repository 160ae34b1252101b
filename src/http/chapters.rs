//! Chapters of videos.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Login, VideoRef, Viewer};
use super::problem::{Problem, ProblemBody, Result};
use crate::app::App;
use crate::domain::Chapter;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, put))
}

/// Where something new begins.
#[derive(Serialize, Deserialize, ToSchema)]
struct ChapterView {
    /// What begins.
    title: String,
    /// In seconds from the beginning.
    timecode: i64,
}

/// All chapters of a video.
#[derive(Serialize, Deserialize, ToSchema)]
struct ChaptersView {
    /// In order.
    chapters: Vec<ChapterView>,
}

/// A video's chapters.
#[utoipa::path(
    get, path = "/api/v1/videos/{id}/chapters", operation_id = "chapters", tag = "Video Chapters", params(("id" = String, Path)),
    responses((status = 200, body = ChaptersView), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn list(State(app): State<App>, viewer: Viewer, id: VideoRef) -> Result<Json<ChaptersView>> {
    let mut tx = app.store.read().await?;
    let (video, _) = viewer.fetch(&app, &mut tx, id).await?;
    let chapters = tx.chapters().of_video(video.id).await?;
    let chapters = chapters.into_iter().map(|chapter| ChapterView { title: chapter.title, timecode: chapter.timecode_s }).collect();
    Ok(Json(ChaptersView { chapters }))
}

/// Replace a video's chapters. For its owner and moderators.
#[utoipa::path(
    put, path = "/api/v1/videos/{id}/chapters", operation_id = "put_chapters", tag = "Video Chapters", params(("id" = String, Path)),
    request_body = ChaptersView,
    responses((status = 204), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn put(State(app): State<App>, Login(user): Login, id: VideoRef, body: bytes::Bytes) -> Result<StatusCode> {
    // Pairs belong together here, which a flat form does not say.
    let sent: ChaptersView = serde_json::from_slice(&body)
        .map_err(|_| Problem::invalid("chapters", "must be a list of objects with title and timecode, in JSON"))?;
    let mut tx = app.store.write().await?;
    let video = id.fetch_owned(&mut tx, &user).await?;
    let duration_s = (video.duration_ms > 0).then_some(video.duration_ms / 1000);
    let chapters = sent.chapters.into_iter().map(|chapter| Chapter { timecode_s: chapter.timecode, title: chapter.title }).collect();
    let chapters = Chapter::parse_all(chapters, duration_s).map_err(|error| Problem::invalid("chapters", error.0))?;
    tx.chapters().set(video.id, &chapters).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
