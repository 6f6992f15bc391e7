//! What feeds ask of `releases` and `refs`.

use db::{Error, Tx};
use names::{CommitId, Id, UnixMillis};
use uuid::Uuid;

use crate::Repository;

db::statements! {
    RELEASES = "
        SELECT r.id, r.tag, r.title, r.notes, r.commit_id, r.published_at AS at, p.handle AS made_by
          FROM releases AS r JOIN principals AS p ON p.id = r.made_by
         WHERE r.repository_id = $1 AND r.published_at IS NOT NULL AND r.yanked_at IS NULL
         ORDER BY r.published_at DESC, r.id DESC LIMIT $2";
    TAGS = "
        SELECT name, target, updated_at FROM refs WHERE repository_id = $1 AND kind = 'tag'
         ORDER BY updated_at DESC, name LIMIT $2";
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    tag: String,
    title: String,
    notes: String,
    commit_id: Vec<u8>,
    at: i64,
    made_by: String,
}

/// A release that is out.
#[derive(Debug)]
pub(super) struct Released {
    pub(super) id: Uuid,
    pub(super) tag: String,
    pub(super) title: String,
    pub(super) notes: String,
    pub(super) commit: CommitId,
    pub(super) at: UnixMillis,
    pub(super) by: String,
}

/// A tag.
#[derive(Debug)]
pub(super) struct Tag {
    pub(super) name: String,
    pub(super) target: CommitId,
    pub(super) at: UnixMillis,
}

fn commit(bytes: &[u8]) -> Result<CommitId, Error> {
    bytes.try_into().map_err(Error::corrupt("a commit's id"))
}

pub(super) async fn releases(
    tx: &mut Tx,
    repository: Id<Repository>,
    limit: u32,
) -> Result<Vec<Released>, Error> {
    let rows: Vec<Row> = db::fetch_all!(tx, RELEASES, repository.uuid(), i64::from(limit))?;
    let shown = |row: Row| {
        Ok(Released {
            id: row.id,
            tag: row.tag,
            title: row.title,
            notes: row.notes,
            commit: commit(&row.commit_id)?,
            at: UnixMillis(row.at),
            by: row.made_by,
        })
    };
    rows.into_iter().map(shown).collect()
}

pub(super) async fn tags(
    tx: &mut Tx,
    repository: Id<Repository>,
    limit: u32,
) -> Result<Vec<Tag>, Error> {
    let rows: Vec<(String, Vec<u8>, i64)> =
        db::fetch_all!(tx, TAGS, repository.uuid(), i64::from(limit))?;
    let shown = |(name, target, at): (String, Vec<u8>, i64)| {
        let name = name.strip_prefix("refs/tags/").unwrap_or(&name).to_owned();
        Ok(Tag { name, target: commit(&target)?, at: UnixMillis(at) })
    };
    rows.into_iter().map(shown).collect()
}
