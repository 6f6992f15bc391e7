//! A page of rows for people, newest first.

use db::{Error, Tx};
use names::UnixMillis;
use uuid::Uuid;

use super::{Chain, Noted, Row, store};

/// Which rows. What is not said does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Done by this principal.
    pub actor: Option<Uuid>,
    /// This action.
    pub action: Option<Noted>,
    /// With this kind of thing.
    pub resource_kind: Option<String>,
    /// With this thing.
    pub resource_id: Option<String>,
    /// Not earlier.
    pub since: Option<UnixMillis>,
    /// Earlier than this.
    pub until: Option<UnixMillis>,
}

/// What is erased after a year.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Private {
    /// The address of the peer.
    pub ip: String,
    /// What the client called itself.
    pub user_agent: String,
}

/// A row, with what has not been erased yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The row.
    pub row: Row,
    /// The actor's handle.
    pub actor: Option<String>,
    /// Where the request came from.
    pub private: Option<Private>,
}

pub(super) async fn page(
    tx: &mut Tx,
    chain: Chain,
    filter: &Filter,
    before: Option<i64>,
    limit: u16,
) -> Result<Vec<Found>, Error> {
    store::page(tx, chain, filter, before.unwrap_or(i64::MAX), limit).await
}
