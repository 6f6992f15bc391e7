//! Persons decide (`spec/work.md` 3, waiting): approvals of a step, reviews by persons, and who is right of several
//! ballots.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    effect::{Change, Refusal},
    event::Decision,
    state::{TaskPhase, TaskReason},
    work::Work,
};
use crate::{
    definition::{Approval, Checks, Kind},
    fault::{Code, Fault},
    json::Place,
    name::{Address, Check, PersonId},
};

impl Work {
    pub(super) fn decide(
        &mut self,
        address: &Address,
        person: PersonId,
        decision: &Decision,
    ) -> Result<(), Refusal> {
        let task = self.state.current(address).ok_or(Refusal::UnknownTask)?;
        match task.phase {
            TaskPhase::Waiting => {}
            phase if phase.is_terminal() => return Err(Refusal::Decided),
            _ => return Err(Refusal::NotListed),
        }
        if task.approved_by.contains(&person) {
            return Err(Refusal::Decided);
        }
        let definition = Arc::clone(&self.state.definition);
        let step = definition.step(&address.step).ok_or(Refusal::UnknownTask)?;
        match (step.kind, address.check) {
            (Kind::Approval(approval), None) => {
                if approval.not_starter && self.state.starter == Some(person) {
                    return Err(Refusal::Starter);
                }
                self.decide_step(address, person, approval, decision)
            }
            (Kind::Work, Some(Check::Review(_))) => match &step.checks {
                Checks::Quorum(_) => self.pick(address, person, decision),
                Checks::Review(_) | Checks::None => self.review(address, person, decision),
            },
            _ => Err(Refusal::NotListed),
        }
    }

    fn decide_step(
        &mut self,
        address: &Address,
        person: PersonId,
        approval: Approval,
        decision: &Decision,
    ) -> Result<(), Refusal> {
        let form = match decision {
            Decision::Reject(reason) => {
                if let Some(task) = self.task_mut(address) {
                    task.feedback = vec![reason.clone()];
                }
                self.die(address, TaskReason::RejectedByPerson);
                return Ok(());
            }
            Decision::Approve(form) => form,
        };
        let faults = self.with_step(&address.step, |step| step.output_schema.judge(form));
        let faults = faults.unwrap_or_default();
        if !faults.is_empty() {
            return Err(Refusal::Invalid(faults));
        }
        let Some(task) = self.task_mut(address) else { return Err(Refusal::UnknownTask) };
        task.approved_by.insert(person);
        let (count, generation) = (task.approved_by.len(), task.generation);
        if u32::try_from(count).is_ok_and(|count| count < approval.count) {
            self.change(Change::Approved { address: address.clone(), generation });
        } else {
            // The form of whoever decides it is the output.
            self.accept(address, &Arc::new(form.clone()), None, None);
        }
        Ok(())
    }

    /// There a reject is an answer, not a death.
    fn review(
        &mut self,
        address: &Address,
        person: PersonId,
        decision: &Decision,
    ) -> Result<(), Refusal> {
        let parent = address.checked();
        let has_decided = self
            .checks_of(&parent)
            .iter()
            .any(|(_, task)| task.approved_by.contains(&person) && task.phase == TaskPhase::Done);
        if has_decided {
            return Err(Refusal::Decided);
        }
        let answer = match decision {
            Decision::Approve(_) => json!({"verdict": "accept", "reasons": []}),
            Decision::Reject(reason) => json!({"verdict": "reject", "reasons": [reason]}),
        };
        self.answer_check(address, person, answer);
        Ok(())
    }

    /// The form of a pick is `{"ballot": number}`.
    fn pick(
        &mut self,
        address: &Address,
        person: PersonId,
        decision: &Decision,
    ) -> Result<(), Refusal> {
        let form = match decision {
            Decision::Reject(_) => {
                self.die(address, TaskReason::RejectedByPerson);
                return Ok(());
            }
            Decision::Approve(form) => form,
        };
        let number = form.get("ballot").and_then(Value::as_u64);
        let number = number.and_then(|number| u32::try_from(number).ok());
        let ballot = number.map(|number| address.checked().with(Check::Ballot(number)));
        let is_done =
            |it: &Address| self.state.current(it).is_some_and(|task| task.phase == TaskPhase::Done);
        if !ballot.as_ref().is_some_and(is_done) {
            let why = "the number of a ballot that was given is wanted";
            let fault = Fault::at(&Place::root().at("ballot"), Code::OutOfRange, why);
            return Err(Refusal::Invalid(vec![fault]));
        }
        self.answer_check(address, person, form.clone());
        Ok(())
    }

    fn answer_check(&mut self, address: &Address, person: PersonId, answer: Value) {
        if let Some(task) = self.task_mut(address) {
            task.approved_by.insert(person);
        }
        self.accept(address, &Arc::new(answer), None, None);
        self.judge_checks(&address.checked());
    }
}
