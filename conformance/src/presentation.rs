//! Rules that several playlists, and playlists and media together, show.

use crate::Expect;
use crate::fmp4::Init;
use crate::history::{History, Seen};
use crate::playlist::media::Position;
use crate::playlist::{Media, Multivariant};
use crate::report::Ledger;
use crate::rule::RuleId;
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

/// Digests remembered; more than a window's worth of every rendition.
const DIGESTS: usize = 50_000;
/// Claims about renditions waiting to be compared.
const CLAIMS: usize = 256;
/// Segment sizes remembered for the peak bit rate.
const SIZES: usize = 500;
/// FRAME-RATE may differ from what the timestamps of a short stretch give.
const FRAME_RATE_TOLERANCE: f64 = 0.03;
/// Seconds of video before its frame rate is judged.
const FRAME_RATE_SECONDS: f64 = 2.0;

/// One rendition with all that is known of it.
#[derive(Default)]
pub(crate) struct Rendition {
    pub url: String,
    pub history: History,
    /// The newest initialization section.
    pub init: Option<Init>,
    /// Bytes and seconds of complete segments, by Media Sequence Number.
    sizes: BTreeMap<u64, (u64, f64)>,
    /// Video frames and seconds counted since the newest initialization section.
    frames: (u64, f64),
    /// By discontinuity sequence number: date minus media timestamp, in milliseconds.
    clock: BTreeMap<u64, f64>,
    /// What other playlists said of this one.
    claims: Vec<(Instant, Position, String)>,
}

/// The whole presentation.
#[derive(Default)]
pub(crate) struct Presentation {
    pub renditions: Vec<Rendition>,
    digests: HashMap<String, String>,
}

impl Presentation {
    pub(crate) fn new(urls: Vec<String>) -> Self {
        Self { renditions: urls.into_iter().map(|url| Rendition { url, ..Rendition::default() }).collect(), digests: HashMap::new() }
    }

    /// Takes in a whole playlist of one rendition.
    pub(crate) fn handle_playlist(&mut self, index: usize, seen: &Seen, expect: &Expect, ledger: &mut Ledger) {
        self.renditions[index].history.handle(seen, expect, ledger);
        if seen.media.ended {
            return;
        }
        self.check_shared(index, seen, ledger);
        self.check_reports(index, seen, expect, ledger);
        self.check_step(index, seen, expect, ledger);
        self.check_discontinuities(index, seen, ledger);
    }

    fn others(&self, index: usize) -> impl Iterator<Item = (usize, &Rendition)> {
        self.renditions.iter().enumerate().filter(move |(other, _)| *other != index)
    }

    fn check_shared(&self, index: usize, seen: &Seen, ledger: &mut Ledger) {
        for (_, other) in self.others(index) {
            let Some((target, _, control)) = other.history.fixed() else {
                continue;
            };
            if target != seen.media.target_duration {
                ledger.broken(
                    RuleId::TargetDurationShared,
                    &seen.url,
                    format!("{}, {} has {target}", seen.media.target_duration, other.url),
                );
            }
            if control != seen.media.server_control.as_ref() {
                ledger.broken(
                    RuleId::ServerControlShared,
                    &seen.url,
                    format!("{:?}, {} has {control:?}", seen.media.server_control, other.url),
                );
            }
        }
    }

    fn check_reports(&mut self, index: usize, seen: &Seen, expect: &Expect, ledger: &mut Ledger) {
        let own = seen.media.newest();
        let mut reported = Vec::new();
        for report in &seen.media.reports {
            if report.uri.contains("://") {
                ledger.broken(RuleId::RenditionReportPresent, &seen.url, format!("{} is not relative", report.uri));
            }
            let url = resolve(&seen.url, &report.uri);
            let Some(other) = self.renditions.iter().position(|r| r.url == url) else {
                ledger.broken(RuleId::RenditionReportPresent, &seen.url, format!("a report of {url}, which is no rendition"));
                continue;
            };
            reported.push(other);
            // Attributes equal to the own ones may be left out.
            let claim = Position {
                msn: report.last_msn.or(own.map(|own| own.msn)).unwrap_or(0),
                part: report.last_part.or(own.map(|own| own.part)).unwrap_or(Position::WHOLE),
            };
            let part_target = seen.media.part_target.unwrap_or(1.0);
            let grace = Duration::from_secs_f64(part_target) + expect.answer_slack + seen.excused;
            let rendition = &mut self.renditions[other];
            let known = rendition.history.edges.iter().rfind(|edge| edge.at + grace < seen.at);
            if let Some(known) = known
                && claim < known.newest
            {
                ledger.broken(
                    RuleId::RenditionReportRight,
                    &seen.url,
                    format!("says {claim:?} of {url}, which had {:?} long before", known.newest),
                );
            }
            ledger.count("rendition reports");
            if rendition.claims.len() < CLAIMS {
                rendition.claims.push((seen.at, claim, seen.url.clone()));
            }
        }
        for (other, rendition) in self.others(index) {
            if !reported.contains(&other) {
                ledger.broken(RuleId::RenditionReportPresent, &seen.url, format!("no report of {}", rendition.url));
            }
        }
        // What others said of this one before this request was sent must be listed by now.
        let newest = own.unwrap_or(Position { msn: 0, part: 0 });
        self.renditions[index].claims.retain(|(at, claim, by)| {
            let due = *at < seen.sent;
            if due && *claim > newest {
                ledger.broken(RuleId::RenditionReportRight, by, format!("said {claim:?} of {}, which is at {newest:?}", seen.url));
            }
            !due
        });
    }

