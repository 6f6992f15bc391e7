//! Commits that no file holds yet, as rows tell them.

use std::collections::HashMap;

use history::graph::{Filter, Fresh, Graph, Link, NewCommit, Position};
use names::CommitId;

use super::store::Node;
use crate::Error;

/// The row of the last commit that files hold.
pub(super) fn last_row(graph: &Graph) -> i64 {
    graph.stored().last().map_or(0, |layer| layer.last_row())
}

/// The rows behind a graph, as commits of it. What they changed is not known yet.
pub(super) fn commits(graph: &Graph, rows: &[Node]) -> Result<Vec<NewCommit>, Error> {
    let mut own: HashMap<CommitId, Position> = HashMap::with_capacity(rows.len());
    let mut commits = Vec::with_capacity(rows.len());
    for (at, row) in (graph.len()..).zip(rows) {
        let mut parents = [None; 2];
        for (place, parent) in parents.iter_mut().zip(row.parents) {
            let Some(id) = parent else { continue };
            let found = match own.get(&id) {
                Some(found) => Some(*found),
                None => graph.find(&id)?,
            };
            let missing = || Error::Broken(format!("{id} does not stand before its child"));
            *place = Some(found.ok_or_else(missing)?);
        }
        own.insert(row.id, Position(at));
        let link = Link { parents, generation: row.generation, time: row.time };
        let (id, root, filter) = (row.id, row.root, Filter::UNKNOWN);
        commits.push(NewCommit { id, root, link, filter });
    }
    Ok(commits)
}

/// The graph with those rows on top.
pub(super) fn on_top(graph: &Graph, rows: &[Node]) -> Result<Graph, Error> {
    if rows.is_empty() {
        return Ok(graph.clone());
    }
    Ok(graph.with(Fresh::new(graph.len(), commits(graph, rows)?)))
}
