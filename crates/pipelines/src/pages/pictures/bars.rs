//! What a timeline tells of each task: when it waited for an agent, and each attempt.

use std::collections::HashMap;

use pipelines_core::name::Address;
use serde_json::Value;

/// An entry of a timeline, as far as bars need it.
#[derive(Debug, Clone)]
pub(in crate::pages) struct Entry {
    /// When it was.
    pub(in crate::pages) at: i64,
    /// What it is about, and what came of it.
    pub(in crate::pages) kind: String,
    /// The claim that it is about.
    pub(in crate::pages) claim: Option<String>,
    /// The rest.
    pub(in crate::pages) data: Value,
}

/// What a stretch of a bar is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::pages) enum Kind {
    /// It waits: for an agent, for the next attempt, for a check or a person.
    Queue,
    /// An agent is at work.
    Run,
}

/// A stretch of a bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::pages) struct Segment {
    /// When it begins.
    pub(in crate::pages) from: i64,
    /// When it ends.
    pub(in crate::pages) to: i64,
    /// What it is.
    pub(in crate::pages) kind: Kind,
    /// How an attempt ended.
    pub(in crate::pages) outcome: String,
}

/// A generation of an address in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::pages) struct Bar {
    /// The address.
    pub(in crate::pages) address: Address,
    /// Its generation.
    pub(in crate::pages) generation: u64,
    /// Its stretches, the first one first.
    pub(in crate::pages) segments: Vec<Segment>,
    /// Where the task is at the end of the timeline.
    pub(in crate::pages) state: String,
}

impl Bar {
    /// When it begins.
    pub(in crate::pages) fn from(&self) -> i64 {
        self.segments.first().map_or(0, |it| it.from)
    }

    /// When it ends.
    pub(in crate::pages) fn to(&self) -> i64 {
        self.segments.last().map_or(0, |it| it.to)
    }

    /// How long it was in stretches of a kind.
    pub(in crate::pages) fn time(&self, kind: Kind) -> i64 {
        self.segments.iter().filter(|it| it.kind == kind).map(|it| it.to - it.from).sum()
    }

    /// How many attempts there were.
    pub(in crate::pages) fn attempts(&self) -> usize {
        self.segments.iter().filter(|it| it.kind == Kind::Run).count()
    }
}

/// A task of which the end is not known yet.
#[derive(Default)]
struct Open {
    segments: Vec<Segment>,
    /// What it is in, and since when.
    now: Option<(Kind, i64)>,
    state: String,
}

impl Open {
    fn close(&mut self, at: i64) {
        if let Some((kind, from)) = self.now.take() {
            self.segments.push(Segment { from, to: at.max(from), kind, outcome: String::new() });
        }
    }

    /// It is in a state from now on. A grant is told of the claim and of the task: once is enough.
    fn come(&mut self, state: &str, at: i64) {
        if self.state != state {
            self.enter(state, at);
        }
    }

    fn enter(&mut self, state: &str, at: i64) {
        let next = match state {
            "ready" | "delayed" | "checking" | "waiting" => Some(Kind::Queue),
            "claimed" => Some(Kind::Run),
            _ => None,
        };
        let is_same = self.now.is_some_and(|(kind, _)| kind == Kind::Queue && next == Some(kind));
        state.clone_into(&mut self.state);
        if !is_same {
            self.close(at);
            self.now = next.map(|kind| (kind, at));
        }
    }

    /// The attempt that is under way, or that ended last, ended so.
    fn judge(&mut self, outcome: &str, at: i64) {
        if self.now.is_some_and(|(kind, _)| kind == Kind::Run) {
            self.close(at);
        }
        let attempt = self.segments.iter_mut().rfind(|it| it.kind == Kind::Run);
        if let Some(attempt) = attempt.filter(|it| it.outcome.is_empty()) {
            outcome.clone_into(&mut attempt.outcome);
        }
    }
}

/// The task that an entry names.
fn named(data: &Value) -> Option<(Address, u64)> {
    let address = data.get("address")?.as_str()?.parse().ok()?;
    Some((address, data.get("generation")?.as_u64()?))
}

