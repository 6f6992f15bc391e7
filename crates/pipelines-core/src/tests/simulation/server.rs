//! A server as a fake: rows, slots, the order of grants. It judges each event by more than one run can say of itself.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::Arc,
};

use names::UnixMillis;
use serde_json::Value;

use super::super::{
    invariants::{Judged, ends_by_itself, judge},
    random::restored,
    support::{id, setup},
};
use crate::{
    definition::{Definition, OnFull, SlotOf},
    machine::{
        self, Agent, Answer, ClaimPhase, Due, Effect, Event, Refusal, RunPhase, RunState, Setup,
        Slot, SlotKey, States, TaskPhase, What, slot_keys,
    },
    name::{Address, AgentId, ClaimId},
    order::{Order, Waiting},
};

/// Claims that an agent holds at a time.
const LIVE_CLAIMS: usize = 4;
/// That the due rows alone end a run is judged after one event of so many.
const ENDING: u64 = 32;

/// A pipeline of a publisher, in two versions of which one may move to the other.
pub(super) struct Pipeline {
    pub(super) publisher: usize,
    pub(super) first: Arc<Definition>,
    pub(super) second: Arc<Definition>,
}

/// A run as its rows are.
pub(super) struct Run {
    pub(super) pipeline: usize,
    pub(super) state: RunState,
    states: States,
}

#[derive(Default)]
pub(super) struct Server {
    pub(super) pipelines: Vec<Pipeline>,
    pub(super) runs: Vec<Run>,
    /// What came of events, by run, for whoever carries it out.
    pub(super) effects: Vec<(usize, Effect)>,
    pub(super) log: String,
    order: Order,
    slots: BTreeMap<(usize, SlotKey), u32>,
    deliveries: BTreeSet<(usize, u64)>,
    claims: u64,
    events: u64,
}

fn holds(is_good: bool, which: &str) -> Judged {
    if is_good { Ok(()) } else { Err(which.to_owned()) }
}

/// An event as the log tells it.
fn told(what: &What) -> String {
    match what {
        What::Move { version, .. } => format!("Move {version}"),
        other => format!("{other:?}"),
    }
}

impl Server {
    /// Begins a run, as far as its slots let it. Gives its number.
    pub(super) fn start(
        &mut self,
        pipeline: usize,
        input: Value,
        now: UnixMillis,
    ) -> Option<usize> {
        let definition = Arc::clone(&self.pipelines[pipeline].first);
        if let Some(key) = self.full(pipeline, &definition, &input, SlotOf::Runs) {
            match definition.concurrency[key.rule].on_full {
                OnFull::Queue => {}
                OnFull::Refuse => return None,
                OnFull::Replace => {
                    let holds =
                        |run: &Run| run.pipeline == pipeline && run.state.slots.contains_key(&key);
                    let oldest = self.runs.iter().position(holds).unwrap();
                    self.take(oldest, &What::Cancel.into(), now).unwrap();
                }
            }
        }
        let slot = match self.full(pipeline, &definition, &input, SlotOf::Runs) {
            None => Slot::Free,
            Some(_) => Slot::Full,
        };
        let at = self.runs.len();
        let run = Setup { run: id(&format!("run {at}")), ..setup(&definition, input) };
        let (state, effects) = machine::start(run, slot, now);
        let mut states = States::default();
        for effect in &effects {
            if let Effect::Change(entry) = effect {
                states.follow(entry).unwrap();
            }
        }
        assert_eq!(states, States::of(&state), "I15");
        self.runs.push(Run { pipeline, state, states });
        writeln!(self.log, "{} run {at} begins {slot:?}", now.0).unwrap();
        self.write(at, effects);
        Some(at)
    }

    /// One event happens to a run, and is judged.
    pub(super) fn take(
        &mut self,
        at: usize,
        event: &Event,
        now: UnixMillis,
    ) -> Result<Vec<Effect>, Refusal> {
        writeln!(self.log, "{} run {at}: {}", now.0, told(&event.what)).unwrap();
        let run = &mut self.runs[at];
        let (after, effects) = match machine::apply(&run.state, event, now) {
            Ok(applied) => applied,
            Err(why) => {
                writeln!(self.log, "  {why}").unwrap();
                return Err(why);
            }
        };
        self.events += 1;
        let is_looked_at = self.events.is_multiple_of(ENDING);
        let judged = judge(&run.state, &after, &effects, &mut run.states)
            .and_then(|()| beyond(&run.state, &after, (event, now), &effects));
        let judged =
            judged.and_then(|()| if is_looked_at { ends_by_itself(&after) } else { Ok(()) });
        if let Err(why) = judged {
            panic!("{why}, after {} of {:#?}", told(&event.what), run.state);
        }
        run.state = after;
        self.write(at, effects.clone());
        Ok(effects)
    }

