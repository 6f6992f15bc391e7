//! The steps of a definition, as a picture and as a table of the same.

use std::collections::BTreeMap;

use pipelines_core::definition::{
    Checks, Definition, Join, Kind, OnDead, Requirement, Reviewer, Step,
};

use super::pictures::{
    critical::Before,
    graph::{Drawn, Node, drawn},
    in_order,
};

/// Tasks of each step, by state.
pub(super) type Counts = BTreeMap<String, Vec<(String, u64)>>;

/// A step in the table.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) step: String,
    pub(super) title: String,
    pub(super) note: String,
    pub(super) waits_for: String,
    pub(super) href: String,
    pub(super) counts: Vec<(&'static str, u64)>,
}

/// Both.
#[derive(Debug)]
pub(super) struct Steps {
    pub(super) picture: Drawn,
    pub(super) rows: Vec<Row>,
    /// Whether there are tasks to count.
    pub(super) has_counts: bool,
}

/// Counts as they come from rows, by step.
pub(super) fn by_step(rows: Vec<(String, String, u64)>) -> Counts {
    let mut counts = Counts::new();
    for (step, state, count) in rows {
        counts.entry(step).or_default().push((state, count));
    }
    counts
}

fn awaited(it: &Requirement) -> String {
    match it.join {
        Join::All => it.step.to_string(),
        Join::AtLeast(1) => format!("any of {}", it.step),
        Join::AtLeast(number) => format!("{number} of {}", it.step),
    }
}

/// What there is to say of a step in a few words.
fn note(step: &Step) -> String {
    let mut said = Vec::new();
    match step.kind {
        Kind::Work => {}
        Kind::Approval(it) if it.count == 1 => said.push("a person approves".to_owned()),
        Kind::Approval(it) => said.push(format!("{} persons approve", it.count)),
    }
    if let Some(spawns) = &step.spawns {
        said.push(format!("for each of {}", spawns.for_each));
    }
    if step.spawner.is_some() {
        said.push("one an element".to_owned());
    }
    match &step.checks {
        Checks::None => {}
        Checks::Quorum(it) => said.push(format!("{} of {} agree", it.agree, it.max_ballots)),
        Checks::Review(it) => said.push(match it.by {
            Reviewer::Agent => "reviewed".to_owned(),
            Reviewer::Person => "reviewed by a person".to_owned(),
        }),
    }
    match step.on_dead {
        OnDead::FailRun => {}
        OnDead::Skip => said.push("may be void".to_owned()),
        OnDead::Hold => said.push("held when dead".to_owned()),
    }
    if said.is_empty() { "work".to_owned() } else { said.join(", ") }
}

/// The steps with what is counted of them; `way` leads from one on.
pub(super) fn steps(
    definition: &Definition,
    counts: &Counts,
    way: impl Fn(&str) -> String,
) -> Steps {
    let of = |step: &Step| counts.get(step.id.as_str()).cloned().unwrap_or_default();
    let node = |step: &Step| Node {
        step: step.id.to_string(),
        title: step.title.clone().unwrap_or_default(),
        note: note(step),
        waits_for: step.requirements.iter().map(|it| it.step.to_string()).collect(),
        spawner: step.spawner.as_ref().map(ToString::to_string),
        counts: of(step),
        href: way(step.id.as_str()),
    };
    let nodes: Vec<_> = definition.steps.iter().map(node).collect();
    let row = |(step, node): (&Step, &Node)| {
        let awaits = step.requirements.iter().map(awaited);
        let spawned = node.spawner.iter().filter(|it| !node.waits_for.contains(it)).cloned();
        Row {
            step: node.step.clone(),
            title: node.title.clone(),
            note: node.note.clone(),
            waits_for: spawned.chain(awaits).collect::<Vec<_>>().join(", "),
            href: node.href.clone(),
            counts: in_order(&node.counts),
        }
    };
    Steps {
        picture: drawn(&nodes),
        rows: definition.steps.iter().zip(&nodes).map(row).collect(),
        has_counts: !counts.is_empty(),
    }
}

/// What each step waits for, spawners included.
pub(super) fn before(definition: &Definition) -> Before {
    let of = |step: &Step| {
        let awaited = step.requirements.iter().map(|it| it.step.clone());
        (step.id.clone(), awaited.chain(step.spawner.clone()).collect())
    };
    definition.steps.iter().map(of).collect()
}
