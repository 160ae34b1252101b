//! Files as they are on disk: pictures and videos for download.

use std::path::Path as FilePath;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::routing::get;
use tower::ServiceExt as _;
use tower_http::services::ServeFile;

use crate::app::App;
use crate::live::{thumbnail, web_videos_folder};

/// Pictures get a new name when they change, and videos never change under theirs.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=86400");

/// Pictures below `/lazy-static`, videos below `/static/web-videos` and `/download/web-videos`.
pub fn router() -> Router<App> {
    Router::new()
        .route("/lazy-static/thumbnails/{file}", get(small_picture))
        .route("/lazy-static/previews/{file}", get(large_picture))
        .route("/static/thumbnails/{file}", get(small_picture))
        .route("/static/web-videos/{file}", get(video))
        .route("/download/web-videos/{file}", get(download))
}

async fn small_picture(State(app): State<App>, Path(file): Path<String>, request: Request) -> Response<Body> {
    serve(&thumbnail::thumbnails_folder(&app.config.data_dir), &file, request).await
}

async fn large_picture(State(app): State<App>, Path(file): Path<String>, request: Request) -> Response<Body> {
    serve(&thumbnail::previews_folder(&app.config.data_dir), &file, request).await
}

async fn video(State(app): State<App>, Path(file): Path<String>, request: Request) -> Response<Body> {
    serve(&web_videos_folder(&app.config.data_dir), &file, request).await
}

async fn download(State(app): State<App>, Path(file): Path<String>, request: Request) -> Response<Body> {
    let mut response = serve(&web_videos_folder(&app.config.data_dir), &file, request).await;
    response.headers_mut().insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    response
}

/// A file by a name without anything that leads elsewhere.
pub(super) fn is_plain_name(file: &str) -> bool {
    !file.starts_with('.') && file.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

async fn serve(folder: &FilePath, file: &str, request: Request) -> Response<Body> {
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
    response
}

fn not_found() -> Response<Body> {
    let mut response = Response::new(Body::from("no such file"));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
