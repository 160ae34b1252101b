//! What a video is played from, for administrators who need the space.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Login, VideoRef};
use super::problem::{Problem, ProblemBody, Result};
use crate::app::App;
use crate::domain::{Role, User, Video, VideoFile};
use crate::jobs::{Only, RemoveFiles};
use crate::store::Tx;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(delete_hls)).routes(routes!(delete_web_videos)).routes(routes!(delete_web_video))
}

/// A video of this instance and its files, for an administrator: as in PeerTube, owners delete videos and not what they are made of.
async fn managed(tx: &mut Tx, user: &User, id: VideoRef) -> Result<(Video, Vec<VideoFile>)> {
    if user.role != Role::Administrator {
        return Err(Problem::forbidden("You do not have the right to manage the files of videos"));
    }
    let video = id.fetch_owned(tx, user).await?;
    if video.is_live {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "Cannot delete files of a live video"));
    }
    let files = tx.files().of_video(video.id).await?;
    Ok((video, files))
}

/// Delete a video's HLS presentation; plain files have to stay. For administrators.
#[utoipa::path(
    delete, path = "/api/v1/videos/{id}/hls", operation_id = "delete_hls", tag = "Video Files", params(("id" = String, Path)),
    responses((status = 204), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn delete_hls(State(app): State<App>, Login(user): Login, id: VideoRef) -> Result<StatusCode> {
    let mut tx = app.store.write().await?;
    let (video, files) = managed(&mut tx, &user, id).await?;
    if tx.playlists().of_video(video.id).await?.is_none() {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "This video does not have HLS files"));
    }
    if files.iter().all(|file| file.playlist_id.is_some()) {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "Cannot delete HLS playlist since this video does not have Web Video files"));
    }
    tx.playlists().delete(video.id).await?;
    tx.jobs().enqueue(&RemoveFiles::of_part(&video, &[], Only::Hls)).await?;
    tx.commit().await?;
    app.jobs.wake();
    app.vod.close(&app.metrics, video.uuid);
    Ok(StatusCode::NO_CONTENT)
}

/// Delete a video's plain files; its HLS presentation has to stay. For administrators.
#[utoipa::path(
    delete, path = "/api/v1/videos/{id}/web-videos", operation_id = "delete_web_videos", tag = "Video Files", params(("id" = String, Path)),
    responses((status = 204), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn delete_web_videos(State(app): State<App>, Login(user): Login, id: VideoRef) -> Result<StatusCode> {
    remove_web_videos(&app, &user, id, None).await
}

/// Delete one of a video's plain files. For administrators.
#[utoipa::path(
    delete, path = "/api/v1/videos/{id}/web-videos/{fileId}", operation_id = "delete_web_video", tag = "Video Files",
    params(("id" = String, Path), ("fileId" = i64, Path)),
    responses((status = 204), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn delete_web_video(State(app): State<App>, Login(user): Login, Path((id, file)): Path<(String, String)>) -> Result<StatusCode> {
    let id = VideoRef::parse(&id).ok_or_else(|| Problem::invalid("id", "must be a number, a UUID or a short UUID"))?;
    let file = file.parse().map_err(|_| Problem::invalid("fileId", "must be a number"))?;
    remove_web_videos(&app, &user, id, Some(file)).await
}

async fn remove_web_videos(app: &App, user: &User, id: VideoRef, only: Option<i64>) -> Result<StatusCode> {
    let mut tx = app.store.write().await?;
    let (video, files) = managed(&mut tx, user, id).await?;
    let (going, staying): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|file| file.playlist_id.is_none() && only.is_none_or(|only| file.id.0 == only));
    if going.is_empty() {
        return Err(match only {
            Some(_) => Problem::not_found("Video file"),
            None => Problem::new(StatusCode::BAD_REQUEST, "This video does not have Web Video files"),
        });
    }
    if staying.is_empty() && tx.playlists().of_video(video.id).await?.is_none() {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "Cannot delete the last files of a video"));
    }
    for file in &going {
        tx.files().delete(file.id).await?;
    }
    tx.jobs().enqueue(&RemoveFiles::of_part(&video, &going, Only::WebVideos)).await?;
    tx.commit().await?;
    app.jobs.wake();
    Ok(StatusCode::NO_CONTENT)
}
