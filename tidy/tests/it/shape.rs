//! Openings, lengths, and what code must not contain.

use std::path::Path;

use crate::sources::{Source, has_word, holds, rust_files};

/// Long enough for any one thought; the median should be a quarter of it.
const LONGEST_FILE_LINES: usize = 600;
/// What a screen shows.
const LONGEST_FUNCTION_LINES: usize = 70;
/// Functions that are longer all the same: `path::name` and why no shorter form reads better.
const LONG_FUNCTIONS: &[(&str, &str)] = &[];

const ALL: &[&str] = &["crates", "bench", "tests", "tidy"];
/// Everything but these tests, which have to name what they look for.
const WATCHED: &[&str] = &["crates", "bench", "tests"];

#[test]
fn every_crate_says_what_it_is_for() {
    let is_root = |source: &&Source| source.path.ends_with("src/lib.rs");
    let silent = |source: &&Source| !source.text.starts_with("//!");
    let found = rust_files(ALL);
    let broken: Vec<_> =
        found.iter().filter(is_root).filter(silent).map(|it| it.path.clone()).collect();
    holds("lib.rs opens with what the crate is for", &broken);
}

#[test]
fn nine_files_in_ten_say_what_they_are_for() {
    let found = rust_files(ALL);
    let silent = found.iter().filter(|source| !source.text.starts_with("//!"));
    let silent: Vec<_> = silent.map(|source| source.path.clone()).collect();
    if silent.len() * 10 > found.len() {
        holds("nine files in ten open with //!", &silent);
    }
}

#[test]
fn no_file_is_too_long_to_read_in_one_go() {
    let length = |source: &Source| source.text.lines().count();
    let found = rust_files(ALL);
    let broken = found.iter().filter(|source| length(source) > LONGEST_FILE_LINES);
    let broken: Vec<_> = broken.map(|it| format!("{}: {} lines", it.path, length(it))).collect();
    holds("a file has at most 600 lines", &broken);
}

#[test]
fn no_function_is_longer_than_a_screen() {
    let (mut broken, mut excused) = (Vec::new(), Vec::new());
    for source in rust_files(ALL) {
        for (name, line, lines) in functions(&source) {
            let full = format!("{}::{name}", source.path);
            if lines <= LONGEST_FUNCTION_LINES {
                continue;
            }
            if LONG_FUNCTIONS.iter().any(|(long, _)| *long == full) {
                excused.push(full);
            } else {
                broken.push(format!("{}:{line}: {name} has {lines} lines", source.path));
            }
        }
    }
    for (long, reason) in LONG_FUNCTIONS {
        assert!(!reason.is_empty(), "{long} needs a reason");
        if !excused.iter().any(|it| it == long) {
            broken.push(format!("{long} is excused and need not be: take it off the list"));
        }
    }
    holds("a function has at most 70 lines", &broken);
}

/// Name, first line and number of lines of each function with a body. Formatted code closes a body on a line of its
/// own, as deep as the line that opened the function.
fn functions(source: &Source) -> Vec<(String, usize, usize)> {
    let lines: Vec<_> = source.text.lines().collect();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let indent = &line[..line.len() - line.trim_start().len()];
        let closing = format!("{indent}}}");
        let ends_here = line.ends_with(';') || line.ends_with('}');
        if ends_here {
            continue;
        }
        let rest = lines.iter().skip(index + 1);
        let mut until =
            rest.take_while(|it| !(it.starts_with(&format!("{indent})")) && it.ends_with(';')));
        if let Some(length) = until.position(|it| *it == closing) {
            found.push((name.to_owned(), index + 1, length + 2));
        }
    }
    found
}

fn function_name(line: &str) -> Option<&str> {
    let trimmed = line.trim_start();
    let (before, after) = trimmed.split_once("fn ")?;
    let qualifies = |word: &str| {
        word.starts_with("pub")
            || ["const", "async", "extern", "\"C\"", "in", "crate::"].contains(&word)
            || word.ends_with(')')
    };
    if !before.split_whitespace().all(qualifies) {
        return None;
    }
    after.split(['(', '<']).next()
}

#[test]
fn what_ships_does_not_panic_on_purpose() {
    let mut broken = Vec::new();
    // The test kit may panic: there it is the point.
    for source in rust_files(WATCHED).iter().filter(|source| source.room() != "testkit") {
        for (number, line) in source.shipped_code() {
            if [".unwrap()", "todo!", "unimplemented!"].iter().any(|word| line.contains(word)) {
                broken.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    holds("no unwrap(), todo! or unimplemented! outside tests", &broken);
}

#[test]
fn no_test_is_switched_off_and_no_lint_is_silenced() {
    let mut broken = Vec::new();
    for source in rust_files(WATCHED) {
        for (number, line) in source.code() {
            let attribute = line.trim_start();
            // Words of the command line are no lints.
            let is_option = attribute.starts_with("#[arg(");
            let is_attribute =
                !is_option && (attribute.starts_with("#[") || attribute.starts_with("#!["));
            let is_silenced = is_attribute && has_word(attribute, "allow");
            let is_off =
                is_attribute && has_word(attribute, "ignore") && !attribute.contains("serde");
            if is_silenced || is_off {
                broken.push(format!("{}:{number}: {attribute}", source.path));
            }
        }
    }
    holds("no #[ignore], and #[expect(…, reason = …)] instead of allow", &broken);
}

#[test]
fn what_is_only_for_tests_is_told_apart() {
    let found = rust_files(&["tidy"]);
    let here = found.iter().find(|it| Path::new(&it.path).ends_with("it/shape.rs"));
    let here = here.expect("this file is a source");
    assert!(here.shipped_code().is_empty(), "a file below tests/ ships nothing");
    let names: Vec<_> = functions(here).into_iter().map(|(name, ..)| name).collect();
    assert!(names.contains(&"function_name".to_owned()), "{names:?}");
}
