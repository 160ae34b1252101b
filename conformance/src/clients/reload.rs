//! Playlist reloads with delivery directives, and the rules about their answers.

use crate::exchange::{Answer, Ask, Client, Failure, Kind};
use crate::history::Seen;
use crate::playlist::Media;
use crate::report::Ledger;
use crate::rule::RuleId;
use crate::snapshot;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;

/// Beyond three target durations, before a request is given up by this side.
const OVERTIME: Duration = Duration::from_secs(1);
/// Pause after a failed request.
const PAUSE: Duration = Duration::from_millis(100);

/// Delivery directives (6.2.5).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Directives {
    pub msn: Option<u64>,
    pub part: Option<u64>,
    pub skip: bool,
}

/// What a request is about, which decides the rule its answer may break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The next update, or without directives the current playlist.
    Next,
    /// A part past the end of its segment.
    PastEnd,
    /// Media that is old or gone.
    Old,
}

impl Directives {
    /// Asks for the part after the newest.
    pub(crate) fn next_part(media: &Media) -> Self {
        let Some(last) = media.segments.last() else {
            return Self::default();
        };
        let (msn, part) = if last.complete() { (last.msn + 1, 0) } else { (last.msn, last.parts.len() as u64) };
        Self { msn: Some(msn), part: Some(part), skip: false }
    }

    /// Asks for the segment after the newest complete one.
    pub(crate) fn next_segment(media: &Media) -> Self {
        let msn = media.segments.last().map(|last| last.msn + u64::from(last.complete()));
        Self { msn, ..Self::default() }
    }

    fn url(self, base: &str) -> String {
        let mut pairs = Vec::new();
        if let Some(msn) = self.msn {
            pairs.push(format!("_HLS_msn={msn}"));
        }
        if let Some(part) = self.part {
            pairs.push(format!("_HLS_part={part}"));
        }
        if self.skip {
            pairs.push("_HLS_skip=YES".to_owned());
        }
        if pairs.is_empty() {
            return base.to_owned();
        }
        let join = if base.contains('?') { '&' } else { '?' };
        format!("{base}{join}{}", pairs.join("&"))
    }
}

impl Client {
    /// Reloads a media playlist; gives it whole, delta updates laid over `base`.
    pub(crate) async fn reload(&self, index: usize, asked: Directives, base: Option<&Media>, purpose: Purpose) -> Option<Arc<Media>> {
        let target = self.board.target_duration();
        let mut ask = Ask::get(asked.url(&self.board.url(index)));
        ask.gzip = self.gzip;
        let blocking = asked.msn.is_some();
        if blocking {
            ask.patience = 3 * target + self.board.expect.answer_slack + OVERTIME;
        }
        let answer = match self.fetch(&ask).await {
            Ok(answer) => answer,
            Err(Failure::Late) if blocking => {
                let waited = ask.patience.as_secs_f64();
                self.board.broken(RuleId::BlockingDeadline, &ask.url, format!("no answer at all in {waited:.1} s"));
                return None;
            }
            Err(Failure::Late) => {
                self.board.broken(RuleId::Transport, &ask.url, "no answer");
                return None;
            }
            Err(Failure::Cut(reason)) => {
                self.board.broken(RuleId::Transport, &ask.url, reason);
                tokio::time::sleep(PAUSE).await;
                return None;
            }
        };
        if answer.status != 200 {
            self.refused(&answer, asked, purpose, target);
            tokio::time::sleep(PAUSE).await;
            return None;
        }
        let text = self.text(&answer, ask.gzip)?;
        let read = match Media::parse(&text) {
            Ok(read) => read,
            Err(error) => {
                self.board.broken(RuleId::Syntax, &answer.url, error.to_string());
                tokio::time::sleep(PAUSE).await;
                return None;
            }
        };
        let kind = Kind::Playlist { directed: blocking, ended: read.ended };
        let media = self.whole(&answer, read, asked, base)?;
        let tolerance = self.board.expect.date_tolerance_ms;
        snapshot::check(&media, &answer.url, tolerance, &mut self.board.ledger());
        let media = Arc::new(media);
        let seen = Seen {
            media: Arc::clone(&media),
            url: answer.url.clone(),
            via_delta: asked.skip,
            sent: answer.sent,
            at: answer.at,
            wall_ms: answer.wall_ms,
            excused: self.board.excused(),
        };
        self.board.handle_playlist(index, &seen);
        // Needs the target duration that the first playlist tells.
        self.check_headers(&answer, kind);
        if blocking && !media.ended {
            self.check_blocking(index, &answer, &media, asked, purpose);
        }
        Some(media)
    }

    fn refused(&self, answer: &Answer, asked: Directives, purpose: Purpose, target: Duration) {
        let waited = answer.waited();
        let detail = format!("status {} after {:.2} s", answer.status, waited.as_secs_f64());
        let rule = match (answer.status, purpose) {
            (_, Purpose::Old) => RuleId::OldMediaAtOnce,
            (_, Purpose::PastEnd) => RuleId::PartPastEnd,
            // It may give up when its three target durations are over.
            (503, _) if asked.msn.is_some() && waited >= 3 * target => {
                self.board.count("reloads given up by the origin");
                return;
            }
            (503, _) if asked.msn.is_some() => RuleId::BlockingDeadline,
            (400, _) => RuleId::BlockingEarly,
            _ => RuleId::ListedAvailable,
        };
        self.board.broken(rule, &answer.url, detail);
    }

