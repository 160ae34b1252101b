//! Object storage: where the files of finished videos may be instead of the data folder.
//!
//! Only what is large goes there: pictures and sound. Playlists, hashes and manifests stay on disk, a thousandth of the size.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path as Key;
use object_store::signer::Signer as _;
use object_store::{
    Attribute, Attributes, ClientOptions, GetOptions, GetRange, ObjectStore as _, PutMultipartOptions, PutOptions, PutPayload, RetryConfig,
    WriteMultipart,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use uuid::Uuid;

use crate::config::{Config, Delivery, Secret, Storage};
use crate::live::{vod_folder, web_videos_folder};
use crate::metrics::Metrics;
use crate::vod::originals_folder;

/// Length of an uploaded part: large enough that few requests are made, small enough for memory.
const PART_BYTES: u64 = 8 << 20;
/// S3 takes 10,000 parts of a file; larger files get larger parts.
const MOST_PARTS: u64 = 9_000;
/// Parts that are on their way at once.
const PARTS_AT_ONCE: usize = 2;
/// Connecting to a service that is there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A request that does not work is repeated for so long; whoever waits for a file waits no longer.
const RETRY_TIMEOUT: Duration = Duration::from_secs(20);
/// Repetitions.
const RETRIES: usize = 3;
/// Nothing comes for so long: the service is gone.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Of a UUID with hyphens.
const UUID_LENGTH: usize = 36;

/// Why object storage did not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// None is configured.
    #[error("no object storage is configured (storage.bucket)")]
    Absent,
    /// The service refuses, or is not there.
    #[error("object storage: {0}")]
    Service(#[from] object_store::Error),
    /// It answered nothing for too long.
    #[error("object storage: no answer within {0:?}")]
    Timeout(Duration),
    /// What came or went is not as long as the file.
    #[error("object storage: {key} has {found} bytes instead of {expected}")]
    Length {
        /// Of what.
        key: String,
        /// It has.
        found: u64,
        /// It should have.
        expected: u64,
    },
    /// A file on disk.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Error {
    fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }

    /// There is no such object.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Service(object_store::Error::NotFound { .. }))
    }

    /// The disk is full.
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::File { source, .. } if source.kind() == io::ErrorKind::StorageFull)
    }
}

/// What object storage returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A file of a video, wherever it is.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Blob {
    /// Part of its HLS presentation.
    Hls(Uuid, String),
    /// A plain file.
    WebVideo(String),
    /// What was uploaded.
    Original(Uuid, String),
}

impl Blob {
    /// Where it is on disk.
    pub fn path(&self, data_dir: &Path) -> PathBuf {
        match self {
            Self::Hls(video, name) => vod_folder(data_dir, *video).join(name),
            Self::WebVideo(name) => web_videos_folder(data_dir).join(name),
            Self::Original(video, name) => originals_folder(data_dir, *video).join(name),
        }
    }

    /// Its name in the bucket, below the prefix.
    fn key(&self) -> String {
        match self {
            Self::Hls(video, name) => format!("streaming-playlists/hls/{video}/{name}"),
            // A folder for each video, whose id the names begin with: so that all of a video can be found.
            Self::WebVideo(name) => format!("web-videos/{}/{name}", name.get(..UUID_LENGTH).unwrap_or("other")),
            Self::Original(video, name) => format!("original-video-files/{video}/{name}"),
        }
    }

    /// The type of what it holds. Nothing of it is ever shown as a page.
    pub fn content_type(&self) -> &'static str {
        match self {
            Self::Hls(..) | Self::WebVideo(_) => "video/mp4",
            Self::Original(..) => "application/octet-stream",
        }
    }
}

/// The bucket, if there is one; cheap to clone.
#[derive(Clone)]
pub struct Blobs {
    bucket: Option<Arc<Bucket>>,
    metrics: Arc<Metrics>,
}

struct Bucket {
    s3: AmazonS3,
    prefix: String,
    delivery: Delivery,
    address_lifetime: Duration,
}

impl Blobs {
    /// Prepares access to the configured bucket; asks nothing of it yet.
    pub fn open(config: &Config, metrics: Arc<Metrics>) -> Result<Self> {
        let storage = &config.storage;
        let bucket = storage.bucket.as_deref().map(|name| Bucket::open(storage, name)).transpose()?.map(Arc::new);
        Ok(Self { bucket, metrics })
    }

