//! The house itself: rooms, wired together and opened to the street.
//!
//! Owns configuration, boot, the listener and what wraps every request. Knows every room and no rule.
//!
//! | file            | what is there                                                              |
//! |-----------------|----------------------------------------------------------------------------|
//! | `config.rs`     | [`ServeArgs`]: settings from flags and the environment, read here and nowhere else |
//! | `boot.rs`       | the data directory: made when missing, locked, its keys checked              |
//! | `house.rs`      | [`House`]: the ground and the rooms on it, and their one router                |
//! | `listen.rs`     | [`Listen`]: the address to answer on, and which ones a local server may have     |
//! | `local.rs`      | a local server gives its one person credentials                              |
//! | `reseal.rs`     | another install key                                                         |
//! | `cors.rs`       | pages of other sites that may read the JSON API                              |
//! | `listener.rs`   | connections: accepted, bounded, drained                                     |
//! | `ssh/`          | Git over SSH, on a listener of its own                                       |
//! | `bare_answers.rs` | refusals of the HTTP library get the headers of every answer           |
//! | `around.rs`     | around every request: id, headers, log                                      |
//! | `worker.rs`     | background work: the one dispatcher, from the open house to the drain        |
//! | `admin/`        | for those who run the install: jobs and schedules, as JSON and as a page     |
//! | `accounts/`     | JSON of the trust plane: registration, keys, tokens, agents, organizations    |
//! | `flows/`        | applications ask people for a token: their addresses and pages                 |
//! | `desk/`         | pages of whoever is signed in: signing in and out, settings                   |
//! | `export/`       | everything that is kept of a person, to take away                             |
//! | `legal/`        | privacy, terms, takedown                                                    |
//! | `help/`         | keys, error codes, appearance, the parts of pages                           |
//! | `reference/`    | the JSON API, told by the routes: OpenAPI, and a page                       |
//! | `health.rs`     | is the server well; what it counts                                          |
//! | `assets.rs`     | styles and pictures of the pages                                            |

mod accounts;
mod admin;
mod around;
mod assets;
mod bare_answers;
mod boot;
mod config;
mod connections;
mod cors;
mod desk;
mod export;
mod flows;
mod health;
mod help;
mod house;
mod legal;
mod listen;
mod listener;
mod local;
mod logs;
mod proxies;
mod reference;
mod reseal;
mod ssh;
#[cfg(test)]
mod tests;
mod upkeep;
mod webhooks;
mod worker;

use std::io::Write;

use ssh::Gate;
use tokio_util::sync::CancellationToken;
use trust::audit::Noted;
use worker::Worker;

/// What checks an export of the audit log, with no server.
pub mod audit {
    pub use trust::audit::{LineVerifier, Verdict};
}

/// What is known of deliveries without a server: where one may go, and how it is signed.
pub mod deliveries {
    pub use hooks::{AddressRules, Receiver, Signatures, SigningSecret};
}

/// Every mounted route, for tests and for the reference that walk through them.
pub mod registry {
    use clap::Parser;
    pub use trust::Action;
    pub use web::{Entry, Surface};

    use crate::{Error, House, ServeArgs, boot};

    #[derive(Parser)]
    struct Arguments {
        #[command(flatten)]
        serve: ServeArgs,
    }

    /// The routes of a server that was told nothing in particular. Opens one in `data_dir`, which should be empty.
    pub async fn entries(data_dir: &std::path::Path) -> Result<Vec<Entry>, Error> {
        let wrong = |error: clap::Error| Error::Configuration(error.to_string());
        let arguments = ["motet".into(), "--data-dir".into(), data_dir.as_os_str().to_owned()];
        let Arguments { serve } = Arguments::try_parse_from(arguments).map_err(wrong)?;
        let ground = boot::ground(&serve).await?;
        let settings = serve.resolve(std::net::SocketAddr::from(([127, 0, 0, 1], 7420)))?;
        let house = House::open(ground, settings).await?;
        let entries = house.entries().to_vec();
        house.close().await;
        Ok(entries)
    }
}

pub use boot::{OPERATOR_PUBLIC, Reached, reached};
pub use config::{DataDir, LogFormat, Role, ServeArgs, sealing::SealArgs};
pub use cors::{CorsOrigin, CorsOriginError};
pub use house::{House, statements};
pub use hub::frame as git_frame;
pub use listen::{Listen, ListenError};
pub use proxies::{Network, NetworkError};
pub use reseal::reseal;

