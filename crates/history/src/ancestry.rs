//! Questions about the graph of commits, over any source of parents that answers at once.
//!
//! A commit that the source does not know ends the search there: whether it is allowed to be missing is for
//! the caller to say. All walks keep their own stack, so a long history cannot overflow the machine's.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use api::CommitRecord;
use names::CommitId;

use crate::Fault;

/// The parents of a commit, in order: none, one or two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Parents {
    first: Option<CommitId>,
    second: Option<CommitId>,
}

impl Parents {
    /// `second` counts only beside a `first`.
    pub const fn new(first: Option<CommitId>, second: Option<CommitId>) -> Self {
        Self { first, second: if first.is_some() { second } else { None } }
    }

    /// The first parent: the line that a branch followed.
    pub const fn first(&self) -> Option<CommitId> {
        self.first
    }

    /// The second parent: what was merged.
    pub const fn second(&self) -> Option<CommitId> {
        self.second
    }

    /// Both, in order.
    pub fn iter(&self) -> impl Iterator<Item = CommitId> + use<> {
        self.first.into_iter().chain(self.second)
    }
}

impl From<&CommitRecord> for Parents {
    fn from(record: &CommitRecord) -> Self {
        Self::new(record.parent_commit_id, record.parent2_commit_id)
    }
}

/// Everything that `from` leads to, itself included, as far as `parents` knows; unknown commits are named but
/// not entered.
fn closure(
    from: impl IntoIterator<Item = CommitId>,
    parents: impl Fn(&CommitId) -> Option<Parents>,
    stop: impl Fn(&CommitId) -> bool,
) -> HashSet<CommitId> {
    let mut seen = HashSet::new();
    let mut waiting: Vec<_> = from.into_iter().collect();
    while let Some(id) = waiting.pop() {
        if !stop(&id) && seen.insert(id) {
            waiting.extend(parents(&id).iter().flat_map(Parents::iter));
        }
    }
    seen
}

/// Everything that `from` leads to, itself included, as far as `parents` knows.
pub(crate) fn reached(
    from: impl IntoIterator<Item = CommitId>,
    parents: impl Fn(&CommitId) -> Option<Parents>,
) -> HashSet<CommitId> {
    closure(from, parents, |_| false)
}

/// Whether `ancestor` is reached from `of`, or is it: whether moving a ref from `ancestor` to `of` is a
/// fast-forward (`spec/wire.md` 5.6).
pub fn is_ancestor(
    ancestor: CommitId,
    of: CommitId,
    parents: impl Fn(&CommitId) -> Option<Parents>,
) -> bool {
    let mut seen = HashSet::new();
    let mut waiting = vec![of];
    while let Some(id) = waiting.pop() {
        if id == ancestor {
            return true;
        }
        if seen.insert(id) {
            waiting.extend(parents(&id).iter().flat_map(Parents::iter));
        }
    }
    false
}

/// The best common ancestors of two commits, by id: those that no other common one leads to. Several if the
/// histories crossed, none if they have nothing in common.
pub fn merge_bases(
    ours: CommitId,
    theirs: CommitId,
    parents: impl Fn(&CommitId) -> Option<Parents>,
) -> Vec<CommitId> {
    let reached = closure([ours], &parents, |_| false);
    let mut common = closure([theirs], &parents, |_| false);
    common.retain(|id| reached.contains(id));
    // All that a common ancestor leads to is common too, so one that is no parent of another is a best one.
    let passed: HashSet<_> =
        common.iter().filter_map(&parents).flat_map(|parents| parents.iter()).collect();
    let mut best: Vec<_> = common.into_iter().filter(|id| !passed.contains(id)).collect();
    best.sort_unstable();
    best
}

/// The generation of each of `commits`: 1 + the highest among its parents. `known` gives those of parents
/// outside of `commits`; one that is in neither counts as 0. A circle is a fault: it cannot come from true ids.
pub fn generations(
    commits: &BTreeMap<CommitId, Parents>,
    known: impl Fn(&CommitId) -> Option<u64>,
) -> Result<HashMap<CommitId, u64>, Fault> {
    let mut children: HashMap<CommitId, Vec<CommitId>> = HashMap::new();
    let mut missing: HashMap<CommitId, usize> = HashMap::new();
    let mut found: HashMap<CommitId, u64> = HashMap::with_capacity(commits.len());
    for (id, parents) in commits {
        let inside: BTreeSet<_> =
            parents.iter().filter(|parent| commits.contains_key(parent)).collect();
        missing.insert(*id, inside.len());
        for parent in inside {
            children.entry(parent).or_default().push(*id);
        }
    }
    let mut ready: Vec<_> =
        commits.keys().filter(|id| missing.get(id) == Some(&0)).copied().collect();
    while let Some(id) = ready.pop() {
        let of = |parent| found.get(&parent).copied().or_else(|| known(&parent)).unwrap_or(0);
        let parents = commits.get(&id).copied().unwrap_or_default();
        let highest = parents.iter().map(of).max().unwrap_or(0);
        found.insert(id, highest.saturating_add(1));
        for child in children.get(&id).into_iter().flatten() {
            if let Some(left) = missing.get_mut(child) {
                *left -= 1;
                if *left == 0 {
                    ready.push(*child);
                }
            }
        }
    }
    match commits.keys().find(|id| !found.contains_key(id)) {
        Some(commit) => Err(Fault::Cycle { commit: *commit }),
        None => Ok(found),
    }
}

