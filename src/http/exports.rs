//! Archives of what somebody has here: asked for, listed, fetched.

use std::time::Duration;

use axum::Json;
use axum::extract::{FromRequestParts, Path, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Base, Login, UserPath, path_number};
use super::fields::Fields;
use super::files::{self, ATTACHMENT, NO_STORE};
use super::model::{Labelled, List};
use super::problem::{Problem, ProblemBody, Result};
use crate::app::App;
use crate::domain::{Export, ExportId, ExportState, Timestamp, User, UserId};
use crate::export::{self, LIFETIME, MAX_VIDEO_BYTES, WriteExport};
use crate::secrets;
use crate::store::Tx;

/// A link to an archive is good for so long; the list gives new ones.
const LINK_LIFETIME: Duration = Duration::from_secs(3600);

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(request_export)).routes(routes!(list_exports)).routes(routes!(delete_export))
}

/// What `/download/user-exports` serves.
pub(super) fn files_router() -> axum::Router<App> {
    axum::Router::new().route("/download/user-exports/{file}", get(download))
}

/// Everybody has archives of their own; administrators see to those of all.
async fn check(tx: &mut Tx, id: UserId, by: &User) -> Result<User> {
    if id != by.id && by.role != crate::domain::Role::Administrator {
        return Err(Problem::forbidden("Cannot manage the archives of another user"));
    }
    tx.users().by_id(id).await?.ok_or_else(|| Problem::not_found("User"))
}

/// What an archive is to hold.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
struct ExportForm {
    /// The best file of each video too.
    with_video_files: Option<bool>,
}

/// The id of an archive.
#[derive(Serialize, ToSchema)]
struct ExportIdView {
    /// Row id.
    id: i64,
}

/// An answer that holds only a new archive's id.
#[derive(Serialize, ToSchema)]
struct CreatedExport {
    /// The new archive.
    export: ExportIdView,
}

/// Ask for an archive of a user's data; a letter tells when it is ready.
#[utoipa::path(
    post, path = "/api/v1/users/{id}/exports/request", tag = "User Exports", params(("id" = i64, Path)), request_body = ExportForm,
    responses((status = 200, body = CreatedExport), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn request_export(State(app): State<App>, Login(by): Login, UserPath(id): UserPath, fields: Fields) -> Result<Json<CreatedExport>> {
    let with_video_files = fields.flag("withVideoFiles")?.unwrap_or(false);
    let mut tx = app.store.write().await?;
    let user = check(&mut tx, id, &by).await?;
    // One that did not work is not in the way of the next.
    for old in tx.exports().of_user(id).await? {
        if old.state != ExportState::Errored {
            return Err(Problem::new(StatusCode::BAD_REQUEST, "Cannot request an archive because there is already one"));
        }
        tx.exports().delete(old.id).await?;
    }
    if with_video_files && tx.users().used(user.account_id).await?.total > MAX_VIDEO_BYTES {
        return Err(Problem::forbidden("The videos are too large for an archive"));
    }
    let export = tx.exports().create(id, with_video_files, &format!("{}.zip", secrets::random_hex::<16>())).await?;
    tx.jobs().enqueue(&WriteExport { export }).await?;
    tx.commit().await?;
    app.jobs.wake();
    Ok(Json(CreatedExport { export: ExportIdView { id: export.0 } }))
}

/// An archive.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ExportView {
    /// Row id.
    id: i64,
    /// 1 pending, 2 processing, 3 completed, 4 failed.
    state: Labelled<i64>,
    /// In bytes.
    size: i64,
    /// Where to fetch it, without logging in; null until it is complete.
    private_download_url: Option<String>,
    /// When it was asked for.
    #[schema(value_type = String)]
    created_at: Timestamp,
    /// Until when it can be fetched.
    #[schema(value_type = String)]
    expires_on: Timestamp,
}

impl ExportView {
    fn of(export: &Export, app: &App, base: &Base) -> Self {
        let is_there = export.state == ExportState::Completed;
        Self {
            id: export.id.0,
            state: Labelled { id: export.state.code(), label: export.state.label().to_owned() },
            size: export.size_bytes,
            private_download_url: is_there.then(|| {
                let expires = Timestamp::now().plus(LINK_LIFETIME).as_millis();
                let signature = app.auth.sign(&signed(&export.file, expires));
                format!("{}/download/user-exports/{}?expires={expires}&signature={signature}", base.0, export.file)
            }),
            created_at: export.created_at,
            expires_on: export.created_at.plus(LIFETIME),
        }
    }
}

/// What a link's signature is of.
fn signed(file: &str, expires: i64) -> String {
    format!("user-export {file} {expires}")
}

/// A user's archives.
#[utoipa::path(
    get, path = "/api/v1/users/{id}/exports", tag = "User Exports", params(("id" = i64, Path)),
    responses((status = 200, body = List<ExportView>), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn list_exports(State(app): State<App>, base: Base, Login(by): Login, UserPath(id): UserPath) -> Result<Json<List<ExportView>>> {
    let mut tx = app.store.read().await?;
    check(&mut tx, id, &by).await?;
    let data: Vec<_> = tx.exports().of_user(id).await?.iter().map(|export| ExportView::of(export, &app, &base)).collect();
    Ok(Json(List { total: i64::try_from(data.len()).unwrap_or(i64::MAX), data }))
}

/// The archive that a path names by row id.
struct ExportPath(ExportId);

impl FromRequestParts<App> for ExportPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        path_number(parts, app, "exportId").await.map(|id| Self(ExportId(id)))
    }
}

/// Delete an archive.
#[utoipa::path(
    delete, path = "/api/v1/users/{id}/exports/{exportId}", tag = "User Exports", params(("id" = i64, Path), ("exportId" = i64, Path)),
    responses((status = 204), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn delete_export(
    State(app): State<App>,
    Login(by): Login,
    UserPath(id): UserPath,
    ExportPath(export): ExportPath,
) -> Result<StatusCode> {
    let mut tx = app.store.write().await?;
    check(&mut tx, id, &by).await?;
    let export = tx.exports().by_id(export).await?.filter(|export| export.user_id == id).ok_or_else(|| Problem::not_found("Export"))?;
    tx.exports().delete(export.id).await?;
    tx.commit().await?;
    export::remove_file(&app.config.data_dir, &export.file).await;
    Ok(StatusCode::NO_CONTENT)
}

/// What a link to an archive carries.
#[derive(Deserialize)]
struct Link {
    expires: i64,
    signature: String,
}

async fn download(State(app): State<App>, Path(file): Path<String>, Query(link): Query<Link>, request: Request) -> Response {
    if link.expires < Timestamp::now().as_millis() || !app.auth.is_signed(&signed(&file, link.expires), &link.signature) {
        return Problem::forbidden("The link is not good any more").into_response();
    }
    let export = match app.store.read().await {
        Ok(mut tx) => tx.exports().by_file(&file).await,
        Err(error) => Err(error),
    };
    match export {
        Ok(Some(export)) if export.state == ExportState::Completed => {}
        Ok(_) => return files::not_found(),
        Err(error) => return Problem::from(error).into_response(),
    }
    let mut response = files::serve(&export::folder(&app.config.data_dir), &file, request).await;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_DISPOSITION, ATTACHMENT);
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    response
}
