//! W86: a chain whose steps were rejected, expired and handed back on the way ends its run and delivers, 1,000 seeds of
//! 1,000. Every event comes twice, and old ones come again.

use std::{collections::BTreeMap, sync::Arc};

use names::UnixMillis;
use serde_json::json;

use super::{
    super::support::{START, address, agent, any_output, checked},
    chance::{Chance, Counts},
    seeds,
    server::{Pipeline, Server},
    with_seed,
};
use crate::{
    machine::{
        Change, ClaimPhase, Due, Effect, Event, Refusal, Release, ReleaseReason, RunPhase,
        TaskPhase, Usage, What,
    },
    name::{Address, AgentId, ClaimId},
};

/// Steps of the chain.
const STEPS: usize = 4;
/// Seeds of a build (`spec/work.md` 17, W86).
const SEEDS: u64 = 1_000;

/// What goes wrong with a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mishap {
    Rejected,
    Expired,
    HandedBack,
    Invalid,
    Late,
    ReviewExpired,
}

const ALL: [Mishap; 6] = [
    Mishap::Rejected,
    Mishap::Expired,
    Mishap::HandedBack,
    Mishap::Invalid,
    Mishap::Late,
    Mishap::ReviewExpired,
];

struct Chain {
    server: Server,
    chance: Chance,
    counts: Counts,
    now: UnixMillis,
    /// What was sent before.
    past: Vec<What>,
    birds: usize,
}

impl Chain {
    fn new(seed: u64) -> Self {
        let step = |number: usize| {
            let mut step = json!({"id": format!("s{number}"), "instructions": "Do it.", "attempts": 10,
                "output_schema": any_output(), "claim": {"ttl": "1m", "cap": "3m"},
                "review": {"count": 1}});
            if let Some(before) = number.checked_sub(1) {
                step["inputs"] = json!({"n": {"from": format!("s{before}"), "pointer": "/n"}});
            }
            step
        };
        let steps: Vec<_> = (0..STEPS).map(step).collect();
        let document = json!({"motet": 1, "id": "chain", "steps": steps,
            "input_schema": {"type": "object"}, "final_output": {"composes": ["s3.*"]},
            "webhook": {"url": "https://a.example/", "verdict": "wait"}});
        let (first, mut server) = (checked(&document).definition, Server::default());
        let second = Arc::clone(&first);
        server.pipelines.push(Pipeline { publisher: 0, first, second });
        assert_eq!(server.start(0, json!({}), START), Some(0));
        let (chance, counts) = (Chance::seeded(seed), Counts::default());
        Self { server, chance, counts, now: START, past: Vec::new(), birds: 0 }
    }

    fn try_take(&mut self, what: &What) -> Result<Vec<Effect>, Refusal> {
        self.server.take(0, &Event::from(what.clone()), self.now)
    }

    /// An event, the same once more, and now and then one of long ago.
    fn take(&mut self, what: What) {
        self.try_take(&what).unwrap_or_else(|why| panic!("{what:?}: {why}"));
        let seen = self.server.runs[0].state.event_seq;
        // Refused, or answered as before.
        let _again = self.try_take(&what);
        if let Some(old) = self.chance.pick(&self.past).filter(|_| self.chance.one_in(2)) {
            let _again = self.try_take(&old);
        }
        assert_eq!(self.server.runs[0].state.event_seq, seen, "{what:?} counted twice");
        self.past.push(what);
    }

    fn phase(&self, place: &Address) -> TaskPhase {
        self.server.runs[0].state.current(place).unwrap().phase
    }

    /// What is due next for this happens at its time.
    fn due(&mut self, due: Due) {
        let state = &self.server.runs[0].state;
        let armed = state.due[&due];
        let at = match &due {
            Due::ClaimEnd(claim) => state.claims[claim].ends_at,
            _ => armed,
        };
        self.now = self.now.max(at);
        self.take(What::Due(due));
    }

    /// A new agent of a new owner gets the task, once its back-off is over.
    fn grant(&mut self, place: &Address) -> (ClaimId, AgentId) {
        if self.phase(place) == TaskPhase::Delayed {
            self.due(Due::BackOff(place.clone(), 1));
        }
        self.birds += 1;
        let agent = agent(&format!("bird {}", self.birds));
        let (who, claim) = (agent.id, super::super::support::id(&format!("claim {}", self.birds)));
        let address = place.clone();
        self.take(What::Grant { address, agent, claim, has_slots: true });
        (claim, who)
    }

    fn submit(&mut self, (claim, agent): (ClaimId, AgentId), result: serde_json::Value) {
        let result = Arc::new(result);
        self.take(What::Submit { claim, agent, result, usage: Usage::default() });
    }

