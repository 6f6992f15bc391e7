//! The table `repositories`.

use db::{Error, Tx};
use names::{Id, RepositoryName, UnixMillis};
use trust::{GrantedRow, Principal, Readers, ResourceRow};
use uuid::Uuid;

use super::{Cursor, Filter, Fork, Repository, Topics};

macro_rules! columns {
    () => {
        "r.id, r.owner_id, r.name, r.description, r.domain, r.default_branch, r.size_bytes, r.object_count, \
         r.commit_count, r.training_opt_out, r.pushed_at, r.created_at, r.updated_at, r.homepage, r.archived_at, r.deleted_at, \
         r.require_signed_commits, r.require_signed_refs, r.licence, r.allow_forks, r.indexed, r.stars, \
         (SELECT string_agg(t.topic, ' ' ORDER BY t.topic) FROM repository_topics AS t WHERE t.repository_id = r.id) AS topics, \
         k.source_id AS fork_source, k.state AS fork_state, s.owner_handle, s.visibility"
    };
}

macro_rules! tables {
    () => {
        "repositories AS r JOIN resources AS s ON s.id = r.id LEFT JOIN repository_forks AS k ON k.repository_id = r.id"
    };
}

db::statements! {
    FIND = (concat!("
        SELECT ", columns!(), ", ", trust::state!(), ", ", trust::granted!("$3", "$4"), "
          FROM ", tables!(), "
         WHERE r.owner_id = $1 AND r.name = $2 AND r.deleted_at IS NULL"));
    FIND_OR_MOVED = (concat!("
        SELECT ", columns!(), ", ", trust::state!(), ", ", trust::granted!("$3", "$4"), "
          FROM ", tables!(), "
         WHERE r.deleted_at IS NULL AND r.id = coalesce(
               (SELECT o.id FROM repositories AS o
                 WHERE o.owner_id = $1 AND o.name = $2 AND o.deleted_at IS NULL),
               (SELECT f.repository_id FROM repository_aliases AS f WHERE f.owner_id = $1 AND f.name = $2))"));
    FIND_DELETED = (concat!("
        SELECT ", columns!(), ", ", trust::state!(), ", ", trust::granted!("$3", "$4"), "
          FROM ", tables!(), "
         WHERE r.owner_id = $1 AND r.name = $2 AND r.deleted_at IS NOT NULL AND r.purge_at > 0
         ORDER BY r.deleted_at DESC, r.id LIMIT 1"));
    DELETED_OF = (concat!("
        SELECT ", columns!(), ", ", trust::state!(), ", ", trust::granted!("$2", "$3"), "
          FROM ", tables!(), "
         WHERE r.owner_id = $1 AND r.deleted_at IS NOT NULL AND r.purge_at > 0
         ORDER BY r.deleted_at DESC, r.id LIMIT 500"));
    BY_ID_FOR = (concat!("
        SELECT ", columns!(), ", ", trust::state!(), ", ", trust::granted!("$2", "$3"), "
          FROM ", tables!(), " WHERE r.id = $1"));
    FORGET_ALIAS = "DELETE FROM repository_aliases WHERE owner_id = $1 AND name = $2";
    BY_ID = (concat!("
        SELECT ", columns!(), ", ", trust::state!(), ", ", trust::granted_nothing!(), "
          FROM ", tables!(), " WHERE r.id = $1"));
    LIST = (concat!("
        SELECT ", columns!(), ", ", trust::state!(), ", ", trust::granted_nothing!(), "
          FROM ", tables!(), "
         WHERE ", trust::visible!(), "
           AND (coalesce(r.pushed_at, 0) < $2 OR (coalesce(r.pushed_at, 0) = $2 AND r.id < $3))
         ORDER BY coalesce(r.pushed_at, 0) DESC, r.id DESC LIMIT $4"));
    LIST_OF_OWNER = (concat!("
        SELECT ", columns!(), ", ", trust::state!(), ", ", trust::granted_nothing!(), "
          FROM ", tables!(), "
         WHERE ", trust::visible!(), " AND r.owner_id = $5
           AND (coalesce(r.pushed_at, 0) < $2 OR (coalesce(r.pushed_at, 0) = $2 AND r.id < $3))
         ORDER BY coalesce(r.pushed_at, 0) DESC, r.id DESC LIMIT $4"));
    LIST_OF_TOPIC = (concat!("
        SELECT ", columns!(), ", ", trust::state!(), ", ", trust::granted_nothing!(), "
          FROM ", tables!(), " JOIN repository_topics AS w ON w.repository_id = r.id
         WHERE ", trust::visible!(), " AND w.topic = $5 AND (r.owner_id = $6 OR CAST($7 AS bigint) = 1)
           AND (coalesce(r.pushed_at, 0) < $2 OR (coalesce(r.pushed_at, 0) = $2 AND r.id < $3))
         ORDER BY coalesce(r.pushed_at, 0) DESC, r.id DESC LIMIT $4"));
    VISIBLE_OF = {
        sqlite (concat!("
        SELECT ", columns!(), ", ", trust::state!(), ", ", trust::granted_nothing!(), "
          FROM ", tables!(), "
         WHERE ", trust::visible!(), " AND r.indexed = 1 AND r.id IN (SELECT unhex(value) FROM json_each($2))")),
        postgres (concat!("
        SELECT ", columns!(), ", ", trust::state!(), ", ", trust::granted_nothing!(), "
          FROM ", tables!(), "
         WHERE ", trust::visible!(), " AND r.indexed = 1
           AND r.id IN (SELECT CAST(jsonb_array_elements_text(CAST($2 AS jsonb)) AS uuid))"))
    };
    COUNT = "SELECT count(*) FROM repositories WHERE owner_id = $1 AND deleted_at IS NULL";
    INSERT = "
        INSERT INTO repositories
            (id, owner_id, name, format, description, domain, default_branch, created_at, updated_at)
        VALUES ($1, $2, $3, 'muse', $4, $5, $6, $7, $8)";
}

/// A row, before it has been believed.
#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    owner_id: Uuid,
    owner_handle: String,
    name: String,
    description: String,
    domain: String,
    default_branch: String,
    size_bytes: i64,
    object_count: i64,
    commit_count: i64,
    training_opt_out: i64,
    pushed_at: Option<i64>,
    created_at: i64,
    updated_at: i64,
    homepage: String,
    archived_at: Option<i64>,
    deleted_at: Option<i64>,
    require_signed_commits: String,
    require_signed_refs: i64,
    licence: String,
    allow_forks: Option<i64>,
    indexed: i64,
    stars: i64,
    topics: Option<String>,
    fork_source: Option<Uuid>,
    fork_state: Option<String>,
    visibility: String,
    state: String,
    #[sqlx(flatten)]
    granted: GrantedRow,
}

impl TryFrom<Row> for Repository {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let count =
            |number: i64| u64::try_from(number).map_err(Error::corrupt("repositories.*_count"));
        let branch = row.default_branch.parse();
        let homepage = Some(row.homepage.as_str()).filter(|it| !it.is_empty()).map(str::parse);
        let licence = Some(row.licence.as_str()).filter(|it| !it.is_empty()).map(str::parse);
        let licence = licence.transpose().map_err(Error::corrupt("repositories.licence"))?;
        let topics = Topics::parse(row.topics.as_deref().unwrap_or_default().split_whitespace())
            .map_err(Error::corrupt("repository_topics.topic"))?;
        let fork = row.fork_state.map(|state| Fork {
            source: row.fork_source.map(Id::from_uuid),
            is_copying: state == "copying",
        });
        let homepage = homepage.transpose().map_err(Error::corrupt("repositories.homepage"))?;
        Ok(Self {
            id: Id::from_uuid(row.id),
            owner: row.owner_handle.parse().map_err(Error::corrupt("resources.owner_handle"))?,
            name: row.name.parse().map_err(Error::corrupt("repositories.name"))?,
            resource: ResourceRow::parse(
                row.id,
                row.owner_id,
                &row.visibility,
                &row.state,
                row.granted,
            )?,
            description: row.description,
            domain: row.domain,
            default_branch: branch.map_err(Error::corrupt("repositories.default_branch"))?,
            size_bytes: count(row.size_bytes)?,
            object_count: count(row.object_count)?,
            commit_count: count(row.commit_count)?,
            says_no_training: row.training_opt_out == 1,
            require_signed_commits: row
                .require_signed_commits
                .parse()
                .map_err(Error::corrupt("repositories.require_signed_commits"))?,
            require_signed_refs: row.require_signed_refs == 1,
            pushed_at: row.pushed_at.map(UnixMillis),
            created_at: UnixMillis(row.created_at),
            updated_at: UnixMillis(row.updated_at),
            homepage,
            licence,
            topics,
            says_forks: row.allow_forks.map(|it| it == 1),
            is_indexed: row.indexed == 1,
            stars: count(row.stars)?,
            fork,
            archived_at: row.archived_at.map(UnixMillis),
            deleted_at: row.deleted_at.map(UnixMillis),
        })
    }
}

/// The live repository of `owner` called `name`, with what `readers` were granted on it.
pub(crate) async fn find(
    tx: &mut Tx,
    owner: Id<Principal>,
    name: &RepositoryName,
    readers: Readers,
) -> Result<Option<Repository>, Error> {
    let (owner, own, behind) = (owner.uuid(), readers.own, readers.behind);
    let row: Option<Row> = db::fetch_optional!(tx, FIND, owner, name.as_str(), own, behind)?;
    row.map(Repository::try_from).transpose()
}

/// The live repository of `owner` that is or was called `name`. One statement, so that a former name costs what any
/// other does.
pub(super) async fn find_or_moved(
    tx: &mut Tx,
    owner: Id<Principal>,
    name: &RepositoryName,
    readers: Readers,
) -> Result<Option<Repository>, Error> {
    let (owner, own, behind) = (owner.uuid(), readers.own, readers.behind);
    let row: Option<Row> =
        db::fetch_optional!(tx, FIND_OR_MOVED, owner, name.as_str(), own, behind)?;
    row.map(Repository::try_from).transpose()
}

/// The repository of `owner` that was called `name` and was deleted last.
pub(crate) async fn find_deleted(
    tx: &mut Tx,
    owner: Id<Principal>,
    name: &RepositoryName,
    readers: Readers,
) -> Result<Option<Repository>, Error> {
    let (owner, own, behind) = (owner.uuid(), readers.own, readers.behind);
    let row: Option<Row> =
        db::fetch_optional!(tx, FIND_DELETED, owner, name.as_str(), own, behind)?;
    row.map(Repository::try_from).transpose()
}

/// What `owner` deleted, the last deleted first.
pub(crate) async fn deleted_of(
    tx: &mut Tx,
    owner: Id<Principal>,
    readers: Readers,
) -> Result<Vec<Repository>, Error> {
    let (own, behind) = (readers.own, readers.behind);
    let rows: Vec<Row> = db::fetch_all!(tx, DELETED_OF, owner.uuid(), own, behind)?;
    rows.into_iter().map(Repository::try_from).collect()
}

/// The repository, deleted or not, with what `readers` were granted on it.
pub(crate) async fn by_id_for(
    tx: &mut Tx,
    id: Id<Repository>,
    readers: Readers,
) -> Result<Option<Repository>, Error> {
    let (own, behind) = (readers.own, readers.behind);
    let row: Option<Row> = db::fetch_optional!(tx, BY_ID_FOR, id.uuid(), own, behind)?;
    row.map(Repository::try_from).transpose()
}

/// Lets a former name lead nowhere.
pub(crate) async fn forget_alias(
    tx: &mut Tx,
    owner: Id<Principal>,
    name: &RepositoryName,
) -> Result<(), Error> {
    db::execute!(tx, FORGET_ALIAS, owner.uuid(), name.as_str()).map(drop)
}

/// The repository, deleted or not.
pub(crate) async fn by_id(tx: &mut Tx, id: Id<Repository>) -> Result<Option<Repository>, Error> {
    let row: Option<Row> = db::fetch_optional!(tx, BY_ID, id.uuid())?;
    row.map(Repository::try_from).transpose()
}

/// What `reader` may see, newest push first: one more than `limit`, to know whether there are more.
pub(crate) async fn list(
    tx: &mut Tx,
    reader: Uuid,
    filter: &Filter,
    after: Option<Cursor>,
    limit: u16,
) -> Result<Vec<Repository>, Error> {
    let start = Cursor { pushed_at: UnixMillis(i64::MAX), id: Id::from_uuid(Uuid::max()) };
    let Cursor { pushed_at, id } = after.unwrap_or(start);
    let (from, id, limit) = (pushed_at.0, id.uuid(), i64::from(limit) + 1);
    let rows: Vec<Row> = match (filter.owner, &filter.topic) {
        (None, None) => db::fetch_all!(tx, LIST, reader, from, id, limit)?,
        (Some(owner), None) => {
            db::fetch_all!(tx, LIST_OF_OWNER, reader, from, id, limit, owner.uuid())?
        }
        (owner, Some(topic)) => {
            let (any, topic) = (i64::from(owner.is_none()), topic.as_str());
            let owner = owner.map_or(Uuid::nil(), Id::uuid);
            db::fetch_all!(tx, LIST_OF_TOPIC, reader, from, id, limit, topic, owner, any)?
        }
    };
    rows.into_iter().map(Repository::try_from).collect()
}

/// Those of `ids` that a list would show to `reader`, and that are searched.
pub(crate) async fn visible_of(
    tx: &mut Tx,
    reader: Uuid,
    ids: &[Id<Repository>],
) -> Result<Vec<Repository>, Error> {
    let ids = db::rows(ids.iter().map(|it| it.uuid().simple().to_string()));
    let rows: Vec<Row> = db::fetch_all!(tx, VISIBLE_OF, reader, ids)?;
    rows.into_iter().map(Repository::try_from).collect()
}

/// How many live repositories `owner` has.
pub(crate) async fn count(tx: &mut Tx, owner: Id<Principal>) -> Result<u64, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, COUNT, owner.uuid())?;
    u64::try_from(count).map_err(Error::corrupt("count(*)"))
}

/// Adds a repository.
pub(crate) async fn insert(tx: &mut Tx, it: &Repository) -> Result<(), Error> {
    db::execute!(
        tx,
        INSERT,
        it.id.uuid(),
        it.resource.owner.uuid(),
        it.name.as_str(),
        &it.description,
        &it.domain,
        it.default_branch.as_str(),
        it.created_at.0,
        it.updated_at.0,
    )
    .map(drop)
}
