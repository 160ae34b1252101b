//! Downloads everything one rendition lists, in order, and looks inside.

use crate::exchange::{Ask, Client, Kind};
use crate::fmp4::{self, Init};
use crate::playlist::Media;
use crate::playlist::media::{Part, Segment};
use crate::presentation::resolve;
use crate::rule::RuleId;
use bytes::{Bytes, BytesMut};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Complete segments listed when the run begins that are downloaded; a long
/// DVR window need not be.
const OLD_SEGMENTS: usize = 12;

struct Auditor {
    client: Client,
    index: usize,
    base: String,
    inits: HashMap<String, Init>,
    map: Option<String>,
    /// First segment not done with, and how many of its parts are.
    msn: u64,
    part: usize,
    /// The parts so far of that segment; none if one is missing.
    bytes: Option<BytesMut>,
    /// Whether a part of that segment held an independent frame.
    independent: bool,
    /// Where each track should go on; empty where it may begin anywhere.
    expected: BTreeMap<u32, u64>,
    /// Digests of complete segments by file name, to be found in the JSON.
    listed: BTreeSet<String>,
}

pub(crate) async fn run(client: Client, index: usize) {
    let base = client.board.url(index);
    let mut changed = client.board.subscribe(index);
    let mut auditor = Auditor {
        client,
        index,
        base,
        inits: HashMap::new(),
        map: None,
        msn: 0,
        part: 0,
        bytes: Some(BytesMut::new()),
        independent: false,
        expected: BTreeMap::new(),
        listed: BTreeSet::new(),
    };
    let mut begun = false;
    loop {
        if let Some(media) = auditor.client.board.latest(index) {
            if !begun {
                begun = true;
                auditor.begin(&media).await;
            }
            auditor.audit(&media).await;
            if media.ended {
                return;
            }
        }
        if changed.changed().await.is_err() {
            return;
        }
    }
}

impl Auditor {
    /// Downloads what was there before; parts are followed from the first listed one.
    async fn begin(&mut self, media: &Arc<Media>) {
        let followed = media.segments.iter().find(|s| !s.parts.is_empty());
        self.msn = followed.map_or(media.media_sequence, |segment| segment.msn);
        let old = media.segments.iter().filter(|s| s.msn < self.msn && !s.gap);
        let old: Vec<_> = old.collect();
        for segment in old.iter().rev().take(OLD_SEGMENTS).rev() {
            if let Some(uri) = &segment.uri {
                self.client.media(&resolve(&self.base, uri)).await;
            }
        }
        // Only what is listed for the first time now must be in the JSON with what comes.
        self.listed = names(media);
        self.compare_digests().await;
    }

    async fn audit(&mut self, media: &Arc<Media>) {
        let mut completed = false;
        for segment in &media.segments {
            if segment.msn < self.msn {
                continue;
            }
            if segment.msn > self.msn {
                // The one before left the window before it was complete for us.
                self.next_segment(segment.msn);
                self.expected.clear();
            }
            self.take_map(segment).await;
            if segment.discontinuity && self.part == 0 {
                self.expected.clear();
            }
            while let Some(part) = segment.parts.get(self.part) {
                self.take_part(media, segment, part).await;
                self.part += 1;
            }
            if segment.complete() {
                self.take_segment(media, segment).await;
                self.next_segment(segment.msn + 1);
                completed = true;
            }
        }
        if completed {
            self.listed = names(media);
            self.compare_digests().await;
        }
    }

    fn next_segment(&mut self, msn: u64) {
        self.msn = msn;
        self.part = 0;
        self.bytes = Some(BytesMut::new());
        self.independent = false;
    }

    async fn take_map(&mut self, segment: &Segment) {
        if segment.map == self.map || segment.map.is_none() {
            return;
        }
        self.map.clone_from(&segment.map);
        let Some(uri) = &segment.map else { return };
        let url = resolve(&self.base, uri);
        if self.inits.contains_key(&url) {
            return;
        }
        let Some(answer) = self.client.media(&url).await else {
            return;
        };
        match Init::parse(&answer.body) {
            Ok(init) => {
                self.inits.insert(url, init.clone());
                let index = self.index;
                self.client.board.with(|presentation, _| presentation.handle_init(index, init));
            }
            Err(reason) => self.client.board.broken(RuleId::Fmp4, &url, reason),
        }
    }

    fn init(&self) -> Option<&Init> {
        self.inits.get(&resolve(&self.base, self.map.as_deref()?))
    }

    async fn take_part(&mut self, media: &Media, segment: &Segment, part: &Part) {
        if part.gap {
            // Time goes on, media does not.
            self.expected.clear();
            return;
        }
        let url = resolve(&self.base, &part.uri);
        let answer = self.client.media(&url).await;
        let Some(answer) = answer else {
            self.bytes = None;
            self.expected.clear();
            return;
        };
        if let Some(bytes) = &mut self.bytes {
            bytes.extend_from_slice(&answer.body);
        }
        self.client.board.count("parts looked into");
        let Some(init) = self.init() else { return };
        match init.media(&answer.body) {
            Ok(read) => {
                let init = init.clone();
                self.check_part(media, segment, part, &url, &init, &read);
            }
            Err(reason) => {
                self.client.board.broken(RuleId::Fmp4, &url, reason);
                self.expected.clear();
            }
        }
    }

