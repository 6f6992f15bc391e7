//! What was made from one another, as far as whoever asks may see it, and how far apart their first branches are.
//!
//! Only what is seen is walked: what was made from something hidden is in no network that leads through it. How far branches
//! are apart is counted from the rows of their newest commits, all forks at once; where those do not reach, in the graphs of
//! the two repositories.

use std::{
    collections::{BTreeMap, BinaryHeap, HashMap, hash_map},
    convert::Infallible,
};

use db::Tx;
use history::graph::{Graph, GraphError};
use names::{CommitId, Id};
use trust::{Allowed, act};

use super::store::{self, Node, Window};
use crate::{Error, Hub, Repository, graph::History};

/// Repositories of a network that are listed.
const NODES: usize = 100;
/// Commits that are looked at in graphs for one network: a tenth of a second, or a few.
const STEPS: usize = 100_000;

/// A repository of a network.
#[derive(Debug, Clone)]
pub(crate) struct Fork {
    pub(crate) node: Node,
    /// How far it is from the first one.
    pub(crate) depth: usize,
    /// What it was made from, as `owner/name`, if that is seen.
    pub(crate) source: Option<String>,
    /// Commits of its first branch and of that of the one which was asked for that the other does not have; nothing where
    /// that is too far to count at once.
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
        let near = |it: &Node| {
            let look = |id| Ok::<_, Infallible>(known.get(&id).copied());
            apart(look, it.tip?.commit, own?.commit).unwrap_or_default()
        };
        let forks = in_order(nodes, first).into_iter().map(|(node, depth, source)| {
            let apart = near(&node);
            Fork { node, depth, source, apart }
        });
        let mut forks: Vec<_> = forks.collect();
        if let Some(own) = own {
            self.count_far(&mut tx, (of.id, own.commit), &mut forks).await?;
        }
        Ok(Network { forks, is_truncated })
    }

    /// Counts in graphs what the rows did not reach, as far as looking goes on for a network.
    async fn count_far(
        &self,
        tx: &mut Tx,
        (own, own_tip): (Id<Repository>, CommitId),
        forks: &mut [Fork],
    ) -> Result<(), Error> {
        let mut steps = STEPS;
        let mut history = None;
        for fork in forks.iter_mut().filter(|it| it.apart.is_none()) {
            let Some(tip) = fork.node.tip.filter(|_| steps > 0) else { continue };
            if history.is_none() {
                history = self.history_if_there(tx, own).await?;
            }
            let Some(here) = history.clone() else { return Ok(()) };
            let Some(there) = self.history_if_there(tx, fork.node.id).await? else { continue };
            let counted = self.ask(own, &here, move |graph| {
                let mut steps = steps;
                let graphs = [&there.graph, graph];
                let look = |id| look_in(graphs, &mut steps, id);
                let found = apart(look, tip.commit, own_tip)?;
                // What was not looked at may be on either side.
                Ok((found.filter(|_| steps > 0), steps))
            });
            (fork.apart, steps) = counted.await?;
        }
        Ok(())
    }

    /// The graph of a repository, unless it is being made.
    async fn history_if_there(
        &self,
        tx: &mut Tx,
        of: Id<Repository>,
    ) -> Result<Option<History>, Error> {
        match self.history(tx, of).await {
            Err(Error::NotIndexed) => Ok(None),
            history => history.map(Some),
        }
    }
}

/// A commit, from the graph that has it; nothing once no steps are left.
fn look_in(
    graphs: [&Graph; 2],
    steps: &mut usize,
    id: CommitId,
) -> Result<Option<Window>, GraphError> {
    *steps = steps.saturating_sub(1);
    if *steps == 0 {
        return Ok(None);
    }
    for graph in graphs {
        if let Some(at) = graph.find(&id)? {
            let link = graph.link(at)?;
            let [first, second] = link.parents.map(|it| it.map(|at| graph.id(at)).transpose());
            let generation = i64::from(link.generation);
            return Ok(Some(Window { parents: [first?, second?], generation }));
        }
    }
    Ok(None)
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

impl Sides {
    const fn is_open(self) -> bool {
        self.ours != self.theirs
    }
}

/// The commits that wait to be looked at, the highest generation first.
#[derive(Default)]
struct Front {
    sides: HashMap<CommitId, Sides>,
    waiting: BinaryHeap<(i64, CommitId)>,
    /// How many of them are on one side alone.
    open: usize,
}

impl Front {
    fn add(&mut self, (generation, id): (i64, CommitId), more: Sides) {
        let of = match self.sides.entry(id) {
            hash_map::Entry::Occupied(known) => known.into_mut(),
            hash_map::Entry::Vacant(new) => {
                self.waiting.push((generation, id));
                new.insert(Sides::default())
            }
        };
        let was_open = of.is_open();
        of.ours |= more.ours;
        of.theirs |= more.theirs;
        match (was_open, of.is_open()) {
            (false, true) => self.open += 1,
            (true, false) => self.open -= 1,
            (true, true) | (false, false) => {}
        }
    }

    /// The next one, while one waits that is on one side alone.
    fn next(&mut self) -> Option<(CommitId, Sides)> {
        if self.open == 0 {
            return None;
        }
        let (_, id) = self.waiting.pop()?;
        let of = self.sides.get(&id).copied().unwrap_or_default();
        self.open -= usize::from(of.is_open());
        Some((id, of))
    }
}

/// How many commits `ours` leads to and `theirs` does not, and the other way round; nothing where `look`, which gives what is
/// known of a commit, does not reach that far.
fn apart<E>(
    mut look: impl FnMut(CommitId) -> Result<Option<Window>, E>,
    ours: CommitId,
    theirs: CommitId,
) -> Result<Option<(u64, u64)>, E> {
    let mut front = Front::default();
    for (id, side) in
        [(ours, Sides { ours: true, theirs: false }), (theirs, Sides { ours: false, theirs: true })]
    {
        let Some(window) = look(id)? else { return Ok(None) };
        front.add((window.generation, id), side);
    }
    let (mut ahead, mut behind) = (0, 0);
    // Whatever leads to a commit has a higher generation, and so came before it.
    while let Some((id, of)) = front.next() {
        ahead += u64::from(of.ours && !of.theirs);
        behind += u64::from(of.theirs && !of.ours);
        let Some(window) = look(id)? else { return Ok(None) };
        for parent in window.parents.into_iter().flatten() {
            let generation = match look(parent)? {
                Some(window) => window.generation,
                // What both lead to is on neither side, however far it goes.
                None if of.ours && of.theirs => continue,
                None => return Ok(None),
            };
            front.add((generation, parent), of);
        }
    }
    Ok(Some((ahead, behind)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counted(
        known: &HashMap<CommitId, Window>,
        ours: CommitId,
        theirs: CommitId,
    ) -> Option<(u64, u64)> {
        apart(|id| Ok::<_, Infallible>(known.get(&id).copied()), ours, theirs).unwrap()
    }

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
            prop_assert_eq!(counted(&known, ours, theirs), Some((ahead, behind)));
        }
    }

    #[test]
    fn what_is_not_known_is_not_counted() {
        let chain: Vec<_> = (0..10).map(|at: usize| (at.checked_sub(1), None)).collect();
        let mut known = history(&chain);
        known.remove(&id(3));
        assert_eq!(counted(&known, id(9), id(6)), Some((3, 0)));
        assert_eq!(counted(&known, id(9), id(2)), None);
        assert_eq!(counted(&known, id(3), id(9)), None);
    }
}
