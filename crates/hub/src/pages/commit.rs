//! One commit: what it says of itself, what is known about it, what it changed.

use axum::response::Response;
use names::CommitId;
use trust::{Allowed, act};
use web::{Call, Problem, look::When};

use super::{changes, parts};
use crate::{
    Error, Hub, Repository,
    reading::{self, Commit, Revision},
    signatures::{self, Judged},
    views::{
        Section,
        commit::{CommitPage, Parent, Provenance},
    },
    wire,
};

/// A commit that a ref leads to, named by its full id.
pub(super) async fn commit(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let repository = allowed.resource();
    let id: CommitId = call.params.parse("id")?;
    let mut tx = hub.db.read().await?;
    let (revision, _) = Revision::with_path(&mut tx, repository, &id.to_string()).await?;
    let commit = reading::commit(&mut tx, repository, id).await?;
    let changes = reading::changes(&mut tx, repository, &commit, changes::FILES).await?;
    let judged = signatures::judge(&mut tx, [&commit].into_iter()).await?.remove(&id);
    let labels = wire::labels_of(&mut tx, repository.id, &[id]).await.map_err(Error::Db)?;
    drop(tx);
    let shown = hub.show_changes(repository, &commit, changes).await?;
    let page = page(
        &call,
        &allowed,
        &revision,
        (&commit, judged.as_ref()),
        shown,
        When::new(commit.committed_at, hub.clock.now()),
    );
    let labels = labels.into_values().flatten().collect();
    web::page(&CommitPage { labels, ..page })
}

fn page(
    call: &Call,
    allowed: &Allowed<act::ObjectRead, Repository>,
    revision: &Revision,
    (commit, judged): (&Commit, Option<&Judged>),
    shown: changes::Shown,
    when: When,
) -> CommitPage {
    let (repository, record) = (allowed.resource(), &commit.record);
    let (subject, body) = parts::split(&record.message);
    let parent =
        |id: CommitId| Parent { short_id: id.short(), href: parts::commit_href(repository, id) };
    CommitPage {
        layout: parts::layout(call, repository, format!("{subject} · {}", repository.full_name())),
        head: parts::head(allowed.actor(), repository, Some(revision), Section::Commits),
        subject,
        body,
        id: record.commit_id.to_string(),
        tree_href: parts::place(repository, "tree", &record.commit_id.to_string(), None),
        parents: record.parents().map(parent).collect(),
        author: record.author.clone(),
        committed_at: record.committed_at.clone(),
        when,
        branch: record.branch.clone(),
        labels: Vec::new(),
        provenance: Provenance {
            agent_id: record.agent_id.clone(),
            model_id: record.model_id.clone(),
            toolchain_id: record.toolchain_id.clone(),
            prompt_hash: record.prompt_hash.clone(),
            is_untrusted_agent: judged.is_none_or(|it| it.is_untrusted_agent),
        },
        signature: parts::signature(judged),
        signer_key_id: record.signer_key_id.clone(),
        bump: if record.sem_ver_bump == "none" {
            String::new()
        } else {
            record.sem_ver_bump.clone()
        },
        breaking_changes: record.breaking_changes.clone(),
        file_count: shown.files.len() as u64,
        added: shown.files.iter().map(|file| file.added).sum(),
        removed: shown.files.iter().map(|file| file.removed).sum(),
        is_merge: record.parent2_commit_id.is_some(),
        files: shown.files,
        more_href: shown
            .is_truncated
            .then(|| parts::place(repository, "tree", &record.commit_id.to_string(), None)),
    }
}
