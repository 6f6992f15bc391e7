//! How the graph is drawn: each commit stands in a lane, and lines lead from row to row. The same commits give the same
//! picture, and a page goes on exactly where the one before it ended.

use super::{Graph, GraphError, Position};

/// Lanes that are drawn beside each other. Branches beyond wait until they are met.
const MOST_LANES: usize = 64;

/// A head that a picture begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneHead {
    /// Its commit.
    pub at: Position,
    /// The colour of the lane that it begins: from the hash of its name.
    pub colour: u8,
}

/// A line from a row to the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// The lane where it begins.
    pub from: u8,
    /// The lane where it ends, in the next row.
    pub to: u8,
    /// Its colour.
    pub colour: u8,
}

/// A commit in the picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Which.
    pub at: Position,
    /// Its lane.
    pub lane: u8,
    /// Its colour.
    pub colour: u8,
    /// The lines that lead on from this row.
    pub edges: Vec<Edge>,
}

/// The lanes that are open: what each waits for, and its colour.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LanesState {
    /// One a lane; nothing where one is free.
    pub open: Vec<Option<(Position, u8)>>,
}

/// Draws commits, in the order of a [`super::Walk`].
#[derive(Debug, Clone)]
pub struct Lanes<'g> {
    graph: &'g Graph,
    heads: Vec<LaneHead>,
    state: LanesState,
}

impl<'g> Lanes<'g> {
    /// With what is open already, and the heads that may begin lanes.
    pub const fn new(graph: &'g Graph, state: LanesState, heads: Vec<LaneHead>) -> Self {
        Self { graph, heads, state }
    }

    /// What is open now.
    pub const fn state(&self) -> &LanesState {
        &self.state
    }

    /// Places a commit; `next` is the one that comes after it, to which lines lead.
    pub fn place(&mut self, at: Position, next: Option<Position>) -> Result<Row, GraphError> {
        let lane = self.waiting(at).or_else(|| self.free()).unwrap_or(MOST_LANES);
        let waited = self.open(lane).filter(|(waits, _)| *waits == at);
        let colour = match waited {
            Some((_, colour)) => colour,
            None => self.colour_of(at)?,
        };
        // What waited for it in other lanes has ended in it.
        for open in &mut self.state.open {
            *open = open.filter(|(waits, _)| *waits != at);
        }
        let through = self.lanes();
        let link = self.graph.link(at)?;
        let mut parents = self.graph.parents(at, &link)?;
        let mut lines = Vec::new();
        if let Some(parent) = parents.next() {
            self.put(lane, (parent, colour));
            lines.push((lane, lane, colour));
        }
        for parent in parents {
            let (to, colour) =
                match self.waiting(parent).and_then(|it| Some((it, self.open(it)?.1))) {
                    Some(found) => found,
                    None => (self.free().unwrap_or(MOST_LANES), self.colour_of(parent)?),
                };
            self.put(to, (parent, colour));
            lines.push((lane, to, colour));
        }
        lines.extend(through.into_iter().map(|(lane, colour)| (lane, lane, colour)));
        while self.state.open.last().is_some_and(Option::is_none) {
            self.state.open.pop();
        }
        let lands = |lane: usize| {
            let waits = self.open(lane).map(|(waits, _)| waits);
            let next = next.filter(|next| Some(*next) == waits);
            next.and_then(|next| self.waiting(next)).unwrap_or(lane)
        };
        let edge = |(from, to, colour)| Edge { from: byte(from), to: byte(lands(to)), colour };
        let mut edges: Vec<_> = lines.into_iter().map(edge).collect();
        edges.sort_unstable();
        edges.dedup();
        Ok(Row { at, lane: byte(lane), colour, edges })
    }

    fn open(&self, lane: usize) -> Option<(Position, u8)> {
        self.state.open.get(lane).copied().flatten()
    }

    /// The first lane that waits for a commit.
    fn waiting(&self, at: Position) -> Option<usize> {
        self.state.open.iter().position(|open| open.is_some_and(|(waits, _)| waits == at))
    }

    /// The first lane in which nothing is; nothing while all are taken.
    fn free(&self) -> Option<usize> {
        let end = self.state.open.len();
        let free = self.state.open.iter().position(Option::is_none).unwrap_or(end);
        (free < MOST_LANES).then_some(free)
    }

    /// The open lanes and their colours.
    fn lanes(&self) -> Vec<(usize, u8)> {
        let open = self.state.open.iter().enumerate();
        open.filter_map(|(lane, open)| Some((lane, (*open)?.1))).collect()
    }

    /// Lets a lane wait. One beyond the last waits for nothing.
    fn put(&mut self, lane: usize, waits: (Position, u8)) {
        if lane >= MOST_LANES {
            return;
        }
        if self.state.open.len() <= lane {
            self.state.open.resize(lane + 1, None);
        }
        if let Some(open) = self.state.open.get_mut(lane) {
            *open = Some(waits);
        }
    }

    /// The colour of a lane that begins with a commit: that of the head, else by its id.
    fn colour_of(&self, at: Position) -> Result<u8, GraphError> {
        let head = self.heads.iter().find(|head| head.at == at);
        match head {
            Some(head) => Ok(head.colour),
            None => Ok(self.graph.id(at)?.as_bytes().first().copied().unwrap_or_default()),
        }
    }
}

fn byte(lane: usize) -> u8 {
    u8::try_from(lane).unwrap_or(u8::MAX)
}
