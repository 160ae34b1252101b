//! Videos that come as files in one form, and the files that videos were made from.

use std::path::Path;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Login, VideoRef};
use super::fields::Fields;
use super::form::{FileSlot, Form};
use super::model::{Created, Labelled, VideoIds, labelled};
use super::problem::{Problem, ProblemBody, Result};
use super::video_bodies::UploadForm;
use super::video_form::{self, Made, PICTURES, check_room, new_uuid, unless_blocked};
use crate::app::App;
use crate::domain::{Timestamp, User, Video, VideoState};
use crate::store::{Source, Upload};
use crate::uploads::REMEMBERED;
use crate::users;
use crate::vod::uploaded::{self, extension_of};
use crate::vod::{needs_original, originals_folder};

/// The field with the video.
const FILE: &str = "videofile";

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(upload)).routes(routes!(source)).routes(routes!(delete_source))
}

/// Requests with as much body as a video has.
pub(super) fn takes_a_file(path: &str) -> bool {
    path == "/api/v1/videos/upload" || path == super::resumable::PATH || path.ends_with("/source/replace-resumable")
}

/// Upload a video in one form: `videofile`, `channelId`, and what else describes it. Pictures: `thumbnailfile`, `previewfile`.
#[utoipa::path(
    post, path = "/api/v1/videos/upload", tag = "Video", request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses(
        (status = 200, body = Created), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 408, body = ProblemBody), (status = 413, body = ProblemBody), (status = 415, body = ProblemBody)
    )
)]
async fn upload(State(app): State<App>, Login(user): Login, request: Request) -> Result<Json<Created>> {
    check_room(&app, &user, 0).await?;
    let room_bytes = users::room(&mut app.store.read().await?, &user).await?;
    let room = app.allowances.share(user.id, room_bytes);
    let form = Form::read(request, &app, &PICTURES, Some(FileSlot { name: FILE, room: &room })).await?;
    let received = form.video.as_ref().filter(|file| file.size_bytes > 0).ok_or_else(|| Problem::invalid(FILE, "is needed"))?;
    known_kind(&received.filename)?;
    let pictures = Made::of(&app, &form).await?;
    let file = Whole { path: received.partial.path(), filename: &received.filename, size_bytes: received.size_bytes };
    let video = finish(&app, &user, &form.fields, file, pictures, None).await?;
    room.counted();
    Ok(Json(Created { video: VideoIds::of(&video) }))
}

/// The kind of file that its name tells, if it is one that is taken.
pub(super) fn known_kind(filename: &str) -> Result<&'static str> {
    extension_of(filename)
        .ok_or_else(|| Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "This kind of file is not taken, going by its name"))
}

/// A video's file that is all there; it stays where it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whole<'a> {
    /// Where it is.
    pub path: &'a Path,
    /// As the client calls it.
    pub filename: &'a str,
    /// In bytes.
    pub size_bytes: u64,
}

/// Makes a video of a file and notes that this is what `upload` became; everything or nothing.
pub(super) async fn finish(
    app: &App,
    user: &User,
    fields: &Fields,
    file: Whole<'_>,
    pictures: Made,
    upload: Option<&Upload>,
) -> Result<Video> {
    let (uuid, data_dir) = (new_uuid(), &app.config.data_dir);
    let kind = known_kind(file.filename)?;
    let placed = uploaded::place(data_dir, uuid, file.path, kind).await.map_err(|error| Problem::internal(&error))?;
    let made = async {
        let mut tx = app.store.write().await?;
        let user = unless_blocked(tx.users().by_id(user.id).await?)?;
        let mut video = video_form::create(&mut tx, uuid, fields, &user, VideoState::ToTranscode, file.filename).await?;
        pictures.give(&mut tx, &mut video).await?;
        uploaded::note(&mut tx, &video, &placed, file.filename, file.size_bytes).await?;
        if let Some(upload) = upload {
            tx.uploads().done(&upload.id, video.id, Timestamp::now().plus(REMEMBERED)).await?;
        }
        video_form::check_owner(&mut tx, &video).await?;
        let app = app.clone();
        pictures.commit(tx, move || app.jobs.wake()).await?;
        Ok::<_, Problem>(video)
    };
    let made = made.await;
    if made.is_err() {
        let _ = tokio::fs::remove_dir_all(originals_folder(data_dir, uuid)).await;
    }
    made
}

/// The file that a video was made from.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SourceView {
    /// As whoever sent it called it.
    filename: String,
    /// The same.
    input_filename: String,
    /// It is not served.
    file_url: Option<String>,
    /// It is not served.
    file_download_url: Option<String>,
    /// Lines; null until it was probed.
    resolution: Option<Labelled<i64>>,
    /// In bytes.
    size: i64,
    /// In pixels.
    width: Option<i64>,
    /// In pixels.
    height: Option<i64>,
    /// Frames per second.
    fps: Option<i64>,
    /// What ffprobe would say; not kept.
    #[schema(value_type = Option<Object>)]
    metadata: Option<serde_json::Value>,
    /// When it came.
    #[schema(value_type = String)]
    created_at: Timestamp,
}

impl SourceView {
    fn of(source: Source) -> Self {
        Self {
            filename: source.input_filename.clone(),
            input_filename: source.input_filename,
            file_url: None,
            file_download_url: None,
            resolution: source.resolution.map(|lines| labelled(lines, Some(&format!("{lines}p")))),
            size: source.size_bytes,
            width: source.width,
            height: source.height,
            fps: source.fps,
            metadata: None,
            created_at: source.created_at,
        }
    }
}

/// The file that a video was made from. For its owner and moderators.
#[utoipa::path(
    get, path = "/api/v1/videos/{id}/source", operation_id = "video_source", tag = "Video", params(("id" = String, Path)),
    responses((status = 200, body = SourceView), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn source(State(app): State<App>, Login(user): Login, id: VideoRef) -> Result<Json<SourceView>> {
    let mut tx = app.store.read().await?;
    let video = id.fetch_owned(&mut tx, &user).await?;
    let source = tx.sources().of_video(video.id).await?.ok_or_else(|| Problem::not_found("Video source"))?;
    Ok(Json(SourceView::of(source)))
}

/// Delete the file that a video was made from; what was made from it stays. For its owner and moderators.
#[utoipa::path(
    delete, path = "/api/v1/videos/{id}/source/file", operation_id = "delete_video_source", tag = "Video", params(("id" = String, Path)),
    responses(
        (status = 204), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody)
    )
)]
async fn delete_source(State(app): State<App>, Login(user): Login, id: VideoRef) -> Result<StatusCode> {
    let mut tx = app.store.write().await?;
    let video = id.fetch_owned(&mut tx, &user).await?;
    tx.sources().of_video(video.id).await?.ok_or_else(|| Problem::not_found("Video source"))?;
    if video.state == VideoState::ToTranscode || needs_original(&mut tx, video.id).await? {
        return Err(Problem::new(StatusCode::CONFLICT, "The file is still needed: the video is being transcoded, or moved"));
    }
    let names = uploaded::forget(&mut tx, &video).await?;
    tx.commit().await?;
    app.jobs.wake();
    uploaded::remove(&app.config.data_dir, video.uuid, &names).await;
    Ok(StatusCode::NO_CONTENT)
}
