//! Lives: making them, their address and key, their broadcasts.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use rand::Rng as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Base, Login, Page, VideoRef, Viewer, owns};
use super::fields::{Fields, QueryFields};
use super::model::{Created, List, LiveView, SessionView, VideoIds};
use super::problem::{Problem, ProblemBody, Result};
use super::video_bodies::{LiveForm, LiveSettingsForm};
use super::video_form::change;
use super::videos::own_channel;
use crate::app::App;
use crate::domain::{ChannelId, LatencyMode, Live, LiveSession, Privacy, User, Video, VideoId, VideoState};
use crate::store::{NewVideo, Tx, VideoFilter};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create)).routes(routes!(live, update)).routes(routes!(sessions)).routes(routes!(session_of))
}

/// Make a live. Multipart form or JSON; `channelId` and `name` are needed.
#[utoipa::path(
    post, path = "/api/v1/videos/live", operation_id = "create_live", tag = "Live", request_body(content = LiveForm, content_type = "multipart/form-data"),
    responses((status = 200, body = Created), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody))
)]
async fn create(State(app): State<App>, Login(user): Login, fields: Fields) -> Result<Json<Created>> {
    let channel_id = fields.integer("channelId")?.ok_or_else(|| Problem::invalid("channelId", "is needed"))?;
    let name = fields.text("name").ok_or_else(|| Problem::invalid("name", "is needed"))?;
    let name = Video::parse_name(name).map_err(|error| Problem::invalid("name", error.0))?;
    let tags = Video::parse_tags(fields.list("tags").into_iter().map(str::to_owned).collect())
        .map_err(|error| Problem::invalid("tags", error.0))?;
    let uuid = uuid::Builder::from_random_bytes(rand::rng().random()).into_uuid();

    if !app.config.live.publishers.include(user.role) {
        return Err(Problem::forbidden("Live is not enabled on this instance."));
    }
    let mut tx = app.store.write().await?;
    let channel = own_channel(&mut tx, ChannelId(channel_id), &user).await?;
    let theirs = VideoFilter {
        account: Some(channel.account.id),
        is_live: Some(true),
        states: vec![VideoState::WaitingForLive, VideoState::Published],
        ..VideoFilter::default()
    };
    if tx.videos().list(&theirs).await?.0 >= i64::from(app.config.live.max_user_lives) {
        return Err(
            Problem::forbidden("Cannot create this live because the max user lives limit is reached.").code("max_user_lives_limit_reached")
        );
    }
    let id = tx.videos().create(&NewVideo { tags, ..NewVideo::live(uuid, channel.id, name) }).await?;
    let mut video = tx.videos().by_id(id).await?.ok_or_else(|| Problem::not_found("Video"))?;
    change(&mut tx, &mut video, &fields, &user).await?;
    let mut live = Live { replay_privacy: video.privacy, ..Live::new(id) };
    apply_live(&mut live, &fields, &app)?;
    tx.lives().create(&live).await?;
    tx.commit().await?;
    app.jobs.wake();
    Ok(Json(Created { video: VideoIds::of(&video) }))
}

fn apply_live(live: &mut Live, fields: &Fields, app: &App) -> Result<()> {
    if let Some(permanent) = fields.flag("permanentLive")? {
        live.permanent = permanent;
    }
    if let Some(save_replay) = fields.flag("saveReplay")? {
        if save_replay && !app.config.live.allow_replay {
            return Err(Problem::forbidden("Saving live replay is not enabled on this instance"));
        }
        live.save_replay = save_replay;
    }
    if let Some(code) = fields.integer("replaySettings[privacy]")? {
        live.replay_privacy = Privacy::from_code(code).ok_or_else(|| Problem::invalid("replaySettings.privacy", "is not known"))?;
    }
    if let Some(code) = fields.integer("latencyMode")? {
        live.latency_mode = LatencyMode::from_code(code).ok_or_else(|| Problem::invalid("latencyMode", "must be 1, 2 or 3"))?;
    }
    Ok(())
}

