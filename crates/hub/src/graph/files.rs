//! The graph files of this process: `graph/ab/<repository>/<epoch>-<first>-<end>.graph`, one a layer.
//!
//! A file is written beside its place and renamed, so a name that is there is whole, unless the machine stopped before the
//! disk had it; then its checks do not hold and it is thrown away. Nothing says elsewhere which files there are.

use std::{
    fs::{self, File},
    io::{self, BufWriter},
    path::{Path, PathBuf},
    sync::Arc,
};

use history::graph::{Graph, GraphError, NewCommit, Of, Stored, WriteError, Written, write};
use uuid::Uuid;

use super::blocks::Shelf;

const ENDING: &str = "graph";

/// Where the files of one repository lie, in the numbering of its commits that holds now.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) dir: PathBuf,
    pub(super) repository: Uuid,
    pub(super) epoch: u64,
}

/// Which commits a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Name {
    epoch: u64,
    first: u32,
    end: u32,
}

impl Name {
    fn of(path: &Path) -> Option<Self> {
        if path.extension()? != ENDING {
            return None;
        }
        let mut parts = path.file_stem()?.to_str()?.split('-');
        let name = Self {
            epoch: parts.next()?.parse().ok()?,
            first: parts.next()?.parse().ok()?,
            end: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(name)
    }
}

/// The directory of a repository's files below the cache's own.
pub(super) fn directory(root: &Path, repository: Uuid) -> PathBuf {
    let name = repository.to_string();
    let shard = name.get(name.len().saturating_sub(2)..).unwrap_or_default().to_owned();
    root.join(shard).join(name)
}

impl Place {
    fn path(&self, name: Name) -> PathBuf {
        let Name { epoch, first, end } = name;
        self.dir.join(format!("{epoch}-{first}-{end}.{ENDING}"))
    }

    /// The files that are there.
    fn names(&self) -> io::Result<Vec<Name>> {
        let found = match fs::read_dir(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            found => found?,
        };
        let names = found.filter_map(|it| it.map(|it| Name::of(&it.path())).transpose());
        names.collect()
    }

    /// The graph as far as files tell it. What is damaged goes.
    pub(super) fn open(&self, pool: &Arc<Shelf>) -> Result<Graph, GraphError> {
        let mut graph = Graph::new();
        let mut names = self.names().map_err(|error| GraphError::Read(error.to_string().into()))?;
        names.retain(|name| name.epoch == self.epoch);
        // Of layers that begin alike the longest is the one that others were joined to.
        names.sort_unstable_by_key(|name| (name.first, std::cmp::Reverse(name.end)));
        for name in names {
            if name.first != graph.len() {
                continue;
            }
            match self.layer(name, pool) {
                Ok(layer) => graph.push(layer)?,
                Err(error) => {
                    tracing::warn!(repository = %self.repository, %error, "a graph file is thrown away");
                    let _gone_already = fs::remove_file(self.path(name));
                }
            }
        }
        Ok(graph)
    }

    fn layer(&self, name: Name, pool: &Arc<Shelf>) -> Result<Arc<Stored>, GraphError> {
        let file = File::open(self.path(name));
        let file = file.map_err(|error| GraphError::Read(error.to_string().into()))?;
        let layer = Stored::open(pool.of(file))?;
        let is_ours = layer.repository() == *self.repository.as_bytes()
            && layer.epoch() == self.epoch
            && layer.base() == name.first
            && layer.base() + layer.len() == name.end;
        if is_ours { Ok(Arc::new(layer)) } else { Err(GraphError::Damaged("it is another's")) }
    }

    /// Writes a layer behind `graph`, and joins layers that have become small beside what follows them. Gives the graph of
    /// what is there then.
    pub(super) fn append(
        &self,
        graph: &Graph,
        (commits, last_row): (&[NewCommit], i64),
        pool: &Arc<Shelf>,
    ) -> Result<Graph, WriteError> {
        let mut layers = graph.stored();
        layers.push(self.put(graph.len(), last_row, Of::New(commits), pool)?);
        let mut from = layers.len() - 1;
        let mut size = u64::from(layers.last().map_or(0, |layer| layer.len()));
        while let Some(before) = from.checked_sub(1).and_then(|it| layers.get(it))
            && u64::from(before.len()) <= size * 2
        {
            size += u64::from(before.len());
            from -= 1;
        }
        let joined = layers.split_off(from);
        if let [first, _, ..] = &joined[..] {
            let whole = self.put(first.base(), last_row, Of::Layers(&joined), pool)?;
            layers.push(whole);
        } else {
            layers.extend(joined);
        }
        let mut graph = Graph::new();
        for layer in layers {
            graph.push(layer)?;
        }
        self.tidy(&graph)?;
        Ok(graph)
    }

