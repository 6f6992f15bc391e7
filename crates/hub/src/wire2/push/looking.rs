//! What has come of a push is looked at, before it becomes history.

use std::collections::HashSet;

use names::{Id, ObjectId};

use super::{session::Session, store};
use crate::{
    Error, Hub, Repository,
    intake::{Asks, Heads, Leaks},
    wire::{
        landing,
        upload::{self, Upload},
    },
};

/// Commits in which the domain of a first push is looked for.
const FIRST: u32 = 100;
/// Objects that are named together.
const OBJECTS: u32 = 5_000;

impl Hub {
    /// Refuses what the repository does not take; gives what is only told.
    pub(super) async fn inspect_push(
        &self,
        allowed: &Upload,
        id: Id<Session>,
    ) -> Result<Vec<String>, Error> {
        let mut tx = self.db.glance().await?;
        let (session, repository) = self.session(&mut tx, allowed, id).await?;
        if session.result.is_some() {
            return Ok(Vec::new());
        }
        let first = match repository.pushed_at {
            None => store::commits_after(&mut tx, session.id, 0, FIRST).await?,
            Some(_) => Vec::new(),
        };
        let domain = first.iter().find_map(|it| landing::domain_of(&it.checked.record));
        let asks = Asks::of(Some(&repository), domain);
        drop(tx);
        let at = (asks, Some(&repository));
        let waiting = if asks.looks_for_secrets() {
            self.waiting_of(allowed, &session, &repository).await?
        } else {
            Vec::new()
        };
        let leaks = self.leaks(at, Leaks::new(), &waiting).await?;
        if !asks.is_anything() && leaks.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.db.glance().await?;
        let roots = store::roots_of(&mut tx, session.id, repository.id).await?;
        drop(tx);
        let news = self.news_of_trees(asks, &roots).await?;
        self.judge_news(at, &news, &Heads::new(), &leaks).await
    }

    /// The objects that a push makes the repository's.
    async fn waiting_of(
        &self,
        allowed: &Upload,
        session: &Session,
        repository: &Repository,
    ) -> Result<Vec<ObjectId>, Error> {
        let uploader = upload::uploader(allowed, repository)?;
        let mut tx = self.db.glance().await?;
        let pending = self.objects.pending(&mut tx, uploader).await?;
        let pending: HashSet<_> = pending.into_iter().collect();
        let (mut waiting, mut after) = (Vec::new(), None);
        loop {
            let named = store::objects_after(&mut tx, session.id, after, OBJECTS).await?;
            let Some((last, _)) = named.last() else { return Ok(waiting) };
            after = Some(*last);
            waiting.extend(named.iter().map(|(id, _)| *id).filter(|id| pending.contains(id)));
        }
    }
}
