//! Which step looks at which: scopes, references, joins, rings (`spec/work.md` 2, Scope and Joins).

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Faults, From, Join, Reach, Requirement, Rest,
    fields::note,
    names::Spawning,
    step::{DraftStep, Wanted},
    top::Draft,
};
use crate::{
    expression::{Expression, Root},
    fault::Code,
    json::Place,
    name::StepId,
};

/// A step's place among the others.
pub(super) struct Links {
    pub(super) requirements: Vec<Requirement>,
    pub(super) spawner: Option<StepId>,
    pub(super) scope: Vec<StepId>,
    pub(super) affects: Vec<StepId>,
}

/// How an instance of `from` sees `to`; nothing if it does not.
pub(super) fn reach(spawning: &Spawning, from: usize, to: usize) -> Option<Reach> {
    let (own, other) = (spawning.scope.get(&from)?, spawning.scope.get(&to)?);
    if own.starts_with(other) {
        return Some(Reach::One(other.len()));
    }
    (other.len() > own.len() && other.starts_with(own)).then_some(Reach::Many)
}

/// Checks all references; gives what was found sound, by position.
pub(super) fn check(draft: &Draft, spawning: &Spawning, faults: &Faults) -> BTreeMap<usize, Links> {
    let mut required = BTreeMap::new();
    for (position, step) in steps(draft, spawning) {
        let found = References { spawning, faults, position, step, found: Vec::new() }.read();
        required.insert(position, found);
    }
    rings(&required, draft, faults);
    let affects = affected(&required, spawning);
    let id = |position: &usize| draft.steps.get(*position)?.id.clone();
    let links = required.into_iter().map(|(position, requirements)| {
        let above = spawning.scope.get(&position).into_iter().flatten();
        let links = Links {
            requirements: requirements.into_iter().map(|(_, it)| it).collect(),
            spawner: spawning.spawner.get(&position).and_then(id),
            scope: above.filter_map(id).collect(),
            affects: affects.get(&position).into_iter().flatten().filter_map(id).collect(),
        };
        (position, links)
    });
    links.collect()
}

/// The steps that have a name of their own.
pub(super) fn steps<'d>(
    draft: &'d Draft,
    spawning: &Spawning,
) -> impl Iterator<Item = (usize, &'d DraftStep)> {
    let mut positions: Vec<_> = spawning.by_id.values().copied().collect();
    positions.sort_unstable();
    positions.into_iter().filter_map(|at| draft.steps.get(at).map(|step| (at, step)))
}

/// The references of one step, as they are read.
struct References<'d> {
    spawning: &'d Spawning,
    faults: &'d Faults,
    position: usize,
    step: &'d DraftStep,
    found: Vec<(usize, Requirement)>,
}

