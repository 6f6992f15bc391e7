//! What happened to runs becomes events of webhooks, in the transaction of its group (`spec/work.md` 9, `spec/webhooks.md`
//! 2, the rows of Work).
//!
//! The state machine says which entries of a timeline are events, and numbers them. Whether anybody listens is asked once a
//! group; only what somebody asked for is shaped. The webhook of a version hears of the runs that are held to it: what it
//! is called follows from the version itself, so nothing is looked up.
//!
//! Invariant: an output that waits for a verdict is on its way to whoever gives it, or the run learns that it is not.
//!
//! | file       | what is there                            |
//! |------------|------------------------------------------|
//! | `mod.rs`   | [`News`]; who is told                    |
//! | `shape.rs` | what they are told                       |
//! | `store.rs` | the SQL: those whom events name          |

mod shape;
pub(super) mod store;

use std::collections::{BTreeMap, BTreeSet};

use hooks::{Counted, Event, EventRow, EventType, Listeners, Realm, Subject};
use names::Id;
use pipelines_core::{
    definition::{VerdictMode, Webhook},
    machine::{Change, Entry, Told},
    name::RunId,
};
use trust::Principal;
use uuid::Uuid;

use super::{Actor, group::Group, run::Run};
use crate::{
    Error,
    verdicts::{Judged, Word},
    webhooks,
};

/// Something that others may be told of.
pub(super) struct News {
    run: RunId,
    told: Told,
    change: Change,
    by: Actor,
    /// The name of an event whose answer is waited for.
    event: Option<Id<EventRow>>,
}

/// The webhook of the version that a run is held to, if it asks for such events, and what manages it. An output that waits
/// for a verdict is sent always.
fn manager(run: &Run, kind: &str) -> Option<Uuid> {
    let webhook = run.definition().webhook.as_ref()?;
    asks(webhook, kind)
        .then(|| webhooks::manager(run.birth.publisher, &run.birth.pipeline, webhook))
}

fn asks(webhook: &Webhook, kind: &str) -> bool {
    match kind {
        "run.composed" => webhook.verdict == VerdictMode::Wait,
        other => webhook.events.contains(other),
    }
}

impl Group<'_> {
    /// Takes note of an entry that is an event. Gives its name, if its answer is waited for.
    pub(super) fn note_news(
        &mut self,
        run: &Run,
        entry: &Entry,
        by: Actor,
    ) -> Option<Id<EventRow>> {
        let told = entry.told?;
        let random = &self.pipelines.0.ground.random;
        let event = (told.kind == "run.composed").then(|| Id::new(entry.at, random));
        let change = entry.change.clone();
        self.news.push(News { run: run.state.run, told, change, by, event });
        event
    }

    /// Tells those who asked for it. Runs whose output goes to nobody learn that.
    pub(super) async fn tell(&mut self) -> Result<(), Error> {
        let news = std::mem::take(&mut self.news);
        if news.is_empty() {
            return Ok(());
        }
        let (mut publishers, mut managers) = (BTreeSet::new(), BTreeSet::new());
        for it in &news {
            let Some(run) = self.runs.get(it.run) else { continue };
            publishers.insert(run.birth.publisher);
            managers.extend(manager(run, it.told.kind));
        }
        let hooks = self.pipelines.0.ground.hooks.clone();
        let listeners = hooks.listeners(&mut self.tx, publishers, managers).await?;
        self.lose_undelivered(&news, listeners.as_ref())?;
        let Some(listeners) = listeners else { return Ok(()) };
        let wanted: Vec<_> = news.iter().filter(|it| self.is_wanted(it, &listeners)).collect();
        let named = wanted.iter().flat_map(|it| {
            let run = self.runs.get(it.run);
            shape::names(run, it)
        });
        let people = store::people(&mut self.tx, &named.collect()).await?;
        let events: Result<Vec<_>, Error> =
            wanted.into_iter().filter_map(|it| self.event(it, &people).transpose()).collect();
        Ok(hooks.tell_all(&mut self.tx, &listeners, &events?).await?)
    }

    fn is_wanted(&self, it: &News, listeners: &Listeners) -> bool {
        let Some(run) = self.runs.get(it.run) else { return false };
        let Ok(kind) = it.told.kind.parse::<EventType>() else { return false };
        listeners.want(kind, run.birth.publisher, manager(run, it.told.kind))
    }

    fn event(
        &self,
        it: &News,
        people: &BTreeMap<Uuid, store::Person>,
    ) -> Result<Option<Counted>, Error> {
        let Some(run) = self.runs.get(it.run) else { return Ok(None) };
        let kind: EventType =
            it.told.kind.parse().map_err(db::Error::corrupt("run_events.type"))?;
        let subject =
            Subject::of("run", it.run).map_err(db::Error::corrupt("run_events.run_id"))?;
        let base = self.pipelines.0.ground.hooks.base_url();
        let by = it.by.and_then(|it| people.get(&it.uuid()));
        let event = Event {
            id: it.event,
            actor: by.map(|it| it.party.clone()),
            on_behalf_of: by.and_then(|it| it.behind.clone()),
            publisher: Some(shape::publisher(run, base)),
            manager: manager(run, it.told.kind),
            data: shape::data(run, it, people, base),
            ..Event::new(
                kind,
                subject,
                Realm::Publisher(run.birth.publisher),
                format!("{base}/runs/{}", it.run),
            )
        };
        Ok(Some(Counted { event, number: it.told.number }))
    }

    /// Where nobody takes an output that waits for a verdict, the run is told so as by a delivery that died.
    fn lose_undelivered(
        &mut self,
        news: &[News],
        listeners: Option<&Listeners>,
    ) -> Result<(), Error> {
        for it in news.iter().filter(|it| it.event.is_some()) {
            let Some(run) = self.runs.get(it.run) else { continue };
            let takes = |manager| listeners.is_some_and(|it| it.have(manager));
            if manager(run, it.told.kind).is_some_and(takes) {
                continue;
            }
            let judged =
                Judged { run: it.run, reopens: run.state.reopens, word: Word::Undelivered };
            let (key, job) = judged.job(it.event)?;
            self.due.insert(key, Some(job));
        }
        Ok(())
    }
}

/// Those whom the people of a publisher are to be looked up by.
pub(super) type Named = BTreeSet<Id<Principal>>;
