//! An entry of the timeline, as its row tells it (`spec/work.md` 3, I15).

use pipelines_core::{
    machine::{Change, RunReason, TaskReason},
    name::{Address, ClaimId},
};
use serde_json::{Value, json};

/// What an entry says.
pub(super) struct Line {
    /// Its type: what it is about, and what came of it.
    pub(super) kind: String,
    /// The task that it is about.
    pub(super) task: Option<(Address, u32)>,
    /// The claim that it is about.
    pub(super) claim: Option<ClaimId>,
    /// The rest.
    pub(super) data: Value,
}

/// The line of a change.
pub(super) fn line(change: &Change) -> Line {
    let of_task = |kind: String, address: &Address, generation: u32, data: Value| Line {
        kind,
        task: Some((address.clone(), generation)),
        claim: None,
        data,
    };
    let of_claim = |kind: String, claim: ClaimId, data: Value| Line {
        kind,
        task: None,
        claim: Some(claim),
        data,
    };
    let of_run = |kind: String, data: Value| Line { kind, task: None, claim: None, data };
    match change {
        Change::Run { phase, reason } => {
            let reason = reason.as_ref().map(RunReason::as_str);
            of_run(format!("run.{}", phase.as_str()), json!({"reason": reason}))
        }
        Change::Moved { version } => of_run("run.moved".to_owned(), json!({"version": version})),
        Change::Budgets(budgets) => {
            let budgets = super::granted::budgets(budgets);
            of_run("run.budgets".to_owned(), json!({"budgets": budgets}))
        }
        Change::Inserted { address, generation } => {
            let data = json!({"address": address, "generation": generation});
            of_task("task.inserted".to_owned(), address, *generation, data)
        }
        Change::Task { address, generation, phase, reason } => {
            let reason = reason.map(TaskReason::as_str);
            let data = json!({"address": address, "generation": generation, "reason": reason});
            of_task(format!("task.{}", phase.as_str()), address, *generation, data)
        }
        Change::Superseded { address, generation } => {
            let data = json!({"address": address, "generation": generation});
            of_task("task.superseded".to_owned(), address, *generation, data)
        }
        Change::Granted { claim, address, generation, agent, owner, fence, ends_at, cap_at } => {
            let data = json!({
                "address": address, "generation": generation, "agent": agent, "owner": owner, "fence": fence,
                "lease_ends_at": ends_at, "cap_at": cap_at,
            });
            let kind = "claim.granted".to_owned();
            Line { claim: Some(*claim), ..of_task(kind, address, *generation, data) }
        }
        Change::Slid { claim, ends_at } => {
            of_claim("claim.extended".to_owned(), *claim, json!({"lease_ends_at": ends_at}))
        }
        Change::Ended { claim, phase } => {
            of_claim(format!("claim.{}", phase.as_str()), *claim, json!({}))
        }
        Change::Judged { claim, sha256, is_valid } => {
            let data = json!({"result_sha256": sha256, "is_valid": is_valid});
            of_claim("claim.judged".to_owned(), *claim, data)
        }
        Change::SkillRead { claim, skill, path } => {
            of_claim("claim.read".to_owned(), *claim, json!({"skill": skill, "path": path}))
        }
        Change::Approved { address, generation } => {
            let data = json!({"address": address, "generation": generation});
            of_task("task.approved".to_owned(), address, *generation, data)
        }
    }
}
