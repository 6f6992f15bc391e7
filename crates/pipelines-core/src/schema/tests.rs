//! What schemas take, refuse and declare.

use serde_json::{Map, Value, json};

use super::{Declared, Library, Schema, declared};
use crate::{
    fault::{Code, Fault},
    json::Place,
};

fn compiled(schema: &Value) -> (Schema, Vec<Fault>) {
    let mut faults = Vec::new();
    let schema = Library::default().compile(schema, &Place::root(), &mut faults);
    (schema, faults)
}

fn codes(faults: &[Fault]) -> Vec<(&str, Code)> {
    faults.iter().map(|it| (it.pointer.as_str(), it.code)).collect()
}

/// Values that fit and values that do not, by schema.
#[test]
fn keywords_judge_as_the_standard_says() {
    let table = [
        (json!({"type": "integer"}), json!([1, 1.0, -3]), json!([1.5, "1", null])),
        (json!({"type": ["string", "null"]}), json!(["a", null]), json!([1, []])),
        (json!({"enum": [1, "a"]}), json!([1.0, "a"]), json!([2, "b"])),
        (json!({"const": {"a": 1}}), json!([{"a": 1.0}]), json!([{}, {"a": 2}])),
        (json!({"multipleOf": 0.1}), json!([0.3, 1]), json!([0.35])),
        (json!({"minimum": 1, "exclusiveMaximum": 3}), json!([1, 2.9, "x"]), json!([0, 3])),
        (json!({"minLength": 2, "maxLength": 3}), json!(["éé", "abc"]), json!(["é", "abcd"])),
        (
            json!({"prefixItems": [{"type": "string"}], "items": {"type": "number"}}),
            json!([["a", 1], []]),
            json!([[1], ["a", "b"]]),
        ),
        (
            json!({"contains": {"const": 1}, "maxContains": 2}),
            json!([[1, 2, 1]]),
            json!([[2], [1, 1, 1]]),
        ),
        (json!({"uniqueItems": true}), json!([[1, 2]]), json!([[1, 1.0]])),
        (json!({"minItems": 1, "maxItems": 2}), json!([[1]]), json!([[], [1, 2, 3]])),
        (
            json!({"required": ["a"], "properties": {"a": true}, "additionalProperties": false}),
            json!([{"a": 1}]),
            json!([{}, {"a": 1, "b": 2}]),
        ),
        (
            json!({"patternProperties": {"^x": {"type": "number"}}, "additionalProperties": {"type": "string"}}),
            json!([{"x1": 1, "y": "a"}]),
            json!([{"x1": "a"}, {"y": 1}]),
        ),
        (
            json!({"propertyNames": {"maxLength": 1}, "minProperties": 1, "maxProperties": 2}),
            json!([{"a": 1}]),
            json!([{}, {"ab": 1}, {"a": 1, "b": 2, "c": 3}]),
        ),
        (
            json!({"dependentRequired": {"a": ["b"]}, "dependentSchemas": {"c": {"required": ["d"]}}}),
            json!([{"b": 1}, {"a": 1, "b": 2}]),
            json!([{"a": 1}, {"c": 1}]),
        ),
        (json!({"allOf": [{"minimum": 1}, {"maximum": 2}]}), json!([1, 2]), json!([0, 3])),
        (json!({"anyOf": [{"const": 1}, {"const": 2}]}), json!([1, 2]), json!([3])),
        (json!({"oneOf": [{"minimum": 1}, {"maximum": 2}]}), json!([0, 3]), json!([1, 2])),
        (json!({"not": {"type": "string"}}), json!([1]), json!(["a"])),
        (
            json!({"if": {"const": 1}, "then": false, "else": {"maximum": 5}}),
            json!([2]),
            json!([1, 6]),
        ),
        (
            json!({"allOf": [{"properties": {"a": true}}], "unevaluatedProperties": false}),
            json!([{"a": 1}]),
            json!([{"b": 1}]),
        ),
        (
            json!({"anyOf": [{"prefixItems": [{"const": 1}]}, true], "unevaluatedItems": false}),
            json!([[1]]),
            json!([[1, 2], [2]]),
        ),
        (json!({"format": "date"}), json!(["2026-11-30", 5]), json!(["30.11.2026"])),
        (json!(false), json!([]), json!([1])),
    ];
    for (schema, good, bad) in table {
        takes(&schema, &good, &bad);
    }
}

fn takes(schema: &Value, good: &Value, bad: &Value) {
    let (compiled, faults) = compiled(schema);
    assert_eq!(codes(&faults), [], "{schema}");
    for value in good.as_array().unwrap() {
        assert_eq!(compiled.judge(value), [], "{schema}: {value}");
    }
    for value in bad.as_array().unwrap() {
        assert_ne!(compiled.judge(value), [], "{schema}: {value}");
    }
}

#[test]
fn every_fault_of_a_value_is_told_with_its_place() {
    let (schema, _) = compiled(&json!({"type": "object", "required": ["a", "b"],
        "properties": {"c": {"type": "string"}, "d/e": {"items": {"minimum": 1}}},
        "additionalProperties": false}));
    let faults = schema.judge(&json!({"c": 1, "d/e": [1, 0], "z": 1}));
    let wanted = [
        ("", Code::MissingField),
        ("", Code::MissingField),
        ("/c", Code::WrongType),
        ("/d~1e/1", Code::OutOfRange),
        ("/z", Code::UnknownField),
    ];
    assert_eq!(codes(&faults), wanted);
    let (schema, _) = compiled(&json!({"items": {"type": "string"}}));
    assert_eq!(schema.judge(&Value::Array(vec![json!(1); 500])).len(), super::MAX_FAULTS);
}

