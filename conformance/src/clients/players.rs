//! Clients that follow a rendition, each in its manner.

use super::reload::{Directives, Purpose};
use crate::exchange::{Ask, Client, Failure};
use crate::playlist::Media;
use crate::playlist::media::Position;
use crate::presentation::resolve;
use crate::rule::RuleId;
use std::sync::Arc;
use std::time::Duration;

/// Every so many delta updates the base is a whole playlist again.
const DELTAS_IN_A_ROW: u32 = 20;

/// Reloads part by part and downloads each part, as low-latency players do.
pub(crate) async fn parts(client: Client, index: usize) {
    let base = client.board.url(index);
    let mut asked = Directives::default();
    let mut at: Option<Position> = None;
    while !client.board.has_ended(index) {
        let Some(media) = client.reload(index, asked, None, Purpose::Next).await else {
            continue;
        };
        asked = Directives::next_part(&media);
        for (position, part) in listed_parts(&media) {
            let new = at.is_some_and(|at| position > at);
            if new && !part.gap {
                client.media(&resolve(&base, &part.uri)).await;
            }
        }
        at = media.newest().max(at);
    }
}

fn listed_parts(media: &Media) -> impl Iterator<Item = (Position, &crate::playlist::media::Part)> {
    media.segments.iter().flat_map(|segment| {
        let parts = segment.parts.iter().zip(0..);
        parts.map(|(part, index)| {
            let position = Position { msn: segment.msn, part: index };
            (position, part)
        })
    })
}

/// Reloads segment by segment and downloads each segment.
pub(crate) async fn segments(client: Client, index: usize) {
    let base = client.board.url(index);
    let mut asked = Directives::default();
    let mut done: Option<u64> = None;
    while !client.board.has_ended(index) {
        let Some(media) = client.reload(index, asked, None, Purpose::Next).await else {
            continue;
        };
        asked = Directives::next_segment(&media);
        for segment in &media.segments {
            let new = done.is_some_and(|done| segment.msn > done);
            if let Some(uri) = segment.uri.as_ref().filter(|_| new && !segment.gap) {
                client.media(&resolve(&base, uri)).await;
            }
        }
        let complete = media.segments.iter().filter(|segment| segment.complete());
        done = complete.map(|segment| segment.msn).max().max(done);
    }
}

/// Polls without directives, as players that know no parts do (6.3.4).
pub(crate) async fn polls(client: Client, index: usize) {
    let mut before: Option<Arc<Media>> = None;
    while !client.board.has_ended(index) {
        let asked = Directives::default();
        let media = client.reload(index, asked, None, Purpose::Next).await;
        let target = client.board.target_duration();
        let unchanged = before.is_some() && before == media;
        let pause = if unchanged { target / 2 } else { target };
        before = media;
        tokio::time::sleep(pause.min(Duration::from_secs(4))).await;
    }
}

/// Asks for delta updates, with and without waiting.
pub(crate) async fn deltas(client: Client, index: usize) {
    let mut base: Option<Arc<Media>> = None;
    let mut row = 0;
    while !client.board.has_ended(index) {
        let mut asked = base.as_deref().map_or_else(Directives::default, Directives::next_part);
        asked.skip = base.is_some();
        let media = client.reload(index, asked, base.as_deref(), Purpose::Next).await;
        row += 1;
        base = media.filter(|_| row % DELTAS_IN_A_ROW != 0);
    }
}

/// Requests each hinted part together with the playlist that will list it.
pub(crate) async fn hints(client: Client, index: usize) {
    let base = client.board.url(index);
    let mut media: Option<Arc<Media>> = None;
    while !client.board.has_ended(index) {
        let asked = media.as_deref().map_or_else(Directives::default, Directives::next_part);
        let hinted = media.as_ref().and_then(|media| media.hinted_part()).map(|uri| (uri.to_owned(), resolve(&base, uri)));
        let Some((uri, url)) = hinted else {
            media = client.reload(index, asked, None, Purpose::Next).await;
            continue;
        };
        let target = client.board.target_duration();
        let ask = Ask::get(&url).patience(3 * target + Duration::from_secs(1));
        let (answer, next) = tokio::join!(client.fetch(&ask), client.reload(index, asked, None, Purpose::Next));
        let Some(next) = next else {
            media = None;
            continue;
        };
        let part = listed_parts(&next).find(|(_, part)| part.uri == uri);
        if let Some((position, part)) = part
            && !part.gap
        {
            check_hint(&client, index, &url, position, answer);
        }
        media = Some(next);
    }
}

/// A hint that came true was held until then and sent whole and at once.
fn check_hint(client: &Client, index: usize, url: &str, position: Position, answer: Result<crate::exchange::Answer, Failure>) {
    let board = &client.board;
    board.count("hints followed");
    let answer = match answer {
        Ok(answer) if answer.status == 200 => answer,
        Ok(answer) => {
            board.broken(RuleId::HintHeld, url, format!("status {}", answer.status));
            return;
        }
        Err(failure) => {
            board.broken(RuleId::HintHeld, url, format!("{failure:?}"));
            return;
        }
    };
    client.digest(url, &answer.body);
    let bound = board.expect.answer_slack + board.excused();
    let sending = answer.at.duration_since(answer.head);
    if sending > bound {
        board.broken(RuleId::HintHeld, url, format!("{:.3} s between head and last byte", sending.as_secs_f64()));
    }
    let seen = board.with(|presentation, _| presentation.renditions[index].history.first_seen(position.msn, Some(position.part)));
    if let Some(seen) = seen {
        let late = answer.head.saturating_duration_since(seen.max(answer.sent));
        if late > bound {
            board.broken(RuleId::HintHeld, url, format!("{:.3} s after the part was listed", late.as_secs_f64()));
        }
    }
}

/// Goes from rendition to rendition by their reports, without another reload between.
pub(crate) async fn switches(client: Client, first: usize) {
    let mut index = first;
    let mut asked = Directives::default();
    while !client.board.has_ended(index) {
        let Some(media) = client.reload(index, asked, None, Purpose::Next).await else {
            asked = Directives::default();
            continue;
        };
        asked = Directives::next_part(&media);
        let next = (index + 1) % client.board.renditions();
        let (own, other) = (client.board.url(index), client.board.url(next));
        let report = media.reports.iter().find(|report| resolve(&own, &report.uri) == other);
        if let Some(report) = report {
            let newest = media.newest();
            asked = Directives {
                msn: report.last_msn.or(newest.map(|newest| newest.msn)),
                part: report.last_part.or(newest.map(|newest| newest.part)).map(|part| part + 1),
                skip: false,
            };
            index = next;
            client.board.count("switches");
        }
    }
}
