//! The files of a commit as one file, streamed (`spec/hub.md` 3, Archives).
//!
//! One task reads the tree and the files in order, one blocking thread makes the archive of them, and both wait for the
//! client: what lies between them is a few pieces. When the client goes, its end of the pipe closes, and both end.

use std::{
    collections::{HashMap, hash_map::Entry},
    io,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use history::{
    archive::{self, About, Archive, ExportRules, Format},
    diff::as_text,
    tree::{Kind, Mode, TreeFile, TreeWalk},
};
use names::{CommitId, NodeId, ObjectId, RepoPath};
use tokio::sync::mpsc;
use trust::Who;

use super::{Commit, History, source::At};
use crate::{Error, Hub, Repository};

/// Archives that are made at once for the same caller.
pub(crate) const AT_ONCE: u32 = 4;
/// Archives that are made at once in all: each has a thread that waits for its client.
const MOST_AT_ONCE: u32 = 64;
/// Pieces that wait between two of the three.
const QUEUE: usize = 4;
/// What the thread collects before it hands it on.
const PIECE_BYTES: usize = 128 << 10;
/// Up to this size a file is read in one piece.
const WHOLE_BYTES: u64 = 1 << 20;
/// Files whose places are asked for together.
const FILES_AT_ONCE: usize = 256;
/// Files of rules, and the largest of them.
const MOST_RULES: usize = 1_000;
const RULES_BYTES: u64 = 64 << 10;
/// Where a link leads is read up to this.
const LINK_BYTES: u64 = 64 << 10;
/// How long reading may take in all, a slow client included.
const BUDGET: Duration = Duration::from_hours(6);

/// Who is having archives made, and how many.
#[derive(Debug, Clone, Default)]
pub(crate) struct Archives(Arc<Mutex<HashMap<Who, u32>>>);

/// One of the archives that a caller may have made at once; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    archives: Archives,
    who: Who,
}

impl Archives {
    /// A turn for `who`, if they have one left.
    pub(crate) fn begin(&self, who: Who) -> Option<Turn> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = counts.get(&who).copied().unwrap_or_default();
        if own >= AT_ONCE || counts.values().sum::<u32>() >= MOST_AT_ONCE {
            return None;
        }
        counts.insert(who, own + 1);
        Some(Turn { archives: self.clone(), who })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut counts = self.archives.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.who) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.who);
            }
        }
    }
}

/// What an archive is made of.
#[derive(Debug, Clone)]
pub(crate) struct ArchivePlan {
    hub: Hub,
    repository: Repository,
    about: About,
    format: Format,
    root: NodeId,
    /// The directory that it is of.
    below: Option<RepoPath>,
    directory: NodeId,
}

/// What goes to the thread.
#[derive(Debug)]
enum Piece {
    File(RepoPath, Mode, u64),
    /// A link and where it leads.
    Link(RepoPath, Vec<u8>),
    Module(RepoPath),
    Bytes(Bytes),
    FileEnd,
    /// Bytes of the archive that nobody asked for.
    Skipped(u64),
    End,
    Failed(String),
}

impl History<'_> {
    /// The archive of the files of a commit, or of one directory of it. `name` is what the repository and the revision
    /// are called in it.
    pub(crate) async fn archive(
        &self,
        commit: &Commit,
        below: Option<RepoPath>,
        format: Format,
        name: &str,
    ) -> Result<ArchivePlan, Error> {
        let root = self.root(commit).await?;
        let directory = match &below {
            None => root,
            Some(path) => match self.entry(root, path).await?.map(|it| it.kind) {
                Some(Kind::Directory(node)) => node,
                Some(Kind::File(_) | Kind::Module(_)) | None => return Err(Error::NotFound),
            },
        };
        let about = About {
            prefix: format!("{name}/"),
            commit: commit.record.commit_id,
            seconds: u64::try_from(commit.committed_at.0 / 1_000).unwrap_or(0),
        };
        let (hub, repository) = (self.hub.clone(), self.repository.clone());
        Ok(ArchivePlan { hub, repository, about, format, root, below, directory })
    }
}

impl ArchivePlan {
    /// What names its bytes: the same plan gives the same ones.
    pub(crate) fn etag(&self) -> String {
        let About { prefix, commit, .. } = &self.about;
        let below = self.below.as_ref().map(RepoPath::as_str).unwrap_or_default();
        let text = format!("{commit}\0{prefix}\0{below}");
        let digest = names::Digest::of(text.as_bytes()).to_string();
        let digest = digest.get(..32).unwrap_or_default();
        format!("\"{}-{}-{digest}\"", self.format.ending(), archive::FORM)
    }

    /// The commit whose files they are.
    pub(crate) const fn commit(&self) -> CommitId {
        self.about.commit
    }

