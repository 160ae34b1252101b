//! Uploads in parts, as PeerTube's clients send them (the protocol of node-uploadx): POST says what is to come and gets an address, PUTs
//! with `Content-Range` bring it, `308` with `Range` says how much is there, DELETE gives it up.
//!
//! Everything survives the server: the form is a row, how much has come is the length of a file, which is synced before it is
//! answered. The same user who says again that the same file is to come goes on where it stopped.

use std::path::PathBuf;

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_RANGE, LOCATION, RANGE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Login, VideoRef};
use super::fields::{Fields, QueryFields};
use super::form::{self, Form, Slot};
use super::model::{Created, VideoIds};
use super::problem::{Problem, ProblemBody, Result};
use super::upload::{Whole, finish, known_kind};
use super::video_bodies::{ReplacementForm, ResumableForm};
use super::video_form::{self, Made, PICTURES, check_quota, check_size, new_uuid, unless_blocked};
use crate::app::App;
use crate::domain::{Timestamp, User, Video, VideoId, VideoState};
use crate::pictures::Names;
use crate::store::{Tx, Upload};
use crate::uploads::{self, EXPIRY, MAX_OPEN, REMEMBERED};
use crate::users;
use crate::vod::uploaded;

/// Where new videos come in.
pub(super) const PATH: &str = "/api/v1/videos/upload-resumable";
/// How long the file will be.
pub(super) const LENGTH_HEADER: &str = "x-upload-content-length";
/// What kind of file it is said to be; its name decides.
pub(super) const TYPE_HEADER: &str = "x-upload-content-type";
/// Largest form that is kept with an upload: a full description in the longest script, twice.
const MAX_FORM: usize = 128 * 1024;
/// What another request that writes to the same upload is to wait for.
const BUSY_PAUSE: std::time::Duration = std::time::Duration::from_secs(5);
/// An upload is kept longer when less than all but this much of its time is left: not every part costs a write.
const KEEP_STEP: std::time::Duration = std::time::Duration::from_secs(600);

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(begin, put, cancel)).routes(routes!(begin_replacing, put_replacing, cancel_replacing))
}

/// Say that a video is to come in parts: `X-Upload-Content-Length`, and a form (or JSON) with `filename`, `channelId` and what else
/// describes it. `Location` is where its parts go. 200: some of it is there already.
#[utoipa::path(
    post, path = "/api/v1/videos/upload-resumable", operation_id = "begin_upload", tag = "Video",
    params(("X-Upload-Content-Length" = i64, Header)), request_body = ResumableForm,
    responses(
        (status = 200), (status = 201), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 413, body = ProblemBody), (status = 415, body = ProblemBody)
    )
)]
async fn begin(State(app): State<App>, Login(user): Login, headers: HeaderMap, request: Request) -> Result<Response> {
    begin_any(&app, &user, None, &headers, request).await
}

/// Send a part (`Content-Range: bytes 0-999/5000`), or ask how much is there (`bytes */5000`). 308 with `Range` until all is there.
#[utoipa::path(
    put, path = "/api/v1/videos/upload-resumable", operation_id = "upload_part", tag = "Video",
    params(("upload_id" = String, Query), ("Content-Range" = String, Header)),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 200, body = Created), (status = 308), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody), (status = 429, body = ProblemBody)
    )
)]
async fn put(
    State(app): State<App>,
    Login(user): Login,
    QueryFields(query): QueryFields,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    put_any(&app, &user, None, &query, &headers, body).await
}

/// Give an upload up.
#[utoipa::path(
    delete, path = "/api/v1/videos/upload-resumable", operation_id = "cancel_upload", tag = "Video", params(("upload_id" = String, Query)),
    responses((status = 204), (status = 401, body = ProblemBody), (status = 404, body = ProblemBody), (status = 429, body = ProblemBody))
)]
async fn cancel(State(app): State<App>, Login(user): Login, QueryFields(query): QueryFields) -> Result<StatusCode> {
    cancel_any(&app, &user, None, &query).await
}

