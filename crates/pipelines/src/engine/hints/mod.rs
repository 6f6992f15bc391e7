//! What processes on one PostgreSQL tell each other of work: which heads one of them filled, so that callers who wait in
//! another are given something.
//!
//! A hint goes out after the commit, by a task of its own that tells of many groups together: PostgreSQL lets one
//! transaction at a time commit a `NOTIFY`. It promises nothing. What it does not tell is found by a look each five
//! seconds, and a task that was promised twice is granted once, because whoever grants it holds the row of its run.

mod store;

use std::{
    collections::BTreeSet,
    convert::Infallible,
    future::pending,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use db::Db;
use names::Random;
use tokio::{sync::Notify, task::JoinSet, time::sleep};

use super::heads::HeadId;
pub(super) use store::STATEMENTS;

/// Groups of this time are told of together.
const TOGETHER: Duration = Duration::from_millis(10);
/// How long to wait after the database failed.
const AFTER_ERROR: Duration = Duration::from_secs(5);
/// Heads in one hint: a notification holds 8,000 bytes. More are called all.
const NAMED: usize = 128;

/// Which heads were filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Filled {
    /// These.
    These(BTreeSet<HeadId>),
    /// Nobody knows which.
    All,
}

impl Filled {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::These(mut one), Self::These(other)) => {
                one.extend(other);
                if one.len() > NAMED { Self::All } else { Self::These(one) }
            }
            (Self::All, _) | (_, Self::All) => Self::All,
        }
    }

    fn none() -> Self {
        Self::These(BTreeSet::new())
    }

    /// As it is told, by `name`.
    fn text(&self, name: &str) -> String {
        match self {
            Self::All => format!("{name},*"),
            Self::These(heads) => {
                heads.iter().fold(name.to_owned(), |text, head| format!("{text},{head}"))
            }
        }
    }

    /// What another than `name` tells. What cannot be read may be anything.
    fn read(text: &str, name: &str) -> Self {
        let mut parts = text.split(',');
        if parts.next() == Some(name) {
            return Self::none();
        }
        let heads = parts.map(str::parse).collect::<Result<_, _>>();
        heads.map_or(Self::All, Self::These)
    }
}

/// What waits to be told, or to be looked at.
#[derive(Debug)]
struct Pile {
    filled: Mutex<Filled>,
    there: Notify,
}

impl Default for Pile {
    fn default() -> Self {
        Self { filled: Mutex::new(Filled::none()), there: Notify::new() }
    }
}

impl Pile {
    fn add(&self, more: Filled) {
        if more == Filled::none() {
            return;
        }
        let mut filled = self.filled.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *filled, Filled::none());
        *filled = before.and(more);
        drop(filled);
        self.there.notify_one();
    }

    fn take(&self) -> Filled {
        let mut filled = self.filled.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *filled, Filled::none())
    }
}

/// Where hints come from and go to. Both ends with it.
#[derive(Debug, Default)]
pub(super) struct Hints {
    told: Arc<Pile>,
    heard: Arc<Pile>,
    messengers: JoinSet<()>,
}

impl Hints {
    /// Begins to tell and to hear, where there may be other processes.
    pub(super) fn begin(&mut self, db: &Db, random: &Random) {
        let name = format!("{:032x}", u128::from_be_bytes(random.bytes()));
        self.messengers.spawn(tell(db.clone(), Arc::clone(&self.told), name.clone()));
        self.messengers.spawn(listen(db.clone(), Arc::clone(&self.heard), name));
    }

    /// Tells the others of heads that were filled here.
    pub(super) fn tell(&self, heads: BTreeSet<HeadId>) {
        if !self.messengers.is_empty() {
            self.told.add(Filled::none().and(Filled::These(heads)));
        }
    }

    /// Waits until there is something to look at.
    pub(super) async fn heard(&self) {
        self.heard.there.notified().await;
    }

    /// What there is to look at.
    pub(super) fn take(&self) -> Filled {
        self.heard.take()
    }
}

async fn tell(db: Db, told: Arc<Pile>, name: String) {
    loop {
        told.there.notified().await;
        let text = told.take().text(&name);
        let said = async { store::notify(&mut db.glance().await?, &text).await };
        let pause = match said.await {
            Ok(()) => TOGETHER,
            Err(error) => {
                tracing::debug!(%error, "other processes were not told; they look");
                AFTER_ERROR
            }
        };
        sleep(pause).await;
    }
}

async fn listen(db: Db, heard: Arc<Pile>, name: String) {
    loop {
        let Err(error) = hear(&db, &heard, &name).await;
        tracing::debug!(%error, "no hints of other processes; looking until they are back");
        sleep(AFTER_ERROR).await;
    }
}

async fn hear(db: &Db, heard: &Pile, name: &str) -> Result<Infallible, db::Error> {
    let Some(mut notices) = db.notices(store::CHANNEL).await? else { return pending().await };
    tracing::debug!("hints of other processes are heard");
    // What came while nobody listened is not repeated.
    heard.add(Filled::All);
    loop {
        let text = notices.next().await?;
        heard.add(text.map_or(Filled::All, |text| Filled::read(&text, name)));
    }
}

#[cfg(test)]
mod tests {
    use names::Id;
    use uuid::Uuid;

    use super::*;

    fn these(numbers: impl Iterator<Item = u128>) -> Filled {
        Filled::These(numbers.map(|it| Id::from_uuid(Uuid::from_u128(it))).collect())
    }

    #[test]
    fn a_hint_is_read_as_it_was_told_and_not_by_who_told_it() {
        for filled in [these(1..4), these(0..0), Filled::All] {
            assert_eq!(Filled::read(&filled.text("a"), "b"), filled);
            assert_eq!(Filled::read(&filled.text("a"), "a"), Filled::none());
        }
        assert_eq!(Filled::read("a,what", "b"), Filled::All);
        assert!(these(0..128).text(&"a".repeat(32)).len() < 8_000);
    }

    #[test]
    fn what_piles_up_is_told_together_and_too_much_is_all() {
        let pile = Pile::default();
        pile.add(these(0..2));
        pile.add(these(1..3));
        assert_eq!(pile.take(), these(0..3));
        assert_eq!(pile.take(), Filled::none());
        pile.add(these(0..100));
        pile.add(these(90..200));
        pile.add(these(0..1));
        assert_eq!(pile.take(), Filled::All);
    }
}
