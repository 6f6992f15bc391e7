//! What a movement of a ref has to do with mirrors: one that pulls moves its refs alone, and one that pushes hears of each.

use std::time::Duration;

use db::Tx;
use names::{Id, UnixMillis};

use super::{Direction, Mirror, Patterns, State, store};
use crate::{Error, GitVia, Hub, Repository, ref_log::Word};

/// How long a mirror waits for more that is to be sent.
const GATHER: Duration = Duration::from_secs(2);

/// Refs that another server moves, and nobody here.
#[derive(Debug)]
pub(crate) struct Held {
    patterns: Patterns,
    url: String,
}

impl Held {
    /// Why a ref is not moved here, if it is not.
    pub(crate) fn refusal(&self, name: &str) -> Option<String> {
        self.patterns.match_name(name).then(|| {
            format!("it is a mirror of {}, and is moved there; push to that address", self.url)
        })
    }
}

impl From<Mirror> for Held {
    fn from(it: Mirror) -> Self {
        Self { patterns: it.patterns, url: it.url.to_string() }
    }
}

impl Hub {
    /// The refs of a repository that another server moves, for whoever comes on this way.
    pub(crate) async fn held_refs(
        &self,
        tx: &mut Tx,
        repository: Id<Repository>,
        via: GitVia,
    ) -> Result<Option<Held>, Error> {
        if via == GitVia::Mirror {
            return Ok(None);
        }
        let all = store::of_repository(tx, repository).await?;
        Ok(all.into_iter().find(|it| it.direction == Direction::Pull).map(Held::from))
    }

    /// The other server that a repository follows.
    pub(crate) async fn followed(
        &self,
        tx: &mut Tx,
        repository: Id<Repository>,
    ) -> Result<Option<String>, Error> {
        let all = store::of_repository(tx, repository).await?;
        let pulls = all.into_iter().find(|it| it.direction == Direction::Pull);
        Ok(pulls.map(|it| it.url.to_string()))
    }

    /// A ref moves: refused where another server moves it, told to those mirrors that send it.
    pub(crate) async fn mirrors_hear(
        &self,
        tx: &mut Tx,
        repository: Id<Repository>,
        (name, word): (&str, Word<'_>),
        now: UnixMillis,
    ) -> Result<(), Error> {
        for mirror in store::of_repository(tx, repository).await? {
            if !mirror.patterns.match_name(name) {
                continue;
            }
            match mirror.direction {
                Direction::Pull if matches!(word, Word::Git(GitVia::Mirror)) => {}
                Direction::Pull => {
                    let held = Held::from(mirror);
                    return Err(Error::Mirrored(held.refusal(name).unwrap_or_default()));
                }
                Direction::Push => {
                    store::ask(tx, mirror.id).await?;
                    // What rests sends everything when it goes on.
                    if mirror.state == State::Active {
                        self.run_soon(tx, mirror.id, now.plus(GATHER)).await?;
                    }
                }
            }
        }
        Ok(())
    }
}
