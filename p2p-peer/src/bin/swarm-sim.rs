//! Simulates swarms: `swarm-sim help` says how.

use std::{io::Write as _, path::Path, time::Instant};

use anyhow::{Context as _, bail};
use flate2::{Compression, write::GzEncoder};
use p2p_peer::sim::{Line, Outcome, Pull, Scenario, chart, record, run, table, whole_segments};

const HELP: &str = "swarm-sim: swarms in virtual time

  swarm-sim run [key=value ...]      one scenario; keys: peers, seed, churn, polluters, leeches, latency, rate, delay,
                                     arrive, warm, measure, ceiling, roots-die (percent, ms, bit/s)
  swarm-sim report DIR [LARGEST]     the baselines and all scenarios, with up to LARGEST viewers (1000): DIR/table.md and plots
  swarm-sim traces DIR               records schedulers for the tests of both cores";

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["run", ref settings @ ..] => one(settings),
        ["report", dir] => report(Path::new(dir), 1_000),
        ["report", dir, largest] => report(Path::new(dir), largest.parse()?),
        ["traces", dir] => traces(Path::new(dir)),
        _ => {
            println!("{HELP}");
            Ok(())
        }
    }
}

fn one(settings: &[&str]) -> anyhow::Result<()> {
    let mut scenario = Scenario::new("one", 100);
    for setting in settings {
        let (key, value) = setting.split_once('=').with_context(|| format!("{setting} is not key=value"))?;
        let number: i64 = value.parse().with_context(|| format!("{key} takes a number"))?;
        match key {
            "peers" => scenario.peers = number.try_into()?,
            "seed" => scenario.seed = number.try_into()?,
            "churn" => scenario.churn_percent = number.try_into()?,
            "polluters" => scenario.polluters_percent = number.try_into()?,
            "leeches" => scenario.leeches_percent = number.try_into()?,
            "latency" => scenario.latency_ms = number,
            "rate" => scenario.rate_bps = number.try_into()?,
            "delay" => scenario.delay_ms = number,
            "arrive" => scenario.arrive_ms = number,
            "warm" => scenario.warm_ms = number,
            "measure" => scenario.measure_ms = number,
            "ceiling" => scenario.ceiling_tenths = number.try_into()?,
            "roots-die" => scenario.roots_die_ms = Some(number),
            _ => bail!("no setting is called {key}"),
        }
    }
    println!("{}", table(&[simulate(&scenario)]));
    Ok(())
}

fn simulate(scenario: &Scenario) -> Outcome {
    let began = Instant::now();
    let outcome = run(scenario);
    eprintln!(
        "{} ({} viewers): offload {:.1} % of {:.1} %, {} rescued, {} expelled, {} moves, {:.0} s",
        scenario.name,
        scenario.peers,
        outcome.offload * 100.0,
        outcome.bound * 100.0,
        outcome.rescued,
        outcome.banned,
        outcome.moves,
        began.elapsed().as_secs_f64()
    );
    outcome
}

fn with(name: &str, peers: u32, change: impl FnOnce(&mut Scenario)) -> Scenario {
    let mut scenario = Scenario::new(name, peers);
    change(&mut scenario);
    scenario
}

