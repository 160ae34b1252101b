//! Lets time pass for a tracker.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::tracker::Tracker;

/// How often it is looked what is due: repairs happen at once, only the rest waits for it.
const TICK: Duration = Duration::from_millis(100);

/// Seconds since 1970, as tokens count.
pub fn unix_now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs())
}

/// Does what becomes due in the swarms of `tracker` until the future is dropped.
pub async fn run(tracker: Tracker) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        tracker.handle_timeout(Instant::now(), unix_now_s());
    }
}
