//! What changed a path, and what changed each entry of a directory last (`spec/hub.md` 13, H50).

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{
    super::*,
    histories::{History, made},
};

/// The commits that changed a path, as git tells them: where a parent has the same, only that parent is followed.
fn plain_log(history: &History, from: Position, path: &str) -> Vec<Position> {
    let (mut found, mut seen, mut waiting) = (BTreeSet::new(), BTreeSet::new(), vec![from]);
    while let Some(at) = waiting.pop() {
        if !seen.insert(at) {
            continue;
        }
        let own = history.state(at, path);
        let same = history.parents(at).find(|parent| history.state(*parent, path) == own);
        if let Some(parent) = same {
            waiting.push(parent);
            continue;
        }
        waiting.extend(history.parents(at));
        if own.is_some() || history.parents(at).next().is_some() {
            found.insert(at);
        }
    }
    history.sorted(found)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_last_commit_of_every_entry_is_that_of_a_plain_walk(made in made(), layers in prop::collection::vec(0..20_usize, 0..3), early in any::<prop::sample::Index>()) {
        let history = History::of(&made);
        let graph = history.graph(&layers);
        let head = Position(graph.len() - 1);
        let early = Position(u32::try_from(early.index(made.len())).unwrap());
        for dir in [None, Some("src"), Some("src/deep"), Some("src/deep/er"), Some("docs"), Some("docs/src")] {
            let dir = dir.map(|it| it.parse().unwrap());
            // What was found for an earlier commit is remembered when a later one asks.
            let mut memos = BTreeMap::new();
            for at in [early, head] {
                let Some(node) = history.node(at, dir.as_ref()) else { continue };
                let mut budget = Budget::steps(u64::MAX);
                let found = last_commits((&graph, &history), (at, dir.as_ref(), &node), &memos, &mut budget).unwrap();
                prop_assert!(found.is_complete);
                let mut memo = Memo::new();
                for (entry, found) in node.entries().iter().zip(&found.found) {
                    let path = dir.as_ref().map_or_else(|| entry.name.to_string(), |dir| format!("{dir}/{}", entry.name));
                    prop_assert_eq!(*found, Some(history.last(at, &path)), "{} at {:?}", path, at);
                    memo.insert(entry.name.clone(), found.unwrap());
                }
                memos.insert(at, memo);
                let spent = &mut Budget::steps(0);
                let again = last_commits((&graph, &history), (at, dir.as_ref(), &node), &memos, spent).unwrap();
                prop_assert_eq!(again, found, "from memory");
            }
        }
    }

    #[test]
    fn the_log_of_a_path_is_that_of_a_plain_walk(made in made(), layers in prop::collection::vec(0..20_usize, 0..3), budget in 1..200_u64) {
        let history = History::of(&made);
        let graph = history.graph(&layers);
        let head = Position(graph.len() - 1);
        for path in ["a", "src", "src/deep/a", "docs", "docs/src/a", "nowhere"] {
            let (mut found, mut from) = (Vec::new(), vec![head]);
            while !from.is_empty() {
                let mut log = PathLog::new(&graph, path.parse().unwrap(), &from).unwrap();
                let mut budget = Budget::steps(budget);
                while let Some(at) = log.step(&history, &mut budget).unwrap() {
                    found.push(at);
                }
                from = log.frontier();
                prop_assert_eq!(log.is_over(), from.is_empty());
            }
            prop_assert_eq!(found, plain_log(&history, head, path), "{}", path);
        }
    }
}

#[test]
fn what_a_budget_does_not_reach_is_left_open() {
    let made = proptest::strategy::ValueTree::current(
        &made().new_tree(&mut proptest::test_runner::TestRunner::deterministic()).unwrap(),
    );
    let history = History::of(&made);
    let graph = history.graph(&[]);
    let at = Position(graph.len() - 1);
    let node = history.node(at, None).unwrap();
    let spent = &mut Budget::steps(0);
    let found =
        last_commits((&graph, &history), (at, None, &node), &BTreeMap::new(), spent).unwrap();
    assert!(!found.is_complete && found.found.iter().all(Option::is_none));
}
