//! Random events, checked against a model: whatever happens in whichever state, rows and answers are as foretold.

use std::{collections::BTreeMap, time::Duration};

use jobs::{Claimed, Error, Failure, Fate, JobId, LEASE, NewJob, Priority, State};
use names::UnixMillis;
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use crate::{
    house::{House, Place, work},
    store,
};

#[derive(Debug, Clone)]
enum Event {
    Push { priority: u8, delay_s: u64, key: Option<u8>, tries: u32 },
    Pass { seconds: u64 },
    Claim { limit: usize },
    Finish { claim: usize },
    Rearm { claim: usize, delay_s: u64 },
    Fail { claim: usize, is_final: bool },
    Beat { claim: usize },
    Release { claim: usize },
    Retry { job: usize },
    Delete { job: usize },
}

fn event() -> impl Strategy<Value = Event> {
    let (claim, job) = (0..8_usize, 0..8_usize);
    prop_oneof![
        4 => (0..3_u8, 0..90_u64, prop::option::of(0..2_u8), 1..4_u32).prop_map(
            |(priority, delay_s, key, tries)| Event::Push { priority, delay_s, key, tries }),
        3 => (0..100_u64).prop_map(|seconds| Event::Pass { seconds }),
        5 => (1..4_usize).prop_map(|limit| Event::Claim { limit }),
        2 => claim.clone().prop_map(|claim| Event::Finish { claim }),
        1 => (claim.clone(), 0..90_u64).prop_map(|(claim, delay_s)| Event::Rearm { claim, delay_s }),
        2 => (claim.clone(), any::<bool>()).prop_map(|(claim, is_final)| Event::Fail { claim, is_final }),
        2 => claim.clone().prop_map(|claim| Event::Beat { claim }),
        1 => claim.prop_map(|claim| Event::Release { claim }),
        1 => job.clone().prop_map(|job| Event::Retry { job }),
        1 => job.prop_map(|job| Event::Delete { job }),
    ]
}

/// What a row should hold.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    state: State,
    priority: Priority,
    run_at: UnixMillis,
    lease_ends: Option<UnixMillis>,
    fence: i64,
    attempts: u32,
    tries: u32,
    key: Option<String>,
}

impl Row {
    fn due(&self) -> UnixMillis {
        self.lease_ends.unwrap_or(self.run_at)
    }

    fn rest(&mut self, state: State, run_at: UnixMillis) {
        (self.state, self.run_at, self.lease_ends) = (state, run_at, None);
    }
}

struct Game<'a> {
    house: &'a House,
    rows: BTreeMap<JobId, Row>,
    /// Every claim ever made: the stale ones are the point.
    claims: Vec<Claimed>,
    pushed: usize,
}

