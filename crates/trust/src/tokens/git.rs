//! Tokens for plain Git: made for one repository on the word of a key, good for a quarter of an hour, so that Git has
//! nothing to store (`spec/hub.md` 5, Credentials).

use std::time::Duration;

use super::{Issue, Minted, Source, TokenKind, changed, store};
use crate::{
    Allowed, Error, Kind, Resource, Scope, TokenFault, Trust, act,
    audit::{Chain, Noted},
    authority::Reach,
    store as rows,
};

/// How long such a token lives: a clone may take longer, but each of its requests begins within.
const LIFE: Duration = Duration::from_mins(15);
/// How long after its end it is known that it was one: what is used then is written down.
const KEPT: Duration = Duration::from_hours(24);
/// Live ones of a principal. Machines that build share one, and each asks for a token for each fetch.
const MAX_LIVE: usize = 1_000;

impl Trust {
    /// Makes a token with which Git reads, or reads and writes, the repository that was allowed; as far as whoever asked
    /// may at that moment.
    pub async fn mint_for_git<R: Resource>(
        &self,
        allowed: &Allowed<act::GitTokenMint, R>,
        reach: Reach,
    ) -> Result<Minted, Error> {
        let actor = allowed.actor();
        let principal = actor.principal().ok_or(Error::Unauthenticated)?;
        if !matches!(principal.kind, Kind::Person | Kind::Agent) {
            return Err(TokenFault::Kind(TokenKind::Git.as_str()).into());
        }
        let facts = allowed.resource().facts();
        let (owner, name) = facts.path.ok_or(Error::NoSuchThing)?;
        let repository = format!("{owner}/{name}");
        let now = self.0.clock.now();
        let mut tx = self.begin(actor).await?;
        // Held: of many that ask at once each sees how many there are.
        rows::hold_namespace(&mut tx, principal.id).await?;
        store::forget_helpers(&mut tx, principal.id, now.minus(KEPT)).await?;
        if store::count_helpers(&mut tx, principal.id, now).await? >= MAX_LIVE {
            return Err(Error::TooManyGitTokens);
        }
        let issue = Issue {
            kind: TokenKind::Git,
            principal: principal.id,
            publisher: None,
            label: "git".to_owned(),
            scope: Scope::of_repositories(vec![repository], reach),
            expires_at: Some(now.plus(LIFE)),
            line: None,
            source: Source::Helper,
        };
        let minted = self.issue(&mut tx, issue, actor).await?;
        let chain = match actor.behind() {
            Some(owner) => self.chain_of(&mut tx, owner).await?,
            None => Chain::of_owner(principal),
        };
        self.note(&mut tx, chain, changed(Noted::TokenMinted, actor, &minted.token)).await?;
        tx.commit().await?;
        tracing::debug!(handle = %principal.handle, last8 = minted.token.last8, "git was given a token");
        Ok(minted)
    }
}
