//! The tables `stars`, `repository_subscriptions`, `follows` and `pinned_repositories`; counters in `repositories`.

use db::{Error, Tx};
use names::{Id, UnixMillis};
use serde_json::{Value, json};
use trust::Principal;
use uuid::Uuid;

use super::{Marks, Watch, lists::Somebody};
use crate::Repository;

db::statements! {
    STAR = "
        INSERT INTO stars (repository_id, principal_id, created_at) VALUES ($1, $2, $3)
        ON CONFLICT (repository_id, principal_id) DO NOTHING";
    UNSTAR = "DELETE FROM stars WHERE repository_id = $1 AND principal_id = $2";
    COUNT_STARS = "
        UPDATE repositories SET stars = (SELECT count(*) FROM stars AS t WHERE t.repository_id = $1) WHERE id = $1";
    WATCH = "
        INSERT INTO repository_subscriptions (repository_id, principal_id, level, created_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (repository_id, principal_id) DO UPDATE SET level = excluded.level";
    UNWATCH = "DELETE FROM repository_subscriptions WHERE repository_id = $1 AND principal_id = $2";
    COUNT_WATCHERS = "
        UPDATE repositories
           SET watchers = (SELECT count(*) FROM repository_subscriptions AS w
                            WHERE w.repository_id = $1 AND w.level <> 'ignore')
         WHERE id = $1";
    FOLLOW = "
        INSERT INTO follows (followed_id, principal_id, created_at) VALUES ($1, $2, $3)
        ON CONFLICT (followed_id, principal_id) DO NOTHING";
    UNFOLLOW = "DELETE FROM follows WHERE followed_id = $1 AND principal_id = $2";
    HAS_STARRED = "SELECT CAST(1 AS BIGINT) FROM stars WHERE repository_id = $1 AND principal_id = $2";
    WATCHES = "SELECT level FROM repository_subscriptions WHERE repository_id = $1 AND principal_id = $2";
    STARGAZERS = "
        SELECT p.handle, p.kind, t.created_at, CAST(NULL AS TEXT) AS level
          FROM stars AS t JOIN principals AS p ON p.id = t.principal_id
         WHERE t.repository_id = $1 AND p.status <> 'deleted' AND p.handle > $2 ORDER BY p.handle LIMIT $3";
    WATCHERS = "
        SELECT p.handle, p.kind, t.created_at, t.level
          FROM repository_subscriptions AS t JOIN principals AS p ON p.id = t.principal_id
         WHERE t.repository_id = $1 AND t.level <> 'ignore' AND p.status <> 'deleted' AND p.handle > $2
         ORDER BY p.handle LIMIT $3";
    FOLLOWERS = "
        SELECT p.handle, p.kind, t.created_at, CAST(NULL AS TEXT) AS level
          FROM follows AS t JOIN principals AS p ON p.id = t.principal_id
         WHERE t.followed_id = $1 AND p.status <> 'deleted' AND p.handle > $2 ORDER BY p.handle LIMIT $3";
    FOLLOWING = "
        SELECT p.handle, p.kind, t.created_at, CAST(NULL AS TEXT) AS level
          FROM follows AS t JOIN principals AS p ON p.id = t.followed_id
         WHERE t.principal_id = $1 AND p.status <> 'deleted' AND p.handle > $2 ORDER BY p.handle LIMIT $3";
    COUNTS = (concat!("
        SELECT (SELECT count(*) FROM follows AS t JOIN principals AS p ON p.id = t.principal_id
                 WHERE t.followed_id = $2 AND p.status <> 'deleted') AS followers,
               (SELECT count(*) FROM follows AS t JOIN principals AS p ON p.id = t.followed_id
                 WHERE t.principal_id = $2 AND p.status <> 'deleted') AS following,
               (SELECT count(*) FROM stars AS t JOIN resources AS s ON s.id = t.repository_id
                 WHERE t.principal_id = $2 AND ", trust::visible!(), ") AS starred,
               (SELECT count(*) FROM follows AS t WHERE t.followed_id = $2 AND t.principal_id = $3) AS is_followed"));
    CLEAR_PINS = "DELETE FROM pinned_repositories WHERE principal_id = $1";
    PIN = "INSERT INTO pinned_repositories (principal_id, position, repository_id) VALUES ($1, $2, $3)";
    DEPARTED_STARS = "
        SELECT DISTINCT t.repository_id FROM stars AS t JOIN principals AS p ON p.id = t.principal_id
         WHERE p.status = 'deleted' LIMIT $1";
    DEPARTED_WATCHERS = "
        SELECT DISTINCT t.repository_id FROM repository_subscriptions AS t JOIN principals AS p ON p.id = t.principal_id
         WHERE p.status = 'deleted' LIMIT $1";
    FORGET_STARS = "
        DELETE FROM stars
         WHERE repository_id = $1 AND principal_id IN (SELECT id FROM principals WHERE status = 'deleted')";
    FORGET_WATCHERS = "
        DELETE FROM repository_subscriptions
         WHERE repository_id = $1 AND principal_id IN (SELECT id FROM principals WHERE status = 'deleted')";
    FORGET_FOLLOWS = "
        DELETE FROM follows
         WHERE principal_id IN (SELECT id FROM principals WHERE status = 'deleted')
            OR followed_id IN (SELECT id FROM principals WHERE status = 'deleted')";
    FORGET_PINS = "
        DELETE FROM pinned_repositories WHERE principal_id IN (SELECT id FROM principals WHERE status = 'deleted')";
    OWN_STARS = "
        SELECT s.owner_handle AS owner, r.name, t.created_at, CAST(NULL AS TEXT) AS level
          FROM stars AS t JOIN repositories AS r ON r.id = t.repository_id JOIN resources AS s ON s.id = r.id
         WHERE t.principal_id = $1 ORDER BY t.created_at, r.id";
    OWN_SUBSCRIPTIONS = "
        SELECT s.owner_handle AS owner, r.name, t.created_at, t.level
          FROM repository_subscriptions AS t JOIN repositories AS r ON r.id = t.repository_id
          JOIN resources AS s ON s.id = r.id
         WHERE t.principal_id = $1 ORDER BY t.created_at, r.id";
    OWN_PINS = "
        SELECT s.owner_handle AS owner, r.name, t.position AS created_at, CAST(NULL AS TEXT) AS level
          FROM pinned_repositories AS t JOIN repositories AS r ON r.id = t.repository_id
          JOIN resources AS s ON s.id = r.id
         WHERE t.principal_id = $1 ORDER BY t.position";
    OWN_FOLLOWS = "
        SELECT p.handle AS owner, '' AS name, t.created_at, CAST(NULL AS TEXT) AS level
          FROM follows AS t JOIN principals AS p ON p.id = t.followed_id
         WHERE t.principal_id = $1 ORDER BY t.created_at, p.handle";
    OWN_ACTIVITY = "
        SELECT id, at, type AS what, subject, data FROM activity
         WHERE (actor_id = $1 OR on_behalf_of = $1) AND id > $2 ORDER BY id LIMIT $3";
}

type Pair = (Id<Repository>, Id<Principal>);

/// Whether there was none yet.
pub(super) async fn star(
    tx: &mut Tx,
    it: Id<Repository>,
    by: Id<Principal>,
    now: UnixMillis,
) -> Result<bool, Error> {
    Ok(db::execute!(tx, STAR, it.uuid(), by.uuid(), now.0)? == 1)
}

/// Whether there was one.
pub(super) async fn unstar(
    tx: &mut Tx,
    it: Id<Repository>,
    by: Id<Principal>,
) -> Result<bool, Error> {
    Ok(db::execute!(tx, UNSTAR, it.uuid(), by.uuid())? == 1)
}

pub(super) async fn count_stars(tx: &mut Tx, it: Id<Repository>) -> Result<(), Error> {
    db::execute!(tx, COUNT_STARS, it.uuid()).map(drop)
}

pub(super) async fn watch(
    tx: &mut Tx,
    (it, by): Pair,
    level: Watch,
    now: UnixMillis,
) -> Result<(), Error> {
    db::execute!(tx, WATCH, it.uuid(), by.uuid(), level.as_str(), now.0).map(drop)
}

pub(super) async fn unwatch(
    tx: &mut Tx,
    it: Id<Repository>,
    by: Id<Principal>,
) -> Result<(), Error> {
    db::execute!(tx, UNWATCH, it.uuid(), by.uuid()).map(drop)
}

pub(super) async fn count_watchers(tx: &mut Tx, it: Id<Repository>) -> Result<(), Error> {
    db::execute!(tx, COUNT_WATCHERS, it.uuid()).map(drop)
}

/// Whether it is new.
pub(super) async fn follow(
    tx: &mut Tx,
    whom: Id<Principal>,
    by: Id<Principal>,
    now: UnixMillis,
) -> Result<bool, Error> {
    Ok(db::execute!(tx, FOLLOW, whom.uuid(), by.uuid(), now.0)? == 1)
}

/// Whether it was so.
pub(super) async fn unfollow(
    tx: &mut Tx,
    whom: Id<Principal>,
    by: Id<Principal>,
) -> Result<bool, Error> {
    Ok(db::execute!(tx, UNFOLLOW, whom.uuid(), by.uuid())? == 1)
}

pub(super) async fn marks(
    tx: &mut Tx,
    it: Id<Repository>,
    by: Id<Principal>,
) -> Result<Marks, Error> {
    let (it, by) = (it.uuid(), by.uuid());
    let star: Option<(i64,)> = db::fetch_optional!(tx, HAS_STARRED, it, by)?;
    let level: Option<(String,)> = db::fetch_optional!(tx, WATCHES, it, by)?;
    let watch = level.map(|(level,)| level.parse()).transpose();
    let watch = watch.map_err(Error::corrupt("repository_subscriptions.level"))?;
    Ok(Marks { has_starred: star.is_some(), watch: watch.unwrap_or(Watch::Participating) })
}

#[derive(sqlx::FromRow)]
struct Row {
    handle: String,
    kind: String,
    created_at: i64,
    level: Option<String>,
}

/// Whose list of people it is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Crowded {
    Stargazers(Id<Repository>),
    Watchers(Id<Repository>),
    Followers(Id<Principal>),
    Following(Id<Principal>),
}

/// Those of a list after a handle.
pub(super) async fn crowd(
    tx: &mut Tx,
    of: Crowded,
    after: &str,
    limit: u32,
) -> Result<Vec<Somebody>, Error> {
    let limit = i64::from(limit);
    let rows: Vec<Row> = match of {
        Crowded::Stargazers(it) => db::fetch_all!(tx, STARGAZERS, it.uuid(), after, limit)?,
        Crowded::Watchers(it) => db::fetch_all!(tx, WATCHERS, it.uuid(), after, limit)?,
        Crowded::Followers(it) => db::fetch_all!(tx, FOLLOWERS, it.uuid(), after, limit)?,
        Crowded::Following(it) => db::fetch_all!(tx, FOLLOWING, it.uuid(), after, limit)?,
    };
    let shown = |row: Row| Somebody {
        handle: row.handle,
        kind: row.kind,
        since: UnixMillis(row.created_at),
        level: row.level,
    };
    Ok(rows.into_iter().map(shown).collect())
}

/// What is counted of somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Counts {
    pub(crate) followers: i64,
    pub(crate) following: i64,
    /// As far as the reader may see them.
    pub(crate) starred: i64,
    /// 1 if whoever asks follows them.
    pub(crate) is_followed: i64,
}

/// What is counted of `of`, as `reader` may see it who is `me`.
pub(crate) async fn counts(
    tx: &mut Tx,
    reader: Uuid,
    of: Id<Principal>,
    me: Uuid,
) -> Result<Counts, Error> {
    db::fetch_one!(tx, COUNTS, reader, of.uuid(), me)
}

pub(super) async fn set_pins(
    tx: &mut Tx,
    me: Id<Principal>,
    pins: &[Id<Repository>],
) -> Result<(), Error> {
    db::execute!(tx, CLEAR_PINS, me.uuid())?;
    // A handful.
    for (position, it) in pins.iter().enumerate() {
        let position = i64::try_from(position).unwrap_or(i64::MAX);
        db::execute!(tx, PIN, me.uuid(), position, it.uuid())?;
    }
    Ok(())
}

/// Takes away what those had set who have left, of some repositories; gives of how many.
pub(crate) async fn forget_departed(tx: &mut Tx, limit: u32) -> Result<usize, Error> {
    let limit = i64::from(limit);
    let starred: Vec<(Uuid,)> = db::fetch_all!(tx, DEPARTED_STARS, limit)?;
    for (id,) in &starred {
        db::execute!(tx, FORGET_STARS, *id)?;
        db::execute!(tx, COUNT_STARS, *id)?;
    }
    let watched: Vec<(Uuid,)> = db::fetch_all!(tx, DEPARTED_WATCHERS, limit)?;
    for (id,) in &watched {
        db::execute!(tx, FORGET_WATCHERS, *id)?;
        db::execute!(tx, COUNT_WATCHERS, *id)?;
    }
    db::execute!(tx, FORGET_FOLLOWS)?;
    db::execute!(tx, FORGET_PINS)?;
    Ok(starred.len().max(watched.len()))
}

#[derive(sqlx::FromRow)]
struct Own {
    owner: String,
    name: String,
    created_at: i64,
    level: Option<String>,
}

impl Own {
    fn full(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    fn since(&self) -> String {
        UnixMillis(self.created_at).to_string()
    }
}

pub(super) async fn own_stars(tx: &mut Tx, me: Id<Principal>) -> Result<Vec<Value>, Error> {
    let rows: Vec<Own> = db::fetch_all!(tx, OWN_STARS, me.uuid())?;
    let shown = |it: Own| json!({ "repository": it.full(), "since": it.since() });
    Ok(rows.into_iter().map(shown).collect())
}

pub(super) async fn own_subscriptions(tx: &mut Tx, me: Id<Principal>) -> Result<Vec<Value>, Error> {
    let rows: Vec<Own> = db::fetch_all!(tx, OWN_SUBSCRIPTIONS, me.uuid())?;
    let shown =
        |it: Own| json!({ "repository": it.full(), "level": it.level, "since": it.since() });
    Ok(rows.into_iter().map(shown).collect())
}

pub(super) async fn own_follows(tx: &mut Tx, me: Id<Principal>) -> Result<Vec<Value>, Error> {
    let rows: Vec<Own> = db::fetch_all!(tx, OWN_FOLLOWS, me.uuid())?;
    Ok(rows.iter().map(|it| json!({ "handle": it.owner, "since": it.since() })).collect())
}

pub(super) async fn own_pins(tx: &mut Tx, me: Id<Principal>) -> Result<Vec<Value>, Error> {
    let rows: Vec<Own> = db::fetch_all!(tx, OWN_PINS, me.uuid())?;
    Ok(rows.iter().map(|it| json!({ "repository": it.full() })).collect())
}

#[derive(sqlx::FromRow)]
struct Did {
    id: Uuid,
    at: i64,
    what: String,
    subject: String,
    data: String,
}

/// What somebody did, and what was done in their name, after a row.
pub(super) async fn own_activity(
    tx: &mut Tx,
    me: Id<Principal>,
    after: Uuid,
    limit: u32,
) -> Result<Vec<(Uuid, Value)>, Error> {
    let rows: Vec<Did> = db::fetch_all!(tx, OWN_ACTIVITY, me.uuid(), after, i64::from(limit))?;
    let shown = |it: Did| {
        let data: Value = serde_json::from_str(&it.data).unwrap_or_default();
        let time = UnixMillis(it.at).to_string();
        let row = json!({ "time": time, "type": it.what, "subject": it.subject, "data": data });
        (it.id, row)
    };
    Ok(rows.into_iter().map(shown).collect())
}
