//! `motet audit`: whether the log of what was done is whole.
//!
//! The check runs here, over the lines of an export, so that no server has to be believed: a file needs none at all.

use std::{fs::File, io::Read as _, path::PathBuf};

use serde_json::json;
use server::audit::{LineVerifier, Verdict};

use super::admin::{Reach, refused};
use crate::{
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
}

/// What can be said with `verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Ends with 0 if the log is whole, with 3 if it is broken, with 4 if its end is missing or not signed.

Examples:
  motet audit verify --data-dir /srv/motet
  motet audit verify --file audit.jsonl")]
pub struct Verify {
    /// An export to check, without a server
    #[arg(long, value_name = "FILE", conflicts_with_all = ["data_dir", "host"])]
    pub file: Option<PathBuf>,
    /// Which server.
    #[command(flatten)]
    pub reach: Reach,
}

impl Audit {
    /// What the command is called in results.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Verify(_) => "audit verify",
        }
    }
}

pub(super) async fn run(command: &Audit, context: &Context) -> Result<Report, Failure> {
    let Audit::Verify(Verify { file, reach }) = command;
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
        let client = reach.client(context)?;
        // Read to its end also where it is broken: the connection stays in order.
        let each = |part: &[u8]| {
            look(&mut verifier, &mut found, part);
            Ok(())
        };
        client.export_audit(each).await.map_err(refused)?;
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
