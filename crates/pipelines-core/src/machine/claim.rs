//! A claim lives and ends (`spec/work.md` 3, Claim; 4; 7).

use std::time::Duration;

use names::UnixMillis;

use super::{
    effect::{Answer, Budget, Change, Counter, Credit, Effect, Refusal},
    event::{Release, ReleaseReason, Usage},
    state::{Claim, ClaimPhase, Poison, Strike, TaskPhase},
    work::{Failure, Work},
};
use crate::name::{Address, AgentId, ClaimId};

/// Hand-backs of a task that spend nothing.
const FREE_HAND_BACKS: u32 = 3;
/// How long an agent is not offered what it handed back.
const BAR: Duration = Duration::from_mins(15);
/// The longest wait that a release may ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(1);
/// What a claim has to have left after a call.
const CALL_MARGIN: Duration = Duration::from_secs(5);

impl Work {
    /// The claim, if it is the agent's.
    pub(super) fn held(&self, id: ClaimId, agent: AgentId) -> Result<&Claim, Refusal> {
        let claim = self.state.claims.get(&id).filter(|claim| claim.agent == agent);
        claim.map(AsRef::as_ref).ok_or(Refusal::UnknownClaim)
    }

    /// The claim, if it is the agent's and lives: at its end it is lost, whichever row came first.
    pub(super) fn live(&self, id: ClaimId, agent: AgentId) -> Result<&Claim, Refusal> {
        let claim = self.held(id, agent)?;
        match claim.phase {
            ClaimPhase::Live if self.now < claim.ends_at => Ok(claim),
            ClaimPhase::Live => Err(Refusal::ClaimLost(ClaimPhase::Expired)),
            phase => Err(Refusal::ClaimLost(phase)),
        }
    }

    /// The end slides: now + ttl, at most granted + cap, never earlier than before.
    fn slide(&mut self, id: ClaimId) {
        let now = self.now;
        let Some(claim) = self.claim_mut(id) else { return };
        claim.touched = true;
        let ends_at = now.plus(claim.ttl).min(claim.cap_at).max(claim.ends_at);
        let has_moved = ends_at != claim.ends_at;
        claim.ends_at = ends_at;
        if has_moved {
            self.change(Change::Slid { claim: id, ends_at });
        }
        self.effect(Effect::Answer(Answer::Lives { ends_at }));
    }

    /// Live claims last until `until` at least, and so does the end that no beat moves.
    pub(super) fn grace(&mut self, until: UnixMillis) -> Result<(), Refusal> {
        let short = self.state.live_claims().filter(|(_, claim)| claim.ends_at < until);
        let short: Vec<_> = short.map(|(id, _)| *id).collect();
        if short.is_empty() {
            return Err(Refusal::NotListed);
        }
        for id in short {
            if let Some(claim) = self.claim_mut(id) {
                claim.ends_at = until;
                claim.cap_at = claim.cap_at.max(until);
            }
            self.change(Change::Slid { claim: id, ends_at: until });
        }
        Ok(())
    }

    pub(super) fn beat(
        &mut self,
        id: ClaimId,
        agent: AgentId,
        usage: Usage,
    ) -> Result<(), Refusal> {
        self.live(id, agent)?;
        self.report(usage);
        self.slide(id);
        Ok(())
    }

    /// A file of a skill is read: it costs nothing, and does not keep the claim alive.
    pub(super) fn read_skill(
        &mut self,
        id: ClaimId,
        agent: AgentId,
        skill: &str,
        path: &str,
    ) -> Result<(), Refusal> {
        self.live(id, agent)?;
        self.change(Change::SkillRead {
            claim: id,
            skill: skill.to_owned(),
            path: path.to_owned(),
        });
        Ok(())
    }

    /// A call is about to leave: it is judged and counted before a byte is sent.
    pub(super) fn call(
        &mut self,
        id: ClaimId,
        agent: AgentId,
        name: &str,
        bytes: u64,
    ) -> Result<(), Refusal> {
        let claim = self.live(id, agent)?;
        let (address, ends_at) = (claim.address.clone(), claim.ends_at);
        let limits = self.with_step(&address.step, |step| {
            let found = step.subcommands.iter().find(|it| it.name == name);
            found.map(|it| (it.timeout, it.max_calls))
        });
        let (timeout, max_calls) = limits.flatten().ok_or(Refusal::UnknownSubcommand)?;
        if ends_at.since(self.now) < timeout + CALL_MARGIN {
            return Err(Refusal::NearExpiry);
        }
        let calls = self.state.current(&address).and_then(|task| task.calls.get(name));
        if calls.copied().unwrap_or_default() >= max_calls {
            return Err(Refusal::CallsExhausted);
        }
        let (budgets, spent) = (&self.state.budgets, &self.state.spent);
        if spent.proxy_calls >= budgets.proxy_calls {
            return Err(Refusal::BudgetExhausted(Budget::ProxyCalls));
        }
        if spent.proxy_bytes.saturating_add(bytes) > budgets.proxy_bytes {
            return Err(Refusal::BudgetExhausted(Budget::ProxyBytes));
        }
        self.count(Counter::ProxyCalls, 1);
        self.count(Counter::ProxyBytes, bytes);
        if let Some(task) = self.task_mut(&address) {
            *task.calls.entry(name.to_owned()).or_default() += 1;
        }
        if let Some(claim) = self.claim_mut(id) {
            claim.touched = true;
        }
        Ok(())
    }

