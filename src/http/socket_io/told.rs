//! What PeerTube's clients are to be told of a live. At `state-change` 1 they load the video anew, so it is said once for each
//! broadcast, and not when a publisher comes back.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::domain::VideoState;

/// Players go on with what they have for so long after a broadcast's end, as at PeerTube.
const STALE_PLAYERS: Duration = Duration::from_secs(300);

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// `state-change`
    State(VideoState),
    /// `force-end`: another broadcast of the same live begins, give the last one up.
    ForceEnd,
}

/// What was last said: of lives on the air, and for a while of those that were.
#[derive(Debug, Default)]
pub(super) struct Told(HashMap<Uuid, Last>);

#[derive(Debug)]
enum Last {
    OnAir,
    Over(Instant),
}

impl Told {
    /// What is to be said now that this video is in this state.
    pub(super) fn changes(&mut self, video: Uuid, state: VideoState, now: Instant) -> Vec<Said> {
        self.0.retain(|_, last| match last {
            Last::OnAir => true,
            Last::Over(at) => now.saturating_duration_since(*at) < STALE_PLAYERS,
        });
        if state != VideoState::Published {
            self.0.insert(video, Last::Over(now));
            return vec![Said::State(state)];
        }
        match self.0.insert(video, Last::OnAir) {
            Some(Last::OnAir) => Vec::new(),
            Some(Last::Over(_)) => vec![Said::ForceEnd, Said::State(state)],
            None => vec![Said::State(state)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::VideoState::{LiveEnded, Published, WaitingForLive};

    #[test]
    fn a_broadcast_begins_once() {
        let (mut told, video, now) = (Told::default(), Uuid::from_u128(1), Instant::now());
        assert_eq!(told.changes(video, Published, now), [Said::State(Published)]);
        assert!(told.changes(video, Published, now).is_empty(), "its publisher went, or came back");
        assert_eq!(told.changes(Uuid::from_u128(2), Published, now), [Said::State(Published)], "another one's");
        assert_eq!(told.changes(video, LiveEnded, now), [Said::State(LiveEnded)]);
    }

    #[test]
    fn players_of_the_last_broadcast_are_stopped() {
        let (mut told, video, now) = (Told::default(), Uuid::from_u128(1), Instant::now());
        told.changes(video, Published, now);
        assert_eq!(told.changes(video, WaitingForLive, now), [Said::State(WaitingForLive)]);
        assert_eq!(told.changes(video, Published, now), [Said::ForceEnd, Said::State(Published)]);
        told.changes(video, WaitingForLive, now);
        let later = now + STALE_PLAYERS;
        assert_eq!(told.changes(video, Published, later), [Said::State(Published)], "nobody plays the last one any more");
    }

    #[test]
    fn what_is_over_is_forgotten() {
        let (mut told, now) = (Told::default(), Instant::now());
        for number in 0..100 {
            told.changes(Uuid::from_u128(number), LiveEnded, now);
        }
        told.changes(Uuid::from_u128(100), Published, now + STALE_PLAYERS);
        assert_eq!(told.0.len(), 1);
    }
}