/// `commits` with parents before children, by generation, then by id: the same for everyone
/// (`spec/wire.md` 9.1 g). Parents outside of `commits` do not matter. A circle is a fault.
pub fn topological_order(commits: &BTreeMap<CommitId, Parents>) -> Result<Vec<CommitId>, Fault> {
    let generations = generations(commits, |_| None)?;
    let mut order: Vec<_> =
        generations.into_iter().map(|(id, generation)| (generation, id)).collect();
    order.sort_unstable();
    Ok(order.into_iter().map(|(_, id)| id).collect())
}

/// What `want` leads to and `have` does not, parents before children: what someone who has `have` lacks.
/// Commits that `parents` does not know are left out.
pub fn reachable_not(
    want: impl IntoIterator<Item = CommitId>,
    have: impl IntoIterator<Item = CommitId>,
    parents: impl Fn(&CommitId) -> Option<Parents>,
) -> Result<Vec<CommitId>, Fault> {
    let held = closure(have, &parents, |_| false);
    let wanted = closure(want, &parents, |id| held.contains(id));
    topological_order(&wanted.into_iter().filter_map(|id| Some((id, parents(&id)?))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Commits named by letters: `"c:ab"` is c with the parents a and b.
    fn graph(lines: &[&str]) -> BTreeMap<CommitId, Parents> {
        let commit = |line: &&str| {
            let (name, parents) = line.split_once(':').unwrap();
            let mut parents = parents.chars().map(|c| id(&c.to_string()));
            (id(name), Parents::new(parents.next(), parents.next()))
        };
        lines.iter().map(commit).collect()
    }

    /// Ids that sort as their names do.
    fn id(name: &str) -> CommitId {
        CommitId::from_bytes([name.as_bytes()[0]; 32])
    }

    fn names(ids: &[CommitId]) -> String {
        ids.iter().map(|id| char::from(id.as_bytes()[0])).collect()
    }

    /// Two roots; `e` and `f` merge.
    fn sample() -> BTreeMap<CommitId, Parents> {
        graph(&["a:", "z:", "c:a", "b:a", "e:cb", "f:ez", "g:f"])
    }

    #[test]
    fn parents_stand_before_children() {
        assert_eq!(names(&topological_order(&sample()).unwrap()), "azbcefg");
        assert_eq!(topological_order(&BTreeMap::new()), Ok(vec![]));
    }

    #[test]
    fn generations_go_on_from_what_is_known() {
        let found = generations(&graph(&["b:a", "c:bx", "d:y"]), |parent| {
            [(id("a"), 41), (id("x"), 90)]
                .iter()
                .find(|known| known.0 == *parent)
                .map(|known| known.1)
        });
        let found = found.unwrap();
        assert_eq!((found[&id("b")], found[&id("c")], found[&id("d")]), (42, 91, 1));
        assert_eq!(generations(&sample(), |_| None).unwrap()[&id("g")], 5);
    }

    #[test]
    fn a_circle_is_refused() {
        for circle in [&["a:a"][..], &["a:b", "b:c", "c:a", "x:"], &["x:", "a:xb", "b:xa"]] {
            let fault = topological_order(&graph(circle)).unwrap_err();
            assert!(matches!(fault, Fault::Cycle { commit } if commit != id("x")), "{circle:?}");
        }
        let twice = graph(&["a:", "b:aa"]);
        assert_eq!(names(&topological_order(&twice).unwrap()), "ab");
    }

    #[test]
    fn ancestors() {
        let graph = sample();
        let parents = |id: &CommitId| graph.get(id).copied();
        for (ancestor, of, yes) in [
            ("a", "g", true),
            ("z", "g", true),
            ("g", "g", true),
            ("g", "a", false),
            ("b", "c", false),
            ("z", "e", false),
            ("q", "g", false),
            ("q", "q", true),
        ] {
            assert_eq!(is_ancestor(id(ancestor), id(of), parents), yes, "{ancestor} {of}");
        }
    }

    #[test]
    fn the_best_common_ancestors() {
        // `x` and `y` cross: both have both `c` and `d`.
        let graph = graph(&["a:", "z:", "c:a", "d:a", "x:cd", "y:dc", "p:x", "q:c"]);
        let parents = |id: &CommitId| graph.get(id).copied();
        for (ours, theirs, best) in [
            ("c", "d", "a"),
            ("x", "y", "cd"),
            ("p", "y", "cd"),
            ("p", "q", "c"),
            ("p", "x", "x"),
            ("a", "a", "a"),
            ("a", "z", ""),
        ] {
            assert_eq!(names(&merge_bases(id(ours), id(theirs), parents)), best, "{ours} {theirs}");
        }
    }

    #[test]
    fn what_is_lacking() {
        let graph = sample();
        let parents = |id: &CommitId| graph.get(id).copied();
        for (want, have, lacking) in [
            ("g", "", "azbcefg"),
            ("g", "c", "bzefg"),
            ("g", "g", ""),
            ("f", "g", ""),
            ("gc", "q", "azbcefg"),
            ("q", "", ""),
        ] {
            let ids = |names: &str| names.chars().map(|c| id(&c.to_string())).collect::<Vec<_>>();
            let found = reachable_not(ids(want), ids(have), parents).unwrap();
            assert_eq!(names(&found), lacking, "{want} not {have}");
        }
    }
}
