use super::*;

fn swarm(n: u64) -> World {
    let mut world = World::new(Config::default(), 21);
    for key in 0..n {
        world.join(key, facts(8, key));
    }
    world.pass(20_000);
    world
}

/// `key` says that `accused`, which was to feed it, sent it wrong bytes.
fn accuse(world: &mut World, key: u64, accused: u64) {
    let id = |key: u64| world.topology.keys.get(&PeerKey(key)).copied();
    if let (Some(parent), Some(child)) = (id(accused), id(key)) {
        world.topology.note_service(parent, child);
    }
    world.report(key, Report { accused: vec![PeerKey(accused)], ..Report::default() });
    world.check();
}

/// Nobody remembers that it fed anybody.
fn forget_service(world: &mut World) {
    for peer in &mut world.topology.peers {
        peer.served.clear();
    }
}

fn is_suspended(world: &World, key: u64) -> bool {
    let peer = world.topology.peer(world.topology.keys[&PeerKey(key)]);
    peer.benched || peer.is_aside()
}

fn children(world: &World, of: u64) -> usize {
    world.keys().into_iter().flat_map(|key| world.parents(key)).filter(|p| p.2.0 == of).count()
}

#[test]
fn pairs_that_cannot_reach_each_other_are_not_given_again() {
    // One pair in five fails, as both sides find out when they try.
    let mut world = World::new(Config::default(), 23);
    let fails = |a: u64, b: u64| (a.min(b) * 7_919 + a.max(b) * 104_729).is_multiple_of(5);
    for key in 0..200 {
        world.join(key, facts(8, key));
    }
    let mut last = 0;
    for round in 0..40 {
        world.pass(1_000);
        last = 0;
        for key in world.keys() {
            let tried = world.parents(key).into_iter().flat_map(|p| [Some(p.2), p.3]).flatten();
            let unreachable: Vec<_> = tried.filter(|other| fails(key, other.0)).collect();
            last += unreachable.len();
            if !unreachable.is_empty() {
                world.report(key, Report { unreachable, ..Report::default() });
            }
        }
        if round % 10 == 0 {
            world.check();
        }
    }
    assert!(last <= 8, "{last} pairs still fail");
    world.check();
    let measure = world.measure();
    assert!(measure.share() > 0.96, "{:.4} {measure:?}", measure.share());
}

#[test]
fn peers_behind_bad_translators_find_those_they_reach() {
    // A fifth reaches neither its own kind nor the two fifths behind middling translators.
    let kind = |key: u64| key * 7_919 % 5;
    let fails = |a: u64, b: u64| (kind(a) == 0 && kind(b) <= 2) || (kind(b) == 0 && kind(a) <= 2);
    let mut world = World::new(Config::default(), 27);
    for key in 0..300 {
        world.join(key, facts(8, key));
    }
    let (mut failures, mut last) = (0, 0);
    for _ in 0..60 {
        // Five seconds until an attempt is given up.
        world.pass(5_000);
        last = 0;
        for key in world.keys() {
            let tried = world.parents(key).into_iter().flat_map(|p| [Some(p.2), p.3]).flatten();
            let unreachable: Vec<_> = tried.filter(|other| fails(key, other.0)).collect();
            last += unreachable.len();
            world.report(key, Report { unreachable, ..Report::default() });
        }
        failures += last;
    }
    world.check();
    let measure = world.measure();
    println!("{:.2} failures per peer, {last} at last, served {:.4}", failures as f64 / 300.0, measure.share());
    assert!(last <= 3, "{last}");
    assert!(failures < 300 * 6, "{failures}");
    assert!(measure.share() > 0.96, "{measure:?}");
}

#[test]
fn two_addresses_are_not_enough() {
    let mut world = swarm(40);
    accuse(&mut world, 1, 9);
    accuse(&mut world, 2, 9);
    accuse(&mut world, 2, 9);
    // A third peer at an address that has spoken.
    world.join(100, facts(8, 2));
    accuse(&mut world, 100, 9);
    assert!(world.expelled.is_empty());
    world.pass(60_000);
    for key in [1, 2, 100] {
        assert!(world.parents(key).iter().all(|p| p.2.0 != 9 && p.3 != Some(PeerKey(9))), "the accusers do not meet it");
        assert!(world.parents(9).iter().all(|p| p.2.0 != key && p.3 != Some(PeerKey(key))));
    }
    assert_eq!(world.topology.len(), 41);
}

#[test]
fn most_of_those_served_take_the_children_away() {
    let mut world = swarm(40);
    forget_service(&mut world);
    for key in 1..=3 {
        accuse(&mut world, key, 9);
    }
    assert_eq!(children(&world, 9), 0);
    assert!(world.expelled.is_empty());
    world.pass(55_000);
    assert_eq!(children(&world, 9), 0);
    assert!(world.parents(9).is_empty(), "nor does anybody feed it");
    world.pass(30_000);
    assert!(!is_suspended(&world, 9) && !world.parents(9).is_empty(), "it is given another chance");
}

