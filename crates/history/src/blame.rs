//! Who last changed each line of a file: the part that compares (`spec/hub.md` 3, `blame`).
//!
//! Whoever walks a history begins with one claim for each line of the newest version, and asks of each version what its
//! parents had already: those claims go on to the parent, the rest are this version's own.

use imara_diff::{Algorithm, Diff, InternedInput};

/// A line whose origin is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Its number in the version that is asked about, from 0.
    pub line: u32,
    /// Its number in the version that it was followed to, from 0.
    pub here: u32,
}

/// What became of claims between two versions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parted {
    /// Those whose line the older version has, with their number in it.
    pub older: Vec<Claim>,
    /// Those whose line came with the newer version.
    pub newer: Vec<Claim>,
}

/// One claim for each line of `text`.
pub fn claims(text: &str) -> Vec<Claim> {
    (0..).zip(text.lines()).map(|(line, _)| Claim { line, here: line }).collect()
}

/// Parts `claims` on lines of `newer` by what `older` has. They are in ascending order of `here`, as they come out.
pub fn part(claims: Vec<Claim>, older: &str, newer: &str) -> Parted {
    if older == newer {
        return Parted { older: claims, newer: Vec::new() };
    }
    let input = InternedInput::new(older, newer);
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    let mut hunks = diff.hunks().peekable();
    let mut parted = Parted::default();
    // How far a line of the newer version stands from the same line of the older one: the lines that came before it,
    // less those that went.
    let (mut came, mut went) = (0, 0);
    for claim in claims {
        while let Some(hunk) = hunks.next_if(|hunk| hunk.after.end <= claim.here) {
            came += hunk.after.end - hunk.after.start;
            went += hunk.before.end - hunk.before.start;
        }
        if hunks.peek().is_some_and(|hunk| hunk.after.contains(&claim.here)) {
            parted.newer.push(claim);
        } else {
            parted.older.push(Claim { here: claim.here + went - came, ..claim });
        }
    }
    parted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(claims: &[Claim]) -> Vec<(u32, u32)> {
        claims.iter().map(|claim| (claim.line, claim.here)).collect()
    }

    #[test]
    fn a_line_that_stayed_is_followed_to_where_it_was() {
        let (older, newer) = ("a\nb\nc\nd\n", "x\na\nc\ny\nd\n");
        let parted = part(claims(newer), older, newer);
        assert_eq!(lines(&parted.older), [(1, 0), (2, 2), (4, 3)]);
        assert_eq!(lines(&parted.newer), [(0, 0), (3, 3)]);
    }

    #[test]
    fn what_is_claimed_already_is_looked_at_alone() {
        let (older, newer) = ("a\nb\nc\n", "b\nc\nz\n");
        let some = vec![Claim { line: 7, here: 1 }, Claim { line: 9, here: 2 }];
        let parted = part(some, older, newer);
        assert_eq!(lines(&parted.older), [(7, 2)]);
        assert_eq!(lines(&parted.newer), [(9, 2)]);
    }

    #[test]
    fn a_last_line_without_its_line_feed_is_another_line() {
        let parted = part(claims("a\nb"), "a\nb\n", "a\nb");
        assert_eq!(lines(&parted.older), [(0, 0)]);
        assert_eq!(lines(&parted.newer), [(1, 1)]);
    }

    #[test]
    fn an_empty_version_has_no_lines() {
        assert!(claims("").is_empty());
        let parted = part(claims("a\n"), "", "a\n");
        assert_eq!((parted.older.len(), parted.newer.len()), (0, 1));
    }

    fn text() -> impl Strategy<Value = String> {
        proptest::collection::vec("[abc]\n", 0..30).prop_map(|lines| lines.concat())
    }

    proptest! {
        #[test]
        fn every_claim_goes_one_way_and_what_goes_on_is_the_same_line(older in text(), newer in text()) {
            let parted = part(claims(&newer), &older, &newer);
            let (old, new): (Vec<_>, Vec<_>) = (older.lines().collect(), newer.lines().collect());
            prop_assert_eq!(parted.older.len() + parted.newer.len(), new.len());
            for claim in &parted.older {
                prop_assert_eq!(old[claim.here as usize], new[claim.line as usize]);
            }
            prop_assert!(parted.older.is_sorted_by_key(|claim| claim.here));
        }
    }
}
