//! What there is to say of what happened, as the list of events has it (`spec/webhooks.md` 2).

use api::wire::SemVer;
use db::Tx;
use names::{CommitId, Id};
use serde_json::{Map, Value, json};
use trust::{Principal, Visibility};
use uuid::Uuid;
use web::look::href;

use super::{Told, store};
use crate::{
    Error, Hub, Repository,
    activity::{COUNTED, Note, What},
    reading, repositories,
    signatures::{self, State},
};

const HEADS: &str = "refs/heads/";

/// Reads and shapes it.
pub(super) async fn told(
    hub: &Hub,
    tx: &mut Tx,
    note: &Note,
    repository: Uuid,
) -> Result<Told, Error> {
    let it = repositories::by_id(tx, Id::from_uuid(repository)).await?.ok_or(Error::NotFound)?;
    let base = hub.trust.settings().public_url.as_str();
    let home = format!("{base}/{}", it.full_name());
    let (actor, on_behalf_of) = note.by.ids();
    let actor = somebody(hub, tx, actor).await?;
    let on_behalf_of = somebody(hub, tx, on_behalf_of).await?;
    let (action_url, data) = match note.what {
        What::Push => pushed(tx, &it, &home, &note.data).await?,
        What::RefCreated | What::RefDeleted => {
            let target = note.data.get("target").and_then(Value::as_str).unwrap_or_default();
            (format!("{home}/commit/{target}"), note.data.clone())
        }
        What::ReleasePublished | What::ReleaseYanked => released(hub, tx, note, &home).await?,
        What::RepositoryForked => {
            let fork = forked(tx, base, note.other).await?;
            (home.clone(), json!({ "changes": {}, "fork": fork }))
        }
        _ => {
            let changes = note.data.get("changes").cloned().unwrap_or_else(|| json!({}));
            (home.clone(), json!({ "changes": changes, "fork": null }))
        }
    };
    Ok(Told {
        action_url,
        actor,
        on_behalf_of,
        repository: object(face(&it, base)),
        branch: branch_of(note),
        data: object(data),
    })
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

async fn somebody(hub: &Hub, tx: &mut Tx, id: Option<Uuid>) -> Result<Option<Principal>, Error> {
    match id {
        Some(id) => Ok(hub.trust.principal_of(tx, Id::from_uuid(id)).await?),
        None => Ok(None),
    }
}

/// The repository as events name it.
fn face(it: &Repository, base: &str) -> Value {
    json!({
        "id": it.id, "owner": it.owner.as_str(), "name": it.name.as_str(), "format": it.format.as_str(),
        "visibility": it.resource.visibility.as_str(), "url": format!("{base}/{}", it.full_name()),
    })
}

/// The branch that it is about: filters look at it. A tag is none.
fn branch_of(note: &Note) -> Option<String> {
    let name = note.data.get("ref")?.as_str()?;
    name.strip_prefix(HEADS).map(str::to_owned)
}

/// A push: its commits, the newest first, with whether a key that is known signed them.
async fn pushed(
    tx: &mut Tx,
    of: &Repository,
    home: &str,
    noted: &Value,
) -> Result<(String, Value), Error> {
    let text = |name: &str| noted.get(name).and_then(Value::as_str);
    let ids: Vec<CommitId> = noted
        .get("commits")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|it| it.as_str()?.parse().ok())
        .collect();
    let found = reading::commits(tx, of.id, &ids).await?;
    let judged = signatures::judge(tx, found.values()).await?;
    let is_verified = |id: &CommitId| {
        let state = judged.get(id).map(|it| &it.state);
        matches!(state, Some(State::Verified(_) | State::Server))
    };
    let told = ids.iter().filter_map(|id| Some((id, found.get(id)?)));
    let commits: Vec<_> = told
        .map(|(id, it)| {
            json!({
                "id": id.to_string(), "message": it.record.message, "author": it.record.author,
                "time": it.committed_at.to_string(), "verified": is_verified(id),
            })
        })
        .collect();
    let (before, after) = (text("before"), text("after"));
    let compare_url = match (before, after) {
        (Some(before), Some(after)) => format!("{home}/compare/{before}...{after}"),
        (None, Some(after)) => format!("{home}/commit/{after}"),
        (_, None) => home.to_owned(),
    };
    // Of more than were counted it is told that there are more.
    let total = noted.get("commits_total").and_then(Value::as_u64);
    let member = |name: &str| noted.get(name).cloned().unwrap_or(Value::Null);
    let data = json!({
        "ref": member("ref"), "before": before, "after": after, "forced": member("forced"),
        "created": member("created"), "deleted": member("deleted"), "commits": commits,
        "commits_total": total.unwrap_or(COUNTED), "commits_partial": total.is_none(),
        "compare_url": compare_url, "proposal": null,
    });
    Ok((compare_url, data))
}

/// A fork, to those who could see it without being told: one that everybody sees.
async fn forked(tx: &mut Tx, base: &str, fork: Option<Uuid>) -> Result<Value, Error> {
    let Some(id) = fork else { return Ok(Value::Null) };
    let found = repositories::by_id(tx, Id::from_uuid(id)).await?;
    let public = found.filter(|it| it.resource.visibility == Visibility::Public);
    Ok(public.map_or(Value::Null, |it| face(&it, base)))
}

/// A release with its author. Nothing hangs on a release yet, so there are no assets.
async fn released(
    hub: &Hub,
    tx: &mut Tx,
    note: &Note,
    home: &str,
) -> Result<(String, Value), Error> {
    let id = note.subject.strip_prefix("release:").and_then(|it| it.parse::<Uuid>().ok());
    let found = match id {
        Some(id) => store::release(tx, id).await?,
        None => None,
    };
    let it = found.ok_or(Error::NotFound)?;
    let author = hub.trust.principal_of(tx, it.made_by).await?;
    let author = author
        .map(|it| json!({ "id": it.id, "handle": it.handle.as_str(), "kind": it.kind.as_str() }));
    let url = format!("{home}/tree/{}", href::path(&it.tag));
    let semver = it.tag.parse::<SemVer>().is_ok().then(|| it.tag.clone());
    let reason = it.is_yanked.then(|| it.yank_reason.clone());
    let release = json!({
        "id": id, "tag": it.tag, "title": it.title, "notes": it.notes, "channel": it.channel,
        "semver": semver, "commit": it.commit.to_string(), "yanked": it.is_yanked, "assets": [],
        "author": author, "url": url,
    });
    Ok((url, json!({ "release": release, "changes": null, "reason": reason })))
}
