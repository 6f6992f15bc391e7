//! How commits stand to one another.

use db::Tx;
use names::{CommitId, Id};

use super::between;
use crate::{Error, Repository};

/// How many commits `head` has that `base` has not, and the other way round.
pub(crate) async fn ahead_behind(
    tx: &mut Tx,
    repository: Id<Repository>,
    base: CommitId,
    head: CommitId,
) -> Result<(u64, u64), Error> {
    if base == head {
        return Ok((0, 0));
    }
    let ahead = between(tx, repository, &[head], &[base]).await?.len();
    let behind = between(tx, repository, &[base], &[head]).await?.len();
    Ok((ahead as u64, behind as u64))
}
