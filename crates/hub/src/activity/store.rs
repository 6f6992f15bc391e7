//! The table `activity`.

use db::{Error, Tx};
use uuid::Uuid;

use super::{
    Happening, Note,
    line::{Named, Who},
    lists::{Kinds, Of},
};

macro_rules! columns {
    () => {
        "a.id, a.at, a.type AS what, a.subject, a.sequence, a.data, p.handle AS actor, p.kind AS actor_kind, \
         q.handle AS behind, h.owner_handle AS owner, r.name, g.owner_handle AS other_owner, f.name AS other_name"
    };
}

macro_rules! tables {
    () => {
        "activity AS a LEFT JOIN principals AS p ON p.id = a.actor_id LEFT JOIN principals AS q ON q.id = a.on_behalf_of
          LEFT JOIN repositories AS r ON r.id = a.repository_id LEFT JOIN resources AS h ON h.id = r.id
          LEFT JOIN repositories AS f ON f.id = a.other_id LEFT JOIN resources AS g ON g.id = f.id"
    };
}

/// What of the rows is shown: to nobody what is confidential; what tells of another repository to those who see that;
/// what was taken back not any more.
macro_rules! shown {
    () => {
        concat!(
            "a.confidential = 0
           AND (a.type <> 'repository.forked'
                OR EXISTS (SELECT 1 FROM resources AS s WHERE s.id = a.other_id AND ", trust::visible!(), "))
           AND (a.type <> 'repository.starred'
                OR EXISTS (SELECT 1 FROM stars AS t WHERE t.repository_id = a.repository_id
                              AND t.principal_id = a.actor_id AND t.created_at = a.at))
           AND (a.type <> 'follow.added'
                OR EXISTS (SELECT 1 FROM follows AS t JOIN principals AS u ON u.id = t.followed_id
                            WHERE t.principal_id = a.actor_id AND t.created_at = a.at AND u.status <> 'deleted'))"
        )
    };
}

/// Whether the repository is one that the reader may see; what belongs to none is everybody's to see.
macro_rules! seen {
    () => {
        concat!(
            "(a.repository_id IS NULL
                OR EXISTS (SELECT 1 FROM resources AS s WHERE s.id = a.repository_id AND ",
            trust::visible!(),
            "))"
        )
    };
}

/// Whether it is of the kinds that are asked for.
macro_rules! of_kind {
    () => {
        "(a.type LIKE $4 OR a.type LIKE $5) AND a.type NOT LIKE $6 AND a.type NOT LIKE $7"
    };
}

db::statements! {
    ADD = "
        INSERT INTO activity (id, at, type, actor_id, on_behalf_of, repository_id, other_id, subject, sequence, data, confidential)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8,
                (SELECT coalesce(max(b.sequence), 0) + 1 FROM activity AS b WHERE b.subject = $8), $9, $10)";
    OF_REPOSITORY = (concat!("
        SELECT ", columns!(), " FROM ", tables!(), "
         WHERE a.repository_id = $2 AND a.id < $3 AND ", of_kind!(), " AND ", shown!(), "
         ORDER BY a.id DESC LIMIT $8"));
    OF_ACTOR = (concat!("
        SELECT ", columns!(), " FROM ", tables!(), "
         WHERE a.actor_id = $2 AND a.id < $3 AND ", of_kind!(), " AND ", shown!(), " AND ", seen!(), "
         ORDER BY a.id DESC LIMIT $8"));
    WATCHED = (concat!("
        SELECT ", columns!(), " FROM ", tables!(), "
         WHERE a.id < $3 AND ", of_kind!(), " AND ", shown!(), " AND ", seen!(), "
           AND (a.repository_id IN (SELECT w.repository_id FROM repository_subscriptions AS w
                                     WHERE w.principal_id = $2 AND (w.level = 'all'
                                        OR (w.level = 'releases' AND a.type LIKE 'release.%')))
                OR (r.owner_id = $2
                    AND NOT EXISTS (SELECT 1 FROM repository_subscriptions AS w
                                     WHERE w.principal_id = $2 AND w.repository_id = r.id)))
         ORDER BY a.id DESC LIMIT $8"));
    RELEASES_BY_DAY = (concat!("
        SELECT a.at / 86400000 AS day, count(*) AS number
          FROM activity AS a
         WHERE a.type = 'release.published' AND a.at >= $3
           AND ((CAST($4 AS bigint) = 0 AND a.actor_id = $2) OR (CAST($4 AS bigint) = 1 AND a.on_behalf_of = $2))
           AND ", seen!(), "
         GROUP BY a.at / 86400000"));
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    at: i64,
    what: String,
    subject: String,
    sequence: i64,
    data: String,
    actor: Option<String>,
    actor_kind: Option<String>,
    behind: Option<String>,
    owner: Option<String>,
    name: Option<String>,
    other_owner: Option<String>,
    other_name: Option<String>,
}

impl TryFrom<Row> for Happening {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let named = |owner: Option<String>, name: Option<String>| {
            owner.zip(name).map(|(owner, name)| Named { owner, name })
        };
        Ok(Self {
            id: row.id,
            at: names::UnixMillis(row.at),
            what: super::What::named(&row.what)
                .ok_or_else(|| Error::corrupt("activity.type")(row.what.clone()))?,
            subject: row.subject,
            sequence: row.sequence,
            data: serde_json::from_str(&row.data).map_err(Error::corrupt("activity.data"))?,
            actor: row.actor.zip(row.actor_kind).map(|(handle, kind)| Who { handle, kind }),
            behind: row.behind,
            repository: named(row.owner, row.name),
            other: named(row.other_owner, row.other_name),
        })
    }
}

pub(super) async fn add(tx: &mut Tx, id: Uuid, note: &Note) -> Result<(), Error> {
    let (what, data) = (note.what.as_str(), note.data.to_string());
    db::execute!(
        tx,
        ADD,
        id,
        note.at.0,
        what,
        note.by.actor,
        note.by.behind,
        note.repository,
        note.other,
        &note.subject,
        data,
        i64::from(note.what.is_confidential()),
    )
    .map(drop)
}

/// What of a list comes before a row, the last first.
pub(super) async fn list(
    tx: &mut Tx,
    reader: Uuid,
    of: Of,
    (kinds, before, limit): (Kinds, Uuid, u32),
) -> Result<Vec<Happening>, Error> {
    let ([a, b, c, d], limit) = (kinds.patterns(), i64::from(limit));
    let rows: Vec<Row> = match of {
        Of::Repository(id) => {
            db::fetch_all!(tx, OF_REPOSITORY, reader, id.uuid(), before, a, b, c, d, limit)?
        }
        Of::Actor(id) => {
            db::fetch_all!(tx, OF_ACTOR, reader, id.uuid(), before, a, b, c, d, limit)?
        }
        Of::WatchedBy(id) => {
            db::fetch_all!(tx, WATCHED, reader, id.uuid(), before, a, b, c, d, limit)?
        }
    };
    rows.into_iter().map(Happening::try_from).collect()
}

/// How many releases somebody, or somebody's agents, published a day that `reader` may see, since a moment.
pub(crate) async fn releases_by_day(
    tx: &mut Tx,
    reader: Uuid,
    of: Uuid,
    since: names::UnixMillis,
    is_by_agents: bool,
) -> Result<Vec<(i64, i64)>, Error> {
    db::fetch_all!(tx, RELEASES_BY_DAY, reader, of, since.0, i64::from(is_by_agents))
}
