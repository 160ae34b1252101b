//! People who would like to have an account: they get it at once, or a moderator answers them.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::admin_users::{refuse_taken_names, search};
use super::auth::network;
use super::brake::Brake;
use super::extract::{Moderator, Page, path_number};
use super::fields::{Fields, QueryFields};
use super::model::{Labelled, List, registration_state};
use super::problem::{Problem, ProblemBody, Result};
use super::serve::Client;
use crate::app::App;
use crate::domain::{Account, ChannelName, Email, Invalid, Registration, RegistrationId, RegistrationState, Role, Timestamp, Username};
use crate::mail::Letter;
use crate::store::{NewRegistration, RegistrationFilter, RegistrationSort, Tx};
use crate::tally::Tally;
use crate::users::NewPerson;

/// Registrations that one address may try in a row: a class behind one address may join together...
const BURST: u32 = 30;
/// ...and again within this time. Each costs a hash.
const WINDOW: Duration = Duration::from_secs(600);
/// Registrations of one network that are left for moderators to answer within [`ASKED_WINDOW`]: no stranger takes all the places of
/// [`Registration::MAX_PENDING`].
const ASKED: u32 = 25;
/// See [`ASKED`].
const ASKED_WINDOW: Duration = Duration::from_secs(86_400);

/// Those left for moderators, by network.
type Asked = Arc<Tally<IpAddr>>;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(register))
        .routes(routes!(request_registration))
        .layer(Extension(Arc::new(Brake::slow(BURST, WINDOW))))
        .layer(Extension(Asked::new(Tally::new(ASKED, ASKED_WINDOW))))
        .routes(routes!(list_registrations))
        .routes(routes!(delete_registration))
        .routes(routes!(accept_registration))
        .routes(routes!(reject_registration))
}

/// The registration that a path names by row id.
pub(super) struct RegistrationPath(pub RegistrationId);

impl FromRequestParts<App> for RegistrationPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        path_number(parts, app, "registrationId").await.map(|id| Self(RegistrationId(id)))
    }
}

impl RegistrationPath {
    pub async fn fetch(&self, tx: &mut Tx) -> Result<Registration> {
        tx.registrations().by_id(self.0).await?.ok_or_else(|| Problem::not_found("Registration"))
    }
}

/// A first channel.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
struct FirstChannelForm {
    /// a-z, 0-9, ., _, - and :
    name: String,
    /// As shown.
    display_name: String,
}

/// Somebody who would like to have an account.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
struct RegisterForm {
    /// a-z, 0-9, . and _
    username: String,
    /// 6 to 255 characters.
    password: String,
    /// Where letters go.
    email: String,
    /// The account's name as shown.
    display_name: Option<String>,
    /// The first channel.
    channel: Option<FirstChannelForm>,
    /// Why they would like to join; needed where moderators answer.
    registration_reason: Option<String>,
}

/// Where a registration stands.
#[derive(Serialize, ToSchema)]
struct RegistrationStateView {
    /// 1 pending, 3 accepted.
    state: Labelled<i64>,
}

/// What somebody filled in, checked.
struct Application {
    username: Username,
    email: Email,
    password: String,
    display_name: Option<String>,
    channel: Option<(ChannelName, String)>,
}

impl Application {
    fn parse(fields: &Fields) -> Result<Self> {
        let invalid = |field: &'static str| move |error: Invalid| Problem::invalid(field, error.0);
        let username = Username::parse(fields.text("username").unwrap_or("")).map_err(invalid("username"))?;
        let email = Email::parse(fields.text("email").unwrap_or("")).map_err(invalid("email"))?;
        let password = fields.text("password").ok_or_else(|| Problem::invalid("password", "is needed"))?.to_owned();
        let display_name = match fields.nullable("displayName").flatten() {
            Some(name) => Some(Account::parse_display_name(name).map_err(invalid("displayName"))?),
            None => None,
        };
        let channel = match (fields.nullable("channel[name]").flatten(), fields.nullable("channel[displayName]").flatten()) {
            (Some(name), Some(display_name)) => Some((
                ChannelName::parse(name).map_err(invalid("channel.name"))?,
                Account::parse_display_name(display_name).map_err(invalid("channel.displayName"))?,
            )),
            (None, None) => None,
            _ => {
                return Err(Problem::new(
                    StatusCode::BAD_REQUEST,
                    "Channel is optional but if you specify it, channel.name and channel.displayName are required.",
                ));
            }
        };
        if channel.as_ref().is_some_and(|(channel, _)| channel.as_str() == username.as_str()) {
            return Err(Problem::new(StatusCode::BAD_REQUEST, "Channel name cannot be the same as user username."));
        }
        Ok(Self { username, email, password, display_name, channel })
    }

