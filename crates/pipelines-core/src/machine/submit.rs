//! A result is judged, stored, accepted once (`spec/work.md` 4, Submit).
//!
//! The key is (claim, SHA-256 of the canonical form): the same again gets the first verdict again, whatever has become of
//! the claim.

use std::{sync::Arc, time::Duration};

use names::Digest;
use serde_json::Value;

use super::{
    effect::{Answer, Budget, Change, Counter, Credit, Effect, Refusal, Verdict},
    event::Usage,
    state::{Candidate, Claim, ClaimPhase, TaskPhase},
    work::{Failure, Work},
};
use crate::{
    definition::{Checks, Review, Step},
    fault::{Code, Fault},
    json::{Place, canonical},
    name::{Address, AgentId, Check, ClaimId},
};

/// The invalid result that ends a claim.
const MAX_REJECTS: u32 = 10;
/// Reasons of a review.
const MAX_REASONS: usize = 32;

impl Work {
    pub(super) fn submit(
        &mut self,
        id: ClaimId,
        agent: AgentId,
        result: &Arc<Value>,
        usage: Usage,
    ) -> Result<(), Refusal> {
        let text = canonical(result);
        let sha256 = Digest::of(text.as_bytes());
        if let Some(verdict) = self.held(id, agent)?.submissions.get(&sha256).cloned() {
            self.effect(Effect::Answer(Answer::Verdict { verdict, is_repeated: true }));
            return Ok(());
        }
        let claim = self.live(id, agent)?.clone();
        let definition = Arc::clone(&self.state.definition);
        let step = definition.step(&claim.address.step).ok_or(Refusal::UnknownTask)?;
        let size = u64::try_from(text.len()).unwrap_or(u64::MAX);
        if size > step.max_result {
            return Err(Refusal::TooLarge);
        }
        let spent = self.state.spent.result_bytes.saturating_add(size);
        if spent > self.state.budgets.result_bytes {
            return Err(Refusal::BudgetExhausted(Budget::ResultBytes));
        }
        self.report(usage);
        let faults = self.faults(step, &claim.address, result);
        let verdict = if faults.is_empty() {
            self.count(Counter::ResultBytes, size);
            self.valid(step, id, &claim, result, sha256)
        } else {
            self.invalid(id, &claim, sha256, faults)
        };
        self.effect(Effect::Answer(Answer::Verdict { verdict, is_repeated: false }));
        Ok(())
    }

    /// What is wrong with a result.
    fn faults(&self, step: &Step, address: &Address, result: &Value) -> Vec<Fault> {
        if let Some(Check::Review(_)) = address.check {
            return review_faults(result);
        }
        let mut faults = step.output_schema.judge(result);
        if faults.is_empty() {
            faults.extend(self.fan_out_fault(step, address, result));
        }
        faults
    }

    /// A list that is longer than its fan-out may be, or than the budget of tasks.
    pub(super) fn fan_out_fault(
        &self,
        step: &Step,
        address: &Address,
        result: &Value,
    ) -> Option<Fault> {
        let spawns = step.spawns.as_ref()?;
        let width = spawns.for_each.find(result)?.as_array()?.len();
        let width = u32::try_from(width).unwrap_or(u32::MAX);
        let place = spawns.for_each.tokens().iter().fold(Place::root(), |at, token| at.at(token));
        let wide = |why: String| Some(Fault::at(&place, Code::FanOutTooWide, why));
        if width > spawns.max_width {
            return wide(format!("at most {} elements are taken", spawns.max_width));
        }
        let child = |template: &crate::name::StepId, index: u32| {
            let path = address.path.iter().copied().chain([index]).collect();
            Address::of(template.clone(), path)
        };
        let all = spawns.steps.iter().flat_map(|it| (0..width).map(move |at| child(it, at)));
        let new = all.filter(|it| !self.state.tasks.contains_key(it)).count();
        let new = u64::try_from(new).unwrap_or(u64::MAX);
        let taken = self.state.spent.tasks.saturating_add(self.unspawned());
        let left = self.state.budgets.tasks.saturating_sub(taken);
        if new > left { wide(format!("the run may have {left} more tasks")) } else { None }
    }

    fn invalid(
        &mut self,
        id: ClaimId,
        claim: &Claim,
        sha256: Digest,
        faults: Vec<Fault>,
    ) -> Verdict {
        let verdict = Verdict::Invalid(faults.into());
        self.judged(id, sha256, &verdict);
        let rejects = claim.rejects + 1;
        if let Some(claim) = self.claim_mut(id) {
            claim.rejects = rejects;
        }
        if rejects >= MAX_REJECTS {
            self.end_claim(id, ClaimPhase::Exhausted);
            if let Some(task) = self.task_mut(&claim.address) {
                task.silent = 0;
            }
            let failure = Failure { strike: None, retry_after: Duration::ZERO };
            self.fail_attempt(&claim.address, failure);
        }
        verdict
    }

