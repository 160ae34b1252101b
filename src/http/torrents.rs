//! Torrents of the files of videos, made when somebody asks, and the originals of videos for their owners.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::middleware::map_request;
use axum::routing::get;
use axum::{Extension, Router};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::extract::{Base, owns};
use super::files::{ATTACHMENT, NO_STORE, not_found, plain, serve};
use super::media_access::{self, MediaAccess};
use super::model::{file_address, original_address};
use super::range;
use crate::app::App;
use crate::domain::{Place, Video, VideoFile};
use crate::hangup;
use crate::live::vod_folder;
use crate::store::{self, Source};
use crate::torrent;
use crate::vod::{file_path, originals_folder};

/// Files that are read and hashed at once: it takes as long as the disk needs.
const HASHED_AT_ONCE: usize = 1;
/// Their hashes lie beside a video's playlists under the file's name with this end.
const PIECES: &str = "pieces";
const TORRENT: HeaderValue = HeaderValue::from_static("application/x-bittorrent");
/// The name of the torrent of an original.
const ORIGINAL: &str = "original";

/// Torrents below `/lazy-static/torrents` and `/download/torrents`, originals below `/download/original-video-files`.
pub fn router(access: MediaAccess) -> Router<App> {
    Router::new()
        .route("/lazy-static/torrents/{file}", get(answer))
        .route("/download/torrents/{file}", get(answer))
        .route("/download/original-video-files/{file}", get(original))
        .layer(map_request(range::of_get_only))
        .layer(Extension(access))
        .layer(Extension(Arc::new(Semaphore::new(HASHED_AT_ONCE))))
}

/// Of which file of a video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    /// A row's.
    File(i64),
    /// What it was made from.
    Original,
}

/// Where the API says that a file's torrent is, below the server's address and this folder.
pub(super) fn name_of(video: Uuid, file: &VideoFile) -> String {
    format!("{video}-{}.torrent", file.id.0)
}

/// The same for what a video was made from.
pub(super) fn name_of_original(video: Uuid) -> String {
    format!("{video}-{ORIGINAL}.torrent")
}

fn parse(name: &str) -> Option<(Uuid, Which)> {
    let (video, which) = name.strip_suffix(".torrent")?.split_at_checked(36)?;
    let which = match which.strip_prefix('-')? {
        ORIGINAL => Which::Original,
        id => Which::File(id.parse().ok().filter(|id| *id > 0)?),
    };
    Some((Uuid::try_parse(video).ok()?, which))
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("files: {0}")]
    File(#[from] io::Error),
}

