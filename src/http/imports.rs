//! Videos whose files are fetched from elsewhere.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Base, Login, Page, RowId, VideoRef};
use super::fields::QueryFields;
use super::form::Form;
use super::model::{Labelled, List, VideoSummary, labelled};
use super::problem::{Problem, ProblemBody, Result};
use super::video_bodies::ImportForm;
use super::video_form::{self, Made, PICTURES, check_room, new_uuid, unless_blocked};
use crate::app::App;
use crate::domain::{Import, ImportId, ImportState, Timestamp, User, UserId, Video, VideoState};
use crate::fetch;
use crate::jobs::RemoveFiles;
use crate::store::Tx;
use crate::vod::uploaded::plain_filename;

/// Imports of one user that are not over: each may take hours of the line.
const MAX_OPEN: i64 = 20;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(mine))
        .routes(routes!(cancel))
        .routes(routes!(retry))
        .routes(routes!(delete))
}

/// An import.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ImportView {
    /// Row id.
    id: i64,
    /// Where the file is.
    target_url: String,
    /// Torrents are not imported.
    magnet_uri: Option<String>,
    /// Torrents are not imported.
    torrent_name: Option<String>,
    /// 1 pending, 2 success, 3 failed, 5 cancelled, 6 processing.
    state: Labelled<i64>,
    /// Why it failed.
    error: Option<String>,
    /// When it was begun.
    #[schema(value_type = String)]
    created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String)]
    updated_at: Timestamp,
    /// What it becomes; null once that was deleted.
    video: Option<VideoSummary>,
    /// Channels are not synchronised.
    #[schema(value_type = Option<Object>)]
    video_channel_sync: Option<serde_json::Value>,
}

impl ImportView {
    fn of(import: Import, video: Option<&Video>, app: &App, base: &Base) -> Self {
        Self {
            id: import.id.0,
            target_url: import.target_url,
            magnet_uri: None,
            torrent_name: None,
            state: labelled(import.state.code(), Some(import.state.label())),
            error: import.error,
            created_at: import.created_at,
            updated_at: import.updated_at,
            video: video.map(|video| VideoSummary::of(video, app, base, true)),
            video_channel_sync: None,
        }
    }
}

/// Have a media file fetched: `targetUrl`, `channelId`, and what else describes the video.
#[utoipa::path(
    post, path = "/api/v1/videos/imports", operation_id = "create_import", tag = "Video Imports",
    request_body(content = ImportForm, content_type = "multipart/form-data"),
    responses(
        (status = 200, body = ImportView), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 409, body = ProblemBody)
    )
)]
async fn create(State(app): State<App>, base: Base, Login(user): Login, request: Request) -> Result<Json<ImportView>> {
    if !app.config.videos.import_enabled {
        return Err(Problem::new(StatusCode::CONFLICT, "HTTP import is not enabled on this instance."));
    }
    check_room(&app, &user, 0).await?;
    let form = Form::read(request, &app, &PICTURES, None).await?;
    let Some(target) = form.fields.text("targetUrl").filter(|text| !text.is_empty()) else {
        return Err(if form.fields.has("magnetUri") || form.fields.has("torrentfile") {
            Problem::new(StatusCode::CONFLICT, "Torrent/magnet URI import is not enabled on this instance.")
        } else {
            Problem::invalid("targetUrl", "is needed")
        });
    };
    let url = app.fetcher.parse(target).map_err(|error| match error {
        fetch::Error::Private => Problem::forbidden("Cannot use non unicast IP as targetUrl."),
        error => Problem::invalid("targetUrl", error.to_string()),
    })?;
    let pictures = Made::of(&app, &form).await?;
    let mut tx = app.store.write().await?;
    let user = unless_blocked(tx.users().hold(user.id).await?)?;
    refuse_too_many(&mut tx, user.id).await?;
    let filename = plain_filename(url.path());
    let filename = if filename.is_empty() { url.host_str().unwrap_or_default().to_owned() } else { filename };
    let mut video = video_form::create(&mut tx, new_uuid(), &form.fields, &user, VideoState::ToImport, &filename).await?;
    pictures.give(&mut tx, &mut video).await?;
    let id = tx.imports().create(user.id, video.id, url.as_str()).await?;
    let import = tx.imports().by_id(id).await?.ok_or_else(|| Problem::not_found("Video import"))?;
    let waiting = app.clone();
    pictures.commit(tx, move || waiting.uploads.wake_imports()).await?;
    Ok(Json(ImportView::of(import, Some(&video), &app, &base)))
}

async fn refuse_too_many(tx: &mut Tx, user: UserId) -> Result<()> {
    if tx.imports().open_of(user).await? < MAX_OPEN {
        return Ok(());
    }
    Err(Problem::forbidden("You have too many imports that are not finished"))
}

