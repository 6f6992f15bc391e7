//! The queue as rooms meet it, on both databases.
//!
//! | file            | what is there                                                          |
//! |-----------------|------------------------------------------------------------------------|
//! | `house.rs`      | nothing: a database, a queue, a table of effects, bounded waits         |
//! | `store.rs`      | nothing: the table of effects                                           |
//! | `claims.rs`     | who gets which job, and for how long                                    |
//! | `endings.rs`    | finish, fail, dead, retry                                              |
//! | `dispatching.rs`| handlers: effects, panics, strangers, bounds, bells                     |
//! | `stopping.rs`   | drain, crash, lost leases                                              |
//! | `outbox.rs`     | facts become jobs once                                                 |
//! | `schedules.rs`  | cron, missed runs, changes of the clock                                 |
//! | `processes.rs`  | several processes on PostgreSQL                                        |
//! | `machine.rs`    | random events, checked against a model                                 |
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop"
)]

mod claims;
mod dispatching;
mod endings;
mod house;
mod machine;
mod outbox;
mod processes;
mod schedules;
mod stopping;
mod store;
