//! Limits against each other (`spec/work.md` 2, stage `limits`).
//!
//! That a subcommand's timeout is below the claim's `ttl` follows from their ranges: 15 s at most, 30 s at least.

use std::collections::BTreeSet;

use super::{Faults, Kind, fields::note, step::DraftStep, top::Draft};
use crate::{fault::Code, json::Place};

/// Checks what can be checked without a graph.
pub(super) fn check(draft: &Draft, faults: &Faults) {
    for step in &draft.steps {
        times(draft, step, faults);
    }
    let spawns = draft.steps.iter().filter_map(|it| it.step.as_ref()?.spawns.as_ref());
    let templates: BTreeSet<_> = spawns.flat_map(|it| &it.steps).collect();
    let is_root = |step: &&DraftStep| step.id.as_ref().is_some_and(|id| !templates.contains(id));
    let roots = u64::try_from(draft.steps.iter().filter(is_root).count()).unwrap_or(u64::MAX);
    for (name, budget) in [("claims", draft.budgets.claims), ("tasks", draft.budgets.tasks)] {
        if budget < roots {
            let why = format!("there are {roots} steps to begin with");
            let place = Place::root().at("budgets").at(name);
            note(faults, &place, Code::BudgetUnreachable, why);
        }
    }
}

fn times(draft: &Draft, it: &DraftStep, faults: &Faults) {
    let Some(step) = &it.step else { return };
    let inverted = |place: &Place, why: &str| note(faults, place, Code::LimitInverted, why);
    let own = step.deadline.filter(|deadline| *deadline > draft.deadline);
    if own.is_some() {
        inverted(&it.place.at("deadline"), "it is longer than the deadline of the run");
    }
    if matches!(step.kind, Kind::Approval(_)) {
        return;
    }
    let claim =
        if it.has_claim { it.place.at("claim") } else { Place::root().at("defaults").at("claim") };
    if step.claim.ttl > step.claim.cap {
        inverted(&claim, "ttl is longer than cap");
    }
    match step.deadline {
        Some(deadline) if step.claim.cap > deadline => {
            inverted(&it.place.at("deadline"), "a claim may last longer");
        }
        None if step.claim.cap > draft.deadline => {
            inverted(&claim, "a claim may last longer than the run");
        }
        _ => {}
    }
}
