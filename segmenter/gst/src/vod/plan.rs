//! Which renditions a file becomes: sizes, frame rates, bit rates and the keyframes that they share.

use std::time::Duration;

use media::{Codec, MediaTime};

use crate::{Error, MediaInfo, VideoInfo};

/// The length of segments, and of the groups of pictures in them: short enough to start and to share, and long enough to compress.
pub(super) const SEGMENT: MediaTime = MediaTime::from_secs(2);
/// What a file without constant or known frame rate becomes.
const DEFAULT_RATE: (u32, u32) = (30, 1);
/// Frame rates that cameras and screens have; what is within 0.5 % of one is meant to be it.
const COMMON_RATES: [(u32, u32); 11] =
    [(10, 1), (12, 1), (15, 1), (20, 1), (24_000, 1001), (24, 1), (25, 1), (30_000, 1001), (30, 1), (50, 1), (60_000, 1001)];
/// The lowest rate that is made: slides become frames that x264 skips over.
const LOWEST_RATE: f64 = 5.0;
/// Smallest height or width of a rendition.
const SMALLEST_SIDE: u32 = 64;
/// Most renditions at once: more than this help no viewer.
const MOST_RENDITIONS: usize = 10;
/// Sound above this rate is encoded anew.
const HIGHEST_COPIED_AUDIO: u64 = 400_000;

/// What is to be made of files.
#[derive(Clone, Debug, PartialEq)]
pub struct VodOptions {
    /// Heights in pixels (of upright pictures: widths) with the most kbit/s; 0: by the size, see [`target_bitrate`].
    pub rungs: Vec<crate::Rung>,
    /// Add a rendition in the file's own size, if it is no rung.
    pub keep_resolution: bool,
    /// Add a rendition of sound alone.
    pub audio_only: bool,
    /// Faster files lose every second (third...) frame.
    pub max_frame_rate: u32,
    /// Renditions lower than this many lines have at most 30 frames per second.
    pub full_rate_height: u32,
    /// Take the file's own frames for the highest rendition where players can use them.
    pub passthrough: bool,
    /// Use an encoder in hardware, if there is one.
    pub hardware: bool,
    /// Threads of each software encoder; 0: as many as the machine is worth.
    pub threads: u32,
    /// Sound, in kbit/s.
    pub audio_bitrate_kbps: u32,
    /// Longer files are refused, and what goes on for longer than it says is cut off as damaged.
    pub max_duration: Duration,
}

impl Default for VodOptions {
    /// 1080p to 240p, 60 frames per second, 12 hours.
    fn default() -> Self {
        Self {
            rungs: [1080, 720, 480, 360, 240].map(|height| crate::Rung { height, bitrate_kbps: 0 }).to_vec(),
            keep_resolution: true,
            audio_only: false,
            max_frame_rate: 60,
            full_rate_height: 720,
            passthrough: true,
            hardware: true,
            threads: 0,
            audio_bitrate_kbps: 128,
            max_duration: Duration::from_secs(12 * 3600),
        }
    }
}

/// What a rendition is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Making {
    /// The file's own frames.
    Copied,
    /// New ones.
    Encoded,
    /// Only the sound.
    AudioOnly,
}

/// One of the files to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendition {
    /// Letters and digits, e.g. `720p` or `audio`: name of its directory.
    pub name: String,
    /// How it comes to be.
    pub making: Making,
    /// In pixels, even; 0 without picture.
    pub width: u32,
    /// In pixels, even; 0 without picture.
    pub height: u32,
    /// Frames per second.
    pub frame_rate: f64,
    /// The picture's most kbit/s.
    pub bitrate_kbps: u32,
    /// It has every n-th frame of the [`Plan`]'s rate.
    pub(super) step: u32,
}

/// What a file becomes.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Highest first; one that is copied stands before all others and is done first.
    pub renditions: Vec<Rendition>,
    /// The sound is the file's own in all renditions; otherwise it is encoded, once for all.
    pub copies_audio: bool,
    /// How long the file says it is.
    pub duration: Option<MediaTime>,
    /// Constant rate of the frames that are decoded.
    pub(super) rate: (u32, u32),
    /// Frames of that rate between keyframes: a multiple of every rendition's step.
    pub(super) group: u32,
}

