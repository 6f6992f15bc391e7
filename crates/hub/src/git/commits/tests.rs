//! The order in which commits are written.

use names::CommitId;
use proptest::prelude::*;

use super::*;

/// Every commit that one leads to, in the order in which they are written.
pub(in crate::git) async fn all_of(packs: &Packs, tip: CommitId) -> Vec<CommitId> {
    let read = read_ahead(packs, vec![tip], usize::MAX).await.unwrap();
    let met = |(id, parents): Found| (id, Met { parents: parents.unwrap(), waits_for: 0 });
    let met = read.into_iter().map(met).collect();
    parents_first(met)
}

fn id(number: usize) -> CommitId {
    CommitId::of(&number.to_be_bytes())
}

proptest! {
    /// Parents come first whatever they are, each commit once, and the same commits always in the same order.
    #[test]
    fn parents_are_written_before_their_children(
        shape in prop::collection::vec(prop::collection::btree_set(0..60_usize, 0..4), 0..60)
    ) {
        let met = || -> HashMap<CommitId, Met> {
            let commit = |(number, back): (usize, &std::collections::BTreeSet<usize>)| {
                // Some of them are held already.
                let parents = back.iter().map(|it| match number.checked_sub(it + 1) {
                    Some(parent) => id(parent),
                    None => id(1_000 + it),
                });
                (id(number), Met { parents: parents.collect(), waits_for: 0 })
            };
            shape.iter().enumerate().map(commit).collect()
        };
        let order = parents_first(met());
        prop_assert_eq!(&order, &parents_first(met()));
        prop_assert_eq!(order.len(), shape.len());
        let mut seen = HashSet::new();
        let all = met();
        for id in &order {
            let of = &all[id].parents;
            prop_assert!(of.iter().all(|it| seen.contains(it) || !all.contains_key(it)));
            prop_assert!(seen.insert(*id));
        }
    }
}
