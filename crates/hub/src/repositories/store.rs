//! The table `repositories`.

use db::{Error, Tx};
use names::{Id, RepositoryName, UnixMillis};
use trust::{GrantedRow, Principal, Readers, ResourceRow};
use uuid::Uuid;

use super::{Cursor, Filter, Fork, Licence, Repository, Sort, Topic, Topics};

macro_rules! columns {
    () => {
        "r.id, r.owner_id, r.name, r.format, r.description, r.domain, r.default_branch, r.size_bytes, r.object_count, \
         r.commit_count, r.stars, r.watchers, r.language, r.training_opt_out, r.pushed_at, r.created_at, r.updated_at, r.homepage, r.archived_at, r.deleted_at, \
         r.require_signed_commits, r.require_signed_refs, r.licence, r.allow_forks, r.is_template, r.content_policy, \
         r.clashing_paths, r.secret_protection, r.indexed, \
         (SELECT string_agg(t.topic, ' ' ORDER BY t.topic) FROM repository_topics AS t WHERE t.repository_id = r.id) AS topics, \
         k.source_id AS fork_source, k.state AS fork_state, s.owner_handle, s.visibility"
    };
}

macro_rules! tables {
    () => {
        "repositories AS r JOIN resources AS s ON s.id = r.id LEFT JOIN repository_forks AS k ON k.repository_id = r.id"
    };
}

