//! An object against what a schema says of objects.

use serde_json::{Map, Value};

use super::{
    Objects,
    judge::{Judge, Seen},
};
use crate::{fault::Code, json::Place};

/// Whether the object fits.
pub(super) fn judge(
    judge: &mut Judge,
    objects: &Objects,
    fields: &Map<String, Value>,
    place: &Place,
    seen: &mut Seen,
) -> bool {
    let mut is_good = counts(judge, objects, fields, place);
    is_good &= dependents(judge, objects, fields, place, seen);
    for (name, value) in fields {
        is_good &= member(judge, objects, name, value, &place.at(name), seen);
    }
    if objects.additional.is_some() {
        seen.all_members = true;
    }
    if let Some(inner) = objects.unevaluated.as_ref().filter(|_| !seen.all_members) {
        for (name, value) in fields {
            if !seen.members.contains(name) {
                is_good &= judge.node(inner, value, &place.at(name), &mut Seen::default());
            }
        }
        seen.all_members = true;
    }
    is_good
}

fn counts(
    judge: &mut Judge,
    objects: &Objects,
    fields: &Map<String, Value>,
    place: &Place,
) -> bool {
    let mut is_good = judge.pays(objects.required.len());
    for name in &objects.required {
        is_good &= judge.holds(fields.contains_key(name), place, Code::MissingField, || {
            format!("the member {name} is missing")
        });
    }
    let has_enough = objects.min_members.is_none_or(|least| fields.len() >= least);
    let has_few = objects.max_members.is_none_or(|most| fields.len() <= most);
    is_good &= judge.holds(has_enough, place, Code::OutOfRange, || "it has too few members".into());
    is_good & judge.holds(has_few, place, Code::OutOfRange, || "it has too many members".into())
}

fn dependents(
    judge: &mut Judge,
    objects: &Objects,
    fields: &Map<String, Value>,
    place: &Place,
    seen: &mut Seen,
) -> bool {
    let mut is_good = judge.pays(objects.dependent_names.len());
    for (name, others) in objects.dependent_names.iter().filter(|it| fields.contains_key(it.0)) {
        for other in others {
            is_good &= judge.holds(fields.contains_key(other), place, Code::MissingField, || {
                format!("with {name} the member {other} is wanted")
            });
        }
    }
    let mut named =
        objects.dependent_schemas.iter().filter(|it| fields.contains_key(it.0)).peekable();
    if named.peek().is_some() {
        let whole = Value::Object(fields.clone());
        for (_, inner) in named {
            is_good &= judge.node(inner, &whole, place, seen);
        }
    }
    is_good
}

fn member(
    judge: &mut Judge,
    objects: &Objects,
    name: &str,
    value: &Value,
    place: &Place,
    seen: &mut Seen,
) -> bool {
    let (mut is_good, mut is_known) = (judge.pays(1), false);
    if let Some(inner) = &objects.names {
        is_good &= judge.node(inner, &name.into(), place, &mut Seen::default());
    }
    if let Some(inner) = objects.properties.get(name) {
        is_known = true;
        is_good &= judge.node(inner, value, place, &mut Seen::default());
    }
    for (pattern, inner) in &objects.patterns {
        if judge.pays(1) && pattern.occurs_in(name) {
            is_known = true;
            is_good &= judge.node(inner, value, place, &mut Seen::default());
        }
    }
    if is_known {
        seen.members.insert(name.to_owned());
        return is_good;
    }
    if let Some(inner) = &objects.additional {
        is_good &= judge.node(inner, value, place, &mut Seen::default());
    }
    is_good
}
