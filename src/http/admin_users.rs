//! Users, for those who manage them.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Base, Moderator, Page, UserPath};
use super::fields::{Fields, QueryFields};
use super::me::{delete_user_with_everything, refuse_taken};
use super::model::List;
use super::people::UserView;
use super::problem::{Problem, ProblemBody, Result};
use crate::app::App;
use crate::domain::{ChannelName, Email, Role, User, UserId, Username};
use crate::mail::Letter;
use crate::store::{Holder, Purpose, Tx, UserFilter, UserSort};
use crate::users::{NewPerson, generate_password, is_free};
use crate::{removal, users};

/// Longest text that is searched for.
pub(super) const MAX_SEARCH: usize = 200;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_users, create_user))
        .routes(routes!(show_user, update_user, delete_user))
        .routes(routes!(block_user))
        .routes(routes!(unblock_user))
}

async fn found(tx: &mut Tx, id: UserId) -> Result<User> {
    tx.users().by_id(id).await?.ok_or_else(|| Problem::not_found("User"))
}

/// A user whom `by` may manage.
pub(super) async fn managed(tx: &mut Tx, id: UserId, by: &User) -> Result<User> {
    let user = found(tx, id).await?;
    if by.role.manages(user.role) { Ok(user) } else { Err(Problem::forbidden("Users can only be managed by moderators or admins.")) }
}

/// The same, to be changed: until this transaction ends nobody else changes them, so that the whole row can be written back.
pub(super) async fn held(tx: &mut Tx, id: UserId, by: &User) -> Result<User> {
    tx.users().hold(id).await?;
    managed(tx, id, by).await
}

/// What is searched for, if anything.
pub(super) fn search(fields: &Fields) -> Result<Option<String>> {
    match fields.text("search").map(str::trim).filter(|text| !text.is_empty()) {
        Some(text) if text.len() > MAX_SEARCH => Err(Problem::invalid("search", "too long")),
        text => Ok(text.map(str::to_owned)),
    }
}

/// All users. For moderators.
#[utoipa::path(
    get, path = "/api/v1/users", tag = "Users",
    params(
        ("start" = Option<i64>, Query), ("count" = Option<i64>, Query), ("sort" = Option<String>, Query),
        ("search" = Option<String>, Query), ("blocked" = Option<bool>, Query), ("role" = Option<i64>, Query)
    ),
    responses((status = 200, body = List<UserView>), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody))
)]
async fn list_users(
    State(app): State<App>,
    base: Base,
    _moderator: Moderator,
    QueryFields(fields): QueryFields,
) -> Result<Json<List<UserView>>> {
    let page = Page::parse(&fields)?;
    let sort = match fields.text("sort") {
        None | Some("") => UserSort::default(),
        Some(name) => UserSort::parse(name).ok_or_else(|| Problem::invalid("sort", "is no known order"))?,
    };
    let role = match fields.integer("role")? {
        Some(code) => Some(Role::parse(code).ok_or_else(|| Problem::invalid("role", "must be 0, 1 or 2"))?),
        None => None,
    };
    let filter =
        UserFilter { search: search(&fields)?, blocked: fields.flag("blocked")?, role, sort, start: page.start, count: page.count };
    let mut tx = app.store.read().await?;
    let (total, users) = tx.users().list(&filter).await?;
    let mut data = Vec::with_capacity(users.len());
    for user in &users {
        data.push(UserView::of_managed(&mut tx, user, &base, false).await?);
    }
    Ok(Json(List { total, data }))
}

/// A new user.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
struct NewUserForm {
    /// a-z, 0-9, . and _
    username: String,
    /// 6 to 255 characters; empty: they choose it by a link in a letter.
    password: Option<String>,
    /// Where letters go.
    email: String,
    /// 0 administrator, 1 moderator, 2 user; only administrators make others than users.
    role: i64,
    /// Bytes of video in all; -1: no limit.
    video_quota: Option<i64>,
    /// Bytes of video within 24 hours; -1: no limit.
    video_quota_daily: Option<i64>,
    /// 1: their videos need no review.
    admin_flags: Option<i64>,
    /// The first channel's name.
    channel_name: Option<String>,
}

/// Ids of an account.
#[derive(Serialize, ToSchema)]
struct AccountIdView {
    /// Row id.
    id: i64,
}

/// Ids of a new user.
#[derive(Serialize, ToSchema)]
struct UserIds {
    /// Row id.
    id: i64,
    /// Their account.
    account: AccountIdView,
}

/// An answer that holds only a new user's ids.
#[derive(Serialize, ToSchema)]
struct CreatedUser {
    /// The new user.
    user: UserIds,
}

