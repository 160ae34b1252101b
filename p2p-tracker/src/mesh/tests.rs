//! Videos' swarms in virtual time.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::*;
use crate::Kind;
use crate::member::Offload;
use crate::world::{NOW_UNIX_S, Peer, SWARM, World, id, manifest};

fn video() -> World {
    World::new(Kind::Mesh)
}

/// A peer that plays this from the beginning.
fn join_playing(world: &World, number: usize, rendition: u8) -> Peer {
    let mut peer = world.connect(number);
    let mut announce = world.announce(&peer);
    announce["shoal"]["rendition"] = json!(rendition);
    peer.say(world.now, &announce);
    peer
}

fn neighbours(peer: &Peer) -> HashSet<String> {
    let named = peer.assigned()["neighbours"].as_array().expect("a list");
    let set: HashSet<String> = named.iter().map(|id| id.as_str().expect("an id").to_owned()).collect();
    assert_eq!(set.len(), named.len(), "each is named once");
    assert!(!set.contains(&peer.id), "nobody is their own neighbour");
    assert!(set.len() <= NEIGHBOURS);
    set
}

fn assignments(peer: &Peer) -> usize {
    peer.texts.iter().filter(|text| text["action"] == "assign").count()
}

#[test]
fn joining_needs_a_token_and_tells_others() {
    let world = video();
    let mut peer = world.connect(0);
    let good = world.announce(&peer);
    for (field, value, reason) in [
        ("token", json!("nonsense"), "invalid or expired token"),
        ("token", Value::Null, "invalid or expired token"),
        ("shoal", Value::Null, "this swarm needs a client that knows it"),
        ("shoal", json!({ "version": 2 }), "unknown version"),
    ] {
        let mut message = good.clone();
        message[field] = value;
        assert_eq!(peer.failure(world.now, &message), reason);
    }
    peer.texts.clear();
    peer.say(world.now, &good);
    let alone = json!({ "action": "assign", "info_hash": "s".repeat(20), "peers": 1, "manifests": false, "stripes": [], "neighbours": [] });
    assert_eq!(peer.assigned(), &alone);
    let second = world.join(1);
    assert_eq!(neighbours(&second), HashSet::from([id(0)]));
    // Manifests come by HTTP.
    world.manifest(&manifest(0, 1));
    peer.hear();
    assert_eq!(peer.manifests, Vec::<Vec<u8>>::new());
}

#[test]
fn a_small_swarm_is_told_when_it_grows_or_shrinks() {
    let mut world = video();
    let mut peers: Vec<Peer> = (0..8).map(|number| world.join(number)).collect();
    peers[0].texts.clear();
    world.pass(2);
    peers[0].hear();
    assert_eq!(assignments(&peers[0]), 1, "once for all that came");
    assert_eq!((&peers[0].assigned()["peers"], neighbours(&peers[0]).len()), (&json!(8), 7));
    drop(peers.split_off(5));
    peers[0].texts.clear();
    world.pass(2);
    peers[0].hear();
    assert_eq!((assignments(&peers[0]), neighbours(&peers[0])), (1, (1..5).map(id).collect()));
    peers[0].texts.clear();
    world.pass(20);
    peers[0].hear();
    assert!(peers[0].texts.is_empty(), "nothing new, nothing said: {:?}", peers[0].texts);
}

#[test]
fn a_large_swarm_tells_newcomers_and_who_asks() {
    let mut world = video();
    let mut peers: Vec<Peer> = (0..100).map(|number| world.join(number)).collect();
    world.pass(2);
    let peer = &mut peers[0];
    peer.hear();
    peer.texts.clear();
    let others: Vec<Peer> = (100..110).map(|number| world.join(number)).collect();
    assert!(others.iter().all(|other| neighbours(other).len() == NEIGHBOURS));
    world.pass(2);
    peer.hear();
    assert!(peer.texts.is_empty(), "it has enough: {:?}", peer.texts);
    peer.report(world.now, &json!({ "neighbours": 6 }));
    peer.report(world.now, &json!({}));
    assert!(peer.texts.is_empty(), "{:?}", peer.texts);

    peer.report(world.now, &json!({ "neighbours": 5 }));
    assert_eq!((assignments(peer), &peer.assigned()["peers"], neighbours(peer).len()), (1, &json!(110), NEIGHBOURS));
    let first = neighbours(peer);
    // Again only after a while, and others then.
    world.pass(9);
    peer.report(world.now, &json!({ "neighbours": 0 }));
    assert_eq!(assignments(peer), 1);
    world.pass(1);
    peer.report(world.now, &json!({ "neighbours": 0 }));
    assert_eq!(assignments(peer), 2);
    assert_ne!(neighbours(peer), first);
    for wrong in [json!(-1), json!("many"), json!(70_000)] {
        peer.texts.clear();
        peer.report(world.now, &json!({ "neighbours": wrong }));
        assert_eq!(peer.texts[0]["failure reason"], "invalid report");
    }
}

