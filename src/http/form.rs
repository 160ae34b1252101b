//! Forms with files: pictures and captions are taken into memory up to their bound, a video's file goes to disk as it comes.

use std::path::Path;
use std::time::Duration;

use axum::body::Body;
use axum::extract::multipart::Field;
use axum::extract::{DefaultBodyLimit, FromRequest as _, Multipart, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

use super::fields::Fields;
use super::problem::{Problem, Result};
use super::video_form::quota_reached;
use crate::allowance::Share;
use crate::app::App;
use crate::uploads::{Partial, has_space};

/// A client that sends nothing for so long is gone; one whose line is bad has the uploads in parts.
pub(super) const IDLE: Duration = Duration::from_secs(30);
/// Longest text of a field, as in other forms.
const MAX_TEXT: usize = 64 * 1024;
/// How much is written between two looks at the free space of the disk.
const SPACE_CHECK: u64 = 64 << 20;

/// A form's field with a file that is taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    /// The field.
    pub name: &'static str,
    /// Largest file, in bytes.
    pub max_bytes: usize,
}

/// A form's field with a video's file.
#[derive(Clone, Copy, Debug)]
pub(super) struct FileSlot<'a> {
    /// The field.
    pub name: &'static str,
    /// What may still come.
    pub room: &'a Share,
}

/// A small file.
#[derive(Clone, Debug)]
pub(super) struct Attachment {
    /// The field.
    pub name: &'static str,
    /// What is in it.
    pub bytes: Bytes,
}

/// A video's file, on disk until it is dropped.
#[derive(Debug)]
pub(super) struct Received {
    /// Where it is.
    pub partial: Partial,
    /// As the client calls it.
    pub filename: String,
    /// In bytes.
    pub size_bytes: u64,
}

/// What a client sent.
#[derive(Debug, Default)]
pub(super) struct Form {
    /// What is no file.
    pub fields: Fields,
    /// Small files.
    pub attachments: Vec<Attachment>,
    /// The video's file, where one is taken.
    pub video: Option<Received>,
}

impl Form {
    /// Reads a body. `slots`: small files that are taken; `video`: the field of the file that goes to disk. Other files are read over.
    pub async fn read(request: Request, app: &App, slots: &[Slot], video: Option<FileSlot<'_>>) -> Result<Self> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("").to_ascii_lowercase();
        if !kind.starts_with("multipart/form-data") {
            return Ok(Self { fields: Fields::from_request(request, app).await?, ..Self::default() });
        }
        let mut request = request;
        // Each part has a bound of its own below.
        DefaultBodyLimit::disable().apply(&mut request);
        let mut multipart = Multipart::from_request(request, app).await.map_err(|_| malformed("The multipart form is malformed"))?;
        let mut form = Self::default();
        let mut passed_over = 0;
        while let Some(mut field) = next(&mut multipart).await? {
            let name = field.name().unwrap_or_default().to_owned();
            let Some(filename) = field.file_name().map(str::to_owned) else {
                let text = collect(&mut field, &name, MAX_TEXT).await?;
                let text = std::str::from_utf8(&text).map_err(|_| Problem::invalid(name.clone(), "must be UTF-8"))?;
                form.fields.push(&name, Some(text.to_owned()))?;
                continue;
            };
            if let Some(slot) = video.filter(|slot| slot.name == name && form.video.is_none()) {
                form.video = Some(to_disk(&mut field, app, filename, slot).await?);
            } else if let Some(slot) = slots.iter().find(|slot| slot.name == name) {
                let bytes = collect(&mut field, slot.name, slot.max_bytes).await?;
                form.attachments.push(Attachment { name: slot.name, bytes });
            } else {
                while let Some(chunk) = chunk(&mut field).await? {
                    passed_over += chunk.len();
                    if passed_over > super::MAX_BODY {
                        return Err(too_large(&name));
                    }
                }
            }
            if form.attachments.len() > slots.len() {
                return Err(malformed("There are too many files"));
            }
        }
        Ok(form)
    }

    /// The file of a field; an empty file is none, as browsers send one for a field that was left out.
    pub fn bytes(&self, name: &str) -> Option<Bytes> {
        let attachment = self.attachments.iter().find(|attachment| attachment.name == name)?;
        Some(attachment.bytes.clone()).filter(|bytes| !bytes.is_empty())
    }
}

fn malformed(detail: &'static str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, detail)
}

fn too_large(field: &str) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("The file of `{field}` is too large")).code("max_file_size_reached")
}

