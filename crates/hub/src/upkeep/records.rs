//! Do the rows of a repository fit together? Snapshots have whole trees, trees name linked objects, counters equal a
//! recount (`spec/hub.md` 2, Integrity, and 12). Counters are put right; the rest is for a person.

use std::collections::HashSet;

use db::Tx;
use history::tree::Kind;
use jobs::{Done, Failure};
use names::{Id, NodeId, ObjectId};
use objects::{FaultKind, Scan, ScanKind};

use super::store;
use crate::{Error, Format, Hub, Repository, reading, repositories, wire};

/// Repositories that are read at once.
const PAGE: usize = 200;

pub(super) async fn run(hub: Hub) -> Result<Done, Failure> {
    let mut tx = hub.db.write().await?;
    let mut scan = hub.objects.scan(&mut tx, ScanKind::Records).await?;
    tx.commit().await?;
    let mut after: Option<Id<Repository>> = scan.position.parse().ok();
    loop {
        let page = store::after(&mut hub.db.glance().await?, after, PAGE).await?;
        for id in &page {
            hub.check_records(*id, &mut scan).await?;
            let mut tx = hub.db.write().await?;
            hub.objects.scanned(&mut tx, &scan, Some(&id.to_string())).await?;
            tx.commit().await?;
        }
        after = page.last().copied();
        if page.len() < PAGE {
            break;
        }
    }
    let mut tx = hub.db.write().await?;
    let wrong = store::recount_owners(&mut tx).await?;
    if wrong > 0 {
        tracing::error!(wrong, "owners' counters differed from a recount, and were put right");
        scan.faults += wrong;
    }
    hub.objects.scanned(&mut tx, &scan, None).await?;
    Ok(Done::with(tx))
}

impl Hub {
    /// Looks at one repository.
    async fn check_records(&self, id: Id<Repository>, scan: &mut Scan) -> Result<(), Error> {
        scan.checked += 1;
        let mut tx = self.db.read().await?;
        let Some(repository) = repositories::by_id(&mut tx, id).await? else { return Ok(()) };
        if repository.format == Format::Git {
            // Its trees and its bytes are in packs, which Git itself checked.
            return Ok(());
        }
        let broken = self.broken_trees(&mut tx, id).await?;
        // Counted without holding anybody up; only what differs is counted again while nobody pushes.
        let (objects, bytes) = self.objects.count_links(&mut tx, id.uuid()).await?;
        let differs = store::differs(&mut tx, id, objects, bytes).await?;
        drop(tx);
        let name = repository.full_name();
        let mut tx = self.db.write().await?;
        if broken.is_empty() {
            self.objects.end_fault(&mut tx, FaultKind::Snapshot, &name, "whole again").await?;
        } else {
            let detail = broken.join("; ");
            tracing::error!(repository = name, detail, "a history is not whole");
            let is_new = self
                .objects
                .add_fault(&mut tx, FaultKind::Snapshot, id.uuid(), &name, detail)
                .await?;
            scan.faults += u64::from(is_new);
        }
        if differs {
            scan.faults += self.recount(&mut tx, id, &name).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// What is missing below the snapshots, in sentences; a few of them.
    async fn broken_trees(&self, tx: &mut Tx, id: Id<Repository>) -> Result<Vec<String>, Error> {
        let roots = store::roots(tx, id).await?;
        let (mut seen, mut waiting): (HashSet<NodeId>, Vec<NodeId>) = Default::default();
        waiting.extend(roots.into_iter().filter(|it| seen.insert(*it)));
        let (mut named, mut broken) = (HashSet::<ObjectId>::new(), Vec::new());
        while !waiting.is_empty() {
            let batch = waiting.split_off(waiting.len().saturating_sub(history::tree::MAX_NEEDS));
            let nodes = reading::nodes(tx, &batch).await?;
            let missing = batch.iter().filter(|it| !nodes.contains_key(*it));
            broken.extend(missing.map(|it| format!("the directory {it} is missing")));
            for entry in nodes.values().flat_map(|node| node.entries()) {
                match entry.kind {
                    Kind::File(object) => drop(named.insert(object)),
                    Kind::Directory(child) if seen.insert(child) => waiting.push(child),
                    Kind::Directory(_) | Kind::Module(_) => {}
                }
            }
        }
        named.remove(&ObjectId::EMPTY);
        let mut after = None;
        loop {
            let links = self.objects.links(tx, id.uuid(), after, 5_000).await?;
            for link in &links {
                named.remove(&link.id);
            }
            after = links.last().map(|it| it.id);
            if after.is_none() {
                break;
            }
        }
        broken.extend(named.iter().take(5).map(|it| format!("the object {it} is not linked")));
        broken.truncate(5);
        Ok(broken)
    }

    /// Holds the counters of a repository to what they count; gives how many were wrong.
    async fn recount(&self, tx: &mut Tx, id: Id<Repository>, name: &str) -> Result<u64, Error> {
        wire::lock(tx, id).await?;
        let (objects, bytes) = self.objects.count_links(tx, id.uuid()).await?;
        let Some(wrong) = store::recount(tx, id, objects, bytes).await? else { return Ok(0) };
        let detail = format!("{wrong}; counted again: {objects} objects, {bytes} bytes");
        tracing::error!(
            repository = name,
            detail,
            "counters differed from a recount, and were put right"
        );
        self.objects.add_fault(tx, FaultKind::Quota, id.uuid(), name, detail).await?;
        self.objects.end_fault(tx, FaultKind::Quota, name, "counted again").await?;
        Ok(1)
    }
}