    fn check_step(&self, index: usize, seen: &Seen, expect: &Expect, ledger: &mut Ledger) {
        let Some(own) = seen.media.edge_date_ms() else {
            return;
        };
        let part_target = seen.media.part_target.unwrap_or(1.0);
        let grace = Duration::from_secs_f64(part_target) + expect.answer_slack + seen.excused;
        for (_, other) in self.others(index) {
            let edge = other.history.edges.iter().rfind(|e| e.at + grace < seen.at);
            if let Some(date) = edge.and_then(|edge| edge.date_ms)
                && own < date - part_target * 1000.0
            {
                ledger.broken(RuleId::RenditionsInStep, &seen.url, format!("{:.0} ms behind {}", date - own, other.url));
            }
        }
    }

    fn check_discontinuities(&self, index: usize, seen: &Seen, ledger: &mut Ledger) {
        let own = middles(&seen.media);
        for (_, other) in self.others(index) {
            let Some(latest) = other.history.latest() else {
                continue;
            };
            for (middle, number, msn) in &own {
                let starts = latest.dates_ms();
                let matching = latest
                    .segments
                    .iter()
                    .zip(&starts)
                    .find(|(segment, start)| (**start..**start + segment.length() * 1000.0).contains(middle));
                if let Some((segment, _)) = matching
                    && segment.discontinuity_number != *number
                {
                    ledger.broken(
                        RuleId::RenditionsDiscontinuity,
                        &seen.url,
                        format!("segment {msn} has number {number}, {} of {} has {}", segment.msn, other.url, segment.discontinuity_number),
                    );
                }
            }
        }
    }

    /// Takes in the decode time and date at which a segment of a rendition begins.
    pub(crate) fn handle_clock(&mut self, index: usize, discontinuity: u64, clock_ms: f64, expect: &Expect, ledger: &mut Ledger) {
        self.renditions[index].clock.insert(discontinuity, clock_ms);
        let own = self.renditions[index].url.clone();
        for (_, other) in self.others(index) {
            if let Some(theirs) = other.clock.get(&discontinuity)
                && (theirs - clock_ms).abs() > expect.date_tolerance_ms
            {
                ledger.broken(
                    RuleId::RenditionsDate,
                    &own,
                    format!("dates are {:.0} ms from those of {} at the same timestamps", clock_ms - theirs, other.url),
                );
            }
            ledger.count("clocks compared");
        }
    }

    /// Takes in the digest of downloaded bytes.
    pub(crate) fn handle_digest(&mut self, url: &str, digest: &str, ledger: &mut Ledger) {
        if let Some(known) = self.digests.get(url) {
            if known != digest {
                ledger.broken(RuleId::BytesImmutable, url, "other bytes than before");
            }
        } else if self.digests.len() < DIGESTS {
            self.digests.insert(url.to_owned(), digest.to_owned());
        }
    }

    /// The digest of bytes downloaded from a URL.
    pub(crate) fn digest(&self, url: &str) -> Option<&str> {
        self.digests.get(url).map(String::as_str)
    }

    /// Takes in a new initialization section.
    pub(crate) fn handle_init(&mut self, index: usize, init: Init) {
        let rendition = &mut self.renditions[index];
        rendition.init = Some(init);
        rendition.frames = (0, 0.0);
    }

    /// Takes in how many frames of video a part holds, and how long it is.
    pub(crate) fn handle_frames(&mut self, index: usize, frames: u64, seconds: f64) {
        let counted = &mut self.renditions[index].frames;
        counted.0 += frames;
        counted.1 += seconds;
    }

