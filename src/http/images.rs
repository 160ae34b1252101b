//! Avatars and banners: taken, shown, taken away.

use axum::Json;
use axum::extract::{FromRequest, Multipart, Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_SECURITY_POLICY, HeaderValue};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::get;
use bytes::{Bytes, BytesMut};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::channels::{channel_by, managed_channel};
use super::extract::{Base, Login};
use super::files;
use super::model::Image;
use super::problem::{Problem, ProblemBody, Result};
use crate::app::App;
use crate::domain::{ActorId, ActorImages};
use crate::images::{self, Kind, MAX_BYTES};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(pick_my_avatar))
        .routes(routes!(delete_my_avatar))
        .routes(routes!(pick_channel_avatar))
        .routes(routes!(delete_channel_avatar))
        .routes(routes!(pick_channel_banner))
        .routes(routes!(delete_channel_banner))
}

/// What `/lazy-static/avatars` and `/lazy-static/banners` serve.
pub(super) fn files_router() -> axum::Router<App> {
    axum::Router::new()
        .route("/lazy-static/avatars/{file}", get(avatar))
        .route("/lazy-static/banners/{file}", get(banner))
        .layer(map_response(as_nothing_else))
}

async fn avatar(State(app): State<App>, Path(file): Path<String>, request: Request) -> Response {
    files::serve(&Kind::Avatar.folder(&app.config.data_dir), &file, request).await
}

async fn banner(State(app): State<App>, Path(file): Path<String>, request: Request) -> Response {
    files::serve(&Kind::Banner.folder(&app.config.data_dir), &file, request).await
}

/// Whatever lies there, browsers take it for a picture or for nothing.
async fn as_nothing_else(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(axum::http::header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    response
}

/// The one file of a multipart form that is named `avatarfile` or `bannerfile`.
struct Upload(Bytes);

impl<S: Send + Sync> FromRequest<S> for Upload {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        let malformed = || Problem::new(StatusCode::BAD_REQUEST, "The multipart form is malformed");
        let mut form = Multipart::from_request(request, state).await.map_err(|_| malformed())?;
        while let Some(mut field) = form.next_field().await.map_err(|_| malformed())? {
            let is_wanted = matches!(field.name(), Some("avatarfile" | "bannerfile"));
            let (mut bytes, mut is_too_large) = (BytesMut::new(), false);
            // Read to its end in any case, or the client might not see the answer.
            while let Some(chunk) = field.chunk().await.map_err(|_| malformed())? {
                is_too_large |= bytes.len() + chunk.len() > MAX_BYTES;
                if is_wanted && !is_too_large {
                    bytes.extend_from_slice(&chunk);
                }
            }
            if is_wanted && is_too_large {
                return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "The picture is larger than 4 MiB"));
            }
            if is_wanted {
                return Ok(Self(bytes.freeze()));
            }
        }
        Err(Problem::invalid("avatarfile", "is needed: a file in a multipart form (bannerfile for a banner)"))
    }
}

impl From<images::Error> for Problem {
    fn from(error: images::Error) -> Self {
        match error {
            images::Error::Disk(error) => Self::internal(&error),
            images::Error::Busy => Self::too_many(std::time::Duration::from_secs(2)),
            // What the decoder says is about the picture.
            error => Self::new(StatusCode::BAD_REQUEST, format!("The picture {error}")),
        }
    }
}

/// Square pictures of an account or channel.
#[derive(Serialize, ToSchema)]
struct Avatars {
    /// Largest first.
    avatars: Vec<Image>,
}

/// Wide pictures of a channel.
#[derive(Serialize, ToSchema)]
struct Banners {
    /// Largest first.
    banners: Vec<Image>,
}

/// A picture to be.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form; it is read piece by piece")]
struct AvatarForm {
    /// JPEG, PNG or WebP, at most 4 MiB and 25 million pixels.
    #[schema(value_type = String, format = Binary)]
    avatarfile: Vec<u8>,
}

/// A picture to be.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form; it is read piece by piece")]
struct BannerForm {
    /// JPEG, PNG or WebP, at most 4 MiB and 25 million pixels.
    #[schema(value_type = String, format = Binary)]
    bannerfile: Vec<u8>,
}

/// Replaces the pictures of one kind, those on disk too; all of the actor's pictures then.
async fn replace(app: &App, actor: ActorId, kind: Kind, upload: Option<Bytes>) -> Result<ActorImages> {
    let data_dir = &app.config.data_dir;
    let (new, files) = match upload {
        Some(bytes) => app.images.store(data_dir, kind, bytes).await?,
        None => Default::default(),
    };
    let mut tx = app.store.write().await?;
    // Drawing takes its time: meanwhile others may have been chosen, or their owner deleted.
    let mut images = tx.accounts().hold_images(actor).await?.ok_or_else(|| Problem::not_found("Account or channel"))?;
    let (avatars, banners) = match kind {
        Kind::Avatar => (std::mem::replace(&mut images.avatars, new), Vec::new()),
        Kind::Banner => (Vec::new(), std::mem::replace(&mut images.banners, new)),
    };
    tx.accounts().set_images(actor, &images).await?;
    let data_dir = data_dir.clone();
    files.commit(tx, move || images::remove(&data_dir, &ActorImages { avatars, banners })).await?;
    Ok(images)
}

