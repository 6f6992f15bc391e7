//! A value against a schema. Every keyword that is looked at costs a step, and there is a last step.

use std::{
    cmp::Ordering,
    collections::{BTreeSet, HashSet},
};

use serde_json::Value;

use super::{Lists, Node, Numbers, Texts, Type, objects};
use crate::{
    fault::{Code, Fault},
    json::{Place, canonical, compare, same},
};

/// Keyword steps that one judgement may take.
pub const MAX_STEPS: u64 = 5_000_000;
/// Faults that are told.
pub const MAX_FAULTS: usize = 100;
/// Text that a pattern looks at for the price of one step.
const BYTES_PER_STEP: usize = 64;

/// What is wrong with `value`.
pub(super) fn judge(node: &Node, value: &Value) -> Vec<Fault> {
    let mut judge = Judge { steps: 0, faults: Vec::new(), is_quiet: false };
    judge.node(node, value, &Place::root(), &mut Seen::default());
    if judge.steps > MAX_STEPS {
        let why = "judging it takes too long: fewer elements, or a simpler schema";
        return vec![Fault::whole(Code::ValidationTooCostly, why)];
    }
    judge.faults
}

/// The members and elements that some keyword has looked at: what `unevaluated…` asks.
#[derive(Debug, Default, Clone)]
pub(super) struct Seen {
    pub(super) members: BTreeSet<String>,
    pub(super) all_members: bool,
    elements: BTreeSet<usize>,
    first: usize,
    all_elements: bool,
}

impl Seen {
    fn add(&mut self, other: Self) {
        self.members.extend(other.members);
        self.elements.extend(other.elements);
        self.all_members |= other.all_members;
        self.all_elements |= other.all_elements;
        self.first = self.first.max(other.first);
    }
}

/// One judgement.
pub(super) struct Judge {
    steps: u64,
    faults: Vec<Fault>,
    /// Inside `anyOf`, `not` and their kin a fault is an answer, not a fault.
    is_quiet: bool,
}

impl Judge {
    /// Counts steps; `false` after the last.
    pub(super) fn pays(&mut self, steps: usize) -> bool {
        self.steps = self.steps.saturating_add(u64::try_from(steps).unwrap_or(u64::MAX));
        self.steps <= MAX_STEPS
    }

    /// Notes a fault unless `is_good`, which it gives back.
    pub(super) fn holds(
        &mut self,
        is_good: bool,
        place: &Place,
        code: Code,
        why: impl FnOnce() -> String,
    ) -> bool {
        if !is_good && !self.is_quiet && self.faults.len() < MAX_FAULTS {
            self.faults.push(Fault::at(place, code, why()));
        }
        is_good
    }

    /// Whether `value` fits, and what was seen of it.
    pub(super) fn node(
        &mut self,
        node: &Node,
        value: &Value,
        place: &Place,
        seen: &mut Seen,
    ) -> bool {
        if !self.pays(1) {
            return false;
        }
        if node.refuses_all {
            return self
                .holds(false, place, Code::UnknownField, || "nothing may stand here".into());
        }
        let mut is_good = self.simple(node, value, place);
        is_good &= self.applied(node, value, place, seen);
        match value {
            Value::Number(_) => is_good &= self.numbers(&node.numbers, value, place),
            Value::String(text) => is_good &= self.texts(&node.texts, text, place),
            Value::Array(items) => is_good &= self.lists(&node.lists, items, place, seen),
            Value::Object(fields) => {
                is_good &= objects::judge(self, &node.objects, fields, place, seen);
            }
            Value::Null | Value::Bool(_) => {}
        }
        is_good
    }

    /// Whether `value` fits, told to nobody.
    fn quietly(&mut self, node: &Node, value: &Value, seen: &mut Seen) -> bool {
        let was_quiet = std::mem::replace(&mut self.is_quiet, true);
        let is_good = self.node(node, value, &Place::root(), seen);
        self.is_quiet = was_quiet;
        is_good
    }

