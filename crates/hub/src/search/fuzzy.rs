//! Paths by some of their characters, in their order: how files are found by name. Pure.

/// Whether `wanted` stands in `of`, character by character in this order, with anything in between.
pub(crate) fn is_subsequence(wanted: &str, of: &str) -> bool {
    let mut rest = of.chars();
    wanted.chars().all(|c| rest.any(|it| it == c))
}

/// Where a path stands among those that fit: the name itself, its beginning, together in the name, together in the
/// path, scattered in the name, scattered; then short before long. All in lower case.
pub(crate) fn rank<'a>(path: &str, wanted: impl Iterator<Item = &'a str>) -> (usize, usize) {
    let path = path.to_lowercase();
    let name = path.rsplit('/').next().unwrap_or_default();
    let one = |it: &str| match () {
        () if name == it || name.split('.').next() == Some(it) => 0,
        () if name.starts_with(it) => 1,
        () if name.contains(it) => 2,
        () if path.contains(it) => 3,
        () if is_subsequence(it, name) => 4,
        () => 5,
    };
    (wanted.map(one).sum(), path.len())
}

/// Paths as one text: a line each, with the number of leading parts that are those of the line before.
pub(crate) fn packed<'a>(paths: impl Iterator<Item = &'a str>) -> String {
    let (mut text, mut before) = (String::new(), "");
    for path in paths {
        let parts = path.split('/');
        // The last part is never shared: it is the file.
        let directories = parts.clone().count().saturating_sub(1);
        let shared =
            parts.zip(before.split('/')).take(directories).take_while(|(a, b)| a == b).count();
        let rest = path.splitn(shared + 1, '/').last().unwrap_or_default();
        text.push_str(&format!("{shared}/{rest}\n"));
        before = path;
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unpacked(text: &str) -> Vec<String> {
        let (mut paths, mut before) = (Vec::new(), String::new());
        for line in text.lines() {
            let (shared, rest) = line.split_once('/').unwrap();
            let kept = before.split('/').take(shared.parse().unwrap()).chain([rest]);
            before = kept.collect::<Vec<_>>().join("/");
            paths.push(before.clone());
        }
        paths
    }

    #[test]
    fn characters_in_their_order() {
        assert!(is_subsequence("tbk", "src/tide_book.rs") && !is_subsequence("kbt", "tide_book"));
        let mut paths = ["a/tide/x.rs", "t/i/d/e.rs", "src/tide.rs", "src/tides.rs"];
        paths.sort_by_key(|it| rank(it, std::iter::once("tide")));
        assert_eq!(paths, ["src/tide.rs", "src/tides.rs", "a/tide/x.rs", "t/i/d/e.rs"]);
    }

    #[test]
    fn directories_are_said_once() {
        let text = packed(["a.rs", "src/a/b.rs", "src/a/c.rs", "src/d.rs"].into_iter());
        assert_eq!(text, "0/a.rs\n0/src/a/b.rs\n2/c.rs\n1/d.rs\n");
    }

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(paths in prop::collection::vec("[ab]{1,2}(/[ab0]{1,2}){0,3}", 0..20)) {
            let text = packed(paths.iter().map(String::as_str));
            prop_assert_eq!(unpacked(&text), paths);
        }
    }
}
