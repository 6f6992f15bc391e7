//! What was made from one another, as far as whoever asks may see it, and how far apart their first branches are.
//!
//! Only what is seen is walked: what was made from something hidden is in no network that leads through it.

use std::collections::{BTreeMap, BinaryHeap, HashMap};

use names::{CommitId, Id};
use trust::{Allowed, act};

use super::store::{self, Node, Window};
use crate::{Error, Hub, Repository};

/// Repositories of a network that are listed.
const NODES: usize = 100;

/// A repository of a network.
#[derive(Debug, Clone)]
pub(crate) struct Fork {
    pub(crate) node: Node,
    /// How far it is from the first one.
    pub(crate) depth: usize,
    /// What it was made from, as `owner/name`, if that is seen.
    pub(crate) source: Option<String>,
    /// Commits of its first branch and of that of the one which was asked for that the other does not have; nothing where
    /// that is too far to count.
    pub(crate) apart: Option<(u64, u64)>,
}

/// A network of forks.
#[derive(Debug)]
pub(crate) struct Network {
    /// From the first one on, each behind what it was made from.
    pub(crate) forks: Vec<Fork>,
    /// Whether there are more.
    pub(crate) is_truncated: bool,
}

impl Hub {
    /// The network of a repository, as far as whoever asks may see it.
    pub(crate) async fn network(
        &self,
        allowed: &Allowed<act::RepoRead, Repository>,
    ) -> Result<Network, Error> {
        let (of, reader) = (allowed.resource(), allowed.actor().reader());
        let mut tx = self.db.read().await?;
        let first = store::first_of(&mut tx, reader, of.id).await?.unwrap_or(of.id);
        let mut nodes = store::made_from(&mut tx, reader, first, NODES + 1).await?;
        let is_truncated = nodes.len() > NODES;
        nodes.truncate(NODES);
        let own = match nodes.iter().find(|it| it.id == of.id) {
            Some(own) => own.tip,
            None => {
                store::made_from(&mut tx, reader, of.id, 1).await?.first().and_then(|it| it.tip)
            }
        };
        let tips = nodes.iter().filter_map(|it| Some((it.id, it.tip?)));
        let tips: Vec<_> = tips.chain(own.map(|tip| (of.id, tip))).collect();
        let known = store::windows(&mut tx, &tips).await?;
        let apart = |it: &Node| apart(&known, it.tip?.commit, own?.commit);
        let forks = in_order(nodes, first).into_iter().map(|(node, depth, source)| {
            let apart = apart(&node);
            Fork { node, depth, source, apart }
        });
        Ok(Network { forks: forks.collect(), is_truncated })
    }
}

/// Each behind what it was made from, with how far it is from the first one, and the name of what it was made from.
fn in_order(nodes: Vec<Node>, first: Id<Repository>) -> Vec<(Node, usize, Option<String>)> {
    let names: HashMap<_, _> = nodes.iter().map(|it| (it.id, it.full_name.clone())).collect();
    let mut below: BTreeMap<uuid::Uuid, Vec<Node>> = BTreeMap::new();
    let mut waiting = Vec::new();
    for node in nodes {
        if node.id == first {
            waiting.push((node, 0));
        } else if let Some(source) = node.source {
            below.entry(source.uuid()).or_default().push(node);
        }
    }
    let mut ordered = Vec::new();
    while let Some((node, depth)) = waiting.pop() {
        let made = below.remove(&node.id.uuid()).unwrap_or_default();
        waiting.extend(made.into_iter().rev().map(|it| (it, depth + 1)));
        let source = node.source.and_then(|it| names.get(&it).cloned());
        ordered.push((node, depth, source));
    }
    ordered
}

/// The sides that lead to a commit.
#[derive(Debug, Clone, Copy, Default)]
struct Sides {
    ours: bool,
    theirs: bool,
}

