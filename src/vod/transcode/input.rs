//! Which file a version is made of.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::Stop;
use crate::app::App;
use crate::blobs::Blob;
use crate::domain::{Place, Video};
use crate::vod::originals_folder;
use crate::vod::workshop::{Fault, FaultKind};

/// Holds the name of the original that a version is made of, so that a later attempt does not mix it with a newer one.
const NOTED: &str = "input";
/// A file that was fetched from object storage.
const FETCHED: &str = "source.mp4";

/// What a version is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Input {
    pub(super) path: PathBuf,
    /// Its name among the originals; `None`: a rendition of an earlier version.
    pub(super) original: Option<String>,
}

/// The original that an earlier attempt began with, or the one that the video has now, or the best of its files.
pub(super) async fn choose(app: &App, video: &Video, work: &Path) -> Result<Input, Stop> {
    let data_dir = &app.config.data_dir;
    let originals = originals_folder(data_dir, video.uuid);
    let noted = work.join(NOTED);
    if let Some(name) = unless_gone(tokio::fs::read_to_string(&noted).await)? {
        let path = originals.join(&name);
        if is_original_name(&name) && tokio::fs::try_exists(&path).await? {
            return Ok(Input { path, original: Some(name) });
        }
        // What was made of it is of no use.
        tokio::fs::remove_dir_all(work).await?;
        tokio::fs::create_dir_all(work).await?;
    }
    let mut tx = app.store.read().await?;
    if let Some(source) = tx.sources().of_video(video.id).await?
        && tokio::fs::try_exists(originals.join(&source.file)).await?
    {
        return note(&originals, &noted, source.file).await;
    }
    let media = tx.media().of_video(video.id).await?;
    let files = tx.files().of_video(video.id).await?;
    drop(tx);
    if let Some(name) = media.original.filter(|_| media.place == Place::ObjectStorage) {
        tokio::fs::create_dir_all(&originals).await?;
        app.blobs.fetch(&Blob::Original(video.uuid, name.clone()), &originals.join(&name)).await?;
        return note(&originals, &noted, name).await;
    }
    // Largest picture first; plain files can be read by everything.
    let best = files.into_iter().max_by_key(|file| (file.has_video, file.resolution, file.playlist_id.is_none()));
    let best = best.ok_or_else(|| Fault::new(FaultKind::File, "the uploaded file is gone"))?;
    let blob = match best.playlist_id {
        Some(_) => Blob::Hls(video.uuid, best.file),
        None => Blob::WebVideo(best.file),
    };
    let path = match media.place {
        Place::Disk => blob.path(data_dir),
        Place::ObjectStorage => {
            let path = work.join(FETCHED);
            if !tokio::fs::try_exists(&path).await? {
                app.blobs.fetch(&blob, &path).await?;
            }
            path
        }
    };
    if !tokio::fs::try_exists(&path).await? {
        return Err(Fault::new(FaultKind::File, "the video's file is gone").into());
    }
    Ok(Input { path, original: None })
}

async fn note(originals: &Path, noted: &Path, name: String) -> Result<Input, Stop> {
    tokio::fs::write(noted, &name).await?;
    Ok(Input { path: originals.join(&name), original: Some(name) })
}

/// Once a version is made of `used`: what is older goes, and what was used unless it is kept. Something newer waits for its own job.
pub(super) async fn clean_originals(folder: &Path, used: &str, keep: bool) {
    let result = async {
        let limit = modified(&folder.join(used)).await?;
        for (name, time) in list(folder).await? {
            let is_used = name == used;
            if is_used && !keep || !is_used && time <= limit {
                tokio::fs::remove_file(folder.join(name)).await?;
            }
        }
        io::Result::Ok(())
    };
    if let Err(error) = result.await {
        tracing::warn!(%error, folder = %folder.display(), "vod.originals");
    }
    // Only if nothing is left in it.
    let _ = tokio::fs::remove_dir(folder).await;
}

/// Names and times of what is in a folder; of one that is not there, none.
async fn list(folder: &Path) -> io::Result<Vec<(String, SystemTime)>> {
    let Some(mut entries) = unless_gone(tokio::fs::read_dir(folder).await)? else { return Ok(Vec::new()) };
    let mut files = Vec::new();
    while let Some(entry) = entries.next_entry().await? {
        let metadata = entry.metadata().await?;
        if let Ok(name) = entry.file_name().into_string()
            && metadata.is_file()
            && is_original_name(&name)
        {
            files.push((name, metadata.modified()?));
        }
    }
    Ok(files)
}

async fn modified(path: &Path) -> io::Result<SystemTime> {
    tokio::fs::metadata(path).await?.modified()
}

/// A name in this folder; one that begins with a dot is not whole yet.
fn is_original_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.ends_with(".part") && !name.contains(['/', '\\', '\0'])
}

fn unless_gone<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{File, FileTimes};
    use std::time::Duration;

    use super::*;

    fn folder_with(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (age, name) in (0..).zip(names.iter().rev()) {
            let file = File::create(folder.path().join(name)).expect("a file");
            let time = SystemTime::now() - Duration::from_secs(60 * age);
            file.set_times(FileTimes::new().set_modified(time)).expect("a time");
        }
        folder
    }

    fn names(folder: &Path) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
        let mut names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("text")).collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn what_is_newer_waits() {
        let folder = folder_with(&["a.mp4", "b.mp4", "c.mp4"]);
        clean_originals(folder.path(), "b.mp4", true).await;
        assert_eq!(names(folder.path()), ["b.mp4", "c.mp4"]);
        clean_originals(folder.path(), "b.mp4", false).await;
        assert_eq!(names(folder.path()), ["c.mp4"]);
        clean_originals(folder.path(), "c.mp4", false).await;
        assert!(!folder.path().exists());
    }

    #[test]
    fn names_lead_nowhere() {
        for name in ["", ".", "..", ".hidden", "a/b", "..\\x", "x.part"] {
            assert!(!is_original_name(name), "{name}");
        }
        assert!(is_original_name("My holiday (1).mp4"));
    }
}