    /// `type`, `enum`, `const`.
    fn simple(&mut self, node: &Node, value: &Value, place: &Place) -> bool {
        let mut is_good = true;
        if let Some(types) = &node.types {
            let fits = self.pays(1) && types.iter().any(|it| is_of(*it, value));
            is_good &= self.holds(fits, place, Code::WrongType, || {
                let names: Vec<_> =
                    types.iter().map(|it| format!("{it:?}").to_lowercase()).collect();
                format!("{} is wanted", names.join(" or "))
            });
        }
        if let Some(allowed) = &node.allowed {
            let fits = self.pays(allowed.len()) && allowed.iter().any(|it| same(it, value));
            is_good &= self.holds(fits, place, Code::OutOfRange, || {
                format!("one of {} is wanted", canonical(&Value::Array(allowed.clone())))
            });
        }
        if let Some(constant) = &node.constant {
            let fits = self.pays(1) && same(constant, value);
            is_good &= self.holds(fits, place, Code::OutOfRange, || {
                format!("{} is wanted", canonical(constant))
            });
        }
        is_good
    }

    /// Keywords that put other schemas on the same value.
    fn applied(&mut self, node: &Node, value: &Value, place: &Place, seen: &mut Seen) -> bool {
        let mut is_good = true;
        for inner in node.reference.as_deref().into_iter().chain(&node.all_of) {
            is_good &= self.node(inner, value, place, seen);
        }
        if !node.any_of.is_empty() {
            let fits = self.matching(&node.any_of, value, seen);
            is_good &= self.holds(fits > 0, place, Code::OutOfRange, || {
                "none of the forms that are allowed here fits".into()
            });
        }
        if !node.one_of.is_empty() {
            let fits = self.matching(&node.one_of, value, seen);
            is_good &= self.holds(fits == 1, place, Code::OutOfRange, || {
                format!("one form is wanted, {fits} fit")
            });
        }
        if let Some(not) = &node.not {
            let fits = self.quietly(not, value, &mut Seen::default());
            is_good &=
                self.holds(!fits, place, Code::OutOfRange, || "this form is not taken".into());
        }
        if let Some(condition) = &node.condition {
            let mut inner = Seen::default();
            let branch = if self.quietly(condition, value, &mut inner) {
                seen.add(inner);
                &node.then
            } else {
                &node.otherwise
            };
            if let Some(branch) = branch {
                is_good &= self.node(branch, value, place, seen);
            }
        }
        is_good
    }

    /// How many of the schemas fit; what those saw is seen.
    fn matching(&mut self, nodes: &[Node], value: &Value, seen: &mut Seen) -> usize {
        let mut fits = 0;
        for node in nodes {
            let mut inner = Seen::default();
            if self.quietly(node, value, &mut inner) {
                fits += 1;
                seen.add(inner);
            }
        }
        fits
    }

    fn numbers(&mut self, numbers: &Numbers, value: &Value, place: &Place) -> bool {
        let Value::Number(number) = value else { return true };
        let order = |limit: &Option<serde_json::Number>| {
            limit.as_ref().and_then(|limit| compare(number, limit))
        };
        let is_multiple = numbers.multiple_of.as_ref().is_none_or(|step| is_multiple(number, step));
        let checks = [
            (order(&numbers.minimum).is_none_or(Ordering::is_ge), "it is too small"),
            (order(&numbers.above).is_none_or(Ordering::is_gt), "it is too small"),
            (order(&numbers.maximum).is_none_or(Ordering::is_le), "it is too large"),
            (order(&numbers.below).is_none_or(Ordering::is_lt), "it is too large"),
            (is_multiple, "it is no multiple of the step that is wanted"),
        ];
        let mut is_good = self.pays(1);
        for (fits, why) in checks {
            is_good &= self.holds(fits, place, Code::OutOfRange, || why.into());
        }
        is_good
    }

    fn texts(&mut self, texts: &Texts, text: &str, place: &Place) -> bool {
        let mut is_good = true;
        if texts.min_length.is_some() || texts.max_length.is_some() {
            is_good &= self.pays(1 + text.len() / BYTES_PER_STEP);
            let length = text.chars().count();
            let is_long = texts.min_length.is_none_or(|least| length >= least);
            let is_short = texts.max_length.is_none_or(|most| length <= most);
            is_good &= self.holds(is_long, place, Code::OutOfRange, || "it is too short".into());
            is_good &= self.holds(is_short, place, Code::OutOfRange, || "it is too long".into());
        }
        if let Some(pattern) = &texts.pattern {
            let fits = self.pays(1 + text.len() / BYTES_PER_STEP) && pattern.occurs_in(text);
            is_good &= self.holds(fits, place, Code::OutOfRange, || {
                "it has not the form that is wanted".into()
            });
        }
        if let Some(format) = texts.format {
            let fits = self.pays(1 + text.len() / BYTES_PER_STEP) && format.holds(text);
            is_good &= self.holds(fits, place, Code::OutOfRange, || {
                format!("it has not the format that is wanted: {format:?}")
            });
        }
        is_good
    }

