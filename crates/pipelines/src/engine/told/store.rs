//! Those whom events name.

use std::collections::BTreeMap;

use db::{Error, Tx};
use hooks::Party;
use trust::Kind;
use uuid::Uuid;

use super::Named;

db::statements! {
    PEOPLE = {
        sqlite "
        SELECT p.id, p.handle, p.kind, o.id AS behind_id, o.handle AS behind_handle, o.kind AS behind_kind
          FROM json_each($1) AS w JOIN principals AS p ON p.id = unhex(w.value, '-')
          LEFT JOIN agents AS a ON a.principal_id = p.id LEFT JOIN principals AS o ON o.id = a.owner_id",
        postgres "
        SELECT p.id, p.handle, p.kind, o.id AS behind_id, o.handle AS behind_handle, o.kind AS behind_kind
          FROM jsonb_array_elements_text($1::jsonb) AS w (value) JOIN principals AS p ON p.id = w.value::uuid
          LEFT JOIN agents AS a ON a.principal_id = p.id LEFT JOIN principals AS o ON o.id = a.owner_id"
    };
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    handle: String,
    kind: String,
    behind_id: Option<Uuid>,
    behind_handle: Option<String>,
    behind_kind: Option<String>,
}

/// Somebody, and for whom they act if they are an agent.
#[derive(Debug, Clone)]
pub(in crate::engine) struct Person {
    pub(in crate::engine) party: Party,
    pub(in crate::engine) behind: Option<Party>,
}

fn party(id: Uuid, handle: String, kind: &str) -> Result<Party, Error> {
    let kinds = [Kind::Person, Kind::Agent, Kind::Organization, Kind::Operator];
    let found = kinds.into_iter().find(|it| it.as_str() == kind);
    let kind = found.ok_or_else(|| Error::corrupt("principals.kind")(kind.to_owned()))?;
    Ok(Party { id, handle, kind: kind.as_str() })
}

/// Those of these ids that are there.
pub(super) async fn people(tx: &mut Tx, ids: &Named) -> Result<BTreeMap<Uuid, Person>, Error> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<Row> = db::fetch_all!(tx, PEOPLE, db::rows(ids))?;
    let read = |row: Row| {
        let behind = match (row.behind_id, row.behind_handle, row.behind_kind) {
            (Some(id), Some(handle), Some(kind)) => Some(party(id, handle, &kind)?),
            _ => None,
        };
        Ok((row.id, Person { party: party(row.id, row.handle, &row.kind)?, behind }))
    };
    rows.into_iter().map(read).collect()
}
