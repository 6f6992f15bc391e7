//! `motet demo-history`: a working copy with a history to look at.

use std::path::PathBuf;

use serde_json::json;

use crate::{context::Context, demo, failure::Failure, report::Report, visible};

/// What can be said with the command.
#[derive(Debug, clap::Args)]
pub struct DemoHistory {
    /// The directory to make
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,
}

pub(super) fn run(arguments: &DemoHistory, context: &Context) -> Result<Report, Failure> {
    let directory = context.at(&arguments.directory);
    let made = demo::generate(&directory, &context.random)?;
    let shown = visible(&directory.to_string_lossy());
    let heads: serde_json::Map<_, _> =
        made.heads.iter().map(|(branch, commit)| (branch.to_string(), json!(commit))).collect();
    let text = format!("made {shown} with {} commits on {} branches", made.commits, heads.len());
    let result = json!({ "directory": shown, "commits": made.commits, "heads": heads });
    Ok(Report::news(result, text))
}
