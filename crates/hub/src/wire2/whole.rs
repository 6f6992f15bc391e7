//! A whole history as streams, for whoever takes their repositories away (`spec/trust.md` 13).
//!
//! The same pages that a fetch brings, without an end after so many bytes: a stream holds everything that its tips lead
//! to, and whoever reads it checks it as it checks a fetch. Memory is that of one fetch.

use std::collections::HashSet;

use api::stream::{Begin, Counts, StreamKind, limits::BEGIN_IDS};
use bytes::Bytes;
use names::{CommitId, Id};
use tokio::{sync::mpsc, task::JoinHandle};
use trust::{Account, Actor, Allowed, act};
use web::Context;

use super::{fetch::Fetching, sending::Sending, watch::Watch};
use crate::{Error, Format, Hub, Repository, reading, repositories};

/// The history of one repository. Each call of [`OwnHistory::next`] gives one stream.
#[derive(Debug)]
pub struct OwnHistory {
    hub: Hub,
    actor: Actor,
    repository: Id<Repository>,
    refs: Vec<(String, CommitId)>,
    /// What the refs lead to, and how much of it has been sent.
    tips: Vec<CommitId>,
    sent: usize,
}

/// One stream, as it is written.
#[derive(Debug)]
pub struct HistoryStream {
    pieces: mpsc::Receiver<Bytes>,
    ended: JoinHandle<Option<Counts>>,
}

impl Hub {
    /// The history of a repository of the account, with all that its refs lead to.
    pub async fn own_history(
        &self,
        allowed: &Allowed<act::MeExport, Account>,
        repository: Id<Repository>,
    ) -> Result<OwnHistory, Error> {
        let mut tx = self.db.read().await?;
        let found = repositories::by_id(&mut tx, repository).await?;
        let me = allowed.resource().principal.id;
        let Some(found) = found.filter(|it| it.resource.owner == me) else {
            return Err(Error::NotFound);
        };
        let refs = reading::refs(&mut tx, repository).await?;
        let refs: Vec<_> = refs.into_iter().map(|it| (it.name, it.target)).collect();
        let mut seen = HashSet::new();
        // What Git keeps, it packs itself: `Hub::own_bundle`.
        let has_streams = found.format == Format::Muse;
        let tips =
            refs.iter().map(|(_, target)| *target).filter(|it| has_streams && seen.insert(*it));
        let tips = tips.collect();
        let (hub, actor) = (self.clone(), allowed.actor().clone());
        Ok(OwnHistory { hub, actor, repository, refs, tips, sent: 0 })
    }
}

impl OwnHistory {
    /// Where each ref stands, by its full name.
    pub fn refs(&self) -> &[(String, CommitId)] {
        &self.refs
    }

    /// The next stream, none at the end: one for each ten thousand tips.
    pub async fn next(&mut self) -> Result<Option<HistoryStream>, Error> {
        let want: Vec<_> = self.tips.iter().copied().skip(self.sent).take(BEGIN_IDS).collect();
        if want.is_empty() {
            return Ok(None);
        }
        // What the first stream brought is not sent again.
        let first = if self.sent == 0 { 0 } else { BEGIN_IDS };
        let common: Vec<_> = self.tips.iter().copied().take(first).collect();
        self.sent += want.len();
        let begin = Begin {
            kind: StreamKind::Fetch,
            repo_id: self.repository.to_string(),
            want: want.clone(),
            common: common.clone(),
            cursor: None,
        };
        let fetching = Fetching::whole(self.repository, &self.actor, want, common);
        let (hub, watch) = (self.hub.clone(), Watch::of_owner(self.repository));
        let around = (Context::default(), watch);
        let (pieces, ended) = Sending::begin(hub, around, begin, fetching).await?;
        Ok(Some(HistoryStream { pieces, ended }))
    }
}

impl HistoryStream {
    /// The next bytes; none at the end.
    pub async fn next(&mut self) -> Option<Bytes> {
        self.pieces.recv().await
    }

    /// How many commits the stream brought, once nothing more comes. Fails where it ended early.
    pub async fn commits(self) -> Result<u64, Error> {
        let ended = self.ended.await;
        let counts =
            ended.map_err(|error| Error::Broken(format!("a stream ended early: {error}")))?;
        let broken = || Error::Broken("a history could not be written to its end".to_owned());
        counts.map(|it| it.commits).ok_or_else(broken)
    }
}
