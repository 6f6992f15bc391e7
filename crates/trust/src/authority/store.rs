//! For tests: the predicate for lists, run for one resource, to be compared with the decision; and the making of an
//! install admin, for which there is no door yet.

use db::Tx;
use uuid::Uuid;

use crate::Actor;

db::statements! {
    LISTED = (concat!("SELECT count(*) FROM resources AS s WHERE s.id = $2 AND ", crate::visible!()));
    MAKE_ADMIN = "UPDATE principals SET install_admin = 1 WHERE id = $1";
}

pub(crate) async fn listed(tx: &mut Tx, actor: &Actor, id: Uuid) -> bool {
    assert_eq!(STATEMENTS.len(), 2);
    let reader = actor.principal().map_or(Uuid::nil(), |it| it.id.uuid());
    let (count,): (i64,) = db::fetch_one!(tx, LISTED, reader, id).unwrap();
    count == 1
}

pub(crate) async fn make_admin(tx: &mut Tx, id: Uuid) {
    assert_eq!(db::execute!(tx, MAKE_ADMIN, id).unwrap(), 1);
}
