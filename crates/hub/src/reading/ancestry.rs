//! Which commit leads to which: by the graph, or, where that is not made yet, row by row, the greatest generation first.
//!
//! A commit has a greater generation than all that it leads to. So when one is looked at, everything that leads to it has
//! been looked at, and what is known of it then is final.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap, HashSet},
};

use names::{CommitId, SnapshotId};

use super::History;
use crate::Error;

/// Commits that come with one statement.
const AT_ONCE: u32 = 1_000;
/// Commits that one question may look at: above that memory is the bound, not time.
const MOST: usize = 500_000;
/// Commits between a commit and the refs that lead to it, for a page that tells them.
const NEAR: usize = 20_000;

/// Where a commit stands in its history.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) id: CommitId,
    /// Its parents, in order.
    pub(crate) parents: Vec<CommitId>,
    /// Its snapshot, where its row was read.
    pub(crate) snapshot: Option<SnapshotId>,
    /// 1 + the highest of the parents.
    pub(crate) generation: i64,
    /// Milliseconds since 1970.
    pub(crate) committed_at: i64,
}

/// What orders commits: generation, then time, then the lower id.
pub(super) type Order = (i64, i64, Reverse<CommitId>);

impl Line {
    pub(super) const fn order(&self) -> Order {
        (self.generation, self.committed_at, Reverse(self.id))
    }
}

/// Where commits stand, as far as they were asked for; many come at once.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    history: &'a History<'a>,
    known: HashMap<CommitId, Line>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(history: &'a History<'a>) -> Self {
        Self { history, known: HashMap::new() }
    }

    pub(super) async fn get(&mut self, id: CommitId) -> Result<Line, Error> {
        if let Some(line) = self.known.get(&id) {
            return Ok(line.clone());
        }
        if self.known.len() > MOST {
            return Err(Error::Slow);
        }
        let found = self.history.lines(&[id], AT_ONCE).await?;
        self.known.extend(found.into_iter().map(|line| (line.id, line)));
        let line = self.known.get(&id).cloned();
        line.ok_or_else(|| Error::Broken(format!("commit {id} is missing")))
    }

    /// Lets many come at once.
    pub(super) async fn want(&mut self, ids: &[CommitId]) -> Result<(), Error> {
        for some in ids.chunks(AT_ONCE as usize) {
            let missing: Vec<_> =
                some.iter().filter(|id| !self.known.contains_key(id)).copied().collect();
            if missing.len() > 1 {
                let found = self.history.lines(&missing, 2 * AT_ONCE).await?;
                self.known.extend(found.into_iter().map(|line| (line.id, line)));
            }
        }
        Ok(())
    }

    /// A commit if it has come already.
    pub(super) fn at_hand(&self, id: &CommitId) -> Option<&Line> {
        self.known.get(id)
    }
}

/// The sides that lead to a commit, as bits.
const OURS: u8 = 1;
const THEIRS: u8 = 2;
/// Something that both lead to leads to it.
const PASSED: u8 = 4;

/// Commits that wait to be looked at, each with what is known of it.
struct Painted<'a> {
    lines: Lines<'a>,
    waiting: BTreeMap<Order, u8>,
}

impl<'a> Painted<'a> {
    async fn begin(
        history: &'a History<'a>,
        ours: &[CommitId],
        theirs: &[CommitId],
    ) -> Result<Self, Error> {
        let mut painted = Self { lines: Lines::new(history), waiting: BTreeMap::new() };
        for (ids, side) in [(ours, OURS), (theirs, THEIRS)] {
            painted.lines.want(ids).await?;
            for id in ids {
                painted.add(*id, side).await?;
            }
        }
        Ok(painted)
    }

    async fn add(&mut self, id: CommitId, sides: u8) -> Result<(), Error> {
        let line = self.lines.get(id).await?;
        *self.waiting.entry(line.order()).or_default() |= sides;
        Ok(())
    }

    /// The next commit while one waits that is not both's, or is not passed yet where `until_passed` says so.
    async fn next(&mut self, until_passed: bool) -> Result<Option<(CommitId, u8)>, Error> {
        let is_open = |sides: &u8| {
            if until_passed { sides & PASSED == 0 } else { *sides != OURS | THEIRS }
        };
        if !self.waiting.values().any(is_open) {
            return Ok(None);
        }
        let Some(((_, _, Reverse(id)), sides)) = self.waiting.pop_last() else { return Ok(None) };
        let line = self.lines.get(id).await?;
        let is_shared = sides & (OURS | THEIRS) == OURS | THEIRS;
        let on = if until_passed && is_shared { sides | PASSED } else { sides };
        for parent in line.parents {
            self.add(parent, on).await?;
        }
        Ok(Some((id, sides)))
    }
}

