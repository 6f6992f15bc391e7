//! A page of the graph as it is drawn: commits with their lanes, or, where a path or an author is asked for, those commits
//! alone.

use std::collections::HashMap;

use db::Tx;
use history::graph::{
    Edge, Frontier, Graph, GraphError, LaneHead, Lanes, LanesState, Position, Row, Walk,
};
use names::{BranchName, CommitId, Digest, Id, RepoPath};

use super::{
    History,
    relation::{read_frontier, write_frontier},
};
use crate::{
    Error, Hub, Repository,
    reading::{self, Commit, RefPlace},
};

/// Refs that a picture begins with: those of the newest commits.
const HEADS: usize = 200;
/// Commits that are looked through for an author on one page.
const LOOKED_THROUGH: usize = 5_000;
/// Of those, as many at once.
const AT_ONCE: usize = 500;
/// What a cursor of lanes begins with, and one of a list.
const LANES: u8 = 1;
const LIST: u8 = 0;

/// Which commits are drawn.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// From this commit; from all refs for none.
    pub(crate) from: Option<(CommitId, Option<BranchName>)>,
    /// Only those whose author has this in their name.
    pub(crate) author: Option<String>,
    /// Only those that changed this path.
    pub(crate) path: Option<RepoPath>,
    pub(crate) limit: usize,
}

impl Wanted {
    /// Whether commits are left out, and lines with them.
    pub(crate) const fn is_filtered(&self) -> bool {
        self.author.is_some() || self.path.is_some()
    }
}

/// A commit in the picture.
#[derive(Debug, Clone)]
pub(crate) struct Drawn {
    pub(crate) commit: Commit,
    pub(crate) lane: u8,
    pub(crate) colour: u8,
    /// Lines to the next row.
    pub(crate) edges: Vec<Edge>,
    /// Full names of the refs that are here.
    pub(crate) refs: Vec<String>,
}

/// A page of the picture.
#[derive(Debug, Clone, Default)]
pub(crate) struct Picture {
    /// Lanes that lead here from the page before, each with its colour.
    pub(crate) above: Vec<(u8, u8)>,
    pub(crate) rows: Vec<Drawn>,
    /// Where the next page begins.
    pub(crate) next: Option<Vec<u8>>,
}

/// The colour of a lane that begins with a ref: equal on every page and every server.
fn colour(name: &str) -> u8 {
    Digest::of(name.as_bytes()).as_bytes().first().copied().unwrap_or_default()
}

impl Hub {
    /// A page of the picture, from `cursor` on.
    pub(crate) async fn picture(
        &self,
        mut tx: Tx,
        of: &Repository,
        wanted: &Wanted,
        cursor: Option<&[u8]>,
    ) -> Result<Picture, Error> {
        let history = self.history(&mut tx, of.id).await?;
        let refs = reading::refs(&mut tx, of.id).await?;
        let heads = heads(&history, &refs, wanted)?;
        // One connection at a time: what walks has its own.
        drop(tx);
        let mut above = Vec::new();
        let (rows, next) = match &wanted.path {
            Some(path) => {
                let cursor = cursor.map(|it| part(it, LIST)).transpose()?;
                let from: Vec<_> = heads.iter().map(|head| head.at).collect();
                let from = history.graph.ids(&from)?;
                let from = (&from[..], path.clone());
                let tx = self.db.read().await?;
                let page = self.path_log_page(tx, of.id, from, cursor, wanted.limit).await?;
                (alone(&history.graph, &page.commits)?, page.next.map(|it| cursor_of(LIST, &it)))
            }
            None if wanted.author.is_some() => {
                self.by_author((of.id, &history), wanted, (&heads, cursor)).await?
            }
            None => {
                let at = (cursor, wanted.limit);
                self.drawn((of.id, &history), heads, at, &mut above).await?
            }
        };
        let mut tx = self.db.read().await?;
        let ids: Vec<_> = rows.iter().map(|(id, _)| *id).collect();
        let mut commits = reading::commits(&mut tx, of.id, &ids).await?;
        let mut names: HashMap<CommitId, Vec<String>> = HashMap::new();
        for it in refs {
            names.entry(it.target).or_default().push(it.name);
        }
        let draw = |(id, row): (CommitId, Row)| {
            let commit = commits.remove(&id).filter(|it| is_by(it, wanted.author.as_deref()))?;
            let refs = names.remove(&id).unwrap_or_default();
            Some(Drawn { commit, lane: row.lane, colour: row.colour, edges: row.edges, refs })
        };
        Ok(Picture { above, rows: rows.into_iter().filter_map(draw).collect(), next })
    }

