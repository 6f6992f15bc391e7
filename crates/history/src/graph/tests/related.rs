//! Walks, ancestry, bases, ahead and behind.

use std::collections::BTreeSet;

use names::CommitId;
use proptest::prelude::*;

use super::{
    super::*,
    histories::{History, made},
};
use crate::Parents;

/// Two commits of a history.
fn two(
    history: &History,
    seeds: (prop::sample::Index, prop::sample::Index),
) -> (Position, Position) {
    let at = |seed: prop::sample::Index| {
        Position(u32::try_from(seed.index(history.commits.len())).unwrap())
    };
    (at(seeds.0), at(seeds.1))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn relations_are_those_of_plain_walking(made in made(), layers in prop::collection::vec(0..20_usize, 0..3), a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>()) {
        let history = History::of(&made);
        let graph = history.graph(&layers);
        let (a, b) = two(&history, (a, b));
        let (of_a, of_b) = (history.reached(a), history.reached(b));
        prop_assert_eq!(graph.is_ancestor(a, &[b]).unwrap(), of_b.contains(&a));
        prop_assert_eq!(graph.is_ancestor(b, &[a, b]).unwrap(), true);
        let all: Vec<_> = history.positions().collect();
        let leading: Vec<_> = all.iter().map(|tip| history.reached(*tip).contains(&a)).collect();
        prop_assert_eq!(graph.leading_to(a, &all, usize::MAX).unwrap(), Some(leading));
        if graph.link(a).unwrap().generation < graph.link(b).unwrap().generation {
            prop_assert_eq!(graph.leading_to(a, &[b], 0).unwrap(), None);
        }
        let apart = graph.ahead_behind(a, b, usize::MAX).unwrap().unwrap();
        prop_assert_eq!(apart.ahead, of_a.difference(&of_b).count() as u64);
        prop_assert_eq!(apart.behind, of_b.difference(&of_a).count() as u64);
        if apart.ahead + apart.behind > 0 {
            prop_assert_eq!(graph.ahead_behind(a, b, 0).unwrap(), None);
        }
        // Of what both lead to, that to which nothing else of it leads.
        let common: BTreeSet<_> = of_a.intersection(&of_b).copied().collect();
        let below = common.iter().flat_map(|at| history.parents(*at));
        let below: BTreeSet<_> = below.flat_map(|at| history.reached(at)).collect();
        let plain: BTreeSet<_> = common.difference(&below).copied().collect();
        let bases: BTreeSet<_> = graph.merge_bases(a, b).unwrap().into_iter().collect();
        prop_assert_eq!(bases, plain);
        if history.commits.iter().all(|it| it.more.is_empty()) {
            let parents = |id: &CommitId| {
                let at = graph.find(id).unwrap()?;
                let both = history.link(at).parents.map(|it| it.map(|it| graph.id(it).unwrap()));
                Some(Parents::new(both[0], both[1]))
            };
            let of_ids = crate::merge_bases(graph.id(a).unwrap(), graph.id(b).unwrap(), parents);
            let mut bases = graph.ids(&graph.merge_bases(a, b).unwrap()).unwrap();
            bases.sort_unstable();
            prop_assert_eq!(bases, of_ids);
        }
        let reach = Reach::of(&graph, &[a]).unwrap();
        prop_assert!(history.positions().all(|at| reach.has(at) == of_a.contains(&at)));
        prop_assert_eq!(reach.count(), of_a.len() as u64);
        let reached: Vec<_> = history.positions().filter(|at| reach.has(*at)).collect();
        prop_assert_eq!(reach.positions().collect::<Vec<_>>(), reached);
        let both = reach.and(&graph, &[b]).unwrap();
        prop_assert_eq!(both, Reach::of(&graph, &[b, a]).unwrap());
    }

    #[test]
    fn a_walk_is_in_order_and_goes_on_where_it_stopped(made in made(), layers in prop::collection::vec(0..20_usize, 0..3), a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>(), page in 1..9_usize) {
        let history = History::of(&made);
        let graph = history.graph(&layers);
        let (a, b) = two(&history, (a, b));
        let (of_a, of_b) = (history.reached(a), history.reached(b));
        let whole = history.sorted(of_a.clone());
        prop_assert_eq!(Walk::from(&graph, a).unwrap().take(usize::MAX).unwrap(), whole);
        let lacking: BTreeSet<_> = of_a.difference(&of_b).copied().collect();
        let mut frontier = Frontier { wanted: vec![a], hidden: vec![b] };
        let mut found = Vec::new();
        loop {
            let mut walk = Walk::new(&graph, &frontier).unwrap();
            let peeked = walk.peek().unwrap();
            let some = walk.take(page).unwrap();
            prop_assert_eq!(peeked, some.first().copied());
            if some.is_empty() {
                break;
            }
            found.extend(some);
            frontier = walk.frontier();
        }
        prop_assert_eq!(found, history.sorted(lacking));
    }
}
