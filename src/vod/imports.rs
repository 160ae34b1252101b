//! Imports: files that users name by address are fetched here, a few at once, beside the jobs: an import takes as long as the other
//! server likes, and nothing else should wait for it. What is to be done stands in the database, so it is taken up
//! again after a restart.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt as _;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::uploaded::{self, extension_of, extension_of_type, plain_filename};
use crate::app::App;
use crate::domain::{Import, ImportState, Timestamp, User, UserId, Video, VideoState};
use crate::fetch;
use crate::store;
use crate::uploads::Partial;
use crate::users;

/// Fetched at once, each for another user: enough that a slow server holds up nobody else, few enough that lives keep the line.
const AT_ONCE: usize = 2;
/// A server that sends less, over [`PACE_WINDOW`], is not waited for: others wait for the place.
const LEAST_BYTES_PER_S: u64 = 64 << 10;
/// Slow moments of this length are borne.
const PACE_WINDOW: Duration = Duration::from_secs(60);
/// Longest import.
const DEADLINE: Duration = Duration::from_secs(6 * 3600);
/// How often is looked whether it was cancelled.
const LOOK: Duration = Duration::from_secs(2);
/// How often is looked for imports whose word was lost, and after a failure of the database.
const POLL: Duration = Duration::from_secs(30);

/// Why an import ended without a video. The text is shown to whoever began it.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Fetch(#[from] fetch::Error),
    #[error("there is no media file at this address")]
    Kind,
    #[error("the file is larger than this server takes")]
    Size,
    #[error("this server's disk is full")]
    Space,
    #[error("the user video quota is exceeded with this video")]
    Quota,
    #[error("it took too long")]
    Slow,
    #[error("the server there is too slow")]
    Crawls,
    #[error("the file is empty")]
    Empty,
    #[error("cancelled")]
    Cancelled,
    #[error("the server failed")]
    Disk(#[from] io::Error),
    #[error("the server failed")]
    Store(#[from] store::Error),
}

/// Fetches what is to be imported until the server stops.
pub async fn run(app: App) {
    match recover(&app).await {
        Ok(()) => {}
        Err(error) => tracing::error!(%error, "vod.import: recover"),
    }
    let mut workers = JoinSet::new();
    let turn = Turn::default();
    for _ in 0..AT_ONCE {
        workers.spawn(work(app.clone(), turn.clone()));
    }
    while workers.join_next().await.is_some() {}
}

/// What ran when the server stopped begins again.
async fn recover(app: &App) -> store::Result<()> {
    let mut tx = app.store.write().await?;
    tx.imports().recover().await?;
    tx.commit().await
}

/// Whose import was begun last, held while one is claimed: a claim looks at what runs.
type Turn = Arc<Mutex<Option<UserId>>>;

async fn work(app: App, turn: Turn) {
    loop {
        match next(&app, &turn).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "vod.import"),
        }
        tokio::select! {
            () = app.uploads.import_waits() => {}
            () = tokio::time::sleep(POLL) => {}
        }
    }
}

/// Does an import that waits; false when there is none.
async fn next(app: &App, turn: &Turn) -> store::Result<bool> {
    // Looked at first by a reader, so that an idle worker never takes the only writer.
    if !app.store.read().await?.imports().any_claimable().await? {
        return Ok(false);
    }
    let mut last = turn.lock().await;
    let mut tx = app.store.write().await?;
    let claimed = tx.imports().claim(last.unwrap_or(UserId(0))).await?;
    tx.commit().await?;
    let Some(import) = claimed else { return Ok(false) };
    *last = Some(import.user_id);
    drop(last);
    // Another one may wait for the other worker.
    app.uploads.wake_imports();
    let result = tokio::time::timeout(DEADLINE, one(app, &import)).await.unwrap_or(Err(Error::Slow));
    match result {
        Ok(()) => tracing::info!(import.id = %import.id, "vod.import"),
        Err(Error::Cancelled) => {
            tracing::info!(import.id = %import.id, "vod.import: cancelled");
            // Or its video was deleted, or whoever wanted it is kept out.
            conclude(app, &import, ImportState::Cancelled, None).await;
        }
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::warn!(import.id = %import.id, %error, cause, "vod.import");
            conclude(app, &import, ImportState::Failed, Some(&error.to_string())).await;
        }
    }
    Ok(true)
}

/// Writes down how an import ended, as soon as the database takes it: until then its user's others would wait for it. If the server
/// stops before, its next start begins it again.
async fn conclude(app: &App, import: &Import, state: ImportState, reason: Option<&str>) {
    while !app.stop.is_cancelled() {
        let written = async {
            let mut tx = app.store.write().await?;
            tx.imports().set_state(import.id, state, reason).await?;
            tx.commit().await
        };
        match written.await {
            Ok(()) => return,
            Err(error) => tracing::error!(%error, import.id = %import.id, "vod.import"),
        }
        tokio::time::sleep(POLL).await;
    }
}

/// How fast a file comes.
struct Pace {
    since: Instant,
    bytes: u64,
}

impl Pace {
    fn new(now: Instant) -> Self {
        Self { since: now, bytes: 0 }
    }

