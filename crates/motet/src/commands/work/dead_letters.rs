//! `motet work dead-letters`: tasks that nobody tries any more.

use std::fmt::Write as _;

use api::json::DeadLetter;

use super::reach::{Reach, undone};
use crate::{
    client::Word,
    commands::admin::{jobs::result, table::table},
    context::Context,
    failure::Failure,
    report::Report,
    visible,
};

/// What to do with tasks that died.
#[derive(Debug, clap::Subcommand)]
pub enum DeadLetters {
    /// Show them, the newest first
    List(List),
}

/// What can be said with `list`.
#[derive(Debug, clap::Args)]
pub struct List {
    /// Whose; me is the publisher of the token
    #[arg(long, value_name = "PUBLISHER", default_value = "me")]
    pub publisher: Word,
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

pub(super) async fn run(command: &DeadLetters, context: &Context) -> Result<Report, Failure> {
    let DeadLetters::List(List { publisher, limit, cursor, reach }) = command;
    let client = reach.client(context)?;
    let found = client.dead_letters(publisher, *limit, cursor.as_deref()).await.map_err(undone)?;
    let row = |it: &DeadLetter| {
        [&it.at, &it.pipeline, &it.address, &it.reason, &it.run].map(|it| visible(it))
    };
    let rows: Vec<_> = found.items.iter().map(row).collect();
    let mut text = table(["WHEN", "PIPELINE", "ADDRESS", "WHY", "RUN"], &rows);
    if rows.is_empty() {
        "none has died\n".clone_into(&mut text);
    }
    if let Some(next) = &found.next_cursor {
        // Writing into a text does not fail.
        writeln!(text, "more: --cursor {}", visible(next)).unwrap_or_default();
    }
    Ok(Report::answer(result(&found)?, text))
}
