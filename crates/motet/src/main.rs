//! `motet`, the binary.

use std::{io, process::ExitCode};

fn main() -> ExitCode {
    motet::run(std::env::args_os(), &mut io::stdout(), &mut io::stderr()).into()
}
