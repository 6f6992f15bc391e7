//! `motet work run`: a run of a pipeline begins, and may be waited for.

use std::{fmt::Write as _, path::PathBuf, str::FromStr};

use api::json::{NewRun, RunDetail, StartedRun};
use pipelines_core::name::RunId;
use serde_json::{Value, json};

use super::{
    REFUSED, files,
    reach::{Reach, refused, undone},
};
use crate::{
    client::{Client, Word},
    commands::admin::jobs::result,
    context::Context,
    failure::{Exit, Failure},
    progress::Progress,
    report::Report,
    visible::{visible, visible_lines},
};

/// The longest input, with its blanks.
const MAX_BYTES: usize = 1 << 20;
/// Where tasks are that nobody works on any more.
const CLOSED: [&str; 4] = ["done", "skipped", "dead", "cancelled"];

/// A pipeline and whose it is.
#[derive(Debug, Clone)]
pub struct Place {
    publisher: Word,
    pipeline: Word,
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` is not written as publisher/pipeline");
        let (publisher, pipeline) = text.split_once('/').ok_or_else(bad)?;
        let word = |text: &str| text.parse::<Word>().map_err(|_| bad());
        Ok(Self { publisher: word(publisher)?, pipeline: word(pipeline)? })
    }
}

/// What can be said with `run`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
With --wait it ends with 0 if the run is completed, with 1 if it ended otherwise.

Examples:
  motet work run tidewater/add-data-source --input port.json
  motet work run tidewater/add-data-source --input port.json --external-id port-17 --wait --json")]
pub struct Start {
    /// The pipeline, as publisher/pipeline; me is the publisher of the token
    pub pipeline: Place,
    /// The input, as JSON; - is standard input
    #[arg(long, value_name = "FILE")]
    pub input: PathBuf,
    /// Wait until the run has ended, and show its output
    #[arg(long)]
    pub wait: bool,
    /// A version other than the current one
    #[arg(long, value_name = "N")]
    pub version: Option<u32>,
    /// 0 to 9, before the definition's
    #[arg(long, value_name = "N")]
    pub priority: Option<u8>,
    /// A name that is unique in the pipeline: with it nothing is begun twice
    #[arg(long, value_name = "TEXT")]
    pub external_id: Option<String>,
    /// Which server.
    #[command(flatten)]
    pub reach: Reach,
}

pub(super) async fn run(arguments: &Start, context: &Context) -> Result<Report, Failure> {
    let Place { publisher, pipeline } = &arguments.pipeline;
    let new = NewRun {
        input: files::json(&arguments.input, MAX_BYTES, context)?,
        version: arguments.version,
        priority: arguments.priority,
        external_id: arguments.external_id.clone(),
        deadline: None,
        budgets: None,
    };
    let client = arguments.reach.client(context)?;
    let started = match client.start_run((publisher, pipeline), &new).await {
        Ok(started) => started,
        Err(error) => return refused(error),
    };
    if !arguments.wait {
        let text = told(&started, &started.state);
        return Ok(Report::answer(json!({ "run": result(&started)?, "output": null }), text));
    }
    let id = started.run.parse::<RunId>().map_err(|error| {
        Failure::new(REFUSED, "bad_answer", format!("the id of the run: {error}"))
    })?;
    let ended = until_ended(&client, id, &context.progress).await?;
    let is_completed = ended.summary.state == "completed";
    let output =
        if is_completed { client.run_output(id).await.map_err(undone)? } else { Value::Null };
    let mut text = told(&started, &ended.summary.state);
    if is_completed {
        let output = serde_json::to_string_pretty(&output).unwrap_or_default();
        // Writing into a text does not fail.
        writeln!(text, "{}", visible_lines(&output)).unwrap_or_default();
    }
    let result = json!({ "run": result(&ended.summary)?, "output": output });
    let exit = if is_completed { Exit::Done } else { REFUSED };
    Ok(Report { exit, ..Report::answer(result, text) })
}

fn told(started: &StartedRun, state: &str) -> String {
    let StartedRun { run, version, .. } = started;
    format!("{} {}, version {version}\n", visible(run), visible(state))
}

/// Waits for the end of a run, and shows how many of its tasks are closed.
pub(super) async fn until_ended(
    client: &Client,
    run: RunId,
    progress: &Progress,
) -> Result<RunDetail, Failure> {
    let (mut all, mut closed) = (0, 0);
    let mut found = client.run(run).await.map_err(undone)?;
    loop {
        let count = |states: &[&str]| {
            let tasks = found.tasks.iter();
            tasks
                .filter(|(state, _)| states.is_empty() || states.contains(&state.as_str()))
                .map(|(_, count)| count)
                .sum::<u64>()
        };
        let (now, done) = (count(&[]), count(&CLOSED));
        if now == all {
            progress.advance(done.saturating_sub(closed));
        } else {
            progress.begin("tasks", now);
            progress.advance(done);
        }
        (all, closed) = (now, done);
        if found.summary.ended_at.is_some() {
            progress.end();
            return Ok(found);
        }
        found = client.run_until_ended(run).await.map_err(undone)?;
    }
}