/// Add a user with an account and a channel. For moderators.
#[utoipa::path(
    post, path = "/api/v1/users", tag = "Users", request_body = NewUserForm,
    responses((status = 200, body = CreatedUser), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 409, body = ProblemBody))
)]
async fn create_user(State(app): State<App>, Moderator(by): Moderator, fields: Fields) -> Result<Json<CreatedUser>> {
    let username = Username::parse(fields.text("username").unwrap_or("")).map_err(|error| Problem::invalid("username", error.0))?;
    let email = Email::parse(fields.text("email").unwrap_or("")).map_err(|error| Problem::invalid("email", error.0))?;
    let role = fields.integer("role")?.and_then(Role::parse).ok_or_else(|| Problem::invalid("role", "must be 0, 1 or 2"))?;
    if role != Role::User && by.role != Role::Administrator {
        return Err(Problem::forbidden("You can only create users (and not administrators or moderators)"));
    }
    let mut quota = app.config.user.quota();
    apply_quota(&fields, &mut quota.total, &mut quota.daily)?;
    let admin_flags = flags(&fields)?.unwrap_or(0);
    let channel = match fields.nullable("channelName").flatten() {
        Some(name) => Some(ChannelName::parse(name).map_err(|error| Problem::invalid("channelName", error.0))?),
        None => None,
    };
    if channel.as_ref().is_some_and(|channel| channel.as_str() == username.as_str()) {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "Channel name cannot be the same as user username."));
    }
    let password = fields.text("password").filter(|password| !password.is_empty());
    if password.is_none() && !app.mailer.is_connected() {
        return Err(Problem::invalid("password", "is needed: this server sends no letters"));
    }
    let generated = if password.is_none() { generate_password() } else { String::new() };
    let password_hash = app.auth.hash_password(password.unwrap_or(&generated)).await?;

    let mut tx = app.store.write().await?;
    refuse_taken_names(&mut tx, &username, channel.as_ref()).await?;
    let person = NewPerson {
        quota,
        admin_flags,
        channel: channel.as_ref().map(|channel| (channel, channel.as_str())),
        ..NewPerson::new(&username, email.as_str(), role, &password_hash)
    };
    let (id, account_id) = person.insert(&mut tx).await?;
    if password.is_none() {
        tx.jobs().enqueue(&Letter::CreatePassword(id)).await?;
    }
    tx.commit().await?;
    app.jobs.wake();
    tracing::info!(user.id = %id, by = %by.id, "user.create");
    Ok(Json(CreatedUser { user: UserIds { id: id.0, account: AccountIdView { id: account_id.0 } } }))
}

/// Names of users and channels are one namespace.
pub(super) async fn refuse_taken_names(tx: &mut Tx, username: &Username, channel: Option<&ChannelName>) -> Result<()> {
    if !is_free(tx, username.as_str()).await? {
        return Err(users::Error::Taken(username.as_str().to_owned()).into());
    }
    if let Some(channel) = channel
        && !is_free(tx, channel.as_str()).await?
    {
        return Err(Problem::new(StatusCode::CONFLICT, format!("Channel with name {} already exists.", channel.as_str())));
    }
    Ok(())
}

fn apply_quota(fields: &Fields, total: &mut i64, daily: &mut i64) -> Result<()> {
    for (field, place) in [("videoQuota", total), ("videoQuotaDaily", daily)] {
        if let Some(bytes) = fields.integer(field)? {
            if bytes < -1 {
                return Err(Problem::invalid(field, "must be -1 (no limit) or more"));
            }
            *place = bytes;
        }
    }
    Ok(())
}

fn flags(fields: &Fields) -> Result<Option<i64>> {
    match fields.integer("adminFlags")? {
        Some(flags) if flags & !User::ADMIN_FLAGS != 0 => Err(Problem::invalid("adminFlags", "must be 0 or 1")),
        flags => Ok(flags),
    }
}

