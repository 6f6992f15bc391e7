//! `motet doctor`: whether everything is as it should be.

use std::{
    fmt::Write as _,
    process::{Command, Stdio},
};

use history::worktree::WorkingCopy;
use names::ObjectId;
use serde_json::json;

use crate::{
    client::{Client, ClientError, Origin},
    context::{Context, not_signed_in},
    failure::{Exit, Failure},
    report::{BAD, GOOD, ODD, Report},
    store::{Account, Credential, load_key},
    visible,
};

/// What the server takes (`spec/trust.md` 3.2).
const MAX_SKEW_SECONDS: u64 = 30;
/// From where a difference of the clocks is worth a look.
const ODD_SKEW_SECONDS: u64 = 5;

/// What can be said with the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet doctor
  motet doctor https://forge.example")]
pub struct Doctor {
    /// The server; the one that this working copy came from if left out
    #[arg(value_name = "ADDRESS")]
    pub origin: Option<Origin>,
}

/// How one check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Ok,
    Warn,
    Fail,
}

/// The lines so far.
#[derive(Debug, Default)]
struct Checks {
    lines: Vec<(State, &'static str, String)>,
    is_unreachable: bool,
}

impl Checks {
    fn add(&mut self, state: State, what: &'static str, found: impl Into<String>) {
        self.lines.push((state, what, found.into()));
    }

    fn fail(&mut self, what: &'static str, failure: &Failure) {
        let hint = failure.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        self.add(State::Fail, what, format!("{}{hint}", failure.message));
    }

