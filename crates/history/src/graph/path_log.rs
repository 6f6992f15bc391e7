//! The commits that changed a path: a walk that goes by where the path is the same in a parent, as it does not matter there
//! what other parents hold.

use std::{
    cmp::Ordering,
    collections::{BinaryHeap, VecDeque},
};

use names::{NodeId, RepoPath};

use super::{Budget, Graph, GraphError, Link, Position, Way, walk::Rank};
use crate::tree::{Kind, Mode, NodeSource, lookup};

/// A commit that was met, in the order of walks, with how it hangs in the graph.
#[derive(Debug, Clone, Copy)]
struct Met {
    rank: Rank,
    link: Link,
}

impl PartialEq for Met {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}

impl Eq for Met {}

impl PartialOrd for Met {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Met {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank.cmp(&other.rank)
    }
}

/// A walk over the commits that changed one path, newest first.
#[derive(Debug)]
pub struct PathLog<'g> {
    graph: &'g Graph,
    path: RepoPath,
    way: Way,
    heap: BinaryHeap<Met>,
    /// What stood at the path below a root, of the last few roots: a commit asks for what its child asked for.
    known: VecDeque<(NodeId, Option<(Kind, Mode)>)>,
}

/// Roots that are remembered: enough for the lines that run beside each other.
const KNOWN: usize = 64;

impl<'g> PathLog<'g> {
    /// From the commits at `from`.
    pub fn new(graph: &'g Graph, path: RepoPath, from: &[Position]) -> Result<Self, GraphError> {
        let way = Way::of(path.as_str());
        let mut log = Self { graph, path, way, heap: BinaryHeap::new(), known: VecDeque::new() };
        for at in from {
            log.meet(*at)?;
        }
        Ok(log)
    }

    fn meet(&mut self, at: Position) -> Result<(), GraphError> {
        let link = self.graph.link(at)?;
        self.heap.push(Met { rank: Rank::of(at, &link), link });
        Ok(())
    }

    fn entry<S: NodeSource>(
        &mut self,
        trees: &S,
        at: Position,
    ) -> Result<Option<(Kind, Mode)>, GraphError>
    where
        S::Error: std::fmt::Display,
    {
        let root = self.graph.root(at)?;
        if let Some((_, kind)) = self.known.iter().find(|(known, _)| *known == root) {
            return Ok(*kind);
        }
        let found = lookup(trees, root, &self.path);
        let found = found.map_err(|error| GraphError::Tree(error.to_string().into()))?;
        let kind = found.map(|entry| (entry.kind, entry.mode));
        if self.known.len() == KNOWN {
            self.known.pop_front();
        }
        self.known.push_back((root, kind));
        Ok(kind)
    }

    /// Goes on from a commit along first parents while the path surely is the same, and gives the first where it may not be;
    /// nothing if another one comes before it, or when the budget is used up.
    fn pass(
        &mut self,
        met: Met,
        budget: &mut Budget,
    ) -> Result<Option<(Position, Link)>, GraphError> {
        let Met { rank, mut link } = met;
        let mut at = rank.position;
        while let [Some(first), _] = link.parents
            && self.graph.excludes(at, &self.way)?
        {
            (at, link) = (first, self.graph.link(first)?);
            let met = Met { rank: Rank::of(at, &link), link };
            // On a line by itself nothing has to be put into an order.
            let is_next = self.heap.peek().is_none_or(|other| *other < met);
            if !is_next || !budget.step() {
                self.heap.push(met);
                return Ok(None);
            }
        }
        Ok(Some((at, link)))
    }

    /// The next commit that changed the path; nothing at the end, or when the budget is used up.
    pub fn step<S: NodeSource>(
        &mut self,
        trees: &S,
        budget: &mut Budget,
    ) -> Result<Option<Position>, GraphError>
    where
        S::Error: std::fmt::Display,
    {
        while !self.heap.is_empty() {
            if !budget.step() {
                return Ok(None);
            }
            let Some(met) = self.heap.pop() else { break };
            while self.heap.peek() == Some(&met) {
                self.heap.pop();
            }
            let Some((at, link)) = self.pass(met, budget)? else { continue };
            budget.read();
            let own = self.entry(trees, at)?;
            let mut same = None;
            let parents: Vec<_> = self.graph.parents(at, &link)?.collect();
            for parent in parents.iter().copied() {
                if self.entry(trees, parent)? == own {
                    same = Some(parent);
                    break;
                }
            }
            if let Some(parent) = same {
                self.meet(parent)?;
                continue;
            }
            for parent in &parents {
                self.meet(*parent)?;
            }
            if own.is_some() || !parents.is_empty() {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    /// Whether nothing is left.
    pub fn is_over(&self) -> bool {
        self.heap.is_empty()
    }

    /// Where it goes on later.
    pub fn frontier(&self) -> Vec<Position> {
        let mut left: Vec<_> = self.heap.iter().map(|met| met.rank.position).collect();
        left.sort_unstable_by(|a, b| b.cmp(a));
        left.dedup();
        left
    }
}
