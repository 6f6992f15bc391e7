//! `motet keygen`: makes a key.

use std::path::PathBuf;

use keys::PrivateKey;
use serde_json::json;

use crate::{context::Context, failure::Failure, report::Report, store::create_key, visible};

/// What can be said with the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet keygen
  motet keygen --out work.key --comment ada@work")]
pub struct Keygen {
    /// The file to make, instead of the one beside the accounts
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// What to call the key
    #[arg(long, value_name = "TEXT", default_value = "motet", hide_default_value = true)]
    pub comment: String,
}

pub(super) fn run(arguments: &Keygen, context: &Context) -> Result<Report, Failure> {
    let path = if let Some(path) = &arguments.out {
        context.at(path)
    } else {
        context.store.prepare()?;
        context.store.default_key_file()
    };
    let key = PrivateKey::generate(&context.random);
    create_key(&path, &key, &arguments.comment)?;
    let comment = visible(&arguments.comment);
    let line = format!("{} {}", key.public().to_openssh(), comment.trim());
    let line = line.trim_end();
    let fingerprint = key.fingerprint();
    let file = visible(&path.to_string_lossy());
    let result = json!({ "file": file, "fingerprint": fingerprint, "public_key": line });
    Ok(Report::answer(
        result,
        format!("key file     {file}\nfingerprint  {fingerprint}\npublic key   {line}"),
    ))
}
