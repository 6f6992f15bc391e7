//! The commits that changed a path, what refs lead to, and cursors of walks.

use std::{collections::HashSet, sync::Arc};

use db::Tx;
use history::graph::{Budget, Frontier, Graph, GraphError, PathLog, Position, Reach};
use names::{CommitId, Digest, Id, RepoPath};

use super::{History, graphs::Reached, store, trees::Trees};
use crate::{Error, Hub, Repository, reading};

/// Commits that a page of a path's log looks at; what is left comes with the next one.
const OF_A_PAGE: Budget = Budget::steps(60_000);
/// Commits on the front of a walk that a cursor carries: more lines than this do not run beside each other.
const FRONT: usize = 1_000;

/// A page of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogPage {
    /// The commits, newest first. There may be fewer than were asked for, though more follow.
    pub(crate) commits: Vec<CommitId>,
    /// Where the next page begins; nothing at the end.
    pub(crate) next: Option<Vec<u8>>,
}

impl Hub {
    /// The commits that changed a path, newest first, from `cursor` on; as many as a page may look for.
    pub(crate) async fn path_log_page(
        &self,
        tx: Tx,
        id: Id<Repository>,
        (from, path): (&[CommitId], RepoPath),
        cursor: Option<&[u8]>,
        limit: usize,
    ) -> Result<LogPage, Error> {
        let mut tx = tx;
        let history = self.history(&mut tx, id).await?;
        let from = match cursor {
            Some(cursor) => read_frontier(&history, cursor)?.wanted,
            None => history.all_at(from)?,
        };
        let (epoch, trees) = (history.epoch, Trees::new(history.source.clone(), tx));
        let page = self.ask(id, &history, move |graph| {
            let mut log = PathLog::new(graph, path, &from)?;
            let (mut found, mut budget) = (Vec::new(), OF_A_PAGE);
            while found.len() < limit
                && let Some(at) = log.step(&trees, &mut budget)?
            {
                found.push(at);
            }
            let rest = Frontier { wanted: log.frontier(), hidden: Vec::new() };
            Ok(LogPage { commits: graph.ids(&found)?, next: write_frontier(epoch, &rest) })
        });
        page.await
    }

    /// Whether every one of `ids` is reached from a ref.
    pub(crate) async fn are_visible(
        &self,
        tx: &mut Tx,
        id: Id<Repository>,
        ids: &[CommitId],
    ) -> Result<bool, Error> {
        let history = match self.history(tx, id).await {
            Err(Error::NotIndexed) => return Ok(reading::all_visible(tx, id, ids).await?),
            history => history?,
        };
        let mut at = Vec::with_capacity(ids.len());
        for id in ids {
            let Some(found) = history.graph.find(id)? else { return Ok(false) };
            at.push(found);
        }
        let reached = self.reached(tx, id, &history).await?;
        Ok(at.iter().all(|at| reached.reach.has(*at)))
    }

    /// What refs lead to. After a push that left nothing behind it costs what came.
    async fn reached(
        &self,
        tx: &mut Tx,
        id: Id<Repository>,
        history: &History,
    ) -> Result<Arc<Reached>, Error> {
        let seal = store::seal(tx, id).await?.unwrap_or(Digest::from_bytes([0; 32]));
        let former = self.graphs.reached(id).filter(|it| it.epoch == history.epoch);
        if let Some(found) = former.as_ref().filter(|it| it.seal == seal) {
            return Ok(Arc::clone(found));
        }
        let heads = history.all_at(&store::targets(tx, id).await?)?;
        let (epoch, of) = (history.epoch, heads.clone());
        let reach = self.ask(id, history, move |graph| {
            // Where all that was reached is reached still, only what is new is walked over.
            match former {
                Some(former) if lead_to_all(graph, &of, &former.heads)? => {
                    former.reach.clone().and(graph, &of)
                }
                Some(_) | None => Reach::of(graph, &of),
            }
        });
        let reached = Arc::new(Reached { epoch, seal, heads, reach: reach.await? });
        // What only rows tell may never be committed; what a file tells was.
        if history.is_stored() {
            self.graphs.keep_reached(id, Arc::clone(&reached));
        }
        Ok(reached)
    }
}

