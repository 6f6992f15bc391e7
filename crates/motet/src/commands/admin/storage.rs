//! `motet admin storage`: what is stored, and whether it is sound.

use std::fmt::Write as _;

use api::json::{Fault, Storage, StorageScan};

use super::{Reach, jobs::result, refused, table::table};
use crate::{client::Word, context::Context, failure::Failure, report::Report, visible};

/// What to do with the store.
#[derive(Debug, clap::Subcommand)]
pub enum Stores {
    /// Count what is stored and what it takes
    Stat(Plain),
    /// Show what is wrong, newest first
    Faults(Faults),
    /// Look through the store now: sample, scrub, orphans, records, or tidy it
    Scan(Scan),
    /// Hash the next part of everything that is stored; the same as `scan scrub`
    Scrub(Plain),
    /// Look again at what is wrong, and use another copy where there is one
    Heal(Plain),
}

/// What can be said with the plain commands.
#[derive(Debug, clap::Args)]
pub struct Plain {
    /// Which server.
    #[command(flatten)]
    pub reach: Reach,
}

/// What can be said with `faults`.
#[derive(Debug, clap::Args)]
pub struct Faults {
    /// Those that are over, instead of the open ones
    #[arg(long)]
    pub resolved: bool,
    /// Go on where another list ended
    #[arg(long, value_name = "CURSOR")]
    pub cursor: Option<Word>,
    /// Which server.
    #[command(flatten)]
    pub reach: Reach,
}

/// What can be said with `scan`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
sample   hashes some objects, anywhere
scrub    hashes the next part of all objects
orphans  rows without bytes, bytes without rows
records  histories that are not whole, counters that are wrong
tidy     joins equal copies, removes what nobody links any more, rewrites sparse segments")]
pub struct Scan {
    /// What to look at
    pub kind: Word,
    /// Which server.
    #[command(flatten)]
    pub reach: Reach,
}

impl Stores {
    /// What the command is called in results.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Stat(_) => "admin storage stat",
            Self::Faults(_) => "admin storage faults",
            Self::Scan(_) => "admin storage scan",
            Self::Scrub(_) => "admin storage scrub",
            Self::Heal(_) => "admin storage heal",
        }
    }
}

pub(super) async fn run(command: &Stores, context: &Context) -> Result<Report, Failure> {
    match command {
        Stores::Stat(Plain { reach }) => {
            let found = reach.client(context)?.storage().await.map_err(refused)?;
            Ok(Report::answer(result(&found)?, stat(&found)))
        }
        Stores::Faults(arguments) => faults(arguments, context).await,
        Stores::Scan(Scan { kind, reach }) => scan(reach, &kind.to_string(), context).await,
        Stores::Scrub(Plain { reach }) => scan(reach, "scrub", context).await,
        Stores::Heal(Plain { reach }) => {
            let healed = reach.client(context)?.heal_storage().await.map_err(refused)?;
            let text = format!("{} healed, {} still open", healed.healed, healed.open_faults);
            Ok(Report::news(result(&healed)?, text))
        }
    }
}

async fn scan(reach: &Reach, kind: &str, context: &Context) -> Result<Report, Failure> {
    let started = reach.client(context)?.start_scan(kind).await.map_err(refused)?;
    let text = if started.pushed {
        format!("{} is due now", visible(&started.job))
    } else {
        format!("{} is waiting or running already", visible(&started.job))
    };
    Ok(Report::news(result(&started)?, text))
}

async fn faults(arguments: &Faults, context: &Context) -> Result<Report, Failure> {
    let Faults { resolved, cursor, reach } = arguments;
    let state = if *resolved { "resolved" } else { "open" };
    let client = reach.client(context)?;
    let page = client.faults(state, cursor.as_ref()).await.map_err(refused)?;
    let mut text = if page.items.is_empty() {
        format!("no {state} faults\n")
    } else {
        let head = ["KIND", "SUBJECT", "FOUND", "DETAIL"];
        table(head, &page.items.iter().map(row).collect::<Vec<_>>())
    };
    if let Some(next) = &page.next_cursor {
        text += &["more: --cursor ", &visible(next), "\n"].concat();
    }
    Ok(Report::answer(result(&page)?, text))
}

fn row(fault: &Fault) -> [String; 4] {
    let detail = fault.how.as_deref().unwrap_or(&fault.detail);
    [fault.kind.as_str(), &fault.subject, &fault.found_at, detail].map(visible)
}

fn stat(it: &Storage) -> String {
    let mut text = String::new();
    let lines = [
        ("shown by repositories", it.logical_bytes, it.links, "links"),
        ("stored", it.physical_bytes, it.segments + it.files, "files"),
        ("in segments", it.segment_bytes, it.segments, "segments"),
        ("in files of their own", it.file_bytes, it.files, "files"),
        ("to be removed", it.waste_bytes, it.waste, "files"),
    ];
    let rows: Vec<_> = lines
        .iter()
        .map(|(name, bytes, count, noun)| {
            [(*name).to_owned(), bytes.to_string(), format!("{count} {noun}")]
        })
        .collect();
    text += &table(["WHAT", "BYTES", "COUNT"], &rows);
    let groups: Vec<_> = it
        .states
        .iter()
        .map(|group| [visible(&group.name), group.bytes.to_string(), group.objects.to_string()])
        .collect();
    text += &table(["STATE", "BYTES", "OBJECTS"], &groups);
    text += &table(
        ["WALK", "CHECKED", "FAULTS", "ENDED"],
        &it.scans.iter().map(walk).collect::<Vec<_>>(),
    );
    let faults = it.open_faults;
    // Writing into a text does not fail.
    writeln!(text, "{faults} open faults, {} objects pending", it.pending).unwrap_or_default();
    text
}

fn walk(scan: &StorageScan) -> [String; 4] {
    let ended = scan.ended_at.as_deref().unwrap_or("under way");
    [visible(&scan.kind), scan.checked.to_string(), scan.faults.to_string(), visible(ended)]
}
