//! `motet repo import`, `motet repo mirror`: histories that come from other servers, and follow them.

use std::{
    fs::File,
    io::{Read as _, stdin},
    path::PathBuf,
    time::Duration,
};

use api::json::{Import, Mirror, NewImport, NewMirror, NewRepository, RemoteCredentials};
use serde_json::json;
use tokio::time::sleep;

use super::{At, FullName, Named, named};
use crate::{
    client::Word,
    commands::admin::{jobs::result, table::table},
    context::Context,
    failure::{Exit, Failure},
    report::Report,
    visible,
};

/// How often the server is asked how far it is.
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);
/// A password or token is shorter.
const MAX_SECRET_BYTES: u64 = 8 << 10;

/// What is shown to the other server.
#[derive(Debug, clap::Args)]
pub struct Shown {
    /// The user name there
    #[arg(long, value_name = "NAME", requires = "password_file")]
    pub username: Option<String>,
    /// A file with the password or token there; `-` for standard input
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}

impl Shown {
    fn credentials(&self) -> Result<Option<RemoteCredentials>, Failure> {
        let Some(path) = &self.password_file else { return Ok(None) };
        let mut text = String::new();
        if path.as_os_str() == "-" {
            stdin().lock().take(MAX_SECRET_BYTES).read_to_string(&mut text)?;
        } else {
            let file = File::open(path).map_err(|error| {
                Failure::usage("no_password", format!("{}: {error}", path.display()))
            })?;
            file.take(MAX_SECRET_BYTES).read_to_string(&mut text)?;
        }
        let password = text.trim_end_matches(['\r', '\n']).to_owned();
        Ok(Some(RemoteCredentials { username: self.username.clone(), password }))
    }
}

/// What can be said with `import`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet repo import https://forge.example/ada/songs.git
  motet repo import https://forge.example/ada/songs choir/songs --public
  motet repo import https://forge.example/ada/songs --username ada --password-file token.txt")]
pub struct Bring {
    /// The address of a repository of Git
    pub url: String,
    /// owner/name here, or only the name for one of your own; made if it is not there. Its name there, unless you say
    /// otherwise
    pub name: Option<FullName>,
    /// Let everybody read it, if it is made
    #[arg(long)]
    pub public: bool,
    /// Only branches, or only tags
    #[arg(long, value_name = "WHAT", value_parser = ["branches", "tags"])]
    pub only: Option<String>,
    /// Do not wait for its end
    #[arg(long)]
    pub no_wait: bool,
    /// What is shown there.
    #[command(flatten)]
    pub shown: Shown,
    /// Where.
    #[command(flatten)]
    pub at: At,
}

/// What to do with mirrors.
#[derive(Debug, clap::Subcommand)]
pub enum Mirrors {
    /// Let a repository follow one on another server, or let that follow it
    Add(Add),
    /// Show the mirrors of a repository
    List(List),
    /// Let a mirror run now
    Sync(One),
    /// Remove a mirror; branches and tags stay where they are
    Remove(One),
}

impl Mirrors {
    /// What the command is called in results.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Add(_) => "repo mirror add",
            Self::List(_) => "repo mirror list",
            Self::Sync(_) => "repo mirror sync",
            Self::Remove(_) => "repo mirror remove",
        }
    }
}

/// What can be said with `add`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet repo mirror add songs pull https://forge.example/ada/songs
  motet repo mirror add songs push https://forge.example/ada/songs --refs 'refs/heads/main' --password-file token.txt")]
pub struct Add {
    /// owner/name, or only the name for one of your own
    pub repository: FullName,
    /// pull: it follows the other one; push: the other one follows it
    #[arg(value_parser = ["pull", "push"])]
    pub direction: String,
    /// The address of the other repository
    pub url: String,
    /// A pattern of branches or tags, such as refs/heads/*; may be repeated. All, unless you say otherwise
    #[arg(long, value_name = "PATTERN")]
    pub refs: Vec<String>,
    /// Minutes between two looks of one that pulls; 60, unless you say otherwise
    #[arg(long, value_name = "MINUTES")]
    pub every: Option<u32>,
    /// What is shown there.
    #[command(flatten)]
    pub shown: Shown,
    /// Where.
    #[command(flatten)]
    pub at: At,
}

/// What can be said with `list`.
#[derive(Debug, clap::Args)]
pub struct List {
    /// owner/name, or only the name for one of your own
    pub repository: FullName,
    /// Where.
    #[command(flatten)]
    pub at: At,
}

/// What can be said with `sync` and `remove`.
#[derive(Debug, clap::Args)]
pub struct One {
    /// owner/name, or only the name for one of your own
    pub repository: FullName,
    /// Which, as `motet repo mirror list` shows it
    pub id: Word,
    /// Where.
    #[command(flatten)]
    pub at: At,
}

