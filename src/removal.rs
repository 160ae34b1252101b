//! Deletion that really deletes: accounts and channels with everything that hangs on them, on disk too.

use uuid::Uuid;

use crate::app::App;
use crate::domain::{Account, AccountId, ActorImages, Channel, Video};
use crate::images;
use crate::jobs::RemoveFiles;
use crate::store::{Sort, Store, Tx, Upload, VideoFilter};
use crate::{export, pictures, store, uploads};

/// Videos that are looked at together.
const BATCH: i64 = 100;

/// Deletes an account with its user, channels, videos, pictures, uploads on their way and archives. Their broadcasts end before.
pub async fn account(app: &App, account: &Account) -> store::Result<()> {
    let videos = VideoFilter { account: Some(account.id), ..all_videos() };
    end_broadcasts(app, &videos).await?;
    let mut tx = app.store.write().await?;
    let deleted = delete_videos(&mut tx, &videos).await?;
    let files = account_row(&mut tx, account).await?;
    tx.commit().await?;
    after(app, &deleted);
    files.remove(app).await;
    Ok(())
}

/// Deletes a channel with its videos and pictures. Their broadcasts end before.
pub async fn channel(app: &App, channel: &Channel) -> store::Result<()> {
    let videos = VideoFilter { channel: Some(channel.id), ..all_videos() };
    end_broadcasts(app, &videos).await?;
    let mut tx = app.store.write().await?;
    let deleted = delete_videos(&mut tx, &videos).await?;
    // Others may have been chosen meanwhile.
    let images = tx.accounts().hold_images(channel.actor.id).await?.unwrap_or_default();
    tx.channels().delete(channel).await?;
    tx.commit().await?;
    after(app, &deleted);
    images::remove(&app.config.data_dir, &images);
    Ok(())
}

/// Ends the broadcasts of an account: whoever is kept out does not go on streaming.
pub async fn end_broadcasts_of(app: &App, account_id: AccountId) -> store::Result<()> {
    end_broadcasts(app, &VideoFilter { account: Some(account_id), ..all_videos() }).await
}

/// Deletes an account while the server does not run: the files of its videos go when it starts, those of pictures and
/// archives now.
pub async fn account_offline(store: &Store, data_dir: &std::path::Path, account: &Account) -> store::Result<()> {
    let mut tx = store.write().await?;
    delete_videos(&mut tx, &VideoFilter { account: Some(account.id), ..all_videos() }).await?;
    let files = account_row(&mut tx, account).await?;
    tx.commit().await?;
    files.remove_below(data_dir).await;
    Ok(())
}

/// Files that rows named which are gone.
struct Orphans {
    images: Vec<ActorImages>,
    exports: Vec<String>,
    uploads: Vec<Upload>,
}

impl Orphans {
    async fn remove(self, app: &App) {
        self.remove_below(&app.config.data_dir).await;
    }

    async fn remove_below(self, data_dir: &std::path::Path) {
        for images in &self.images {
            images::remove(data_dir, images);
        }
        // What became a video went with it.
        for upload in self.uploads.iter().filter(|upload| upload.result_video_id.is_none()) {
            pictures::remove(data_dir, upload.thumbnail.as_deref(), upload.preview.as_deref());
            let _ = tokio::fs::remove_file(uploads::folder(data_dir).join(&upload.id)).await;
        }
        for file in &self.exports {
            export::remove_file(data_dir, file).await;
        }
    }
}

fn all_videos() -> VideoFilter {
    VideoFilter { sort: Sort::OldestCreated, count: BATCH, ..VideoFilter::default() }
}

async fn account_row(tx: &mut Tx, account: &Account) -> store::Result<Orphans> {
    // Before their pictures, as whoever changes both does: two that waited for each other would fail.
    if let Some(id) = account.user_id {
        tx.users().hold(id).await?;
    }
    let mut actors: Vec<_> = tx.channels().of_account(account.id).await?.into_iter().map(|channel| channel.actor.id).collect();
    actors.push(account.actor.id);
    let mut images = Vec::with_capacity(actors.len());
    for actor in actors {
        // Others may have been chosen meanwhile.
        images.extend(tx.accounts().hold_images(actor).await?);
    }
    let (exports, uploads) = match account.user_id {
        Some(id) => (tx.exports().of_user(id).await?, tx.uploads().of_user(id).await?),
        None => Default::default(),
    };
    tx.accounts().delete(account).await?;
    Ok(Orphans { images, exports: exports.into_iter().map(|export| export.file).collect(), uploads })
}

async fn end_broadcasts(app: &App, videos: &VideoFilter) -> store::Result<()> {
    let mut page = VideoFilter { is_live: Some(true), ..videos.clone() };
    loop {
        let (total, lives) = app.store.read().await?.videos().list(&page).await?;
        for live in &lives {
            app.live.end(live.uuid).await;
        }
        page.start += BATCH;
        if page.start >= total {
            return Ok(());
        }
    }
}

/// Deletes the rows of videos and has their files removed; which they were.
async fn delete_videos(tx: &mut Tx, videos: &VideoFilter) -> store::Result<Vec<Uuid>> {
    let mut deleted = Vec::new();
    loop {
        // Those of the batch before are gone: each is the first one.
        let (_, batch) = tx.videos().list(videos).await?;
        if batch.is_empty() {
            return Ok(deleted);
        }
        for video in &batch {
            delete_video(tx, video).await?;
            deleted.push(video.uuid);
        }
    }
}

async fn delete_video(tx: &mut Tx, video: &Video) -> store::Result<()> {
    let files = tx.files().of_video(video.id).await?;
    tx.videos().delete(video.id).await?;
    tx.jobs().enqueue(&RemoveFiles::of(video, &files)).await?;
    Ok(())
}

fn after(app: &App, deleted: &[Uuid]) {
    app.jobs.wake();
    for video in deleted {
        app.vod.close(&app.metrics, *video);
    }
}
