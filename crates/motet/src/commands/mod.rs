//! The commands, one file each: its arguments, and what it does.

pub mod admin;
pub mod agent;
pub mod audit;
pub mod blame;
pub mod branch;
pub mod checkout;
pub mod clone;
pub mod commit;
pub mod completions;
pub mod demo_history;
pub mod diff;
pub mod doctor;
pub mod fetch;
pub mod git_credential;
pub mod import_dir;
pub mod init;
pub mod invite;
pub mod key;
pub mod keygen;
mod lanes;
pub mod log;
pub mod login;
pub mod manual;
pub mod me;
pub mod merge;
pub mod org;
pub mod patch;
pub mod pull;
pub mod push;
pub mod register;
pub mod remote;
pub mod repo;
pub mod restore;
pub mod search;
pub mod serve;
pub mod show;
pub mod status;
pub mod tag;
pub mod token;
pub mod verify;
pub mod whoami;
pub mod work;
mod working;

use history::worktree::{Head, WorkingCopy, WorktreeError};
use names::BranchName;

use crate::{cli::Command, context::Context, failure::Failure, report::Report};

/// Does what was typed.
pub(crate) async fn dispatch(command: Command, context: &Context) -> Result<Report, Failure> {
    match command {
        Command::Keygen(arguments) => keygen::run(&arguments, context),
        Command::Register(arguments) => register::run(&arguments, context).await,
        Command::Whoami(arguments) => whoami::run(&arguments, context).await,
        Command::Login(arguments) => login::run(&arguments, context).await,
        Command::Me(command) => me::run(&command, context).await,
        Command::Token(command) => token::run(&command, context).await,
        Command::Key(command) => key::run(&command, context).await,
        Command::Agent(command) => agent::run(&command, context).await,
        Command::Org(command) => org::run(&command, context).await,
        Command::Invite(command) => invite::run(&command, context).await,
        Command::Repo(command) => repo::run(&command, context).await,
        Command::Search(arguments) => search::run(&arguments, context).await,
        Command::Work(command) => work::run(&command, context).await,
        Command::Init(arguments) => init::run(&arguments, context),
        Command::Status(arguments) => status::run(&arguments, context),
        Command::Commit(arguments) => commit::run(&arguments, context),
        Command::Log(arguments) => log::run(&arguments, context),
        Command::Show(arguments) => show::run(&arguments, context),
        Command::Diff(arguments) => diff::run(&arguments, context),
        Command::Blame(arguments) => blame::run(&arguments, context),
        Command::Branch(arguments) => branch::run(&arguments, context),
        Command::Checkout(arguments) => checkout::run(&arguments, context),
        Command::Restore(arguments) => restore::run(&arguments, context),
        Command::Merge(arguments) => merge::run(&arguments, context),
        Command::Tag(arguments) => tag::run(&arguments, context),
        Command::Remote(command) => remote::run(&command, context),
        Command::Push(arguments) => push::run(&arguments, context).await,
        Command::Fetch(arguments) => fetch::run(&arguments, context).await,
        Command::Pull(arguments) => pull::run(&arguments, context).await,
        Command::Verify(arguments) => verify::run(&arguments, context).await,
        Command::Clone(arguments) => clone::run(&arguments, context).await,
        Command::Admin(command) => admin::run(&command, context).await,
        Command::Audit(command) => audit::run(&command, context).await,
        Command::Serve(arguments) => serve::run(*arguments).await,
        Command::GitCredential(arguments) => git_credential::run(&arguments, context).await,
        Command::Doctor(arguments) => doctor::run(&arguments, context).await,
        Command::Completions(arguments) => Ok(completions::run(&arguments)),
        Command::Manual(arguments) => manual::run(&arguments, context),
        Command::ImportDir(arguments) => import_dir::run(&arguments, context),
        Command::DemoHistory(arguments) => demo_history::run(&arguments, context),
    }
}

/// Puts a fresh working copy on `branch`, and removes the one that it was made with.
pub(crate) fn begin_on(copy: &WorkingCopy, branch: &BranchName) -> Result<(), WorktreeError> {
    if let Head::Branch(first) = copy.head()?
        && first != *branch
    {
        // Removed first: one may be a directory of the other.
        copy.delete_branch(&first)?;
        copy.set_branch_head(branch, None)?;
        copy.set_head(&Head::Branch(branch.clone()))?;
    }
    Ok(())
}

/// A number with its noun, as `1 commit` or `2 commits`.
fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// A number of bytes, for people.
fn sized(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return counted(bytes, "byte");
    }
    let (mut tenths, mut unit) = (bytes / 1024 * 10 + bytes % 1024 * 10 / 1024, 0);
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    let unit = UNITS.get(unit).copied().unwrap_or_default();
    if tenths < 100 {
        format!("{}.{} {unit}", tenths / 10, tenths % 10)
    } else {
        format!("{} {unit}", tenths / 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1023 bytes"),
            (1024, "1.0 KiB"),
            (10_240, "10 KiB"),
            (5_242_880, "5.0 MiB"),
            (u64::MAX, "16777215 TiB"),
        ] {
            assert_eq!(sized(bytes), text);
        }
    }
}
