//! Which commits are kept: everything that the kept heads lead to. Pure.
//!
//! A repository stores commits parents first, so a walk from the newest to the oldest meets each commit after all of its
//! children: one pass marks everything, and only what is still to come has to be remembered.

use std::collections::HashSet;

use names::CommitId;

/// One commit in the walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) id: CommitId,
    pub(crate) parents: Vec<CommitId>,
}

/// Marks what is kept.
#[derive(Debug)]
pub(crate) struct Marker {
    wanted: HashSet<CommitId>,
}

impl Marker {
    pub(crate) fn from(heads: impl IntoIterator<Item = CommitId>) -> Self {
        Self { wanted: heads.into_iter().collect() }
    }

    /// Whether the next commit is kept. Commits come each once, and after all of their children.
    pub(crate) fn keeps(&mut self, commit: &Stored, is_kept_anyway: bool) -> bool {
        let is_kept = self.wanted.remove(&commit.id) || is_kept_anyway;
        if is_kept {
            self.wanted.extend(commit.parents.iter().copied());
        }
        is_kept
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// A history: each commit names up to two earlier ones by how far back they are, and may be young.
    type Shape = Vec<(Option<u16>, Option<u16>, bool)>;

    fn id(number: usize) -> CommitId {
        CommitId::of(&number.to_be_bytes())
    }

    fn history(shape: &Shape) -> Vec<Stored> {
        let parent = |number: usize, back: Option<u16>| {
            let back = usize::from(back?) + 1;
            number.checked_sub(back).map(id)
        };
        let commit = |(number, (one, other, _)): (usize, &(Option<u16>, Option<u16>, bool))| {
            let both = [parent(number, *one), parent(number, *other)];
            Stored { id: id(number), parents: both.into_iter().flatten().collect() }
        };
        shape.iter().enumerate().map(commit).collect()
    }

    /// The same, as plainly as it can be said.
    fn plainly(history: &[Stored], heads: &BTreeSet<CommitId>) -> BTreeSet<CommitId> {
        let mut kept = heads.clone();
        loop {
            let before = kept.len();
            for commit in history {
                if kept.contains(&commit.id) {
                    kept.extend(commit.parents.iter().copied());
                }
            }
            if kept.len() == before {
                return kept;
            }
        }
    }

    fn shape() -> impl Strategy<Value = Shape> {
        let commit = (
            proptest::option::of(0..6_u16),
            proptest::option::of(0..20_u16),
            prop::bool::weighted(0.05),
        );
        proptest::collection::vec(commit, 0..40)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        #[test]
        fn one_pass_keeps_what_a_plain_marker_keeps(shape in shape(), chosen in any::<u64>()) {
            let history = history(&shape);
            let heads: BTreeSet<_> = (0..history.len()).filter(|it| it % 7 == 0 && chosen >> (it % 64) & 1 == 1).map(id).collect();
            let young: BTreeSet<_> = shape.iter().enumerate().filter(|(_, it)| it.2).map(|(number, _)| id(number)).collect();
            let mut marker = Marker::from(heads.iter().copied());
            let kept: BTreeSet<_> = history
                .iter()
                .rev()
                .filter(|it| marker.keeps(it, young.contains(&it.id)))
                .map(|it| it.id)
                .collect();
            let all: BTreeSet<_> = heads.union(&young).copied().collect();
            prop_assert_eq!(kept, plainly(&history, &all));
            prop_assert!(marker.wanted.is_empty());
        }
    }
}
