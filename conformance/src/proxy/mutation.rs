//! How each rule is broken.

use super::memory::Memory;
use super::text::{Text, attribute, moved_date};
use super::{Answered, Asked};
use crate::rule::RuleId;
use bytes::Bytes;
use hyper::header::{self, HeaderValue};
use hyper::{Method, StatusCode};
use std::time::{Duration, Instant};

/// Rules about change are broken from here on, so that there is a before.
const LATER: Duration = Duration::from_secs(2);
/// How long nothing new is shown, to break the cadence of parts and of segments.
const PART_PAUSE: Duration = Duration::from_millis(900);
const SEGMENT_PAUSE: Duration = Duration::from_millis(2300);
/// By how much answers come late.
const LATE: Duration = Duration::from_millis(1500);
/// An answer that never comes, as far as a run can tell.
const NEVER: Duration = Duration::from_secs(3600);

/// Changes a request; a status answers it without the origin.
pub(super) fn request(rule: RuleId, asked: &mut Asked, memory: &mut Memory) -> Option<StatusCode> {
    let number = |value: Option<&str>| value.and_then(|value| value.parse::<u64>().ok());
    let (msn, part) = (asked.directive("_HLS_msn"), asked.directive("_HLS_part"));
    let directed = msn.is_some() || part.is_some();
    let window = memory.window(asked.name());
    let (msn_number, part_number) = (number(msn), number(part));
    let media = !asked.is_playlist() && !asked.path.ends_with(".json");
    match rule {
        RuleId::DeltaOffered => {
            let kept = asked.query.as_deref().unwrap_or("").split('&');
            let kept: Vec<_> = kept.filter(|pair| !pair.starts_with("_HLS_skip")).collect();
            asked.query = Some(kept.join("&"));
        }
        RuleId::BlockingEarly => asked.query = None,
        RuleId::PartPastEnd => {
            if let (Some(part), Some((.., most))) = (part_number, window)
                && most > 0
                && part >= most as u64
            {
                asked.query = None;
            }
        }
        RuleId::OldMediaAtOnce => {
            if let (Some(msn), Some((first, ..))) = (msn_number, window)
                && msn < first
            {
                return Some(StatusCode::BAD_REQUEST);
            }
        }
        RuleId::PartWithoutMsn if msn.is_none() && part.is_some() => asked.query = None,
        RuleId::FarFuture => {
            if let (Some(msn), Some((_, last, _))) = (msn_number, window)
                && msn > last + 2
            {
                asked.query = None;
            }
        }
        RuleId::GarbageRefused if msn.is_some() && msn_number.is_none() => asked.query = None,
        RuleId::GarbageRefused if part.is_some() && part_number.is_none() => asked.query = None,
        RuleId::DirectivesAfterEnd if directed && memory.ended.is_some() => {
            return Some(StatusCode::BAD_REQUEST);
        }
        RuleId::HintHeld if media && asked.name().contains("-p") && !memory.is_part(asked.name()) => {
            return Some(StatusCode::NOT_FOUND);
        }
        RuleId::ListedAvailable if media && memory.every("media", 7) => {
            return Some(StatusCode::NOT_FOUND);
        }
        RuleId::RemovedPartAvailable if memory.is_part(asked.name()) && memory.is_removed(asked.name()) => {
            return Some(StatusCode::NOT_FOUND);
        }
        RuleId::RemovedSegmentAvailable if memory.is_segment(asked.name()) && memory.is_removed(asked.name()) => {
            return Some(StatusCode::NOT_FOUND);
        }
        RuleId::Head if asked.method == Method::HEAD => {
            return Some(StatusCode::METHOD_NOT_ALLOWED);
        }
        RuleId::Range => asked.range = None,
        RuleId::Transport if media && memory.every("media", 9) => {
            return Some(StatusCode::INTERNAL_SERVER_ERROR);
        }
        _ => {}
    }
    None
}

/// Until when an answer is held back.
pub(super) fn delay(rule: RuleId, asked: &Asked, received: Instant, memory: &mut Memory) -> Option<Instant> {
    if !asked.is_playlist() {
        return None;
    }
    let blocking = asked.directive("_HLS_msn").is_some();
    let now = Instant::now();
    let pause = |length: Duration| {
        let from = memory.began + LATER;
        (from..from + length).contains(&now).then_some(from + length)
    };
    match rule {
        RuleId::PartCadence => pause(PART_PAUSE),
        RuleId::SegmentCadence => pause(SEGMENT_PAUSE),
        RuleId::RenditionsInStep if memory.is_second(asked.name()) => Some(now + LATE),
        RuleId::BlockingLate if blocking && memory.every("blocking", 5) => Some(now + LATE),
        RuleId::BlockingDeadline if blocking && memory.every("blocking", 10) => Some(received + NEVER),
        _ => None,
    }
}

