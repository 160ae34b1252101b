//! Accounts and channels.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Base, Login, MaybeLogin, Page};
use super::fields::{Fields, QueryFields};
use super::me::text_of;
use super::model::{AccountView, ChannelView, List, VideoSummary};
use super::problem::{Problem, ProblemBody, Result};
use super::videos::{answer, filter, narrow_to_public};
use crate::app::App;
use crate::domain::{Account, Channel, ChannelName, Handle, User};
use crate::removal;
use crate::store::{NewChannel, Tx};
use crate::users::is_free;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(accounts))
        .routes(routes!(account))
        .routes(routes!(account_channels))
        .routes(routes!(account_videos))
        .routes(routes!(channels, create))
        .routes(routes!(channel, update_channel, delete_channel))
        .routes(routes!(channel_videos))
}

async fn account_by(tx: &mut Tx, handle: &str, base: &Base) -> Result<Account> {
    let handle = Handle::parse(handle, base.authority());
    tx.accounts().by_handle(&handle).await?.ok_or_else(|| Problem::not_found("Account"))
}

pub(super) async fn channel_by(tx: &mut Tx, handle: &str, base: &Base) -> Result<Channel> {
    let handle = Handle::parse(handle, base.authority());
    tx.channels().by_handle(&handle).await?.ok_or_else(|| Problem::not_found("Video channel"))
}

/// A channel of this instance that `user` may change.
pub(super) fn managed_channel(channel: Channel, user: &User) -> Result<Channel> {
    if channel.actor.host.is_some() {
        return Err(Problem::forbidden("Cannot manage a channel of another server"));
    }
    if channel.account.id == user.account_id || user.role.moderates() {
        Ok(channel)
    } else {
        Err(Problem::forbidden("Cannot manage a channel of another user"))
    }
}

/// Accounts of this instance.
#[utoipa::path(
    get, path = "/api/v1/accounts", tag = "Accounts", params(("start" = Option<i64>, Query), ("count" = Option<i64>, Query)),
    responses((status = 200, body = List<AccountView>))
)]
async fn accounts(State(app): State<App>, base: Base, QueryFields(fields): QueryFields) -> Result<Json<List<AccountView>>> {
    let page = Page::parse(&fields)?;
    let (total, accounts) = app.store.read().await?.accounts().list(page.start, page.count).await?;
    let data = accounts.iter().map(|account| AccountView::of(account, &base)).collect();
    Ok(Json(List { total, data }))
}

/// One account. `name`: `name` or `name@host`.
#[utoipa::path(
    get, path = "/api/v1/accounts/{name}", tag = "Accounts", params(("name" = String, Path)),
    responses((status = 200, body = AccountView), (status = 404, body = ProblemBody))
)]
async fn account(State(app): State<App>, base: Base, Path(name): Path<String>) -> Result<Json<AccountView>> {
    let account = account_by(&mut app.store.read().await?, &name, &base).await?;
    Ok(Json(AccountView::of(&account, &base)))
}

/// An account's channels.
#[utoipa::path(
    get, path = "/api/v1/accounts/{name}/video-channels", tag = "Accounts", params(("name" = String, Path)),
    responses((status = 200, body = List<ChannelView>), (status = 404, body = ProblemBody))
)]
async fn account_channels(State(app): State<App>, base: Base, Path(name): Path<String>) -> Result<Json<List<ChannelView>>> {
    let mut tx = app.store.read().await?;
    let account = account_by(&mut tx, &name, &base).await?;
    let channels = tx.channels().of_account(account.id).await?;
    let data: Vec<_> = channels.iter().map(|channel| ChannelView::of(channel, &base)).collect();
    Ok(Json(List { total: i64::try_from(data.len()).unwrap_or(i64::MAX), data }))
}

/// An account's public videos.
#[utoipa::path(
    get, path = "/api/v1/accounts/{name}/videos", tag = "Accounts",
    params(("name" = String, Path), ("start" = Option<i64>, Query), ("count" = Option<i64>, Query), ("sort" = Option<String>, Query)),
    responses((status = 200, body = List<VideoSummary>), (status = 404, body = ProblemBody))
)]
async fn account_videos(
    State(app): State<App>,
    base: Base,
    MaybeLogin(user): MaybeLogin,
    Path(name): Path<String>,
    QueryFields(fields): QueryFields,
) -> Result<Json<List<VideoSummary>>> {
    let mut wanted = filter(&fields)?;
    narrow_to_public(&mut wanted, &fields, user.as_ref())?;
    wanted.account = Some(account_by(&mut app.store.read().await?, &name, &base).await?.id);
    answer(&app, &base, &wanted).await
}

/// Channels of this instance.
#[utoipa::path(
    get, path = "/api/v1/video-channels", tag = "Video Channels", params(("start" = Option<i64>, Query), ("count" = Option<i64>, Query)),
    responses((status = 200, body = List<ChannelView>))
)]
async fn channels(State(app): State<App>, base: Base, QueryFields(fields): QueryFields) -> Result<Json<List<ChannelView>>> {
    let page = Page::parse(&fields)?;
    let (total, channels) = app.store.read().await?.channels().list(page.start, page.count).await?;
    let data = channels.iter().map(|channel| ChannelView::of(channel, &base)).collect();
    Ok(Json(List { total, data }))
}

/// A channel to be.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
struct ChannelForm {
    /// a-z, 0-9, ., _, - and :
    name: String,
    /// As shown.
    display_name: String,
    /// About it.
    description: Option<String>,
    /// How to support it.
    support: Option<String>,
}

/// The id of something new.
#[derive(Serialize, ToSchema)]
struct Id {
    /// Row id.
    id: i64,
}

