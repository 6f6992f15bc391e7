//! The state machine of one run (`spec/work.md` 3), without I/O, clock or randomness.
//!
//! [`start`] makes a run; [`apply`] takes each event after that. Both are total: an event that no table lists is
//! refused, and a refusal changes nothing. Ids and jitter come with the event, the time is the later of the caller's and
//! the last one seen (I19), and what has to be written comes back as [`Effect`]s, for one transaction.
//!
//! | file          | what is there                                                               |
//! |---------------|-----------------------------------------------------------------------------|
//! | `state.rs`    | [`RunState`], [`Task`], [`Claim`]                                           |
//! | `event.rs`    | [`Event`]: what may happen                                                  |
//! | `effect.rs`   | [`Effect`], [`Change`], [`Refusal`]: what comes of it                       |
//! | `work.rs`     | one event being taken: the few ways in which state changes                  |
//! | `run.rs`      | the table of runs                                                           |
//! | `settle.rs`   | core events: evaluate, join, close, compose                                 |
//! | `inputs.rs`   | what inputs, conditions and rules find                                      |
//! | `grant.rs`    | a claim begins                                                              |
//! | `claim.rs`    | a claim lives and ends: beats, calls, release, expiry                       |
//! | `submit.rs`   | a result is judged, stored, accepted once                                   |
//! | `checks.rs`   | ballots and reviews                                                         |
//! | `approval.rs` | persons decide                                                              |
//! | `reopen.rs`   | new generations: after a verdict, by hand; what a replay keeps              |
//! | `stored.rs`   | a run in parts, as rows keep it, and back                                   |
//! | `told.rs`     | which entries of the timeline are events of webhooks                        |
//! | `timeline.rs` | the stored states, from the timeline alone (I15)                            |

mod approval;
mod checks;
mod claim;
mod effect;
mod event;
mod grant;
mod inputs;
mod reopen;
mod run;
mod settle;
mod state;
mod stored;
mod submit;
mod timeline;
mod told;
mod work;

use names::UnixMillis;

pub use effect::{
    Answer, Budget, Change, Counter, Credit, Due, Effect, Entry, Refusal, SlotKey, Told, Verdict,
};
pub use event::{Agent, Decision, Event, Release, ReleaseReason, Reopen, Usage, What};
pub use reopen::kept;
pub use state::{
    Claim, ClaimPhase, HeldBy, Poison, RunPhase, RunReason, RunState, Setup, Spent, Task,
    TaskPhase, TaskReason, Touched,
};
pub use stored::{
    ClaimPart, NotARun, RunPart, StoredClaim, StoredRun, StoredTask, StoredVerdict, TaskPart,
};
pub use timeline::{States, replayed};

use crate::backoff::Draw;
use work::Work;
pub use work::slot_keys;

/// Whether a new run finds a slot (`spec/work.md` 2, `concurrency`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// It does.
    Free,
    /// It waits for one.
    Full,
}

/// The state after an event, and what has to be written.
pub type Applied = (RunState, Vec<Effect>);

/// A run begins, at once or in the queue.
pub fn start(setup: Setup, slot: Slot, now: UnixMillis) -> Applied {
    let mut work = Work::new(RunState::new(setup, now), now, Draw::MIDDLE);
    work.start(slot);
    work.finish()
}

/// One event happens to a run.
pub fn apply(state: &RunState, event: &Event, now: UnixMillis) -> Result<Applied, Refusal> {
    take(state.clone(), event, now).map_err(|refused| refused.1)
}

/// One event happens to a run that nobody else looks at: nothing is copied. A refusal gives the run back as it was, but
/// for the time that it has seen.
pub fn take(
    state: RunState,
    event: &Event,
    now: UnixMillis,
) -> Result<Applied, Box<(RunState, Refusal)>> {
    let mut work = Work::new(state, now, event.draw);
    match work.take(&event.what) {
        Ok(()) => Ok(work.finish()),
        Err(refusal) => Err(Box::new((work.finish().0, refusal))),
    }
}
