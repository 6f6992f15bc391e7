//! A definition as a file, with its faults and the lines where they stand.

use std::path::Path;

use anstyle::Style;
use pipelines_core::{
    definition::{Checked, Definition, Outside},
    fault::{Code, Fault},
    json::{Form, Lines, MAX_BYTES},
};
use serde::Serialize;

use super::files;
use crate::{context::Context, failure::Failure, visible};

/// A definition as it was written.
pub(super) struct Document {
    name: String,
    bytes: Vec<u8>,
    form: Form,
}

/// A fault, and the line where it stands.
#[derive(Debug, Serialize)]
pub(super) struct Located {
    line: Option<usize>,
    pointer: String,
    code: Code,
    message: String,
}

impl Document {
    /// Reads a file. One that ends in `.json` is JSON; all else is YAML, which JSON is as well.
    pub(super) fn read(file: &Path, context: &Context) -> Result<Self, Failure> {
        // One byte more than a definition may have is enough to see that it is too long.
        let bytes = files::beginning(file, MAX_BYTES + 1, context)?;
        let is_json = file.extension().is_some_and(|it| it.eq_ignore_ascii_case("json"));
        let form = if is_json { Form::Json } else { Form::Yaml };
        Ok(Self { name: visible(&file.to_string_lossy()), bytes, form })
    }

    /// What the file is called, fit to be printed.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The definition, or all that is wrong with it.
    pub(super) fn definition(&self, outside: &dyn Outside) -> Result<Checked, Vec<Located>> {
        Definition::read(&self.bytes, self.form, outside).map_err(|faults| self.located(&faults))
    }

    /// Where faults stand.
    pub(super) fn located(&self, faults: &[Fault]) -> Vec<Located> {
        let is_needed = !faults.is_empty();
        let text = std::str::from_utf8(&self.bytes).ok().filter(|_| is_needed);
        let lines = text.map(|text| Lines::of(text, self.form)).unwrap_or_default();
        let located = |fault: &Fault| {
            let (line, sentence) = fault.in_text(&lines);
            Located {
                line,
                pointer: fault.pointer.clone(),
                code: fault.code,
                message: sentence.to_owned(),
            }
        };
        faults.iter().map(located).collect()
    }

    /// Faults or warnings for people: a line for each, as compilers tell them.
    pub(super) fn told(&self, (style, word): (Style, &str), found: &[Located]) -> String {
        let told = |it: &Located| {
            let line = it.line.map(|line| format!("{line}:")).unwrap_or_default();
            let pointer = visible(&it.pointer);
            let space = if pointer.is_empty() { "" } else { " " };
            let (code, message) = (it.code, visible(&it.message));
            let name = &self.name;
            format!("{name}:{line} {style}{word}{style:#} {code}{space}{pointer}: {message}\n")
        };
        found.iter().map(told).collect()
    }
}
