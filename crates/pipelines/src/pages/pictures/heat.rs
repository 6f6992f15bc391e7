//! One fan-out as cells: a cell an element, or so many elements that there are at most two thousand cells.

use std::collections::BTreeMap;

use super::{in_order, look_of};

/// Cells of one picture, at most.
pub(in crate::pages) const CELLS: u64 = 2_000;
/// Cells in a row.
const COLUMNS: u64 = 50;
/// The side of a cell with what lies around it.
const SIDE: u64 = 14;

/// How many elements share a cell, if there are so many.
pub(in crate::pages) const fn width_of(elements: u64) -> u64 {
    let width = elements.div_ceil(CELLS);
    if width == 0 { 1 } else { width }
}

/// So many tasks of a cell are in a state.
#[derive(Debug, Clone)]
pub(in crate::pages) struct Count {
    /// The cell, from 0 on.
    pub(in crate::pages) cell: u64,
    /// The state.
    pub(in crate::pages) state: String,
    /// How many.
    pub(in crate::pages) number: u64,
}

/// A cell, as it is drawn.
#[derive(Debug)]
pub(in crate::pages) struct Cell {
    pub(in crate::pages) x: u64,
    pub(in crate::pages) y: u64,
    /// What it looks like: what needs a look first decides.
    pub(in crate::pages) look: &'static str,
    pub(in crate::pages) href: String,
    /// What is told of it, unless all of it is done.
    pub(in crate::pages) told: String,
}

/// A row of cells, for the table.
#[derive(Debug)]
pub(in crate::pages) struct Row {
    pub(in crate::pages) name: String,
    pub(in crate::pages) href: String,
    /// How many in each of the states that there are.
    pub(in crate::pages) counts: Vec<u64>,
}

/// The whole picture.
#[derive(Debug)]
pub(in crate::pages) struct Heat {
    pub(in crate::pages) width: u64,
    pub(in crate::pages) height: u64,
    pub(in crate::pages) cells: Vec<Cell>,
    /// The states that there are, in their order.
    pub(in crate::pages) states: Vec<&'static str>,
    pub(in crate::pages) rows: Vec<Row>,
    /// Elements in a cell.
    pub(in crate::pages) per_cell: u64,
}

/// Where cells and rows lead.
pub(in crate::pages) trait Ways {
    /// The tasks of elements `from` to `to`, which is one of them.
    fn range(&self, from: u64, to: u64) -> String;
    /// The one task of an element, where there is one.
    fn one(&self, element: u64) -> String;
}

/// A cell before it has its place.
#[derive(Default)]
struct Gathered(Vec<(String, u64)>);

