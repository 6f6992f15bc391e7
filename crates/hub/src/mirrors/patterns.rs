//! Which refs a mirror is about: names below `refs/heads/` and `refs/tags/`, with one star at most. Pure.

use std::{fmt, str::FromStr};

/// How many a mirror has at most, and how long each is.
const MOST: usize = 20;
const LONGEST: usize = 255;

/// Some patterns; at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Patterns(Vec<String>);

impl Patterns {
    /// Branches, tags, or both; both where neither is said.
    pub(crate) fn of(branches: bool, tags: bool) -> Self {
        let all = [(branches || !tags, "refs/heads/*"), (tags || !branches, "refs/tags/*")];
        Self(all.into_iter().filter(|it| it.0).map(|(_, it)| it.to_owned()).collect())
    }

    /// The patterns that are said; all branches and tags where none is.
    pub(crate) fn parse<'a>(words: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let mut found: Vec<String> = words.map(str::to_owned).collect();
        found.dedup();
        if found.is_empty() {
            return Ok(Self::of(true, true));
        }
        if found.len() > MOST {
            return Err(format!("a mirror has at most {MOST} patterns"));
        }
        match found.iter().find(|it| !is_pattern(it)) {
            None => Ok(Self(found)),
            Some(bad) => Err(format!(
                "`{bad}` is no pattern: refs/heads/NAME or refs/tags/NAME, with one * at most"
            )),
        }
    }

    /// Each of them.
    pub(crate) fn words(&self) -> &[String] {
        &self.0
    }

    /// Whether a ref is meant.
    pub(crate) fn match_name(&self, name: &str) -> bool {
        self.0.iter().any(|it| fits(it, name))
    }

    /// The same for Git, that what is there is put where it is called the same. A name without a star has to be there.
    pub(crate) fn refspecs(&self, is_there: impl Fn(&str) -> bool) -> Vec<String> {
        let meant = self.0.iter().filter(|it| it.contains('*') || is_there(it));
        meant.map(|it| format!("+{it}:{it}")).collect()
    }
}

impl fmt::Display for Patterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

impl FromStr for Patterns {
    type Err = String;

    /// As they stand in a row and in a field, with spaces between.
    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text.split_ascii_whitespace())
    }
}

fn is_pattern(text: &str) -> bool {
    let below = ["refs/heads/", "refs/tags/"].iter().find_map(|it| text.strip_prefix(it));
    let is_plain = |it: u8| it.is_ascii_alphanumeric() || b"_.-/*".contains(&it);
    below.is_some_and(|rest| {
        !rest.is_empty()
            && text.len() <= LONGEST
            && rest.bytes().all(is_plain)
            && rest.matches('*').count() <= 1
            && !rest.contains("..")
            && !rest.split('/').any(|it| it.is_empty() || it.starts_with('.'))
            && rest.strip_suffix(".lock").is_none()
    })
}

fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => name
            .strip_prefix(before)
            .and_then(|it| it.strip_suffix(after))
            .is_some_and(|it| !it.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_name_with_a_star_at_most() {
        for good in ["refs/heads/*", "refs/tags/v*", "refs/heads/main", "refs/heads/a/*/b", ""] {
            assert!(good.parse::<Patterns>().is_ok(), "{good}");
        }
        for bad in [
            "refs/*",
            "refs/pull/*",
            "main",
            "refs/heads/",
            "refs/heads/*/*",
            "refs/heads/a b:c",
            "refs/heads/../x",
            "+refs/heads/*",
            "refs/heads/a:refs/heads/b",
            "refs/heads/a.lock",
            "refs/heads//a",
        ] {
            assert!(bad.parse::<Patterns>().is_err(), "{bad}");
        }
        assert!("refs/heads/a ".repeat(2).parse::<Patterns>().unwrap().words().len() == 1);
        let many: Vec<_> = (0..=MOST).map(|it| format!("refs/heads/{it}")).collect();
        let many = many.join(" ");
        assert!(many.parse::<Patterns>().is_err());
    }

    #[test]
    fn names_are_those_of_the_pattern() {
        let some: Patterns = "refs/heads/main refs/tags/v*".parse().unwrap();
        for (name, is_meant) in [
            ("refs/heads/main", true),
            ("refs/heads/main2", false),
            ("refs/tags/v1", true),
            ("refs/tags/v", false),
            ("refs/tags/w1", false),
        ] {
            assert_eq!(some.match_name(name), is_meant, "{name}");
        }
        let specs = some.refspecs(|_| false);
        assert_eq!(specs, ["+refs/tags/v*:refs/tags/v*"]);
        assert_eq!(Patterns::of(true, false).to_string(), "refs/heads/*");
        assert_eq!(Patterns::of(false, false), Patterns::of(true, true));
    }
}
