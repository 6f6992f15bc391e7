//! Ballots and reviews (`spec/work.md` 3, checking): tasks of their own whose results decide about another.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    effect::{Credit, Due, Effect},
    state::{Candidate, ClaimPhase, Task, TaskPhase, TaskReason},
    work::{Failure, Work},
};
use crate::{
    definition::{Checks, OnDisagree, Quorum, Review, Reviewer},
    json::canonical,
    name::{Address, Check, ClaimId},
};

/// How long persons are waited for in a check.
const PERSONS: std::time::Duration = std::time::Duration::from_hours(7 * 24);

impl Work {
    /// The current checks of an address, ballots first, by number.
    pub(super) fn checks_of(&self, address: &Address) -> Vec<(&Address, &Task)> {
        let start = address.with(Check::Ballot(0));
        let all = self.state.tasks.range(start..).map(|(address, _)| address);
        all.take_while(|it| it.step == address.step && it.path == address.path)
            .filter_map(|it| Some((it, self.state.current(it)?)))
            .collect()
    }

    /// The checks of the generation that is being checked, those of the candidate only.
    fn round_of(&self, address: &Address) -> Vec<(Address, Task)> {
        let Some(task) = self.state.current(address) else { return Vec::new() };
        let is_of_round = |(address, theirs): &(&Address, &Task)| {
            let is_recent = match address.check {
                Some(Check::Ballot(_)) => true,
                Some(Check::Review(number)) => number >= task.round,
                None => false,
            };
            theirs.checks == task.generation && is_recent
        };
        let checks = self.checks_of(address).into_iter().filter(is_of_round);
        checks.map(|(address, task)| (address.clone(), task.clone())).collect()
    }

    /// Ends all checks of an address that are open.
    pub(super) fn end_checks(&mut self, address: &Address) {
        if address.check.is_some() {
            return;
        }
        let open = self.checks_of(address).into_iter().filter(|(_, it)| !it.phase.is_terminal());
        let open: Vec<_> = open.map(|(address, _)| address.clone()).collect();
        for check in open {
            self.end_claim_of(&check, ClaimPhase::Cancelled);
            self.set_task(&check, TaskPhase::Cancelled, None);
        }
    }

    fn insert_check(&mut self, address: &Address, check: Check, input: &Arc<Value>, by: Reviewer) {
        let place = address.with(check);
        let Some(task) = self.task_mut(address) else { return };
        task.inserted += 1;
        let checked = task.generation;
        self.insert(&place, None);
        let Some(task) = self.task_mut(&place) else { return };
        task.checks = checked;
        task.input = Some(Arc::clone(input));
        let generation = task.generation;
        let stored = Arc::clone(input);
        self.effect(Effect::Input { address: place.clone(), generation, input: stored });
        match by {
            Reviewer::Agent => self.make_ready(&place),
            Reviewer::Person => {
                self.set_task(&place, TaskPhase::Waiting, None);
                self.set_due(Due::Expires(place, generation), self.now.plus(PERSONS));
            }
        }
    }

    /// One more ballot, with the number behind the last.
    pub(super) fn insert_ballot(&mut self, address: &Address, input: &Arc<Value>) {
        let number = self.state.current(address).map_or(0, |task| task.inserted);
        self.insert_check(address, Check::Ballot(number), input, Reviewer::Agent);
    }

    /// The reviews of a new candidate.
    pub(super) fn insert_reviews(&mut self, address: &Address, review: &Review) {
        let Some(task) = self.task_mut(address) else { return };
        task.round = task.inserted;
        let first = task.round;
        let candidate = task.candidate.as_ref().map(|it| Arc::clone(&it.result));
        let shown = json!({
            "input": task.input.as_deref().cloned().unwrap_or_default(),
            "result": candidate.as_deref().cloned().unwrap_or_default(),
        });
        let input = Arc::new(shown);
        for number in first..first + review.count {
            self.insert_check(address, Check::Review(number), &input, review.by);
        }
    }

