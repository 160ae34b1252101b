//! A video as one MP4 for download, as PeerTube's clients ask for it: `/download/videos/generate/{id}?videoFileIds=1&videoFileIds=2`.
//!
//! A plain file is sent as it is. What players get in fragments becomes a plain file while it is sent: only its index is made for
//! that, and nothing is written to the disk. Picture and sound that were recorded apart are put together in the same way.

use std::io::{self, SeekFrom};
use std::path::PathBuf;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, Response, StatusCode, header};
use axum::middleware::{map_request, map_response};
use axum::routing::get;
use axum::{Extension, Router};
use bytes::{Bytes, BytesMut};
use segmenter_gst::{Joined, Piece, join};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio::task::spawn_blocking;

use super::blobs::{self, Asked};
use super::extract::VideoRef;
use super::fields::QueryFields;
use super::files::{self, ATTACHMENT, NO_STORE};
use super::media_access::{Answer, MediaAccess};
use super::problem::{Problem, Result};
use super::range;
use super::serve::Client;
use super::slots::{Slot, Slots};
use crate::app::App;
use crate::blobs::Blob;
use crate::domain::{Privacy, Video, VideoFile};
use crate::live::vod_folder;

/// Files that are made while they are sent, at once. Each needs its index in memory: some 5 MB for an hour of video, for a moment
/// thrice that.
const MAX_DOWNLOADS: usize = 16;
/// Of these for one address.
const MAX_PER_ADDRESS: usize = 4;
/// When all are taken, it is not asked again before this time.
const BUSY_PAUSE: Duration = Duration::from_secs(30);
/// Files that one is made of.
const MAX_FILES: usize = 2;
/// Bytes that are read at once.
const CHUNK: usize = 256 * 1024;

pub(super) fn router(access: MediaAccess) -> Router<App> {
    Router::new()
        .route("/download/videos/generate/{id}", get(generate))
        .layer(Extension(access))
        .layer(Extension(Slots::new(MAX_DOWNLOADS, MAX_PER_ADDRESS)))
        .layer(map_request(range::of_get_only))
        .layer(map_response(open_to_pages))
}

/// Any page may offer downloads, as it may play.
async fn open_to_pages(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

async fn generate(
    State(app): State<App>,
    Extension(access): Extension<MediaAccess>,
    Extension(slots): Extension<Slots>,
    client: Client,
    id: VideoRef,
    QueryFields(fields): QueryFields,
    request: Request,
) -> Result<Response<Body>> {
    let mut wanted = fields.integers("videoFileIds")?;
    wanted.sort_unstable();
    wanted.dedup();
    if !(1..=MAX_FILES).contains(&wanted.len()) {
        return Err(Problem::invalid("videoFileIds", "must be one or two ids of files"));
    }
    let mut tx = app.store.read().await?;
    let video = id.fetch(&mut tx).await?;
    let mut files = tx.files().of_video(video.id).await?;
    drop(tx);
    // Row ids can be counted through; who has the address has the UUID.
    if matches!(id, VideoRef::Id(_)) && video.privacy == Privacy::Unlisted {
        return Err(Problem::not_found("Video"));
    }
    match access.check(&app, video.uuid, request.headers(), request.uri().query()).await? {
        Answer::Allowed => {}
        Answer::Forbidden => return Err(Problem::forbidden("This video is not open to everybody")),
        Answer::Unknown => return Err(Problem::not_found("Video")),
    }
    files.retain(|file| wanted.contains(&file.id.0));
    if files.len() < wanted.len() || video.remote {
        return Err(Problem::not_found("Video file"));
    }
    let pictures = files.iter().filter(|file| file.has_video).count();
    if pictures > 1 || files.iter().filter(|file| file.has_audio).count() > 1 {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "A file has one picture and one sound at most: choose other files"));
    }
    let attachment = attachment(&video.name, if pictures > 0 { "mp4" } else { "m4a" });
    let mut response = match files.as_slice() {
        [plain] if plain.playlist_id.is_none() => files::web_video(&app, video.uuid, plain.file.clone(), request).await,
        _ => {
            let asked = Asked { method: request.method().clone(), headers: request.headers().clone() };
            let slot = slots.take(client.address).ok_or_else(|| Problem::too_many(BUSY_PAUSE))?;
            put_together(&app, &video, &files, slot, &asked).await?
        }
    };
    response.headers_mut().insert(header::CONTENT_DISPOSITION, attachment);
    Ok(response)
}

/// What players get in fragments, as a plain file.
async fn put_together(app: &App, video: &Video, files: &[VideoFile], slot: Slot, asked: &Asked) -> Result<Response<Body>> {
    let folder = vod_folder(&app.config.data_dir, video.uuid);
    let is_here = files.iter().all(|file| file.playlist_id.is_some() && folder.join(&file.file).exists());
    if !is_here {
        return match files {
            [file] => Ok(blobs::serve(app, video.uuid, Blob::Hls(video.uuid, file.file.clone()), asked).await),
            _ => Err(Problem::new(StatusCode::BAD_REQUEST, "These files cannot be put together: download them one by one")),
        };
    }
    let paths: Vec<PathBuf> = files.iter().map(|file| folder.join(&file.file)).collect();
    // The place goes along: a client that has gone meanwhile does not end the work.
    let (prepared, slot) = spawn_blocking(move || (prepare(&paths), slot)).await.map_err(|error| Problem::internal(&error))?;
    let (joined, inputs) = prepared.map_err(|error| Problem::internal(&error))?;
    let size_bytes = joined.size_bytes();
    let body = match asked.method == Method::HEAD {
        true => Body::empty(),
        false => {
            app.metrics.http_media_bytes.add(size_bytes);
            Sending::new(joined, inputs, slot).into_body()
        }
    };
    let mut response = Response::new(body);
    let kind = if files.iter().any(|file| file.has_video) { "video/mp4" } else { "audio/mp4" };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(size_bytes));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("none"));
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    Ok(response)
}