    /// Names and addresses that somebody has, or waits for, are taken.
    async fn refuse_taken(&self, tx: &mut Tx) -> Result<()> {
        let channel = self.channel.as_ref().map(|(channel, _)| channel);
        refuse_taken_names(tx, &self.username, channel).await?;
        if tx.users().by_email(self.email.as_str()).await?.is_some() {
            return Err(Problem::new(StatusCode::CONFLICT, "User with this username or email already exists."));
        }
        let mut is_waited_for = tx.registrations().is_asked_for(self.username.as_str()).await?;
        is_waited_for |= tx.registrations().by_email(self.email.as_str()).await?.is_some();
        if let Some(channel) = channel {
            is_waited_for |= tx.registrations().is_asked_for(channel.as_str()).await?;
        }
        if is_waited_for {
            return Err(Problem::new(StatusCode::CONFLICT, "Registration with this username, channel name or email already exists."));
        }
        Ok(())
    }
}

/// Whether strangers may come in at all.
pub(super) async fn is_open(app: &App, tx: &mut Tx) -> Result<bool> {
    let signup = &app.config.signup;
    Ok(signup.enabled && (signup.limit < 0 || tx.users().count().await? < signup.limit))
}

async fn refuse_when_closed(app: &App, tx: &mut Tx) -> Result<()> {
    if is_open(app, tx).await? { Ok(()) } else { Err(Problem::forbidden("User registration is not allowed")) }
}

/// Those who wait for an answer are bounded.
async fn refuse_when_full(tx: &mut Tx) -> Result<()> {
    if tx.registrations().count_pending().await? < Registration::MAX_PENDING {
        return Ok(());
    }
    Err(Problem::forbidden("Too many registrations wait for an answer already, please try again later"))
}

/// Become a user; where moderators answer, ask to become one.
#[utoipa::path(
    post, path = "/api/v1/users/register", tag = "Register", request_body = RegisterForm,
    responses((status = 200, body = RegistrationStateView), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody), (status = 409, body = ProblemBody), (status = 429, body = ProblemBody))
)]
async fn register(
    State(app): State<App>,
    Extension(brake): Extension<Arc<Brake>>,
    Extension(asked): Extension<Asked>,
    client: Client,
    fields: Fields,
) -> Result<Json<RegistrationStateView>> {
    brake.pass(client.address, Instant::now()).map_err(Problem::too_many)?;
    refuse_when_closed(&app, &mut app.store.read().await?).await?;
    if app.config.signup.requires_approval {
        return ask(&app, &fields, &asked, client.address).await;
    }
    let application = Application::parse(&fields)?;
    check_first(&app, &application).await?;
    let password_hash = app.auth.hash_password(&application.password).await?;

    let mut tx = app.store.write().await?;
    refuse_when_closed(&app, &mut tx).await?;
    application.refuse_taken(&mut tx).await?;
    let needs_proof = app.config.signup.requires_email_verification;
    let person = NewPerson {
        email_verified: needs_proof.then_some(false),
        quota: app.config.user.quota(),
        display_name: application.display_name.as_deref(),
        channel: application.channel.as_ref().map(|(name, display_name)| (name, display_name.as_str())),
        ..NewPerson::new(&application.username, application.email.as_str(), Role::User, &password_hash)
    };
    let (id, _) = person.insert(&mut tx).await?;
    if needs_proof {
        tx.jobs().enqueue(&Letter::VerifyEmail(id)).await?;
    }
    tx.commit().await?;
    app.jobs.wake();
    tracing::info!(user.id = %id, "user.register");
    Ok(Json(RegistrationStateView { state: registration_state(RegistrationState::Accepted) }))
}

/// Refuses what is bound to be refused before its password is hashed, which costs.
async fn check_first(app: &App, application: &Application) -> Result<()> {
    let mut tx = app.store.read().await?;
    refuse_when_closed(app, &mut tx).await?;
    application.refuse_taken(&mut tx).await
}

/// Ask to become a user, with a reason.
#[utoipa::path(
    post, path = "/api/v1/users/registrations/request", tag = "Register", request_body = RegisterForm,
    responses((status = 200, body = RegistrationStateView), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody), (status = 409, body = ProblemBody), (status = 429, body = ProblemBody))
)]
async fn request_registration(
    State(app): State<App>,
    Extension(brake): Extension<Arc<Brake>>,
    Extension(asked): Extension<Asked>,
    client: Client,
    fields: Fields,
) -> Result<Json<RegistrationStateView>> {
    brake.pass(client.address, Instant::now()).map_err(Problem::too_many)?;
    refuse_when_closed(&app, &mut app.store.read().await?).await?;
    if !app.config.signup.requires_approval {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "Signup approval is not enabled on this instance"));
    }
    ask(&app, &fields, &asked, client.address).await
}

