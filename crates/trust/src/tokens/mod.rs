//! Bearer tokens: made, listed, replaced, ended, and believed (`spec/trust.md` 5).
//!
//! A token acts as one principal, never further than the principal may at that moment and never further than its scope.
//! Only its hash is stored; the whole is in the one answer that makes it.
//!
//! | file       | what is there                                           |
//! |------------|---------------------------------------------------------|
//! | `mod.rs`   | [`Token`], the door's methods                             |
//! | `bearer.rs`| a request's `Authorization: Bearer` becomes an actor      |
//! | `issue.rs` | a token that was asked for elsewhere is made                |
//! | `git.rs`   | tokens for plain Git, good for a quarter of an hour          |
//! | `store.rs` | the SQL                                                 |

mod bearer;
mod git;
mod issue;
pub(crate) mod store;

use std::time::Duration;

use db::Tx;
use keys::TokenText;
use names::{Id, UnixMillis};

use crate::{
    Account, Actor, Allowed, Error, Kind, Principal, Trust, act,
    audit::{Entry, Noted, On},
    authority::{Scope, ScopeError},
};
pub(crate) use bearer::{bearer_of, token_of};
pub(crate) use issue::{Issue, Source};
pub(crate) use store::{
    STATEMENTS, TokenRow, end_helpers_of_key, end_of_key, is_live, token_columns,
};

/// How long a token lives unless asked, and at most.
pub(crate) const LIFE: (Duration, Duration) =
    (Duration::from_hours(90 * 24), Duration::from_hours(366 * 24));
/// How long the old token works beside the new one unless asked, and at most.
pub(crate) const OVERLAP: (Duration, Duration) =
    (Duration::from_hours(24), Duration::from_hours(7 * 24));
/// Live tokens of one principal.
pub(crate) const MAX_TOKENS: usize = 100;
/// The longest label, in characters.
pub(crate) const MAX_LABEL: usize = 100;

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// The API, as its person.
    Personal,
    /// The API, as an agent.
    Agent,
    /// Git and the Muse wire, on named repositories.
    Git,
    /// Renewing the `agent` token of an application, once. Acts as nobody.
    Refresh,
    /// What a device of a person does.
    Device,
    /// An organization's publisher side, whole.
    Admin,
    /// An organization's runs: started, read, cancelled.
    Runner,
}

impl TokenKind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Personal,
        Self::Agent,
        Self::Git,
        Self::Refresh,
        Self::Device,
        Self::Admin,
        Self::Runner,
    ];

    /// The word in tokens, rows and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Personal => "personal",
            Self::Agent => "agent",
            Self::Git => "git",
            Self::Refresh => "refresh",
            Self::Device => "device",
            Self::Admin => "admin",
            Self::Runner => "runner",
        }
    }
}

impl std::str::FromStr for TokenKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|it| it.as_str() == text);
        found.ok_or_else(|| format!("`{text}` is no kind of token: use personal, agent or git"))
    }
}

/// A token, as everybody may see it who may see it at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The row.
    pub id: Id<Token>,
    /// What it shares with those that it was rotated from and into.
    pub line: Id<Token>,
    /// What it is for.
    pub kind: TokenKind,
    /// As whom it acts.
    pub principal: Id<Principal>,
    /// Its last eight characters.
    pub last8: String,
    /// What its owner calls it.
    pub label: String,
    /// What it may be used for.
    pub scope: Scope,
    /// The one surface on which it is taken; nothing if it is taken wherever its kind is.
    pub audience: Option<String>,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it ends.
    pub expires_at: Option<UnixMillis>,
    /// When it was last used, to five minutes.
    pub last_used_at: Option<UnixMillis>,
}

/// What a token is to be.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// What it is for.
    pub kind: TokenKind,
    /// What its owner calls it.
    pub label: String,
    /// What it may be used for.
    pub scope: Scope,
    /// How long it lives; 90 days if nothing is said.
    pub life: Option<Duration>,
}

/// A token that was just made: the only moment at which it can be read.
pub struct Minted {
    /// The whole.
    pub text: TokenText,
    /// The row.
    pub token: Token,
}

