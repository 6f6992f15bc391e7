//! Hub: repositories, the Muse wire, and reading.
//!
//! Owns repositories, their history (commits, snapshots as trees, refs) and the links from repositories to objects.
//! Relies on `trust` for who may, on `objects` for bytes, on `history` for what ids mean.
//!
//! | folder          | what is there                                                                |
//! |-----------------|------------------------------------------------------------------------------|
//! | `lib.rs`        | the door: [`Hub`], its routes                                                  |
//! | `error.rs`      | [`Error`], and how it becomes HTTP                                             |
//! | `repositories/` | create, find, list; [`Repository`] as a resource; JSON                         |
//! | `wire/`         | wire 1: refs, uploads, push, negotiate, fetch, labels                          |
//! | `wire2/`        | wire 2: negotiate, a history as a stream, objects and snapshots by ids, pushes   |
//! | `releases/`     | releases and their tags                                                        |
//! | `reading/`      | the one reading interface: resolve, tree, blob, log, diff                      |
//! | `graph/`        | what answers for long histories: the graph, last commits, numbers              |
//! | `life/`         | changed, renamed, archived, deleted, restored, removed for good                |
//! | `edits/`        | commits that the server makes for somebody                                     |
//! | `intake/`       | what a repository takes in: content policy, paths that clash                   |
//! | `signatures/`   | who signed a commit, and what a repository asks of it                         |
//! | `ref_log/`      | every movement of a ref, in chains                                           |
//! | `refs/`         | branches and tags as lists                                                     |
//! | `transfers/`    | handed on to somebody else                                                     |
//! | `invitations/`  | people are asked in                                                            |
//! | `forks/`        | made from another, with its history                                            |
//! | `quotas/`       | how much an owner and a repository may hold                                    |
//! | `collect/`      | what nothing leads to is let go                                                |
//! | `purge/`        | what those leave behind who have left                                          |
//! | `git_tokens.rs` | what plain Git signs in with                                                 |
//! | `git/`          | stock clients of Git                                                          |
//! | `imports/`      | what another server has is fetched once                                       |
//! | `mirrors/`      | other servers that a repository follows, or that follow it                    |
//! | `glass/`        | an install admin looks into what is private                                    |
//! | `activity/`     | what happened, one row an aspect                                              |
//! | `witness/`      | who tells others of it: webhooks                                             |
//! | `stars/`        | who likes, watches, follows, pins                                              |
//! | `contributions/`| what signed commits count for, day by day                                      |
//! | `feeds/`        | the same as Atom                                                               |
//! | `upkeep/`       | background work: what has ended goes, what is stored is looked after           |
//! | `machines/`     | the map of the site, cards for other sites                                     |
//! | `search/`       | what is found, by whom it may be found                                          |
//! | `pages/`        | HTML; `views/` is what the templates show                                      |
//!
//! Invariants (`spec/hub.md` 12): no object, snapshot or commit row whose id is not the hash of its bytes; a commit's
//! snapshot and parents are in the same repository; every object of every snapshot is linked to that repository;
//! nothing outside a repository's own rows decides what its reader or writer is told.

use std::{path::PathBuf, sync::Arc, time::Duration};

use axum::Router;
use db::Db;
use jobs::Queue;
use names::{Clock, Random};
use objects::Objects;
use trust::Trust;
use web::{Cursors, Entry, Routes};

use graph::Graphs;

mod activity;
mod collect;
mod contributions;
mod edits;
mod error;
mod feeds;
mod forks;
mod git;
mod git_tokens;
mod glass;
mod graph;
mod imports;
mod intake;
mod invitations;
mod life;
mod machines;
mod mirrors;
mod pages;
mod purge;
mod quotas;
mod reading;
mod ref_log;
mod refs;
mod releases;
mod repositories;
mod search;
mod signatures;
mod stars;
mod transfers;
mod upkeep;
mod views;
mod wire;
mod wire2;
mod witness;

pub use collect::{Collection, Grace};
pub use error::Error;
pub use git::{
    Bundle, Git, GitAllowed, GitCaller, GitProcess, GitProtocol, GitSettings, GitVia, Life, Manner,
    Service, frame,
};
pub use purge::Own;
pub use quotas::{Exceeded, Limited, Quotas};
pub use repositories::{
    Fork, Format, FormatError, Homepage, HomepageError, Licence, NewRepository, Repository, Topic,
    Topics,
};
pub use search::rebuild_search;

