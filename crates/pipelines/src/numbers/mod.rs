//! How much work waits and is done, and what became of the work of agents (`spec/work.md` 6).
//!
//! Everything is read from rows when it is asked for, within bounds that stand beside the statements. What lies beyond them is
//! not counted, and the answer says so.
//!
//! | file        | what is there                                                     |
//! |-------------|-------------------------------------------------------------------|
//! | `mod.rs`    | the routes                                                        |
//! | `stats.rs`  | what waits, how fast it is claimed, what is dead                    |
//! | `agents.rs` | runs in which an agent held claims; records of agents               |
//! | `store.rs`  | the SQL                                                           |

mod agents;
mod stats;
pub(crate) mod store;

use trust::Bearers;
use web::{Routes, Spec, Surface};

use crate::Door;

/// The routes of numbers.
pub(crate) fn routes(routes: Routes<Door>) -> Routes<Door> {
    let read = Spec::new(Surface::Api);
    let (of_publisher, of_all) = (read.bearers(Bearers::Publisher), read.bearers(Bearers::Work));
    routes
        .get("/api/v1/publishers/{publisher}/stats", of_publisher, stats::of_publisher)
        .get("/api/v1/claims/stats", read, stats::of_install)
        .get("/api/v1/claims/runs", read, agents::runs)
        .get("/api/v1/claims/agents", of_all, agents::list)
        .get("/api/v1/claims/agents/{agent}", of_all, agents::show)
}
