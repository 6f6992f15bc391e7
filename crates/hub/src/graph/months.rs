//! In which languages a history was written, month by month: what the last commit of each month held, along first parents
//! from the head of the default branch.
//!
//! The month of a commit is the one that it says it was made in. A push adds to the last month, or a month; what is known
//! of the commit of a month is not counted again.

use std::collections::BTreeMap;

use db::Tx;
use history::graph::{Graph, GraphError, Position};
use names::{CommitId, Id, NodeId, UnixMillis};

use super::{
    History,
    numbers::{Counted, count_files},
    store,
};
use crate::{Error, Hub, Repository};

/// Months that are kept: ten years.
const MONTHS: usize = 120;

/// Two trees that are counted beside each other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Roots(pub(super) Option<NodeId>, pub(super) NodeId);

/// What there was at the end of a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Month {
    /// As `2026-11`.
    pub(crate) name: String,
    /// The last commit of it.
    pub(super) commit: CommitId,
    /// Bytes of each language.
    pub(crate) languages: BTreeMap<String, u64>,
}

impl Month {
    /// The last `most` months up to the last of some, the oldest first: one without a commit is as the one before.
    pub(crate) fn without_gaps(months: &[Self], most: usize) -> Vec<Self> {
        let (Some(first), Some(last)) = (months.first(), months.last()) else { return Vec::new() };
        let (Some(from), Some(to)) = (number(&first.name), number(&last.name)) else {
            return Vec::new();
        };
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let mut found = Vec::new();
        for number in from.max(to.saturating_sub(most - 1))..=to {
            let month = format!("{:04}-{:02}", number.div_euclid(12), number.rem_euclid(12) + 1);
            let end = months.partition_point(|it| it.name <= month);
            if let Some(it) = end.checked_sub(1).and_then(|at| months.get(at)) {
                found.push(Self { name: month, ..it.clone() });
            }
        }
        found
    }
}

/// Months since the year 0.
fn number(month: &str) -> Option<i64> {
    let (year, month) = month.split_once('-')?;
    Some(year.parse::<i64>().ok()? * 12 + month.parse::<i64>().ok()? - 1)
}

/// What is to be written of months.
#[derive(Debug, Default)]
pub(super) struct Months {
    /// All that there are.
    pub(super) names: Vec<String>,
    /// Those that are not as they were.
    pub(super) changed: Vec<Month>,
}

/// The end of a month in the graph.
struct End {
    month: String,
    commit: CommitId,
    root: NodeId,
    /// The tree of what is stored of the month.
    was: Option<NodeId>,
}

impl Hub {
    /// The months up to `head`, where those up to `before` are stored, if that is said.
    pub(super) async fn months(
        &self,
        tx: &mut Tx,
        (of, history): (Id<Repository>, &History),
        (before, head): (Option<Position>, Position),
    ) -> Result<Months, Error> {
        let stored = if before.is_some() { store::months(tx, of).await? } else { Vec::new() };
        let known: Vec<_> = stored.iter().map(|it| (it.name.clone(), it.commit)).collect();
        let ends = self.ask(of, history, move |graph| ends(graph, (before, head), &known)).await?;
        let mut stored: BTreeMap<_, _> =
            stored.into_iter().map(|it| (it.name.clone(), it)).collect();
        let (mut months, mut last) = (Months::default(), None::<(NodeId, BTreeMap<String, u64>)>);
        for end in ends {
            let known = stored.remove(&end.month);
            let languages = match known {
                Some(it) if it.commit == end.commit => it.languages,
                known => {
                    let base = end.was.zip(known.map(|it| it.languages)).or(last);
                    let (root, bytes) = base.unzip();
                    let more = count_files((&history.source, tx), Roots(root, end.root)).await?;
                    let languages = with(bytes.unwrap_or_default(), &more);
                    let (name, commit) = (end.month.clone(), end.commit);
                    months.changed.push(Month { name, commit, languages: languages.clone() });
                    languages
                }
            };
            last = Some((end.root, languages));
            months.names.push(end.month);
        }
        Ok(months)
    }
}

fn with(mut held: BTreeMap<String, u64>, more: &Counted) -> BTreeMap<String, u64> {
    for (language, files) in more {
        let bytes = held.entry((*language).to_owned()).or_default();
        *bytes = bytes.saturating_add_signed(files.bytes);
    }
    held.retain(|_, bytes| *bytes > 0);
    held
}

/// The month that a moment lies in.
pub(super) fn month_of(at: UnixMillis) -> String {
    let text = at.to_string();
    text.get(..7).unwrap_or(&text).to_owned()
}

/// The ends of the months along first parents, the oldest first; from where `before` is met on as they are known.
fn ends(
    graph: &Graph,
    (before, head): (Option<Position>, Position),
    known: &[(String, CommitId)],
) -> Result<Vec<End>, GraphError> {
    let known: BTreeMap<_, _> = known.iter().map(|(month, id)| (month.clone(), *id)).collect();
    let (mut found, mut next) = (BTreeMap::<String, Position>::new(), Some(head));
    while let Some(at) = next {
        if Some(at) == before {
            for (month, id) in &known {
                if let Some(at) = graph.find(id)? {
                    found.entry(month.clone()).or_insert(at);
                }
            }
            break;
        }
        let link = graph.link(at)?;
        found.entry(month_of(UnixMillis(link.time))).or_insert(at);
        next = link.parents[0];
    }
    while found.len() > MONTHS {
        found.pop_first();
    }
    let mut ends = Vec::with_capacity(found.len());
    for (month, at) in found {
        let was = known.get(&month).map(|id| graph.find(id)).transpose()?.flatten();
        let was = was.map(|at| graph.root(at)).transpose()?;
        ends.push(End { month, commit: graph.id(at)?, root: graph.root(at)?, was });
    }
    Ok(ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_without_a_commit_is_as_the_one_before() {
        let month = |month: &str, bytes| Month {
            name: month.to_owned(),
            commit: CommitId::of(month.as_bytes()),
            languages: [("Rust".to_owned(), bytes)].into(),
        };
        let some = [month("2024-11", 1), month("2025-01", 3), month("2025-04", 2)];
        let told = |most| {
            let all = Month::without_gaps(&some, most);
            all.iter().map(|it| (it.name.clone(), it.languages["Rust"])).collect::<Vec<_>>()
        };
        let all = [
            ("2024-11".to_owned(), 1),
            ("2024-12".to_owned(), 1),
            ("2025-01".to_owned(), 3),
            ("2025-02".to_owned(), 3),
            ("2025-03".to_owned(), 3),
            ("2025-04".to_owned(), 2),
        ];
        assert_eq!((told(60), told(3)), (all.to_vec(), all[3..].to_vec()));
        assert_eq!(Month::without_gaps(&[], 60), []);
        assert_eq!(month_of(UnixMillis(1_764_500_000_000)), "2025-11");
    }

    #[test]
    fn what_changes_is_added_to_what_was_held() {
        use super::super::numbers::Files;
        let held = [("Rust".to_owned(), 5), ("Go".to_owned(), 3)].into();
        let more: Counted =
            [("Rust", Files { files: 1, bytes: 2 }), ("Go", Files { files: -1, bytes: -3 })].into();
        assert_eq!(with(held, &more), [("Rust".to_owned(), 7)].into());
    }
}