/// Why the server does not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting or a file of the data directory is not as it must be: somebody has to decide.
    #[error("{0}")]
    Configuration(String),
    /// The data directory cannot be used.
    #[error("{path} cannot be used: {source}")]
    File {
        /// Which file or directory.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Which.
        address: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The object store cannot be opened.
    #[error("the object store cannot be opened: {0}")]
    Objects(#[from] objects::Error),
    /// The trust plane cannot be opened.
    #[error("the trust plane cannot be opened: {0}")]
    Trust(#[from] trust::Error),
    /// The database cannot be opened.
    #[error("the database cannot be opened: {0}")]
    Db(#[from] db::Error),
    /// Background work cannot be taken up.
    #[error("background work cannot be taken up: {0}")]
    Jobs(#[from] jobs::Error),
    /// The room of repositories cannot be opened.
    #[error("the room of repositories cannot be opened: {0}")]
    Hub(#[from] hub::Error),
    /// The room of work cannot be opened.
    #[error("the room of work cannot be opened: {0}")]
    Pipelines(#[from] pipelines::Error),
}

impl Error {
    /// The process's exit code: 2 where a setting is at fault, else 3 (`spec/hub.md` 10).
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Configuration(_)
            | Self::File { .. }
            | Self::Listen { .. }
            | Self::Objects(objects::Error::Setup(_)) => 2,
            Self::Objects(_)
            | Self::Trust(_)
            | Self::Db(_)
            | Self::Jobs(_)
            | Self::Hub(_)
            | Self::Pipelines(_) => 3,
        }
    }
}

/// Runs the server until it is told to stop. Writes one line to `out` when it answers.
pub async fn serve(args: ServeArgs, out: &mut (impl Write + Send)) -> Result<(), Error> {
    logs::start(&args);
    let ground = boot::ground(&args).await?;
    // Heard from here on: whoever sees the ready line may tell us to stop at once.
    let signals = listener::Signals::listen()?;
    let listener = args.listen.bind(args.local).await?;
    let address = listener.local_addr().map_err(|source| listener::fault(&args.listen, source))?;
    let mut settings = args.resolve(address)?;
    let gate = Gate::open(&args, &settings, &ground).await?;
    settings.ssh = gate.as_ref().map(|it| it.face.clone());
    let house = House::open(ground, settings.clone()).await?;
    boot::tell_address(&args.data_dir, address, &settings.authority)?;
    let metrics = match args.metrics_listen {
        None => None,
        Some(address) => Some(health::serve_metrics(address, house.clone()).await?),
    };
    let stop = CancellationToken::new();
    let worker = Worker::start(&house, &args, &stop).await?;
    let (waiting, told) = (house.clone(), stop.clone());
    let drained = tokio::spawn(async move {
        told.cancelled().await;
        waiting.drain().await;
    });
    let last_word = CancellationToken::new();
    let refusals = tokio::spawn(house.clone().write_refusals(last_word.clone()));
    house.note(Noted::ServerStarted).await?;
    // Whoever started us may have closed its end already; the server runs all the same.
    let _told =
        writeln!(out, "Motet {} is ready at {}", env!("CARGO_PKG_VERSION"), settings.base_url)
            .and_then(|()| out.flush());
    tracing::info!(address = %address, base_url = settings.base_url, "the server is ready");
    let street = listener::Street {
        router: house.router(),
        line: settings.line(),
        rules: args.connections.rules(),
        proxies: settings.trusted_proxies.clone(),
    };
    let ssh = gate.map(|it| it.serve(&house, &args, &settings, &stop));
    // Requests and jobs that are under way get the same time, side by side.
    listener::run(listener, street, signals, args.drain(), &stop).await;
    worker.ended().await;
    if drained.await.is_err() {
        tracing::error!("agents that waited for work may have been cut off");
    }
    if let Some(ssh) = ssh
        && ssh.await.is_err()
    {
        tracing::error!("the listener of SSH did not end as it should");
    }
    // Nobody is refused any more.
    last_word.cancel();
    if refusals.await.is_err() {
        tracing::error!("refused attempts may be missing in the audit log");
    }
    if let Err(error) = house.note(Noted::ServerStopped).await {
        tracing::error!(%error, "the end of the server could not be written to the audit log");
    }
    drop(metrics);
    house.close().await;
    tracing::info!("the server has stopped");
    Ok(())
}