impl Gathered {
    fn total(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    fn words(&self) -> String {
        let told = in_order(&self.0);
        let told: Vec<_> = told.iter().map(|(state, count)| format!("{count} {state}")).collect();
        told.join(", ")
    }
}

fn named(from: u64, to: u64) -> String {
    if from == to { from.to_string() } else { format!("{from}–{to}") }
}

/// The picture of `elements` elements, `per_cell` of them in a cell.
pub(in crate::pages) fn heat(
    counts: &[Count],
    (elements, per_cell): (u64, u64),
    ways: &impl Ways,
) -> Option<Heat> {
    let last = elements.checked_sub(1)?;
    let mut gathered: BTreeMap<u64, Gathered> = BTreeMap::new();
    for it in counts {
        gathered.entry(it.cell).or_default().0.push((it.state.clone(), it.number));
    }
    let ends = |from: u64, cells: u64| (from * per_cell, ((from + cells) * per_cell - 1).min(last));
    let cell = |(at, it): (&u64, &Gathered)| {
        let (from, to) = ends(*at, 1);
        let worst = in_order(&it.0).first().map_or("pending", |(state, _)| *state);
        let is_one = per_cell == 1 && it.total() == 1;
        Cell {
            x: at % COLUMNS * SIDE,
            y: at / COLUMNS * SIDE,
            look: look_of(worst),
            href: if is_one { ways.one(from) } else { ways.range(from, to) },
            told: match worst {
                "done" if it.0.iter().all(|(state, _)| state == "done") => String::new(),
                _ if is_one => format!("{from}: {worst}"),
                _ => format!("{}: {}", named(from, to), it.words()),
            },
        }
    };
    let all: Vec<_> = counts.iter().map(|it| (it.state.clone(), it.number)).collect();
    let states: Vec<_> = in_order(&all).into_iter().map(|(state, _)| state).collect();
    let mut rows: BTreeMap<u64, Vec<(String, u64)>> = BTreeMap::new();
    for it in counts {
        rows.entry(it.cell / COLUMNS).or_default().push((it.state.clone(), it.number));
    }
    let row = |(at, counts): (u64, Vec<(String, u64)>)| {
        let (from, to) = ends(at * COLUMNS, COLUMNS);
        let of = |state: &str| {
            counts.iter().filter(|(it, _)| it == state).map(|(_, count)| *count).sum::<u64>()
        };
        Row {
            name: named(from, to),
            href: ways.range(from, to),
            counts: states.iter().map(|state| of(state)).collect(),
        }
    };
    let used = elements.div_ceil(per_cell);
    Some(Heat {
        width: used.min(COLUMNS) * SIDE,
        height: used.div_ceil(COLUMNS) * SIDE,
        cells: gathered.iter().map(cell).collect(),
        rows: rows.into_iter().map(row).collect(),
        states,
        per_cell,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Here;

    impl Ways for Here {
        fn range(&self, from: u64, to: u64) -> String {
            format!("{from}..{to}")
        }

        fn one(&self, element: u64) -> String {
            format!("one {element}")
        }
    }

    fn count(cell: u64, state: &str, number: u64) -> Count {
        Count { cell, state: state.to_owned(), number }
    }

    #[test]
    fn there_are_two_thousand_cells_at_most() {
        for (elements, width) in
            [(0, 1), (1, 1), (2_000, 1), (2_001, 2), (4_000, 2), (4_001, 3), (100_000, 50)]
        {
            assert_eq!(width_of(elements), width, "{elements}");
            assert!(elements.div_ceil(width) <= CELLS, "{elements}");
        }
    }

    #[test]
    fn few_elements_have_a_cell_each() {
        let counts = [count(0, "done", 1), count(1, "dead", 1), count(2, "done", 3)];
        let heat = heat(&counts, (3, 1), &Here).unwrap();
        let told: Vec<_> =
            heat.cells.iter().map(|it| (it.look, it.href.as_str(), it.told.as_str())).collect();
        let wanted = [("done", "one 0", ""), ("dead", "one 1", "1: dead"), ("done", "2..2", "")];
        assert_eq!(told, wanted);
        assert_eq!((heat.width, heat.height, heat.states), (42, 14, vec!["dead", "done"]));
    }

    #[test]
    fn many_share_cells_and_the_worst_of_a_cell_is_seen() {
        let mut counts: Vec<_> = (0..2_000).map(|cell| count(cell, "done", 49)).collect();
        counts
            .extend((0..2_000).map(|cell| count(cell, if cell == 7 { "dead" } else { "done" }, 1)));
        let heat = heat(&counts, (100_000, 50), &Here).unwrap();
        assert_eq!((heat.cells.len(), heat.rows.len()), (2_000, 40));
        let cell = &heat.cells[7];
        assert_eq!((cell.look, cell.href.as_str()), ("dead", "350..399"));
        assert_eq!(cell.told, "350–399: 1 dead, 49 done");
        assert_eq!(
            (heat.rows[0].name.as_str(), &*heat.rows[0].counts),
            ("0–2499", &[1, 2_499][..])
        );
        assert_eq!(heat.rows[39].name, "97500–99999");
        assert_eq!((heat.width, heat.height), (700, 560));
    }

    #[test]
    fn an_empty_fan_out_has_no_picture() {
        assert!(heat(&[], (0, 1), &Here).is_none());
    }
}
