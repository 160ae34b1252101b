//! Captions: lists, uploads (WebVTT, SubRip), and the files themselves below `/lazy-static/video-captions`.

use std::net::IpAddr;
use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use bytes::Bytes;
use serde::Serialize;
use tokio::sync::Semaphore;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::extract::{Base, Login, VideoRef, Viewer};
use super::form::{self, Form};
use super::model::{Labelled, List, labelled};
use super::problem::{Problem, ProblemBody, Result};
use super::serve::Client;
use super::slots::{Slot, Slots};
use super::video_form::check_owner;
use crate::app::App;
use crate::domain::{Caption, Timestamp, Video, language_of, vtt_of};
use crate::hangup::{self, Unnamed};
use crate::uploads::has_space;
use crate::vod::uploaded::captions_folder;

/// Largest file: a day of speech. PeerTube takes ten times as much.
pub(super) const MAX_BYTES: usize = 2 << 20;
/// The field with the file.
const FILE: form::Slot = form::Slot { name: "captionfile", max_bytes: MAX_BYTES };
/// Files that are on their way or wait for their turn, each in memory...
const MAX_FILES: usize = 32;
/// ...and of these of one address.
const MAX_PER_ADDRESS: usize = 4;
/// Files that are read and written anew at once: each takes some ten times its size.
const AT_ONCE: usize = 2;
/// When all places are taken, it is not asked again before this time.
const BUSY_PAUSE: Duration = Duration::from_secs(5);
/// Where they are fetched.
pub(super) const FOLDER: &str = "/lazy-static/video-captions/";

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(put, delete)).layer(Extension(Desk::new()))
}

/// Reads few files at once; cheap to clone.
#[derive(Clone, Debug)]
struct Desk {
    places: Slots,
    turns: Arc<Semaphore>,
}

impl Desk {
    fn new() -> Self {
        Self { places: Slots::new(MAX_FILES, MAX_PER_ADDRESS), turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Room for a file; to be asked for before it comes.
    fn place(&self, address: IpAddr) -> Result<Slot> {
        self.places.take(address).ok_or_else(|| Problem::too_many(BUSY_PAUSE))
    }

    /// Writes a file anew when it is its turn. Its place goes along: a client that has gone meanwhile does not end the work.
    async fn read(&self, place: Slot, bytes: Bytes) -> Result<String> {
        let turn = self.turns.clone().acquire_owned().await.map_err(|error| Problem::internal(&error))?;
        let vtt = hangup::blocking((place, turn), move || vtt_of(&bytes)).await.map_err(|error| Problem::internal(&error))?;
        vtt.map_err(|error| Problem::invalid(FILE.name, error.0))
    }
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
        (status = 404, body = ProblemBody), (status = 413, body = ProblemBody), (status = 429, body = ProblemBody)
    )
)]
async fn put(
    State(app): State<App>,
    Extension(desk): Extension<Desk>,
    client: Client,
    Login(user): Login,
    Path(path): Path<(String, String)>,
    request: Request,
) -> Result<StatusCode> {
    let (id, language) = parsed(path)?;
    let video = id.fetch_owned(&mut app.store.read().await?, &user).await?;
    if !has_space(&app, 0) {
        return Err(form::no_space());
    }
    let place = desk.place(client.address)?;
    let form = Form::read(request, &app, &[FILE], None).await?;
    let bytes = form.bytes(FILE.name).ok_or_else(|| Problem::invalid(FILE.name, "is needed"))?;
    drop(form);
    let vtt = desk.read(place, bytes).await?;
    let size_bytes = vtt.len() as u64;
    if !has_space(&app, size_bytes) {
        return Err(form::no_space());
    }

    // A new name each time, so that caches need not be asked; the video's id in it says who may fetch it.
    let tail = Uuid::new_v4().simple().to_string();
    let file = format!("{}-{language}-{}.vtt", video.uuid, &tail[..8]);
    let folder = captions_folder(&app.config.data_dir, video.uuid);
    let written = Unnamed::written(folder.join(&file), vtt.into_bytes()).await.map_err(|error| Problem::internal(&error))?;
    let caption = Caption {
        video_id: video.id,
        language,
        file,
        automatically_generated: false,
        size_bytes: i64::try_from(size_bytes).unwrap_or(i64::MAX),
        updated_at: Timestamp::now(),
    };
    let mut tx = app.store.write().await?;
    // It may be gone by now, or somebody else's.
    let video = id.fetch_owned(&mut tx, &user).await?;
    let before = tx.captions().of_language(video.id, &caption.language).await?;
    tx.captions().put(&caption).await?;
    // Whoever brings them.
    check_owner(&mut tx, &video).await?;
    written.commit(tx, move || before.iter().for_each(|before| remove(&folder, before))).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes a file that no row names any more. Unlinking is quick, and not to be given up half-way.
fn remove(folder: &FilePath, caption: &Caption) {
    let _ = std::fs::remove_file(folder.join(&caption.file));
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
    let folder = captions_folder(&app.config.data_dir, video.uuid);
    tx.commit_then(move || remove(&folder, &caption)).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn places_are_few_and_given_back_when_the_work_ends() {
        let desk = Desk::new();
        let address = IpAddr::from([192, 0, 2, 1]);
        let mut places: Vec<_> = std::iter::from_fn(|| desk.place(address).ok()).collect();
        assert_eq!(places.len(), MAX_PER_ADDRESS);
        let place = places.pop().expect("there are some");
        let read = desk.read(place, Bytes::from_static(b"WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n")).await;
        assert_eq!(read.ok().as_deref(), Some("WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nHello\n"));
        assert!(desk.place(address).is_ok());
        assert_eq!(desk.turns.available_permits(), AT_ONCE);
    }
}