impl Plan {
    /// Chooses the renditions of a [probed](crate::probe()) file. Never larger than the file; sides are even.
    ///
    /// # Errors
    /// [`Error::TooLarge`] if it is too long.
    pub fn new(info: &MediaInfo, options: &VodOptions) -> Result<Self, Error> {
        let longest = MediaTime::from_duration(options.max_duration);
        if info.duration.is_some_and(|duration| duration > longest) {
            return Err(Error::TooLarge(format!("longer than {:?}", options.max_duration)));
        }
        let copies_audio = options.passthrough && can_copy_audio(info);
        let mut plan = Self { renditions: Vec::new(), copies_audio, duration: info.duration, rate: DEFAULT_RATE, group: 1 };
        if let Some(video) = &info.video {
            plan.add_video(info, video, options);
        }
        if info.audio.is_some() && (options.audio_only || info.video.is_none()) {
            let making = Making::AudioOnly;
            plan.renditions.push(Rendition {
                name: "audio".to_owned(),
                making,
                width: 0,
                height: 0,
                frame_rate: 0.0,
                bitrate_kbps: 0,
                step: 1,
            });
        }
        Ok(plan)
    }

    fn add_video(&mut self, info: &MediaInfo, video: &VideoInfo, options: &VodOptions) {
        self.rate = constant_rate(video.frame_rate);
        let rate = f64::from(self.rate.0) / f64::from(self.rate.1);
        let own = video.width.min(video.height);
        let mut rungs: Vec<crate::Rung> =
            options.rungs.iter().copied().filter(|rung| rung.height >= SMALLEST_SIDE && rung.height <= own).collect();
        if rungs.is_empty() || options.keep_resolution && rungs.iter().all(|rung| rung.height != own) {
            rungs.push(crate::Rung { height: own, bitrate_kbps: 0 });
        }
        rungs.sort_by_key(|rung| std::cmp::Reverse(rung.height));
        rungs.dedup_by_key(|rung| rung.height);
        rungs.truncate(MOST_RENDITIONS);
        let input = video.bitrate.or_else(|| info.bitrate());
        for rung in rungs {
            let (width, height) = scaled((video.width, video.height), rung.height);
            let cap = if rung.height < options.full_rate_height { options.max_frame_rate.min(30) } else { options.max_frame_rate };
            // A whisker over the cap is the cap: 30.0003 frames per second are 30.
            let step = ((rate / f64::from(cap.max(1)) - 0.01).ceil().max(1.0)) as u32;
            let frame_rate = rate / f64::from(step);
            let mut bitrate_kbps = rung.bitrate_kbps;
            if bitrate_kbps == 0 {
                bitrate_kbps = target_bitrate(width, height, frame_rate, input);
            }
            let name = format!("{}p", rung.height);
            self.renditions.push(Rendition { name, making: Making::Encoded, width, height, frame_rate, bitrate_kbps, step });
        }
        if let Some(first) = self.renditions.first_mut()
            && options.passthrough
            && first.step == 1
            && (first.width, first.height) == (video.width, video.height)
            && has_presentation_times(info)
            && can_copy_video(video, input, first.bitrate_kbps)
        {
            first.making = Making::Copied;
        }
        let encoded = self.renditions.iter().filter(|rendition| rendition.making == Making::Encoded);
        let common = encoded.map(|rendition| rendition.step).fold(1, least_common_multiple);
        let groups = (SEGMENT.as_secs_f64() * rate / f64::from(common)).round().max(1.0) as u32;
        self.group = groups * common;
    }

    /// The copied rendition turned out not to be copyable (its groups of pictures are too long or open): it is encoded.
    pub(super) fn without_copy(&self) -> Self {
        let mut plan = self.clone();
        for rendition in plan.renditions.iter_mut().filter(|rendition| rendition.making == Making::Copied) {
            rendition.making = Making::Encoded;
        }
        plan
    }
}

