//! What narrows a subscription beside its events: branches, labels, actors (`spec/webhooks.md` 1). Pure.
//!
//! Each list narrows the events that have such a thing: a list of branches leaves an issue alone, and a list of labels
//! leaves a push alone. Everything has an actor but what the install does by itself, which a list of actors keeps out.

use names::Handle;
use serde::{Deserialize, Serialize};

/// Entries of one list.
const MOST: usize = 100;
/// Bytes of a branch pattern or of a label.
const LONGEST: usize = 255;

/// The lists as they are sent and stored.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Patterns of branch names: `*` stands for anything but a slash, `**` for anything, `?` for one character.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub branches: Vec<String>,
    /// Names of labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Handles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actors: Vec<String>,
}

/// What a filter looks at of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traits<'a> {
    /// The branch that it is about, if it is about one.
    pub branch: Option<&'a str>,
    /// The labels of what it is about, if that can have any.
    pub labels: Option<&'a [String]>,
    /// Whoever did it.
    pub actor: Option<&'a str>,
}

impl Filter {
    /// Whether the lists can be: a sentence if not.
    pub fn check(&self) -> Result<(), String> {
        for (name, list) in
            [("branches", &self.branches), ("labels", &self.labels), ("actors", &self.actors)]
        {
            if list.len() > MOST {
                return Err(format!("a filter names at most {MOST} {name}"));
            }
            let is_bad =
                |it: &&String| it.is_empty() || it.len() > LONGEST || it.contains(char::is_control);
            if list.iter().any(|it| is_bad(&it)) {
                return Err(format!("each of the {name} is 1 to {LONGEST} bytes of one line"));
            }
        }
        match self.actors.iter().find(|it| it.parse::<Handle>().is_err()) {
            Some(bad) => Err(format!("`{bad}` is no handle")),
            None => Ok(()),
        }
    }

    /// Whether it holds nothing back.
    pub fn is_empty(&self) -> bool {
        self.branches.is_empty() && self.labels.is_empty() && self.actors.is_empty()
    }

    /// Whether an event passes.
    pub fn passes(&self, traits: Traits<'_>) -> bool {
        let branch = self.branches.is_empty()
            || traits.branch.is_none_or(|name| self.branches.iter().any(|it| fits(it, name)));
        let labels = self.labels.is_empty()
            || traits.labels.is_none_or(|has| has.iter().any(|it| self.labels.contains(it)));
        let actor = self.actors.is_empty()
            || traits
                .actor
                .is_some_and(|name| self.actors.iter().any(|it| it.eq_ignore_ascii_case(name)));
        branch && labels && actor
    }
}

/// Whether a name fits a pattern. Each pair of positions is looked at once, so that no pattern takes long.
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    // The positions in the name up to which what was read of the pattern can reach.
    let mut reached = vec![false; name.len() + 1];
    if let Some(first) = reached.first_mut() {
        *first = true;
    }
    let mut rest = pattern.as_slice();
    while let [first, after @ ..] = rest {
        let (crosses, next) = match (first, after) {
            ('*', ['*', after @ ..]) => (Some(true), after),
            ('*', after) => (Some(false), after),
            (_, after) => (None, after),
        };
        reached = match crosses {
            Some(crosses) => spread(&reached, &name, crosses),
            None => step(&reached, &name, *first),
        };
        rest = next;
    }
    reached.last().copied().unwrap_or_default()
}

/// From each position to all behind it, as far as no slash is in the way.
fn spread(reached: &[bool], name: &[char], crosses: bool) -> Vec<bool> {
    let mut is_on = false;
    let before = std::iter::once(None).chain(name.iter().map(Some));
    let carried = reached.iter().zip(before).map(|(here, passed)| {
        let is_stopped = !crosses && passed == Some(&'/');
        is_on = *here || (is_on && !is_stopped);
        is_on
    });
    carried.collect()
}

/// From each position over one character.
fn step(reached: &[bool], name: &[char], wanted: char) -> Vec<bool> {
    let fits = |it: &char| *it == wanted || (wanted == '?' && *it != '/');
    let moved = reached.iter().zip(name).map(|(here, it)| *here && fits(it));
    std::iter::once(false).chain(moved).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_pattern_fits_the_whole_name() {
        for (pattern, name, expected) in [
            ("main", "main", true),
            ("main", "maint", false),
            ("release/*", "release/1.0", true),
            ("release/*", "release/1/0", false),
            ("release/**", "release/1/0", true),
            ("**", "a/b/c", true),
            ("*", "a/b", false),
            ("*", "", true),
            ("v?.x", "v1.x", true),
            ("v?.x", "v/.x", false),
            ("*-fix", "a-fix-fix", true),
            ("feat/*/x", "feat/ä/x", true),
            ("", "", true),
            ("", "a", false),
            ("a**b", "a/x/b", true),
            ("***", "a/b", true),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_list_narrows_what_has_such_a_thing() {
        let list = |it: &str| vec![it.to_owned()];
        let filter = Filter { branches: list("main"), labels: list("bug"), actors: list("Ada") };
        let bug = list("bug");
        let by = |it| Traits { actor: Some(it), ..Traits::default() };
        assert!(filter.passes(by("ada")));
        assert!(!filter.passes(by("eve")));
        assert!(!filter.passes(Traits::default()));
        assert!(filter.passes(Traits { branch: Some("main"), ..by("ada") }));
        assert!(!filter.passes(Traits { branch: Some("next"), ..by("ada") }));
        assert!(filter.passes(Traits { labels: Some(&bug), ..by("ada") }));
        assert!(!filter.passes(Traits { labels: Some(&[]), ..by("ada") }));
        assert!(Filter::default().passes(Traits::default()));
    }

    #[test]
    fn lists_are_bounded() {
        let of = |list: Vec<String>| Filter { labels: list, ..Filter::default() };
        assert!(of(vec!["bug".to_owned(); 100]).check().is_ok());
        for bad in [vec!["bug".to_owned(); 101], vec![String::new()], vec!["a".repeat(256)]] {
            assert!(of(bad).check().is_err());
        }
        let actors = |it: &str| Filter { actors: vec![it.to_owned()], ..Filter::default() };
        assert!(actors("ada").check().is_ok());
        assert!(actors("a da").check().is_err());
    }

    proptest! {
        #[test]
        fn a_name_fits_itself_and_what_has_a_hole_in_it(name in "[a-z/]{0,20}", at in 0_usize..20) {
            prop_assert!(fits(&name, &name));
            let (head, tail) = name.split_at(at.min(name.len()));
            let pattern = format!("{head}**");
            prop_assert!(fits(&pattern, &name));
            let hole = format!("**{tail}");
            prop_assert!(fits(&hole, &name));
        }

        #[test]
        fn no_pattern_takes_long(stars in 1_usize..120) {
            let pattern = "*a".repeat(stars) + "b";
            prop_assert!(!fits(&pattern, &"a".repeat(250)));
        }
    }
}
