//! A form made from a JSON Schema, and the value that it comes to. Pure.
//!
//! Members of an object that are a text, a number, a choice or a list of texts get a field of their own; what a field
//! cannot express is written as JSON, for one member or for all of it. The form judges nothing: what is sent is judged by
//! the schema itself, where every other call is.

use serde_json::{Map, Value};

/// Members that get a field; a longer list is written as JSON.
const MAX_FIELDS: usize = 50;
/// A text that may be longer gets more lines than one.
const ONE_LINE: u64 = 120;
/// What stands before the name of each member.
const MEMBER: &str = "of.";
/// The field for all of it.
pub(super) const WHOLE: &str = "json";

/// What a field looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One line.
    Text,
    /// Several.
    Long,
    /// A number, whole or not.
    Number,
    /// One of a few.
    Choice,
    /// A text a line.
    Lines,
    /// JSON.
    Json,
}

/// A field.
#[derive(Debug, Clone)]
pub(super) struct Field {
    /// The member.
    pub(super) name: String,
    /// How it is called in the form, and in the page.
    pub(super) id: String,
    /// What the schema says of it.
    pub(super) note: String,
    /// What it looks like.
    pub(super) kind: Kind,
    /// Whether it has to be there.
    pub(super) is_required: bool,
    /// What stands in it.
    pub(super) value: String,
    /// What may be chosen, as JSON, and how it is shown.
    pub(super) choices: Vec<(String, String)>,
    /// What is wrong with it.
    pub(super) fault: Option<String>,
    /// Whether it takes whole numbers alone.
    is_whole: bool,
}

/// A form, with what was typed.
#[derive(Debug, Clone, Default)]
pub(super) struct Form {
    /// The fields; none where all of it is written as JSON.
    pub(super) fields: Vec<Field>,
    /// All of it as JSON.
    pub(super) whole: String,
    /// What is wrong with it as a whole.
    pub(super) faults: Vec<String>,
}

/// A schema, with the named one in its place that it stands for.
fn resolved<'s>(whole: &'s Value, schema: &'s Value) -> &'s Value {
    let named = schema.get("$ref").and_then(Value::as_str);
    let found = named.and_then(|it| whole.pointer(it.strip_prefix('#')?));
    found.unwrap_or(schema)
}

fn text<'s>(schema: &'s Value, member: &str) -> &'s str {
    schema.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// How a value of a choice is shown.
fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What may be chosen, if it is a choice.
fn choices(schema: &Value) -> Option<Vec<(String, String)>> {
    let one = schema.get("const").map(std::slice::from_ref);
    let some = schema.get("enum").and_then(Value::as_array).map(Vec::as_slice);
    let yes_or_no = [Value::Bool(true), Value::Bool(false)];
    let is_switch = text(schema, "type") == "boolean";
    let all = one.or(some).or_else(|| is_switch.then_some(&yes_or_no[..]))?;
    let choice = |it: &Value| match it {
        Value::Bool(true) => (it.to_string(), "yes".to_owned()),
        Value::Bool(false) => (it.to_string(), "no".to_owned()),
        other => (other.to_string(), shown(other)),
    };
    Some(all.iter().map(choice).collect())
}

/// What stands in a field from the start.
fn begun(kind: Kind, default: &Value) -> String {
    match kind {
        Kind::Text | Kind::Long | Kind::Number => shown(default),
        Kind::Choice | Kind::Json => default.to_string(),
        Kind::Lines => {
            let lines = default.as_array().into_iter().flatten().map(shown);
            lines.collect::<Vec<_>>().join("\n")
        }
    }
}

fn kind(whole: &Value, schema: &Value) -> Kind {
    let is_long = |it: &Value| it.get("maxLength").and_then(Value::as_u64) > Some(ONE_LINE);
    match text(schema, "type") {
        _ if choices(schema).is_some() => Kind::Choice,
        "string" if is_long(schema) => Kind::Long,
        "string" => Kind::Text,
        "integer" | "number" => Kind::Number,
        "array" => {
            let items = schema.get("items").map(|it| resolved(whole, it));
            let is_text = items.is_some_and(|it| text(it, "type") == "string");
            if is_text { Kind::Lines } else { Kind::Json }
        }
        _ => Kind::Json,
    }
}