    /// With lanes; `above` is told those that lead here.
    async fn drawn(
        &self,
        (of, history): (Id<Repository>, &History),
        heads: Vec<LaneHead>,
        (cursor, limit): (Option<&[u8]>, usize),
        above: &mut Vec<(u8, u8)>,
    ) -> Result<(Vec<(CommitId, Row)>, Option<Vec<u8>>), Error> {
        let (frontier, state) = match cursor {
            None => {
                let wanted = heads.iter().map(|head| head.at).collect();
                (Frontier { wanted, hidden: Vec::new() }, LanesState::default())
            }
            Some(cursor) => read_lanes(history, part(cursor, LANES)?)?,
        };
        let lanes = (0..=u8::MAX).zip(&state.open);
        above.extend(lanes.filter_map(|(lane, open)| open.map(|(_, colour)| (lane, colour))));
        let epoch = history.epoch;
        let drawn = self.ask(of, history, move |graph| {
            let mut walk = Walk::new(graph, &frontier)?;
            let mut lanes = Lanes::new(graph, state, heads);
            let mut rows = Vec::new();
            while rows.len() < limit
                && let Some((at, _)) = walk.step()?
            {
                rows.push((graph.id(at)?, lanes.place(at, walk.peek()?)?));
            }
            let front = write_frontier(epoch, &walk.frontier());
            let next = front.map(|front| cursor_of(LANES, &write_lanes(&front, lanes.state())));
            Ok((rows, next))
        });
        drawn.await
    }

    /// The next commits of a walk, and where it stands then.
    async fn walked(
        &self,
        of: Id<Repository>,
        history: &History,
        frontier: Frontier,
        count: usize,
    ) -> Result<(Vec<CommitId>, Frontier), Error> {
        let walked = self.ask(of, history, move |graph| {
            let mut walk = Walk::new(graph, &frontier)?;
            let some = walk.take(count)?;
            Ok((graph.ids(&some)?, walk.frontier()))
        });
        walked.await
    }

    /// Those of an author, as many as a page may look for.
    async fn by_author(
        &self,
        (of, history): (Id<Repository>, &History),
        wanted: &Wanted,
        (heads, cursor): (&[LaneHead], Option<&[u8]>),
    ) -> Result<(Vec<(CommitId, Row)>, Option<Vec<u8>>), Error> {
        let mut frontier = if let Some(cursor) = cursor {
            read_frontier(history, part(cursor, LIST)?)?
        } else {
            let wanted = heads.iter().map(|head| head.at).collect();
            Frontier { wanted, hidden: Vec::new() }
        };
        let (mut found, mut looked) = (Vec::new(), 0);
        while !frontier.wanted.is_empty() && looked < LOOKED_THROUGH && found.len() < wanted.limit {
            let size = AT_ONCE.min(wanted.limit - found.len()).max(20);
            let (ids, rest) = self.walked(of, history, frontier.clone(), size).await?;
            let commits = reading::commits(&mut self.db.read().await?, of, &ids).await?;
            let mut passed = 0;
            for id in &ids {
                if found.len() >= wanted.limit {
                    break;
                }
                passed += 1;
                if commits.get(id).is_some_and(|it| is_by(it, wanted.author.as_deref())) {
                    found.push(*id);
                }
            }
            looked += passed;
            // The page may be full before the end of what was looked at.
            frontier = if passed == ids.len() {
                rest
            } else {
                self.walked(of, history, frontier, passed).await?.1
            };
        }
        let next = write_frontier(history.epoch, &frontier).map(|it| cursor_of(LIST, &it));
        Ok((alone(&history.graph, &found)?, next))
    }
}

