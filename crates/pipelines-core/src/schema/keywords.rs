//! The keywords of JSON Schema 2020-12, one after the other, and what each takes.

use std::collections::BTreeMap;

use serde_json::{Number, Value};

use super::{Node, Type, compile::Compiler};
use crate::json::{Place, same};

/// A keyword where it stands.
pub(super) struct Keyword<'k> {
    pub(super) value: &'k Value,
    pub(super) place: &'k Place,
    pub(super) depth: usize,
}

/// Reads one keyword into `node`; `false` if nobody knows it.
pub(super) fn read(
    compiler: &mut Compiler<'_>,
    node: &mut Node,
    name: &str,
    it: &Keyword<'_>,
) -> bool {
    anything(compiler, node, name, it)
        || numbers(compiler, node, name, it)
        || texts(compiler, node, name, it)
        || lists(compiler, node, name, it)
        || objects(compiler, node, name, it)
        || remarks(compiler, name, it)
}

/// Keywords for values of every type.
fn anything(compiler: &mut Compiler<'_>, node: &mut Node, name: &str, it: &Keyword<'_>) -> bool {
    match name {
        "$ref" => node.reference = compiler.reference(it.value, it.place),
        "type" => node.types = types(compiler, it),
        "enum" => match it.value.as_array() {
            Some(values) => node.allowed = Some(values.clone()),
            None => compiler.invalid(it.place, "a list"),
        },
        "const" => node.constant = Some(it.value.clone()),
        "allOf" => node.all_of = several(compiler, it),
        "anyOf" => node.any_of = several(compiler, it),
        "oneOf" => node.one_of = several(compiler, it),
        "not" => node.not = Some(one(compiler, it)),
        "if" => node.condition = Some(one(compiler, it)),
        "then" => node.then = Some(one(compiler, it)),
        "else" => node.otherwise = Some(one(compiler, it)),
        _ => return false,
    }
    true
}

fn numbers(compiler: &mut Compiler<'_>, node: &mut Node, name: &str, it: &Keyword<'_>) -> bool {
    let place = match name {
        "multipleOf" => &mut node.numbers.multiple_of,
        "minimum" => &mut node.numbers.minimum,
        "exclusiveMinimum" => &mut node.numbers.above,
        "maximum" => &mut node.numbers.maximum,
        "exclusiveMaximum" => &mut node.numbers.below,
        _ => return false,
    };
    match it.value {
        Value::Number(number) if name != "multipleOf" || is_positive(number) => {
            *place = Some(number.clone());
        }
        _ if name == "multipleOf" => compiler.invalid(it.place, "a number above 0"),
        _ => compiler.invalid(it.place, "a number"),
    }
    true
}

fn is_positive(number: &Number) -> bool {
    number.as_f64().is_some_and(|it| it > 0.0)
}

fn texts(compiler: &mut Compiler<'_>, node: &mut Node, name: &str, it: &Keyword<'_>) -> bool {
    match name {
        "minLength" => node.texts.min_length = count(compiler, it),
        "maxLength" => node.texts.max_length = count(compiler, it),
        "format" => node.texts.format = compiler.format(it.value, it.place),
        "pattern" => match it.value.as_str() {
            Some(text) => node.texts.pattern = compiler.pattern(text, it.place),
            None => compiler.invalid(it.place, "a text"),
        },
        _ => return false,
    }
    true
}

fn lists(compiler: &mut Compiler<'_>, node: &mut Node, name: &str, it: &Keyword<'_>) -> bool {
    let lists = &mut node.lists;
    match name {
        "prefixItems" => lists.first = several(compiler, it),
        "items" => lists.items = Some(one(compiler, it)),
        "contains" => lists.contains = Some(one(compiler, it)),
        "minContains" => lists.min_contains = count(compiler, it),
        "maxContains" => lists.max_contains = count(compiler, it),
        "minItems" => lists.min_items = count(compiler, it),
        "maxItems" => lists.max_items = count(compiler, it),
        "uniqueItems" => match it.value.as_bool() {
            Some(are_unique) => lists.are_unique = are_unique,
            None => compiler.invalid(it.place, "true or false"),
        },
        "unevaluatedItems" => lists.unevaluated = Some(one(compiler, it)),
        _ => return false,
    }
    true
}