/// The bars of a timeline, in the order in which they begin. What has not ended goes on until `now`.
pub(in crate::pages) fn bars(entries: &[Entry], now: i64) -> Vec<Bar> {
    let mut open: HashMap<(Address, u64), Open> = HashMap::new();
    let mut claims: HashMap<&str, (Address, u64)> = HashMap::new();
    for entry in entries {
        let claim = entry.claim.as_deref();
        match entry.kind.split_once('.') {
            Some(("claim", "granted")) => {
                if let (Some(claim), Some(task)) = (claim, named(&entry.data)) {
                    open.entry(task.clone()).or_default().come("claimed", entry.at);
                    claims.insert(claim, task);
                }
            }
            Some(("claim", outcome)) if !matches!(outcome, "extended" | "judged") => {
                if let Some(task) = claim.and_then(|it| claims.get(it)) {
                    open.entry(task.clone()).or_default().judge(outcome, entry.at);
                }
            }
            Some(("task", state)) if !matches!(state, "inserted" | "approved" | "superseded") => {
                if let Some(task) = named(&entry.data) {
                    open.entry(task).or_default().come(state, entry.at);
                }
            }
            _ => {}
        }
    }
    let ended = |((address, generation), mut it): ((Address, u64), Open)| {
        it.close(now);
        let Open { segments, state, .. } = it;
        (!segments.is_empty()).then_some(Bar { address, generation, segments, state })
    };
    let mut bars: Vec<_> = open.into_iter().filter_map(ended).collect();
    bars.sort_by(|one, other| {
        let key = |it: &Bar| (it.from(), it.generation);
        key(one).cmp(&key(other)).then_with(|| one.address.cmp(&other.address))
    });
    bars
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    pub(in crate::pages::pictures) fn task(at: i64, state: &str, address: &str) -> Entry {
        let data = json!({"address": address, "generation": 1});
        Entry { at, kind: format!("task.{state}"), claim: None, data }
    }

    pub(in crate::pages::pictures) fn claim(at: i64, what: &str, address: &str) -> Entry {
        let claim = Some(format!("claim of {address}"));
        Entry { claim, kind: format!("claim.{what}"), ..task(at, "", address) }
    }

    fn told(bar: &Bar) -> Vec<(i64, i64, Kind, &str)> {
        let told = bar.segments.iter();
        told.map(|it| (it.from, it.to, it.kind, it.outcome.as_str())).collect()
    }

    #[test]
    fn attempts_and_what_lies_between_them_are_segments() {
        let entries = [
            task(0, "inserted", "a"),
            task(0, "ready", "a"),
            claim(10, "granted", "a"),
            task(10, "claimed", "a"),
            claim(15, "extended", "a"),
            claim(20, "expired", "a"),
            task(20, "delayed", "a"),
            task(30, "ready", "a"),
            claim(40, "granted", "a"),
            task(40, "claimed", "a"),
            claim(50, "judged", "a"),
            claim(50, "submitted", "a"),
            task(50, "done", "a"),
        ];
        let bars = bars(&entries, 99);
        let wanted = [
            (0, 10, Kind::Queue, ""),
            (10, 20, Kind::Run, "expired"),
            (20, 40, Kind::Queue, ""),
            (40, 50, Kind::Run, "submitted"),
        ];
        assert_eq!(told(&bars[0]), wanted);
        assert_eq!((bars.len(), bars[0].state.as_str(), bars[0].attempts()), (1, "done", 2));
        assert_eq!((bars[0].time(Kind::Queue), bars[0].time(Kind::Run)), (30, 20));
    }

    #[test]
    fn what_has_not_ended_goes_on_until_now() {
        let entries = [
            task(0, "ready", "b[1]"),
            task(5, "ready", "b[0]"),
            claim(7, "granted", "b[0]"),
            task(9, "pending", "c"),
        ];
        let bars = bars(&entries, 20);
        let told: Vec<_> = bars.iter().map(|it| (it.address.to_string(), told(it))).collect();
        let wanted = [
            ("b[1]".to_owned(), vec![(0, 20, Kind::Queue, "")]),
            ("b[0]".to_owned(), vec![(5, 7, Kind::Queue, ""), (7, 20, Kind::Run, "")]),
        ];
        assert_eq!(told, wanted);
    }

    #[test]
    fn entries_of_which_the_beginning_is_not_there_do_no_harm() {
        let entries =
            [claim(3, "submitted", "a"), task(3, "done", "a"), task(4, "ready", "not an address!")];
        assert!(bars(&entries, 9).is_empty());
    }
}
