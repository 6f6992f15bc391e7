//! The table `tool_calls`.

use std::time::Duration;

use api::json;
use db::{Error, Tx};
use names::{Digest, UnixMillis};
use uuid::Uuid;

use super::{
    CallId, Scene,
    outcome::Outcome,
    request::{Answered, Ready},
};
use crate::{Door, engine::heads::TaskId};

/// Calls of one task that are told: the last.
const TOLD_CALLS: i64 = 100;
/// Bytes of an answer that are kept as they are.
const KEPT_BYTES: usize = 64 << 10;
/// After that long a call that was not written down is one of a process that ended: a call takes 15 s at most.
const UNKNOWN_AFTER: Duration = Duration::from_mins(1);

db::statements! {
    ADD = "
        INSERT INTO tool_calls (id, run_id, task_id, claim_id, subcommand, request, started_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    FINISH = "
        UPDATE tool_calls SET outcome = $2, status = $3, answer = $4, answer_sha256 = $5, bytes = $6, ended_at = $7
         WHERE id = $1 AND ended_at IS NULL";
    CALLS = "
        SELECT id, claim_id, subcommand, request, outcome, status, answer, answer_sha256, bytes, started_at, ended_at
          FROM tool_calls WHERE task_id = $1 ORDER BY id DESC LIMIT $2";
}

/// A call that is about to leave.
pub(super) async fn add(door: &Door, scene: &Scene, ready: &Ready) -> Result<(), Error> {
    let mut tx = door.db().write_shared().await?;
    let request = String::from_utf8_lossy(&ready.body);
    db::execute!(
        &mut tx,
        ADD,
        ready.id.uuid(),
        scene.run.state.run.uuid(),
        scene.task.uuid(),
        scene.id.uuid(),
        ready.subcommand.as_str(),
        &*request,
        ready.at.0,
    )?;
    tx.commit().await
}

/// What it came to.
pub(super) async fn finish(door: &Door, id: CallId, it: &Answered) -> Result<(), Error> {
    let text = serde_json::to_string(&it.value).unwrap_or_default();
    let hash = Digest::of(text.as_bytes());
    let kept = Some(text).filter(|it| it.len() <= KEPT_BYTES);
    let bytes = i64::try_from(it.bytes).unwrap_or(i64::MAX);
    let status = it.status.map(i64::from);
    let mut tx = door.db().write_shared().await?;
    db::execute!(
        &mut tx,
        FINISH,
        id.uuid(),
        it.outcome.as_str(),
        status,
        kept.as_deref(),
        &hash.as_bytes()[..],
        bytes,
        it.ended_at.0,
    )?;
    tx.commit().await
}

/// A call, as its row has it.
#[derive(sqlx::FromRow)]
pub(super) struct CallRow {
    id: Uuid,
    claim_id: Uuid,
    subcommand: String,
    request: String,
    outcome: Option<String>,
    status: Option<i64>,
    answer: Option<String>,
    answer_sha256: Option<Vec<u8>>,
    bytes: i64,
    started_at: i64,
    ended_at: Option<i64>,
}

impl CallRow {
    /// As it is told. One that nobody has ended, and nobody will, came to nothing that is known.
    pub(super) fn told(self, now: UnixMillis) -> json::ToolCall {
        let is_lost = now.since(UnixMillis(self.started_at)) > UNKNOWN_AFTER;
        let unknown = || is_lost.then(|| Outcome::Unknown.as_str().to_owned());
        let value = |text: String| serde_json::from_str(&text).ok();
        let hash = self.answer_sha256.as_deref().and_then(|it| Digest::try_from(it).ok());
        json::ToolCall {
            call: self.id.to_string(),
            claim: self.claim_id.to_string(),
            subcommand: self.subcommand,
            request: serde_json::from_str(&self.request).unwrap_or_default(),
            outcome: self.outcome.or_else(unknown),
            status: self.status.and_then(|it| u16::try_from(it).ok()),
            answer: self.answer.and_then(value),
            answer_sha256: hash.map(|it| it.to_string()),
            bytes: self.bytes.unsigned_abs(),
            started_at: UnixMillis(self.started_at).to_string(),
            ended_at: self.ended_at.map(|at| UnixMillis(at).to_string()),
        }
    }
}

/// The last calls of a task, the newest first.
pub(super) async fn calls(tx: &mut Tx, task: TaskId) -> Result<Vec<CallRow>, Error> {
    db::fetch_all!(tx, CALLS, task.uuid(), TOLD_CALLS)
}