    /// Takes in the size of a complete segment.
    pub(crate) fn handle_size(&mut self, index: usize, msn: u64, bytes: u64, seconds: f64) {
        let sizes = &mut self.renditions[index].sizes;
        if sizes.len() == SIZES {
            sizes.pop_first();
        }
        sizes.insert(msn, (bytes, seconds));
    }

    /// Compares the multivariant playlist with what is known of its renditions.
    pub(crate) fn check_master(&self, master: &Multivariant, url: &str, ledger: &mut Ledger) {
        for variant in &master.variants {
            let playlist = resolve(url, &variant.uri);
            let Some(rendition) = self.renditions.iter().find(|r| r.url == playlist) else {
                continue;
            };
            let average = variant.average_bandwidth.unwrap_or(variant.bandwidth);
            if average > variant.bandwidth {
                ledger.broken(RuleId::Bandwidth, url, format!("average {average} above peak {}", variant.bandwidth));
            }
            if let Some(peak) = rendition.peak()
                && (variant.bandwidth as f64) < peak
            {
                ledger.broken(RuleId::Bandwidth, url, format!("BANDWIDTH={}, measured {peak:.0}", variant.bandwidth));
            }
            let Some(init) = &rendition.init else {
                continue;
            };
            let codecs = variant.codecs.as_deref().unwrap_or("");
            for track in init.tracks.values() {
                let covered = codecs.split(',').any(|codec| {
                    let codec = codec.trim();
                    codec.eq_ignore_ascii_case(&track.codec)
                        || codec.strip_prefix(track.codec.as_str()).is_some_and(|rest| rest.starts_with('.'))
                });
                if !covered {
                    ledger.broken(RuleId::Codecs, url, format!("CODECS={codecs:?} lacks {}", track.codec));
                }
            }
            ledger.count("variants compared");
            let Some(video) = init.tracks.values().find(|track| track.video) else {
                continue;
            };
            if variant.resolution != video.size {
                ledger.broken(RuleId::Resolution, url, format!("{:?}, pictures are {:?}", variant.resolution, video.size));
            }
            rendition.check_frame_rate(variant.frame_rate.as_deref(), url, ledger);
        }
    }
}

impl Rendition {
    /// The peak segment bit rate (4.4.6.2): of any contiguous segments that
    /// last at least half a target duration.
    fn peak(&self) -> Option<f64> {
        let (target, ..) = self.history.fixed()?;
        let least = 0.5 * target as f64;
        let mut peak: Option<f64> = None;
        for &first in self.sizes.keys() {
            let (mut bytes, mut seconds) = (0, 0.0);
            for (step, (msn, size)) in self.sizes.range(first..).enumerate() {
                if *msn != first + step as u64 {
                    break;
                }
                bytes += size.0;
                seconds += size.1;
                if seconds >= least {
                    let rate = bytes as f64 * 8.0 / seconds;
                    peak = Some(peak.map_or(rate, |known: f64| known.max(rate)));
                    break;
                }
            }
        }
        peak
    }

    fn check_frame_rate(&self, stated: Option<&str>, url: &str, ledger: &mut Ledger) {
        let (frames, seconds) = self.frames;
        let Some(stated) = stated else {
            ledger.broken(RuleId::FrameRate, url, "absent");
            return;
        };
        let decimals = stated.split_once('.').map_or(0, |(_, d)| d.len());
        let value: f64 = stated.parse().unwrap_or(0.0);
        let measured = frames as f64 / seconds.max(f64::MIN_POSITIVE);
        if decimals != 3 {
            ledger.broken(RuleId::FrameRate, url, format!("{stated} has no three decimals"));
        } else if seconds >= FRAME_RATE_SECONDS && (value / measured - 1.0).abs() > FRAME_RATE_TOLERANCE {
            ledger.broken(RuleId::FrameRate, url, format!("{stated}, measured {measured:.3}"));
        }
    }
}

/// The middle of each segment as a date in milliseconds, its discontinuity number and its number.
fn middles(media: &Media) -> Vec<(f64, u64, u64)> {
    let starts = media.dates_ms();
    let segments = media.segments.iter().zip(starts);
    segments
        .map(|(segment, start)| {
            let middle = start + segment.length() * 500.0;
            (middle, segment.discontinuity_number, segment.msn)
        })
        .collect()
}

/// Resolves a reference against the URL of the playlist it stands in, without its query.
pub(crate) fn resolve(base: &str, reference: &str) -> String {
    reqwest::Url::parse(base).and_then(|base| base.join(reference)).map_or_else(|_| reference.to_owned(), Into::into)
}