/// Say that another file is to come for a video. For its owner and moderators.
#[utoipa::path(
    post, path = "/api/v1/videos/{id}/source/replace-resumable", operation_id = "begin_replacement", tag = "Video",
    params(("id" = String, Path), ("X-Upload-Content-Length" = i64, Header)), request_body = ReplacementForm,
    responses(
        (status = 200), (status = 201), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody), (status = 413, body = ProblemBody), (status = 415, body = ProblemBody)
    )
)]
async fn begin_replacing(
    State(app): State<App>,
    Login(user): Login,
    id: VideoRef,
    headers: HeaderMap,
    request: Request,
) -> Result<Response> {
    let video = replaceable(&mut app.store.read().await?, &user, id).await?;
    begin_any(&app, &user, Some(&video), &headers, request).await
}

/// Send a part of a video's other file.
#[utoipa::path(
    put, path = "/api/v1/videos/{id}/source/replace-resumable", operation_id = "replacement_part", tag = "Video",
    params(("id" = String, Path), ("upload_id" = String, Query), ("Content-Range" = String, Header)),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 204), (status = 308), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody), (status = 429, body = ProblemBody)
    )
)]
async fn put_replacing(
    State(app): State<App>,
    Login(user): Login,
    id: VideoRef,
    QueryFields(query): QueryFields,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let video = replaceable(&mut app.store.read().await?, &user, id).await?;
    put_any(&app, &user, Some(&video), &query, &headers, body).await
}

/// Give the replacement of a video's file up.
#[utoipa::path(
    delete, path = "/api/v1/videos/{id}/source/replace-resumable", operation_id = "cancel_replacement", tag = "Video",
    params(("id" = String, Path), ("upload_id" = String, Query)),
    responses(
        (status = 204), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody),
        (status = 429, body = ProblemBody)
    )
)]
async fn cancel_replacing(State(app): State<App>, Login(user): Login, id: VideoRef, QueryFields(query): QueryFields) -> Result<StatusCode> {
    let video = id.fetch_owned(&mut app.store.read().await?, &user).await?;
    cancel_any(&app, &user, Some(video.id), &query).await
}

/// A video whose file may be replaced.
async fn replaceable(tx: &mut Tx, user: &User, id: VideoRef) -> Result<Video> {
    let video = id.fetch_owned(tx, user).await?;
    if video.is_live {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "Cannot replace the file of a live"));
    }
    if video.state != VideoState::Published {
        return Err(Problem::new(StatusCode::CONFLICT, "Cannot replace the file of a video that is not ready yet"));
    }
    Ok(video)
}

