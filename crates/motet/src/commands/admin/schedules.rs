//! `motet admin schedules`: background work that comes again and again.

use api::json::Schedule;

use super::{Reach, jobs::result, refused, table::table};
use crate::{client::Word, context::Context, failure::Failure, report::Report, visible};

/// What to do with schedules.
#[derive(Debug, clap::Subcommand)]
pub enum Schedules {
    /// Show the schedules, by name
    List(List),
    /// Switch a schedule on: it counts from now, nothing is made up for
    Enable(One),
    /// Switch a schedule off; a run that waits or runs stays
    Disable(One),
    /// Run a schedule now, also one that is switched off
    Run(One),
}

/// What can be said with `list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet admin schedules list --data-dir /srv/motet
  motet admin schedules run hub.expire --data-dir /srv/motet")]
pub struct List {
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
    /// The schedule
    pub name: Word,
    /// Which server.
    #[command(flatten)]
    pub reach: Reach,
}

impl Schedules {
    /// What the command is called in results.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::List(_) => "admin schedules list",
            Self::Enable(_) => "admin schedules enable",
            Self::Disable(_) => "admin schedules disable",
            Self::Run(_) => "admin schedules run",
        }
    }
}

pub(super) async fn run(command: &Schedules, context: &Context) -> Result<Report, Failure> {
    match command {
        Schedules::List(arguments) => list(arguments, context).await,
        Schedules::Enable(one) => switch(one, context, true).await,
        Schedules::Disable(one) => switch(one, context, false).await,
        Schedules::Run(One { name, reach }) => {
            let run = reach.client(context)?.run_schedule(name).await.map_err(refused)?;
            let text = if run.pushed {
                format!("a run of {name} is due now")
            } else {
                format!("a run of {name} is waiting or running already")
            };
            Ok(Report::news(result(&run)?, text))
        }
    }
}

async fn list(arguments: &List, context: &Context) -> Result<Report, Failure> {
    let List { limit, cursor, reach } = arguments;
    let page = reach.client(context)?.schedules(*limit, cursor.as_ref()).await.map_err(refused)?;
    let head = ["NAME", "PATTERN", "ZONE", "NEXT"];
    let mut text = table(head, &page.items.iter().map(row).collect::<Vec<_>>());
    if let Some(next) = &page.next_cursor {
        text += &["more: --cursor ", &visible(next), "\n"].concat();
    }
    Ok(Report::answer(result(&page)?, text))
}

async fn switch(one: &One, context: &Context, is_enabled: bool) -> Result<Report, Failure> {
    let One { name, reach } = one;
    let client = reach.client(context)?;
    let schedule = client.switch_schedule(name, is_enabled).await.map_err(refused)?;
    let text = match &schedule.next_at {
        Some(next) => format!("{name} is on, next at {}", visible(next)),
        None => format!("{name} is off"),
    };
    Ok(Report::news(result(&schedule)?, text))
}

fn row(schedule: &Schedule) -> [String; 4] {
    let next = schedule.next_at.as_deref().unwrap_or("switched off");
    [schedule.name.as_str(), &schedule.cron, &schedule.zone, next].map(visible)
}