/// What is said beside a field: the words of the schema, and its bounds.
fn note(schema: &Value) -> String {
    let mut said = vec![text(schema, "description").to_owned()];
    let bound = |name: &str, word: &str| schema.get(name).map(|it| format!("{word} {it}"));
    let format = text(schema, "format");
    said.extend((!format.is_empty()).then(|| format!("format {format}")));
    said.extend(bound("minimum", "at least"));
    said.extend(bound("maximum", "at most"));
    said.extend(schema.get("pattern").map(|it| format!("pattern {}", shown(it))));
    said.retain(|it| !it.is_empty());
    said.join("; ")
}

impl Form {
    /// The empty form of a schema, with the named schemas in its member `schemas`.
    pub(super) fn of(schema: &Value) -> Self {
        let root = resolved(schema, schema);
        let members = root.get("properties").and_then(Value::as_object);
        let members = members.filter(|it| it.len() <= MAX_FIELDS);
        let required = root.get("required").and_then(Value::as_array);
        let is_required =
            |name: &str| required.is_some_and(|all| all.iter().any(|it| it.as_str() == Some(name)));
        let field = |(name, of): (&String, &Value)| {
            let of = resolved(schema, of);
            Field {
                name: name.clone(),
                id: format!("{MEMBER}{name}"),
                note: note(of),
                kind: kind(schema, of),
                is_required: is_required(name),
                value: of.get("default").map(|it| begun(kind(schema, of), it)).unwrap_or_default(),
                choices: choices(of).unwrap_or_default(),
                fault: None,
                is_whole: text(of, "type") == "integer",
            }
        };
        let mut fields: Vec<_> = members.into_iter().flatten().map(field).collect();
        fields.sort_by_key(|it| !it.is_required);
        Self { fields, whole: String::new(), faults: Vec::new() }
    }

    /// Takes what was typed, and gives the value that it comes to; nothing where something cannot be read.
    pub(super) fn take(&mut self, typed: &[(String, String)]) -> Option<Value> {
        let of =
            |name: &str| typed.iter().find(|(it, _)| it == name).map(|(_, text)| text.as_str());
        of(WHOLE).unwrap_or_default().clone_into(&mut self.whole);
        let mut value = Map::new();
        for field in &mut self.fields {
            of(&field.id).unwrap_or_default().clone_into(&mut field.value);
            match field.read() {
                Ok(read) => value.extend(read.map(|it| (field.name.clone(), it))),
                Err(why) => field.fault = Some(why),
            }
        }
        if !self.whole.trim().is_empty() || self.fields.is_empty() {
            return self.take_whole();
        }
        self.fields.iter().all(|it| it.fault.is_none()).then_some(Value::Object(value))
    }

    /// What is written as JSON counts instead of the fields.
    fn take_whole(&mut self) -> Option<Value> {
        for field in &mut self.fields {
            field.fault = None;
        }
        let text = if self.whole.trim().is_empty() { "{}" } else { &self.whole };
        match serde_json::from_str(text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.faults.push(format!("this is no JSON: {error}"));
                None
            }
        }
    }

    /// Puts a fault beside the member that it is about; `pointer` begins at the value.
    pub(super) fn fault(&mut self, pointer: &str, message: &str) {
        let member = pointer.trim_start_matches('/').split('/').next().unwrap_or_default();
        let found = self.fields.iter_mut().find(|it| it.name == member);
        match found.filter(|it| self.whole.trim().is_empty() && it.fault.is_none()) {
            Some(field) => field.fault = Some(message.to_owned()),
            None if pointer.is_empty() => self.faults.push(message.to_owned()),
            None => self.faults.push(format!("{pointer}: {message}")),
        }
    }
}

