//! Accounts and channels.

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Base, Login, MaybeLogin, Page};
use super::fields::{Fields, QueryFields};
use super::model::{AccountView, ChannelView, List, VideoSummary};
use super::problem::{Problem, ProblemBody, Result};
use super::videos::{answer, filter, narrow_to_public};
use crate::app::App;
use crate::domain::{Account, Channel, Handle, Username};
use crate::store::{NewChannel, Tx};

/// Channels of one user, as PeerTube has it.
const MAX_CHANNELS: usize = 20;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(accounts))
        .routes(routes!(account))
        .routes(routes!(account_channels))
        .routes(routes!(account_videos))
        .routes(routes!(channels, create))
        .routes(routes!(channel))
        .routes(routes!(channel_videos))
}

async fn account_by(tx: &mut Tx, handle: &str, base: &Base) -> Result<Account> {
    let handle = Handle::parse(handle, base.authority());
    tx.accounts().by_handle(&handle).await?.ok_or_else(|| Problem::not_found("Account"))
}

async fn channel_by(tx: &mut Tx, handle: &str, base: &Base) -> Result<Channel> {
    let handle = Handle::parse(handle, base.authority());
    tx.channels().by_handle(&handle).await?.ok_or_else(|| Problem::not_found("Video channel"))
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
    /// a-z, 0-9, . and _
    name: String,
    /// As shown.
    display_name: String,
    /// About it.
    description: Option<String>,
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
    let name = Username::parse(name).map_err(|error| Problem::invalid("name", error.0))?;
    let display_name = fields.text("displayName").map_or("", str::trim);
    if !(1..=50).contains(&display_name.chars().count()) {
        return Err(Problem::invalid("displayName", "has 1 to 50 characters"));
    }
    let description = fields.nullable("description").flatten();
    if description.is_some_and(|text| text.chars().count() > 1000) {
        return Err(Problem::invalid("description", "has at most 1000 characters"));
    }
    let mut tx = app.store.write().await?;
    if tx.channels().of_account(user.account_id).await?.len() >= MAX_CHANNELS {
        return Err(Problem::new(axum::http::StatusCode::BAD_REQUEST, "You cannot create more than 20 channels"));
    }
    let channel = NewChannel { account_id: user.account_id, name: name.as_str(), display_name, description };
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