fn report(dir: &Path, largest: u32) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir)?;
    let far = whole_segments(&Pull::new(30_000));
    let near = whole_segments(&Pull { segment_ms: 1_000, ..Pull::new(3_000) });
    let mut text = format!(
        "| baseline (1,000 viewers, lines of 100 Mbit/s) | published | simulated |\n|---|---:|---:|\n\
         | HTTP only | 0 % | 0 % |\n| whole segments pulled, 30 s | 75 % | {:.1} % |\n| whole segments pulled, 3 s | about 0 | {:.1} % |\n\n",
        far * 100.0,
        near * 100.0
    );
    let sizes: Vec<u32> = [5, 12, 60, 200, 1_000, 10_000, 100_000].into_iter().filter(|peers| *peers <= largest).collect();
    let mut outcomes: Vec<_> = sizes.iter().map(|peers| simulate(&large("homes", *peers))).collect();
    let sized = outcomes.clone();
    let n = largest.min(1_000);
    for scenario in [
        with("latency 1.2 s", n, |s| s.latency_ms = 1_200),
        with("latency 2 s", n, |s| s.latency_ms = 2_000),
        with("latency 4 s", n, |s| s.latency_ms = 4_000),
        with("lines of 100 Mbit/s, no loss, no NAT", n, |s| s.fibre = true),
        with("nobody comes or goes", n, |s| s.churn_percent = 0),
        with("30 % come and go per minute", n, |s| s.churn_percent = 30),
        with("flash crowd: all within 2 s", n, |s| s.arrive_ms = 2_000),
        with("30 % send wrong bytes", n, |s| s.polluters_percent = 30),
        with("half do not upload", n, |s| s.leeches_percent = 50),
        with("all roots die at once", n, |s| s.roots_die_ms = Some(80_000)),
        with("ceiling 1 x", n, |s| s.ceiling_tenths = 10),
        with("6 Mbit/s", n, |s| (s.rate_bps, s.stripes) = (6_000_000, 8)),
        with("all at once: churn 30 %, polluters 30 %, half leeching", n, |s| {
            (s.churn_percent, s.polluters_percent, s.leeches_percent) = (30, 30, 50);
        }),
    ] {
        outcomes.push(simulate(&scenario));
    }
    text += &table(&outcomes);
    std::fs::write(dir.join("table.md"), &text)?;
    println!("{text}");

    let percent = |of: fn(&Outcome) -> f64| sized.iter().map(|o| (f64::from(o.peers), of(o) * 100.0)).collect();
    let lines = [
        Line { name: "offload".into(), points: percent(|o| o.offload) },
        Line { name: "bound".into(), points: percent(|o| o.bound) },
        Line { name: "requests saved".into(), points: percent(|o| o.request_offload) },
    ];
    std::fs::write(dir.join("offload.svg"), chart("Offload by audience (3 Mbit/s, 2.5 s, homes)", "viewers", "%", true, &lines))?;
    let shown = ["latency 1.2 s", "latency 2 s", "homes", "latency 4 s"];
    let shown = shown.iter().filter_map(|name| outcomes.iter().find(|o| o.name == *name && o.peers == n));
    let lines: Vec<_> = shown.map(|o| Line { name: short(&o.name), points: distribution(o) }).collect();
    std::fs::write(dir.join("latency.svg"), chart(&format!("Latency of {n} viewers"), "ms", "% of parts", false, &lines))?;
    let dying = outcomes.iter().filter(|o| o.name.starts_with("all roots") || (o.name == "homes" && o.peers == n));
    let lines: Vec<_> = dying.map(|o| Line { name: short(&o.name), points: share(o) }).collect();
    std::fs::write(dir.join("roots.svg"), chart("What the origin sends, in per cent of what is played", "s", "%", false, &lines))?;
    Ok(())
}

/// From 10,000 viewers on a shorter time is simulated: there are more of them to average over.
fn large(name: &str, peers: u32) -> Scenario {
    with(name, peers, |s| {
        if peers >= 100_000 {
            (s.arrive_ms, s.warm_ms, s.measure_ms) = (6_000, 28_000, 6_000);
        } else if peers >= 10_000 {
            (s.warm_ms, s.measure_ms) = (45_000, 20_000);
        }
    })
}

fn short(name: &str) -> String {
    name.chars().take(24).collect()
}

fn distribution(outcome: &Outcome) -> Vec<(f64, f64)> {
    let all: f64 = outcome.latencies.iter().map(|count| f64::from(*count)).sum();
    let mut seen = 0.0;
    let all_steps = outcome.latencies.iter().enumerate().map(|(ms, count)| {
        seen += f64::from(*count);
        (ms, seen / all.max(1.0) * 100.0)
    });
    all_steps.filter(|(ms, _)| ms % 50 == 0 && *ms <= 6_000).map(|(ms, share)| (ms as f64, share)).collect()
}

/// What the origin sent, in per cent of what was played, over two seconds: as long as a segment, whose parts differ in size.
fn share(outcome: &Outcome) -> Vec<(f64, f64)> {
    let sums = outcome.origin.chunks_exact(20).zip(outcome.played.chunks_exact(20));
    let share = |(origin, played): (&[f64], &[f64])| origin.iter().sum::<f64>() / played.iter().sum::<f64>().max(1.0) * 100.0;
    sums.enumerate().map(|(i, sums)| (i as f64 * 2.0 + 1.0, share(sums))).collect()
}

fn traces(dir: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir)?;
    for (name, lines) in record()? {
        let mut file = GzEncoder::new(std::fs::File::create(dir.join(format!("{name}.jsonl.gz")))?, Compression::best());
        file.write_all(lines.as_bytes())?;
        file.finish()?;
    }
    Ok(())
}