#[test]
fn twelve_addresses_expel() {
    let mut world = swarm(40);
    forget_service(&mut world);
    for key in 11..=22 {
        accuse(&mut world, key, 9);
    }
    assert_eq!(world.expelled, [PeerKey(9)]);
    assert_eq!(world.topology.len(), 39);
    world.join(9, facts(8, 9));
    assert_eq!(world.expelled.len(), 2, "it does not get in again by the same name");
    assert!(world.gone.iter().any(|&(_, peer)| peer == PeerKey(9)), "partners drop it");
    world.check();
}

#[test]
fn the_content_speak_for_the_accused() {
    let mut world = swarm(60);
    forget_service(&mut world);
    let id = |world: &World, key: u64| world.topology.keys[&PeerKey(key)];
    for content in 30..36 {
        let (parent, child) = (id(&world, 9), id(&world, content));
        world.topology.note_service(parent, child);
    }
    for key in 11..=22 {
        accuse(&mut world, key, 9);
    }
    assert!(world.expelled.is_empty());
    accuse(&mut world, 23, 9);
    assert_eq!(world.expelled, [PeerKey(9)], "thirteen are more than twice six");
}

#[test]
fn who_was_never_served_has_nothing_to_say() {
    let mut world = swarm(60);
    forget_service(&mut world);
    for key in 11..=30 {
        world.report(key, Report { accused: vec![PeerKey(9)], ..Report::default() });
    }
    assert!(world.expelled.is_empty() && !is_suspended(&world, 9));
}

#[test]
fn three_in_ten_who_accuse_those_who_feed_them_do_away_with_nobody() {
    let mut world = World::new(Config::default(), 31);
    let liar = |key: u64| key % 10 < 3;
    for key in 0..100 {
        world.join(key, facts(8, key));
    }
    let mut idle = 0;
    for _ in 0..60 {
        world.pass(2_000);
        for key in world.keys().into_iter().filter(|&key| liar(key)) {
            let accused = world.parents(key).into_iter().map(|p| p.2).filter(|parent| !liar(parent.0)).collect();
            world.report(key, Report { accused, ..Report::default() });
        }
        idle += world.topology.peers.iter().filter(|peer| (peer.benched || peer.is_aside()) && !liar(peer.key.0)).count();
    }
    world.check();
    assert!(world.expelled.is_empty(), "{:?}", world.expelled);
    assert!(idle < 60 * 70 / 5, "honest peers were without children {idle} of {} times", 60 * 70);
}

#[test]
fn who_accuses_everybody_is_believed_by_nobody() {
    let mut world = swarm(60);
    forget_service(&mut world);
    // Two liars accuse everybody, and so give up what they said of 50 and 51 too.
    for liar in [1, 2] {
        for victim in 50..60 {
            accuse(&mut world, liar, victim);
        }
    }
    for victim in 50..60 {
        accuse(&mut world, 3, victim);
        if victim == 53 {
            break;
        }
    }
    assert!((50..60).all(|victim| !is_suspended(&world, victim)));
    // Honest ones are still believed.
    for key in [4, 5, 6] {
        forget_service(&mut world);
        for key in [3, 4, 5, 6] {
            let (parent, child) = (world.topology.keys[&PeerKey(50)], world.topology.keys[&PeerKey(key)]);
            world.topology.note_service(parent, child);
        }
        accuse(&mut world, key, 50);
    }
    assert!(is_suspended(&world, 50) && world.expelled.is_empty());
}

#[test]
fn leaving_and_coming_back_restores_no_credit() {
    let mut world = swarm(60);
    for (round, victim) in (40..60).enumerate() {
        for liar in 0..3 {
            let key = 1_000 + round as u64 * 10 + liar;
            world.join(key, facts(1, 5_000 + liar));
            accuse(&mut world, key, victim);
            world.leave(key);
        }
    }
    let benched = world.topology.peers.iter().filter(|peer| peer.benched || peer.is_aside()).count();
    assert!(world.expelled.is_empty() && benched <= 5, "three addresses can idle five, then nobody: {benched}");
}

#[test]
fn a_third_of_polluters_soon_feeds_nobody() {
    let mut world = swarm(120);
    let bad = |key: u64| key.is_multiple_of(3);
    for _ in 0..30 {
        for key in world.keys() {
            let accused: Vec<_> = world.parents(key).into_iter().map(|p| p.2).filter(|parent| bad(parent.0)).collect();
            if !bad(key) && !accused.is_empty() {
                world.report(key, Report { accused, ..Report::default() });
            }
        }
        world.pass(2_000);
    }
    world.check();
    assert!(world.expelled.iter().all(|peer| bad(peer.0)));
    let met = world.keys().into_iter().filter(|&key| !bad(key)).flat_map(|key| world.parents(key)).filter(|p| bad(p.2.0)).count();
    assert_eq!(met, 0, "no honest peer is fed by a polluter");
}

#[test]
fn memory_is_bounded() {
    let mut world = swarm(200);
    for round in 0..3u64 {
        for key in 0..200 {
            let others = (0..200).map(PeerKey).filter(|other| other.0 != key).skip(round as usize * 60);
            world.report(key, Report { unreachable: others.collect(), ..Report::default() });
        }
        world.pass(1_000);
    }
    world.check();
    assert!(world.topology.peers.iter().all(|peer| peer.apart.len() <= 32));
}
