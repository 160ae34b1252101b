use super::*;

fn settled(n: u64, slots: u16, seed: u64) -> World {
    let mut world = World::new(Config::default(), seed);
    for key in 0..n {
        world.join(key, facts(slots, key));
    }
    world.pass(40_000);
    world.check();
    world
}

#[test]
fn children_of_a_leaver_go_to_their_standbys_in_the_same_call() {
    let mut world = settled(100, 8, 1);
    let (mut moved, mut to_standby) = (0, 0);
    for _ in 0..30 {
        let leaver = world.any();
        let before: Vec<_> = world
            .keys()
            .into_iter()
            .flat_map(|key| world.parents(key).into_iter().map(move |parent| (key, parent)))
            .filter(|(key, (_, _, parent, _))| *key != leaver && parent.0 == leaver)
            .collect();
        world.gone.clear();
        world.leave(leaver);
        world.check();
        for (key, (_, stripe, _, standby)) in before {
            assert!(world.gone.contains(&(PeerKey(key), PeerKey(leaver))), "a child is told");
            let parent = world.parents(key).into_iter().find(|p| p.1 == stripe).map(|p| p.2);
            let root = world.told[&PeerKey(key)].iter().any(|&(_, s, place)| s == stripe && place == Place::Root);
            assert!(parent.is_some() || root, "with room everywhere nobody falls out");
            moved += 1;
            to_standby += usize::from(parent.is_some() && parent == standby);
        }
    }
    assert!(moved > 60, "{moved}");
    assert!(to_standby * 10 >= moved * 7, "{to_standby} of {moved} are where they went by themselves");
}

#[test]
fn all_partners_of_a_leaver_are_told_and_nobody_else() {
    let mut world = settled(60, 8, 2);
    for _ in 0..20 {
        let leaver = world.any();
        let mut expected = BTreeSet::new();
        for key in world.keys() {
            for (_, _, parent, standby) in world.parents(key) {
                if key == leaver {
                    expected.insert(parent);
                } else if parent.0 == leaver || standby == Some(PeerKey(leaver)) {
                    expected.insert(PeerKey(key));
                }
            }
        }
        world.gone.clear();
        world.leave(leaver);
        let told: BTreeSet<_> = world.gone.iter().map(|&(to, _)| to).collect();
        assert_eq!(told, expected);
        assert_eq!(world.gone.len(), expected.len(), "each once");
    }
}

#[test]
fn the_loss_of_a_root_makes_another_at_once() {
    let mut world = settled(12, 8, 3);
    for stripe in 0..4 {
        let root = world.topology.roots(0, stripe)[0];
        let key = world.topology.peer(root).key;
        world.leave(key.0);
        world.check();
        assert_eq!(world.topology.roots(0, stripe).len(), 1);
    }
    world.pass(20_000);
    let measure = world.measure();
    assert_eq!((measure.roots, measure.served), (4, measure.pairs - 4), "{measure:?}");
}

#[test]
fn a_third_leaves_at_once() {
    let mut world = settled(1_000, 8, 4);
    for key in 0..1_000 {
        if key % 10 < 3 {
            world.leave(key);
        }
    }
    world.check();
    let measure = world.measure();
    assert!(measure.share() > 0.97, "{:.4} {measure:?}", measure.share());
    world.pass(30_000);
    world.check();
    let measure = world.measure();
    assert_eq!(measure.served, measure.pairs - measure.roots);
    assert!(measure.max_depth <= 5, "{measure:?}");
}

#[test]
fn losing_one_peer_costs_a_child_one_stripe() {
    let world = settled(300, 8, 5);
    let measure = world.measure();
    assert!(measure.doubled * 100 <= measure.served * 2, "{measure:?}");
}

#[test]
fn shrinking_slots_shed_the_newest_and_house_them() {
    let mut world = settled(100, 8, 6);
    let served = world.measure().served;
    let (key, _) = world.topology.keys.iter().max_by_key(|&(&key, &id)| (world.topology.peer(id).carried, key)).expect("somebody carries");
    let key = key.0;
    world.slots(key, 1);
    world.check();
    assert_eq!(world.measure().served, served, "all of them have a place");
    world.report(key, Report { upload: Some(false), ..Report::default() });
    world.check();
    let id = world.topology.keys[&PeerKey(key)];
    assert_eq!(world.topology.peer(id).carried, 0);
    assert!((0..4).all(|stripe| world.topology.node(id, stripe).wards.is_empty()));
}

#[test]
fn a_peer_that_changes_its_rendition_is_moved() {
    let mut world = settled(60, 8, 7);
    for key in 0..30 {
        world.report(key, Report { rendition: Some(1), ..Report::default() });
        world.check();
    }
    world.pass(30_000);
    world.check();
    assert!(world.told[&PeerKey(3)].iter().all(|&(rendition, ..)| rendition == 1));
    let measure = world.measure();
    assert_eq!(measure.served, measure.pairs - measure.roots);
    assert!(world.gone.is_empty(), "nobody has left");
}

