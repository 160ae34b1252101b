//! What the clients of one run share.

use crate::Expect;
use crate::history::Seen;
use crate::playlist::Media;
use crate::presentation::Presentation;
use crate::report::{Ledger, Report};
use crate::rule::RuleId;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How often this process looks whether it is being starved.
const HEARTBEAT: Duration = Duration::from_millis(10);
/// Overshoots of a heartbeat below this are noise.
const NOTABLE: Duration = Duration::from_millis(20);
/// How long after being starved this process is excused.
const EXCUSED_FOR: Duration = Duration::from_secs(2);

pub(crate) struct Board {
    pub expect: Expect,
    pub master_url: String,
    pub began: Instant,
    ledger: Mutex<Ledger>,
    presentation: Mutex<Presentation>,
    /// Bumped whenever a rendition's playlist advances.
    changed: Vec<watch::Sender<u64>>,
    lag: Mutex<(Duration, Instant)>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere fails the run by itself; what was found stays worth reporting.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Board {
    pub(crate) fn new(expect: Expect, master_url: String, playlists: Vec<String>, stop_at: Option<RuleId>) -> Self {
        let began = Instant::now();
        Self {
            expect,
            master_url,
            began,
            ledger: Mutex::new(Ledger::new(began, stop_at)),
            changed: playlists.iter().map(|_| watch::channel(0).0).collect(),
            presentation: Mutex::new(Presentation::new(playlists)),
            lag: Mutex::new((Duration::ZERO, began)),
        }
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }

    /// Records a broken rule.
    pub(crate) fn broken(&self, rule: RuleId, url: &str, detail: impl Into<String>) {
        self.ledger().broken(rule, url, detail);
    }

    /// Counts something that was done.
    pub(crate) fn count(&self, name: &'static str) {
        self.ledger().count(name);
    }

    /// Works on the presentation and the ledger, always locked in this order.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Presentation, &mut Ledger) -> T) -> T {
        let mut presentation = lock(&self.presentation);
        let mut ledger = lock(&self.ledger);
        work(&mut presentation, &mut ledger)
    }

    /// Hands a whole playlist in.
    pub(crate) fn handle_playlist(&self, index: usize, seen: &Seen) {
        self.with(|presentation, ledger| {
            ledger.count("playlists");
            presentation.handle_playlist(index, seen, &self.expect, ledger);
        });
        self.changed[index].send_modify(|version| *version += 1);
    }

    pub(crate) fn renditions(&self) -> usize {
        self.changed.len()
    }

    pub(crate) fn subscribe(&self, index: usize) -> watch::Receiver<u64> {
        self.changed[index].subscribe()
    }

    pub(crate) fn url(&self, index: usize) -> String {
        lock(&self.presentation).renditions[index].url.clone()
    }

    /// The newest whole playlist of a rendition.
    pub(crate) fn latest(&self, index: usize) -> Option<Arc<Media>> {
        lock(&self.presentation).renditions[index].history.latest().cloned()
    }

    pub(crate) fn has_ended(&self, index: usize) -> bool {
        lock(&self.presentation).renditions[index].history.has_ended()
    }

    /// The target duration, once known; until then a bound for waits.
    pub(crate) fn target_duration(&self) -> Duration {
        let presentation = lock(&self.presentation);
        let fixed = presentation.renditions.iter().find_map(|r| r.history.fixed());
        Duration::from_secs(fixed.map_or(10, |(target, ..)| target))
    }

    /// How late this process itself has been lately.
    pub(crate) fn excused(&self) -> Duration {
        let (lag, at) = *lock(&self.lag);
        if at.elapsed() < EXCUSED_FOR { lag } else { Duration::ZERO }
    }

    /// Watches over the own punctuality, for ever.
    pub(crate) async fn beat(&self) {
        loop {
            let before = Instant::now();
            tokio::time::sleep(HEARTBEAT).await;
            let overshoot = before.elapsed().saturating_sub(HEARTBEAT);
            if overshoot > NOTABLE {
                let mut lag = lock(&self.lag);
                if overshoot > lag.0 || lag.1.elapsed() > EXCUSED_FOR {
                    *lag = (overshoot, Instant::now());
                }
            }
        }
    }

    pub(crate) fn report(&self) -> Report {
        self.ledger().report(self.began.elapsed())
    }
}
