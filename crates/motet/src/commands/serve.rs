//! `motet serve`.

use std::io;

use server::ServeArgs;

use crate::{
    failure::{Exit, Failure},
    report::Report,
};

/// Runs a server until it is told to stop by Ctrl-C or SIGTERM.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Everything is kept in the data directory. The first start makes it, with the install key and the
operator's key inside: keep a copy of both.

Examples:
  motet serve
  motet serve --local
  motet serve --data-dir /srv/motet --listen 0.0.0.0:7420 --public-url https://forge.example")]
pub struct Serve {
    /// The settings.
    #[command(flatten)]
    pub settings: ServeArgs,
}

/// Runs the command.
pub(crate) async fn run(arguments: Serve) -> Result<Report, Failure> {
    match server::serve(arguments.settings, &mut io::stdout()).await {
        Ok(()) => Ok(Report::answer(serde_json::json!({ "stopped": true }), String::new())),
        Err(error) => {
            let exit = if error.exit_code() == 2 { Exit::Usage } else { Exit::Internal };
            Err(Failure::new(exit, "serve", error))
        }
    }
}