#[test]
fn a_lost_parent_is_replaced_by_the_standby_and_not_given_again() {
    let mut world = settled(60, 8, 8);
    let mut confirmed = 0;
    for key in 0..20 {
        let Some((rendition, stripe, parent, standby)) = world.parents(key).into_iter().next() else { continue };
        world.report(key, Report { lost: vec![(rendition, stripe, parent)], ..Report::default() });
        world.check();
        let new = world.parents(key).into_iter().find(|p| p.1 == stripe);
        assert!(world.parents(key).iter().all(|p| p.2 != parent && p.3 != Some(parent)));
        confirmed += usize::from(new.is_some_and(|new| Some(new.2) == standby && new.3 != standby));
    }
    assert!(confirmed >= 14, "{confirmed}");
}

#[test]
fn a_pair_that_failed_is_tried_again_soon_and_later_each_time() {
    let mut world = settled(2, 8, 3);
    let fed = |world: &World| world.keys().into_iter().map(|key| world.parents(key).len()).sum::<usize>();
    let lose_all = |world: &mut World| {
        for key in world.keys() {
            let lost = world.parents(key).into_iter().map(|(rendition, stripe, parent, _)| (rendition, stripe, parent)).collect();
            world.report(key, Report { lost, ..Report::default() });
        }
        world.check();
    };
    assert!(fed(&world) > 0);
    lose_all(&mut world);
    assert_eq!(fed(&world), 0, "there is nobody else");
    world.pass(3_000);
    assert_eq!(fed(&world), 0, "not at once");
    world.pass(4_000);
    assert!(fed(&world) > 0, "again after seconds");
    lose_all(&mut world);
    world.pass(7_000);
    assert_eq!(fed(&world), 0, "twice as long");
    world.pass(4_000);
    assert!(fed(&world) > 0);
}

#[test]
fn a_peer_found_silent_from_three_addresses_serves_nobody_for_a_while() {
    let mut world = settled(60, 8, 9);
    world.pass(20_000);
    let children = |world: &World, parent: u64| -> Vec<(u64, u8)> {
        let keys = world.keys().into_iter();
        keys.flat_map(|key| world.parents(key).into_iter().map(move |p| (key, p)))
            .filter(|(_, p)| p.2.0 == parent)
            .map(|(key, p)| (key, p.1))
            .collect()
    };
    let silent = world.keys().into_iter().max_by_key(|&key| children(&world, key).len()).expect("somebody");
    let victims = children(&world, silent);
    assert!(victims.len() > 4);
    for &(key, stripe) in victims.iter().take(2) {
        world.report(key, Report { lost: vec![(0, stripe, PeerKey(silent))], ..Report::default() });
    }
    world.pass(3_000);
    assert!(!children(&world, silent).is_empty(), "two may be mistaken");
    let (key, stripe) = children(&world, silent)[0];
    world.report(key, Report { lost: vec![(0, stripe, PeerKey(silent))], ..Report::default() });
    world.pass(3_000);
    world.check();
    assert!(children(&world, silent).is_empty(), "three are not");
    let parents = world.parents(silent).len();
    assert!(parents >= 3, "it is still fed itself");
    world.pass(62_000);
    let id = world.topology.keys[&PeerKey(silent)];
    assert_eq!(world.topology.capacity(id), 8, "and serves again later");
    world.check();
}

#[test]
fn the_children_of_a_peer_cut_off_above_do_not_blame_it() {
    let mut world = settled(200, 8, 10);
    world.pass(20_000);
    let t = &world.topology;
    // An interior node with at least three children and a parent.
    let (id, stripe) = t
        .keys
        .values()
        .flat_map(|&id| (0..4).map(move |stripe| (id, stripe)))
        .filter(|&(id, stripe)| t.node(id, stripe).parent.is_some() && t.node(id, stripe).children.len() >= 3)
        .min()
        .expect("there is one");
    let middle = t.peer(id).key;
    let above = t.peer(t.node(id, stripe).parent.expect("chosen so")).key;
    let children: Vec<_> = t.node(id, stripe).children.iter().map(|&child| t.peer(child).key).collect();
    // Its children speak before it does.
    for child in children {
        world.report(child.0, Report { lost: vec![(0, stripe, middle)], ..Report::default() });
    }
    world.pass(300);
    world.report(middle.0, Report { lost: vec![(0, stripe, above)], ..Report::default() });
    world.pass(5_000);
    world.check();
    assert!(world.topology.capacity(id) > 0, "it is not to blame");
}
