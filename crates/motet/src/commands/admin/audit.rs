//! `motet admin audit`: what was done on the install.

use std::{
    fs::OpenOptions,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use api::json::AuditEvent;
use names::Handle;
use serde_json::json;

use super::{Reach, jobs::result, refused, table::table};
use crate::{
    client::{AuditFilter, Client, ClientError, Word},
    context::Context,
    failure::Failure,
    report::Report,
    visible,
};

/// What to do with the log.
#[derive(Debug, clap::Subcommand)]
pub enum Audit {
    /// Show what was done, newest first
    List(Box<List>),
    /// Write the whole log into a new file, to be checked anywhere with `motet audit verify`
    Export(Export),
    /// Remove rows from the beginning, up to a signed head; what is left stays whole
    Prune(Prune),
}

/// What can be said with `prune`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Export the log first: what is removed does not come back.

Examples:
  motet admin audit prune --before 2025-01-01T00:00:00Z")]
pub struct Prune {
    /// Rows older than this go, as 2025-01-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    pub before: String,
    /// Which server.
    #[command(flatten)]
    pub reach: Reach,
}

/// What can be said with `list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet admin audit list --actor ada
  motet admin audit list --action key_added --since 2026-11-01T00:00:00Z")]
pub struct List {
    /// What this principal did
    #[arg(long, value_name = "HANDLE")]
    pub actor: Option<String>,
    /// This action, such as `key_added`
    #[arg(long)]
    pub action: Option<String>,
    /// What was done with a kind of thing, or with one, as KIND:ID
    #[arg(long, value_name = "KIND[:ID]")]
    pub resource: Option<String>,
    /// Not earlier than this, as 2026-11-21T20:53:00Z
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Earlier than this
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
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

/// What can be said with `export`.
#[derive(Debug, clap::Args)]
pub struct Export {
    /// The file; it must not be there yet
    pub file: PathBuf,
    /// Which server.
    #[command(flatten)]
    pub reach: Reach,
}

impl Audit {
    /// What the command is called in results.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::List(_) => "admin audit list",
            Self::Export(_) => "admin audit export",
            Self::Prune(_) => "admin audit prune",
        }
    }
}

pub(super) async fn run(command: &Audit, context: &Context) -> Result<Report, Failure> {
    match command {
        Audit::List(arguments) => list(arguments, context).await,
        Audit::Export(Export { file, reach }) => {
            save(&reach.client(context)?, None, file, context).await
        }
        Audit::Prune(Prune { before, reach }) => prune(before, reach, context).await,
    }
}

/// Asks until nothing is removed any more: one request removes some thousands.
async fn prune(before: &str, reach: &Reach, context: &Context) -> Result<Report, Failure> {
    let client = reach.client(context)?;
    let (mut rows, mut until) = (0, None);
    loop {
        let pruned = client.prune_audit(before).await.map_err(refused)?;
        let Some(last) = pruned.until else { break };
        (rows, until) = (rows + pruned.rows, Some(last));
    }
    let text = match until {
        None => "nothing is removed: no signed head is so old".to_owned(),
        Some(until) => {
            format!("{rows} rows up to {until} are removed; a signed head stands for them")
        }
    };
    Ok(Report::news(json!({ "rows": rows, "until": until }), text))
}

async fn list(arguments: &List, context: &Context) -> Result<Report, Failure> {
    let List { actor, action, resource, since, until, limit, cursor, reach } = arguments;
    let filter = AuditFilter { actor, action, resource, since, until };
    let client = reach.client(context)?;
    let page = client.audit(filter, *limit, cursor.as_ref()).await.map_err(refused)?;
    let mut text = if page.items.is_empty() {
        "nothing\n".to_owned()
    } else {
        let head = ["SEQ", "TIME", "WHO", "ACTION", "OUTCOME", "WITH"];
        table(head, &page.items.iter().map(row).collect::<Vec<_>>())
    };
    if let Some(next) = &page.next_cursor {
        text += &["more: --cursor ", &visible(next), "\n"].concat();
    }
    Ok(Report::answer(result(&page)?, text))
}

fn row(it: &AuditEvent) -> [String; 6] {
    let who = it.actor.as_deref().unwrap_or(&it.actor_kind);
    let outcome = if it.reason.is_empty() {
        it.outcome.clone()
    } else {
        format!("{} ({})", it.outcome, it.reason)
    };
    let with = format!("{} {}", it.resource_kind, it.resource_id);
    let seq = it.seq.to_string();
    [seq.as_str(), &it.time, who, &it.action, &outcome, with.trim_end()].map(visible)
}

/// The file is for the caller's eyes alone, and one that is there is never overwritten.
pub(in crate::commands) async fn save(
    client: &Client,
    organization: Option<&Handle>,
    file: &Path,
    context: &Context,
) -> Result<Report, Failure> {
    let path = context.at(file);
    let mut written = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path)?;
    let mut bytes = 0_u64;
    let mut failed = None;
    let each = |part: &[u8]| {
        bytes += part.len() as u64;
        written.write_all(part).map_err(|error| {
            let cause = ClientError::Setup(error.to_string());
            failed = Some(Failure::from(error));
            cause
        })
    };
    let ended = client.export_audit(organization, each).await;
    let ended = ended.map_err(|error| failed.take().unwrap_or_else(|| refused(error)));
    if let Err(failure) = ended.and_then(|()| Ok(written.sync_all()?)) {
        // Half an export says less than none.
        let _removed = std::fs::remove_file(&path);
        return Err(failure);
    }
    let shown = visible(&file.to_string_lossy());
    let text =
        format!("{shown} holds the log ({bytes} bytes); motet audit verify --file checks it");
    Ok(Report::news(json!({ "file": shown, "bytes": bytes }), text))
}
