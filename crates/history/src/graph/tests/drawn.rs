//! The picture of the graph.

use proptest::prelude::*;

use super::{
    super::*,
    histories::{History, made},
};

/// The rows of a history, drawn in pages.
fn drawn(history: &History, graph: &Graph, page: usize) -> Vec<Row> {
    let head = Position(graph.len() - 1);
    let heads = vec![LaneHead { at: head, colour: 200 }];
    let (mut frontier, mut state) =
        (Frontier { wanted: vec![head], hidden: Vec::new() }, LanesState::default());
    let mut rows = Vec::new();
    while !frontier.wanted.is_empty() {
        let mut walk = Walk::new(graph, &frontier).unwrap();
        let mut lanes = Lanes::new(graph, state, heads.clone());
        for _ in 0..page {
            let Some((at, _)) = walk.step().unwrap() else { break };
            rows.push(lanes.place(at, walk.peek().unwrap()).unwrap());
        }
        (frontier, state) = (walk.frontier(), lanes.state().clone());
    }
    assert!(rows.len() <= history.commits.len());
    rows
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_page_goes_on_where_the_one_before_it_ended(made in made(), page in 1..7_usize) {
        let history = History::of(&made);
        let graph = history.graph(&[]);
        prop_assert_eq!(drawn(&history, &graph, page), drawn(&history, &graph, usize::MAX));
    }

    #[test]
    fn lines_lead_from_each_commit_to_its_parents(made in made()) {
        let history = History::of(&made);
        let graph = history.graph(&[]);
        let rows = drawn(&history, &graph, usize::MAX);
        for (above, row) in rows.iter().enumerate() {
            // Follow every line that leaves the commit down to a commit that stands on its end.
            let mut ends = std::collections::BTreeSet::new();
            let mut lanes: std::collections::BTreeSet<_> = row.edges.iter().filter(|it| it.from == row.lane).map(|it| it.to).collect();
            for below in &rows[above + 1..] {
                if lanes.remove(&below.lane) {
                    ends.insert(below.at);
                }
                lanes = below.edges.iter().filter(|it| it.from != below.lane && lanes.contains(&it.from)).map(|it| it.to).collect();
            }
            let parents: std::collections::BTreeSet<_> = history.parents(row.at).collect();
            prop_assert!(ends.is_superset(&parents), "{:?} of {:?}", ends, parents);
        }
        let last = rows.last().unwrap();
        prop_assert!(last.edges.is_empty() || last.edges.iter().all(|it| it.from != last.lane));
    }

    #[test]
    fn a_colour_stays_along_the_first_parents(made in made()) {
        let history = History::of(&made);
        let graph = history.graph(&[]);
        let rows = drawn(&history, &graph, usize::MAX);
        prop_assert_eq!(rows[0].colour, 200);
        prop_assert_eq!(rows[0].lane, 0);
    }
}
