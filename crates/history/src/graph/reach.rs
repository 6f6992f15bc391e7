//! All that refs lead to, as one bit a commit. A commit that is old is asked for as quickly as a new one.

use super::{Graph, GraphError, Position};

/// Which commits some heads lead to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    bits: Vec<u64>,
}

impl Reach {
    /// Everything that `heads` lead to.
    pub fn of(graph: &Graph, heads: &[Position]) -> Result<Self, GraphError> {
        Self::default().and(graph, heads)
    }

    /// And everything that `heads` lead to beside: costs what is new.
    pub fn and(mut self, graph: &Graph, heads: &[Position]) -> Result<Self, GraphError> {
        self.bits.resize((graph.len() as usize).div_ceil(64), 0);
        let mut waiting: Vec<Position> = heads.to_vec();
        while let Some(at) = waiting.pop() {
            if self.set(at) {
                let link = graph.link(at)?;
                waiting.extend(graph.parents(at, &link)?.filter(|it| !self.has(*it)));
            }
        }
        Ok(self)
    }

    /// Whether a commit is reached.
    pub fn has(&self, at: Position) -> bool {
        let word = self.bits.get(at.index() / 64);
        word.is_some_and(|word| word & (1 << (at.index() % 64)) != 0)
    }

    /// The commits that are reached, in their order.
    pub fn positions(&self) -> impl Iterator<Item = Position> {
        let words = (0..).zip(self.bits.iter().copied()).filter(|(_, word)| *word != 0);
        words.flat_map(|(number, word): (u32, u64)| {
            let set = (0..64).filter(move |bit| word & (1 << bit) != 0);
            set.map(move |bit| Position(number * 64 + bit))
        })
    }

    /// How many commits are reached.
    pub fn count(&self) -> u64 {
        self.bits.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// Marks a commit; whether it was not marked yet.
    fn set(&mut self, at: Position) -> bool {
        let bit = 1 << (at.index() % 64);
        let Some(word) = self.bits.get_mut(at.index() / 64) else { return false };
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }
}
