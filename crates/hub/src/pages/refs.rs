//! Branches and tags, and the forms that take a branch away and bring it back.

use std::collections::HashMap;

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use db::Tx;
use names::{BranchName, CommitId, UnixMillis};
use serde::Deserialize;
use trust::{Act, Actor, Allowed, act};
use web::{
    Call, Form, Input as _, Problem, Routes, Spec, Surface,
    look::{Layout, When, href},
};

use super::parts;
use crate::{
    Error, Hub, Repository,
    git::Annotated,
    reading::{self, History},
    refs::{self, Counts, Listed, Page, Show},
    signatures,
    views::{
        CommitLine, Section,
        refs::{Apart, BranchRow, BranchesPage, DeletedRow, List, TagNote, TagRow, TagsPage},
    },
};

/// A form of one name.
const FORM_BYTES: u64 = 4 << 10;
/// The longest part of a name that is looked for, in bytes: that of the longest name.
const PART_BYTES: usize = 255;

pub(super) fn routes(routes: Routes<Hub>) -> Routes<Hub> {
    let form = Spec::new(Surface::Page).body_bytes(FORM_BYTES);
    routes
        .get("/{owner}/{name}/branches", Surface::Page, branches)
        .post("/{owner}/{name}/branches/delete", form, delete)
        .post("/{owner}/{name}/branches/restore", form, restore)
}

#[derive(Debug, Default, Deserialize)]
struct Asked {
    show: Option<String>,
    q: Option<String>,
    skip: Option<u64>,
}

impl Asked {
    /// What a name is to have in it. More than a name can have finds nothing, so the rest does not matter.
    fn part(&self) -> &str {
        let part = self.q.as_deref().unwrap_or_default().trim();
        let end = (0..=PART_BYTES.min(part.len())).rev().find(|at| part.is_char_boundary(*at));
        part.get(..end.unwrap_or_default()).unwrap_or_default()
    }
}

