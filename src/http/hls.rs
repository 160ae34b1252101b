//! Playlists, segments and parts: of running broadcasts from memory, of finished ones from disk.
//!
//! Delivery as the Low-Latency HLS profile wants it (draft-pantos-hls-rfc8216bis appendix B.1): blocking requests end
//! with their answer, their deadline or their client; nothing of a part is sent before it is whole; playlists are
//! compressed once for all who wait.

use std::io::SeekFrom;
use std::path::PathBuf;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::middleware::map_request;
use axum::routing::get;
use axum::{Extension, Router};
use bytes::Bytes;
use segmenter::multivariant;
use segmenter::reload::Reload;
use segmenter::rendition::{Group, ObjectPoll, Playlist, PlaylistPoll};
use segmenter::window::Object;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tower::ServiceExt as _;
use tower_http::cors::{Any, CorsLayer};
use tower_http::services::ServeFile;
use uuid::Uuid;

use super::blobs::{self, Asked};
use super::files::{self, NO_STORE, plain};
use super::media_access::MediaAccess;
use super::range;
use crate::app::App;
use crate::blobs::Blob;
use crate::live::{MULTIVARIANT, SEGMENTS_SHA256, WHOLE_MULTIVARIANT};

/// `application/vnd.apple.mpegurl` (RFC 8216 section 4).
const PLAYLIST: &str = "application/vnd.apple.mpegurl";
const JSON: &str = "application/json";
/// What scripts on other pages need of the headers.
const EXPOSED: [header::HeaderName; 4] = [header::AGE, header::CONTENT_LENGTH, header::CONTENT_RANGE, header::DATE];
/// What a file of a finished video may be cached for: its names are random and its bytes never change.
const FILE_MAX_AGE: Duration = Duration::from_secs(24 * 3600);
/// A playlist of a finished video that was just written may be one that still grows: it may be cached for this part of its age.
const PLAYLIST_AGE_SHARE: u32 = 4;
/// How the playlists in whole segments are called; a rendition's name is letters and digits.
const WHOLE: &str = "-whole.m3u8";
/// Half of the shortest segment.
const WHOLE_MAX_AGE: Duration = Duration::from_secs(1);
/// A multivariant playlist changes when its bandwidths are known better.
const MULTIVARIANT_MAX_AGE: Duration = Duration::from_secs(1);

/// Below this, a folder for each video, named by its public id.
pub(super) const FOLDER: &str = "/static/streaming-playlists/hls/";

/// Below [`FOLDER`].
pub fn router(access: MediaAccess) -> Router<App> {
    Router::new()
        .route(&format!("{FOLDER}{{uuid}}/{{file}}"), get(serve))
        .layer(map_request(range::of_get_only))
        .layer(CorsLayer::new().allow_origin(Any).allow_headers([header::AUTHORIZATION, header::RANGE]).expose_headers(EXPOSED))
        .layer(Extension(access))
}

