//! Refused attempts. They change nothing, so there is no transaction to write them in: they wait in memory for a moment
//! and are written together.
//!
//! Whoever is refused can fill this, so it is bounded; what does not fit is counted, and one row says how many there
//! were. And whoever is refused again and again would fill the log itself: of what repeats, one row a minute is written,
//! and it says how often.

use std::{
    collections::{HashMap, VecDeque},
    pin::pin,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use db::Error;
use names::UnixMillis;
use tokio::{sync::Notify, time::sleep};

use super::{Chain, Entry, Noted, On, Origin, Who};
use crate::Trust;

/// Refused attempts that wait at most (`spec/trust.md` 11).
pub const MAX_WAITING: usize = 10_000;
/// Rows of one transaction: others wait for the chain meanwhile.
const BATCH: usize = 200;
/// How long the first one waits for others.
const GATHER: Duration = Duration::from_millis(100);
/// When it is tried again, if the database did not take them.
const RETRY: Duration = Duration::from_secs(5);
/// Of what repeats, one row is written in so much time.
const REPEATS: Duration = Duration::from_mins(1);
/// How much that may repeat is remembered; the rest is counted as dropped.
const MAX_REPEATING: usize = 10_000;

/// A refused attempt that is to be written.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Into which chain.
    pub chain: Chain,
    /// What.
    pub entry: Entry,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    dropped: u64,
    repeating: HashMap<String, Repeating>,
}

/// What was refused not long ago, and how often since.
#[derive(Debug)]
struct Repeating {
    since: UnixMillis,
    entry: Entry,
    count: u64,
}

impl Queue {
    fn push(&mut self, refused: Waiting) {
        if self.waiting.len() < MAX_WAITING {
            self.waiting.push_back(refused);
        } else {
            self.dropped += 1;
        }
    }

    /// Lets go of what has not been repeated for a minute; what has, gets its row.
    fn settle(&mut self, now: Option<UnixMillis>) {
        let is_over = |it: &Repeating| now.is_none_or(|now| it.since.plus(REPEATS) <= now);
        let over: Vec<_> = self.repeating.extract_if(|_, it| is_over(it)).collect();
        for (_, Repeating { entry, count, .. }) in over {
            if count > 0 {
                let entry = entry.with("count", count);
                self.push(Waiting { chain: Chain::INSTALL, entry });
            }
        }
    }
}

/// What makes two refusals the same: what was refused, why, and who or from where.
fn sameness(entry: &Entry) -> String {
    let Entry { action, reason, who, on, origin, .. } = entry;
    let (ip, credential) = (origin.ip, who.credential);
    // An id that nobody has can be another one each time.
    let on = credential.map(|_| on.id.as_str());
    format!("{} {reason} {credential:?} {ip:?} {on:?}", action.as_str())
}

/// What waits.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    queue: Mutex<Queue>,
    bell: Notify,
}

impl Refusals {
    pub(super) fn add(&self, refused: Waiting) {
        self.locked().push(refused);
        self.bell.notify_one();
    }

    pub(super) fn add_repeated(&self, entry: Entry, now: UnixMillis) {
        let mut queue = self.locked();
        let key = sameness(&entry);
        if let Some(known) = queue.repeating.get_mut(&key)
            && known.since.plus(REPEATS) > now
        {
            known.count += 1;
            return;
        }
        queue.settle(Some(now));
        if queue.repeating.len() >= MAX_REPEATING {
            queue.dropped += 1;
            return;
        }
        let first = Waiting { chain: Chain::INSTALL, entry: entry.clone() };
        queue.push(first);
        queue.repeating.insert(key, Repeating { since: now, entry, count: 0 });
        drop(queue);
        self.bell.notify_one();
    }

    /// Lets go of what has not been repeated for a minute; of everything, when the server stops.
    fn settle(&self, now: Option<UnixMillis>) -> bool {
        let mut queue = self.locked();
        queue.settle(now);
        !queue.repeating.is_empty()
    }

    /// The next ones, and how many were dropped.
    fn batch(&self) -> (Vec<Waiting>, u64) {
        let mut queue = self.locked();
        let count = queue.waiting.len().min(BATCH);
        let batch = queue.waiting.drain(..count).collect();
        (batch, std::mem::take(&mut queue.dropped))
    }

    /// Takes back what could not be written, before what came since.
    fn put_back(&self, batch: Vec<Waiting>, dropped: u64) {
        let mut queue = self.locked();
        queue.dropped += dropped;
        for refused in batch.into_iter().rev() {
            if queue.waiting.len() < MAX_WAITING {
                queue.waiting.push_front(refused);
            } else {
                queue.dropped += 1;
            }
        }
    }

