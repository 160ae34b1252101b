//! Pictures of videos that people upload. They are never served: each is decoded within limits, cut and scaled, and written anew, so
//! that neither scripts nor what a camera notes survive.

use std::io::Cursor;
use std::path::Path;

use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::live::thumbnail::{previews_folder, thumbnails_folder};

/// Largest file that is taken, as PeerTube has it.
pub const MAX_BYTES: usize = 4 << 20;
/// Longest side of a picture that is decoded, in pixels...
const MAX_SIDE: u32 = 12_000;
/// ...and most pixels: what a good camera makes.
const MAX_PIXELS: u64 = 25_000_000;
/// Most memory of a decoder: the pixels at 8 bytes each, for pictures with 16 bits.
const MAX_ALLOC: u64 = MAX_PIXELS * 8;
/// Pictures that are decoded at once: each may take [`MAX_ALLOC`].
const AT_ONCE: usize = 1;
/// Width and height of the small picture, in pixels; PeerTube's.
const SMALL: (u32, u32) = (280, 157);
/// Width and height of the large one.
const LARGE: (u32, u32) = (850, 480);
/// As good as the eye can tell in pictures of this size.
const JPEG_QUALITY: u8 = 85;

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
    #[error("cannot be read as a picture")]
    Broken(#[source] image::ImageError),
    /// The disk; ours.
    #[error("disk: {0}")]
    Disk(#[from] std::io::Error),
}

/// Makes pictures, one after the other.
#[derive(Debug)]
pub struct Pictures {
    turn: Semaphore,
}

impl Default for Pictures {
    fn default() -> Self {
        Self { turn: Semaphore::new(AT_ONCE) }
    }
}

/// File names of a video's pictures below their folders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The small one.
    pub thumbnail: String,
    /// The large one.
    pub preview: String,
}

impl Names {
    /// Removes pictures that nobody came to name. Unlinking is quick.
    pub fn remove(&self, data_dir: &Path) {
        for (folder, name) in [(thumbnails_folder(data_dir), &self.thumbnail), (previews_folder(data_dir), &self.preview)] {
            let _ = std::fs::remove_file(folder.join(name));
        }
    }
}

impl Pictures {
    /// Makes both pictures of a video, each of the upload that is meant for it, or of the other; `None` of none.
    pub async fn store(&self, data_dir: &Path, thumbnail: Option<Bytes>, preview: Option<Bytes>) -> Result<Option<Names>, Error> {
        let (Some(small), Some(large)) = (thumbnail.clone().or(preview.clone()), preview.or(thumbnail)) else { return Ok(None) };
        // A new name each time, so that caches need not be asked.
        let name = format!("{}.jpg", Uuid::new_v4());
        for (bytes, size, folder) in [(small, SMALL, thumbnails_folder(data_dir)), (large, LARGE, previews_folder(data_dir))] {
            let jpeg = {
                // Never closed.
                let _turn = self.turn.acquire().await.map_err(std::io::Error::other)?;
                tokio::task::spawn_blocking(move || encode(&bytes, size)).await.map_err(std::io::Error::other)??
            };
            tokio::fs::create_dir_all(&folder).await?;
            tokio::fs::write(folder.join(&name), jpeg).await?;
        }
        Ok(Some(Names { thumbnail: name.clone(), preview: name }))
    }

    /// Removes pictures that no row names (any more).
    pub async fn remove(data_dir: &Path, thumbnail: Option<&str>, preview: Option<&str>) {
        for (folder, name) in [(thumbnails_folder(data_dir), thumbnail), (previews_folder(data_dir), preview)] {
            // Those of other servers are addresses.
            if let Some(name) = name.filter(|name| !name.contains('/')) {
                let _ = tokio::fs::remove_file(folder.join(name)).await;
            }
        }
    }
}

fn encode(bytes: &[u8], (width, height): (u32, u32)) -> Result<Vec<u8>, Error> {
    let cut = decode(bytes)?.resize_to_fill(width, height, FilterType::Lanczos3);
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY).encode_image(&cut.into_rgb8()).map_err(Error::Broken)?;
    Ok(jpeg)
}

/// The first picture of a file, the right way up.
fn decode(bytes: &[u8]) -> Result<DynamicImage, Error> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
    if !matches!(reader.format(), Some(ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP)) {
        return Err(Error::Format);
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_ALLOC);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(refusal)?;
    let (width, height) = decoder.dimensions();
    // Before anything is allocated for it.
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(Error::Pixels);
    }
    let orientation = decoder.orientation().map_err(refusal)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(refusal)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

fn refusal(error: image::ImageError) -> Error {
    match error {
        image::ImageError::Limits(_) => Error::Pixels,
        error => Error::Broken(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Rgb, RgbImage};

    fn png(width: u32, height: u32) -> Bytes {
        let mut bytes = Vec::new();
        let picture = DynamicImage::from(RgbImage::from_pixel(width, height, Rgb([200, 10, 10])));
        picture.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).expect("encoded");
        bytes.into()
    }

    #[tokio::test]
    async fn both_pictures_are_made_of_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let names = Pictures::default().store(folder.path(), Some(png(640, 640)), None).await.expect("taken").expect("there is one");
        for (path, size) in
            [(thumbnails_folder(folder.path()).join(&names.thumbnail), SMALL), (previews_folder(folder.path()).join(&names.preview), LARGE)]
        {
            let made = image::open(&path).expect("a picture");
            assert_eq!((made.width(), made.height()), size);
        }
        Pictures::remove(folder.path(), Some(&names.thumbnail), Some(&names.preview)).await;
        assert!(!thumbnails_folder(folder.path()).join(&names.thumbnail).exists());
        assert_eq!(Pictures::default().store(folder.path(), None, None).await.expect("fine"), None);
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";
        assert!(matches!(encode(svg, SMALL), Err(Error::Format)));
        assert!(matches!(encode(b"GIF89a", SMALL), Err(Error::Format)));
        let whole = png(64, 64);
        assert!(encode(&whole[..whole.len() / 2], SMALL).is_err(), "broken off");
        // A few bytes that promise a bomb: the size in its header is all that is read.
        let mut bomb = whole.to_vec();
        bomb[16..20].copy_from_slice(&60_000_u32.to_be_bytes());
        bomb[20..24].copy_from_slice(&60_000_u32.to_be_bytes());
        assert!(encode(&bomb, SMALL).is_err());
    }
}
