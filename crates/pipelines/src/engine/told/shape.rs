//! What events tell: a run, a task, or what waits for a person. What a task was told, and what came of it, is never told:
//! whoever wants it asks for it with authority.

use std::collections::BTreeMap;

use hooks::fitted;
use names::{Digest, Id, UnixMillis};
use pipelines_core::{
    json::canonical,
    machine::{Change, Due, RunPhase, RunReason, TaskPhase, TaskReason},
    name::{Address, Check, ClaimId},
};
use serde_json::{Map, Value, json};
use trust::Principal;
use uuid::Uuid;

use super::{News, store::Person};
use crate::{engine::run::Run, serving};

type Data = Map<String, Value>;

fn object(value: Value) -> Data {
    match value {
        Value::Object(fields) => fields,
        _ => Data::new(),
    }
}

/// Whose run it is.
pub(super) fn publisher(run: &Run, base: &str) -> Data {
    let handle = run.birth.handle.as_str();
    object(json!({
        "id": run.birth.publisher, "handle": handle, "url": format!("{base}/pipelines/{handle}"),
    }))
}

/// What an event is about inside of its run.
enum About {
    Run(RunPhase, Option<RunReason>),
    /// A generation of an address, where it goes, and why.
    Task {
        place: (Address, u32),
        phase: Option<TaskPhase>,
        reason: Option<TaskReason>,
    },
}

fn about(run: &Run, change: &Change) -> Option<(About, Option<ClaimId>)> {
    let of_claim = |id: &ClaimId| {
        let claim = run.state.claims.get(id)?;
        let place = (claim.address.clone(), claim.generation);
        Some((About::Task { place, phase: None, reason: None }, Some(*id)))
    };
    match change {
        Change::Run { phase, reason } => Some((About::Run(*phase, reason.clone()), None)),
        Change::Task { address, generation, phase, reason } => {
            let place = (address.clone(), *generation);
            Some((About::Task { place, phase: Some(*phase), reason: *reason }, None))
        }
        Change::Granted { claim, .. }
        | Change::Slid { claim, .. }
        | Change::Ended { claim, .. }
        | Change::Judged { claim, .. }
        | Change::SkillRead { claim, .. } => of_claim(claim),
        Change::Moved { .. }
        | Change::Budgets(_)
        | Change::Inserted { .. }
        | Change::Superseded { .. }
        | Change::Approved { .. } => None,
    }
}

/// Those whom it names: whoever did it, and who holds the task.
pub(super) fn names(run: Option<&Run>, it: &News) -> Vec<Id<Principal>> {
    let claim = run.and_then(|run| {
        let (_, claim) = about(run, &it.change)?;
        Some(Id::from_uuid(run.state.claims.get(&claim?)?.agent.uuid()))
    });
    it.by.into_iter().chain(claim).collect()
}

/// The data of an event.
pub(super) fn data(run: &Run, it: &News, people: &BTreeMap<Uuid, Person>, base: &str) -> Data {
    match about(run, &it.change) {
        Some((About::Run(phase, reason), _)) => of_run(run, phase, reason.as_ref(), base),
        Some((About::Task { place, phase, reason }, claim)) => {
            let task = Task { run, place: &place, phase, reason, claim, base };
            if it.told.kind.starts_with("approval.") {
                task.approval(it, people)
            } else {
                task.told(people)
            }
        }
        None => Data::new(),
    }
}