async fn ask(app: &App, fields: &Fields, asked: &Asked, address: IpAddr) -> Result<Json<RegistrationStateView>> {
    let application = Application::parse(fields)?;
    let reason = Registration::parse_message(fields.text("registrationReason").unwrap_or(""))
        .map_err(|error| Problem::invalid("registrationReason", error.0))?;
    check_first(app, &application).await?;
    refuse_when_full(&mut app.store.read().await?).await?;
    let password_hash = app.auth.hash_password(&application.password).await?;

    let mut tx = app.store.write().await?;
    refuse_when_closed(app, &mut tx).await?;
    refuse_when_full(&mut tx).await?;
    application.refuse_taken(&mut tx).await?;
    let needs_proof = app.config.signup.requires_email_verification;
    let registration = NewRegistration {
        reason: &reason,
        username: application.username.as_str(),
        email: application.email.as_str(),
        email_verified: needs_proof.then_some(false),
        password_hash: &password_hash,
        display_name: application.display_name.as_deref(),
        channel_name: application.channel.as_ref().map(|(name, _)| name.as_str()),
        channel_display_name: application.channel.as_ref().map(|(_, display_name)| display_name.as_str()),
    };
    // Last, so that nothing that is refused anyhow counts.
    asked.count(network(address), Instant::now()).map_err(Problem::too_many)?;
    let id = tx.registrations().create(registration).await?;
    if needs_proof {
        tx.jobs().enqueue(&Letter::VerifyRegistration(id)).await?;
    }
    for moderator in tx.users().moderators().await? {
        tx.jobs().enqueue(&Letter::NewRegistration { registration: id, moderator: moderator.id }).await?;
    }
    tx.commit().await?;
    app.jobs.wake();
    tracing::info!(registration.id = %id, "registration.request");
    Ok(Json(RegistrationStateView { state: registration_state(RegistrationState::Pending) }))
}

/// A user in shortest form.
#[derive(Serialize, ToSchema)]
struct UserIdView {
    /// Row id.
    id: i64,
}

/// A registration, for moderators.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RegistrationView {
    /// Row id.
    id: i64,
    /// 1 pending, 2 rejected, 3 accepted.
    state: Labelled<i64>,
    /// Why they would like to join.
    registration_reason: String,
    /// What they were answered.
    moderation_response: Option<String>,
    /// The login name they chose.
    username: String,
    /// Where letters go.
    email: String,
    /// Whether the address is proven; null: nobody asked for a proof.
    email_verified: Option<bool>,
    /// Of the account, as shown.
    account_display_name: Option<String>,
    /// The first channel's name.
    channel_handle: Option<String>,
    /// The first channel's name as shown.
    channel_display_name: Option<String>,
    /// When they asked.
    #[schema(value_type = String)]
    created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String)]
    updated_at: Timestamp,
    /// Who came of it.
    user: Option<UserIdView>,
}

impl RegistrationView {
    fn of(registration: Registration) -> Self {
        Self {
            id: registration.id.0,
            state: registration_state(registration.state),
            registration_reason: registration.reason,
            moderation_response: registration.moderation_response,
            username: registration.username,
            email: registration.email,
            email_verified: registration.email_verified,
            account_display_name: registration.display_name,
            channel_handle: registration.channel_name,
            channel_display_name: registration.channel_display_name,
            created_at: registration.created_at,
            updated_at: registration.updated_at,
            user: registration.user_id.map(|id| UserIdView { id: id.0 }),
        }
    }
}

/// All registrations. For moderators.
#[utoipa::path(
    get, path = "/api/v1/users/registrations", tag = "Register",
    params(
        ("start" = Option<i64>, Query), ("count" = Option<i64>, Query), ("sort" = Option<String>, Query),
        ("search" = Option<String>, Query), ("stateOneOf" = Option<Vec<i64>>, Query)
    ),
    responses((status = 200, body = List<RegistrationView>), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody))
)]
async fn list_registrations(
    State(app): State<App>,
    _moderator: Moderator,
    QueryFields(fields): QueryFields,
) -> Result<Json<List<RegistrationView>>> {
    let page = Page::parse(&fields)?;
    let sort = match fields.text("sort") {
        None | Some("") => RegistrationSort::default(),
        Some(name) => RegistrationSort::parse(name).ok_or_else(|| Problem::invalid("sort", "is no known order"))?,
    };
    let states = fields.integers("stateOneOf")?.into_iter().map(RegistrationState::from_code).collect::<Option<Vec<_>>>();
    let states = states.ok_or_else(|| Problem::invalid("stateOneOf", "must be 1, 2 or 3"))?;
    let filter = RegistrationFilter { search: search(&fields)?, states, sort, start: page.start, count: page.count };
    let (total, registrations) = app.store.read().await?.registrations().list(&filter).await?;
    Ok(Json(List { total, data: registrations.into_iter().map(RegistrationView::of).collect() }))
}

