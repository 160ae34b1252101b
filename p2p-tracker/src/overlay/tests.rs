//! Broadcasts' swarms in virtual time: tokens, assignments, reports, manifests.

use serde_json::{Value, json};

use super::*;
use crate::member::{MAX_REPORTED_BYTES, Offload};
use crate::world::{NOW_UNIX_S, Peer, SWARM, World, id, manifest};
use crate::{InfoHash, Kind};

fn broadcast() -> World {
    World::new(Kind::Shoal(topology::Config::default()))
}

#[test]
fn joining_needs_a_token_and_a_client_that_knows_the_swarm() {
    let mut world = broadcast();
    let mut peer = world.connect(0);
    let good = world.announce(&peer);
    let with = |field: &str, value: Value| {
        let mut message = good.clone();
        message[field] = value;
        message
    };
    let other = world.tracker.tokens().issue(&InfoHash([b'x'; 20]), NOW_UNIX_S + 600);
    let expired = world.tracker.tokens().issue(&SWARM, NOW_UNIX_S);
    for token in [json!(null), json!("nonsense"), json!(other), json!(expired), json!({})] {
        assert_eq!(peer.failure(world.now, &with("token", token)), "invalid or expired token");
    }
    assert_eq!(peer.failure(world.now, &with("shoal", json!(null))), "this swarm needs a client that knows it");
    assert_eq!(peer.failure(world.now, &with("shoal", json!({ "version": 2 }))), "unknown version");
    assert_eq!(peer.failure(world.now, &with("shoal", json!({}))), "invalid request");
    peer.texts.clear();
    peer.say(world.now, &good);
    assert_eq!(peer.texts[0]["incomplete"], 1);
    assert_eq!((&peer.assigned()["peers"], &peer.assigned()["manifests"]), (&json!(1), &json!(true)));
    assert!(peer.assigned().get("neighbours").is_none(), "only meshes have them");
    // Who is in stays in, whatever becomes of the token; a newcomer does not get in with it.
    world.now += Duration::from_secs(120);
    world.tracker.handle_timeout(world.now, NOW_UNIX_S + 700);
    peer.texts.clear();
    peer.say(world.now, &good);
    assert_eq!(peer.texts[0]["incomplete"], 1);
    let mut late = world.connect(1);
    let mut message = good.clone();
    message["peer_id"] = json!(late.id);
    assert_eq!(late.failure(world.now, &message), "invalid or expired token");
}

#[test]
fn an_offer_to_one_peer_reaches_it_and_its_answer_comes_back() {
    let world = broadcast();
    let (mut first, mut second, mut third) = (world.join(0), world.join(1), world.join(2));
    for peer in [&mut first, &mut second, &mut third] {
        peer.hear();
        peer.texts.clear();
    }
    let hash = "s".repeat(20);
    let offer = json!({ "action": "announce", "info_hash": hash, "peer_id": first.id, "to_peer_id": second.id,
        "offer_id": "o".repeat(20), "offer": { "type": "offer", "sdp": "x" } });
    first.say(world.now, &offer);
    assert_eq!(first.texts, Vec::<Value>::new(), "only failures are answered");
    second.hear();
    let expected =
        json!({ "action": "announce", "info_hash": hash, "peer_id": first.id, "offer_id": "o".repeat(20), "offer": offer["offer"] });
    assert_eq!(second.texts, [expected]);
    let answer = json!({ "action": "announce", "info_hash": hash, "peer_id": second.id, "to_peer_id": first.id,
        "offer_id": "o".repeat(20), "answer": { "type": "answer", "sdp": "y" } });
    assert_eq!(third.failure(world.now, &answer), "no such offer, or it is too old");
    second.say(world.now, &answer);
    first.hear();
    assert_eq!((&first.texts[0]["peer_id"], &first.texts[0]["answer"]["sdp"]), (&json!(second.id), &json!("y")));
    // To nobody, and to oneself.
    for to in [id(77), first.id.clone()] {
        let mut lost = offer.clone();
        lost["to_peer_id"] = json!(to);
        first.texts.clear();
        first.say(world.now, &lost);
        assert_eq!(first.texts, [json!({ "action": "gone", "info_hash": hash, "peer_id": to, "offer_id": "o".repeat(20) })]);
    }
}

