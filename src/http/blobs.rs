//! Media that is in object storage: viewers are sent there, or get it through this server.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use uuid::Uuid;

use super::files::{NO_STORE, not_found, plain};
use super::range::{self, Wanted};
use crate::app::App;
use crate::blobs::Blob;
use crate::config::Delivery;

/// How long a browser may be sent to the same address again: a part of its lifetime, so that it is good for long enough.
const REDIRECTED_SHARE: u64 = 4;

/// What a request for a file asks.
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
}

/// Answers for a file that is not on disk. Who may have it was looked at before.
pub(super) async fn serve(app: &App, video: Uuid, blob: Blob, asked: &Asked) -> Response<Body> {
    match answer(app, video, &blob, asked).await {
        Ok(response) => response,
        Err(Failed::Store(error)) => {
            tracing::error!(%error, %video, "http.blobs");
            plain(StatusCode::INTERNAL_SERVER_ERROR, "try again", NO_STORE)
        }
        Err(Failed::Blobs(error)) if error.is_not_found() => {
            tracing::error!(%error, %video, "http.blobs: it should be there");
            not_found()
        }
        Err(Failed::Blobs(error)) => {
            tracing::warn!(%error, %video, "http.blobs");
            plain(StatusCode::BAD_GATEWAY, "the storage does not answer", NO_STORE)
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Store(#[from] crate::store::Error),
    #[error(transparent)]
    Blobs(#[from] crate::blobs::Error),
}

async fn answer(app: &App, video: Uuid, blob: &Blob, asked: &Asked) -> Result<Response<Body>, Failed> {
    let Some(delivery) = app.blobs.delivery() else { return Ok(not_found()) };
    let (name, in_playlist) = match blob {
        Blob::Hls(_, name) => (name, true),
        Blob::WebVideo(name) => (name, false),
        Blob::Original(..) => return Ok(not_found()),
    };
    // Only what the database knows: names are others' to choose.
    let known = app.store.read().await?.media().remote_file(video, name).await?;
    let Some(file) = known.filter(|file| file.in_playlist == in_playlist) else { return Ok(not_found()) };
    let length = u64::try_from(file.size_bytes).unwrap_or(0);
    match delivery {
        Delivery::Redirect => {
            let address = app.blobs.address(blob).await?;
            let mut response = Response::new(Body::empty());
            // The method and its range go along (RFC 9110 section 15.4.8).
            *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
            let age = app.blobs.address_lifetime().as_secs() / REDIRECTED_SHARE;
            let headers = response.headers_mut();
            headers.insert(header::LOCATION, HeaderValue::from_str(&address).unwrap_or(HeaderValue::from_static("/")));
            // Whose address it is depends on who may have it.
            headers.insert(header::CACHE_CONTROL, cache(&format!("private, max-age={age}")));
            Ok(response)
        }
        Delivery::Proxy => proxy(app, blob, asked, length).await,
    }
}

async fn proxy(app: &App, blob: &Blob, asked: &Asked, length: u64) -> Result<Response<Body>, Failed> {
    let wanted = range::wanted(&asked.headers, length);
    let (status, start, end) = match wanted {
        Wanted::All => (StatusCode::OK, 0, length),
        Wanted::Range(start, end) => (StatusCode::PARTIAL_CONTENT, start, end),
        Wanted::Unsatisfiable => {
            let mut response = plain(StatusCode::RANGE_NOT_SATISFIABLE, "", NO_STORE);
            range::content_range(response.headers_mut(), &format!("bytes */{length}"));
            return Ok(response);
        }
    };
    let body = match asked.method == Method::HEAD || start == end {
        true => Body::empty(),
        false => {
            app.metrics.http_media_bytes.add(end - start);
            Body::from_stream(app.blobs.stream(blob, start..end).await?)
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if status == StatusCode::PARTIAL_CONTENT {
        range::content_range(headers, &format!("bytes {start}-{}/{length}", end - 1));
    }
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(end - start));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(blob.content_type()));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=86400"));
    Ok(response)
}

fn cache(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(NO_STORE)
}
