//! Many events in one transaction, of publishers whose room counts the events of its subjects by itself: what a group of
//! the engine of runs tells (`spec/work.md` 11, Group commit). Whether anybody listens is one statement, and all that is
//! told are four more, however much it is.

pub(super) mod store;

use std::collections::{BTreeMap, BTreeSet};

use db::Tx;
use names::{Digest, Id};
use trust::Principal;
use uuid::Uuid;

use super::{emit::hears, store::Candidate};
use crate::{Content, Error, Event, EventType, Hooks, Ordering, Realm};
use store::{DeliveryRow, PayloadRow};

/// Bytes of bodies that are written with one statement.
const AT_ONCE_BYTES: usize = 4 << 20;

/// An event, with its number among those of its subject.
#[derive(Debug, Clone)]
pub struct Counted {
    /// What happened.
    pub event: Event,
    /// From 1 on and without gaps, asked for or not.
    pub number: u64,
}

/// Those who hear of what happens at some publishers.
#[derive(Debug)]
pub struct Listeners(Vec<(Option<Uuid>, Candidate)>);

impl Listeners {
    /// Those at one publisher, with those of the install.
    fn at(&self, publisher: Id<Principal>) -> impl Iterator<Item = &Candidate> {
        let is_there = move |it: &Option<Uuid>| it.is_none_or(|it| it == publisher.uuid());
        self.0.iter().filter(move |(account, _)| is_there(account)).map(|(_, it)| it)
    }

    /// Whether somebody asks for events of this type that happen there.
    pub fn want(&self, kind: EventType, publisher: Id<Principal>, manager: Option<Uuid>) -> bool {
        self.at(publisher)
            .any(|it| it.events.matches(kind) && (it.manager.is_none() || it.manager == manager))
    }

    /// Whether the subscription of this manager takes anything.
    pub fn have(&self, manager: Uuid) -> bool {
        self.0.iter().any(|(_, it)| it.manager == Some(manager))
    }
}

/// What is written of many events.
#[derive(Default)]
struct Rows<'a> {
    payloads: Vec<PayloadRow>,
    deliveries: Vec<DeliveryRow<'a>>,
}

impl Hooks {
    /// Who hears of what happens at these publishers, and of what these managers make: nothing where nobody does.
    pub async fn listeners(
        &self,
        tx: &mut Tx,
        publishers: impl IntoIterator<Item = Id<Principal>>,
        managers: impl IntoIterator<Item = Uuid>,
    ) -> Result<Option<Listeners>, Error> {
        let publishers = publishers.into_iter().map(Id::uuid).collect();
        let managers = managers.into_iter().collect();
        let found = store::listeners(tx, &publishers, &managers).await?;
        Ok((!found.is_empty()).then_some(Listeners(found)))
    }

    /// Tells them, in the caller's transaction, in the order of the events. The dispatcher is woken when the transaction
    /// has ended.
    pub async fn tell_all(
        &self,
        tx: &mut Tx,
        listeners: &Listeners,
        events: &[Counted],
    ) -> Result<(), Error> {
        let told: Vec<_> = events
            .iter()
            .map(|it| {
                let Realm::Publisher(publisher) = it.event.realm else { return (it, Vec::new()) };
                (it, listeners.at(publisher).filter(|to| hears(to, &it.event)).collect())
            })
            .filter(|(_, to): &(_, Vec<&Candidate>)| !to.is_empty())
            .collect();
        if told.is_empty() {
            return Ok(());
        }
        let mut subjects: BTreeMap<&str, u64> = BTreeMap::new();
        for (it, _) in &told {
            let last = subjects.entry(it.event.subject.as_str()).or_default();
            *last = it.number.max(*last);
        }
        store::count_subjects(tx, &subjects).await?;
        let pairs = told.iter().flat_map(|(it, to)| {
            let subject = it.event.subject.as_str();
            to.iter().map(move |to| (to.target.webhook.uuid(), subject))
        });
        let mut busy = store::all_under_way(tx, &pairs.collect()).await?;
        let rows = self.rows(&told, &mut busy);
        let mut rest = rows.payloads.as_slice();
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = |it: &&PayloadRow| {
                bytes += it.2.len();
                bytes <= AT_ONCE_BYTES
            };
            let (some, others) = rest.split_at(rest.iter().take_while(fits).count().max(1));
            store::add_payloads(tx, some).await?;
            rest = others;
        }
        store::add_many(tx, &rows.deliveries, self.0.clock.now()).await?;
        tx.hold(self.bell());
        Ok(())
    }

    /// The rows of events for those who are told. `busy` are pairs of a subscription and a subject of which one is on its
    /// way: what is ordered waits behind it.
    fn rows<'a>(
        &self,
        told: &[(&'a Counted, Vec<&Candidate>)],
        busy: &mut BTreeSet<(Uuid, String)>,
    ) -> Rows<'a> {
        let (now, random) = (self.0.clock.now(), &self.0.random);
        let mut rows = Rows::default();
        for (it, to) in told {
            let event = &it.event;
            let id = event.id.unwrap_or_else(|| Id::new(now, random));
            for content in [Content::Full, Content::Thin] {
                if to.iter().any(|it| it.target.content == content) {
                    let body = event.body(content, (id, it.number), now);
                    let sha256 = Digest::of(&body);
                    let body = String::from_utf8_lossy(&body).into_owned();
                    rows.payloads.push((id, content.as_str(), body, sha256));
                }
            }
            for to in to {
                let target = to.target;
                let is_ordered = target.ordering == Ordering::Subject;
                let place = (target.webhook.uuid(), event.subject.as_str().to_owned());
                let waits = is_ordered && !busy.insert(place);
                let due_at = (!waits).then_some(now.0);
                rows.deliveries.push((
                    Id::new(now, random),
                    target.webhook,
                    target.content.as_str(),
                    is_ordered,
                    due_at,
                    id,
                    event.kind.to_string(),
                    event.subject.as_str(),
                    it.number,
                ));
            }
        }
        rows
    }
}
