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
        let mut all = Vec::with_capacity(row.parents.len());
        for id in &row.parents {
            let found = match own.get(id) {
                Some(found) => Some(*found),
                None => graph.find(id)?,
            };
            let missing = || Error::Broken(format!("{id} does not stand before its child"));
            all.push(found.ok_or_else(missing)?);
        }
        let parents = [all.first().copied(), all.get(1).copied()];
        let more = all.split_off(all.len().min(2));
        own.insert(row.id, Position(at));
        let has_more = !more.is_empty();
        let link = Link { parents, has_more, generation: row.generation, time: row.time };
        let (id, root, filter) = (row.id, row.root, Filter::UNKNOWN);
        commits.push(NewCommit { id, root, link, more, filter });
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
