//! CPU and memory of a process and all it started, from /proc.

use anyhow::Context as _;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::collections::HashMap;
use std::fs;
use std::time::{Duration, Instant};

/// What a process tree used and holds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// CPU time since it started.
    pub cpu: Duration,
    /// Proportional set size in bytes.
    pub pss: u64,
    /// Resident set size in bytes.
    pub rss: u64,
}

/// Reads a process and its descendants.
pub(crate) fn usage(pid: u32) -> Usage {
    let mut total = Usage::default();
    for pid in tree(pid) {
        total.cpu += cpu(pid).unwrap_or_default();
        if let Ok(rollup) = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) {
            total.pss += kilobytes(&rollup, "Pss:") * 1024;
            total.rss += kilobytes(&rollup, "Rss:") * 1024;
        }
    }
    total
}

/// Resident memory of a process alone, in bytes.
pub(crate) fn resident(pid: u32) -> u64 {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    kilobytes(&rollup, "Rss:") * 1024
}

/// CPU of a process tree over some time, in percent of a core.
pub(crate) async fn cpu_percent(pid: u32, window: Duration) -> f64 {
    let (before, began) = (usage(pid).cpu, Instant::now());
    tokio::time::sleep(window).await;
    let used = usage(pid).cpu.saturating_sub(before);
    100.0 * used.as_secs_f64() / began.elapsed().as_secs_f64()
}

fn stat(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything.
    let (_, fields) = text.rsplit_once(") ")?;
    Some(fields.split(' ').map(str::to_owned).collect())
}

fn cpu(pid: u32) -> Option<Duration> {
    let fields = stat(pid)?;
    // utime and stime are fields 14 and 15 of proc(5); what is left begins with field 3.
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    let per_second = rustix::param::clock_ticks_per_second();
    Some(Duration::from_secs_f64(ticks as f64 / per_second as f64))
}

fn tree(root: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    for pid in entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()) {
        let parent = stat(pid).and_then(|fields| fields.get(1)?.parse().ok());
        if let Some(parent) = parent {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&pid) = found.get(next) {
        found.extend(children.get(&pid).into_iter().flatten());
        next += 1;
    }
    found
}

fn kilobytes(rollup: &str, name: &str) -> u64 {
    let line = rollup.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.trim().split(' ').next()?.parse().ok()).unwrap_or(0)
}

/// Allows as many open files as the system lets this user have; children inherit it.
pub(crate) fn raise_open_files() -> anyhow::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).context("cannot raise the number of open files")
}

/// Bytes as megabytes, for tables.
pub(crate) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
