//! Captions: lists, uploads (WebVTT, SubRip), and the files themselves below `/lazy-static/video-captions`.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::extract::{Base, Login, VideoRef, Viewer};
use super::form::{Form, Slot};
use super::model::{Labelled, List, labelled};
use super::problem::{Problem, ProblemBody, Result};
use crate::app::App;
use crate::domain::{Caption, Timestamp, Video, language_of, vtt_of};
use crate::vod::uploaded::captions_folder;

/// Largest file, as PeerTube has it.
pub(super) const MAX_BYTES: usize = 20 << 20;
/// The field with the file.
const FILE: Slot = Slot { name: "captionfile", max_bytes: MAX_BYTES };
/// Where they are fetched.
pub(super) const FOLDER: &str = "/lazy-static/video-captions/";

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(put, delete))
}

/// Captions in one language.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CaptionView {
    /// In which.
    language: Labelled<String>,
    /// By a machine.
    automatically_generated: bool,
    /// Where they are, on this server.
    caption_path: Option<String>,
    /// Where they are.
    file_url: String,
    /// They are not in the playlists.
    m3u8_url: Option<String>,
    /// When they last changed.
    #[schema(value_type = String)]
    updated_at: Timestamp,
}

impl CaptionView {
    fn of(caption: Caption, video: &Video, base: &Base) -> Self {
        let label = language_of(&caption.language);
        let path = (!video.remote).then(|| format!("{FOLDER}{}", caption.file));
        Self {
            language: labelled(caption.language, label),
            automatically_generated: caption.automatically_generated,
            file_url: path.as_ref().map_or_else(|| caption.file.clone(), |path| format!("{}{path}", base.0)),
            caption_path: path,
            m3u8_url: None,
            updated_at: caption.updated_at,
        }
    }
}

/// A video's captions.
#[utoipa::path(
    get, path = "/api/v1/videos/{id}/captions", operation_id = "captions", tag = "Video Captions", params(("id" = String, Path)),
    responses((status = 200, body = List<CaptionView>), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn list(State(app): State<App>, base: Base, viewer: Viewer, id: VideoRef) -> Result<Json<List<CaptionView>>> {
    let mut tx = app.store.read().await?;
    let (video, _) = viewer.fetch(&app, &mut tx, id).await?;
    let captions = tx.captions().of_video(video.id).await?;
    let data: Vec<_> = captions.into_iter().map(|caption| CaptionView::of(caption, &video, &base)).collect();
    Ok(Json(List { total: i64::try_from(data.len()).unwrap_or(i64::MAX), data }))
}

/// The video's id and the language of a path.
fn parsed((id, language): (String, String)) -> Result<(VideoRef, String)> {
    let id = VideoRef::parse(&id).ok_or_else(|| Problem::invalid("id", "must be a number, a UUID or a short UUID"))?;
    if language_of(&language).is_none() {
        return Err(Problem::invalid("captionLanguage", "is not known"));
    }
    Ok((id, language))
}

/// Captions to be.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form; it is read piece by piece")]
struct CaptionForm {
    /// WebVTT or SubRip.
    #[schema(value_type = String, format = Binary)]
    captionfile: Vec<u8>,
}

/// Set a video's captions in one language: `captionfile`, WebVTT or SubRip. For its owner and moderators.
#[utoipa::path(
    put, path = "/api/v1/videos/{id}/captions/{captionLanguage}", operation_id = "put_captions", tag = "Video Captions",
    params(("id" = String, Path), ("captionLanguage" = String, Path)), request_body(content = CaptionForm, content_type = "multipart/form-data"),
    responses(
        (status = 204), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 413, body = ProblemBody)
    )
)]
async fn put(State(app): State<App>, Login(user): Login, Path(path): Path<(String, String)>, request: Request) -> Result<StatusCode> {
    let (id, language) = parsed(path)?;
    let video = id.fetch_owned(&mut app.store.read().await?, &user).await?;
    let form = Form::read(request, &app, &[FILE], None).await?;
    let bytes = form.bytes(FILE.name).ok_or_else(|| Problem::invalid(FILE.name, "is needed"))?;
    let vtt = tokio::task::spawn_blocking(move || vtt_of(&bytes)).await.map_err(|error| Problem::internal(&error))?;
    let vtt = vtt.map_err(|error| Problem::invalid(FILE.name, error.0))?;

    // A new name each time, so that caches need not be asked; the video's id in it says who may fetch it.
    let tail = Uuid::new_v4().simple().to_string();
    let file = format!("{}-{language}-{}.vtt", video.uuid, &tail[..8]);
    let folder = captions_folder(&app.config.data_dir, video.uuid);
    let failed = |error: std::io::Error| Problem::internal(&error);
    tokio::fs::create_dir_all(&folder).await.map_err(failed)?;
    tokio::fs::write(folder.join(&file), vtt).await.map_err(failed)?;
    let caption = Caption { video_id: video.id, language, file, automatically_generated: false, updated_at: Timestamp::now() };
    let noted = async {
        let mut tx = app.store.write().await?;
        // It may be gone by now, or somebody else's.
        id.fetch_owned(&mut tx, &user).await?;
        let before = tx.captions().of_language(video.id, &caption.language).await?;
        tx.captions().put(&caption).await?;
        tx.commit().await?;
        Ok::<_, Problem>(before)
    };
    // What is not named by a row is in the way.
    let (result, useless) = match noted.await {
        Ok(before) => (Ok(StatusCode::NO_CONTENT), before.map(|before| before.file)),
        Err(problem) => (Err(problem), Some(caption.file.clone())),
    };
    if let Some(useless) = useless {
        let _ = tokio::fs::remove_file(folder.join(useless)).await;
    }
    result
}

/// Delete a video's captions in one language. For its owner and moderators.
#[utoipa::path(
    delete, path = "/api/v1/videos/{id}/captions/{captionLanguage}", operation_id = "delete_captions", tag = "Video Captions",
    params(("id" = String, Path), ("captionLanguage" = String, Path)),
    responses((status = 204), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn delete(State(app): State<App>, Login(user): Login, Path(path): Path<(String, String)>) -> Result<StatusCode> {
    let (id, language) = parsed(path)?;
    let mut tx = app.store.write().await?;
    let video = id.fetch_owned(&mut tx, &user).await?;
    let caption = tx.captions().of_language(video.id, &language).await?.ok_or_else(|| Problem::not_found("Video caption"))?;
    tx.captions().delete(video.id, &language).await?;
    tx.commit().await?;
    let _ = tokio::fs::remove_file(captions_folder(&app.config.data_dir, video.uuid).join(caption.file)).await;
    Ok(StatusCode::NO_CONTENT)
}
