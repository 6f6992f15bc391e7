//! `motet admin jobs`: background work that waits, runs or failed.

use std::fmt::Write as _;

use api::json::{Job, JobCounts, JobDetail};
use clap::ValueEnum;
use serde_json::json;

use super::{Reach, refused, table::table};
use crate::{
    client::{JobId, Word},
    context::Context,
    failure::{Exit, Failure},
    report::Report,
    visible,
};

/// What of an error stands in a table, in characters; `show` has all of it.
const SHORT_ERROR_CHARS: usize = 80;

/// What to do with jobs.
#[derive(Debug, clap::Subcommand)]
pub enum Jobs {
    /// Show the jobs in one state, newest first
    List(List),
    /// Show a job whole, with what it carries
    Show(One),
    /// Make a dead job due at once, with all its tries before it
    Retry(One),
    /// Forget a dead job
    Delete(One),
}

/// What can be said with `list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet admin jobs list --data-dir /srv/motet
  motet admin jobs list --state ready --json")]
pub struct List {
    /// Which jobs: ready, running or dead
    #[arg(long, value_enum, default_value = "dead", hide_possible_values = true)]
    pub state: State,
    /// How many, at most 100
    #[arg(long, value_name = "N", default_value = "30", value_parser = clap::value_parser!(u16).range(1..=100))]
    pub limit: u16,
    /// Go on where another list ended
    #[arg(long, value_name = "CURSOR")]
    pub cursor: Option<Word>,
    /// Which server.
    #[command(flatten)]
    pub reach: Reach,
}

/// What can be said with the other commands.
#[derive(Debug, clap::Args)]
pub struct One {
    /// The job's id
    pub id: JobId,
    /// Which server.
    #[command(flatten)]
    pub reach: Reach,
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum State {
    /// Waits for its time or for a free hand.
    Ready,
    /// In somebody's hands.
    Running,
    /// Failed for the last time.
    Dead,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Dead => "dead",
        }
    }
}

impl Jobs {
    /// What the command is called in results.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::List(_) => "admin jobs list",
            Self::Show(_) => "admin jobs show",
            Self::Retry(_) => "admin jobs retry",
            Self::Delete(_) => "admin jobs delete",
        }
    }
}

pub(super) async fn run(command: &Jobs, context: &Context) -> Result<Report, Failure> {
    match command {
        Jobs::List(arguments) => list(arguments, context).await,
        Jobs::Show(One { id, reach }) => {
            let found = reach.client(context)?.job(*id).await.map_err(refused)?;
            Ok(Report::answer(result(&found)?, detail(&found)))
        }
        Jobs::Retry(One { id, reach }) => {
            let job = reach.client(context)?.retry_job(*id).await.map_err(refused)?;
            let text = format!("{id} is due again ({})", visible(&job.kind));
            Ok(Report::news(result(&job)?, text))
        }
        Jobs::Delete(One { id, reach }) => {
            reach.client(context)?.delete_job(*id).await.map_err(refused)?;
            Ok(Report::news(json!({ "id": id, "deleted": true }), format!("{id} is forgotten")))
        }
    }
}

async fn list(arguments: &List, context: &Context) -> Result<Report, Failure> {
    let List { state, limit, cursor, reach } = arguments;
    let client = reach.client(context)?;
    let page = client.jobs(state.word(), *limit, cursor.as_ref()).await.map_err(refused)?;
    let mut text = summary(&page.counts);
    if !page.items.is_empty() {
        let head = ["ID", "KIND", "TRIES", "DUE", "LAST ERROR"];
        text += &table(head, &page.items.iter().map(row).collect::<Vec<_>>());
    }
    if let Some(next) = &page.next_cursor {
        text += &["more: --state ", state.word(), " --cursor ", &visible(next), "\n"].concat();
    }
    Ok(Report::answer(result(&page)?, text))
}

/// As JSON.
pub(in crate::commands) fn result(
    found: &impl serde::Serialize,
) -> Result<serde_json::Value, Failure> {
    serde_json::to_value(found).map_err(|error| Failure::new(Exit::Internal, "json", error))
}

fn summary(counts: &JobCounts) -> String {
    let JobCounts { ready, due, running, dead, posted, oldest_due_at } = counts;
    let since = oldest_due_at.as_deref().map(|at| format!(" since {}", visible(at)));
    let posted = if *posted > 0 { format!(", {posted} on the way") } else { String::new() };
    let since = since.unwrap_or_default();
    format!("{dead} dead, {ready} waiting ({due} due{since}), {running} running{posted}\n")
}

fn row(job: &Job) -> [String; 5] {
    let error = visible(job.last_error.as_deref().unwrap_or_default());
    let mut short: String = error.chars().take(SHORT_ERROR_CHARS).collect();
    if short.len() < error.len() {
        short.push('…');
    }
    let tries = format!("{}/{}", job.attempts, job.max_attempts);
    [visible(&job.id), visible(&job.kind), tries, visible(&job.run_at), short]
}

fn detail(JobDetail { job, payload }: &JobDetail) -> String {
    let mut text = String::new();
    let tries = format!("{} of {}", job.attempts, job.max_attempts);
    for (name, value) in [
        ("id", Some(job.id.as_str())),
        ("kind", Some(job.kind.as_str())),
        ("state", Some(job.state.as_str())),
        ("priority", Some(job.priority.as_str())),
        ("key", job.key.as_deref()),
        ("tries", Some(tries.as_str())),
        ("due", Some(job.run_at.as_str())),
        ("lease ends", job.lease_ends.as_deref()),
        ("pushed", Some(job.created_at.as_str())),
        ("last error", job.last_error.as_deref()),
        ("payload", Some(payload.to_string().as_str())),
    ] {
        if let Some(value) = value {
            // Writing into a text does not fail.
            writeln!(text, "{name:<10}  {}", visible(value)).unwrap_or_default();
        }
    }
    text
}
