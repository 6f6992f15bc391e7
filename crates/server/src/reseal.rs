//! Another install key: what is sealed goes from under the old one to under the new one, while no server runs
//! (`spec/trust.md` 5, Sealing).

use db::Db;
use keys::InstallKey;
use names::{Clock, Random};
use trust::Resealed;

use crate::{Error, SealArgs, boot};

/// Seals everything anew; gives how many values that were. Saying it again after a crash finds out how far it came: the
/// data is under one of the two keys, whole.
pub async fn reseal(args: &SealArgs) -> Result<u64, Error> {
    let (clock, random) = (Clock::default(), Random::default());
    // Held to the end: a server would not open what it finds.
    let _lock = boot::lock(&args.data_dir)?;
    let old = boot::read_key(&args.old_key_file)?;
    let new = new_key(args, &random)?;
    let db = match args.database_url()? {
        None => Db::sqlite(&args.data_dir.join("motet.db")).await?,
        Some(url) => Db::postgres(url.expose()).await?,
    };
    let outcome = trust::reseal(&db, (&clock, &random), (&old, &new), hooks::reseal).await;
    db.close().await;
    match outcome? {
        Resealed::Done(count) => Ok(count),
        Resealed::Already => Ok(0),
        Resealed::WrongKey => Err(Error::Configuration(format!(
            "the data was not made with the key in {}; nothing was changed: name the file with the key that the server \
             ran with last",
            args.old_key_file.display()
        ))),
    }
}

/// The key from now on. Where it is missing it is made, and on disk before anything is sealed with it.
fn new_key(args: &SealArgs, random: &Random) -> Result<InstallKey, Error> {
    if let Some(text) = SealArgs::install_key_text() {
        return boot::parse_key("MOTET_INSTALL_KEY", text.expose().as_bytes());
    }
    let own = || args.data_dir.join("install.key");
    let path = args.install_key_file.clone().unwrap_or_else(own);
    boot::read_or_make_key(&path, random)
}