async fn begin_any(app: &App, user: &User, video: Option<&Video>, headers: &HeaderMap, request: Request) -> Result<Response> {
    let size_bytes = headers.get(LENGTH_HEADER).and_then(|value| value.to_str().ok()).and_then(|text| text.trim().parse::<i64>().ok());
    let size_bytes = size_bytes.filter(|size| *size > 0).ok_or_else(|| Problem::invalid(LENGTH_HEADER, "must be the file's length"))?;
    check_size(app, size_bytes.unsigned_abs())?;
    let slots: &[Slot] = if video.is_some() { &[] } else { &PICTURES };
    let form = Form::read(request, app, slots, None).await?;
    let filename = form.fields.text("filename").or_else(|| form.fields.text("name")).unwrap_or("").to_owned();
    let filename = uploaded::plain_filename(&filename);
    known_kind(&filename)?;
    let fields = form.fields.to_kept();
    if fields.len() > MAX_FORM {
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "The form is too large"));
    }
    let id = id_of(user, video, &filename, size_bytes, &fields);
    let location = match video {
        None => format!("{PATH}?upload_id={id}"),
        Some(video) => format!("/api/v1/videos/{}/source/replace-resumable?upload_id={id}", video.uuid),
    };
    let created = |status: StatusCode| (status, [(LOCATION, location.clone())]).into_response();

    let _claim = app.uploads.claim(&id).ok_or_else(|| Problem::too_many(BUSY_PAUSE))?;
    let now = Timestamp::now();
    let mut tx = app.store.write().await?;
    match tx.uploads().by_id(&id).await? {
        Some(known) if known.result_video_id.is_none() => {
            tx.uploads().keep_until(&id, now.plus(EXPIRY)).await?;
            tx.commit().await?;
            let status = if length_of(app, &id).await > 0 { StatusCode::OK } else { StatusCode::CREATED };
            return Ok(created(status));
        }
        Some(_) => {
            // It became a video; the same once more.
            tx.uploads().delete(&id).await?;
        }
        None => {}
    }
    refuse_too_many(&mut tx, user).await?;
    // Not before: what was begun counts already.
    check_quota(&mut tx, user, size_bytes.unsigned_abs().saturating_add(app.allowances.coming_bytes(user.id))).await?;
    if video.is_none() {
        // To say what is wrong with the form now and not after hours; it is taken back with this transaction.
        video_form::create(&mut tx, new_uuid(), &form.fields, user, VideoState::ToTranscode, &filename).await?;
    }
    drop(tx);

    let pictures = Made::of(app, &form).await?;
    let mut tx = app.store.write().await?;
    let user = unless_blocked(tx.users().hold(user.id).await?)?;
    tx.uploads().delete(&id).await?;
    // Again: others may have been begun meanwhile.
    refuse_too_many(&mut tx, &user).await?;
    let upload = Upload {
        id,
        user_id: user.id,
        video_id: video.map(|video| video.id),
        filename,
        size_bytes,
        fields,
        thumbnail: pictures.names().map(|names| names.thumbnail.clone()),
        preview: pictures.names().map(|names| names.preview.clone()),
        result_video_id: None,
        created_at: now,
        expires_at: now.plus(EXPIRY),
    };
    tx.uploads().create(&upload).await?;
    check_quota(&mut tx, &user, app.allowances.coming_bytes(user.id)).await?;
    let room_bytes = users::room(&mut tx, &user).await?;
    pictures.commit(tx, || {}).await?;
    app.allowances.refresh(user.id, room_bytes);
    Ok(created(StatusCode::CREATED))
}

async fn refuse_too_many(tx: &mut Tx, user: &User) -> Result<()> {
    if tx.uploads().open_of(user.id).await?.0 < MAX_OPEN {
        return Ok(());
    }
    Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "You have too many uploads that are not finished"))
}

/// The same for the same file of the same user, so that a client that forgot where it was may begin again.
fn id_of(user: &User, video: Option<&Video>, filename: &str, size_bytes: i64, fields: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(user.id.0.to_be_bytes());
    hash.update(video.map_or(0, |video| video.id.0).to_be_bytes());
    hash.update(size_bytes.to_be_bytes());
    hash.update(filename.as_bytes());
    hash.update([0]);
    hash.update(fields.as_bytes());
    hex::encode(&hash.finalize()[..16])
}

fn path_of(app: &App, id: &str) -> PathBuf {
    uploads::folder(&app.config.data_dir).join(id)
}

async fn length_of(app: &App, id: &str) -> u64 {
    tokio::fs::metadata(path_of(app, id)).await.map_or(0, |metadata| metadata.len())
}

/// An upload of this user, for a new video or for this one.
async fn own(app: &App, user: &User, video: Option<VideoId>, query: &Fields) -> Result<Upload> {
    let id = query.text("upload_id").unwrap_or("");
    let upload = app.store.read().await?.uploads().by_id(id).await?;
    upload
        .filter(|upload| upload.user_id == user.id && upload.video_id == video && upload.expires_at > Timestamp::now())
        .ok_or_else(|| Problem::not_found("Upload"))
}