    /// Stores a verdict under the result's hash.
    fn judged(&mut self, id: ClaimId, sha256: Digest, verdict: &Verdict) {
        if let Some(claim) = self.claim_mut(id) {
            claim.touched = true;
            claim.submissions.insert(sha256, verdict.clone());
        }
        let is_valid = !matches!(verdict, Verdict::Invalid(_));
        self.change(Change::Judged { claim: id, sha256, is_valid });
    }

    fn valid(
        &mut self,
        step: &Step,
        id: ClaimId,
        claim: &Claim,
        result: &Arc<Value>,
        sha256: Digest,
    ) -> Verdict {
        let address = &claim.address;
        let review = match (&step.checks, address.check) {
            (Checks::Review(review), None) => Some(*review),
            _ => None,
        };
        let review = review.filter(|it| self.is_reviewed(it, claim));
        let verdict = if review.is_some() { Verdict::Checking } else { Verdict::Accepted };
        self.judged(id, sha256, &verdict);
        self.end_claim(id, ClaimPhase::Submitted);
        if let Some(task) = self.task_mut(address) {
            task.silent = 0;
        }
        if address.check.is_some() {
            self.checked(id, claim, result);
            return verdict;
        }
        if let Some(task) = self.task_mut(address) {
            task.workers.insert(claim.owner);
        }
        match review {
            None => {
                self.credit(id, Credit::Accepted);
                self.accept(address, result, Some(id), None);
            }
            Some(review) => {
                if let Some(task) = self.task_mut(address) {
                    task.candidate = Some(Candidate { claim: id, result: Arc::clone(result) });
                }
                self.set_task(address, TaskPhase::Checking, None);
                self.insert_reviews(address, &review);
            }
        }
        verdict
    }

    /// A ballot or a review is in.
    fn checked(&mut self, id: ClaimId, claim: &Claim, result: &Arc<Value>) {
        let parent = claim.address.checked();
        if let Some(Check::Review(_)) = claim.address.check {
            self.credit(id, Credit::Accepted);
            if let Some(task) = self.task_mut(&parent) {
                task.reviewers.insert(claim.owner);
            }
        }
        self.accept(&claim.address, result, Some(id), None);
        self.judge_checks(&parent);
    }

    /// Whether this result is one of the sample, drawn by its hash so that it repeats (`spec/work.md` 5).
    fn is_reviewed(&self, review: &Review, claim: &Claim) -> bool {
        if review.exempt_trust.is_some_and(|tier| claim.trust >= tier) {
            return false;
        }
        let text = format!("{}\n{}\n{}", self.state.run, claim.address, claim.fence);
        let digest = Digest::of(text.as_bytes());
        let number =
            digest.as_bytes().iter().take(8).fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        number % 1_000_000 < u64::from(review.sample_millionths)
    }
}

/// A review is `{"verdict": "accept" or "reject", "reasons": [text]}`.
fn review_faults(result: &Value) -> Vec<Fault> {
    let place = Place::root();
    let Some(fields) = result.as_object() else {
        return vec![Fault::whole(Code::WrongType, "an object is wanted")];
    };
    let mut faults = Vec::new();
    match fields.get("verdict").map(Value::as_str) {
        None => faults.push(Fault::whole(Code::MissingField, "the member verdict is missing")),
        Some(Some("accept" | "reject")) => {}
        Some(_) => {
            let why = "accept or reject is wanted";
            faults.push(Fault::at(&place.at("verdict"), Code::OutOfRange, why));
        }
    }
    let reasons = fields.get("reasons").map(|it| it.as_array().map(Vec::as_slice));
    match reasons {
        None => {}
        Some(Some(items)) if items.len() <= MAX_REASONS && items.iter().all(Value::is_string) => {}
        Some(_) => {
            let why = format!("a list of at most {MAX_REASONS} texts is wanted");
            faults.push(Fault::at(&place.at("reasons"), Code::WrongType, why));
        }
    }
    let known = ["verdict", "reasons"];
    for name in fields.keys().filter(|name| !known.contains(&name.as_str())) {
        faults.push(Fault::at(&place.at(name), Code::UnknownField, "it is not known here"));
    }
    faults
}
