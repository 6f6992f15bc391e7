//! The people of a local server, and what their programs were given.

use db::{Error, Tx};
use names::{Id, UnixMillis};

use crate::{Principal, store::PrincipalRow};

db::statements! {
    PEOPLE = "
        SELECT id, kind, handle, status, install_admin, created_at FROM principals
         WHERE kind = 'person' AND status <> 'deleted' ORDER BY id LIMIT 2";
    END_DEVICES = "
        UPDATE tokens SET revoked_at = $3
         WHERE principal_id = $1 AND kind = 'device' AND label = $2 AND minted_by IS NULL AND revoked_at IS NULL";
}

/// Everybody who is there, two at most: nobody needs to know how many more.
pub(super) async fn people(tx: &mut Tx) -> Result<Vec<Principal>, Error> {
    let rows: Vec<PrincipalRow> = db::fetch_all!(tx, PEOPLE)?;
    rows.into_iter().map(Principal::try_from).collect()
}

/// Ends the tokens of a program; gives how many there were.
pub(super) async fn end_devices(
    tx: &mut Tx,
    person: Id<Principal>,
    client: &str,
    now: UnixMillis,
) -> Result<u64, Error> {
    db::execute!(tx, END_DEVICES, person.uuid(), client, now.0)
}
