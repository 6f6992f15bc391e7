//! `motet show`: a commit with what it changed.

use history::worktree::Paths;
use serde_json::{Value, json};

use super::{
    log::{changed, ref_names},
    patch::{Newer, Shown, patch},
    working::{commit_value, told_commit},
};
use crate::{context::Context, failure::Failure, report::Report};

/// What can be said with the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet show
  motet show draft~1 --stat")]
pub struct Show {
    /// A branch, a tag, a commit; HEAD if left out
    #[arg(value_name = "REVISION", default_value = "HEAD", hide_default_value = true)]
    pub revision: String,
    /// How much is shown of what changed
    #[command(flatten)]
    pub shown: Shown,
}

pub(super) fn run(arguments: &Show, context: &Context) -> Result<Report, Failure> {
    let copy = context.working_copy()?;
    let id = copy.resolve(&arguments.revision)?;
    let record = copy.known(&id)?;
    let found =
        patch(&copy, &changed(&copy, &record, &Paths::default())?, Newer::Stored, arguments.shown)?;
    let names = ref_names(&copy)?;
    let mut text = told_commit(&record, names.get(&id).map_or("", String::as_str));
    let labels: Vec<_> = copy
        .labels()?
        .into_iter()
        .filter(|label| label.commit == id)
        .map(|label| label.text)
        .collect();
    for label in &labels {
        text.extend([format!("\n    label: {}", crate::visible(label))]);
    }
    text.push('\n');
    text.push_str(&found.text);
    let mut result = json!({ "commit": commit_value(&record), "labels": labels });
    if let Value::Object(fields) = &mut result {
        fields.insert("files".to_owned(), Value::Array(found.files));
    }
    Ok(Report { is_long: true, ..Report::answer(result, text) })
}
