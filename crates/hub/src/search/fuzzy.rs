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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_in_their_order() {
        assert!(is_subsequence("tbk", "src/tide_book.rs") && !is_subsequence("kbt", "tide_book"));
        let mut paths = ["a/tide/x.rs", "t/i/d/e.rs", "src/tide.rs", "src/tides.rs"];
        paths.sort_by_key(|it| rank(it, std::iter::once("tide")));
        assert_eq!(paths, ["src/tide.rs", "src/tides.rs", "a/tide/x.rs", "t/i/d/e.rs"]);
    }
}