/// Changes an answer.
pub(super) fn answer(rule: RuleId, asked: &Asked, answered: &mut Answered, memory: &mut Memory) {
    let name = asked.name();
    let media = !asked.is_playlist() && !asked.path.ends_with(".json");
    let headers = &mut answered.headers;
    match rule {
        RuleId::Cors => {
            headers.remove(header::ACCESS_CONTROL_ALLOW_ORIGIN);
        }
        RuleId::ContentType if media => {
            let value = HeaderValue::from_static("application/octet-stream");
            headers.insert(header::CONTENT_TYPE, value);
        }
        RuleId::CacheControl => {
            let value = HeaderValue::from_static("no-cache");
            headers.insert(header::CACHE_CONTROL, value);
        }
        RuleId::UnknownNotFound if answered.status == StatusCode::NOT_FOUND => {
            answered.status = StatusCode::OK;
        }
        _ => {}
    }
    if !answered.status.is_success() {
        return;
    }
    if media {
        let mut bytes = answered.body.to_vec();
        bytes_of_media(rule, name, &mut bytes, memory);
        answered.body = bytes.into();
    } else if asked.path.ends_with(".json") {
        if let Some(body) = digests(rule, &answered.body) {
            answered.body = body;
        }
    } else if let Ok(text) = std::str::from_utf8(&answered.body) {
        if text.contains("#EXT-X-STREAM-INF") {
            answered.body = multivariant(rule, text).into();
        } else if rule == RuleId::NeverGoesBack {
            let plain = asked.query.is_none();
            if let Some(stale) = memory.stale(name, LATE).filter(|_| plain) {
                answered.body = stale;
            }
        } else {
            answered.body = playlist(rule, name, text, memory).into();
        }
    }
}

fn multivariant(rule: RuleId, text: &str) -> String {
    let changed = |line: &str| match rule {
        RuleId::Bandwidth => {
            let line = attribute(line, "BANDWIDTH", |_| "1000".into());
            attribute(&line, "AVERAGE-BANDWIDTH", |_| "900".into())
        }
        RuleId::Codecs => attribute(line, "CODECS", |codecs| codecs.replacen('"', "\"x", 1)),
        RuleId::Resolution => attribute(line, "RESOLUTION", |_| "640x362".into()),
        RuleId::FrameRate => attribute(line, "FRAME-RATE", |_| "50.000".into()),
        _ => line.to_owned(),
    };
    text.lines().fold(String::new(), |all, line| all + &changed(line) + "\n")
}

fn digests(rule: RuleId, body: &Bytes) -> Option<Bytes> {
    let mut digests: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(body).ok()?;
    let number = |name: &str| -> Option<u64> {
        let stem = name.rsplit_once('.')?.0;
        stem.rsplit('-').next()?.parse().ok()
    };
    match rule {
        RuleId::Sha256Complete => {
            let newest = digests.keys().filter_map(|name| number(name)).max();
            digests.retain(|name, _| number(name) != newest);
        }
        RuleId::Sha256Right => {
            for digest in digests.values_mut() {
                let reversed: String = digest.as_str()?.chars().rev().collect();
                *digest = reversed.into();
            }
        }
        _ => return None,
    }
    serde_json::to_vec(&digests).ok().map(Bytes::from)
}

fn bytes_of_media(rule: RuleId, name: &str, bytes: &mut Vec<u8>, memory: &mut Memory) {
    let flip_last = |bytes: &mut Vec<u8>| {
        if let Some(last) = bytes.last_mut() {
            *last ^= 0xff;
        }
    };
    match rule {
        RuleId::BytesImmutable if memory.request(name) > 1 => flip_last(bytes),
        RuleId::SegmentIsItsParts if memory.is_segment(name) => flip_last(bytes),
        RuleId::Fmp4 if memory.is_part(name) => bytes.truncate(bytes.len().saturating_sub(10)),
        RuleId::DecodeTimeContinuous if memory.is_part(name) => {
            let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
            let odd = stem.bytes().rfind(u8::is_ascii_digit);
            if odd.is_some_and(|digit| digit % 2 == 1) {
                decode_times_moved(bytes);
            }
        }
        RuleId::SegmentIndependent if memory.is_part(name) => sync_samples_hidden(bytes),
        _ => {}
    }
}

/// Where boxes of a type begin, as far as a search for their name can tell.
fn find_boxes(bytes: &[u8], kind: &[u8; 4]) -> Vec<usize> {
    let found = bytes.windows(4).enumerate();
    found.filter(|(_, window)| window == kind).map(|(at, _)| at + 4).collect()
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|word| word.try_into().ok()).map_or(0, u32::from_be_bytes)
}