/// An answer that holds only a new channel's id.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CreatedChannel {
    video_channel: Id,
}

/// Add a channel to whoever asks.
#[utoipa::path(
    post, path = "/api/v1/video-channels", tag = "Video Channels", request_body = ChannelForm,
    responses((status = 200, body = CreatedChannel), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 409, body = ProblemBody))
)]
async fn create(State(app): State<App>, Login(user): Login, fields: Fields) -> Result<Json<CreatedChannel>> {
    let name = fields.text("name").ok_or_else(|| Problem::invalid("name", "is needed"))?;
    let name = ChannelName::parse(name).map_err(|error| Problem::invalid("name", error.0))?;
    let display_name =
        Account::parse_display_name(fields.text("displayName").unwrap_or("")).map_err(|error| Problem::invalid("displayName", error.0))?;
    let description = text_of("description", fields.nullable("description").flatten())?;
    let support = text_of("support", fields.nullable("support").flatten())?;
    let mut tx = app.store.write().await?;
    let most = app.config.user.max_channels;
    if tx.channels().of_account(user.account_id).await?.len() >= most as usize {
        return Err(Problem::new(StatusCode::BAD_REQUEST, format!("You cannot create more than {most} channels")));
    }
    if !is_free(&mut tx, name.as_str()).await? {
        return Err(Problem::new(StatusCode::CONFLICT, "Another actor (account/channel) with this name on this instance already exists."));
    }
    let channel = NewChannel {
        account_id: user.account_id,
        name: name.as_str(),
        display_name: &display_name,
        description: description.as_deref(),
        support: support.as_deref(),
    };
    let id = tx.channels().create(channel).await?;
    tx.commit().await?;
    Ok(Json(CreatedChannel { video_channel: Id { id: id.0 } }))
}

/// One channel. `handle`: `name` or `name@host`.
#[utoipa::path(
    get, path = "/api/v1/video-channels/{handle}", tag = "Video Channels", params(("handle" = String, Path)),
    responses((status = 200, body = ChannelView), (status = 404, body = ProblemBody))
)]
async fn channel(State(app): State<App>, base: Base, Path(handle): Path<String>) -> Result<Json<ChannelView>> {
    let channel = channel_by(&mut app.store.read().await?, &handle, &base).await?;
    Ok(Json(ChannelView::of(&channel, &base)))
}

/// What can be changed of a channel.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
struct ChannelChanges {
    /// As shown.
    display_name: Option<String>,
    /// About it; null takes it away.
    description: Option<String>,
    /// How to support it; null takes it away.
    support: Option<String>,
    /// All its videos get the text about support.
    bulk_videos_support_update: Option<bool>,
}

/// Change a channel: only the fields that are sent. For its owner and moderators.
#[utoipa::path(
    put, path = "/api/v1/video-channels/{handle}", tag = "Video Channels", params(("handle" = String, Path)), request_body = ChannelChanges,
    responses((status = 204), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn update_channel(
    State(app): State<App>,
    base: Base,
    Login(user): Login,
    Path(handle): Path<String>,
    fields: Fields,
) -> Result<StatusCode> {
    let mut tx = app.store.write().await?;
    let mut channel = managed_channel(channel_by(&mut tx, &handle, &base).await?, &user)?;
    if let Some(name) = fields.text("displayName") {
        channel.display_name = Account::parse_display_name(name).map_err(|error| Problem::invalid("displayName", error.0))?;
    }
    if let Some(description) = fields.nullable("description") {
        channel.description = text_of("description", description)?;
    }
    if let Some(support) = fields.nullable("support") {
        channel.support = text_of("support", support)?;
    }
    tx.channels().update(&channel).await?;
    if fields.flag("bulkVideosSupportUpdate")?.unwrap_or(false) {
        tx.channels().support_videos(&channel).await?;
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Delete a channel with its videos; one is left to everybody. For its owner and moderators.
#[utoipa::path(
    delete, path = "/api/v1/video-channels/{handle}", tag = "Video Channels", params(("handle" = String, Path)),
    responses((status = 204), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody), (status = 409, body = ProblemBody))
)]
async fn delete_channel(State(app): State<App>, base: Base, Login(user): Login, Path(handle): Path<String>) -> Result<StatusCode> {
    let mut tx = app.store.read().await?;
    let channel = managed_channel(channel_by(&mut tx, &handle, &base).await?, &user)?;
    if tx.channels().of_account(channel.account.id).await?.len() < 2 {
        return Err(Problem::new(StatusCode::CONFLICT, "Cannot remove the last channel of this user"));
    }
    drop(tx);
    removal::channel(&app, &channel).await?;
    tracing::info!(channel.id = %channel.id, by = %user.id, "channel.delete");
    Ok(StatusCode::NO_CONTENT)
}

/// A channel's public videos.
#[utoipa::path(
    get, path = "/api/v1/video-channels/{handle}/videos", tag = "Video Channels",
    params(("handle" = String, Path), ("start" = Option<i64>, Query), ("count" = Option<i64>, Query), ("sort" = Option<String>, Query)),
    responses((status = 200, body = List<VideoSummary>), (status = 404, body = ProblemBody))
)]
async fn channel_videos(
    State(app): State<App>,
    base: Base,
    MaybeLogin(user): MaybeLogin,
    Path(handle): Path<String>,
    QueryFields(fields): QueryFields,
) -> Result<Json<List<VideoSummary>>> {
    let mut wanted = filter(&fields)?;
    narrow_to_public(&mut wanted, &fields, user.as_ref())?;
    wanted.channel = Some(channel_by(&mut app.store.read().await?, &handle, &base).await?.id);
    answer(&app, &base, &wanted).await
}
