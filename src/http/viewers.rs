//! Who watches: pages' sockets and players' heartbeats, in memory, forgotten when they fall silent. What is to be kept of it (views,
//! time watched, places in videos) is summed here and written every few seconds, so that a heartbeat costs no write.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::app::App;
use crate::domain::{Timestamp, UserId, VideoId};
use crate::events::{Bus, Event};
use crate::store::{self, RETENTION_BUCKETS, SLOT_MS, Watch};

/// A viewer whose last heartbeat is older is gone. Players beat every 5 s (PeerTube's interval).
const EXPIRY: Duration = Duration::from_secs(30);
/// How often numbers are looked at and told: viewers see a round number, not every arrival.
const TICK: Duration = Duration::from_secs(1);
/// Views are summed in memory and written this often.
const FLUSH: Duration = Duration::from_secs(10);
/// Heartbeats kept in all: 120 bytes each, so that invented viewers cost at most some 60 MB.
const MAX_VIEWERS: usize = 500_000;
/// A view counts once a viewer watched that long, as PeerTube has it.
const VIEW_AFTER: Duration = Duration::from_secs(10);
/// Who comes back within this is the same view.
const VIEW_AGAIN: Duration = Duration::from_secs(3600);

/// Places in videos that wait to be written: 100 bytes each.
const MAX_REMEMBERED: usize = 100_000;
/// Fastest that anybody watches; a larger step is a jump that nobody told of.
const MAX_SPEED: f64 = 4.0;
/// What a player's clock and ours may differ by between two heartbeats, in seconds.
const SLACK_S: f64 = 5.0;

/// Tells viewers apart: a random id from the page, or a hash of address and program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ViewerId(pub u64);

/// Where in a video somebody is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// In seconds from its beginning.
    pub position_s: f64,
    /// How long the video is, in milliseconds; 0 when that is not known.
    pub duration_ms: i64,
    /// They came there by a jump.
    pub jumped: bool,
}

#[derive(Debug)]
struct Viewer {
    first: Instant,
    last: Instant,
    counted: bool,
    /// The last slot in which they were counted as present.
    slot: i64,
    position_s: Option<f32>,
    /// A bit for each part of the video that they saw.
    seen: u128,
}

#[derive(Debug, Default)]
struct Watched {
    viewers: HashMap<ViewerId, Viewer>,
    told: u64,
    views: i64,
    /// What is not written yet, by slot. Of the present one `present` and the peak stay: the database takes the maximum.
    slots: BTreeMap<i64, Watch>,
    /// New viewers of each part, not written yet.
    retention: BTreeMap<u32, i64>,
}

impl Watched {
    fn is_unwritten(&self) -> bool {
        let unwritten = |watch: &Watch| watch.started + watch.watch_ms + watch.http_bytes + watch.p2p_bytes > 0;
        self.views > 0 || !self.retention.is_empty() || self.slots.values().any(unwritten)
    }

    /// Takes what is to be written; `slot` is the present one.
    fn take(&mut self, slot: i64) -> Taken {
        let slots = std::mem::take(&mut self.slots);
        if let Some(now) = slots.get(&slot) {
            self.slots.insert(slot, Watch { started: 0, watch_ms: 0, http_bytes: 0, p2p_bytes: 0, ..*now });
        }
        Taken {
            views: std::mem::take(&mut self.views),
            slots: slots.into_iter().collect(),
            retention: std::mem::take(&mut self.retention).into_iter().collect(),
        }
    }

    fn present(&self, now: Instant) -> u64 {
        self.viewers.values().filter(|viewer| now.duration_since(viewer.last) < EXPIRY).count() as u64
    }
}

/// What is to be written of one video.
#[derive(Debug)]
struct Taken {
    views: i64,
    slots: Vec<(i64, Watch)>,
    retention: Vec<(u32, i64)>,
}

#[derive(Debug, Default)]
struct State {
    videos: HashMap<Uuid, Watched>,
    total: usize,
    /// Where users are in videos, not written yet.
    places: HashMap<(UserId, VideoId), (i64, Timestamp)>,
}

/// Counts viewers; cheap to clone.
#[derive(Clone)]
pub struct Viewers {
    state: Arc<Mutex<State>>,
    events: Bus,
    /// One moment by both clocks.
    began: (Instant, Timestamp),
}

impl Viewers {
    /// Nobody yet.
    pub fn new(events: Bus) -> Self {
        Self { state: Arc::default(), events, began: (Instant::now(), Timestamp::now()) }
    }

    /// How many watch `video` now.
    pub fn count(&self, video: Uuid) -> u64 {
        self.lock().videos.get(&video).map_or(0, |watched| watched.present(Instant::now()))
    }

