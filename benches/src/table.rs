//! What was measured, beside what was asked.

use anyhow::Context as _;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::Path;

/// The rows of one measurement.
#[derive(Debug, Serialize)]
pub(crate) struct Table {
    pub name: String,
    pub rows: Vec<Row>,
    /// Everything else worth keeping.
    pub details: serde_json::Value,
}

#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub what: String,
    pub bound: String,
    pub measured: String,
    /// None where there is nothing to meet.
    pub met: Option<bool>,
}

impl Table {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), rows: Vec::new(), details: serde_json::Value::Null }
    }

    /// Adds a row with a bound.
    pub(crate) fn bound(&mut self, what: impl Into<String>, bound: impl Into<String>, measured: impl Into<String>, met: bool) {
        self.rows.push(Row { what: what.into(), bound: bound.into(), measured: measured.into(), met: Some(met) });
    }

    /// Adds a row to know.
    pub(crate) fn fact(&mut self, what: impl Into<String>, measured: impl Into<String>) {
        self.rows.push(Row { what: what.into(), bound: String::new(), measured: measured.into(), met: None });
    }

    /// Whether every bound was met.
    pub(crate) fn met(&self) -> bool {
        self.rows.iter().all(|row| row.met != Some(false))
    }

    fn markdown(&self) -> String {
        let mut text = String::from("| what | bound | measured | |\n|---|---|---|---|\n");
        for row in &self.rows {
            let mark = match row.met {
                Some(true) => "met",
                Some(false) => "**missed**",
                None => "",
            };
            let _ = writeln!(text, "| {} | {} | {} | {mark} |", row.what, row.bound, row.measured);
        }
        text
    }

    /// Prints the table and writes it, with the details, below `out`.
    pub(crate) fn publish(&self, out: &Path) -> anyhow::Result<()> {
        let text = self.markdown();
        println!("\n## {}\n\n{text}", self.name);
        std::fs::create_dir_all(out).context("cannot make the results' directory")?;
        let path = |extension: &str| out.join(format!("{}.{extension}", self.name));
        std::fs::write(path("md"), &text)?;
        std::fs::write(path("json"), serde_json::to_vec_pretty(self)?)?;
        Ok(())
    }
}

/// A percentile by nearest rank; sorts the values.
pub(crate) fn percentile(values: &mut [f64], percent: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (percent / 100.0 * values.len() as f64).ceil() as usize;
    values.get(rank.clamp(1, values.len().max(1)) - 1).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let mut values: Vec<f64> = (1..=20).rev().map(f64::from).collect();
        assert_eq!(percentile(&mut values, 50.0), 10.0);
        assert_eq!(percentile(&mut values, 95.0), 19.0);
        assert_eq!(percentile(&mut values, 100.0), 20.0);
        assert!(percentile(&mut [], 50.0).is_nan());
    }
}
