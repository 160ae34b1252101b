//! Events on their way from a connection's task to the publish's reader, bounded.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use media::Kind;
use tokio::sync::Notify;

use crate::event::{End, Event, Rejection};

struct Inner {
    events: VecDeque<Event>,
    bytes: usize,
    /// Everything up to the next keyframe is being dropped.
    skipping: bool,
    has_video: bool,
    close: Option<Rejection>,
}

struct Shared {
    inner: Mutex<Inner>,
    ready: Notify,
    closing: Notify,
    dropped_groups: AtomicU64,
    began: Instant,
    last_media_ms: AtomicU64,
    max_bytes: usize,
    max_events: usize,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here panics half-way.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn last_media(&self) -> Instant {
        self.began + Duration::from_millis(self.last_media_ms.load(Ordering::Relaxed))
    }
}

/// A queue of at most so many bytes of units and so many events; the reader holds at most as much again.
pub(super) fn channel(max_bytes: usize, max_events: usize) -> (Writer, UnitReader) {
    let shared = Arc::new(Shared {
        inner: Mutex::new(Inner { events: VecDeque::new(), bytes: 0, skipping: false, has_video: false, close: None }),
        ready: Notify::new(),
        closing: Notify::new(),
        dropped_groups: AtomicU64::new(0),
        began: Instant::now(),
        last_media_ms: AtomicU64::new(0),
        max_bytes,
        max_events,
    });
    let reader = UnitReader { shared: shared.clone(), taken: VecDeque::new(), end: None };
    (Writer { shared, ended: false }, reader)
}

/// The connection's end.
pub(super) struct Writer {
    shared: Arc<Shared>,
    ended: bool,
}

impl Writer {
    /// Hands over `events` with one wake-up; when the reader lags behind, whole groups are dropped, oldest first.
    pub fn push(&mut self, events: &mut Vec<Event>) {
        if events.is_empty() {
            return;
        }
        let mut inner = self.shared.lock();
        for event in events.drain(..) {
            match &event {
                Event::Unit(unit) => {
                    let ms = unit.arrival.saturating_duration_since(self.shared.began).as_millis();
                    self.shared.last_media_ms.store(u64::try_from(ms).unwrap_or(u64::MAX), Ordering::Relaxed);
                    if inner.skipping {
                        if !(unit.kind == Kind::Video && unit.keyframe) {
                            continue;
                        }
                        inner.skipping = false;
                    }
                    inner.bytes += unit.data.len();
                }
                Event::Tracks(tracks) => {
                    inner.has_video = tracks.video.is_some();
                    inner.skipping &= inner.has_video;
                }
                Event::Metadata(_) => {}
                Event::End(_) => self.ended = true,
            }
            inner.events.push_back(event);
            while inner.bytes > self.shared.max_bytes || inner.events.len() > self.shared.max_events {
                let groups = inner.drop_oldest();
                self.shared.dropped_groups.fetch_add(groups, Ordering::Relaxed);
                if groups == 0 {
                    break;
                }
            }
        }
        drop(inner);
        self.shared.ready.notify_one();
    }

    /// Waits until the reader wants the publish to end.
    pub async fn closing(&self) -> Rejection {
        loop {
            if let Some(rejection) = self.shared.lock().close.clone() {
                return rejection;
            }
            self.shared.closing.notified().await;
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.ended {
            self.push(&mut vec![Event::End(End::Lost("the connection is gone".into()))]);
        }
    }
}

impl Inner {
    /// Drops the oldest units up to the next keyframe, and of what else lies before it all but the last of each kind.
    /// Gives the number of groups dropped.
    fn drop_oldest(&mut self) -> u64 {
        let first = self.events.iter().position(|event| matches!(event, Event::Unit(_)));
        let cut = match first {
            None => self.events.len(),
            Some(first) if self.has_video => {
                let is_key = |event: &Event| matches!(event, Event::Unit(u) if u.kind == Kind::Video && u.keyframe);
                let next = self.events.iter().skip(first + 1).position(is_key);
                self.skipping = next.is_none();
                next.map_or(self.events.len(), |next| first + 1 + next)
            }
            // Sound alone: every unit is a group; half of them, so as not to be back here at once.
            Some(first) => first + (self.events.len() - first).div_ceil(2),
        };
        let (mut metadata, mut tracks, mut end) = (None, None, None);
        for event in self.events.drain(..cut) {
            match event {
                Event::Unit(unit) => self.bytes -= unit.data.len(),
                Event::Metadata(_) => metadata = Some(event),
                Event::Tracks(_) => tracks = Some(event),
                Event::End(_) => end = Some(event),
            }
        }
        for event in [end, tracks, metadata].into_iter().flatten() {
            self.events.push_front(event);
        }
        u64::from(first.is_some())
    }
}

/// The events of an accepted publish. Dropping it ends the publish.
pub struct UnitReader {
    shared: Arc<Shared>,
    taken: VecDeque<Event>,
    end: Option<End>,
}

impl UnitReader {
    /// The next event; [`Event::End`] is the last and comes again whenever asked for. Cancel-safe.
    pub async fn next(&mut self) -> Event {
        loop {
            if let Some(event) = self.try_next() {
                return event;
            }
            self.shared.ready.notified().await;
        }
    }

    /// The next event if it is there already.
    pub fn try_next(&mut self) -> Option<Event> {
        if self.taken.is_empty() {
            if let Some(end) = &self.end {
                return Some(Event::End(end.clone()));
            }
            let mut inner = self.shared.lock();
            // All at once: one lock for many events.
            std::mem::swap(&mut inner.events, &mut self.taken);
            inner.bytes = 0;
        }
        let event = self.taken.pop_front();
        if let Some(Event::End(end)) = &event {
            self.end = Some(end.clone());
        }
        event
    }

    /// Ends the publish from this side: the encoder is told why, and [`Event::End`] follows. The first reason counts.
    pub fn close(&self, rejection: Rejection) {
        self.shared.lock().close.get_or_insert(rejection);
        self.shared.closing.notify_one();
    }

    /// When the last unit arrived; before the first, when the publish was asked for.
    pub fn last_media(&self) -> Instant {
        self.shared.last_media()
    }

    /// A handle for others that want to know whether the publisher is alive.
    pub fn liveness(&self) -> Liveness {
        Liveness(self.shared.clone())
    }

    /// Groups dropped because this reader lagged behind.
    pub fn dropped_groups(&self) -> u64 {
        self.shared.dropped_groups.load(Ordering::Relaxed)
    }
}

impl Drop for UnitReader {
    fn drop(&mut self) {
        self.close(Rejection::ShuttingDown);
    }
}

/// Tells how long ago a publisher's last unit arrived.
#[derive(Clone)]
pub struct Liveness(Arc<Shared>);

impl Liveness {
    /// When the last unit arrived; before the first, when the publish was asked for.
    pub fn last_media(&self) -> Instant {
        self.0.last_media()
    }
}

#[cfg(test)]
mod tests;
