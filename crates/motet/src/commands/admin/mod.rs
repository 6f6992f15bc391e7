//! `motet admin`: for those who run the install.
//!
//! | file           | command                                                                   |
//! |----------------|---------------------------------------------------------------------------|
//! | `mod.rs`       | [`Admin`]; [`Reach`]: which server, and as whom                             |
//! | `audit.rs`     | `motet admin audit`                                                       |
//! | `bootstrap.rs` | `motet admin bootstrap-token`                                             |
//! | `jobs.rs`      | `motet admin jobs`                                                        |
//! | `schedules.rs` | `motet admin schedules`                                                   |
//! | `search.rs`    | `motet admin search`                                                      |
//! | `storage.rs`   | `motet admin storage`                                                     |
//! | `people.rs`    | `motet admin people`                                                      |
//! | `quota.rs`     | `motet admin quota`                                                       |
//! | `rotate.rs`    | `motet admin rotate`                                                      |
//! | `reseal.rs`    | `motet admin reseal`                                                      |
//! | `table.rs`     | columns that align                                                        |

pub mod audit;
pub mod bootstrap;
pub mod jobs;
pub mod people;
pub mod quota;
pub mod reseal;
pub mod rotate;
pub mod schedules;
pub mod search;
pub mod storage;
pub(super) mod table;

use std::path::Path;

use server::DataDir;

use crate::{
    client::{Client, ClientError, Origin},
    context::Context,
    failure::{Exit, Failure},
    report::Report,
    store::load_key,
};

/// The data directory that `motet serve` uses unless told otherwise.
const DATA_DIR: &str = "data";

/// What to run the install by.
#[derive(Debug, clap::Subcommand)]
pub enum Admin {
    /// See background work, retry what failed
    #[command(subcommand)]
    Jobs(jobs::Jobs),
    /// See background work that comes again and again, switch and run it
    #[command(subcommand)]
    Schedules(schedules::Schedules),
    /// See what is stored, and whether it is sound
    #[command(subcommand)]
    Storage(storage::Stores),
    /// Make again what is searched
    #[command(subcommand)]
    Search(search::Searching),
    /// See and say how much somebody may hold
    #[command(subcommand)]
    Quota(quota::Quota),
    /// Make install admins, stop people, look into what is private
    #[command(subcommand)]
    People(people::People),
    /// See what was done, take the log of it away
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Print a token that makes one publisher, within a day
    BootstrapToken(bootstrap::Bootstrap),
    /// Let another key sign for the install
    #[command(subcommand)]
    Rotate(rotate::Rotate),
    /// Put what is sealed under another install key, while no server runs
    Reseal(reseal::Reseal),
}

impl Admin {
    /// What the command is called in results.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Jobs(command) => command.name(),
            Self::Schedules(command) => command.name(),
            Self::Storage(command) => command.name(),
            Self::Search(command) => command.name(),
            Self::Quota(command) => command.name(),
            Self::People(command) => command.name(),
            Self::Audit(command) => command.name(),
            Self::BootstrapToken(_) => "admin bootstrap-token",
            Self::Rotate(command) => command.name(),
            Self::Reseal(_) => "admin reseal",
        }
    }
}

/// Which server is meant, and as whom to ask it.
#[derive(Debug, clap::Args)]
pub struct Reach {
    /// The operator's key is there, and where the server answers; `data` if left out
    #[command(flatten)]
    pub directory: DataDir,
    /// Another address of the server; without --data-dir with your own key, if you are an install admin there
    #[arg(long, value_name = "ADDRESS")]
    pub host: Option<Origin>,
}

impl Reach {
    /// A client that signs as the operator of the server on this machine, or as the account at the server that is named.
    pub(in crate::commands) fn client(&self, context: &Context) -> Result<Client, Failure> {
        let Self { directory: DataDir { data_dir }, host } = self;
        if let (Some(host), None) = (host, data_dir) {
            let (_, client) = context.signed_in(host)?;
            return Ok(client);
        }
        let data_dir = context.at(data_dir.as_deref().unwrap_or(Path::new(DATA_DIR)));
        let key = load_key(&data_dir.join("operator.key")).map_err(|error| {
            let failure = Failure::from(error);
            if failure.code == "no_key" { failure.hint(WHERE) } else { failure }
        })?;
        if let Some(host) = host {
            return context.client(host, Some(key));
        }
        let reached = server::reached(&data_dir).map_err(|error| {
            let message = format!("where the server answers is not known: {error}");
            Failure::new(Exit::Usage, "no_server", message)
                .hint("start it, or say --host <address>")
        })?;
        let origin: Origin = format!("http://{}", reached.address).parse()?;
        context.client_called(&origin, Some(key), Some(reached.authority))
    }
}

/// What to do when the operator's key is not found.
const WHERE: &str = "name the server's data directory with --data-dir, or, as an install admin, the server with --host";

pub(super) async fn run(command: &Admin, context: &Context) -> Result<Report, Failure> {
    match command {
        Admin::Jobs(command) => jobs::run(command, context).await,
        Admin::Schedules(command) => schedules::run(command, context).await,
        Admin::Storage(command) => storage::run(command, context).await,
        Admin::Search(command) => search::run(command, context).await,
        Admin::Quota(command) => quota::run(command, context).await,
        Admin::People(command) => people::run(command, context).await,
        Admin::Audit(command) => audit::run(command, context).await,
        Admin::BootstrapToken(command) => bootstrap::run(command, context).await,
        Admin::Rotate(command) => rotate::run(command, context).await,
        Admin::Reseal(command) => reseal::run(command).await,
    }
}

/// A refusal in the words of these commands.
pub(super) fn refused(error: ClientError) -> Failure {
    let failure = Failure::from(error);
    if failure.exit == Exit::NotFound {
        failure.hint(
            "is the name right? and only the operator and install admins see it: check the key",
        )
    } else {
        failure
    }
}
