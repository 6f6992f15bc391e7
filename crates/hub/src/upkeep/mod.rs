//! Work of the room that comes again and again: what has ended goes, what is stored is looked after.
//!
//! A kind is a line in [`Hub::work`], with its handler, and one in [`SCHEDULES`], with its time. Each handler does its
//! work in bounded pieces, each in a transaction of its own, so that nobody waits long for the writer and a process that
//! dies loses no more than a piece.
//!
//! | file         | what is there                                                            |
//! |--------------|--------------------------------------------------------------------------|
//! | `mod.rs`     | the list of kinds, their handlers, their times                             |
//! | `expire.rs`  | `hub.expire`: uploads that ended, repositories that never came to be       |
//! | `storage.rs` | `objects.*`: what keeps the object store sound and small                   |
//! | `records.rs` | `hub.records`: rows that do not fit together                               |
//! | `store.rs`   | the SQL                                                                  |

mod expire;
mod records;
mod storage;
mod store;

use std::time::Duration;

use jobs::{Dispatcher, Done, Failure, Job, Kind, Timetable};
use names::Id;

pub(crate) use storage::sweep_now;
pub(crate) use store::STATEMENTS;

use crate::{
    Error, Hub, Repository,
    collect::{COLLECT, COLLECT_DUE, collect, collect_due},
    contributions, forks, git, glass, graph, imports, mirrors, purge, repositories, search,
    transfers,
};

const EXPIRE: Kind<()> = Kind::new("hub.expire");
const RECORDS: Kind<()> = Kind::new("hub.records");
const PURGE: Kind<()> = Kind::new("hub.purge");

/// What is pushed by a schedule of the same name, and when, in UTC. Minutes of their own, so that hourly work does not
/// come all at once.
const SCHEDULES: [(Kind<()>, &str); 10] = [
    (forks::WATCH, "33 1 * * *"),
    (PURGE, "53 1 * * *"),
    (EXPIRE, "7 * * * *"),
    (search::INDEX_DUE, "47 * * * *"),
    (storage::SAMPLE, "17 * * * *"),
    (storage::SCRUB, "37 * * * *"),
    (COLLECT_DUE, "13 2 * * *"),
    (storage::TIDY, "43 2 * * *"),
    (storage::ORPHANS, "13 4 * * sun"),
    (RECORDS, "43 4 * * sun"),
];

/// Asks for the removal of what is due, now.
pub(crate) async fn purge_now(hub: &Hub, tx: &mut db::Tx) -> Result<jobs::Bell, Error> {
    Ok(hub.queue.push(tx, jobs::NewJob::new(PURGE, &())?).await?)
}

/// How soon a history is looked through again that changed meanwhile.
const SOON: Duration = Duration::from_secs(1);
/// Tries that begin again so soon: more than collections and ends of processes, which count as well, can get in the way of. A
/// history that misses something still is broken, and what is left of the tries waits longer and longer.
const SOON_TRIES: u32 = 25;

/// What becomes of try number `attempt` of a job that misses something of a repository. If that is gone, nothing has to be
/// done; if it is there, a collection took away what the job was looking at, and it begins again.
pub(crate) async fn when_missing(
    hub: &Hub,
    id: Id<Repository>,
    attempt: u32,
) -> Result<Done, Failure> {
    let found = repositories::by_id(&mut hub.db.glance().await?, id).await?;
    if found.is_none() {
        return Ok(Done::default());
    }
    if attempt <= SOON_TRIES {
        return Err(Failure::retry_in(SOON, "the history changed while it was looked through"));
    }
    Err(Failure::retry("the history misses something, and goes on missing it"))
}

impl Hub {
    /// Brings the room's handlers to the dispatcher of this process.
    pub fn work(&self, dispatcher: Dispatcher) -> Dispatcher {
        let (hub, looks) = (self.clone(), self.clone());
        let (filled, waiting, followed) = (self.clone(), self.clone(), self.clone());
        let (indexed, looked, sought) = (self.clone(), self.clone(), self.clone());
        let (pruned, behind) = (self.clone(), self.clone());
        let (fetched, mirrored, due) = (self.clone(), self.clone(), self.clone());
        dispatcher
            .on(imports::IMPORT, move |job| imports::run(fetched.clone(), job))
            .on(mirrors::RUN, move |job| mirrors::run(mirrored.clone(), job))
            .on(mirrors::DUE, move |job| mirrors::due(due.clone(), job))
            .on(git::SETTLE, move |job| git::settle(behind.clone(), job))
            .on(git::PRUNE, move |job| git::prune(pruned.clone(), job))
            .on(COLLECT, move |job| collect(hub.clone(), job))
            .on(glass::CLOSE, move |job| glass::close(looks.clone(), job))
            .on(graph::INDEX, move |job| graph::index(indexed.clone(), job))
            .on(graph::LAST, move |job| graph::last(looked.clone(), job))
            .on(forks::COPY, move |job| forks::copy(filled.clone(), job))
            .on(contributions::FOLLOW, move |job| contributions::run(followed.clone(), job))
            .on(forks::WATCH, self.handler(forks::watch))
            .on(transfers::LAPSE, move |job| transfers::lapse(waiting.clone(), job))
            .on(search::INDEX, move |job| search::index(sought.clone(), job))
            .on(search::INDEX_DUE, self.handler(search::index_due))
            .on(search::REBUILD, self.handler(search::rebuild))
            .on(COLLECT_DUE, self.handler(collect_due))
            .on(EXPIRE, self.handler(expire::run))
            .on(PURGE, self.handler(purge::run))
            .on(RECORDS, self.handler(records::run))
            .on(storage::TIDY, self.handler(storage::tidy))
            .on(storage::CLEAR, self.handler(storage::clear))
            .on(storage::SAMPLE, self.handler(storage::sample))
            .on(storage::SCRUB, self.handler(storage::scrub))
            .on(storage::ORPHANS, self.handler(storage::orphans))
    }

    /// Declares the room's schedules, at every boot. One that somebody switched off stays off.
    pub async fn schedule(&self) -> Result<(), Error> {
        let mut tx = self.db.write().await?;
        // A handful of statements, once a process.
        let mut bells = Vec::new();
        for (kind, cron) in SCHEDULES {
            let timetable = Timetable::parse(cron, "UTC")?;
            bells.push(self.queue.schedule(&mut tx, kind.name(), &timetable, kind, &()).await?);
        }
        tx.commit().await?;
        // Rung here, and no earlier.
        drop(bells);
        Ok(())
    }

    /// `run` as a handler, with the room in hand.
    fn handler<Ends>(&self, run: fn(Self) -> Ends) -> impl Fn(Job<()>) -> Ends + use<Ends>
    where
        Ends: Future<Output = Result<Done, Failure>> + Send + 'static,
    {
        let hub = self.clone();
        move |_| run(hub.clone())
    }
}
