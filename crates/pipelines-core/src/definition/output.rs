//! What compose rules find, and what nobody looks at (`spec/work.md` 2, stage `output` and warnings).

use std::collections::BTreeSet;

use super::{Faults, From, fields::note, graph, types::View};
use crate::{
    compose::Rule,
    expression::{Expression, Root},
    fault::{Code, Fault},
    json::{Place, Pointer},
    name::StepId,
};

/// Checks the rules; gives the warnings of the whole definition.
pub(super) fn check(view: &View<'_>, faults: &Faults) -> Vec<Fault> {
    let mut warnings = Vec::new();
    let mut written = BTreeSet::new();
    for (rule, place) in &view.draft.rules {
        match judge(view, rule) {
            Err((code, why)) => note(faults, place, code, why),
            Ok(keys) => {
                let again: Vec<_> =
                    keys.into_iter().filter(|key| !written.insert(key.clone())).collect();
                if !again.is_empty() {
                    let why = format!("it overwrites {}", again.join(", "));
                    warnings.push(Fault::at(place, Code::ComposeCollision, why));
                }
            }
        }
    }
    warnings.extend(unused(view));
    warnings.sort();
    warnings
}

type Judged<T> = Result<T, (Code, String)>;

/// The members that a rule writes, as far as schemas tell.
fn judge(view: &View<'_>, rule: &Rule) -> Judged<Vec<String>> {
    match rule {
        Rule::Wildcard { step } => {
            let position = single(view, step)?;
            Ok(members(view, position, ""))
        }
        Rule::Prefix { step, prefix } => {
            let found = members(view, single(view, step)?, prefix);
            if found.is_empty() {
                let why = format!("{step} declares no member that begins with {prefix}");
                return Err((Code::ComposeSource, why));
            }
            Ok(found)
        }
        Rule::Field { key, step, field } => {
            declared(view, single(view, step)?, field)?;
            Ok(vec![key.clone()])
        }
        Rule::Whole { key, step } => single(view, step).map(|_| vec![key.clone()]),
        Rule::Pair { key, step, field, templates } => {
            let position = single(view, step)?;
            let is_list = declared(view, position, field)?;
            for template in templates {
                paired(view, position, field, template)?;
            }
            if is_list { Ok(vec![key.clone()]) } else { Err(no_list(step, field)) }
        }
        Rule::Flatten { key, steps, field } => {
            for step in steps {
                if !declared(view, known(view, step)?, field)? {
                    return Err(no_list(step, field));
                }
            }
            Ok(vec![key.clone()])
        }
    }
}

fn known(view: &View<'_>, step: &StepId) -> Judged<usize> {
    view.position(step).ok_or_else(|| (Code::ComposeSource, format!("no step is called {step}")))
}

/// A step that has one instance.
fn single(view: &View<'_>, step: &StepId) -> Judged<usize> {
    let position = known(view, step)?;
    if view.spawning.spawner.contains_key(&position) {
        let why = format!("{step} has an instance for each element");
        return Err((Code::ComposeNeedsSingle, why));
    }
    Ok(position)
}

/// Whether the field, which has to be declared, is a list.
fn declared(view: &View<'_>, position: usize, field: &str) -> Judged<bool> {
    let found = view.output(position, &Pointer::member(field));
    let found = found
        .ok_or_else(|| (Code::ComposeSource, format!("the output declares no member {field}")))?;
    Ok(found.is_list(view.library()))
}

fn no_list(step: &StepId, field: &str) -> (Code, String) {
    (Code::ComposeType, format!("{step}.{field} is no list"))
}

fn paired(view: &View<'_>, list: usize, field: &str, template: &StepId) -> Judged<()> {
    let position = known(view, template)?;
    let spawner = view.spawning.spawner.get(&position).copied();
    let spawns = spawner.and_then(|it| view.step(it)).and_then(|it| it.spawns.as_ref());
    let is_paired =
        spawner == Some(list) && spawns.is_some_and(|it| it.for_each == Pointer::member(field));
    if is_paired {
        return Ok(());
    }
    Err((Code::ComposeUnpaired, format!("{template} is not spawned from {field}")))
}

fn members(view: &View<'_>, position: usize, prefix: &str) -> Vec<String> {
    let found = view.output(position, &Pointer::root());
    let names = found.map(|it| it.members(view.library())).unwrap_or_default();
    names.into_iter().filter(|it| it.starts_with(prefix)).map(str::to_owned).collect()
}

/// Steps whose output goes nowhere.
fn unused(view: &View<'_>) -> Vec<Fault> {
    let mut used: BTreeSet<&StepId> =
        view.draft.rules.iter().flat_map(|(rule, _)| rule.steps()).collect();
    for (_, draft) in graph::steps(view.draft, view.spawning) {
        used.extend(draft.requires.iter().map(|it| &it.step));
        let Some(step) = &draft.step else { continue };
        for input in step.inputs.iter().flat_map(|it| it.values()) {
            if let From::Step(id) = &input.from {
                used.insert(id);
            }
        }
        for root in step.skip_if.iter().flat_map(Expression::roots) {
            if let Root::Step(id) = root {
                used.insert(id);
            }
        }
    }
    let unused = graph::steps(view.draft, view.spawning).filter(|(_, draft)| {
        let is_used = draft.id.as_ref().is_some_and(|id| used.contains(id));
        let spawns = draft.step.as_ref().is_some_and(|step| step.spawns.is_some());
        !is_used && !spawns
    });
    let warning = |place: &Place| Fault::at(place, Code::UnusedStep, "nothing looks at its output");
    unused.map(|(_, draft)| warning(&draft.place)).collect()
}
