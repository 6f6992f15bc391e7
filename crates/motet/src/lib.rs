//! `motet`, the binary, as a library: the command line, and the signed client that tests and benchmarks use too.
//!
//! Owns what people type and read, and what a client remembers. Rules of histories are those of `history`,
//! messages those of `api`; the server is a crate of its own. Results go to standard output, everything else to
//! standard error; what comes from a server or a repository is made fit to be printed before it is.
//!
//! | place         | what is there                                                        |
//! |---------------|----------------------------------------------------------------------|
//! | `client/`     | [`client`]: signed requests, and what comes back                        |
//! | `transfer/`   | [`transfer`]: histories between a working copy and a server             |
//! | `store/`      | [`store`]: which key signs at which host                                |
//! | `cli.rs`      | [`cli`]: what can be typed                                              |
//! | `commands/`   | each command                                                         |
//! | `context.rs`  | what every command is handed                                         |
//! | `failure.rs`  | [`failure`]: codes, sentences, next steps, exit codes                   |
//! | `report.rs`   | [`report`]: text for people, one JSON object for programs               |
//! | `pager.rs`    | long texts on a terminal                                              |
//! | `progress.rs` | [`progress`]: a bar on a terminal                                       |
//! | `record.rs`   | commits made from a manifest                                         |
//! | `demo/`       | a history to look at                                                 |
//! | `visible.rs`  | characters that deceive, made visible                                |
//! | `git_hook.rs` | [`as_hook`]: what Git runs as a hook of a server                        |
//! | `run.rs`      | [`run()`]: from arguments to an exit code                               |

pub mod cli;
pub mod client;
pub mod commands;
pub mod context;
pub mod demo;
pub mod failure;
#[cfg(test)]
mod fake;
mod git_hook;
mod pager;
pub mod progress;
pub mod record;
pub mod report;
mod run;
pub mod store;
pub mod transfer;
mod visible;

pub use git_hook::as_hook;
pub use run::run;
pub use visible::visible;
