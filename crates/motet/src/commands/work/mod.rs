//! `motet work`: pipelines, checked and tried out here; registered, run and worked on at a server (`spec/work.md` 16).
//!
//! | file                | what is there                                                    |
//! |---------------------|------------------------------------------------------------------|
//! | `files.rs`          | what is named on the command line, read within bounds            |
//! | `judged.rs`         | a definition with its faults and the lines where they stand      |
//! | `reach.rs`          | which server is asked, on whose word, and how it refuses         |
//! | `lint.rs`           | every fault of definitions                                       |
//! | `simulate.rs`       | a run by script                                                  |
//! | `verify_webhook.rs` | whether a request that was received is signed                    |
//! | `register.rs`       | a definition becomes a version                                   |
//! | `start.rs`          | a run begins                                                     |
//! | `claim.rs`          | an agent asks for a task                                         |
//! | `submit.rs`         | an agent hands a result in, or gives its task back               |
//! | `runs.rs`           | runs as they are, and whether their timelines lead there         |
//! | `dead_letters.rs`   | tasks that nobody tries any more: shown, replayed, laid aside     |
//!
//! These commands end as `spec/work.md` 16 says and not as others do: 0 yes, 1 refused or invalid, 2 wrong use,
//! 3 unreachable, 4 nothing to do. Whoever has not said who asks has used them wrongly.

pub mod claim;
pub mod dead_letters;
mod files;
mod judged;
pub mod lint;
mod reach;
pub mod register;
pub mod runs;
pub mod simulate;
pub mod start;
pub mod submit;
pub mod verify_webhook;

pub use reach::Reach;

use crate::{
    context::Context,
    failure::{Exit, Failure},
    report::Report,
};

/// Refused, or invalid.
const REFUSED: Exit = Exit::Decide;
/// The server is not there.
const UNREACHABLE: Exit = Exit::Internal;
/// Nothing to do.
const NOTHING: Exit = Exit::NotFound;

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
    /// Register a definition at a server
    ///
    /// It becomes the next version of its pipeline, and new runs use it, unless you say otherwise. What is registered already is
    /// told with its version. The server's faults and warnings stand beside their lines.
    Register(register::Register),
    /// Begin a run of a pipeline
    Run(start::Start),
    /// Ask for a task, as an agent
    ///
    /// What its publisher wrote is shown as such: it describes a task, and grants nothing.
    Claim(claim::Ask),
    /// Hand a result in, or give the task back, as an agent
    Submit(submit::Submit),
    /// Show runs, wait for one, or check its timeline
    Runs(runs::Runs),
    /// Show tasks that nobody tries any more, try them again, lay them aside
    #[command(subcommand)]
    DeadLetters(dead_letters::DeadLetters),
}

impl Work {
    /// What the command is called in results.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Lint(_) => "work lint",
            Self::Simulate(_) => "work simulate",
            Self::VerifyWebhook(_) => "work verify-webhook",
            Self::Register(_) => "work register",
            Self::Run(_) => "work run",
            Self::Claim(_) => "work claim",
            Self::Submit(_) => "work submit",
            Self::Runs(_) => "work runs",
            Self::DeadLetters(command) => command.name(),
        }
    }

    /// Whether it is done here alone.
    pub const fn is_local(&self) -> bool {
        match self {
            Self::Lint(_) | Self::Simulate(_) | Self::VerifyWebhook(_) => true,
            Self::Register(_)
            | Self::Run(_)
            | Self::Claim(_)
            | Self::Submit(_)
            | Self::Runs(_)
            | Self::DeadLetters(_) => false,
        }
    }
}

pub(super) async fn run(command: &Work, context: &Context) -> Result<Report, Failure> {
    match command {
        Work::Lint(arguments) => lint::run(arguments, context),
        Work::Simulate(arguments) => simulate::run(arguments, context),
        Work::VerifyWebhook(arguments) => verify_webhook::run(arguments, context),
        Work::Register(arguments) => register::run(arguments, context).await,
        Work::Run(arguments) => start::run(arguments, context).await,
        Work::Claim(arguments) => claim::run(arguments, context).await,
        Work::Submit(arguments) => submit::run(arguments, context).await,
        Work::Runs(arguments) => runs::run(arguments, context).await,
        Work::DeadLetters(command) => dead_letters::run(command, context).await,
    }
}