impl Field {
    /// What it looks like, as templates ask for it.
    pub(super) const fn look(&self) -> &'static str {
        match self.kind {
            Kind::Text => "text",
            Kind::Long => "long",
            Kind::Number => "number",
            Kind::Choice => "choice",
            Kind::Lines => "lines",
            Kind::Json => "json",
        }
    }

    /// The value that stands in it; nothing where it is left out.
    fn read(&self) -> Result<Option<Value>, String> {
        let typed = self.value.trim();
        if typed.is_empty() && !(self.is_required && matches!(self.kind, Kind::Text | Kind::Long)) {
            return if self.is_required && self.kind == Kind::Lines {
                Ok(Some(Value::Array(Vec::new())))
            } else {
                Ok(None)
            };
        }
        let json = |what: &str| {
            serde_json::from_str(typed).map(Some).map_err(|_| format!("this is no {what}"))
        };
        match self.kind {
            Kind::Text => Ok(Some(self.value.clone().into())),
            // A browser ends lines with two characters.
            Kind::Long => Ok(Some(self.value.replace("\r\n", "\n").into())),
            Kind::Lines => {
                let lines = typed.lines().map(str::trim).filter(|it| !it.is_empty());
                Ok(Some(lines.map(Value::from).collect()))
            }
            Kind::Number if self.is_whole => json("whole number"),
            Kind::Number => json("number"),
            Kind::Choice | Kind::Json => json("JSON"),
        }
    }
}

/// A member of a schema, as a table tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    /// Its place: `boards[].url`.
    pub(super) place: String,
    /// Its type, or its choices.
    pub(super) kind: String,
    /// Whether it has to be there.
    pub(super) is_required: bool,
    /// What else is said of it.
    pub(super) note: String,
}

/// Members that a table tells.
const MAX_MEMBERS: usize = 200;
/// How deep it looks.
const MAX_DEPTH: usize = 6;

/// The members of a schema, each behind what it is in.
pub(super) fn members(schema: &Value) -> Vec<Member> {
    let mut out = Vec::new();
    below(schema, resolved(schema, schema), "", MAX_DEPTH, &mut out);
    out.truncate(MAX_MEMBERS);
    out
}

fn word(whole: &Value, schema: &Value) -> String {
    if let Some(choices) = choices(schema).filter(|_| text(schema, "type") != "boolean") {
        return choices.into_iter().map(|(_, shown)| shown).collect::<Vec<_>>().join(" or ");
    }
    let types: Vec<_> = match schema.get("type") {
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(one)) => vec![one],
        _ => Vec::new(),
    };
    let items = schema.get("items").map(|it| resolved(whole, it));
    match (types.is_empty(), items) {
        (true, _) => "any value".to_owned(),
        (false, Some(items)) if types == ["array"] => format!("list of {}", word(whole, items)),
        (false, _) => types.join(" or "),
    }
}

