//! A ref that moves: `push`, and `ref.created` or `ref.deleted` (`spec/webhooks.md` 2).

use db::Tx;
use names::{CommitId, UnixMillis};
use serde_json::json;

use super::{By, Note, What, note};
use crate::{
    Error, Hub, Repository,
    contributions::{Swept, sweep},
    reading,
    ref_log::Movement,
};

/// Commits that a row names.
const NAMED: usize = 20;
/// Commits that are looked through to count those of a push: some milliseconds.
pub(crate) const COUNTED: u64 = 4_096;

const HEADS: &str = "refs/heads/";
const TAGS: &str = "refs/tags/";

impl Hub {
    /// Writes down that a ref moved. It stands where it goes already.
    pub(crate) async fn note_movement(
        &self,
        tx: &mut Tx,
        (repository, by): (&Repository, By),
        movement: &Movement<'_>,
        now: UnixMillis,
    ) -> Result<(), Error> {
        let shown_first = repository.default_branch.full();
        let is_first = movement.name == shown_first;
        // Of a new ref that counts which the branch that is shown first does not lead to.
        let old = match movement.old {
            Some(old) => Some(old),
            None if is_first => None,
            None => reading::target(tx, repository.id, &shown_first).await?,
        };
        let new = movement.new;
        let sides = (old.as_slice(), new.as_slice());
        let swept = match new {
            Some(_) => sweep(tx, repository.id, sides, Some(COUNTED)).await?,
            None => Swept { is_whole: true, ..Swept::default() },
        };
        match new {
            Some(new) if is_first => {
                self.keep_contributions(tx, repository.id, (movement.old, new), &swept).await?;
            }
            // The first branch that comes is shown first, whatever it is called.
            Some(_) if repository.pushed_at.is_none() && movement.name.starts_with(HEADS) => {
                self.follow_later(tx, repository.id).await?;
            }
            Some(_) | None => {}
        }
        self.note_moved(tx, (repository, by), (movement, &swept), now).await
    }

    async fn note_moved(
        &self,
        tx: &mut Tx,
        (repository, by): (&Repository, By),
        (movement, swept): (&Movement<'_>, &Swept),
        now: UnixMillis,
    ) -> Result<(), Error> {
        let Movement { name, old, new, is_forced, .. } = movement;
        let text = |it: &Option<CommitId>| it.map(|it| it.to_string());
        let named: Vec<_> = swept.added.iter().take(NAMED).map(|it| it.id.to_string()).collect();
        let total = swept.is_whole.then_some(swept.added.len());
        let data = json!({
            "ref": name, "before": text(old), "after": text(new), "forced": is_forced,
            "created": old.is_none(), "deleted": new.is_none(), "commits": named, "commits_total": total,
        });
        let subject = format!("ref:{}:{name}", repository.id);
        let at = |what: What, data| {
            Note::repository(what, by, repository.id, now, data).about(subject.clone())
        };
        note(self, tx, at(What::Push, data)).await?;
        let (what, target) = match (old, new) {
            (None, Some(new)) => (What::RefCreated, new),
            (Some(old), None) => (What::RefDeleted, old),
            (Some(_), Some(_)) | (None, None) => return Ok(()),
        };
        note(self, tx, at(what, of_ref(name, *target))).await
    }

    /// Writes down that a ref is there which nobody pushed: it came with a fork.
    pub(crate) async fn note_placed(
        &self,
        tx: &mut Tx,
        repository: &Repository,
        (name, target): (&str, CommitId),
        now: UnixMillis,
    ) -> Result<(), Error> {
        let by = By::principal(repository.resource.owner);
        let created =
            Note::repository(What::RefCreated, by, repository.id, now, of_ref(name, target));
        note(self, tx, created.about(format!("ref:{}:{name}", repository.id))).await
    }
}

fn of_ref(name: &str, target: CommitId) -> serde_json::Value {
    let kind = if name.starts_with(TAGS) { "tag" } else { "branch" };
    json!({ "ref": name, "kind": kind, "target": target.to_string() })
}
