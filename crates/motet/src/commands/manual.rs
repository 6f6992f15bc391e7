//! `motet manual`: the manual of every command, as `man` reads it.

use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;
use serde_json::json;

use crate::{cli::Cli, context::Context, failure::Failure, report::Report};

/// What can be said with the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet manual | man -l -
  motet manual --out ~/.local/share/man/man1")]
pub struct Manual {
    /// Write a page for each command into this directory, which is made
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

pub(super) fn run(arguments: &Manual, context: &Context) -> Result<Report, Failure> {
    let mut program = Cli::command();
    program.build();
    let Some(directory) = &arguments.out else {
        let page = page(&program)?;
        return Ok(Report::answer(json!({ "page": page }), page));
    };
    let directory = context.at(directory);
    std::fs::create_dir_all(&directory)?;
    let mut pages = Vec::new();
    write_all(&program, &directory, &mut pages)?;
    let count = super::counted(pages.len() as u64, "page");
    Ok(Report::news(json!({ "pages": pages }), format!("wrote {count}")))
}

/// Writes the page of a command and of those below it, as deep as commands go. Hidden ones have none.
fn write_all(command: &Command, directory: &Path, pages: &mut Vec<String>) -> Result<(), Failure> {
    let page = Man::new(command.clone());
    page.generate_to(directory)?;
    pages.push(page.get_filename());
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        write_all(below, directory, pages)?;
    }
    Ok(())
}

fn page(command: &Command) -> Result<String, Failure> {
    let mut page = Vec::new();
    Man::new(command.clone()).render(&mut page)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page() {
        let directory = tempfile::tempdir().unwrap();
        let mut program = Cli::command();
        program.build();
        let mut pages = Vec::new();
        write_all(&program, directory.path(), &mut pages).unwrap();
        for name in
            ["motet.1", "motet-blame.1", "motet-fetch.1", "motet-pull.1", "motet-remote-add.1"]
        {
            assert!(pages.iter().any(|page| page == name), "{name} in {pages:?}");
        }
        assert!(!pages.iter().any(|page| page.contains("import-dir")), "hidden ones have none");
        let pull = std::fs::read_to_string(directory.path().join("motet-pull.1")).unwrap();
        assert!(pull.contains(".SH NAME") && pull.contains("ff\\-only"), "{pull}");
        assert!(!pull.contains('\u{1b}'), "{pull}");
    }

    /// What shells complete is made of the same commands.
    #[test]
    fn completions_know_the_same_commands() {
        let mut script = Vec::new();
        clap_complete::generate(
            clap_complete::Shell::Bash,
            &mut Cli::command(),
            "motet",
            &mut script,
        );
        let script = String::from_utf8(script).unwrap();
        for command in ["motet__subcmd__fetch", "motet__subcmd__pull", "motet__subcmd__blame"] {
            let plain = command.replace("__subcmd", "");
            assert!(script.contains(command) || script.contains(&plain), "{command}");
        }
    }
}
