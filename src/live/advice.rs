//! What a streamer should change, in words.

use super::status::{Advice, Status};

/// Keyframes further apart than this make joining slow.
const KEYFRAME_INTERVAL_MAX_MS: u64 = 4_200;
/// Above this many frames of reordering, B-frames cost noticeable delay.
const B_FRAMES_MAX: u32 = 3;
/// More bits than many viewers' links carry.
const BITRATE_HIGH_BPS: u64 = 8_000_000;

/// Advice from the numbers in `status`, most important first.
pub fn advise(status: &Status) -> Vec<Advice> {
    let mut advice = Vec::new();
    let mut say = |code: &str, text: String| advice.push(Advice { code: code.into(), text });
    if status.recording_stopped {
        say(
            "recording_stopped",
            "The server is short of disk space: the live goes on, but recording has stopped and the replay will end there. \
             Tell the administrator."
                .into(),
        );
    }
    if status.dropped_groups > 0 {
        say("server_overloaded", "The server cannot keep up and dropped pictures. Lower the bitrate or the frame rate.".into());
    }
    if status.holes > 0 {
        say(
            "frames_missing",
            format!(
                "Pictures were missing {} times while the sound went on: your upload is too slow for this bitrate. \
                 In OBS, Settings → Output, lower the bitrate; a cable is better than Wi-Fi.",
                status.holes
            ),
        );
    }
    if let Some(interval) = status.keyframe_interval_ms.filter(|ms| *ms > KEYFRAME_INTERVAL_MAX_MS) {
        say(
            "keyframe_interval_long",
            format!(
                "Keyframes come every {:.1} s. In OBS, Settings → Output → Streaming, set \"Keyframe Interval\" to 2 s: \
                 viewers then join faster.",
                interval as f64 / 1000.0
            ),
        );
    }
    if status.b_frames.is_some_and(|frames| frames > B_FRAMES_MAX) {
        say("b_frames_many", "Many B-frames add delay. Use 2 or fewer, or the tune \"zerolatency\".".into());
    }
    if let Some(bitrate) = status.bitrate_bps.filter(|bps| *bps > BITRATE_HIGH_BPS) {
        say("bitrate_high", format!("{} kbit/s is more than many viewers can receive; 2500 to 6000 is usual.", bitrate / 1000));
    }
    if status.codecs.as_deref().is_some_and(|codecs| codecs.contains("hvc1") || codecs.contains("hev1")) {
        say("codec_support", "Not every browser plays H.265 (HEVC). H.264 plays everywhere.".into());
    }
    advice
}

#[cfg(test)]
mod tests {
    use super::super::status::State;
    use super::*;

    fn status() -> Status {
        Status {
            state: State::Live,
            bitrate_bps: Some(2_500_000),
            fps: Some(30.0),
            keyframe_interval_ms: Some(2000),
            b_frames: Some(2),
            width: Some(1280),
            height: Some(720),
            codecs: Some("avc1.64001f,mp4a.40.2".into()),
            ..Status::waiting(crate::domain::Timestamp::now())
        }
    }

    fn codes(status: &Status) -> Vec<String> {
        advise(status).into_iter().map(|advice| advice.code).collect()
    }

    #[test]
    fn a_healthy_stream_needs_no_advice() {
        assert!(codes(&status()).is_empty());
    }

    #[test]
    fn each_fault_has_its_words() {
        let mut faulty = status();
        faulty.recording_stopped = true;
        faulty.dropped_groups = 1;
        faulty.holes = 2;
        faulty.keyframe_interval_ms = Some(8_333);
        faulty.b_frames = Some(5);
        faulty.bitrate_bps = Some(12_000_000);
        faulty.codecs = Some("hvc1.1.6.L93.B0".into());
        assert_eq!(
            codes(&faulty),
            [
                "recording_stopped",
                "server_overloaded",
                "frames_missing",
                "keyframe_interval_long",
                "b_frames_many",
                "bitrate_high",
                "codec_support"
            ]
        );
    }
}
