//! The history of a branch or a path, by day.

use axum::response::Response;
use names::RepoPath;
use serde::Deserialize;
use trust::{Allowed, act};
use web::{
    Call, Problem,
    look::{dates, href},
};

use super::parts;
use crate::{
    Error, Hub, Repository,
    reading::{self, History, LogPage, LogQuery, Position, Revision, api},
    signatures,
    views::{
        CommitLine, Section,
        commits::{CommitRow, CommitsPage, Day, Filter},
    },
    wire,
};

/// Commits on one page.
const PAGE: usize = 50;

/// What a page is asked for. A form sends every field, so an empty one is none.
#[derive(Debug, Clone, Default, Deserialize)]
struct Where {
    author: Option<String>,
    text: Option<String>,
    since: Option<String>,
    until: Option<String>,
    follow: Option<String>,
    cursor: Option<String>,
}

impl Where {
    fn fields(&self) -> [(&'static str, &str); 5] {
        [
            ("author", self.author.as_deref().unwrap_or_default()),
            ("text", self.text.as_deref().unwrap_or_default()),
            ("since", self.since.as_deref().unwrap_or_default()),
            ("until", self.until.as_deref().unwrap_or_default()),
            ("follow", self.follow.as_deref().unwrap_or_default()),
        ]
    }

    /// The fields of the form, as they were typed.
    fn filter(&self, here: String, is_of_path: bool, is_open: bool) -> Filter {
        let text = |it: &Option<String>| it.clone().unwrap_or_default();
        Filter {
            here,
            author: text(&self.author),
            text: text(&self.text),
            since: text(&self.since),
            until: text(&self.until),
            is_followed: self.follow.as_ref().is_some_and(|it| !it.is_empty()),
            is_of_path,
            is_open,
        }
    }

    /// The address of the same filter, from a cursor on.
    fn href(&self, here: &str, cursor: Option<&str>) -> String {
        let fields = self.fields().into_iter().chain(cursor.map(|it| ("cursor", it)));
        let mut query = String::new();
        for (name, value) in fields.filter(|(_, value)| !value.is_empty()) {
            query.push(if query.is_empty() { '?' } else { '&' });
            query.push_str(&format!("{name}={}", href::segment(value)));
        }
        format!("{here}{query}")
    }
}

/// The commits that a revision leads to, newest first.
pub(crate) async fn commits(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let asked: Where = call.query()?;
    let history = History::open(&hub, &allowed);
    let (revision, path) = history.resolve_with_path(call.params.text("place")).await?;
    hub.commits_page(&allowed, call, (&revision, path), asked).await
}

impl Hub {
    async fn commits_page(
        &self,
        allowed: &Allowed<act::ObjectRead, Repository>,
        call: Call,
        (revision, path): (&Revision, Option<RepoPath>),
        asked: Where,
    ) -> Result<Response, Problem> {
        let (repository, history) = (allowed.resource(), History::open(self, allowed));
        let (since, until) = api::of_dates(asked.since.as_deref(), asked.until.as_deref())?;
        let some = |text: &Option<String>| text.clone().filter(|it| !it.trim().is_empty());
        let query = LogQuery {
            from: vec![revision.commit],
            not: Vec::new(),
            follow: some(&asked.follow).is_some(),
            path: path.clone(),
            author: some(&asked.author),
            since,
            until,
            text: some(&asked.text),
        };
        let list = format!("{}/commits page?{query:?}", repository.id);
        let at = match asked.cursor.as_deref() {
            None => None,
            Some(text) => {
                let bytes = self.cursors.read(&list, text).ok_or_else(api::bad_cursor)?;
                Some(Position::from_bytes(&bytes).ok_or_else(api::bad_cursor)?)
            }
        };
        let found = history.log(&query, at.as_ref(), PAGE).await?;
        let is_filtered = asked.fields().iter().any(|(_, value)| !value.is_empty());
        // A path that no commit ever had is none.
        let is_empty = found.commits.is_empty() && found.next.is_none() && at.is_none();
        if path.is_some() && is_empty && !is_filtered {
            return Err(Problem::not_found());
        }
        let days = self.days(repository, &found, path.as_ref()).await?;
        let mut tx = self.db.glance().await?;
        let heads = reading::branches(&mut tx, repository.id).await.map_err(Error::Db)?;
        drop(tx);
        let (text, shown) = (revision.text(), path.as_ref().map(RepoPath::as_str));
        let here = parts::place(repository, "commits", &text, shown);
        let next = found.next.as_ref().map(|it| self.cursors.write(&list, &it.to_bytes()));
        let of = shown.map_or_else(|| text.clone(), |path| format!("{path} at {text}"));
        let mut layout = parts::layout(
            &call,
            repository,
            format!("Commits of {of} · {}", repository.full_name()),
        );
        layout.is_noindex |= is_filtered || path.is_some() || asked.cursor.is_some();
        web::page(&CommitsPage {
            layout,
            head: parts::head(allowed.actor(), repository, Some(revision), Section::Commits),
            branches: parts::menu(repository, &heads, revision, "commits", path.as_ref()),
            path: path
                .as_ref()
                .map(|path| parts::crumbs(repository, &text, path))
                .unwrap_or_default(),
            filter: asked.filter(here.clone(), path.is_some(), is_filtered),
            compare_href: format!("{}/compare", parts::home_of(repository)),
            days,
            is_partial: found.is_partial,
            newer_href: asked.cursor.is_some().then(|| asked.href(&here, None)),
            older_href: next.map(|cursor| asked.href(&here, Some(&cursor))),
        })
    }

    /// The commits of a page by their day; `asked` is the path that they are about.
    pub(super) async fn days(
        &self,
        repository: &Repository,
        found: &LogPage,
        asked: Option<&RepoPath>,
    ) -> Result<Vec<Day>, Error> {
        let ids: Vec<_> = found.commits.iter().map(|it| it.commit.record.commit_id).collect();
        let mut tx = self.db.glance().await?;
        let mut labels = wire::labels_of(&mut tx, repository.id, &ids).await?;
        let judged = signatures::judge(&mut tx, found.commits.iter().map(|it| &it.commit)).await?;
        drop(tx);
        let (now, mut days) = (self.clock.now(), Vec::<Day>::new());
        for it in &found.commits {
            let record = &it.commit.record;
            let title = dates::day(it.commit.committed_at);
            let labels = labels.remove(&record.commit_id).unwrap_or_default();
            let judged = judged.get(&record.commit_id);
            let line = parts::line(repository, &it.commit, judged, now);
            let id = record.commit_id.to_string();
            let path = it.path.as_ref().filter(|it| Some(*it) != asked);
            let row = CommitRow {
                bump: Some(record.sem_ver_bump.clone())
                    .filter(|it| it != "none")
                    .unwrap_or_default(),
                path: path.map(ToString::to_string).unwrap_or_default(),
                id,
                line: CommitLine { labels, ..line },
            };
            match days.last_mut() {
                Some(day) if day.title == title => day.commits.push(row),
                Some(_) | None => days.push(Day { title, commits: vec![row] }),
            }
        }
        Ok(days)
    }
}
