//! The predicate for lists, run for one resource: for the test that compares it with the decision.

use db::Tx;
use uuid::Uuid;

use crate::Actor;

db::statements! {
    LISTED = (concat!("SELECT count(*) FROM resources AS s WHERE s.id = $2 AND ", crate::visible!()));
}

pub(crate) async fn listed(tx: &mut Tx, actor: &Actor, id: Uuid) -> bool {
    assert_eq!(STATEMENTS.len(), 1);
    let reader = actor.principal().map_or(Uuid::nil(), |it| it.id.uuid());
    let (count,): (i64,) = db::fetch_one!(tx, LISTED, reader, id).unwrap();
    count == 1
}