    /// The review that waits for somebody.
    fn review(&self) -> Address {
        let tasks = self.server.runs[0].state.current_tasks();
        let mut open = tasks.filter(|(place, task)| {
            place.check.is_some() && matches!(task.phase, TaskPhase::Ready | TaskPhase::Delayed)
        });
        open.next().unwrap().0.clone()
    }

    fn reviewed(&mut self, verdict: &str) {
        let place = self.review();
        let holder = self.grant(&place);
        self.submit(holder, json!({"verdict": verdict, "reasons": ["so"]}));
    }

    fn goes_wrong(&mut self, place: &Address, how: Mishap) {
        let holder = self.grant(place);
        let (claim, agent) = holder;
        match how {
            Mishap::Rejected => {
                self.counts.add("rejected");
                self.submit(holder, json!({"n": 1}));
                self.reviewed("reject");
            }
            Mishap::Expired => {
                self.counts.add("expired");
                self.due(Due::ClaimEnd(claim));
            }
            Mishap::HandedBack => {
                self.counts.add("handed back");
                let reason = ReleaseReason::HandedBack;
                let retry_after = std::time::Duration::ZERO;
                let release = Release { reason, retry_after, usage: Usage::default() };
                self.take(What::Release { claim, agent, release });
            }
            Mishap::Invalid => {
                for number in 0..10 {
                    self.submit(holder, json!({"n": format!("{number}")}));
                }
            }
            Mishap::Late => {
                self.now = self.server.runs[0].state.claims[&claim].ends_at;
                let result = Arc::new(json!({"n": 2}));
                let late = What::Submit { claim, agent, result, usage: Usage::default() };
                let lost = Err(Refusal::ClaimLost(ClaimPhase::Expired));
                assert_eq!(self.try_take(&late), lost);
                self.due(Due::ClaimEnd(claim));
            }
            Mishap::ReviewExpired => {
                self.submit(holder, json!({"n": 1}));
                let (claim, _) = self.grant(&self.review());
                self.due(Due::ClaimEnd(claim));
                self.reviewed("reject");
            }
        }
    }

    /// What goes wrong with each step: the three that W86 names somewhere, and some more anywhere.
    fn mishaps(&self) -> Vec<Vec<Mishap>> {
        let mut all = vec![Vec::new(); STEPS];
        for named in ALL.into_iter().take(3) {
            all[self.chance.below(STEPS)].push(named);
        }
        for step in &mut all {
            for _ in 0..self.chance.below(3) {
                step.push(ALL[self.chance.below(ALL.len())]);
            }
            self.chance.shuffle(step);
            // Three claims in a row without a sign of life would be poison.
            let silent = |it: &Mishap| matches!(it, Mishap::Expired | Mishap::Late);
            while let Some(at) = step.windows(3).position(|it| it.iter().all(silent)) {
                step.insert(at + 2, Mishap::HandedBack);
            }
        }
        all
    }

    fn play(mut self) -> Counts {
        for (number, mishaps) in self.mishaps().into_iter().enumerate() {
            let place = address(&format!("s{number}"));
            for mishap in mishaps {
                self.goes_wrong(&place, mishap);
            }
            let holder = self.grant(&place);
            self.submit(holder, json!({"n": number}));
            self.reviewed("accept");
            assert_eq!(self.phase(&place), TaskPhase::Done);
        }
        assert_eq!(self.server.runs[0].state.phase, RunPhase::Composed);
        self.take(What::Accept);
        self.delivered();
        self.counts
    }

    /// The run has ended, told its publisher once, and each step has one accepted result.
    fn delivered(&self) {
        let state = &self.server.runs[0].state;
        assert_eq!(state.phase, RunPhase::Completed);
        assert_eq!(state.output.as_deref(), Some(&json!({"n": STEPS - 1})));
        let (mut told, mut results) = (0, BTreeMap::new());
        for (_, effect) in &self.server.effects {
            match effect {
                Effect::Change(entry) => {
                    let composed = Change::Run { phase: RunPhase::Composed, reason: None };
                    told += usize::from(entry.change == composed);
                }
                Effect::Result { address, .. } if address.check.is_none() => {
                    *results.entry(address.clone()).or_insert(0) += 1;
                }
                _ => {}
            }
        }
        assert_eq!((told, results.len()), (1, STEPS));
        assert!(results.values().all(|count| *count == 1), "{results:?}");
    }
}

#[test]
fn a_chain_that_went_wrong_on_the_way_ends_and_delivers() {
    let seeds = seeds(SEEDS);
    let name = "a_chain_that_went_wrong_on_the_way_ends_and_delivers";
    for seed in seeds {
        let counts = with_seed(seed, name, |seed| Chain::new(seed).play());
        // A round counts only if all that W86 names happened in it.
        for what in ["rejected", "expired", "handed back"] {
            assert!(counts.of(what) > 0, "seed {seed}: nothing was {what}");
        }
    }
}
