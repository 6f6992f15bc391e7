//! `motet repo`: repositories on a server, their settings, their members, and what becomes of them.
//!
//! What is hard to take back is confirmed: with the name in full (`--confirm owner/name`), or with `--yes`.
//!
//! | file          | what is there                                              |
//! |---------------|------------------------------------------------------------|
//! | `mod.rs`      | the list of commands; [`FullName`]; `create`                 |
//! | `settings.rs` | show, edit, pass, rename, archive, unarchive                 |
//! | `ending.rs`   | delete, deleted, restore                                     |
//! | `handing.rs`  | fork, sync, transfer, transfers, accept, decline                   |
//! | `mirroring.rs` | import, mirror: other servers                           |
//! | `members.rs`  | who has a level, who is invited; what one is invited to       |

pub mod ending;
pub mod handing;
pub mod members;
pub mod mirroring;
pub mod settings;

use std::str::FromStr;

use api::json::{Initialize, NewRepository};
use names::{Handle, NameError, RepositoryName};
use serde_json::json;

use crate::{
    client::{Client, Origin},
    context::Context,
    failure::Failure,
    report::Report,
    visible,
};

/// What to do with repositories.
#[derive(Debug, clap::Subcommand)]
pub enum Repo {
    /// Make a repository
    ///
    /// One of the Muse format, private unless you say otherwise; empty, unless it begins with files that the server
    /// commits for you.
    Create(Create),
    /// Bring the history of a repository on another server here
    ///
    /// It is fetched by the server, not by this machine. Said again it goes on where it was interrupted, and takes what is new.
    Import(mirroring::Bring),
    /// Manage which other servers a repository follows, and which follow it
    #[command(subcommand)]
    Mirror(mirroring::Mirrors),
    /// Show what a repository says of itself
    Show(settings::Show),
    /// Change what a repository says of itself, and who sees it
    Edit(settings::Edit),
    /// Let something pass that looks like a secret
    Pass(settings::Pass),
    /// Give a repository another name; the former address leads on
    Rename(settings::Rename),
    /// Let a repository only be read from now on
    Archive(settings::Archive),
    /// Let an archived repository change again
    Unarchive(settings::Archive),
    /// Make a repository of your own from another one, with its history
    Fork(handing::Fork),
    /// Let a branch of a fork follow that of its source
    Sync(handing::Sync),
    /// Hand a repository on to somebody else
    ///
    /// To an organization in which you make repositories it goes at once; anybody else has seven days to accept it.
    Transfer(handing::Transfer),
    /// Show what waits to be accepted, by you or by others
    Transfers(handing::Transfers),
    /// Take a repository that somebody hands on to you
    Accept(handing::Accept),
    /// Leave a repository where it is that somebody hands on to you
    Decline(handing::Decline),
    /// Delete a repository; it can be restored for thirty days
    Delete(ending::Delete),
    /// Show what was deleted and can be restored
    Deleted(ending::Deleted),
    /// Bring a deleted repository back, whole
    Restore(ending::Restore),
    /// Manage who has a level on a repository, and who is invited
    #[command(subcommand)]
    Member(members::Members),
    /// Decide on what you are invited to
    #[command(subcommand)]
    Invitations(members::Invitations),
}

impl Repo {
    /// What the command is called in results.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Create(_) => "repo create",
            Self::Import(_) => "repo import",
            Self::Mirror(command) => command.name(),
            Self::Show(_) => "repo show",
            Self::Edit(_) => "repo edit",
            Self::Pass(_) => "repo pass",
            Self::Rename(_) => "repo rename",
            Self::Archive(_) => "repo archive",
            Self::Unarchive(_) => "repo unarchive",
            Self::Fork(_) => "repo fork",
            Self::Sync(_) => "repo sync",
            Self::Transfer(_) => "repo transfer",
            Self::Transfers(_) => "repo transfers",
            Self::Accept(_) => "repo accept",
            Self::Decline(_) => "repo decline",
            Self::Delete(_) => "repo delete",
            Self::Deleted(_) => "repo deleted",
            Self::Restore(_) => "repo restore",
            Self::Member(command) => command.name(),
            Self::Invitations(command) => command.name(),
        }
    }
}

/// Where.
#[derive(Debug, clap::Args)]
pub struct At {
    /// The server, if you are registered at several
    #[arg(long, value_name = "ADDRESS")]
    pub host: Option<Origin>,
}

/// That it is meant.
#[derive(Debug, clap::Args)]
pub struct Meant {
    /// The name of the repository in full, once more
    #[arg(long, value_name = "OWNER/NAME", conflicts_with = "yes")]
    pub confirm: Option<String>,
    /// Do not ask for the name
    #[arg(long)]
    pub yes: bool,
}

impl Meant {
    /// The name that confirms it.
    fn of(&self, it: &Named) -> Result<String, Failure> {
        match (&self.confirm, self.yes) {
            (_, true) => Ok(it.to_string()),
            (Some(confirm), false) if *confirm == it.to_string() => Ok(confirm.clone()),
            (Some(_), false) => Err(Failure::usage(
                "not_confirmed",
                format!("the name that confirms it is another one than {it}"),
            )),
            (None, false) => Err(Failure::usage("not_confirmed", "this is not taken back easily")
                .hint(format!("say --confirm {it}, or --yes"))),
        }
    }
}

/// A repository, and a client that signs where it is.
struct Named {
    owner: Handle,
    name: RepositoryName,
    client: Client,
    origin: Origin,
}

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

