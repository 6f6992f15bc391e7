//! Long texts on a terminal: handed to `less`, which ends by itself if they fit (`spec/hub.md` 10).

use std::{
    io::{self, Write},
    process::{Command, Stdio},
};

use anstream::{AutoStream, ColorChoice};

use crate::{
    failure::{Exit, Failure},
    report::{Manner, Report, tell},
};

/// Ends on one screen, passes colours on and nothing else that is raw, leaves the screen as it is.
const PAGER: &str = "less";
const PAGER_ARGUMENTS: &str = "-FRX";

/// Tells a result through the pager; none if there is no pager, and then nothing was told.
pub(crate) fn show(
    manner: Manner,
    command: &str,
    ended: &Result<Report, Failure>,
    choice: ColorChoice,
    err: &mut impl Write,
) -> Option<Exit> {
    let started = Command::new(PAGER).arg(PAGER_ARGUMENTS).stdin(Stdio::piped()).spawn();
    let mut pager = started.ok()?;
    let input = pager.stdin.take()?;
    // What a terminal would have been shown; `Auto` would see a pipe.
    let mut text = Vec::new();
    let exit = match choice {
        ColorChoice::Never => {
            let mut plain = AutoStream::never(&mut text);
            tell(manner, command, ended, &mut plain, err)
        }
        ColorChoice::Auto | ColorChoice::AlwaysAnsi | ColorChoice::Always => {
            tell(manner, command, ended, &mut text, err)
        }
    };
    // Whoever quits the pager has read enough.
    let poured = pour(input, &text);
    pager.wait().ok()?;
    poured.and(exit).ok().or(Some(Exit::Internal))
}

fn pour(mut input: impl Write, text: &[u8]) -> io::Result<()> {
    match input.write_all(text) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