    /// A check has ended: does that decide?
    pub(super) fn judge_checks(&mut self, address: &Address) {
        let is_checking =
            self.state.current(address).is_some_and(|task| task.phase == TaskPhase::Checking);
        let checks = self.with_step(&address.step, |step| step.checks.clone());
        match checks.filter(|_| is_checking && !self.state.phase.is_terminal()) {
            Some(Checks::Quorum(quorum)) => self.judge_ballots(address, &quorum),
            Some(Checks::Review(_)) => self.judge_reviews(address),
            Some(Checks::None) | None => {}
        }
    }

    fn judge_ballots(&mut self, address: &Address, quorum: &Quorum) {
        let round = self.round_of(address);
        let is_pick = |(place, _): &&(Address, Task)| matches!(place.check, Some(Check::Review(_)));
        if let Some((_, pick)) = round.iter().find(is_pick) {
            self.judge_pick(address, &round, pick);
            return;
        }
        let done = |task: &Task| task.phase == TaskPhase::Done;
        let key = |task: &Task| compared(quorum, task.output.as_deref());
        let votes: Vec<_> =
            round.iter().filter(|(_, it)| done(it)).map(|it| (it, key(&it.1))).collect();
        let size = |key: &str| votes.iter().filter(|(_, other)| other == key).count();
        let best = votes.iter().map(|(_, key)| size(key)).max().unwrap_or_default();
        let best = u32::try_from(best).unwrap_or(u32::MAX);
        if best >= quorum.agree {
            // Only one group can be so large; its lowest number speaks for it.
            let winner = votes.iter().find(|(_, key)| u32::try_from(size(key)) == Ok(best));
            if let Some(((place, task), key)) = winner {
                let is_agreeing = |it: &Task| compared(quorum, it.output.as_deref()) == *key;
                self.credit_ballots(&round, is_agreeing);
                self.decided(address, place, task);
            }
            return;
        }
        let open = round.iter().filter(|(_, it)| !it.phase.is_terminal()).count();
        let open = u32::try_from(open).unwrap_or(u32::MAX);
        if best + open >= quorum.agree {
            return;
        }
        let Some(task) = self.state.current(address) else { return };
        let input = task.input.clone().unwrap_or_default();
        if task.inserted < quorum.max_ballots {
            self.insert_ballot(address, &input);
            // One more may still be too few.
            self.judge_checks(address);
        } else if round.iter().any(|(_, it)| it.phase == TaskPhase::Dead) {
            self.die(address, TaskReason::CheckFailed);
        } else {
            match quorum.on_disagree {
                OnDisagree::Dead => {
                    self.credit_ballots(&round, |_| false);
                    self.die(address, TaskReason::NoAgreement);
                }
                OnDisagree::Person => {
                    let ballots = votes.iter().map(|((place, task), _)| {
                        json!({"ballot": number(place), "result": task.output.as_deref()})
                    });
                    let shown = json!({
                        "input": input.as_ref(),
                        "ballots": ballots.collect::<Vec<_>>(),
                    });
                    let pick = Check::Review(0);
                    self.insert_check(address, pick, &Arc::new(shown), Reviewer::Person);
                }
            }
        }
    }

    /// A person was asked which ballot is right.
    fn judge_pick(&mut self, address: &Address, round: &[(Address, Task)], pick: &Task) {
        match pick.phase {
            TaskPhase::Done => {
                let picked = pick.output.as_ref().and_then(|it| it.get("ballot")?.as_u64());
                let is_it = |place: &Address| {
                    matches!(place.check, Some(Check::Ballot(_))) && picked == Some(number(place))
                };
                let found = round.iter().find(|(place, _)| is_it(place)).cloned();
                if let Some((place, task)) = found {
                    let output = task.output.clone();
                    self.credit_ballots(round, |it| it.output == output);
                    self.decided(address, &place, &task);
                }
            }
            TaskPhase::Dead if pick.reason == Some(TaskReason::RejectedByPerson) => {
                self.die(address, TaskReason::NoAgreement);
            }
            TaskPhase::Dead => self.die(address, TaskReason::CheckFailed),
            _ => {}
        }
    }

