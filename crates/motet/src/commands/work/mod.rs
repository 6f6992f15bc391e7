//! `motet work`: pipelines, checked and tried out here, without a server (`spec/work.md` 16).
//!
//! | file                | what is there                                                    |
//! |---------------------|------------------------------------------------------------------|
//! | `files.rs`          | what is named on the command line, read within bounds            |
//! | `judged.rs`         | a definition with its faults and the lines where they stand      |
//! | `lint.rs`           | every fault of definitions                                       |
//! | `simulate.rs`       | a run by script                                                  |
//! | `verify_webhook.rs` | whether a request that was received is signed                    |
//!
//! These commands end as `spec/work.md` 16 says and not as others do: 0 yes, 1 refused or invalid, 2 wrong use,
//! 3 unreachable, 4 nothing to do.

mod files;
mod judged;
pub mod lint;
pub mod simulate;
pub mod verify_webhook;

use crate::{
    context::Context,
    failure::{Exit, Failure},
    report::Report,
};

/// Refused, or invalid.
const REFUSED: Exit = Exit::Decide;

/// What to do with work.
#[derive(Debug, clap::Subcommand)]
pub enum Work {
    /// Find every fault of definitions
    ///
    /// Without a server. Which skills there are and what a name leads to is not known here, and is not looked at.
    Lint(lint::Lint),
    /// Play a run by script
    ///
    /// Without a server, on a clock of its own: what agents, persons, subcommands and the publisher do stands in the
    /// script. The same seed gives the same run; another lets other agents come first. No request is sent, so it is not
    /// looked at where endpoints lead.
    Simulate(simulate::Simulate),
    /// Check whether a request that was received is signed
    ///
    /// A webhook, or the call of a subcommand. Every signature that is there has to be good by one of the secrets, and not
    /// older than five minutes. The secrets are read from a file: what is typed as an argument, others can see.
    VerifyWebhook(verify_webhook::VerifyWebhook),
}

impl Work {
    /// What the command is called in results.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Lint(_) => "work lint",
            Self::Simulate(_) => "work simulate",
            Self::VerifyWebhook(_) => "work verify-webhook",
        }
    }

    /// Whether it is done here alone.
    pub const fn is_local(&self) -> bool {
        match self {
            Self::Lint(_) | Self::Simulate(_) | Self::VerifyWebhook(_) => true,
        }
    }
}

pub(super) fn run(command: &Work, context: &Context) -> Result<Report, Failure> {
    match command {
        Work::Lint(arguments) => lint::run(arguments, context),
        Work::Simulate(arguments) => simulate::run(arguments, context),
        Work::VerifyWebhook(arguments) => verify_webhook::run(arguments, context),
    }
}
