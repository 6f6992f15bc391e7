//! Rows that other crates own, for tests.

use db::Tx;
use names::ObjectId;
use uuid::Uuid;

db::statements! {
    ADD_PRINCIPAL = "
        INSERT INTO principals (id, kind, handle, created_at) VALUES ($1, 'person', $2, 0)";
    ADD_RESOURCE = "
        INSERT INTO resources (id, kind, owner_id, owner_handle, visibility, state)
        VALUES ($1, 'repository', $2, $3, 'private', 'live')";
    ADD_REPOSITORY = "
        INSERT INTO repositories (id, owner_id, name, format, created_at, updated_at)
        VALUES ($1, $2, 'song', 'muse', 0, 0)";
    STATE = "SELECT state FROM objects WHERE id = $1";
}

pub(super) async fn add_repository(tx: &mut Tx, principal: Uuid, repository: Uuid) {
    assert_eq!(STATEMENTS.len(), 4);
    let handle = format!("p{}", principal.simple());
    db::execute!(tx, ADD_PRINCIPAL, principal, &handle).unwrap();
    db::execute!(tx, ADD_RESOURCE, repository, principal, &handle).unwrap();
    db::execute!(tx, ADD_REPOSITORY, repository, principal).unwrap();
}

pub(super) async fn state(tx: &mut Tx, id: ObjectId) -> Option<String> {
    let row: Option<(String,)> = db::fetch_optional!(tx, STATE, &id.as_bytes()[..]).unwrap();
    row.map(|(state,)| state)
}
