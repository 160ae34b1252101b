//! Where a user is logged in, and how to end that from afar.

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::admin_users::managed;
use super::extract::{LoginSession, Page, UserPath, path_number};
use super::fields::QueryFields;
use super::model::List;
use super::problem::{Problem, ProblemBody, Result};
use crate::app::App;
use crate::domain::{Timestamp, User, UserId};
use crate::store::{SessionSort, Token, Tx};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(token_sessions)).routes(routes!(revoke_token_session))
}

/// A session.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct TokenSession {
    /// Row id.
    id: i64,
    /// The one that asks.
    current_session: bool,
    /// What the program called itself that logged in.
    login_device: Option<String>,
    /// Where from.
    #[serde(rename = "loginIP")]
    login_ip: Option<String>,
    /// When.
    #[schema(value_type = Option<String>)]
    login_date: Option<Timestamp>,
    /// What the program called itself that was seen last.
    last_activity_device: Option<String>,
    /// Where from.
    #[serde(rename = "lastActivityIP")]
    last_activity_ip: Option<String>,
    /// When, within some minutes.
    #[schema(value_type = Option<String>)]
    last_activity_date: Option<Timestamp>,
    /// When its tokens were made.
    #[schema(value_type = String)]
    created_at: Timestamp,
}

impl TokenSession {
    fn of(session: Token, current: &Token) -> Self {
        Self {
            id: session.id,
            current_session: session.id == current.id,
            login_device: session.login.device,
            login_ip: session.login.ip,
            login_date: session.login.at,
            last_activity_device: session.active.device,
            last_activity_ip: session.active.ip,
            last_activity_date: session.active.at,
            created_at: session.created_at,
        }
    }
}

/// Everybody has a say about their own sessions, moderators about those of users.
async fn check(tx: &mut Tx, id: UserId, by: &User) -> Result<()> {
    if id == by.id {
        return Ok(());
    }
    if !by.role.moderates() {
        return Err(Problem::forbidden("Cannot manage the sessions of another user"));
    }
    managed(tx, id, by).await.map(drop)
}

/// A user's sessions. For themselves and moderators.
#[utoipa::path(
    get, path = "/api/v1/users/{id}/token-sessions", tag = "Session",
    params(("id" = i64, Path), ("start" = Option<i64>, Query), ("count" = Option<i64>, Query), ("sort" = Option<String>, Query)),
    responses((status = 200, body = List<TokenSession>), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn token_sessions(
    State(app): State<App>,
    LoginSession(current, by): LoginSession,
    UserPath(id): UserPath,
    QueryFields(fields): QueryFields,
) -> Result<Json<List<TokenSession>>> {
    let page = Page::parse(&fields)?;
    let sort = match fields.text("sort") {
        None | Some("") => SessionSort::default(),
        Some(name) => SessionSort::parse(name).ok_or_else(|| Problem::invalid("sort", "is no known order"))?,
    };
    let mut tx = app.store.read().await?;
    check(&mut tx, id, &by).await?;
    let (total, sessions) = tx.tokens().of_user(id, sort, page.start, page.count).await?;
    let data = sessions.into_iter().map(|session| TokenSession::of(session, &current)).collect();
    Ok(Json(List { total, data }))
}

/// The session that a path names by row id.
struct SessionPath(i64);

impl FromRequestParts<App> for SessionPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        path_number(parts, app, "tokenSessionId").await.map(Self)
    }
}

/// End a session. For its user and moderators.
#[utoipa::path(
    post, path = "/api/v1/users/{id}/token-sessions/{tokenSessionId}/revoke", tag = "Session",
    params(("id" = i64, Path), ("tokenSessionId" = i64, Path)),
    responses((status = 200, body = Object), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn revoke_token_session(
    State(app): State<App>,
    by: LoginSession,
    UserPath(id): UserPath,
    SessionPath(session): SessionPath,
) -> Result<Json<Value>> {
    let mut tx = app.store.write().await?;
    check(&mut tx, id, &by.1).await?;
    if !tx.tokens().delete_one_of(id, session).await? {
        return Err(Problem::not_found("Session"));
    }
    tx.commit().await?;
    Ok(Json(json!({ "success": true, "redirectUrl": null })))
}
