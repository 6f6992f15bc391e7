//! Where two definitions differ, told by place. Pure.
//!
//! Objects are compared member by member, lists element by element; steps are paired by their ids, so that one that is
//! put in does not change all behind it.

use std::collections::BTreeMap;

use pipelines_core::json::{Place, same};
use serde_json::Value;

/// Places that one answer tells.
const MAX_CHANGES: usize = 1_000;

/// One place in which they differ.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    /// In the newer one; in the older one where something was removed.
    pub(crate) pointer: String,
    /// What stood there.
    pub(crate) before: Option<Value>,
    /// What stands there.
    pub(crate) after: Option<Value>,
}

impl Change {
    /// The word for what happened.
    pub(crate) const fn kind(&self) -> &'static str {
        match (&self.before, &self.after) {
            (None, _) => "added",
            (Some(_), None) => "removed",
            (Some(_), Some(_)) => "changed",
        }
    }
}

/// The places in which `newer` differs from `older`, and whether there are more than are told.
pub(crate) fn between(older: &Value, newer: &Value) -> (Vec<Change>, bool) {
    let mut found = Found(Vec::new());
    found.values(&Place::root(), older, newer);
    let is_truncated = found.0.len() > MAX_CHANGES;
    found.0.truncate(MAX_CHANGES);
    (found.0, is_truncated)
}

struct Found(Vec<Change>);

impl Found {
    fn note(&mut self, place: &Place, before: Option<&Value>, after: Option<&Value>) {
        // One more than are told, to know that there are more.
        if self.0.len() <= MAX_CHANGES {
            let pointer = place.as_str().to_owned();
            self.0.push(Change { pointer, before: before.cloned(), after: after.cloned() });
        }
    }

    fn values(&mut self, place: &Place, older: &Value, newer: &Value) {
        match (older, newer) {
            (Value::Object(older), Value::Object(newer)) => {
                for (name, before) in older {
                    let place = place.at(name);
                    match newer.get(name) {
                        None => self.note(&place, Some(before), None),
                        Some(after) if place.as_str() == "/steps" => {
                            self.steps(&place, before, after);
                        }
                        Some(after) => self.values(&place, before, after),
                    }
                }
                for (name, after) in newer.iter().filter(|(name, _)| !older.contains_key(*name)) {
                    self.note(&place.at(name), None, Some(after));
                }
            }
            (Value::Array(older), Value::Array(newer)) => {
                for at in 0..older.len().max(newer.len()) {
                    let place = place.at(at);
                    match (older.get(at), newer.get(at)) {
                        (Some(before), Some(after)) => self.values(&place, before, after),
                        (before, after) => self.note(&place, before, after),
                    }
                }
            }
            _ if same(older, newer) => {}
            _ => self.note(place, Some(older), Some(newer)),
        }
    }

    fn steps(&mut self, place: &Place, older: &Value, newer: &Value) {
        let (before, after) = (by_id(older), by_id(newer));
        for (id, (at, step)) in &before {
            if !after.contains_key(id) {
                self.note(&place.at(at), Some(step), None);
            }
        }
        let mut wanted: Vec<_> = after.into_iter().collect();
        wanted.sort_by_key(|(_, (at, _))| *at);
        for (id, (at, step)) in wanted {
            match before.get(id) {
                Some((_, was)) => self.values(&place.at(at), was, step),
                None => self.note(&place.at(at), None, Some(step)),
            }
        }
    }
}

/// Steps with their positions. Ids are there and told apart in every definition that was registered.
fn by_id(steps: &Value) -> BTreeMap<&str, (usize, &Value)> {
    let steps = steps.as_array().into_iter().flatten().enumerate();
    let named = steps.filter_map(|(at, step)| Some((step.get("id")?.as_str()?, (at, step))));
    named.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(older: &Value, newer: &Value) -> Vec<(String, &'static str)> {
        between(older, newer).0.into_iter().map(|it| (it.pointer.clone(), it.kind())).collect()
    }

    #[test]
    fn members_and_elements_are_told_by_their_places() {
        let older = json!({"a": 1, "b": {"c": [1, 2], "d": true}, "e": "x"});
        let newer = json!({"a": 1.0, "b": {"c": [1, 3, 4], "d": true}, "f": null});
        let wanted =
            [("/b/c/1", "changed"), ("/b/c/2", "added"), ("/e", "removed"), ("/f", "added")];
        assert_eq!(told(&older, &newer), wanted.map(|(it, kind)| (it.to_owned(), kind)));
        assert_eq!(told(&older, &older), []);
    }

    #[test]
    fn steps_are_paired_by_their_ids() {
        let step = |id: &str, text: &str| json!({"id": id, "instructions": text});
        let older = json!({"steps": [step("a", "A"), step("b", "B"), step("c", "C")]});
        let newer = json!({"steps": [step("n", "N"), step("a", "A"), step("c", "C!")]});
        let wanted =
            [("/steps/1", "removed"), ("/steps/0", "added"), ("/steps/2/instructions", "changed")];
        assert_eq!(told(&older, &newer), wanted.map(|(it, kind)| (it.to_owned(), kind)));
    }

    #[test]
    fn more_than_can_be_told_is_said() {
        let list = |value: u32| json!({"search": vec![value; MAX_CHANGES + 1]});
        let (changes, is_truncated) = between(&list(1), &list(2));
        assert_eq!((changes.len(), is_truncated), (MAX_CHANGES, true));
    }
}
