//! The job that brings the documents of a repository to where its default branch is.
//!
//! A push asks for it in its own transaction. It works in pieces, each a transaction that also says how far it has come,
//! so a process that dies loses a piece at most; and it ends in a transaction that holds the repository and looks where
//! the branch is by then, so that no push is missed. What differs is read from the trees: equal directories are not
//! looked into.

use std::time::Duration;

use db::Tx;
use history::tree::{Change, Kind as NodeKind, TreeDiff};
use jobs::{Bell, Done, Failure, Job, Kind as JobKind, NewJob, Priority};
use names::{CommitId, Id, NodeId, ObjectId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    documents::{self, Document, Kind},
    selection,
    store::{self, Standing, State},
};
use crate::{
    Error, Hub, Repository,
    reading::{self, Commit, Found, History, Revision, languages},
    repositories, upkeep,
    wire::{self, push::blocking},
};

/// Brings the documents of one repository up to date.
pub(crate) const INDEX: JobKind<Index> = JobKind::new("hub.index");
/// Asks for that of every repository whose documents are missing, half made or of an older form.
pub(crate) const INDEX_DUE: JobKind<()> = JobKind::new("hub.index_due");
/// Has the documents of every repository made again.
pub(crate) const REBUILD: JobKind<()> = JobKind::new("hub.search_rebuild");

/// Files of one piece, and their bytes: some milliseconds of the one writer.
const FILES: usize = 32;
const BYTES: u64 = 256 << 10;
/// Commits of one piece.
const COMMITS: usize = 50;
/// Documents that one transaction takes away.
const GONE: usize = 200;
/// Pieces of one run, before others have their turn.
const PIECES: usize = 400;
/// Repositories that are asked for at once.
const PAGE: u32 = 200;
/// How long one run may read: it ends by its pieces.
const BUDGET: Duration = Duration::from_hours(1);
/// How well texts are packed: quickly.
const LEVEL: i32 = 3;

/// Which repository.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Index {
    pub(crate) repository: Uuid,
}

/// What is still to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    Nothing,
    Something,
}

/// Packs a text for its row.
fn pack(text: &str) -> Result<Vec<u8>, Error> {
    let packed = zstd::bulk::compress(text.as_bytes(), LEVEL);
    packed.map_err(|error| Error::Broken(format!("a text cannot be packed: {error}")))
}

/// Unpacks what [`pack`] has packed.
pub(super) fn unpack(packed: &[u8]) -> Result<String, Error> {
    // Latin-1 doubles in UTF-8.
    let most = usize::try_from(selection::MAX_TEXT_BYTES).unwrap_or(usize::MAX).saturating_mul(8);
    let bytes = zstd::bulk::decompress(packed, most)
        .map_err(|error| Error::Broken(format!("a text cannot be unpacked: {error}")))?;
    String::from_utf8(bytes).map_err(|error| Error::Broken(format!("a text is none: {error}")))
}

pub(crate) async fn index(hub: Hub, job: Job<Index>) -> Result<Done, Failure> {
    let id = Id::from_uuid(job.payload.repository);
    let mut left = PIECES;
    let rest = match hub.bring_up(id, &mut left).await {
        Err(Error::NotFound) => return upkeep::when_missing(&hub, id, job.attempt).await,
        rest => rest?,
    };
    if rest == Rest::Something {
        return Ok(Done::default().again_at(hub.clock.now()));
    }
    // A push that came meanwhile found this job, and added none: it is looked for while none can come.
    let mut tx = hub.db.write().await?;
    wire::lock(&mut tx, id).await?;
    let Some(repository) = repositories::by_id(&mut tx, id).await? else {
        return Ok(Done::with(tx));
    };
    let (wanted, state) = hub.where_to(&mut tx, &repository).await?;
    if state.head != wanted || state.target.is_some() {
        return Ok(Done::with(tx).again_at(hub.clock.now()));
    }
    Ok(Done::with(tx))
}

/// Asks for what is due.
pub(crate) async fn index_due(hub: Hub) -> Result<Done, Failure> {
    hub.ask_for_all(|it| it.form != documents::FORM || it.is_half, false).await?;
    Ok(Done::default())
}

/// Lets every repository be indexed again from nothing.
pub(crate) async fn rebuild(hub: Hub) -> Result<Done, Failure> {
    hub.ask_for_all(|_| true, true).await?;
    Ok(Done::default())
}

/// What makes the documents of every repository again: for those who run the install.
pub fn rebuild_search() -> Result<NewJob, jobs::Error> {
    Ok(NewJob::new(REBUILD, &())?.unique(REBUILD.name()))
}