#[test]
fn peers_are_given_places_and_told_who_has_left() {
    let mut world = broadcast();
    let mut peers: Vec<Peer> = (0..12).map(|number| world.join(number)).collect();
    world.pass(5);
    let mut fed_by: Vec<Vec<String>> = Vec::new();
    for peer in &mut peers {
        peer.hear();
        assert_eq!(peer.assigned()["peers"], 12);
        let stripes = peer.assigned()["stripes"].as_array().expect("a list").clone();
        let parents = stripes.iter().filter_map(|stripe| {
            assert!(stripe["root"] == true || stripe["standby"].is_string() || stripe["standby"].is_null());
            stripe["parent"].as_str().map(str::to_owned)
        });
        fed_by.push(parents.collect());
        peer.texts.clear();
    }
    let gone = fed_by.iter().flatten().next().expect("twelve willing peers feed each other").clone();
    let children: Vec<usize> = (0..12).filter(|index| fed_by[*index].contains(&gone)).collect();
    let leaver = peers.iter().position(|peer| peer.id == gone).expect("a parent is a peer");
    let kept = std::mem::replace(&mut peers[leaver], world.connect(99));
    drop(kept);
    for child in children {
        let child = &mut peers[child];
        child.hear();
        let told = child.texts.iter().position(|text| text["action"] == "gone" && text["peer_id"] == *gone);
        let again = child.texts.iter().rposition(|text| text["action"] == "assign").expect("its places have changed");
        assert!(told.is_some_and(|told| told < again), "departures first: {:?}", child.texts);
        assert!(!child.assigned().to_string().contains(gone.trim_end_matches('*')) || gone.starts_with("peer 1*"));
    }
}

#[test]
fn a_peer_that_comes_again_on_another_socket_keeps_its_places() {
    let mut world = broadcast();
    let mut peers: Vec<Peer> = (0..6).map(|number| world.join(number)).collect();
    world.pass(3);
    for peer in &mut peers {
        peer.hear();
    }
    let places = peers[0].assigned()["stripes"].clone();
    for peer in &mut peers {
        peer.texts.clear();
    }
    let again = world.join(0);
    assert_eq!(again.assigned()["stripes"], places);
    drop(std::mem::replace(&mut peers[0], world.connect(98)));
    for peer in &mut peers {
        peer.hear();
        assert!(peer.last("gone").is_none(), "nobody has left");
    }
    assert_eq!(world.tracker.summary(&SWARM).expect("is there").counts.incomplete, 6);
}

#[test]
fn peers_of_a_small_swarm_know_how_many_they_are() {
    let mut world = broadcast();
    let mut first = world.join(0);
    assert_eq!(first.assigned()["peers"], 1);
    let others: Vec<Peer> = (1..4).map(|number| world.join(number)).collect();
    world.pass(2);
    first.hear();
    assert_eq!(first.assigned()["peers"], 4);
    drop(others);
    world.pass(2);
    first.hear();
    assert_eq!(first.assigned()["peers"], 1);
    first.texts.clear();
    world.pass(5);
    first.hear();
    assert!(first.texts.is_empty(), "nothing new, nothing said");
}

#[test]
fn everybody_in_a_small_swarm_gets_manifests_and_newcomers_the_last_ones() {
    let world = broadcast();
    let mut early = world.join(0);
    for number in 0..20 {
        world.manifest(&manifest(0, number));
    }
    world.manifest(&manifest(1, 99));
    early.hear();
    assert_eq!(early.manifests.len(), 21);
    assert_eq!(early.manifests[20], manifest(1, 99));
    let late = world.join(1);
    let expected: Vec<Vec<u8>> = (4..20).map(|number| manifest(0, number)).collect();
    assert_eq!(late.manifests, expected, "of what it plays");
}

#[test]
fn in_a_large_swarm_parents_pass_manifests_on() {
    let mut world = broadcast();
    let mut peers: Vec<Peer> = (0..60).map(|number| world.join(number)).collect();
    world.pass(30);
    for peer in &mut peers {
        peer.hear();
        peer.manifests.clear();
    }
    world.manifest(&manifest(0, 1));
    world.manifest(&manifest(1, 1));
    let mut served = 0;
    for peer in &mut peers {
        peer.hear();
        let stripes = peer.assigned()["stripes"].as_array().expect("a list");
        let is_root = stripes.iter().any(|stripe| stripe["root"] == true);
        let is_child = stripes.iter().any(|stripe| stripe["parent"].is_string());
        assert_eq!(peer.assigned()["manifests"], is_root || !is_child);
        let expected = if is_root || !is_child { vec![manifest(0, 1)] } else { Vec::new() };
        assert_eq!(peer.manifests, expected);
        served += peer.manifests.len();
    }
    assert!((1..30).contains(&served), "{served} of 60");
    // Whoever has parents now was sent manifests until it could have connected.
    let mut newcomer = world.join(60);
    newcomer.hear();
    newcomer.manifests.clear();
    world.manifest(&manifest(0, 2));
    newcomer.hear();
    assert_eq!(newcomer.manifests, [manifest(0, 2)]);
    // Small again: everybody gets them, and is told so.
    peers.truncate(10);
    world.pass(2);
    for peer in &mut peers {
        peer.hear();
        peer.manifests.clear();
        assert_eq!(peer.assigned()["manifests"], true);
    }
    world.manifest(&manifest(0, 3));
    assert!(peers.iter_mut().all(|peer| {
        peer.hear();
        peer.manifests == [manifest(0, 3)]
    }));
}

