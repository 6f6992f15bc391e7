//! The labels of one commit as JSON (`spec/hub.md` 9).

use api::json;
use axum::response::IntoResponse;
use serde::Deserialize;
use trust::{Allowed, act};
use web::{Json, Problem, Queried, Routes, Surface};

use super::{Place, store};
use crate::{
    Error, Hub, Repository,
    reading::{History, api::bad_cursor},
};

/// How many a list shows unless asked, and at most.
const PAGE: (u32, u32) = (30, 100);

pub(crate) fn routes(routes: Routes<Hub>) -> Routes<Hub> {
    routes.get("/api/v1/repos/{owner}/{name}/commits/{id}/labels", Surface::Api, list)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    limit: Option<u32>,
    cursor: Option<String>,
}

/// In the order in which they came. What is no commit that the reader sees has none: 404.
async fn list(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Repository>,
    call: Queried<Asked>,
) -> Result<impl IntoResponse, Problem> {
    let Asked { limit, cursor } = call.query()?;
    let limit = limit.unwrap_or(PAGE.0).clamp(1, PAGE.1);
    let history = History::open(&hub, &allowed);
    let commit = history.resolve(call.params.text("id")).await?.commit;
    let repository = allowed.resource().id;
    let list = format!("{repository}/labels/{commit}");
    let after = match cursor.as_deref() {
        None => Place::START,
        Some(text) => {
            let place = hub.cursors.read(&list, text).and_then(|it| Place::from_bytes(&it));
            place.ok_or_else(bad_cursor)?
        }
    };
    let mut tx = hub.db.glance().await?;
    let found = store::of_commit(&mut tx, repository, commit, after, limit + 1).await;
    let mut found = found.map_err(Error::Db)?;
    let has_more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let end = found.last().filter(|_| has_more).map(|(place, _)| place.to_bytes());
    let next_cursor = end.map(|bytes| hub.cursors.write(&list, &bytes));
    let link = next_cursor.as_ref().map(|next| {
        let path = call.uri.path();
        [("link", format!("<{path}?limit={limit}&cursor={next}>; rel=\"next\""))]
    });
    let shown = |(_, it): (Place, api::wire::Label)| json::CommitLabel {
        id: it.tag_id.to_string(),
        label: it.tag,
        created_at: it.created_at,
    };
    let items = found.into_iter().map(shown).collect();
    Ok((link, Json(json::Page { items, next_cursor })))
}
