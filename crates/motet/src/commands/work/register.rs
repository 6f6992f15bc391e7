//! `motet work register`: a definition becomes a version of a pipeline on a server (`spec/work.md` 2, 6).

use std::{fmt::Write as _, path::PathBuf};

use super::{
    REFUSED,
    judged::Document,
    reach::{Reach, undone},
};
use crate::{
    client::{ClientError, Word},
    commands::admin::jobs::result,
    context::Context,
    failure::Failure,
    report::{BAD, ODD, Report},
    visible,
};

/// What can be said with `register`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet work register tides.yaml --publisher tidewater --dry-run
  motet work register tides.yaml --token-file admin-token --host https://forge.example")]
pub struct Register {
    /// The definition: JSON if it ends in .json, else YAML; - is standard input
    pub file: PathBuf,
    /// Whose pipeline it is; me is the publisher of the token
    #[arg(long, value_name = "PUBLISHER", default_value = "me")]
    pub publisher: Word,
    /// Answer as if, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Let new runs go on with the version that they use now
    #[arg(long)]
    pub no_activate: bool,
    /// Which server.
    #[command(flatten)]
    pub reach: Reach,
}

pub(super) async fn run(arguments: &Register, context: &Context) -> Result<Report, Failure> {
    let Register { file, publisher, dry_run, no_activate, reach } = arguments;
    let document = Document::read(file, context)?;
    let client = reach.client(context)?;
    let definition = (document.media_type(), document.bytes().to_vec());
    let asked = client.register_pipeline(publisher, definition, (*dry_run, !*no_activate)).await;
    let made = match asked {
        Ok(made) => made,
        Err(ClientError::Refused(refusal))
            if refusal.status == 422 && !refusal.errors.is_empty() =>
        {
            let faults = refusal.errors.iter();
            let faults =
                faults.map(|it| (it.pointer.as_str(), it.code.as_str(), it.message.as_str()));
            let faults = document.placed(faults);
            let text = document.told((BAD, "fault"), &faults);
            let result = serde_json::json!({ "registered": null, "faults": result(&faults)? });
            return Ok(Report { exit: REFUSED, ..Report::answer(result, text) });
        }
        Err(error) => return Err(undone(error)),
    };
    let warnings = made.warnings.iter();
    let warnings = warnings.map(|it| (it.pointer.as_str(), it.code.as_str(), it.message.as_str()));
    let mut text = document.told((ODD, "warning"), &document.placed(warnings));
    let (id, sha256) = (visible(&made.id), visible(&made.definition_sha256));
    let is = if made.dry_run { "would be" } else { "is" };
    // Writing into a text does not fail.
    writeln!(text, "{id} {is} version {} {sha256}", made.version).unwrap_or_default();
    if let Some(current) = made.current_version.filter(|it| *it != made.version) {
        // The same.
        writeln!(text, "new runs use version {current}").unwrap_or_default();
    }
    let result = serde_json::json!({ "registered": result(&made)?, "faults": [] });
    Ok(Report::news(result, text))
}