impl Hub {
    /// Has the documents of a repository brought up to date, as soon as a worker comes to it.
    pub(crate) async fn ask_for_index(
        &self,
        tx: &mut Tx,
        id: Id<Repository>,
    ) -> Result<Bell, Error> {
        Ok(self.queue.push(tx, asking(id)?).await?)
    }

    /// Asks for every repository that stands so; from nothing, if that is said.
    async fn ask_for_all(
        &self,
        is_due: impl Fn(&Standing) -> bool,
        from_nothing: bool,
    ) -> Result<(), Error> {
        let mut after = None;
        loop {
            let page = store::states(&mut self.db.glance().await?, after, PAGE).await?;
            let due = page.iter().filter(|it| is_due(it)).map(|it| it.repository);
            let due: Vec<_> = due.collect();
            let jobs = due.iter().map(|id| Ok(asking(*id)?.with_priority(Priority::Low)));
            let jobs = jobs.collect::<Result<Vec<_>, Error>>()?;
            let mut tx = self.db.write().await?;
            if from_nothing {
                store::forget_forms(&mut tx, &due).await?;
            }
            let bell = self.queue.push_all(&mut tx, jobs).await?;
            tx.commit().await?;
            bell.ring();
            after = page.last().map(|it| it.repository);
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// Where the documents are to be, and where they are.
    async fn where_to(
        &self,
        tx: &mut Tx,
        repository: &Repository,
    ) -> Result<(Option<CommitId>, State), Error> {
        let first = if repository.is_indexed && !repository.is_nascent() {
            Revision::first(tx, repository).await?
        } else {
            None
        };
        let state = store::state(tx, repository.id).await?.unwrap_or_default();
        Ok((first.map(|it| it.commit), state))
    }

    /// Does up to `left` pieces of what is to be done.
    async fn bring_up(&self, id: Id<Repository>, left: &mut usize) -> Result<Rest, Error> {
        let mut tx = self.db.read().await?;
        let Some(repository) = repositories::by_id(&mut tx, id).await? else {
            return Ok(Rest::Nothing);
        };
        let (wanted, mut state) = self.where_to(&mut tx, &repository).await?;
        let ids: Vec<_> = [state.head, state.target].into_iter().flatten().collect();
        let held = reading::known_commits(&mut tx, id, &ids).await?;
        drop(tx);
        let is_lost = ids.iter().any(|it| !held.contains_key(it));
        if state.form != documents::FORM || is_lost || (wanted.is_none() && state.head.is_some()) {
            if self.forget_documents(id, left).await? == Rest::Something {
                return Ok(Rest::Something);
            }
            state = State { form: documents::FORM, ..State::default() };
            self.set_state(id, &state).await?;
        }
        // What was begun is ended first: its documents are half one and half the other.
        while let Some(target) = state.target.or(wanted.filter(|it| state.head != Some(*it))) {
            if state.target.is_none() {
                state.target = Some(target);
                self.set_state(id, &state).await?;
            }
            if self.go_to(&repository, &mut state, target, left).await? == Rest::Something {
                return Ok(Rest::Something);
            }
        }
        self.describe(&repository, state.head).await?;
        Ok(Rest::Nothing)
    }

    async fn set_state(&self, id: Id<Repository>, state: &State) -> Result<(), Error> {
        let mut tx = self.db.write().await?;
        store::set_state(&mut tx, id, state, self.clock.now()).await?;
        Ok(tx.commit().await?)
    }

    /// Takes away every document of a repository, in pieces.
    pub(crate) async fn forget_search(&self, id: Id<Repository>) -> Result<(), Error> {
        let mut left = usize::MAX;
        while self.forget_documents(id, &mut left).await? == Rest::Something {}
        let mut tx = self.db.write().await?;
        store::forget_state(&mut tx, id).await?;
        Ok(tx.commit().await?)
    }

    async fn forget_documents(&self, id: Id<Repository>, left: &mut usize) -> Result<Rest, Error> {
        loop {
            let mut tx = self.db.write().await?;
            let gone = store::forget_some(&mut tx, id, u32::try_from(GONE).unwrap_or(1)).await?;
            tx.commit().await?;
            *left = left.saturating_sub(1);
            match (gone < GONE as u64, *left) {
                (true, _) => return Ok(Rest::Nothing),
                (false, 0) => return Ok(Rest::Something),
                (false, _) => {}
            }
        }
    }

    /// Brings documents from `state.head` to `target`.
    async fn go_to(
        &self,
        repository: &Repository,
        state: &mut State,
        target: CommitId,
        left: &mut usize,
    ) -> Result<Rest, Error> {
        let history = History::of(self, repository, BUDGET);
        let before = match state.head {
            None => None,
            Some(head) => Some(history.root_at(head).await?),
        };
        let after = history.root_at(target).await?;
        if !state.are_files_done {
            if self.bring_files(&history, state, (before, after), left).await? == Rest::Something {
                return Ok(Rest::Something);
            }
            (state.are_files_done, state.done_path) = (true, String::new());
            self.set_state(repository.id, state).await?;
        }
        if self.bring_commits(&history, state, target, left).await? == Rest::Something {
            return Ok(Rest::Something);
        }
        *state = State { form: documents::FORM, head: Some(target), ..State::default() };
        self.set_state(repository.id, state).await?;
        Ok(Rest::Nothing)
    }

    async fn bring_files(
        &self,
        history: &History<'_>,
        state: &mut State,
        (before, after): (Option<NodeId>, NodeId),
        left: &mut usize,
    ) -> Result<Rest, Error> {
        let mut diff = TreeDiff::new(before, Some(after), usize::MAX);
        let (mut piece, mut bytes) = (Vec::new(), 0);
        loop {
            let Some(change) = diff.next_change() else {
                if diff.is_complete() {
                    break;
                }
                let given = history.nodes(&diff.needs()).await?;
                diff.give(&given).map_err(|error| Error::Broken(error.to_string()))?;
                continue;
            };
            if !state.done_path.is_empty() && change.path.as_str() <= state.done_path.as_str() {
                continue;
            }
            bytes += change.after.map_or(0, |it| it.size_bytes.min(selection::MAX_TEXT_BYTES));
            piece.push(change);
            if piece.len() >= FILES || bytes >= BYTES {
                self.put_files(history, state, std::mem::take(&mut piece)).await?;
                bytes = 0;
                *left = left.saturating_sub(1);
                if *left == 0 {
                    return Ok(Rest::Something);
                }
            }
        }
        if !piece.is_empty() {
            self.put_files(history, state, piece).await?;
        }
        Ok(Rest::Nothing)
    }

    /// Makes the documents of files that have changed.
    async fn put_files(
        &self,
        history: &History<'_>,
        state: &mut State,
        changes: Vec<Change>,
    ) -> Result<(), Error> {
        let mut files = Vec::with_capacity(changes.len());
        for change in &changes {
            let Some(file) = change.after else { continue };
            let path = change.path.as_str();
            let is_read =
                file.size_bytes <= selection::MAX_TEXT_BYTES && !languages::is_left_out(path);
            let is_read = is_read && file.mode.is_file();
            let bytes = if is_read { searchable(history, file.object).await? } else { None };
            files.push((path.to_owned(), file.size_bytes, bytes));
        }
        let id = history.repository.id;
        let documents = blocking(move || {
            let made = files.into_iter().map(|(path, size_bytes, bytes)| {
                let text = bytes.and_then(|it| selection::text_of(&path, it));
                with_text(documents::of_file(id, &path, size_bytes, text))
            });
            made.collect::<Result<Vec<_>, Error>>()
        })
        .await?;
        let names: Vec<_> = changes.iter().map(|it| it.path.to_string()).collect();
        if let Some(last) = names.last() {
            state.done_path.clone_from(last);
        }
        self.put(id, state, (Kind::File, &names), &documents).await
    }

    /// Writes a piece, and how far it brings the state.
    async fn put(
        &self,
        id: Id<Repository>,
        state: &State,
        (kind, names): (Kind, &[String]),
        documents: &[(Document, Option<Vec<u8>>)],
    ) -> Result<(), Error> {
        let mut tx = self.db.write().await?;
        store::remove(&mut tx, id, kind, names).await?;
        store::add(&mut tx, id, documents).await?;
        store::set_state(&mut tx, id, state, self.clock.now()).await?;
        Ok(tx.commit().await?)
    }

    async fn bring_commits(
        &self,
        history: &History<'_>,
        state: &mut State,
        target: CommitId,
        left: &mut usize,
    ) -> Result<Rest, Error> {
        let id = history.repository.id;
        let left_behind = match state.head {
            Some(head) => history.led_to(head, Some(target)).await?,
            None => Vec::new(),
        };
        // The oldest first, so that newer documents have higher numbers.
        let added = history.led_to(target, state.head).await?;
        for gone in left_behind.chunks(GONE) {
            let names: Vec<_> = gone.iter().map(ToString::to_string).collect();
            self.put(id, state, (Kind::Commit, &names), &[]).await?;
        }
        let done = usize::try_from(state.commits_done).unwrap_or(usize::MAX);
        for piece in added.get(done..).unwrap_or_default().chunks(COMMITS) {
            if *left == 0 {
                return Ok(Rest::Something);
            }
            let documents = documents_of(history, piece).await?;
            let names: Vec<_> = documents.iter().map(|(it, _)| it.name.clone()).collect();
            state.commits_done += piece.len() as u64;
            self.put(id, state, (Kind::Commit, &names), &documents).await?;
            *left = left.saturating_sub(1);
        }
        Ok(Rest::Nothing)
    }

    /// Makes the document of the repository itself.
    async fn describe(&self, it: &Repository, head: Option<CommitId>) -> Result<(), Error> {
        let mut tx = self.db.read().await?;
        let language = store::main_language(&mut tx, it.id).await?;
        drop(tx);
        let history = History::of(self, it, BUDGET);
        let readme = match head {
            None => None,
            Some(head) => readme_of(&history, head).await?,
        };
        let text = match readme {
            None => None,
            Some(object) => searchable(&history, object).await?,
        };
        let text = text.and_then(|bytes| selection::text_of("README", bytes)).map(|mut text| {
            text.truncate(text.floor_char_boundary(documents::README_BYTES));
            text
        });
        let document = with_text(documents::of_repository(it, language, text))?;
        let mut tx = self.db.write().await?;
        store::remove(&mut tx, it.id, Kind::Repository, &[String::new()]).await?;
        if it.is_indexed && !it.is_nascent() {
            store::add(&mut tx, it.id, &[document]).await?;
        }
        Ok(tx.commit().await?)
    }
}

fn asking(id: Id<Repository>) -> Result<NewJob, Error> {
    let payload = Index { repository: id.uuid() };
    Ok(NewJob::new(INDEX, &payload)?.unique(format!("hub.index/{id}")))
}

/// A document with its text, packed.
fn with_text(document: Document) -> Result<(Document, Option<Vec<u8>>), Error> {
    let packed = document.text.as_deref().map(pack).transpose()?;
    Ok((document, packed))
}

/// The bytes of a file; nothing of one that cannot be had: that is told and healed elsewhere.
async fn searchable(history: &History<'_>, object: ObjectId) -> Result<Option<Vec<u8>>, Error> {
    match history.bytes(object, selection::MAX_TEXT_BYTES).await {
        Ok(read) => Ok(Some(read.bytes)),
        Err(Error::Objects(objects::Error::Corrupt(_) | objects::Error::Missing(_))) => {
            tracing::warn!(%object, "a file that cannot be read is found by its name alone");
            Ok(None)
        }
        Err(other) => Err(other),
    }
}

async fn documents_of(
    history: &History<'_>,
    ids: &[CommitId],
) -> Result<Vec<(Document, Option<Vec<u8>>)>, Error> {
    let mut found = history.commits(ids).await?;
    let mut made = Vec::with_capacity(ids.len());
    for commit in ids.iter().filter_map(|id| found.remove(id)) {
        let paths = changed(history, &commit).await?;
        made.push((commit, paths));
    }
    let id = history.repository.id;
    blocking(move || {
        let of = |(commit, paths): &(Commit, Vec<String>)| {
            with_text(documents::of_commit(id, commit, paths))
        };
        made.iter().map(of).collect()
    })
    .await
}

/// The paths that a commit changes against its first parent, as far as it is found by them.
async fn changed(history: &History<'_>, of: &Commit) -> Result<Vec<String>, Error> {
    let before = match of.record.parent_commit_id {
        None => None,
        Some(parent) => Some(history.root_at(parent).await?),
    };
    let after = history.root(of).await?;
    let (changes, _) = history.changes(before, after, documents::MAX_CHANGED).await?;
    Ok(changes.into_iter().map(|it| it.path.to_string()).collect())
}

/// The readme of the root directory.
async fn readme_of(history: &History<'_>, head: CommitId) -> Result<Option<ObjectId>, Error> {
    let commit = history.commit(head).await?;
    let Found::Directory(directory) = history.find(&commit, None).await? else { return Ok(None) };
    let readmes = directory.entries().iter().filter(|it| {
        let name = it.name.to_lowercase();
        name == "readme" || name.starts_with("readme.")
    });
    let mut files = readmes.filter_map(|it| match it.kind {
        NodeKind::File(object) if it.size <= selection::MAX_TEXT_BYTES => Some(object),
        NodeKind::File(_) | NodeKind::Directory(_) | NodeKind::Module(_) => None,
    });
    Ok(files.next())
}
