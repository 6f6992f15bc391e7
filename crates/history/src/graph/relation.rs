//! Ancestry, merge bases, ahead and behind. All go from the newest position down: parents stand before children, so a commit
//! is met with everything that is to be known of it.

use std::collections::{BinaryHeap, HashSet};

use super::{Frontier, Graph, GraphError, Position, Walk, walk::Rank};

/// How far two commits are from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AheadBehind {
    /// Commits that only the first leads to.
    pub ahead: u64,
    /// Commits that only the second leads to.
    pub behind: u64,
}

const OURS: u8 = 1;
const THEIRS: u8 = 2;
/// Below a common one: of no interest any more.
const PASSED: u8 = 4;

/// Commits with marks, the newest first; the marks of one that is met twice are joined.
#[derive(Default)]
struct Marked {
    heap: BinaryHeap<(Position, u8)>,
    /// How many of those do not have all of the marks that end the search.
    open: usize,
    end: u8,
}

impl Marked {
    fn meet(&mut self, at: Position, marks: u8) {
        self.open += usize::from(marks & self.end != self.end);
        self.heap.push((at, marks));
    }

    fn next(&mut self) -> Option<(Position, u8)> {
        if self.open == 0 {
            return None;
        }
        let (at, mut marks) = self.heap.pop()?;
        self.open -= usize::from(marks & self.end != self.end);
        while let Some((again, more)) = self.heap.peek().copied()
            && again == at
        {
            self.heap.pop();
            self.open -= usize::from(more & self.end != self.end);
            marks |= more;
        }
        Some((at, marks))
    }
}

impl Graph {
    /// Which of `tips` lead to `at`, or are it, in their order; nothing if more than `limit` commits lie between them.
    pub fn leading_to(
        &self,
        at: Position,
        tips: &[Position],
        limit: usize,
    ) -> Result<Option<Vec<bool>>, GraphError> {
        let least = self.link(at)?.generation;
        let mut walk = Walk::new(self, &Frontier { wanted: tips.to_vec(), hidden: Vec::new() })?;
        let mut between = Vec::new();
        while let Some((above, link)) = walk.step()?
            && link.generation > least
        {
            if between.len() == limit {
                return Ok(None);
            }
            between.push((above, link));
        }
        // From the lowest generation up, so that each comes after its parents.
        let mut leading = HashSet::from([at]);
        for (above, link) in between.into_iter().rev() {
            if self.parents(above, &link)?.any(|parent| leading.contains(&parent)) {
                leading.insert(above);
            }
        }
        Ok(Some(tips.iter().map(|tip| leading.contains(tip)).collect()))
    }

    /// Whether one of `of` leads to `ancestor`, or is it.
    pub fn is_ancestor(&self, ancestor: Position, of: &[Position]) -> Result<bool, GraphError> {
        let lowest = self.link(ancestor)?.generation;
        let mut heap: BinaryHeap<Position> = of.iter().copied().collect();
        let mut last = None;
        while let Some(at) = heap.pop() {
            if at == ancestor {
                return Ok(true);
            }
            // Everything left stands before it.
            if at < ancestor {
                return Ok(false);
            }
            if last.replace(at) == Some(at) {
                continue;
            }
            let link = self.link(at)?;
            if link.generation > lowest {
                heap.extend(self.parents(at, &link)?.filter(|parent| *parent >= ancestor));
            }
        }
        Ok(false)
    }

    /// The best common ancestors: those that no other common one leads to, in the order of walks.
    pub fn merge_bases(
        &self,
        ours: Position,
        theirs: Position,
    ) -> Result<Vec<Position>, GraphError> {
        let mut marked = Marked { end: PASSED, ..Marked::default() };
        marked.meet(ours, OURS);
        marked.meet(theirs, THEIRS);
        let mut best = Vec::new();
        while let Some((at, mut marks)) = marked.next() {
            if marks & (OURS | THEIRS) == OURS | THEIRS {
                if marks & PASSED == 0 {
                    best.push(Rank::of(at, &self.link(at)?));
                }
                marks |= PASSED;
            }
            let link = self.link(at)?;
            for parent in self.parents(at, &link)? {
                marked.meet(parent, marks);
            }
        }
        best.sort_unstable_by(|a, b| b.cmp(a));
        Ok(best.into_iter().map(|rank| rank.position).collect())
    }

    /// How many commits each leads to that the other does not. Nothing if that takes more than `limit` steps.
    pub fn ahead_behind(
        &self,
        ours: Position,
        theirs: Position,
        limit: usize,
    ) -> Result<Option<AheadBehind>, GraphError> {
        let mut marked = Marked { end: OURS | THEIRS, ..Marked::default() };
        marked.meet(ours, OURS);
        marked.meet(theirs, THEIRS);
        let (mut found, mut steps) = (AheadBehind::default(), 0);
        while let Some((at, marks)) = marked.next() {
            steps += 1;
            if steps > limit {
                return Ok(None);
            }
            match marks {
                OURS => found.ahead += 1,
                THEIRS => found.behind += 1,
                _ => {}
            }
            let link = self.link(at)?;
            for parent in self.parents(at, &link)? {
                marked.meet(parent, marks);
            }
        }
        Ok(Some(found))
    }
}