    fn lists(&mut self, lists: &Lists, items: &[Value], place: &Place, seen: &mut Seen) -> bool {
        let mut is_good = true;
        let count = items.len();
        let has_enough = lists.min_items.is_none_or(|least| count >= least);
        let has_few = lists.max_items.is_none_or(|most| count <= most);
        is_good &=
            self.holds(has_enough, place, Code::OutOfRange, || "it has too few elements".into());
        is_good &=
            self.holds(has_few, place, Code::OutOfRange, || "it has too many elements".into());
        if lists.are_unique {
            let mut known = HashSet::new();
            let is_unique = self.pays(count)
                && items.iter().all(|item| {
                    let text = canonical(item);
                    self.pays(text.len() / BYTES_PER_STEP) && known.insert(text)
                });
            is_good &=
                self.holds(is_unique, place, Code::OutOfRange, || "two elements are equal".into());
        }
        for (at, (item, inner)) in items.iter().zip(&lists.first).enumerate() {
            is_good &= self.node(inner, item, &place.at(at), &mut Seen::default());
        }
        seen.first = seen.first.max(lists.first.len());
        if let Some(inner) = &lists.items {
            for (at, item) in items.iter().enumerate().skip(lists.first.len()) {
                is_good &= self.node(inner, item, &place.at(at), &mut Seen::default());
            }
            seen.all_elements = true;
        }
        is_good &= self.contains(lists, items, place, seen);
        if let Some(inner) = lists.unevaluated.as_ref().filter(|_| !seen.all_elements) {
            for (at, item) in items.iter().enumerate().skip(seen.first) {
                if !seen.elements.contains(&at) {
                    is_good &= self.node(inner, item, &place.at(at), &mut Seen::default());
                }
            }
            seen.all_elements = true;
        }
        is_good
    }

    fn contains(&mut self, lists: &Lists, items: &[Value], place: &Place, seen: &mut Seen) -> bool {
        let Some(inner) = &lists.contains else { return true };
        let mut found = 0;
        for (at, item) in items.iter().enumerate() {
            if self.quietly(inner, item, &mut Seen::default()) {
                found += 1;
                seen.elements.insert(at);
            }
        }
        let fits = found >= lists.min_contains.unwrap_or(1)
            && lists.max_contains.is_none_or(|most| found <= most);
        self.holds(fits, place, Code::OutOfRange, || {
            format!("{found} elements are of the kind that is counted")
        })
    }
}

fn is_of(wanted: Type, value: &Value) -> bool {
    match (wanted, value) {
        (Type::Null, Value::Null)
        | (Type::Boolean, Value::Bool(_))
        | (Type::Object, Value::Object(_))
        | (Type::Array, Value::Array(_))
        | (Type::Number, Value::Number(_))
        | (Type::String, Value::String(_)) => true,
        // JSON Schema 2020-12 §6.1.1: 1.0 is an integer.
        (Type::Integer, Value::Number(number)) => {
            number.is_i64()
                || number.is_u64()
                || number.as_f64().is_some_and(|it| it.fract() == 0.0)
        }
        _ => false,
    }
}

fn is_multiple(number: &serde_json::Number, step: &serde_json::Number) -> bool {
    if let (Some(number), Some(step)) = (number.as_i64(), step.as_i64()) {
        return number.checked_rem(step).is_none_or(|rest| rest == 0);
    }
    let (Some(number), Some(step)) = (number.as_f64(), step.as_f64()) else { return false };
    let times = number / step;
    // 0.3 is a multiple of 0.1, though no double says so exactly.
    times.is_finite() && (times - times.round()).abs() <= times.abs() * f64::EPSILON
}