    fn history(&self) -> History<'_> {
        History::of(&self.hub, &self.repository, BUDGET)
    }

    /// How long it is as a tar.
    pub(crate) async fn tar_bytes(&self) -> Result<u64, Error> {
        let mut files = self.files().await?;
        let mut total = archive::tar_begin_bytes(&self.about) + archive::TAR_END_BYTES;
        while let Some(some) = files.next().await? {
            let links = self.links(&files.history, &some).await?;
            total += some.iter().map(|it| self.tar_bytes_of(it, &links)).sum::<u64>();
        }
        Ok(total)
    }

    /// Where those of the files lead that are links.
    async fn links(
        &self,
        history: &History<'_>,
        files: &[TreeFile],
    ) -> Result<HashMap<ObjectId, Vec<u8>>, Error> {
        let mut links = HashMap::new();
        for file in files.iter().filter(|it| it.mode == Mode::Link) {
            if let Entry::Vacant(place) = links.entry(file.object) {
                let target = history.bytes(file.object, LINK_BYTES).await?;
                if target.size > LINK_BYTES {
                    return Err(Error::TooLarge(
                        "a link that leads to so long a path is not archived",
                    ));
                }
                place.insert(target.bytes);
            }
        }
        Ok(links)
    }

    /// How many bytes a file comes to in a tar.
    fn tar_bytes_of(&self, file: &TreeFile, links: &HashMap<ObjectId, Vec<u8>>) -> u64 {
        match links.get(&file.object).filter(|_| file.mode == Mode::Link) {
            Some(target) => archive::tar_link_bytes(&self.about, &file.path, target),
            None => archive::tar_file_bytes(&self.about, (&file.path, file.mode), file.size_bytes),
        }
    }

    /// The files of the archive, in the order of their paths.
    async fn files(&self) -> Result<Files<'_>, Error> {
        let (rules, walk) = (self.rules().await?, TreeWalk::new(self.directory));
        Ok(Files { plan: self, history: self.history(), rules, walk })
    }

    /// What is left out, by the rules of all directories.
    async fn rules(&self) -> Result<ExportRules, Error> {
        let history = self.history();
        let mut found: Vec<(Option<String>, ObjectId)> = Vec::new();
        let mut walk = TreeWalk::new(self.root);
        loop {
            while let Some(file) = walk.next_file() {
                let is_one = file.path.file_name() == ExportRules::FILE;
                if is_one && file.size_bytes <= RULES_BYTES && found.len() < MOST_RULES {
                    found.push((file.path.parent().map(str::to_owned), file.object));
                }
            }
            if walk.is_complete() {
                break;
            }
            let given = history.nodes(&walk.needs()).await?;
            walk.give(&given).map_err(|error| Error::Broken(error.to_string()))?;
        }
        let mut rules = ExportRules::default();
        for (directory, object) in found {
            let file = history.bytes(object, RULES_BYTES).await?;
            rules.add(directory.as_deref(), as_text(&file.bytes).unwrap_or_default());
        }
        Ok(rules)
    }

    /// The bytes, all of them or those of a range of a tar. The turn ends with them.
    pub(crate) fn body(self, range: Option<Range<u64>>, turn: Turn) -> Body {
        let (to_thread, pieces) = mpsc::channel(QUEUE);
        let (to_client, bytes) = mpsc::channel(QUEUE);
        let (about, format) = (self.about.clone(), self.format);
        let wanted = range.clone().unwrap_or(0..u64::MAX);
        tokio::task::spawn_blocking(move || {
            write(format, about, pieces, &to_client, wanted);
            drop(turn);
        });
        tokio::spawn(async move {
            let end = match self.read(range.unwrap_or(0..u64::MAX), &to_thread).await {
                Ok(()) => Piece::End,
                Err(error) => {
                    tracing::error!(%error, commit = %self.commit(), "an archive ends early");
                    Piece::Failed(error.to_string())
                }
            };
            // Whoever is gone misses nothing more.
            to_thread.send(end).await.unwrap_or_default();
        });
        Body::from_stream(futures_util::stream::unfold(bytes, async |mut from| {
            let piece: io::Result<Bytes> = from.recv().await?;
            Some((piece, from))
        }))
    }

    /// Reads everything in order. Ends without an error when nobody takes it any more.
    async fn read(&self, range: Range<u64>, to: &mpsc::Sender<Piece>) -> Result<(), Error> {
        let mut at = archive::tar_begin_bytes(&self.about);
        let mut files = self.files().await?;
        while let Some(some) = files.next().await? {
            let links = self.links(&files.history, &some).await?;
            let whole = some.iter().filter(|it| it.mode.is_file() && it.object != ObjectId::EMPTY);
            let whole: Vec<_> = whole.map(|it| (it.object, it.size_bytes)).collect();
            let places = files.history.places(&whole).await?;
            for file in some {
                let start = at;
                at += self.tar_bytes_of(&file, &links);
                if start >= range.end {
                    return Ok(());
                }
                let is_taken = if at <= range.start {
                    to.send(Piece::Skipped(at - start)).await.is_ok()
                } else {
                    match file.mode {
                        Mode::Plain | Mode::Executable => {
                            let place = places.get(&file.object).cloned();
                            self.read_file(&file, place, to).await?
                        }
                        Mode::Link => {
                            let target = links.get(&file.object).cloned().unwrap_or_default();
                            to.send(Piece::Link(file.path, target)).await.is_ok()
                        }
                        Mode::Module => to.send(Piece::Module(file.path)).await.is_ok(),
                    }
                };
                if !is_taken {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Reads one file; says whether somebody still takes it.
    async fn read_file(
        &self,
        file: &TreeFile,
        place: Option<At>,
        to: &mpsc::Sender<Piece>,
    ) -> Result<bool, Error> {
        let history = self.history();
        let head = Piece::File(file.path.clone(), file.mode, file.size_bytes);
        if to.send(head).await.is_err() {
            return Ok(false);
        }
        let mut read = 0;
        match place {
            None if file.size_bytes == 0 => {}
            None => return Err(objects::Error::Missing(file.object).into()),
            Some(place) if place.size() <= WHOLE_BYTES => {
                let bytes = history.read_at(file.object, place).await?;
                read = bytes.len() as u64;
                if to.send(Piece::Bytes(bytes)).await.is_err() {
                    return Ok(false);
                }
            }
            Some(place) => {
                let mut pieces = history.pieces_at(file.object, place);
                while let Some(piece) = pieces.recv().await {
                    read += piece.len() as u64;
                    if to.send(Piece::Bytes(piece)).await.is_err() {
                        return Ok(false);
                    }
                }
            }
        }
        if read != file.size_bytes {
            return Err(objects::Error::Corrupt(file.object).into());
        }
        Ok(to.send(Piece::FileEnd).await.is_ok())
    }
}

/// The files of an archive as they are come to.
struct Files<'a> {
    plan: &'a ArchivePlan,
    history: History<'a>,
    rules: ExportRules,
    walk: TreeWalk,
}

impl Files<'_> {
    /// The next files, some at a time; none at the end.
    async fn next(&mut self) -> Result<Option<Vec<TreeFile>>, Error> {
        let mut some = Vec::new();
        loop {
            while some.len() < FILES_AT_ONCE
                && let Some(file) = self.walk.next_file()
            {
                let path = match &self.plan.below {
                    None => file.path,
                    Some(below) => format!("{below}/{}", file.path)
                        .parse()
                        .map_err(|_| Error::Broken("a path is too long".to_owned()))?,
                };
                if !self.rules.leaves_out(&path) {
                    some.push(TreeFile { path, ..file });
                }
            }
            if some.len() >= FILES_AT_ONCE || self.walk.is_complete() {
                return Ok((!some.is_empty()).then_some(some));
            }
            let given = self.history.nodes(&self.walk.needs()).await?;
            self.walk.give(&given).map_err(|error| Error::Broken(error.to_string()))?;
        }
    }
}

/// What was made and is wanted, on its way to the client.
struct Outlet<'a> {
    to: &'a mpsc::Sender<io::Result<Bytes>>,
    wanted: Range<u64>,
    /// Position of what comes next.
    at: u64,
}

