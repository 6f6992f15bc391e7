//! What `.gitattributes` leaves out of archives: `export-ignore`.
//!
//! Rules are read as git reads them but for two things that nobody has been seen to use: a pattern has no escapes, and
//! macros are not followed.

use std::collections::BTreeMap;

use names::RepoPath;

use crate::glob::Glob;

/// Rules of one file beyond these are not read.
const MAX_RULES: usize = 10_000;

/// The rules of all `.gitattributes` of a tree.
#[derive(Debug, Default)]
pub struct ExportRules {
    /// By the directory that they stand in, with its `/`; that of the root is empty.
    by_directory: BTreeMap<String, Vec<Rule>>,
}

#[derive(Debug)]
struct Rule {
    steps: Vec<Step>,
    /// Whether it fits at any depth.
    is_name: bool,
    is_of_directories: bool,
    is_left_out: bool,
}

#[derive(Debug)]
enum Step {
    /// Any number of directories.
    Any,
    One(Glob),
}

impl ExportRules {
    /// The name of the files that hold rules.
    pub const FILE: &'static str = ".gitattributes";

    /// Takes the rules of the file in `directory`, the root where there is none.
    pub fn add(&mut self, directory: Option<&str>, text: &str) {
        let rules: Vec<_> = text.lines().filter_map(Rule::read).take(MAX_RULES).collect();
        if !rules.is_empty() {
            let key = directory.map(|it| format!("{it}/")).unwrap_or_default();
            self.by_directory.insert(key, rules);
        }
    }

    /// Whether nothing is left out.
    pub fn is_empty(&self) -> bool {
        self.by_directory.is_empty()
    }

    /// Whether a file, or a directory above it, is left out.
    pub fn leaves_out(&self, path: &RepoPath) -> bool {
        if self.is_empty() {
            return false;
        }
        let path = path.as_str();
        let above = path.match_indices('/').filter_map(|(at, _)| path.get(..at));
        above.into_iter().any(|it| self.decide(it, true)) || self.decide(path, false)
    }

    /// The nearest file that says something decides, and in it the last rule.
    fn decide(&self, path: &str, is_directory: bool) -> bool {
        let mut end = path.rfind('/').map_or(0, |at| at + 1);
        loop {
            let directory = path.get(..end).unwrap_or_default();
            let below = path.get(end..).unwrap_or_default();
            let rules = self.by_directory.get(directory).map(Vec::as_slice).unwrap_or_default();
            if let Some(rule) = rules.iter().rev().find(|it| it.fits(below, is_directory)) {
                return rule.is_left_out;
            }
            if end == 0 {
                return false;
            }
            end = directory.trim_end_matches('/').rfind('/').map_or(0, |at| at + 1);
        }
    }
}

impl Rule {
    fn read(line: &str) -> Option<Self> {
        let line = line.trim_start_matches([' ', '\t']);
        if line.is_empty() || line.starts_with(['#', '!']) || line.starts_with("[attr]") {
            return None;
        }
        let (pattern, attributes) = match line.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => line.split_once([' ', '\t'])?,
        };
        let says = |word: &str| match word {
            "export-ignore" => Some(true),
            "-export-ignore" | "!export-ignore" => Some(false),
            _ => None,
        };
        let is_left_out = attributes.split_ascii_whitespace().filter_map(says).next_back()?;
        let is_of_directories = pattern.ends_with('/');
        let pattern = pattern.trim_end_matches('/');
        let is_name = !pattern.contains('/');
        let step = |it: &str| if it == "**" { Step::Any } else { Step::One(Glob::new(it)) };
        let steps = pattern.trim_start_matches('/').split('/').map(step).collect();
        Some(Self { steps, is_name, is_of_directories, is_left_out })
    }

    fn fits(&self, path: &str, is_directory: bool) -> bool {
        if self.is_of_directories && !is_directory {
            return false;
        }
        let path = if self.is_name { path.rsplit('/').next().unwrap_or(path) } else { path };
        let names: Vec<&str> = path.split('/').collect();
        let (mut steps, mut names) = (self.steps.as_slice(), names.as_slice());
        // Where to go on when a name does not fit: behind the last `**`, which then takes one more.
        let mut retry: Option<(&[Step], &[&str])> = None;
        loop {
            match (steps.split_first(), names.split_first()) {
                (None, None) => return true,
                (Some((Step::Any, [])), rest) => return rest.is_some(),
                (Some((Step::Any, after)), _) => {
                    (retry, steps) = (Some((after, names)), after);
                    continue;
                }
                (Some((Step::One(glob), after)), Some((name, rest))) if glob.matches(name) => {
                    (steps, names) = (after, rest);
                    continue;
                }
                _ => {}
            }
            let Some((after, [_, rest @ ..])) = retry else { return false };
            (retry, steps, names) = (Some((after, rest)), after, rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_leave_out_what_git_leaves_out() {
        let mut rules = ExportRules::default();
        rules.add(
            None,
            "# a remark\n*.log export-ignore\n/top export-ignore\ndocs/** export-ignore\ndocs/keep -export-ignore\n\
             build/ export-ignore\na/**/z export-ignore\n\"with space\" export-ignore\n*.txt text\n",
        );
        rules.add(Some("sub"), "*.log -export-ignore\nown export-ignore\n");
        for (path, is_left_out) in [
            ("x.log", true),
            ("a/b/x.log", true),
            ("sub/x.log", false),
            ("sub/deep/x.log", false),
            ("top", true),
            ("top/inside", true),
            ("a/top", false),
            ("docs/a", true),
            ("docs/a/b", true),
            ("docs/keep", false),
            ("docs", false),
            ("build/x", true),
            ("x/build/y", true),
            ("build", false),
            ("a/z", true),
            ("a/b/c/z", true),
            ("b/z", false),
            ("with space", true),
            ("own", false),
            ("sub/own", true),
            ("sub/x/own", true),
            ("x.txt", false),
        ] {
            assert_eq!(rules.leaves_out(&path.parse().unwrap()), is_left_out, "{path}");
        }
    }
}
