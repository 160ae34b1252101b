//! Logins, and one's own videos.

use axum::Json;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, HeaderValue};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::IntoResponse;
use serde::Serialize;
use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::auth::{Attempt, Place};
use super::extract::{AccessToken, Base, Login, device};
use super::fields::{Fields, QueryFields};
use super::model::{List, VideoSummary};
use super::problem::{OTP, Problem, ProblemBody, Result};
use super::serve::Client;
use super::videos::filter;
use crate::app::App;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(oauth_client)).routes(routes!(token)).routes(routes!(revoke_token)).routes(routes!(my_videos))
}

/// The public OAuth client.
#[derive(Serialize, ToSchema)]
struct OAuthClient {
    /// Not a secret: every page uses it.
    client_id: String,
    /// Not a secret: every page uses it.
    client_secret: String,
}

/// The OAuth client that pages and apps use.
#[utoipa::path(get, path = "/api/v1/oauth-clients/local", tag = "Session", responses((status = 200, body = OAuthClient)))]
async fn oauth_client(State(app): State<App>) -> Json<OAuthClient> {
    let (client_id, client_secret) = app.auth.client();
    Json(OAuthClient { client_id: client_id.to_owned(), client_secret: client_secret.to_owned() })
}

/// Tokens of a session.
#[derive(Serialize, ToSchema)]
struct Tokens {
    /// `Bearer`
    token_type: &'static str,
    /// For requests.
    access_token: String,
    /// For the next pair.
    refresh_token: String,
    /// Seconds.
    expires_in: u64,
    /// Seconds.
    refresh_token_expires_in: u64,
}

/// What to log in with.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form; it is read field by field")]
struct TokenForm {
    client_id: String,
    client_secret: String,
    /// `password` or `refresh_token`
    grant_type: String,
    /// For `password`.
    username: Option<String>,
    /// For `password`.
    password: Option<String>,
    /// For `refresh_token`.
    refresh_token: Option<String>,
}

/// Log in (OAuth 2 password grant) or renew a session (refresh grant).
#[utoipa::path(
    post, path = "/api/v1/users/token", tag = "Session",
    params(("x-peertube-otp" = Option<String>, Header, description = "A code of the second factor, where there is one")),
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = Tokens), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 429, body = ProblemBody))
)]
async fn token(State(app): State<App>, client: Client, headers: HeaderMap, fields: Fields) -> Result<impl IntoResponse> {
    let (id, secret) = app.auth.client();
    let same = |name: &str, value: &str| bool::from(fields.text(name).unwrap_or("").as_bytes().ct_eq(value.as_bytes()));
    if !same("client_id", id) || !same("client_secret", secret) {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "Invalid client: client is invalid").code("invalid_client"));
    }
    let needed = |name: &'static str| {
        fields
            .text(name)
            .ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, format!("Missing parameter: `{name}`")).code("invalid_request"))
    };
    let place = Place { address: client.address, device: device(&headers) };
    let issued = match fields.text("grant_type") {
        Some("password") => {
            let password = needed("password")?.to_owned();
            let otp = headers.get(OTP).and_then(|value| value.to_str().ok());
            app.auth.log_in(&app.store, Attempt { login: needed("username")?, password, otp, place }).await?
        }
        Some("refresh_token") => app.auth.refresh(&app.store, needed("refresh_token")?, place).await?,
        _ => {
            return Err(
                Problem::new(StatusCode::BAD_REQUEST, "Unsupported grant type: `grant_type` is invalid").code("unsupported_grant_type")
            );
        }
    };
    let tokens = Tokens {
        token_type: "Bearer",
        access_token: issued.access,
        refresh_token: issued.refresh,
        expires_in: issued.access_expires_in_s,
        refresh_token_expires_in: issued.refresh_expires_in_s,
    };
    // RFC 6749 section 5.1
    let headers: [(HeaderName, HeaderValue); 1] = [(CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((headers, Json(tokens)))
}

/// Log out: the session of this token ends.
#[utoipa::path(post, path = "/api/v1/users/revoke-token", tag = "Session", responses((status = 200), (status = 401, body = ProblemBody)))]
async fn revoke_token(State(app): State<App>, _login: Login, AccessToken(token): AccessToken) -> Result<Json<Value>> {
    app.auth.log_out(&app.store, &token).await?;
    Ok(Json(json!({ "success": true, "redirectUrl": null })))
}

/// All videos of whoever asks, whatever their state.
#[utoipa::path(
    get, path = "/api/v1/users/me/videos", tag = "My User",
    params(("start" = Option<i64>, Query), ("count" = Option<i64>, Query), ("sort" = Option<String>, Query), ("isLive" = Option<bool>, Query)),
    responses((status = 200, body = List<VideoSummary>), (status = 401, body = ProblemBody))
)]
async fn my_videos(
    State(app): State<App>,
    base: Base,
    Login(user): Login,
    QueryFields(fields): QueryFields,
) -> Result<Json<List<VideoSummary>>> {
    let mut wanted = filter(&fields)?;
    wanted.account = Some(user.account_id);
    if fields.text("sort").is_none() {
        wanted.sort = crate::store::Sort::NewestCreated;
    }
    let (total, videos) = app.store.read().await?.videos().list(&wanted).await?;
    let data = videos.iter().map(|video| VideoSummary::of(video, &app, &base, true)).collect();
    Ok(Json(List { total, data }))
}