/// The best common ancestors of two commits, the newest first: those that no other common one leads to. Several if the
/// histories crossed, none if they have nothing in common.
pub(crate) async fn merge_bases(
    history: &History<'_>,
    ours: CommitId,
    theirs: CommitId,
) -> Result<Vec<CommitId>, Error> {
    let both = [ours, theirs];
    let by_graph = history.by_graph(&both, |graph, at| match at {
        [ours, theirs] => graph.ids(&graph.merge_bases(*ours, *theirs)?),
        _ => Ok(Vec::new()),
    });
    if let Some(bases) = by_graph.await? {
        return Ok(bases);
    }
    let mut painted = Painted::begin(history, &[ours], &[theirs]).await?;
    let mut found = Vec::new();
    while let Some((id, sides)) = painted.next(true).await? {
        if sides == OURS | THEIRS {
            found.push(id);
        }
    }
    Ok(found)
}

/// The newest of the best common ancestors.
pub(crate) async fn merge_base(
    history: &History<'_>,
    ours: CommitId,
    theirs: CommitId,
) -> Result<Option<CommitId>, Error> {
    Ok(merge_bases(history, ours, theirs).await?.first().copied())
}

/// How many commits `ours` leads to and `theirs` does not, and the other way round.
pub(crate) async fn ahead_behind(
    history: &History<'_>,
    ours: CommitId,
    theirs: CommitId,
) -> Result<(u64, u64), Error> {
    let both = [ours, theirs];
    let by_graph = history.by_graph(&both, |graph, at| match at {
        [ours, theirs] => graph.ahead_behind(*ours, *theirs, usize::MAX),
        _ => Ok(None),
    });
    if let Some(Some(found)) = by_graph.await? {
        return Ok((found.ahead, found.behind));
    }
    let mut painted = Painted::begin(history, &[ours], &[theirs]).await?;
    let (mut ahead, mut behind) = (0, 0);
    while let Some((_, sides)) = painted.next(false).await? {
        match sides {
            OURS => ahead += 1,
            THEIRS => behind += 1,
            _ => {}
        }
    }
    Ok((ahead, behind))
}

/// Which of `tips` lead to `id`. None where more than a few commits lie between them.
pub(crate) async fn tips_with(
    history: &History<'_>,
    id: CommitId,
    tips: &[CommitId],
) -> Result<Option<HashSet<CommitId>>, Error> {
    let asked: Vec<_> = [id].iter().chain(tips).copied().collect();
    let by_graph = history.by_graph(&asked, |graph, at| match at.split_first() {
        Some((at, tips)) => graph.leading_to(*at, tips, NEAR),
        None => Ok(None),
    });
    if let Some(leading) = by_graph.await? {
        let with = |leading: Vec<bool>| {
            let with = tips.iter().zip(leading).filter(|(_, leads)| *leads);
            with.map(|(tip, _)| *tip).collect()
        };
        return Ok(leading.map(with));
    }
    let mut walk = Walk::new(history);
    let least = walk.lines.get(id).await?.generation;
    walk.lines.want(tips).await?;
    for tip in tips {
        walk.push(*tip, ()).await?;
    }
    let (mut children, mut looked_at): (HashMap<_, Vec<_>>, _) = (HashMap::new(), 0);
    while let Some((line, ())) = walk.pop() {
        if line.generation <= least {
            break;
        }
        looked_at += 1;
        if looked_at > NEAR || !history.has_time() {
            return Ok(None);
        }
        for parent in line.parents {
            children.entry(parent).or_default().push(line.id);
            walk.push(parent, ()).await?;
        }
    }
    let (mut waiting, mut seen) = (vec![id], HashSet::from([id]));
    while let Some(next) = waiting.pop() {
        let above = children.get(&next).into_iter().flatten();
        waiting.extend(above.filter(|it| seen.insert(**it)).copied());
    }
    Ok(Some(tips.iter().filter(|tip| seen.contains(tip)).copied().collect()))
}

/// A walk from the newest generation to the oldest: whoever drives it says where it goes on. What `Mark` says of a commit
/// that several lead to is what the first of them said, unless it is changed in place.
pub(super) struct Walk<'a, Mark> {
    pub(super) lines: Lines<'a>,
    waiting: BTreeMap<Order, (CommitId, Mark)>,
}

impl<'a, Mark> Walk<'a, Mark> {
    pub(super) fn new(history: &'a History<'a>) -> Self {
        Self { lines: Lines::new(history), waiting: BTreeMap::new() }
    }

    /// Adds a commit; gives what is known of it already.
    pub(super) async fn push(&mut self, id: CommitId, mark: Mark) -> Result<&mut Mark, Error> {
        let order = self.lines.get(id).await?.order();
        Ok(&mut self.waiting.entry(order).or_insert((id, mark)).1)
    }

    /// The next commit.
    pub(super) fn pop(&mut self) -> Option<(Line, Mark)> {
        let (_, (id, mark)) = self.waiting.pop_last()?;
        let line = self.lines.at_hand(&id).cloned()?;
        Some((line, mark))
    }

    /// What waits, in no order that matters.
    pub(super) fn waiting(&self) -> impl ExactSizeIterator<Item = &(CommitId, Mark)> {
        self.waiting.values()
    }
}
