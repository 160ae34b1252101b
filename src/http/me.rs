//! Whoever is logged in: what they know of themselves and may change.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Base, Login, LoginSession};
use super::fields::Fields;
use super::people::UserView;
use super::problem::{Problem, ProblemBody, Result};
use super::serve::Client;
use crate::app::App;
use crate::domain::{Account, Email, NsfwPolicy, Preferences, Used, User};
use crate::mail::Letter;
use crate::removal;
use crate::store::{Holder, Purpose, Tx};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(me, update_me, delete_me)).routes(routes!(quota_used))
}

/// Whoever asks, with their channels.
#[utoipa::path(get, path = "/api/v1/users/me", tag = "My User", responses((status = 200, body = UserView), (status = 401, body = ProblemBody)))]
async fn me(State(app): State<App>, base: Base, Login(user): Login) -> Result<Json<UserView>> {
    Ok(Json(UserView::of_oneself(&mut app.store.read().await?, &user, &base).await?))
}

/// What can be changed.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes the form; it is read field by field")]
struct MeForm {
    /// The account's name as shown.
    display_name: Option<String>,
    /// About them; null takes it away.
    description: Option<String>,
    /// Needed for a new password or address.
    current_password: Option<String>,
    /// 6 to 255 characters; all other sessions end.
    password: Option<String>,
    /// A new address; where addresses are proven, it counts once it is.
    email: Option<String>,
    /// Others may see the address.
    email_public: Option<bool>,
    /// `display`, `blur`, `warn` or `do_not_list`.
    nsfw_policy: Option<String>,
    /// Their pages share videos with other viewers, unless they choose otherwise there.
    p2p_enabled: Option<bool>,
    /// Play when a page opens.
    auto_play_video: Option<bool>,
    /// Then play what is suggested.
    auto_play_next_video: Option<bool>,
    /// Then play what comes next in the playlist.
    auto_play_next_video_playlist: Option<bool>,
    /// Keep what was watched.
    videos_history_enabled: Option<bool>,
    /// Only show videos in these languages; null: all.
    video_languages: Option<Vec<String>>,
    /// Of the pages and letters.
    language: Option<String>,
    /// Of the pages.
    theme: Option<String>,
    /// Do not tell again what the instance lacks.
    no_instance_config_warning_modal: Option<bool>,
    /// Do not welcome again.
    no_welcome_modal: Option<bool>,
    /// Do not tell again what the account lacks.
    no_account_setup_warning_modal: Option<bool>,
}

/// Change oneself; what is not named stays. PeerTube's settings that mean nothing here are passed over.
#[utoipa::path(
    put, path = "/api/v1/users/me", tag = "My User", request_body = MeForm,
    responses((status = 204), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 409, body = ProblemBody), (status = 429, body = ProblemBody))
)]
async fn update_me(
    State(app): State<App>,
    client: Client,
    LoginSession(session, user): LoginSession,
    fields: Fields,
) -> Result<StatusCode> {
    // PeerTube's pages send the address along when it did not change.
    let email = match fields.text("email").filter(|text| !text.trim().eq_ignore_ascii_case(&user.email)) {
        Some(text) => Some(Email::parse(text).map_err(|error| Problem::invalid("email", error.0))?),
        None => None,
    };
    let password = fields.text("password");
    if password.is_some() || email.is_some() {
        let current =
            fields.text("currentPassword").ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "currentPassword parameter is missing"))?;
        if !app.auth.is_password_of(&user, current.to_owned(), client.address).await? {
            return Err(Problem::new(StatusCode::UNAUTHORIZED, "currentPassword is invalid.").code("current_password_is_invalid"));
        }
    }
    let password_hash = match password {
        Some(password) => Some(app.auth.hash_password(password).await?),
        None => None,
    };

    let mut tx = app.store.write().await?;
    // As it is now: hashing took its time.
    let mut user = tx.users().hold(user.id).await?.ok_or_else(|| Problem::not_found("User"))?;
    apply_preferences(&mut user, &fields)?;
    let mut letter = None;
    if let Some(email) = email {
        refuse_taken(&mut tx, &email, &user).await?;
        if app.config.signup.requires_email_verification {
            user.pending_email = Some(email.as_str().to_owned());
            tx.one_time().remove(Purpose::VerifyPendingEmail, Holder::User(user.id)).await?;
            // One that waits goes to this address.
            let wanted = Letter::VerifyPendingEmail(user.id);
            if !tx.jobs().is_waiting(&wanted).await? {
                app.mailer.ask_for(Purpose::VerifyPendingEmail, &user.username, email.as_str()).map_err(Problem::too_many)?;
                letter = Some(wanted);
            }
        } else {
            user.email = email.as_str().to_owned();
            (user.pending_email, user.email_verified) = (None, None);
            tx.one_time().remove_letters_of(user.id).await?;
        }
    }
    tx.users().update(&user).await?;
    if let Some(hash) = password_hash {
        tx.users().set_password(user.id, &hash).await?;
        tx.tokens().delete_others_of(user.id, session.id).await?;
        tx.one_time().remove(Purpose::ResetPassword, Holder::User(user.id)).await?;
    }
    apply_account(&mut tx, &user, &fields).await?;
    if let Some(letter) = letter {
        tx.jobs().enqueue(&letter).await?;
    }
    tx.commit().await?;
    app.jobs.wake();
    Ok(StatusCode::NO_CONTENT)
}

