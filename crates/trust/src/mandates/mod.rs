//! Mandates: what somebody may do later without showing a credential again (`spec/wire.md` 4, presign).
//!
//! A mandate names the key or the token of the request that gave it. It is worth what that credential is worth at the
//! moment at which it is used: given up, ended or stopped, it is worth nothing; and rights are asked of the authority
//! anew. What somebody has set up for good goes on without one ([`Trust::standing`]), as long as they may.

mod store;

use std::sync::{Arc, OnceLock, atomic::AtomicBool};

use db::Tx;
use names::Id;

pub(crate) use store::STATEMENTS;

use crate::{
    Actor, Credential, Error, Key, Kind, Principal, Proof, Token, TokenUse, Trust,
    principal::Acting, sessions, store::Who,
};

/// The credential on whose word something is done later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mandate {
    /// Of whoever holds this key.
    Key(Id<Key>),
    /// Of whoever holds this token.
    Token(Id<Token>),
}

impl Mandate {
    /// That of a request; nothing if nobody signed it, or a browser did.
    pub fn of(actor: &Actor) -> Option<Self> {
        match actor.credential()? {
            Credential::Key(proof) => Some(Self::Key(proof.key_id)),
            Credential::Token(token) => Some(Self::Token(token.id)),
            Credential::Session(_) | Credential::Standing => None,
        }
    }
}

impl Trust {
    /// Somebody as they stand in this transaction, for what they have set up and the server goes on with: mirrors, and
    /// imports. No credential is needed for it, as for a setting; whoever is stopped is nobody, and so is the operator.
    pub async fn standing(&self, tx: &mut Tx, id: Id<Principal>) -> Result<Option<Actor>, Error> {
        let found = crate::store::actor(tx, id).await?;
        let Some(Who { principal, behind }) = found else { return Ok(None) };
        if !principal.is_active || principal.kind == Kind::Operator {
            return Ok(None);
        }
        let (of_agent, behind) = behind.map(|it| (it.scope, it.owner)).unzip();
        let (credential, scopes) = (Credential::Standing, of_agent.into_iter().collect());
        let acting = Acting { principal, behind, credential, scopes, under_way: OnceLock::new() };
        Ok(Some(Actor(Some(Arc::new(acting)))))
    }

    /// Whoever made a request, as they stand in this transaction: asked while they are still being answered. Nobody if what
    /// they showed is worth nothing any more. Whoever showed nothing, and the operator, are whom they were.
    pub async fn anew(&self, tx: &mut Tx, actor: &Actor) -> Result<Option<Actor>, Error> {
        let (Some(principal), Some(credential)) = (actor.principal(), actor.credential()) else {
            return Ok(Some(actor.clone()));
        };
        if principal.kind == Kind::Operator {
            return Ok(Some(actor.clone()));
        }
        if let Some(mandate) = Mandate::of(actor) {
            return self.mandated(tx, mandate).await;
        }
        if let Credential::Session(session) = credential
            && !sessions::is_live(tx, session.id, self.0.clock.now()).await?
        {
            return Ok(None);
        }
        Ok(self.standing(tx, principal.id).await?.map(|_| actor.clone()))
    }

    /// Whoever gave the mandate, as they stand in this transaction; nobody if it is worth nothing any more.
    pub async fn mandated(&self, tx: &mut Tx, mandate: Mandate) -> Result<Option<Actor>, Error> {
        let now = self.0.clock.now();
        let (who, credential, scope) = match mandate {
            Mandate::Key(id) => {
                let Some((fingerprint, who)) = store::by_key(tx, id).await? else {
                    return Ok(None);
                };
                let request = Id::<Proof>::unguessable(&self.0.random).uuid();
                // Nothing was signed now, so there is no nonce that could be used up.
                let proof = Proof {
                    key_id: id,
                    fingerprint,
                    nonce: None,
                    nonce_ends: now,
                    request,
                    spent: AtomicBool::new(false),
                };
                (who, Credential::Key(proof), None)
            }
            Mandate::Token(id) => {
                let Some((token, who)) = store::by_token(tx, id, now).await? else {
                    return Ok(None);
                };
                let used = TokenUse { id: token.id, kind: token.kind };
                (who, Credential::Token(used), Some(token.scope))
            }
        };
        let Who { principal, behind } = who;
        // The operator is whoever sits at this machine, which nobody can say of what is done later.
        if !principal.is_active || principal.kind == Kind::Operator {
            return Ok(None);
        }
        let (of_agent, behind) = behind.map(|it| (it.scope, it.owner)).unzip();
        let scopes = scope.into_iter().chain(of_agent).collect();
        let acting = Acting { principal, behind, credential, scopes, under_way: OnceLock::new() };
        Ok(Some(Actor(Some(Arc::new(acting)))))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use keys::Nonce;

    use super::*;
    use crate::{Account, Allowed, Registration, RevokeReason, act, tests::House};

    #[tokio::test]
    async fn a_mandate_is_worth_what_its_key_is_worth_and_nothing_of_the_operator_s() {
        let house = House::new(Registration::Open).await;
        let [key, second, office] = [house.key(), house.key(), house.key()];
        let signed = async |by, method| {
            let nonce = Nonce::generate(&house.random);
            house.signed(&house.trust, by, method, &nonce).await.unwrap()
        };
        house.register(&Actor::anonymous(), "ada", &key).await.unwrap();
        let ada = signed(&key, "POST").await;
        house.register(&ada, "ada", &second).await.unwrap();
        let mandate = Mandate::of(&signed(&second, "POST").await).unwrap();
        let mandated = async |mandate| {
            let mut tx = house.db.glance().await.unwrap();
            house.trust.mandated(&mut tx, mandate).await.unwrap()
        };

        // Long after the request, and for as many transactions as are wanted.
        house.clock.advance(Duration::from_hours(1));
        let again = mandated(mandate).await.unwrap();
        assert_eq!(again.principal(), ada.principal());
        for _ in 0..2 {
            house.trust.begin(&again).await.unwrap().commit().await.unwrap();
        }
        let ada = signed(&key, "POST").await;
        let account = house.trust.account(&ada, &"ada".parse().unwrap()).await.unwrap().unwrap();
        let own = Allowed::<act::KeyRevoke, Account>::ask(&ada, account).unwrap();
        let name = second.public().fingerprint();
        let name = crate::KeyName::Fingerprint(name);
        house.trust.revoke_key(&own, name, RevokeReason::Retired, None).await.unwrap();
        assert!(mandated(mandate).await.is_none());

        house.trust.ensure_operator(*office.public()).await.unwrap();
        let mandate = Mandate::of(&signed(&office, "POST").await).unwrap();
        assert!(mandated(mandate).await.is_none());
        assert_eq!(Mandate::of(&Actor::anonymous()), None);
    }
}