#[test]
fn who_watches_the_same_comes_first() {
    let mut world = video();
    // Few watch the second rendition, and nobody else the third.
    let mut peers: Vec<Peer> = (0..60).map(|number| join_playing(&world, number, u8::from(number % 10 == 0))).collect();
    let alike: HashSet<String> = (0..6).map(|tens| id(10 * tens)).collect();
    let newcomer = join_playing(&world, 60, 1);
    let named = neighbours(&newcomer);
    assert_eq!((named.len(), named.is_superset(&alike)), (NEIGHBOURS, true));
    let odd = join_playing(&world, 61, 2);
    assert_eq!(neighbours(&odd).len(), NEIGHBOURS);
    let many = join_playing(&world, 62, 0);
    assert!(neighbours(&many).is_disjoint(&alike), "there are enough that watch the same");
    // Whoever changes is found with the others from then on; a leaver is not found.
    let changed = &mut peers[1];
    changed.report(world.now, &json!({ "rendition": 2, "neighbours": 0 }));
    assert!(neighbours(changed).contains(&odd.id));
    drop(odd);
    world.pass(10);
    let changed = &mut peers[1];
    changed.report(world.now, &json!({ "neighbours": 0 }));
    assert!(!neighbours(changed).contains(&id(61)));
    let next = join_playing(&world, 63, 2);
    assert!(neighbours(&next).contains(&id(1)));
}

#[test]
fn nobody_is_named_much_more_often_than_others() {
    let world = video();
    let peers: Vec<Peer> = (0..400).map(|number| world.join(number)).collect();
    let mut named = HashMap::<String, usize>::new();
    for peer in &peers[300..] {
        for neighbour in neighbours(peer) {
            *named.entry(neighbour).or_default() += 1;
        }
    }
    // 1200 names among some 350.
    assert!(named.len() > 280, "{}", named.len());
    assert!(named.values().all(|times| *times < 15), "{named:?}");
}

#[test]
fn the_same_seed_draws_the_same() {
    let names = || {
        let world = video();
        let peers: Vec<Peer> = (0..50).map(|number| world.join(number)).collect();
        peers.iter().map(|peer| peer.assigned().clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(), names());
}

#[test]
fn offers_and_answers_are_passed_on_and_reports_summed() {
    let mut world = video();
    let (mut first, mut second) = (world.join(0), world.join(1));
    let hash = "s".repeat(20);
    let offer = json!({ "action": "announce", "info_hash": hash, "peer_id": first.id, "to_peer_id": second.id,
        "offer_id": "o".repeat(20), "offer": { "type": "offer", "sdp": "x" } });
    first.say(world.now, &offer);
    second.texts.clear();
    second.hear();
    assert_eq!((&second.texts[0]["peer_id"], &second.texts[0]["offer"]["sdp"]), (&json!(first.id), &json!("x")));
    let answer = json!({ "action": "announce", "info_hash": hash, "peer_id": second.id, "to_peer_id": first.id,
        "offer_id": "o".repeat(20), "answer": { "type": "answer", "sdp": "y" } });
    second.say(world.now, &answer);
    first.texts.clear();
    first.hear();
    assert_eq!(first.texts[0]["answer"]["sdp"], "y");
    first.texts.clear();
    // Accusations mean nothing here, however many there are.
    let accusers: Vec<Peer> = (2..12).map(|number| world.join(number)).collect();
    for mut accuser in accusers {
        accuser.report(world.now, &json!({ "accused": [first.id], "p2p_bytes": 10, "http_bytes": 1, "neighbours": 11 }));
    }
    first.report(world.now, &json!({ "upload_bytes": 100 }));
    let summary = world.tracker.summary(&SWARM).expect("is there");
    assert_eq!(summary.offload, Offload { http_bytes: 10, p2p_bytes: 100, upload_bytes: 100 });
    assert_eq!(summary.counts.incomplete, 2);
    for _ in 0..20 {
        first.report(world.now, &json!({}));
    }
    assert_eq!(first.texts.last().expect("is told")["failure reason"], "too many reports");
    // Who says nothing any more is gone.
    world.pass(200);
    assert_eq!(world.tracker.summary(&SWARM).expect("is there").counts.incomplete, 0);
}

#[test]
fn a_peer_that_comes_again_on_another_socket_is_one() {
    let mut world = video();
    let mut first = world.join(0);
    let others: Vec<Peer> = (1..4).map(|number| world.join(number)).collect();
    let again = world.join(0);
    assert_eq!(neighbours(&again).len(), 3);
    drop(std::mem::replace(&mut first, world.connect(99)));
    world.pass(2);
    assert_eq!(world.tracker.summary(&SWARM).expect("is there").counts.incomplete, 4);
    drop((again, others));
    world.tracker.handle_timeout(world.now, NOW_UNIX_S);
    assert_eq!(neighbours(&world.join(5)), HashSet::new(), "all have left");
}

#[test]
fn a_hundred_thousand_peers_cost_no_more_each() {
    let mut peers = Peers::new();
    let mut mesh = Mesh::default();
    let mut random = <rand::rngs::SmallRng as rand::SeedableRng>::seed_from_u64(1);
    let mut keys = Vec::new();
    for number in 0..100_000_u32 {
        let mut peer = [0; 20];
        peer[..4].copy_from_slice(&number.to_be_bytes());
        let key = peers.insert(PeerId(peer), ());
        mesh.play(key, if number % 3 == 0 { 1 } else { 0 });
        keys.push(key);
    }
    // Each draw looks at some tens of peers; ten thousand of them over all would take minutes.
    for (number, key) in keys.iter().enumerate().step_by(10) {
        let drawn = mesh.draw(*key, &peers, &mut random);
        assert_eq!(drawn.len(), NEIGHBOURS);
        assert!(!drawn.contains(key));
        assert!(drawn.iter().all(|other| mesh.playing[other].0 == u8::from(number % 3 == 0)));
    }
    for key in keys {
        mesh.leave(key);
    }
    assert!(mesh.audiences.is_empty() && mesh.playing.is_empty());
}