    /// There is a bucket.
    pub fn is_configured(&self) -> bool {
        self.bucket.is_some()
    }

    /// How viewers get what is in it.
    pub fn delivery(&self) -> Option<Delivery> {
        self.bucket.as_ref().map(|bucket| bucket.delivery)
    }

    fn bucket(&self) -> Result<&Bucket> {
        self.bucket.as_deref().ok_or(Error::Absent)
    }

    /// Counts a request's outcome.
    fn counted<T>(&self, result: Result<T>) -> Result<T> {
        match &result {
            Ok(_) => self.metrics.work.storage_requests.increment(),
            Err(error) if error.is_not_found() => self.metrics.work.storage_requests.increment(),
            Err(_) => self.metrics.work.storage_failures.increment(),
        }
        result
    }

    /// Puts a file on disk into the bucket, whole or not at all.
    pub async fn put(&self, blob: &Blob, data_dir: &Path) -> Result<()> {
        let bucket = self.bucket()?;
        let length = self.counted(bucket.put(blob, &blob.path(data_dir)).await)?;
        self.metrics.work.storage_bytes_in.add(length);
        Ok(())
    }

    /// Copies what is in the bucket to `target` on disk, which is there whole or not at all.
    pub async fn fetch(&self, blob: &Blob, target: &Path) -> Result<()> {
        let bucket = self.bucket()?;
        let length = self.counted(bucket.fetch(blob, target).await)?;
        self.metrics.work.storage_bytes_out.add(length);
        Ok(())
    }

