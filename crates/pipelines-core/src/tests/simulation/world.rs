//! The clock, and everything that is on its way: a network that delays, doubles, re-orders and loses; jobs that fire by a
//! wall clock that jumps; a server that crashes before and after its commits.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use names::{Digest, UnixMillis};
use serde_json::{Value, json};

use super::{
    super::{
        random::{Draws, pipeline},
        support::{START, checked, id, setup},
    },
    chance::{Chance, Counts},
    people::Worker,
    server::{Pipeline, Server},
};
use crate::{
    backoff::Draw,
    definition::Definition,
    json::canonical,
    machine::{
        self, Change, Due, Effect, Event, RunPhase, RunState, Setup, Slot, TaskPhase, TaskReason,
        What, kept,
    },
    name::{Address, ClaimId},
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
/// What a publisher's bearer is: no state, event or effect may hold it (I16).
const SECRET: &str = "bearer-5f1c";

/// Something on its way.
#[derive(Clone)]
pub(super) enum Message {
    /// A run is to begin; the number is its name for whoever starts it.
    Start { pipeline: usize, external: usize },
    /// An agent asks for work.
    Ask(usize),
    /// An agent is told of a claim.
    Told { agent: usize, run: usize, claim: ClaimId },
    /// Something is to happen to a run.
    Event { run: usize, what: What },
    /// A job for a due row, made for that moment.
    Job { run: usize, due: Due, at: UnixMillis },
    /// A publisher is sent an output.
    Composed(usize),
    /// Persons are asked.
    Asked { run: usize, address: Address },
    /// Whoever runs a pipeline looks at a run.
    Runner(usize),
    /// The process of the server ends and begins again.
    Restart,
    /// The wall clock is set.
    Jump,
}

/// What one seed came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Played {
    /// Of everything that happened, in order.
    log: Digest,
    pub(super) counts: Counts,
    pub(super) ends: BTreeSet<&'static str>,
}

