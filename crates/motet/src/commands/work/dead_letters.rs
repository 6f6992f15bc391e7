//! `motet work dead-letters`: tasks that nobody tries any more are shown, replayed, laid aside.

use std::fmt::Write as _;

use api::json::{DeadLetter, DeadLetterFilter, DeadLetterReplay, ReplayDeadLetters};

use super::{
    NOTHING, REFUSED,
    reach::{Reach, refused, undone},
};
use crate::{
    client::{Client, LetterId, Word},
    commands::{
        admin::{jobs::result, table::table},
        counted,
    },
    context::Context,
    failure::{Exit, Failure},
    progress::Progress,
    report::Report,
    visible,
};

/// What to do with tasks that died.
#[derive(Debug, clap::Subcommand)]
pub enum DeadLetters {
    /// Show them, the newest first
    List(List),
    /// Try them again, up to 10,000 at once
    ///
    /// A dead task of a live run that waits for a word is opened again in place. Of a run that has ended another one is begun,
    /// once for all its dead tasks. It is waited for, unless you say otherwise; a server that is started anew meanwhile goes on
    /// with it.
    Replay(Replay),
    /// Lay one aside: it is listed no more among those that are open
    Discard(Discard),
}

impl DeadLetters {
    /// What the command is called in results.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::List(_) => "work dead-letters list",
            Self::Replay(_) => "work dead-letters replay",
            Self::Discard(_) => "work dead-letters discard",
        }
    }
}

/// Which letters are meant.
#[derive(Debug, clap::Args)]
pub struct Meant {
    /// Only those of this pipeline
    #[arg(long, value_name = "PIPELINE")]
    pub pipeline: Option<String>,
    /// Only those of this step
    #[arg(long, value_name = "STEP")]
    pub step: Option<String>,
    /// Only those that died for this reason
    #[arg(long, value_name = "REASON")]
    pub reason: Option<String>,
    /// Only those of which this agent held a claim
    #[arg(long, value_name = "AGENT")]
    pub agent: Option<String>,
    /// Only those that died since then, as 2026-11-30T12:00:00Z
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Only those that died before then
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
}

impl Meant {
    fn filter(&self) -> DeadLetterFilter {
        DeadLetterFilter {
            pipeline: self.pipeline.clone(),
            step: self.step.clone(),
            reason: self.reason.clone(),
            agent: self.agent.clone(),
            since: self.since.clone(),
            until: self.until.clone(),
        }
    }

    fn says_nothing(&self) -> bool {
        self.filter() == DeadLetterFilter::default()
    }
}

/// What can be said with `list`.
#[derive(Debug, clap::Args)]
pub struct List {
    /// Whose; me is the publisher of the token
    #[arg(long, value_name = "PUBLISHER", default_value = "me")]
    pub publisher: Word,
    /// Which.
    #[command(flatten)]
    pub meant: Meant,
    /// How they stand: open, replayed, discarded or any
    #[arg(long, value_name = "STATE", default_value = "open")]
    pub state: Word,
    /// How many to show, at most 100
    #[arg(short = 'n', long, default_value_t = 30, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub limit: u8,
    /// Go on where another list ended
    #[arg(long, value_name = "CURSOR")]
    pub cursor: Option<String>,
    /// Which server.
    #[command(flatten)]
    pub reach: Reach,
}

/// What can be said with `replay`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
It ends with 0 if all are tried again, with 1 if some could not be, with 4 if there were none.

Examples:
  motet work dead-letters replay 019300a0-0000-7000-8000-0000000000a1
  motet work dead-letters replay --step translate --reason poison:silent
  motet work dead-letters replay --all --no-wait --json")]
pub struct Replay {
    /// These; or say which by what holds for them
    #[arg(value_name = "ID", conflicts_with_all = ["pipeline", "step", "reason", "agent", "since", "until", "all"])]
    pub ids: Vec<LetterId>,
    /// Whose; me is the publisher of the token
    #[arg(long, value_name = "PUBLISHER", default_value = "me")]
    pub publisher: Word,
    /// Which.
    #[command(flatten)]
    pub meant: Meant,
    /// All that are open
    #[arg(long)]
    pub all: bool,
    /// Do not wait until all are seen to
    #[arg(long)]
    pub no_wait: bool,
    /// Which server.
    #[command(flatten)]
    pub reach: Reach,
}

