//! A repository's first page, and its directories.

use std::{collections::HashMap, sync::Arc};

use axum::response::{IntoResponse as _, Redirect, Response};
use db::Tx;
use history::{
    diff::as_text,
    tree::{self, Node},
};
use names::RepoPath;
use serde::Deserialize;
use trust::{Allowed, Visibility, act};
use web::{
    Call, Problem,
    look::{Layout, LinkContext, When, markdown, visible},
};

use super::{insights, parts};
use crate::{
    Error, Format, Hub, Repository,
    graph::Directory,
    imports,
    machines::source_code,
    reading::{self, Found, History, Revision},
    refs, signatures,
    views::{
        Section,
        repository::{
            Contents, Entry, EntryCommit, EntryKind, Listing, Look, Readme, RepositoryPage,
            TreePage,
        },
    },
};

/// Entries of a directory on one page (`spec/hub.md` 3).
const ENTRIES: usize = 1_000;
/// The largest readme that is shown.
const README_BYTES: u64 = 512 << 10;

/// The first page: what it is, what is in it, the readme.
pub(crate) async fn home(
    hub: Hub,
    allowed: Allowed<act::RepoRead, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let repository = allowed.resource();
    let mut tx = hub.db.read().await?;
    let first = Revision::first(&mut tx, repository).await?;
    let heads = reading::branches(&mut tx, repository.id).await?;
    let tag_count = refs::count_tags(&mut tx, repository.id).await?;
    let looks = hub.looks(&mut tx, &allowed).await?;
    let languages = hub.languages_of(&mut tx, repository).await?;
    let tool = match repository.format {
        Format::Muse => "motet",
        Format::Git => "git",
    };
    let csrf = call.context.reader().csrf;
    let (mirror_of, is_importing) = hub.comes_from(&mut tx, repository).await?;
    let marks = hub.marks_bar(&mut tx, allowed.actor(), repository, csrf).await?;
    drop(tx);
    let contents = match &first {
        None => None,
        Some(revision) => {
            let branches = parts::menu(repository, &heads, revision, "tree", None);
            let history = History::open(&hub, &allowed);
            let Some(listing) = hub.listing(&history, revision, None, 0).await? else {
                return Err(Problem::not_found());
            };
            Some(Contents { branches, listing })
        }
    };
    let forked_from = hub.source_of(allowed.actor(), repository).await?;
    let origin = call.context.base_url.clone();
    let layout = parts::layout(&call, repository, repository.full_name());
    let layout = Layout {
        linked_data: (!repository.is_private()).then(|| source_code(&origin, repository)),
        ..parts::with_card(&call, repository, layout)
    };
    web::page(&RepositoryPage {
        layout,
        head: parts::head(allowed.actor(), repository, first.as_ref(), Section::Code),
        description: repository.description.clone(),
        homepage: repository.homepage.as_ref().map(ToString::to_string),
        topics: repository.topics.words(),
        licence: repository.licence.as_ref().map(|it| it.as_str().to_owned()),
        forked_from,
        is_copying: repository.fork.is_some_and(|it| it.is_copying),
        mirror_of,
        is_importing,
        fork_href: repository
            .allows_forks()
            .then(|| format!("{}/fork", parts::home_of(repository))),
        looks,
        marks,
        clone_command: format!("{tool} clone {origin}/{}", repository.full_name()),
        is_git: repository.format == Format::Git,
        ssh_address: hub.ssh_address(repository),
        address: format!("{origin}/{}", repository.full_name()),
        origin,
        size_bytes: repository.size_bytes,
        commit_count: repository.commit_count,
        branch_count: heads.len() as u64,
        tag_count,
        languages: insights::shares(&languages),
        contents,
    })
}

impl Hub {
    /// Where Git finds a repository over SSH; nothing where it does not.
    fn ssh_address(&self, it: &Repository) -> Option<String> {
        let begins = self.settings.ssh.as_ref().filter(|_| it.format == Format::Git)?;
        Some(format!("{begins}/{}", it.full_name()))
    }

    /// The other server that a repository follows, and whether its history is on its way.
    async fn comes_from(
        &self,
        tx: &mut Tx,
        it: &Repository,
    ) -> Result<(Option<String>, bool), Error> {
        if it.format != Format::Git {
            return Ok((None, false));
        }
        let mirror = self.followed(tx, it.id).await?;
        let import = imports::of_repository(tx, it.id).await?;
        Ok((mirror, import.is_some_and(|it| it.state.is_open())))
    }

    /// Install admins who looked into a private repository, for those who run it.
    async fn looks(
        &self,
        tx: &mut Tx,
        allowed: &Allowed<act::RepoRead, Repository>,
    ) -> Result<Vec<Look>, Error> {
        let repository = allowed.resource();
        let runs = Allowed::<act::CollaboratorRead, _>::ask(allowed.actor(), repository.clone());
        if repository.resource.visibility == Visibility::Public || runs.is_err() {
            return Ok(Vec::new());
        }
        let now = self.clock.now();
        let looks = self.trust.glasses(tx, &repository.resource).await?;
        let shown = looks.into_iter().map(|it| Look {
            admin: it.admin.to_string(),
            opened: When::new(it.opened_at, now),
            reason: it.reason,
        });
        Ok(shown.collect())
    }
}

