//! Pictures that people upload: avatars and banners here, those of videos in [`pictures`](crate::pictures). What somebody uploads is
//! never served: it is decoded within limits, cut and scaled, and written anew, so that neither scripts nor what a camera notes
//! survive. SVG is refused; of what moves only the first picture is taken.

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::domain::{ActorImage, ActorImages, Timestamp};

/// Largest file that is taken, as PeerTube has it.
pub const MAX_BYTES: usize = 4 << 20;
/// Longest side of a picture that is decoded, in pixels...
const MAX_SIDE: u32 = 12_000;
/// ...and most pixels: what a good camera makes. Decoded they take 4 bytes each.
const MAX_PIXELS: u64 = 25_000_000;
/// Most memory of a decoder: the pixels at 8 bytes each, for pictures with 16 bits.
const MAX_ALLOC: u64 = MAX_PIXELS * 8;
/// Pictures that are decoded at once: each may take [`MAX_ALLOC`].
const AT_ONCE: usize = 1;
/// Pictures that may wait for their turn, with [`MAX_BYTES`] each; more are refused.
const WAITING: usize = 8;
/// As good as the eye can tell in small pictures.
const JPEG_QUALITY: u8 = 85;

/// What a picture is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Of an account or a channel.
    Avatar,
    /// Of a channel.
    Banner,
}

impl Kind {
    /// Width and height in pixels, largest first; PeerTube's.
    fn sizes(self) -> &'static [(u32, u32)] {
        match self {
            Self::Avatar => &[(600, 600), (120, 120), (48, 48)],
            Self::Banner => &[(1920, 320), (600, 100)],
        }
    }

    /// Where its files are.
    pub fn folder(self, data_dir: &Path) -> PathBuf {
        data_dir.join(match self {
            Self::Avatar => "avatars",
            Self::Banner => "banners",
        })
    }
}

/// Why a picture is not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Neither JPEG, PNG nor WebP.
    #[error("must be a JPEG, PNG or WebP picture")]
    Format,
    /// Too many pixels.
    #[error("has too many pixels: at most 12000 a side and 25 million in all")]
    Pixels,
    /// It says what it is and is not.
    #[error("cannot be read: {0}")]
    Broken(#[from] image::ImageError),
    /// Others are being decoded.
    #[error("too many pictures at once")]
    Busy,
    /// The disk; ours.
    #[error("disk: {0}")]
    Disk(#[from] std::io::Error),
}

/// A picture in one size, encoded.
struct Encoded {
    width: u32,
    height: u32,
    extension: &'static str,
    bytes: Vec<u8>,
}

/// Makes pictures, one after the other; cheap to clone.
#[derive(Clone, Debug)]
pub struct Images(Arc<Places>);

#[derive(Debug)]
struct Places {
    turn: Semaphore,
    waiting: Semaphore,
}

impl Default for Images {
    fn default() -> Self {
        Self(Arc::new(Places { turn: Semaphore::new(AT_ONCE), waiting: Semaphore::new(WAITING) }))
    }
}

impl Images {
    /// Decodes `bytes`, writes the picture in all sizes of its kind and says what was written. The rows are the caller's.
    pub async fn store(&self, data_dir: &Path, kind: Kind, bytes: Bytes) -> Result<Vec<ActorImage>, Error> {
        let encoded = self.work(move || encode(&bytes, kind)).await?;
        write(&kind.folder(data_dir), encoded).await
    }

    /// Decodes, or draws, when it is its turn.
    pub(crate) async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
        let _waiting = self.0.waiting.try_acquire().map_err(|_| Error::Busy)?;
        let _turn = self.0.turn.acquire().await.map_err(|_| Error::Busy)?;
        tokio::task::spawn_blocking(work).await.map_err(std::io::Error::other)?
    }
}

async fn write(folder: &Path, encoded: Vec<Encoded>) -> Result<Vec<ActorImage>, Error> {
    tokio::fs::create_dir_all(folder).await?;
    let mut images = Vec::with_capacity(encoded.len());
    for picture in encoded {
        // A new name each time, so that caches need not be asked.
        let file = format!("{}.{}", Uuid::new_v4(), picture.extension);
        tokio::fs::write(folder.join(&file), &picture.bytes).await?;
        images.push(ActorImage { file, width: picture.width, height: picture.height, created_at: Timestamp::now() });
    }
    Ok(images)
}

/// Removes the files of pictures that no row names any more.
pub async fn remove(data_dir: &Path, images: &ActorImages) {
    for (kind, images) in [(Kind::Avatar, &images.avatars), (Kind::Banner, &images.banners)] {
        for image in images {
            // Those of other servers are addresses.
            if !image.file.contains('/') {
                let _ = tokio::fs::remove_file(kind.folder(data_dir).join(&image.file)).await;
            }
        }
    }
}