async fn put_any(app: &App, user: &User, video: Option<&Video>, query: &Fields, headers: &HeaderMap, body: Body) -> Result<Response> {
    let upload = own(app, user, video.map(|video| video.id), query).await?;
    if let Some(done) = upload.result_video_id {
        // The answer to the last part got lost.
        let mut tx = app.store.read().await?;
        let made = tx.videos().by_id(done).await?.ok_or_else(|| Problem::not_found("Video"))?;
        return Ok(answer(&made, video.is_some()));
    }
    let _claim = app.uploads.claim(&upload.id).ok_or_else(|| Problem::too_many(BUSY_PAUSE))?;
    let (size, path) = (upload.size_bytes.unsigned_abs(), path_of(app, &upload.id));
    let mut length = length_of(app, &upload.id).await;
    let conflict = |detail: &'static str| Problem::new(StatusCode::CONFLICT, detail);
    let value = headers.get(CONTENT_RANGE).map(|value| value.to_str().unwrap_or(""));
    let part = match value {
        None => Some(Part { start: 0, end: size, size: Some(size) }),
        Some(text) => parse_range(text).ok_or_else(|| Problem::invalid("Content-Range", "must be bytes START-END/SIZE or bytes */SIZE"))?,
    };
    if let Some(part) = part {
        if part.size.is_some_and(|said| said != size) || part.end > size {
            return Err(conflict("The part does not belong to a file of this length"));
        }
        if part.start > length {
            return Err(conflict("There is a gap before this part"));
        }
        let said = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()).and_then(|text| text.parse::<u64>().ok());
        if said.is_some_and(|said| said > part.end - part.start) {
            return Err(conflict("The part is longer than its range"));
        }
        tokio::fs::create_dir_all(uploads::folder(&app.config.data_dir)).await.map_err(|error| Problem::internal(&error))?;
        // What is there already and comes again is written again.
        let appended = form::append(app, &path, part.start, part.end, body).await?;
        if appended.overflowed {
            return Err(conflict("The part is longer than its range"));
        }
        length = appended.length;
    }
    if length < size {
        keep(app, &upload).await?;
        return Ok(incomplete(length));
    }
    let made = match video {
        None => become_video(app, user, &upload, &path).await?,
        Some(video) => replace(app, user, video, &upload, &path).await?,
    };
    let _ = tokio::fs::remove_file(&path).await;
    Ok(answer(&made, video.is_some()))
}

/// Part of a file: `start..end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    start: u64,
    end: u64,
    size: Option<u64>,
}

/// Reads `Content-Range` (RFC 9110 section 14.4): `Some(None)` is the question how much is there, `None` is none.
fn parse_range(text: &str) -> Option<Option<Part>> {
    let (range, size) = text.trim().strip_prefix("bytes")?.trim_start_matches([' ', '=']).split_once('/')?;
    let size = match size.trim() {
        "*" => None,
        size => Some(size.parse().ok()?),
    };
    if range.trim() == "*" {
        return Some(None);
    }
    let (first, last) = range.split_once('-')?;
    let (start, last) = (first.trim().parse::<u64>().ok()?, last.trim().parse::<u64>().ok()?);
    let end = last.checked_add(1).filter(|end| start < *end)?;
    Some(Some(Part { start, end, size }))
}

async fn keep(app: &App, upload: &Upload) -> Result<()> {
    let until = Timestamp::now().plus(EXPIRY);
    if upload.expires_at < until.minus(KEEP_STEP) {
        let mut tx = app.store.write().await?;
        tx.uploads().keep_until(&upload.id, until).await?;
        tx.commit().await?;
    }
    Ok(())
}

fn incomplete(length: u64) -> Response {
    match length.checked_sub(1) {
        Some(last) => (StatusCode::PERMANENT_REDIRECT, [(RANGE, format!("bytes=0-{last}"))]).into_response(),
        None => StatusCode::PERMANENT_REDIRECT.into_response(),
    }
}

fn answer(made: &Video, is_replacement: bool) -> Response {
    if is_replacement { StatusCode::NO_CONTENT.into_response() } else { Json(Created { video: VideoIds::of(made) }).into_response() }
}

