//! How a run's output is made of its steps' outputs (`spec/work.md` 2, Compose rules).
//!
//! Rules run in order and later ones overwrite. What they give is a function of version, input and accepted results by
//! address (I13): no rule can see in which order results came.

mod read;

use serde_json::{Map, Value};

use crate::name::StepId;

pub use read::BadRule;

/// What steps gave.
pub trait Outputs {
    /// The accepted output of one instance; nothing if it is void or not there.
    fn output(&self, step: &StepId, path: &[u32]) -> Option<&Value>;
    /// The outputs of all instances of a step, by index.
    fn all<'o>(&'o self, step: &StepId) -> Box<dyn Iterator<Item = &'o Value> + 'o>;
    /// How the spawner calls an element.
    fn element_name(&self, spawner: &StepId) -> &str;
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// `step.*`: every member of a root step's output.
    Wildcard {
        /// The step.
        step: StepId,
    },
    /// `step.pfx_*`: the members whose name begins so.
    Prefix {
        /// The step.
        step: StepId,
        /// How the names begin.
        prefix: String,
    },
    /// `key: step.field`.
    Field {
        /// The member of the output.
        key: String,
        /// The step.
        step: StepId,
        /// The member of its output.
        field: String,
    },
    /// `key: step.*`: the whole output under `key`.
    Whole {
        /// The member of the output.
        key: String,
        /// The step.
        step: StepId,
    },
    /// `key: list.field × tmpl.* …`: each element with the outputs of the instances of its index.
    Pair {
        /// The member of the output.
        key: String,
        /// The step that gave the list.
        step: StepId,
        /// The member that is the list.
        field: String,
        /// One to four templates spawned from it.
        templates: Vec<StepId>,
    },
    /// `key: flatten([a, b].field)`.
    Flatten {
        /// The member of the output.
        key: String,
        /// The steps, in the order in which their lists are joined.
        steps: Vec<StepId>,
        /// The member that is a list in each.
        field: String,
    },
}

impl Rule {
    /// The member that the rule writes, if it names it.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Wildcard { .. } | Self::Prefix { .. } => None,
            Self::Field { key, .. }
            | Self::Whole { key, .. }
            | Self::Pair { key, .. }
            | Self::Flatten { key, .. } => Some(key),
        }
    }

    /// The steps that the rule looks at.
    pub fn steps(&self) -> Vec<&StepId> {
        match self {
            Self::Wildcard { step }
            | Self::Prefix { step, .. }
            | Self::Field { step, .. }
            | Self::Whole { step, .. } => vec![step],
            Self::Pair { step, templates, .. } => std::iter::once(step).chain(templates).collect(),
            Self::Flatten { steps, .. } => steps.iter().collect(),
        }
    }

    /// Reads one rule: a text, or an object of one member that means the same.
    pub fn read(value: &Value) -> Result<Self, BadRule> {
        read::read(value)
    }

    fn write(&self, outputs: &dyn Outputs, into: &mut Map<String, Value>) {
        match self {
            Self::Wildcard { step } => members(outputs, step, "", into),
            Self::Prefix { step, prefix } => members(outputs, step, prefix, into),
            Self::Field { key, step, field } => {
                let value = outputs.output(step, &[]).and_then(|it| it.get(field));
                into.extend(value.map(|value| (key.clone(), value.clone())));
            }
            Self::Whole { key, step } => {
                let value = outputs.output(step, &[]);
                into.extend(value.map(|value| (key.clone(), value.clone())));
            }
            Self::Pair { key, step, field, templates } => {
                into.insert(key.clone(), pair(outputs, step, field, templates));
            }
            Self::Flatten { key, steps, field } => {
                let outputs = steps.iter().flat_map(|step| outputs.all(step));
                let lists = outputs.filter_map(|it| it.get(field)?.as_array());
                into.insert(key.clone(), lists.flatten().cloned().collect());
            }
        }
    }
}

/// The output that the rules make.
pub fn compose(rules: &[Rule], outputs: &dyn Outputs) -> Value {
    let mut output = Map::new();
    for rule in rules {
        rule.write(outputs, &mut output);
    }
    Value::Object(output)
}

fn members(outputs: &dyn Outputs, step: &StepId, prefix: &str, into: &mut Map<String, Value>) {
    let fields = outputs.output(step, &[]).and_then(Value::as_object);
    let chosen = fields.into_iter().flatten().filter(|(name, _)| name.starts_with(prefix));
    into.extend(chosen.map(|(name, value)| (name.clone(), value.clone())));
}

/// Element i with the outputs of the instances whose index is i, never by position: the element's own members win, then
/// the templates from left to right.
fn pair(outputs: &dyn Outputs, step: &StepId, field: &str, templates: &[StepId]) -> Value {
    let list = outputs.output(step, &[]).and_then(|it| it.get(field)?.as_array());
    let whole = |(index, element): (u32, &Value)| {
        let mut merged = match element {
            Value::Object(fields) => fields.clone(),
            other => {
                let name = outputs.element_name(step).to_owned();
                Map::from_iter([(name, other.clone())])
            }
        };
        for template in templates {
            let fields = outputs.output(template, &[index]).and_then(Value::as_object);
            for (name, value) in fields.into_iter().flatten() {
                merged.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
        Value::Object(merged)
    };
    (0..).zip(list.into_iter().flatten()).map(whole).collect()
}
