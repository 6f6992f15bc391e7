//! What the whole core promises: the vectors, the scripts, the tables, the invariants.
//!
//! | file            | what is there                                                                    |
//! |-----------------|----------------------------------------------------------------------------------|
//! | `support.rs`    | definitions and events in few words                                              |
//! | `cases.rs`      | every vector of `tests/fixtures/pipelines/cases.json`                             |
//! | `scripts.rs`    | both pipelines by script, byte for byte                                          |
//! | `checks.rs`     | static checks beyond the vectors                                                 |
//! | `tables.rs`     | rows of the tables of runs, tasks and claims                                     |
//! | `joins.rs`      | fan-out, joins, gathers, ballots, reviews, reopening                             |
//! | `budgets.rs`    | budgets, slots, moves, replays                                                   |
//! | `invariants.rs` | I1 to I19 as a judge of every step                                               |
//! | `model.rs`      | every interleaving of small pipelines                                            |
//! | `random.rs`     | random pipelines; a state as rows keep it                                        |
//! | `properties.rs` | random pipelines and random events                                               |
//! | `simulation/`   | runs among fakes that a seed moves: agents, network, clocks, crashes             |

mod budgets;
mod cases;
mod checks;
mod invariants;
mod joins;
mod model;
mod properties;
mod random;
mod scripts;
mod simulation;
mod support;
mod tables;
