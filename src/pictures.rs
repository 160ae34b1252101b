//! Pictures of videos that people upload, drawn anew as all [images](crate::images) are.

use std::path::Path;

use bytes::Bytes;
use image::imageops::FilterType;
use uuid::Uuid;

use crate::hangup::Unnamed;
use crate::images::{Error, Images, cut, decode, jpeg};
use crate::live::thumbnail::{previews_folder, thumbnails_folder};

/// Width and height of the small picture, in pixels; PeerTube's.
const SMALL: (u32, u32) = (280, 157);
/// Width and height of the large one.
const LARGE: (u32, u32) = (850, 480);

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

/// Makes both pictures of a video, each of the upload that is meant for it, or of the other; `None` of none. Whoever has written the
/// row that names the files keeps them.
pub async fn store(
    images: &Images,
    data_dir: &Path,
    thumbnail: Option<Bytes>,
    preview: Option<Bytes>,
) -> Result<Option<(Names, Unnamed)>, Error> {
    let (Some(small), Some(large)) = (thumbnail.clone().or(preview.clone()), preview.or(thumbnail)) else { return Ok(None) };
    // A new name each time, so that caches need not be asked.
    let name = format!("{}.jpg", Uuid::new_v4());
    let (small_path, large_path) = (thumbnails_folder(data_dir).join(&name), previews_folder(data_dir).join(&name));
    let files = images
        .work(move || {
            let mut files = Unnamed::default();
            for (bytes, size, path) in [(small, SMALL, small_path), (large, LARGE, large_path)] {
                files.write(path, &encode(&bytes, size)?)?;
            }
            Ok(files)
        })
        .await?;
    Ok(Some((Names { thumbnail: name.clone(), preview: name }, files)))
}

/// Removes pictures that no row names (any more). Unlinking is quick, and not to be given up half-way.
pub fn remove(data_dir: &Path, thumbnail: Option<&str>, preview: Option<&str>) {
    for (folder, name) in [(thumbnails_folder(data_dir), thumbnail), (previews_folder(data_dir), preview)] {
        // Those of other servers are addresses.
        if let Some(name) = name.filter(|name| !name.contains('/')) {
            let _ = std::fs::remove_file(folder.join(name));
        }
    }
}

fn encode(bytes: &[u8], size: (u32, u32)) -> Result<Vec<u8>, Error> {
    jpeg(cut(decode(bytes)?, size).resize_exact(size.0, size.1, FilterType::Lanczos3))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

    use super::*;

    fn png(width: u32, height: u32) -> Bytes {
        let mut bytes = Vec::new();
        let picture = DynamicImage::from(RgbImage::from_pixel(width, height, Rgb([200, 10, 10])));
        picture.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).expect("encoded");
        bytes.into()
    }

    #[tokio::test]
    async fn both_pictures_are_made_of_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let made = store(&Images::default(), folder.path(), Some(png(640, 640)), None).await.expect("taken");
        let (names, files) = made.expect("there is one");
        files.keep();
        for (path, size) in
            [(thumbnails_folder(folder.path()).join(&names.thumbnail), SMALL), (previews_folder(folder.path()).join(&names.preview), LARGE)]
        {
            let made = image::open(&path).expect("a picture");
            assert_eq!((made.width(), made.height()), size);
        }
        remove(folder.path(), Some(&names.thumbnail), Some(&names.preview));
        assert!(!thumbnails_folder(folder.path()).join(&names.thumbnail).exists());
        assert!(store(&Images::default(), folder.path(), None, None).await.expect("fine").is_none());
    }

    #[tokio::test]
    async fn one_that_is_no_picture_takes_the_other_along() {
        let folder = tempfile::tempdir().expect("a folder");
        let wrong = Bytes::from_static(b"<svg/>");
        assert!(store(&Images::default(), folder.path(), Some(png(64, 64)), Some(wrong)).await.is_err());
        assert_eq!(std::fs::read_dir(thumbnails_folder(folder.path())).expect("the folder").count(), 0);
    }

    #[test]
    fn lines_become_pictures_too() {
        for (bytes, size) in [(png(12_000, 1), LARGE), (png(1, 12_000), LARGE), (png(1, 12_000), SMALL)] {
            let made = image::load_from_memory(&encode(&bytes, size).expect("taken")).expect("a picture");
            assert_eq!((made.width(), made.height()), size);
        }
    }
}
