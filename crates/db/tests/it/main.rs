//! The databases as the rooms meet them: both of them, real ones.
//!
//! | file             | what is there                                                          |
//! |------------------|------------------------------------------------------------------------|
//! | `house.rs`       | nothing: a database for a test, a table to write into, what was logged    |
//! | `transactions.rs`| commit, undo, failed statements, waiting: the same on both                |
//! | `group.rs`       | turns and shared commits, one situation a test                            |
//! | `alone.rs`       | transactions that are one statement                                       |
//! | `lost.rs`        | shared commits on a PostgreSQL that goes away                             |
//! | `full.rs`        | a disk without room                                                       |
//! | `ledger.rs`      | the same with many tasks, failures and cancellations at random points     |
//! | `schema.rs`      | a schema that is refused, and with which sentence                         |
//! | `stage.rs`       | nothing: a database at any version of its schema                          |
//! | `journey.rs`     | migrations forward and back, from every version, with rows in every table |
//! | `statements.rs`  | statements are prepared, and slow ones are logged                         |

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop"
)]

mod alone;
mod full;
mod group;
mod house;
mod journey;
mod ledger;
mod lost;
mod schema;
mod stage;
mod statements;
mod transactions;