fn set_word(bytes: &mut [u8], at: usize, value: u32) {
    if let Some(word) = bytes.get_mut(at..at + 4) {
        word.copy_from_slice(&value.to_be_bytes());
    }
}

fn decode_times_moved(bytes: &mut [u8]) {
    for at in find_boxes(bytes, b"tfdt") {
        let low = if word(bytes, at) >> 24 == 0 { at + 4 } else { at + 8 };
        let moved = word(bytes, low).wrapping_add(20_000);
        set_word(bytes, low, moved);
    }
}

/// Marks every sample as depending on others.
fn sync_samples_hidden(bytes: &mut [u8]) {
    const NON_SYNC: u32 = 0x0001_0000;
    for at in find_boxes(bytes, b"tfhd") {
        let flags = word(bytes, at);
        if flags & 0x20 != 0 {
            let before = [(0x1, 8), (0x2, 4), (0x8, 4), (0x10, 4)];
            let skipped: usize = before.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, size)| size).sum();
            let field = at + 8 + skipped;
            set_word(bytes, field, word(bytes, field) | NON_SYNC);
        }
    }
    for at in find_boxes(bytes, b"trun") {
        let flags = word(bytes, at);
        let count = word(bytes, at + 4) as usize;
        let mut field = at + 8 + if flags & 0x1 != 0 { 4 } else { 0 };
        if flags & 0x4 != 0 {
            set_word(bytes, field, word(bytes, field) | NON_SYNC);
            field += 4;
        }
        if flags & 0x400 == 0 {
            continue;
        }
        let bit = |bit: u32| if flags & bit != 0 { 4 } else { 0 };
        let before = bit(0x100) + bit(0x200);
        let size = before + 4 + bit(0x800);
        for sample in 0..count {
            let at = field + sample * size + before;
            set_word(bytes, at, word(bytes, at) | NON_SYNC);
        }
    }
}

