//! The script of the demo, read.
//!
//! | line             | what it means                                                              |
//! |------------------|----------------------------------------------------------------------------|
//! | `@ mira main`    | a commit begins: who, on which branch (one that is new begins at `main`)     |
//! | `: text`         | its message, line by line                                                   |
//! | `+ path`         | the file holds the lines up to `.`                                          |
//! | `~ path`         | the lines up to `.` are added to the file                                   |
//! | `s path`         | the lines up to `=>` become those up to `.`                                 |
//! | `> old new`      | the file has another name                                                   |
//! | `- path`         | the file is gone                                                            |
//! | `! path`         | the file is a picture                                                       |
//! | `& branch`       | the branch is merged                                                        |

use history::CommitTime;
use names::{BranchName, RepoPath};
use time::{Duration, OffsetDateTime, UtcOffset};

use super::DemoError;

/// When the first commit was made: 2026-01-12T08:00:00Z.
const FIRST: i64 = 1_768_204_800;
/// Minutes between commits, again and again. Their number has no factor in common with the week.
const PAUSES: [i64; 11] = [17, 64, 301, 23, 1447, 38, 92, 2904, 11, 205, 733];

/// Who made a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Author {
    Mira,
    Jonas,
    Aiko,
    Duarte,
}

impl Author {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "mira" => Self::Mira,
            "jonas" => Self::Jonas,
            "aiko" => Self::Aiko,
            "duarte" => Self::Duarte,
            _ => return None,
        })
    }

    /// As a commit says it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Mira => "Mira Lindqvist <mira@example.org>",
            Self::Jonas => "Jonas Ólafsson <jonas@example.org>",
            Self::Aiko => "Aiko 青木 <aiko@example.org>",
            Self::Duarte => "Duarte Sá <duarte@example.org>",
        }
    }

    /// Hours east of Greenwich.
    const fn zone_hours(self) -> i8 {
        match self {
            Self::Mira => 1,
            Self::Jonas | Self::Duarte => 0,
            Self::Aiko => 9,
        }
    }

    /// When commit number `at` was made, in the author's own zone.
    pub(super) fn time_of(self, at: usize) -> CommitTime {
        let minutes: i64 = PAUSES.iter().cycle().take(at).sum();
        let zone = UtcOffset::from_hms(self.zone_hours(), 0, 0).unwrap_or(UtcOffset::UTC);
        let moment = OffsetDateTime::UNIX_EPOCH + Duration::seconds(FIRST + minutes * 60);
        let local = moment.to_offset(zone);
        let text = format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{:+03}:00",
            local.year(),
            u8::from(local.month()),
            local.day(),
            local.hour(),
            local.minute(),
            local.second(),
            self.zone_hours(),
        );
        // Never: the form is that of a writer. Were it, the ids would tell.
        CommitTime::parse(&text)
            .unwrap_or_else(|_| CommitTime::from_millis(names::UnixMillis(FIRST * 1000)))
    }
}

/// One commit.
#[derive(Debug)]
pub(super) struct Step {
    /// Where the script tells it.
    pub(super) line: usize,
    pub(super) author: Author,
    pub(super) branch: BranchName,
    pub(super) message: String,
    pub(super) merged: Option<BranchName>,
    pub(super) changes: Vec<Change>,
}

/// One change of a tree.
#[derive(Debug)]
pub(super) enum Change {
    Write(RepoPath, String),
    Append(RepoPath, String),
    Replace { path: RepoPath, old: String, new: String },
    Rename { from: RepoPath, to: RepoPath },
    Delete(RepoPath),
    Picture(RepoPath),
}

/// The script, line by line.
struct Lines<'a> {
    rest: std::iter::Enumerate<std::str::Lines<'a>>,
    /// The line in hand, counted from one.
    number: usize,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let (at, line) = self.rest.next()?;
        self.number = at + 1;
        Some(line)
    }

    /// The lines up to `end`, each with its line end.
    fn until(&mut self, end: &str) -> Result<String, DemoError> {
        let mut text = String::new();
        loop {
            let line = self.next().ok_or_else(|| self.wrong("a text does not end"))?;
            if line == end {
                return Ok(text);
            }
            text.push_str(line);
            text.push('\n');
        }
    }

    fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(
        &self,
        word: &str,
    ) -> Result<T, DemoError> {
        word.parse().map_err(|error| self.wrong(&format!("`{word}`: {error}")))
    }

    fn wrong(&self, reason: &str) -> DemoError {
        DemoError::Script { line: self.number, reason: reason.to_owned() }
    }
}

pub(super) fn parse(text: &str) -> Result<Vec<Step>, DemoError> {
    let mut lines = Lines { rest: text.lines().enumerate(), number: 0 };
    let mut steps: Vec<Step> = Vec::new();
    while let Some(line) = lines.next() {
        if line.is_empty() {
            continue;
        }
        let (mark, rest) = line.split_once(' ').unwrap_or((line, ""));
        if mark == "@" {
            steps.push(begin(&lines, rest)?);
            continue;
        }
        let step = steps.last_mut().ok_or_else(|| lines.wrong("nothing has begun"))?;
        match mark {
            ":" if step.message.is_empty() => step.message.push_str(rest),
            ":" => {
                step.message.push('\n');
                step.message.push_str(rest.trim());
            }
            "&" => step.merged = Some(lines.parse(rest)?),
            _ => {
                let change = change(&mut lines, mark, rest)?;
                step.changes.push(change);
            }
        }
    }
    Ok(steps)
}

fn begin(lines: &Lines<'_>, rest: &str) -> Result<Step, DemoError> {
    let (author, branch) = rest.split_once(' ').unwrap_or((rest, ""));
    Ok(Step {
        line: lines.number,
        author: Author::parse(author).ok_or_else(|| lines.wrong("nobody has this name"))?,
        branch: lines.parse(branch)?,
        message: String::new(),
        merged: None,
        changes: Vec::new(),
    })
}

fn change(lines: &mut Lines<'_>, mark: &str, rest: &str) -> Result<Change, DemoError> {
    if mark == ">" {
        let (from, to) = rest.split_once(' ').unwrap_or((rest, ""));
        return Ok(Change::Rename { from: lines.parse(from)?, to: lines.parse(to)? });
    }
    let path = lines.parse(rest)?;
    Ok(match mark {
        "+" => Change::Write(path, lines.until(".")?),
        "~" => Change::Append(path, lines.until(".")?),
        "s" => {
            let old = lines.until("=>")?;
            Change::Replace { path, old, new: lines.until(".")? }
        }
        "-" => Change::Delete(path),
        "!" => Change::Picture(path),
        _ => return Err(lines.wrong("this mark means nothing")),
    })
}
