//! What comes is looked at before its transaction: each new pair of path and object, on every way in.

use std::collections::{HashMap, HashSet};

use api::WireCode;
use db::Tx;
use history::{
    Manifest, clashing_paths, folded,
    tree::{Kind, TreeDiff},
};
use names::{NodeId, ObjectId, RepoPath};

use super::{ClashingPaths, ContentPolicy, SecretProtection, policy};
use crate::{Error, Hub, Repository, reading};

/// Faults that an answer names; the others are counted.
const NAMED: usize = 5;
/// Objects whose places are looked up together.
const BATCH: usize = 500;

/// What a repository asks of what comes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asks {
    content: ContentPolicy,
    clashing: ClashingPaths,
    pub(super) secrets: SecretProtection,
}

/// What a snapshot brings beside the one that it follows.
#[derive(Debug, Default)]
pub(crate) struct News {
    pairs: Vec<(RepoPath, ObjectId)>,
    /// Two paths of it that some file systems take for one, where somebody asked.
    clash: Option<(RepoPath, RepoPath)>,
}

/// The first bytes of objects that are not in the store yet.
pub(crate) type Heads = HashMap<ObjectId, Vec<u8>>;

impl Asks {
    /// What a repository asks; the domain is that of the first push where nothing has been pushed.
    pub(crate) fn of(repository: Option<&Repository>, domain: Option<&str>) -> Self {
        let Some(it) = repository else {
            let content = ContentPolicy::usual(domain.unwrap_or_default());
            let (clashing, secrets) = (ClashingPaths::Allow, SecretProtection::Warn);
            return Self { content, clashing, secrets };
        };
        let usual = match domain {
            Some(domain) if it.pushed_at.is_none() => ContentPolicy::usual(domain),
            Some(_) | None => it.content_policy(),
        };
        let (clashing, secrets) = (it.clashing_paths, it.secret_protection);
        Self { content: it.says_content.unwrap_or(usual), clashing, secrets }
    }

    /// Whether somebody asks what files are.
    pub(crate) fn looks_into_files(self) -> bool {
        self.content != ContentPolicy::Off
    }

    /// Whether paths have to be apart on every file system.
    pub(crate) fn keeps_paths_apart(self) -> bool {
        self.clashing == ClashingPaths::Refuse
    }

    /// Whether secrets are looked for, and what is found is refused.
    pub(crate) fn refuses_secrets(self) -> bool {
        self.secrets == SecretProtection::Refuse
    }

    /// Whether secrets are looked for.
    pub(crate) fn looks_for_secrets(self) -> bool {
        self.secrets != SecretProtection::Off
    }

    /// Whether names and paths have to be looked at.
    pub(crate) fn is_anything(self) -> bool {
        self.content != ContentPolicy::Off || self.clashing == ClashingPaths::Refuse
    }
}

impl News {
    /// What somebody else found.
    pub(crate) fn of(
        pairs: Vec<(RepoPath, ObjectId)>,
        clash: Option<(RepoPath, RepoPath)>,
    ) -> Self {
        Self { pairs, clash }
    }

    /// The new pairs.
    pub(super) fn pairs(&self) -> &[(RepoPath, ObjectId)] {
        &self.pairs
    }

    /// What a whole manifest brings beside another one.
    pub(crate) fn of_manifest(asks: Asks, after: &Manifest, before: &Manifest) -> Self {
        let is_new = |(path, id): &(&RepoPath, &ObjectId)| before.get(*path) != Some(*id);
        let pairs: Vec<_> =
            after.iter().filter(is_new).map(|(path, id)| (path.clone(), *id)).collect();
        let clash = match asks.clashing {
            ClashingPaths::Allow => None,
            ClashingPaths::Refuse => {
                let new: HashSet<&RepoPath> = pairs.iter().map(|(path, _)| path).collect();
                let groups = clashing_paths(after.keys());
                let found = groups.iter().find(|it| it.iter().any(|path| new.contains(path)));
                found.and_then(|it| Some((it.first()?.clone(), it.get(1)?.clone())))
            }
        };
        Self { pairs, clash }
    }

    /// What a stored tree brings beside another one.
    pub(crate) async fn of_tree(
        tx: &mut Tx,
        asks: Asks,
        (before, after): (Option<NodeId>, NodeId),
    ) -> Result<Self, Error> {
        let (mut diff, mut pairs) = (TreeDiff::new(before, Some(after), usize::MAX), Vec::new());
        loop {
            while let Some(change) = diff.next_change() {
                pairs.extend(change.after.map(|it| (change.path, it.object)));
            }
            if diff.is_complete() {
                break;
            }
            let given = reading::nodes(tx, &diff.needs()).await?;
            diff.give(&given).map_err(|error| Error::Broken(error.to_string()))?;
        }
        let mut clash = None;
        if asks.clashing == ClashingPaths::Refuse {
            for (path, _) in &pairs {
                if let Some(other) = twin(tx, after, path).await? {
                    clash = Some((path.clone(), other));
                    break;
                }
            }
        }
        Ok(Self { pairs, clash })
    }
}