    /// A range of what is in the bucket, as it comes.
    pub async fn stream(&self, blob: &Blob, range: Range<u64>) -> Result<BoxStream<'static, Result<Bytes>>> {
        let bucket = self.bucket()?;
        let length = range.end - range.start;
        let options = GetOptions::new().with_range(Some(GetRange::Bounded(range)));
        let got = self.counted(within(RETRY_TIMEOUT + CONNECT_TIMEOUT, bucket.s3.get_opts(&bucket.key(blob), options)).await)?;
        self.metrics.work.storage_bytes_out.add(length);
        Ok(bounded(got.into_stream()))
    }

    /// An address that anybody can fetch it from for a while.
    pub async fn address(&self, blob: &Blob) -> Result<String> {
        let bucket = self.bucket()?;
        let key = bucket.key(blob);
        let signing = bucket.s3.signed_url(Method::GET, &key, bucket.address_lifetime);
        let address = within(CONNECT_TIMEOUT, signing).await?;
        self.metrics.work.storage_redirects.increment();
        Ok(address.to_string())
    }

    /// How long such an address is good.
    pub fn address_lifetime(&self) -> Duration {
        self.bucket.as_ref().map_or(Duration::ZERO, |bucket| bucket.address_lifetime)
    }

    /// Takes it out of the bucket; fine if it is not there.
    pub async fn delete(&self, blob: &Blob) -> Result<()> {
        let bucket = self.bucket()?;
        let keys = futures_util::stream::iter([Ok(bucket.key(blob))]).boxed();
        let mut deleted = bucket.s3.delete_stream(keys);
        let deleting = async {
            while let Some(result) = deleted.next().await {
                result?;
            }
            object_store::Result::Ok(())
        };
        match self.counted(within(RETRY_TIMEOUT + CONNECT_TIMEOUT, deleting).await) {
            Err(error) if error.is_not_found() => Ok(()),
            result => result,
        }
    }

    /// How long it is in the bucket; `None` if it is not there.
    pub async fn length(&self, blob: &Blob) -> Result<Option<u64>> {
        let bucket = self.bucket()?;
        let key = bucket.key(blob);
        let head = bucket.s3.get_opts(&key, GetOptions::new().with_head(true));
        match self.counted(within(RETRY_TIMEOUT + CONNECT_TIMEOUT, head).await) {
            Ok(head) => Ok(Some(head.meta.size)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Takes everything out of the bucket that belongs to a video.
    pub async fn delete_all(&self, video: Uuid) -> Result<()> {
        let bucket = self.bucket()?;
        for folder in ["streaming-playlists/hls", "web-videos", "original-video-files"] {
            let folder = Key::from(format!("{}{folder}/{video}", bucket.prefix));
            let mut found = bucket.s3.list(Some(&folder));
            let mut keys = Vec::new();
            while let Some(meta) = found.next().await {
                keys.push(Ok(self.counted(meta.map_err(Error::from))?.location));
            }
            let mut deleted = bucket.s3.delete_stream(futures_util::stream::iter(keys).boxed());
            while let Some(result) = deleted.next().await {
                self.counted(result.map_err(Error::from))?;
            }
        }
        Ok(())
    }
}

impl Bucket {
    fn open(storage: &Storage, name: &str) -> Result<Self> {
        // Files are large and viewers slow: no bound on a whole request, but on each of its steps.
        let client = ClientOptions::new().with_connect_timeout(CONNECT_TIMEOUT).with_timeout_disabled();
        let retry = RetryConfig { max_retries: RETRIES, retry_timeout: RETRY_TIMEOUT, ..RetryConfig::default() };
        let mut builder = AmazonS3Builder::new()
            .with_client_options(client)
            .with_retry(retry)
            .with_bucket_name(name)
            .with_region(storage.region.as_str())
            .with_virtual_hosted_style_request(!storage.path_style);
        if let Some(endpoint) = &storage.endpoint {
            builder = builder.with_endpoint(endpoint.trim_end_matches('/')).with_allow_http(endpoint.starts_with("http://"));
        }
        if let Some(id) = &storage.access_key_id {
            builder = builder.with_access_key_id(id.as_str());
        }
        if let Some(secret) = &storage.secret_access_key {
            builder = builder.with_secret_access_key(Secret::expose(secret));
        }
        let prefix = storage.prefix.trim_matches('/');
        Ok(Self {
            s3: builder.build()?,
            prefix: if prefix.is_empty() { String::new() } else { format!("{prefix}/") },
            delivery: storage.delivery,
            address_lifetime: Duration::from_secs(storage.address_lifetime_s),
        })
    }

    fn key(&self, blob: &Blob) -> Key {
        Key::from(format!("{}{}", self.prefix, blob.key()))
    }

    async fn put(&self, blob: &Blob, path: &Path) -> Result<u64> {
        let mut file = tokio::fs::File::open(path).await.map_err(Error::file(path))?;
        let length = file.metadata().await.map_err(Error::file(path))?.len();
        let key = self.key(blob);
        // Saved, not shown, by browsers that are sent there; players do not care.
        let attributes = Attributes::from_iter([
            (Attribute::ContentType, blob.content_type()),
            (Attribute::ContentDisposition, "attachment"),
            (Attribute::CacheControl, "max-age=86400"),
        ]);
        if length <= PART_BYTES {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).await.map_err(Error::file(path))?;
            let options = PutOptions { attributes, ..PutOptions::default() };
            self.s3.put_opts(&key, PutPayload::from(bytes), options).await?;
        } else {
            let part = PART_BYTES.max(length.div_ceil(MOST_PARTS));
            // A part fits into memory, or the file would have 70 TB.
            let part = usize::try_from(part).unwrap_or(usize::MAX);
            let options = PutMultipartOptions { attributes, ..PutMultipartOptions::default() };
            let upload = self.s3.put_multipart_opts(&key, options).await?;
            let mut writer = WriteMultipart::new_with_chunk_size(upload, part);
            match send(&mut file, path, part, &mut writer).await {
                Ok(()) => {
                    writer.finish().await?;
                }
                Err(error) => {
                    // What was sent is of no use.
                    let _ = writer.abort().await;
                    return Err(error);
                }
            }
        }
        let head = self.s3.get_opts(&key, GetOptions::new().with_head(true)).await?;
        if head.meta.size != length {
            return Err(Error::Length { key: key.to_string(), found: head.meta.size, expected: length });
        }
        Ok(length)
    }

    async fn fetch(&self, blob: &Blob, target: &Path) -> Result<u64> {
        let key = self.key(blob);
        let got = within(RETRY_TIMEOUT + CONNECT_TIMEOUT, self.s3.get_opts(&key, GetOptions::new())).await?;
        let expected = got.meta.size;
        let mut partial = target.as_os_str().to_owned();
        partial.push(".part");
        let partial = PathBuf::from(partial);
        let copied = copy(bounded(got.into_stream()), &partial).await;
        let kept = match copied {
            Ok(found) if found == expected => tokio::fs::rename(&partial, target).await.map_err(Error::file(target)),
            Ok(found) => Err(Error::Length { key: key.to_string(), found, expected }),
            Err(error) => Err(error),
        };
        if kept.is_err() {
            let _ = tokio::fs::remove_file(&partial).await;
        }
        kept.map(|()| expected)
    }
}

/// Sends a file part by part.
async fn send(file: &mut tokio::fs::File, path: &Path, part: usize, writer: &mut WriteMultipart) -> Result<()> {
    loop {
        let mut bytes = Vec::with_capacity(part);
        let read = (&mut *file).take(part as u64).read_to_end(&mut bytes).await.map_err(Error::file(path))?;
        if read == 0 {
            return Ok(());
        }
        writer.wait_for_capacity(PARTS_AT_ONCE).await?;
        writer.put(Bytes::from(bytes));
    }
}

/// A stream that ends with an error when nothing comes any more.
fn bounded(stream: BoxStream<'static, object_store::Result<Bytes>>) -> BoxStream<'static, Result<Bytes>> {
    let next = |state: Option<BoxStream<'static, object_store::Result<Bytes>>>| async move {
        let mut stream = state?;
        match tokio::time::timeout(READ_TIMEOUT, stream.next()).await {
            Ok(Some(Ok(bytes))) => Some((Ok(bytes), Some(stream))),
            Ok(Some(Err(error))) => Some((Err(Error::from(error)), None)),
            Ok(None) => None,
            Err(_) => Some((Err(Error::Timeout(READ_TIMEOUT)), None)),
        }
    };
    futures_util::stream::unfold(Some(stream), next).boxed()
}

/// Writes a stream into a new file; how long it became.
async fn copy(mut stream: BoxStream<'static, Result<Bytes>>, path: &Path) -> Result<u64> {
    let mut file = tokio::fs::File::create(path).await.map_err(Error::file(path))?;
    let mut length = 0;
    while let Some(bytes) = stream.next().await {
        let bytes = bytes?;
        length += bytes.len() as u64;
        file.write_all(&bytes).await.map_err(Error::file(path))?;
    }
    file.sync_all().await.map_err(Error::file(path))?;
    Ok(length)
}

async fn within<T>(limit: Duration, request: impl Future<Output = object_store::Result<T>>) -> Result<T> {
    match tokio::time::timeout(limit, request).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(Error::Timeout(limit)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn storage() -> Config {
        let mut config = Config::default();
        config.storage.bucket = Some("media".into());
        config.storage.endpoint = Some("http://127.0.0.1:1/".into());
        config.storage.access_key_id = Some("id".into());
        config.storage.secret_access_key = Some(Secret::new("hush"));
        config.storage.prefix = "/tv/".into();
        config
    }

    #[tokio::test]
    async fn addresses_are_signed_for_a_while() {
        let blobs = Blobs::open(&storage(), Arc::default()).expect("opens");
        let video = Uuid::nil();
        let address = blobs.address(&Blob::Hls(video, "ab-720-fragmented.mp4".into())).await.expect("signed");
        let path = format!("http://127.0.0.1:1/media/tv/streaming-playlists/hls/{video}/ab-720-fragmented.mp4?");
        assert!(address.starts_with(&path), "{address}");
        assert!(address.contains("X-Amz-Expires=3600") && address.contains("X-Amz-Signature="), "{address}");
        assert!(!address.contains("hush"));
    }

    #[tokio::test]
    async fn without_a_bucket_nothing_is_tried() {
        let blobs = Blobs::open(&Config::default(), Arc::default()).expect("opens");
        assert!(!blobs.is_configured());
        assert!(matches!(blobs.address(&Blob::WebVideo("x.mp4".into())).await, Err(Error::Absent)));
    }

    #[test]
    fn blobs_know_their_folders() {
        let video = Uuid::nil();
        let folder = Path::new("/data");
        assert_eq!(Blob::WebVideo("x.mp4".into()).path(folder), Path::new("/data/web-videos/x.mp4"));
        assert_eq!(Blob::Original(video, "y".into()).path(folder), folder.join("original-video-files").join(video.to_string()).join("y"));
    }
}
