//! Traces of schedulers in small swarms, by which both cores are kept the same (`vectors/traces`).

use super::{Scenario, run};
use crate::core::trace::Head;

/// The swarms whose schedulers are recorded: what there is to be met with, a minute each or more.
fn scenarios() -> Vec<Scenario> {
    let small = |name: &str, peers, change: fn(&mut Scenario)| {
        let mut scenario = Scenario::new(name, peers);
        scenario.arrive_ms = 3_000;
        scenario.warm_ms = 5_000;
        scenario.measure_ms = 62_000;
        scenario.delay_ms = 500;
        scenario.churn_percent = 0;
        scenario.recorded = vec![1];
        change(&mut scenario);
        scenario
    };
    vec![
        small("two", 2, |_| {}),
        small("calm", 8, |_| {}),
        small("calm-first-peer", 8, |s| s.recorded = vec![0]),
        small("calm-last-peer", 12, |s| s.recorded = vec![11]),
        small("manifests-by-parents", 40, |_| {}),
        small("manifests-by-parents-late-joiner", 40, |s| s.recorded = vec![39]),
        small("flash-crowd", 60, |s| s.arrive_ms = 500),
        small("churn", 16, |s| s.churn_percent = 100),
        small("churn-storm", 30, |s| s.churn_percent = 400),
        small("churn-of-many", 60, |s| s.churn_percent = 120),
        small("polluters", 12, |s| s.polluters_percent = 30),
        small("polluters-and-churn", 24, |s| (s.polluters_percent, s.churn_percent) = (40, 100)),
        small("leeches", 12, |s| s.leeches_percent = 60),
        small("nobody-lends", 6, |s| s.leeches_percent = 100),
        small("http-slow", 12, |s| s.slow_http_tenths = Some(120)),
        small("http-slow-and-churn", 16, |s| (s.slow_http_tenths, s.churn_percent) = (Some(80), 200)),
        small("roots-die", 14, |s| (s.roots_die_ms, s.recorded) = (Some(30_000), vec![2, 5])),
        small("heavy-stream-congests", 12, |s| s.rate_bps = 9_000_000),
        small("heavy-stream-eight-stripes", 14, |s| (s.rate_bps, s.stripes) = (6_000_000, 8)),
        small("tight-latency", 12, |s| s.latency_ms = 1_300),
        small("long-parts", 12, |s| (s.part_ms, s.segment_parts, s.latency_ms) = (500, 4, 4_000)),
        small("switch-of-renditions", 10, |s| s.switch_ms = Some(9_000)),
        small("gaps", 10, |s| s.gap_every = Some(7)),
        small("thin-stream", 20, |s| s.rate_bps = 400_000),
        small("everything", 40, |s| {
            (s.churn_percent, s.polluters_percent, s.leeches_percent) = (150, 15, 20);
            (s.roots_die_ms, s.slow_http_tenths, s.gap_every) = (Some(25_000), Some(40), Some(31));
        }),
    ]
}

/// Records all: a name and the lines of each.
///
/// # Errors
/// If a line cannot be written as JSON.
pub fn record() -> Result<Vec<(String, String)>, serde_json::Error> {
    let mut traces = Vec::new();
    for scenario in scenarios() {
        for (i, (config, lines)) in run(&scenario).traces.into_iter().enumerate() {
            let mut text = serde_json::to_string(&Head { config })? + "\n";
            for line in &lines {
                text += &serde_json::to_string(line)?;
                text.push('\n');
            }
            let number = if i == 0 { String::new() } else { format!("-{}", i + 1) };
            traces.push((format!("{}{number}", scenario.name), text));
        }
    }
    Ok(traces)
}
