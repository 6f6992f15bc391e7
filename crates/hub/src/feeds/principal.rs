//! The feed of somebody: what they did, as far as the reader may see it.

use axum::response::Response;
use trust::{Actor, Principal};
use web::Problem;

use super::{ENTRIES, Feed, answer, entries};
use crate::{
    Hub,
    activity::{Kinds, Of},
};

/// What somebody did.
pub(crate) async fn of_principal(
    hub: &Hub,
    actor: &Actor,
    principal: &Principal,
    origin: &str,
) -> Result<Response, Problem> {
    let mut tx = hub.db.read().await?;
    let of = Of::Actor(principal.id);
    let seen = hub.happenings(&mut tx, actor, of, (Kinds::All, None, ENTRIES)).await?;
    let page = format!("{origin}/{}", principal.handle);
    Ok(answer(&Feed {
        id: hub.tagged().id(principal.created_at, &format!("principal/{}", principal.id)),
        title: format!("Activity of {}", principal.handle),
        since: principal.created_at,
        own: format!("{page}.atom"),
        entries: entries(&seen.items, &hub.tagged(), origin),
        page,
    }))
}
