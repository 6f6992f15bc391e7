//! What a push of Git writes beside the rows of commits: trees as snapshots, parents beyond the second.

use std::collections::HashMap;

use db::{Error, Tx};
use names::{CommitId, Id, NodeId, SnapshotId};

use crate::{Repository, reading::row_id};

db::statements! {
    ADD_SNAPSHOTS = {
        sqlite "
        INSERT INTO snapshots (repository_id, id, root_node, files, bytes, wire_bytes, created_at_text)
        SELECT $2, unhex(value), $3, 0, 0, 0, '' FROM json_each($1)",
        postgres "
        INSERT INTO snapshots (repository_id, id, root_node, files, bytes, wire_bytes, created_at_text)
        SELECT $2, decode(value, 'hex'), $3, 0, 0, 0, '' FROM jsonb_array_elements_text($1::jsonb)"
    };
    ADD_MORE_PARENTS = {
        sqlite "
        INSERT INTO commit_more_parents (repository_id, commit_id, place, parent)
        SELECT $2, unhex(value ->> 0), value ->> 1, unhex(value ->> 2) FROM json_each($1)",
        postgres "
        INSERT INTO commit_more_parents (repository_id, commit_id, place, parent)
        SELECT $2, decode(value ->> 0, 'hex'), (value ->> 1)::bigint, decode(value ->> 2, 'hex')
          FROM jsonb_array_elements($1::jsonb)"
    };
    MORE_PARENTS = {
        sqlite "
        SELECT m.commit_id, m.parent FROM json_each($2) AS wanted
          CROSS JOIN commit_more_parents AS m ON m.repository_id = $1 AND m.commit_id = unhex(wanted.value)
         ORDER BY m.commit_id, m.place",
        postgres "
        SELECT m.commit_id, m.parent FROM jsonb_array_elements_text($2::jsonb) AS wanted
          JOIN commit_more_parents AS m ON m.repository_id = $1 AND m.commit_id = decode(wanted.value, 'hex')
         ORDER BY m.commit_id, m.place"
    };
}

/// Adds trees as snapshots. `root` is the node that stands in for their directories, which are in packs.
pub(super) async fn add_snapshots(
    tx: &mut Tx,
    repository: Id<Repository>,
    trees: &[SnapshotId],
    root: NodeId,
) -> Result<(), Error> {
    if trees.is_empty() {
        return Ok(());
    }
    let root = &root.as_bytes()[..];
    db::execute!(tx, ADD_SNAPSHOTS, db::rows(trees), repository.uuid(), root).map(drop)
}

/// Adds parents beyond the second, with their places from 0.
pub(super) async fn put_more_parents(
    tx: &mut Tx,
    repository: Id<Repository>,
    parents: &[(CommitId, usize, CommitId)],
) -> Result<(), Error> {
    if parents.is_empty() {
        return Ok(());
    }
    db::execute!(tx, ADD_MORE_PARENTS, db::rows(parents), repository.uuid()).map(drop)
}

/// Adds to the two parents of commits those beyond them.
pub(crate) async fn add_more_parents(
    tx: &mut Tx,
    repository: Id<Repository>,
    of: Vec<(CommitId, &mut Vec<CommitId>)>,
) -> Result<(), Error> {
    // Whoever has a third parent has a second one.
    let merges = of.iter().filter(|(_, parents)| parents.len() > 1);
    let merges: Vec<_> = merges.map(|it| it.0).collect();
    let mut more = more_parents(tx, repository, &merges).await?;
    for (id, parents) in of {
        parents.extend(more.remove(&id).unwrap_or_default());
    }
    Ok(())
}

/// The parents beyond the second of those merges that have some. Only Git knows such.
pub(crate) async fn more_parents(
    tx: &mut Tx,
    repository: Id<Repository>,
    of: &[CommitId],
) -> Result<HashMap<CommitId, Vec<CommitId>>, Error> {
    let of: Vec<_> = of.iter().filter(|it| it.sha1().is_some()).collect();
    if of.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(Vec<u8>, Vec<u8>)> =
        db::fetch_all!(tx, MORE_PARENTS, repository.uuid(), db::rows(of))?;
    let mut found: HashMap<CommitId, Vec<CommitId>> = HashMap::new();
    for (commit, parent) in rows {
        found.entry(row_id(&commit)?).or_default().push(row_id(&parent)?);
    }
    Ok(found)
}
