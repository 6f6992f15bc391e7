//! Which server is asked, and on whose word; and how a command ends that was not done there.

use std::path::PathBuf;

use api::FieldProblem;
use names::Secret;
use serde_json::json;

use super::{REFUSED, UNREACHABLE, files};
use crate::{
    client::{Client, ClientError, Origin},
    commands::admin::jobs::result,
    context::Context,
    failure::{Exit, Failure},
    report::{BAD, Report},
};

/// Which server, and what is shown to it.
#[derive(Debug, clap::Args)]
pub struct Reach {
    /// The server, if you are registered at several
    #[arg(long, value_name = "ADDRESS")]
    pub host: Option<Origin>,
    /// A file with the token of a publisher or of an agent, shown instead of signing with your key
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

impl Reach {
    /// Who speaks to the server.
    pub(super) fn client(&self, context: &Context) -> Result<Client, Failure> {
        let origin = context.which_origin(self.host.as_ref()).map_err(without_account)?;
        let Some(file) = &self.token_file else {
            return Ok(context.signed_in(&origin).map_err(without_account)?.1);
        };
        let tokens = files::secrets(file, context)?;
        let [token] = tokens.as_slice() else {
            return Err(Failure::usage("no_token", "a file with one token is wanted"));
        };
        Ok(context.client(&origin, None)?.with_token(Secret::new(token.expose().clone())))
    }
}

/// Whoever is registered nowhere has not said who asks.
fn without_account(failure: Failure) -> Failure {
    match failure.exit {
        Exit::NotAllowed => Failure { exit: Exit::Usage, ..failure },
        _ => failure,
    }
}

/// What the server said or did not say, with the exit codes of `spec/work.md` 16.
pub(super) fn undone(error: ClientError) -> Failure {
    let is_answer = matches!(&error, ClientError::Refused(_) | ClientError::Unbelievable { .. });
    let failure = Failure::from(error);
    let exit = match failure.exit {
        _ if is_answer => REFUSED,
        Exit::Refused => UNREACHABLE,
        Exit::NotAllowed => Exit::Usage,
        other => other,
    };
    Failure { exit, ..failure }
}

/// The same for what was refused with faults: they are told one by one.
pub(super) fn refused(error: ClientError) -> Result<Report, Failure> {
    let ClientError::Refused(refusal) = &error else { return Err(undone(error)) };
    if refusal.status != 422 || refusal.errors.is_empty() {
        return Err(undone(error));
    }
    // They are fit to be printed since they were read.
    let line = |it: &FieldProblem| {
        let FieldProblem { pointer, code, message } = it;
        format!("{BAD}fault{BAD:#} {code} {pointer}: {message}\n")
    };
    let text = refusal.errors.iter().map(line).collect::<String>();
    let result = json!({ "faults": result(&refusal.errors)? });
    Ok(Report { exit: REFUSED, ..Report::answer(result, text) })
}