/// Addresses are unique.
pub(super) async fn refuse_taken(tx: &mut Tx, email: &Email, user: &User) -> Result<()> {
    match tx.users().by_email(email.as_str()).await? {
        Some(other) if other.id != user.id => Err(Problem::new(StatusCode::CONFLICT, "User with this email already exists.")),
        _ => Ok(()),
    }
}

async fn apply_account(tx: &mut Tx, user: &User, fields: &Fields) -> Result<()> {
    let (name, description) = (fields.text("displayName"), fields.nullable("description"));
    if name.is_none() && description.is_none() {
        return Ok(());
    }
    let mut account = tx.accounts().by_id(user.account_id).await?.ok_or_else(|| Problem::not_found("Account"))?;
    if let Some(name) = name {
        account.display_name = Account::parse_display_name(name).map_err(|error| Problem::invalid("displayName", error.0))?;
    }
    if let Some(description) = description {
        account.description = text_of("description", description)?;
    }
    tx.accounts().update(&account).await?;
    Ok(())
}

/// A description or a text about support, of an account or a channel.
pub(super) fn text_of(field: &'static str, text: Option<&str>) -> Result<Option<String>> {
    match text {
        Some(text) if text.chars().count() > Account::MAX_TEXT => Err(Problem::invalid(field, "has at most 1000 characters")),
        text => Ok(text.map(str::to_owned)),
    }
}

fn apply_preferences(user: &mut User, fields: &Fields) -> Result<()> {
    let preferences = &mut user.preferences;
    for (field, place) in [
        ("p2pEnabled", &mut user.p2p_enabled),
        ("emailPublic", &mut preferences.email_public),
        ("videosHistoryEnabled", &mut preferences.videos_history),
        ("autoPlayVideo", &mut preferences.auto_play_video),
        ("autoPlayNextVideo", &mut preferences.auto_play_next_video),
        ("autoPlayNextVideoPlaylist", &mut preferences.auto_play_next_video_playlist),
        ("noInstanceConfigWarningModal", &mut preferences.no_instance_config_warning_modal),
        ("noWelcomeModal", &mut preferences.no_welcome_modal),
        ("noAccountSetupWarningModal", &mut preferences.no_account_setup_warning_modal),
    ] {
        if let Some(value) = fields.flag(field)? {
            *place = value;
        }
    }
    if let Some(word) = fields.text("nsfwPolicy") {
        preferences.nsfw_policy =
            NsfwPolicy::parse(word).ok_or_else(|| Problem::invalid("nsfwPolicy", "must be display, blur, warn or do_not_list"))?;
    }
    if fields.has("videoLanguages") {
        let languages = fields.list("videoLanguages");
        if languages.len() > Preferences::MAX_LANGUAGES || languages.iter().any(|code| code.len() > Preferences::MAX_WORD) {
            return Err(Problem::invalid("videoLanguages", "has too many languages, or one that is none"));
        }
        preferences.video_languages = (!languages.is_empty()).then(|| languages.into_iter().map(str::to_owned).collect());
    }
    if let Some(language) = fields.nullable("language") {
        preferences.language = language.map(|language| word("language", language)).transpose()?;
    }
    if let Some(theme) = fields.text("theme") {
        preferences.theme = word("theme", theme)?;
    }
    Ok(())
}

fn word(field: &'static str, text: &str) -> Result<String> {
    let good = !text.is_empty()
        && text.len() <= Preferences::MAX_WORD
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if good { Ok(text.to_owned()) } else { Err(Problem::invalid(field, "must be a word")) }
}

/// Delete oneself with everything: channels, videos, pictures, sessions. There is no way back.
#[utoipa::path(
    delete, path = "/api/v1/users/me", tag = "My User",
    responses((status = 204), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody))
)]
async fn delete_me(State(app): State<App>, Login(user): Login) -> Result<StatusCode> {
    if user.is_root() {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "You cannot delete your root account."));
    }
    delete_user_with_everything(&app, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes a user with their account and all that hangs on it.
pub(super) async fn delete_user_with_everything(app: &App, user: &User) -> Result<()> {
    let account = app.store.read().await?.accounts().by_id(user.account_id).await?.ok_or_else(|| Problem::not_found("Account"))?;
    removal::account(app, &account).await?;
    tracing::info!(user.id = %user.id, "user.delete");
    Ok(())
}

/// How much somebody has here.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct QuotaUsed {
    /// Bytes of video in all.
    video_quota_used: i64,
    /// Bytes of video added within 24 hours.
    video_quota_used_daily: i64,
}

/// How much of the quota is used.
#[utoipa::path(get, path = "/api/v1/users/me/video-quota-used", tag = "My User", responses((status = 200, body = QuotaUsed), (status = 401, body = ProblemBody)))]
async fn quota_used(State(app): State<App>, Login(user): Login) -> Result<Json<QuotaUsed>> {
    let Used { total, daily } = app.store.read().await?.users().used(user.account_id).await?;
    Ok(Json(QuotaUsed { video_quota_used: total, video_quota_used_daily: daily }))
}
