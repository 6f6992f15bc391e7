//! Work of the room that comes again and again: what has ended goes.
//!
//! A kind is a line in [`Hub::work`], with its handler, and one in [`SCHEDULES`], with its time. Each handler is a file:
//! it does a bounded piece in one transaction, and asks to be called again while there is more, so that nobody waits
//! long for the writer and a process that dies loses no more than a piece.
//!
//! | file        | what is there                                                            |
//! |-------------|--------------------------------------------------------------------------|
//! | `mod.rs`    | the list of kinds, their handlers, their times                             |
//! | `expire.rs` | `hub.expire`: uploads that ended, repositories that never came to be       |
//! | `store.rs`  | the SQL                                                                  |

mod expire;
mod store;

use jobs::{Dispatcher, Done, Failure, Job, Kind, Timetable};

use crate::{Error, Hub};
pub(crate) use store::STATEMENTS;

const EXPIRE: Kind<()> = Kind::new("hub.expire");

/// What is pushed by a schedule of the same name, and when, in UTC. Minutes of their own, so that hourly work does not
/// come all at once.
const SCHEDULES: [(Kind<()>, &str); 1] = [(EXPIRE, "7 * * * *")];

impl Hub {
    /// Brings the room's handlers to the dispatcher of this process.
    pub fn work(&self, dispatcher: Dispatcher) -> Dispatcher {
        dispatcher.on(EXPIRE, self.handler(expire::run))
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
