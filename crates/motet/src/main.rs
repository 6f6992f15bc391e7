//! `motet`, the binary.

use std::{io, process::ExitCode};

use mimalloc::MiMalloc;

/// Memory of every part of the program (`docs/decisions/0019-an-allocator-of-its-own.md`).
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    if let Some(code) = motet::as_hook(std::env::args_os().next().as_deref()) {
        return code.into();
    }
    motet::run(std::env::args_os(), &mut io::stdout(), &mut io::stderr()).into()
}