/// A new picture for one's account.
#[utoipa::path(
    post, path = "/api/v1/users/me/avatar/pick", tag = "My User", request_body(content = AvatarForm, content_type = "multipart/form-data"),
    responses((status = 200, body = Avatars), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 413, body = ProblemBody), (status = 429, body = ProblemBody))
)]
async fn pick_my_avatar(State(app): State<App>, base: Base, Login(user): Login, Upload(bytes): Upload) -> Result<Json<Avatars>> {
    let account = app.store.read().await?.accounts().by_id(user.account_id).await?.ok_or_else(|| Problem::not_found("Account"))?;
    let images = replace(&app, account.actor.id, Kind::Avatar, Some(bytes)).await?;
    Ok(Json(Avatars { avatars: Image::avatars(&images, &base) }))
}

/// No picture for one's account.
#[utoipa::path(
    delete, path = "/api/v1/users/me/avatar", tag = "My User", responses((status = 204), (status = 401, body = ProblemBody))
)]
async fn delete_my_avatar(State(app): State<App>, Login(user): Login) -> Result<StatusCode> {
    let account = app.store.read().await?.accounts().by_id(user.account_id).await?.ok_or_else(|| Problem::not_found("Account"))?;
    replace(&app, account.actor.id, Kind::Avatar, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A new picture for a channel. For its owner and moderators.
#[utoipa::path(
    post, path = "/api/v1/video-channels/{handle}/avatar/pick", tag = "Video Channels", params(("handle" = String, Path)),
    request_body(content = AvatarForm, content_type = "multipart/form-data"),
    responses((status = 200, body = Avatars), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody), (status = 413, body = ProblemBody), (status = 429, body = ProblemBody))
)]
async fn pick_channel_avatar(
    State(app): State<App>,
    base: Base,
    Login(user): Login,
    Path(handle): Path<String>,
    Upload(bytes): Upload,
) -> Result<Json<Avatars>> {
    let channel = managed_channel(channel_by(&mut app.store.read().await?, &handle, &base).await?, &user)?;
    let images = replace(&app, channel.actor.id, Kind::Avatar, Some(bytes)).await?;
    Ok(Json(Avatars { avatars: Image::avatars(&images, &base) }))
}

/// No picture for a channel. For its owner and moderators.
#[utoipa::path(
    delete, path = "/api/v1/video-channels/{handle}/avatar", tag = "Video Channels", params(("handle" = String, Path)),
    responses((status = 204), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn delete_channel_avatar(State(app): State<App>, base: Base, Login(user): Login, Path(handle): Path<String>) -> Result<StatusCode> {
    let channel = managed_channel(channel_by(&mut app.store.read().await?, &handle, &base).await?, &user)?;
    replace(&app, channel.actor.id, Kind::Avatar, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A new wide picture for a channel. For its owner and moderators.
#[utoipa::path(
    post, path = "/api/v1/video-channels/{handle}/banner/pick", tag = "Video Channels", params(("handle" = String, Path)),
    request_body(content = BannerForm, content_type = "multipart/form-data"),
    responses((status = 200, body = Banners), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody), (status = 413, body = ProblemBody), (status = 429, body = ProblemBody))
)]
async fn pick_channel_banner(
    State(app): State<App>,
    base: Base,
    Login(user): Login,
    Path(handle): Path<String>,
    Upload(bytes): Upload,
) -> Result<Json<Banners>> {
    let channel = managed_channel(channel_by(&mut app.store.read().await?, &handle, &base).await?, &user)?;
    let images = replace(&app, channel.actor.id, Kind::Banner, Some(bytes)).await?;
    Ok(Json(Banners { banners: Image::banners(&images, &base) }))
}

/// No wide picture for a channel. For its owner and moderators.
#[utoipa::path(
    delete, path = "/api/v1/video-channels/{handle}/banner", tag = "Video Channels", params(("handle" = String, Path)),
    responses((status = 204), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn delete_channel_banner(State(app): State<App>, base: Base, Login(user): Login, Path(handle): Path<String>) -> Result<StatusCode> {
    let channel = managed_channel(channel_by(&mut app.store.read().await?, &handle, &base).await?, &user)?;
    replace(&app, channel.actor.id, Kind::Banner, None).await?;
    Ok(StatusCode::NO_CONTENT)
}
