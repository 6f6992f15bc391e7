//! Heads and windows, read from rows.

use std::collections::BTreeSet;

use db::Tx;
use names::{Handle, Id, UnixMillis};
use trust::Principal;
use uuid::Uuid;

use super::{Found, HeadId, Heads, Need, range, shelf::PAGE, store};
use crate::Error;

/// Windows that are read by one statement.
const WINDOWS: usize = 16;

/// Before every head, and behind every head.
fn ends() -> (HeadId, HeadId) {
    (Id::from_uuid(Uuid::nil()), Id::from_uuid(Uuid::max()))
}

impl Heads {
    /// Reads which heads are filled, of each publisher as many as are held. Says whether there is anything new.
    pub(crate) async fn read_all(&mut self, tx: &mut Tx) -> Result<bool, Error> {
        let (mut after, end) = ends();
        let mut has_news = false;
        loop {
            let found = store::filled(tx, (after, end), PAGE).await?;
            let is_last = found.len() < PAGE;
            let mut full = BTreeSet::new();
            for it in found {
                let (id, publisher) = (it.id, it.like.publisher);
                if full.contains(&publisher) {
                    continue;
                }
                has_news |= self.learn(vec![it]);
                if self.all.contains_key(&id) {
                    after = id;
                    continue;
                }
                // What is left of this publisher is read when there is room.
                full.insert(publisher);
                let (low, high) = range(publisher);
                if let Some(shelf) = self.shelves.get_mut(&publisher) {
                    shelf.note_seen(after.max(low));
                }
                after = high;
            }
            if is_last {
                return Ok(has_news);
            }
        }
    }

    /// Looks at heads that another process filled. Says whether there is anything new.
    pub(crate) async fn look_at(
        &mut self,
        tx: &mut Tx,
        heads: &BTreeSet<HeadId>,
    ) -> Result<bool, Error> {
        let found = store::of_these(tx, heads).await?;
        Ok(self.learn(found))
    }

    /// Fills windows that ran dry and that a caller may have something of; reads more heads of publishers that have
    /// more than is here, where there is room.
    pub(crate) async fn fill(
        &mut self,
        tx: &mut Tx,
        may: impl Fn(&Need) -> bool,
    ) -> Result<(), Error> {
        let publishers = self.shelves.len();
        let has_room = self.shelves.iter().filter(|(_, it)| it.is_cut() && it.has_room(publishers));
        let has_room: Vec<_> = has_room.map(|(publisher, _)| *publisher).collect();
        for publisher in has_room {
            self.read_page(tx, publisher).await?;
        }
        let asked = self.window_rows();
        for heads in self.dry(may).chunks(WINDOWS) {
            let mut windows = store::windows(tx, heads, asked).await?;
            for head in heads {
                self.refill(*head, windows.remove(head).unwrap_or_default(), asked);
            }
        }
        Ok(())
    }

    /// Lets heads of publishers that have more than is here give way to others, because somebody found nothing among
    /// them. Says whether any did.
    pub(crate) async fn turn(
        &mut self,
        tx: &mut Tx,
        now: UnixMillis,
        is_asked: impl Fn(&Handle) -> bool,
    ) -> Result<bool, Error> {
        let turns = self.shelves.iter_mut().filter(|(_, it)| is_asked(&it.handle));
        let turning: BTreeSet<_> =
            turns.filter_map(|(publisher, shelf)| shelf.turns(now).then_some(*publisher)).collect();
        for publisher in &turning {
            let heads = self.all.iter().filter(|(_, it)| it.need.publisher == *publisher);
            let heads: Vec<_> = heads.map(|(id, _)| *id).collect();
            for id in heads {
                self.let_go(id);
            }
            self.read_page(tx, *publisher).await?;
        }
        Ok(!turning.is_empty())
    }

    async fn read_page(&mut self, tx: &mut Tx, publisher: Id<Principal>) -> Result<(), Error> {
        let (low, high) = range(publisher);
        let Some(known) = self.shelves.get_mut(&publisher) else { return Ok(()) };
        known.begin_read();
        let after = known.read_to().unwrap_or(low);
        let found = store::filled(tx, (after, high), PAGE).await?;
        let last = found.last().map(|it| it.id).filter(|_| found.len() >= PAGE);
        // Another publisher's ids may begin alike.
        let is_its = |it: &Found| it.like.publisher == publisher;
        self.learn(found.into_iter().filter(is_its).collect());
        if let Some(known) = self.shelves.get_mut(&publisher) {
            known.note_read(last);
            if known.is_over() {
                self.shelves.remove(&publisher);
            }
        }
        Ok(())
    }
}
