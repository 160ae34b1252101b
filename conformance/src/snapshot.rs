//! Rules that one playlist shows by itself.

use crate::playlist::Media;
use crate::playlist::media::HintKind;
use crate::report::Ledger;
use crate::rule::RuleId;

/// Rounding of decimals in playlists, in seconds.
const ROUNDING: f64 = 1e-6;
/// Tolerated between EXTINF and the sum of its parts: a millisecond per part and for itself.
const PER_PART: f64 = 0.001;

/// Checks one whole playlist (not a delta update).
pub(crate) fn check(media: &Media, url: &str, date_tolerance_ms: f64, ledger: &mut Ledger) {
    let mut broken = |rule, detail: String| ledger.broken(rule, url, detail);
    let target = media.target_duration as f64;
    let has_parts = media.segments.iter().any(|s| !s.parts.is_empty());
    let has_map = media.segments.iter().any(|s| s.map.is_some());
    let needed = if has_map { 6 } else { 3 };
    if media.version < needed {
        broken(RuleId::Version, format!("version {}, at least {needed} needed", media.version));
    }
    if let Some(kind) = &media.playlist_type
        && !media.ended
    {
        broken(RuleId::PlaylistType, kind.clone());
    }
    for segment in &media.segments {
        if let Some(duration) = segment.duration
            && duration.round() > target
        {
            broken(RuleId::ExtinfRounding, format!("segment {} lasts {duration} s, target {target}", segment.msn));
        }
    }

    // Server control.
    match &media.server_control {
        None if media.ended => {}
        None => broken(RuleId::ServerControl, "absent".into()),
        Some(control) => {
            if !control.can_block_reload && !media.ended {
                broken(RuleId::ServerControl, "no CAN-BLOCK-RELOAD=YES".into());
            }
            if let Some(hold_back) = control.hold_back
                && hold_back + ROUNDING < 3.0 * target
            {
                broken(RuleId::HoldBack, format!("HOLD-BACK={hold_back}"));
            }
            if let Some(until) = control.can_skip_until
                && until + ROUNDING < 6.0 * target
            {
                broken(RuleId::CanSkipUntil, format!("CAN-SKIP-UNTIL={until}"));
            }
        }
    }
    let part_hold_back = media.server_control.as_ref().and_then(|c| c.part_hold_back);
    match (media.part_target, part_hold_back) {
        (None, _) if has_parts => broken(RuleId::PartInf, "absent".into()),
        (Some(_), None) => broken(RuleId::PartHoldBack, "absent".into()),
        (Some(part), Some(hold_back)) => {
            if hold_back + ROUNDING < 2.0 * part {
                broken(RuleId::PartHoldBack, format!("{hold_back} with parts of {part}"));
            }
            if hold_back + ROUNDING < 3.0 * part {
                broken(RuleId::PartHoldBackAdvice, format!("{hold_back} with parts of {part}"));
            }
        }
        _ => {}
    }

    // Parts.
    if let Some(part_target) = media.part_target {
        for segment in &media.segments {
            for (index, part) in segment.parts.iter().enumerate() {
                let name = || format!("part {index} of segment {}: {}", segment.msn, part.duration);
                if part.duration > part_target + ROUNDING {
                    broken(RuleId::PartDurationMax, name());
                }
                // The last part of an open segment may turn out to be its final one.
                let next = segment.parts.get(index + 1);
                let excepted = part.independent || part.gap || next.is_none_or(|next| next.gap);
                if part.duration + ROUNDING < 0.85 * part_target && !excepted {
                    broken(RuleId::PartDurationMin, name());
                }
            }
        }
    }
    let mut after = 0.0;
    let mut newer_have_parts = true;
    for segment in media.segments.iter().rev() {
        if !segment.parts.is_empty() {
            if after > 3.0 * target + ROUNDING && !media.ended {
                broken(RuleId::PartsNearEdge, format!("parts of segment {}, {after:.3} s from the end", segment.msn));
            }
            if !newer_have_parts {
                broken(RuleId::PartsRemovedInOrder, format!("segment {} has parts, a later one has none", segment.msn));
            }
            if let Some(duration) = segment.duration {
                let sum: f64 = segment.parts.iter().map(|part| part.duration).sum();
                let tolerance = PER_PART * (segment.parts.len() as f64 + 1.0);
                if (sum - duration).abs() > tolerance {
                    broken(RuleId::PartsSum, format!("segment {}: EXTINF {duration}, parts {sum:.6}", segment.msn));
                }
            }
        }
        newer_have_parts = !segment.parts.is_empty();
        after += segment.length();

        let gaps = segment.parts.iter().filter(|part| part.gap).count();
        if segment.complete() && !segment.parts.is_empty() {
            if segment.gap && gaps == 0 {
                broken(RuleId::GapConsistent, format!("segment {} is a gap, none of its parts is", segment.msn));
            }
            if !segment.gap && gaps == segment.parts.len() {
                broken(RuleId::GapConsistent, format!("segment {} is no gap, all its parts are", segment.msn));
            }
        }
    }

    // Hints.
    let hinted = media.hints.iter().filter(|h| h.kind == HintKind::Part).count();
    if media.ended {
        if !media.hints.is_empty() {
            broken(RuleId::PreloadHintAfterEnd, "a hint beside EXT-X-ENDLIST".into());
        }
    } else if (has_parts || media.part_target.is_some()) && hinted != 1 {
        broken(RuleId::PreloadHintPresent, format!("{hinted} hints of TYPE=PART"));
    }

    // Dates and maps.
    let dates = media.dates_ms();
    if dates.is_empty() && !media.segments.is_empty() {
        broken(RuleId::ProgramDateTimePresent, "no date".into());
    }
    for (pair, starts) in media.segments.windows(2).zip(dates.windows(2)) {
        let step = starts[1] - (starts[0] + pair[0].length() * 1000.0);
        // Another time base after a discontinuity may leave a hole, and overlap by less than a second.
        let allowed = if pair[1].discontinuity { -1000.0..=f64::INFINITY } else { -date_tolerance_ms..=date_tolerance_ms };
        if !allowed.contains(&step) {
            broken(RuleId::ProgramDateTimeConsistent, format!("date of segment {} is {step:.0} ms off", pair[1].msn));
        }
    }
    for pair in media.segments.windows(2) {
        if pair[0].map != pair[1].map && !pair[1].discontinuity && pair[0].map.is_some() {
            broken(RuleId::MapNeedsDiscontinuity, format!("another map at segment {}", pair[1].msn));
        }
    }
    if let Some(segment) = media.segments.iter().find(|s| s.map.is_none() && !s.gap) {
        let all_gap = !segment.parts.is_empty() && segment.parts.iter().all(|part| part.gap);
        if !all_gap {
            broken(RuleId::MapPresent, format!("segment {} has no map", segment.msn));
        }
    }
}