impl Outlet<'_> {
    /// Sends the wanted part of `out`; says whether somebody takes more.
    fn send(&mut self, out: &mut Vec<u8>) -> bool {
        let length = out.len() as u64;
        let cut = |bound: u64| {
            usize::try_from(bound.saturating_sub(self.at).min(length)).unwrap_or(usize::MAX)
        };
        let wanted = out.get(cut(self.wanted.start)..cut(self.wanted.end)).unwrap_or_default();
        let piece = Bytes::copy_from_slice(wanted);
        self.at += length;
        out.clear();
        let is_taken = piece.is_empty() || self.to.blocking_send(Ok(piece)).is_ok();
        is_taken && self.at < self.wanted.end
    }
}

/// Makes the archive, on a blocking thread.
fn write(
    format: Format,
    about: About,
    mut pieces: mpsc::Receiver<Piece>,
    to: &mpsc::Sender<io::Result<Bytes>>,
    wanted: Range<u64>,
) {
    let mut out = Vec::with_capacity(2 * PIECE_BYTES);
    let mut outlet = Outlet { to, wanted, at: 0 };
    let mut archive = Archive::new(format, about, &mut out);
    while let Some(piece) = pieces.blocking_recv() {
        match piece {
            Piece::File(path, mode, size) => archive.begin_file(&path, mode, size, &mut out),
            Piece::Link(path, target) => archive.link(&path, &target, &mut out),
            Piece::Module(path) => archive.module(&path, &mut out),
            Piece::Bytes(bytes) => archive.put(&bytes, &mut out),
            Piece::FileEnd => archive.end_file(&mut out),
            Piece::Skipped(bytes) => {
                if !outlet.send(&mut out) {
                    return;
                }
                outlet.at += bytes;
            }
            Piece::End => {
                archive.finish(&mut out);
                outlet.send(&mut out);
                return;
            }
            Piece::Failed(why) => {
                to.blocking_send(Err(io::Error::other(why))).unwrap_or_default();
                return;
            }
        }
        if out.len() >= PIECE_BYTES && !outlet.send(&mut out) {
            return;
        }
    }
}
