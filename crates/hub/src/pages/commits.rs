//! The history of a branch, by day.

use axum::response::Response;
use db::Tx;
use serde::Deserialize;
use trust::{Allowed, act};
use web::{Call, Problem, look::dates};

use super::parts;
use crate::{
    Error, Hub, Repository,
    reading::{self, Revision},
    signatures,
    views::{
        CommitLine, Section,
        commits::{CommitsPage, Day},
    },
    wire,
};

/// Commits on one page.
const PAGE: u32 = 50;

#[derive(Deserialize)]
struct Where {
    skip: Option<u32>,
}

/// The commits that a revision leads to, newest first.
pub(super) async fn commits(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let repository = allowed.resource();
    let skip = call.query::<Where>()?.skip.unwrap_or(0);
    let mut tx = hub.db.read().await?;
    let (revision, path) =
        Revision::with_path(&mut tx, repository, call.params.text("place")).await?;
    if path.is_some() {
        return Err(Problem::not_found());
    }
    hub.commits_page(tx, &allowed, call, &revision, skip).await
}

impl Hub {
    async fn commits_page(
        &self,
        mut tx: Tx,
        allowed: &Allowed<act::ObjectRead, Repository>,
        call: Call,
        revision: &Revision,
        skip: u32,
    ) -> Result<Response, Problem> {
        let repository = allowed.resource();
        let found = reading::log(&mut tx, repository.id, revision.commit, skip, PAGE + 1)
            .await
            .map_err(Error::Db)?;
        let ids: Vec<_> = found.iter().map(|it| it.record.commit_id).collect();
        let mut labels = wire::labels_of(&mut tx, repository.id, &ids).await.map_err(Error::Db)?;
        let judged = signatures::judge(&mut tx, found.iter()).await?;
        let heads = reading::branches(&mut tx, repository.id).await?;
        let (now, text) = (self.clock.now(), revision.text());
        let mut days: Vec<Day> = Vec::new();
        for commit in found.iter().take(PAGE as usize) {
            let title = dates::day(commit.committed_at);
            let labels = labels.remove(&commit.record.commit_id).unwrap_or_default();
            let judged = judged.get(&commit.record.commit_id);
            let line = CommitLine { labels, ..parts::line(repository, commit, judged, now) };
            match days.last_mut() {
                Some(day) if day.title == title => day.commits.push(line),
                Some(_) | None => days.push(Day { title, commits: vec![line] }),
            }
        }
        let here = parts::place(repository, "commits", &text, None);
        let at = |skip: u32| if skip == 0 { here.clone() } else { format!("{here}?skip={skip}") };
        let has_older = found.len() > PAGE as usize;
        web::page(&CommitsPage {
            layout: parts::layout(
                &call,
                repository,
                format!("Commits at {text} · {}", repository.full_name()),
            ),
            head: parts::head(allowed.actor(), repository, Some(revision), Section::Commits),
            branches: parts::menu(repository, &heads, revision, "commits", None),
            path: Vec::new(),
            days,
            newer_href: (skip > 0).then(|| at(skip.saturating_sub(PAGE))),
            older_href: has_older.then(|| at(skip.saturating_add(PAGE))),
        })
    }
}