async fn become_video(app: &App, user: &User, upload: &Upload, path: &std::path::Path) -> Result<Video> {
    let fields = Fields::from_kept(&upload.fields).ok_or_else(|| Problem::internal(&"an upload's form cannot be read"))?;
    let names = match (&upload.thumbnail, &upload.preview) {
        (Some(thumbnail), Some(preview)) => Some(Names { thumbnail: thumbnail.clone(), preview: preview.clone() }),
        _ => None,
    };
    // Not made here: an upload that fails now may be tried again, and has its pictures until it expires.
    let pictures = Made::lent(names);
    let file = Whole { path, filename: &upload.filename, size_bytes: upload.size_bytes.unsigned_abs() };
    finish(app, user, &fields, file, pictures, Some(upload)).await
}

async fn replace(app: &App, user: &User, video: &Video, upload: &Upload, path: &std::path::Path) -> Result<Video> {
    let (uuid, data_dir) = (video.uuid, &app.config.data_dir);
    let kind = known_kind(&upload.filename)?;
    let file = uploaded::place(data_dir, uuid, path, kind).await.map_err(|error| Problem::internal(&error))?;
    let replaced = async {
        let mut tx = app.store.write().await?;
        let user = unless_blocked(tx.users().by_id(user.id).await?)?;
        let mut video = replaceable(&mut tx, &user, VideoRef::Id(video.id)).await?;
        let before = uploaded::note(&mut tx, &video, &file, &upload.filename, upload.size_bytes.unsigned_abs()).await?;
        video.input_file_updated_at = Some(Timestamp::now());
        tx.videos().update(&video).await?;
        tx.stats().forget_retention(video.id).await?;
        tx.uploads().done(&upload.id, video.id, Timestamp::now().plus(REMEMBERED)).await?;
        video_form::check_owner(&mut tx, &video).await?;
        tx.commit().await?;
        Ok::<_, Problem>((video, before))
    };
    match replaced.await {
        Ok((video, before)) => {
            app.jobs.wake();
            if let Some(before) = before {
                uploaded::remove(data_dir, uuid, &[before.file]).await;
            }
            Ok(video)
        }
        Err(problem) => {
            uploaded::remove(data_dir, uuid, &[file]).await;
            Err(problem)
        }
    }
}

async fn cancel_any(app: &App, user: &User, video: Option<VideoId>, query: &Fields) -> Result<StatusCode> {
    let upload = own(app, user, video, query).await?;
    let _claim = app.uploads.claim(&upload.id).ok_or_else(|| Problem::too_many(BUSY_PAUSE))?;
    let mut tx = app.store.write().await?;
    tx.uploads().delete(&upload.id).await?;
    tx.commit().await?;
    let _ = tokio::fs::remove_file(path_of(app, &upload.id)).await;
    if let (Some(thumbnail), Some(preview), None) = (upload.thumbnail, upload.preview, upload.result_video_id) {
        Names { thumbnail, preview }.remove(&app.config.data_dir);
    }
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_content_range() {
        let part = |start, end, size| Some(Some(Part { start, end, size }));
        assert_eq!(parse_range("bytes 0-999/5000"), part(0, 1000, Some(5000)));
        assert_eq!(parse_range("bytes 1000-1000/*"), part(1000, 1001, None));
        assert_eq!(parse_range("bytes */5000"), Some(None));
        for text in ["", "bytes", "bytes 0-/5", "bytes 5-4/9", "bytes 0-18446744073709551615/1", "lines 0-1/2", "bytes -5/9", "bytes 0-1"] {
            assert_eq!(parse_range(text), None, "{text}");
        }
    }

    #[test]
    fn says_how_much_is_there() {
        let response = incomplete(1000);
        assert_eq!((response.status().as_u16(), &response.headers()[RANGE]), (308, &axum::http::HeaderValue::from_static("bytes=0-999")));
        assert!(!incomplete(0).headers().contains_key(RANGE));
    }
}
