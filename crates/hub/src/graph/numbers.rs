//! What pages tell of a whole history in numbers: languages, contributors, commits a day. They are rows, those of one commit
//! of the default branch, and grow by what a push brings; where the branch left commits behind they are made anew.

use std::collections::{BTreeMap, HashMap};

use db::Tx;
use history::{
    graph::{Frontier, GraphError, Walk},
    tree::{FileState, TreeDiff},
};
use names::{CommitId, Digest, Hasher, Id, UnixMillis};

use super::{
    History,
    months::{Months, Roots},
    store,
};
use crate::{
    Error, Hub, Repository,
    reading::{Source, languages},
};

/// Commits that are asked for at once.
const BATCH: usize = 5_000;
/// The longest name that is kept: names are claimed, and may be anything.
const NAME_CHARS: usize = 200;
const DAY_MILLIS: i64 = 86_400_000;

/// Who a commit says made it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Who {
    pub(crate) author: String,
    /// Empty where no agent is named.
    pub(crate) agent_id: String,
}

impl Who {
    /// What its row is called.
    pub(super) fn key(&self) -> Digest {
        let mut hasher = Hasher::default();
        hasher.update(self.author.as_bytes());
        hasher.update(b"\0");
        hasher.update(self.agent_id.as_bytes());
        Digest::from_bytes(hasher.finish())
    }

    fn shortened(mut self) -> Self {
        for name in [&mut self.author, &mut self.agent_id] {
            if let Some((end, _)) = name.char_indices().nth(NAME_CHARS) {
                name.truncate(end);
            }
        }
        self
    }
}

/// What somebody brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Contributor {
    pub(crate) commits: u64,
    pub(crate) first_at: UnixMillis,
    pub(crate) last_at: UnixMillis,
}

/// The commits of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Day {
    pub(crate) people: u64,
    pub(crate) agents: u64,
}

/// Files and bytes, or by how many there are more or fewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Files {
    pub(super) files: i64,
    pub(super) bytes: i64,
}

/// What is to be added to the rows.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Whether the rows that are there go first.
    pub(super) is_from_nothing: bool,
    pub(super) languages: Counted,
    pub(super) contributors: HashMap<Who, Contributor>,
    pub(super) days: BTreeMap<i64, Day>,
    pub(super) months: Months,
}

/// Files of each language, or by how many there are more or fewer.
pub(super) type Counted = BTreeMap<&'static str, Files>;

impl Tally {
    fn commit(&mut self, who: Who, at: UnixMillis) {
        let day = self.days.entry(at.0.div_euclid(DAY_MILLIS)).or_default();
        if who.agent_id.is_empty() {
            day.people += 1;
        } else {
            day.agents += 1;
        }
        let new = Contributor { commits: 0, first_at: at, last_at: at };
        let all = self.contributors.entry(who.shortened()).or_insert(new);
        all.commits += 1;
        all.first_at = all.first_at.min(at);
        all.last_at = all.last_at.max(at);
    }
}

fn count_file(counted: &mut Counted, path: &str, state: Option<FileState>, sign: i64) {
    let state = state.filter(|it| it.mode.is_file());
    let (Some(language), Some(state)) = (languages::counted(path), state) else { return };
    let files = counted.entry(language).or_default();
    files.files += sign;
    files.bytes += sign * i64::try_from(state.size_bytes).unwrap_or(i64::MAX);
}

impl Hub {
    /// Brings the numbers to the head of the default branch. Killed anywhere, it is begun again from the rows.
    pub(super) async fn count_numbers(&self, of: Id<Repository>) -> Result<(), Error> {
        let mut tx = self.db.read().await?;
        let (was, head) =
            (store::state(&mut tx, of).await?, store::default_head(&mut tx, of).await?);
        if was == head {
            return Ok(());
        }
        let tally = match head {
            None => Tally { is_from_nothing: true, ..Tally::default() },
            Some(head) => {
                let history = self.history(&mut tx, of).await?;
                self.tally(&mut tx, (of, &history), was, head).await?
            }
        };
        drop(tx);
        let mut tx = self.db.write().await?;
        if store::state(&mut tx, of).await? == was {
            store::put_numbers(&mut tx, of, &tally, head).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// What `head` has that `was` had not; everything, where `was` is not below it.
    async fn tally(
        &self,
        tx: &mut Tx,
        (of, history): (Id<Repository>, &History),
        was: Option<CommitId>,
        head: CommitId,
    ) -> Result<Tally, Error> {
        let at = history.at(head)?;
        let before = match was {
            None => None,
            Some(was) => {
                let found = history.graph.find(&was)?;
                let is_below = move |before| history.graph.is_ancestor(before, &[at]);
                found
                    .map(|it| Ok::<_, GraphError>(is_below(it)?.then_some(it)))
                    .transpose()?
                    .flatten()
            }
        };
        let mut tally = Tally { is_from_nothing: before.is_none(), ..Tally::default() };
        let root = |at| history.graph.root(at);
        let roots = Roots(before.map(root).transpose()?, root(at)?);
        tally.languages = count_files((&history.source, tx), roots).await?;
        tally.months = self.months(tx, (of, history), (before, at)).await?;
        let mut frontier = Frontier { wanted: vec![at], hidden: before.into_iter().collect() };
        loop {
            let walked = self.ask(of, history, move |graph| {
                let mut walk = Walk::new(graph, &frontier)?;
                let found = walk.take(BATCH)?;
                Ok((graph.ids(&found)?, walk.frontier()))
            });
            let (ids, rest) = walked.await?;
            for (who, at) in store::made_by(tx, of, &ids).await? {
                tally.commit(who, at);
            }
            if rest.wanted.is_empty() {
                return Ok(tally);
            }
            frontier = rest;
        }
    }
}

/// Counts the files of one tree beside those of another one.
pub(super) async fn count_files(
    (source, tx): (&Source, &mut Tx),
    Roots(before, after): Roots,
) -> Result<Counted, Error> {
    let mut diff = TreeDiff::new(before, Some(after), usize::MAX);
    let mut counted = Counted::new();
    loop {
        while let Some(change) = diff.next_change() {
            count_file(&mut counted, change.path.as_str(), change.before, -1);
            count_file(&mut counted, change.path.as_str(), change.after, 1);
        }
        if diff.is_complete() {
            return Ok(counted);
        }
        let given = source.nodes(tx, &diff.needs()).await?;
        diff.give(&given).map_err(|error| Error::Broken(error.to_string()))?;
    }
}
