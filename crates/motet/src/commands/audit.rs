//! `motet audit`: whether the log of what was done is whole.
//!
//! The check runs here, over the lines of an export, so that no server has to be believed: a file needs none at all.

use std::{fs::File, io::Read as _, path::PathBuf};

use names::Handle;
use serde_json::json;
use server::audit::{LineVerifier, Verdict};

use super::admin::{Reach, audit::save, refused};
use crate::{
    client::Origin,
    context::Context,
    failure::{Exit, Failure},
    report::Report,
    visible,
};

/// What is read of a file at once.
const PART_BYTES: usize = 64 << 10;

/// What to do with the log.
#[derive(Debug, clap::Subcommand)]
pub enum Audit {
    /// Check that no row was changed, removed, exchanged or cut off
    Verify(Verify),
    /// Write the log of an organization into a new file, to be checked anywhere
    Export(Export),
}

/// What can be said with `export`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The log of the whole install: motet admin audit export

Examples:
  motet audit export --org choir choir.jsonl --host https://forge.example")]
pub struct Export {
    /// The file; it must not be there yet
    pub file: PathBuf,
    /// Whose log: an organization that you run
    #[arg(long = "org", value_name = "HANDLE")]
    pub organization: Handle,
    /// Which server.
    #[arg(
        long,
        value_name = "ADDRESS",
        help = "Which server; that of this directory, or the only one that you are registered at"
    )]
    pub host: Option<Origin>,
}

/// What can be said with `verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Ends with 0 if the log is whole, with 3 if it is broken, with 4 if its end is missing or not signed.

Examples:
  motet audit verify --data-dir /srv/motet
  motet audit verify --org choir --host https://forge.example
  motet audit verify --file audit.jsonl")]
pub struct Verify {
    /// An export to check, without a server
    #[arg(long, value_name = "FILE", conflicts_with_all = ["data_dir", "host"])]
    pub file: Option<PathBuf>,
    /// The log of an organization that you run, instead of the install's
    #[arg(long = "org", value_name = "HANDLE", conflicts_with_all = ["file", "data_dir"])]
    pub organization: Option<Handle>,
    /// Which server.
    #[command(flatten)]
    pub reach: Reach,
}

impl Audit {
    /// What the command is called in results.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Verify(_) => "audit verify",
            Self::Export(_) => "audit export",
        }
    }
}

pub(super) async fn run(command: &Audit, context: &Context) -> Result<Report, Failure> {
    match command {
        Audit::Verify(arguments) => verify(arguments, context).await,
        Audit::Export(Export { file, organization, host }) => {
            let (_, client) = context.signed_in(&context.which_origin(host.as_ref())?)?;
            save(&client, Some(organization), file, context).await
        }
    }
}

async fn verify(arguments: &Verify, context: &Context) -> Result<Report, Failure> {
    let Verify { file, organization, reach } = arguments;
    let mut verifier = LineVerifier::default();
    let mut found = None;
    if let Some(path) = file {
        let mut file = File::open(context.at(path))?;
        let mut part = vec![0; PART_BYTES];
        loop {
            let count = file.read(&mut part)?;
            let part = part.get(..count).unwrap_or_default();
            if part.is_empty() || look(&mut verifier, &mut found, part) {
                break;
            }
        }
    } else {
        let client = match organization {
            None => reach.client(context)?,
            // An organization is run by those who are in it, never by the operator.
            Some(_) => context.signed_in(&context.which_origin(reach.host.as_ref())?)?.1,
        };
        // Read to its end also where it is broken: the connection stays in order.
        let each = |part: &[u8]| {
            look(&mut verifier, &mut found, part);
            Ok(())
        };
        client.export_audit(organization.as_ref(), each).await.map_err(refused)?;
    }
    let verdict = found.unwrap_or_else(|| verifier.finish());
    Ok(told(&verdict, verifier.signed_by()))
}

/// Looks at the next part, unless the last word was said; whether it is.
fn look(verifier: &mut LineVerifier, found: &mut Option<Verdict>, part: &[u8]) -> bool {
    if found.is_none() {
        *found = verifier.push(part).err();
    }
    found.is_some()
}

/// The exit codes are those that `spec/trust.md` 11 gives to this command.
fn told(verdict: &Verdict, signed_by: Option<&str>) -> Report {
    let key = visible(signed_by.unwrap_or("no key"));
    match verdict {
        Verdict::Whole { rows, last, signed } => {
            let text = format!("whole: {rows} rows up to {last}, signed up to {signed} by {key}\n");
            let result = json!({ "state": "whole", "rows": rows, "last": last, "signed": signed, "signed_by": signed_by });
            Report::answer(result, text)
        }
        Verdict::Broken { seq, why } => {
            let text = format!("broken at row {seq}: {why}\n");
            let result = json!({ "state": "broken", "seq": seq, "why": why.to_string() });
            Report { exit: Exit::Internal, ..Report::answer(result, text) }
        }
        Verdict::HeadMissing { seq, why } => {
            let text = format!("head missing at row {seq}: {why}\n");
            let result = json!({ "state": "head_missing", "seq": seq, "why": why.to_string() });
            Report { exit: Exit::NotFound, ..Report::answer(result, text) }
        }
    }
}