fn below(whole: &Value, schema: &Value, at: &str, depth: usize, out: &mut Vec<Member>) {
    let Some(deeper) = depth.checked_sub(1).filter(|_| out.len() < MAX_MEMBERS) else { return };
    let required = schema.get("required").and_then(Value::as_array);
    for (name, of) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let of = resolved(whole, of);
        let place = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
        let is_it = |it: &Value| it.as_str() == Some(name.as_str());
        let is_required = required.is_some_and(|all| all.iter().any(is_it));
        out.push(Member {
            place: place.clone(),
            kind: word(whole, of),
            is_required,
            note: note(of),
        });
        below(whole, of, &place, deeper, out);
        if let Some(items) = of.get("items").map(|it| resolved(whole, it)) {
            below(whole, items, &format!("{place}[]"), deeper, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({
            "type": "object", "required": ["name", "boards"],
            "properties": {
                "aside": {"type": "boolean"},
                "boards": {"type": "array", "items": {"$ref": "#/schemas/board"}},
                "depth": {"type": "integer", "minimum": 1, "maximum": 9, "default": 3},
                "mode": {"enum": ["fast", "slow", 3]},
                "name": {"type": "string", "description": "What it is called"},
                "tags": {"type": "array", "items": {"type": "string"}},
                "text": {"type": "string", "maxLength": 4000},
            },
            "schemas": {"board": {"type": "object", "required": ["url"], "properties": {
                "url": {"type": "string", "format": "uri"}, "next": {"$ref": "#/schemas/board"},
            }}},
        })
    }

    fn typed(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn each_member_gets_the_field_that_fits() {
        let form = Form::of(&schema());
        let told: Vec<_> = form
            .fields
            .iter()
            .map(|it| {
                (it.name.as_str(), it.kind, it.is_required, it.value.as_str(), it.note.as_str())
            })
            .collect();
        let wanted = [
            ("boards", Kind::Json, true, "", ""),
            ("name", Kind::Text, true, "", "What it is called"),
            ("aside", Kind::Choice, false, "", ""),
            ("depth", Kind::Number, false, "3", "at least 1; at most 9"),
            ("mode", Kind::Choice, false, "", ""),
            ("tags", Kind::Lines, false, "", ""),
            ("text", Kind::Long, false, "", ""),
        ];
        assert_eq!(told, wanted);
    }

    #[test]
    fn what_is_typed_comes_to_a_value() {
        let mut form = Form::of(&schema());
        let value = form.take(&typed(&[
            ("of.name", "Port"),
            ("of.boards", r#"[{"url": "https://a.example/"}]"#),
            ("of.mode", "3"),
            ("of.aside", "false"),
            ("of.tags", "one\r\n\r\n two "),
            ("of.text", "a\r\nb"),
            ("of.depth", ""),
        ]));
        let wanted = json!({
            "name": "Port", "boards": [{"url": "https://a.example/"}], "mode": 3, "aside": false,
            "tags": ["one", "two"], "text": "a\nb",
        });
        assert_eq!(value, Some(wanted));
    }

    #[test]
    fn what_cannot_be_read_is_told_beside_its_field_and_stays() {
        let mut form = Form::of(&schema());
        assert_eq!(form.take(&typed(&[("of.boards", "[{"), ("of.depth", "many")])), None);
        let faults: Vec<_> = form.fields.iter().filter_map(|it| it.fault.as_deref()).collect();
        assert_eq!(faults, ["this is no JSON", "this is no whole number"]);
        assert_eq!(form.fields[0].value, "[{");
    }

    #[test]
    fn json_counts_instead_of_the_fields() {
        let mut form = Form::of(&schema());
        let value = form.take(&typed(&[("of.depth", "many"), (WHOLE, r#"{"name": "x"}"#)]));
        assert_eq!(value, Some(json!({"name": "x"})));
        assert!(form.fields.iter().all(|it| it.fault.is_none()));
        assert_eq!(form.take(&typed(&[(WHOLE, "{")])), None);
        assert_eq!(form.faults.len(), 1);
        let mut any = Form::of(&json!(true));
        assert_eq!(any.take(&[]), Some(json!({})));
    }

    #[test]
    fn faults_of_the_schema_stand_beside_their_members() {
        let mut form = Form::of(&schema());
        form.fault("/boards/0/url", "it is missing");
        form.fault("", "there is too much");
        form.fault("/other", "there is no such member");
        assert_eq!(form.fields[0].fault.as_deref(), Some("it is missing"));
        assert_eq!(form.faults, ["there is too much", "/other: there is no such member"]);
    }

    #[test]
    fn members_are_told_by_their_places_and_rings_end() {
        let told = members(&schema());
        let first: Vec<_> =
            told.iter().take(4).map(|it| (it.place.as_str(), it.kind.as_str())).collect();
        let wanted = [
            ("aside", "boolean"),
            ("boards", "list of object"),
            ("boards[].next", "object"),
            ("boards[].next.next", "object"),
        ];
        assert_eq!(first, wanted);
        assert!(told.len() < MAX_MEMBERS);
        let name = told.iter().find(|it| it.place == "name").unwrap();
        assert!(name.is_required);
        assert_eq!(name.note, "What it is called");
    }
}
