//! What a run of the checker found.

use crate::rule::{RuleId, Severity};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

/// One broken rule.
#[derive(Debug, Clone, Serialize)]
pub struct Violation {
    /// The rule.
    pub rule: RuleId,
    /// What was seen.
    pub detail: String,
    /// Where.
    pub url: String,
    /// When, in seconds since the run began.
    pub at: f64,
}

/// The result of a run.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Broken rules, the first few of each.
    pub violations: Vec<Violation>,
    /// Advice not followed, the first few of each.
    pub warnings: Vec<Violation>,
    /// How often each rule was broken.
    pub broken: BTreeMap<&'static str, u64>,
    /// What was done, so that a run that checked nothing shows.
    pub counters: BTreeMap<&'static str, u64>,
    /// How long the run took, in seconds.
    pub seconds: f64,
}

impl Report {
    /// Whether no rule was broken (warnings do not count) and something was checked at all.
    pub fn passed(&self) -> bool {
        self.violations.is_empty() && self.counter("playlists") > 0
    }

    /// Whether this rule was broken.
    pub fn names(&self, rule: RuleId) -> bool {
        self.broken.contains_key(rule.name())
    }

    /// A counter, 0 if nothing was counted.
    pub fn counter(&self, name: &str) -> u64 {
        self.counters.get(name).copied().unwrap_or(0)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (title, list) in [("VIOLATION", &self.violations), ("warning", &self.warnings)] {
            for one in list {
                writeln!(f, "{title} {} at {:.2} s: {} [{}]\n    {}", one.rule.name(), one.at, one.detail, one.url, one.rule.text(),)?;
            }
        }
        for (rule, count) in &self.broken {
            writeln!(f, "{rule}: {count} times")?;
        }
        for (name, count) in &self.counters {
            writeln!(f, "{name}: {count}")?;
        }
        write!(f, "{} in {:.1} s", if self.passed() { "PASSED" } else { "FAILED" }, self.seconds)
    }
}

/// Details kept of each rule: one fault seen by twenty clients for minutes need not fill memory.
const KEPT_OF_EACH: u64 = 5;

/// Collects what is found during a run.
#[derive(Debug)]
pub(crate) struct Ledger {
    began: Instant,
    report: Report,
    stop_at: Option<RuleId>,
    stopped: bool,
}

impl Ledger {
    pub(crate) fn new(began: Instant, stop_at: Option<RuleId>) -> Self {
        Self { began, report: Report::default(), stop_at, stopped: false }
    }

    /// Records a broken rule.
    pub(crate) fn broken(&mut self, rule: RuleId, url: &str, detail: impl Into<String>) {
        let count = self.report.broken.entry(rule.name()).or_default();
        *count += 1;
        self.stopped |= self.stop_at == Some(rule);
        if *count > KEPT_OF_EACH {
            return;
        }
        let violation = Violation { rule, detail: detail.into(), url: url.to_owned(), at: self.began.elapsed().as_secs_f64() };
        match rule.severity() {
            Severity::Violation => self.report.violations.push(violation),
            Severity::Warning => self.report.warnings.push(violation),
        }
    }

    /// Counts something that was done.
    pub(crate) fn count(&mut self, name: &'static str) {
        *self.report.counters.entry(name).or_default() += 1;
    }

    /// Whether the rule waited for has been broken.
    pub(crate) fn stopped(&self) -> bool {
        self.stopped
    }

    pub(crate) fn report(&self, ran: Duration) -> Report {
        Report { seconds: ran.as_secs_f64(), ..self.report.clone() }
    }
}