    fn check_part(&mut self, media: &Media, segment: &Segment, part: &Part, url: &str, init: &Init, read: &fmp4::Media) {
        let board = Arc::clone(&self.client.board);
        let tolerance = board.expect.sample_tolerance.as_secs_f64();
        // At the beginning and after a discontinuity one track may set in later than another.
        let fresh = self.expected.is_empty();
        for (id, run) in &read.runs {
            let scale = f64::from(init.tracks[id].timescale);
            if let Some(expected) = self.expected.get(id) {
                let off = (run.decode_time as f64 - *expected as f64) / scale;
                // Half a sample is what rounding and a corrected nominal duration may make.
                let sample = run.duration as f64 / run.samples as f64 / scale;
                if off.abs() > tolerance.max(sample / 2.0) {
                    board.broken(RuleId::DecodeTimeContinuous, url, format!("track {id} goes on {:.1} ms off", off * 1e3));
                }
                board.count("decode times followed");
            }
            self.expected.insert(*id, run.decode_time + run.duration);
        }
        // The video track leads where there is one.
        let leading = init
            .tracks
            .iter()
            .find(|(_, track)| track.video)
            .or(init.tracks.first_key_value())
            .and_then(|(id, track)| Some((track, read.runs.get(id)?)));
        let sync = match init.tracks.values().any(|track| track.video) {
            true => leading.is_some_and(|(_, run)| run.sync),
            false => read.runs.values().any(|run| run.sync),
        };
        self.independent |= sync;
        if sync != part.independent {
            board.broken(RuleId::IndependentFlag, url, format!("INDEPENDENT={}, sync samples: {sync}", part.independent));
        }
        if media.independent_segments && self.part == 0 && !leading.is_some_and(|(_, run)| run.starts_with_sync) {
            board.broken(RuleId::SegmentIndependent, url, "the segment does not start with a sync sample");
        }
        let Some((track, run)) = leading else { return };
        let scale = f64::from(track.timescale);
        let seconds = run.duration as f64 / scale;
        let missing = part.duration - seconds;
        if missing < -tolerance || missing > tolerance && !fresh {
            board.broken(RuleId::DurationTrue, url, format!("DURATION={}, samples last {seconds:.4}", part.duration));
        }
        let (index, expect) = (self.index, board.expect.clone());
        let clock = segment.date_ms.filter(|_| self.part == 0).map(|date| date as f64 - run.decode_time as f64 / scale * 1e3);
        board.with(|presentation, ledger| {
            if let Some(clock) = clock {
                presentation.handle_clock(index, segment.discontinuity_number, clock, &expect, ledger);
            }
            if track.video {
                presentation.handle_frames(index, run.samples, seconds);
            }
        });
    }

    async fn take_segment(&mut self, media: &Media, segment: &Segment) {
        let Some(uri) = segment.uri.as_ref().filter(|_| !segment.gap) else {
            return;
        };
        let url = resolve(&self.base, uri);
        let Some(answer) = self.client.media(&url).await else {
            return;
        };
        self.client.board.count("segments looked into");
        let board = Arc::clone(&self.client.board);
        let parts: Option<Bytes> = self.bytes.take().map(BytesMut::freeze);
        let followed = !segment.parts.is_empty() && self.part == segment.parts.len();
        if let Some(parts) = parts.filter(|_| followed)
            && parts != answer.body
        {
            board.broken(RuleId::SegmentIsItsParts, &url, format!("{} bytes, its parts {}", answer.body.len(), parts.len()));
        }
        if followed && !self.independent && media.independent_segments {
            board.broken(RuleId::SegmentIndependent, &url, "no sync sample in it");
        }
        if let Some(Err(reason)) = self.init().map(|init| init.media(&answer.body)) {
            board.broken(RuleId::Fmp4, &url, reason);
        }
        let (index, bytes) = (self.index, answer.body.len() as u64);
        board.with(|presentation, _| {
            presentation.handle_size(index, segment.msn, bytes, segment.length());
        });
    }

    async fn compare_digests(&self) {
        let board = &self.client.board;
        if !board.expect.sha256 {
            return;
        }
        let url = resolve(&board.master_url, "segments-sha256.json");
        let Some(answer) = self.client.answered(&Ask::get(&url)).await else {
            return;
        };
        if answer.status != 200 {
            board.broken(RuleId::Sha256Complete, &url, format!("status {}", answer.status));
            return;
        }
        self.client.check_headers(&answer, Kind::Json);
        let digests: HashMap<String, String> = match serde_json::from_slice(&answer.body) {
            Ok(digests) => digests,
            Err(error) => {
                board.broken(RuleId::Sha256Complete, &url, error.to_string());
                return;
            }
        };
        for uri in &self.listed {
            let name = uri.rsplit('/').next().unwrap_or(uri);
            let Some(stated) = digests.get(name) else {
                board.broken(RuleId::Sha256Complete, &url, format!("lacks {name}"));
                continue;
            };
            let downloaded = resolve(&self.base, uri);
            board.with(|presentation, ledger| {
                if let Some(digest) = presentation.digest(&downloaded) {
                    ledger.count("digests compared");
                    if !digest.eq_ignore_ascii_case(stated) {
                        ledger.broken(RuleId::Sha256Right, &url, format!("{name} is {digest}, stated {stated}"));
                    }
                }
            });
        }
    }
}

/// The URIs of complete segments that have media.
fn names(media: &Media) -> BTreeSet<String> {
    let complete = media.segments.iter().filter(|segment| !segment.gap);
    complete.filter_map(|segment| segment.uri.clone()).collect()
}
