//! A whole repository as one file that Git clones from, for whoever takes their repositories away (`spec/trust.md` 13).

use bytes::Bytes;
use names::Id;
use tokio::{io::AsyncReadExt as _, process::ChildStdout};
use trust::{Account, Allowed, act};

use super::{
    chores::complaint,
    process::{Chore, GitProcess, Life},
    store,
};
use crate::{Error, Format, Hub, Repository, repositories};

/// What is read at once.
const PIECE: usize = 64 << 10;

/// The bytes of a bundle, as they are made.
#[derive(Debug)]
pub struct Bundle {
    output: ChildStdout,
    life: Life,
}

impl Hub {
    /// The bundle of a repository of the account; nothing for one that is empty or no repository of Git.
    pub async fn own_bundle(
        &self,
        allowed: &Allowed<act::MeExport, Account>,
        id: Id<Repository>,
    ) -> Result<Option<Bundle>, Error> {
        let mut tx = self.db.read().await?;
        let found = repositories::by_id(&mut tx, id).await?.ok_or(Error::NotFound)?;
        if found.resource.owner != allowed.resource().principal.id {
            return Err(Error::NotFound);
        }
        if found.format != Format::Git || store::present(&mut tx, id).await?.is_empty() {
            return Ok(None);
        }
        drop(tx);
        let dir = self.git.stand(&found).await?;
        let arguments = vec!["bundle", "create", "--quiet", "-", "--all"];
        let chore = Chore::of(arguments);
        let GitProcess { input, output, errors, life } = self.git.program()?.run(&dir, &chore)?;
        drop(input);
        tokio::spawn(async move {
            let complaint = complaint(errors).await;
            if !complaint.is_empty() {
                tracing::warn!(complaint, "git complained of a bundle");
            }
        });
        Ok(Some(Bundle { output, life }))
    }
}

impl Bundle {
    /// The next piece; nothing at the end of a whole one.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let mut piece = Vec::with_capacity(PIECE);
        if self.output.read_buf(&mut piece).await.map_err(Error::Git)? > 0 {
            return Ok(Some(piece.into()));
        }
        let status = self.life.ended().await.map_err(Error::Git)?;
        if status.success() {
            Ok(None)
        } else {
            Err(Error::Broken("a bundle broke off".to_owned()))
        }
    }
}
