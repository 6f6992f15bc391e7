//! `motet search`: what stands in the repositories of a server.

use std::fmt::Write as _;

use api::{
    json::{Found, FoundItem},
    search::{Query, Subject},
};

use super::admin::jobs::result;
use crate::{
    client::{Origin, Word},
    context::Context,
    failure::Failure,
    report::Report,
    visible,
};

/// What is searched.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum Kind {
    /// What stands in files
    Code,
    /// Names of files
    Files,
    /// Messages of commits
    Commits,
    /// Repositories
    Repositories,
}

impl Kind {
    const fn subject(self) -> Subject {
        match self {
            Self::Code => Subject::Code,
            Self::Files => Subject::Files,
            Self::Commits => Subject::Commits,
            Self::Repositories => Subject::Repositories,
        }
    }
}

/// What can be said with `search`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A query is words, \"characters\", begin*, -not, OR, and keys such as repo: path: lang: symbol: author: since:.
Nothing in it is a pattern. What begins with - follows a --.

Examples:
  motet search tide_of lang:rust
  motet search --type commits 'author:ada since:2026-01-01'
  motet search -- tide -draft")]
pub struct Search {
    /// What to look for
    #[arg(required = true, value_name = "QUERY")]
    pub words: Vec<String>,
    /// What is searched
    #[arg(long = "type", value_enum, default_value_t = Kind::Code)]
    pub kind: Kind,
    /// How many to show, at most 100
    #[arg(short = 'n', long, default_value_t = 30, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub limit: u8,
    /// Go on where another search ended
    #[arg(long, value_name = "CURSOR")]
    pub cursor: Option<Word>,
    /// The server, if you are registered at several
    #[arg(long, value_name = "ADDRESS")]
    pub host: Option<Origin>,
}

pub(super) async fn run(arguments: &Search, context: &Context) -> Result<Report, Failure> {
    let Search { words, kind, limit, cursor, host } = arguments;
    let (text, subject) = (words.join(" "), kind.subject());
    Query::parse(&text, subject).map_err(|faults| {
        let told = faults.iter().map(|it| format!("{}, at byte {}", it.message, it.at));
        Failure::usage("bad_query", visible(&told.collect::<Vec<_>>().join("; ")))
    })?;
    let origin = context.which_origin(host.as_ref())?;
    let (_, client) = context.signed_in(&origin)?;
    let found = client.search(subject, &text, *limit, cursor.as_ref()).await?;
    Ok(Report::answer(result(&found)?, shown(&found)))
}

fn shown(found: &Found) -> String {
    let mut text = String::new();
    for item in &found.items {
        text += &one(item);
    }
    let more = if found.partial { "at least " } else { "" };
    // Writing into a text does not fail.
    writeln!(text, "{more}{} found", found.total).unwrap_or_default();
    if let Some(next) = &found.next_cursor {
        writeln!(text, "more: --cursor {}", visible(next)).unwrap_or_default();
    }
    text
}

fn one(it: &FoundItem) -> String {
    let repository = visible(&it.repository);
    if let Some(subject) = &it.subject {
        let id = it.commit_id.as_deref().unwrap_or_default();
        let id = id.rsplit(':').next().unwrap_or_default();
        return format!("{repository} {} {}\n", id.get(..8).unwrap_or(id), visible(subject));
    }
    let Some(path) = &it.path else {
        let about = it.description.as_deref().unwrap_or_default();
        let space = if about.is_empty() { "" } else { "  " };
        return format!("{repository}{space}{}\n", visible(about));
    };
    let path = visible(path);
    if it.lines.is_empty() {
        return format!("{repository}:{path}\n");
    }
    let lines = it.lines.iter().map(|line| {
        let sign = if line.marks.is_empty() { '-' } else { ':' };
        format!("{repository}:{path}{sign}{}{sign}{}\n", line.number, visible(&line.text))
    });
    lines.collect::<String>() + "\n"
}