/// How many commits `ours` leads to and `theirs` does not, and the other way round; nothing where what is known does not
/// reach that far.
fn apart(
    known: &HashMap<CommitId, Window>,
    ours: CommitId,
    theirs: CommitId,
) -> Option<(u64, u64)> {
    let mut sides: HashMap<CommitId, Sides> = HashMap::new();
    let mut waiting = BinaryHeap::new();
    sides.entry(ours).or_default().ours = true;
    sides.entry(theirs).or_default().theirs = true;
    for id in [ours, theirs] {
        waiting.push((known.get(&id)?.generation, id));
    }
    let (mut ahead, mut behind) = (0, 0);
    let mut last = None;
    // Whatever leads to a commit has a higher generation, and so came before it.
    while let Some((_, id)) = waiting.pop() {
        if last.replace(id) == Some(id) {
            continue;
        }
        let of = sides.get(&id).copied().unwrap_or_default();
        match (of.ours, of.theirs) {
            (true, false) => ahead += 1,
            (false, true) => behind += 1,
            (true, true) | (false, false) => {}
        }
        for parent in known.get(&id)?.parents.iter().flatten() {
            let Some(window) = known.get(parent) else {
                // What both lead to is on neither side, however far it goes.
                if of.ours && of.theirs {
                    continue;
                }
                return None;
            };
            let side = sides.entry(*parent).or_default();
            side.ours |= of.ours;
            side.theirs |= of.theirs;
            waiting.push((window.generation, *parent));
        }
        let is_open =
            |(_, id): &(i64, CommitId)| sides.get(id).is_some_and(|it| it.ours != it.theirs);
        if !waiting.iter().any(is_open) {
            break;
        }
    }
    Some((ahead, behind))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(number: usize) -> CommitId {
        CommitId::of(&number.to_be_bytes())
    }

    /// A history: each commit with parents among those before it.
    fn history(parents: &[(Option<usize>, Option<usize>)]) -> HashMap<CommitId, Window> {
        let mut known: HashMap<CommitId, Window> = HashMap::new();
        for (at, (first, second)) in parents.iter().enumerate() {
            let parents = [*first, *second].map(|it| it.filter(|it| *it < at).map(id));
            let above = parents.iter().flatten().map(|it| known[it].generation).max().unwrap_or(0);
            known.insert(id(at), Window { parents, generation: above + 1 });
        }
        known
    }

    fn closure(known: &HashMap<CommitId, Window>, from: CommitId) -> Vec<CommitId> {
        let (mut seen, mut waiting) = (Vec::new(), vec![from]);
        while let Some(id) = waiting.pop() {
            if !seen.contains(&id) {
                seen.push(id);
                waiting.extend(known[&id].parents.iter().flatten());
            }
        }
        seen
    }

    proptest! {
        #[test]
        fn the_distance_is_that_of_plain_walking(
            parents in prop::collection::vec((prop::option::of(0..30usize), prop::option::of(0..30usize)), 2..30),
            (ours, theirs) in (0..30usize, 0..30usize),
        ) {
            let known = history(&parents);
            let (ours, theirs) = (id(ours % parents.len()), id(theirs % parents.len()));
            let (left, right) = (closure(&known, ours), closure(&known, theirs));
            let ahead = left.iter().filter(|it| !right.contains(it)).count() as u64;
            let behind = right.iter().filter(|it| !left.contains(it)).count() as u64;
            prop_assert_eq!(apart(&known, ours, theirs), Some((ahead, behind)));
        }
    }

    #[test]
    fn what_is_not_known_is_not_counted() {
        let chain: Vec<_> = (0..10).map(|at: usize| (at.checked_sub(1), None)).collect();
        let mut known = history(&chain);
        known.remove(&id(3));
        assert_eq!(apart(&known, id(9), id(6)), Some((3, 0)));
        assert_eq!(apart(&known, id(9), id(2)), None);
        assert_eq!(apart(&known, id(3), id(9)), None);
    }
}
