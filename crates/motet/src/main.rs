//! `motet`, the binary.

use std::{io, process::ExitCode};

fn main() -> ExitCode {
    if let Some(code) = motet::as_hook(std::env::args_os().next().as_deref()) {
        return code.into();
    }
    motet::run(std::env::args_os(), &mut io::stdout(), &mut io::stderr()).into()
}
