//! What a measurement says.

use std::fmt;

use serde::Serialize;

/// One figure beside its limit.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    /// Stable name, `plane.what`.
    pub(crate) name: &'static str,
    /// What Motet does, in `unit`.
    pub(crate) value: f64,
    /// The bare limit in the same run, or the absolute bound.
    pub(crate) limit: f64,
    /// value / limit.
    pub(crate) ratio: f64,
    /// What is wanted of the ratio.
    pub(crate) target: f64,
    /// Whether it is reached.
    pub(crate) met: bool,
    /// What value and limit count.
    pub(crate) unit: &'static str,
    /// How it was measured, in a line.
    pub(crate) how: String,
}

impl Row {
    /// More is better: the ratio has to be at least `target`.
    pub(crate) fn at_least(
        name: &'static str,
        unit: &'static str,
        value: f64,
        limit: f64,
        target: f64,
        how: String,
    ) -> Self {
        let ratio = value / limit;
        Self { name, value, limit, ratio, target, met: ratio >= target, unit, how }
    }

    /// Less is better: the ratio has to be at most `target`.
    pub(crate) fn within(
        name: &'static str,
        unit: &'static str,
        value: f64,
        limit: f64,
        target: f64,
        how: String,
    ) -> Self {
        let ratio = value / limit;
        Self { name, value, limit, ratio, target, met: ratio <= target, unit, how }
    }

    /// Less is better: the value has to stay within `limit`.
    pub(crate) fn at_most(
        name: &'static str,
        unit: &'static str,
        value: f64,
        limit: f64,
        how: String,
    ) -> Self {
        let ratio = if limit == 0.0 { value } else { value / limit };
        Self { name, value, limit, ratio, target: 1.0, met: value <= limit, unit, how }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, value, limit, ratio, target, met, unit, how } = self;
        let verdict = if *met { "met" } else { "NOT MET" };
        write!(
            f,
            "{name:20} {value:>12.1} {unit:10} limit {limit:>12.1}  ratio {ratio:>6.2} (target {target}) {verdict:8} {how}"
        )
    }
}

/// Everything that was measured, and on what.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) machine: String,
    pub(crate) rows: Vec<Row>,
}

/// The machine in a line.
pub(crate) fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("unknown", |it| it.1.trim());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    format!("{model}, {cores} cores, Linux {}", kernel.trim())
}

/// The middle one of several measurements.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
