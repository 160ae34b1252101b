use super::*;

/// Time for which this thread ran: on a busy machine the clock says nothing.
fn cpu() -> Duration {
    let schedule = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    Duration::from_nanos(schedule.split(' ').next().and_then(|ns| ns.parse().ok()).expect("the first number"))
}

/// Peers come evenly over a time, stay for good, and find their slots: 15 % upload nothing, others have 2, 8 or 16.
fn crowd(n: u64, within_ms: u64) -> (World, Duration) {
    let mut world = World::new(Config::default(), 31);
    let most = |key: u64| match key * 2_654_435_761 % 100 {
        0..15 => 0u16,
        15..30 => 2,
        30..65 => 8,
        _ => 16,
    };
    let step = 250;
    let mut spent = Duration::ZERO;
    let mut joined = 0;
    let mut growing: VecDeque<(u64, u64, u16)> = VecDeque::new();
    let (mut at, mut settle) = (0, 0);
    while settle < 80 {
        let clock = cpu();
        world.topology.handle_timeout(world.start + Duration::from_millis(at));
        while joined < n && joined * within_ms / n <= at {
            let facts = Facts { upload: most(joined) > 0, ..facts(1, joined / 2) };
            world.topology.join(world.start + Duration::from_millis(at), PeerKey(joined), facts);
            if most(joined) > 1 {
                growing.push_back((at + 2_000, joined, 2));
            }
            joined += 1;
        }
        while let Some(&(due, key, slots)) = growing.front()
            && due <= at
        {
            growing.pop_front();
            world.topology.report(
                world.start + Duration::from_millis(at),
                PeerKey(key),
                Report { slots: Some(slots), ..Report::default() },
            );
            if slots < most(key) {
                growing.push_back((due + 2_000, key, slots * 2));
            }
        }
        while world.topology.poll_output().is_some() {
            world.assigns += 1;
        }
        spent += cpu() - clock;
        at += step;
        settle += u64::from(joined == n);
    }
    world.ms = at;
    (world, spent)
}

fn outcome(n: u64, world: &World, spent: Duration) -> Measure {
    let measure = world.measure();
    println!(
        "{n} peers: {spent:?} in all, {:?} per join; served {:.4}; {} moves, {} assignments; {measure:?}",
        spent / n as u32,
        measure.share(),
        world.topology.moves(),
        world.assigns
    );
    measure
}

#[test]
fn a_flash_crowd_of_ten_thousand_in_a_minute() {
    let (world, spent) = crowd(10_000, 60_000);
    let measure = outcome(10_000, &world, spent);
    assert!(measure.share() > 0.97, "{measure:?}");
    assert!(spent < Duration::from_secs(2), "{spent:?}: a join with all that follows takes well under a millisecond");
}

#[test]
fn a_hundred_thousand() {
    let (world, spent) = crowd(100_000, 300_000);
    let measure = outcome(100_000, &world, spent);
    assert!(measure.share() > 0.97, "{measure:?}");
    assert!(spent < Duration::from_secs(20), "{spent:?}");
}

#[test]
#[ignore = "takes a minute of processor time and a gigabyte"]
fn a_million() {
    let (world, spent) = crowd(1_000_000, 1_200_000);
    let measure = outcome(1_000_000, &world, spent);
    assert!(measure.share() > 0.97, "{measure:?}");
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).expect("it is there"));
}