    /// The time of the wall at `now`.
    fn time(&self, now: Instant) -> Timestamp {
        self.began.1.plus(now.saturating_duration_since(self.began.0))
    }

    fn slot(&self, now: Instant) -> i64 {
        self.time(now).as_millis().div_euclid(SLOT_MS)
    }

    /// A viewer says that it watches.
    pub fn beat(&self, video: Uuid, viewer: ViewerId, now: Instant) {
        self.beat_at(video, viewer, None, now);
    }

    /// A viewer says that it watches, and where it is in the video.
    pub fn beat_at(&self, video: Uuid, viewer: ViewerId, place: Option<Place>, now: Instant) {
        let slot = self.slot(now);
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
        let sums = watched.slots.entry(slot).or_default();
        if !known {
            sums.started += 1;
        }
        let fresh = Viewer { first: now, last: now, counted: false, slot: slot - 1, position_s: None, seen: 0 };
        let entry = watched.viewers.entry(viewer).or_insert(fresh);
        let elapsed = now.duration_since(entry.last);
        if elapsed >= EXPIRY {
            // Came back: the time between was not watched.
            entry.first = now;
            entry.position_s = None;
        } else {
            sums.watch_ms += i64::try_from(elapsed.as_millis()).unwrap_or(0);
        }
        entry.last = now;
        if entry.slot != slot {
            entry.slot = slot;
            sums.present += 1;
        }
        if let Some(place) = place {
            for part in entry.see(place, elapsed) {
                *watched.retention.entry(part).or_default() += 1;
            }
        }
        if !entry.counted && now.duration_since(entry.first) >= VIEW_AFTER {
            entry.counted = true;
            watched.views += 1;
        }
    }

    /// A player says what it got since it last said so. Of videos that nobody watches nothing is noted.
    pub fn traffic(&self, video: Uuid, http_bytes: i64, p2p_bytes: i64, now: Instant) {
        let slot = self.slot(now);
        if let Some(watched) = self.lock().videos.get_mut(&video) {
            let sums = watched.slots.entry(slot).or_default();
            sums.http_bytes = sums.http_bytes.saturating_add(http_bytes);
            sums.p2p_bytes = sums.p2p_bytes.saturating_add(p2p_bytes);
        }
    }

    /// Remembers where a user is in a video.
    pub fn remember(&self, user: UserId, video: VideoId, position_s: i64) {
        let mut state = self.lock();
        if state.places.len() < MAX_REMEMBERED || state.places.contains_key(&(user, video)) {
            state.places.insert((user, video), (position_s, Timestamp::now()));
        }
    }