/// The constant rate for a file's frames.
fn constant_rate(rate: Option<f64>) -> (u32, u32) {
    let Some(rate) = rate.filter(|rate| *rate <= 300.0) else { return DEFAULT_RATE };
    let near = |&(numerator, denominator): &(u32, u32)| (rate / (f64::from(numerator) / f64::from(denominator)) - 1.0).abs();
    let nearest = COMMON_RATES.iter().copied().min_by(|a, b| near(a).total_cmp(&near(b)));
    match nearest.filter(|common| near(common) < 0.0005) {
        Some(common) => common,
        // An average: whole frames a second.
        None => (rate.max(LOWEST_RATE).round() as u32, 1),
    }
}

/// A picture whose shorter side becomes `short`.
fn scaled((width, height): (u32, u32), short: u32) -> (u32, u32) {
    let own = u64::from(width.min(height).max(1));
    // Even, and not larger than it was, but where it was odd.
    let side = |side: u32| u32::try_from((u64::from(side) * u64::from(short) / own).div_ceil(2) * 2).unwrap_or(u32::MAX).max(2);
    (side(width), side(height))
}

/// PeerTube's: the bits that a pixel gets become fewer the larger the picture is. In kbit/s; not more than 1.3 times what the whole
/// file has (bits per second).
pub fn target_bitrate(width: u32, height: u32, frame_rate: f64, input: Option<u64>) -> u32 {
    const BITS_PER_PIXEL: [(u32, f64); 8] =
        [(144, 0.19), (240, 0.17), (360, 0.15), (480, 0.12), (720, 0.11), (1080, 0.10), (1440, 0.09), (u32::MAX, 0.08)];
    const LEAST_KBPS: f64 = 64.0;
    let lines = width.min(height);
    let bits = BITS_PER_PIXEL.iter().find(|(most, _)| lines <= *most).map_or(0.08, |(_, bits)| *bits);
    let target = f64::from(width) * f64::from(height) * frame_rate * bits / 1000.0;
    let most = input.map_or(f64::MAX, |input| input as f64 * 1.3 / 1000.0);
    target.min(most).clamp(LEAST_KBPS, 200_000.0) as u32
}

/// AVI has no times at all.
fn has_presentation_times(info: &MediaInfo) -> bool {
    !info.container.is_empty() && !info.container.contains("AVI")
}

/// H.264 as every browser plays it, not wasteful.
fn can_copy_video(video: &VideoInfo, bitrate: Option<u64>, target_kbps: u32) -> bool {
    let even = video.width.is_multiple_of(2) && video.height.is_multiple_of(2);
    let lean = bitrate.is_some_and(|bitrate| bitrate <= u64::from(target_kbps) * 1000 * 13 / 10);
    video.codec == Some(Codec::H264) && video.is_plain() && !video.deep && !video.hdr && even && lean && video.frame_rate.is_some()
}

/// AAC, mono or stereo, at a rate that all devices play.
fn can_copy_audio(info: &MediaInfo) -> bool {
    info.audio.as_ref().is_some_and(|audio| {
        audio.codec == Some(Codec::Aac)
            && audio.channels <= 2
            && matches!(audio.sample_rate, 44_100 | 48_000)
            && audio.bitrate.is_none_or(|bitrate| bitrate <= HIGHEST_COPIED_AUDIO)
    })
}