    /// A panic while the lock was held cannot leave the queue half-changed: each step is one call.
    fn locked(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes what waits, batch by batch.
pub(super) async fn flush(trust: &Trust) -> Result<(), Error> {
    loop {
        let (batch, dropped) = trust.0.refusals.batch();
        if batch.is_empty() && dropped == 0 {
            return Ok(());
        }
        if let Err(error) = write(trust, &batch, dropped).await {
            trust.0.refusals.put_back(batch, dropped);
            return Err(error);
        }
    }
}

async fn write(trust: &Trust, batch: &[Waiting], dropped: u64) -> Result<(), Error> {
    let mut rows = batch.to_vec();
    if dropped > 0 {
        let overflow = Entry { origin: Origin::default(), ..overflow(dropped) };
        rows.push(Waiting { chain: Chain::INSTALL, entry: overflow });
    }
    // The install's first, and each chain's in the order in which they came.
    rows.sort_by_key(|it| it.chain);
    let mut tx = trust.0.db.write().await?;
    for Waiting { chain, entry } in rows {
        // A row hangs on the one before it, so they cannot be written at once.
        trust.note(&mut tx, chain, entry).await?;
    }
    tx.commit().await
}

fn overflow(dropped: u64) -> Entry {
    let entry = Entry::refused(Noted::AuditOverflow, Who::INSTALL, On::install(), "queue_full");
    entry.with("dropped", dropped)
}

/// Writes what comes until `stop`, then what is left.
pub(super) async fn run(trust: &Trust, stop: impl Future<Output = ()> + Send) {
    let mut stop = pin!(stop);
    let mut has_failed = false;
    let mut may_repeat = false;
    loop {
        let wait = if has_failed { RETRY } else { GATHER };
        let is_over = tokio::select! {
            () = &mut stop => true,
            () = async { trust.0.refusals.bell.notified().await; sleep(wait).await } => false,
            () = sleep(REPEATS), if may_repeat => false,
        };
        may_repeat = trust.0.refusals.settle((!is_over).then(|| trust.0.clock.now()));
        has_failed = false;
        if let Err(error) = flush(trust).await {
            tracing::error!(%error, "refused attempts could not be written to the audit log");
            has_failed = true;
            // They wait still, so it must be tried again.
            trust.0.refusals.bell.notify_one();
        }
        if is_over {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use db::Db;
    use names::{Clock, Random, UnixMillis};

    use super::*;
    use crate::{Settings, audit::Filter};

    fn refused() -> Waiting {
        let on = On { kind: "key", id: "z".to_owned() };
        let entry = Entry::refused(Noted::AuthFailed, Who::ANONYMOUS, on, "unknown_key");
        Waiting { chain: Chain::INSTALL, entry }
    }

    #[test]
    fn what_does_not_fit_is_counted_and_what_was_not_written_comes_first() {
        let refusals = Refusals::default();
        for _ in 0..MAX_WAITING + 5 {
            refusals.add(refused());
        }
        let (batch, dropped) = refusals.batch();
        assert_eq!((batch.len(), dropped), (BATCH, 5));
        refusals.put_back(batch, dropped);
        let queue = refusals.locked();
        assert_eq!((queue.waiting.len(), queue.dropped), (MAX_WAITING, 5));
    }

    #[test]
    fn of_what_repeats_one_row_a_minute_is_written_with_how_often() {
        let refusals = Refusals::default();
        let at = |seconds: i64| UnixMillis(1_795_294_380_000 + seconds * 1_000);
        let add = |seconds| refusals.add_repeated(refused().entry, at(seconds));
        for seconds in 0..50 {
            add(seconds);
        }
        let counts = || {
            let batch = refusals.batch().0;
            batch.iter().map(|it| it.entry.detail.clone().into_map()).collect::<Vec<_>>()
        };
        assert_eq!(counts(), [serde_json::Map::new()]);
        add(70);
        let rows = counts();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0]["count"], 49);
        assert!(rows[1].is_empty());
        // What came once is not said again.
        assert!(!refusals.settle(Some(at(131))));
        assert!(counts().is_empty());
        add(200);
        add(201);
        assert!(!refusals.settle(None), "the server stops");
        assert_eq!(counts().len(), 2);
    }

    #[test]
    fn what_differs_each_time_does_not_grow_without_bound() {
        let refusals = Refusals::default();
        for number in 0..MAX_REPEATING + 7 {
            let mut entry = refused().entry;
            entry.who.credential = Some(uuid::Uuid::from_u128(number as u128));
            refusals.add_repeated(entry, UnixMillis(1));
        }
        let queue = refusals.locked();
        assert_eq!((queue.repeating.len(), queue.dropped), (MAX_REPEATING, 7));
    }

    #[tokio::test]
    async fn one_row_says_how_many_were_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::sqlite(&dir.path().join("motet.db")).await.unwrap();
        let settings = Settings::at("http://127.0.0.1:7420");
        let clock = Clock::stopped_at(UnixMillis(1_795_294_380_000));
        let trust = Trust::open(db.clone(), clock, Random::seeded(1), settings).await.unwrap();
        for _ in 0..=BATCH {
            trust.0.refusals.add(refused());
        }
        trust.0.refusals.locked().dropped = 5;
        flush(&trust).await.unwrap();
        let filter = Filter { action: Some(Noted::AuditOverflow), ..Filter::default() };
        let mut tx = db.glance().await.unwrap();
        let rows = trust.audit(&mut tx, Chain::INSTALL, &filter, None, 9).await.unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].row.detail["dropped"], 5);
        let all = trust.audit(&mut tx, Chain::INSTALL, &Filter::default(), None, 999).await;
        assert_eq!(all.unwrap().len(), BATCH + 2);
    }
}
