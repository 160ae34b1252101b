//! Asks for what should not be given, and for what is asked for rarely.

use super::reload::{Directives, Purpose};
use crate::exchange::{Answer, Ask, Client};
use crate::playlist::Media;
use crate::presentation::resolve;
use crate::rule::RuleId;
use reqwest::header;
use std::time::Duration;

/// Between two rounds.
const PAUSE: Duration = Duration::from_millis(300);
/// Directives that are no decimal integers.
const GARBAGE: &[&str] = &[
    "_HLS_msn=abc",
    "_HLS_msn=-1",
    "_HLS_msn=1.5",
    "_HLS_msn=99999999999999999999999999",
    "_HLS_msn=1&_HLS_part=x",
    "_HLS_msn=1&_HLS_part=-3",
];

pub(crate) async fn run(client: Client, index: usize) {
    let mut round = 0_usize;
    while !client.board.has_ended(index) {
        if let Some(media) = client.board.latest(index) {
            match round % 4 {
                0 => refusals(&client, index, &media).await,
                1 => old_and_past_end(&client, index, &media).await,
                2 => unknown_names(&client, index, &media).await,
                _ => heads_and_ranges(&client, index, &media).await,
            }
            round += 1;
        }
        tokio::time::sleep(PAUSE).await;
    }
    after_the_end(&client, index).await;
}

/// Requests that are refused at once.
async fn refusals(client: &Client, index: usize, media: &Media) {
    let base = client.board.url(index);
    let refused = |rule, query: String| {
        let url = format!("{base}?{query}");
        async move {
            let ask = Ask::get(&url);
            let Some(answer) = client.answered(&ask).await else {
                return;
            };
            // The stream may have ended meanwhile, and directives with it.
            if answer.status != 400 && !client.board.has_ended(index) && !ended(client, &answer) {
                client.board.broken(rule, &url, format!("status {}", answer.status));
            }
            at_once(client, rule, &answer);
            client.board.count("bad requests");
        }
    };
    refused(RuleId::PartWithoutMsn, "_HLS_part=0".into()).await;
    let Some(newest) = media.newest() else { return };
    refused(RuleId::FarFuture, format!("_HLS_msn={}", newest.msn + 10)).await;
    refused(RuleId::FarFuture, format!("_HLS_msn={}", u64::MAX)).await;
    if let Some(limit) = advance_limit(media) {
        let next = Directives::next_part(media);
        let part = next.part.unwrap_or(0) + limit + 20;
        let msn = next.msn.unwrap_or(newest.msn);
        refused(RuleId::FarFuture, format!("_HLS_msn={msn}&_HLS_part={part}")).await;
    }
    for garbage in GARBAGE {
        refused(RuleId::GarbageRefused, (*garbage).to_owned()).await;
    }
}

fn ended(client: &Client, answer: &Answer) -> bool {
    let text = client.text(answer, false);
    text.is_some_and(|text| text.contains("#EXT-X-ENDLIST"))
}

/// The Advance Part Limit (6.2.5.2).
fn advance_limit(media: &Media) -> Option<u64> {
    let part_target = media.part_target?;
    Some(if part_target < 1.0 { (3.0 / part_target).floor() as u64 } else { 3 })
}

fn at_once(client: &Client, rule: RuleId, answer: &Answer) {
    let bound = client.board.expect.answer_slack + client.board.excused();
    if answer.waited() > bound {
        let waited = answer.waited().as_secs_f64();
        client.board.broken(rule, &answer.url, format!("answered after {waited:.3} s"));
    }
}

/// Requests for what is past, and past the end of a segment.
async fn old_and_past_end(client: &Client, index: usize, media: &Media) {
    let old = [
        (media.media_sequence, None),
        (media.media_sequence.saturating_sub(1), None),
        (media.media_sequence.saturating_sub(100), Some(0)),
        (media.media_sequence, Some(3)),
    ];
    for (msn, part) in old {
        let asked = Directives { msn: Some(msn), part, skip: false };
        client.reload(index, asked, None, Purpose::Old).await;
    }
    let most = client.board.with(|presentation, _| presentation.renditions[index].history.most_parts());
    let (Some(most), Some(limit)) = (most, advance_limit(media)) else {
        return;
    };
    let Some(last) = media.segments.last().filter(|last| !last.complete()) else {
        return;
    };
    let part = most as u64 + 1;
    if part < last.parts.len() as u64 + limit {
        let asked = Directives { msn: Some(last.msn), part: Some(part), skip: false };
        client.reload(index, asked, None, Purpose::PastEnd).await;
        client.board.count("parts past the end");
    }
}

