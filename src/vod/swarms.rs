//! The swarms of finished videos: open while somebody watches.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use p2p_peer::wire::SwarmId;
use p2p_tracker::{InfoHash, Kind, Tracker};
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::manifests::{self, Index};
use super::{Error, STRIPES};
use crate::app::App;
use crate::config::Policy;
use crate::live::swarm::{self, Counted, Invitation, Keys};
use crate::live::vod_folder;
use crate::metrics::Metrics;
use crate::store;

/// How often it is looked whether anybody is there, and what they took is added to the metrics.
const TICK: Duration = Duration::from_secs(1);
/// A swarm without peers, for which nobody asked a token, is closed after this. Who has one still, asks again.
const IDLE: Duration = Duration::from_secs(300);

/// All swarms of videos; cheap to clone.
#[derive(Clone)]
pub struct Swarms(Arc<Inner>);

struct Inner {
    lives: swarm::Swarms,
    open: Mutex<HashMap<Uuid, Arc<Swarm>>>,
    signing: tokio::sync::Mutex<()>,
}

/// The swarm of one video.
pub struct Swarm {
    id: SwarmId,
    renditions: Vec<(String, Index)>,
    /// When a token was last asked for.
    invited: Mutex<Instant>,
    counted: Counted,
}

impl Swarms {
    /// None open; with the keys and at the tracker of the broadcasts' swarms.
    pub fn new(lives: swarm::Swarms) -> Self {
        Self(Arc::new(Inner { lives, open: Mutex::default(), signing: tokio::sync::Mutex::default() }))
    }

    /// The id of a video's swarm, whether it is open or not.
    pub fn id(&self, video: Uuid) -> SwarmId {
        self.keys().swarm_id(&format!("vod:{video}"))
    }

    pub(super) fn keys(&self) -> &Keys {
        self.0.lives.keys()
    }

    pub(super) async fn signing(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.0.signing.lock().await
    }

    fn tracker(&self) -> &Tracker {
        self.0.lives.tracker()
    }

    /// Invites somebody who may watch; `None` for what is no finished video, or has no manifests (yet).
    pub async fn invite(&self, app: &App, video: Uuid) -> store::Result<Option<Invitation>> {
        let Some(swarm) = self.open(app, video).await? else { return Ok(None) };
        let renditions = swarm.renditions.iter().map(|(name, _)| name.clone()).collect();
        Ok(Some(self.0.lives.invitation(swarm.id, STRIPES, renditions)))
    }

    /// The swarm whose manifests somebody asks for, and whether this token opens it. Who has a token of before the server
    /// was started again finds the swarm as it was.
    pub async fn find(&self, app: &App, video: Uuid, token: &str) -> store::Result<Option<(Arc<Swarm>, bool)>> {
        let admitted = self.0.lives.admits_to(self.id(video), token);
        let swarm = if admitted { self.open(app, video).await? } else { self.opened().get(&video).cloned() };
        Ok(swarm.map(|swarm| (swarm, admitted)))
    }

    /// Opens a video's swarm, or keeps it open.
    async fn open(&self, app: &App, video: Uuid) -> store::Result<Option<Arc<Swarm>>> {
        if app.config.swarm.policy == Policy::Off {
            return Ok(None);
        }
        if let Some(swarm) = self.opened().get(&video).cloned() {
            *swarm.invited() = Instant::now();
            return Ok(Some(swarm));
        }
        let mut tx = app.store.read().await?;
        let Some(found) = tx.videos().by_uuid(video).await?.filter(|video| !video.is_live && !video.remote) else { return Ok(None) };
        let Some(playlist) = tx.playlists().of_video(found.id).await? else { return Ok(None) };
        drop(tx);
        let folder = vod_folder(&app.config.data_dir, video);
        let read = move || {
            let names = manifests::renditions(&folder, &playlist.playlist)?;
            let indexed = (0..=u8::MAX).zip(names).map(|(number, name)| {
                let index = Index::read(manifests::path(&folder, &name), number)?;
                Ok((name, index))
            });
            indexed.collect::<Result<Vec<_>, Error>>()
        };
        let renditions = match spawn_blocking(read).await {
            Ok(Ok(renditions)) if !renditions.is_empty() => renditions,
            Ok(Ok(_)) => return Ok(None),
            // The job has not done its work yet.
            Ok(Err(error)) if error.is_not_found() => return Ok(None),
            Ok(Err(error)) => {
                tracing::error!(%error, %video, "vod.open");
                return Ok(None);
            }
            Err(error) => {
                tracing::error!(%error, %video, "vod.open");
                return Ok(None);
            }
        };
        let id = self.id(video);
        let made = || Arc::new(Swarm { id, renditions, invited: Mutex::new(Instant::now()), counted: Counted::default() });
        let mut open = self.opened();
        // Another request may have opened it meanwhile.
        let swarm = open.entry(video).or_insert_with(made).clone();
        *swarm.invited() = Instant::now();
        self.tracker().register(Instant::now(), InfoHash(id.0), Kind::Mesh);
        Ok(Some(swarm))
    }

    /// The video is deleted.
    pub fn close(&self, metrics: &Metrics, video: Uuid) {
        let mut open = self.opened();
        if let Some(swarm) = open.remove(&video) {
            self.remove(metrics, &swarm);
        }
    }

    /// Looks after the swarms until it is dropped.
    pub async fn run(self, app: App) {
        let mut tick = tokio::time::interval(TICK);
        loop {
            tick.tick().await;
            self.sweep(&app.metrics, Instant::now());
        }
    }

    fn sweep(&self, metrics: &Metrics, now: Instant) {
        // Invitations wait meanwhile, so that none is for a swarm that is being closed.
        self.opened().retain(|_, swarm| {
            let summary = self.tracker().summary(&swarm.info_hash()).unwrap_or_default();
            swarm.counted.count(metrics, summary.offload);
            let is_empty = summary.counts.complete + summary.counts.incomplete == 0;
            let is_idle = is_empty && now.saturating_duration_since(*swarm.invited()) >= IDLE;
            if is_idle {
                self.remove(metrics, swarm);
            }
            !is_idle
        });
    }

    fn remove(&self, metrics: &Metrics, swarm: &Swarm) {
        if let Some(summary) = self.tracker().remove(Instant::now(), &swarm.info_hash()) {
            swarm.counted.count(metrics, summary.offload);
        }
    }

    fn opened(&self) -> MutexGuard<'_, HashMap<Uuid, Arc<Swarm>>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Swarm {
    fn info_hash(&self) -> InfoHash {
        InfoHash(self.id.0)
    }

    fn invited(&self) -> MutexGuard<'_, Instant> {
        self.invited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The manifests of a rendition that is named by its index or its name.
    pub fn manifests(&self, rendition: &str) -> Option<&Index> {
        let at = swarm::rendition_index(rendition, self.renditions.iter().map(|(name, _)| name.as_str()))?;
        self.renditions.get(at).map(|(_, index)| index)
    }
}

#[cfg(test)]
mod tests;
