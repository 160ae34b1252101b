//! The HTTP edge: one file per aggregate, plus what they share.

mod admin_users;
pub mod auth;
mod blobs;
mod brake;
mod captions;
mod channels;
mod chapters;
mod direct;
mod downloads;
mod exports;
mod extract;
mod fields;
mod files;
mod form;
mod history;
mod hls;
pub mod hub;
mod images;
mod imports;
mod instance;
mod jobs;
mod lives;
mod me;
pub mod media_access;
mod model;
pub mod openapi;
mod people;
mod problem;
mod range;
mod rate_limits;
mod ratings;
mod registrations;
mod resumable;
pub mod serve;
mod server_stats;
mod sessions;
mod shell;
mod shoal;
mod slots;
mod socket;
pub mod socket_io;
mod swarms;
mod torrents;
mod tracker;
mod transcoding;
mod two_factor;
mod upload;
mod users;
mod verification;
mod video_bodies;
mod video_files;
mod video_form;
mod video_passwords;
mod video_stats;
pub mod video_tokens;
mod videos;
pub mod viewers;

use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_RANGE, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, RANGE, RETRY_AFTER,
};
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use tower_http::cors::{Any, CorsLayer};
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
use crate::domain::Place;
use crate::metrics::Kept;
use problem::Problem;

/// Largest body of an API request: a live's form may carry two pictures of 4 MiB.
const MAX_BODY: usize = 9 << 20;
/// An API request takes no longer, its body included.
const API_TIMEOUT: Duration = Duration::from_secs(30);
/// Except where a video's file comes in: the largest takes ten hours at 10 Mbit/s. There the body must not stand still.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(12 * 3600);
/// How long browsers may keep the answer to a preflight.
const PREFLIGHT_AGE: Duration = Duration::from_secs(7200);

/// The API with its description.
fn api() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(openapi::Document::openapi())
        .merge(users::router())
        .merge(me::router())
        .merge(admin_users::router())
        .merge(registrations::router())
        .merge(verification::router())
        .merge(sessions::router())
        .merge(two_factor::router())
        .merge(images::router())
        .merge(exports::router())
        .merge(videos::router())
        .merge(lives::router())
        .merge(channels::router())
        .merge(instance::router())
        .merge(server_stats::router())
        .merge(shoal::router())
        .merge(swarms::router())
        .merge(upload::router())
        .merge(resumable::router())
        .merge(imports::router())
        .merge(captions::router())
        .merge(chapters::router())
        .merge(ratings::router())
        .merge(history::router())
        .merge(video_files::router())
        .merge(video_passwords::router())
        .merge(video_stats::router())
        .merge(transcoding::router())
        .merge(jobs::router())
}

/// Everything that the public listeners answer.
pub fn router(app: App) -> Router {
    let (api, document) = api().split_for_parts();
    // Rendered once.
    let document = std::sync::Arc::<str>::from(document.to_pretty_json().unwrap_or_default());
    let api = api
        .route(
            "/api/v1/openapi.json",
            get(move || {
                let document = document.clone();
                async move { ([(CONTENT_TYPE, "application/json")], document.to_string()) }
            }),
        )
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(rate_limits::ApiLimit::new(&app), rate_limits::api))
        .layer(middleware::from_fn(api_manners))
        .layer(
            CorsLayer::new()
                .allow_origin(Any)
                .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
                .allow_headers([
                    AUTHORIZATION,
                    CONTENT_TYPE,
                    CONTENT_RANGE,
                    HeaderName::from_static(extract::PASSWORD_HEADER),
                    HeaderName::from_static(resumable::LENGTH_HEADER),
                    HeaderName::from_static(resumable::TYPE_HEADER),
                    problem::OTP,
                ])
                .expose_headers([LOCATION, RANGE, RETRY_AFTER, problem::OTP])
                .max_age(PREFLIGHT_AGE),
        );
    Router::new()
        .route("/healthz", get(healthz))
        .merge(hls::router(app.media_access.clone()))
        .merge(files::router(app.media_access.clone()))
        .merge(torrents::router(app.media_access.clone()))
        .merge(downloads::router(app.media_access.clone()))
        .merge(images::files_router())
        .merge(exports::files_router())
        .merge(shell::router())
        .route("/api/shoal/v1/socket", get(socket::upgrade))
        .merge(tracker::router())
        .merge(socket_io::router(&app))
        .merge(api)
        .fallback(shell::fallback)
        .with_state(app)
}

/// Answers are nobody's to cache, and slow requests end.
async fn api_manners(request: Request, next: Next) -> Response {
    let limit = if upload::takes_a_file(request.uri().path()) { UPLOAD_TIMEOUT } else { API_TIMEOUT };
    let Ok(mut response) = tokio::time::timeout(limit, next.run(request)).await else {
        return Problem::new(StatusCode::REQUEST_TIMEOUT, "The request took too long").into_response();
    };
    let headers = response.headers_mut();
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    response
}

/// 200 while the server can do its work: the database answers.
async fn healthz(State(app): State<App>) -> Result<Json<serde_json::Value>, Problem> {
    app.store.ping().await?;
    Ok(Json(serde_json::json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") })))
}

/// What the metrics listener answers.
pub fn metrics_router(app: App) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(app)
}

async fn metrics(State(app): State<App>) -> impl IntoResponse {
    let free_bytes = crate::live::free_bytes(&app.config.data_dir);
    let (counts, kept) = match app.store.read().await {
        Ok(mut tx) => (
            tx.jobs().counts().await.unwrap_or_default(),
            Kept {
                disk: tx.media().stored(Place::Disk).await.unwrap_or_default(),
                object_storage: tx.media().stored(Place::ObjectStorage).await.unwrap_or_default(),
                free_bytes,
            },
        ),
        Err(_) => Default::default(),
    };
    let jobs = [("waiting", counts.waiting), ("active", counts.active), ("failed", counts.failed)];
    let mut text = app.metrics.render(&jobs, app.swarms.tracker().peers(), &app.swarms.tracker().messages());
    app.metrics.work.render(&kept, &mut text);
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}