fn least_common_multiple(a: u32, b: u32) -> u32 {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    a / x.max(1) * b
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AudioInfo, Orientation};

    fn file(width: u32, height: u32, rate: f64) -> MediaInfo {
        let video = VideoInfo {
            codec: Some(Codec::Vp9),
            description: String::new(),
            width,
            height,
            frame_rate: Some(rate),
            bitrate: None,
            orientation: Orientation::Upright,
            coded: (width, height),
            interlaced: false,
            deep: false,
            hdr: false,
        };
        let audio = AudioInfo { codec: Some(Codec::Opus), description: String::new(), sample_rate: 48_000, channels: 2, bitrate: None };
        MediaInfo {
            duration: Some(MediaTime::from_secs(10)),
            size_bytes: 100_000_000,
            seekable: true,
            video: Some(video),
            audio: Some(audio),
            container: "Matroska".to_owned(),
            audio_streams: 1,
        }
    }

    fn sizes(plan: &Plan) -> Vec<(&str, u32, u32, u32)> {
        fn fields(rendition: &Rendition) -> (&str, u32, u32, u32) {
            (&rendition.name, rendition.width, rendition.height, rendition.frame_rate.round() as u32)
        }
        plan.renditions.iter().map(fields).collect()
    }

    #[test]
    fn renditions_are_never_larger_and_keep_the_shape() {
        let options = VodOptions { keep_resolution: false, ..VodOptions::default() };
        let plan = |width, height, rate| Plan::new(&file(width, height, rate), &options).expect("short enough");
        let fhd = plan(1920, 1080, 60.0);
        assert_eq!(
            sizes(&fhd),
            [("1080p", 1920, 1080, 60), ("720p", 1280, 720, 60), ("480p", 854, 480, 30), ("360p", 640, 360, 30), ("240p", 426, 240, 30)]
        );
        assert_eq!(sizes(&plan(720, 1280, 25.0))[..2], [("720p", 720, 1280, 25), ("480p", 480, 854, 25)]);
        assert_eq!(sizes(&plan(161, 91, 30.0)), [("91p", 162, 92, 30)]);
        assert_eq!(sizes(&plan(641, 359, 120.0)), [("240p", 428, 240, 30)]);
        let odd = Plan::new(&file(641, 359, 120.0), &VodOptions::default()).expect("short enough");
        assert_eq!(sizes(&odd), [("359p", 642, 360, 30), ("240p", 428, 240, 30)]);
    }

    #[test]
    fn keyframes_fall_on_frames_that_all_renditions_have() {
        for rate in [10.0, 23.976, 24.0, 25.0, 29.97, 30.0, 48.0, 50.0, 59.94, 60.0, 72.0, 75.0, 90.0, 100.0, 120.0, 144.0, 240.0] {
            let plan = Plan::new(&file(1920, 1080, rate), &VodOptions::default()).expect("short enough");
            let seconds = f64::from(plan.group) * f64::from(plan.rate.1) / f64::from(plan.rate.0);
            assert!((1.85..2.15).contains(&seconds), "{rate}: {seconds}");
            for rendition in &plan.renditions {
                assert_eq!(plan.group % rendition.step, 0, "{rate}");
                assert!(rendition.frame_rate <= if rendition.height < 720 { 30.3 } else { 60.6 }, "{rate}: {rendition:?}");
            }
        }
    }

    #[test]
    fn bit_rates_are_those_of_peertube() {
        for (width, height, kbps) in [(640, 360, 1036), (1280, 720, 3041), (1920, 1080, 6220)] {
            assert_eq!(target_bitrate(width, height, 30.0, None), kbps);
        }
        assert_eq!(target_bitrate(1280, 720, 30.0, Some(1_000_000)), 1300);
    }

    #[test]
    fn what_is_too_long_is_refused() {
        let options = VodOptions { max_duration: Duration::from_secs(9), ..VodOptions::default() };
        assert!(matches!(Plan::new(&file(640, 360, 30.0), &options), Err(Error::TooLarge(_))));
    }

    #[test]
    fn only_what_browsers_play_is_copied() {
        let mut info = file(1280, 720, 30.0);
        let video = |info: &mut MediaInfo, change: fn(&mut VideoInfo)| change(info.video.as_mut().expect("has one"));
        video(&mut info, |video| (video.codec, video.bitrate) = (Some(Codec::H264), Some(2_000_000)));
        let making = |info: &MediaInfo| Plan::new(info, &VodOptions::default()).expect("short enough").renditions[0].making;
        assert_eq!(making(&info), Making::Copied);
        let changes: [fn(&mut VideoInfo); 3] =
            [|video| video.deep = true, |video| video.interlaced = true, |video| video.bitrate = Some(50_000_000)];
        for change in changes {
            let mut other = info.clone();
            video(&mut other, change);
            assert_eq!(making(&other), Making::Encoded);
        }
    }
}
