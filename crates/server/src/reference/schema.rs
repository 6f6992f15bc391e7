//! What a type of a request is in JSON Schema, in the dialect of OpenAPI 3.1.

use serde_json::{Value, json};
use web::shape::{Field, Shape};

/// A shape as a schema.
pub(super) fn of(shape: &Shape) -> Value {
    match shape {
        Shape::Bool => json!({ "type": "boolean" }),
        Shape::Integer => json!({ "type": "integer" }),
        Shape::Count => json!({ "type": "integer", "minimum": 0 }),
        Shape::Number => json!({ "type": "number" }),
        Shape::Text => json!({ "type": "string" }),
        Shape::Word(words) => json!({ "type": "string", "enum": words }),
        Shape::List(item) => json!({ "type": "array", "items": of(item) }),
        Shape::Map(item) => json!({ "type": "object", "additionalProperties": of(item) }),
        Shape::Fields(fields) => of_fields(fields),
        Shape::Any => json!({}),
    }
}

fn of_fields(fields: &[Field]) -> Value {
    let properties: serde_json::Map<_, _> =
        fields.iter().map(|it| (it.name.to_owned(), of_field(it))).collect();
    let required: Vec<_> = fields.iter().filter(|it| it.is_required).map(|it| it.name).collect();
    let mut schema = json!({ "type": "object", "properties": properties });
    if let Some(schema) = schema.as_object_mut().filter(|_| !required.is_empty()) {
        schema.insert("required".to_owned(), json!(required));
    }
    schema
}

/// A field: what it may hold, and nothing at all if that may be said.
fn of_field(field: &Field) -> Value {
    let schema = of(&field.shape);
    match field.shape {
        Shape::Any => schema,
        _ if field.is_nullable => json!({ "anyOf": [schema, { "type": "null" }] }),
        _ => schema,
    }
}
