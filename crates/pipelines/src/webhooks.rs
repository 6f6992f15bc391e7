//! The webhook of a version of a pipeline: a subscription of its publisher that the version manages (`spec/work.md` 9,
//! `spec/webhooks.md` 1).
//!
//! Versions that name the same receiver and the same events share one: there is one row of it however many versions there
//! are, and a version of another receiver has another, so that the events of a run go where its version says. What it is
//! called follows from what it is. It belongs to the publisher, whoever registered the version: that somebody leaves stops
//! no delivery.

use db::Tx;
use hooks::{Event, EventType, Managed, Patterns, Realm, Subject};
use names::{Digest, Id};
use pipelines_core::{
    definition::{Definition, VerdictMode, Webhook},
    name::PipelineId,
};
use serde_json::{Value, json};
use trust::{Principal, Publisher};
use uuid::Uuid;

use crate::{Error, Pipelines, definitions::Key};

const COMPOSED: &str = "run.composed";
const CREATED: &str = "pipeline.version_created";

/// What a webhook is told: what it asks for, and outputs where it judges them, only then and always then.
fn events(webhook: &Webhook) -> impl Iterator<Item = &str> {
    let asked = webhook.events.iter().map(String::as_str).filter(|it| *it != COMPOSED);
    asked.chain((webhook.verdict == VerdictMode::Wait).then_some(COMPOSED))
}

/// What manages the subscription of these versions.
pub(crate) fn manager(publisher: Id<Principal>, pipeline: &PipelineId, webhook: &Webhook) -> Uuid {
    let events: Vec<_> = events(webhook).collect();
    let text = json!([publisher, pipeline, webhook.url, events]).to_string();
    let hash = Digest::of(text.as_bytes());
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(hash.as_bytes()) {
        *to = *from;
    }
    Uuid::from_bytes(bytes)
}

impl Pipelines {
    /// Makes the subscription of a version, or opens it again, in the caller's transaction.
    pub(crate) async fn manage(
        &self,
        tx: &mut Tx,
        key: Key<'_>,
        definition: &Definition,
    ) -> Result<(), Error> {
        let Some(webhook) = &definition.webhook else { return Ok(()) };
        // One that asks for nothing is told nothing.
        let Ok(events) = Patterns::parse(events(webhook)) else { return Ok(()) };
        let managed = Managed {
            publisher: key.publisher,
            manager: manager(key.publisher, key.pipeline, webhook),
            url: webhook.url.clone(),
            events,
            created_by: key.publisher,
        };
        self.0.ground.hooks.manage(tx, &managed).await?;
        Ok(())
    }

    /// Tells that there is a new version.
    pub(crate) async fn tell_version(
        &self,
        tx: &mut Tx,
        publisher: &Publisher,
        (definition, version): (&Definition, u32),
        by: &trust::Actor,
    ) -> Result<(), Error> {
        let (hooks, own) = (&self.0.ground.hooks, &publisher.organization);
        let pipeline = &definition.id;
        let kind: EventType = CREATED.parse().map_err(db::Error::corrupt("pipeline_versions"))?;
        let subject = format!("{}:{pipeline}", own.id);
        let subject = Subject::of("pipeline", subject);
        let subject = subject.map_err(db::Error::corrupt("pipeline_versions"))?;
        let realm = Realm::Publisher(own.id);
        let Some(heard) = hooks.heard(tx, kind, realm, &subject).await? else { return Ok(()) };
        let base = hooks.base_url();
        let url = format!("{base}/pipelines/{}", own.handle);
        let address = format!("{url}/{pipeline}/v/{version}");
        let fields = |value: Value| value.as_object().cloned().unwrap_or_default();
        let party = |it: &Principal| hooks::Party {
            id: it.id.uuid(),
            handle: it.handle.to_string(),
            kind: it.kind.as_str(),
        };
        let request_id = trust::audit::Origin::current().request_id;
        let event = Event {
            request_id: Some(request_id).filter(|it| !it.is_empty()),
            actor: by.principal().map(party),
            publisher: Some(fields(json!({ "id": own.id, "handle": own.handle, "url": url }))),
            data: fields(json!({
                "pipeline": pipeline, "version": version, "definition_sha256": definition.sha256,
            })),
            ..Event::new(kind, subject, realm, address)
        };
        hooks.tell(tx, heard, &event).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, time::Duration};

    use names::{Clock, Random};

    use super::*;

    fn webhook(url: &str, events: &[&str], verdict: VerdictMode) -> Webhook {
        Webhook {
            url: url.to_owned(),
            events: events.iter().map(|it| (*it).to_owned()).collect::<BTreeSet<_>>(),
            verdict,
            verdict_within: Duration::from_secs(1),
            max_reopens: 1,
        }
    }

    #[test]
    fn versions_of_one_receiver_and_the_same_events_share_one_subscription() {
        let publisher = Id::new(Clock::default().now(), &Random::default());
        let (sync, other) = ("sync".parse().unwrap(), "other".parse().unwrap());
        let (both, url) = (["run.failed", "run.completed"], "https://a.example/");
        let first = manager(publisher, &sync, &webhook(url, &both, VerdictMode::None));
        let again = ["run.completed", "run.failed", COMPOSED];
        assert_eq!(first, manager(publisher, &sync, &webhook(url, &again, VerdictMode::None)));
        for another in [
            manager(publisher, &other, &webhook(url, &both, VerdictMode::None)),
            manager(publisher, &sync, &webhook("https://b.example/", &both, VerdictMode::None)),
            manager(publisher, &sync, &webhook(url, &both[..1], VerdictMode::None)),
            manager(publisher, &sync, &webhook(url, &both, VerdictMode::Wait)),
        ] {
            assert_ne!(first, another);
        }
    }
}