    /// Makes a whole playlist of what came.
    fn whole(&self, answer: &Answer, read: Media, asked: Directives, base: Option<&Media>) -> Option<Media> {
        let mut ledger = self.board.ledger();
        let url = &answer.url;
        let boundary = read.server_control.as_ref().and_then(|control| control.can_skip_until);
        match (read.skipped, boundary) {
            (None, Some(boundary)) if asked.skip && !read.ended => {
                let beyond = read.length() - read.segments.first().map_or(0.0, |s| s.length());
                // Servers may count the open segment or not: give them a target duration.
                if beyond > boundary + read.target_duration as f64 {
                    ledger.broken(RuleId::DeltaOffered, url, format!("a whole playlist of {:.1} s", read.length()));
                }
            }
            (Some(skipped), _) if !asked.skip => {
                ledger.broken(RuleId::DeltaOffered, url, format!("{skipped} segments skipped without being asked"));
                return None;
            }
            (Some(skipped), None) => {
                ledger.broken(RuleId::DeltaOffered, url, format!("{skipped} segments skipped without CAN-SKIP-UNTIL"));
                return None;
            }
            _ => {}
        }
        let (Some(skipped), Some(boundary)) = (read.skipped, boundary) else {
            return Some(read);
        };
        ledger.count("delta updates");
        if read.version < 9 {
            ledger.broken(RuleId::Version, url, "EXT-X-SKIP needs version 9");
        }
        let base = base?;
        match base.patched_by(&read) {
            Err(reason) => {
                // Removed segments cannot be skipped, but unknown ones say the base is too old.
                let oldest = base.media_sequence;
                let known = base.segments.iter().rfind(|s| s.complete());
                let covered = known.is_some_and(|last| read.media_sequence >= oldest && read.media_sequence + skipped <= last.msn + 1);
                if covered || skipped > base.segments.len() as u64 {
                    ledger.broken(RuleId::DeltaReconstructs, url, reason);
                } else {
                    ledger.count("delta updates beyond their base");
                }
                None
            }
            Ok(whole) => {
                check_boundary(&whole, skipped, boundary, url, &mut ledger);
                Some(whole)
            }
        }
    }

    fn check_blocking(&self, index: usize, answer: &Answer, media: &Media, asked: Directives, purpose: Purpose) {
        let Some(msn) = asked.msn else { return };
        let expect = &self.board.expect;
        let excused = self.board.excused();
        self.board.count("blocking reloads");
        if !media.has_reached(msn, asked.part) {
            let rule = match purpose {
                Purpose::PastEnd => RuleId::PartPastEnd,
                _ => RuleId::BlockingEarly,
            };
            self.board.broken(rule, &answer.url, format!("answered at {:?} after {:.3} s", media.newest(), answer.waited().as_secs_f64()));
            return;
        }
        if purpose == Purpose::Old {
            if answer.waited() > expect.answer_slack + excused {
                self.board.broken(RuleId::OldMediaAtOnce, &answer.url, format!("after {:.3} s", answer.waited().as_secs_f64()));
            }
            return;
        }
        let seen = self.board.with(|presentation, _| presentation.renditions[index].history.first_seen(msn, asked.part));
        if let Some(seen) = seen {
            let since = answer.head.saturating_duration_since(seen.max(answer.sent));
            if since > expect.answer_slack + excused {
                self.board.broken(RuleId::BlockingLate, &answer.url, format!("{:.3} s after it was there", since.as_secs_f64()));
            }
        }
    }

    /// Downloads media that a playlist lists; records if it is not there.
    pub(crate) async fn media(&self, url: &str) -> Option<Answer> {
        let answer = self.answered(&Ask::get(url)).await?;
        if answer.status != 200 {
            self.board.broken(RuleId::ListedAvailable, url, format!("status {}", answer.status));
            return None;
        }
        self.check_headers(&answer, Kind::Media);
        self.digest(url, &answer.body);
        Some(answer)
    }

    /// Remembers or compares what was downloaded; gives its SHA-256 in hexadecimal.
    pub(crate) fn digest(&self, url: &str, body: &[u8]) -> String {
        let digest = hex::encode(Sha256::digest(body));
        self.board.with(|presentation, ledger| {
            ledger.count("downloads");
            presentation.handle_digest(url, &digest, ledger);
        });
        digest
    }
}

/// What is nearer to the end than the skip boundary is not skipped.
fn check_boundary(whole: &Media, skipped: u64, boundary: f64, url: &str, ledger: &mut Ledger) {
    let last_skipped = usize::try_from(skipped.saturating_sub(1)).unwrap_or(usize::MAX);
    let from = whole.segments.get(last_skipped..).unwrap_or(&[]);
    let distance: f64 = from.iter().map(|segment| segment.length()).sum();
    if skipped > 0 && distance <= boundary {
        ledger.broken(RuleId::DeltaBoundary, url, format!("skipped a segment {distance:.3} s from the end, boundary {boundary}"));
    }
}