pub(super) struct World {
    pub(super) chance: Chance,
    pub(super) counts: Counts,
    pub(super) now: UnixMillis,
    pub(super) server: Server,
    pub(super) workers: Vec<Worker>,
    /// By how many milliseconds the wall clock is ahead.
    skew: i64,
    mail: BTreeMap<(UnixMillis, u64), Message>,
    sent: u64,
    started: BTreeMap<usize, usize>,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let chance = Chance::seeded(seed);
        let mut server = Server::default();
        for number in 0..=chance.below(3) {
            let document = pipeline(&mut Draws::of(&chance.numbers(120)));
            let second = document.to_string().replace("Do it.", "Do it well.");
            let second: Value = serde_json::from_str(&second).unwrap();
            let [first, second] = [document, second].map(|it| checked(&it).definition);
            server.pipelines.push(Pipeline { publisher: number % 2, first, second });
        }
        let workers = Worker::some(&chance);
        let (mail, started) = (BTreeMap::new(), BTreeMap::new());
        let (counts, now) = (Counts::default(), START);
        let mut world =
            Self { chance, counts, now, server, workers, skew: 0, mail, sent: 0, started };
        world.begin();
        world
    }

    /// What happens whatever comes of it.
    fn begin(&mut self) {
        for external in 0..2 + self.chance.below(4) {
            let start = Message::Start {
                pipeline: self.chance.below(self.server.pipelines.len()),
                external,
            };
            let at = self.chance.within(10 * MINUTE);
            self.send(start.clone(), at);
            // Whoever gets no answer asks again.
            self.post(start, at + MINUTE);
        }
        for worker in 0..self.workers.len() {
            let at = self.chance.within(MINUTE);
            self.post(Message::Ask(worker), at);
        }
        for _ in 0..self.chance.below(3) {
            let at = self.chance.within(HOUR);
            self.post(Message::Restart, at);
        }
        for _ in 0..self.chance.below(3) {
            let at = self.chance.within(HOUR);
            self.post(Message::Jump, at);
        }
    }

    pub(super) fn play(mut self) -> Played {
        while let Some(((at, _), message)) = self.mail.pop_first() {
            self.now = at;
            self.deliver(message);
            self.carry_out();
        }
        self.ended()
    }

    /// Arrives for certain, so much later.
    pub(super) fn post(&mut self, message: Message, after: Duration) {
        self.sent += 1;
        self.mail.insert((self.now.plus(after), self.sent), message);
    }

    /// Goes over the network.
    pub(super) fn send(&mut self, message: Message, after: Duration) {
        if self.chance.one_in(15) {
            self.counts.add("lost");
            return;
        }
        if self.chance.one_in(6) {
            self.counts.add("sent twice");
            let delay = self.delay();
            self.post(message.clone(), after + delay);
        }
        let delay = self.delay();
        self.post(message, after + delay);
    }

    fn delay(&mut self) -> Duration {
        let most = match self.chance.below(12) {
            0 => 20 * MINUTE,
            1 | 2 => 30 * SECOND,
            _ => return self.chance.within(SECOND / 5),
        };
        self.counts.add("delayed");
        self.chance.within(most)
    }

    pub(super) fn is_over(&self) -> bool {
        let is_begun = !self.started.is_empty() && self.now >= START.plus(15 * MINUTE);
        is_begun && self.server.runs.iter().all(|run| run.state.phase.is_terminal())
    }

    fn deliver(&mut self, message: Message) {
        match message {
            Message::Start { pipeline, external } => self.start(pipeline, external),
            Message::Ask(worker) => self.asked(worker),
            Message::Told { agent, run, claim } => self.told(agent, run, claim),
            Message::Event { run, what } => self.event(run, what),
            Message::Job { run, due, at } => self.job(run, due, at),
            Message::Composed(run) => self.composed(run),
            Message::Asked { run, address } => self.persons(run, &address),
            Message::Runner(run) => self.runner(run),
            Message::Restart => {
                self.counts.add("restarted");
                self.server.restart();
            }
            Message::Jump => self.jump(),
        }
    }

    /// Under one name a run begins once, however often that is asked for.
    fn start(&mut self, pipeline: usize, external: usize) {
        if self.started.contains_key(&external) {
            return;
        }
        let input = if self.chance.one_in(2) { json!({"key": "k"}) } else { json!({}) };
        let Some(run) = self.server.start(pipeline, input, self.now) else { return };
        self.started.insert(external, run);
        for _ in 0..self.chance.below(4) {
            let at = self.chance.within(HOUR);
            self.post(Message::Runner(run), at);
        }
    }

    fn event(&mut self, run: usize, what: What) {
        if self.chance.one_in(40) {
            // Nothing was written and nobody was answered: it is asked again.
            self.counts.add("crashed before the commit");
            self.post(Message::Event { run, what }, 5 * SECOND);
            return;
        }
        let event = Event { draw: Draw::from_number(self.chance.number()), what };
        let taken = self.server.take(run, &event, self.now);
        if self.chance.one_in(40) {
            // It was written, and nobody was answered: it is asked again.
            self.counts.add("crashed after the commit");
            self.post(Message::Event { run, what: event.what.clone() }, 5 * SECOND);
        }
        if let (What::Call { claim, .. }, Ok(_)) = (event.what, taken) {
            self.counts.add("called");
            let bytes = u64::from(self.chance.number() % 200);
            let what = What::Answered { claim, bytes, is_good: self.chance.one_in(2) };
            let after = self.chance.within(15 * SECOND);
            self.post(Message::Event { run, what }, after);
        }
    }

    /// A job fires by the wall clock, the run judges by its own.
    fn job(&mut self, run: usize, due: Due, at: UnixMillis) {
        if self.now < at {
            self.counts.add("job fired early");
        }
        let event = Event { draw: Draw::from_number(self.chance.number()), what: What::Due(due) };
        // What has gone meanwhile is refused.
        let _refused = self.server.take(run, &event, self.now);
    }

    fn jump(&mut self) {
        self.counts.add("clock jumped");
        let hour = i64::try_from(HOUR.as_millis()).unwrap();
        self.skew = self.chance.pick(&[-hour, hour, hour]).unwrap();
        // All that now seems to be due fires at once.
        let seems = self.now.0 + self.skew;
        for run in 0..self.server.runs.len() {
            for (due, at) in self.server.runs[run].state.due.clone() {
                if at.0 <= seems {
                    self.post(Message::Job { run, due, at }, Duration::ZERO);
                }
            }
        }
    }

    /// What came of events goes its way.
    fn carry_out(&mut self) {
        self.server.serve_queues(self.now);
        for (run, effect) in std::mem::take(&mut self.server.effects) {
            match effect {
                Effect::Due(due, at) => self.arm(run, due, at),
                Effect::Result { claim: Some(_), .. } => self.counts.add("accepted"),
                Effect::Change(entry) => match entry.change {
                    Change::Run { phase: RunPhase::Composed, .. } => {
                        let after = self.chance.within(MINUTE);
                        self.post(Message::Composed(run), after);
                        if self.chance.one_in(6) {
                            self.counts.add("sent twice");
                            self.post(Message::Composed(run), after + MINUTE);
                        }
                    }
                    Change::Task { phase: TaskPhase::Waiting, address, .. } => {
                        for _ in 0..2 {
                            let after = self.chance.within(4 * MINUTE);
                            let address = address.clone();
                            self.post(Message::Asked { run, address }, after);
                        }
                    }
                    _ => {}
                },
                _ => {}
            }
        }
    }

    /// A job waits for the moment by the wall clock; one that came too early waits for the moment itself.
    fn arm(&mut self, run: usize, due: Due, at: UnixMillis) {
        let by_wall = at.0 - self.skew;
        let mut fires = if by_wall <= self.now.0 { at.0.max(self.now.0) } else { by_wall };
        if self.chance.one_in(8) {
            fires += i64::from(self.chance.number() % 600_000);
        }
        if fires > at.0 {
            self.counts.add("job fired late");
        }
        let after = UnixMillis(fires).since(self.now);
        if self.chance.one_in(8) {
            self.post(Message::Job { run, due: due.clone(), at }, after + SECOND);
        }
        self.post(Message::Job { run, due, at }, after);
    }

    fn ended(self) -> Played {
        let mut counts = self.counts;
        let mut ends = BTreeSet::new();
        for run in &self.server.runs {
            assert!(run.state.phase.is_terminal(), "a run did not end: {:#?}", run.state);
            ends.insert(run.state.phase.as_str());
            if order_does_not_show(&run.state) {
                counts.add("output made again");
            }
        }
        assert!(!self.server.log.contains(SECRET), "I16: a secret is in an event or an effect");
        Played { log: Digest::of(self.server.log.as_bytes()), counts, ends }
    }
}

/// I13: the accepted results alone, all at once, make the same output. Says whether the run had one that they make.
fn order_does_not_show(state: &RunState) -> bool {
    let Some(output) = &state.output else { return false };
    let is_made = |(address, task): (&Address, &machine::Task)| {
        address.check.is_some()
            || task.phase == TaskPhase::Done
            || task.reason == Some(TaskReason::SkipIf)
    };
    if !state.current_tasks().all(is_made) {
        return false;
    }
    let definition: &Arc<Definition> = &state.definition;
    let copies = kept(state, &[]);
    let again = Setup {
        copies,
        run: id("again"),
        budgets: state.budgets,
        ..setup(definition, state.input.as_ref().clone())
    };
    let (again, _) = machine::start(again, Slot::Free, state.last_seen);
    let made = again.output.as_deref().map(canonical);
    assert_eq!(made, Some(canonical(output)), "I13: the order of arrival shows: {state:#?}");
    true
}
