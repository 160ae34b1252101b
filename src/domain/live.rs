use std::fmt;

use rand::Rng as _;

use super::{Privacy, SessionId, Timestamp, VideoId};

/// How far behind life viewers may be; PeerTube's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LatencyMode {
    /// 1: 1.2 s over HTTP, 2 s in a swarm.
    Default,
    /// 2: 4 s.
    High,
    /// 3: 1.2 s.
    Small,
}

impl LatencyMode {
    /// The number in the database and the API.
    pub fn code(self) -> i64 {
        match self {
            Self::Default => 1,
            Self::High => 2,
            Self::Small => 3,
        }
    }

    /// From the number.
    pub fn from_code(code: i64) -> Option<Self> {
        match code {
            1 => Some(Self::Default),
            2 => Some(Self::High),
            3 => Some(Self::Small),
            _ => None,
        }
    }
}

/// The secret that lets an encoder publish. Its `Debug` shows nothing, so that it cannot reach a log.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct StreamKey(String);

impl StreamKey {
    /// A new one: 128 random bits, written as PeerTube does (a UUID).
    pub fn random() -> Self {
        Self(uuid::Builder::from_random_bytes(rand::rng().random()).into_uuid().to_string())
    }

    /// A key as somebody sent it, or as the database kept it.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for StreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamKey(..)")
    }
}

/// The live side of a video.
#[derive(Clone, Debug)]
pub struct Live {
    /// Whose.
    pub video_id: VideoId,
    /// The address survives a session; each makes its own replay.
    pub permanent: bool,
    /// Keep what was broadcast.
    pub save_replay: bool,
    /// Who may see the replay.
    pub replay_privacy: Privacy,
    /// How far behind life.
    pub latency_mode: LatencyMode,
    /// The publisher's secret.
    pub stream_key: StreamKey,
    /// Longest distance between keyframes seen in the last session; the segmenter's first guess
    /// of the target duration when the encoder does not say.
    pub longest_keyframe_interval_ms: Option<i64>,
}

impl Live {
    /// With a key of its own: for one broadcast, which is not kept.
    pub fn new(video_id: VideoId) -> Self {
        Self {
            video_id,
            permanent: false,
            save_replay: false,
            replay_privacy: Privacy::Public,
            latency_mode: LatencyMode::Default,
            stream_key: StreamKey::random(),
            longest_keyframe_interval_ms: None,
        }
    }
}

/// Why a session ended before its time; PeerTube's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LiveError {
    /// 1: the publisher's connection was not read fast enough.
    BadSocketHealth,
    /// 2: longer than allowed.
    DurationExceeded,
    /// 3: no space left for this user.
    QuotaExceeded,
    /// 4: the media could not be processed.
    Processing,
    /// 5: taken down by a moderator.
    Blacklisted,
    /// 9: nothing that browsers play.
    InvalidInput,
}

impl LiveError {
    /// The number in the database and the API.
    pub fn code(self) -> i64 {
        match self {
            Self::BadSocketHealth => 1,
            Self::DurationExceeded => 2,
            Self::QuotaExceeded => 3,
            Self::Processing => 4,
            Self::Blacklisted => 5,
            Self::InvalidInput => 9,
        }
    }
}

/// One broadcast of a live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveSession {
    /// The row.
    pub id: SessionId,
    /// Of which live.
    pub video_id: VideoId,
    /// When the publisher came.
    pub started_at: Timestamp,
    /// When it ended; `None` while it runs (or ran when the server died).
    pub ended_at: Option<Timestamp>,
    /// PeerTube's number of what went wrong.
    pub error: Option<i64>,
    /// Whether it was to be kept.
    pub save_replay: bool,
    /// The replay is there, or there will be none.
    pub ending_processed: bool,
    /// The video that holds its recording.
    pub replay_video_id: Option<VideoId>,
    /// What the live room needs to go on after a restart; opaque here.
    pub resume: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_key_never_shows_in_debug() {
        let key = StreamKey::random();
        assert!(!format!("{key:?}").contains(key.expose()));
        assert_ne!(key, StreamKey::random());
    }
}
