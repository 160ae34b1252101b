use p2p_tracker::{Access, Connection};
use serde_json::json;

use super::*;
use crate::store::Store;

const VIDEO: Uuid = Uuid::from_u128(1);

async fn opened() -> (Swarms, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open("", folder.path()).await.expect("a store");
    let swarms = Swarms::new(swarm::Swarms::new(&store).await.expect("keys"));
    let id = swarms.id(VIDEO);
    let made = Swarm { id, renditions: Vec::new(), invited: Mutex::new(Instant::now()), counted: Counted::default() };
    swarms.opened().insert(VIDEO, Arc::new(made));
    assert!(swarms.tracker().register(Instant::now(), InfoHash(id.0), Kind::Mesh));
    (swarms, folder)
}

/// A peer of the swarm that has taken something.
fn join(swarms: &Swarms) -> Connection {
    let now = Instant::now();
    let mut peer = swarms.tracker().open(now, [127, 0, 0, 1].into(), Access { shoal: true, plain: false }).expect("let in");
    let id = swarms.id(VIDEO);
    let hash: String = id.0.iter().copied().map(char::from).collect();
    let token = swarms.0.lives.invitation(id, STRIPES, Vec::new()).token;
    let announce = json!({ "action": "announce", "info_hash": hash, "peer_id": "-SH0100-aaaaaaaaaaaa", "token": token,
        "shoal": { "version": 1, "rendition": 0, "slots": 1, "upload": true } });
    peer.handle_message(now, &announce.to_string());
    let report = json!({ "action": "report", "info_hash": hash, "peer_id": "-SH0100-aaaaaaaaaaaa", "http_bytes": 10, "p2p_bytes": 30 });
    peer.handle_message(now, &report.to_string());
    peer
}

#[tokio::test]
async fn a_swarm_is_open_while_somebody_is_there_or_may_come() {
    let (swarms, _folder) = opened().await;
    let metrics = Metrics::default();
    let late = Instant::now() + IDLE;
    let peer = join(&swarms);
    swarms.sweep(&metrics, late);
    assert_eq!((metrics.viewer_http_bytes.value(), metrics.viewer_p2p_bytes.value()), (10, 30));
    swarms.sweep(&metrics, late);
    assert_eq!(metrics.viewer_p2p_bytes.value(), 30, "counted once");
    assert_eq!(swarms.opened().len(), 1, "somebody is there");
    drop(peer);
    swarms.sweep(&metrics, Instant::now());
    assert_eq!(swarms.opened().len(), 1, "a token was asked for");
    swarms.sweep(&metrics, late + Duration::from_secs(1));
    assert_eq!(swarms.opened().len(), 0);
    assert_eq!(swarms.tracker().summary(&InfoHash(swarms.id(VIDEO).0)), None);
}

#[tokio::test]
async fn what_was_taken_in_the_end_is_counted() {
    let (swarms, _folder) = opened().await;
    let metrics = Metrics::default();
    let _peer = join(&swarms);
    swarms.close(&metrics, VIDEO);
    assert_eq!(metrics.viewer_http_bytes.value(), 10);
    assert_eq!(swarms.tracker().summary(&InfoHash(swarms.id(VIDEO).0)), None);
    swarms.close(&metrics, VIDEO);
    assert_eq!(metrics.viewer_http_bytes.value(), 10);
}