pub(super) async fn import(arguments: &Bring, context: &Context) -> Result<Report, Failure> {
    let Bring { url, name, public, only, no_wait, shown, at } = arguments;
    let name = match name {
        Some(name) => name.clone(),
        None => named_there(url)?,
    };
    let credentials = shown.credentials()?;
    let it = named(&name, at, context)?;
    stand(&it, *public).await?;
    let what = only.clone().map(|it| vec![it]);
    let new = NewImport { url: url.clone(), credentials, what };
    let mut import = it.client.import((&it.owner, &it.name), &new).await?;
    let address = format!("{}/{it}", it.origin);
    if *no_wait {
        let text = format!("{address} is being filled from {}", visible(&import.url));
        return Ok(Report::news(result(&import)?, text));
    }
    let mut told = 0;
    while matches!(import.state.as_str(), "waiting" | "fetching" | "writing") {
        sleep(BETWEEN_LOOKS).await;
        import = it.client.import_so_far((&it.owner, &it.name)).await?;
        told = tell(&import, told, context);
    }
    context.progress.end();
    ended(&import, &address)
}

/// The name that an address ends with.
fn named_there(url: &str) -> Result<FullName, Failure> {
    let last = url.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let last = last.strip_suffix(".git").unwrap_or(last).to_lowercase();
    last.parse().map_err(|error| {
        Failure::usage("bad_name", error)
            .hint("say what it is to be called here, behind the address")
    })
}

/// Makes the repository, if it is not there.
async fn stand(it: &Named, public: bool) -> Result<(), Failure> {
    let new = NewRepository {
        owner: Some(it.owner.to_string()),
        name: it.name.to_string(),
        visibility: Some(if public { "public" } else { "private" }.to_owned()),
        format: Some("git".to_owned()),
        ..NewRepository::default()
    };
    match it.client.create_repository(&new).await {
        Err(error) if error.refusal_code() == "name_taken" => Ok(()),
        made => Ok(made.map(drop)?),
    }
}

/// Shows how far it is; gives how many objects were told of.
fn tell(import: &Import, told: u64, context: &Context) -> u64 {
    if import.total_objects == 0 {
        return told;
    }
    if told == 0 {
        context.progress.begin("objects", import.total_objects);
    }
    context.progress.advance(import.received_objects.saturating_sub(told));
    import.received_objects.max(told)
}

fn ended(import: &Import, address: &str) -> Result<Report, Failure> {
    let why = import.error.as_deref().map(visible).unwrap_or_default();
    if import.state != "done" {
        let message = if why.is_empty() { "it was cancelled".to_owned() } else { why };
        return Err(Failure::new(Exit::Refused, format!("import_{}", import.state), message)
            .hint("say the same again to go on"));
    }
    let moved = match import.refs_moved {
        0 => "nothing was new".to_owned(),
        1 => "1 branch or tag came".to_owned(),
        count => format!("{count} branches and tags came"),
    };
    let mut text = format!("{address}: {moved}");
    if import.refs_left > 0 {
        text = format!("{text}\nleft out: {why}");
    }
    Ok(Report::news(result(import)?, text))
}

pub(super) async fn mirrors(command: &Mirrors, context: &Context) -> Result<Report, Failure> {
    match command {
        Mirrors::Add(Add { repository, direction, url, refs, every, shown, at }) => {
            let it = named(repository, at, context)?;
            let new = NewMirror {
                direction: direction.clone(),
                url: url.clone(),
                refs: Some(refs.clone()).filter(|it| !it.is_empty()),
                every_minutes: *every,
                credentials: shown.credentials()?,
            };
            let made = it.client.add_mirror((&it.owner, &it.name), &new).await?;
            let (id, url) = (visible(&made.id), visible(&made.url));
            let text = match direction.as_str() {
                "pull" => format!("{it} follows {url} ({id})"),
                _ => format!("{url} follows {it} ({id})"),
            };
            Ok(Report::news(result(&made)?, text))
        }
        Mirrors::List(List { repository, at }) => {
            let it = named(repository, at, context)?;
            let found = it.client.mirrors((&it.owner, &it.name)).await?;
            let row = |it: &Mirror| {
                let last = it.last_success_at.as_deref().unwrap_or("never");
                let error = it.error.as_deref().unwrap_or_default();
                [&it.id, &it.direction, &it.url, &it.state, last, error].map(visible)
            };
            let rows: Vec<_> = found.items.iter().map(row).collect();
            let head = ["ID", "DIRECTION", "ADDRESS", "STATE", "LAST WELL", "TOLD"];
            let text = if rows.is_empty() { "none".to_owned() } else { table(head, &rows) };
            Ok(Report::answer(result(&found)?, text))
        }
        Mirrors::Sync(One { repository, id, at }) => {
            let it = named(repository, at, context)?;
            let asked = it.client.run_mirror((&it.owner, &it.name), id).await?;
            Ok(Report::news(result(&asked)?, format!("{id} runs now")))
        }
        Mirrors::Remove(One { repository, id, at }) => {
            let it = named(repository, at, context)?;
            it.client.remove_mirror((&it.owner, &it.name), id).await?;
            let told = json!({ "repository": it.to_string(), "id": id.to_string() });
            Ok(Report::news(told, format!("{id} is removed; what came stays")))
        }
    }
}
