//! Dead letters: tasks that nobody tries any more (`spec/work.md` 4, 6).
//!
//! A letter is open until somebody sees to it: it is laid aside, or replayed. Many are replayed by one call, as a job.
//! What it takes care of is decided when it is asked for, so that no two replays have one letter; how far it is stands in
//! rows.
//!
//! | file        | what is there                                                            |
//! |-------------|--------------------------------------------------------------------------|
//! | `mod.rs`    | [`Meant`]: which letters; [`Which`]: how they stand                        |
//! | `api.rs`    | JSON under `/api/v1/publishers/{publisher}/dead-letters`                   |
//! | `replay.rs` | the job                                                                  |
//! | `store.rs`  | the SQL                                                                  |
//!
//! Invariant: a letter is tried again once at most. A run that a replay begins bears the names of both, so whoever begins
//! it again, after a kill, finds the one that is there.

pub(crate) mod api;
pub(crate) mod replay;
pub(crate) mod store;

use ::api::json::DeadLetterFilter;
use names::{Id, UnixMillis};
use web::Problem;

/// A dead letter.
#[derive(Debug)]
pub(crate) enum Letter {}

/// Its id.
pub(crate) type LetterId = Id<Letter>;

/// A replay of many.
#[derive(Debug)]
pub(crate) enum Replay {}

/// Its id.
pub(crate) type ReplayId = Id<Replay>;

/// Letters of which one replay takes care.
pub(crate) const MOST: usize = 10_000;

/// How letters stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// Nobody has seen to them.
    Open,
    /// They are tried again.
    Replayed,
    /// They were laid aside.
    Discarded,
    /// However they stand.
    Any,
}

impl Which {
    /// By its word; those that are open if none is said.
    fn read(text: Option<&str>) -> Result<Self, Problem> {
        match text.unwrap_or("open") {
            "open" => Ok(Self::Open),
            "replayed" => Ok(Self::Replayed),
            "discarded" => Ok(Self::Discarded),
            "any" => Ok(Self::Any),
            _ => Err(Problem::malformed("state is open, replayed, discarded or any")),
        }
    }
}

/// Which letters are meant: those for which everything holds that is said.
#[derive(Debug, Default)]
pub(crate) struct Meant {
    pipeline: Option<String>,
    step: Option<String>,
    reason: Option<String>,
    agent: Option<String>,
    since: Option<UnixMillis>,
    until: Option<UnixMillis>,
}

impl Meant {
    fn read(asked: DeadLetterFilter) -> Result<Self, Problem> {
        let time = |text: Option<String>| {
            let read = text.map(|text| text.parse::<UnixMillis>()).transpose();
            read.map_err(|error| Problem::malformed(&error))
        };
        Ok(Self {
            pipeline: asked.pipeline,
            step: asked.step,
            reason: asked.reason,
            agent: asked.agent.map(|it| it.to_ascii_lowercase()),
            since: time(asked.since)?,
            until: time(asked.until)?,
        })
    }

    /// Those of a step that died for a reason, where they are said.
    pub(crate) fn of(step: Option<String>, reason: Option<String>) -> Self {
        Self { step, reason, ..Self::default() }
    }

    fn since(&self) -> i64 {
        self.since.map_or(i64::MIN, |it| it.0)
    }

    fn until(&self) -> i64 {
        self.until.map_or(i64::MAX, |it| it.0)
    }
}
