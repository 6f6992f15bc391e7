//! The core of the Work plane: pipelines, runs, and tasks that any agent can claim (`spec/work.md`).
//!
//! It reads and checks definitions ([`definition`]), moves runs ([`machine`]), makes outputs ([`compose`]), says which
//! task comes next ([`order`]) and when schedules fire ([`schedule`]), and plays scripts against all of it
//! ([`simulate`]). It is what the server, `motet work lint` and `motet work simulate` have in common.
//!
//! It does no I/O, knows no clock, no randomness, no database and no runtime: time, ids and draws come in, effects go
//! out. What only others know, such as which addresses a request may go to, is asked of
//! [`definition::Outside`].
//!
//! | file           | what is there                                                              |
//! |----------------|----------------------------------------------------------------------------|
//! | `name.rs`      | steps, pipelines, addresses of tasks, ids                                  |
//! | `fault.rs`     | [`fault::Fault`]: pointer, code, sentence                                  |
//! | `json/`        | canonical bytes (RFC 8785), pointers (RFC 6901), strict JSON and YAML      |
//! | `schema/`      | JSON Schema 2020-12, strict and linear                                     |
//! | `expression/`  | the language of `skip_if`                                                  |
//! | `compose/`     | the six shapes of compose rules                                            |
//! | `schedule.rs`  | cron in a time zone                                                        |
//! | `backoff.rs`   | how long a task waits after a failure                                      |
//! | `skill.rs`     | what a skill reference stands for                                          |
//! | `call.rs`      | how calls of subcommands are signed                                        |
//! | `order.rs`     | which ready task is granted next                                           |
//! | `definition/`  | definitions and their static checks                                        |
//! | `machine/`     | the state machine of a run                                                 |
//! | `simulate/`    | runs by script                                                             |

pub mod backoff;
pub mod call;
pub mod compose;
pub mod definition;
pub mod expression;
pub mod fault;
pub mod json;
pub mod machine;
pub mod name;
pub mod order;
pub mod schedule;
pub mod schema;
pub mod simulate;
pub mod skill;

#[cfg(test)]
mod tests;
