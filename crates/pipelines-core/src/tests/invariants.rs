//! I1 to I19 (`spec/work.md` 3) as a judge of every step, by other means than the core's own: counts are taken anew, joins
//! are judged from rows.
//!
//! What lies outside of one run is held elsewhere: I16 has no secret to lose here, because no event carries one, I18 is
//! about rows of deliveries, I20 is judged at each grant (`tables::an_agent_has_to_fit_and_to_be_let`).

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    definition::{Join, OnDead, SlotOf, Step},
    machine::{Change, ClaimPhase, Effect, Event, RunState, States, Task, TaskPhase, What, apply},
    name::{Address, Check},
};

/// Says which invariant a step breaks.
pub(super) type Judged = Result<(), String>;

fn holds(is_good: bool, which: &str) -> Judged {
    if is_good { Ok(()) } else { Err(which.to_owned()) }
}

/// Judges a step from `before` to `after`, and follows the timeline in `states`.
pub(super) fn judge(
    before: &RunState,
    after: &RunState,
    effects: &[Effect],
    states: &mut States,
) -> Judged {
    changes(before, effects)?;
    absorbing(before, after)?;
    timeline(before, after, effects, states)?;
    state(after)
}

/// I2, I4: fences grow, a result is written once.
fn changes(before: &RunState, effects: &[Effect]) -> Judged {
    let mut fences = before.fences.clone();
    let mut results: BTreeSet<(Address, u32)> = BTreeSet::new();
    for effect in effects {
        match effect {
            Effect::Change(entry) => {
                if let Change::Granted { address, fence, .. } = &entry.change {
                    let last = fences.insert(address.clone(), *fence).unwrap_or_default();
                    holds(*fence > last, "I2: a fence has not grown")?;
                }
            }
            Effect::Result { address, generation, .. } => {
                let row = row(before, address, *generation);
                let is_first = results.insert((address.clone(), *generation))
                    && row.is_none_or(|task| task.output.is_none());
                holds(is_first, "I4: a result was written twice")?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn row<'s>(state: &'s RunState, address: &Address, generation: u32) -> Option<&'s Task> {
    let at = usize::try_from(generation).ok()?.checked_sub(1)?;
    state.tasks.get(address)?.get(at).map(AsRef::as_ref)
}

/// I6: terminal states absorb. I14: what was granted keeps its version. I19: time never goes back.
fn absorbing(before: &RunState, after: &RunState) -> Judged {
    holds(!before.phase.is_terminal() || before.phase == after.phase, "I6: a run left its end")?;
    for (address, rows) in &before.tasks {
        for task in rows.iter().filter(|task| task.phase.is_terminal()) {
            let now = row(after, address, task.generation);
            let is_same = now.is_some_and(|now| {
                (now.phase, now.reason, &now.output) == (task.phase, task.reason, &task.output)
            });
            holds(is_same, "I6: a task left its end")?;
        }
    }
    for (id, claim) in &before.claims {
        let now = after.claims.get(id);
        let is_same =
            now.is_some_and(|now| claim.phase == ClaimPhase::Live || now.phase == claim.phase);
        holds(is_same, "I6: a claim left its end")?;
        holds(now.is_some_and(|now| now.version == claim.version), "I14: a claim moved")?;
        let slides =
            now.is_some_and(|now| now.ends_at >= claim.ends_at && now.ends_at <= now.cap_at);
        holds(slides, "the end of a claim went back, or past its cap")?;
    }
    holds(after.last_seen >= before.last_seen, "I19: time went back")
}

/// I15: the timeline alone leads to the stored states.
fn timeline(
    before: &RunState,
    after: &RunState,
    effects: &[Effect],
    states: &mut States,
) -> Judged {
    for effect in effects {
        if let Effect::Change(entry) = effect {
            states.follow(entry).map_err(|why| format!("I15: {why}"))?;
            holds(
                entry.at >= before.last_seen && entry.at <= after.last_seen,
                "I19: an entry is late",
            )?;
        }
    }
    holds(*states == States::of(after), "I15: the timeline leads elsewhere")
}

/// What holds of every state.
fn state(state: &RunState) -> Judged {
    one_claim(state)?;
    joins(state)?;
    counts(state)?;
    owners(state)?;
    for (address, rows) in &state.tasks {
        let standing = rows.iter().filter(|row| !row.superseded).count();
        let is_last = rows.last().is_some_and(|row| !row.superseded) || standing == 0;
        holds(standing <= 1 && is_last, "I11: two rows of an address stand")?;
        let attempts = state.definition.step(&address.step).map_or(0, |step| step.attempts);
        for row in rows {
            holds(row.failed <= attempts && row.hand_backs <= 3, "I12: too many attempts")?;
            holds(!row.superseded || row.phase.is_terminal(), "a superseded row is open")?;
        }
    }
    if state.phase.is_terminal() {
        let is_open = state.current_tasks().any(|(_, task)| !task.phase.is_terminal());
        let is_live = state.live_claims().next().is_some();
        let is_clean = !is_open && !is_live && state.slots.is_empty() && state.due.is_empty();
        holds(is_clean, "I8: an ended run holds something")?;
        holds(state.spent.reserved.0 == 0, "I8: an ended run has money set aside")?;
    }
    Ok(())
}

/// I1: one live claim for a task, and only a claimed task has one.
fn one_claim(state: &RunState) -> Judged {
    let mut live = BTreeMap::new();
    for (id, claim) in state.live_claims() {
        let is_only = live.insert((claim.address.clone(), claim.generation), *id).is_none();
        holds(is_only, "I1: two claims of a task live")?;
    }
    for (address, task) in state.current_tasks() {
        let claim = live.remove(&(address.clone(), task.generation));
        let fits = (task.phase == TaskPhase::Claimed) == claim.is_some() && task.claim == claim;
        holds(fits, "I1: a task and its claim disagree")?;
    }
    holds(live.is_empty(), "I1: a claim of a superseded task lives")
}

fn is_open(state: &RunState, address: &Address, task: &Task) -> bool {
    match task.phase {
        TaskPhase::Done | TaskPhase::Skipped | TaskPhase::Cancelled => false,
        TaskPhase::Dead => {
            state.definition.step(&address.step).is_some_and(|step| step.on_dead != OnDead::Skip)
        }
        _ => true,
    }
}

/// The instances of a step that an instance of another sees, judged from paths alone.
fn seen<'s>(state: &'s RunState, path: &[u32], to: &Step) -> Vec<(&'s Address, &'s Task)> {
    let length = to.scope.len().min(path.len());
    let prefix: Vec<_> = path.iter().take(length).copied().collect();
    let all = state.current_tasks();
    all.filter(|(it, _)| it.step == to.id && it.check.is_none() && it.path.starts_with(&prefix))
        .collect()
}

/// I5: what can be worked at has all that it requires.
fn joins(state: &RunState) -> Judged {
    let active = [
        TaskPhase::Ready,
        TaskPhase::Claimed,
        TaskPhase::Delayed,
        TaskPhase::Checking,
        TaskPhase::Waiting,
        TaskPhase::Done,
    ];
    for (address, task) in state.current_tasks() {
        if address.check.is_some() || !active.contains(&task.phase) {
            continue;
        }
        let Some(step) = state.definition.step(&address.step) else { continue };
        for requirement in &step.requirements {
            let Some(to) = state.definition.step(&requirement.step) else { continue };
            let found = seen(state, &address.path, to);
            let above = to.scope.iter().filter_map(|id| state.definition.step(id));
            let mut spawners = above.flat_map(|it| seen(state, &address.path, it));
            let is_met = match requirement.join {
                Join::All => {
                    !found.iter().any(|(it, task)| is_open(state, it, task))
                        && !spawners.any(|(it, task)| is_open(state, it, task))
                }
                Join::AtLeast(many) => {
                    let good =
                        found.iter().filter(|(_, task)| task.phase == TaskPhase::Done).count();
                    u32::try_from(good).is_ok_and(|good| good >= many)
                }
            };
            holds(is_met, &format!("I5: {address} did not wait for {}", requirement.step))?;
        }
    }
    Ok(())
}

/// I9: no budget is passed. I10: slots are what lives.
fn counts(state: &RunState) -> Judged {
    let (budgets, spent) = (&state.budgets, &state.spent);
    let is_within = spent.claims <= budgets.claims
        && spent.tasks <= budgets.tasks
        && spent.proxy_calls <= budgets.proxy_calls
        && spent.proxy_bytes <= budgets.proxy_bytes
        && spent.result_bytes <= budgets.result_bytes;
    holds(is_within, "I9: a budget is passed")?;
    let reserved: u64 = state.live_claims().map(|(_, claim)| claim.reserve.0).sum();
    holds(spent.reserved.0 == reserved, "I9: money set aside is not that of live claims")?;
    let grants = u64::try_from(state.claims.len()).unwrap_or(u64::MAX);
    holds(spent.claims == grants, "I9: grants are counted wrongly")?;
    let addresses = state.tasks.keys().filter(|address| address.check.is_none()).count();
    holds(u64::try_from(addresses) == Ok(spent.tasks), "I9: addresses are counted wrongly")?;
    let live = state.live_claims().count();
    for (key, held) in &state.slots {
        let wanted = match key.of {
            SlotOf::Runs => 1,
            SlotOf::Claims => u32::try_from(live).unwrap_or(u32::MAX),
        };
        holds(*held == wanted, "I10: slots are not what lives")?;
    }
    Ok(())
}

/// I17: worker, ballots and reviewers of one generation have different owners.
fn owners(state: &RunState) -> Judged {
    let mut kept = BTreeMap::new();
    for claim in state.claims.values() {
        if !matches!(claim.phase, ClaimPhase::Live | ClaimPhase::Submitted) {
            continue;
        }
        let is_ballot = matches!(claim.address.check, Some(Check::Ballot(_)));
        if is_ballot {
            // The generation of what is checked; a third ballot may be the first of its number.
            let checked = row(state, &claim.address, claim.generation).map(|task| task.checks);
            let place = (claim.address.checked(), checked, claim.owner);
            let other = kept.insert(place, claim.address.clone());
            holds(other.is_none_or(|it| it == claim.address), "I17: one owner has two ballots")?;
        }
    }
    for (_, task) in state.current_tasks() {
        if let Some(candidate) = &task.candidate {
            let worker = state.claims.get(&candidate.claim).map(|claim| claim.owner);
            let reviewers = state.claims.values().filter(|claim| {
                let is_kept = matches!(claim.phase, ClaimPhase::Live | ClaimPhase::Submitted);
                let is_of = state.claims.get(&candidate.claim).is_some_and(|it| {
                    claim.address.checked() == it.address && claim.address != it.address
                });
                let is_now = state
                    .current(&claim.address)
                    .is_some_and(|it| it.generation == claim.generation && !it.phase.is_terminal());
                is_kept && is_of && is_now
            });
            for reviewer in reviewers {
                holds(Some(reviewer.owner) != worker, "I17: a worker reviews itself")?;
            }
        }
    }
    Ok(())
}

/// I7: what is due, alone and in order of time, ends the run by its deadline.
pub(super) fn ends_by_itself(state: &RunState) -> Judged {
    let mut state = state.clone();
    let deadline = state.started_at.plus(state.deadline).max(state.last_seen);
    for _ in 0..10_000 {
        if state.phase.is_terminal() {
            return holds(state.last_seen <= deadline, "I7: a run ended after its deadline");
        }
        let next = state.due.iter().min_by_key(|(_, at)| **at);
        let Some((due, at)) = next.map(|(due, at)| (due.clone(), *at)) else {
            return Err("I7: nothing is due and the run goes on".to_owned());
        };
        let event = Event::from(What::Due(due));
        state = apply(&state, &event, at).map_err(|why| format!("I7: {why}"))?.0;
    }
    Err("I7: what is due never ends the run".to_owned())
}
