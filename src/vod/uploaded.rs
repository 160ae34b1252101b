//! A video's file, as it was uploaded or imported: where it is kept, and that it is to be transcoded.
//!
//! Whatever brings a file (a form, an upload in parts, an import, a replacement) ends in the same three steps: [`place`] puts it
//! into the video's own folder, [`note`] writes a row of `video_sources` and enqueues [transcoding](super::Transcode) in one transaction.
//! The row names the file; the job's payload only names the video, so that of two jobs for one video both find the newest.

use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::moving::RemoveVersion;
use super::originals_folder;
use crate::blobs::Blob;
use crate::domain::{Media, Place, Timestamp, Video};
use crate::store::{self, Source, Tx};

/// Kinds of file that are taken, by the end of their name; PeerTube's.
pub const EXTENSIONS: [&str; 37] = [
    "webm", "ogv", "ogg", "mp4", "mkv", "mov", "qt", "mqv", "m4v", "flv", "f4v", "wmv", "avi", "3gp", "3gpp", "3g2", "3gpp2", "nut", "mts",
    "m2ts", "mpv", "m2v", "m1v", "mpg", "mpe", "mpeg", "vob", "mxf", "ts", "mp3", "wma", "wav", "flac", "aac", "m4a", "ac3", "opus",
];

/// Longest name of a file that is remembered, as file systems have it.
const MAX_FILENAME: usize = 255;

/// The folder of a video's captions.
pub fn captions_folder(data_dir: &Path, video: Uuid) -> PathBuf {
    data_dir.join("captions").join(video.to_string())
}

/// The kind of file that a name tells; `None` when it is none that is taken.
pub fn extension_of(filename: &str) -> Option<&'static str> {
    let (_, end) = filename.rsplit_once('.')?;
    EXTENSIONS.into_iter().find(|known| known.eq_ignore_ascii_case(end))
}

/// The kind of file that a media type tells.
pub fn extension_of_type(media_type: &str) -> Option<&'static str> {
    let media_type = media_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    Some(match media_type.as_str() {
        "video/mp4" => "mp4",
        "video/webm" => "webm",
        "video/ogg" => "ogv",
        "video/quicktime" => "mov",
        "video/x-matroska" | "video/matroska" => "mkv",
        "video/x-msvideo" | "video/avi" => "avi",
        "video/x-flv" => "flv",
        "video/mpeg" => "mpg",
        "video/mp2t" => "ts",
        "video/3gpp" => "3gp",
        "audio/mpeg" | "audio/mp3" => "mp3",
        "audio/mp4" | "audio/x-m4a" => "m4a",
        "audio/ogg" => "ogg",
        "audio/wav" | "audio/x-wav" => "wav",
        "audio/flac" | "audio/x-flac" => "flac",
        "audio/aac" => "aac",
        _ => return None,
    })
}

/// The last part of a path that somebody else named, without what is no text.
pub fn plain_filename(text: &str) -> String {
    let last = text.rsplit(['/', '\\']).next().unwrap_or("");
    let mut name: String = last.chars().filter(|c| !c.is_control()).collect();
    while name.len() > MAX_FILENAME {
        name.pop();
    }
    name
}

/// Puts the whole file at `from` into the video's folder, under a name of its own. The file at `from` stays, so that an upload whose
/// transaction fails can be tried again; its bytes are not copied.
pub async fn place(data_dir: &Path, video: Uuid, from: &Path, extension: &str) -> io::Result<String> {
    let folder = originals_folder(data_dir, video);
    tokio::fs::create_dir_all(&folder).await?;
    let name = format!("{}.{extension}", Uuid::new_v4());
    let to = folder.join(&name);
    if tokio::fs::hard_link(from, &to).await.is_err() {
        // A file system without links.
        tokio::fs::copy(from, &to).await?;
    }
    Ok(name)
}

/// Notes the file that [`place`] put there, and that there is work to do. The job is to be woken after the commit. What it replaces
/// is returned, to be removed after that.
pub async fn note(tx: &mut Tx, video: &Video, file: &str, input_filename: &str, size_bytes: u64) -> store::Result<Option<Source>> {
    let before = tx.sources().of_video(video.id).await?;
    let source = Source {
        video_id: video.id,
        file: file.to_owned(),
        input_filename: plain_filename(input_filename),
        size_bytes: i64::try_from(size_bytes).unwrap_or(i64::MAX),
        resolution: None,
        width: None,
        height: None,
        fps: None,
        created_at: Timestamp::now(),
    };
    tx.sources().put(&source).await?;
    if let Some(before) = &before {
        let media = tx.media().of_video(video.id).await?;
        // One that is in object storage stays there until there is a version of the new file.
        if media.place == Place::Disk && media.original.as_ref() == Some(&before.file) {
            tx.media().put(video.id, &Media { original: None, ..media }).await?;
        }
    }
    super::enqueue_transcoding(tx, video.id).await?;
    Ok(before)
}

/// Forgets what a video was made from. Names of files in the video's folder of originals are returned, to be removed after the commit;
/// what is in object storage a job removes, to be woken then.
pub async fn forget(tx: &mut Tx, video: &Video) -> store::Result<Vec<String>> {
    let mut names: Vec<String> = tx.sources().of_video(video.id).await?.into_iter().map(|source| source.file).collect();
    tx.sources().delete(video.id).await?;
    let media = tx.media().of_video(video.id).await?;
    let Some(name) = media.original.clone() else { return Ok(names) };
    match media.place {
        Place::Disk => names.push(name),
        Place::ObjectStorage => {
            let removal = RemoveVersion::new(video, None, media.place, vec![Blob::Original(video.uuid, name)]);
            tx.jobs().enqueue(&removal).await?;
        }
    }
    tx.media().put(video.id, &Media { original: None, ..media }).await?;
    Ok(names)
}

/// Removes files in a video's folder of originals that no row names any more.
pub async fn remove(data_dir: &Path, video: Uuid, names: &[String]) {
    for name in names {
        match tokio::fs::remove_file(originals_folder(data_dir, video).join(name)).await {
            // Most are not kept once the video is made.
            Err(error) if error.kind() != io::ErrorKind::NotFound => tracing::warn!(%error, %video, "vod.originals: not removed"),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_kinds() {
        assert_eq!(extension_of("Holiday.MP4"), Some("mp4"));
        assert_eq!(extension_of("a.b.mkv"), Some("mkv"));
        for name in ["video", "video.", "page.html", "picture.svg", "mp4", "x.mp4.exe"] {
            assert_eq!(extension_of(name), None, "{name}");
        }
        assert_eq!(extension_of_type("video/mp4; codecs=\"avc1\""), Some("mp4"));
        assert_eq!(extension_of_type("text/html"), None);
    }

    #[test]
    fn names_lead_nowhere() {
        assert_eq!(plain_filename("../../etc/passwd"), "passwd");
        assert_eq!(plain_filename("C:\\videos\\a b.mp4"), "a b.mp4");
        assert_eq!(plain_filename("a\u{0}\nb.mp4"), "ab.mp4");
        assert!(plain_filename(&"é".repeat(300)).len() <= MAX_FILENAME);
    }

    #[tokio::test]
    async fn a_file_is_placed_and_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let from = folder.path().join("part");
        std::fs::write(&from, "media").expect("written");
        let name = place(folder.path(), Uuid::nil(), &from, "mp4").await.expect("placed");
        let placed = originals_folder(folder.path(), Uuid::nil()).join(&name);
        assert!(name.ends_with(".mp4"));
        assert_eq!(std::fs::read_to_string(placed).expect("there"), "media");
        assert!(from.exists());
    }
}
