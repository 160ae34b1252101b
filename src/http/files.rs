//! Files as they are on disk: pictures and videos for download.

use std::path::Path as FilePath;

use axum::body::Body;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::middleware::map_request;
use axum::routing::get;
use axum::{Extension, Router};
use tower::ServiceExt as _;
use tower_http::services::ServeFile;
use uuid::Uuid;

use super::blobs::{self, Asked};
use super::media_access::MediaAccess;
use super::{captions, range};
use crate::app::App;
use crate::blobs::Blob;
use crate::live::{thumbnail, vod_folder, web_videos_folder};
use crate::vod::is_storyboard;
use crate::vod::uploaded::captions_folder;

/// Pictures get a new name when they change, and videos never change under theirs. Not `public`: what was asked for with
/// an access token is not for shared caches (RFC 9111 section 3.5).
const CACHE: HeaderValue = HeaderValue::from_static("max-age=86400");
/// What may be different the next time.
pub(super) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// Browsers save it instead of showing it.
pub(super) const ATTACHMENT: HeaderValue = HeaderValue::from_static("attachment");

/// Pictures below `/lazy-static`, videos below `/static/web-videos` and `/download/web-videos`.
pub fn router(access: MediaAccess) -> Router<App> {
    Router::new()
        .route("/lazy-static/thumbnails/{file}", get(small_picture))
        .route("/lazy-static/previews/{file}", get(large_picture))
        .route("/static/thumbnails/{file}", get(small_picture))
        .route(&format!("{}{{file}}", captions::FOLDER), get(captions_file))
        .route("/lazy-static/storyboards/{file}", get(storyboard))
        .route("/static/web-videos/{file}", get(video))
        .route("/download/web-videos/{file}", get(video))
        .layer(map_request(range::of_get_only))
        .layer(Extension(access))
}

async fn small_picture(State(app): State<App>, Path(file): Path<String>, request: Request) -> Response<Body> {
    serve(&thumbnail::thumbnails_folder(&app.config.data_dir), &file, request).await
}

async fn large_picture(State(app): State<App>, Path(file): Path<String>, request: Request) -> Response<Body> {
    serve(&thumbnail::previews_folder(&app.config.data_dir), &file, request).await
}

/// Captions are named by their video's public id, as its files are.
async fn captions_file(
    State(app): State<App>,
    Extension(access): Extension<MediaAccess>,
    Path(file): Path<String>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response<Body> {
    let Some(uuid) = file.get(..36).and_then(|text| Uuid::parse_str(text).ok()) else { return not_found() };
    if let Some(refusal) = access.refusal(&app, uuid, request.headers(), query.as_deref()).await {
        return refusal;
    }
    serve(&captions_folder(&app.config.data_dir, uuid), &file, request).await
}

/// Sprites are named by their video's public id and their file. Pages that cannot send who asks with pictures have a token in the address.
async fn storyboard(
    State(app): State<App>,
    Extension(access): Extension<MediaAccess>,
    Path(file): Path<String>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response<Body> {
    let Some((uuid, name)) = storyboard_of(&file) else { return not_found() };
    if let Some(refusal) = access.refusal(&app, uuid, request.headers(), query.as_deref()).await {
        return refusal;
    }
    serve(&vod_folder(&app.config.data_dir, uuid), name, request).await
}

/// What a storyboard is called in the API.
pub(super) fn storyboard_name(video: Uuid, file: &str) -> String {
    format!("{video}_{file}")
}

fn storyboard_of(name: &str) -> Option<(Uuid, &str)> {
    let (video, file) = name.split_once('_')?;
    Some((Uuid::try_parse(video).ok()?, file)).filter(|_| is_storyboard(file))
}

/// A video's files are named by its public id; who may not watch it may not fetch them.
async fn video(
    State(app): State<App>,
    Extension(access): Extension<MediaAccess>,
    Path(file): Path<String>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response<Body> {
    let Some(uuid) = file.get(..36).and_then(|text| Uuid::parse_str(text).ok()) else { return not_found() };
    if let Some(refusal) = access.refusal(&app, uuid, request.headers(), query.as_deref()).await {
        return refusal;
    }
    let is_download = request.uri().path().starts_with("/download/") || asks_for_download(query.as_deref());
    let mut response = web_video(&app, uuid, file, request).await;
    if is_download {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, ATTACHMENT);
    }
    response
}

/// A plain file of this video, wherever it is. Who may have it was looked at before.
pub(super) async fn web_video(app: &App, uuid: Uuid, file: String, request: Request) -> Response<Body> {
    let asked = Asked { method: request.method().clone(), headers: request.headers().clone() };
    let mut response = serve(&web_videos_folder(&app.config.data_dir), &file, request).await;
    if response.status() == StatusCode::NOT_FOUND && app.blobs.is_configured() && is_plain_name(&file) {
        response = blobs::serve(app, uuid, Blob::WebVideo(file), &asked).await;
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    }
    response
}

/// `?download=1`, as file addresses in the API have it.
pub(super) fn asks_for_download(query: Option<&str>) -> bool {
    query.is_some_and(|query| query.split('&').any(|pair| pair == "download=1"))
}

/// A file by a name without anything that leads elsewhere.
pub(super) fn is_plain_name(file: &str) -> bool {
    !file.starts_with('.') && file.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

pub(super) async fn serve(folder: &FilePath, file: &str, request: Request) -> Response<Body> {
    let found = match is_plain_name(file) {
        true => match ServeFile::new(folder.join(file)).oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
        .map(Body::new),
        false => not_found(),
    };
    let mut response = if found.status() == StatusCode::NOT_FOUND { not_found() } else { found };
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(CACHE);
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

pub(super) fn not_found() -> Response<Body> {
    plain(StatusCode::NOT_FOUND, "no such file", NO_STORE)
}

/// A line of text in place of media.
pub(super) fn plain(status: StatusCode, text: impl Into<Body>, cache_control: HeaderValue) -> Response<Body> {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, cache_control);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn storyboards_are_found_by_video_and_file() {
        let (video, version) = (Uuid::new_v4(), Uuid::new_v4());
        let file = crate::vod::storyboard_file(&version.to_string());
        assert_eq!(storyboard_of(&storyboard_name(video, &file)), Some((video, file.as_str())));
        for name in ["x.jpg", "../../etc_passwd.jpg", &file, &format!("{video}_{version}.jpg"), &format!("{video}_{version}-720.m3u8")] {
            assert_eq!(storyboard_of(name), None, "{name}");
        }
    }
}
