//! Steps as boxes in layers, from left to right: a step stands behind all that it waits for.

use std::collections::HashMap;

use super::{in_order, look_of};

/// The size of a box.
const BOX: (i32, i32) = (184, 60);
/// What lies between two layers, and between two boxes of one.
const GAP: (i32, i32) = (52, 18);
/// The rim of the picture.
const RIM: i32 = 4;
/// Characters of a name that a box has room for.
const ROOM: usize = 21;
/// How wide the bar of a box is.
const BAR: u64 = 160;

/// A step, as it is drawn.
#[derive(Debug, Clone, Default)]
pub(in crate::pages) struct Node {
    /// Its id.
    pub(in crate::pages) step: String,
    /// For people.
    pub(in crate::pages) title: String,
    /// Work or approval, and what else there is to say without a run.
    pub(in crate::pages) note: String,
    /// The steps that it waits for.
    pub(in crate::pages) waits_for: Vec<String>,
    /// The step whose fan-out makes its instances.
    pub(in crate::pages) spawner: Option<String>,
    /// Tasks by state.
    pub(in crate::pages) counts: Vec<(String, u64)>,
    /// Where it leads.
    pub(in crate::pages) href: String,
}

/// A box with its place.
#[derive(Debug)]
pub(in crate::pages) struct Placed {
    pub(in crate::pages) x: i32,
    pub(in crate::pages) y: i32,
    pub(in crate::pages) name: String,
    pub(in crate::pages) told: String,
    pub(in crate::pages) href: String,
    /// Parts of the bar: what it looks like, where it begins, how wide it is.
    pub(in crate::pages) parts: Vec<(&'static str, u64, u64)>,
}

/// A line from one box to another.
#[derive(Debug)]
pub(in crate::pages) struct Line {
    pub(in crate::pages) path: String,
    /// Whether it is a fan-out.
    pub(in crate::pages) spawns: bool,
}

/// The whole picture.
#[derive(Debug)]
pub(in crate::pages) struct Drawn {
    pub(in crate::pages) width: i32,
    pub(in crate::pages) height: i32,
    pub(in crate::pages) boxes: Vec<Placed>,
    pub(in crate::pages) lines: Vec<Line>,
}

impl Node {
    /// Everything that stands before it.
    fn before(&self) -> impl Iterator<Item = &str> {
        self.waits_for.iter().chain(&self.spawner).map(String::as_str)
    }
}

/// The layer of each step. A definition that was registered has no ring; were there one, its steps would stay where they are.
fn layers(nodes: &[Node]) -> Vec<usize> {
    let at: HashMap<&str, usize> =
        nodes.iter().enumerate().map(|(at, node)| (node.step.as_str(), at)).collect();
    let mut layers = vec![0; nodes.len()];
    for _ in 0..nodes.len() {
        let deepest = |node: &Node, layers: &[usize]| {
            let before = node.before().filter_map(|it| layers.get(*at.get(it)?));
            before.max().map_or(0, |it| it + 1)
        };
        let next: Vec<_> = nodes.iter().map(|node| deepest(node, &layers)).collect();
        if next == layers {
            break;
        }
        layers = next;
    }
    layers
}

/// Steps by layer, each layer in an order in which lines cross little: by where what stands before them is.
fn rows(nodes: &[Node], layers: &[usize]) -> Vec<Vec<usize>> {
    let depth = layers.iter().max().map_or(0, |it| it + 1);
    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); depth];
    let mut place: HashMap<&str, usize> = HashMap::new();
    for (layer, row) in rows.iter_mut().enumerate() {
        let mine = layers.iter().enumerate().filter(|(_, it)| **it == layer);
        // Thousandths, so that means compare without fractions.
        let mean = |node: &Node| {
            let before: Vec<_> = node.before().filter_map(|it| place.get(it)).collect();
            let sum: usize = before.iter().copied().sum();
            (sum * 1_000).checked_div(before.len()).unwrap_or(0)
        };
        let mut found: Vec<_> =
            mine.filter_map(|(at, _)| nodes.get(at).map(|node| (mean(node), at))).collect();
        found.sort_unstable();
        row.extend(found.into_iter().map(|(_, at)| at));
        for (order, at) in row.iter().enumerate() {
            place.extend(nodes.get(*at).map(|node| (node.step.as_str(), order)));
        }
    }
    rows
}

/// A name that fits into its box.
fn short(name: &str) -> String {
    if name.chars().count() <= ROOM {
        return name.to_owned();
    }
    let kept: String = name.chars().take(ROOM - 1).collect();
    format!("{kept}…")
}

/// What a box says below its name.
fn told(node: &Node) -> String {
    let counts = in_order(&node.counts);
    if counts.is_empty() {
        return short(&node.note);
    }
    let words: Vec<_> = counts.iter().map(|(state, count)| format!("{count} {state}")).collect();
    let two = words.iter().take(2).cloned().collect::<Vec<_>>().join(", ");
    if words.len() > 2 { short(&format!("{two}, …")) } else { short(&two) }
}

/// The bar of a box: its tasks by what they look like. The last part takes what rounding leaves.
fn parts(counts: &[(String, u64)]) -> Vec<(&'static str, u64, u64)> {
    let total: u64 = counts.iter().map(|(_, count)| count).sum();
    let (mut from, mut seen, mut parts) = (0, 0, Vec::new());
    for (state, count) in in_order(counts) {
        seen += count;
        let to = (BAR * seen).checked_div(total).unwrap_or(0).max(from + 1);
        parts.push((look_of(state), from, to - from));
        from = to;
    }
    parts
}