fn encode(bytes: &[u8], kind: Kind) -> Result<Vec<Encoded>, Error> {
    let picture = decode(bytes)?;
    let sizes = kind.sizes();
    // The largest only of a picture that has it; the others are what every page asks for.
    let skipped = usize::from(picture.width() < sizes[0].0);
    sizes[skipped..].iter().map(|&(width, height)| scaled(&picture, width, height)).collect()
}

fn scaled(picture: &DynamicImage, width: u32, height: u32) -> Result<Encoded, Error> {
    let cut = picture.resize_to_fill(width, height, FilterType::Lanczos3);
    if !cut.color().has_alpha() {
        return Ok(Encoded { width, height, extension: "jpg", bytes: jpeg(cut)? });
    }
    let mut bytes = Vec::new();
    DynamicImage::ImageRgba8(cut.into_rgba8()).write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png)?;
    Ok(Encoded { width, height, extension: "png", bytes })
}

/// Without what is behind transparency.
pub(crate) fn jpeg(picture: DynamicImage) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY).encode_image(&picture.into_rgb8())?;
    Ok(bytes)
}

/// The first picture of a file, the right way up.
pub(crate) fn decode(bytes: &[u8]) -> Result<DynamicImage, Error> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
    if !matches!(reader.format(), Some(ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP)) {
        return Err(Error::Format);
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_ALLOC);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder().map_err(too_large)?;
    let (width, height) = decoder.dimensions();
    // Before anything is allocated for it.
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(Error::Pixels);
    }
    decoder.set_limits(limits).map_err(too_large)?;
    let orientation = decoder.orientation().map_err(too_large)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(too_large)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

fn too_large(error: image::ImageError) -> Error {
    match error {
        image::ImageError::Limits(_) => Error::Pixels,
        error => Error::Broken(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Rgb, RgbImage, Rgba, RgbaImage};

    fn png(picture: DynamicImage) -> Vec<u8> {
        let mut bytes = Vec::new();
        picture.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).expect("encoded");
        bytes
    }

    fn sizes(bytes: &[u8], kind: Kind) -> Vec<(u32, u32, &'static str)> {
        let encoded = encode(bytes, kind).expect("a picture");
        for picture in &encoded {
            let decoded = image::load_from_memory(&picture.bytes).expect("it can be read again");
            assert_eq!((decoded.width(), decoded.height()), (picture.width, picture.height));
        }
        encoded.iter().map(|picture| (picture.width, picture.height, picture.extension)).collect()
    }

    #[test]
    fn pictures_get_their_sizes() {
        let large = png(RgbImage::from_pixel(800, 640, Rgb([200, 10, 10])).into());
        assert_eq!(sizes(&large, Kind::Avatar), [(600, 600, "jpg"), (120, 120, "jpg"), (48, 48, "jpg")]);
        let clear = png(RgbaImage::from_pixel(130, 130, Rgba([1, 2, 3, 4])).into());
        assert_eq!(sizes(&clear, Kind::Avatar), [(120, 120, "png"), (48, 48, "png")]);
        let tiny = png(RgbImage::new(4, 4).into());
        assert_eq!(sizes(&tiny, Kind::Avatar), [(120, 120, "jpg"), (48, 48, "jpg")]);
        let wide = png(RgbImage::new(2000, 400).into());
        assert_eq!(sizes(&wide, Kind::Banner), [(1920, 320, "jpg"), (600, 100, "jpg")]);
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";
        for bytes in [&b""[..], b"hello", svg, b"GIF89a\x01\x00\x01\x00\x00\x00\x00;", b"<html></html>"] {
            assert!(matches!(encode(bytes, Kind::Avatar), Err(Error::Format)), "{bytes:?}");
        }
        let mut cut = png(RgbImage::new(64, 64).into());
        cut.truncate(60);
        assert!(encode(&cut, Kind::Avatar).is_err());
    }

    /// A PNG that says it has so many pixels; its checksums are right, so only limits refuse it.
    fn empty_png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes.extend([8, 2, 0, 0, 0]);
        let mut crc = flate2::Crc::new();
        crc.update(&bytes[12..]);
        bytes.extend(crc.sum().to_be_bytes());
        // An IDAT chunk without data, then IEND.
        bytes.extend(b"\x00\x00\x00\x00IDAT\x35\xaf\x06\x1e\x00\x00\x00\x00IEND\xae\x42\x60\x82");
        bytes
    }

    #[test]
    fn bombs_are_refused_by_their_head() {
        for (width, height) in [(60_000, 60_000), (60_000, 1), (6_000, 4_500)] {
            assert!(matches!(encode(&empty_png(width, height), Kind::Avatar), Err(Error::Pixels)), "{width} x {height}");
        }
        assert!(encode(&empty_png(64, 64), Kind::Avatar).is_err(), "without data");
    }
}
