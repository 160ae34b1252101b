//! Announce and scrape by HTTP (BEP 3, BEP 48), as bittorrent-tracker answers them for swarms that have WebRTC peers only.

use crate::ids::{ID_BYTES, InfoHash};
use crate::protocol::{Counts, MAX_SCRAPE};
use crate::swarm::ANNOUNCE_INTERVAL;

/// Content type of both answers.
pub const CONTENT_TYPE: &str = "text/plain";

/// Answers an announce: how many there are, and an empty list of peers.
pub fn announce(query: &str, counts: impl Fn(&InfoHash) -> Option<Counts>) -> Vec<u8> {
    let Some(info_hash) = info_hashes(query).next() else { return failure("invalid info_hash") };
    let Some(info_hash) = info_hash else { return failure("invalid info_hash") };
    let Some(counts) = counts(&info_hash) else { return failure("no such swarm") };
    let Counts { complete, incomplete, downloaded: _ } = counts;
    let interval_s = ANNOUNCE_INTERVAL.as_secs();
    format!("d8:completei{complete}e10:incompletei{incomplete}e8:intervali{interval_s}e5:peers0:e").into_bytes()
}

/// Answers a scrape; swarms that are not there are left out.
pub fn scrape(query: &str, counts: impl Fn(&InfoHash) -> Option<Counts>) -> Vec<u8> {
    let mut hashes: Vec<InfoHash> = Vec::new();
    for info_hash in info_hashes(query).take(MAX_SCRAPE) {
        let Some(info_hash) = info_hash else { return failure("invalid info_hash") };
        hashes.push(info_hash);
    }
    if hashes.is_empty() {
        return failure("full scrapes are not allowed");
    }
    // Keys of a dictionary are sorted and there once (BEP 3).
    hashes.sort_unstable();
    hashes.dedup();
    let mut out = b"d5:filesd".to_vec();
    for info_hash in hashes {
        let Some(Counts { complete, incomplete, downloaded }) = counts(&info_hash) else { continue };
        out.extend_from_slice(b"20:");
        out.extend_from_slice(&info_hash.0);
        let text = format!("d8:completei{complete}e10:downloadedi{downloaded}e10:incompletei{incomplete}ee");
        out.extend_from_slice(text.as_bytes());
    }
    out.extend_from_slice(b"ee");
    out
}

fn failure(reason: &str) -> Vec<u8> {
    format!("d14:failure reason{}:{reason}e", reason.len()).into_bytes()
}

fn info_hashes(query: &str) -> impl Iterator<Item = Option<InfoHash>> {
    query.split('&').filter_map(|pair| pair.strip_prefix("info_hash=")).map(unescape)
}

/// Percent-encoded bytes.
fn unescape(text: &str) -> Option<InfoHash> {
    let mut id = [0; ID_BYTES];
    let mut rest = text.bytes();
    let hex = |rest: &mut std::str::Bytes<'_>| char::from(rest.next()?).to_digit(16).map(|digit| digit as u8);
    for byte in &mut id {
        *byte = match rest.next()? {
            b'%' => hex(&mut rest)? << 4 | hex(&mut rest)?,
            b'+' => b' ',
            plain => plain,
        };
    }
    rest.next().is_none().then_some(InfoHash(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HERE: InfoHash = InfoHash(*b"aaaaaaaaaaaaaaaaaa \xff");

    fn counts(info_hash: &InfoHash) -> Option<Counts> {
        (*info_hash == HERE).then_some(Counts { complete: 2, incomplete: 3, downloaded: 4 })
    }

    #[test]
    fn announces_get_counts_and_no_peer() {
        let query = "peer_id=x&info_hash=aaaaaaaaaaaaaaaaaa+%fF&port=1&compact=1";
        assert_eq!(announce(query, counts), b"d8:completei2e10:incompletei3e8:intervali120e5:peers0:e");
        assert_eq!(announce("info_hash=aaaaaaaaaaaaaaaaaaaa", counts), b"d14:failure reason13:no such swarme");
        for query in ["", "info_hash=", "info_hash=%", "info_hash=aaaaaaaaaaaaaaaaaa+%fg", "info_hash=aaaaaaaaaaaaaaaaaa+%ffa"] {
            assert_eq!(announce(query, counts), b"d14:failure reason17:invalid info_hashe", "{query}");
        }
    }

    #[test]
    fn scrapes_name_what_is_there() {
        let query = "info_hash=bbbbbbbbbbbbbbbbbbbb&info_hash=aaaaaaaaaaaaaaaaaa+%ff&info_hash=aaaaaaaaaaaaaaaaaa%20%ff";
        let expected = b"d5:filesd20:aaaaaaaaaaaaaaaaaa \xffd8:completei2e10:downloadedi4e10:incompletei3eeee";
        assert_eq!(scrape(query, counts), expected);
        assert_eq!(scrape("", counts), b"d14:failure reason28:full scrapes are not allowede");
    }

    proptest! {
        #[test]
        fn any_query_is_answered(query in "\\PC{0,100}") {
            prop_assert!(!announce(&query, counts).is_empty() && !scrape(&query, counts).is_empty());
        }
    }
}
