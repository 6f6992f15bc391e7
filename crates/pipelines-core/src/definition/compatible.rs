//! Which versions a live run may move between (`spec/work.md` 2, Hot fix).

use serde_json::Value;

use super::{Budgets, Definition};
use crate::json::{Place, Pointer, same};

/// The places where `to` differs from `from` more than a move allows.
pub(super) fn compare(from: &Definition, to: &Definition) -> Result<(), Vec<String>> {
    let mut different = Vec::new();
    differences(&from.source, &to.source, &Place::root(), &mut different);
    different.retain(|place| !is_allowed(place, from, to));
    if different.is_empty() { Ok(()) } else { Err(different) }
}

/// The deepest places that differ.
fn differences(one: &Value, other: &Value, place: &Place, found: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(mine), Value::Object(theirs)) => {
            let added = theirs.keys().filter(|name| !mine.contains_key(*name));
            for name in mine.keys().chain(added) {
                match (mine.get(name), theirs.get(name)) {
                    (Some(one), Some(other)) => differences(one, other, &place.at(name), found),
                    _ => found.push(place.at(name).to_string()),
                }
            }
        }
        (Value::Array(mine), Value::Array(theirs)) if mine.len() == theirs.len() => {
            for (at, (one, other)) in mine.iter().zip(theirs).enumerate() {
                differences(one, other, &place.at(at), found);
            }
        }
        _ if same(one, other) => {}
        _ => found.push(place.to_string()),
    }
}

fn is_allowed(place: &str, from: &Definition, to: &Definition) -> bool {
    let Ok(pointer) = place.parse::<Pointer>() else { return false };
    let tokens: Vec<_> = pointer.tokens().iter().map(String::as_str).collect();
    match tokens.as_slice() {
        ["webhook", "url"]
        | ["priority"]
        | ["defaults", "attempts" | "backoff" | "claim", ..]
        | ["steps", _, "instructions" | "attempts" | "backoff" | "claim" | "priority", ..]
        | ["steps", _, "subcommands", _, "url" | "summary" | "help" | "timeout"] => true,
        ["defaults"] => is_handling_only(from.source.get("defaults"), to.source.get("defaults")),
        ["deadline"] => to.deadline >= from.deadline,
        ["budgets", ..] => is_raised(&from.budgets, &to.budgets),
        ["steps", at, "deadline"] => {
            let at = at.parse::<usize>().unwrap_or(usize::MAX);
            match (from.steps.get(at), to.steps.get(at)) {
                (Some(one), Some(other)) => other
                    .deadline
                    .is_none_or(|raised| one.deadline.is_some_and(|before| raised >= before)),
                _ => false,
            }
        }
        _ => false,
    }
}

/// Whether `defaults`, which only one of the two has, speaks of nothing else.
fn is_handling_only(one: Option<&Value>, other: Option<&Value>) -> bool {
    let names = [one, other].into_iter().flatten().filter_map(Value::as_object);
    names.flat_map(|it| it.keys()).all(|it| ["attempts", "backoff", "claim"].contains(&it.as_str()))
}

/// Whether no budget is smaller, and what happens when one is spent is the same.
fn is_raised(from: &Budgets, to: &Budgets) -> bool {
    to.claims >= from.claims
        && to.tasks >= from.tasks
        && to.proxy_calls >= from.proxy_calls
        && to.proxy_bytes >= from.proxy_bytes
        && to.result_bytes >= from.result_bytes
        && to.wall.is_none_or(|it| from.wall.is_some_and(|before| it >= before))
        && to.micro_usd.is_none_or(|it| from.micro_usd.is_some_and(|before| it >= before))
        && to.on_exhausted == from.on_exhausted
}
