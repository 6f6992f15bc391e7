//! Who is called what, and who spawns whom.

use std::collections::{BTreeMap, BTreeSet};

use super::{Faults, fields::note, step_place, top::Draft};
use crate::{fault::Code, name::StepId};

/// Fan-outs inside each other.
const MAX_DEPTH: usize = 3;

/// The steps by name, and the trees that their fan-outs make. Steps are told apart by their position in the file.
pub(super) struct Spawning {
    pub(super) by_id: BTreeMap<StepId, usize>,
    pub(super) spawner: BTreeMap<usize, usize>,
    /// The spawners above, the outermost first.
    pub(super) scope: BTreeMap<usize, Vec<usize>>,
}

/// Checks names; nothing where spawners form a ring, because then nothing has a scope.
pub(super) fn check(draft: &Draft, faults: &Faults) -> Option<Spawning> {
    let by_id = by_id(draft, faults);
    let spawner = spawners(draft, &by_id, faults);
    let mut scope = BTreeMap::new();
    let mut has_ring = false;
    for position in by_id.values().copied() {
        let place = step_place(position);
        match above(position, &spawner) {
            None => {
                has_ring = true;
                note(faults, &place, Code::Unreachable, "its spawners form a ring");
            }
            Some(chain) => {
                if chain.len() > MAX_DEPTH {
                    let why = format!("fan-outs lie at most {MAX_DEPTH} deep");
                    note(faults, &place, Code::FanOutTooDeep, why);
                }
                scope.insert(position, chain);
            }
        }
    }
    (!has_ring).then_some(Spawning { by_id, spawner, scope })
}

fn by_id(draft: &Draft, faults: &Faults) -> BTreeMap<StepId, usize> {
    let mut by_id = BTreeMap::new();
    for (position, step) in draft.steps.iter().enumerate() {
        let Some(id) = &step.id else { continue };
        if by_id.contains_key(id) {
            let why = format!("another step is called {id}");
            note(faults, &step.place.at("id"), Code::StepIdDuplicate, why);
        } else {
            by_id.insert(id.clone(), position);
        }
    }
    by_id
}

fn spawners(
    draft: &Draft,
    by_id: &BTreeMap<StepId, usize>,
    faults: &Faults,
) -> BTreeMap<usize, usize> {
    let mut spawner = BTreeMap::new();
    // In the order of the file: the first place counts.
    let named: BTreeSet<_> = by_id.values().copied().collect();
    for position in named {
        let Some(draft) = draft.steps.get(position) else { continue };
        let spawns = draft.step.as_ref().and_then(|step| step.spawns.as_ref());
        for (at, id) in spawns.iter().flat_map(|it| it.steps.iter().enumerate()) {
            let place = draft.place.at("spawns").at("steps").at(at);
            let Some(template) = by_id.get(id) else {
                note(faults, &place, Code::StepUnknown, format!("no step is called {id}"));
                continue;
            };
            if spawner.contains_key(template) {
                note(faults, &place, Code::TemplateShared, format!("{id} is spawned elsewhere"));
            } else {
                spawner.insert(*template, position);
            }
        }
    }
    spawner
}

/// The spawners above a step, the outermost first; nothing if they form a ring.
fn above(position: usize, spawner: &BTreeMap<usize, usize>) -> Option<Vec<usize>> {
    let mut chain = Vec::new();
    let mut at = position;
    while let Some(next) = spawner.get(&at) {
        if *next == position || chain.contains(next) {
            return None;
        }
        chain.push(*next);
        at = *next;
    }
    chain.reverse();
    Some(chain)
}
