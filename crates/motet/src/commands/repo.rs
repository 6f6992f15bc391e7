//! `motet repo`: repositories on a server.

use std::str::FromStr;

use api::json::NewRepository;
use names::{Handle, NameError, RepositoryName};
use serde_json::json;

use crate::{client::Origin, context::Context, failure::Failure, report::Report, visible};

/// What to do with repositories.
#[derive(Debug, clap::Subcommand)]
pub enum Repo {
    /// Make a repository
    ///
    /// An empty one of the Muse format, private unless you say otherwise.
    Create(Create),
}

/// What can be said with `create`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet repo create songs
  motet repo create choir/songs --public --description \"What we sing\"")]
pub struct Create {
    /// owner/name, or only the name for one of your own
    pub name: FullName,
    /// Let everybody read it
    #[arg(long)]
    pub public: bool,
    /// What it is, in a line
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
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
    }
}

async fn create(arguments: &Create, context: &Context) -> Result<Report, Failure> {
    let Create { name: FullName { owner, name }, public, description, host } = arguments;
    let origin = context.which_origin(host.as_ref())?;
    let (_, client) = context.signed_in(&origin)?;
    let made = client
        .create_repository(&NewRepository {
            owner: owner.as_ref().map(ToString::to_string),
            name: name.to_string(),
            visibility: Some(if *public { "public" } else { "private" }.to_owned()),
            description: description.clone(),
            format: Some("muse".to_owned()),
            default_branch: None,
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
    let text = format!("made {address} ({visibility})\nmotet push {address} fills it");
    Ok(Report::news(result, text))
}