/// Names that were never listed.
async fn unknown_names(client: &Client, index: usize, media: &Media) {
    let base = client.board.url(index);
    let mut names = vec!["no-such-segment-000123.m4s".to_owned(), "no-such-playlist.m3u8".to_owned()];
    names.extend(media.hinted_part().and_then(far_name));
    for name in names {
        let url = resolve(&base, &name);
        let Some(answer) = client.answered(&Ask::get(&url)).await else {
            continue;
        };
        if answer.status != 404 {
            let status = answer.status;
            client.board.broken(RuleId::UnknownNotFound, &url, format!("status {status}"));
        }
        at_once(client, RuleId::UnknownNotFound, &answer);
        client.board.count("unknown names");
    }
}

/// A hinted name with its last number far in the future.
fn far_name(hinted: &str) -> Option<String> {
    let (stem, extension) = hinted.rsplit_once('.')?;
    let start = stem.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let number: u64 = stem[start..].parse().ok()?;
    Some(format!("{}{}.{extension}", &stem[..start], number + 100_000))
}

async fn heads_and_ranges(client: &Client, index: usize, media: &Media) {
    let base = client.board.url(index);
    let board = &client.board;
    if let Some(answer) = client.answered(&Ask::head(&base)).await
        && (answer.status != 200 || !answer.body.is_empty())
    {
        board.broken(RuleId::Head, &base, format!("status {}", answer.status));
    }
    let newest = media.segments.iter().rfind(|s| s.complete() && !s.gap);
    let Some(uri) = newest.and_then(|segment| segment.uri.as_ref()) else {
        return;
    };
    let url = resolve(&base, uri);
    let Some(whole) = client.media(&url).await else {
        return;
    };
    let length = whole.body.len();
    if let Some(answer) = client.answered(&Ask::head(&url)).await {
        let stated = answer.header(header::CONTENT_LENGTH).map(str::to_owned);
        if answer.status != 200
            || stated.as_deref() != Some(length.to_string().as_str())
            || answer.header(header::CONTENT_TYPE) != whole.header(header::CONTENT_TYPE)
        {
            board.broken(RuleId::Head, &url, format!("status {}, Content-Length {stated:?} of {length}", answer.status));
        }
    }
    for (range, from, to) in [
        ("bytes=0-9".to_owned(), 0, 10),
        ("bytes=5-5".to_owned(), 5, 6),
        ("bytes=-7".to_owned(), length.saturating_sub(7), length),
        (format!("bytes={}-", length / 2), length / 2, length),
        (format!("bytes=0-{}", length + 999), 0, length),
    ] {
        let Some(answer) = client.answered(&Ask::get(&url).range(&range)).await else {
            continue;
        };
        let stated = answer.header(header::CONTENT_RANGE).unwrap_or("").to_owned();
        let right = answer.status == 206
            && whole.body.get(from..to) == Some(&answer.body[..])
            && stated == format!("bytes {from}-{}/{length}", to.saturating_sub(1));
        if !right {
            board.broken(RuleId::Range, &url, format!("{range}: status {}, Content-Range {stated:?}", answer.status));
        }
    }
    let ask = Ask::get(&url).range(format!("bytes={length}-"));
    if let Some(answer) = client.answered(&ask).await
        && answer.status != 416
    {
        board.broken(RuleId::Range, &url, format!("past the end: status {}", answer.status));
    }
    board.count("heads and ranges");
}

/// After EXT-X-ENDLIST every directive is ignored.
async fn after_the_end(client: &Client, index: usize) {
    let base = client.board.url(index);
    for query in ["", "?_HLS_msn=1", "?_HLS_msn=9999999&_HLS_part=3", "?_HLS_part=3", "?_HLS_skip=YES"] {
        let url = format!("{base}{query}");
        let Some(answer) = client.answered(&Ask::get(&url)).await else {
            client.board.broken(RuleId::DirectivesAfterEnd, &url, "no answer");
            continue;
        };
        at_once(client, RuleId::DirectivesAfterEnd, &answer);
        let text = client.text(&answer, false).unwrap_or_default();
        match (answer.status, Media::parse(&text)) {
            (200, Ok(media)) if media.ended && media.skipped.is_none() => {}
            (200, Ok(media)) if !media.ended => {
                client.board.broken(RuleId::EndlistFinal, &url, "EXT-X-ENDLIST went away");
            }
            (status, read) => {
                let skipped = read.ok().and_then(|media| media.skipped);
                client.board.broken(RuleId::DirectivesAfterEnd, &url, format!("status {status}, skipped segments: {skipped:?}"));
            }
        }
        client.board.count("requests after the end");
    }
}

#[cfg(test)]
mod tests {
    use super::far_name;

    #[test]
    fn far_names_change_only_the_number() {
        assert_eq!(far_name("ab12-source-p77.m4s").as_deref(), Some("ab12-source-p100077.m4s"));
        assert_eq!(far_name("part.m4s"), None);
    }
}
