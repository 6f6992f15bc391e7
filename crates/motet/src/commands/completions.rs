//! `motet completions`: a script that teaches a shell the commands.

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};
use serde_json::json;

use crate::{cli::Cli, report::Report};

/// What can be said with the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet completions bash > ~/.local/share/bash-completion/completions/motet
  motet completions fish > ~/.config/fish/completions/motet.fish")]
pub struct Completions {
    /// Which shell
    pub shell: Shell,
}

pub(super) fn run(arguments: &Completions) -> Report {
    let mut script = Vec::new();
    generate(arguments.shell, &mut Cli::command(), "motet", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    let result = json!({ "shell": arguments.shell.to_string(), "script": script });
    Report::answer(result, script)
}
