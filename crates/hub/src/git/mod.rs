//! Git: stock clients (`spec/hub.md` 5, docs/git.md).
//!
//! | file         | what is there                                                       |
//! |--------------|---------------------------------------------------------------------|
//! | `packs/`     | objects, read in this process                                       |
//! | `commits/`   | commits of a push become rows                                       |

mod commits;
mod packs;

pub(crate) use commits::{STATEMENTS as COMMIT_STATEMENTS, add_more_parents, more_parents};
pub(crate) use packs::{Packs, Stores};

use names::Id;

use crate::{Hub, Repository};

impl Hub {
    /// The objects of a repository of Git.
    pub(crate) fn packs(&self, id: Id<Repository>) -> Packs {
        self.stores.of(id, &self.git.join(format!("{}.git", id.uuid())))
    }
}
