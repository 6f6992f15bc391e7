//! What is shown to other servers, so that they let imports and mirrors in: sealed, and given back to nobody
//! (`spec/hub.md` 5, Mirrors; `spec/trust.md` 5, Sealing).
//!
//! A value belongs to one import or one mirror, by its id, and goes with the repository.

pub(crate) mod store;

use db::Tx;
use keys::Place;
use names::Secret;
use uuid::Uuid;

pub(crate) use store::STATEMENTS;

use crate::{Error, Trust};

/// The column under which a value is sealed.
const COLUMN: &str = "sealed_value";

impl Trust {
    /// Keeps what is shown for `of`, in the place of what was.
    pub async fn seal_remote(
        &self,
        tx: &mut Tx,
        (of, repository): (Uuid, Uuid),
        value: &Secret<String>,
    ) -> Result<(), Error> {
        let (seals, row) = (self.signing_keys()?.sealer(), of.to_string());
        let sealed = seals.seal(&self.0.random, place(&row), value.expose().as_bytes());
        Ok(store::set(tx, (of, repository), (seals.key_id(), &sealed)).await?)
    }

    /// What is shown for `of`, if anything is.
    pub async fn open_remote(
        &self,
        tx: &mut Tx,
        of: Uuid,
    ) -> Result<Option<Secret<String>>, Error> {
        let Some(sealed) = store::find(tx, of).await? else { return Ok(None) };
        let (row, corrupt) =
            (of.to_string(), db::Error::corrupt("remote_credentials.sealed_value"));
        let opened = self.signing_keys()?.sealer().open(place(&row), &sealed).map_err(corrupt)?;
        let text = std::str::from_utf8(opened.expose());
        let text = text.map_err(db::Error::corrupt("remote_credentials.sealed_value"))?;
        Ok(Some(Secret::new(text.to_owned())))
    }

    /// Forgets what is shown for `of`.
    pub async fn forget_remote(&self, tx: &mut Tx, of: Uuid) -> Result<(), Error> {
        Ok(store::remove(tx, of).await?)
    }
}

/// Where a value lies: it opens nowhere else.
pub(crate) const fn place(row: &str) -> Place<'_> {
    Place { table: "remote_credentials", column: COLUMN, row }
}
