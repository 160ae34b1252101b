//! How a video's files are made: once more, how far they are, and its storyboard.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Base, Login, VideoRef, Viewer, may_watch};
use super::fields::Fields;
use super::files::storyboard_name;
use super::problem::{Problem, ProblemBody, Result};
use super::video_passwords::media_token;
use crate::app::App;
use crate::domain::{Role, VideoState};
use crate::jobs::Job as _;
use crate::vod::{self, Transcode};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(storyboards)).routes(routes!(transcode)).routes(routes!(progress))
}

/// Sprites of a video in one picture, row by row.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct StoryboardView {
    /// Where it is, below this server.
    storyboard_path: String,
    /// Where it is.
    file_url: String,
    /// In pixels.
    total_height: i64,
    /// In pixels.
    total_width: i64,
    /// In pixels.
    sprite_height: i64,
    /// In pixels.
    sprite_width: i64,
    /// Seconds of video that each sprite stands for.
    sprite_duration: i64,
}

/// A video's storyboards: one, or none.
#[derive(Debug, Serialize, ToSchema)]
struct Storyboards {
    /// These.
    storyboards: Vec<StoryboardView>,
}

/// A video's storyboards.
#[utoipa::path(
    get, path = "/api/v1/videos/{id}/storyboards", tag = "Video", params(("id" = String, Path)),
    responses((status = 200, body = Storyboards), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn storyboards(State(app): State<App>, base: Base, viewer: Viewer, id: VideoRef) -> Result<Json<Storyboards>> {
    let mut tx = app.store.read().await?;
    let (video, password) = viewer.fetch(&app, &mut tx, id).await?;
    let board = tx.media().storyboard(video.id).await?;
    // PeerTube's pages ask for this picture by its address alone.
    let token = if may_watch(None, &video) { None } else { media_token(&app, &video, &viewer, password) };
    let query = token.map_or_else(String::new, |(token, _)| format!("?videoFileToken={token}"));
    let view = board.map(|board| {
        let storyboard_path = format!("/lazy-static/storyboards/{}{query}", storyboard_name(video.uuid, &board.file));
        StoryboardView {
            file_url: format!("{}{storyboard_path}", base.0),
            storyboard_path,
            total_height: board.total_height,
            total_width: board.total_width,
            sprite_height: board.sprite_height,
            sprite_width: board.sprite_width,
            sprite_duration: board.sprite_duration_s,
        }
    });
    Ok(Json(Storyboards { storyboards: view.into_iter().collect() }))
}

/// What is to be made.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
struct TranscodingForm {
    /// `hls` or `web-video`.
    transcoding_type: String,
    /// Even though it is being done.
    force_transcoding: Option<bool>,
}

/// Make a video's files once more, of what was uploaded if that was kept, or else of its best file. For administrators; for its
/// owner where it failed. `transcodingType` `hls` or `web-video`: both are made in either case. `forceTranscoding` even though it
/// is being done.
#[utoipa::path(
    post, path = "/api/v1/videos/{id}/transcoding", tag = "Video", params(("id" = String, Path)), request_body = TranscodingForm,
    responses((status = 204), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody), (status = 409, body = ProblemBody))
)]
async fn transcode(State(app): State<App>, Login(user): Login, id: VideoRef, fields: Fields) -> Result<StatusCode> {
    match fields.text("transcodingType") {
        Some("hls" | "web-video") => {}
        _ => return Err(Problem::invalid("transcodingType", "must be hls or web-video")),
    }
    let is_forced = fields.flag("forceTranscoding")?.unwrap_or(false);
    let mut tx = app.store.write().await?;
    let video = id.fetch(&mut tx).await?;
    let owns = !video.remote && video.channel.account.id == user.account_id;
    if user.role != Role::Administrator && !(owns && video.state == VideoState::TranscodingFailed) {
        return Err(Problem::forbidden("Only an administrator can run this, or the video's owner after it failed"));
    }
    if video.remote {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "Cannot run transcoding job on a remote video"));
    }
    if video.is_live {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "Cannot run transcoding job on a live"));
    }
    if !app.config.transcoding.enabled {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "Cannot run transcoding job because transcoding is disabled on this instance"));
    }
    let unfinished = tx.jobs().unfinished_of(video.id).await?;
    let running = unfinished.iter().find(|(_, name, _)| name == Transcode::NAME);
    if running.is_some() && !is_forced {
        return Err(Problem::new(StatusCode::CONFLICT, "This video is already being transcoded").code("video_already_being_transcoded"));
    }
    // One that waits would do the same once more.
    for (job, ..) in unfinished.iter().filter(|(_, name, is_active)| name == Transcode::NAME && !is_active) {
        tx.jobs().delete(*job).await?;
    }
    tx.media().change_state(video.id, VideoState::TranscodingFailed, VideoState::ToTranscode).await?;
    vod::enqueue_transcoding(&mut tx, video.id).await?;
    tx.commit().await?;
    app.jobs.wake();
    Ok(StatusCode::NO_CONTENT)
}

/// How far the making of a video's files is.
#[derive(Debug, Serialize, ToSchema)]
struct Progress {
    /// `none`, `waiting`, `active`, `completed` or `failed`.
    state: String,
    /// Percent.
    progress: i64,
    /// What went wrong, or what it waits for.
    error: Option<String>,
}

/// How far the making of a video's files is. For its owner and moderators.
#[utoipa::path(
    get, path = "/api/shoal/v1/videos/{id}/transcoding", tag = "Shoal", params(("id" = String, Path)),
    responses((status = 200, body = Progress), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn progress(State(app): State<App>, Login(user): Login, id: VideoRef) -> Result<Json<Progress>> {
    let mut tx = app.store.read().await?;
    let video = id.fetch_owned(&mut tx, &user).await?;
    let error = tx.media().of_video(video.id).await?.error;
    let job = tx.jobs().last_of(video.id, Transcode::NAME).await?;
    Ok(Json(match job {
        // What the job says besides may name files of the server: its owner is told what concerns the video.
        Some(job) => Progress { progress: job.progress, state: job.state, error },
        None => Progress { state: "none".to_owned(), progress: 0, error },
    }))
}
