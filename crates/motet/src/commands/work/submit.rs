//! `motet work submit`: an agent hands a result in, or gives its task back.

use std::path::PathBuf;

use api::json::{ReleaseClaim, SubmitResult};
use pipelines_core::name::ClaimId;
use serde_json::json;

use super::{
    files,
    reach::{Reach, refused, undone},
};
use crate::{
    commands::admin::jobs::result, context::Context, failure::Failure, report::Report, visible,
};

/// The longest result that there is.
const MAX_BYTES: usize = 10 << 20;

/// Why a task is given back.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum Reason {
    /// This agent stops; somebody else can do it
    #[value(name = "handed_back")]
    HandedBack,
    /// It was tried, and failed
    #[value(name = "failed")]
    Failed,
    /// Something outside stands in the way
    #[value(name = "blocked")]
    Blocked,
    /// The instructions are unsafe
    #[value(name = "refused")]
    Refused,
}

impl Reason {
    const fn as_str(self) -> &'static str {
        match self {
            Self::HandedBack => "handed_back",
            Self::Failed => "failed",
            Self::Blocked => "blocked",
            Self::Refused => "refused",
        }
    }
}

/// What can be said with `submit`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet work submit 019300a0-0000-7000-8000-0000000000d1 result.json --token-file agent-token
  motet work submit 019300a0-0000-7000-8000-0000000000d1 --release blocked --detail \"the site is down\"")]
pub struct Submit {
    /// The claim, as `motet work claim` shows it
    pub claim: ClaimId,
    /// The result, as JSON; - is standard input
    #[arg(required_unless_present = "release", conflicts_with = "release")]
    pub file: Option<PathBuf>,
    /// What else to say, for the publisher
    #[arg(long, value_name = "TEXT", conflicts_with = "release")]
    pub notes: Option<String>,
    /// Give the task back instead
    #[arg(long, value_name = "REASON")]
    pub release: Option<Reason>,
    /// What happened, in words
    #[arg(long, value_name = "TEXT", requires = "release")]
    pub detail: Option<String>,
    /// What failed, in a word of your own
    #[arg(long, value_name = "WORD", requires = "release")]
    pub code: Option<String>,
    /// Not to be tried before so many seconds
    #[arg(long, value_name = "SECONDS", requires = "release")]
    pub retry_after: Option<u64>,
    /// Which server.
    #[command(flatten)]
    pub reach: Reach,
}

pub(super) async fn run(arguments: &Submit, context: &Context) -> Result<Report, Failure> {
    let (claim, reach) = (arguments.claim, &arguments.reach);
    let Some(file) = &arguments.file else {
        let release = ReleaseClaim {
            reason: arguments.release.map(|it| it.as_str().to_owned()),
            code: arguments.code.clone(),
            detail: arguments.detail.clone(),
            retry_after_s: arguments.retry_after,
            ..ReleaseClaim::default()
        };
        let released = reach.client(context)?.release_claim(claim, &release).await;
        let released = released.map_err(undone)?;
        let text = format!("given back; the task is {}\n", visible(&released.task_state));
        return Ok(Report::news(json!({ "released": result(&released)? }), text));
    };
    let result_of = SubmitResult {
        result: files::json(file, MAX_BYTES, context)?,
        notes: arguments.notes.clone(),
        usage: None,
        fence: None,
    };
    let submitted = match reach.client(context)?.submit_result(claim, &result_of).await {
        Ok(submitted) => submitted,
        Err(error) => return refused(error),
    };
    let [verdict, task, run] =
        [&submitted.verdict, &submitted.task_state, &submitted.run_state].map(|it| visible(it));
    let again = if submitted.repeated { ", as before" } else { "" };
    let text = format!("{verdict}{again}; the task is {task}, the run {run}\n");
    Ok(Report::news(json!({ "submitted": result(&submitted)? }), text))
}