impl Game<'_> {
    async fn play(&mut self, event: &Event) {
        let now = self.house.clock.now();
        match *event {
            Event::Push { priority, delay_s, key, tries } => {
                self.push(priority, now.plus(Duration::from_secs(delay_s)), key, tries).await;
            }
            Event::Pass { seconds } => self.house.clock.advance(Duration::from_secs(seconds)),
            Event::Claim { limit } => self.claim(now, limit).await,
            Event::Finish { claim } => self.finish(claim).await,
            Event::Rearm { claim, delay_s } => {
                self.rearm(claim, now.plus(Duration::from_secs(delay_s))).await;
            }
            Event::Fail { claim, is_final } => self.fail(claim, is_final).await,
            Event::Beat { claim } => self.beat(claim, now).await,
            Event::Release { claim } => self.release(claim).await,
            Event::Retry { job } => self.retry(job, now).await,
            Event::Delete { job } => self.delete(job).await,
        }
    }

    fn key_is_taken(&self, key: Option<&String>) -> bool {
        let lives = |row: &&Row| row.state != State::Dead;
        key.is_some() && self.rows.values().filter(lives).any(|row| row.key.as_ref() == key)
    }

    async fn push(&mut self, priority: u8, run_at: UnixMillis, key: Option<u8>, tries: u32) {
        let priority = [Priority::High, Priority::Normal, Priority::Low][usize::from(priority)];
        let key = key.map(|key| format!("key {key}"));
        self.pushed += 1;
        let mut job: NewJob = work(&self.pushed.to_string());
        job = job.at(run_at).with_priority(priority).with_max_attempts(tries);
        if let Some(key) = &key {
            job = job.unique(key);
        }
        let is_taken = self.key_is_taken(key.as_ref());
        assert_eq!(self.house.push(job).await, usize::from(!is_taken));
        if is_taken {
            return;
        }
        let listed = self.house.queue.list(State::Ready, None, 100).await.unwrap().items;
        let new = listed.into_iter().find(|job| !self.rows.contains_key(&job.id)).unwrap();
        let (state, lease_ends, fence, attempts) = (State::Ready, None, 0, 0);
        let row = Row { state, priority, run_at, lease_ends, fence, attempts, tries, key };
        self.rows.insert(new.id, row);
    }

    async fn claim(&mut self, now: UnixMillis, limit: usize) {
        let is_due = |row: &Row| row.state != State::Dead && row.due() <= now;
        let due = self.rows.iter().filter(|(_, row)| is_due(row));
        let mut due: Vec<_> = due.map(|(id, row)| (row.priority, row.due(), *id)).collect();
        due.sort();
        let mut wanted = Vec::new();
        for (.., id) in due.into_iter().take(limit) {
            let row = self.rows.get_mut(&id).unwrap();
            row.fence += 1;
            if row.attempts >= row.tries {
                row.rest(State::Dead, row.run_at);
            } else {
                (row.state, row.lease_ends) = (State::Running, Some(now.plus(LEASE)));
                row.attempts += 1;
                wanted.push((id, row.fence, row.attempts));
            }
        }
        let claimed = self.house.claim(limit).await;
        let mut got: Vec<_> =
            claimed.iter().map(|job| (job.lease.id, job.lease.fence, job.attempts)).collect();
        got.sort();
        wanted.sort();
        assert_eq!(got, wanted);
        self.claims.extend(claimed);
    }

    /// One of the claims ever made, and its row if it still holds it.
    fn held(&mut self, claim: usize) -> Option<(Claimed, Option<&mut Row>)> {
        let claim = self.claims.get(claim.checked_rem(self.claims.len())?)?.clone();
        let row = self.rows.get_mut(&claim.lease.id);
        let holds = |row: &&mut Row| row.state == State::Running && row.fence == claim.lease.fence;
        let row = row.filter(holds);
        Some((claim, row))
    }

    async fn finish(&mut self, claim: usize) {
        let house = self.house;
        let Some((claim, row)) = self.held(claim) else { return };
        let holds = row.is_some();
        let mut tx = house.db.write().await.unwrap();
        let outcome = house.queue.finish(&mut tx, &claim).await;
        if holds {
            outcome.unwrap();
            tx.commit().await.unwrap();
            self.rows.remove(&claim.lease.id);
        } else {
            assert!(matches!(outcome, Err(Error::LeaseLost)), "{outcome:?}");
        }
    }

    async fn rearm(&mut self, claim: usize, at: UnixMillis) {
        let house = self.house;
        let Some((claim, row)) = self.held(claim) else { return };
        let mut tx = house.db.write().await.unwrap();
        let outcome = house.queue.rearm(&mut tx, &claim, at).await;
        let Some(row) = row else {
            return assert!(matches!(outcome, Err(Error::LeaseLost)), "{outcome:?}");
        };
        outcome.unwrap();
        tx.commit().await.unwrap();
        row.rest(State::Ready, at);
        row.attempts = 0;
    }

    async fn fail(&mut self, claim: usize, is_final: bool) {
        let house = self.house;
        let Some((claim, row)) = self.held(claim) else { return };
        let failure = if is_final { Failure::give_up("no") } else { Failure::retry("no") };
        let outcome = house.queue.fail(&claim, &failure).await;
        let Some(row) = row else {
            return assert!(matches!(outcome, Err(Error::LeaseLost)), "{outcome:?}");
        };
        let is_dead = is_final || row.attempts >= row.tries;
        match outcome.unwrap() {
            Fate::Dead => {
                assert!(is_dead);
                row.rest(State::Dead, row.run_at);
            }
            Fate::Again(at) => {
                assert!(!is_dead && at > house.clock.now());
                row.rest(State::Ready, at);
            }
        }
    }

    async fn beat(&mut self, claim: usize, now: UnixMillis) {
        let house = self.house;
        let Some((claim, row)) = self.held(claim) else { return };
        let kept = house.queue.heartbeat(&[claim.lease]).await.unwrap();
        assert_eq!(kept.len(), usize::from(row.is_some()));
        if let Some(row) = row {
            row.lease_ends = Some(now.plus(LEASE));
        }
    }

    async fn release(&mut self, claim: usize) {
        let house = self.house;
        let Some((claim, row)) = self.held(claim) else { return };
        house.queue.release(&[claim.lease]).await.unwrap();
        if let Some(row) = row {
            row.rest(State::Ready, row.run_at);
            row.attempts -= 1;
        }
    }

    /// One of the jobs that are there.
    fn job(&self, job: usize) -> Option<JobId> {
        self.rows.keys().nth(job.checked_rem(self.rows.len())?).copied()
    }

    async fn retry(&mut self, job: usize, now: UnixMillis) {
        let Some(id) = self.job(job) else { return };
        let outcome = self.house.retry(id).await;
        let row = &self.rows[&id];
        if row.state != State::Dead {
            return assert!(matches!(outcome, Err(Error::NotDead)), "{outcome:?}");
        }
        if self.key_is_taken(row.key.as_ref()) {
            return assert!(matches!(outcome, Err(Error::KeyTaken)), "{outcome:?}");
        }
        outcome.unwrap();
        let row = self.rows.get_mut(&id).unwrap();
        row.rest(State::Ready, now);
        row.attempts = 0;
    }

    async fn delete(&mut self, job: usize) {
        let Some(id) = self.job(job) else { return };
        let outcome = self.house.delete(id).await;
        if self.rows[&id].state == State::Dead {
            outcome.unwrap();
            self.rows.remove(&id);
        } else {
            assert!(matches!(outcome, Err(Error::NotDead)), "{outcome:?}");
        }
    }

    /// Every row is as foretold, and there is no other.
    async fn compare(&self) {
        let mut found = BTreeMap::new();
        for state in [State::Ready, State::Running, State::Dead] {
            for job in self.house.queue.list(state, None, 100).await.unwrap().items {
                let foretold = self.rows.get(&job.id).map_or(0, |row| row.fence);
                found.insert(
                    job.id,
                    Row {
                        state: job.state,
                        priority: job.priority,
                        run_at: job.run_at,
                        lease_ends: job.lease_ends,
                        // Not listed; claims and refusals show it.
                        fence: foretold,
                        attempts: job.attempts,
                        tries: job.max_attempts,
                        key: job.unique_key,
                    },
                );
            }
        }
        assert_eq!(found, self.rows);
    }
}

async fn play(house: &House, events: &[Event]) {
    let mut tx = house.db.write().await.unwrap();
    store::clear(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    let mut game = Game { house, rows: BTreeMap::new(), claims: Vec::new(), pushed: 0 };
    for event in events {
        game.play(event).await;
        game.compare().await;
    }
}

fn check(place: impl AsyncFnOnce() -> Place, cases: u32) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let place = runtime.block_on(place());
    let house = runtime.block_on(House::at(&place));
    let mut runner =
        TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let events = prop::collection::vec(event(), 1..40);
    runner
        .run(&events, |events| {
            runtime.block_on(play(&house, &events));
            Ok(())
        })
        .unwrap();
    runtime.block_on(house.db.close());
}

#[test]
fn any_events_in_any_order_sqlite() {
    check(async || Place::sqlite(), 48);
}

#[test]
fn any_events_in_any_order_postgres() {
    check(async || Place::postgres().await, 24);
}
