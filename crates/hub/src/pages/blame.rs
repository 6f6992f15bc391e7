//! The lines of a file with the commits that they came with.

use std::{collections::HashMap, sync::Arc};

use axum::response::Response;
use history::{diff::as_text, tree};
use names::{CommitId, RepoPath, UnixMillis};
use trust::{Allowed, act};
use web::{
    Call, Problem,
    look::{Html, When},
};

use super::parts;
use crate::{
    Error, Hub, Repository,
    reading::{self, BLAMED_BYTES, Blame, BlameQuery, Found, History, Run},
    signatures::{self, Judged},
    views::{
        Section,
        blame::{BlameLine, BlamePage, BlameRun},
    },
};

/// Shades of age.
const AGES: u128 = 10;

/// A file at a revision, line by line.
pub(super) async fn blame(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let (repository, history) = (allowed.resource(), History::open(&hub, &allowed));
    let (revision, path) = history.resolve_with_path(call.params.text("place")).await?;
    let (named, path) = (revision.text(), path.ok_or_else(Problem::not_found)?);
    let commit = history.commit(revision.commit).await?;
    let Found::File(entry) = history.find(&commit, Some(&path)).await? else {
        return Err(Problem::not_found());
    };
    let tree::Kind::File(object) = entry.kind else { return Err(Problem::not_found()) };
    let mut tx = hub.db.glance().await?;
    let heads = reading::branches(&mut tx, repository.id).await.map_err(Error::Db)?;
    drop(tx);
    let file = history.bytes(object, BLAMED_BYTES).await?;
    let notice = match as_text(&file.bytes) {
        _ if file.size > BLAMED_BYTES => {
            Some("This file is too large to be followed line by line.")
        }
        None => Some("This file is not text, so it has no lines to follow."),
        Some("") => Some("This file is empty."),
        Some(_) => None,
    };
    let (mut runs, mut is_partial) = (Vec::new(), false);
    if let (None, Some(text)) = (notice, as_text(&file.bytes)) {
        let text: Arc<str> = text.into();
        let query =
            BlameQuery { commit, path: path.clone(), object, text: Arc::clone(&text), lines: None };
        let blamed = history.within(hub.settings.blame).blame(query).await?;
        is_partial = blamed.runs.iter().any(|run| !run.is_settled);
        let name = path.file_name().to_owned();
        let painted = hub.painted.clone();
        let lines = tokio::task::spawn_blocking(move || painted.lines(object, &name, &text)).await;
        let lines =
            lines.map_err(|error| Error::Broken(format!("a worker ended early: {error}")))?;
        let mut tx = hub.db.glance().await?;
        let judged = signatures::judge(&mut tx, blamed.runs.iter().map(|it| &*it.commit)).await?;
        drop(tx);
        runs = shown(repository, (&blamed, &judged), lines, path.as_str(), hub.clock.now());
    }
    let mut layout = parts::layout(
        &call,
        repository,
        format!("Blame of {path} at {named} · {}", repository.full_name()),
    );
    layout.is_noindex = true;
    let here = parts::place(repository, "blame", &named, Some(path.as_str()));
    web::page(&BlamePage {
        layout,
        head: parts::head(allowed.actor(), repository, Some(&revision), Section::Code),
        branches: parts::menu(repository, &heads, &revision, "blame", Some(&path)),
        path: parts::crumbs(repository, &named, &path),
        name: path.file_name().to_owned(),
        blob_href: parts::place(repository, "blob", &named, Some(path.as_str())),
        run_count: runs.len() as u64,
        runs,
        notice: notice.map(str::to_owned),
        more_href: is_partial.then_some(here),
    })
}

/// The runs with their lines, each line once.
fn shown(
    repository: &Repository,
    (blamed, judged): (&Blame, &HashMap<CommitId, Judged>),
    lines: Vec<Html>,
    path: &str,
    now: UnixMillis,
) -> Vec<BlameRun> {
    let times = blamed.runs.iter().map(|run| run.commit.committed_at.0);
    let (oldest, newest) = (times.clone().min().unwrap_or(0), times.max().unwrap_or(0));
    let mut lines = (1..).zip(lines).map(|(number, text)| BlameLine { number, text });
    let show = |run: &Run| {
        let record = &run.commit.record;
        let before = |(parent, path): &(CommitId, RepoPath)| {
            parts::place(repository, "blame", &parent.to_string(), Some(path.as_str()))
        };
        BlameRun {
            subject: parts::split(&record.message).0,
            href: parts::commit_href(repository, record.commit_id),
            short_id: record.commit_id.short(),
            author: record.author.clone(),
            agent_id: record.agent_id.clone(),
            is_untrusted_agent: judged
                .get(&record.commit_id)
                .is_none_or(|it| it.is_untrusted_agent),
            when: When::new(run.commit.committed_at, now),
            age: age(run.commit.committed_at.0, oldest, newest),
            former_path: (run.path.as_str() != path).then(|| run.path.to_string()),
            before_href: run.before.as_ref().map(before),
            is_settled: run.is_settled,
            lines: lines.by_ref().take(run.lines as usize).collect(),
        }
    };
    blamed.runs.iter().map(show).collect()
}

/// The shade of `time` between the newest, 0, and the oldest, 9.
fn age(time: i64, oldest: i64, newest: i64) -> u8 {
    let (since, span) = (newest.abs_diff(time), newest.abs_diff(oldest));
    let shade = u128::from(since) * AGES / (u128::from(span) + 1);
    u8::try_from(shade).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_go_from_the_newest_to_the_oldest() {
        let ages = [1_000, 900, 500, 100, 0].map(|time| age(time, 0, 1_000));
        assert_eq!(ages, [0, 0, 4, 8, 9]);
        assert_eq!(age(5, 5, 5), 0);
        assert_eq!(age(i64::MIN, i64::MIN, i64::MAX), 9);
    }
}
