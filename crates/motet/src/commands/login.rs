//! `motet login`: signs a browser in (`--web`), or this machine without one (`--device`); a local server lets one in
//! (`--local`), `spec/trust.md` 6, 7.

use std::{fs, io::Write as _, path::Path, time::Duration};

use keys::{PrivateKey, PublicKey};
use serde_json::json;
use server::DataDir;
use tokio::time::sleep;

use crate::{
    client::{Client, ClientError, DeviceFlow, Origin},
    context::Context,
    failure::{Exit, Failure},
    report::Report,
    store::{Account, Credential, StoreError, create_key, load_key},
    visible,
};

/// The data directory that `motet serve` uses unless told otherwise.
const DATA_DIR: &str = "data";
/// By how much longer to wait once the server says so (RFC 8628 section 3.5).
const SLOWER: u64 = 5;
/// The longest pause between two questions that is believed, in seconds.
const MAX_INTERVAL: u64 = 60;

/// What can be said with the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet login --web
  motet login --web https://forge.example --json
  motet login --device https://forge.example --label build-host
  motet login --local --data-dir ~/motet")]
#[command(group = clap::ArgGroup::new("way").required(true))]
pub struct Login {
    /// Print an address that signs a browser in: it works once, within a minute
    #[arg(long, group = "way")]
    pub web: bool,
    /// Sign this machine in: somebody agrees in a browser on another one, and a token is kept here
    #[arg(long, group = "way")]
    pub device: bool,
    /// Become the one person of a local server on this machine, with a key of your own
    #[arg(long, group = "way")]
    pub local: bool,
    /// What the token may be used for, in words such as hub:read
    #[arg(long, value_name = "WORDS", default_value = "hub:write collab:write")]
    pub scope: String,
    /// What to call the token
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub label: String,
    /// Which local server: its public half of the operator's key is there, and where it answers
    #[command(flatten)]
    pub directory: DataDir,
    /// The server
    #[arg(value_name = "ADDRESS")]
    pub origin: Option<Origin>,
}

pub(super) async fn run(arguments: &Login, context: &Context) -> Result<Report, Failure> {
    if arguments.local { local(arguments, context).await } else { web(arguments, context).await }
}

async fn web(arguments: &Login, context: &Context) -> Result<Report, Failure> {
    let origin = context.which_origin(arguments.origin.as_ref())?;
    if arguments.device {
        return device(arguments, &origin, context).await;
    }
    let (_, client) = context.signed_in(&origin)?;
    let made = client.web_login().await?;
    let (url, expires_at) = (visible(&made.url), visible(&made.expires_at));
    let result = json!({ "host": origin.to_string(), "url": url, "expires_at": expires_at });
    Ok(Report::answer(result, url))
}

async fn device(arguments: &Login, origin: &Origin, context: &Context) -> Result<Report, Failure> {
    let client = context.client(origin, None)?;
    let flow = client.begin_device(&arguments.scope, &arguments.label).await?;
    // On standard error: standard output holds the result alone.
    writeln!(
        anstream::stderr(),
        "Open {} in a browser, on any machine, and type the code\n\n    {}\n\nwithin {} minutes.",
        visible(&flow.verification_uri),
        visible(&flow.user_code),
        flow.expires_in.div_ceil(60)
    )?;
    let token = wait(&client, &flow).await?;
    let client = context.client(origin, None)?.with_token(token.clone());
    let me = client.me().await?.principal;
    let handle = me.handle.parse().map_err(|_| {
        let message = format!("{origin} names somebody who cannot have that name");
        Failure::new(Exit::Unverified, "unbelievable", message)
    })?;
    let file = context.store.keep_token(origin, &token)?;
    let path = context.store.path().join(&file);
    let account = Account { handle, credential: Credential::Token(file) };
    context.store.set_account(origin, &account)?;
    let handle = &account.handle;
    let path = visible(&path.to_string_lossy());
    let result = json!({ "host": origin.to_string(), "handle": handle, "token_file": path });
    Ok(Report::news(result, format!("you are {handle} at {origin} now, with a token in {path}")))
}