fn objects(compiler: &mut Compiler<'_>, node: &mut Node, name: &str, it: &Keyword<'_>) -> bool {
    let objects = &mut node.objects;
    match name {
        "properties" => objects.properties = named(compiler, it),
        "patternProperties" => {
            for (text, inner) in named(compiler, it) {
                let pattern = compiler.pattern(&text, &it.place.at(&text));
                objects.patterns.extend(pattern.map(|pattern| (pattern, inner)));
            }
        }
        "additionalProperties" => objects.additional = Some(one(compiler, it)),
        "propertyNames" => objects.names = Some(one(compiler, it)),
        "required" => objects.required = names(compiler, it.value, it.place),
        "minProperties" => objects.min_members = count(compiler, it),
        "maxProperties" => objects.max_members = count(compiler, it),
        "dependentRequired" => match it.value.as_object() {
            Some(fields) => {
                for (name, value) in fields {
                    let others = names(compiler, value, &it.place.at(name));
                    objects.dependent_names.insert(name.clone(), others);
                }
            }
            None => compiler.invalid(it.place, "an object"),
        },
        "dependentSchemas" => objects.dependent_schemas = named(compiler, it),
        "unevaluatedProperties" => objects.unevaluated = Some(one(compiler, it)),
        _ => return false,
    }
    true
}

/// Keywords that judge nothing: remarks, and schemas that are only kept.
fn remarks(compiler: &mut Compiler<'_>, name: &str, it: &Keyword<'_>) -> bool {
    match name {
        "title" | "description" | "$comment" | "$schema" | "contentEncoding"
        | "contentMediaType" => {
            if !it.value.is_string() {
                compiler.invalid(it.place, "a text");
            }
        }
        "deprecated" | "readOnly" | "writeOnly" => {
            if !it.value.is_boolean() {
                compiler.invalid(it.place, "true or false");
            }
        }
        "examples" => {
            if !it.value.is_array() {
                compiler.invalid(it.place, "a list");
            }
        }
        "default" => {}
        "contentSchema" => drop(one(compiler, it)),
        "$defs" => drop(named(compiler, it)),
        "$dynamicRef" => {
            let why = "references are #/schemas/ and a name";
            compiler.fault(it.place, crate::fault::Code::SchemaRemoteRef, why);
        }
        _ => return false,
    }
    true
}

fn one(compiler: &mut Compiler<'_>, it: &Keyword<'_>) -> Box<Node> {
    Box::new(compiler.node(it.value, it.place, it.depth))
}

fn several(compiler: &mut Compiler<'_>, it: &Keyword<'_>) -> Vec<Node> {
    let Some(items) = it.value.as_array().filter(|items| !items.is_empty()) else {
        compiler.invalid(it.place, "a list of schemas that is not empty");
        return Vec::new();
    };
    let read = |(at, item)| compiler.node(item, &it.place.at(at), it.depth);
    items.iter().enumerate().map(read).collect()
}

fn named(compiler: &mut Compiler<'_>, it: &Keyword<'_>) -> BTreeMap<String, Node> {
    let Some(fields) = it.value.as_object() else {
        compiler.invalid(it.place, "an object of schemas");
        return BTreeMap::new();
    };
    let read = |(name, value): (&String, &Value)| {
        (name.clone(), compiler.node(value, &it.place.at(name), it.depth))
    };
    fields.iter().map(read).collect()
}

/// A whole number that is not negative; `3.0` is one.
fn count(compiler: &mut Compiler<'_>, it: &Keyword<'_>) -> Option<usize> {
    let whole = it.value.as_u64().or_else(|| {
        let double = it.value.as_f64()?;
        let text = format!("{double}");
        text.parse().ok()
    });
    let count = whole.and_then(|whole| usize::try_from(whole).ok());
    if count.is_none() {
        compiler.invalid(it.place, "a whole number from 0 on");
    }
    count
}

fn names(compiler: &mut Compiler<'_>, value: &Value, place: &Place) -> Vec<String> {
    let texts = value.as_array().and_then(|items| {
        items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
    });
    let is_unique = |names: &Vec<String>| {
        let mut sorted: Vec<_> = names.iter().collect();
        sorted.sort();
        sorted.windows(2).all(|pair| pair.first() != pair.last())
    };
    if let Some(names) = texts.filter(is_unique) {
        return names;
    }
    compiler.invalid(place, "a list of different names");
    Vec::new()
}

fn types(compiler: &mut Compiler<'_>, it: &Keyword<'_>) -> Option<Vec<Type>> {
    let read = |value: &Value| {
        Some(match value.as_str()? {
            "null" => Type::Null,
            "boolean" => Type::Boolean,
            "object" => Type::Object,
            "array" => Type::Array,
            "number" => Type::Number,
            "integer" => Type::Integer,
            "string" => Type::String,
            _ => return None,
        })
    };
    let types = match it.value {
        Value::Array(items) if !items.is_empty() => {
            let is_repeated = items
                .iter()
                .enumerate()
                .any(|(at, item)| items.iter().take(at).any(|before| same(before, item)));
            if is_repeated { None } else { items.iter().map(read).collect::<Option<Vec<_>>>() }
        }
        value => read(value).map(|only| vec![only]),
    };
    if types.is_none() {
        compiler.invalid(it.place, "a type of JSON Schema, or a list of different ones");
    }
    types
}
