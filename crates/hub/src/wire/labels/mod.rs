//! Labels of commits, which Muse clients call tags (`spec/wire.md` 1.5, 4).
//!
//! Whoever makes a label gives it its id; what is known by it is never changed. Invariant: a label is of a commit that
//! this repository holds.
//!
//! | file       | what is there              |
//! |------------|----------------------------|
//! | `mod.rs`   | POST and GET of `tags`       |
//! | `api.rs`   | those of one commit as JSON  |
//! | `store.rs` | the table `commit_labels`    |

mod api;
mod store;

use std::collections::HashSet;

use ::api::{
    WireCode,
    wire::{LabelPage, LabelsStored, NewLabels, limits},
};
use axum::response::{IntoResponse as _, Response};
use names::{CommitId, Id, UnixMillis};
use serde::Deserialize;
use serde_json::json;
use trust::{Allowed, act};
use web::{Call, Problem, prefers_page};

use super::{Answer, body, landing};
use crate::{
    Error, Hub, Repository,
    activity::{self, By, Note, What},
    pages, reading, repositories,
};

pub(crate) use self::api::routes;
pub(super) use store::STATEMENTS;
pub(crate) use store::of_commits;

/// Labels on one page.
const PAGE: u32 = 1_000;
/// Labels of a repository: they are small, and nobody writes so many by hand.
const MOST: u64 = 100_000;

/// Takes labels in.
pub(super) async fn add(
    hub: Hub,
    allowed: Allowed<act::TagWrite, Repository>,
    call: Call,
) -> Result<Answer, Problem> {
    super::muse(allowed.resource())?;
    let format = super::accepted(&call);
    let message = body::message(call, limits::SMALL_BODY_BYTES).await?;
    let NewLabels { tags } = NewLabels::try_from(message).map_err(Error::Wire)?;
    let stored = hub.add_labels(&allowed, &tags).await?;
    Ok(Answer { format, body: LabelsStored { stored }.into() })
}

#[derive(Deserialize)]
struct Asked {
    cursor: Option<String>,
}

/// All labels, in the order in which they came.
pub(super) async fn list(
    hub: Hub,
    allowed: Allowed<act::RefRead, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let repository = allowed.resource();
    if prefers_page(&call.headers) {
        return pages::tags(hub, &allowed, call).await;
    }
    let list = format!("/{}/tags", repository.full_name());
    let after = match call.query::<Asked>()?.cursor {
        None => Place::START,
        Some(text) => {
            let place = hub.cursors.read(&list, &text).and_then(|it| Place::from_bytes(&it));
            place.ok_or_else(|| Problem::malformed("the cursor is not one of this list"))?
        }
    };
    let mut tx = hub.db.glance().await?;
    let mut found = store::after(&mut tx, repository.id, after, PAGE + 1).await?;
    let has_more = found.len() > PAGE as usize;
    found.truncate(PAGE as usize);
    let end = found.last().filter(|_| has_more).map(|(place, _)| place.to_bytes());
    let next_cursor = end.map(|bytes| hub.cursors.write(&list, &bytes));
    let tags = found.into_iter().map(|(_, label)| label).collect();
    Ok(Answer::new(&call, LabelPage { tags, next_cursor }).into_response())
}

/// Where a page of the list ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    received_at: UnixMillis,
    id: Id<::api::wire::Label>,
}

impl Place {
    const START: Self =
        Self { received_at: UnixMillis(i64::MIN), id: Id::from_uuid(uuid::Uuid::nil()) };

    fn to_bytes(self) -> Vec<u8> {
        [&self.received_at.0.to_be_bytes()[..], self.id.uuid().as_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (time, id) = bytes.split_at_checked(8)?;
        let received_at = UnixMillis(i64::from_be_bytes(time.try_into().ok()?));
        Some(Self { received_at, id: Id::from_uuid(uuid::Uuid::from_slice(id).ok()?) })
    }
}

impl Hub {
    /// Writes what is new; gives how many that are.
    async fn add_labels(
        &self,
        allowed: &Allowed<act::TagWrite, Repository>,
        labels: &[::api::wire::Label],
    ) -> Result<u64, Error> {
        let (actor, id) = (allowed.actor(), allowed.resource().id);
        let by = actor.principal().ok_or(Error::NotFound)?.id;
        let mut tx = self.trust.begin(actor).await?;
        landing::lock(&mut tx, id).await?;
        // What was granted when the request began may have been taken away since.
        let now = repositories::by_id_for(&mut tx, id, actor.readers()).await?;
        let now = now.ok_or(Error::NotFound)?;
        Allowed::<act::TagWrite, _>::ask(actor, now).map_err(Error::Refused)?;
        let commits: HashSet<CommitId> = labels.iter().map(|it| it.commit_id).collect();
        let commits: Vec<_> = commits.into_iter().collect();
        let known = reading::known_commits(&mut tx, id, &commits).await?;
        if let Some(absent) = labels.iter().find(|it| !known.contains_key(&it.commit_id)) {
            let sentence = format!("commit {} is not in this repository", absent.commit_id);
            return Err(Error::wire(WireCode::UnknownCommit, sentence));
        }
        let stored = store::add(&mut tx, id, by, labels, self.clock.now()).await?;
        if stored > 0 && store::count(&mut tx, id).await? > MOST {
            let sentence = format!("a repository has at most {MOST} labels");
            return Err(Error::wire(WireCode::TooLarge, sentence));
        }
        if stored > 0 {
            let (by, now, data) = (By::of(actor), self.clock.now(), json!({ "labels": stored }));
            let labelled = Note::repository(What::CommitsLabelled, by, id, now, data);
            activity::note(self, &mut tx, labelled).await?;
        }
        tx.commit().await?;
        Ok(stored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back_whole() {
        let id = Id::new(UnixMillis(7), &names::Random::seeded(1));
        let place = Place { received_at: UnixMillis(1_795_294_380_000), id };
        assert_eq!(Place::from_bytes(&place.to_bytes()), Some(place));
        assert_eq!(Place::from_bytes(b"short"), None);
    }
}