/// Asks until somebody has decided.
async fn wait(client: &Client, flow: &DeviceFlow) -> Result<names::Secret<String>, Failure> {
    let mut interval = flow.interval.min(MAX_INTERVAL);
    let mut waited = 0;
    while waited <= flow.expires_in {
        sleep(Duration::from_secs(interval)).await;
        waited = waited.saturating_add(interval.max(1));
        match client.poll_device(flow).await {
            Ok(token) => return Ok(token),
            Err(error) => interval = next(error, interval)?,
        }
    }
    Err(ended())
}

/// How long to wait before the next question, if there is to be one.
fn next(error: ClientError, interval: u64) -> Result<u64, Failure> {
    match error.refusal_code() {
        "authorization_pending" => Ok(interval),
        "slow_down" | "temporarily_unavailable" => {
            Ok(interval.saturating_add(SLOWER).min(MAX_INTERVAL))
        }
        "expired_token" => Err(ended()),
        "access_denied" => {
            Err(Failure::new(Exit::NotAllowed, "access_denied", "whoever was asked said no"))
        }
        _ => Err(error.into()),
    }
}

fn ended() -> Failure {
    Failure::new(Exit::Refused, "expired_token", "nobody agreed in time")
        .hint("motet login --device begins again")
}

/// The server lets us in for a moment, and that moment registers a key: from then on requests are signed as everywhere.
async fn local(arguments: &Login, context: &Context) -> Result<Report, Failure> {
    let directory = arguments.directory.data_dir.as_deref().unwrap_or(Path::new(DATA_DIR));
    let directory = context.at(directory);
    let operator = operator_of(&directory)?;
    let origin = match &arguments.origin {
        Some(origin) => origin.clone(),
        None => address_in(&directory)?,
    };
    let mut client = context.client(&origin, None)?;
    let handle = client.let_in(&operator).await?;
    let key_file = context.store.default_key_file();
    let key = match load_key(&key_file) {
        Err(StoreError::NoKey { .. }) => {
            context.store.prepare()?;
            let key = PrivateKey::generate(&context.random);
            create_key(&key_file, &key, "motet")?;
            key
        }
        loaded => loaded?,
    };
    register(&client, &handle, &key).await?;
    context.store.set_account(
        &origin,
        &Account { handle: handle.clone(), credential: Credential::Key(key_file) },
    )?;
    let fingerprint = key.fingerprint().to_string();
    let result =
        json!({ "host": origin.to_string(), "handle": handle, "fingerprint": fingerprint });
    Ok(Report::news(
        result,
        format!("you are {handle} at {origin} now, with the key {fingerprint}"),
    ))
}

/// Registers the key, unless it was registered before.
async fn register(
    client: &Client,
    handle: &names::Handle,
    key: &PrivateKey,
) -> Result<(), Failure> {
    match client.register(handle, key, None, None).await {
        Ok(_) => Ok(()),
        Err(ClientError::Refused(refusal)) if refusal.code == "key_taken" => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn operator_of(directory: &Path) -> Result<PublicKey, Failure> {
    let path = directory.join(server::OPERATOR_PUBLIC);
    let found = fs::read_to_string(&path).ok().and_then(|it| PublicKey::parse(it.trim()).ok());
    let (key, _) = found.ok_or_else(|| {
        let message =
            format!("{} cannot be read, so no server can be told from a stranger", path.display());
        Failure::new(Exit::Usage, "no_operator", message)
            .hint("name the data directory of the local server with --data-dir")
    })?;
    Ok(key)
}

fn address_in(directory: &Path) -> Result<Origin, Failure> {
    let reached = server::reached(directory).map_err(|error| {
        let message = format!("where the server answers is not known: {error}");
        Failure::new(Exit::Usage, "no_server", message)
            .hint("start it with motet serve --local, or name its address")
    })?;
    Ok(format!("http://{}", reached.address).parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Refusal;

    fn after(code: &str) -> Result<u64, Failure> {
        let body = format!(r#"{{"error":"{code}"}}"#);
        let refusal = Refusal::read(400, "application/json", body.as_bytes());
        next(ClientError::Refused(Box::new(refusal)), 5)
    }

    #[test]
    fn the_words_of_the_server_say_whether_to_go_on() {
        assert_eq!(after("authorization_pending").unwrap(), 5);
        assert_eq!(after("slow_down").unwrap(), 10);
        assert_eq!(after("expired_token").unwrap_err().exit as u8, 5);
        assert_eq!(after("access_denied").unwrap_err().exit as u8, 7);
        assert_eq!(after("invalid_client").unwrap_err().code, "invalid_client");
    }
}
