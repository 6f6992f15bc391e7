//! What a text in an address names (`spec/hub.md` 3, `resolve`).

use db::Tx;
use names::{BranchName, CommitId, RepoPath};

use super::{History, ancestry::Lines, branches, shown_first};
use crate::{Error, Repository};

/// The shortest beginning of an id that names a commit.
const SHORTEST: usize = 7;
/// How far back `~n` leads.
const FARTHEST: u32 = 10_000;
/// The digits of a whole id: of Git all but the first 40 are zeros, which nobody writes.
const ID_DIGITS: usize = 64;
/// Where an address may be cut into a ref and a path: more slashes are none's.
const CUTS: usize = 256;

/// A commit, and how it was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Revision {
    /// The commit.
    pub(crate) commit: CommitId,
    /// The branch, if one was named.
    pub(crate) branch: Option<BranchName>,
    /// The tag, if one was named.
    pub(crate) tag: Option<String>,
    /// The name as it stands in addresses.
    pub(crate) name: String,
    /// Whether no ref leads to it: only those who may push see it.
    pub(crate) is_hidden: bool,
}

/// A ref that an address may begin with, what it leads to, and what follows it.
struct Candidate<'a> {
    /// As it stands in the address.
    name: &'a str,
    full: String,
    rest: &'a str,
}

impl Revision {
    /// The text that names it in addresses.
    pub(crate) fn text(&self) -> String {
        self.name.clone()
    }

    /// Whether it was named by its whole id: then the same address gives the same bytes for ever.
    pub(crate) fn is_fixed(&self) -> bool {
        self.name == self.commit.to_string()
    }

    /// A branch.
    pub(crate) fn of_branch(name: &BranchName, commit: CommitId) -> Self {
        let (name, branch) = (name.to_string(), Some(name.clone()));
        Self { commit, branch, tag: None, name, is_hidden: false }
    }

    /// The branch that a repository shows first; nothing while it is empty.
    pub(crate) async fn first(tx: &mut Tx, repository: &Repository) -> Result<Option<Self>, Error> {
        let heads = branches(tx, repository.id).await?;
        let first = shown_first(&heads, repository);
        Ok(first.map(|(name, id)| Self::of_branch(name, *id)))
    }

    fn of_commit(commit: CommitId, name: &str, is_hidden: bool) -> Self {
        Self { commit, branch: None, tag: None, name: name.to_owned(), is_hidden }
    }
}

impl Candidate<'_> {
    fn revision(&self, commit: CommitId) -> Revision {
        let branch = self.full.strip_prefix("refs/heads/").and_then(|it| it.parse().ok());
        let tag = self.full.strip_prefix("refs/tags/").map(str::to_owned);
        let name = self.name.to_owned();
        Revision { commit, branch, tag, name, is_hidden: false }
    }
}

/// A step from a commit to one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// So many first parents back.
    Back(u32),
    /// To this parent, counted from 1.
    Parent(u32),
}

/// The steps that a text begins with, and what follows them. A step is none unless a slash or the end follows the last.
fn steps(text: &str) -> (Vec<Step>, &str) {
    let (mut steps, mut rest) = (Vec::new(), text);
    while let Some(sign @ ('~' | '^')) = rest.chars().next() {
        let digits = rest.get(1..).unwrap_or_default();
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        let number = digits.get(..end).unwrap_or_default();
        let number = if number.is_empty() { Ok(1) } else { number.parse() };
        let Ok(number) = number else { return (Vec::new(), text) };
        steps.push(if sign == '~' { Step::Back(number) } else { Step::Parent(number) });
        rest = digits.get(end..).unwrap_or_default();
    }
    if rest.is_empty() || rest.starts_with('/') { (steps, rest) } else { (Vec::new(), text) }
}

/// The refs that `text` may begin with, the longest first; of one name the full one, the branch, the tag.
fn candidates<'a>(text: &'a str, default_branch: &BranchName) -> Vec<Candidate<'a>> {
    let ends = text.char_indices().filter(|(_, c)| matches!(c, '/' | '~' | '^')).map(|(at, _)| at);
    let mut ends: Vec<_> = ends.take(CUTS).chain([text.len()]).collect();
    ends.reverse();
    let mut found = Vec::new();
    for end in ends {
        let (name, rest) = text.split_at(end);
        let mut add = |full: String| found.push(Candidate { name, full, rest });
        if name.starts_with("refs/") {
            add(name.to_owned());
        } else if name == "HEAD" {
            add(default_branch.full());
        } else if name.parse::<BranchName>().is_ok() {
            add(format!("refs/heads/{name}"));
            add(format!("refs/tags/{name}"));
        }
    }
    found
}

/// A path of an address. What cannot be a path is not there.
fn path(text: &str) -> Result<Option<RepoPath>, Error> {
    let text = text.trim_matches('/');
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(|_| Error::NotFound) }
}

