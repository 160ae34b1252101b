//! Opens the presentation as a new viewer does, again and again.

use super::reload::{Directives, Purpose};
use crate::exchange::{Ask, Client, Kind};
use crate::playlist::Multivariant;
use crate::presentation::resolve;
use crate::rule::RuleId;
use std::sync::Arc;
use std::time::Duration;

/// Between two joins.
const PAUSE: Duration = Duration::from_millis(800);

pub(crate) async fn run(first: Client, verify_tls: bool) {
    let board = Arc::clone(&first.board);
    let mut joined = 0_u64;
    loop {
        let ended = (0..board.renditions()).all(|index| board.has_ended(index));
        let Ok(http) = crate::checker::http(verify_tls) else {
            return;
        };
        let mut client = Client::new(http, Arc::clone(&board));
        client.gzip = joined % 2 == 1;
        join(&client).await;
        board.count("joins");
        joined += 1;
        if ended {
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn join(client: &Client) {
    let board = &client.board;
    let mut ask = Ask::get(board.master_url.as_str());
    ask.gzip = client.gzip;
    let Some(answer) = client.answered(&ask).await else {
        return;
    };
    if answer.status != 200 {
        board.broken(RuleId::ListedAvailable, &ask.url, format!("status {}", answer.status));
        return;
    }
    client.check_headers(&answer, Kind::Master);
    let Some(text) = client.small_text(&answer, ask.gzip) else {
        return;
    };
    match Multivariant::parse(&text) {
        Ok(master) => board.with(|presentation, ledger| {
            presentation.check_master(&master, &ask.url, ledger);
        }),
        Err(error) => board.broken(RuleId::Syntax, &ask.url, error.to_string()),
    }
    for index in 0..board.renditions() {
        let asked = Directives::default();
        let Some(media) = client.reload(index, asked, None, Purpose::Next).await else {
            continue;
        };
        let base = board.url(index);
        let parts = || media.segments.iter().flat_map(|segment| &segment.parts);
        let newest = parts().rfind(|part| !part.gap);
        let independent = parts().rfind(|part| part.independent && !part.gap);
        let first = media.segments.iter().find(|segment| !segment.gap);
        let map = media.segments.last().and_then(|segment| segment.map.as_ref());
        let uris = [map, independent.map(|part| &part.uri), newest.map(|part| &part.uri), first.and_then(|segment| segment.uri.as_ref())];
        for uri in uris.into_iter().flatten() {
            client.media(&resolve(&base, uri)).await;
        }
    }
}