/// Looks through the files and opens them. Blocks.
fn prepare(paths: &[PathBuf]) -> Result<(Joined, Vec<File>), segmenter_gst::Error> {
    let joined = join(paths)?;
    let open = |path: &PathBuf| match std::fs::File::open(path) {
        Ok(file) => Ok(File::from_std(file)),
        Err(source) => Err(segmenter_gst::Error::File { path: path.clone(), source }),
    };
    let inputs = paths.iter().map(open).collect::<Result<Vec<_>, _>>()?;
    Ok((joined, inputs))
}

/// A file on its way.
struct Sending {
    head: Bytes,
    inputs: Vec<File>,
    pieces: std::vec::IntoIter<Piece>,
    /// What is left of the piece that its input stands at.
    current: Option<Piece>,
    _slot: Slot,
}

impl Sending {
    fn new(joined: Joined, inputs: Vec<File>, slot: Slot) -> Self {
        Self { head: joined.head.into(), inputs, pieces: joined.pieces.into_iter(), current: None, _slot: slot }
    }

    /// The next bytes; `None` after the last.
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        if !self.head.is_empty() {
            return Ok(Some(self.head.split_to(self.head.len().min(CHUNK))));
        }
        let mut piece = match self.current.take() {
            Some(piece) => piece,
            None => {
                let Some(piece) = self.pieces.next() else { return Ok(None) };
                self.inputs[piece.input].seek(SeekFrom::Start(piece.offset)).await?;
                piece
            }
        };
        let length = piece.size_bytes.min(CHUNK as u64);
        let mut bytes = BytesMut::with_capacity(CHUNK.min(length as usize));
        let read = (&mut self.inputs[piece.input]).take(length).read_buf(&mut bytes).await?;
        if read == 0 {
            // The length was promised: whoever downloads must see that something is missing.
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        piece.size_bytes -= read as u64;
        self.current = Some(piece).filter(|piece| piece.size_bytes > 0);
        Ok(Some(bytes.freeze()))
    }

    fn into_body(self) -> Body {
        Body::from_stream(futures_util::stream::try_unfold(self, |mut sending| async move {
            let bytes = sending.next().await?;
            Ok::<_, io::Error>(bytes.map(|bytes| (bytes, sending)))
        }))
    }
}

/// Browsers save it under the video's name (RFC 6266, RFC 8187).
fn attachment(name: &str, end: &str) -> HeaderValue {
    let name = name.replace(['/', '\\'], "_");
    let plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || " -_.,()".contains(c) { c } else { '_' }).collect();
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    HeaderValue::from_str(&format!("attachment; filename=\"{plain}.{end}\"; filename*=UTF-8''{encoded}.{end}")).unwrap_or(ATTACHMENT)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn files_are_named_after_their_video() {
        assert_eq!(attachment("Hello", "mp4"), "attachment; filename=\"Hello.mp4\"; filename*=UTF-8''Hello.mp4");
        let odd = attachment("a/b\"ü\r\n", "m4a");
        assert_eq!(odd, "attachment; filename=\"a_b____.m4a\"; filename*=UTF-8''a_b%22%C3%BC%0D%0A.m4a");
    }

    #[tokio::test]
    async fn pieces_are_sent_in_their_order() {
        let folder = tempfile::tempdir().expect("a folder");
        let contents = ["0123456789", "abcdefghij"];
        let mut inputs = Vec::new();
        for (number, text) in contents.into_iter().enumerate() {
            let path = folder.path().join(number.to_string());
            std::fs::write(&path, text).expect("written");
            inputs.push(File::open(path).await.expect("opened"));
        }
        let piece = |input, offset, size_bytes| Piece { input, offset, size_bytes };
        let joined = Joined { head: b"head".to_vec(), pieces: vec![piece(0, 2, 3), piece(1, 0, 2), piece(0, 8, 2)] };
        let slot = Slots::new(1, 1).take(IpAddr::from([192, 0, 2, 1])).expect("a place");
        let size_bytes = joined.size_bytes();
        let mut sending = Sending::new(joined, inputs, slot);
        let mut sent = Vec::new();
        while let Some(bytes) = sending.next().await.expect("read") {
            sent.extend_from_slice(&bytes);
        }
        assert_eq!(sent, b"head234ab89");
        assert_eq!(sent.len() as u64, size_bytes);

        sending.pieces = vec![piece(1, 8, 5)].into_iter();
        assert_eq!(sending.next().await.expect("read").as_deref(), Some(&b"ij"[..]));
        assert!(sending.next().await.is_err(), "the file became shorter");
    }
}
