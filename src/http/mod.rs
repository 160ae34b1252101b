//! The HTTP edge: one file per aggregate, plus what they share.

mod admin_users;
pub mod auth;
mod brake;
mod channels;
mod direct;
mod exports;
mod extract;
mod fields;
mod files;
mod hls;
pub mod hub;
mod images;
mod instance;
mod lives;
mod me;
pub mod media_access;
mod model;
pub mod openapi;
mod people;
mod problem;
mod range;
mod registrations;
pub mod serve;
mod sessions;
mod shell;
mod shoal;
mod socket;
mod swarms;
mod tracker;
mod two_factor;
mod users;
mod verification;
mod videos;
pub mod viewers;

use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use tower_http::cors::{Any, CorsLayer};
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
use problem::Problem;

/// Largest body of an API request: a live's form may carry two pictures of 4 MiB.
const MAX_BODY: usize = 9 << 20;
/// An API request takes no longer, its body included.
const API_TIMEOUT: Duration = Duration::from_secs(30);
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
        .merge(shoal::router())
        .merge(swarms::router())
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
        .layer(middleware::from_fn(api_manners))
        .layer(
            CorsLayer::new()
                .allow_origin(Any)
                .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
                .allow_headers([AUTHORIZATION, CONTENT_TYPE, HeaderName::from_static("x-peertube-video-password"), problem::OTP])
                .expose_headers([problem::OTP])
                .max_age(PREFLIGHT_AGE),
        );
    Router::new()
        .route("/healthz", get(healthz))
        .merge(hls::router(app.media_access.clone()))
        .merge(files::router(app.media_access.clone()))
        .merge(images::files_router())
        .merge(exports::files_router())
        .merge(shell::router())
        .route("/api/shoal/v1/socket", get(socket::upgrade))
        .merge(tracker::router())
        .merge(api)
        .fallback(shell::fallback)
        .with_state(app)
}

/// Answers are nobody's to cache, and slow requests end.
async fn api_manners(request: Request, next: Next) -> Response {
    let Ok(mut response) = tokio::time::timeout(API_TIMEOUT, next.run(request)).await else {
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
    let counts = match app.store.read().await {
        Ok(mut tx) => tx.jobs().counts().await.unwrap_or_default(),
        Err(_) => Default::default(),
    };
    let jobs = [("waiting", counts.waiting), ("active", counts.active), ("failed", counts.failed)];
    (
        [(CONTENT_TYPE, "text/plain; version=0.0.4")],
        app.metrics.render(&jobs, app.swarms.tracker().peers(), &app.swarms.tracker().messages()),
    )
}
