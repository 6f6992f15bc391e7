//! What has come of a push is looked at, before it becomes history.

use names::Id;

use super::{session::Session, store};
use crate::{
    Error, Hub,
    intake::{Asks, Heads},
    wire::{landing, upload::Upload},
};

/// Commits in which the domain of a first push is looked for.
const FIRST: u32 = 100;

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
        if !asks.is_anything() {
            return Ok(Vec::new());
        }
        let roots = store::roots_of(&mut tx, session.id, repository.id).await?;
        drop(tx);
        let news = self.news_of_trees(asks, &roots).await?;
        self.inspect(asks, &news, &Heads::new()).await
    }
}
