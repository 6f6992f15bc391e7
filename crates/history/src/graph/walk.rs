//! What some commits lead to and others do not, newest first.
//!
//! The order is by generation, then by time, then by position: a child always comes before its parents, and of two lines
//! that run beside each other the newer commits come first. Whoever stops takes the [`Frontier`] and goes on from it later
//! at once, however deep the walk is.

use std::collections::BinaryHeap;

use super::{Graph, GraphError, Link, Position};

/// A commit in the order of walks: the greatest comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    generation: u32,
    time: i64,
    pub(super) position: Position,
}

impl Rank {
    pub(super) const fn of(position: Position, link: &Link) -> Self {
        Self { generation: link.generation, time: link.time, position }
    }
}

/// Where a walk stands: what it has met and not handed out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    /// What comes, with all that it leads to.
    pub wanted: Vec<Position>,
    /// What does not come, with all that it leads to.
    pub hidden: Vec<Position>,
}

/// A walk.
#[derive(Debug, Clone)]
pub struct Walk<'g> {
    graph: &'g Graph,
    /// What was met; a commit may be in it more than once.
    heap: BinaryHeap<(Rank, bool)>,
    /// How many of those are wanted.
    wanted: usize,
}

impl<'g> Walk<'g> {
    /// Over what `frontier` leads to.
    pub fn new(graph: &'g Graph, frontier: &Frontier) -> Result<Self, GraphError> {
        let mut walk = Self { graph, heap: BinaryHeap::new(), wanted: 0 };
        for (of, is_hidden) in [(&frontier.wanted, false), (&frontier.hidden, true)] {
            for at in of {
                walk.meet(*at, is_hidden)?;
            }
        }
        Ok(walk)
    }

    /// Over everything that one commit leads to.
    pub fn from(graph: &'g Graph, tip: Position) -> Result<Self, GraphError> {
        Self::new(graph, &Frontier { wanted: vec![tip], hidden: Vec::new() })
    }

    fn meet(&mut self, at: Position, is_hidden: bool) -> Result<(), GraphError> {
        let rank = Rank::of(at, &self.graph.link(at)?);
        self.wanted += usize::from(!is_hidden);
        self.heap.push((rank, is_hidden));
        Ok(())
    }

    /// The next commit, with how it hangs in the graph.
    pub fn step(&mut self) -> Result<Option<(Position, Link)>, GraphError> {
        while self.wanted > 0 {
            let Some((rank, mut is_hidden)) = self.heap.pop() else { return Ok(None) };
            self.wanted -= usize::from(!is_hidden);
            // All its children have come, so whether it is hidden is decided by now.
            while let Some((again, other)) = self.heap.peek().copied() {
                if again != rank {
                    break;
                }
                self.heap.pop();
                self.wanted -= usize::from(!other);
                is_hidden |= other;
            }
            let link = self.graph.link(rank.position)?;
            for parent in self.graph.parents(rank.position, &link)? {
                self.meet(parent, is_hidden)?;
            }
            if !is_hidden {
                return Ok(Some((rank.position, link)));
            }
        }
        Ok(None)
    }

    /// The next commits, at most `limit`.
    pub fn take(&mut self, limit: usize) -> Result<Vec<Position>, GraphError> {
        let mut found = Vec::new();
        while found.len() < limit
            && let Some((at, _)) = self.step()?
        {
            found.push(at);
        }
        Ok(found)
    }

    /// The commit that comes next, without taking it.
    pub fn peek(&self) -> Result<Option<Position>, GraphError> {
        Ok(self.clone().step()?.map(|(at, _)| at))
    }

    /// Where it stands; empty at the end.
    pub fn frontier(&self) -> Frontier {
        let mut frontier = Frontier::default();
        if self.wanted == 0 {
            return frontier;
        }
        for (rank, is_hidden) in &self.heap {
            if *is_hidden { &mut frontier.hidden } else { &mut frontier.wanted }
                .push(rank.position);
        }
        for of in [&mut frontier.wanted, &mut frontier.hidden] {
            of.sort_unstable_by(|a, b| b.cmp(a));
            of.dedup();
        }
        frontier
    }
}
