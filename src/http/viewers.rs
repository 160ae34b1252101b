//! Who watches: pages' sockets and players' heartbeats, in memory, forgotten when they fall silent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::app::App;
use crate::domain::Timestamp;
use crate::events::{Bus, Event};

/// A viewer whose last heartbeat is older is gone. Players beat every 5 s (PeerTube's interval).
const EXPIRY: Duration = Duration::from_secs(30);
/// How often numbers are looked at and told: viewers see a round number, not every arrival.
const TICK: Duration = Duration::from_secs(1);
/// Views are summed in memory and written this often.
const FLUSH: Duration = Duration::from_secs(10);
/// Heartbeats kept in all: 100 bytes each, so that invented viewers cost at most some 50 MB.
const MAX_VIEWERS: usize = 500_000;
/// A view counts once a viewer watched that long, as PeerTube has it.
const VIEW_AFTER: Duration = Duration::from_secs(10);
/// Who comes back within this is the same view.
const VIEW_AGAIN: Duration = Duration::from_secs(3600);

/// Tells viewers apart: a random id from the page, or a hash of address and program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ViewerId(pub u64);

#[derive(Debug)]
struct Viewer {
    first: Instant,
    last: Instant,
    counted: bool,
}

#[derive(Debug, Default)]
struct Watched {
    viewers: HashMap<ViewerId, Viewer>,
    told: u64,
    views: i64,
}

impl Watched {
    fn present(&self, now: Instant) -> u64 {
        self.viewers.values().filter(|viewer| now.duration_since(viewer.last) < EXPIRY).count() as u64
    }
}

#[derive(Debug, Default)]
struct State {
    videos: HashMap<Uuid, Watched>,
    total: usize,
}

/// Counts viewers; cheap to clone.
#[derive(Clone)]
pub struct Viewers {
    state: Arc<Mutex<State>>,
    events: Bus,
}

impl Viewers {
    /// Nobody yet.
    pub fn new(events: Bus) -> Self {
        Self { state: Arc::default(), events }
    }

    /// How many watch `video` now.
    pub fn count(&self, video: Uuid) -> u64 {
        self.lock().videos.get(&video).map_or(0, |watched| watched.present(Instant::now()))
    }

    /// A viewer says that it watches.
    pub fn beat(&self, video: Uuid, viewer: ViewerId, now: Instant) {
        let mut state = self.lock();
        let state = &mut *state;
        let known = state.videos.get(&video).is_some_and(|watched| watched.viewers.contains_key(&viewer));
        if !known {
            if state.total >= MAX_VIEWERS {
                return;
            }
            state.total += 1;
        }
        let watched = state.videos.entry(video).or_default();
        let entry = watched.viewers.entry(viewer).or_insert(Viewer { first: now, last: now, counted: false });
        if now.duration_since(entry.last) >= EXPIRY {
            // Came back: the time between was not watched.
            entry.first = now;
        }
        entry.last = now;
        if !entry.counted && now.duration_since(entry.first) >= VIEW_AFTER {
            entry.counted = true;
            watched.views += 1;
        }
    }

    /// A viewer says that it left.
    pub fn leave(&self, video: Uuid, viewer: ViewerId, now: Instant) {
        if let Some(entry) = self.lock().videos.get_mut(&video).and_then(|watched| watched.viewers.get_mut(&viewer)) {
            entry.last = now.checked_sub(EXPIRY).unwrap_or(now);
        }
    }

    /// Tells changes and writes views until the server stops.
    pub async fn run(self, app: App) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut flushed = Instant::now();
        loop {
            tokio::select! {
                () = app.stop.cancelled() => break,
                _ = tick.tick() => {}
            }
            for (video, viewers) in self.sweep(Instant::now()) {
                self.events.publish(Event::ViewersChanged { video, viewers });
            }
            if flushed.elapsed() >= FLUSH {
                flushed = Instant::now();
                self.flush(&app).await;
            }
        }
        self.flush(&app).await;
    }

    /// Forgets who is gone; returns the videos whose number changed since they were last told.
    fn sweep(&self, now: Instant) -> Vec<(Uuid, u64)> {
        let mut changed = Vec::new();
        let mut total = 0;
        let mut state = self.lock();
        state.videos.retain(|video, watched| {
            watched.viewers.retain(|_, viewer| now.duration_since(viewer.last) < if viewer.counted { VIEW_AGAIN } else { EXPIRY });
            let present = watched.present(now);
            if present != watched.told {
                watched.told = present;
                changed.push((*video, present));
            }
            total += watched.viewers.len();
            !watched.viewers.is_empty() || watched.views > 0
        });
        state.total = total;
        changed
    }

    async fn flush(&self, app: &App) {
        let views: Vec<_> = self
            .lock()
            .videos
            .iter_mut()
            .filter(|(_, watched)| watched.views > 0)
            .map(|(video, watched)| (*video, std::mem::take(&mut watched.views)))
            .collect();
        if views.is_empty() {
            return;
        }
        let written = async {
            let mut tx = app.store.write().await?;
            for (video, count) in &views {
                tx.videos().add_views(*video, *count, Timestamp::now()).await?;
            }
            tx.commit().await
        };
        if let Err(error) = written.await {
            tracing::warn!(%error, videos = views.len(), "viewers.flush");
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing between two statements leaves the maps inconsistent: a poisoned lock is usable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_presence_and_views() {
        let viewers = Viewers::new(Bus::new());
        let (video, one, two) = (Uuid::from_u128(1), ViewerId(1), ViewerId(2));
        let start = Instant::now();
        viewers.beat(video, one, start);
        viewers.beat(video, two, start);
        assert_eq!(viewers.sweep(start), [(video, 2)]);
        assert_eq!(viewers.sweep(start), [], "told once");
        viewers.leave(video, two, start);
        let later = start + Duration::from_secs(11);
        viewers.beat(video, one, later);
        assert_eq!(viewers.sweep(later), [(video, 1)]);
        assert_eq!(viewers.lock().videos[&video].views, 1, "watched for 11 s");
        let gone = later + EXPIRY;
        assert_eq!(viewers.sweep(gone), [(video, 0)]);
        viewers.beat(video, one, gone + Duration::from_secs(1));
        viewers.beat(video, one, gone + Duration::from_secs(20));
        assert_eq!(viewers.lock().videos[&video].views, 1, "back within the hour");
    }

    #[test]
    fn memory_is_bounded() {
        let viewers = Viewers::new(Bus::new());
        let now = Instant::now();
        for id in 0..(MAX_VIEWERS as u64 + 10) {
            viewers.beat(Uuid::nil(), ViewerId(id), now);
        }
        assert_eq!(viewers.lock().total, MAX_VIEWERS);
        viewers.sweep(now + EXPIRY);
        assert_eq!(viewers.lock().total, 0);
        assert!(viewers.lock().videos.is_empty());
    }
}