async fn serve(
    State(app): State<App>,
    Extension(access): Extension<MediaAccess>,
    Path((uuid, file)): Path<(Uuid, String)>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response<Body> {
    let query = query.as_deref();
    match from_live(&app, &access, uuid, &file, query, request.headers()).await {
        Some(response) => response,
        None => from_disk(&app, uuid, &file, query, request).await,
    }
}

/// Refuses who may not watch, and answers from a running broadcast. `None`: it can only be a file on disk.
pub(super) async fn from_live(
    app: &App,
    access: &MediaAccess,
    uuid: Uuid,
    file: &str,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Option<Response<Body>> {
    if let Some(refusal) = access.refusal(app, uuid, headers, query).await {
        return Some(refusal);
    }
    let group = app.live.group(uuid)?;
    tokio::select! {
        biased;
        response = from_broadcast(app, &group, file, query, headers) => response,
        // What is waited for will not come, and the server does not wait for those who do.
        () = app.stop.cancelled() => Some(plain(StatusCode::SERVICE_UNAVAILABLE, "the server stops", NO_STORE)),
    }
}

/// `None`: not a name of the broadcast.
async fn from_broadcast(app: &App, group: &Group, file: &str, query: Option<&str>, headers: &HeaderMap) -> Option<Response<Body>> {
    if file == MULTIVARIANT {
        app.metrics.http_playlist_requests.increment();
        let text = group.multivariant(None)?;
        return Some(range::respond(headers, Bytes::from(text), PLAYLIST, max_age(MULTIVARIANT_MAX_AGE)));
    }
    if file == WHOLE_MULTIVARIANT {
        app.metrics.http_playlist_requests.increment();
        let mut variants = group.variants(None)?;
        for variant in &mut variants {
            variant.uri = variant.uri.replace(".m3u8", WHOLE);
        }
        return Some(range::respond(headers, Bytes::from(multivariant::render(&variants)), PLAYLIST, max_age(MULTIVARIANT_MAX_AGE)));
    }
    if let Some(name) = file.strip_suffix(WHOLE) {
        let text = group.rendition(name)?.whole_playlist()?;
        app.metrics.http_playlist_requests.increment();
        return Some(range::respond(headers, Bytes::from(text), PLAYLIST, max_age(WHOLE_MAX_AGE)));
    }
    if file == SEGMENTS_SHA256 {
        return Some(range::respond(headers, group.segments_sha256(), JSON, NO_STORE));
    }
    if let Some(name) = file.strip_suffix(".m3u8") {
        let rendition = group.rendition(name)?;
        app.metrics.http_playlist_requests.increment();
        let pairs = query.unwrap_or("").split('&').filter_map(|pair| pair.split_once('='));
        let reload = Reload::parse(pairs);
        return Some(match rendition.playlist(&reload).await {
            PlaylistPoll::Ready(playlist) => respond_playlist(playlist, headers),
            PlaylistPoll::Invalid { reason, max_age: age } => plain(StatusCode::BAD_REQUEST, reason.to_string(), max_age(age)),
            PlaylistPoll::Unavailable | PlaylistPoll::Wait { .. } => {
                plain(StatusCode::SERVICE_UNAVAILABLE, "no new media in time", NO_STORE)
            }
        });
    }
    let rendition = group.owner(file)?;
    Some(match rendition.object(file).await {
        ObjectPoll::Ready { object, max_age: age } => {
            let content_type = rendition.content_type();
            match object {
                Object::Memory(chunks) => {
                    let bytes = join(&chunks);
                    app.metrics.http_media_bytes.add(bytes.len() as u64);
                    range::respond(headers, bytes, content_type, immutable(age))
                }
                Object::File(span) => match read(&span.path, span.offset, span.length).await {
                    Ok(bytes) => {
                        app.metrics.http_media_bytes.add(bytes.len() as u64);
                        range::respond(headers, bytes, content_type, immutable(age))
                    }
                    Err(error) => {
                        tracing::warn!(%error, file, "http.hls: recording unreadable");
                        plain(StatusCode::NOT_FOUND, "no longer available", NO_STORE)
                    }
                },
            }
        }
        ObjectPoll::Missing { max_age: age } => plain(StatusCode::NOT_FOUND, "no such segment or part", max_age(age)),
        ObjectPoll::Unavailable | ObjectPoll::Wait { .. } => plain(StatusCode::SERVICE_UNAVAILABLE, "not there in time", NO_STORE),
    })
}

fn respond_playlist(playlist: Playlist, headers: &HeaderMap) -> Response<Body> {
    let gzip = accepts_gzip(headers);
    let body = if gzip { playlist.body.gzip() } else { playlist.body.plain() };
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PLAYLIST));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(header::CACHE_CONTROL, max_age(playlist.max_age));
    if gzip {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING);
    let mut codings = values.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    codings.any(|coding| {
        let (name, quality) = coding.split_once(';').unwrap_or((coding, ""));
        matches!(name.trim(), "gzip" | "*") && !matches!(quality.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
    })
}

/// One run of bytes: a part is one already, a segment is put together for the request.
fn join(chunks: &[Bytes]) -> Bytes {
    match chunks {
        [one] => one.clone(),
        many => many.concat().into(),
    }
}

async fn read(path: &std::path::Path, offset: u64, length: u64) -> std::io::Result<Bytes> {
    let mut file = tokio::fs::File::open(path).await?;
    file.seek(SeekFrom::Start(offset)).await?;
    // A segment's length is bounded by the packager.
    let mut bytes = vec![0; usize::try_from(length).map_err(std::io::Error::other)?];
    file.read_exact(&mut bytes).await?;
    Ok(bytes.into())
}

async fn from_disk(app: &App, uuid: Uuid, file: &str, query: Option<&str>, request: Request) -> Response<Body> {
    let Some(path) = file_path(app, uuid, file) else {
        return files::not_found();
    };
    let asked = Asked { method: request.method().clone(), headers: request.headers().clone() };
    let is_playlist = file.ends_with(".m3u8");
    if is_playlist {
        app.metrics.http_playlist_requests.increment();
    }
    let response = match ServeFile::new(&path).oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    if response.status() == StatusCode::NOT_FOUND {
        if !app.blobs.is_configured() || is_playlist {
            return files::not_found();
        }
        let mut response = blobs::serve(app, uuid, Blob::Hls(uuid, file.to_owned()), &asked).await;
        if files::asks_for_download(query) {
            response.headers_mut().insert(header::CONTENT_DISPOSITION, files::ATTACHMENT);
        }
        return response;
    }
    let mut response = response.map(Body::new);
    let mut age = FILE_MAX_AGE;
    if is_playlist {
        age = playlist_age(&path).await;
    }
    let headers = response.headers_mut();
    if is_playlist {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PLAYLIST));
    } else if let Some(length) = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok()) {
        app.metrics.http_media_bytes.add(length);
    }
    headers.insert(header::CACHE_CONTROL, max_age(age));
    if files::asks_for_download(query) {
        headers.insert(header::CONTENT_DISPOSITION, files::ATTACHMENT);
    }
    response
}

/// How long a playlist on disk may be cached: while a video is made its playlists change every few seconds, then never again.
async fn playlist_age(path: &std::path::Path) -> Duration {
    let modified = tokio::fs::metadata(path).await.and_then(|metadata| metadata.modified());
    let since = modified.ok().and_then(|time| time.elapsed().ok()).unwrap_or_default();
    (since / PLAYLIST_AGE_SHARE).clamp(Duration::from_secs(1), FILE_MAX_AGE)
}

fn file_path(app: &App, uuid: Uuid, file: &str) -> Option<PathBuf> {
    files::is_plain_name(file).then(|| crate::live::vod_folder(&app.config.data_dir, uuid).join(file))
}

fn max_age(age: Duration) -> HeaderValue {
    if age.is_zero() { NO_STORE } else { cache(&format!("max-age={}", age.as_secs().max(1))) }
}

fn immutable(age: Duration) -> HeaderValue {
    cache(&format!("max-age={}, immutable", age.as_secs()))
}

fn cache(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(NO_STORE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gzip(value: &'static str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(value));
        accepts_gzip(&headers)
    }

    #[test]
    fn reads_accept_encoding() {
        assert!(gzip("gzip"));
        assert!(gzip("deflate, gzip;q=1.0, *;q=0.5"));
        assert!(gzip("*"));
        assert!(!gzip("identity"));
        assert!(!gzip("gzip;q=0, br"));
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
