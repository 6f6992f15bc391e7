//! The commits before some commit, with filters (`spec/hub.md` 3, `log`).
//!
//! Newest generation first, then newest time. The history of a path is simplified as git does it: a commit in which the
//! path is as in a parent is left out, and only that parent is followed. What is not found within the time is not lost:
//! the page says so, and its cursor goes on from there.

use std::collections::HashMap;

use history::tree::{Kind, Mode, Nodes, TreeLookup};
use names::{CommitId, NodeId, RepoPath, UnixMillis};

use super::{Commit, History, Line, ancestry::Walk};
use crate::Error;

/// Commits that are read together to be looked at by what they say.
const READ_AT_ONCE: usize = 100;
/// Commits whose trees are looked into together.
const LOOKED_AT_ONCE: usize = 64;
/// How often it is noted where a walk stands that has found nothing yet: whoever goes on passes no more than these again.
const MARKED_EVERY: u32 = 256;
/// Directories that are kept in memory.
const NODES: usize = 4_000;
/// Places at which a cursor may go on; with more it begins again and looks for its last commit.
const PLACES: usize = 60;
/// The longest cursor before it is signed, for the same reason.
const CURSOR_BYTES: usize = 3_000;

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct LogQuery {
    /// Where it begins.
    pub(crate) from: Vec<CommitId>,
    /// What these lead to is left out.
    pub(crate) not: Vec<CommitId>,
    /// Commits that changed it.
    pub(crate) path: Option<RepoPath>,
    /// Whether a file is followed to the names that it had before.
    pub(crate) follow: bool,
    /// A part of the author, in whatever case.
    pub(crate) author: Option<String>,
    /// Not older.
    pub(crate) since: Option<UnixMillis>,
    /// Not younger.
    pub(crate) until: Option<UnixMillis>,
    /// A part of the message, in whatever case.
    pub(crate) text: Option<String>,
}

/// A commit of a log.
#[derive(Debug, Clone)]
pub(crate) struct Logged {
    pub(crate) commit: Commit,
    /// The path that was asked for, as it is called in this commit.
    pub(crate) path: Option<RepoPath>,
}

/// Some commits of a log.
#[derive(Debug)]
pub(crate) struct LogPage {
    pub(crate) commits: Vec<Logged>,
    /// Where it goes on; none at the end.
    pub(crate) next: Option<Position>,
    /// Whether time ran out before the page was full.
    pub(crate) is_partial: bool,
}

/// What is known of a commit that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mark {
    is_left_out: bool,
    path: Option<RepoPath>,
}

/// Where a log goes on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Position {
    /// At these commits; from its beginning where they are too many to be named.
    places: Option<Vec<Place>>,
    /// Once this one has been passed.
    after: Option<CommitId>,
}

/// A commit at which a log goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    commit: CommitId,
    mark: Mark,
}

/// What the first byte of a position says.
const HAS_PLACES: u8 = 1;
const HAS_AFTER: u8 = 2;

impl Position {
    /// As bytes, to be signed.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let has = |is_there: bool, flag| if is_there { flag } else { 0 };
        let mut bytes =
            vec![has(self.places.is_some(), HAS_PLACES) | has(self.after.is_some(), HAS_AFTER)];
        bytes.extend(self.after.iter().flat_map(CommitId::as_bytes));
        for Place { commit, mark } in self.places.iter().flatten() {
            bytes.push(u8::from(mark.is_left_out));
            bytes.extend_from_slice(commit.as_bytes());
            let path = mark.path.as_ref().map(RepoPath::as_str).unwrap_or_default();
            bytes.extend_from_slice(&u16::try_from(path.len()).unwrap_or(0).to_be_bytes());
            bytes.extend_from_slice(path.as_bytes());
        }
        bytes
    }

    /// From bytes whose signature held.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (kind, mut rest) = bytes.split_first()?;
        let mut after = None;
        if kind & HAS_AFTER != 0 {
            let (id, behind) = rest.split_at_checked(32)?;
            (after, rest) = (Some(id.try_into().ok()?), behind);
        }
        let mut places = Vec::new();
        while let Some((flag, behind)) = rest.split_first() {
            let (commit, behind) = behind.split_at_checked(32)?;
            let (length, behind) = behind.split_at_checked(2)?;
            let length = usize::from(u16::from_be_bytes(length.try_into().ok()?));
            let (path, behind) = behind.split_at_checked(length)?;
            let path = std::str::from_utf8(path).ok()?;
            let path = if path.is_empty() { None } else { Some(path.parse().ok()?) };
            let mark = Mark { is_left_out: *flag == 1, path };
            places.push(Place { commit: commit.try_into().ok()?, mark });
            rest = behind;
        }
        Some(Self { places: (kind & HAS_PLACES != 0).then_some(places), after })
    }
}