/// Which repository is meant: one of one's own, if no owner is said.
fn named(full: &FullName, at: &At, context: &Context) -> Result<Named, Failure> {
    let origin = context.which_origin(at.host.as_ref())?;
    let (account, client) = context.signed_in(&origin)?;
    let owner = full.owner.clone().unwrap_or(account.handle);
    Ok(Named { owner, name: full.name.clone(), client, origin })
}

/// What can be said with `create`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet repo create songs
  motet repo create choir/songs --public --description \"What we sing\"
  motet repo create engine --readme --licence MIT --ignore rust
  motet repo create choir/psalms --template choir/base")]
pub struct Create {
    /// owner/name, or only the name for one of your own
    pub name: FullName,
    /// Let everybody read it
    #[arg(long)]
    pub public: bool,
    /// Keep it as a history of Git, for stock clients
    #[arg(long)]
    pub git: bool,
    /// What it is, in a line
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// Begin with a README that has its name and what it is
    #[arg(long)]
    pub readme: bool,
    /// Begin with the text of a licence, by its SPDX name
    #[arg(long, value_name = "ID")]
    pub licence: Option<String>,
    /// Begin with a .museignore for this kind of project, such as rust
    #[arg(long, value_name = "KIND")]
    pub ignore: Option<String>,
    /// Begin with the files of a template
    #[arg(long, value_name = "OWNER/NAME", conflicts_with_all = ["readme", "licence", "ignore"])]
    pub template: Option<String>,
    /// The server, if you are registered at several
    #[arg(long, value_name = "ADDRESS")]
    pub host: Option<Origin>,
}

/// `owner/name`, or `name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FullName {
    owner: Option<Handle>,
    name: RepositoryName,
}

impl FromStr for FullName {
    type Err = NameError;

    fn from_str(raw: &str) -> Result<Self, NameError> {
        match raw.split_once('/') {
            Some((owner, name)) => Ok(Self { owner: Some(owner.parse()?), name: name.parse()? }),
            None => Ok(Self { owner: None, name: raw.parse()? }),
        }
    }
}

pub(super) async fn run(command: &Repo, context: &Context) -> Result<Report, Failure> {
    match command {
        Repo::Create(arguments) => create(arguments, context).await,
        Repo::Import(arguments) => mirroring::import(arguments, context).await,
        Repo::Mirror(command) => mirroring::mirrors(command, context).await,
        Repo::Show(arguments) => settings::show(arguments, context).await,
        Repo::Edit(arguments) => settings::edit(arguments, context).await,
        Repo::Pass(arguments) => settings::pass(arguments, context).await,
        Repo::Rename(arguments) => settings::rename(arguments, context).await,
        Repo::Archive(arguments) => settings::archive(arguments, true, context).await,
        Repo::Unarchive(arguments) => settings::archive(arguments, false, context).await,
        Repo::Fork(arguments) => handing::fork(arguments, context).await,
        Repo::Sync(arguments) => handing::sync(arguments, context).await,
        Repo::Transfer(arguments) => handing::transfer(arguments, context).await,
        Repo::Transfers(arguments) => handing::transfers(arguments, context).await,
        Repo::Accept(arguments) => handing::accept(arguments, context).await,
        Repo::Decline(arguments) => handing::decline(arguments, context).await,
        Repo::Delete(arguments) => ending::delete(arguments, context).await,
        Repo::Deleted(arguments) => ending::deleted(arguments, context).await,
        Repo::Restore(arguments) => ending::restore(arguments, context).await,
        Repo::Member(command) => members::run(command, context).await,
        Repo::Invitations(command) => members::invitations(command, context).await,
    }
}

async fn create(arguments: &Create, context: &Context) -> Result<Report, Failure> {
    let Create { name: FullName { owner, name }, public, description, .. } = arguments;
    let Create { git, readme, licence, ignore, template, host, .. } = arguments;
    let has_files = *readme || licence.is_some() || ignore.is_some();
    let origin = context.which_origin(host.as_ref())?;
    let (_, client) = context.signed_in(&origin)?;
    let made = client
        .create_repository(&NewRepository {
            owner: owner.as_ref().map(ToString::to_string),
            name: name.to_string(),
            visibility: Some(if *public { "public" } else { "private" }.to_owned()),
            description: description.clone(),
            // A template brings its own, unless another is asked for.
            format: match (git, template) {
                (true, _) => Some("git".to_owned()),
                (false, Some(_)) => None,
                (false, None) => Some("muse".to_owned()),
            },
            default_branch: None,
            licence: None,
            template: template.clone(),
            initialize: has_files.then(|| Initialize {
                readme: *readme,
                licence: licence.clone(),
                ignore: ignore.clone(),
            }),
        })
        .await?;
    let address = format!("{origin}/{}/{}", made.owner, made.name);
    let visibility = visible(&made.visibility);
    let result = json!({
        "address": address,
        "owner": made.owner,
        "name": made.name,
        "visibility": visibility,
        "default_branch": visible(&made.default_branch),
        "id": visible(&made.id),
    });
    let next = if *git {
        format!("git push {address} main fills it")
    } else if has_files || template.is_some() {
        format!("motet clone {address} takes it here")
    } else {
        format!("motet push {address} fills it")
    };
    let text = format!("made {address} ({visibility})\n{next}");
    Ok(Report::news(result, text))
}
