//! What is done with a secret from a letter: proving an address, choosing a password.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::brake::Brake;
use super::extract::UserPath;
use super::fields::Fields;
use super::problem::{Problem, ProblemBody, Result};
use super::registrations::RegistrationPath;
use super::serve::Client;
use crate::app::App;
use crate::domain::{Email, Timestamp};
use crate::mail::Letter;
use crate::secrets;
use crate::store::{Holder, Purpose, Tx};

/// Letters that one address may ask for, and secrets that it may try, in a row...
const BURST: u32 = 20;
/// ...and again within this time.
const WINDOW: Duration = Duration::from_secs(300);
/// One letter of a kind to one person within this time, whoever asks for it.
const PAUSE: Duration = Duration::from_secs(60);

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(ask_verify_email))
        .routes(routes!(ask_verify_registration_email))
        .routes(routes!(verify_email))
        .routes(routes!(verify_registration_email))
        .routes(routes!(ask_reset_password))
        .routes(routes!(reset_password))
        .layer(Extension(Arc::new(Brake::slow(BURST, WINDOW))))
}

/// Who asks for a letter.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
struct AddressForm {
    /// Where letters go.
    email: String,
}

fn email(fields: &Fields) -> Result<Email> {
    Email::parse(fields.text("email").unwrap_or("")).map_err(|error| Problem::invalid("email", error.0))
}

/// Has a letter written, unless one was a moment ago, or is about to be, or there were enough. Whether there is anybody to write to is
/// told to nobody.
async fn ask(app: &App, mut tx: Tx, email: &Email, wanted: Option<(Letter, Purpose, Holder)>) -> Result<StatusCode> {
    if let Some((letter, purpose, holder)) = wanted
        && !tx.one_time().was_made_since(purpose, holder, Timestamp::now().minus(PAUSE)).await?
        && !tx.jobs().is_waiting(&letter).await?
        && app.mailer.ask(purpose, email.as_str()).is_ok()
    {
        tx.jobs().enqueue(&letter).await?;
        tx.commit().await?;
        app.jobs.wake();
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Ask once more for the letter that proves an address.
#[utoipa::path(
    post, path = "/api/v1/users/ask-send-verify-email", tag = "Users", request_body = AddressForm,
    responses((status = 204), (status = 400, body = ProblemBody), (status = 429, body = ProblemBody))
)]
async fn ask_verify_email(
    State(app): State<App>,
    Extension(brake): Extension<Arc<Brake>>,
    client: Client,
    fields: Fields,
) -> Result<StatusCode> {
    brake.pass(client.address, Instant::now()).map_err(Problem::too_many)?;
    let email = email(&fields)?;
    let mut tx = app.store.write().await?;
    let wanted = match tx.users().by_pending_email(email.as_str()).await? {
        Some(user) => Some((Letter::VerifyPendingEmail(user.id), Purpose::VerifyPendingEmail, Holder::User(user.id))),
        None => {
            let user = tx.users().by_email(email.as_str()).await?.filter(|user| user.email_verified == Some(false));
            user.map(|user| (Letter::VerifyEmail(user.id), Purpose::VerifyEmail, Holder::User(user.id)))
        }
    };
    ask(&app, tx, &email, wanted).await
}

/// Ask once more for the letter that proves a registration's address.
#[utoipa::path(
    post, path = "/api/v1/users/registrations/ask-send-verify-email", tag = "Register", request_body = AddressForm,
    responses((status = 204), (status = 400, body = ProblemBody), (status = 429, body = ProblemBody))
)]
async fn ask_verify_registration_email(
    State(app): State<App>,
    Extension(brake): Extension<Arc<Brake>>,
    client: Client,
    fields: Fields,
) -> Result<StatusCode> {
    brake.pass(client.address, Instant::now()).map_err(Problem::too_many)?;
    let email = email(&fields)?;
    let mut tx = app.store.write().await?;
    let registration = tx.registrations().by_email(email.as_str()).await?.filter(|one| one.email_verified == Some(false));
    let wanted = registration.map(|one| (Letter::VerifyRegistration(one.id), Purpose::VerifyRegistration, Holder::Registration(one.id)));
    ask(&app, tx, &email, wanted).await
}

/// What a letter's link carries.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
struct VerificationForm {
    /// From the link.
    verification_string: String,
    /// It proves the address that is to replace the present one.
    is_pending_email: Option<bool>,
}

fn secret(fields: &Fields) -> Result<String> {
    let secret = fields.text("verificationString").filter(|text| !text.is_empty());
    secret.map(secrets::hash).ok_or_else(|| Problem::invalid("verificationString", "is needed"))
}

fn invalid_secret() -> Problem {
    Problem::forbidden("Invalid verification string.")
}

/// Refuses a secret that is not good (any more), or was written to another address than this.
async fn check(tx: &mut Tx, purpose: Purpose, holder: Holder, hash: &str, address: &str) -> Result<()> {
    let written_to = tx.one_time().find(purpose, holder, hash).await?.flatten();
    if written_to.is_some_and(|written_to| written_to == address) { Ok(()) } else { Err(invalid_secret()) }
}