/// Whether `heads` lead to every one of `former`.
fn lead_to_all(graph: &Graph, heads: &[Position], former: &[Position]) -> Result<bool, GraphError> {
    let here: HashSet<_> = heads.iter().collect();
    for left in former.iter().filter(|it| !here.contains(it)) {
        if !graph.is_ancestor(*left, heads)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A front as bytes: the epoch, then positions from the newest on, each as what it is below the one before. Nothing at the
/// end of a walk, or where more lines run beside each other than a cursor carries.
pub(crate) fn write_frontier(epoch: u64, it: &Frontier) -> Option<Vec<u8>> {
    if it.wanted.is_empty() || it.wanted.len() + it.hidden.len() > FRONT {
        return None;
    }
    let mut bytes = epoch.to_be_bytes().to_vec();
    for part in [&it.wanted, &it.hidden] {
        put_number(&mut bytes, u32::try_from(part.len()).unwrap_or(u32::MAX));
        let mut before = u32::MAX;
        for at in part {
            put_number(&mut bytes, before - at.0);
            before = at.0;
        }
    }
    Some(bytes)
}

/// The front that a cursor carries; gone if positions mean other commits by now.
pub(crate) fn read_frontier(history: &History, bytes: &[u8]) -> Result<Frontier, Error> {
    let front = parse_frontier(bytes).filter(|(epoch, _)| *epoch == history.epoch);
    let front = front.map(|(_, front)| front).ok_or(Error::CursorGone)?;
    let is_there = |at: &Position| at.0 < history.graph.len();
    if front.wanted.iter().chain(&front.hidden).all(is_there) {
        Ok(front)
    } else {
        Err(Error::CursorGone)
    }
}

fn parse_frontier(bytes: &[u8]) -> Option<(u64, Frontier)> {
    let (epoch, mut rest) = bytes.split_first_chunk::<8>()?;
    let mut front = Frontier::default();
    for part in [&mut front.wanted, &mut front.hidden] {
        let count = take_number(&mut rest)?;
        let mut before = u32::MAX;
        for _ in 0..count {
            before = before.checked_sub(take_number(&mut rest)?)?;
            part.push(Position(before));
        }
    }
    rest.is_empty().then_some((u64::from_be_bytes(*epoch), front))
}

fn put_number(bytes: &mut Vec<u8>, mut it: u32) {
    while it >= 0x80 {
        bytes.push(u8::try_from(it & 0x7f).unwrap_or_default() | 0x80);
        it >>= 7;
    }
    bytes.push(u8::try_from(it).unwrap_or_default());
}

fn take_number(rest: &mut &[u8]) -> Option<u32> {
    let mut it = 0_u32;
    for shift in (0..35).step_by(7) {
        let (byte, left) = rest.split_first()?;
        *rest = left;
        it |= u32::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(it);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_front_is_read_again(wanted in prop::collection::btree_set(0..u32::MAX, 1..30), hidden in prop::collection::btree_set(any::<u32>(), 0..9), epoch in any::<u64>()) {
            let down = |it: std::collections::BTreeSet<u32>| it.into_iter().rev().map(Position).collect();
            let front = Frontier { wanted: down(wanted), hidden: down(hidden) };
            let bytes = write_frontier(epoch, &front).unwrap();
            prop_assert_eq!(parse_frontier(&bytes), Some((epoch, front)));
            prop_assert_eq!(parse_frontier(&bytes[1..]), None);
        }

        #[test]
        fn any_bytes_are_a_front_or_none(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            drop(parse_frontier(&bytes));
        }
    }
}