impl History<'_> {
    /// The revision that a text names, with nothing behind it.
    pub(crate) async fn resolve(&self, text: &str) -> Result<Revision, Error> {
        match self.resolve_with_path(text).await? {
            (revision, None) => Ok(revision),
            (_, Some(_)) => Err(Error::NotFound),
        }
    }

    /// The default branch, or the first one; nothing while there is none.
    pub(crate) async fn first(&self) -> Result<Option<Revision>, Error> {
        let mut tx = self.hub.db.glance().await?;
        Revision::first(&mut tx, self.repository).await
    }

    /// What is asked for by an optional text: without one, what is shown first.
    pub(crate) async fn resolve_or_first(&self, text: Option<&str>) -> Result<Revision, Error> {
        match text {
            Some(text) if !text.is_empty() => self.resolve(text).await,
            _ => self.first().await?.ok_or(Error::NotFound),
        }
    }

    /// Reads `revision/path` of an address: a full ref, a branch, a tag, `HEAD`, an id or at least seven digits of its
    /// beginning, each with steps back; the longest ref that fits wins. The path may be empty.
    pub(crate) async fn resolve_with_path(
        &self,
        text: &str,
    ) -> Result<(Revision, Option<RepoPath>), Error> {
        let text = text.trim_matches('/');
        let candidates = candidates(text, &self.repository.default_branch);
        let names: Vec<_> = candidates.iter().map(|it| it.full.clone()).collect();
        let targets = self.named(&names).await?;
        for it in &candidates {
            let Some(target) = targets.get(&it.full) else { continue };
            let (steps, rest) = steps(it.rest);
            if !rest.is_empty() && !rest.starts_with('/') {
                continue;
            }
            if steps.is_empty() {
                return Ok((it.revision(*target), path(rest)?));
            }
            let commit = self.follow(*target, &steps).await?;
            let name = text.get(..text.len() - rest.len()).unwrap_or_default();
            return Ok((Revision::of_commit(commit, name, false), path(rest)?));
        }
        let end = text.find(['/', '~', '^']).unwrap_or(text.len());
        let (digits, behind) = text.split_at(end);
        let (steps, rest) = steps(behind);
        if !rest.is_empty() && !rest.starts_with('/') {
            return Err(Error::NotFound);
        }
        let (commit, is_hidden) = self.by_digits(digits).await?;
        let commit = self.follow(commit, &steps).await?;
        let name = text.get(..text.len() - rest.len()).unwrap_or_default();
        let name = if steps.is_empty() { commit.to_string() } else { name.to_owned() };
        Ok((Revision::of_commit(commit, &name, is_hidden), path(rest)?))
    }

    /// The commit of an id or of its beginning, and whether no ref leads to it. What its reader may not see does not
    /// make a beginning ambiguous.
    async fn by_digits(&self, digits: &str) -> Result<(CommitId, bool), Error> {
        let is_hex = digits.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
        if !is_hex || !(SHORTEST..=ID_DIGITS).contains(&digits.len()) {
            return Err(Error::NotFound);
        }
        let bound = |fill: &str| {
            let missing = fill.repeat(ID_DIGITS - digits.len());
            CommitId::from_whole(&format!("{digits}{missing}")).map_err(|_| Error::NotFound)
        };
        let (first, last): (CommitId, CommitId) = (bound("0")?, bound("f")?);
        let found = if first == last {
            if self.has(first).await? { vec![first] } else { Vec::new() }
        } else {
            self.between_ids(first, last).await?
        };
        let mut seen = Vec::new();
        for id in found {
            let is_hidden = !self.is_visible(id).await?;
            if !is_hidden || self.sees_hidden {
                seen.push((id, is_hidden));
            }
        }
        match seen.as_slice() {
            [] => Err(Error::NotFound),
            [one] => Ok(*one),
            // Of those that a ref leads to there may be one alone.
            many => {
                let mut visible = many.iter().filter(|(_, is_hidden)| !is_hidden);
                match (visible.next(), visible.next()) {
                    (Some(one), None) => Ok(*one),
                    _ => Err(Error::Ambiguous(digits.to_owned())),
                }
            }
        }
    }

    async fn follow(&self, from: CommitId, steps: &[Step]) -> Result<CommitId, Error> {
        let (mut at, mut lines, mut left) = (from, Lines::new(self), FARTHEST);
        for step in steps {
            let (times, number) = match *step {
                Step::Back(times) => (times, 1),
                Step::Parent(0) => (0, 1),
                Step::Parent(number) => (1, number),
            };
            left = left.checked_sub(times).ok_or(Error::NotFound)?;
            for _ in 0..times {
                let parents = lines.get(at).await?.parents;
                let parent = parents.get((number - 1) as usize).copied();
                at = parent.ok_or(Error::NotFound)?;
            }
        }
        Ok(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_end_at_a_slash_or_the_end() {
        use Step::{Back, Parent};
        for (text, expected, rest) in [
            ("", &[][..], ""),
            ("/a", &[], "/a"),
            ("~", &[Back(1)], ""),
            ("~3/a", &[Back(3)], "/a"),
            ("^2~10^", &[Parent(2), Back(10), Parent(1)], ""),
            ("^0", &[Parent(0)], ""),
            ("~x", &[], "~x"),
            ("~1x/a", &[], "~1x/a"),
            ("~99999999999", &[], "~99999999999"),
        ] {
            assert_eq!(steps(text), (expected.to_vec(), rest), "{text}");
        }
    }

    #[test]
    fn the_longest_name_comes_first_and_a_branch_before_its_tag() {
        let main = "main".parse().unwrap();
        let told = |text| candidates(text, &main).into_iter().map(|it| it.full).collect::<Vec<_>>();
        assert_eq!(
            told("a/b~1"),
            ["refs/heads/a/b", "refs/tags/a/b", "refs/heads/a", "refs/tags/a"]
        );
        assert_eq!(told("HEAD/x"), ["refs/heads/HEAD/x", "refs/tags/HEAD/x", "refs/heads/main"]);
        // What begins like a full name may also be a path in a branch of the name `refs`.
        let (branch, tag) = ("refs/heads/refs", "refs/tags/refs");
        let expected = ["refs/tags/v1/x", "refs/tags/v1", "refs/tags", branch, tag];
        assert_eq!(told("refs/tags/v1/x"), expected);
        assert_eq!(told("größe"), [] as [&str; 0]);
    }
}
