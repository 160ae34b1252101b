//! What is Shoal's own: a live's health, its end, its key.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Login, MaybeLogin, VideoRef, owns};
use super::lives;
use super::problem::{Problem, ProblemBody, Result};
use crate::app::App;
use crate::domain::{StreamKey, Timestamp, Video, VideoState};
use crate::live::status::{Advice, Sharing, State as Phase, Status};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(status)).routes(routes!(end)).routes(routes!(rotate_key))
}

/// The stream as it arrives, and what to change about it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Health {
    /// What the encoder calls itself.
    pub encoder: Option<String>,
    /// RFC 6381, comma separated.
    pub codecs: String,
    /// Pixels; 0 without video, as all numbers of the picture.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Frames per second.
    pub frame_rate: f64,
    /// 1000 bits per second.
    pub bitrate_kbps: u64,
    /// Seconds.
    pub keyframe_interval_s: f64,
    /// Frames by which decoding order runs ahead of presentation.
    pub b_frames: u32,
    /// Times that pictures were missing while the sound went on.
    pub holes: u64,
    /// Groups of frames that the server had to drop.
    pub dropped_groups: u64,
    /// The disk is nearly full: the live goes on, its recording does not.
    pub recording_stopped: bool,
    /// What viewers do for each other; null where they must not.
    pub swarm: Option<Sharing>,
    /// Most important first.
    pub advice: Vec<Advice>,
}

impl Health {
    /// Of this status.
    pub fn of(status: &Status) -> Self {
        Self {
            encoder: status.encoder.clone(),
            codecs: status.codecs.clone().unwrap_or_default(),
            width: status.width.unwrap_or(0),
            height: status.height.unwrap_or(0),
            frame_rate: round(status.fps.unwrap_or(0.0)),
            bitrate_kbps: status.bitrate_bps.unwrap_or(0) / 1000,
            keyframe_interval_s: round(status.keyframe_interval_ms.unwrap_or(0) as f64 / 1000.0),
            b_frames: status.b_frames.unwrap_or(0),
            holes: status.holes,
            dropped_groups: status.dropped_groups,
            recording_stopped: status.recording_stopped,
            swarm: status.swarm,
            advice: status.advice.clone(),
        }
    }
}

fn round(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

/// A live at this moment.
#[derive(Debug, Serialize, ToSchema)]
struct LiveStatus {
    /// Where it stands.
    state: Phase,
    /// When its session began; null when none runs.
    #[schema(value_type = Option<String>)]
    started_at: Option<Timestamp>,
    /// Watching now.
    viewers: u64,
    /// Only for its owner and moderators, and only while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<Health>,
}

/// What pages call a video's state when no broadcast of it runs here.
pub(super) fn phase(video: &Video) -> Phase {
    match video.state {
        VideoState::Published if video.is_live => Phase::Live,
        VideoState::WaitingForLive => Phase::Waiting,
        _ => Phase::Ended,
    }
}

/// Where a live stands; for its owner also how the stream does.
#[utoipa::path(
    get, path = "/api/shoal/v1/videos/{id}/live", tag = "Shoal", params(("id" = String, Path)),
    responses((status = 200, body = LiveStatus), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn status(State(app): State<App>, MaybeLogin(user): MaybeLogin, id: VideoRef) -> Result<Json<LiveStatus>> {
    let mut tx = app.store.read().await?;
    let video = id.fetch_for(&mut tx, user.as_ref()).await?;
    lives::of_video(&mut tx, video.id).await?;
    let own = owns(user.as_ref(), &video);
    let status = app.live.status(video.uuid);
    Ok(Json(LiveStatus {
        state: status.as_ref().map_or_else(|| phase(&video), |status| status.state),
        started_at: status.as_ref().and_then(|status| status.started_at),
        viewers: app.viewers.count(video.uuid),
        health: status.as_ref().filter(|_| own).map(Health::of),
    }))
}

/// End the running broadcast at once: no grace. For its owner and moderators.
#[utoipa::path(
    post, path = "/api/shoal/v1/videos/{id}/end", tag = "Shoal", params(("id" = String, Path)),
    responses((status = 204), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody), (status = 409, body = ProblemBody))
)]
async fn end(State(app): State<App>, Login(user): Login, id: VideoRef) -> Result<StatusCode> {
    let mut tx = app.store.read().await?;
    let video = id.fetch_owned(&mut tx, &user).await?;
    lives::of_video(&mut tx, video.id).await?;
    drop(tx);
    if app.live.end(video.uuid).await {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::new(StatusCode::CONFLICT, "This live is not running").code("live_not_running"))
    }
}

/// The new secret.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct NewKey {
    /// Publish with it from now on.
    stream_key: String,
}

/// Replace the stream key. A broadcast that runs goes on; the old key is refused from then on.
#[utoipa::path(
    post, path = "/api/shoal/v1/videos/{id}/stream-key", tag = "Shoal", params(("id" = String, Path)),
    responses((status = 200, body = NewKey), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn rotate_key(State(app): State<App>, Login(user): Login, id: VideoRef) -> Result<Json<NewKey>> {
    let mut tx = app.store.write().await?;
    let video = id.fetch_owned(&mut tx, &user).await?;
    let mut live = lives::of_video(&mut tx, video.id).await?;
    live.stream_key = StreamKey::random();
    tx.lives().update(&live).await?;
    tx.commit().await?;
    Ok(Json(NewKey { stream_key: live.stream_key.expose().to_owned() }))
}