#[derive(Deserialize)]
struct From {
    /// How many entries come before.
    from: Option<usize>,
}

/// A directory at a revision.
pub(super) async fn tree(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let repository = allowed.resource();
    let (place, history) = (call.params.text("place"), History::open(&hub, &allowed));
    let (revision, path) = history.resolve_with_path(place).await?;
    let (text, from) = (revision.text(), call.query::<From>()?.from.unwrap_or(0));
    let Some(listing) = hub.listing(&history, &revision, path.as_ref(), from).await? else {
        // A file: its own page shows it.
        let blob = parts::place(repository, "blob", &text, path.as_ref().map(RepoPath::as_str));
        return Ok(Redirect::temporary(&blob).into_response());
    };
    let heads = reading::branches(&mut hub.db.glance().await?, repository.id).await?;
    let name = path.as_ref().map_or("/", RepoPath::as_str);
    web::page(&TreePage {
        layout: parts::layout(
            &call,
            repository,
            format!("{name} at {text} · {}", repository.full_name()),
        ),
        head: parts::head(allowed.actor(), repository, Some(&revision), Section::Code),
        branches: parts::menu(repository, &heads, &revision, "tree", path.as_ref()),
        path: path.as_ref().map(|path| parts::crumbs(repository, &text, path)).unwrap_or_default(),
        listing,
    })
}

impl Hub {
    /// A directory as it is shown; nothing for a file.
    async fn listing(
        &self,
        history: &History<'_>,
        at: &Revision,
        path: Option<&RepoPath>,
        from: usize,
    ) -> Result<Option<Listing>, Error> {
        let (of, text) = (history.repository, at.text());
        let commit = history.commit(at.commit).await?;
        let Found::Directory(node) = history.find(&commit, path).await? else { return Ok(None) };
        let judged = signatures::judge(&mut self.db.glance().await?, [&commit].into_iter()).await?;
        let judged = judged.get(&commit.record.commit_id);
        let mut entries: Vec<_> = node.entries().iter().collect();
        entries.sort_by_key(|entry| !entry.is_directory());
        let shown = entries.iter().skip(from).take(ENTRIES);
        let listing = Listing {
            last: Some(parts::line(of, &commit, judged, self.clock.now())),
            parent_href: path.map(|path| parts::place(of, "tree", &text, path.parent())),
            entries: shown.map(|entry| view(of, &text, path, entry)).collect(),
            is_pending: false,
            more_href: more_href(of, &text, path, (from, entries.len())),
            permalink_href: at.branch.as_ref().map(|_| {
                let id = commit.record.commit_id.to_string();
                parts::place(of, "tree", &id, path.map(RepoPath::as_str))
            }),
            clash: clash(entries.iter().copied()),
            readme: readme(history, &text, path, readme_of(&entries)).await?,
        };
        let dir = directory(of, at, path, &node);
        let listing = self.with_last(of, &dir, listing).await?;
        Ok(Some(joined_rows(history, (&text, path), &node, listing).await?))
    }

    /// A listing with the last commit of each entry, as far as they are found while somebody waits.
    async fn with_last(
        &self,
        of: &Repository,
        dir: &Directory,
        mut listing: Listing,
    ) -> Result<Listing, Error> {
        let shown = listing.entries.iter().map(|it| &*it.name).collect();
        let (last, now) = (self.last_told(of, dir, &shown).await?, self.clock.now());
        for entry in &mut listing.entries {
            entry.last = last.of(&entry.name).map(|it| EntryCommit {
                subject: parts::split(&it.message).0,
                href: parts::commit_href(of, it.id),
                when: When::new(it.at, now),
            });
        }
        listing.is_pending = last.is_pending;
        Ok(listing)
    }
}

/// A listing in which a directory that holds nothing but another one is one row with it. Its last commit stays that of
/// the first, below which the others are.
async fn joined_rows(
    history: &History<'_>,
    (at, dir): (&str, Option<&RepoPath>),
    node: &Node,
    mut listing: Listing,
) -> Result<Listing, Error> {
    let id = |entry: &Entry| match node.find(&entry.name)?.kind {
        tree::Kind::Directory(id) => Some(id),
        tree::Kind::File(_) | tree::Kind::Module(_) => None,
    };
    let ids: Vec<_> = listing.entries.iter().filter_map(id).collect();
    if ids.is_empty() {
        return Ok(listing);
    }
    let ways = history.chains(&ids).await?;
    for entry in &mut listing.entries {
        if let Some(way) = id(entry).and_then(|id| ways.get(&id)) {
            entry.name = format!("{}/{way}", entry.name);
            let path = joined(dir, &entry.name);
            entry.href = parts::place(history.repository, "tree", at, Some(&path));
        }
    }
    Ok(listing)
}