/// Imports of whoever asks, last first.
#[utoipa::path(
    get, path = "/api/v1/users/me/videos/imports", operation_id = "my_imports", tag = "Video Imports",
    params(
        ("start" = Option<i64>, Query), ("count" = Option<i64>, Query), ("sort" = Option<String>, Query), ("targetUrl" = Option<String>, Query),
        ("videoId" = Option<String>, Query)
    ),
    responses((status = 200, body = List<ImportView>), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody))
)]
async fn mine(State(app): State<App>, base: Base, Login(user): Login, QueryFields(fields): QueryFields) -> Result<Json<List<ImportView>>> {
    let page = Page::parse(&fields)?;
    let oldest_first = match fields.text("sort") {
        None | Some("" | "-createdAt" | "-id") => false,
        Some("createdAt" | "id") => true,
        Some(_) => return Err(Problem::invalid("sort", "is no known order")),
    };
    let mut tx = app.store.read().await?;
    let of_video = match fields.text("videoId").filter(|text| !text.is_empty()) {
        Some(text) => {
            let id = VideoRef::parse(text).ok_or_else(|| Problem::invalid("videoId", "must be a number, a UUID or a short UUID"))?;
            Some(id.fetch(&mut tx).await?.id)
        }
        None => None,
    };
    let of_url = fields.text("targetUrl").filter(|text| !text.is_empty());
    let (total, imports) = tx.imports().of_user(user.id, (of_url, of_video), oldest_first, page.start, page.count).await?;
    let mut data = Vec::with_capacity(imports.len());
    for import in imports {
        let video = match import.video_id {
            Some(id) => tx.videos().by_id(id).await?,
            None => None,
        };
        data.push(ImportView::of(import, video.as_ref(), &app, &base));
    }
    Ok(Json(List { total, data }))
}

/// An import of this user, or for a moderator anybody's.
async fn own(tx: &mut Tx, user: &User, id: i64) -> Result<Import> {
    let import = tx.imports().by_id(ImportId(id)).await?.ok_or_else(|| Problem::not_found("Video import"))?;
    if import.user_id == user.id || user.role.moderates() {
        Ok(import)
    } else {
        Err(Problem::forbidden("Cannot manage video import of another user"))
    }
}

/// Stop an import that is not over.
#[utoipa::path(
    post, path = "/api/v1/videos/imports/{id}/cancel", operation_id = "cancel_import", tag = "Video Imports", params(("id" = i64, Path)),
    responses(
        (status = 204), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody)
    )
)]
async fn cancel(State(app): State<App>, Login(user): Login, RowId(id): RowId) -> Result<StatusCode> {
    let mut tx = app.store.write().await?;
    let import = own(&mut tx, &user, id).await?;
    if !tx.imports().set_state(import.id, ImportState::Cancelled, None).await? {
        return Err(Problem::new(StatusCode::CONFLICT, "Cannot cancel an import that is over"));
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Try a failed import again.
#[utoipa::path(
    post, path = "/api/v1/videos/imports/{id}/retry", operation_id = "retry_import", tag = "Video Imports", params(("id" = i64, Path)),
    responses(
        (status = 204), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody)
    )
)]
async fn retry(State(app): State<App>, Login(user): Login, RowId(id): RowId) -> Result<StatusCode> {
    let mut tx = app.store.write().await?;
    let import = own(&mut tx, &user, id).await?;
    tx.users().hold(import.user_id).await?;
    refuse_too_many(&mut tx, import.user_id).await?;
    if import.video_id.is_none() || !tx.imports().retry(import.id).await? {
        return Err(Problem::new(StatusCode::CONFLICT, "Cannot retry an import that did not fail"));
    }
    tx.commit().await?;
    app.uploads.wake_imports();
    Ok(StatusCode::NO_CONTENT)
}

/// Delete an import that is over; a video that it never had a file for goes with it.
#[utoipa::path(
    delete, path = "/api/v1/videos/imports/{id}", operation_id = "delete_import", tag = "Video Imports", params(("id" = i64, Path)),
    responses(
        (status = 204), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody)
    )
)]
async fn delete(State(app): State<App>, Login(user): Login, RowId(id): RowId) -> Result<StatusCode> {
    let mut tx = app.store.write().await?;
    let import = own(&mut tx, &user, id).await?;
    if !import.state.is_over() {
        return Err(Problem::new(StatusCode::CONFLICT, "Cannot delete an import that is not over"));
    }
    tx.imports().delete(import.id).await?;
    if let Some(video_id) = import.video_id
        && let Some(video) = tx.videos().by_id(video_id).await?
        && video.state == VideoState::ToImport
    {
        tx.videos().delete(video.id).await?;
        tx.jobs().enqueue(&RemoveFiles::of(&video, &[])).await?;
    }
    tx.commit().await?;
    app.jobs.wake();
    Ok(StatusCode::NO_CONTENT)
}
