//! From a file that was taken away to a working copy: a history as wire 2 brings it (`spec/trust.md` 13).

use std::io::Read;

use history::worktree::WorkingCopy;
use names::CommitId;

use super::{Fetched, Incoming, Note, TransferError, receiver::Receiver};
use crate::progress::Progress;

/// Bytes that are read at once.
const PIECE: usize = 256 << 10;

/// Why a history was not unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The file cannot be read.
    #[error("the file cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// What it holds is not what it says.
    #[error(transparent)]
    Transfer(#[from] TransferError),
}

/// Takes in one stream, and checks it as one from a server.
pub fn unpack(
    copy: &WorkingCopy,
    mut stream: impl Read,
    progress: &Progress,
) -> Result<Fetched, UnpackError> {
    let (mut incoming, mut note) = (Incoming::new(copy, progress)?, Note::default());
    let mut receiver = Receiver::new(&mut incoming, &mut note);
    let mut piece = vec![0; PIECE];
    loop {
        let length = stream.read(&mut piece)?;
        let Some(read) = piece.get(..length).filter(|read| !read.is_empty()) else { break };
        receiver.take(read)?;
    }
    receiver.finish()?;
    let fetched = incoming.fetched;
    copy.sync().and_then(|()| copy.end_transfer()).map_err(TransferError::from)?;
    Ok(fetched)
}

/// Whether all of `want` has come.
pub fn check_unpacked(
    copy: &WorkingCopy,
    want: &[CommitId],
    progress: &Progress,
) -> Result<(), TransferError> {
    Incoming::new(copy, progress)?.check(want)
}