/// A directory, as what is remembered of last commits knows it.
pub(super) fn directory(
    of: &Repository,
    at: &Revision,
    path: Option<&RepoPath>,
    node: &Arc<Node>,
) -> Directory {
    Directory {
        of: of.id,
        path: path.cloned(),
        commit: at.commit,
        branch: at.branch.clone(),
        node: Arc::clone(node),
    }
}

/// The file that introduces a directory, as it is shown. Where its bytes cannot be had now, the page does without.
async fn readme(
    history: &History<'_>,
    at: &str,
    dir: Option<&RepoPath>,
    entry: Option<&tree::Entry>,
) -> Result<Option<Readme>, Error> {
    let Some(entry) = entry else { return Ok(None) };
    let tree::Kind::File(object) = entry.kind else { return Ok(None) };
    if entry.size > README_BYTES {
        return Ok(None);
    }
    let file = match history.bytes(object, README_BYTES).await {
        Err(Error::Objects(error)) => {
            tracing::warn!(%object, %error, "a page is shown without its readme");
            return Ok(None);
        }
        file => file?,
    };
    let links = LinkContext {
        repository: parts::home_of(history.repository),
        reference: at.to_owned(),
        directory: dir.map(ToString::to_string).unwrap_or_default(),
    };
    let name = entry.name.to_string();
    let is_markdown = is_markdown(&name);
    let html = tokio::task::spawn_blocking(move || {
        let text = as_text(&file.bytes)?;
        Some(if is_markdown { markdown::render(text, &links) } else { visible::block(text) })
    });
    let html =
        html.await.map_err(|error| Error::Broken(format!("a worker ended early: {error}")))?;
    let href = parts::place(history.repository, "blob", at, Some(&joined(dir, &name)));
    Ok(html.map(|html| Readme { name, href, html }))
}

/// Whether a file is Markdown by its name.
pub(super) fn is_markdown(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [".md", ".markdown", ".mkd"].iter().any(|ending| name.ends_with(ending))
}

/// The file that introduces a directory: Markdown before plain text.
fn readme_of<'a>(entries: &[&'a tree::Entry]) -> Option<&'a tree::Entry> {
    let rank = |name: &str| match name.to_ascii_lowercase().as_str() {
        "readme.md" => Some(0),
        "readme.markdown" => Some(1),
        "readme" => Some(2),
        "readme.txt" => Some(3),
        _ => None,
    };
    let files =
        entries.iter().filter(|it| matches!(it.kind, tree::Kind::File(_)) && it.mode.is_file());
    files
        .filter_map(|entry| Some((rank(&entry.name)?, *entry)))
        .min_by_key(|(rank, _)| *rank)
        .map(|it| it.1)
}

fn joined(dir: Option<&RepoPath>, name: &str) -> String {
    dir.map_or_else(|| name.to_owned(), |dir| format!("{dir}/{name}"))
}

fn view(of: &Repository, at: &str, dir: Option<&RepoPath>, entry: &tree::Entry) -> Entry {
    let place = |word| parts::place(of, word, at, Some(&joined(dir, &entry.name)));
    let (kind, href, target) = match entry.kind {
        tree::Kind::Directory(_) => (EntryKind::Directory, place("tree"), None),
        tree::Kind::File(_) if entry.mode == tree::Mode::Link => {
            (EntryKind::Link, place("blob"), None)
        }
        tree::Kind::File(_) => (EntryKind::File, place("blob"), None),
        tree::Kind::Module(commit) => (EntryKind::Module, String::new(), Some(commit.short())),
    };
    Entry {
        kind,
        name: entry.name.to_string(),
        href,
        target,
        size_bytes: matches!(entry.kind, tree::Kind::File(_)).then_some(entry.size),
        last: None,
    }
}

/// The next page of a directory that has more entries than one page shows.
fn more_href(
    of: &Repository,
    at: &str,
    path: Option<&RepoPath>,
    (from, all): (usize, usize),
) -> Option<String> {
    let next = from.saturating_add(ENTRIES);
    let here = parts::place(of, "tree", at, path.map(RepoPath::as_str));
    (next < all).then(|| format!("{here}?from={next}"))
}

/// Names that some file systems cannot keep apart.
pub(super) fn clash<'a>(entries: impl IntoIterator<Item = &'a tree::Entry>) -> Option<String> {
    let mut seen = HashMap::new();
    let (one, other) = entries.into_iter().find_map(|entry| {
        let before = seen.insert(entry.name.to_lowercase(), &entry.name)?;
        Some((before, &entry.name))
    })?;
    Some(format!(
        "“{one}” and “{other}” differ in case only: some file systems can hold just one of them."
    ))
}