/// What can be said with `discard`.
#[derive(Debug, clap::Args)]
pub struct Discard {
    /// Which
    #[arg(value_name = "ID")]
    pub id: LetterId,
    /// Whose; me is the publisher of the token
    #[arg(long, value_name = "PUBLISHER", default_value = "me")]
    pub publisher: Word,
    /// Which server.
    #[command(flatten)]
    pub reach: Reach,
}

pub(super) async fn run(command: &DeadLetters, context: &Context) -> Result<Report, Failure> {
    match command {
        DeadLetters::List(arguments) => list(arguments, context).await,
        DeadLetters::Replay(arguments) => replay(arguments, context).await,
        DeadLetters::Discard(arguments) => discard(arguments, context).await,
    }
}

async fn list(arguments: &List, context: &Context) -> Result<Report, Failure> {
    let List { publisher, meant, state, limit, cursor, reach } = arguments;
    let client = reach.client(context)?;
    let (filter, state) = (meant.filter(), state.to_string());
    let found = client.dead_letters(publisher, (&filter, &state), *limit, cursor.as_deref()).await;
    let found = found.map_err(undone)?;
    let row = |it: &DeadLetter| {
        [&it.id, &it.at, &it.pipeline, &it.address, &it.reason, &it.run].map(|it| visible(it))
    };
    let rows: Vec<_> = found.items.iter().map(row).collect();
    let mut text = table(["ID", "WHEN", "PIPELINE", "ADDRESS", "WHY", "RUN"], &rows);
    if rows.is_empty() {
        "none\n".clone_into(&mut text);
    }
    if let Some(next) = &found.next_cursor {
        // Writing into a text does not fail.
        writeln!(text, "more: --cursor {}", visible(next)).unwrap_or_default();
    }
    Ok(Report::answer(result(&found)?, text))
}

async fn replay(arguments: &Replay, context: &Context) -> Result<Report, Failure> {
    let Replay { ids, publisher, meant, all, no_wait, reach } = arguments;
    if ids.is_empty() && meant.says_nothing() && !all {
        let why = "say which are meant: by ids, by what holds for them, or --all";
        return Err(Failure::usage("none_meant", why));
    }
    let asked = if ids.is_empty() {
        ReplayDeadLetters { ids: None, filter: Some(meant.filter()) }
    } else {
        ReplayDeadLetters { ids: Some(ids.iter().map(ToString::to_string).collect()), filter: None }
    };
    let client = reach.client(context)?;
    let begun = match client.replay_dead_letters(publisher, &asked).await {
        Ok(begun) => begun,
        Err(error) => return refused(error),
    };
    let seen = if *no_wait {
        begun
    } else {
        until_done(&client, publisher, begun, &context.progress).await?
    };
    let DeadLetterReplay { id, state, total, replayed, refused, .. } = &seen;
    let (letters, id) = (counted(*total, "dead letter"), visible(id));
    let text = match state.as_str() {
        "done" => format!("{replayed} of {letters} tried again, {refused} refused; replay {id}\n"),
        _ => format!("{letters} to be tried again; replay {id}\n"),
    };
    let exit = match (*total, *refused) {
        (0, _) => NOTHING,
        (_, 0) => Exit::Done,
        _ => REFUSED,
    };
    Ok(Report { exit, ..Report::answer(result(&seen)?, text) })
}

/// Waits until every letter is seen to, and shows how many are.
async fn until_done(
    client: &Client,
    publisher: &Word,
    begun: DeadLetterReplay,
    progress: &Progress,
) -> Result<DeadLetterReplay, Failure> {
    let mut seen = begun;
    progress.begin("dead letters", seen.total);
    let mut before = 0;
    while seen.state != "done" {
        let after = seen.replayed + seen.refused;
        progress.advance(after.saturating_sub(before));
        before = after;
        let next = client.dead_letter_replay(publisher, &seen.id, after).await;
        seen = next.map_err(undone)?;
    }
    progress.advance((seen.replayed + seen.refused).saturating_sub(before));
    progress.end();
    Ok(seen)
}

async fn discard(arguments: &Discard, context: &Context) -> Result<Report, Failure> {
    let Discard { id, publisher, reach } = arguments;
    let client = reach.client(context)?;
    let found = client.discard_dead_letter(publisher, *id).await.map_err(undone)?;
    let text = format!("{} of {} laid aside\n", visible(&found.address), visible(&found.run));
    Ok(Report::answer(result(&found)?, text))
}
