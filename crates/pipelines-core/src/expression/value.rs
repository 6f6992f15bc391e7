//! What an expression is worth. Nothing here fails: each has a value for every input.

use std::{borrow::Cow, cmp::Ordering};

use serde_json::Value;

use super::{Comparison, Function, Scope, Term};
use crate::json::{compare, same, type_name};

/// Only `true` counts as true.
pub(super) fn is_true(value: &Value) -> bool {
    *value == Value::Bool(true)
}

/// The value of a term.
pub(super) fn of<'s>(term: &'s Term, scope: &'s dyn Scope) -> Cow<'s, Value> {
    match term {
        Term::Literal(value) => Cow::Borrowed(value),
        Term::Reference(root, pointer) => {
            scope.find(root, pointer).unwrap_or(Cow::Owned(Value::Null))
        }
        Term::Not(inner) => truth(!is_true(&of(inner, scope))),
        Term::And(parts) => truth(parts.iter().all(|part| is_true(&of(part, scope)))),
        Term::Or(parts) => truth(parts.iter().any(|part| is_true(&of(part, scope)))),
        Term::Compare(one, sign, other) => truth(holds(&of(one, scope), *sign, &of(other, scope))),
        Term::Call(function, arguments) => call(*function, arguments, scope),
    }
}

const fn truth<'s>(is_true: bool) -> Cow<'s, Value> {
    Cow::Owned(Value::Bool(is_true))
}

fn holds(one: &Value, sign: Comparison, other: &Value) -> bool {
    match sign {
        Comparison::Equal => same(one, other),
        Comparison::Unequal => !same(one, other),
        Comparison::Less => order(one, other).is_some_and(Ordering::is_lt),
        Comparison::LessOrEqual => order(one, other).is_some_and(Ordering::is_le),
        Comparison::Greater => order(one, other).is_some_and(Ordering::is_gt),
        Comparison::GreaterOrEqual => order(one, other).is_some_and(Ordering::is_ge),
        Comparison::In => is_in(one, other),
    }
}

/// Two numbers, or two texts by code point; UTF-8 sorts so.
fn order(one: &Value, other: &Value) -> Option<Ordering> {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => compare(one, other),
        (Value::String(one), Value::String(other)) => Some(one.cmp(other)),
        _ => None,
    }
}

fn is_in(needle: &Value, hay: &Value) -> bool {
    match (needle, hay) {
        (_, Value::Array(items)) => items.iter().any(|item| same(needle, item)),
        (Value::String(name), Value::Object(fields)) => fields.contains_key(name),
        (Value::String(part), Value::String(whole)) => whole.contains(part.as_str()),
        _ => false,
    }
}

fn call<'s>(function: Function, arguments: &'s [Term], scope: &'s dyn Scope) -> Cow<'s, Value> {
    let value = |at: usize| {
        arguments.get(at).map_or(Cow::Owned(Value::Null), |argument| of(argument, scope))
    };
    let first = value(0);
    match function {
        Function::Size => Cow::Owned(size(&first).into()),
        Function::Has => truth(!first.is_null()),
        Function::Type => Cow::Owned(type_name(&first).into()),
        Function::Lower => Cow::Owned(
            first.as_str().map_or(Value::Null, |text| Value::String(text.to_ascii_lowercase())),
        ),
        Function::Starts => {
            let second = value(1);
            let both = first.as_str().zip(second.as_str());
            truth(both.is_some_and(|(text, front)| text.starts_with(front)))
        }
        Function::Default => {
            if first.is_null() {
                value(1)
            } else {
                first
            }
        }
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.len(),
        Value::Object(fields) => fields.len(),
        Value::String(text) => text.chars().count(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}