/// The live side of this video.
pub(super) async fn of_video(tx: &mut Tx, id: VideoId) -> Result<Live> {
    tx.lives().by_video(id).await?.ok_or_else(|| Problem::not_found("Live video"))
}

/// A live's settings; where to publish and the key only for its owner and moderators.
#[utoipa::path(
    get, path = "/api/v1/videos/live/{id}", tag = "Live", params(("id" = String, Path)),
    responses((status = 200, body = LiveView), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn live(State(app): State<App>, base: Base, viewer: Viewer, id: VideoRef) -> Result<Json<LiveView>> {
    let mut tx = app.store.read().await?;
    let (video, _) = viewer.fetch(&app, &mut tx, id).await?;
    let live = of_video(&mut tx, video.id).await?;
    Ok(Json(LiveView::of(&live, &app, &base, owns(viewer.user.as_ref(), &video))))
}

/// Change a live's settings: only the fields that are sent, and not while it runs.
#[utoipa::path(
    put, path = "/api/v1/videos/live/{id}", operation_id = "update_live", tag = "Live", params(("id" = String, Path)), request_body = LiveSettingsForm,
    responses((status = 204), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn update(State(app): State<App>, Login(user): Login, id: VideoRef, fields: Fields) -> Result<StatusCode> {
    let mut tx = app.store.write().await?;
    let video = id.fetch_owned(&mut tx, &user).await?;
    let mut live = of_video(&mut tx, video.id).await?;
    if video.state == VideoState::Published || app.live.status(video.uuid).is_some() {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "Cannot update a live that has already started"));
    }
    apply_live(&mut live, &fields, &app)?;
    tx.lives().update(&live).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn session_view(tx: &mut Tx, session: &LiveSession, user: Option<&User>) -> Result<SessionView> {
    let replay = match session.replay_video_id {
        Some(id) => tx.videos().by_id(id).await?,
        None => None,
    };
    let replay = replay.filter(|video| super::extract::may_watch(user, video));
    Ok(SessionView::of(session, replay.as_ref()))
}

/// All broadcasts of a live. For its owner and moderators.
#[utoipa::path(
    get, path = "/api/v1/videos/live/{id}/sessions", tag = "Live",
    params(("id" = String, Path), ("start" = Option<i64>, Query), ("count" = Option<i64>, Query)),
    responses((status = 200, body = List<SessionView>), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn sessions(
    State(app): State<App>,
    Login(user): Login,
    id: VideoRef,
    QueryFields(fields): QueryFields,
) -> Result<Json<List<SessionView>>> {
    let mut page = Page::parse(&fields)?;
    if !fields.has("count") {
        // PeerTube's answer has no pages: as many as one answer may hold.
        page.count = 100;
    }
    let mut tx = app.store.read().await?;
    let video = id.fetch_owned(&mut tx, &user).await?;
    let (total, sessions) = tx.sessions().of_video(video.id, page.start, page.count).await?;
    let mut data = Vec::with_capacity(sessions.len());
    for session in &sessions {
        data.push(session_view(&mut tx, session, Some(&user)).await?);
    }
    Ok(Json(List { total, data }))
}

/// The broadcast that this video is the recording of.
#[utoipa::path(
    get, path = "/api/v1/videos/{id}/live-session", tag = "Live", params(("id" = String, Path)),
    responses((status = 200, body = SessionView), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn session_of(State(app): State<App>, Login(user): Login, id: VideoRef) -> Result<Json<SessionView>> {
    let mut tx = app.store.read().await?;
    let video = id.fetch_owned(&mut tx, &user).await?;
    let session = tx.sessions().behind(video.id).await?.ok_or_else(|| Problem::not_found("Live session"))?;
    Ok(Json(session_view(&mut tx, &session, Some(&user)).await?))
}
