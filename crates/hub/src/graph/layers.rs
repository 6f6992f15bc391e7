//! New commits become a layer: what each of them changed is read once, here, and never again.

use std::collections::VecDeque;

use db::Tx;
use history::{
    graph::{Filter, Graph, MOST_CHANGES, NewCommit},
    tree::TreeDiff,
};
use names::{Id, NodeId};

use super::{fresh, store};
use crate::{Error, Hub, Repository, reading::Source};

/// Commits that become a layer at once: some megabytes.
const LAYER: usize = 10_000;
/// Commits whose trees are compared side by side, so that their nodes are asked for together.
const SIDE_BY_SIDE: usize = 256;
/// Bytes of the nodes that are held at once. One comparison always goes on, however large its nodes are.
const NODE_BYTES: usize = 8 << 20;

impl Hub {
    /// Has the files of this process caught up beside what is being asked, unless that is being done.
    pub(super) fn catch_up_here(&self, of: Id<Repository>) {
        if self.graphs.turn(of).try_lock().is_err() {
            return;
        }
        let hub = self.clone();
        self.graphs.beside(async move {
            if let Err(error) = hub.catch_up(of).await {
                tracing::warn!(repository = %of, %error, "the graph of a history was not written");
            }
        });
    }

    /// Writes everything that came since into the files of this process. One at a time for a repository.
    pub(super) async fn catch_up(&self, of: Id<Repository>) -> Result<(), Error> {
        let turn = self.graphs.turn(of);
        let _held = turn.lock().await;
        loop {
            let mut tx = self.db.read().await?;
            let Some((epoch, format)) = store::epoch(&mut tx, of).await? else {
                drop(tx);
                return self.graphs.forget(of).await;
            };
            let graph = self.graphs.stored(of, epoch).await?;
            let rows = store::after(&mut tx, of, fresh::last_row(&graph), LAYER).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            let (last_row, is_last) = (last.row, rows.len() < LAYER);
            let mut commits = fresh::commits(&graph, &rows)?;
            fill_filters((&self.source(of, format), &mut tx), &graph, &mut commits).await?;
            drop(tx);
            self.graphs.append((of, epoch), graph, commits, last_row).await?;
            if is_last {
                return Ok(());
            }
        }
    }
}

/// A comparison of a commit with its first parent.
struct Comparison {
    commit: usize,
    diff: TreeDiff,
    changed: Vec<String>,
}

/// Says of each new commit which paths it touched.
async fn fill_filters(
    (source, tx): (&Source, &mut Tx),
    graph: &Graph,
    commits: &mut [NewCommit],
) -> Result<(), Error> {
    let base = graph.len() as usize;
    let roots: Vec<_> = commits.iter().map(|commit| commit.root).collect();
    let root_of = |at: usize| {
        if let Some(own) = at.checked_sub(base) {
            roots.get(own).copied().ok_or_else(|| Error::Broken("a parent".to_owned()))
        } else {
            let at = u32::try_from(at).unwrap_or(u32::MAX);
            Ok(graph.root(history::graph::Position(at))?)
        }
    };
    let (mut next, mut open) = (0, VecDeque::<Comparison>::new());
    loop {
        while open.len() < SIDE_BY_SIDE
            && let Some(commit) = commits.get(next)
        {
            let before = commit.link.parents[0].map(|it| root_of(it.0 as usize)).transpose()?;
            let diff = TreeDiff::new(before, Some(commit.root), MOST_CHANGES + 1);
            open.push_back(Comparison { commit: next, diff, changed: Vec::new() });
            next += 1;
        }
        let mut going = VecDeque::with_capacity(open.len());
        for mut it in open {
            it.changed
                .extend(std::iter::from_fn(|| it.diff.next_change()).map(|it| it.path.to_string()));
            if it.diff.is_complete() || it.changed.len() > MOST_CHANGES {
                if let Some(commit) = commits.get_mut(it.commit) {
                    commit.filter = Filter::of(it.changed.iter().map(String::as_str));
                }
            } else {
                going.push_back(it);
            }
        }
        open = going;
        if open.is_empty() {
            if next >= commits.len() {
                return Ok(());
            }
            continue;
        }
        let wanted = fitting((source, tx), all_needs(&open)).await?;
        let nodes = source.shapes(tx, &wanted).await?;
        for it in &mut open {
            it.diff.give(&nodes).map_err(|error| Error::Broken(error.to_string()))?;
        }
    }
}

/// What all comparisons need, those of the first one first.
fn all_needs(open: &VecDeque<Comparison>) -> Vec<NodeId> {
    let mut seen = std::collections::HashSet::new();
    let needs = open.iter().flat_map(|it| it.diff.needs());
    needs.filter(|id| seen.insert(*id)).take(4 * SIDE_BY_SIDE).collect()
}

/// As many of them as may be held at once: at least two, a directory before and after.
async fn fitting(
    (source, tx): (&Source, &mut Tx),
    mut needs: Vec<NodeId>,
) -> Result<Vec<NodeId>, Error> {
    let sizes = source.node_sizes(tx, &needs).await?;
    let (mut bytes, mut taken) = (0, 0);
    for id in &needs {
        bytes += sizes.get(id).copied().unwrap_or_default();
        if taken >= 2 && bytes > NODE_BYTES {
            break;
        }
        taken += 1;
    }
    needs.truncate(taken);
    Ok(needs)
}