/// A path of the tree below `root` that some file systems take for `path`: one look at each directory on the way.
async fn twin(tx: &mut Tx, root: NodeId, path: &RepoPath) -> Result<Option<RepoPath>, Error> {
    let segments: Vec<&str> = path.segments().collect();
    let mut open = vec![(String::new(), root)];
    for (at, segment) in segments.iter().enumerate() {
        let wanted = folded(segment);
        let ids: Vec<_> = open.iter().map(|(_, id)| *id).collect();
        let nodes = reading::nodes(tx, &ids).await?;
        let mut below = Vec::new();
        for (prefix, id) in open {
            let Some(node) = nodes.get(&id) else { continue };
            for entry in node.entries().iter().filter(|it| folded(&it.name) == wanted) {
                let full = format!("{prefix}{}", entry.name);
                match entry.kind {
                    Kind::Directory(id) if at + 1 < segments.len() => {
                        below.push((format!("{full}/"), id));
                    }
                    Kind::Directory(_) | Kind::File(_) | Kind::Module(_)
                        if full != path.as_str() =>
                    {
                        return Ok(full.parse().ok());
                    }
                    Kind::Directory(_) | Kind::File(_) | Kind::Module(_) => {}
                }
            }
        }
        open = below;
    }
    Ok(None)
}

impl Hub {
    /// Refuses files that a repository does not take; gives what is only told.
    pub(super) async fn inspect(
        &self,
        asks: Asks,
        news: &[News],
        heads: &Heads,
    ) -> Result<Vec<String>, Error> {
        if let Some((one, other)) = news.iter().find_map(|it| it.clash.as_ref()) {
            let sentence = format!(
                "`{one}` and `{other}` are one path to some file systems, and this repository keeps them apart"
            );
            return Err(Error::wire(WireCode::PathConflict, sentence));
        }
        if asks.content == ContentPolicy::Off {
            return Ok(Vec::new());
        }
        let mut seen = HashSet::new();
        let pairs = news.iter().flat_map(|it| &it.pairs).filter(|it| seen.insert(*it));
        let pairs: Vec<_> = pairs.collect();
        let mut faults = Vec::new();
        for batch in pairs.chunks(BATCH) {
            let ids = batch.iter().map(|(_, id)| *id).filter(|id| !heads.contains_key(id));
            let read = self.heads(ids.collect()).await?;
            for (path, id) in batch {
                let head = heads.get(id).or_else(|| read.get(id));
                // What is not there is refused by whoever needs it.
                let head = match head {
                    Some(head) => head.as_slice(),
                    None if *id == ObjectId::EMPTY => &[],
                    None => continue,
                };
                let fault = policy::fault(path, head);
                faults.extend(fault.map(|rule| format!("`{path}`: {rule}")));
            }
        }
        if faults.is_empty() || asks.content == ContentPolicy::Warn {
            return Ok(told(faults));
        }
        Err(Error::wire(WireCode::ContentPolicy, told(faults).join("; ")))
    }

    /// What the snapshots of a push bring that are not held yet.
    pub(crate) async fn news_of_trees(
        &self,
        asks: Asks,
        roots: &[(Option<NodeId>, NodeId)],
    ) -> Result<Vec<News>, Error> {
        let mut tx = self.db.read().await?;
        let mut news = Vec::with_capacity(roots.len());
        for (before, after) in roots {
            news.push(News::of_tree(&mut tx, asks, (*before, *after)).await?);
        }
        Ok(news)
    }

    /// The first bytes of stored objects.
    async fn heads(&self, ids: HashSet<ObjectId>) -> Result<Heads, Error> {
        let ids: Vec<_> = ids.into_iter().filter(|id| *id != ObjectId::EMPTY).collect();
        let mut tx = self.db.glance().await?;
        let places = self.objects.find(&mut tx, &ids).await?;
        drop(tx);
        let mut heads = Heads::with_capacity(places.len());
        for (id, place) in places {
            let end = place.size.min(policy::HEAD as u64);
            heads.insert(id, self.objects.read_range(id, place, 0..end).await?);
        }
        Ok(heads)
    }
}

/// The first bytes of one that is at hand.
pub(crate) fn head_of(bytes: &[u8]) -> Vec<u8> {
    bytes.get(..policy::HEAD).unwrap_or(bytes).to_vec()
}

/// The first of them, and how many more there are.
pub(super) fn told(mut faults: Vec<String>) -> Vec<String> {
    let more = faults.len().saturating_sub(NAMED);
    faults.truncate(NAMED);
    if more > 0 {
        faults.push(format!("{more} more"));
    }
    faults
}
