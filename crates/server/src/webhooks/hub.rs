//! What happens to repositories becomes events, in the transaction in which it happens.

use async_trait::async_trait;
use db::Tx;
use hooks::{Event, EventType, Hooks, Realm, Subject};
use hub::{Happened, Witness};
use trust::audit::Origin;

use super::{fault, party};

/// Hears of it.
#[derive(Debug)]
pub(super) struct OfHub(pub(super) Hooks);

#[async_trait]
impl Witness for OfHub {
    async fn tell(&self, tx: &mut Tx, event: &Happened<'_>) -> Result<(), hub::Error> {
        let kind: EventType = event.kind().parse().map_err(db::Error::corrupt("activity.type"))?;
        let subject: Subject =
            event.subject().parse().map_err(db::Error::corrupt("activity.subject"))?;
        let realm = Realm::Repository(event.repository());
        let heard = self.0.heard(tx, kind, realm, &subject).await.map_err(fault)?;
        let Some(heard) = heard else { return Ok(()) };
        let told = event.told(tx).await?;
        let event = Event {
            request_id: Some(Origin::current().request_id).filter(|it| !it.is_empty()),
            actor: told.actor.as_ref().map(party),
            on_behalf_of: told.on_behalf_of.as_ref().map(party),
            repository: Some(told.repository),
            branch: told.branch,
            data: told.data,
            ..Event::new(kind, subject, realm, told.action_url)
        };
        self.0.tell(tx, heard, &event).await.map_err(fault)?;
        Ok(())
    }
}
