//! The second factor: codes of an app on the user's telephone (TOTP).

use std::net::IpAddr;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use rand::Rng as _;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::admin_users::managed;
use super::extract::{Login, UserPath};
use super::fields::Fields;
use super::problem::{Problem, ProblemBody, Result};
use super::serve::Client;
use crate::app::App;
use crate::domain::{OtpSecret, Timestamp, User, UserId};
use crate::secrets;
use crate::store::{Holder, Purpose, Tx};

/// What was asked for is to be confirmed within this time, as PeerTube has it.
const REQUEST_LIFETIME: Duration = Duration::from_secs(600);

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(request_two_factor)).routes(routes!(confirm_two_factor)).routes(routes!(disable_two_factor))
}

/// A password to be sure.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
struct PasswordForm {
    /// Of whoever asks; moderators need none for others.
    current_password: Option<String>,
}

/// What is needed to set up an app.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct OtpRequest {
    /// To confirm with.
    request_token: String,
    /// For apps that take it typed.
    secret: String,
    /// For apps that read it from a QR code.
    uri: String,
}

/// An answer that holds only that.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct OtpRequested {
    /// What is needed to set up an app.
    otp_request: OtpRequest,
}

/// The user whose second factor `by` may change: themselves, or those they manage.
async fn subject(tx: &mut Tx, id: UserId, by: &User) -> Result<User> {
    if id == by.id {
        return tx.users().by_id(id).await?.ok_or_else(|| Problem::not_found("User"));
    }
    if !by.role.moderates() {
        return Err(Problem::forbidden("Cannot change the two factor setting of another user"));
    }
    managed(tx, id, by).await
}

/// The same, to be changed: until this transaction ends nobody else changes them.
async fn held_subject(tx: &mut Tx, id: UserId, by: &User) -> Result<User> {
    tx.users().hold(id).await?;
    subject(tx, id, by).await
}

/// For oneself the password is asked for again.
async fn check_password(app: &App, id: UserId, by: &User, fields: &Fields, address: IpAddr) -> Result<()> {
    if id != by.id {
        return Ok(());
    }
    let password = fields
        .text("currentPassword")
        .filter(|password| !password.is_empty())
        .ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "currentPassword is missing"))?;
    if app.auth.is_password_of(by, password.to_owned(), address).await? {
        Ok(())
    } else {
        Err(Problem::forbidden("currentPassword is invalid.").code("current_password_is_invalid"))
    }
}

/// Begin to set up a second factor. It counts once it is confirmed.
#[utoipa::path(
    post, path = "/api/v1/users/{id}/two-factor/request", tag = "Users", params(("id" = i64, Path)), request_body = PasswordForm,
    responses((status = 200, body = OtpRequested), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody), (status = 429, body = ProblemBody))
)]
async fn request_two_factor(
    State(app): State<App>,
    client: Client,
    Login(by): Login,
    UserPath(id): UserPath,
    fields: Fields,
) -> Result<Json<OtpRequested>> {
    let user = subject(&mut app.store.read().await?, id, &by).await?;
    check_password(&app, id, &by, &fields, client.address).await?;
    if user.otp_secret.is_some() {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "Two factor is already enabled."));
    }
    let secret = OtpSecret::from_bytes(rand::rng().random());
    let request_token = secrets::random_hex::<16>();
    let mut tx = app.store.write().await?;
    let expires_at = Timestamp::now().plus(REQUEST_LIFETIME);
    let hash = secrets::hash(&request_token);
    tx.one_time().put(Purpose::TwoFactor, Holder::User(id), &hash, Some(&secret.to_base32()), expires_at).await?;
    tx.commit().await?;
    let account = if user.email.is_empty() { &user.username } else { &user.email };
    let uri = secret.uri(&app.config.instance.name, account);
    Ok(Json(OtpRequested { otp_request: OtpRequest { request_token, secret: secret.to_base32(), uri } }))
}

/// A first code, to be sure that the app works.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
struct ConfirmForm {
    /// From the request.
    request_token: String,
    /// From the app.
    otp_token: String,
}

/// Confirm a second factor with its first code.
#[utoipa::path(
    post, path = "/api/v1/users/{id}/two-factor/confirm-request", tag = "Users", params(("id" = i64, Path)), request_body = ConfirmForm,
    responses((status = 204), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn confirm_two_factor(State(app): State<App>, Login(by): Login, UserPath(id): UserPath, fields: Fields) -> Result<StatusCode> {
    let needed = |field: &'static str| fields.text(field).ok_or_else(|| Problem::invalid(field, "is needed"));
    let (request_token, code) = (needed("requestToken")?, needed("otpToken")?);
    let mut tx = app.store.write().await?;
    let mut user = held_subject(&mut tx, id, &by).await?;
    if user.otp_secret.is_some() {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "Two factor is already enabled."));
    }
    let kept = tx.one_time().find(Purpose::TwoFactor, Holder::User(id), &secrets::hash(request_token)).await?.flatten();
    let secret = kept.as_deref().and_then(OtpSecret::from_base32).ok_or_else(|| Problem::forbidden("Invalid request token"))?;
    let step = secret.step_of(code, Timestamp::now().as_millis() / 1000).ok_or_else(|| Problem::forbidden("Invalid OTP token"))?;
    user.otp_secret = Some(secret);
    tx.users().update(&user).await?;
    // This code was used.
    tx.users().use_otp_step(id, step).await?;
    tx.one_time().remove(Purpose::TwoFactor, Holder::User(id)).await?;
    tx.commit().await?;
    tracing::info!(user.id = %id, by = %by.id, "user.two_factor on");
    Ok(StatusCode::NO_CONTENT)
}

/// Log in without a second factor again.
#[utoipa::path(
    post, path = "/api/v1/users/{id}/two-factor/disable", tag = "Users", params(("id" = i64, Path)), request_body = PasswordForm,
    responses((status = 204), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody), (status = 429, body = ProblemBody))
)]
async fn disable_two_factor(
    State(app): State<App>,
    client: Client,
    Login(by): Login,
    UserPath(id): UserPath,
    fields: Fields,
) -> Result<StatusCode> {
    subject(&mut app.store.read().await?, id, &by).await?;
    check_password(&app, id, &by, &fields, client.address).await?;
    let mut tx = app.store.write().await?;
    let mut user = held_subject(&mut tx, id, &by).await?;
    if user.otp_secret.take().is_none() {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "Two factor is already disabled."));
    }
    tx.users().update(&user).await?;
    tx.commit().await?;
    tracing::info!(user.id = %id, by = %by.id, "user.two_factor off");
    Ok(StatusCode::NO_CONTENT)
}
