//! Pictures of work, as plain data that templates draw. Pure: a definition, numbers and a timeline go in, places come out.
//!
//! | file          | picture                                                                  |
//! |---------------|--------------------------------------------------------------------------|
//! | `graph.rs`    | steps, and what waits for what                                           |
//! | `bars.rs`     | what a timeline tells of each task: when it waited, when it was worked on  |
//! | `axis.rs`     | time from left to right, with long rests folded                          |
//! | `critical.rs` | the chain of tasks that the end waited for                               |
//! | `gantt.rs`    | these together                                                           |
//! | `heat.rs`     | one fan-out as cells                                                     |
//!
//! Every picture stands beside a table of the same numbers, and says nothing by colour alone.

pub(super) mod axis;
pub(super) mod bars;
pub(super) mod critical;
pub(super) mod gantt;
pub(super) mod graph;
pub(super) mod heat;

/// The word of a task's state, with what it looks like: states that look alike are told apart by words.
pub(super) fn look_of(state: &str) -> &'static str {
    match state {
        "done" => "done",
        "dead" => "dead",
        "claimed" => "live",
        "checking" | "waiting" => "asked",
        "skipped" | "cancelled" => "void",
        _ => "open",
    }
}

/// The states of tasks, as they are told: what needs a look first.
pub(super) const STATES: [&str; 10] = [
    "dead",
    "claimed",
    "checking",
    "waiting",
    "ready",
    "delayed",
    "pending",
    "done",
    "skipped",
    "cancelled",
];

/// Counts by state in the order in which they are told; what is nothing is left out.
pub(super) fn in_order(counts: &[(String, u64)]) -> Vec<(&'static str, u64)> {
    let of = |state: &str| {
        let found = counts.iter().filter(|(it, _)| it == state);
        found.map(|(_, count)| *count).sum::<u64>()
    };
    STATES.into_iter().map(|state| (state, of(state))).filter(|(_, count)| *count > 0).collect()
}

/// A time for people: `450 ms`, `12 s`, `3 min 20 s`, `2 h 5 min`, `4 d 3 h`.
pub(super) fn spoken(millis: i64) -> String {
    let millis = millis.max(0);
    let seconds = millis / 1_000;
    let pair = |large: i64, unit: &str, small: i64, smaller: &str| match small {
        0 => format!("{large} {unit}"),
        _ => format!("{large} {unit} {small} {smaller}"),
    };
    match seconds {
        0 => format!("{millis} ms"),
        1..=59 => format!("{seconds} s"),
        60..=3_599 => pair(seconds / 60, "min", seconds % 60, "s"),
        3_600..=86_399 => pair(seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        _ => pair(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_two_units_at_most() {
        let told = [0, 450, 12_900, 60_000, 200_000, 7_500_000, 86_400_000, 360_000_000];
        let told = told.map(spoken);
        let wanted =
            ["0 ms", "450 ms", "12 s", "1 min", "3 min 20 s", "2 h 5 min", "1 d", "4 d 4 h"];
        assert_eq!(told, wanted);
    }

    #[test]
    fn what_needs_a_look_is_told_first() {
        let counts = [("done", 3), ("dead", 1), ("ready", 0), ("pending", 2)];
        let counts = counts.map(|(state, count)| (state.to_owned(), count));
        assert_eq!(in_order(&counts), [("dead", 1), ("pending", 2), ("done", 3)]);
    }
}