    /// A call was answered. Only a good answer slides the claim, and only a live one.
    pub(super) fn answered(
        &mut self,
        id: ClaimId,
        bytes: u64,
        is_good: bool,
    ) -> Result<(), Refusal> {
        let claim = self.state.claims.get(&id).ok_or(Refusal::UnknownClaim)?;
        let is_live = claim.phase == ClaimPhase::Live && self.now < claim.ends_at;
        let left = self.state.budgets.proxy_bytes.saturating_sub(self.state.spent.proxy_bytes);
        self.count(Counter::ProxyBytes, bytes.min(left));
        if is_good && is_live {
            self.slide(id);
        }
        Ok(())
    }

    pub(super) fn release(
        &mut self,
        id: ClaimId,
        agent: AgentId,
        release: &Release,
    ) -> Result<(), Refusal> {
        let claim = self.live(id, agent)?;
        let (address, owner) = (claim.address.clone(), claim.owner);
        let retry_after = release.retry_after.min(MAX_RETRY_AFTER);
        self.report(release.usage);
        self.end_claim(id, ClaimPhase::Released);
        let strike = |kind, code| Some(Strike { kind, code, owner });
        let strike = match &release.reason {
            ReleaseReason::HandedBack => {
                self.handed_back(&address, agent, retry_after);
                return Ok(());
            }
            ReleaseReason::Failed { code: Some(code) } => {
                strike(Poison::Failed, Some(code.clone()))
            }
            ReleaseReason::Failed { code: None } => None,
            ReleaseReason::Blocked => strike(Poison::Blocked, None),
            ReleaseReason::Refused => strike(Poison::Refused, None),
        };
        if let Some(task) = self.task_mut(&address) {
            task.silent = 0;
        }
        self.fail_attempt(&address, Failure { strike, retry_after });
        Ok(())
    }

    /// Free three times a task; the fourth spends an attempt (I12).
    fn handed_back(&mut self, address: &Address, agent: AgentId, retry_after: Duration) {
        let until = self.now.plus(BAR.max(retry_after));
        let Some(task) = self.task_mut(address) else { return };
        task.silent = 0;
        task.bars.insert(agent, until);
        if task.hand_backs < FREE_HAND_BACKS {
            task.hand_backs += 1;
            self.make_ready(address);
        } else {
            self.fail_attempt(address, Failure { strike: None, retry_after });
        }
    }

    /// The end of a claim passed.
    pub(super) fn expire(&mut self, id: ClaimId) {
        let Some(claim) = self.state.claims.get(&id) else { return };
        let (address, touched) = (claim.address.clone(), claim.touched);
        self.end_claim(id, ClaimPhase::Expired);
        self.credit(id, Credit::Expired);
        if let Some(task) = self.task_mut(&address) {
            task.silent = if touched { 0 } else { task.silent + 1 };
        }
        self.fail_attempt(&address, Failure { strike: None, retry_after: Duration::ZERO });
    }

    /// Nobody learned of the claim: as if it had never been, but for its fence.
    pub(super) fn undelivered(&mut self, id: ClaimId) -> Result<(), Refusal> {
        let claim = self.state.claims.get(&id).ok_or(Refusal::UnknownClaim)?;
        if claim.phase != ClaimPhase::Live || claim.touched {
            return Err(Refusal::ClaimLost(claim.phase));
        }
        let address = claim.address.clone();
        self.end_claim(id, ClaimPhase::Cancelled);
        self.make_ready(&address);
        Ok(())
    }

    /// An agent lost its leave: its claims end, and its tasks are ready again without an attempt spent.
    pub(super) fn revoke(&mut self, agent: AgentId) -> Result<(), Refusal> {
        let held = self.state.live_claims().filter(|(_, claim)| claim.agent == agent);
        let held: Vec<_> = held.map(|(id, claim)| (*id, claim.address.clone())).collect();
        if held.is_empty() {
            return Err(Refusal::UnknownClaim);
        }
        for (id, address) in held {
            self.end_claim(id, ClaimPhase::Cancelled);
            self.make_ready(&address);
        }
        Ok(())
    }

    /// The credential of one claim was taken away: the same for it alone.
    pub(super) fn withdraw(&mut self, id: ClaimId) -> Result<(), Refusal> {
        let claim = self.state.claims.get(&id).ok_or(Refusal::UnknownClaim)?;
        if claim.phase != ClaimPhase::Live {
            return Err(Refusal::ClaimLost(claim.phase));
        }
        let address = claim.address.clone();
        self.end_claim(id, ClaimPhase::Cancelled);
        self.make_ready(&address);
        Ok(())
    }

    /// A runner ends one task; for those that wait it counts as void.
    pub(super) fn cancel_task(&mut self, address: &Address) -> Result<(), Refusal> {
        let task = self.state.current(address).filter(|_| address.check.is_none());
        let task = task.ok_or(Refusal::UnknownTask)?;
        if task.phase.is_terminal() {
            return Err(Refusal::NotListed);
        }
        debug_assert!(task.claim.is_none() || task.phase == TaskPhase::Claimed);
        self.cancel_open(address);
        Ok(())
    }
}
