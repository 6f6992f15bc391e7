//! What both sides hold, and what a fetch would bring (`spec/wire.md` 9).

use api::wire2::{Negotiate, Negotiated, Plan};
use names::CommitId;
use trust::{Allowed, act};
use web::{Call, Problem};

use super::{
    line::{Line, News},
    position::Position,
    store,
    visible::Seen,
};
use crate::{
    Error, Hub, Repository,
    wire::{Answer, accepted},
};

/// A fetch that brings no more is not worth another question.
const READY_BYTES: u64 = 16 << 20;
/// Commits whose objects are counted one by one; what is beyond is estimated by them.
const COUNTED_COMMITS: u64 = 1_000;
/// Changes that are looked at for it.
const COUNTED_CHANGES: u64 = 50_000;

/// Tells which of the client's commits are held, and what a fetch from there would bring.
pub(super) async fn negotiate(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Repository>,
    call: Call,
) -> Result<Answer, Problem> {
    crate::wire::muse(allowed.resource())?;
    let format = accepted(&call);
    let Negotiate { want, have } = super::message(call).await?;
    let (seen, id) = (Seen::by(&allowed), allowed.resource().id);
    let mut tx = hub.db.read().await?;
    let want = seen.wanted(&hub, &mut tx, &want).await?;
    let held = seen.commits(&mut tx, &have).await?;
    let common = store::heads_of(&mut tx, id, &held).await.map_err(Error::Db)?;
    let (commits, snapshots) =
        store::counted(&mut tx, id, &want, &common).await.map_err(Error::Db)?;
    drop(tx);
    let (objects, bytes) = hub.weigh(allowed.resource(), &want, &common, commits).await?;
    let plan = Plan { commits, snapshots, objects, bytes };
    // A client that holds nothing in common has offered its oldest commits too, and one that holds nothing else has
    // nothing above them.
    let ready = common.is_empty() || held.len() == have.len() || bytes <= READY_BYTES;
    Ok(Answer::in_format(format, Negotiated { common, ready, plan }))
}

impl Hub {
    /// How many objects a fetch brings, and how many bytes they have. Of a whole history that is what the repository
    /// holds; of a long one it is estimated.
    async fn weigh(
        &self,
        repository: &Repository,
        want: &[CommitId],
        common: &[CommitId],
        commits: u64,
    ) -> Result<(u64, u64), Error> {
        if common.is_empty() {
            return Ok((repository.object_count, repository.size_bytes));
        }
        let after = Position::START.after;
        let mut line = Line::new(repository.id, want.to_vec(), common.to_vec(), after);
        let (mut counted, mut changes, mut objects, mut bytes) = (0, 0, 0, 0_u64);
        'all: loop {
            let steps = line.batch(self).await?;
            if steps.is_empty() {
                return Ok((objects, bytes));
            }
            for step in steps {
                let mut news = News::of(&step);
                while let Some(change) = news.next(self).await? {
                    if let Some(file) = change.after {
                        objects += 1;
                        bytes = bytes.saturating_add(file.size_bytes);
                    }
                    changes += 1;
                    if changes >= COUNTED_CHANGES {
                        break 'all;
                    }
                }
                counted += 1;
                if counted >= COUNTED_COMMITS {
                    break 'all;
                }
            }
        }
        let all = |part: u64| part.saturating_mul(commits) / counted.max(1);
        Ok((all(objects).min(repository.object_count), all(bytes).min(repository.size_bytes)))
    }
}
