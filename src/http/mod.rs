//! The HTTP edge: one file per aggregate, plus what they share.

pub mod auth;
pub mod serve;
pub mod viewers;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;

use crate::app::App;

/// Everything that the public listeners answer.
pub fn router(app: App) -> Router {
    Router::new().route("/healthz", get(async || "ok\n")).with_state(app)
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
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], app.metrics.render(&jobs))
}

pub mod openapi {
    //! The API's description.

    /// As JSON.
    pub fn document_json() -> String {
        "{}".into()
    }
}
