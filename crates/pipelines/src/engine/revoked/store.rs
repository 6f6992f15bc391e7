//! Which claims have lost their ground.

use db::{Error, Tx};
use names::{Id, UnixMillis};
use pipelines_core::name::{AgentId, ClaimId, RunId};
use uuid::Uuid;

use super::Revoked;

/// Claims of one round.
const ROUND: i64 = 256;

/// Whether the agent of the claim `c` may act for its owner, and for the publisher.
macro_rules! stands {
    () => {
        concat!(
            trust::agent_acts!("c.agent_id", "c.owner_id"),
            " AND NOT EXISTS (SELECT 1 FROM agent_publishers AS b WHERE b.agent_id = c.agent_id \
               AND b.publisher_id = c.publisher_id AND b.state = 'barred')"
        )
    };
}

db::statements! {
    LOST = (concat!("
        SELECT c.id, c.run_id, c.agent_id, CAST(CASE WHEN ", stands!(), " THEN 0 ELSE 1 END AS BIGINT)
          FROM claims AS c
         WHERE c.state = 'live' AND c.agent_id IN ", trust::agents_of!("$1", "$2"), "
           AND (NOT (", stands!(), ")
             OR (c.token_id IS NOT NULL AND ", trust::live_tokens!("c.token_id", "$3"), " = 0)
             OR ($4 = 1 AND c.token_id IS NULL AND c.agent_id = $1))
         ORDER BY c.id LIMIT $5"));
}

/// A claim that has lost its ground.
pub(super) struct Lost {
    pub(super) claim: ClaimId,
    pub(super) run: RunId,
    pub(super) agent: AgentId,
    /// Its agent may not act at all, or not for this publisher.
    pub(super) is_whole: bool,
}

/// Claims of the agents concerned that have lost their ground; some of them if they are many.
pub(super) async fn lost(
    tx: &mut Tx,
    revoked: &Revoked,
    now: UnixMillis,
) -> Result<Vec<Lost>, Error> {
    let key = revoked.key.map_or(Uuid::nil(), Id::uuid);
    let is_key = i64::from(revoked.key.is_some());
    let rows: Vec<(Uuid, Uuid, Uuid, i64)> =
        db::fetch_all!(tx, LOST, revoked.whose.uuid(), key, now.0, is_key, ROUND)?;
    let read = |(claim, run, agent, whole): (Uuid, Uuid, Uuid, i64)| Lost {
        claim: Id::from_uuid(claim),
        run: Id::from_uuid(run),
        agent: Id::from_uuid(agent),
        is_whole: whole == 1,
    };
    Ok(rows.into_iter().map(read).collect())
}