    fn report(self) -> Report {
        let is_bad = self.lines.iter().any(|(state, _, _)| *state == State::Fail);
        let mut text = String::new();
        let mut checks = Vec::new();
        for (state, what, found) in self.lines {
            let (style, word) = match state {
                State::Ok => (GOOD, "ok"),
                State::Warn => (ODD, "warn"),
                State::Fail => (BAD, "fail"),
            };
            // Writing into a text does not fail.
            writeln!(text, "{style}{word:<4}{style:#}  {what:<13}  {found}").unwrap_or_default();
            checks.push(json!({ "check": what, "state": word, "found": found }));
        }
        let exit = match (self.is_unreachable, is_bad) {
            (true, _) => Exit::Refused,
            (false, true) => Exit::Decide,
            (false, false) => Exit::Done,
        };
        Report { exit, ..Report::answer(json!({ "checks": checks }), text) }
    }
}

pub(super) async fn run(arguments: &Doctor, context: &Context) -> Result<Report, Failure> {
    let mut checks = Checks::default();
    check_store(context, &mut checks);
    match context.which_origin(arguments.origin.as_ref()) {
        Ok(origin) => check_host(&origin, context, &mut checks).await,
        Err(failure) if failure.code == "not_signed_in" => {
            checks.add(State::Warn, "server", "none known yet (motet register <address> <handle>)");
        }
        Err(failure) => checks.fail("server", &failure),
    }
    check_working_copy(context, &mut checks);
    check_git(&mut checks);
    Ok(checks.report())
}

fn check_store(context: &Context, checks: &mut Checks) {
    let path = visible(&context.store.path().to_string_lossy());
    match context.store.accounts() {
        Ok(_) if !context.store.path().is_dir() => {
            checks.add(
                State::Warn,
                "configuration",
                format!("{path} is not there yet (motet keygen)"),
            );
        }
        Ok(accounts) => {
            let known = super::counted(accounts.len() as u64, "server");
            checks.add(State::Ok, "configuration", format!("{path}, yours alone, {known}"));
        }
        Err(error) => checks.fail("configuration", &error.into()),
    }
}

async fn check_host(origin: &Origin, context: &Context, checks: &mut Checks) {
    let account = match context.store.account(origin) {
        Ok(Some(account)) => Some(account),
        Ok(None) => {
            checks.fail("key", &not_signed_in(origin));
            None
        }
        // Told above.
        Err(_) => None,
    };
    let client = match &account {
        Some(account) => look_at_credential(context, account, checks)
            .and_then(|()| context.signed_in(origin).map(|(_, client)| client).ok()),
        None => None,
    };
    let is_signed = client.is_some();
    match client.map_or_else(|| context.client(origin, None), Ok) {
        Ok(client) => {
            let is_there = check_server(&client, checks).await;
            if let Some(account) = account.filter(|_| is_there && is_signed) {
                check_signature(&client, &account, checks).await;
            }
        }
        Err(failure) => checks.fail("server", &failure),
    }
}

/// Whether the file of the key or token of an account can be used.
fn look_at_credential(context: &Context, account: &Account, checks: &mut Checks) -> Option<()> {
    let looked = match &account.credential {
        Credential::Key(file) => load_key(file)
            .map(|key| format!("{}, {}", visible(&file.to_string_lossy()), key.fingerprint())),
        Credential::Token(file) => {
            context.store.load_token(file).map(|_| format!("{}, a token", visible(file)))
        }
    };
    match looked {
        Ok(found) => {
            checks.add(State::Ok, "key", found);
            Some(())
        }
        Err(error) => {
            checks.fail("key", &error.into());
            None
        }
    }
}

/// Whether the server is there.
async fn check_server(client: &Client, checks: &mut Checks) -> bool {
    let origin = client.origin();
    let time = match client.server_time().await {
        Ok(time) => time,
        Err(error) => {
            checks.is_unreachable = true;
            checks.fail("server", &error.into());
            return false;
        }
    };
    if (200..300).contains(&time.status) {
        checks.add(State::Ok, "server", format!("{origin} is there and healthy"));
    } else {
        let found = format!("{origin} is there; its health page answers {}", time.status);
        checks.add(State::Warn, "server", found);
    }
    let Some(ahead) = time.ahead_seconds else {
        checks.add(State::Warn, "clock", format!("{origin} does not tell its time"));
        return true;
    };
    let (state, found) = match ahead.unsigned_abs() {
        0..ODD_SKEW_SECONDS => (State::Ok, "as the server's".to_owned()),
        by => {
            let state = if by > MAX_SKEW_SECONDS { State::Fail } else { State::Warn };
            let side = if ahead > 0 { "behind" } else { "ahead of" };
            (state, format!("{by} s {side} the server's; set this machine's clock"))
        }
    };
    checks.add(state, "clock", found);
    true
}

async fn check_signature(client: &Client, account: &Account, checks: &mut Checks) {
    match client.me().await {
        Ok(me) if me.principal.handle == account.handle.as_str() => {
            checks.add(State::Ok, "signature", format!("accepted, you are {}", account.handle));
        }
        Ok(me) => {
            let found = format!(
                "the key belongs to {}, not to {}",
                visible(&me.principal.handle),
                account.handle
            );
            checks.add(State::Fail, "signature", found);
        }
        Err(error) => {
            let is_gone =
                matches!(error, ClientError::Unreachable { .. } | ClientError::TimedOut { .. });
            checks.is_unreachable |= is_gone;
            checks.fail("signature", &error.into());
        }
    }
}

fn check_working_copy(context: &Context, checks: &mut Checks) {
    const WHAT: &str = "working copy";
    match context.find_working_copy() {
        Ok(None) => checks.add(State::Ok, WHAT, "none here"),
        Ok(Some(copy)) => match look_into(&copy) {
            Ok((state, found)) => checks.add(state, WHAT, found),
            Err(failure) => checks.fail(WHAT, &failure),
        },
        Err(failure) => checks.fail(WHAT, &failure),
    }
}

/// Follows every branch to its files.
fn look_into(copy: &WorkingCopy) -> Result<(State, String), Failure> {
    let path = visible(&copy.path().to_string_lossy());
    copy.config()?;
    copy.ignore()?;
    let branches = copy.branches()?;
    let mut objects = std::collections::BTreeSet::<ObjectId>::new();
    for (_, commit) in &branches {
        objects.extend(copy.manifest_of(*commit)?.into_values());
    }
    let head = copy.head_commit()?;
    copy.manifest_of(head)?;
    let mut missing = 0_u64;
    for object in &objects {
        // Read to the end, so that each is compared with its id.
        let is_here = copy.copy_object(object, |_| Ok(()))?;
        missing += u64::from(!is_here);
    }
    let branches = match branches.len() {
        1 => "1 branch".to_owned(),
        many => format!("{many} branches"),
    };
    if missing > 0 {
        let missing = super::counted(missing, "object");
        return Ok((State::Fail, format!("{path}, {branches}; {missing} of them missing")));
    }
    let objects = super::counted(objects.len() as u64, "object");
    Ok((State::Ok, format!("{path}, {branches}, {objects} checked")))
}

fn check_git(checks: &mut Checks) {
    let asked = Command::new("git").arg("--version").stdin(Stdio::null()).output();
    let found = match asked {
        Ok(output) if output.status.success() => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            format!("{}; not needed here", visible(text.trim()))
        }
        Ok(_) | Err(_) => "not there; not needed here".to_owned(),
    };
    checks.add(State::Ok, "git", found);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_says_the_worst() {
        let with = |state, is_unreachable| {
            let mut checks = Checks { is_unreachable, ..Checks::default() };
            checks.add(State::Ok, "git", "there");
            checks.add(state, "server", "…");
            checks.report().exit as u8
        };
        assert_eq!(with(State::Ok, false), 0);
        assert_eq!(with(State::Warn, false), 0);
        assert_eq!(with(State::Fail, false), 1);
        assert_eq!(with(State::Fail, true), 5);
    }
}
