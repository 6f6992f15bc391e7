//! Work that outlives a request: the durable queue of the house.
//!
//! A job is a row. It is pushed in the transaction of the change that asks for it, so the work exists exactly when
//! the change does. The one [`Dispatcher`] of a process claims jobs in batches, runs the handler of their kind and
//! deletes the row in the transaction of the handler's own effects. If the process dies, the lease ends and somebody
//! else takes the job over, with a higher fence.
//!
//! Owns the tables `jobs`, `schedules` and `outbox`. Knows no kind of work: rooms bring kinds, handlers, consumers.
//!
//! | file            | what is there                                                                         |
//! |-----------------|---------------------------------------------------------------------------------------|
//! | `job.rs`        | [`Kind`], [`NewJob`], [`Claimed`], [`Job`], [`Listed`]                                  |
//! | `queue.rs`      | the door [`Queue`]: push, claim, heartbeat, finish, fail                                |
//! | `bell.rs`       | [`Bell`]: who is told that there is work, here and in other processes                   |
//! | `desk.rs`       | the door for people: list, count, retry, delete                                        |
//! | `takeover.rs`   | what a dead process was doing, when it is known to be dead                              |
//! | `backoff.rs`    | how long a failed job waits                                                            |
//! | `outbox.rs`     | what happened, on its way to become jobs                                               |
//! | `timetable.rs`  | [`Timetable`]: cron in a time zone                                                     |
//! | `schedules.rs`  | work that comes again and again                                                        |
//! | `handler.rs`    | what a handler is given and gives: [`Done`], [`Failure`]                                |
//! | `dispatcher.rs` | the loop; `crew.rs` its running jobs, `attempt.rs` one of them                          |
//!
//! Invariants: a job is held by one claim at a time, and only the claim with the row's fence can end it. Effects that a
//! handler writes in the transaction that it hands back happen once; all else happens at least once. Nothing due
//! lives only in memory. An idle dispatcher begins no transaction on SQLite.

mod backoff;
mod bell;
mod desk;
mod dispatcher;
mod error;
mod handler;
mod job;
mod outbox;
mod queue;
mod schedules;
mod takeover;
mod timetable;

pub use bell::Bell;
pub use desk::{Counts, LIST_ROWS};
pub use dispatcher::{Dispatcher, Limits};
pub use error::Error;
pub use handler::{Done, Failure, Job};
pub use job::{
    Claimed, DEFAULT_MAX_ATTEMPTS, JobId, KEY_BYTES, Kind, Lease, Listed, NewJob, PAYLOAD_BYTES,
    Page, Priority, State,
};
pub use outbox::{PostId, Posted};
pub use queue::{Fate, LEASE, PUSH_ROWS, Queue};
pub use schedules::Scheduled;
pub use timetable::Timetable;

/// Every statement of this crate, for the test that prepares them all.
pub fn statements() -> Vec<&'static db::Sql> {
    [
        queue::STATEMENTS,
        bell::STATEMENTS,
        desk::STATEMENTS,
        outbox::STATEMENTS,
        schedules::STATEMENTS,
        takeover::STATEMENTS,
        dispatcher::STATEMENTS,
    ]
    .concat()
}
