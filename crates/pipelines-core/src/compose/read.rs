//! The six shapes of a rule, as text.

use serde_json::Value;

use super::Rule;
use crate::name::StepId;

/// Templates of one pair.
const MAX_TEMPLATES: usize = 4;

/// The text is no rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadRule(&'static str);

/// Reads a rule.
pub(super) fn read(value: &Value) -> Result<Rule, BadRule> {
    match value {
        Value::String(text) => match text.split_once(':') {
            None => without_key(text.trim()),
            Some((key, rest)) => with_key(key.trim(), rest.trim()),
        },
        Value::Object(fields) => {
            let mut fields = fields.iter();
            match (fields.next(), fields.next()) {
                (Some((key, Value::String(rest))), None) => with_key(key, rest.trim()),
                _ => Err(BadRule("an object is written as {key: \"rest\"}")),
            }
        }
        _ => Err(BadRule("a rule is a text or an object of one member")),
    }
}

/// `step.*` and `step.pfx_*`.
fn without_key(text: &str) -> Result<Rule, BadRule> {
    let (step, field) = source(text)?;
    match field.strip_suffix('*') {
        Some("") => Ok(Rule::Wildcard { step }),
        Some(prefix) if is_field(prefix) => Ok(Rule::Prefix { step, prefix: prefix.to_owned() }),
        _ => Err(BadRule("without a key a rule is written as step.* or step.prefix*")),
    }
}

fn with_key(key: &str, rest: &str) -> Result<Rule, BadRule> {
    if !is_key(key) {
        return Err(BadRule("a key begins with a small letter and has letters, digits and _"));
    }
    let key = key.to_owned();
    if let Some(inner) = rest.strip_prefix("flatten(").and_then(|it| it.strip_suffix(')')) {
        return flatten(key, inner.trim());
    }
    let rest = rest.replace(" x ", " × ");
    let mut parts = rest.split('×').map(str::trim);
    let (step, field) = source(parts.next().unwrap_or_default())?;
    let templates = parts.map(template).collect::<Result<Vec<_>, _>>()?;
    match (templates.len(), field) {
        (0, "*") => Ok(Rule::Whole { key, step }),
        (0, field) if is_field(field) => Ok(Rule::Field { key, step, field: field.to_owned() }),
        (1..=MAX_TEMPLATES, field) if is_field(field) => {
            Ok(Rule::Pair { key, step, field: field.to_owned(), templates })
        }
        _ => Err(BadRule("a field is wanted, and at most four templates behind it")),
    }
}

/// `[a, b].field`
fn flatten(key: String, inner: &str) -> Result<Rule, BadRule> {
    let bad = BadRule("flatten is written as flatten([a, b].field)");
    let (steps, field) = inner.strip_prefix('[').and_then(|it| it.split_once("].")).ok_or(bad)?;
    let steps = steps.split(',').map(|it| step_id(it.trim())).collect::<Result<Vec<_>, _>>()?;
    if !is_field(field) {
        return Err(bad);
    }
    Ok(Rule::Flatten { key, steps, field: field.to_owned() })
}

/// `tmpl.*`
fn template(text: &str) -> Result<StepId, BadRule> {
    match source(text)? {
        (step, "*") => Ok(step),
        _ => Err(BadRule("a template is written as × step.*")),
    }
}

fn source(text: &str) -> Result<(StepId, &str), BadRule> {
    let (step, field) = text.split_once('.').ok_or(BadRule("a source is written as step.field"))?;
    Ok((step_id(step)?, field))
}

fn step_id(text: &str) -> Result<StepId, BadRule> {
    text.parse().map_err(|_| BadRule("that is no name of a step"))
}

/// `^[a-z][a-zA-Z0-9_]*$`
fn is_key(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase()) && is_word(text)
}

/// `^[A-Za-z_][A-Za-z0-9_]*$`
fn is_field(text: &str) -> bool {
    !text.starts_with(|c: char| c.is_ascii_digit()) && !text.is_empty() && is_word(text)
}

fn is_word(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_rule_has_one_of_six_shapes() {
        let step = |name: &str| name.parse::<StepId>().unwrap();
        let pair = Rule::Pair {
            key: "k".into(),
            step: step("a"),
            field: "list".into(),
            templates: vec![step("t"), step("u")],
        };
        assert_eq!(Rule::read(&json!("k: a.list × t.* x u.*")), Ok(pair.clone()));
        assert_eq!(Rule::read(&json!({"k": "a.list x t.* × u.*"})), Ok(pair));
        assert_eq!(Rule::read(&json!("a.*")), Ok(Rule::Wildcard { step: step("a") }));
        let bad = [
            json!("a"),
            json!("a.b"),
            json!("l = a.list"),
            json!("K: a.b"),
            json!("k: a.1"),
            json!("k: a.* × t.*"),
            json!("k: a.l × t.x"),
            json!("k: a.l × t.* × t.* × t.* × t.* × t.*"),
            json!("k: flatten(a.b)"),
            json!("k: flatten([].b)"),
            json!("k: A.b"),
            json!({"a": "b.c", "d": "e.f"}),
            json!(1),
        ];
        for rule in bad {
            assert!(Rule::read(&rule).is_err(), "{rule}");
        }
    }
}