/// What a filter leaves. Empty words and nobody leave everything.
macro_rules! chosen {
    () => {
        "(CAST($5 AS bigint) = 0 OR r.owner_id = $6)
           AND ($7 = '' OR EXISTS (SELECT 1 FROM repository_topics AS w WHERE w.repository_id = r.id AND w.topic = $7))
           AND ($8 = '' OR r.licence = $8) AND ($9 = '' OR lower(r.language) = lower($9))
           AND (CAST($10 AS bigint) = 0
                OR EXISTS (SELECT 1 FROM stars AS l WHERE l.repository_id = r.id AND l.principal_id = $11))"
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
         WHERE ", trust::visible!(), " AND r.owner_id = $5 AND r.deleted_at IS NULL
           AND (coalesce(r.pushed_at, 0) < $2 OR (coalesce(r.pushed_at, 0) = $2 AND r.id < $3))
         ORDER BY coalesce(r.pushed_at, 0) DESC, r.id DESC LIMIT $4"));
    LIST_CHOSEN = (concat!("
        SELECT ", columns!(), ", ", trust::state!(), ", ", trust::granted_nothing!(), "
          FROM ", tables!(), "
         WHERE ", trust::visible!(), " AND ", chosen!(), "
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
    LIST_BY_STARS = (concat!("
        SELECT ", columns!(), ", ", trust::state!(), ", ", trust::granted_nothing!(), "
          FROM ", tables!(), "
         WHERE ", trust::visible!(), " AND ", chosen!(), "
           AND (r.stars < $2 OR (r.stars = $2 AND r.id < $3))
         ORDER BY r.stars DESC, r.id DESC LIMIT $4"));
    PINNED = (concat!("
        SELECT ", columns!(), ", ", trust::state!(), ", ", trust::granted_nothing!(), "
          FROM ", tables!(), " JOIN pinned_repositories AS w ON w.repository_id = r.id
         WHERE ", trust::visible!(), " AND w.principal_id = $2 ORDER BY w.position"));
    LARGEST = "
        SELECT name, size_bytes FROM repositories WHERE owner_id = $1 AND deleted_at IS NULL
         ORDER BY size_bytes DESC, name LIMIT $2";
    TEMPLATES = (concat!("
        SELECT s.owner_handle, r.name FROM repositories AS r JOIN resources AS s ON s.id = r.id
         WHERE r.is_template = 1 AND r.deleted_at IS NULL AND ", trust::visible!(), "
         ORDER BY s.owner_handle, r.name LIMIT 50"));
    SET_LICENCE = "UPDATE repositories SET licence = $2 WHERE id = $1";
    COUNT = "SELECT count(*) FROM repositories WHERE owner_id = $1 AND deleted_at IS NULL";
    INSERT = "
        INSERT INTO repositories
            (id, owner_id, name, format, description, domain, default_branch, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
}

/// A row, before it has been believed.
#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    owner_id: Uuid,
    owner_handle: String,
    name: String,
    format: String,
    description: String,
    domain: String,
    default_branch: String,
    size_bytes: i64,
    object_count: i64,
    commit_count: i64,
    stars: i64,
    watchers: i64,
    language: String,
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
    is_template: i64,
    content_policy: Option<String>,
    clashing_paths: String,
    secret_protection: String,
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
            format: row.format.parse().map_err(Error::corrupt("repositories.format"))?,
            description: row.description,
            domain: row.domain,
            default_branch: branch.map_err(Error::corrupt("repositories.default_branch"))?,
            size_bytes: count(row.size_bytes)?,
            object_count: count(row.object_count)?,
            commit_count: count(row.commit_count)?,
            stars: count(row.stars)?,
            watchers: count(row.watchers)?,
            language: row.language,
            says_no_training: row.training_opt_out == 1,
            require_signed_commits: row
                .require_signed_commits
                .parse()
                .map_err(Error::corrupt("repositories.require_signed_commits"))?,
            require_signed_refs: row.require_signed_refs == 1,
            is_template: row.is_template == 1,
            says_content: row
                .content_policy
                .map(|it| it.parse())
                .transpose()
                .map_err(Error::corrupt("repositories.content_policy"))?,
            clashing_paths: row
                .clashing_paths
                .parse()
                .map_err(Error::corrupt("repositories.clashing_paths"))?,
            secret_protection: row
                .secret_protection
                .parse()
                .map_err(Error::corrupt("repositories.secret_protection"))?,
            pushed_at: row.pushed_at.map(UnixMillis),
            created_at: UnixMillis(row.created_at),
            updated_at: UnixMillis(row.updated_at),
            homepage,
            licence,
            topics,
            says_forks: row.allow_forks.map(|it| it == 1),
            is_indexed: row.indexed == 1,
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
    let start = Cursor { rank: i64::MAX, id: Id::from_uuid(Uuid::max()) };
    let Cursor { rank, id } = after.unwrap_or(start);
    let (id, limit) = (id.uuid(), i64::from(limit) + 1);
    let Filter { owner, topic, licence, language, starred_by, sort } = filter;
    let is_plain = topic.is_none() && licence.is_none() && language.is_none();
    let is_plain = is_plain && starred_by.is_none() && *sort == Sort::Pushed;
    let rows: Vec<Row> = match owner {
        None if is_plain => db::fetch_all!(tx, LIST, reader, rank, id, limit)?,
        Some(owner) if is_plain => {
            db::fetch_all!(tx, LIST_OF_OWNER, reader, rank, id, limit, owner.uuid())?
        }
        owner => {
            let whose = |it: &Option<Id<Principal>>| it.map_or(Uuid::nil(), Id::uuid);
            let (any, owner) = (i64::from(owner.is_some()), whose(owner));
            let topic = topic.as_ref().map_or("", Topic::as_str);
            let licence = licence.as_ref().map_or("", Licence::as_str);
            let language = language.as_deref().unwrap_or_default();
            let (liked, by) = (i64::from(starred_by.is_some()), whose(starred_by));
            let chosen = match sort {
                Sort::Pushed => &LIST_CHOSEN,
                Sort::Stars => &LIST_BY_STARS,
            };
            db::fetch_all!(
                tx, *chosen, reader, rank, id, limit, any, owner, topic, licence, language, liked,
                by
            )?
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

/// What somebody pinned that `reader` may see, in its order.
pub(crate) async fn pinned(
    tx: &mut Tx,
    reader: Uuid,
    by: Id<Principal>,
) -> Result<Vec<Repository>, Error> {
    let rows: Vec<Row> = db::fetch_all!(tx, PINNED, reader, by.uuid())?;
    rows.into_iter().map(Repository::try_from).collect()
}

/// The largest live repositories of `owner`.
pub(crate) async fn largest(
    tx: &mut Tx,
    owner: Id<Principal>,
    limit: u32,
) -> Result<Vec<(RepositoryName, u64)>, Error> {
    let rows: Vec<(String, i64)> = db::fetch_all!(tx, LARGEST, owner.uuid(), i64::from(limit))?;
    let typed = |(name, bytes): (String, i64)| {
        let name = name.parse().map_err(Error::corrupt("repositories.name"))?;
        Ok((name, u64::try_from(bytes).map_err(Error::corrupt("repositories.size_bytes"))?))
    };
    rows.into_iter().map(typed).collect()
}

/// How many live repositories `owner` has.
pub(crate) async fn count(tx: &mut Tx, owner: Id<Principal>) -> Result<u64, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, COUNT, owner.uuid())?;
    u64::try_from(count).map_err(Error::corrupt("count(*)"))
}

/// Templates that `reader` may see, as `owner/name`: as many as a form lists.
pub(crate) async fn templates(tx: &mut Tx, reader: Uuid) -> Result<Vec<String>, Error> {
    let rows: Vec<(String, String)> = db::fetch_all!(tx, TEMPLATES, reader)?;
    Ok(rows.into_iter().map(|(owner, name)| format!("{owner}/{name}")).collect())
}

/// Says on which terms a new repository is had.
pub(super) async fn set_licence(
    tx: &mut Tx,
    id: Id<Repository>,
    licence: &Licence,
) -> Result<(), Error> {
    db::execute!(tx, SET_LICENCE, id.uuid(), licence.as_str()).map(drop)
}

/// Adds a repository.
pub(crate) async fn insert(tx: &mut Tx, it: &Repository) -> Result<(), Error> {
    db::execute!(
        tx,
        INSERT,
        it.id.uuid(),
        it.resource.owner.uuid(),
        it.name.as_str(),
        it.format.as_str(),
        &it.description,
        &it.domain,
        it.default_branch.as_str(),
        it.created_at.0,
        it.updated_at.0,
    )
    .map(drop)
}
