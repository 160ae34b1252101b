//! What the outside may know of a running broadcast.

use serde::Serialize;
use utoipa::ToSchema;

/// Where a live stands, as pages show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Nobody publishes; nothing to play.
    Waiting,
    /// Media is coming in.
    Live,
    /// The publisher is gone and may come back within its grace.
    Interrupted,
    /// It is over.
    Ended,
}

/// A broadcast at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Status {
    /// Where it stands.
    pub state: State,
    /// When the broadcast began, in ms since the Unix epoch.
    pub started_at: Option<i64>,
    /// While interrupted: when it will end if nobody publishes, in ms since the Unix epoch.
    pub grace_ends_at: Option<i64>,
    /// Whether what comes in is kept for the replay at this moment.
    pub recording: bool,
    /// The stream as it arrives; only for the owner and moderators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
}

/// The incoming stream in numbers, with advice.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Health {
    /// What the encoder calls itself.
    pub encoder: Option<String>,
    /// RFC 6381 codecs, comma separated.
    pub codecs: String,
    /// Picture width in pixels; 0 without video.
    pub width: u32,
    /// Picture height in pixels; 0 without video.
    pub height: u32,
    /// Frames per second over the last seconds; 0 without video.
    pub frame_rate: f64,
    /// Bits per second of audio and video over the last seconds, in kbit/s.
    pub bitrate_kbps: u64,
    /// Time between keyframes, in seconds; 0 if unknown or without video.
    pub keyframe_interval_s: f64,
    /// Frames by which decoding order runs ahead of presentation; 0 without B-frames.
    pub b_frames: u32,
    /// Frames that the encoder left out (holes in the video while the sound went on).
    pub holes: u64,
    /// Groups of frames that the server had to drop because it could not keep up.
    pub dropped_groups: u64,
    /// Times the publisher was lost and came back in this broadcast.
    pub reconnects: u64,
    /// What to change, most important first.
    pub advice: Vec<Advice>,
}

/// One piece of advice for the streamer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Advice {
    /// Stable identifier, for translations.
    pub code: &'static str,
    /// In words.
    pub text: String,
}

/// Keyframes further apart than this make joining slow.
const KEYFRAME_INTERVAL_MAX_S: f64 = 4.2;
/// Above this many frames of reordering, B-frames cost noticeable delay.
const B_FRAMES_MAX: u32 = 3;
/// More bits than most viewers' links carry.
const BITRATE_HIGH_KBPS: u64 = 8_000;

impl Health {
    /// Fills `advice` from the numbers.
    pub fn advise(&mut self, recording_stopped: bool) {
        let mut advice = Vec::new();
        if recording_stopped {
            advice.push(Advice {
                code: "recording-stopped",
                text: "The server is short of disk space: the live goes on, but recording has stopped and the replay will end here. \
                       Tell the administrator."
                    .into(),
            });
        }
        if self.dropped_groups > 0 {
            advice.push(Advice {
                code: "server-overloaded",
                text: "The server cannot keep up and dropped pictures. Lower the bitrate or the frame rate.".into(),
            });
        }
        if self.holes > 0 {
            advice.push(Advice {
                code: "frames-missing",
                text: format!(
                    "{} times pictures were missing while the sound went on: your upload is too slow for this bitrate. \
                     In OBS, Settings → Output, lower the bitrate, or use a cable instead of Wi-Fi.",
                    self.holes
                ),
            });
        }
        if self.width > 0 && self.keyframe_interval_s > KEYFRAME_INTERVAL_MAX_S {
            advice.push(Advice {
                code: "keyframe-interval",
                text: format!(
                    "Keyframes come every {:.1} s. In OBS, Settings → Output → Streaming, set \"Keyframe Interval\" to 2 s: \
                     viewers then join faster.",
                    self.keyframe_interval_s
                ),
            });
        }
        if self.b_frames > B_FRAMES_MAX {
            advice.push(Advice {
                code: "b-frames",
                text: "Many B-frames add delay. Set \"B-frames\" to 2 or less, or choose the tune \"zerolatency\".".into(),
            });
        }
        if self.bitrate_kbps > BITRATE_HIGH_KBPS {
            advice.push(Advice {
                code: "bitrate-high",
                text: format!("{} kbit/s is more than many viewers can receive; 2500 to 6000 is usual.", self.bitrate_kbps),
            });
        }
        if self.codecs.contains("hvc1") || self.codecs.contains("hev1") {
            advice.push(Advice {
                code: "codec-support",
                text: "Not every browser plays H.265 (HEVC). H.264 plays everywhere.".into(),
            });
        }
        self.advice = advice;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(mut health: Health, recording_stopped: bool) -> Vec<&'static str> {
        health.advise(recording_stopped);
        health.advice.into_iter().map(|a| a.code).collect()
    }

    #[test]
    fn a_healthy_stream_needs_no_advice() {
        let health = Health { width: 1280, keyframe_interval_s: 2.0, b_frames: 2, bitrate_kbps: 2500, ..Health::default() };
        assert!(codes(health, false).is_empty());
    }

    #[test]
    fn each_fault_has_its_words() {
        let health = Health {
            width: 1280,
            keyframe_interval_s: 8.33,
            b_frames: 5,
            bitrate_kbps: 12_000,
            holes: 2,
            dropped_groups: 1,
            codecs: "hvc1.1.6.L93.B0".into(),
            ..Health::default()
        };
        assert_eq!(
            codes(health, true),
            ["recording-stopped", "server-overloaded", "frames-missing", "keyframe-interval", "b-frames", "bitrate-high", "codec-support"]
        );
    }
}