#[test]
fn a_value_that_costs_too_much_has_one_fault() {
    let heavy = json!({"items": {"allOf": vec![json!({"type": "integer"}); 100]}});
    let (schema, faults) = compiled(&heavy);
    assert_eq!(codes(&faults), []);
    let faults = schema.judge(&Value::Array(vec![json!(1); 40_000]));
    assert_eq!(codes(&faults), [("", Code::ValidationTooCostly)]);
}

#[test]
fn what_a_keyword_does_not_take_is_told() {
    let (_, faults) = compiled(&json!({"type": "text", "required": ["a", "a"], "minLength": -1,
        "items": [], "anyOf": [], "format": "phone", "colour": 1, "x-colour": 1, "multipleOf": 0,
        "properties": {"p": {"$dynamicRef": "#a"}}, "not": 1, "uniqueItems": 1, "title": 1}));
    let mut found = codes(&faults);
    found.sort_unstable();
    let wanted = [
        ("/anyOf", Code::SchemaInvalid),
        ("/colour", Code::SchemaUnknownKeyword),
        ("/format", Code::SchemaUnknownKeyword),
        ("/items", Code::SchemaInvalid),
        ("/minLength", Code::SchemaInvalid),
        ("/multipleOf", Code::SchemaInvalid),
        ("/not", Code::SchemaInvalid),
        ("/properties/p/$dynamicRef", Code::SchemaRemoteRef),
        ("/required", Code::SchemaInvalid),
        ("/title", Code::SchemaInvalid),
        ("/type", Code::SchemaInvalid),
        ("/uniqueItems", Code::SchemaInvalid),
    ];
    assert_eq!(found, wanted);
}

#[test]
fn a_schema_has_its_bounds() {
    let deep = (0..40).fold(json!({}), |inner, _| json!({"items": inner}));
    let wide: Map<_, _> =
        (0..5_001).map(|at| (format!("p{at}"), json!({"type": "null"}))).collect();
    let long = json!({"description": "a".repeat(300_000)});
    for schema in [deep, json!({"properties": wide}), long] {
        let (_, faults) = compiled(&schema);
        assert!(faults.iter().any(|it| it.code == Code::SchemaInvalid), "{} faults", faults.len());
    }
}

fn library(raw: Value) -> (Library, Vec<Fault>) {
    let mut faults = Vec::new();
    let Value::Object(raw) = raw else { panic!("an object is wanted") };
    let library = Library::read(raw, &Place::root().at("schemas"), &mut faults);
    (library, faults)
}

#[test]
fn references_lead_into_the_library_and_never_round() {
    let (library, faults) = library(json!({"a": {"$ref": "#/schemas/b"}, "b": {"type": "string"}}));
    assert_eq!(codes(&faults), []);
    let mut faults = Vec::new();
    let schema = library.compile(&json!({"$ref": "#/schemas/a"}), &Place::root(), &mut faults);
    assert_eq!((codes(&faults), schema.judge(&json!("x")).len()), (vec![], 0));
    assert_eq!(schema.judge(&json!(1)).len(), 1);
    for away in ["#/schemas/c", "#", "#/properties/a", "https://schemas.example/x"] {
        let mut faults = Vec::new();
        library.compile(&json!({"$ref": away}), &Place::root(), &mut faults);
        assert_eq!(codes(&faults), [("/$ref", Code::SchemaRemoteRef)], "{away}");
    }
    let (_, faults) = self::library(json!({"a": {"items": {"$ref": "#/schemas/b"}},
        "b": {"items": {"$ref": "#/schemas/a"}}}));
    assert_eq!(codes(&faults), [("/schemas/b/items/$ref", Code::SchemaRecursive)]);
}

#[test]
fn a_schema_says_what_is_declared_and_what_is_guaranteed() {
    let (library, _) = library(json!({"p": {"type": "object", "required": ["q"],
        "properties": {"q": {"type": "array", "items": {"required": ["r"], "properties": {"r": {}}}}}}}));
    let schema = json!({"type": "object", "required": ["a", "c"], "properties": {
        "a": {"$ref": "#/schemas/p"}, "b": {"type": "string"},
        "c": {"anyOf": [{"required": ["d"], "properties": {"d": {}}}, {"properties": {"d": {}}}]}}});
    let at = |text: &str| declared(&schema, &text.parse().unwrap(), &library);
    let guaranteed = |text: &str| at(text).map(|it: Declared<'_>| it.is_guaranteed);
    assert_eq!(guaranteed(""), Some(true));
    assert_eq!(guaranteed("/a/q"), Some(true));
    assert_eq!(guaranteed("/a/q/0/r"), Some(false));
    assert_eq!(guaranteed("/b"), Some(false));
    assert_eq!(guaranteed("/c/d"), Some(false));
    assert_eq!(guaranteed("/z"), None);
    assert_eq!(guaranteed("/b/z"), None);
    assert!(at("/a/q").unwrap().is_list(&library) && !at("/b").unwrap().is_list(&library));
    assert_eq!(at("").unwrap().members(&library), ["a", "b", "c"]);
}
