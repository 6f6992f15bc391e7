//! `motet work simulate`: a run by script, on a clock of its own (`spec/work.md` 14, 16).

use std::{fmt::Write as _, path::PathBuf};

use pipelines_core::{
    definition::Outside,
    json::{Place, same},
    simulate::{Outcome, Script, WithSkills, simulate},
};
use serde::Serialize;
use serde_json::{Value, json};

use super::{REFUSED, files, judged::Document};
use crate::{
    commands::admin::{jobs::result, table::table},
    context::Context,
    failure::{Exit, Failure},
    report::{BAD, GOOD, Report},
    visible::{visible, visible_lines},
};

/// The longest script, and the longest file of what is expected.
const MAX_BYTES: usize = 64 << 20;

/// What can be said with `simulate`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Ends with 0 if the run went as its script says, with 1 if it did not, or came to something else than was expected.

Examples:
  motet work simulate add-data-source.yaml --script add-data-source.script.json
  motet work simulate add-data-source.yaml --script add-data-source.script.json \\
    --expect add-data-source.expected.json --seed 7")]
pub struct Simulate {
    /// The definition: JSON if it ends in .json, else YAML
    pub file: PathBuf,
    /// Who does what, as JSON
    #[arg(long, value_name = "FILE")]
    pub script: PathBuf,
    /// Which of all runs that are possible
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// What has to come of it, as JSON: every member is compared
    #[arg(long, value_name = "FILE")]
    pub expect: Option<PathBuf>,
}

/// Where no request is sent, and every priority is granted.
struct Nowhere;

impl Outside for Nowhere {
    fn endpoint(&self, _: &str) -> Result<(), String> {
        Ok(())
    }

    fn skill(&self, _: &str) -> Option<String> {
        None
    }

    fn max_priority(&self) -> u8 {
        9
    }
}

/// A place at which something else came than was expected.
#[derive(Debug, PartialEq, Serialize)]
struct Difference {
    pointer: String,
    /// Left out if nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<Value>,
    /// The same.
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<Value>,
}

pub(super) fn run(arguments: &Simulate, context: &Context) -> Result<Report, Failure> {
    let document = Document::read(&arguments.file, context)?;
    let script = files::whole(&arguments.script, MAX_BYTES, context)?;
    let script: Script = serde_json::from_slice(&script).map_err(|error| {
        let name = arguments.script.display();
        Failure::new(REFUSED, "bad_script", format!("{name}: {error}"))
    })?;
    let expected = arguments.expect.as_ref().map(|file| files::json(file, MAX_BYTES, context));
    let expected = expected.transpose()?;
    let checked = match document.definition(&WithSkills { script: &script, rest: &Nowhere }) {
        Ok(checked) => checked,
        Err(faults) => {
            let text = document.told((BAD, "fault"), &faults);
            let result = json!({ "outcome": null, "faults": result(&faults)? });
            return Ok(Report { exit: REFUSED, ..Report::answer(result, text) });
        }
    };
    let outcome = simulate(&checked.definition, &script, arguments.seed)
        .map_err(|why| Failure::new(REFUSED, "derailed", why).hint("mend the script there"))?;
    let found = result(&outcome)?;
    let differences = expected.map(|expected| differences(&expected, &found));
    let mut text = told(&outcome);
    text += &judged(differences.as_deref());
    let is_bad = differences.as_ref().is_some_and(|it| !it.is_empty());
    let result = json!({ "outcome": found, "differences": differences });
    Ok(Report { exit: if is_bad { REFUSED } else { Exit::Done }, ..Report::answer(result, text) })
}

/// What came of a run, for people.
fn told(outcome: &Outcome) -> String {
    let listed = |all: &[String]| if all.is_empty() { "none".to_owned() } else { all.join(", ") };
    let facts = [
        ("state", outcome.state.to_owned()),
        ("definition", outcome.definition_sha256.clone()),
        ("claims", outcome.claims.to_string()),
        ("calls", outcome.tool_calls.to_string()),
        ("sent", listed(&outcome.deliveries)),
        ("reopened", outcome.reopens.to_string()),
        ("superseded", listed(&outcome.superseded)),
        ("dead", listed(&outcome.dead_letters)),
    ];
    let mut text = String::new();
    for (name, value) in facts {
        // Writing into a text does not fail.
        writeln!(text, "{name:<11} {}", visible(&value)).unwrap_or_default();
    }
    let rows = outcome.tasks.iter().map(|(address, it)| {
        let numbers = [u64::from(it.generation), u64::from(it.failed_attempts), it.fence];
        let [generation, failed, fence] = numbers.map(|it| it.to_string());
        [visible(address), it.state.to_owned(), generation, failed, fence]
    });
    let head = ["ADDRESS", "STATE", "GENERATION", "FAILED", "FENCE"];
    text += "\n";
    text += &table(head, &rows.collect::<Vec<_>>());
    let output = serde_json::to_string_pretty(&outcome.final_output).unwrap_or_default();
    writeln!(text, "\noutput {}", visible_lines(&output)).unwrap_or_default();
    text
}

fn judged(differences: Option<&[Difference]>) -> String {
    let Some(differences) = differences else { return String::new() };
    if differences.is_empty() {
        return format!("\n{GOOD}good{GOOD:#} all of it is as expected\n");
    }
    let said = |value: Option<&Value>| {
        visible(&value.map_or_else(|| "nothing".to_owned(), ToString::to_string))
    };
    let line = |it: &Difference| {
        let (expected, found) = (said(it.expected.as_ref()), said(it.found.as_ref()));
        let place = visible(&it.pointer);
        format!("{BAD}bad{BAD:#} {place}: expected {expected}, found {found}\n")
    };
    format!("\n{}", differences.iter().map(line).collect::<String>())
}

/// Every place at which two values differ.
fn differences(expected: &Value, found: &Value) -> Vec<Difference> {
    let mut differences = Vec::new();
    compare(&Place::root(), (Some(expected), Some(found)), &mut differences);
    differences
}

fn compare(place: &Place, both: (Option<&Value>, Option<&Value>), into: &mut Vec<Difference>) {
    match both {
        (Some(Value::Object(expected)), Some(Value::Object(found))) => {
            for name in expected.keys().chain(found.keys().filter(|it| !expected.contains_key(*it)))
            {
                compare(&place.at(name), (expected.get(name), found.get(name)), into);
            }
        }
        (Some(Value::Array(expected)), Some(Value::Array(found))) => {
            for at in 0..expected.len().max(found.len()) {
                compare(&place.at(at), (expected.get(at), found.get(at)), into);
            }
        }
        (Some(expected), Some(found)) if same(expected, found) => {}
        (expected, found) => into.push(Difference {
            pointer: place.to_string(),
            expected: expected.cloned(),
            found: found.cloned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_that_differs_is_told_once() {
        let expected = json!({"a": [1, {"b": 2.0}], "gone": true, "same": {"x": null}});
        let found = json!({"a": [1, {"b": 2}, 3], "more": [], "same": {"x": 0}});
        let told = |pointer: &str, expected: Option<Value>, found: Option<Value>| Difference {
            pointer: pointer.to_owned(),
            expected,
            found,
        };
        let wanted = [
            told("/a/2", None, Some(json!(3))),
            told("/gone", Some(json!(true)), None),
            told("/same/x", Some(Value::Null), Some(json!(0))),
            told("/more", None, Some(json!([]))),
        ];
        assert_eq!(differences(&expected, &found), wanted);
        assert_eq!(differences(&expected, &expected), []);
    }
}