impl History<'_> {
    /// The commits that `query` asks for, from `at` on, at most `limit`.
    pub(crate) async fn log(
        &self,
        query: &LogQuery,
        at: Option<&Position>,
        limit: usize,
    ) -> Result<LogPage, Error> {
        let mut log = Log {
            history: self,
            walk: Walk::new(self),
            query,
            paths: Paths { history: self, nodes: HashMap::new(), found: HashMap::new() },
            candidates: Vec::new(),
            begun: Position::default(),
            passed: None,
            page: LogPage { commits: Vec::new(), next: None, is_partial: false },
        };
        log.begin(at).await?;
        log.skip(at.and_then(|it| it.after)).await?;
        log.run(limit).await?;
        Ok(log.page)
    }
}

struct Log<'a> {
    history: &'a History<'a>,
    walk: Walk<'a, Mark>,
    query: &'a LogQuery,
    paths: Paths<'a>,
    /// Commits that fit but for what they say.
    candidates: Vec<(Line, Option<RepoPath>)>,
    /// Where the walk stood before them.
    begun: Position,
    /// The commit that was looked at last.
    passed: Option<CommitId>,
    page: LogPage,
}

impl Log<'_> {
    async fn begin(&mut self, at: Option<&Position>) -> Result<(), Error> {
        if let Some(places) = at.and_then(|it| it.places.as_ref()) {
            let ids: Vec<_> = places.iter().map(|it| it.commit).collect();
            self.walk.lines.want(&ids).await?;
            for Place { commit, mark } in places {
                self.walk.push(*commit, mark.clone()).await?;
            }
            return Ok(());
        }
        self.walk.lines.want(&self.query.from).await?;
        for id in &self.query.from {
            let mark = Mark { is_left_out: false, path: self.query.path.clone() };
            self.walk.push(*id, mark).await?;
        }
        for id in &self.query.not {
            let mark = Mark { is_left_out: true, path: None };
            self.walk.push(*id, mark).await?.is_left_out = true;
        }
        Ok(())
    }

    /// Goes on to the last commit of the page before.
    async fn skip(&mut self, after: Option<CommitId>) -> Result<(), Error> {
        let Some(after) = after else { return Ok(()) };
        while self.passed != Some(after)
            && let Some((line, mark)) = self.walk.pop()
        {
            self.history.check()?;
            self.passed = Some(line.id);
            self.step(line, &mark).await?;
        }
        self.candidates.clear();
        Ok(())
    }

    async fn run(&mut self, limit: usize) -> Result<(), Error> {
        let reads = self.query.author.is_some() || self.query.text.is_some();
        let mut passed = 0_u32;
        loop {
            if self.candidates.is_empty() && passed.is_multiple_of(MARKED_EVERY) {
                self.begun = self.position();
            }
            let missing = limit - self.page.commits.len();
            let enough = if reads { READ_AT_ONCE } else { missing };
            let is_over = !self.is_open() || !self.history.has_time();
            if self.candidates.len() >= enough || is_over {
                self.take(limit).await?;
                if is_over || self.page.commits.len() >= limit {
                    self.page.is_partial = self.page.commits.len() < limit && self.is_open();
                    return Ok(());
                }
                passed = 0;
            } else if let Some((line, mark)) = self.walk.pop() {
                passed = passed.wrapping_add(1);
                self.passed = Some(line.id);
                self.step(line, &mark).await?;
            }
        }
    }

    /// Whether a commit waits that is not left out.
    fn is_open(&self) -> bool {
        self.walk.waiting().any(|(_, mark)| !mark.is_left_out)
    }

    /// Looks at a commit: whether it is one, and where the walk goes on.
    async fn step(&mut self, line: Line, mark: &Mark) -> Result<(), Error> {
        if mark.is_left_out {
            for parent in line.parents {
                self.walk.push(parent, mark.clone()).await?.is_left_out = true;
            }
            return Ok(());
        }
        let Some(path) = &mark.path else {
            for parent in &line.parents {
                self.walk.push(*parent, mark.clone()).await?;
            }
            self.offer(line, None);
            return Ok(());
        };
        if let Some((since, _)) = self.history.unchanged_since(line.id, path).await? {
            self.walk.push(since, mark.clone()).await?;
            return Ok(());
        }
        let here = self.paths.at(&self.walk, &line, path).await?;
        let mut before = Vec::new();
        for parent in line.parents.clone() {
            let parent = self.walk.lines.get(parent).await?;
            let there = self.paths.at(&self.walk, &parent, path).await?;
            if there == here {
                self.walk.push(parent.id, mark.clone()).await?;
                return Ok(());
            }
            let mut path = path.clone();
            if self.query.follow && there.is_none() && matches!(here, Some((Kind::File(_), _))) {
                let (from, to) = (parent.clone(), line.clone());
                path = self.history.moved_from(from, to, &path).await?.unwrap_or(path);
            }
            before.push((parent.id, path));
        }
        if here.is_some() || !before.is_empty() {
            self.offer(line, Some(path.clone()));
        }
        for (parent, path) in before {
            self.walk.push(parent, Mark { is_left_out: false, path: Some(path) }).await?;
        }
        Ok(())
    }

    fn offer(&mut self, line: Line, path: Option<RepoPath>) {
        let is_too_old = self.query.since.is_some_and(|since| line.committed_at < since.0);
        let is_too_young = self.query.until.is_some_and(|until| line.committed_at > until.0);
        if !is_too_old && !is_too_young {
            self.candidates.push((line, path));
        }
    }

    /// Reads the candidates, keeps those that fit, and says where the page after goes on.
    async fn take(&mut self, limit: usize) -> Result<(), Error> {
        let candidates = std::mem::take(&mut self.candidates);
        let ids: Vec<_> = candidates.iter().map(|(line, _)| line.id).collect();
        let mut commits =
            if ids.is_empty() { HashMap::new() } else { self.history.commits(&ids).await? };
        let mut last = None;
        for (line, path) in candidates {
            if self.page.commits.len() >= limit {
                // The walk is ahead of the page.
                self.page.next = Some(Position { after: last, ..self.begun.clone() });
                return Ok(());
            }
            last = Some(line.id);
            let Some(commit) = commits.remove(&line.id) else { continue };
            if self.fits(&commit) {
                self.page.commits.push(Logged { commit, path });
            }
        }
        self.page.next = self.is_open().then(|| self.position());
        Ok(())
    }

    /// Where the walk stands.
    fn position(&self) -> Position {
        let waiting = self.walk.waiting();
        let place =
            |(commit, mark): &(CommitId, Mark)| Place { commit: *commit, mark: mark.clone() };
        if waiting.len() <= PLACES {
            let position = Position { places: Some(waiting.map(place).collect()), after: None };
            if position.to_bytes().len() <= CURSOR_BYTES {
                return position;
            }
        }
        Position { places: None, after: self.passed }
    }

    fn fits(&self, commit: &Commit) -> bool {
        let holds = |text: &str, part: &Option<String>| {
            let part = part.as_ref().map(|it| it.to_lowercase());
            part.is_none_or(|part| text.to_lowercase().contains(&part))
        };
        holds(&commit.record.author, &self.query.author)
            && holds(&commit.record.message, &self.query.text)
    }
}

