//! Which entries of the timeline are events of webhooks (`spec/webhooks.md` 2, the rows of Work).
//!
//! What goes on inside of a run is no event: tasks that wait for others, ballots that are compared, rows that take the
//! place of others. Whatever ends with its run is told by the run.

use super::{
    effect::Change,
    state::{ClaimPhase, RunPhase, TaskPhase},
};

/// The type of the event that a change is, for what was not waiting for a person.
pub(super) const fn word(change: &Change) -> Option<&'static str> {
    match change {
        Change::Run { phase, .. } => of_run(*phase),
        Change::Task { phase, .. } => of_task(*phase),
        Change::Granted { .. } => Some("task.claimed"),
        Change::Slid { .. } => Some("task.extended"),
        Change::Ended { phase: ClaimPhase::Released, .. } => Some("task.released"),
        Change::Ended { phase: ClaimPhase::Expired, .. } => Some("task.lease_expired"),
        Change::Ended { .. }
        | Change::Moved { .. }
        | Change::Budgets(_)
        | Change::Inserted { .. }
        | Change::Superseded { .. }
        | Change::Judged { .. }
        | Change::SkillRead { .. }
        | Change::Approved { .. } => None,
    }
}

/// A run that begins is told of where it leaves its queue.
const fn of_run(phase: RunPhase) -> Option<&'static str> {
    match phase {
        RunPhase::Composed => Some("run.composed"),
        RunPhase::Completed => Some("run.completed"),
        RunPhase::Failed => Some("run.failed"),
        RunPhase::Cancelled => Some("run.cancelled"),
        RunPhase::Expired => Some("run.expired"),
        RunPhase::Queued | RunPhase::Running | RunPhase::Held => None,
    }
}

const fn of_task(phase: TaskPhase) -> Option<&'static str> {
    match phase {
        TaskPhase::Ready => Some("task.ready"),
        TaskPhase::Waiting => Some("approval.requested"),
        TaskPhase::Done => Some("task.completed"),
        // An attempt failed, and there is another.
        TaskPhase::Delayed => Some("task.failed"),
        TaskPhase::Dead => Some("task.dead"),
        TaskPhase::Pending
        | TaskPhase::Claimed
        | TaskPhase::Checking
        | TaskPhase::Skipped
        | TaskPhase::Cancelled => None,
    }
}

/// The type of the event that it is when a task waits for a person no more.
pub(super) const fn resolved(phase: TaskPhase) -> Option<&'static str> {
    match phase {
        TaskPhase::Done | TaskPhase::Dead | TaskPhase::Skipped => Some("approval.resolved"),
        TaskPhase::Pending
        | TaskPhase::Delayed
        | TaskPhase::Ready
        | TaskPhase::Claimed
        | TaskPhase::Checking
        | TaskPhase::Waiting
        | TaskPhase::Cancelled => None,
    }
}
