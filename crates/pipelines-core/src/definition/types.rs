//! What inputs and fan-outs find in the schemas of their sources (`spec/work.md` 2, stage `types`).

use serde_json::Value;

use super::{
    Faults, From, Input, Join, Kind, OnDead, OnExpiry, OnUnmet, Reach, Step,
    fields::note,
    graph::{self, reach},
    names::Spawning,
    top::Draft,
};
use crate::{
    fault::Code,
    json::{Place, Pointer},
    name::StepId,
    schema::{Declared, Library, declared},
};

/// The document with its graph: what the last checks look at.
pub(super) struct View<'d> {
    pub(super) draft: &'d Draft,
    pub(super) spawning: &'d Spawning,
    source: &'d Value,
}

impl<'d> View<'d> {
    pub(super) const fn new(draft: &'d Draft, source: &'d Value, spawning: &'d Spawning) -> Self {
        Self { draft, spawning, source }
    }

    pub(super) const fn library(&self) -> &'d Library {
        &self.draft.library
    }

    /// The step that stands at a position.
    pub(super) fn step(&self, position: usize) -> Option<&'d Step> {
        self.draft.steps.get(position)?.step.as_ref()
    }

    pub(super) fn position(&self, id: &StepId) -> Option<usize> {
        self.spawning.by_id.get(id).copied()
    }

    /// What the output schema of a step declares.
    pub(super) fn output(&self, position: usize, pointer: &Pointer) -> Option<Declared<'d>> {
        let schema = self.source.get("steps")?.get(position)?.get("output_schema")?;
        declared(schema, pointer, self.library())
    }

    fn input(&self, pointer: &Pointer) -> Option<Declared<'d>> {
        declared(self.source.get("input_schema")?, pointer, self.library())
    }

    /// What is declared of the element that a template is spawned for; `Err` if its list is not sound itself.
    fn element(&self, position: usize, pointer: &Pointer) -> Result<Option<Declared<'d>>, ()> {
        let spawner = self.spawning.spawner.get(&position).copied().ok_or(())?;
        let spawns = self.step(spawner).and_then(|it| it.spawns.as_ref()).ok_or(())?;
        let list = self.output(spawner, &spawns.for_each).ok_or(())?;
        Ok(list.element(pointer, self.library()))
    }
}

/// Checks inputs and fan-outs of every step.
pub(super) fn check(view: &View<'_>, faults: &Faults) {
    for (position, draft) in graph::steps(view.draft, view.spawning) {
        let Some(step) = &draft.step else { continue };
        for (name, input) in step.inputs.iter().flatten() {
            check_input(view, position, input, &draft.place.at("inputs").at(name), faults);
        }
        let Some(spawns) = &step.spawns else { continue };
        let place = draft.place.at("spawns").at("for_each");
        match view.output(position, &spawns.for_each) {
            None => {
                note(faults, &place, Code::InputPathUnknown, "the schema declares no such place");
            }
            Some(found) if !found.is_list(view.library()) => {
                note(faults, &place, Code::ForEachNotArray, "a list is wanted there");
            }
            Some(_) => {}
        }
    }
}

fn check_input(view: &View<'_>, position: usize, input: &Input, place: &Place, faults: &Faults) {
    let (found, may_lack) = match &input.from {
        From::Run => (view.input(&input.pointer), false),
        From::Item => match view.element(position, &input.pointer) {
            Ok(found) => (found, false),
            Err(()) => return,
        },
        From::Index if input.pointer.is_root() => return,
        From::Index => (None, false),
        From::Step(id) => {
            let Some(source) = view.position(id) else { return };
            let Some(reach) = reach(view.spawning, position, source) else { return };
            let found = view.output(source, &input.pointer);
            match reach {
                // A gathered value has `null` where there is nothing.
                Reach::Many if found.is_some() => return,
                Reach::Many => (None, false),
                Reach::One(_) => (found, may_be_void(view, source)),
            }
        }
    };
    let Some(found) = found else {
        let why = "the schema of the source declares no such place";
        note(faults, &place.at("pointer"), Code::InputPathUnknown, why);
        return;
    };
    let is_covered = input.default.is_some() || input.is_optional;
    if !is_covered && (may_lack || !found.is_guaranteed) {
        let why = "it may be absent: give a default, or say optional";
        note(faults, place, Code::InputNotGuaranteed, why);
    }
}

/// Whether a step may end without a result while its run goes on.
fn may_be_void(view: &View<'_>, position: usize) -> bool {
    let Some(draft) = view.draft.steps.get(position) else { return false };
    let Some(step) = &draft.step else { return false };
    let may_expire = match step.kind {
        Kind::Work => false,
        Kind::Approval(approval) => approval.on_expiry == OnExpiry::Skip,
    };
    let may_miss = step.on_unmet == OnUnmet::Skip
        && draft.requires.iter().any(|it| matches!(it.join, Join::AtLeast(_)));
    step.skip_if.is_some() || step.on_dead == OnDead::Skip || may_expire || may_miss
}