#[test]
fn reports_are_summed_and_bounded() {
    let mut world = broadcast();
    let mut peer = world.join(0);
    peer.texts.clear();
    peer.report(world.now, &json!({ "http_bytes": 1000, "p2p_bytes": 50, "upload_bytes": 7, "rendition": 1, "slots": 3, "upload": false }));
    peer.report(world.now, &json!({ "http_bytes": u64::MAX }));
    let offload = world.tracker.summary(&SWARM).expect("is there").offload;
    assert_eq!(offload, Offload { http_bytes: 1000 + MAX_REPORTED_BYTES, p2p_bytes: 50, upload_bytes: 7 });
    assert!(peer.texts.iter().all(|text| text["failure reason"].is_null()), "{:?}", peer.texts);
    for wrong in [json!({ "http_bytes": -1 }), json!({ "unreachable": "all" }), json!({ "lost": [{}] }), json!({ "slots": 70_000 })] {
        peer.texts.clear();
        peer.report(world.now, &wrong);
        assert_eq!(peer.texts[0]["failure reason"], "invalid report", "{wrong}");
    }
    for _ in 0..20 {
        peer.report(world.now, &json!({ "http_bytes": 1 }));
    }
    assert_eq!(peer.texts.last().map(|text| text["failure reason"].clone()), Some(json!("too many reports")));
    world.pass(10);
    peer.texts.clear();
    peer.report(
        world.now,
        &json!({ "http_bytes": 1, "unreachable": [id(5)], "accused": [id(6)], "lost": [{ "rendition": 0, "stripe": 1, "peer": id(7) }] }),
    );
    assert!(peer.texts.iter().all(|text| text["failure reason"].is_null()), "strangers in a report are ignored");
}

#[test]
fn reports_keep_a_peer_in_the_swarm() {
    let mut world = broadcast();
    let mut peer = world.join(0);
    for _ in 0..5 {
        world.pass(100);
        peer.report(world.now, &json!({}));
    }
    assert_eq!(world.tracker.summary(&SWARM).expect("is there").counts.incomplete, 1);
    world.pass(200);
    assert_eq!(world.tracker.summary(&SWARM).expect("is there").counts.incomplete, 0);
    peer.texts.clear();
    peer.report(world.now, &json!({}));
    assert_eq!(peer.texts[0]["failure reason"], "announce first");
}

#[test]
fn a_liar_named_by_nearly_all_whom_it_serves_is_put_out_and_stays_out() {
    let mut world = broadcast();
    let mut peers: Vec<Peer> = (0..30).map(|number| world.join(number)).collect();
    for (number, peer) in peers.iter_mut().enumerate() {
        peer.report(world.now, &json!({ "slots": if number == 0 { 100 } else { 0 } }));
    }
    world.pass(3);
    for peer in &mut peers {
        peer.hear();
    }
    // Its children say so: others have nothing to accuse it of.
    let liar = peers[0].id.clone();
    let is_fed = |peer: &Peer| peer.assigned()["stripes"].to_string().contains(&format!("\"parent\":\"{liar}\""));
    let children: Vec<usize> = (1..30).filter(|index| is_fed(&peers[*index])).collect();
    assert!(children.len() > 20, "nobody else has room: {}", children.len());
    let outcome = |liar: &mut Peer| {
        liar.hear();
        liar.texts.last().expect("was told its places")["failure reason"].clone()
    };
    for (accusers, child) in children.into_iter().enumerate() {
        let put_out = outcome(&mut peers[0]) == "expelled";
        assert!(!put_out || accusers >= 12, "{accusers} are too few");
        if put_out {
            break;
        }
        peers[child].report(world.now, &json!({ "accused": [liar] }));
    }
    let index = peers.iter().position(|peer| peer.id == liar).expect("is a peer");
    let liar = &mut peers[index];
    liar.hear();
    assert_eq!(liar.texts.last().expect("is told")["failure reason"], "expelled");
    assert_eq!(world.tracker.summary(&SWARM).expect("is there").counts.incomplete, 29);
    let again = world.announce(liar);
    assert_eq!(liar.failure(world.now, &again), "expelled");
    // The same address under another name, too.
    let mut renamed = again.clone();
    renamed["peer_id"] = json!(id(500));
    assert_eq!(liar.failure(world.now, &renamed), "expelled");
    world.pass(EXPULSION.as_secs());
    liar.connection.handle_message(world.now, &again.to_string());
    liar.texts.clear();
    liar.hear();
    assert_eq!(liar.texts[0]["interval"], 120);
}