/// Prove an address.
#[utoipa::path(
    post, path = "/api/v1/users/{id}/verify-email", tag = "Users", params(("id" = i64, Path)), request_body = VerificationForm,
    responses((status = 204), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody), (status = 409, body = ProblemBody), (status = 429, body = ProblemBody))
)]
async fn verify_email(
    State(app): State<App>,
    Extension(brake): Extension<Arc<Brake>>,
    client: Client,
    UserPath(id): UserPath,
    fields: Fields,
) -> Result<StatusCode> {
    brake.pass(client.address, Instant::now()).map_err(Problem::too_many)?;
    let hash = secret(&fields)?;
    let is_pending = fields.flag("isPendingEmail")?.unwrap_or(false);
    let purpose = if is_pending { Purpose::VerifyPendingEmail } else { Purpose::VerifyEmail };
    let mut tx = app.store.write().await?;
    let mut user = tx.users().hold(id).await?.ok_or_else(|| Problem::not_found("User"))?;
    if is_pending {
        let address = user.pending_email.take().ok_or_else(invalid_secret)?;
        check(&mut tx, purpose, Holder::User(id), &hash, &address).await?;
        user.email = address;
        tx.one_time().remove_letters_of(id).await?;
    } else {
        check(&mut tx, purpose, Holder::User(id), &hash, &user.email).await?;
        tx.one_time().remove(purpose, Holder::User(id)).await?;
    }
    user.email_verified = Some(true);
    tx.users().update(&user).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Prove a registration's address.
#[utoipa::path(
    post, path = "/api/v1/users/registrations/{registrationId}/verify-email", tag = "Register", params(("registrationId" = i64, Path)),
    request_body = VerificationForm,
    responses((status = 204), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody), (status = 429, body = ProblemBody))
)]
async fn verify_registration_email(
    State(app): State<App>,
    Extension(brake): Extension<Arc<Brake>>,
    client: Client,
    path: RegistrationPath,
    fields: Fields,
) -> Result<StatusCode> {
    brake.pass(client.address, Instant::now()).map_err(Problem::too_many)?;
    let hash = secret(&fields)?;
    let mut tx = app.store.write().await?;
    let registration = path.fetch(&mut tx).await?;
    let holder = Holder::Registration(registration.id);
    check(&mut tx, Purpose::VerifyRegistration, holder, &hash, &registration.email).await?;
    tx.registrations().verify_email(registration.id).await?;
    if let Some(id) = registration.user_id {
        // Accepted before the letter was read. They may have another address by now.
        let mut user = tx.users().hold(id).await?.ok_or_else(|| Problem::not_found("User"))?;
        if user.email == registration.email {
            user.email_verified = Some(true);
            tx.users().update(&user).await?;
        }
    }
    tx.one_time().remove(Purpose::VerifyRegistration, holder).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ask for a letter with a link to choose a new password.
#[utoipa::path(
    post, path = "/api/v1/users/ask-reset-password", tag = "Users", request_body = AddressForm,
    responses((status = 204), (status = 400, body = ProblemBody), (status = 429, body = ProblemBody))
)]
async fn ask_reset_password(
    State(app): State<App>,
    Extension(brake): Extension<Arc<Brake>>,
    client: Client,
    fields: Fields,
) -> Result<StatusCode> {
    brake.pass(client.address, Instant::now()).map_err(Problem::too_many)?;
    let email = email(&fields)?;
    let mut tx = app.store.write().await?;
    // Whoever is kept out needs no password.
    let user = tx.users().by_email(email.as_str()).await?.filter(|user| !user.blocked);
    let wanted = user.map(|user| (Letter::ResetPassword(user.id), Purpose::ResetPassword, Holder::User(user.id)));
    ask(&app, tx, &email, wanted).await
}

/// A new password with what a letter's link carries.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
struct ResetForm {
    /// From the link.
    verification_string: String,
    /// 6 to 255 characters.
    password: String,
}

/// Choose a new password; all sessions end.
#[utoipa::path(
    post, path = "/api/v1/users/{id}/reset-password", tag = "Users", params(("id" = i64, Path)), request_body = ResetForm,
    responses((status = 204), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody), (status = 429, body = ProblemBody))
)]
async fn reset_password(
    State(app): State<App>,
    Extension(brake): Extension<Arc<Brake>>,
    client: Client,
    UserPath(id): UserPath,
    fields: Fields,
) -> Result<StatusCode> {
    brake.pass(client.address, Instant::now()).map_err(Problem::too_many)?;
    let hash = secret(&fields)?;
    let password = fields.text("password").ok_or_else(|| Problem::invalid("password", "is needed"))?;
    let mut tx = app.store.read().await?;
    let user = tx.users().by_id(id).await?.ok_or_else(|| Problem::not_found("User"))?;
    check(&mut tx, Purpose::ResetPassword, Holder::User(id), &hash, &user.email).await?;
    drop(tx);
    let password_hash = app.auth.hash_password(password).await?;
    let mut tx = app.store.write().await?;
    // Again: it counts once, and for the address that the user has now.
    let user = tx.users().hold(id).await?.ok_or_else(|| Problem::not_found("User"))?;
    check(&mut tx, Purpose::ResetPassword, Holder::User(id), &hash, &user.email).await?;
    tx.users().set_password(id, &password_hash).await?;
    tx.one_time().remove(Purpose::ResetPassword, Holder::User(id)).await?;
    tx.tokens().delete_of(id).await?;
    tx.commit().await?;
    tracing::info!(user.id = %user.id, "user.reset_password");
    Ok(StatusCode::NO_CONTENT)
}
