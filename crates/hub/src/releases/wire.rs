//! Releases on wire 1 (`spec/wire.md` 4).

use api::wire::{Channel, Release, ReleaseMade, Releases, Retracted, limits};
use axum::response::{IntoResponse as _, Response};
use http::Method;
use serde::Deserialize;
use trust::{Allowed, Class, act};
use web::{Call, Problem, Routes, Spec, Surface, prefers_page};

use super::store;
use crate::{
    Error, Hub, Repository, pages,
    wire::{Answer, accepted, message},
};

/// Releases in one answer, the newest; and what notes and changelogs of them may weigh together.
const LISTED: (u32, u64) = (500, 32 << 20);

pub(crate) fn routes(routes: Routes<Hub>) -> Routes<Hub> {
    let read = Spec::new(Surface::Wire);
    let write = read.body_bytes(limits::SMALL_BODY_BYTES).class(Class::Global);
    routes
        .post("/{owner}/{name}/releases", write, make)
        .get("/{owner}/{name}/releases", read.or_page(), list)
        .on(Method::DELETE, "/{owner}/{name}/releases/{tag}", write, retract)
}

async fn make(
    hub: Hub,
    allowed: Allowed<act::ReleaseDraft, Repository>,
    call: Call,
) -> Result<Answer, Problem> {
    let format = accepted(&call);
    let asked = message(call, limits::SMALL_BODY_BYTES).await?;
    let mut asked = Release::try_from(asked).map_err(Error::Wire)?;
    if asked.title.is_empty() {
        asked.title.clone_from(&asked.tag);
    }
    let id = hub.make_release(&allowed, asked).await?;
    Ok(Answer::in_format(format, ReleaseMade { release_id: id.to_string() }))
}

#[derive(Deserialize)]
struct Asked {
    channel: Option<String>,
    include_drafts: Option<String>,
}

/// What was published and not yanked, newest first; drafts too for those who may publish them, if they ask.
async fn list(
    hub: Hub,
    allowed: Allowed<act::ReleaseRead, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    if prefers_page(&call.headers) {
        let (actor, repository) = (allowed.actor(), allowed.resource().clone());
        return pages::home(hub, Allowed::ask(actor, repository)?, call).await;
    }
    let asked = call.query::<Asked>()?;
    let channel = asked.channel.filter(|it| !it.is_empty());
    let channel = channel.map(|it| it.parse::<Channel>()).transpose().map_err(Error::Wire)?;
    let wants_drafts = asked.include_drafts.is_some_and(|it| matches!(&*it, "1" | "true"));
    let repository = allowed.resource();
    let may_draft =
        Allowed::<act::ReleaseDraft, _>::ask(allowed.actor(), repository.clone()).is_ok();
    let mut tx = hub.db.glance().await?;
    let listing = store::Listing { channel, drafts: wants_drafts && may_draft, most: LISTED };
    let releases = store::list(&mut tx, repository.id, listing).await?;
    Ok(Answer::new(&call, Releases { releases }).into_response())
}

async fn retract(
    hub: Hub,
    allowed: Allowed<act::ReleaseDraft, Repository>,
    call: Call,
) -> Result<Answer, Problem> {
    let (format, tag) = (accepted(&call), call.params.text("tag").to_owned());
    // There is nothing in it, but it may be signed.
    call.body.bytes().await?;
    hub.retract_release(&allowed, &tag).await?;
    Ok(Answer::in_format(format, Retracted { retracted: tag }))
}
