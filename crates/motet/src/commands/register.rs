//! `motet register`: makes a key known to a server.

use std::path::PathBuf;

use names::Handle;
use serde_json::json;

use super::invite::read_code;
use crate::{
    client::Origin,
    context::Context,
    failure::Failure,
    report::Report,
    store::{Account, Credential, load_key},
    visible,
};

/// What can be said with the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet register https://forge.example ada
  motet register http://127.0.0.1:4000 ada --key ~/.ssh/id_ed25519 --label laptop
  motet register https://forge.example ada --invite-file code.txt")]
pub struct Register {
    /// The server
    #[arg(value_name = "ADDRESS")]
    pub origin: Origin,
    /// The handle to take, or one of yours that gets another key
    pub handle: Handle,
    /// The file of the private key, instead of the one that `motet keygen` makes
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// What to call the key at the server
    #[arg(long, value_name = "TEXT")]
    pub label: Option<String>,
    /// A file with the code of an invitation, where the server takes nobody without
    #[arg(long, value_name = "FILE")]
    pub invite_file: Option<PathBuf>,
}

pub(super) async fn run(arguments: &Register, context: &Context) -> Result<Report, Failure> {
    let Register { origin, handle, key, label, invite_file } = arguments;
    let key_file = match key {
        Some(path) => context.at(path),
        None => context.store.default_key_file(),
    };
    let key = load_key(&key_file)?;
    // A handle that is taken gets a further key only from who has one of its keys.
    let known = context.store.account(origin)?;
    // Whoever is invited has no key there: that of an account which was left is not known any more.
    let signer = known
        .filter(|known| invite_file.is_none() && known.handle == *handle)
        .and_then(|known| known.key_file().filter(|it| **it != key_file).cloned())
        .and_then(|file| load_key(&file).ok());
    let client = context.client(origin, signer)?;
    let invite = invite_file.as_ref().map(|file| read_code(Some(file), context)).transpose()?;
    let registered = client.register(handle, &key, label.as_deref(), invite.as_ref()).await?;
    let credential = Credential::Key(key_file.clone());
    let account = Account { handle: handle.clone(), credential };
    context.store.set_account(origin, &account)?;
    let label = visible(&registered.label);
    let result = json!({
        "host": origin.to_string(),
        "handle": handle,
        "fingerprint": registered.fingerprint,
        "label": label,
        "key_file": visible(&key_file.to_string_lossy()),
    });
    let text = format!("you are {handle} at {origin} now, with the key {}", registered.fingerprint);
    Ok(Report::news(result, text))
}