/// Why a token is not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// The scope is not taken.
    #[error("{0}")]
    Scope(#[from] ScopeError),
    /// The kind does not fit whom it would act as.
    #[error("no {0} token is made here for this principal")]
    Kind(&'static str),
    /// It would live too long, or no time at all.
    #[error("a token lives between a minute and 366 days")]
    Life,
    /// The label is too long.
    #[error("a label has at most {MAX_LABEL} characters")]
    Label,
    /// The overlap is too long.
    #[error("the old token works at most 7 days beside the new one")]
    Overlap,
}

impl Trust {
    /// Refuses to make one more token of a principal that has as many as it may.
    pub(crate) async fn check_room(
        &self,
        tx: &mut Tx,
        principal: Id<Principal>,
    ) -> Result<(), Error> {
        let live = store::count_lasting(tx, principal, self.0.clock.now()).await?;
        if live >= MAX_TOKENS { Err(Error::TooManyTokens) } else { Ok(()) }
    }

    /// The live tokens of an account, newest first.
    pub async fn tokens(
        &self,
        allowed: &Allowed<act::TokenRead, Account>,
    ) -> Result<Vec<Token>, Error> {
        let mut tx = self.0.db.glance().await?;
        let now = self.0.clock.now();
        Ok(store::live(&mut tx, allowed.resource().principal.id, now).await?)
    }

    /// Makes a token that acts as the account.
    pub async fn mint(
        &self,
        allowed: &Allowed<act::TokenMint, Account>,
        new: NewToken,
    ) -> Result<Minted, Error> {
        let principal = &allowed.resource().principal;
        check(principal, &new)?;
        let now = self.0.clock.now();
        let mut tx = self.begin_on(allowed).await?;
        self.check_room(&mut tx, principal.id).await?;
        let issue = Issue {
            kind: new.kind,
            principal: principal.id,
            publisher: None,
            label: new.label,
            scope: new.scope,
            expires_at: Some(now.plus(new.life.unwrap_or(LIFE.0))),
            line: None,
            source: Source::Api,
        };
        let minted = self.issue(&mut tx, issue, allowed.actor()).await?;
        let token = &minted.token;
        self.note_token_change(&mut tx, allowed, Noted::TokenMinted, token).await?;
        tx.commit().await?;
        tracing::info!(handle = %principal.handle, kind = token.kind.as_str(), last8 = token.last8, "token minted");
        Ok(minted)
    }

    /// Puts another token in the place of one; the old one works on for a while. Of one line at most two live: a second
    /// rotation ends the oldest at once.
    pub async fn rotate(
        &self,
        allowed: &Allowed<act::TokenMint, Account>,
        id: Id<Token>,
        overlap: Option<Duration>,
    ) -> Result<Minted, Error> {
        let overlap = overlap.unwrap_or(OVERLAP.0);
        if overlap > OVERLAP.1 {
            return Err(TokenFault::Overlap.into());
        }
        let now = self.0.clock.now();
        let mut tx = self.begin_on(allowed).await?;
        let live = store::live(&mut tx, allowed.resource().principal.id, now).await?;
        // What an application holds is renewed by its refresh token.
        let old = live
            .iter()
            .find(|it| it.id == id && it.audience.is_none())
            .ok_or(Error::NoSuchThing)?;
        let whole = old.expires_at.map(|ends| ends.since(old.created_at));
        for other in live.iter().filter(|it| it.line == old.line && it.id != old.id) {
            store::revoke(&mut tx, other.id, now).await?;
        }
        store::end_by(&mut tx, old.id, now.plus(overlap)).await?;
        let issue = Issue {
            kind: old.kind,
            principal: old.principal,
            publisher: None,
            label: old.label.clone(),
            scope: old.scope.clone(),
            expires_at: whole.map(|life| now.plus(life)),
            line: Some(old.line),
            source: Source::Api,
        };
        let minted = self.issue(&mut tx, issue, allowed.actor()).await?;
        self.note_token_change(&mut tx, allowed, Noted::TokenRotated, &minted.token).await?;
        tx.commit().await?;
        Ok(minted)
    }

    /// Ends a token of the account, at once and everywhere.
    pub async fn revoke_token(
        &self,
        allowed: &Allowed<act::TokenRevoke, Account>,
        id: Id<Token>,
    ) -> Result<(), Error> {
        let now = self.0.clock.now();
        let mut tx = self.begin_on(allowed).await?;
        let live = store::live(&mut tx, allowed.resource().principal.id, now).await?;
        let token = live.iter().find(|it| it.id == id).ok_or(Error::NoSuchThing)?;
        store::revoke(&mut tx, id, now).await?;
        self.note_token_change(&mut tx, allowed, Noted::TokenRevoked, token).await?;
        tx.commit().await?;
        tracing::info!(token = %id, "token revoked");
        Ok(())
    }

    /// A token by its id, in any state; nothing if it acts as nobody.
    pub async fn token_of(&self, tx: &mut Tx, id: Id<Token>) -> Result<Option<Token>, Error> {
        Ok(store::by_id(tx, id).await?)
    }

    async fn note_token_change<A: crate::Act>(
        &self,
        tx: &mut Tx,
        allowed: &Allowed<A, Account>,
        what: Noted,
        token: &Token,
    ) -> Result<(), Error> {
        let changed = changed(what, allowed.actor(), token);
        let chain = self.chain_of_account(tx, allowed.resource()).await?;
        self.note(tx, chain, changed).await?;
        Ok(())
    }
}

/// What the audit says of a token that was made, replaced or ended.
fn changed(what: Noted, by: &Actor, token: &Token) -> Entry {
    Entry::done(what, by, On::new("token", token.id))
        .with("kind", token.kind.as_str())
        .with("principal", token.principal.to_string())
        .with("last8", token.last8.as_str())
}

fn check(principal: &Principal, new: &NewToken) -> Result<(), TokenFault> {
    new.scope.check()?;
    let fits = match new.kind {
        TokenKind::Personal => principal.kind == Kind::Person,
        TokenKind::Agent => principal.kind == Kind::Agent,
        TokenKind::Git => matches!(principal.kind, Kind::Person | Kind::Agent),
        // Made elsewhere, each in a way of its own.
        TokenKind::Refresh | TokenKind::Device | TokenKind::Admin | TokenKind::Runner => false,
    };
    if !fits {
        return Err(TokenFault::Kind(new.kind.as_str()));
    }
    if new.label.chars().count() > MAX_LABEL {
        return Err(TokenFault::Label);
    }
    match new.life {
        Some(life) if life < Duration::from_mins(1) || life > LIFE.1 => Err(TokenFault::Life),
        Some(_) | None => Ok(()),
    }
}

/// Whose signature stands behind what an actor makes.
pub(crate) fn key_behind(actor: &Actor) -> Option<Id<crate::Key>> {
    actor.proof().map(|it| it.key_id).or_else(|| actor.session()?.key_id)
}