    /// What one transaction writes beside the run itself.
    fn write(&mut self, at: usize, effects: Vec<Effect>) {
        for effect in effects {
            writeln!(self.log, "  {effect:?}").unwrap();
            let pipeline = self.runs[at].pipeline;
            match &effect {
                Effect::TakeSlot(key) => {
                    let most = self.runs[at].state.definition.concurrency[key.rule].max;
                    let used = self.slots.entry((pipeline, key.clone())).or_default();
                    *used += 1;
                    assert!(*used <= most, "I10: {used} of {most} slots are used");
                }
                Effect::FreeSlot(key) => {
                    let used = self.slots.entry((pipeline, key.clone())).or_default();
                    *used = used.checked_sub(1).expect("I10: a slot is freed twice");
                }
                Effect::Change(entry) => {
                    let is_first = self.deliveries.insert((at, entry.seq));
                    assert!(is_first, "I18: an event has two deliveries");
                }
                _ => {}
            }
            self.effects.push((at, effect));
        }
    }

    /// The first rule that has no free slot for one more.
    fn full(
        &self,
        pipeline: usize,
        definition: &Definition,
        input: &Value,
        of: SlotOf,
    ) -> Option<SlotKey> {
        slot_keys(definition, input, of).into_iter().find(|key| {
            let used = self.slots.get(&(pipeline, key.clone())).copied().unwrap_or_default();
            used >= definition.concurrency[key.rule].max
        })
    }

    /// Runs that wait begin with the slot that they wait for.
    pub(super) fn serve_queues(&mut self, now: UnixMillis) {
        for at in 0..self.runs.len() {
            let Run { pipeline, state, .. } = &self.runs[at];
            let is_free = || {
                let (definition, input) = (&state.definition, &state.input);
                self.full(*pipeline, definition, input, SlotOf::Runs).is_none()
            };
            if state.phase == RunPhase::Queued && is_free() {
                self.take(at, &What::SlotFree.into(), now).unwrap();
            }
        }
    }

    /// Whether a claim of a run finds its slots.
    pub(super) fn has_slots(&self, at: usize) -> bool {
        let Run { pipeline, state, .. } = &self.runs[at];
        self.full(*pipeline, &state.definition, &state.input, SlotOf::Claims).is_none()
    }

    /// What can be claimed, as the order of grants sees it.
    fn waiting(&self) -> Vec<Waiting<(usize, Address)>> {
        let mut waiting = Vec::new();
        for (at, run) in self.runs.iter().enumerate() {
            if run.state.phase != RunPhase::Running {
                continue;
            }
            let ready = run.state.current_tasks().filter(|(_, it)| it.phase == TaskPhase::Ready);
            for (address, task) in ready {
                let step = run.state.definition.step(&address.step).unwrap();
                waiting.push(Waiting {
                    task: (at, address.clone()),
                    publisher: self.pipelines[run.pipeline].publisher.to_string().into(),
                    key: run.pipeline.to_string().into(),
                    priority: step.priority.or(run.state.priority).unwrap_or(5),
                    ready_at: task.ready_at.unwrap(),
                });
            }
        }
        waiting
    }

    /// Claims that an agent holds and never touched.
    pub(super) fn untouched(&self, agent: AgentId) -> Vec<(usize, ClaimId)> {
        let runs = self.runs.iter().enumerate().filter(|(_, it)| !it.state.phase.is_terminal());
        let held = runs.flat_map(|(at, run)| run.state.live_claims().map(move |it| (at, it)));
        held.filter(|(_, (_, claim))| claim.agent == agent && !claim.touched)
            .map(|(at, (claim, _))| (at, *claim))
            .collect()
    }