    fn put(
        &self,
        base: u32,
        last_row: i64,
        commits: Of<'_>,
        pool: &Arc<Shelf>,
    ) -> Result<Arc<Stored>, WriteError> {
        let count = match commits {
            Of::New(commits) => u32::try_from(commits.len()).map_err(|_| GraphError::TooLong)?,
            Of::Layers(layers) => layers.iter().map(|layer| layer.len()).sum(),
        };
        let name = Name { epoch: self.epoch, first: base, end: base.saturating_add(count) };
        fs::create_dir_all(&self.dir)?;
        let (path, beside) = (self.path(name), self.path(name).with_extension("writing"));
        let repository = *self.repository.as_bytes();
        let layer = Written { repository, epoch: self.epoch, base, last_row, commits };
        write(&layer, BufWriter::new(File::create(&beside)?))?;
        fs::rename(&beside, &path)?;
        Ok(self.layer(name, pool)?)
    }

    /// Removes what the graph does not consist of.
    fn tidy(&self, graph: &Graph) -> io::Result<()> {
        let layers = graph.stored();
        for name in self.names()? {
            let is_used = name.epoch == self.epoch
                && layers
                    .iter()
                    .any(|it| (it.base(), it.base() + it.len()) == (name.first, name.end));
            if !is_used {
                remove(fs::remove_file(self.path(name)))?;
            }
        }
        Ok(())
    }

    /// Removes all that there is of the repository.
    pub(super) fn clear(&self) -> io::Result<()> {
        remove(fs::remove_dir_all(&self.dir))
    }
}

/// What is gone already is removed.
fn remove(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

/// The repositories that have files below `root`.
pub(super) fn repositories(root: &Path) -> io::Result<Vec<Uuid>> {
    let mut found = Vec::new();
    let shards = match fs::read_dir(root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        shards => shards?,
    };
    for shard in shards {
        for dir in fs::read_dir(shard?.path())? {
            found.extend(dir?.file_name().to_str().and_then(|name| name.parse::<Uuid>().ok()));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use history::graph::{Filter, Link, Position};
    use names::{CommitId, NodeId};

    use super::*;

    fn commits(from: u32, count: u32) -> Vec<NewCommit> {
        let commit = |at: u32| NewCommit {
            id: CommitId::of(&at.to_be_bytes()),
            root: NodeId::of(b"root"),
            link: Link {
                parents: [at.checked_sub(1).map(Position), None],
                has_more: false,
                generation: at + 1,
                time: i64::from(at),
            },
            more: Vec::new(),
            filter: Filter::of(["a/b"]),
        };
        (from..from + count).map(commit).collect()
    }

    fn grown(place: &Place, pool: &Arc<Shelf>, lengths: &[u32]) -> Graph {
        lengths.iter().fold(Graph::new(), |graph, length| {
            let new = commits(graph.len(), *length);
            let last_row = i64::from(graph.len() + length);
            place.append(&graph, (&new, last_row), pool).unwrap()
        })
    }

    #[test]
    fn layers_are_joined_found_again_and_made_again_equal() {
        let dir = tempfile::tempdir().unwrap();
        let repository = Uuid::from_u128(7);
        let place = Place { dir: directory(dir.path(), repository), repository, epoch: 1 };
        let pool = Arc::default();
        let lengths = [400, 3, 1, 1, 1, 90, 2, 1];
        let graph = grown(&place, &pool, &lengths);
        assert_eq!(graph.len(), lengths.iter().sum::<u32>());
        assert!(graph.stored().len() <= 4, "{}", graph.stored().len());
        assert_eq!(place.names().unwrap().len(), graph.stored().len());
        assert_eq!(repositories(dir.path()).unwrap(), [repository]);
        let again = place.open(&pool).unwrap();
        for at in (0..graph.len()).map(Position) {
            assert_eq!(again.id(at).unwrap(), graph.id(at).unwrap());
            assert_eq!(again.link(at).unwrap(), graph.link(at).unwrap());
        }
        assert_eq!(again.stored().last().unwrap().last_row(), 499);
        // Another numbering has other files, and takes the former ones away.
        let next = Place { epoch: 2, ..place.clone() };
        assert!(next.open(&pool).unwrap().is_empty());
        grown(&next, &pool, &[5]);
        assert!(place.open(&pool).unwrap().is_empty());
        next.clear().unwrap();
        next.clear().unwrap();
        assert!(next.open(&pool).unwrap().is_empty());
    }

    #[test]
    fn a_file_that_is_cut_or_anothers_is_thrown_away() {
        let dir = tempfile::tempdir().unwrap();
        let place = |number: u128| {
            let repository = Uuid::from_u128(number);
            Place { dir: directory(dir.path(), repository), repository, epoch: 0 }
        };
        let pool = Arc::default();
        grown(&place(1), &pool, &[3]);
        let path = place(1).path(Name { epoch: 0, first: 0, end: 3 });
        fs::create_dir_all(&place(2).dir).unwrap();
        let elsewhere = place(2).path(Name { epoch: 0, first: 0, end: 3 });
        fs::copy(&path, &elsewhere).unwrap();
        File::options().write(true).open(&path).unwrap().set_len(100).unwrap();
        assert!(place(1).open(&pool).unwrap().is_empty());
        assert!(place(2).open(&pool).unwrap().is_empty());
        assert!(!path.exists() && !elsewhere.exists());
    }
}
