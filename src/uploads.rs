//! Uploads on their way: their folder, who writes to which, and what is cleaned up after those that never ended.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;
use uuid::Uuid;

use crate::app::App;
use crate::domain::Timestamp;
use crate::mail::LIFETIME;
use crate::pictures;
use crate::store;

/// An upload of which nothing came for so long is given up. PeerTube's clients are told an hour; a laptop that slept until the next day may go on.
pub const EXPIRY: Duration = Duration::from_secs(24 * 3600);
/// What ended is remembered that long, for a client that did not hear the answer.
pub const REMEMBERED: Duration = Duration::from_secs(3600);
/// Uploads of one user that are not whole, as PeerTube has it for imports: each may hold the disk for a day.
pub const MAX_OPEN: i64 = 20;
/// How often is cleaned up; also how late old views leave `-trending`.
const TIDY: Duration = Duration::from_secs(3600);
/// Files that nobody knows are older when they are removed: one that is being written has no row yet.
const ORPHAN_AGE: Duration = Duration::from_secs(48 * 3600);
/// Days of which views count for `-trending`, as PeerTube has it.
pub const TRENDING_DAYS: i64 = 7;

/// Where uploads are until they are whole.
pub fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("uploads")
}

/// Whether the disk has room for so many bytes more, beside what running broadcasts may need.
pub fn has_space(app: &App, bytes: u64) -> bool {
    // A file system that does not say is not full.
    crate::live::free_bytes(&app.config.data_dir).is_none_or(|free| free.saturating_sub(app.config.live.min_free_disk_bytes) > bytes)
}

/// What uploads share; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Uploads(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    busy: Mutex<HashSet<String>>,
    imports: Notify,
}

impl Uploads {
    /// Leave to write to an upload; `None` while another request does.
    pub fn claim(&self, id: &str) -> Option<Claim> {
        let mut busy = self.0.busy.lock().unwrap_or_else(PoisonError::into_inner);
        busy.insert(id.to_owned()).then(|| Claim { uploads: self.clone(), id: id.to_owned() })
    }

    /// Something is to be imported. Call after the commit.
    pub fn wake_imports(&self) {
        self.0.imports.notify_one();
    }

    /// Waits until [`Uploads::wake_imports`] was called.
    pub async fn import_waits(&self) {
        self.0.imports.notified().await;
    }
}

/// Leave to write to an upload, given back when dropped.
#[derive(Debug)]
pub struct Claim {
    uploads: Uploads,
    id: String,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.uploads.0.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

/// A file that is gone when this is, unless it was kept.
#[derive(Debug)]
pub struct Partial {
    path: PathBuf,
}

impl Partial {
    /// A new name in the folder of uploads; the file is not made yet.
    pub async fn new(data_dir: &Path) -> std::io::Result<Self> {
        let folder = folder(data_dir);
        tokio::fs::create_dir_all(&folder).await?;
        Ok(Self { path: folder.join(format!("{}.part", Uuid::new_v4())) })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // Unlinking is quick; what fails is found by the next round of cleaning.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Cleans up until the server stops.
pub async fn run(app: App) {
    let mut tick = tokio::time::interval(TIDY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if let Err(error) = tidy(&app, Timestamp::now()).await {
            tracing::warn!(%error, "uploads.tidy");
        }
    }
}

/// Why cleaning up failed; it is tried again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The disk.
    #[error("disk: {0}")]
    Disk(#[from] std::io::Error),
}

/// Forgets expired uploads, and registrations whose address was not proven in time; removes files that no row names. Tests call it
/// by hand.
pub async fn tidy(app: &App, now: Timestamp) -> Result<(), Error> {
    let data_dir = &app.config.data_dir;
    let mut tx = app.store.write().await?;
    let expired = tx.uploads().take_expired(now).await?;
    let unproven = tx.registrations().remove_unproven(now.minus(LIFETIME), now).await?;
    tx.videos().refresh_trending(TRENDING_DAYS, now).await?;
    tx.commit().await?;
    for upload in expired.iter().filter(|upload| upload.result_video_id.is_none()) {
        pictures::remove(data_dir, upload.thumbnail.as_deref(), upload.preview.as_deref());
    }
    let (expired, mut removed) = (expired.len(), 0);
    for (name, path, age) in entries(&folder(data_dir)).await? {
        // An upload's file is called by its id; those with an ending are of requests that broke off with the server.
        let is_known = app.store.read().await?.uploads().by_id(&name).await?.is_some_and(|upload| upload.result_video_id.is_none());
        if !is_known && (age > ORPHAN_AGE || !name.contains('.')) && app.uploads.claim(&name).is_some() {
            let _ = tokio::fs::remove_file(path).await;
            removed += 1;
        }
    }
    // Files of videos that were never committed.
    for (name, path, age) in entries(&data_dir.join("original-video-files")).await? {
        let Ok(uuid) = Uuid::parse_str(&name) else { continue };
        if age > ORPHAN_AGE && !app.store.read().await?.videos().exists(uuid).await? {
            let _ = tokio::fs::remove_dir_all(path).await;
            removed += 1;
        }
    }
    if expired > 0 || removed > 0 || unproven > 0 {
        tracing::info!(expired, removed, unproven, "uploads.tidy");
    }
    Ok(())
}

/// Name, path and age of everything in a folder, which need not exist.
async fn entries(folder: &Path) -> std::io::Result<Vec<(String, PathBuf, Duration)>> {
    let mut found = Vec::new();
    let mut listing = match tokio::fs::read_dir(folder).await {
        Ok(listing) => listing,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(error),
    };
    while let Some(entry) = listing.next_entry().await? {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let Ok(metadata) = entry.metadata().await else { continue };
        let age = metadata.modified().ok().and_then(|time| SystemTime::now().duration_since(time).ok()).unwrap_or_default();
        found.push((name, entry.path(), age));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_writes_at_a_time() {
        let uploads = Uploads::default();
        let claim = uploads.claim("one");
        assert!(claim.is_some() && uploads.claim("one").is_none() && uploads.claim("two").is_some());
        drop(claim);
        assert!(uploads.claim("one").is_some());
    }

    #[tokio::test]
    async fn a_partial_file_goes_with_its_request() {
        let data_dir = tempfile::tempdir().expect("a folder");
        let partial = Partial::new(data_dir.path()).await.expect("a name");
        std::fs::write(partial.path(), "half").expect("written");
        let path = partial.path().to_owned();
        drop(partial);
        assert!(!path.exists());
    }
}