    fn held(&self, agent: AgentId) -> usize {
        let live = self.runs.iter().filter(|run| !run.state.phase.is_terminal());
        let claims = live.flat_map(|run| run.state.live_claims());
        claims.filter(|(_, claim)| claim.agent == agent).count()
    }

    /// Gives an agent what comes next for it. `allowed` are the publishers on its list.
    pub(super) fn grant(
        &mut self,
        who: &Agent,
        allowed: &BTreeSet<usize>,
        now: UnixMillis,
    ) -> Option<(usize, ClaimId)> {
        let mut waiting = self.waiting();
        while let Some(next) = self.order.next(&waiting, now) {
            let waits = waiting.swap_remove(next);
            let (at, address) = waits.task.clone();
            let may = allowed.contains(&self.pipelines[self.runs[at].pipeline].publisher)
                && who.is_permitted
                && self.held(who.id) < LIVE_CLAIMS;
            self.claims += 1;
            let claim = id(&format!("claim {}", self.claims));
            let agent = Agent { is_permitted: may, ..who.clone() };
            let has_slots = self.has_slots(at);
            let what = What::Grant { address: address.clone(), agent, claim, has_slots };
            let was_barred = {
                let task = self.runs[at].state.current(&address).unwrap();
                task.bars.get(&who.id).is_some_and(|until| now < *until)
            };
            let taken = self.take(at, &what.into(), now);
            let state = &self.runs[at].state;
            // A budget may have ended or held the run instead.
            if taken.is_err() || !state.claims.contains_key(&claim) {
                let is_over = state.phase != RunPhase::Running;
                waiting.retain(|it| !is_over || it.task.0 != at);
                continue;
            }
            let step = state.definition.step(&address.step).unwrap();
            let fits = step.labels.is_subset(&who.labels) && who.trust >= step.trust;
            assert!(may && fits && !was_barred && has_slots, "I20: {who:?} got {address}");
            self.order.grant(&waits, now);
            return Some((at, claim));
        }
        None
    }

    /// The process ends and another one begins: what it knows is what rows hold.
    pub(super) fn restart(&mut self) {
        for run in &mut self.runs {
            let again = restored(&run.state);
            assert!(again.is_same_as(&run.state), "rows hold something else: {:#?}", run.state);
            run.state = again;
        }
        self.order = Order::default();
        let mut held = BTreeMap::new();
        for run in &self.runs {
            for (key, count) in &run.state.slots {
                *held.entry((run.pipeline, key.clone())).or_insert(0) += count;
            }
        }
        self.slots.retain(|_, used| *used > 0);
        assert_eq!(self.slots, held, "I10: slots are not what lives");
    }
}

/// What the judge of one step leaves out: I3, I14, and that nothing ends before its time.
fn beyond(
    before: &RunState,
    after: &RunState,
    (event, now): (&Event, UnixMillis),
    effects: &[Effect],
) -> Judged {
    let now = now.max(before.last_seen);
    let about = match &event.what {
        What::Beat { claim, agent, .. }
        | What::Call { claim, agent, .. }
        | What::Submit { claim, agent, .. }
        | What::Release { claim, agent, .. } => Some((claim, agent)),
        _ => None,
    };
    if let Some((claim, agent)) = about {
        let is_holders = before.claims.get(claim).is_some_and(|it| {
            it.phase == ClaimPhase::Live && it.agent == *agent && now < it.ends_at
        });
        let is_silent = effects.iter().all(|effect| {
            matches!(effect, Effect::Answer(Answer::Verdict { is_repeated: true, .. }))
        });
        holds(
            is_holders || is_silent,
            "I3: a claim that is lost, or another's, changed something",
        )?;
    }
    let moves = matches!(event.what, What::Move { .. });
    holds(moves || before.version == after.version, "I14: a run moved by itself")?;
    for (id, claim) in before.live_claims() {
        let expired = after.claims.get(id).is_some_and(|it| it.phase == ClaimPhase::Expired);
        holds(!expired || now >= claim.ends_at, "a claim expired before its end")?;
    }
    for (due, at) in &before.due {
        let Due::BackOff(address, generation) = due else { continue };
        let is_ready = after
            .current(address)
            .is_some_and(|task| task.generation == *generation && task.phase == TaskPhase::Ready);
        holds(!is_ready || now >= *at, "a back-off ended before its time")?;
    }
    Ok(())
}
