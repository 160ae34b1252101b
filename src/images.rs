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
use crate::hangup::{self, Unnamed};

/// Largest file that is taken, as PeerTube has it.
pub const MAX_BYTES: usize = 4 << 20;
/// Longest side of a picture that is decoded, in pixels...
const MAX_SIDE: u32 = 12_000;
/// ...and most pixels: what a good camera makes. Decoded they take 4 bytes each.
const MAX_PIXELS: u64 = 25_000_000;
/// Most memory of a decoder: the pixels at 8 bytes each, for pictures with 16 bits.
const MAX_ALLOC: u64 = MAX_PIXELS * 8;
/// Pictures that are decoded at once: each may take [`MAX_ALLOC`] twice, whole and cut.
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
pub struct Images {
    turn: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Default for Images {
    fn default() -> Self {
        Self { turn: Arc::new(Semaphore::new(AT_ONCE)), waiting: Arc::new(Semaphore::new(WAITING)) }
    }
}

impl Images {
    /// Decodes `bytes`, writes the picture in all sizes of its kind and says what was written. The rows are the caller's, who keeps
    /// the files then.
    pub async fn store(&self, data_dir: &Path, kind: Kind, bytes: Bytes) -> Result<(Vec<ActorImage>, Unnamed), Error> {
        let folder = kind.folder(data_dir);
        self.work(move || write(&folder, encode(&bytes, kind)?)).await
    }

    /// Decodes, or draws, when it is its turn. That lasts until the work ends, even if nobody waits for it any more.
    pub(crate) async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
        let waiting = self.waiting.clone().try_acquire_owned().map_err(|_| Error::Busy)?;
        let turn = self.turn.clone().acquire_owned().await.map_err(|_| Error::Busy)?;
        hangup::blocking((waiting, turn), work).await?
    }
}

fn write(folder: &Path, encoded: Vec<Encoded>) -> Result<(Vec<ActorImage>, Unnamed), Error> {
    let (mut images, mut files) = (Vec::with_capacity(encoded.len()), Unnamed::default());
    for picture in encoded {
        // A new name each time, so that caches need not be asked.
        let file = format!("{}.{}", Uuid::new_v4(), picture.extension);
        files.write(folder.join(&file), &picture.bytes)?;
        images.push(ActorImage { file, width: picture.width, height: picture.height, created_at: Timestamp::now() });
    }
    Ok((images, files))
}

/// Removes the files of pictures that no row names any more. Unlinking is quick, and not to be given up half-way.
pub fn remove(data_dir: &Path, images: &ActorImages) {
    for (kind, images) in [(Kind::Avatar, &images.avatars), (Kind::Banner, &images.banners)] {
        for image in images {
            // Those of other servers are addresses.
            if !image.file.contains('/') {
                let _ = std::fs::remove_file(kind.folder(data_dir).join(&image.file));
            }
        }
    }
}

fn encode(bytes: &[u8], kind: Kind) -> Result<Vec<Encoded>, Error> {
    let picture = decode(bytes)?;
    let sizes = kind.sizes();
    // The largest only of a picture that has it; the others are what every page asks for.
    let skipped = usize::from(picture.width() < sizes[0].0);
    // All sizes of a kind have one shape.
    let picture = cut(picture, sizes[0]);
    sizes[skipped..].iter().map(|&(width, height)| scaled(&picture, width, height)).collect()
}

fn scaled(picture: &DynamicImage, width: u32, height: u32) -> Result<Encoded, Error> {
    let scaled = picture.resize_exact(width, height, FilterType::Lanczos3);
    if !scaled.color().has_alpha() {
        return Ok(Encoded { width, height, extension: "jpg", bytes: jpeg(scaled)? });
    }
    let mut bytes = Vec::new();
    DynamicImage::ImageRgba8(scaled.into_rgba8()).write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png)?;
    Ok(Encoded { width, height, extension: "png", bytes })
}