    /// A ballot becomes the result.
    fn decided(&mut self, address: &Address, place: &Address, ballot: &Task) {
        self.end_checks(address);
        let Some(output) = ballot.output.clone() else { return };
        if self.is_too_wide(address, &output) {
            self.die(address, TaskReason::CheckFailed);
            return;
        }
        let claim = self.claim_behind(place, ballot.generation);
        self.accept(address, &output, claim, None);
    }

    /// Whether a fan-out that fitted when it was submitted does not fit any more.
    fn is_too_wide(&self, address: &Address, output: &Value) -> bool {
        let fault = self.with_step(&address.step, |step| self.fan_out_fault(step, address, output));
        fault.flatten().is_some()
    }

    fn credit_ballots(&mut self, round: &[(Address, Task)], is_agreeing: impl Fn(&Task) -> bool) {
        for (place, task) in round.iter().filter(|(_, it)| it.phase == TaskPhase::Done) {
            let credit = if is_agreeing(task) { Credit::Accepted } else { Credit::Rejected };
            let claim = self.claim_behind(place, task.generation);
            if let Some(claim) = claim.filter(|_| matches!(place.check, Some(Check::Ballot(_)))) {
                self.credit(claim, credit);
            }
        }
    }

    /// The claim that a result came with.
    pub(super) fn claim_behind(&self, address: &Address, generation: u32) -> Option<ClaimId> {
        let mut claims = self.state.claims.iter();
        let found = claims.find(|(_, claim)| {
            claim.phase == ClaimPhase::Submitted
                && claim.address == *address
                && claim.generation == generation
        });
        found.map(|(id, _)| *id)
    }

    fn judge_reviews(&mut self, address: &Address) {
        let round = self.round_of(address);
        let candidate = self.state.current(address).and_then(|task| task.candidate.clone());
        let Some(candidate) = candidate else { return };
        let outputs = || round.iter().filter_map(|(_, task)| task.output.as_deref());
        let is_reject = |it: &&Value| it.get("verdict").is_some_and(|it| it == "reject");
        if let Some(rejecting) = outputs().find(is_reject) {
            let reasons = rejecting.get("reasons").and_then(Value::as_array);
            let reasons = reasons.into_iter().flatten().filter_map(Value::as_str);
            self.rejected(address, &candidate, reasons.map(str::to_owned).collect());
        } else if round.iter().any(|(_, it)| it.phase == TaskPhase::Dead) {
            self.die(address, TaskReason::CheckFailed);
        } else if !round.is_empty() && round.iter().all(|(_, it)| it.phase == TaskPhase::Done) {
            if self.is_too_wide(address, &candidate.result) {
                let why = "the fan-out is wider than the run has tasks left".to_owned();
                self.rejected(address, &candidate, vec![why]);
                return;
            }
            self.credit(candidate.claim, Credit::Accepted);
            self.accept(address, &candidate.result, Some(candidate.claim), None);
        }
    }

    /// One reject is a reject: an attempt is spent, and the next claim is told why.
    fn rejected(&mut self, address: &Address, candidate: &Candidate, reasons: Vec<String>) {
        self.end_checks(address);
        self.credit(candidate.claim, Credit::Rejected);
        if let Some(task) = self.task_mut(address) {
            task.candidate = None;
            task.feedback = reasons;
        }
        let retry_after = std::time::Duration::ZERO;
        self.fail_attempt(address, Failure { strike: None, retry_after });
    }
}

/// What is compared of a ballot: canonical bytes at each pointer, or that there is nothing.
fn compared(quorum: &Quorum, output: Option<&Value>) -> String {
    let at = |pointer: &crate::json::Pointer| {
        let found = output.and_then(|output| pointer.find(output));
        found.map_or_else(|| "-".to_owned(), |it| format!("={}", canonical(it)))
    };
    quorum.compare.iter().map(at).collect::<Vec<_>>().join("\n")
}

fn number(place: &Address) -> u64 {
    match place.check {
        Some(Check::Ballot(number) | Check::Review(number)) => u64::from(number),
        None => 0,
    }
}
