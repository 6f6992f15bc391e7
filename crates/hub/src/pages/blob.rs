//! A file.

use axum::response::{IntoResponse as _, Redirect, Response};
use history::{
    diff::as_text,
    tree::{self, Node},
};
use names::{ObjectId, RepoPath};
use serde::Deserialize;
use trust::{Allowed, act};
use web::{
    Call, Problem,
    look::{LinkContext, highlight, markdown},
};

use super::{
    Painted, parts, raw,
    repository::{clash, directory, is_markdown},
};
use crate::{
    Error, Hub, Repository,
    graph::Directory,
    reading::{self, FileBytes, Found, History},
    signatures,
    views::{
        CommitLine, Section,
        blob::{BlobContent, BlobPage, HexRow},
    },
};

/// What is shown of a long file.
const SHOWN_BYTES: u64 = 1 << 20;
/// What is shown of a binary file.
const DUMP_BYTES: usize = 512;

#[derive(Deserialize)]
struct How {
    /// Markdown as it is written.
    plain: Option<String>,
}

/// A file at a revision.
pub(super) async fn blob(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let repository = allowed.resource();
    let is_plain = call.query::<How>()?.plain.is_some();
    let (place, history) = (call.params.text("place"), History::open(&hub, &allowed));
    let (revision, path) = history.resolve_with_path(place).await?;
    let (text, path) = (revision.text(), path.ok_or_else(Problem::not_found)?);
    let commit = history.commit(revision.commit).await?;
    let entry = match history.find(&commit, Some(&path)).await? {
        Found::File(entry) => entry,
        Found::Directory(_) => {
            let tree = parts::place(repository, "tree", &text, Some(path.as_str()));
            return Ok(Redirect::temporary(&tree).into_response());
        }
    };
    let tree::Kind::File(object) = entry.kind else { return Err(Problem::not_found()) };
    let dir = path.parent().map(str::parse::<RepoPath>).transpose();
    let dir = dir.map_err(|_| Problem::not_found())?;
    let Found::Directory(node) = history.find(&commit, dir.as_ref()).await? else {
        return Err(Problem::not_found());
    };
    let heads = reading::branches(&mut hub.db.glance().await?, repository.id).await?;
    let dir = directory(repository, &revision, dir.as_ref(), &node);
    let (last, is_pending) = hub.last_change(&history, &dir, path.file_name()).await?;
    let file = history.bytes(object, SHOWN_BYTES).await?;
    let here = parts::place(repository, "blob", &text, Some(path.as_str()));
    let (kept, links) = ((hub.painted.clone(), object), links(repository, &text, &path));
    let shown = show(kept, file, &path, &here, is_plain, links).await?;
    let is_text = matches!(shown.content, BlobContent::Text { .. } | BlobContent::Markdown { .. });
    let by_commit =
        parts::place(repository, "blob", &commit.record.commit_id.to_string(), Some(path.as_str()));
    let title = format!("{path} at {text} · {}", repository.full_name());
    web::page(&BlobPage {
        layout: parts::with_card(&call, repository, parts::layout(&call, repository, title)),
        head: parts::head(allowed.actor(), repository, Some(&revision), Section::Code),
        branches: parts::menu(repository, &heads, &revision, "blob", Some(&path)),
        path: parts::crumbs(repository, &text, &path),
        name: path.file_name().to_owned(),
        size_bytes: entry.size,
        line_count: shown.line_count,
        language: shown.language,
        object_id: object.to_string(),
        raw_href: parts::place(repository, "raw", &text, Some(path.as_str())),
        blame_href: is_text.then(|| parts::place(repository, "blame", &text, Some(path.as_str()))),
        permalink_href: (!revision.is_fixed()).then_some(by_commit),
        history_href: Some(parts::place(repository, "commits", &text, Some(path.as_str()))),
        last,
        is_pending,
        clash: clash_of(&node, &path),
        content: shown.content,
    })
}

impl Hub {
    /// The newest commit that changed an entry of a directory, and whether it is still looked for.
    async fn last_change(
        &self,
        history: &History<'_>,
        dir: &Directory,
        name: &str,
    ) -> Result<(Option<CommitLine>, bool), Error> {
        let told = self.last_told(history.repository, dir, &[name].into()).await?;
        let Some(id) = told.of(name).map(|it| it.id) else { return Ok((None, told.is_pending)) };
        let commit = history.commit(id).await?;
        let judged = signatures::judge(&mut self.db.glance().await?, [&commit].into_iter()).await?;
        let line = parts::line(history.repository, &commit, judged.get(&id), self.clock.now());
        Ok((Some(line), false))
    }
}

/// Names beside the file that some file systems cannot keep apart from its own.
fn clash_of(node: &Node, path: &RepoPath) -> Option<String> {
    let folded = path.file_name().to_lowercase();
    clash(node.entries().iter().filter(|entry| entry.name.to_lowercase() == folded))
}

fn links(repository: &Repository, reference: &str, path: &RepoPath) -> LinkContext {
    LinkContext {
        repository: parts::home_of(repository),
        reference: reference.to_owned(),
        directory: path.parent().unwrap_or_default().to_owned(),
    }
}

/// A file as a page shows it.
struct Shown {
    content: BlobContent,
    line_count: Option<u64>,
    language: String,
}

impl Shown {
    fn plain(content: BlobContent) -> Self {
        Self { content, line_count: None, language: String::new() }
    }
}

/// Colours or renders a file, on a blocking thread.
async fn show(
    (painted, object): (Painted, ObjectId),
    file: FileBytes,
    path: &RepoPath,
    here: &str,
    is_plain: bool,
    links: LinkContext,
) -> Result<Shown, Error> {
    let (name, here) = (path.file_name().to_owned(), here.to_owned());
    let work = move || {
        if file.size == 0 {
            return Shown::plain(BlobContent::Empty);
        }
        if raw::image_type(&file.bytes).is_some() {
            return Shown::plain(BlobContent::Image);
        }
        let is_cut = file.size > file.bytes.len() as u64;
        let Some(text) = text_of(&file.bytes, is_cut) else {
            let start = file.bytes.get(..DUMP_BYTES).unwrap_or(&file.bytes);
            return Shown::plain(BlobContent::Binary { dump: HexRow::rows(start) });
        };
        let language = highlight::language(&name, text.lines().next().unwrap_or_default());
        let line_count = (!is_cut).then(|| text.lines().count() as u64);
        let language = language.unwrap_or_default().to_owned();
        let content = if is_markdown(&name) && !is_plain && !is_cut {
            BlobContent::Markdown {
                html: markdown::render(text, &links),
                source_href: format!("{here}?plain=1"),
            }
        } else {
            BlobContent::Text {
                lines: painted.lines(object, &name, text),
                shown_bytes: is_cut.then_some(file.bytes.len() as u64),
                rendered_href: (is_markdown(&name) && !is_cut).then_some(here),
            }
        };
        Shown { content, line_count, language }
    };
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::Broken(format!("a worker ended early: {error}")))
}

/// The bytes as text. The cut of a long file may go through a character, which is then left out.
fn text_of(bytes: &[u8], is_cut: bool) -> Option<&str> {
    match std::str::from_utf8(bytes) {
        Err(error) if is_cut && bytes.len() - error.valid_up_to() < 4 => {
            as_text(bytes.get(..error.valid_up_to())?)
        }
        _ => as_text(bytes),
    }
}
