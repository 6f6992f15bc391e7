//! Runs on a simulated clock, with storage, network, agents, persons and publishers as fakes that a seed moves
//! (`spec/work.md` 14): I1 to I20 are judged after each event, and every run ends.
//!
//! A seed gives the same bytes each time. `MOTET_TEST_SEEDS` says how many seeds are played, `MOTET_TEST_SEED` plays one
//! alone; a seed that fails prints itself.
//!
//! | file         | what is there                                                                        |
//! |--------------|---------------------------------------------------------------------------------------|
//! | `mod.rs`     | which seeds are played                                                                |
//! | `chance.rs`  | what a seed decides, and the count of what it did                                      |
//! | `server.rs`  | a server as a fake: rows, slots, the order of grants; it judges each event             |
//! | `world.rs`   | the clock, the network that delays, doubles, re-orders and loses, crashes, jumps        |
//! | `people.rs`  | agents that vanish, lie, repeat and come late; persons, publishers, runners             |
//! | `chain.rs`   | W86: a chain whose steps went wrong on the way ends and delivers                         |
//! | `slots.rs`   | W48: never more live claims and runs than a key may have                                 |
//! | `clocks.rs`  | schedules over clocks that jump and days that have 23 or 25 hours                        |

mod chain;
mod chance;
mod clocks;
mod people;
mod server;
mod slots;
mod world;

use std::{collections::BTreeSet, thread};

use chance::{Counts, FIRED};
use world::{Played, World};

/// Seeds of a build. A night plays 10,000.
const SEEDS: u64 = 200;
/// Seeds that found something once.
const KEPT: [u64; 0] = [];
/// One seed of so many is played twice, to see that it gives the same bytes.
const AGAIN: u64 = 10;

#[expect(clippy::disallowed_methods, reason = "the run as a whole chooses")]
fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|it| it.parse().unwrap())
}

/// The seeds of this run: one alone if one was named, else so many as were asked for, or `usual`.
pub(super) fn seeds(usual: u64) -> Vec<u64> {
    match asked("MOTET_TEST_SEED") {
        Some(seed) => vec![seed],
        None => (0..asked("MOTET_TEST_SEEDS").unwrap_or(usual)).collect(),
    }
}

/// Prints a seed while it fails.
struct Failing(u64, &'static str);

impl Drop for Failing {
    fn drop(&mut self) {
        if thread::panicking() {
            let Self(seed, test) = self;
            eprintln!(
                "seed {seed} fails; it replays alone: MOTET_TEST_SEED={seed} cargo nextest run -p pipelines-core {test}"
            );
        }
    }
}

/// Plays a test with a seed that is printed if it fails.
pub(super) fn with_seed<T>(seed: u64, test: &'static str, play: impl FnOnce(u64) -> T) -> T {
    let _failing = Failing(seed, test);
    play(seed)
}

fn played(seed: u64) -> Played {
    with_seed(seed, "whatever_happens_every_promise_holds", |seed| World::new(seed).play())
}

/// `spec/work.md` 14, random runs. A round counts if a fault fired in it and a result was accepted; so many have to count
/// as were asked for, and those that do not count have to pass too.
#[test]
fn whatever_happens_every_promise_holds_and_every_run_ends() {
    let wanted = seeds(SEEDS);
    let (alone, mut counted) = (wanted.len() == 1, 0);
    let (mut total, mut seed) = (Counts::default(), 0);
    let mut ends = BTreeSet::new();
    let kept = KEPT.iter().copied().filter(|_| !alone);
    let mut open: Vec<u64> = wanted.iter().copied().chain(kept).rev().collect();
    while let Some(next) = open.pop() {
        seed = seed.max(next);
        let round = played(next);
        if next.is_multiple_of(AGAIN) {
            assert_eq!(played(next), round, "seed {next} gives other bytes the second time");
        }
        let is_counted = round.counts.of("accepted") > 0 && round.counts.of("delayed") > 0;
        counted += usize::from(is_counted);
        total.merge(&round.counts);
        ends.extend(round.ends);
        // Another one takes its place; a series of rounds without work is a fault of the harness.
        if open.is_empty() && counted < wanted.len() && !alone && seed < 3 * wanted.len() as u64 {
            open.push(seed + 1);
        }
    }
    println!("{counted} rounds counted; {total:?}; runs ended {ends:?}");
    if alone {
        return;
    }
    assert!(counted >= wanted.len(), "{counted} rounds counted of {}", wanted.len());
    let missing: Vec<_> = FIRED.iter().filter(|it| total.of(it) == 0).collect();
    assert!(missing.is_empty(), "never happened: {missing:?}");
    assert_eq!(ends, BTreeSet::from(["cancelled", "completed", "expired", "failed"]));
}
