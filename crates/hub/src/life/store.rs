//! What changes in the life of a repository: columns of `repositories`, and `repository_aliases`.

use db::{Error, Tx};
use names::{Id, UnixMillis};
use uuid::Uuid;

use crate::{Homepage, Licence, Repository, Topic, Topics, intake::ContentPolicy};

db::statements! {
    CHANGE = "
        UPDATE repositories
           SET name = $2, description = $3, homepage = $4, default_branch = $5, archived_at = $6, updated_at = $7,
               training_opt_out = $8, require_signed_commits = $9, require_signed_refs = $10, licence = $11,
               allow_forks = $12, is_template = $13, content_policy = $14, clashing_paths = $15, indexed = $16,
               secret_protection = $17,
               deleted_at = NULL, purge_at = NULL
         WHERE id = $1";
    CLEAR_TOPICS = "DELETE FROM repository_topics WHERE repository_id = $1";
    ADD_TOPICS = {
        sqlite "INSERT INTO repository_topics (repository_id, topic) SELECT $2, value FROM json_each($1)",
        postgres "
        INSERT INTO repository_topics (repository_id, topic) SELECT $2, jsonb_array_elements_text($1::jsonb)"
    };
    ADD_ALIAS = "
        INSERT INTO repository_aliases (owner_id, name, repository_id, created_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (owner_id, name) DO UPDATE
        SET repository_id = excluded.repository_id, created_at = excluded.created_at";
    DELETE = "UPDATE repositories SET deleted_at = $2, purge_at = $3, updated_at = $2 WHERE id = $1";
    PURGE_NOW = "UPDATE repositories SET purge_at = $2 WHERE id = $1 AND deleted_at IS NOT NULL";
    // From here on there is no way back: no time is as long ago as that.
    BEGIN_PURGE = "UPDATE repositories SET purge_at = 0 WHERE id = $1 AND deleted_at IS NOT NULL";
    IS_RESTORABLE = "SELECT CAST(1 AS BIGINT) FROM repositories WHERE id = $1 AND deleted_at IS NOT NULL AND purge_at > 0";
    TO_PURGE = "
        SELECT id FROM repositories WHERE purge_at <= $1 AND deleted_at IS NOT NULL ORDER BY purge_at LIMIT $2";
}

/// Writes what a repository says of itself. One that is changed is not deleted.
pub(super) async fn change(tx: &mut Tx, it: &Repository) -> Result<(), Error> {
    let (name, branch) = (it.name.as_str(), it.default_branch.as_str());
    let homepage = it.homepage.as_ref().map_or("", Homepage::as_str);
    let archived_at = it.archived_at.map(|at| at.0);
    let id = it.id.uuid();
    let (now, says_no) = (it.updated_at.0, i64::from(it.says_no_training));
    let text = &it.description;
    let (commits, refs) = (it.require_signed_commits.as_str(), i64::from(it.require_signed_refs));
    let licence = it.licence.as_ref().map_or("", Licence::as_str);
    let forks = it.says_forks.map(i64::from);
    let template = i64::from(it.is_template);
    let content = it.says_content.map(ContentPolicy::as_str);
    let clashing = it.clashing_paths.as_str();
    db::execute!(
        tx,
        CHANGE,
        id,
        name,
        text,
        homepage,
        branch,
        archived_at,
        now,
        says_no,
        commits,
        refs,
        licence,
        forks,
        template,
        content,
        clashing,
        i64::from(it.is_indexed),
        it.secret_protection.as_str()
    )
    .map(drop)
}

pub(super) async fn set_topics(
    tx: &mut Tx,
    id: Id<Repository>,
    topics: &Topics,
) -> Result<(), Error> {
    db::execute!(tx, CLEAR_TOPICS, id.uuid())?;
    let words = db::rows(topics.iter().map(Topic::as_str));
    db::execute!(tx, ADD_TOPICS, words, id.uuid()).map(drop)
}

/// Lets the name that a repository has lead on to it.
pub(crate) async fn add_alias(tx: &mut Tx, it: &Repository, now: UnixMillis) -> Result<(), Error> {
    let (owner, name) = (it.resource.owner.uuid(), it.name.as_str());
    db::execute!(tx, ADD_ALIAS, owner, name, it.id.uuid(), now.0).map(drop)
}

pub(super) async fn delete(
    tx: &mut Tx,
    id: Id<Repository>,
    now: UnixMillis,
    purge_at: UnixMillis,
) -> Result<(), Error> {
    db::execute!(tx, DELETE, id.uuid(), now.0, purge_at.0).map(drop)
}

pub(super) async fn purge_now(
    tx: &mut Tx,
    id: Id<Repository>,
    now: UnixMillis,
) -> Result<(), Error> {
    db::execute!(tx, PURGE_NOW, id.uuid(), now.0).map(drop)
}

/// What is being removed for good cannot be restored any more.
pub(crate) async fn begin_purge(tx: &mut Tx, id: Id<Repository>) -> Result<(), Error> {
    db::execute!(tx, BEGIN_PURGE, id.uuid()).map(drop)
}

/// Whether the repository is deleted, and nothing of it has gone yet.
pub(super) async fn is_restorable(tx: &mut Tx, id: Id<Repository>) -> Result<bool, Error> {
    let row: Option<(i64,)> = db::fetch_optional!(tx, IS_RESTORABLE, id.uuid())?;
    Ok(row.is_some())
}

/// Deleted repositories whose time is over.
pub(crate) async fn to_purge(
    tx: &mut Tx,
    now: UnixMillis,
    limit: u32,
) -> Result<Vec<Id<Repository>>, Error> {
    let rows: Vec<(Uuid,)> = db::fetch_all!(tx, TO_PURGE, now.0, i64::from(limit))?;
    Ok(rows.into_iter().map(|(id,)| Id::from_uuid(id)).collect())
}
