//! From arguments to an exit code.

use std::{ffi::OsString, io::IsTerminal as _};

use anstream::{
    AutoStream, ColorChoice,
    stream::{AsLockedWrite, RawStream},
};
use clap::{CommandFactory as _, FromArgMatches as _};
use names::{Clock, Random};
use tokio::{
    runtime::{self, Runtime},
    signal,
};

use crate::{
    cli::{Cli, Command, Global},
    commands,
    context::Context,
    failure::{Exit, Failure},
    pager,
    progress::Progress,
    report::{Manner, Report, tell},
    store::Store,
};

/// Runs what `arguments` say, the first of which is the name of the program.
pub fn run<O: RawStream + AsLockedWrite, E: RawStream + AsLockedWrite>(
    arguments: impl IntoIterator<Item = OsString>,
    out: &mut O,
    err: &mut E,
) -> Exit {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    // Asked before anything is parsed, because wrong arguments are told in the same manner.
    let says = |flag: &str| {
        arguments.iter().take_while(|argument| *argument != "--").any(|argument| argument == flag)
    };
    let (json, no_color) = (says("--json"), says("--no-color"));
    let choose = |stream| if no_color { ColorChoice::Never } else { stream };
    let choice_of_out = choose(AutoStream::choice(&*out));
    let mut out = AutoStream::new(out, choice_of_out);
    let choice = choose(AutoStream::choice(&*err));
    let mut err = AutoStream::new(err, choice);

    let parsed = Cli::command()
        .try_get_matches_from(arguments)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let (manner, command, ended) = match parsed {
        Ok(Cli { global, command }) => {
            let manner = Manner { json: global.json, quiet: global.quiet };
            (manner, command.name(), start(&global, command))
        }
        Err(error) if !error.use_stderr() => {
            // Help or version, which is what was asked for.
            let text = error.render();
            let result = serde_json::json!({ "text": text.to_string() });
            (
                Manner { json, quiet: false },
                "help",
                Ok(Report::answer(result, text.ansi().to_string())),
            )
        }
        Err(error) if json => {
            let text = error.render().to_string();
            let sentence = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
            let failure = Failure::usage("wrong_use", sentence).hint("motet --help");
            (Manner { json, quiet: false }, "", Err(failure))
        }
        Err(error) => {
            use std::io::Write as _;
            // A terminal that cannot be written to cannot be told about it either.
            write!(err, "{}", error.render().ansi()).unwrap_or_default();
            return Exit::Usage;
        }
    };
    let is_long = matches!(&ended, Ok(report) if report.is_long);
    if is_long
        && !manner.json
        && out.is_terminal()
        && let Some(exit) = pager::show(manner, command, &ended, choice_of_out, &mut err)
    {
        return exit;
    }
    // The same: results that nobody can read are no success, and nobody can be told.
    tell(manner, command, &ended, &mut out, &mut err).unwrap_or(Exit::Internal)
}

fn start(global: &Global, command: Command) -> Result<Report, Failure> {
    if command.is_local() {
        // No threads, no timers, no sockets, and no signal is held up: each file is whole at any moment.
        let runtime = built(&mut runtime::Builder::new_current_thread())?;
        return runtime.block_on(commands::dispatch(command, &context(global)?));
    }
    let runtime = built(runtime::Builder::new_multi_thread().enable_all())?;
    runtime.block_on(async {
        // A server hears signals itself: it lets requests under way finish.
        if let Command::Serve(arguments) = command {
            return commands::serve::run(*arguments).await;
        }
        let context = context(global)?;
        // Dropped in the middle, a command leaves each file whole and no directory half made.
        tokio::select! {
            ended = commands::dispatch(command, &context) => ended,
            _ = signal::ctrl_c() => {
                Err(Failure::new(Exit::Decide, "interrupted", "interrupted").hint("run it again"))
            }
        }
    })
}

fn built(builder: &mut runtime::Builder) -> Result<Runtime, Failure> {
    builder.build().map_err(|error| Failure::new(Exit::Internal, "runtime", error))
}

fn context(global: &Global) -> Result<Context, Failure> {
    let (clock, random) = (Clock::default(), Random::default());
    let directory = global.directory.canonicalize().map_err(|error| {
        Failure::usage("no_directory", format!("{}: {error}", global.directory.display()))
    })?;
    let mode = if global.quiet { crate::progress::Mode::Never } else { global.progress };
    Ok(Context {
        store: Store::new(global.config_dir.clone(), &random)?,
        directory,
        insecure: global.insecure,
        progress: Progress::new(mode, std::io::stderr().is_terminal()),
        clock,
        random,
    })
}

#[cfg(test)]
mod tests;