/// The answer to a registration.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
struct AnswerForm {
    /// What they are answered, 2 to 3000 characters.
    moderation_response: String,
    /// No letter.
    prevent_email_delivery: Option<bool>,
}

/// What is answered, and whether by letter.
fn answer(fields: &Fields) -> Result<(String, bool)> {
    let response = Registration::parse_message(fields.text("moderationResponse").unwrap_or(""))
        .map_err(|error| Problem::invalid("moderationResponse", error.0))?;
    Ok((response, !fields.flag("preventEmailDelivery")?.unwrap_or(false)))
}

async fn pending(path: &RegistrationPath, tx: &mut Tx) -> Result<Registration> {
    let registration = path.fetch(tx).await?;
    if registration.state == RegistrationState::Pending {
        Ok(registration)
    } else {
        Err(Problem::new(StatusCode::CONFLICT, "This registration is already accepted or rejected."))
    }
}

/// Make a user of a registration. For moderators.
#[utoipa::path(
    post, path = "/api/v1/users/registrations/{registrationId}/accept", tag = "Register", params(("registrationId" = i64, Path)), request_body = AnswerForm,
    responses((status = 204), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody), (status = 409, body = ProblemBody))
)]
async fn accept_registration(
    State(app): State<App>,
    Moderator(by): Moderator,
    path: RegistrationPath,
    fields: Fields,
) -> Result<StatusCode> {
    let (response, by_letter) = answer(&fields)?;
    let mut tx = app.store.write().await?;
    let registration = pending(&path, &mut tx).await?;
    // They were checked when they were written down.
    let username = Username::parse(&registration.username)?;
    let channel = registration.channel_name.as_deref().map(ChannelName::parse).transpose()?;
    let person = NewPerson {
        email_verified: registration.email_verified,
        quota: app.config.user.quota(),
        display_name: registration.display_name.as_deref(),
        channel: channel.as_ref().zip(registration.channel_display_name.as_deref()),
        ..NewPerson::new(&username, &registration.email, Role::User, &registration.password_hash)
    };
    let (user_id, _) = person.insert(&mut tx).await?;
    tx.registrations().accept(registration.id, user_id, &response).await?;
    if by_letter {
        tx.jobs().enqueue(&Letter::RegistrationAnswered(registration.id)).await?;
    }
    tx.commit().await?;
    app.jobs.wake();
    tracing::info!(registration.id = %registration.id, user.id = %user_id, by = %by.id, "registration.accept");
    Ok(StatusCode::NO_CONTENT)
}

/// Refuse a registration. For moderators.
#[utoipa::path(
    post, path = "/api/v1/users/registrations/{registrationId}/reject", tag = "Register", params(("registrationId" = i64, Path)), request_body = AnswerForm,
    responses((status = 204), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody), (status = 409, body = ProblemBody))
)]
async fn reject_registration(
    State(app): State<App>,
    Moderator(by): Moderator,
    path: RegistrationPath,
    fields: Fields,
) -> Result<StatusCode> {
    let (response, by_letter) = answer(&fields)?;
    let mut tx = app.store.write().await?;
    let registration = pending(&path, &mut tx).await?;
    tx.registrations().reject(registration.id, &response).await?;
    if by_letter {
        tx.jobs().enqueue(&Letter::RegistrationAnswered(registration.id)).await?;
    }
    tx.commit().await?;
    app.jobs.wake();
    tracing::info!(registration.id = %registration.id, by = %by.id, "registration.reject");
    Ok(StatusCode::NO_CONTENT)
}

/// Forget a registration: its names are free again. The user who came of it stays. For moderators.
#[utoipa::path(
    delete, path = "/api/v1/users/registrations/{registrationId}", tag = "Register", params(("registrationId" = i64, Path)),
    responses((status = 204), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn delete_registration(State(app): State<App>, _moderator: Moderator, path: RegistrationPath) -> Result<StatusCode> {
    let mut tx = app.store.write().await?;
    if !tx.registrations().delete(path.0).await? {
        return Err(Problem::not_found("Registration"));
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
