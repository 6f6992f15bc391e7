//! Both pipelines of the specification, by script: W01, W24.

use std::sync::Arc;

use serde_json::Value;

use super::support::Usual;
use crate::{
    definition::Definition,
    json::{Form, canonical},
    simulate::{Script, WithSkills, simulate},
};

macro_rules! fixture {
    ($name:literal) => {
        Fixture {
            yaml: include_str!(concat!("../../../../tests/fixtures/pipelines/", $name, ".yaml")),
            json: include_str!(concat!("../../../../tests/fixtures/pipelines/", $name, ".json")),
            script: include_str!(concat!(
                "../../../../tests/fixtures/pipelines/",
                $name,
                ".script.json"
            )),
            expected: include_str!(concat!(
                "../../../../tests/fixtures/pipelines/",
                $name,
                ".expected.json"
            )),
        }
    };
}

struct Fixture {
    yaml: &'static str,
    json: &'static str,
    script: &'static str,
    expected: &'static str,
}

impl Fixture {
    fn script(&self) -> Script {
        serde_json::from_str(self.script).unwrap()
    }

    fn expected(&self) -> Value {
        serde_json::from_str(self.expected).unwrap()
    }

    fn definition(&self, form: Form) -> Arc<Definition> {
        let text = if form == Form::Json { self.json } else { self.yaml };
        let script = self.script();
        let outside = WithSkills { script: &script, rest: &Usual };
        let read = Definition::read(text.as_bytes(), form, &outside);
        let checked = read.unwrap_or_else(|faults| panic!("{faults:#?}"));
        assert_eq!(checked.warnings, []);
        checked.definition
    }
}

const FIXTURES: [Fixture; 2] = [fixture!("add-data-source"), fixture!("translate-and-grade")];

/// W01.
#[test]
fn both_forms_have_the_hash_that_is_expected() {
    for fixture in FIXTURES {
        let wanted = fixture.expected()["definition_sha256"].as_str().unwrap().to_owned();
        for form in [Form::Json, Form::Yaml] {
            assert_eq!(fixture.definition(form).sha256.to_string(), wanted);
        }
    }
}

/// W24: byte for byte, whoever comes first (I13).
#[test]
fn scripts_come_out_as_expected_in_any_order_of_claims() {
    for fixture in FIXTURES {
        let definition = fixture.definition(Form::Yaml);
        let script = fixture.script();
        let wanted = canonical(&fixture.expected());
        for seed in 0..=20 {
            let outcome =
                simulate(&definition, &script, seed).unwrap_or_else(|why| panic!("{why}"));
            let outcome = serde_json::to_value(outcome).unwrap();
            assert_eq!(canonical(&outcome), wanted, "seed {seed}");
        }
    }
}

#[test]
fn a_run_that_leaves_its_script_is_told_where() {
    let [fixture, _] = FIXTURES;
    let definition = fixture.definition(Form::Json);
    let mut script = fixture.script();
    script.answers.get_mut("plan-checks").unwrap()[0].expect_input = Some(Value::Null);
    let why = simulate(&definition, &script, 0).unwrap_err();
    assert_eq!(why.address, "plan-checks");
    script.answers.remove("list-boards");
    let why = simulate(&definition, &script, 0);
    // Nobody answers, so the deadline ends the run.
    assert_eq!(why.map(|it| it.state), Ok("expired"));
}