fn coordinate(place: usize, size: i32, gap: i32) -> i32 {
    i32::try_from(place).unwrap_or(i32::MAX / 512).saturating_mul(size + gap).saturating_add(RIM)
}

/// Lays the steps out.
pub(in crate::pages) fn drawn(nodes: &[Node]) -> Drawn {
    let layers = layers(nodes);
    let rows = rows(nodes, &layers);
    let mut places: HashMap<&str, (i32, i32)> = HashMap::new();
    let mut boxes = Vec::with_capacity(nodes.len());
    for (layer, row) in rows.iter().enumerate() {
        for (order, node) in
            row.iter().enumerate().filter_map(|(it, at)| Some((it, nodes.get(*at)?)))
        {
            let (x, y) = (coordinate(layer, BOX.0, GAP.0), coordinate(order, BOX.1, GAP.1));
            places.insert(&node.step, (x, y));
            boxes.push(Placed {
                x,
                y,
                name: short(&node.step),
                told: told(node),
                href: node.href.clone(),
                parts: parts(&node.counts),
            });
        }
    }
    let line = |from: &str, node: &Node, spawns: bool| {
        let ((x1, y1), (x2, y2)) = (*places.get(from)?, *places.get(node.step.as_str())?);
        let (x1, y1, y2) = (x1 + BOX.0, y1 + BOX.1 / 2, y2 + BOX.1 / 2);
        let middle = x2 - GAP.0 / 2;
        Some(Line { path: format!("M{x1} {y1}C{middle} {y1} {middle} {y2} {x2} {y2}"), spawns })
    };
    let of = |node: &Node| {
        let mut lines: Vec<_> = node.spawner.iter().filter_map(|it| line(it, node, true)).collect();
        let plain = node.waits_for.iter().filter(|it| node.spawner.as_ref() != Some(*it));
        lines.extend(plain.filter_map(|it| line(it, node, false)));
        lines
    };
    let lines = nodes.iter().flat_map(of).collect();
    let tallest = rows.iter().map(Vec::len).max().unwrap_or(0);
    let end = |count: usize, size: i32, gap: i32| coordinate(count, size, gap) - gap + RIM;
    Drawn { width: end(rows.len(), BOX.0, GAP.0), height: end(tallest, BOX.1, GAP.1), boxes, lines }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(step: &str, waits_for: &[&str], spawner: Option<&str>) -> Node {
        Node {
            step: step.to_owned(),
            waits_for: waits_for.iter().map(|it| (*it).to_owned()).collect(),
            spawner: spawner.map(str::to_owned),
            ..Node::default()
        }
    }

    fn places(nodes: &[Node]) -> Vec<(String, i32, i32)> {
        drawn(nodes).boxes.into_iter().map(|it| (it.name, it.x, it.y)).collect()
    }

    #[test]
    fn a_step_stands_behind_all_that_it_waits_for() {
        let nodes = [
            node("end", &["b", "a"], None),
            node("a", &[], None),
            node("b", &["a"], None),
            node("c", &[], Some("b")),
        ];
        let (one, two, three) = (RIM, RIM + 236, RIM + 472);
        let wanted =
            [("a", one, RIM), ("b", two, RIM), ("end", three, RIM), ("c", three, RIM + 78)];
        let wanted = wanted.map(|(name, x, y)| (name.to_owned(), x, y));
        assert_eq!(places(&nodes), wanted);
        let drawn = drawn(&nodes);
        assert_eq!((drawn.width, drawn.height), (3 * 184 + 2 * 52 + 8, 2 * 60 + 18 + 8));
        assert_eq!(drawn.lines.iter().filter(|it| it.spawns).count(), 1);
        assert_eq!(drawn.lines.len(), 4);
    }

    #[test]
    fn lines_of_two_chains_do_not_cross() {
        let nodes = [
            node("a", &[], None),
            node("b", &[], None),
            node("of-b", &["b"], None),
            node("of-a", &["a"], None),
        ];
        let wanted = [("a", RIM), ("b", RIM + 78), ("of-a", RIM), ("of-b", RIM + 78)];
        let found: Vec<_> = places(&nodes).into_iter().map(|(name, _, y)| (name, y)).collect();
        assert_eq!(found, wanted.map(|(name, y)| (name.to_owned(), y)));
    }

    #[test]
    fn a_bar_is_as_full_as_its_counts_say() {
        let counts = [("done", 997), ("dead", 1), ("pending", 2)];
        let counts = counts.map(|(state, count)| (state.to_owned(), count));
        // One of a thousand is seen, too.
        assert_eq!(parts(&counts), [("dead", 0, 1), ("open", 1, 1), ("done", 2, 158)]);
        assert!(parts(&[]).is_empty());
        let node = Node { counts: counts.to_vec(), ..Node::default() };
        assert_eq!(told(&node), "1 dead, 2 pending, …");
        let long = node_named("a-name-that-is-longer-than-its-box");
        assert_eq!(drawn(&[long]).boxes[0].name, "a-name-that-is-longe…");
    }

    fn node_named(step: &str) -> Node {
        node(step, &[], None)
    }

    #[test]
    fn there_may_be_no_steps_and_rings_end() {
        assert!(drawn(&[]).boxes.is_empty());
        let ring = [node("a", &["b"], None), node("b", &["a"], None)];
        assert_eq!(drawn(&ring).boxes.len(), 2);
    }
}