/// The middle of a picture, in the shape of this width and height. To be called before the picture is scaled: a line of 12,000
/// pixels that is made as wide as a banner while it is whole takes 130 GB.
pub(crate) fn cut(picture: DynamicImage, (width, height): (u32, u32)) -> DynamicImage {
    let (all, of_width, of_height) = ((picture.width(), picture.height()), u64::from(width), u64::from(height));
    // Not more than there is, so it fits; at least something.
    let part = |of: u32, by: u64, to: u64| u32::try_from(u64::from(of) * by / to).unwrap_or(of).max(1);
    let kept = match u64::from(all.0) * of_height > u64::from(all.1) * of_width {
        true => (part(all.1, of_width, of_height), all.1),
        false => (all.0, part(all.0, of_height, of_width)),
    };
    if kept == all {
        return picture;
    }
    picture.crop_imm((all.0 - kept.0) / 2, (all.1 - kept.1) / 2, kept.0, kept.1)
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
    match reader.format() {
        Some(ImageFormat::Jpeg | ImageFormat::Png) => {}
        Some(ImageFormat::WebP) if has_large_frame(bytes) => return Err(Error::Pixels),
        Some(ImageFormat::WebP) => {}
        _ => return Err(Error::Format),
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

/// Whether a WebP file holds a lossy frame with too many pixels. Its decoder believes the head of such a frame (RFC 6386 section
/// 9.1), and compares it with the picture's only after decoding it.
fn has_large_frame(webp: &[u8]) -> bool {
    // The chunk's name and length, three bytes, the start code, width and height with two bits for scaling each.
    webp.windows(18).any(|head| {
        let side = |at: usize| u64::from(u16::from_le_bytes([head[at], head[at + 1]]) & 0x3fff);
        head.starts_with(b"VP8 ") && head[11..14] == [0x9d, 0x01, 0x2a] && side(14) * side(16) > MAX_PIXELS
    })
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

    #[tokio::test]
    async fn who_hangs_up_has_the_turn_until_the_work_ends() {
        let images = Images::default();
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let mut asked = Box::pin(images.work(move || {
            let _ = wait.recv();
            Ok(())
        }));
        tokio::select! {
            biased;
            _ = &mut asked => panic!("it waits"),
            () = std::future::ready(()) => {}
        }
        drop(asked);
        assert_eq!((images.turn.available_permits(), images.waiting.available_permits()), (0, WAITING - 1));
        go.send(()).expect("it waits");
        images.work(|| Ok(())).await.expect("its turn");
    }

    #[tokio::test]
    async fn pictures_that_no_row_came_to_name_go() {
        let (images, folder) = (Images::default(), tempfile::tempdir().expect("a folder"));
        let count = || std::fs::read_dir(Kind::Avatar.folder(folder.path())).expect("the folder").count();
        let bytes = Bytes::from(png(RgbImage::new(130, 130).into()));
        let (made, files) = images.store(folder.path(), Kind::Avatar, bytes.clone()).await.expect("taken");
        assert_eq!((made.len(), count()), (2, 2));
        drop(files);
        assert_eq!(count(), 0);
        let (made, files) = images.store(folder.path(), Kind::Avatar, bytes).await.expect("taken");
        files.keep();
        assert_eq!(count(), 2);
        remove(folder.path(), &ActorImages { avatars: made, banners: Vec::new() });
        assert_eq!(count(), 0);
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
    fn lines_are_cut_before_they_are_scaled() {
        for (width, height) in [(12_000, 1), (1, 12_000)] {
            let line = RgbImage::from_pixel(width, height, Rgb([200, 10, 10]));
            // What is scaled is never more than what came.
            for size in [(600, 600), (1920, 320), (280, 157)] {
                let cut = cut(line.clone().into(), size);
                assert!(cut.width() <= 6 && cut.height() == 1, "{width} x {height} for {size:?}: {} x {}", cut.width(), cut.height());
            }
            let line = png(line.into());
            assert!(sizes(&line, Kind::Avatar).ends_with(&[(120, 120, "jpg"), (48, 48, "jpg")]));
            assert!(sizes(&line, Kind::Banner).ends_with(&[(600, 100, "jpg")]));
        }
    }

    #[test]
    fn the_middle_is_kept() {
        let mut picture = RgbImage::from_pixel(300, 100, Rgb([0, 0, 0]));
        for (_, _, pixel) in picture.enumerate_pixels_mut().filter(|(x, ..)| (100..200).contains(x)) {
            *pixel = Rgb([255, 255, 255]);
        }
        let middle = cut(picture.clone().into(), (48, 48)).into_rgb8();
        assert_eq!(middle.dimensions(), (100, 100));
        assert!(middle.pixels().all(|pixel| *pixel == Rgb([255, 255, 255])));
        assert_eq!(cut(picture.into(), (600, 200)).into_rgb8().dimensions(), (300, 100));
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

    /// A WebP of 16 x 16 pixels with a lossy frame that says it is of this size, and has no data.
    fn webp_with_frame(side: u16) -> Vec<u8> {
        let mut chunks = b"WEBPVP8X\x0a\0\0\0\0\0\0\0\x0f\0\0\x0f\0\0VP8 \x0a\0\0\0\x10\0\0\x9d\x01\x2a".to_vec();
        chunks.extend(side.to_le_bytes());
        chunks.extend(side.to_le_bytes());
        let length = u32::try_from(chunks.len()).expect("short");
        [&b"RIFF"[..], &length.to_le_bytes(), &chunks].concat()
    }

    #[test]
    fn a_frame_larger_than_its_picture_is_refused_by_its_head() {
        assert!(matches!(encode(&webp_with_frame(16_383), Kind::Avatar), Err(Error::Pixels)));
        assert!(matches!(encode(&webp_with_frame(16), Kind::Avatar), Err(Error::Broken(_))), "without data");
    }
}
