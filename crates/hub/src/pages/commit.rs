//! One commit: what it says of itself, what is known about it, what it changed.

use api::CommitRecord;
use axum::response::Response;
use names::CommitId;
use trust::{Allowed, act};
use web::{Call, Problem, look::When};

use super::{
    changes::{Asked, Between},
    parts,
};
use crate::{
    Error, Hub, Repository,
    reading::{Commit, History, Revision, api::Around},
    signatures::{self, Judged},
    views::{
        Section,
        commit::{CommitPage, Parent, Provenance, RefLink},
        diff::Changes,
    },
    wire,
};

/// Refs that are told.
const REFS: usize = 50;

/// A commit, by its id or the beginning of it.
pub(super) async fn commit(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let asked: Asked = call.query()?;
    let history = History::open(&hub, &allowed);
    let revision = history.resolve(call.params.text("id")).await?;
    let (repository, id) = (allowed.resource(), revision.commit);
    let commit = history.commit(id).await?;
    let found = history.between((commit.record.parent_commit_id, id), asked.path()).await?;
    let here = parts::commit_href(repository, id);
    let before = commit.record.parent_commit_id;
    let between = Between { before, after: id, here: &here };
    let changes = history.show_changes(&between, &found, &asked).await?;
    let around = history.around(&revision).await?;
    let mut tx = hub.db.glance().await?;
    let judged = signatures::judge(&mut tx, [&commit].into_iter()).await?.remove(&id);
    let labels = wire::labels_of(&mut tx, repository.id, &[id]).await.map_err(Error::Db)?;
    drop(tx);
    let when = When::new(commit.committed_at, hub.clock.now());
    let known = (&commit, judged.as_ref(), &around);
    let page = page(&call, &allowed, &revision, known, changes, when);
    let labels = labels.into_values().flatten().collect();
    web::page(&CommitPage { labels, ..page })
}

/// What else the record says: its other fields, and what its client wrote beside them.
fn facts(record: &CommitRecord) -> Vec<(String, String)> {
    let mut facts = vec![("Snapshot".to_owned(), record.snapshot_id.to_string())];
    if !record.reviewed_by.is_empty() {
        facts.push(("Reviewed by".to_owned(), record.reviewed_by.join(", ")));
    }
    if record.test_runs > 0 {
        facts.push(("Test runs".to_owned(), record.test_runs.to_string()));
    }
    facts.extend(record.metadata.clone());
    facts
}

fn page(
    call: &Call,
    allowed: &Allowed<act::ObjectRead, Repository>,
    revision: &Revision,
    (commit, judged, around): (&Commit, Option<&Judged>, &Around),
    changes: Changes,
    when: When,
) -> CommitPage {
    let (repository, record) = (allowed.resource(), &commit.record);
    let (subject, body) = parts::split(&record.message);
    let link =
        |id: CommitId| Parent { short_id: id.short(), href: parts::commit_href(repository, id) };
    let id = record.commit_id.to_string();
    let tag = |name: &String| RefLink {
        name: name.strip_prefix("refs/heads/").unwrap_or(name).to_owned(),
        href: parts::place(
            repository,
            "tree",
            name.strip_prefix("refs/heads/").unwrap_or(name),
            None,
        ),
    };
    let refs = around.refs.as_deref().map(|refs| refs.iter().take(REFS).map(tag).collect());
    let archive = |ending: &str| format!("{}/archive/{id}.{ending}", parts::home_of(repository));
    CommitPage {
        layout: parts::layout(call, repository, format!("{subject} · {}", repository.full_name())),
        head: parts::head(allowed.actor(), repository, Some(revision), Section::Commits),
        subject,
        body,
        tree_href: parts::place(repository, "tree", &id, None),
        archives: ["tar.gz", "zip"].map(|it| (it, archive(it))).to_vec(),
        id,
        parents: commit.parents().map(link).collect(),
        children: around.children.iter().copied().map(link).collect(),
        hidden_refs: around.refs.as_ref().map_or(0, |it| it.len().saturating_sub(REFS) as u64),
        refs,
        author: record.author.clone(),
        committed_at: record.committed_at.clone(),
        when,
        branch: record.branch.clone(),
        labels: Vec::new(),
        metadata: facts(record),
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
        is_merge: record.parent2_commit_id.is_some(),
        changes,
    }
}
