//! What a push of wire 1 brings is looked at, before its transaction.

use std::collections::{HashMap, HashSet};

use api::CommitRecord;
use history::Manifest;
use names::{CommitId, SnapshotId};
use trust::{Allowed, act};

use super::{
    bundle::Bundle,
    landing::{self, domain_of},
    upload,
};
use crate::{
    Error, Hub, Repository,
    intake::{Asks, Leaks, News},
    reading,
    repositories::PushTarget,
};

impl Hub {
    /// Refuses what the repository does not take; gives what is only told.
    pub(super) async fn inspect_bundle(
        &self,
        allowed: &Allowed<act::RefPush, PushTarget>,
        bundle: &mut Bundle,
    ) -> Result<Vec<String>, Error> {
        let at_hand = std::mem::take(&mut bundle.leaks);
        let bundle = &*bundle;
        let repository = match allowed.resource() {
            PushTarget::Existing(repository) => Some(&**repository),
            PushTarget::Absent { .. } => None,
        };
        let domain = bundle.commits.iter().find_map(|it| domain_of(&it.record));
        let asks = Asks::of(repository, domain);
        let leaks = self.leaks_of(allowed, (asks, repository), bundle, at_hand).await?;
        if !asks.is_anything() && leaks.is_empty() {
            return Ok(Vec::new());
        }
        let news = self.news_of(asks, repository, bundle).await?;
        self.judge_news((asks, repository), &news, &bundle.heads, &leaks).await
    }

    /// What was left in objects that the push makes the repository's: in those that came with it, and in those that came
    /// before it.
    async fn leaks_of(
        &self,
        allowed: &Allowed<act::RefPush, PushTarget>,
        (asks, repository): (Asks, Option<&Repository>),
        bundle: &Bundle,
        at_hand: Leaks,
    ) -> Result<Leaks, Error> {
        let mut waiting = Vec::new();
        if let Some(repository) = repository.filter(|_| asks.looks_for_secrets()) {
            let uploader = upload::uploader(allowed, repository)?;
            let pending = self.objects.pending(&mut self.db.glance().await?, uploader).await?;
            let pending: HashSet<_> = pending.into_iter().collect();
            waiting = bundle.objects();
            waiting.retain(|id| pending.contains(id) && !bundle.heads.contains_key(id));
        }
        self.leaks((asks, repository), at_hand, &waiting).await
    }

    /// What each new snapshot brings beside that of the first parent of its commit.
    async fn news_of(
        &self,
        asks: Asks,
        repository: Option<&Repository>,
        bundle: &Bundle,
    ) -> Result<Vec<News>, Error> {
        let commits: HashMap<_, _> =
            bundle.commits.iter().map(|it| (it.record.commit_id, &it.record)).collect();
        let ids: Vec<_> = bundle.snapshots.keys().copied().collect();
        let mut tx = self.db.read().await?;
        let mut seen = match repository {
            Some(it) => landing::held_snapshots(&mut tx, it.id, &ids).await?,
            None => HashSet::new(),
        };
        let mut loaded: HashMap<SnapshotId, Manifest> = HashMap::new();
        let (none, mut news) = (Manifest::new(), Vec::new());
        for record in bundle.commits.iter().map(|it| &it.record) {
            let Some(snapshot) = bundle.snapshots.get(&record.snapshot_id) else { continue };
            if !seen.insert(snapshot.snapshot_id) {
                continue;
            }
            let before = match (record.parent_commit_id, repository) {
                (None, _) => None,
                (Some(parent), it) => snapshot_of(&mut tx, &commits, it, parent).await?,
            };
            if let (Some(id), Some(it)) = (before, repository)
                && !bundle.snapshots.contains_key(&id)
                && !loaded.contains_key(&id)
                && let Some(held) = reading::snapshots(&mut tx, it.id, &[id].into()).await?.get(&id)
            {
                loaded.insert(id, reading::manifest(&mut tx, id, held).await?.manifest);
            }
            let sent = before.and_then(|id| bundle.snapshots.get(&id)).map(|it| &it.manifest);
            let before = sent.or_else(|| loaded.get(&before?)).unwrap_or(&none);
            news.push(News::of_manifest(asks, &snapshot.manifest, before));
        }
        Ok(news)
    }
}

/// The snapshot of a commit that is in the push or held; nothing for one that is neither, which the push is refused for.
async fn snapshot_of(
    tx: &mut db::Tx,
    sent: &HashMap<CommitId, &CommitRecord>,
    repository: Option<&Repository>,
    id: CommitId,
) -> Result<Option<SnapshotId>, Error> {
    if let Some(record) = sent.get(&id) {
        return Ok(Some(record.snapshot_id));
    }
    let Some(repository) = repository else { return Ok(None) };
    let held = reading::commits(tx, repository.id, &[id]).await?;
    Ok(held.get(&id).map(|it| it.record.snapshot_id))
}
