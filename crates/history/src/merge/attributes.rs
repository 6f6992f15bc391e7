//! `.museattributes`: what the user decided beforehand about paths that both sides change (`spec/hub.md` 10).

use names::RepoPath;
use toml_edit::{DocumentMut, Item, TableLike};

use crate::glob::Glob;

/// The file with the rules, at the root.
pub const ATTRIBUTES_FILE: &str = ".museattributes";

/// What is done with a path that both sides changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    /// Lines are merged; what cannot be is a conflict.
    #[default]
    Auto,
    /// Our side is taken.
    Ours,
    /// Their side is taken.
    Theirs,
    /// What both sides began with is taken.
    Base,
    /// Lines of both sides stay, ours first.
    Union,
    /// It is always a conflict.
    Manual,
}

/// Why the rules cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttributesError {
    /// Not TOML, or not UTF-8.
    #[error("{ATTRIBUTES_FILE} is not TOML: {reason}")]
    Syntax {
        /// What the parser says.
        reason: String,
    },
    /// A rule without a path or a strategy that we know.
    #[error("rule {number} of {ATTRIBUTES_FILE}: {reason}")]
    Rule {
        /// Which, from 1.
        number: usize,
        /// What is wrong with it.
        reason: String,
    },
}

/// The rules of one tree.
#[derive(Debug, Clone, Default)]
pub struct Attributes(Vec<Rule>);

#[derive(Debug, Clone)]
struct Rule {
    path: Glob,
    strategy: Strategy,
    priority: i64,
}

impl Attributes {
    /// Reads the rules: `[[rules]]` with `path`, `strategy`, and optional `priority` and `dimension`. A rule for a
    /// dimension other than `*` is about parts of a file, which are not told apart here, and is left out.
    pub fn parse(file: &[u8]) -> Result<Self, AttributesError> {
        let syntax = |reason: String| AttributesError::Syntax { reason };
        let text = std::str::from_utf8(file).map_err(|error| syntax(error.to_string()))?;
        let toml: DocumentMut = text
            .parse()
            .map_err(|error: toml_edit::TomlError| syntax(error.message().to_owned()))?;
        let mut rules = Vec::new();
        let tables = toml.get("rules").and_then(Item::as_array_of_tables).into_iter().flatten();
        for (table, number) in tables.zip(1..) {
            let read = rule(table).map_err(|reason| AttributesError::Rule { number, reason })?;
            rules.extend(read);
        }
        // Stable, so that among equals the first stays the first.
        rules.sort_by_key(|rule: &Rule| std::cmp::Reverse(rule.priority));
        Ok(Self(rules))
    }

    /// What is done with `path`: the first rule that matches, the highest priority first.
    pub fn strategy(&self, path: &RepoPath) -> Strategy {
        let found = self.0.iter().find(|rule| rule.path.matches(path.as_str()));
        found.map_or(Strategy::Auto, |rule| rule.strategy)
    }
}

fn rule(table: &dyn TableLike) -> Result<Option<Rule>, String> {
    let text = |key: &str| table.get(key).and_then(Item::as_str);
    if text("dimension").is_some_and(|dimension| dimension != "*") {
        return Ok(None);
    }
    let path = text("path").ok_or("it has no `path`")?;
    let strategy = match text("strategy") {
        Some("auto") => Strategy::Auto,
        Some("ours") => Strategy::Ours,
        Some("theirs") => Strategy::Theirs,
        Some("base") => Strategy::Base,
        Some("union") => Strategy::Union,
        Some("manual") => Strategy::Manual,
        Some(other) => return Err(format!("`{other}` is no strategy")),
        None => return Err("it has no `strategy`".to_owned()),
    };
    let priority = table.get("priority").and_then(Item::as_integer).unwrap_or_default();
    Ok(Some(Rule { path: Glob::new(path), strategy, priority }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strategy(file: &str, path: &str) -> Strategy {
        Attributes::parse(file.as_bytes()).unwrap().strategy(&path.parse().unwrap())
    }

    #[test]
    fn the_first_rule_by_priority_decides_and_a_star_crosses_slashes() {
        let file = "
            [meta]
            domain = \"code\"
            [[rules]]
            path = \"docs/*\"
            dimension = \"*\"
            strategy = \"union\"
            [[rules]]
            path = \"docs/a/*\"
            strategy = \"ours\"
            priority = 10
            [[rules]]
            path = \"*.mid\"
            dimension = \"notes\"
            strategy = \"theirs\"
            [[rules]]
            path = \"*\"
            strategy = \"manual\"
            priority = -1";
        for (path, expected) in [
            ("docs/x", Strategy::Union),
            ("docs/deep/er/x", Strategy::Union),
            ("docs/a/x", Strategy::Ours),
            ("song.mid", Strategy::Manual),
        ] {
            assert_eq!(strategy(file, path), expected, "{path}");
        }
        assert_eq!(strategy("", "x"), Strategy::Auto);
    }

    #[test]
    fn a_rule_that_cannot_be_meant_is_named() {
        for (file, expected) in [
            (
                "[[rules]]\npath = 'x'\nstrategy = 'yours'",
                "rule 1 of .museattributes: `yours` is no strategy",
            ),
            ("[[rules]]\nstrategy = 'ours'", "rule 1 of .museattributes: it has no `path`"),
            ("[[rules]]\npath = 'x'", "rule 1 of .museattributes: it has no `strategy`"),
        ] {
            assert_eq!(Attributes::parse(file.as_bytes()).unwrap_err().to_string(), expected);
        }
        let error = Attributes::parse(b"[[rules").unwrap_err();
        assert!(matches!(error, AttributesError::Syntax { .. }), "{error}");
    }
}
