//! `motet blame`: who last changed each line of a file.

use std::{
    collections::{HashMap, hash_map::Entry},
    fmt::Write as _,
    ops::RangeInclusive,
    str::FromStr,
};

use api::CommitRecord;
use history::worktree::{BlamedLine, WorkingCopy, WorktreeError};
use names::CommitId;
use serde_json::{Value, json};

use super::working::{file, subject};
use crate::{
    context::Context,
    failure::{Exit, Failure},
    report::Report,
    visible::{visible, visible_lines},
};

/// The most characters of an author that are shown.
const MAX_AUTHOR_CHARS: usize = 20;
/// The day of a time: `2026-11-21`.
const DAY_BYTES: usize = 10;

/// What can be said with the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet blame words.txt
  motet blame words.txt -L 10,20
  motet blame words.txt v1.0        as a tag has it")]
pub struct Blame {
    /// The file
    pub file: String,
    /// A branch, a tag, a commit; HEAD if left out
    #[arg(value_name = "REVISION", default_value = "HEAD", hide_default_value = true)]
    pub revision: String,
    /// Only these lines: `10,20`, `10,+5`, `10,` or `,20`
    #[arg(short = 'L', long, value_name = "FIRST,LAST")]
    pub lines: Option<Lines>,
}

/// Some lines of a file, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lines(RangeInclusive<u32>);

/// Why a text names no lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write it as 10,20 or 10,+5 or 10, or ,20; lines are counted from 1")]
pub struct BadLines;

impl FromStr for Lines {
    type Err = BadLines;

    fn from_str(text: &str) -> Result<Self, BadLines> {
        let number = |text: &str| text.parse::<u32>().ok().filter(|number| *number > 0);
        if text.is_empty() {
            return Err(BadLines);
        }
        let (first, last) = text.split_once(',').unwrap_or((text, text));
        let begin = if first.is_empty() { 1 } else { number(first).ok_or(BadLines)? };
        let end = match last.strip_prefix('+') {
            Some(count) => begin.saturating_add(number(count).ok_or(BadLines)? - 1),
            None if last.is_empty() => u32::MAX,
            None => number(last).ok_or(BadLines)?,
        };
        if begin <= end { Ok(Self(begin..=end)) } else { Err(BadLines) }
    }
}

pub(super) fn run(arguments: &Blame, context: &Context) -> Result<Report, Failure> {
    let copy = context.working_copy()?;
    let path = file(context, &copy, &arguments.file)?;
    let commit = copy.resolve(&arguments.revision)?;
    let range = arguments.lines.as_ref().map(|lines| &lines.0);
    let lines = copy.blame(commit, &path, range)?;
    if let (Some(range), true) = (range, lines.is_empty()) {
        let message = format!("{} has no line {}", visible(path.as_str()), range.start());
        return Err(Failure::new(Exit::Decide, "nothing_matched", message));
    }
    let records = records(&copy, &lines)?;
    let runs: Vec<_> = runs(&lines).map(|run| value(run, &records)).collect();
    let result = json!({ "path": path, "commit": commit, "runs": runs });
    Ok(Report { is_long: true, ..Report::answer(result, told(&lines, &records)) })
}

/// The commits of the lines.
fn records(
    copy: &WorkingCopy,
    lines: &[BlamedLine],
) -> Result<HashMap<CommitId, CommitRecord>, WorktreeError> {
    let mut records = HashMap::new();
    for line in lines {
        if let Entry::Vacant(entry) = records.entry(line.commit) {
            entry.insert(copy.known(&line.commit)?);
        }
    }
    Ok(records)
}

/// Lines that stand together here and stood together there.
fn runs(lines: &[BlamedLine]) -> impl Iterator<Item = &[BlamedLine]> {
    lines.chunk_by(|one, next| {
        one.commit == next.commit
            && one.path == next.path
            && one.original_line + 1 == next.original_line
    })
}

fn value(run: &[BlamedLine], records: &HashMap<CommitId, CommitRecord>) -> Value {
    let first = run.first();
    let record = first.and_then(|line| records.get(&line.commit));
    let texts: Vec<_> = run.iter().map(|line| line.text.as_str()).collect();
    json!({
        "commit": first.map(|line| line.commit),
        "author": record.map(|record| &record.author),
        "committed_at": record.map(|record| &record.committed_at),
        "subject": record.map(subject),
        "line": first.map(|line| line.line),
        "original_path": first.map(|line| &line.path),
        "original_line": first.map(|line| line.original_line),
        "lines": texts,
    })
}

fn told(lines: &[BlamedLine], records: &HashMap<CommitId, CommitRecord>) -> String {
    let author = |line: &BlamedLine| {
        let author = records.get(&line.commit).map_or("", |record| record.author.as_str());
        let name = author.split(" <").next().unwrap_or_default();
        visible(name).chars().take(MAX_AUTHOR_CHARS).collect::<String>()
    };
    let width = lines.iter().map(|line| author(line).chars().count()).max().unwrap_or_default();
    let digits = lines.last().map_or(0, |line| line.line.to_string().len());
    let mut text = String::new();
    for line in lines {
        let at = records.get(&line.commit).map_or("", |record| record.committed_at.as_str());
        let day = visible(at.get(..DAY_BYTES).unwrap_or(at));
        let (id, name, number) = (line.commit.short(), author(line), line.line);
        // Writing into a text does not fail.
        writeln!(
            text,
            "{id} {name:width$} {day} {number:>digits$} | {}",
            visible_lines(&line.text)
        )
        .unwrap_or_default();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_named_in_four_ways() {
        for (text, lines) in [
            ("3,5", Some(3..=5)),
            ("3,+2", Some(3..=4)),
            ("3,", Some(3..=u32::MAX)),
            (",5", Some(1..=5)),
            ("7", Some(7..=7)),
            ("0,5", None),
            ("5,3", None),
            ("5,+0", None),
            ("a,b", None),
            ("", None),
        ] {
            let expected = lines.map(Lines).ok_or(BadLines);
            assert_eq!(text.parse::<Lines>(), expected, "{text}");
        }
    }
}
