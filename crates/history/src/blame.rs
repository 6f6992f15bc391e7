//! Who last changed each line of a file: what compares, and what is known on the way (`spec/hub.md` 3, `blame`).
//!
//! Whoever walks a history begins with one claim for each line of the newest version, and asks of each version what its
//! parents had already: those claims go on to the parent, the rest are this version's own. [`Walk`] keeps which versions
//! have yet to be asked; reading commits and files is for whoever drives it.

use std::{collections::BTreeMap, sync::Arc};

use imara_diff::{Algorithm, Diff, InternedInput};
use names::{CommitId, ObjectId, RepoPath};

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
    part_by(claims, older, newer, false)
}

/// The same for a commit that is not to be blamed, such as one that only moved blanks: a line that it changed is taken for
/// the line that stood at its place among those that it replaced. What has no such line stays.
pub fn part_through(claims: Vec<Claim>, older: &str, newer: &str) -> Parted {
    part_by(claims, older, newer, true)
}

fn part_by(claims: Vec<Claim>, older: &str, newer: &str, goes_through: bool) -> Parted {
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
        match hunks.peek() {
            Some(hunk) if hunk.after.contains(&claim.here) => {
                let instead = hunk.before.start + (claim.here - hunk.after.start);
                if goes_through && instead < hunk.before.end {
                    parted.older.push(Claim { here: instead, ..claim });
                } else {
                    parted.newer.push(claim);
                }
            }
            _ => parted.older.push(Claim { here: claim.here + went - came, ..claim }),
        }
    }
    parted
}

/// A version of the file: where its commit stands in the history, the commit, and the path in it. The greatest is asked
/// first, so an order in which children are greater asks each version once, with all lines that lead to it.
pub type Place<Order> = (Order, CommitId, RepoPath);

/// A version that is asked now.
#[derive(Debug)]
pub struct Version {
    /// Its commit.
    pub commit: CommitId,
    /// Where the file is in it.
    pub path: RepoPath,
    /// What the file holds.
    pub object: ObjectId,
    /// The same as text.
    pub text: Arc<str>,
    /// The lines that lead here and that no parent has had yet, in ascending order of `here`.
    pub claims: Vec<Claim>,
    /// The first parent that has the file, and where; for whoever drives the walk to fill in.
    pub before: Option<(CommitId, RepoPath)>,
}

/// Where lines came from.
#[derive(Debug, PartialEq, Eq)]
pub struct Origin {
    /// The commit that they came with, or that they were followed to.
    pub commit: CommitId,
    /// Where the file was then.
    pub path: RepoPath,
    /// The file in the first parent that has it.
    pub before: Option<(CommitId, RepoPath)>,
    /// Whether the commit is where they came from; else they are older, and the walk ended here.
    pub is_settled: bool,
}

/// The lines that lead to a version that has not been asked yet.
#[derive(Debug, Clone)]
struct Waiting {
    claims: Vec<Claim>,
    object: ObjectId,
    text: Arc<str>,
}

/// Which versions have yet to be asked, and what is known of lines.
#[derive(Debug, Clone)]
pub struct Walk<Order> {
    waiting: BTreeMap<Place<Order>, Waiting>,
    settled: Vec<(Claim, Arc<Origin>)>,
}

impl<Order: Ord> Walk<Order> {
    /// Begins at the newest version.
    pub fn new(place: Place<Order>, object: ObjectId, text: Arc<str>, claims: Vec<Claim>) -> Self {
        let mut walk = Self { waiting: BTreeMap::new(), settled: Vec::new() };
        walk.follow(place, object, text, claims);
        walk
    }

    /// The version to ask now: the greatest one. None when every line is settled.
    pub fn next_version(&mut self) -> Option<Version> {
        let ((_, commit, path), Waiting { claims, object, text }) = self.waiting.pop_last()?;
        Some(Version { commit, path, object, text, claims, before: None })
    }

    /// Lets lines go on to an older version. Lines from several sides may lead to one.
    pub fn follow(
        &mut self,
        place: Place<Order>,
        object: ObjectId,
        text: Arc<str>,
        claims: Vec<Claim>,
    ) {
        if claims.is_empty() {
            return;
        }
        let fresh = || Waiting { claims: Vec::new(), object, text };
        let version = self.waiting.entry(place).or_insert_with(fresh);
        version.claims.extend(claims);
        version.claims.sort_unstable_by_key(|claim| claim.here);
    }

    /// The lines that are left of `version` came with it.
    pub fn settle(&mut self, version: Version) {
        let Version { commit, path, claims, before, object: _, text: _ } = version;
        let origin = Arc::new(Origin { commit, path, before, is_settled: true });
        self.settled.extend(claims.into_iter().map(|claim| (claim, Arc::clone(&origin))));
    }

    /// Every line with what is known of it, from top to bottom. Those that were still on their way are older than the
    /// commit that they were followed to.
    pub fn end(mut self) -> Vec<(Claim, Arc<Origin>)> {
        for ((_, commit, path), version) in self.waiting {
            let before = Some((commit, path.clone()));
            let origin = Arc::new(Origin { commit, path, before, is_settled: false });
            let left = version.claims.into_iter();
            self.settled.extend(left.map(|claim| (claim, Arc::clone(&origin))));
        }
        self.settled.sort_unstable_by_key(|(claim, _)| claim.line);
        self.settled
    }
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
    fn a_commit_that_is_not_blamed_hands_its_lines_on() {
        let (older, newer) = ("a\nb\nc\n", "a\n B\n B2\nc\n");
        let parted = part_through(claims(newer), older, newer);
        assert_eq!(lines(&parted.older), [(0, 0), (1, 1), (3, 2)]);
        assert_eq!(lines(&parted.newer), [(2, 2)]);
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
