//! Passwords of videos, and the tokens that open the media of those that are not open to everybody.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Login, Page, VideoRef, Viewer};
use super::fields::{Fields, QueryFields};
use super::model::List;
use super::problem::{Problem, ProblemBody, Result};
use super::video_form::read_passwords;
use super::video_tokens::{Grant, LIFETIME};
use crate::app::App;
use crate::domain::{PasswordId, Privacy, Timestamp, User, Video, VideoPassword};
use crate::store::{KeptPassword, Tx};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, set, add)).routes(routes!(delete)).routes(routes!(token))
}

/// A password of a video, as its owner sees it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PasswordView {
    /// Row id.
    id: i64,
    /// What opens the video.
    password: String,
    /// The video's row id.
    video_id: i64,
    /// When it was made.
    #[schema(value_type = String)]
    created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String)]
    updated_at: Timestamp,
}

impl PasswordView {
    fn of(kept: &KeptPassword, video: &Video) -> Self {
        Self {
            id: kept.id.0,
            password: kept.password.expose().to_owned(),
            video_id: video.id.0,
            created_at: kept.created_at,
            updated_at: kept.updated_at,
        }
    }
}

/// A video of this user's that has passwords.
async fn protected(tx: &mut Tx, user: &User, id: VideoRef) -> Result<Video> {
    let video = id.fetch_owned(tx, user).await?;
    if video.privacy == Privacy::Password {
        Ok(video)
    } else {
        Err(Problem::new(StatusCode::BAD_REQUEST, "Video is not password protected"))
    }
}

/// A video's passwords. For its owner and moderators.
#[utoipa::path(
    get, path = "/api/v1/videos/{id}/passwords", operation_id = "video_passwords", tag = "Video Passwords",
    params(("id" = String, Path), ("start" = Option<i64>, Query), ("count" = Option<i64>, Query)),
    responses((status = 200, body = List<PasswordView>), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn list(
    State(app): State<App>,
    Login(user): Login,
    id: VideoRef,
    QueryFields(fields): QueryFields,
) -> Result<Json<List<PasswordView>>> {
    let page = Page::parse(&fields)?;
    let mut tx = app.store.read().await?;
    let video = protected(&mut tx, &user, id).await?;
    let all = tx.passwords().of_video(video.id).await?;
    let (start, count) = (usize::try_from(page.start).unwrap_or(usize::MAX), usize::try_from(page.count).unwrap_or(0));
    let data = all.iter().skip(start).take(count).map(|kept| PasswordView::of(kept, &video)).collect();
    Ok(Json(List { total: i64::try_from(all.len()).unwrap_or(i64::MAX), data }))
}

/// All passwords of a video.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
struct VideoPasswordsForm {
    /// 1 to 100, none of them twice.
    passwords: Vec<String>,
}

/// One more.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
struct VideoPasswordForm {
    /// 2 to 100 characters.
    password: String,
}

/// Replace a video's passwords by `passwords`. For its owner and moderators.
#[utoipa::path(
    put, path = "/api/v1/videos/{id}/passwords", operation_id = "set_video_passwords", tag = "Video Passwords", params(("id" = String, Path)),
    request_body = VideoPasswordsForm,
    responses((status = 204), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn set(State(app): State<App>, Login(user): Login, id: VideoRef, fields: Fields) -> Result<StatusCode> {
    let passwords = read_passwords(&fields, "passwords")?;
    let mut tx = app.store.write().await?;
    let video = protected(&mut tx, &user, id).await?;
    tx.passwords().set(video.id, &passwords).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Add a `password` to a video. For its owner and moderators.
#[utoipa::path(
    post, path = "/api/v1/videos/{id}/passwords", operation_id = "add_video_password", tag = "Video Passwords", params(("id" = String, Path)),
    request_body = VideoPasswordForm,
    responses(
        (status = 204), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)
    )
)]
async fn add(State(app): State<App>, Login(user): Login, id: VideoRef, fields: Fields) -> Result<StatusCode> {
    let password = fields.text("password").ok_or_else(|| Problem::invalid("password", "is needed"))?;
    let password = VideoPassword::parse(password).map_err(|error| Problem::invalid("password", error.0))?;
    let mut tx = app.store.write().await?;
    let video = protected(&mut tx, &user, id).await?;
    if tx.passwords().of_video(video.id).await?.len() >= VideoPassword::MAX {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "A video has at most 100 passwords"));
    }
    tx.passwords().add(video.id, &password).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take a password of a video away; the last one stays. For its owner and moderators.
#[utoipa::path(
    delete, path = "/api/v1/videos/{id}/passwords/{passwordId}", operation_id = "delete_video_password", tag = "Video Passwords",
    params(("id" = String, Path), ("passwordId" = i64, Path)),
    responses((status = 204), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn delete(State(app): State<App>, Login(user): Login, Path((id, password)): Path<(String, String)>) -> Result<StatusCode> {
    let id = VideoRef::parse(&id).ok_or_else(|| Problem::invalid("id", "must be a number, a UUID or a short UUID"))?;
    let password = PasswordId(password.parse().map_err(|_| Problem::invalid("passwordId", "must be a number"))?);
    let mut tx = app.store.write().await?;
    let video = protected(&mut tx, &user, id).await?;
    let all = tx.passwords().of_video(video.id).await?;
    if !all.iter().any(|kept| kept.id == password) {
        return Err(Problem::not_found("Video password"));
    }
    if all.len() == 1 {
        return Err(Problem::forbidden("Cannot delete the last password of the protected video"));
    }
    tx.passwords().delete(video.id, password).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What opens a video's media.
#[derive(Serialize, ToSchema)]
struct FilesToken {
    /// For `?videoFileToken=`.
    token: String,
    /// Until then.
    #[schema(value_type = String)]
    expires: Timestamp,
}

/// An answer that holds only a token.
#[derive(Serialize, ToSchema)]
struct TokenView {
    /// For its files.
    files: FilesToken,
}

/// A token for a video's media, for players that can only put it into addresses: for who is logged in, or has its password.
#[utoipa::path(
    post, path = "/api/v1/videos/{id}/token", operation_id = "video_token", tag = "Video", params(("id" = String, Path)),
    responses((status = 200, body = TokenView), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn token(State(app): State<App>, viewer: Viewer, id: VideoRef) -> Result<Json<TokenView>> {
    let (video, password) = viewer.fetch(&app, &mut app.store.read().await?, id).await?;
    let (token, expires) = media_token(&app, &video, &viewer, password).ok_or_else(|| Problem::unauthorized("Not authenticated"))?;
    Ok(Json(TokenView { files: FilesToken { token, expires } }))
}

/// A token for the media of a video that `viewer` may watch, by this password of its if it took one, and until when it is good; `None`
/// for nobody in particular.
pub(super) fn media_token(app: &App, video: &Video, viewer: &Viewer, password: Option<PasswordId>) -> Option<(String, Timestamp)> {
    let grant = match (password, &viewer.user) {
        (Some(password), _) => Grant::Password(password),
        (None, Some(user)) => Grant::User(user.id),
        (None, None) => return None,
    };
    let expires = Timestamp::now().plus(LIFETIME);
    Some((app.video_tokens.make(video.uuid, grant, expires), expires))
}
