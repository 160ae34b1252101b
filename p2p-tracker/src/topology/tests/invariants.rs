use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Join { rendition: u8, slots: u16, upload: bool, address: u64 },
    Leave,
    Slots(u16),
    Upload(bool),
    Rendition(u8),
    Unreachable { relation: u8 },
    Lost { stripe: u8 },
    Accuse { relation: u8 },
    Nonsense,
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0u8..2, 0u16..10, prop::bool::weighted(0.85), 0u64..12)
            .prop_map(|(rendition, slots, upload, address)| Step::Join { rendition, slots, upload, address }),
        3 => Just(Step::Leave),
        5 => (0u16..12).prop_map(Step::Slots),
        1 => any::<bool>().prop_map(Step::Upload),
        1 => (0u8..2).prop_map(Step::Rendition),
        2 => (0u8..4).prop_map(|relation| Step::Unreachable { relation }),
        3 => (0u8..8).prop_map(|stripe| Step::Lost { stripe }),
        1 => (0u8..4).prop_map(|relation| Step::Accuse { relation }),
        1 => Just(Step::Nonsense),
        3 => (1u64..3000).prop_map(Step::Pass),
    ]
}

/// Somebody the peer has to do with, or just somebody.
fn partner(world: &mut World, key: u64, relation: u8) -> PeerKey {
    let parents = world.parents(key);
    let at = world.dice.below(parents.len());
    let known = parents.get(at).and_then(|&(_, _, parent, standby)| match relation {
        0 => Some(parent),
        1 => standby,
        _ => None,
    });
    known.unwrap_or_else(|| PeerKey(world.any()))
}

fn apply(world: &mut World, next: &mut u64, step: Step) {
    if let Step::Join { rendition, slots, upload, address } = step {
        world.join(*next, Facts { rendition, slots, upload, address });
        *next += 1;
        return;
    }
    if let Step::Pass(ms) = step {
        world.pass(ms);
        return;
    }
    if world.told.is_empty() {
        return;
    }
    let key = world.any();
    match step {
        Step::Leave => world.leave(key),
        Step::Slots(slots) => world.slots(key, slots),
        Step::Upload(upload) => world.report(key, Report { upload: Some(upload), ..Report::default() }),
        Step::Rendition(rendition) => world.report(key, Report { rendition: Some(rendition), ..Report::default() }),
        Step::Unreachable { relation } => {
            let other = partner(world, key, relation);
            world.report(key, Report { unreachable: vec![other], ..Report::default() });
        }
        Step::Lost { stripe } => {
            let lost: Vec<_> = world.parents(key).into_iter().filter(|p| p.1 == stripe).map(|(r, s, parent, _)| (r, s, parent)).collect();
            world.report(key, Report { lost, ..Report::default() });
        }
        Step::Accuse { relation } => {
            let other = partner(world, key, relation);
            world.report(key, Report { accused: vec![other], ..Report::default() });
        }
        Step::Nonsense => {
            let unknown = PeerKey(u64::MAX);
            let report = Report {
                slots: Some(u16::MAX),
                unreachable: vec![unknown, PeerKey(key)],
                lost: vec![(9, 0, unknown), (0, 200, PeerKey(key)), (0, 0, PeerKey(key))],
                accused: vec![unknown, PeerKey(key)],
                ..Report::default()
            };
            world.report(key, report);
            world.leave(u64::MAX);
            world.report(u64::MAX, Report::default());
        }
        Step::Join { .. } | Step::Pass(_) => {}
    }
}

fn run(config: Config, seed: u64, steps: Vec<Step>) -> World {
    let mut world = World::new(config, seed);
    let mut next = 0;
    for step in steps {
        apply(&mut world, &mut next, step);
        world.check();
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn hold_after_every_operation(seed: u64, depth in 1u8..9, stripes in prop::sample::select(vec![1u8, 4, 8]), steps in prop::collection::vec(step(), 1..250)) {
        run(Config { max_depth: depth, stripes, slots_ceiling: 20, ..Config::default() }, seed, steps);
    }

    #[test]
    fn the_same_seed_and_inputs_give_the_same(seed: u64, steps in prop::collection::vec(step(), 1..120)) {
        let one = run(Config::default(), seed, steps.clone());
        let two = run(Config::default(), seed, steps);
        prop_assert_eq!(one.told, two.told);
        prop_assert_eq!(one.gone, two.gone);
    }

    #[test]
    fn an_emptied_swarm_leaves_nothing(seed: u64, steps in prop::collection::vec(step(), 1..120)) {
        let mut world = run(Config::default(), seed, steps);
        for key in world.keys() {
            world.leave(key);
            world.check();
        }
        prop_assert!(world.topology.is_empty() && world.topology.renditions.is_empty());
        prop_assert_eq!(world.topology.poll_timeout(), None);
    }
}

/// Thousands of operations at a size that the property tests do not reach.
#[test]
fn hold_in_a_large_swarm_with_everything_going_on() {
    let mut world = World::new(Config::default(), 7);
    let mut dice = Dice(99);
    let mut next = 0;
    for round in 0..4_000 {
        let step = match dice.below(20) {
            0..=7 => Step::Join {
                rendition: u8::from(dice.below(4) == 0),
                slots: 1,
                upload: dice.below(10) > 1,
                address: dice.below(300) as u64,
            },
            8..=9 => Step::Leave,
            10..=14 => Step::Slots(1 << dice.below(4)),
            15 => Step::Lost { stripe: dice.below(4) as u8 },
            16 => Step::Unreachable { relation: 0 },
            17 => Step::Unreachable { relation: 1 },
            18 => Step::Rendition(dice.below(2) as u8),
            _ => Step::Pass(200),
        };
        apply(&mut world, &mut next, step);
        if round % 20 == 0 {
            world.check();
        }
    }
    assert!(world.topology.len() > 900, "{}", world.topology.len());
}

#[test]
fn a_peer_that_joins_again_is_told_its_places_again() {
    let mut world = World::new(Config::default(), 1);
    for key in 0..4 {
        world.join(key, facts(4, key));
    }
    let places = world.told[&PeerKey(2)].clone();
    assert!(!places.is_empty());
    world.told.insert(PeerKey(2), Vec::new());
    world.join(2, facts(4, 2));
    assert_eq!(world.told[&PeerKey(2)], places);
    world.check();
}

#[test]
fn a_clock_that_jumps_back_does_no_harm() {
    let mut world = World::new(Config::default(), 1);
    world.ms = 50_000;
    for key in 0..20 {
        world.join(key, facts(4, key));
    }
    world.ms = 10;
    world.leave(3);
    world.check();
    world.pass(60_000);
    world.check();
}
