//! The history of a branch, by day.

use axum::response::Response;
use serde::Deserialize;
use trust::{Allowed, act};
use web::{Call, Problem, look::dates};

use super::parts;
use crate::{
    Error, Hub, Repository,
    reading::{self, Revision},
    views::{
        Section,
        commits::{CommitsPage, Day},
    },
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
    let found = reading::log(&mut tx, repository.id, revision.commit, skip, PAGE + 1)
        .await
        .map_err(Error::Db)?;
    let heads = reading::branches(&mut tx, repository.id).await?;
    let (now, text) = (hub.clock.now(), revision.text());
    let mut days: Vec<Day> = Vec::new();
    for commit in found.iter().take(PAGE as usize) {
        let (title, line) = (dates::day(commit.committed_at), parts::line(repository, commit, now));
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
        head: parts::head(allowed.actor(), repository, Some(&revision), Section::Commits),
        branches: parts::menu(repository, &heads, &revision, "commits", None),
        path: Vec::new(),
        days,
        newer_href: (skip > 0).then(|| at(skip.saturating_sub(PAGE))),
        older_href: has_older.then(|| at(skip.saturating_add(PAGE))),
    })
}
