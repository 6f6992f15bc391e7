//! The table `commit_labels`.

use std::collections::HashMap;

use api::wire::Label;
use db::{Error, Tx};
use names::{CommitId, Id, UnixMillis};
use trust::Principal;
use uuid::Uuid;

use super::Place;
use crate::Repository;

db::statements! {
    ADD = {
        sqlite "
        INSERT INTO commit_labels (repository_id, id, commit_id, label, created_at_text, received_at, received_by)
        SELECT $2, unhex(value ->> 0, '-'), unhex(value ->> 1), value ->> 2, value ->> 3, $3, $4
          FROM json_each($1) WHERE true
        ON CONFLICT (repository_id, id) DO NOTHING",
        postgres "
        INSERT INTO commit_labels (repository_id, id, commit_id, label, created_at_text, received_at, received_by)
        SELECT $2, (value ->> 0)::uuid, decode(value ->> 1, 'hex'), value ->> 2, value ->> 3, $3, $4
          FROM jsonb_array_elements($1::jsonb)
        ON CONFLICT (repository_id, id) DO NOTHING"
    };
    COUNT = "SELECT count(*) FROM commit_labels WHERE repository_id = $1";
    AFTER = "
        SELECT id, commit_id, label, created_at_text, received_at FROM commit_labels
         WHERE repository_id = $1 AND (received_at > $2 OR (received_at = $2 AND id > $3))
         ORDER BY received_at, id LIMIT $4";
    OF_COMMITS = {
        sqlite "
        SELECT commit_id, label
          FROM (SELECT commit_id, label, row_number() OVER (PARTITION BY commit_id ORDER BY label) AS place
                  FROM (SELECT DISTINCT l.commit_id, l.label FROM json_each($2) AS wanted
                          CROSS JOIN commit_labels AS l INDEXED BY commit_labels_commit
                            ON l.repository_id = $1 AND l.commit_id = unhex(wanted.value)) AS once) AS placed
         WHERE place <= $3 ORDER BY label",
        postgres "
        SELECT commit_id, label
          FROM (SELECT commit_id, label, row_number() OVER (PARTITION BY commit_id ORDER BY label) AS place
                  FROM (SELECT DISTINCT l.commit_id, l.label FROM jsonb_array_elements_text($2::jsonb) AS wanted
                          JOIN commit_labels AS l
                            ON l.repository_id = $1 AND l.commit_id = decode(wanted.value, 'hex')) AS once) AS placed
         WHERE place <= $3 ORDER BY label"
    };
}

/// Labels of one commit that a page shows.
const SHOWN: i64 = 20;

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    commit_id: Vec<u8>,
    label: String,
    created_at_text: String,
    received_at: i64,
}

fn commit_id(bytes: &[u8]) -> Result<CommitId, Error> {
    bytes.try_into().map_err(Error::corrupt("commit_labels.commit_id"))
}

/// Adds what is not known; gives how many that are.
pub(super) async fn add(
    tx: &mut Tx,
    repository: Id<Repository>,
    by: Id<Principal>,
    labels: &[Label],
    now: UnixMillis,
) -> Result<u64, Error> {
    let rows = db::rows(
        labels.iter().map(|it| (it.tag_id.to_string(), it.commit_id, &it.tag, &it.created_at)),
    );
    db::execute!(tx, ADD, rows, repository.uuid(), now.0, by.uuid())
}

pub(super) async fn count(tx: &mut Tx, repository: Id<Repository>) -> Result<u64, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, COUNT, repository.uuid())?;
    u64::try_from(count).map_err(Error::corrupt("count(*)"))
}

/// The next labels, with their places.
pub(super) async fn after(
    tx: &mut Tx,
    repository: Id<Repository>,
    after: Place,
    limit: u32,
) -> Result<Vec<(Place, Label)>, Error> {
    let Place { received_at, id } = after;
    let (of, limit) = (repository.uuid(), i64::from(limit));
    let rows: Vec<Row> = db::fetch_all!(tx, AFTER, of, received_at.0, id.uuid(), limit)?;
    let believe = |row: Row| {
        let id = Id::from_uuid(row.id);
        let label = Label {
            tag_id: id,
            repo_id: repository.to_string(),
            commit_id: commit_id(&row.commit_id)?,
            tag: row.label,
            created_at: row.created_at_text,
        };
        Ok((Place { received_at: UnixMillis(row.received_at), id }, label))
    };
    rows.into_iter().map(believe).collect()
}

/// The labels of commits, each once and by name, as many as a page shows.
pub(crate) async fn of_commits(
    tx: &mut Tx,
    repository: Id<Repository>,
    ids: &[CommitId],
) -> Result<HashMap<CommitId, Vec<String>>, Error> {
    let rows: Vec<(Vec<u8>, String)> =
        db::fetch_all!(tx, OF_COMMITS, repository.uuid(), db::rows(ids), SHOWN)?;
    let mut labels: HashMap<CommitId, Vec<String>> = HashMap::new();
    for (commit, label) in rows {
        labels.entry(commit_id(&commit)?).or_default().push(label);
    }
    Ok(labels)
}
