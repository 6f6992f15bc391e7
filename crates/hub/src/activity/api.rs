//! JSON: what happened, to a repository and by somebody.

use api::json;
use axum::response::IntoResponse;
use serde::Deserialize;
use trust::{Allowed, act};
use uuid::Uuid;
use web::{Json, Problem, Queried, Routes, Surface};

use super::{Happening, Kinds, Of, line::Named};
use crate::{Hub, Repository, pages::Profile};

/// How many a list shows unless asked, and at most.
const PAGE: (u16, u16) = (30, 100);

pub(crate) fn routes(routes: Routes<Hub>) -> Routes<Hub> {
    routes.get("/api/v1/repos/{owner}/{name}/activity", Surface::Api, of_repository).get(
        "/api/v1/principals/{handle}/activity",
        Surface::Api,
        of_principal,
    )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    limit: Option<u16>,
    cursor: Option<String>,
    /// `pushes`, `releases`, `people`, `settings`; everything unless said.
    kind: Option<String>,
}

async fn of_repository(
    hub: Hub,
    allowed: Allowed<act::ActivityRead, Repository>,
    call: Queried<Asked>,
) -> Result<impl IntoResponse, Problem> {
    let repository = allowed.resource();
    let here = format!("/api/v1/repos/{}/activity", repository.full_name());
    answer(&hub, allowed.actor(), Of::Repository(repository.id), &here, call.query()?).await
}

async fn of_principal(
    hub: Hub,
    allowed: Allowed<act::PrincipalRead, Profile>,
    call: Queried<Asked>,
) -> Result<impl IntoResponse, Problem> {
    let Profile(principal) = allowed.resource();
    let here = format!("/api/v1/principals/{}/activity", principal.handle);
    answer(&hub, allowed.actor(), Of::Actor(principal.id), &here, call.query()?).await
}

async fn answer(
    hub: &Hub,
    actor: &trust::Actor,
    of: Of,
    here: &str,
    asked: Asked,
) -> Result<impl IntoResponse + use<>, Problem> {
    let limit = asked.limit.unwrap_or(PAGE.0).clamp(1, PAGE.1);
    let kinds = match asked.kind.as_deref() {
        None => Kinds::All,
        Some(word) => Kinds::named(word).ok_or_else(|| {
            Problem::malformed("kind is all, pushes, releases, people or settings")
        })?,
    };
    let list = format!("{here}?kind={}", kinds.word());
    let before: Option<Uuid> = match asked.cursor.as_deref() {
        None => None,
        Some(text) => Some(hub.happening_cursor(&list, text).ok_or_else(|| {
            Problem::malformed("the cursor is not one of this list; begin again without it")
        })?),
    };
    let mut tx = hub.db.read().await?;
    let seen = hub.happenings(&mut tx, actor, of, (kinds, before, limit.into())).await?;
    let next_cursor = seen.next.map(|it| hub.cursors.write(&list, it.as_bytes()));
    let link = next_cursor
        .as_ref()
        .map(|cursor| [("link", format!("<{list}&limit={limit}&cursor={cursor}>; rel=\"next\""))]);
    let items = seen.items.into_iter().map(json_of).collect();
    Ok((link, Json(json::Page { items, next_cursor })))
}

fn json_of(it: Happening) -> json::Happening {
    let Happening { id, at, what, subject, sequence, data, actor, behind, repository, other } = it;
    json::Happening {
        id: id.to_string(),
        time: at.to_string(),
        kind: what.as_str().to_owned(),
        actor: actor.map(|it| json::Doer { handle: it.handle, kind: it.kind }),
        on_behalf_of: behind,
        repository: repository.as_ref().map(Named::full),
        fork: other.as_ref().map(Named::full),
        subject,
        sequence: sequence.unsigned_abs(),
        data,
    }
}
