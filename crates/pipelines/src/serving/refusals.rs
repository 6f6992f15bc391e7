//! What the engine does not do, as HTTP. Statuses are chosen here alone, without a wildcard arm.

use http::StatusCode;
use pipelines_core::{fault::Fault, machine::Refusal};
use web::Problem;

use super::fault;
use crate::engine::NotDone;

/// When a program may try again that does not know that it never helps.
const NEVER_SECONDS: u32 = 3_600;
/// Faults that one answer tells.
const TOLD: usize = 100;

impl From<NotDone> for Problem {
    fn from(not_done: NotDone) -> Self {
        match not_done {
            NotDone::NoRun => Self::not_found(),
            NotDone::ExternalIdTaken => {
                Self::refuse(StatusCode::CONFLICT, "external_id_taken", &not_done)
            }
            NotDone::ConcurrencyFull => {
                Self::refuse(StatusCode::CONFLICT, "concurrency_full", &not_done)
            }
            NotDone::Quota(quota) => {
                let wait = u32::try_from(quota.wait.as_millis().div_ceil(1_000));
                Self::refuse(StatusCode::TOO_MANY_REQUESTS, "quota", &quota)
                    .retry_after(wait.unwrap_or(u32::MAX))
            }
            NotDone::Refused(refusal) => refused(&refusal),
            NotDone::Failed(error) => (*error).into(),
        }
    }
}

/// Faults of a value that somebody sent, below the member that it stood in.
pub(super) fn invalid(at: &str, faults: &[Fault]) -> Problem {
    let told = |it: &Fault| fault(&format!("{at}{}", it.pointer), it.code.as_str(), &*it.message);
    Problem::invalid(faults.iter().take(TOLD).map(told).collect())
}

/// What is not done to a task: one whose state lists nothing of the kind is closed.
pub(super) fn of_task(not_done: NotDone) -> Problem {
    match not_done {
        NotDone::Refused(refusal @ (Refusal::NotListed | Refusal::RunEnded)) => {
            Problem::refuse(StatusCode::CONFLICT, "task_closed", &refusal)
        }
        other => other.into(),
    }
}

fn refused(refusal: &Refusal) -> Problem {
    let conflict = |code: &'static str| Problem::refuse(StatusCode::CONFLICT, code, refusal);
    match refusal {
        Refusal::RunEnded => conflict("run_ended"),
        Refusal::UnknownTask | Refusal::UnknownClaim => Problem::not_found(),
        // Which state it is in stands beside the code, for programs.
        Refusal::ClaimLost(phase) => conflict("claim_lost").with(vec![fault(
            "/claim_state",
            phase.as_str(),
            refusal.to_string(),
        )]),
        Refusal::BudgetExhausted(_) => conflict("budget_exhausted"),
        Refusal::TooLarge => Problem::refuse(StatusCode::PAYLOAD_TOO_LARGE, "too_large", refusal),
        Refusal::Starter => Problem::refuse(StatusCode::FORBIDDEN, "starter", refusal),
        Refusal::Decided => conflict("approval_closed"),
        Refusal::Invalid(faults) => invalid("/output", faults),
        Refusal::NotCompatible(pointers) => {
            let faults = pointers.iter().map(|it| fault(it, "not_compatible", "it differs here"));
            conflict("version_not_compatible").with(faults.collect())
        }
        Refusal::NearExpiry => conflict("claim_near_expiry"),
        Refusal::CallsExhausted => {
            // Of this task it is never called again; a program that does not know the code tries late.
            Problem::refuse(StatusCode::TOO_MANY_REQUESTS, "calls_exhausted", refusal)
                .retry_after(NEVER_SECONDS)
        }
        Refusal::UnknownSubcommand => {
            Problem::refuse(StatusCode::UNPROCESSABLE_ENTITY, "unknown_subcommand", refusal)
        }
        Refusal::NotListed
        | Refusal::NotReady
        | Refusal::Held
        | Refusal::NotPermitted
        | Refusal::NotFit
        | Refusal::Barred
        | Refusal::SameOwner
        | Refusal::SlotsFull
        | Refusal::BudgetReserved => conflict("conflict"),
    }
}