async fn answer(
    State(app): State<App>,
    Extension(access): Extension<MediaAccess>,
    Extension(turns): Extension<Arc<Semaphore>>,
    base: Base,
    Path(file): Path<String>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response<Body> {
    let Some((uuid, which)) = parse(&file) else { return not_found() };
    let (headers, query) = (request.headers(), query.as_deref());
    if let Some(refusal) = access.refusal(&app, uuid, headers, query).await {
        return refusal;
    }
    let made = match which {
        Which::File(id) => of_file(&app, &turns, &base, uuid, id).await,
        Which::Original => of_original(&app, &turns, &base, uuid, headers, query).await,
    };
    let bytes = match made {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return not_found(),
        Err(error) => {
            tracing::error!(%error, video = %uuid, "http.torrents");
            return plain(StatusCode::INTERNAL_SERVER_ERROR, "try again", NO_STORE);
        }
    };
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, TORRENT);
    headers.insert(header::CONTENT_DISPOSITION, ATTACHMENT);
    // The address in it is the one that was asked by.
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

async fn of_file(app: &App, turns: &Arc<Semaphore>, base: &Base, uuid: Uuid, id: i64) -> Result<Option<Vec<u8>>, Error> {
    let mut tx = app.store.read().await?;
    let Some(video) = tx.videos().by_uuid(uuid).await?.filter(|video| !video.remote) else { return Ok(None) };
    let files = tx.files().of_video(video.id).await?;
    let place = tx.media().of_video(video.id).await?.place;
    drop(tx);
    let Some(file) = files.into_iter().find(|file| file.id.0 == id).filter(|_| place == Place::Disk) else { return Ok(None) };
    let data_dir = &app.config.data_dir;
    let kept = vod_folder(data_dir, uuid).join(format!("{}.{PIECES}", file.file));
    let Some((length, pieces)) = pieces(turns, file_path(data_dir, uuid, &file), Some(kept), &app.stop).await? else { return Ok(None) };
    if file.info_hash.is_none() {
        let mut tx = app.store.write().await?;
        tx.files().set_info_hash(file.id, &torrent::info_hash(&file.file, length, &pieces)).await?;
        tx.commit().await?;
    }
    Ok(Some(torrent::encode(&file.file, length, &pieces, &file_address(&video, &file, base))))
}

async fn of_original(
    app: &App,
    turns: &Arc<Semaphore>,
    base: &Base,
    uuid: Uuid,
    headers: &HeaderMap,
    query: Option<&str>,
) -> Result<Option<Vec<u8>>, Error> {
    let Some((video, source)) = owned(app, uuid, headers, query).await? else { return Ok(None) };
    let pieces = pieces(turns, originals_folder(&app.config.data_dir, uuid).join(&source.file), None, &app.stop).await?;
    let address = original_address(&video, &source, base);
    Ok(pieces.map(|(length, pieces)| torrent::encode(&source.file, length, &pieces, &address)))
}

/// A video with the file that it was made from, if whoever asks owns it or moderates.
async fn owned(app: &App, uuid: Uuid, headers: &HeaderMap, query: Option<&str>) -> store::Result<Option<(Video, Source)>> {
    let user = media_access::user(app, uuid, headers, query).await?;
    let mut tx = app.store.read().await?;
    let Some(video) = tx.videos().by_uuid(uuid).await?.filter(|video| owns(user.as_ref(), video)) else { return Ok(None) };
    Ok(tx.sources().of_video(video.id).await?.map(|source| (video, source)))
}

/// A file's length and the hashes of its pieces; `None` when it is gone. They are kept at `kept`.
async fn pieces(
    turns: &Arc<Semaphore>,
    path: PathBuf,
    kept: Option<PathBuf>,
    stop: &CancellationToken,
) -> io::Result<Option<(u64, Vec<u8>)>> {
    // Never closed.
    let Ok(turn) = turns.clone().acquire_owned().await else { return Ok(None) };
    let stop = stop.clone();
    match hangup::blocking(turn, move || torrent::pieces_of(&path, kept.as_deref(), &stop)).await? {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}

/// What a video was made from, as it came, for whoever owns it: never shown, only saved.
async fn original(State(app): State<App>, Path(name): Path<String>, RawQuery(query): RawQuery, request: Request) -> Response<Body> {
    let Some(uuid) = name.get(..36).and_then(|text| Uuid::try_parse(text).ok()) else { return not_found() };
    let source = match owned(&app, uuid, request.headers(), query.as_deref()).await {
        Ok(Some((_, source))) => source,
        Ok(None) => return not_found(),
        Err(error) => {
            tracing::error!(%error, video = %uuid, "http.originals");
            return plain(StatusCode::INTERNAL_SERVER_ERROR, "try again", NO_STORE);
        }
    };
    let mut response = serve(&originals_folder(&app.config.data_dir, uuid), &source.file, request).await;
    if response.status().is_success() {
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, NO_STORE);
        headers.insert(header::CONTENT_DISPOSITION, ATTACHMENT);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_of_which_file() {
        let video = Uuid::new_v4();
        assert_eq!(parse(&format!("{video}-12.torrent")), Some((video, Which::File(12))));
        assert_eq!(parse(&name_of_original(video)), Some((video, Which::Original)));
        for name in ["", "x.torrent", "../../etc/passwd"] {
            assert_eq!(parse(name), None, "{name}");
        }
        for end in [".torrent", "--1.torrent", "-0.torrent", "-1"] {
            assert_eq!(parse(&format!("{video}{end}")), None, "{end}");
        }
    }
}