    /// Where a user is in a video, if that is not written yet.
    pub fn position(&self, user: UserId, video: VideoId) -> Option<i64> {
        self.lock().places.get(&(user, video)).map(|(position_s, _)| *position_s)
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

    /// Writes what users watched at once: whoever asks for it, or takes it away, means all of it.
    pub(super) async fn settle(&self, app: &App) -> store::Result<()> {
        let places: Vec<_> = self.lock().places.drain().collect();
        if places.is_empty() {
            return Ok(());
        }
        let mut tx = app.store.write().await?;
        for ((user, video), (position_s, at)) in places {
            tx.history().note(user, video, position_s, at).await?;
        }
        tx.commit().await
    }

    /// Forgets who is gone; returns the videos whose number changed since they were last told.
    fn sweep(&self, now: Instant) -> Vec<(Uuid, u64)> {
        let (slot, time) = (self.slot(now), self.time(now).as_millis());
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
            let most = i64::try_from(present).unwrap_or(i64::MAX);
            if most > 0 {
                let sums = watched.slots.entry(slot).or_default();
                if most > sums.peak {
                    (sums.peak, sums.peak_at) = (most, time);
                }
            }
            total += watched.viewers.len();
            !watched.viewers.is_empty() || watched.is_unwritten()
        });
        state.total = total;
        changed
    }

    async fn flush(&self, app: &App) {
        let slot = self.slot(Instant::now());
        let taken: Vec<_> = self
            .lock()
            .videos
            .iter_mut()
            .filter(|(_, watched)| !watched.slots.is_empty() || watched.is_unwritten())
            .map(|(video, watched)| (*video, watched.take(slot)))
            .collect();
        let written = async {
            self.settle(app).await?;
            if taken.is_empty() {
                return Ok(());
            }
            let mut tx = app.store.write().await?;
            for (video, taken) in &taken {
                if taken.views > 0 {
                    tx.videos().add_views(*video, taken.views, Timestamp::now()).await?;
                }
                for (index, (slot, watch)) in taken.slots.iter().enumerate() {
                    let retention = if index == 0 { taken.retention.as_slice() } else { &[] };
                    tx.stats().add(*video, Timestamp::from_millis(slot * SLOT_MS), watch, retention).await?;
                }
            }
            tx.commit().await
        };
        if let Err(error) = written.await {
            tracing::warn!(%error, videos = taken.len(), "viewers.flush");
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing between two statements leaves the maps inconsistent: a poisoned lock is usable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Viewer {
    /// Notes where it is, `elapsed` after it last said so; the parts of the video that it sees for the first time.
    fn see(&mut self, place: Place, elapsed: Duration) -> Vec<u32> {
        let before = self.position_s.replace(place.position_s as f32).map(f64::from);
        if place.duration_ms <= 0 {
            return Vec::new();
        }
        let part_of = |position_s: f64| {
            let part = position_s * 1000.0 / place.duration_ms as f64 * f64::from(RETENTION_BUCKETS);
            // A position is finite and not negative.
            (part as u32).min(RETENTION_BUCKETS - 1)
        };
        let most = elapsed.as_secs_f64() * MAX_SPEED + SLACK_S;
        let first = match before {
            Some(before) if !place.jumped && (0.0..=most).contains(&(place.position_s - before)) => part_of(before),
            _ => part_of(place.position_s),
        };
        let mut new = Vec::new();
        for part in first..=part_of(place.position_s) {
            if self.seen & (1 << part) == 0 {
                self.seen |= 1 << part;
                new.push(part);
            }
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watching_is_summed() {
        let viewers = Viewers::new(Bus::new());
        let (video, one, two) = (Uuid::from_u128(1), ViewerId(1), ViewerId(2));
        let at = |position_s: f64, jumped: bool| Some(Place { position_s, duration_ms: 100_000, jumped });
        // On a slot's boundary, so that the whole test lies in one.
        let began = viewers.began.1.as_millis();
        let start = viewers.began.0 + Duration::from_millis((SLOT_MS - began.rem_euclid(SLOT_MS)) as u64);
        let later = |seconds: u64| start + Duration::from_secs(seconds);
        viewers.beat_at(video, one, at(0.0, false), start);
        viewers.beat_at(video, one, at(5.0, false), later(5));
        viewers.beat_at(video, one, at(50.0, true), later(10));
        viewers.beat_at(video, two, at(0.0, false), later(10));
        viewers.sweep(later(10));
        viewers.traffic(video, 1000, 500, later(10));
        viewers.traffic(Uuid::nil(), 1000, 500, later(10));
        let slot = viewers.slot(start);
        let taken = viewers.lock().videos.get_mut(&video).expect("watched").take(slot);
        let [(known, watch)] = taken.slots[..] else { panic!("one slot: {:?}", taken.slots) };
        assert_eq!(known, slot);
        assert_eq!((watch.started, watch.present, watch.peak, watch.watch_ms), (2, 2, 2, 10_000));
        assert_eq!((watch.http_bytes, watch.p2p_bytes), (1000, 500));
        // Seconds 0 to 5 and 50 by one, 0 by both.
        assert_eq!(taken.retention, [(0, 2), (1, 1), (2, 1), (3, 1), (4, 1), (5, 1), (50, 1)]);
        assert!(!viewers.lock().videos.contains_key(&Uuid::nil()));
        // What was written is not written again, but presence stays a maximum of its slot.
        viewers.beat_at(video, one, at(51.0, false), later(11));
        let taken = viewers.lock().videos.get_mut(&video).expect("watched").take(slot);
        assert_eq!((taken.slots[0].1.started, taken.slots[0].1.present, taken.slots[0].1.watch_ms), (0, 2, 1000));
        assert_eq!(taken.retention, [(51, 1)]);
        viewers.beat_at(video, one, at(52.0, false), start + Duration::from_millis(SLOT_MS as u64));
        let taken = viewers.lock().videos.get_mut(&video).expect("watched").take(slot + 1);
        assert_eq!(taken.slots.last().map(|(slot, watch)| (*slot, watch.present, watch.started)), Some((slot + 1, 1, 0)));
    }

    #[test]
    fn the_last_place_counts() {
        let viewers = Viewers::new(Bus::new());
        assert_eq!(viewers.position(UserId(1), VideoId(2)), None);
        viewers.remember(UserId(1), VideoId(2), 10);
        viewers.remember(UserId(1), VideoId(2), 20);
        assert_eq!(viewers.position(UserId(1), VideoId(2)), Some(20));
    }

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
        let slot = viewers.slot(now);
        let taken = viewers.lock().videos.get_mut(&Uuid::nil()).expect("its sums are not written yet").take(slot);
        assert_eq!(taken.slots.iter().map(|(_, watch)| watch.started).sum::<i64>(), MAX_VIEWERS as i64);
        viewers.sweep(now + EXPIRY);
        assert!(viewers.lock().videos.is_empty());
    }
}
