//! `motet invite`: invitations to an install and into organizations (`spec/trust.md` 1, 5).

use std::{
    fs::File,
    io::{Read as _, stdin},
    path::PathBuf,
};

use names::Secret;

use super::admin::{Reach, jobs::result};
use crate::{client::Origin, context::Context, failure::Failure, report::Report, visible};

/// The longest code that is read, in bytes.
const MAX_CODE_BYTES: usize = 1024;

/// What to do with invitations.
#[derive(Debug, clap::Subcommand)]
pub enum Invites {
    /// Join the organization that you were invited into
    ///
    /// The code is read from a file or from standard input: what is typed as an argument, others can see.
    Accept(Accept),
    /// Invite somebody to register: prints a code that works once, for a week
    ///
    /// As the operator, on the machine of the server; or from elsewhere as an install admin.
    Create(Create),
}

/// What can be said with `accept`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet invite accept < code
  motet invite accept --code-file code --host https://forge.example")]
pub struct Accept {
    /// A file with the code; standard input if left out
    #[arg(long, value_name = "FILE")]
    pub code_file: Option<PathBuf>,
    /// The server, if you are registered at several
    #[arg(long, value_name = "ADDRESS")]
    pub host: Option<Origin>,
}

/// What can be said with `create`.
#[derive(Debug, clap::Args)]
pub struct Create {
    /// Which server.
    #[command(flatten)]
    pub reach: Reach,
}

impl Invites {
    /// What the command is called in results.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Accept(_) => "invite accept",
            Self::Create(_) => "invite create",
        }
    }
}

pub(super) async fn run(command: &Invites, context: &Context) -> Result<Report, Failure> {
    match command {
        Invites::Accept(Accept { code_file, host }) => {
            let (_, client) = context.signed_in(&context.which_origin(host.as_ref())?)?;
            let code = read_code(code_file.as_ref(), context)?;
            let joined = client.accept_invite(code.expose().trim()).await?;
            let (organization, role) = (visible(&joined.organization), visible(&joined.role));
            Ok(Report::news(result(&joined)?, format!("you are {role} of {organization} now")))
        }
        Invites::Create(Create { reach }) => {
            let made = reach.client(context)?.invite_newcomer().await?;
            Ok(Report::answer(result(&made)?, visible(made.code.as_deref().unwrap_or_default())))
        }
    }
}

/// A code out of a file, or from standard input.
pub(super) fn read_code(
    file: Option<&PathBuf>,
    context: &Context,
) -> Result<Secret<String>, Failure> {
    let mut text = String::with_capacity(MAX_CODE_BYTES);
    let read = match file {
        Some(file) => {
            let path = context.at(file);
            let file = File::open(&path).map_err(|error| {
                Failure::usage("no_code", format!("{}: {error}", path.display()))
            })?;
            file.take(MAX_CODE_BYTES as u64).read_to_string(&mut text)
        }
        None => stdin().lock().take(MAX_CODE_BYTES as u64).read_to_string(&mut text),
    };
    let text = Secret::new(text);
    read?;
    Ok(text)
}
