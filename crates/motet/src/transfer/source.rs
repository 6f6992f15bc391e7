//! Where a history comes from: a repository on a server, over whichever wire the two have in common.

use api::{
    wire::FetchRequest,
    wire2::{LogHead, RefPlace},
};
use history::{ref_log::Chain, worktree::is_plain_name};
use names::{BranchName, CommitId};

use super::{
    Heads, Incoming, TransferError,
    log::{Keys, follow},
    pages,
};
use crate::{
    client::{Client, ClientError, RefsAndLog, RepositoryAddress, Wire},
    visible::visible,
};

/// A repository that is fetched from. Each kind hands what it receives to an [`Incoming`], which believes nothing.
#[derive(Clone, Copy)]
pub enum Source<'a> {
    /// Over the wire: pages where the server has them, else one answer that is in memory as a whole.
    Server(Wire<'a>),
}

/// What a server says that it has, as far as it can be believed without looking at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What the files are.
    pub domain: String,
    /// The branch that is looked at first. It need not be there.
    pub default_branch: BranchName,
    /// The branches.
    pub heads: Heads,
    /// The repository, as the server names it for good.
    pub repository_id: String,
    /// Where each ref is, tags among them, as far as that is told.
    pub places: Vec<RefPlace>,
    /// Where the log of its refs ends; nothing where it has none.
    pub log: Option<LogHead>,
}

impl Offer {
    fn of(told: RefsAndLog) -> Result<Self, TransferError> {
        let RefsAndLog { refs, places, log } = told;
        let heads = Heads::of(&refs)?;
        // Where it is not told, branches alone can be compared with the log.
        let places = places.unwrap_or_default();
        let default_branch = refs.default_branch.parse().map_err(|error| {
            let name = visible(&refs.default_branch);
            TransferError::BadBranch { name, reason: format!("{error}") }
        })?;
        if !is_plain_name(&refs.domain) {
            return Err(TransferError::BadDomain(visible(&refs.domain)));
        }
        let (domain, repository_id) = (refs.domain.clone(), refs.repo_id.clone());
        Ok(Self { domain, default_branch, heads, repository_id, places, log })
    }
}

impl<'a> Source<'a> {
    /// The repository at `address`, asked by `client`.
    pub const fn of(client: &'a Client, address: &'a RepositoryAddress) -> Self {
        Self::Server(client.wire(&address.owner, &address.name))
    }

    /// What there is.
    pub async fn offer(&self) -> Result<Offer, TransferError> {
        match self {
            Self::Server(wire) => Offer::of(wire.refs_and_log().await?),
        }
    }

    /// The log of its refs, followed from where it was followed before to the end that was offered; nothing where there
    /// is none, and was none.
    pub async fn follow(
        &self,
        known: Option<Chain>,
        offer: &Offer,
    ) -> Result<Option<Chain>, TransferError> {
        match self {
            Self::Server(wire) => follow(*wire, known, offer).await,
        }
    }

    /// Takes in those of some keys that the server knows.
    pub async fn learn(&self, names: Vec<String>, keys: &mut Keys) -> Result<(), TransferError> {
        match self {
            Self::Server(wire) => {
                let found = wire.known_keys(names).await?;
                found.keys.iter().for_each(|it| keys.add(&it.public_key));
                Ok(())
            }
        }
    }

    /// Its address, as it is noted.
    pub fn address(&self) -> String {
        match self {
            Self::Server(wire) => wire.address(),
        }
    }

    /// Whether what it brings comes in pages, so that it can go on where it was cut. Known once there is an offer.
    pub fn is_paged(&self) -> bool {
        match self {
            Self::Server(wire) => wire.is_paged(),
        }
    }

    /// Brings what `want` leads to and `have` does not; with `tips` the files of what is wanted alone, where there are pages.
    pub(super) async fn bring(
        &self,
        want: &[CommitId],
        have: &[CommitId],
        tips: bool,
        incoming: &mut Incoming<'_>,
    ) -> Result<(), TransferError> {
        match self {
            Self::Server(wire) if wire.is_paged() => {
                pages::bring(*wire, want, have, tips, incoming).await
            }
            Self::Server(wire) => bring_whole(*wire, want, have, incoming).await,
        }
    }
}

/// Everything in one answer; one branch at a time may fit where all at once do not.
async fn bring_whole(
    wire: Wire<'_>,
    want: &[CommitId],
    have: &[CommitId],
    incoming: &mut Incoming<'_>,
) -> Result<(), TransferError> {
    match wire.fetch(FetchRequest { want: want.to_vec(), have: have.to_vec() }).await {
        Ok(answer) => incoming.take(answer).await,
        Err(error) if is_too_large(&error) && want.len() > 1 => {
            let mut have = have.to_vec();
            for head in want {
                let request = FetchRequest { want: vec![*head], have: have.clone() };
                incoming.take(wire.fetch(request).await?).await?;
                have.push(*head);
            }
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

fn is_too_large(error: &ClientError) -> bool {
    error.refusal_code() == "too_large"
}