/// Whether a commit names an author with this in their name.
fn is_by(commit: &Commit, author: Option<&str>) -> bool {
    author.is_none_or(|author| commit.record.author.to_lowercase().contains(&author.to_lowercase()))
}

/// Commits without lines.
fn alone(graph: &Graph, ids: &[CommitId]) -> Result<Vec<(CommitId, Row)>, GraphError> {
    let row = |id: &CommitId| {
        let at = graph.find(id)?.ok_or(GraphError::Damaged("a commit is missing"))?;
        Ok((*id, Row { at, lane: 0, colour: colour(""), edges: Vec::new() }))
    };
    ids.iter().map(row).collect()
}

/// What a picture begins with, the newest first. Of several refs at one commit the first by name gives the colour.
fn heads(history: &History, refs: &[RefPlace], wanted: &Wanted) -> Result<Vec<LaneHead>, Error> {
    if let Some((commit, branch)) = &wanted.from {
        let name = branch.as_ref().map(BranchName::full).unwrap_or_default();
        return Ok(vec![LaneHead { at: history.at(*commit)?, colour: colour(&name) }]);
    }
    let mut heads = Vec::with_capacity(refs.len());
    for it in refs {
        heads.push(LaneHead { at: history.at(it.target)?, colour: colour(&it.name) });
    }
    heads.sort_by_key(|head| std::cmp::Reverse(head.at));
    heads.dedup_by_key(|head| head.at);
    heads.truncate(HEADS);
    Ok(heads)
}

fn cursor_of(kind: u8, rest: &[u8]) -> Vec<u8> {
    [&[kind], rest].concat()
}

/// The rest of a cursor of that kind.
fn part(cursor: &[u8], kind: u8) -> Result<&[u8], Error> {
    let (found, rest) = cursor.split_first().ok_or(Error::CursorGone)?;
    if *found == kind { Ok(rest) } else { Err(Error::CursorGone) }
}

/// Lanes as bytes: how many, each either 0 or 1 with its position and its colour, then the front.
fn write_lanes(front: &[u8], state: &LanesState) -> Vec<u8> {
    let mut bytes = vec![u8::try_from(state.open.len()).unwrap_or(u8::MAX)];
    for open in state.open.iter().take(usize::from(u8::MAX)) {
        match open {
            None => bytes.push(0),
            Some((at, colour)) => {
                bytes.push(1);
                bytes.extend(at.0.to_be_bytes());
                bytes.push(*colour);
            }
        }
    }
    bytes.extend_from_slice(front);
    bytes
}

fn read_lanes(history: &History, bytes: &[u8]) -> Result<(Frontier, LanesState), Error> {
    let (state, front) = parse_lanes(bytes).ok_or(Error::CursorGone)?;
    Ok((read_frontier(history, front)?, state))
}

fn parse_lanes(bytes: &[u8]) -> Option<(LanesState, &[u8])> {
    let (count, mut rest) = bytes.split_first()?;
    let mut state = LanesState::default();
    for _ in 0..*count {
        let (is_open, after) = rest.split_first()?;
        rest = after;
        if *is_open == 0 {
            state.open.push(None);
            continue;
        }
        let (at, after) = rest.split_first_chunk::<4>()?;
        let (colour, after) = after.split_first()?;
        state.open.push(Some((Position(u32::from_be_bytes(*at)), *colour)));
        rest = after;
    }
    Some((state, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lanes_are_read_again(open in prop::collection::vec(prop::option::of((any::<u32>(), any::<u8>())), 0..70), front in prop::collection::vec(any::<u8>(), 0..20)) {
            let open = open.into_iter().map(|it| it.map(|(at, colour)| (Position(at), colour))).collect();
            let state = LanesState { open };
            let bytes = write_lanes(&front, &state);
            prop_assert_eq!(parse_lanes(&bytes), Some((state, &front[..])));
        }

        #[test]
        fn any_bytes_are_lanes_or_none(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            drop(parse_lanes(&bytes));
        }
    }
}