/// The branches of a repository.
async fn branches(
    hub: Hub,
    allowed: Allowed<act::RefRead, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let asked = call.query::<Asked>()?;
    let layout = layout(&call, allowed.resource());
    hub.branches_page(&allowed, layout, &asked, None).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Gone {
    branch: String,
}

/// Takes a branch away.
async fn delete(
    hub: Hub,
    allowed: Allowed<act::RefForce, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let layout = layout(&call, allowed.resource());
    let Form(Gone { branch }) = Form::<Gone>::take(call).await?;
    let name: BranchName = branch.parse().map_err(|error| Problem::malformed(&error))?;
    let done = hub.delete_branch(&allowed, &name).await;
    hub.done(&allowed, layout, done, Show::All).await
}

/// Brings a branch back that was taken away.
async fn restore(
    hub: Hub,
    allowed: Allowed<act::RefPush, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let layout = layout(&call, allowed.resource());
    let Form(Gone { branch }) = Form::<Gone>::take(call).await?;
    let name: BranchName = branch.parse().map_err(|error| Problem::malformed(&error))?;
    let done = hub.restore_branch(&allowed, &name).await;
    hub.done(&allowed, layout, done, Show::Deleted).await
}

fn layout(call: &Call, repository: &Repository) -> Layout {
    parts::layout(call, repository, format!("Branches · {}", repository.full_name()))
}

/// The tags of a repository, for those who would rather read a page than the message of the wire.
pub(crate) async fn tags(
    hub: Hub,
    allowed: &Allowed<act::RefRead, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let asked = call.query::<Asked>()?;
    let repository = allowed.resource();
    let (now, skip) = (hub.clock.now(), asked.skip.unwrap_or(0));
    let mut tx = hub.db.read().await?;
    let page = refs::tags(&mut tx, repository.id, (asked.part(), skip)).await?;
    let names: Vec<&str> = page.refs.iter().map(Listed::short).collect();
    let releases = refs::releases(&mut tx, repository.id, &names).await?;
    let targets = page.refs.iter().map(|it| it.target).collect();
    let lines = hub.lines(&mut tx, repository, targets).await?;
    let first = reading::Revision::first(&mut tx, repository).await?;
    drop(tx);
    let full: Vec<&str> = page.refs.iter().map(|it| it.name.as_str()).collect();
    let annotated = hub.annotated(repository, &full).await?;
    let row = |it: &Listed| TagRow {
        name: it.short().to_owned(),
        commit: lines.get(&it.target).cloned(),
        href: parts::place(repository, "tree", &it.target.to_string(), None),
        mover: it.mover.clone().unwrap_or_default(),
        moved: When::new(it.updated_at, now),
        release: releases.get(it.short()).cloned(),
        note: annotated.get(&it.name).map(|it| note(it, now)),
    };
    let tags = page.refs.iter().map(row).collect();
    let here = Here { base: format!("{}/tags", parts::home_of(repository)), show: None };
    web::page(&TagsPage {
        layout: parts::layout(&call, repository, format!("Tags · {}", repository.full_name())),
        head: parts::head(allowed.actor(), repository, first.as_ref(), Section::Branches),
        newer_href: here.page(asked.part(), page.before),
        older_href: here.page(asked.part(), page.next),
        part: asked.part().to_owned(),
        tags,
    })
}

/// What a tag says itself.
fn note(it: &Annotated, now: UnixMillis) -> TagNote {
    let (subject, body) = parts::split(&it.message);
    TagNote {
        subject,
        body,
        tagger: it.tagger.as_ref().map(|it| it.who.clone()).unwrap_or_default(),
        tagged: it.tagger.as_ref().map(|it| When::new(it.at(), now)),
        signature: parts::state(&it.state),
    }
}

/// An address of a list, without its page.
struct Here {
    base: String,
    show: Option<Show>,
}

impl Here {
    fn page(&self, part: &str, skip: Option<u64>) -> Option<String> {
        let mut query = Vec::new();
        if let Some(show) = self.show.filter(|it| *it != Show::default()) {
            query.push(format!("show={}", show.word()));
        }
        if !part.is_empty() {
            query.push(format!("q={}", href::path(part).replace('&', "%26").replace('+', "%2B")));
        }
        match skip? {
            0 => {}
            skip => query.push(format!("skip={skip}")),
        }
        let mark = if query.is_empty() { "" } else { "?" };
        Some(format!("{}{mark}{}", self.base, query.join("&")))
    }
}

impl Hub {
    /// The way back to the list; what could not be done is told above the list that shows it.
    async fn done<A: Act>(
        &self,
        allowed: &Allowed<A, Repository>,
        layout: Layout,
        done: Result<(), Error>,
        list: Show,
    ) -> Result<Response, Problem> {
        let repository = allowed.resource();
        match done {
            Ok(()) => {
                let list = format!("{}/branches", parts::home_of(repository));
                Ok((StatusCode::SEE_OTHER, [(header::LOCATION, list)]).into_response())
            }
            Err(error @ Error::Wire(_)) => {
                let may_read = Allowed::ask(allowed.actor(), repository.clone())?;
                let asked = Asked { show: Some(list.word().to_owned()), ..Asked::default() };
                let told = Some(error.to_string());
                let mut page = self.branches_page(&may_read, layout, &asked, told).await?;
                *page.status_mut() = StatusCode::CONFLICT;
                Ok(page)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn branches_page(
        &self,
        allowed: &Allowed<act::RefRead, Repository>,
        layout: Layout,
        asked: &Asked,
        fault: Option<String>,
    ) -> Result<Response, Problem> {
        let (actor, repository) = (allowed.actor(), allowed.resource());
        let may_restore = Allowed::<act::RefPush, _>::ask(actor, repository.clone()).is_ok();
        let show: Show = asked.show.as_deref().and_then(|it| it.parse().ok()).unwrap_or_default();
        // Where branches were is seen by those who may see commits that no ref leads to.
        let show = if may_restore || show != Show::Deleted { show } else { Show::default() };
        let (skip, now) = (asked.skip.unwrap_or(0), self.clock.now());
        let mut tx = self.db.read().await?;
        let wanted = (show, asked.part(), skip);
        let (page, counts) = refs::branches(&mut tx, repository, actor, wanted, now).await?;
        let first = reading::Revision::first(&mut tx, repository).await?;
        let (mut rows, mut deleted, mut beside) =
            (Vec::new(), Vec::new(), (page.before, page.next));
        if show == Show::Deleted {
            let gone = refs::deleted(&mut tx, repository.id, (asked.part(), skip), now).await?;
            beside = (gone.before, gone.next);
            deleted = self.deleted_rows(&mut tx, repository, gone.branches).await?;
        } else {
            let history = History::open(self, allowed);
            rows = self.rows(&mut tx, &history, &page, first.as_ref()).await?;
        }
        drop(tx);
        let may_delete = Allowed::<act::RefForce, _>::ask(actor, repository.clone()).is_ok();
        let here =
            Here { base: format!("{}/branches", parts::home_of(repository)), show: Some(show) };
        let at = rows.iter().position(|it| it.is_default);
        web::page(&BranchesPage {
            layout,
            head: parts::head(actor, repository, first.as_ref(), Section::Branches),
            lists: lists(repository, show, counts, (!actor.is_anonymous(), may_restore)),
            show: show.word(),
            first: at.map(|at| rows.remove(at)),
            branches: rows,
            deleted,
            csrf: self.session_mark(actor, may_delete)?,
            restores: self.session_mark(actor, may_restore)?,
            fault,
            newer_href: here.page(asked.part(), beside.0),
            older_href: here.page(asked.part(), beside.1),
            part: asked.part().to_owned(),
        })
    }

    /// The mark of the session of whoever may do something.
    fn session_mark(&self, actor: &Actor, may: bool) -> Result<Option<String>, Error> {
        let session = actor.session().filter(|_| may);
        Ok(session.map(|session| self.trust.csrf(session)).transpose()?)
    }

    async fn deleted_rows(
        &self,
        tx: &mut Tx,
        repository: &Repository,
        deleted: Vec<refs::Deleted>,
    ) -> Result<Vec<DeletedRow>, Error> {
        let targets: Vec<_> = deleted.iter().map(|it| it.target).collect();
        let (lines, now) = (self.lines(tx, repository, targets).await?, self.clock.now());
        let row = |it: refs::Deleted| DeletedRow {
            name: it.name.to_string(),
            commit: lines.get(&it.target).cloned(),
            when: When::new(it.at, now),
            by: it.by.unwrap_or_default(),
        };
        Ok(deleted.into_iter().map(row).collect())
    }

    async fn rows(
        &self,
        tx: &mut Tx,
        history: &History<'_>,
        page: &Page,
        first: Option<&reading::Revision>,
    ) -> Result<Vec<BranchRow>, Error> {
        let repository = history.repository;
        let targets = page.refs.iter().map(|it| it.target).collect();
        let lines = self.lines(tx, repository, targets).await?;
        let heads: Vec<_> = page.refs.iter().map(|it| it.target).collect();
        let apart = match first {
            None => HashMap::new(),
            Some(first) => refs::apart(history, first.commit, &heads).await?,
        };
        let row = |it: &Listed| {
            let is_default = it.short() == repository.default_branch.as_str();
            let counted = apart.get(&it.target).filter(|_| !is_default);
            BranchRow {
                name: it.short().to_owned(),
                href: parts::place(repository, "tree", it.short(), None),
                commit: lines.get(&it.target).cloned(),
                mover: it.mover.clone().unwrap_or_default(),
                apart: counted.map(|(ahead, behind)| Apart { ahead: *ahead, behind: *behind }),
                is_default,
            }
        };
        Ok(page.refs.iter().map(row).collect())
    }

    /// The commits that refs are at, in a line each.
    async fn lines(
        &self,
        tx: &mut Tx,
        repository: &Repository,
        mut ids: Vec<CommitId>,
    ) -> Result<HashMap<CommitId, CommitLine>, Error> {
        ids.sort_unstable();
        ids.dedup();
        let commits = reading::commits(tx, repository.id, &ids).await?;
        let judged = signatures::judge(tx, commits.values()).await?;
        let now = self.clock.now();
        let line = |(id, commit): (&CommitId, &reading::Commit)| {
            (*id, parts::line(repository, commit, judged.get(id), now))
        };
        Ok(commits.iter().map(line).collect())
    }
}

fn lists(
    repository: &Repository,
    open: Show,
    counts: Counts,
    (is_somebody, may_restore): (bool, bool),
) -> Vec<List> {
    let base = format!("{}/branches", parts::home_of(repository));
    let list = |show: Show, word, count| List {
        word,
        href: Here { base: base.clone(), show: Some(show) }
            .page("", Some(0))
            .unwrap_or_else(|| base.clone()),
        count,
        is_current: show == open,
    };
    let mut lists = vec![list(Show::Active, "Active", Some(counts.active))];
    if is_somebody {
        lists.push(list(Show::Mine, "Mine", Some(counts.mine)));
    }
    lists.push(list(Show::Stale, "Stale", Some(counts.all.saturating_sub(counts.active))));
    lists.push(list(Show::All, "All", Some(counts.all)));
    if may_restore {
        lists.push(list(Show::Deleted, "Deleted", None));
    }
    lists
}