/// `{run: Run}`. An output that does not fit is fetched.
fn of_run(run: &Run, phase: RunPhase, reason: Option<&RunReason>, base: &str) -> Data {
    let (state, usage) = (&run.state, &run.state.spent.usage);
    let output = state
        .output
        .as_deref()
        .filter(|_| matches!(phase, RunPhase::Composed | RunPhase::Completed | RunPhase::Failed));
    let url = format!("{base}/runs/{}", state.run);
    let mut told = object(json!({
        "id": state.run,
        "pipeline": run.birth.pipeline,
        "pipeline_version": state.version,
        "external_id": run.birth.external_id,
        "state": phase.as_str(),
        "input_sha256": Digest::of(canonical(&state.input).as_bytes()),
        "output": output,
        "error": reason.map(serving::error_of),
        "reopens": state.reopens,
        "cost": {
            "tokens_in": usage.tokens_in, "tokens_out": usage.tokens_out, "micro_usd": usage.micro_usd.0,
        },
        "url": url,
    }));
    let whole = Data::from_iter([("run".to_owned(), Value::Object(told.clone()))]);
    if let Some(output) = output
        && fitted(&whole) != whole
    {
        let text = canonical(output);
        told.insert("output".to_owned(), Value::Null);
        let address = format!("{base}/api/v1/runs/{}/output", state.run);
        told.insert("output_url".to_owned(), address.into());
        told.insert("output_sha256".to_owned(), json!(Digest::of(text.as_bytes())));
        told.insert("output_size".to_owned(), text.len().into());
    }
    Data::from_iter([("run".to_owned(), Value::Object(told))])
}

/// A generation of an address, as it is told.
struct Task<'a> {
    run: &'a Run,
    place: &'a (Address, u32),
    phase: Option<TaskPhase>,
    reason: Option<TaskReason>,
    claim: Option<ClaimId>,
    base: &'a str,
}

impl Task<'_> {
    fn row(&self) -> Option<&pipelines_core::machine::Task> {
        let rows = self.run.state.tasks.get(&self.place.0)?;
        rows.iter().rfind(|it| it.generation == self.place.1).map(AsRef::as_ref)
    }

    fn state(&self) -> Option<&'static str> {
        self.phase.or_else(|| Some(self.row()?.phase)).map(TaskPhase::as_str)
    }

    fn id(&self) -> Option<crate::engine::heads::TaskId> {
        self.run.ids.get(self.place).copied()
    }

    /// `{task: Task, reason?}`.
    fn told(&self, people: &BTreeMap<Uuid, Person>) -> Data {
        let (run, (address, generation)) = (self.run, self.place);
        let claim = self.claim.and_then(|it| run.state.claims.get(&it));
        let by = claim.and_then(|it| people.get(&it.agent.uuid()));
        let fence = run.state.fences.get(address).copied().unwrap_or_default();
        let reason = self.reason.map(TaskReason::as_str);
        object(json!({
            "task": {
                "id": self.id(),
                "run": run.state.run,
                "step": address.step,
                "address": address,
                "generation": generation,
                "state": self.state(),
                "attempt": self.row().map_or(1, |it| it.failed + 1),
                "fence": claim.map_or(fence, |it| it.fence),
                "claimed_by": by.map(|it| &it.party),
                "lease_ends_at": claim.map(|it| it.ends_at.to_string()),
                "error": reason.filter(|_| self.phase == Some(TaskPhase::Dead)),
            },
            "reason": reason,
        }))
    }

    /// `{approval: {id, kind, state, expires_at, resolved_by?, url}}`.
    fn approval(&self, it: &News, people: &BTreeMap<Uuid, Person>) -> Data {
        let (run, (address, generation)) = (self.run, self.place);
        let kind = match address.check {
            None => "approval",
            Some(Check::Review(_)) => "review",
            Some(Check::Ballot(_)) => "ballot",
        };
        let expires = run.state.due.get(&Due::Expires(address.clone(), *generation));
        let by = it.by.and_then(|it| people.get(&it.uuid()));
        let id = self.id();
        let task = id.map(|it| it.to_string()).unwrap_or_default();
        object(json!({
            "approval": {
                "id": id,
                "run": run.state.run,
                "address": address,
                "kind": kind,
                "state": self.state(),
                "expires_at": expires.map(UnixMillis::to_string),
                "resolved_by": by.filter(|_| self.phase != Some(TaskPhase::Waiting)).map(|it| &it.party),
                "url": format!("{}/runs/{}/tasks/{task}", self.base, run.state.run),
            },
            "reason": self.reason.map(TaskReason::as_str),
        }))
    }
}
