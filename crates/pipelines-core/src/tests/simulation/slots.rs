//! W48: live claims and live runs of a key are never more than it may have, in 10,000 samples, and runs wait, are refused
//! or replace as said.

use std::{collections::BTreeMap, sync::Arc};

use names::UnixMillis;
use serde_json::json;

use super::{
    super::support::{START, agent, any_output, checked, listing},
    chance::Chance,
    server::{Pipeline, Server},
};
use crate::machine::{Agent, Due, Release, ReleaseReason, RunPhase, Usage, What};

/// Live claims of a key.
const CLAIMS: usize = 20;
/// Live runs of a key.
const RUNS: usize = 2;
/// Samples for each of the three ways.
const SAMPLES: usize = 3_400;
/// Agents, each of which holds four claims at most.
const AGENTS: usize = 16;
const KEYS: [&str; 2] = ["k", "l"];

struct Crowd {
    server: Server,
    chance: Chance,
    now: UnixMillis,
    agents: Vec<Agent>,
    refused: usize,
}

impl Crowd {
    fn new(on_full: &str) -> Self {
        let lease = json!({"ttl": "1m", "cap": "3m"});
        let document = json!({"motet": 1, "id": "crowd",
            "input_schema": {"type": "object", "properties": {"key": {"type": "string"}}},
            "concurrency": [{"of": "claims", "key": "/key", "max": CLAIMS},
                {"of": "runs", "key": "/key", "max": RUNS, "on_full": on_full}],
            "steps": [
                {"id": "a", "instructions": "Do it.", "output_schema": any_output(), "claim": lease,
                    "spawns": {"for_each": "/list", "steps": ["e"], "max_width": 30}},
                {"id": "e", "instructions": "Do it.", "output_schema": any_output(), "claim": lease,
                    "on_dead": "skip"},
            ],
            "final_output": {"composes": ["all: flatten([e].list)"]}});
        let (first, mut server) = (checked(&document).definition, Server::default());
        let second = Arc::clone(&first);
        server.pipelines.push(Pipeline { publisher: 0, first, second });
        let agents = (0..AGENTS).map(|number| agent(&format!("bird {number}"))).collect();
        Self { server, chance: Chance::seeded(48), now: START, agents, refused: 0 }
    }

    fn start(&mut self) {
        let key = self.chance.pick(&KEYS).unwrap();
        match self.server.start(0, json!({ "key": key }), self.now) {
            Some(_) => {}
            None => self.refused += 1,
        }
    }

    /// Somebody does something with a live claim.
    fn go_on(&mut self) {
        let runs = self.server.runs.iter().enumerate();
        let live = runs.filter(|(_, run)| !run.state.phase.is_terminal());
        let live = live.flat_map(|(at, run)| run.state.live_claims().map(move |it| (at, it)));
        let live: Vec<_> =
            live.map(|(at, (id, it))| (at, *id, it.agent, it.address.clone())).collect();
        let Some((run, claim, agent, address)) = self.chance.pick(&live) else { return };
        let usage = Usage::default();
        let what = match self.chance.below(10) {
            0 => {
                let (reason, retry_after) = (ReleaseReason::HandedBack, std::time::Duration::ZERO);
                What::Release { claim, agent, release: Release { reason, retry_after, usage } }
            }
            1 => {
                self.now = self.now.max(self.server.runs[run].state.claims[&claim].ends_at);
                What::Due(Due::ClaimEnd(claim))
            }
            2 => What::Revoke(agent),
            _ => {
                let width = if address.step.as_str() == "a" { 30 } else { 0 };
                What::Submit { claim, agent, result: Arc::new(listing(width)), usage }
            }
        };
        // At its end a claim is lost.
        let _lost = self.server.take(run, &what.into(), self.now);
    }

    /// What has become due happens.
    fn pass(&mut self) {
        for run in 0..self.server.runs.len() {
            let state = &self.server.runs[run].state;
            let due: Vec<_> = state
                .due
                .iter()
                .filter(|(_, at)| **at <= self.now)
                .map(|it| it.0.clone())
                .collect();
            for due in due {
                // An earlier one may have taken it away.
                let _gone = self.server.take(run, &What::Due(due).into(), self.now);
            }
        }
    }

    /// Live claims and live runs of each key, counted from the runs.
    fn sample(&self) -> BTreeMap<String, (usize, usize)> {
        let mut found: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for run in self.server.runs.iter().filter(|run| !run.state.phase.is_terminal()) {
            let phase = run.state.phase;
            let held = found.entry(run.state.input["key"].to_string()).or_default();
            held.0 += run.state.live_claims().count();
            held.1 += usize::from(phase != RunPhase::Queued);
        }
        found
    }

    /// Gives the most claims and runs that a key ever had at once.
    fn play(&mut self) -> (usize, usize) {
        let mut most = (0, 0);
        for _ in 0..SAMPLES {
            match self.chance.below(120) {
                0 => self.start(),
                1..=6 => self.pass(),
                7..=72 => {
                    let agent = self.chance.pick(&self.agents).unwrap();
                    self.server.grant(&agent, &[0].into(), self.now);
                }
                _ => self.go_on(),
            }
            self.server.serve_queues(self.now);
            self.server.log.clear();
            self.server.effects.clear();
            for (claims, runs) in self.sample().into_values() {
                assert!(claims <= CLAIMS && runs <= RUNS, "{claims} claims, {runs} runs");
                most = (most.0.max(claims), most.1.max(runs));
            }
        }
        self.server.restart();
        most
    }

    fn ended(&self, phase: RunPhase) -> usize {
        self.server.runs.iter().filter(|run| run.state.phase == phase).count()
    }
}

#[test]
fn of_twenty_slots_no_twenty_first_is_taken_in_ten_thousand_samples() {
    for on_full in ["queue", "refuse", "replace"] {
        let mut crowd = Crowd::new(on_full);
        let most = crowd.play();
        // Both were really filled: without that nothing was tried.
        assert_eq!(most, (CLAIMS, RUNS), "{on_full}");
        let (queued, cancelled) = (crowd.ended(RunPhase::Queued), crowd.ended(RunPhase::Cancelled));
        println!(
            "{on_full}: {} runs, {} completed, {queued} queued, {cancelled} cancelled, {} refused",
            crowd.server.runs.len(),
            crowd.ended(RunPhase::Completed),
            crowd.refused
        );
        assert!(crowd.ended(RunPhase::Completed) > 0);
        assert_eq!(crowd.refused > 0, on_full == "refuse");
        assert_eq!(cancelled > 0, on_full == "replace");
        assert!(on_full == "queue" || queued == 0);
    }
}
