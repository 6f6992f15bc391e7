//! What a schema declares at a pointer: is the place known, is it always there, what does it hold?

use serde_json::{Map, Value};

use super::Library;
use crate::json::Pointer;

/// References that lead to references. Circles are refused elsewhere; this bounds the reading of what was refused.
const MAX_HOPS: usize = 64;

/// What is said of a place.
#[derive(Debug, Clone, PartialEq)]
pub struct Declared<'s> {
    /// The schemas that speak of the place.
    schemas: Vec<&'s Value>,
    /// Whether a value that fits always has it.
    pub is_guaranteed: bool,
}

impl<'s> Declared<'s> {
    /// Whether only lists fit.
    pub fn is_list(&self, library: &Library) -> bool {
        self.is_of("array", library)
    }

    /// Whether only objects fit.
    pub fn is_object(&self, library: &Library) -> bool {
        self.is_of("object", library)
    }

    fn is_of(&self, wanted: &str, library: &Library) -> bool {
        let says = |fields: &Map<String, Value>| {
            let types = fields.get("type");
            types.is_some_and(|it| it == wanted || is_only(it, wanted))
        };
        self.schemas.iter().all(|schema| all_say(schema, &says, library, 0))
    }

    /// What the schemas of the elements declare at `pointer`.
    pub fn element(&self, pointer: &Pointer, library: &'s Library) -> Option<Self> {
        let expanded = expand(&self.schemas, library);
        let schemas: Vec<_> = expanded.iter().filter_map(|it| it.get("items")).collect();
        if schemas.is_empty() && !pointer.is_root() {
            return None;
        }
        walk(Self { schemas, is_guaranteed: true }, pointer, library)
    }

    /// The names of the members that are declared there.
    pub fn members(&self, library: &'s Library) -> Vec<&'s str> {
        let expanded = expand(&self.schemas, library);
        let properties = expanded.iter().filter_map(|it| it.get("properties")?.as_object());
        let mut names: Vec<_> = properties.flat_map(Map::keys).map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// Whether it is a list of that one text.
fn is_only(list: &Value, wanted: &str) -> bool {
    matches!(list.as_array().map(Vec::as_slice), Some([only]) if only == wanted)
}

/// What `schema` declares at `pointer`; nothing if it declares no such place.
pub fn declared<'s>(
    schema: &'s Value,
    pointer: &Pointer,
    library: &'s Library,
) -> Option<Declared<'s>> {
    walk(Declared { schemas: vec![schema], is_guaranteed: true }, pointer, library)
}

fn walk<'s>(start: Declared<'s>, pointer: &Pointer, library: &'s Library) -> Option<Declared<'s>> {
    pointer.tokens().iter().try_fold(start, |at, token| {
        let expanded = expand(&at.schemas, library);
        let schemas: Vec<_> = expanded.iter().filter_map(|it| step(it, token)).collect();
        if schemas.is_empty() {
            return None;
        }
        let lists = |fields: &Map<String, Value>| lists(fields, token);
        let is_required = at.schemas.iter().all(|it| all_say(it, &lists, library, 0));
        Some(Declared { schemas, is_guaranteed: at.is_guaranteed && is_required })
    })
}

/// The schemas, those that they refer to, and the parts of their alternatives.
fn expand<'s>(schemas: &[&'s Value], library: &'s Library) -> Vec<&'s Map<String, Value>> {
    let mut found = Vec::new();
    let mut open: Vec<_> = schemas.iter().map(|it| (*it, 0)).collect();
    while let Some((schema, hops)) = open.pop() {
        let Some(fields) = schema.as_object().filter(|_| hops < MAX_HOPS) else { continue };
        found.push(fields);
        let reference = fields.get("$ref").and_then(Value::as_str);
        open.extend(reference.and_then(|it| library.find(it)).map(|it| (it, hops + 1)));
        for keyword in ["allOf", "anyOf", "oneOf"] {
            let parts = fields.get(keyword).and_then(Value::as_array);
            open.extend(parts.into_iter().flatten().map(|it| (it, hops + 1)));
        }
        for keyword in ["then", "else"] {
            open.extend(fields.get(keyword).map(|it| (it, hops + 1)));
        }
    }
    found
}

/// The schema of one member or element.
fn step<'s>(fields: &'s Map<String, Value>, token: &str) -> Option<&'s Value> {
    if let Some(found) = fields.get("properties").and_then(|it| it.get(token)) {
        return Some(found);
    }
    if let Ok(index) = token.parse::<usize>() {
        let first = fields.get("prefixItems").and_then(|it| it.get(index));
        if let Some(found) = first.or_else(|| fields.get("items").filter(|it| it.is_object())) {
            return Some(found);
        }
    }
    fields.get("additionalProperties").filter(|it| it.is_object())
}

fn lists(fields: &Map<String, Value>, token: &str) -> bool {
    let required = fields.get("required").and_then(Value::as_array);
    required.is_some_and(|names| names.iter().any(|name| name.as_str() == Some(token)))
}

/// Whether `says` is so for every value that fits: here, behind the reference, in one part of `allOf`, or in each
/// alternative.
fn all_say(
    schema: &Value,
    says: &dyn Fn(&Map<String, Value>) -> bool,
    library: &Library,
    hops: usize,
) -> bool {
    let Some(fields) = schema.as_object().filter(|_| hops < MAX_HOPS) else { return false };
    let inside = |it: &Value| all_say(it, says, library, hops + 1);
    let parts = |keyword: &str| fields.get(keyword).and_then(Value::as_array);
    let reference = fields.get("$ref").and_then(Value::as_str).and_then(|it| library.find(it));
    says(fields)
        || reference.is_some_and(inside)
        || parts("allOf").is_some_and(|all| all.iter().any(inside))
        || parts("anyOf").is_some_and(|any| !any.is_empty() && any.iter().all(inside))
        || parts("oneOf").is_some_and(|one| !one.is_empty() && one.iter().all(inside))
}