pub use wire2::{HistoryStream, OwnHistory};
pub use witness::{Happened, Told, Witness};

/// Every statement of this room, for the test that prepares them all.
pub fn statements() -> Vec<&'static db::Sql> {
    [
        repositories::STATEMENTS,
        search::STATEMENTS,
        machines::STATEMENTS,
        reading::STATEMENTS,
        &wire::statements(),
        &wire2::statements(),
        releases::STATEMENTS,
        collect::STATEMENTS,
        ref_log::STATEMENTS,
        refs::STATEMENTS,
        life::STATEMENTS,
        forks::STATEMENTS,
        transfers::STATEMENTS,
        invitations::STATEMENTS,
        intake::STATEMENTS,
        quotas::STATEMENTS,
        git::STATEMENTS,
        imports::STATEMENTS,
        mirrors::STATEMENTS,
        git::COMMIT_STATEMENTS,
        purge::STATEMENTS,
        graph::STATEMENTS,
        upkeep::STATEMENTS,
        activity::STATEMENTS,
        witness::STATEMENTS,
        stars::STATEMENTS,
        contributions::STATEMENTS,
        feeds::STATEMENTS,
    ]
    .concat()
}

/// What the room stands on.
#[derive(Debug, Clone)]
pub struct Ground {
    /// Rows.
    pub db: Db,
    /// Bytes.
    pub objects: Objects,
    /// Background work.
    pub queue: Queue,
    /// Who tells others of what happens here.
    pub witness: Arc<dyn Witness>,
    /// Repositories of Git.
    pub git: Git,
    /// Where this process keeps what can be made again.
    pub cache: PathBuf,
    /// What time it is.
    pub clock: Clock,
    /// Where chance comes from.
    pub random: Random,
}

/// What an operator may set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How much may be held.
    pub quotas: Quotas,
    /// How long a page may look for who last changed the lines of a file; what is not found by then is said to be
    /// older.
    pub blame: Duration,
    /// How long a search may take; what was found by then is said to be a part.
    pub search: Duration,
    /// What addresses of Git over SSH begin with, where that is spoken.
    pub ssh: Option<Arc<str>>,
}

/// The room's front door. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Hub {
    db: Db,
    objects: Objects,
    trust: Trust,
    clock: Clock,
    random: Random,
    cursors: Cursors,
    queue: Queue,
    witness: Arc<dyn Witness>,
    settings: Settings,
    graphs: Graphs,
    git: Git,
    blames: reading::Blames,
    archives: reading::Archives,
    painted: pages::Painted,
}

impl AsRef<Trust> for Hub {
    fn as_ref(&self) -> &Trust {
        &self.trust
    }
}

impl Hub {
    /// Opens the room.
    pub fn new(ground: Ground, trust: Trust, cursors: Cursors, settings: Settings) -> Self {
        let Ground { db, objects, queue, witness, git, cache, clock, random } = ground;
        let (blames, archives, painted) = Default::default();
        let graphs = Graphs::new(cache);
        Self {
            db,
            objects,
            trust,
            clock,
            random,
            cursors,
            queue,
            witness,
            settings,
            graphs,
            git,
            blames,
            archives,
            painted,
        }
    }

    /// Everything that this room serves, its state inside, and the list of its routes.
    pub fn routes(self) -> (Router, Vec<Entry>) {
        let (trust, push_bytes) = (self.trust.clone(), self.git.push_bytes());
        let routes = Routes::new(self, trust);
        let routes = git::routes(routes, push_bytes);
        let routes = edits::routes(forks::routes(transfers::routes(invitations::routes(routes))));
        let routes = mirrors::routes(imports::routes(git_tokens::routes(routes)));
        let routes = life::routes(glass::routes(quotas::routes(collect::routes(routes))));
        let routes = stars::routes(activity::routes(feeds::routes(routes)));
        let routes = wire::routes(releases::routes(repositories::routes(routes)));
        let routes = reading::api::routes(graph::routes(wire2::routes(routes)));
        let routes = machines::routes(search::routes(intake::routes(routes)));
        pages::routes(ref_log::routes(routes)).finish()
    }
}
