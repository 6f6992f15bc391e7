//! What is written down of members, keys and tokens becomes events, in the transaction of the change. A secret of a publisher
//! lets go what waited for one.
//!
//! What is done with an organization, its members and what acts for it is heard there; everything else only by those who
//! run the install.

use async_trait::async_trait;
use db::Tx;
use hooks::{Event, EventType, Hooks, Realm, Subject};
use names::Id;
use serde_json::{Map, Value, json};
use trust::{
    Principal, Trust,
    audit::{Chain, Entry, Noted, Observer, Outcome},
};
use uuid::Uuid;

use super::{fault, of_trust, party};

/// Hears of it.
#[derive(Debug)]
pub(super) struct OfTrust {
    pub(super) hooks: Hooks,
    pub(super) trust: Trust,
    pub(super) base_url: String,
}

/// The word of the list of events for what is written down, if others are told of it.
const fn word(of: Noted) -> Option<&'static str> {
    match of {
        Noted::MemberAdded => Some("member.added"),
        Noted::MemberRevoked => Some("member.removed"),
        Noted::MemberRoleChanged => Some("member.role_changed"),
        Noted::KeyAdded => Some("key.added"),
        Noted::KeyRevoked => Some("key.revoked"),
        // What takes another's place is a new one too.
        Noted::TokenMinted | Noted::TokenRotated => Some("token.created"),
        Noted::TokenRevoked => Some("token.revoked"),
        _ => None,
    }
}

#[async_trait]
impl Observer for OfTrust {
    async fn noted(&self, tx: &mut Tx, chain: Chain, entry: &Entry) -> Result<(), db::Error> {
        let is_signed_anew = matches!(entry.action, Noted::SecretCreated | Noted::SecretRotated);
        if is_signed_anew && entry.outcome == Outcome::Done && chain != Chain::INSTALL {
            self.hooks.signed_anew(tx, Id::from_uuid(chain.uuid())).await?;
        }
        let Some(word) = word(entry.action).filter(|_| entry.outcome == Outcome::Done) else {
            return Ok(());
        };
        let Some((whose, mut data)) = self.about(tx, entry).await? else { return Ok(()) };
        let kind: EventType = word.parse().map_err(db::Error::corrupt("audit_events.action"))?;
        let subject =
            Subject::of("principal", whose).map_err(db::Error::corrupt("audit_events"))?;
        let realm = if chain == Chain::INSTALL {
            Realm::Installation
        } else {
            Realm::Organization(Id::from_uuid(chain.uuid()))
        };
        let heard = self.hooks.heard(tx, kind, realm, &subject).await.map_err(fault)?;
        let Some(heard) = heard else { return Ok(()) };
        let Some(principal) = self.somebody(tx, Some(whose.uuid())).await? else { return Ok(()) };
        data.insert("principal".to_owned(), json!(party(&principal)));
        let (actor, behind) = (entry.who.actor, entry.who.on_behalf_of);
        let event = Event {
            request_id: Some(entry.origin.request_id.clone()).filter(|it| !it.is_empty()),
            actor: self.somebody(tx, actor).await?.as_ref().map(party),
            on_behalf_of: self.somebody(tx, behind).await?.as_ref().map(party),
            organization: self.organization(tx, realm).await?,
            data,
            ..Event::new(kind, subject, realm, format!("{}/{}", self.base_url, principal.handle))
        };
        self.hooks.tell(tx, heard, &event).await.map_err(fault)?;
        Ok(())
    }
}

impl OfTrust {
    /// Whom it is about, and what there is to say besides.
    async fn about(
        &self,
        tx: &mut Tx,
        entry: &Entry,
    ) -> Result<Option<(Id<Principal>, Map<String, Value>)>, db::Error> {
        let said = |name: &str| entry.detail.text(name);
        let mut data = Map::new();
        let whose = match entry.on.kind {
            "principal" => {
                let (from, to) = (said("from"), said("to"));
                let role = said("role").or(to).or(from);
                data.insert("role".to_owned(), json!(role));
                if let (Some(from), Some(to)) = (from, to) {
                    let changes = json!({ "role": { "from": from, "to": to } });
                    data.insert("changes".to_owned(), changes);
                }
                entry.on.id.parse().ok()
            }
            "key" => {
                data.insert("fingerprint".to_owned(), json!(said("fingerprint")));
                said("principal").and_then(|it| it.parse().ok())
            }
            "token" => {
                let Ok(id) = entry.on.id.parse() else { return Ok(None) };
                let Some(token) = self.trust.token_of(tx, id).await.map_err(of_trust)? else {
                    return Ok(None);
                };
                let expires_at = token.expires_at.map(|at| at.to_string());
                let told = json!({
                    "id": token.id, "kind": token.kind.as_str(), "last8": token.last8,
                    "expires_at": expires_at,
                });
                data.insert("token".to_owned(), told);
                Some(token.principal)
            }
            _ => None,
        };
        Ok(whose.map(|it| (it, data)))
    }

    async fn somebody(
        &self,
        tx: &mut Tx,
        id: Option<Uuid>,
    ) -> Result<Option<Principal>, db::Error> {
        let Some(id) = id else { return Ok(None) };
        self.trust.principal_of(tx, Id::from_uuid(id)).await.map_err(of_trust)
    }

    async fn organization(
        &self,
        tx: &mut Tx,
        realm: Realm,
    ) -> Result<Option<Map<String, Value>>, db::Error> {
        let Realm::Organization(id) = realm else { return Ok(None) };
        let found = self.somebody(tx, Some(id.uuid())).await?;
        Ok(found.map(|it| {
            let url = format!("{}/{}", self.base_url, it.handle);
            let told =
                [("id", json!(it.id)), ("handle", json!(it.handle.as_str())), ("url", json!(url))];
            told.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
        }))
    }
}