/// Breaks a rule that a media playlist shows.
fn playlist(rule: RuleId, name: &str, text: &str, memory: &mut Memory) -> String {
    let mut list = Text::parse(text);
    let later = memory.began.elapsed() > LATER;
    let second = memory.is_second(name);
    let ended = list.ended();
    let part_target = list.part_target();
    let target = list.number("#EXT-X-TARGETDURATION:").unwrap_or(1);
    let control = "#EXT-X-SERVER-CONTROL";
    let date = "#EXT-X-PROGRAM-DATE-TIME";
    let set = |list: &mut Text, tag: &str, name: &str, value: f64| {
        list.each(tag, |line| attribute(line, name, |_| format!("{value:.5}")));
    };
    let longer = |line: &str, more: f64| {
        let duration = line.trim_start_matches("#EXTINF:").trim_end_matches(',');
        let duration: f64 = duration.parse().unwrap_or(0.0);
        format!("#EXTINF:{:.5},", (duration + more).max(0.0))
    };
    match rule {
        RuleId::Syntax => list.head.push("#EXT-X-NO-SUCH-TAG:1".into()),
        RuleId::Version => list.each("#EXT-X-VERSION", |_| "#EXT-X-VERSION:5".into()),
        RuleId::PlaylistType if !ended => list.head.push("#EXT-X-PLAYLIST-TYPE:EVENT".into()),
        RuleId::ExtinfRounding => list.each("#EXTINF", |line| longer(line, target as f64)),
        RuleId::PartInf => list.drop("#EXT-X-PART-INF"),
        RuleId::PartDurationMax => {
            set(&mut list, "#EXT-X-PART:", "DURATION", part_target * 1.05);
        }
        RuleId::PartDurationMin => {
            set(&mut list, "#EXT-X-PART:", "DURATION", part_target * 0.8);
        }
        RuleId::PartsSum => list.each("#EXTINF", |line| longer(line, -0.05)),
        RuleId::ServerControl => list.drop(control),
        RuleId::PartHoldBack => set(&mut list, control, "PART-HOLD-BACK", part_target * 1.5),
        RuleId::PartHoldBackAdvice => {
            set(&mut list, control, "PART-HOLD-BACK", part_target * 2.5);
        }
        RuleId::HoldBack => {
            list.each(control, |line| {
                let without = attribute(line, "HOLD-BACK", |_| "0".into());
                let without = without.replace(",HOLD-BACK=0", "").replace("HOLD-BACK=0,", "");
                format!("{without},HOLD-BACK={}.0", target * 2)
            });
        }
        RuleId::CanSkipUntil => set(&mut list, control, "CAN-SKIP-UNTIL", target as f64 * 3.0),
        RuleId::PartsNearEdge => {
            if let Some((_, lines)) = list.segments.first_mut().filter(|_| !ended) {
                let at = lines.iter().position(|line| line.starts_with("#EXTINF"));
                let part = format!("#EXT-X-PART:DURATION={part_target},URI=\"ancient.m4s\"");
                lines.insert(at.unwrap_or(0), part);
            }
        }
        RuleId::PartsRemovedInOrder => {
            let count = list.segments.len();
            if let Some((_, lines)) = list.segments.get_mut(count.saturating_sub(2)) {
                lines.retain(|line| !line.starts_with("#EXT-X-PART:"));
            }
        }
        RuleId::PreloadHintPresent => list.drop("#EXT-X-PRELOAD-HINT"),
        RuleId::PreloadHintMatches => {
            list.each("#EXT-X-PRELOAD-HINT", |line| attribute(line, "URI", |uri| uri.replacen('"', "\"other-", 1)))
        }
        RuleId::PreloadHintAfterEnd if ended => {
            let hint = "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"never.m4s\"";
            list.tail.push(hint.into());
        }
        RuleId::ProgramDateTimePresent => list.drop(date),
        RuleId::ProgramDateTimeConsistent => {
            for (_, lines) in list.segments.iter_mut().filter(|(msn, _)| msn % 4 == 1) {
                for line in lines.iter_mut().filter(|line| line.starts_with(date)) {
                    *line = moved_date(line, 400);
                }
            }
        }
        RuleId::ArrivalCadence => list.each(date, |line| moved_date(line, -10_000)),
        RuleId::RenditionsDate if second => list.each(date, |line| moved_date(line, 400)),
        RuleId::MapPresent => list.drop("#EXT-X-MAP"),
        RuleId::MapNeedsDiscontinuity => {
            for (_, lines) in &mut list.segments {
                lines.retain(|line| line != "#EXT-X-DISCONTINUITY");
            }
        }
        RuleId::GapConsistent => list.each("#EXT-X-PART:", |line| line.replace(",GAP=YES", "")),
        RuleId::WindowMinimum if !list.is_delta() => {
            let removed = list.segments.len().saturating_sub(3);
            list.segments.drain(..removed);
            list.add("#EXT-X-MEDIA-SEQUENCE:", removed as i64);
        }
        RuleId::TargetDurationConstant if later => list.add("#EXT-X-TARGETDURATION:", 1),
        RuleId::TargetDurationShared if second => list.add("#EXT-X-TARGETDURATION:", 1),
        RuleId::ServerControlConstant if later => {
            set(&mut list, control, "PART-HOLD-BACK", part_target * 9.0);
        }
        RuleId::ServerControlShared if second => {
            set(&mut list, control, "PART-HOLD-BACK", part_target * 9.0);
        }
        RuleId::MediaSequence if later => list.add("#EXT-X-MEDIA-SEQUENCE:", 1),
        RuleId::SegmentImmutable if later => list.each("#EXTINF", |line| longer(line, 0.004)),
        RuleId::PartImmutable if later => {
            set(&mut list, "#EXT-X-PART:", "DURATION", part_target * 0.98);
        }
        RuleId::DiscontinuitySequence => list.drop("#EXT-X-DISCONTINUITY-SEQUENCE"),
        RuleId::RenditionsDiscontinuity if second => {
            list.add("#EXT-X-DISCONTINUITY-SEQUENCE:", 1);
        }
        RuleId::EndlistFinal => {
            let since = memory.ended.map(|ended| ended.elapsed());
            if since.is_some_and(|since| since > Duration::from_millis(300)) {
                list.drop("#EXT-X-ENDLIST");
            }
        }
        RuleId::OneVersionOneText if !list.is_delta() && memory.every("text", 3) => {
            if let Some((_, lines)) = list.segments.first_mut() {
                lines.retain(|line| !line.starts_with(date));
            }
        }
        RuleId::RenditionReportPresent => list.drop("#EXT-X-RENDITION-REPORT"),
        RuleId::RenditionReportRight => list.each("#EXT-X-RENDITION-REPORT", |line| {
            attribute(line, "LAST-MSN", |msn| {
                let msn: u64 = msn.parse().unwrap_or(0);
                msn.saturating_sub(3).to_string()
            })
        }),
        RuleId::DeltaBoundary if list.is_delta() => {
            let more = 3.min(list.segments.len());
            list.segments.drain(..more);
            list.add("#EXT-X-SKIP:SKIPPED-SEGMENTS=", more as i64);
        }
        RuleId::DeltaReconstructs if list.is_delta() => {
            if let Some((_, lines)) = list.segments.first_mut() {
                lines.retain(|line| !line.starts_with(date));
            }
        }
        RuleId::DurationTrue => {
            set(&mut list, "#EXT-X-PART:", "DURATION", part_target * 0.87);
        }
        RuleId::IndependentFlag => {
            list.each("#EXT-X-PART:", |line| line.replace(",INDEPENDENT=YES", ""));
        }
        _ => {}
    }
    list.render()
}
