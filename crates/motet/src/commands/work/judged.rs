//! A definition as a file, with its faults and the lines where they stand.

use std::path::Path;

use anstyle::Style;
use pipelines_core::{
    definition::{Checked, Definition, Outside},
    fault::{Fault, in_text},
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
    code: String,
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

    /// As it was written.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What it says to be.
    pub(super) const fn media_type(&self) -> &'static str {
        match self.form {
            Form::Json => "application/json",
            Form::Yaml => "application/yaml",
        }
    }

    /// The definition, or all that is wrong with it.
    pub(super) fn definition(&self, outside: &dyn Outside) -> Result<Checked, Vec<Located>> {
        Definition::read(&self.bytes, self.form, outside).map_err(|faults| self.located(&faults))
    }

    /// Where faults stand.
    pub(super) fn located(&self, faults: &[Fault]) -> Vec<Located> {
        self.placed(faults.iter().map(|it| (&*it.pointer, it.code.as_str(), &*it.message)))
    }

    /// The same for faults that a server told: pointers, codes, sentences.
    pub(super) fn placed<'f>(
        &self,
        faults: impl Iterator<Item = (&'f str, &'f str, &'f str)>,
    ) -> Vec<Located> {
        let text = std::str::from_utf8(&self.bytes).unwrap_or_default();
        let lines = Lines::of(text, self.form);
        let located = |(pointer, code, message): (&str, &str, &str)| {
            let (line, sentence) = in_text(pointer, message, &lines);
            Located {
                line,
                pointer: pointer.to_owned(),
                code: code.to_owned(),
                message: sentence.to_owned(),
            }
        };
        faults.map(located).collect()
    }

    /// Faults or warnings for people: a line for each, as compilers tell them.
    pub(super) fn told(&self, (style, word): (Style, &str), found: &[Located]) -> String {
        let told = |it: &Located| {
            let line = it.line.map(|line| format!("{line}:")).unwrap_or_default();
            let pointer = visible(&it.pointer);
            let space = if pointer.is_empty() { "" } else { " " };
            let (code, message) = (visible(&it.code), visible(&it.message));
            let name = &self.name;
            format!("{name}:{line} {style}{word}{style:#} {code}{space}{pointer}: {message}\n")
        };
        found.iter().map(told).collect()
    }
}