/// What stands at a path in many commits.
pub(super) struct Paths<'a> {
    history: &'a History<'a>,
    nodes: Nodes,
    found: HashMap<(CommitId, RepoPath), Option<(Kind, Mode)>>,
}

impl Paths<'_> {
    /// What stands at `path` in a commit. Those of the commits before it that are at hand are looked at too, as they are
    /// asked for next.
    async fn at(
        &mut self,
        walk: &Walk<'_, Mark>,
        line: &Line,
        path: &RepoPath,
    ) -> Result<Option<(Kind, Mode)>, Error> {
        let key = (line.id, path.clone());
        if let Some(found) = self.found.get(&key) {
            return Ok(*found);
        }
        let batch = self.batch(walk, line, path);
        let roots = self.history.roots(&batch).await?;
        let mut lookups: Vec<_> =
            roots.iter().map(|(id, root)| (*id, TreeLookup::new(*root, path))).collect();
        loop {
            for (_, lookup) in &mut lookups {
                lookup.give(&self.nodes);
            }
            let mut needed: Vec<NodeId> =
                lookups.iter().filter_map(|(_, lookup)| lookup.needs()).collect();
            needed.sort_unstable();
            needed.dedup();
            if needed.is_empty() {
                break;
            }
            if self.nodes.len() + needed.len() > NODES {
                self.nodes.clear();
            }
            let given = self.history.nodes(&needed).await?;
            self.nodes.extend(given);
        }
        for (id, lookup) in lookups {
            let kind = lookup.into_entry().map(|entry| (entry.kind, entry.mode));
            self.found.insert((id, path.clone()), kind);
        }
        Ok(self.found.get(&key).copied().flatten())
    }

    fn batch(&self, walk: &Walk<'_, Mark>, line: &Line, path: &RepoPath) -> Vec<Line> {
        let (mut batch, mut at) = (vec![line.clone()], 0);
        let mut seen: std::collections::HashSet<_> = [line.id].into();
        while let Some(next) = batch.get(at).cloned()
            && batch.len() < LOOKED_AT_ONCE
        {
            at += 1;
            for parent in next.parents.iter().filter(|id| seen.insert(**id)) {
                let is_known = self.found.contains_key(&(*parent, path.clone()));
                batch.extend(walk.lines.at_hand(parent).filter(|_| !is_known).cloned());
            }
        }
        batch
    }
}

/// Where a commit that was read stands.
impl From<&Commit> for Line {
    fn from(commit: &Commit) -> Self {
        Self {
            id: commit.record.commit_id,
            parents: commit.parents().collect(),
            snapshot: Some(commit.record.snapshot_id),
            generation: commit.generation,
            committed_at: commit.committed_at.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_comes_back_whole() {
        let place = |text: &str, is_left_out, path: Option<&str>| Place {
            commit: CommitId::of(text.as_bytes()),
            mark: Mark { is_left_out, path: path.map(|it| it.parse().unwrap()) },
        };
        let places = vec![place("a", false, None), place("b", true, Some("größe/x"))];
        for position in [
            Position { places: Some(vec![]), after: None },
            Position { places: Some(places), after: Some(CommitId::of(b"c")) },
            Position { places: None, after: Some(CommitId::of(b"c")) },
        ] {
            assert_eq!(Position::from_bytes(&position.to_bytes()), Some(position));
        }
        for bad in [&b""[..], b"\x02short", b"\x01\x00short"] {
            assert_eq!(Position::from_bytes(bad), None);
        }
    }
}