    /// Counts what came; false when it was too little for too long.
    fn keeps_up(&mut self, now: Instant, bytes: u64) -> bool {
        self.bytes = self.bytes.saturating_add(bytes);
        let elapsed = now.duration_since(self.since);
        if elapsed < PACE_WINDOW {
            return true;
        }
        let is_enough = self.bytes >= LEAST_BYTES_PER_S.saturating_mul(elapsed.as_secs());
        *self = Self::new(now);
        is_enough
    }
}

async fn one(app: &App, import: &Import) -> Result<(), Error> {
    let user = wanted_by(app, import).await?;
    let room_bytes = users::room(&mut app.store.read().await?, &user).await?;
    let allowance = app.allowances.share(user.id, room_bytes);
    let url = app.fetcher.parse(&import.target_url)?;
    let mut response = app.fetcher.get(url).await?;
    let content_type = response.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or("").to_owned();
    // The last address tells the name, as the first may be a redirect's.
    let named = plain_filename(response.url().path());
    let extension = extension_of_type(&content_type).or_else(|| extension_of(&named).filter(|_| !is_text(&content_type)));
    let extension = extension.ok_or(Error::Kind)?;
    let most = app.config.videos.max_file_bytes;
    if response.content_length().is_some_and(|length| length > most) {
        return Err(Error::Size);
    }
    if response.content_length().is_some_and(|length| room_bytes.is_some_and(|room_bytes| length > room_bytes)) {
        return Err(Error::Quota);
    }

    let partial = Partial::new(&app.config.data_dir).await?;
    let mut file = tokio::fs::File::create(partial.path()).await?;
    let (mut size_bytes, mut looked, mut pace) = (0_u64, Instant::now(), Pace::new(Instant::now()));
    while let Some(chunk) = response.chunk().await.map_err(fetch::Error::from)? {
        size_bytes += chunk.len() as u64;
        if size_bytes > most {
            return Err(Error::Size);
        }
        if !allowance.take(chunk.len() as u64) {
            return Err(Error::Quota);
        }
        if !pace.keeps_up(Instant::now(), chunk.len() as u64) {
            return Err(Error::Crawls);
        }
        file.write_all(&chunk).await?;
        if looked.elapsed() >= LOOK {
            looked = Instant::now();
            wanted_by(app, import).await?;
            if !crate::uploads::has_space(app, 0) {
                return Err(Error::Space);
            }
        }
    }
    if size_bytes == 0 {
        return Err(Error::Empty);
    }
    file.sync_all().await?;
    drop(file);
    finish(app, import, &partial, extension, &named, size_bytes).await?;
    allowance.counted();
    Ok(())
}

fn is_text(content_type: &str) -> bool {
    content_type.starts_with("text/") || content_type.starts_with("application/json") || content_type.contains("xml")
}

/// Whoever wants it, as long as they do and are not kept out.
async fn wanted_by(app: &App, import: &Import) -> Result<User, Error> {
    let mut tx = app.store.read().await?;
    let now = tx.imports().by_id(import.id).await?;
    if now.is_none_or(|now| now.state != ImportState::Processing || now.video_id.is_none()) {
        return Err(Error::Cancelled);
    }
    tx.users().by_id(import.user_id).await?.filter(|user| !user.blocked).ok_or(Error::Cancelled)
}

async fn finish(app: &App, import: &Import, partial: &Partial, extension: &str, named: &str, size_bytes: u64) -> Result<(), Error> {
    let mut tx = app.store.read().await?;
    let video = match import.video_id {
        Some(id) => tx.videos().by_id(id).await?,
        None => None,
    };
    drop(tx);
    let Some(video) = video else { return Err(Error::Cancelled) };
    let data_dir = &app.config.data_dir;
    let file = uploaded::place(data_dir, video.uuid, partial.path(), extension).await?;
    let taken = async {
        let mut tx = app.store.write().await?;
        // In one transaction with the state, so that who cancelled in time has no video.
        if !tx.imports().set_state(import.id, ImportState::Success, None).await? {
            return Ok(false);
        }
        let Some(video) = tx.videos().by_id(video.id).await? else { return Ok(false) };
        if tx.users().by_id(import.user_id).await?.is_none_or(|user| user.blocked) {
            return Ok(false);
        }
        uploaded::note(&mut tx, &video, &file, named, size_bytes).await?;
        let published = Video { state: VideoState::ToTranscode, published_at: Timestamp::now(), ..video };
        tx.videos().update(&published).await?;
        if !users::owner_has_room(&mut tx, &published).await? {
            return Err(Error::Quota);
        }
        tx.commit().await?;
        Ok::<_, Error>(true)
    };
    match taken.await {
        Ok(true) => {
            app.jobs.wake();
            Ok(())
        }
        not => {
            let _ = tokio::fs::remove_file(super::originals_folder(data_dir, video.uuid).join(&file)).await;
            not.and(Err(Error::Cancelled))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_drips_is_given_up_and_what_pauses_is_not() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut pace = Pace::new(start);
        assert!(pace.keeps_up(at(1), 10 << 20));
        assert!(pace.keeps_up(at(59), 1), "a pause");
        assert!(pace.keeps_up(at(60), 1), "it was fast before");
        assert!(pace.keeps_up(at(100), 1));
        assert!(!pace.keeps_up(at(120), 1), "a byte now and then");
        let mut pace = Pace::new(start);
        for second in 1..=600 {
            assert!(pace.keeps_up(at(second), LEAST_BYTES_PER_S), "{second}");
        }
    }
}