impl References<'_> {
    fn read(mut self) -> Vec<(usize, Requirement)> {
        for wanted in &self.step.requires {
            self.wanted(wanted);
        }
        let Some(step) = &self.step.step else { return self.found };
        for (name, input) in step.inputs.iter().flatten() {
            let place = self.step.place.at("inputs").at(name).at("from");
            match &input.from {
                From::Run => {}
                From::Item | From::Index => self.needs_element(&place),
                From::Step(id) => self.implied(id, &place),
            }
        }
        let place = self.step.place.at("skip_if");
        for root in step.skip_if.iter().flat_map(Expression::roots) {
            match root {
                Root::Run | Root::Input => {}
                Root::Item | Root::Index => self.needs_element(&place),
                Root::Step(id) => self.implied(id, &place),
            }
        }
        if let Some(spawner) = self.spawning.spawner.get(&self.position).copied() {
            self.add(spawner, Join::All, Rest::Keep);
        }
        self.found
    }

    fn needs_element(&self, place: &Place) {
        if !self.spawning.spawner.contains_key(&self.position) {
            let why = "there is an element only in a fan-out";
            note(self.faults, place, Code::ReferenceOutOfScope, why);
        }
    }

    /// The position of a step that can be seen from here.
    fn seen(&self, id: &StepId, place: &Place) -> Option<(usize, Reach)> {
        let Some(position) = self.spawning.by_id.get(id).copied() else {
            note(self.faults, place, Code::StepUnknown, format!("no step is called {id}"));
            return None;
        };
        let reach = reach(self.spawning, self.position, position);
        if reach.is_none() {
            let why = format!("{id} lies in another fan-out");
            note(self.faults, place, Code::ReferenceOutOfScope, why);
        }
        reach.map(|reach| (position, reach))
    }

    fn wanted(&mut self, wanted: &Wanted) {
        let Some((position, reach)) = self.seen(&wanted.step, &wanted.place) else { return };
        let is_sound = match (wanted.join, reach) {
            (Join::All, _) => true,
            (Join::AtLeast(many), Reach::Many) => many >= 1,
            (Join::AtLeast(_), Reach::One(_)) => false,
        };
        if !is_sound {
            let why = "any and k need many instances, and k is at least 1";
            note(self.faults, &wanted.join_place, Code::JoinInvalid, why);
        }
        self.add(position, wanted.join, wanted.rest);
    }

    /// An input or a condition: a requirement `all` by itself.
    fn implied(&mut self, id: &StepId, place: &Place) {
        if let Some((position, _)) = self.seen(id, place) {
            self.add(position, Join::All, Rest::Keep);
        }
    }

    fn add(&mut self, position: usize, join: Join, rest: Rest) {
        let Some(reach) = reach(self.spawning, self.position, position) else { return };
        let id = self.spawning.by_id.iter().find(|(_, at)| **at == position);
        let Some((step, _)) = id else { return };
        let is_known = |(at, it): &(usize, Requirement)| *at == position && it.join == join;
        if rest == Rest::Keep && self.found.iter().any(is_known) {
            return;
        }
        self.found.push((position, Requirement { step: step.clone(), join, rest, reach }));
    }
}

/// Steps that wait for each other: each ring is told once, at its first step in the file.
fn rings(required: &BTreeMap<usize, Vec<(usize, Requirement)>>, draft: &Draft, faults: &Faults) {
    let behind: BTreeMap<usize, BTreeSet<usize>> =
        required.keys().map(|position| (*position, reached_from(*position, required))).collect();
    let reaches = |from: usize, to: usize| behind.get(&from).is_some_and(|it| it.contains(&to));
    let mut told: BTreeSet<usize> = BTreeSet::new();
    for position in required.keys().copied().filter(|at| reaches(*at, *at)) {
        if !told.iter().any(|first| reaches(*first, position) && reaches(position, *first)) {
            told.insert(position);
            let place = draft.steps.get(position).map(|step| step.place.clone());
            let why = "this step and others wait for each other";
            note(faults, &place.unwrap_or_default(), Code::Cycle, why);
        }
    }
}

/// All that a step waits for, over others too.
fn reached_from(
    start: usize,
    required: &BTreeMap<usize, Vec<(usize, Requirement)>>,
) -> BTreeSet<usize> {
    let next = |at: usize| required.get(&at).into_iter().flatten().map(|(to, _)| *to);
    let mut reached = BTreeSet::new();
    let mut open: Vec<_> = next(start).collect();
    while let Some(at) = open.pop() {
        if reached.insert(at) {
            open.extend(next(at));
        }
    }
    reached
}

/// For each step those that look at it, or at a set of instances that it opens and closes.
fn affected(
    required: &BTreeMap<usize, Vec<(usize, Requirement)>>,
    spawning: &Spawning,
) -> BTreeMap<usize, BTreeSet<usize>> {
    let mut affected: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for (position, requirements) in required {
        for (to, _) in requirements {
            let above = spawning.scope.get(to).into_iter().flatten();
            for source in std::iter::once(to).chain(above) {
                affected.entry(*source).or_default().insert(*position);
            }
        }
    }
    affected
}
