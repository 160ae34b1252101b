//! What becomes of files that people upload.

use serde::{Deserialize, Serialize};

use super::{Error, Rendition};

/// What becomes of files that people upload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Transcoding {
    /// Encode at all. Without it only files are taken that browsers play as they are.
    pub enabled: bool,
    /// Files worked on at once.
    pub concurrency: u32,
    /// Threads of each encoder; 0: as many as the machine is worth.
    pub threads: u32,
    /// Priority of the work, 0 to 19; lives have 0 and go before it.
    pub niceness: i32,
    /// Most memory of the process that works on a file, in MiB; 0: unbounded.
    pub memory_mb: u64,
    /// Work waits while the disk has less than this free.
    pub min_free_disk_bytes: u64,
    /// Longer files are refused, in seconds.
    pub max_duration_s: u64,
    /// Faster files lose every second (third...) frame.
    pub max_frame_rate: u32,
    /// Sound, in 1000 bits per second.
    pub audio_bitrate_kbps: u32,
    /// Make a rendition in the file's own size too, where that is no rung of the ladder.
    pub keep_resolution: bool,
    /// Use the file's own frames for the highest rendition where players can.
    pub passthrough: bool,
    /// Use encoders in hardware, where there are any.
    pub hardware: bool,
    /// Make a rendition of sound alone.
    pub audio_only: bool,
    /// Make a plain MP4 of each rendition, for download.
    pub mp4: bool,
    /// Keep what was uploaded.
    pub keep_original: bool,
    /// Renditions; a bitrate of 0 follows the picture's size.
    pub ladder: Vec<Rendition>,
}

impl Default for Transcoding {
    fn default() -> Self {
        Self {
            enabled: true,
            concurrency: 1,
            threads: 0,
            niceness: 15,
            memory_mb: 4096,
            min_free_disk_bytes: 1 << 30,
            max_duration_s: 12 * 3600,
            max_frame_rate: 60,
            audio_bitrate_kbps: 128,
            keep_resolution: true,
            passthrough: true,
            hardware: true,
            audio_only: false,
            mp4: true,
            keep_original: false,
            ladder: [1080, 720, 360].map(|height| Rendition { height, bitrate_kbps: 0 }).to_vec(),
        }
    }
}

impl Transcoding {
    pub(super) fn check(&self) -> Result<(), Error> {
        let invalid = |key: &'static str, reason: &str| Err(Error::Invalid { key, reason: reason.to_owned() });
        if !(1..=32).contains(&self.concurrency) {
            return invalid("transcoding.concurrency", "must lie between 1 and 32");
        }
        if self.threads > 256 {
            return invalid("transcoding.threads", "must not exceed 256");
        }
        if !(0..=19).contains(&self.niceness) {
            return invalid("transcoding.niceness", "must lie between 0 and 19");
        }
        if self.max_duration_s == 0 || self.max_duration_s > 7 * 86_400 {
            return invalid("transcoding.max_duration_s", "must lie between 1 and a week (604800)");
        }
        if !(1..=300).contains(&self.max_frame_rate) {
            return invalid("transcoding.max_frame_rate", "must lie between 1 and 300");
        }
        if !(6..=512).contains(&self.audio_bitrate_kbps) {
            return invalid("transcoding.audio_bitrate_kbps", "must lie between 6 and 512");
        }
        if self.ladder.len() > 8 {
            return invalid("transcoding.ladder", "has at most 8 renditions");
        }
        let fits = |rung: &Rendition| {
            (90..=4320).contains(&rung.height) && (rung.bitrate_kbps == 0 || (50..=100_000).contains(&rung.bitrate_kbps))
        };
        if !self.ladder.iter().all(fits) {
            return invalid("transcoding.ladder", "needs a height of 90 to 4320 and a bitrate_kbps of 50 to 100000, or 0");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    fn parse(text: &str) -> Result<Config, Error> {
        Config::parse(text, Path::new("shoal.toml"), |_| None)
    }

    #[test]
    fn ladders_are_read_and_bounded() {
        let config = parse("[transcoding]\naudio_only = true\nladder = [{ height = 480, bitrate_kbps = 0 }]").expect("good");
        assert_eq!(config.transcoding.ladder, [Rendition { height: 480, bitrate_kbps: 0 }]);
        assert!(config.transcoding.audio_only && config.transcoding.passthrough);
        assert_eq!(parse(&config.to_toml()).expect("own output"), config);
        for bad in [
            "concurrency = 0",
            "niceness = -5",
            "max_duration_s = 0",
            "max_frame_rate = 0",
            "ladder = [{ height = 10, bitrate_kbps = 0 }]",
            "ladder = [{ height = 480, bitrate_kbps = 1 }]",
            "heights = [480]",
        ] {
            assert!(parse(&format!("[transcoding]\n{bad}")).is_err(), "{bad}");
        }
    }
}