fn too_slow() -> Problem {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "The request stood still")
}

/// No space on the disk; the administrator's to mend.
pub(super) fn no_space() -> Problem {
    Problem::new(StatusCode::INSUFFICIENT_STORAGE, "The server's disk is full")
}

async fn next(multipart: &mut Multipart) -> Result<Option<Field<'_>>> {
    timeout(IDLE, multipart.next_field())
        .await
        .map_err(|_| too_slow())?
        .map_err(|error| Problem::new(broken(error.status()), "The multipart form is malformed, or broke off"))
}

async fn chunk(field: &mut Field<'_>) -> Result<Option<Bytes>> {
    timeout(IDLE, field.chunk())
        .await
        .map_err(|_| too_slow())?
        .map_err(|error| Problem::new(broken(error.status()), "The multipart form is malformed, or broke off"))
}

/// A body that breaks off is nobody's fault here.
fn broken(status: StatusCode) -> StatusCode {
    if status.is_server_error() { StatusCode::BAD_REQUEST } else { status }
}

async fn collect(field: &mut Field<'_>, name: &str, max_bytes: usize) -> Result<Bytes> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = chunk(field).await? {
        if bytes.len() + chunk.len() > max_bytes {
            return Err(too_large(name));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

async fn to_disk(field: &mut Field<'_>, app: &App, filename: String, slot: FileSlot<'_>) -> Result<Received> {
    let partial = Partial::new(&app.config.data_dir).await.map_err(|error| Problem::internal(&error))?;
    let mut writer = Writer::create(app, partial.path(), 0).await?;
    while let Some(chunk) = chunk(field).await? {
        if writer.at + chunk.len() as u64 > app.config.videos.max_file_bytes {
            return Err(too_large(slot.name));
        }
        if !slot.room.take(chunk.len() as u64) {
            return Err(quota_reached());
        }
        writer.write(&chunk).await?;
    }
    let size_bytes = writer.finish().await?;
    Ok(Received { partial, filename, size_bytes })
}

/// Writes a file as it comes, while the disk has room.
struct Writer<'a> {
    app: &'a App,
    file: tokio::fs::File,
    at: u64,
    checked_at: u64,
}

impl<'a> Writer<'a> {
    /// Goes on at `at`; what lies behind it is cut off.
    async fn create(app: &'a App, path: &Path, at: u64) -> Result<Self> {
        let failed = |error: std::io::Error| Problem::internal(&error);
        let mut file = tokio::fs::OpenOptions::new().create(true).truncate(false).write(true).open(path).await.map_err(failed)?;
        file.set_len(at).await.map_err(failed)?;
        tokio::io::AsyncSeekExt::seek(&mut file, std::io::SeekFrom::Start(at)).await.map_err(failed)?;
        let writer = Self { app, file, at, checked_at: at };
        writer.check_space()?;
        Ok(writer)
    }

    fn check_space(&self) -> Result<()> {
        if has_space(self.app, 0) { Ok(()) } else { Err(no_space()) }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).await.map_err(|error| match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => no_space(),
            _ => Problem::internal(&error),
        })?;
        self.at += bytes.len() as u64;
        if self.at - self.checked_at > SPACE_CHECK {
            self.checked_at = self.at;
            self.check_space()?;
        }
        Ok(())
    }

    /// How much is there, and safely so.
    async fn finish(mut self) -> Result<u64> {
        let failed = |error: std::io::Error| Problem::internal(&error);
        self.file.flush().await.map_err(failed)?;
        self.file.sync_data().await.map_err(failed)?;
        Ok(self.at)
    }
}

/// How a body ended that was appended to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Appended {
    /// How long the file is now.
    pub length: u64,
    /// The body had more than was said.
    pub overflowed: bool,
}

/// Appends a body to the file at `path`, from `at` to at most `end`. What came of a body that breaks off or stands still is kept.
pub(super) async fn append(app: &App, path: &Path, at: u64, end: u64, body: Body) -> Result<Appended> {
    let mut writer = Writer::create(app, path, at).await?;
    let mut stream = body.into_data_stream();
    let mut overflowed = false;
    while let Ok(Some(Ok(chunk))) = timeout(IDLE, stream.next()).await {
        if writer.at + chunk.len() as u64 > end {
            overflowed = true;
            break;
        }
        writer.write(&chunk).await?;
    }
    Ok(Appended { length: writer.finish().await?, overflowed })
}