/// One user. For moderators.
#[utoipa::path(
    get, path = "/api/v1/users/{id}", tag = "Users", params(("id" = i64, Path), ("withStats" = Option<bool>, Query)),
    responses((status = 200, body = UserView), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn show_user(
    State(app): State<App>,
    base: Base,
    _moderator: Moderator,
    UserPath(id): UserPath,
    QueryFields(fields): QueryFields,
) -> Result<Json<UserView>> {
    let with_stats = fields.flag("withStats")?.unwrap_or(false);
    let mut tx = app.store.read().await?;
    let user = found(&mut tx, id).await?;
    Ok(Json(UserView::of_managed(&mut tx, &user, &base, with_stats).await?))
}

/// What can be changed of a user.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
struct UserForm {
    /// 6 to 255 characters; all sessions end.
    password: Option<String>,
    /// Where letters go.
    email: Option<String>,
    /// The address is theirs.
    email_verified: Option<bool>,
    /// Bytes of video in all; -1: no limit.
    video_quota: Option<i64>,
    /// Bytes of video within 24 hours; -1: no limit.
    video_quota_daily: Option<i64>,
    /// 0 administrator, 1 moderator, 2 user; all sessions end.
    role: Option<i64>,
    /// 1: their videos need no review.
    admin_flags: Option<i64>,
}

/// Change a user: only the fields that are sent. Moderators change users, administrators everybody.
#[utoipa::path(
    put, path = "/api/v1/users/{id}", tag = "Users", params(("id" = i64, Path)), request_body = UserForm,
    responses((status = 204), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody), (status = 409, body = ProblemBody))
)]
async fn update_user(State(app): State<App>, Moderator(by): Moderator, UserPath(id): UserPath, fields: Fields) -> Result<StatusCode> {
    // Before the password is hashed, which costs.
    managed(&mut app.store.read().await?, id, &by).await?;
    let password_hash = match fields.text("password") {
        Some(password) => Some(app.auth.hash_password(password).await?),
        None => None,
    };
    let mut tx = app.store.write().await?;
    let mut user = held(&mut tx, id, &by).await?;
    let before = user.role;
    if let Some(code) = fields.integer("role")? {
        user.role = Role::parse(code).ok_or_else(|| Problem::invalid("role", "must be 0, 1 or 2"))?;
        if user.role != before && user.is_root() {
            return Err(Problem::new(StatusCode::BAD_REQUEST, "Cannot change root role."));
        }
        if user.role != before && by.role != Role::Administrator {
            return Err(Problem::forbidden("Only administrators change roles."));
        }
    }
    if let Some(text) = fields.text("email") {
        let email = Email::parse(text).map_err(|error| Problem::invalid("email", error.0))?;
        if email.as_str() != user.email {
            refuse_taken(&mut tx, &email, &user).await?;
            user.email = email.as_str().to_owned();
            user.pending_email = None;
            tx.one_time().remove_letters_of(id).await?;
        }
    }
    if let Some(verified) = fields.flag("emailVerified")? {
        user.email_verified = Some(verified);
    }
    apply_quota(&fields, &mut user.quota.total, &mut user.quota.daily)?;
    if let Some(flags) = flags(&fields)? {
        user.admin_flags = flags;
    }
    tx.users().update(&user).await?;
    if let Some(hash) = &password_hash {
        tx.users().set_password(id, hash).await?;
        tx.one_time().remove(Purpose::ResetPassword, Holder::User(id)).await?;
    }
    if password_hash.is_some() || user.role != before {
        tx.tokens().delete_of(id).await?;
    }
    tx.commit().await?;
    tracing::info!(user.id = %id, by = %by.id, "user.update");
    Ok(StatusCode::NO_CONTENT)
}

/// Delete a user with everything: channels, videos, pictures. There is no way back.
#[utoipa::path(
    delete, path = "/api/v1/users/{id}", tag = "Users", params(("id" = i64, Path)),
    responses((status = 204), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn delete_user(State(app): State<App>, Moderator(by): Moderator, UserPath(id): UserPath) -> Result<StatusCode> {
    let user = managed(&mut app.store.read().await?, id, &by).await?;
    if user.is_root() {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "Cannot remove the root user"));
    }
    delete_user_with_everything(&app, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Why somebody is kept out.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
struct BlockForm {
    /// At most 250 characters; they are told.
    reason: Option<String>,
}

/// Keep a user out: sessions and broadcasts end. For moderators.
#[utoipa::path(
    post, path = "/api/v1/users/{id}/block", tag = "Users", params(("id" = i64, Path)), request_body = BlockForm,
    responses((status = 204), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn block_user(State(app): State<App>, Moderator(by): Moderator, UserPath(id): UserPath, fields: Fields) -> Result<StatusCode> {
    let reason = fields.nullable("reason").flatten();
    if reason.is_some_and(|reason| reason.chars().count() > User::MAX_BLOCKED_REASON) {
        return Err(Problem::invalid("reason", "has at most 250 characters"));
    }
    let user = set_blocked(&app, id, &by, true, reason).await?;
    removal::end_broadcasts_of(&app, user.account_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Let a user in again. For moderators.
#[utoipa::path(
    post, path = "/api/v1/users/{id}/unblock", tag = "Users", params(("id" = i64, Path)),
    responses((status = 204), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn unblock_user(State(app): State<App>, Moderator(by): Moderator, UserPath(id): UserPath) -> Result<StatusCode> {
    set_blocked(&app, id, &by, false, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn set_blocked(app: &App, id: UserId, by: &User, blocked: bool, reason: Option<&str>) -> Result<User> {
    let mut tx = app.store.write().await?;
    let mut user = held(&mut tx, id, by).await?;
    if user.is_root() {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "Cannot block the root user"));
    }
    user.blocked = blocked;
    user.blocked_reason = reason.map(str::to_owned);
    tx.users().update(&user).await?;
    if blocked {
        tx.tokens().delete_of(id).await?;
    }
    let letter = if blocked { Letter::Blocked(id) } else { Letter::Unblocked(id) };
    if !tx.jobs().is_waiting(&letter).await? {
        tx.jobs().enqueue(&letter).await?;
    }
    tx.commit().await?;
    app.jobs.wake();
    tracing::info!(user.id = %id, by = %by.id, blocked, "user.block");
    Ok(user)
}
