//! `motet work lint`: every fault of definitions, here (`spec/work.md` 2, Static checks).

use std::{cell::RefCell, collections::BTreeSet, fmt::Write as _, path::PathBuf};

use pipelines_core::{definition::Outside, skill::SkillReference};
use serde_json::{Value, json};
use server::deliveries::{AddressRules, Receiver};

use super::{REFUSED, judged::Document};
use crate::{
    commands::{admin::jobs::result, counted},
    context::Context,
    failure::{Exit, Failure},
    report::{BAD, GOOD, ODD, Report},
    visible,
};

/// What can be said with `lint`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A line for each fault: file, line, code, place, sentence. Ends with 1 if there is one.

Examples:
  motet work lint add-data-source.yaml
  motet work lint pipelines/*.yaml --json")]
pub struct Lint {
    /// Definitions: JSON if they end in .json, else YAML; - is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The highest priority that the operator grants to the publisher
    #[arg(long, value_name = "0..9", default_value_t = 5, value_parser = clap::value_parser!(u8).range(0..=9))]
    pub max_priority: u8,
    /// A receiver that the operator lets in wherever it is, as name:port; may be repeated
    #[arg(long, value_name = "RECEIVER")]
    pub allow: Vec<Receiver>,
}

/// What a server would know, as far as it is known here.
struct Desk {
    rules: AddressRules,
    max_priority: u8,
    /// Skills that were asked for: nobody here knows whether they are there.
    skills: RefCell<BTreeSet<String>>,
}

impl Outside for Desk {
    fn endpoint(&self, url: &str) -> Result<(), String> {
        self.rules.check(url).map(drop).map_err(|why| why.to_string())
    }

    fn skill(&self, reference: &str) -> Option<String> {
        SkillReference::read(reference)?;
        self.skills.borrow_mut().insert(reference.to_owned());
        Some(reference.to_owned())
    }

    fn max_priority(&self) -> u8 {
        self.max_priority
    }
}

pub(super) fn run(arguments: &Lint, context: &Context) -> Result<Report, Failure> {
    let (mut files, mut text) = (Vec::new(), String::new());
    let (mut faults, mut warnings) = (0, 0);
    for file in &arguments.files {
        let document = Document::read(file, context)?;
        let looked = look(&document, arguments)?;
        faults += looked.faults;
        warnings += looked.warnings;
        text += &looked.text;
        files.push(looked.result);
    }
    let counts = [(files.len(), "file"), (faults, "fault"), (warnings, "warning")];
    let counts = counts.map(|(count, noun)| counted(count as u64, noun)).join(", ");
    let report = Report::answer(json!({ "files": files }), format!("{text}{counts}\n"));
    Ok(Report { exit: if faults == 0 { Exit::Done } else { REFUSED }, ..report })
}

/// What came of a file.
struct Looked {
    faults: usize,
    warnings: usize,
    text: String,
    result: Value,
}

fn look(document: &Document, arguments: &Lint) -> Result<Looked, Failure> {
    let desk = Desk {
        rules: AddressRules::new([], arguments.allow.iter().cloned()),
        max_priority: arguments.max_priority,
        skills: RefCell::default(),
    };
    let checked = document.definition(&desk);
    let skills = desk.skills.into_inner();
    let name = document.name();
    match checked {
        Ok(checked) => {
            let (id, sha256) = (&checked.definition.id, checked.definition.sha256.to_string());
            // With skills the hash is over what they stand for, which only a server knows.
            let sha256 = skills.is_empty().then_some(sha256);
            let warnings = document.located(&checked.warnings);
            let hash = sha256.as_deref().map(|it| format!(" {it}")).unwrap_or_default();
            let mut text = document.told((ODD, "warning"), &warnings);
            // Writing into a text does not fail.
            writeln!(text, "{name}: {GOOD}good{GOOD:#} {id}{hash}").unwrap_or_default();
            for skill in &skills {
                let skill = visible(skill);
                // The same.
                writeln!(text, "{name}: {ODD}not checked{ODD:#} the skill {skill}")
                    .unwrap_or_default();
            }
            let result = json!({
                "file": name, "valid": true, "id": id.to_string(), "definition_sha256": sha256,
                "faults": [], "warnings": result(&warnings)?, "unchecked_skills": skills,
            });
            Ok(Looked { faults: 0, warnings: warnings.len(), text, result })
        }
        Err(faults) => {
            let text = document.told((BAD, "fault"), &faults);
            let result = json!({
                "file": name, "valid": false, "id": null, "definition_sha256": null,
                "faults": result(&faults)?, "warnings": [], "unchecked_skills": skills,
            });
            Ok(Looked { faults: faults.len(), warnings: 0, text, result })
        }
    }
}
