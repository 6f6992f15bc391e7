//! Tokens that act as an organization: `admin` runs its publisher side, `runner` its runs.
//!
//! They outlive whoever made them. The organization keeps somebody who can run it: an owner with a way in, or an
//! `admin` token.

use std::time::Duration;

use db::Tx;
use names::{Id, UnixMillis};

use super::{Publisher, store};
use crate::{
    Actor, Allowed, Error, Minted, Principal, Scope, Token, TokenFault, TokenKind, Trust, act,
    audit::{Entry, Noted, On},
    authority::{Plane, Reach},
    organizations::count_owners_but,
    tokens::{self, Issue, Source},
};

/// What a token may be for that acts as an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrganizationTokenKind {
    /// Its publisher side, whole.
    Admin,
    /// Its runs.
    Runner,
}

/// What a token of an organization is to be.
#[derive(Debug, Clone)]
pub struct NewOrganizationToken {
    /// What it is for.
    pub kind: OrganizationTokenKind,
    /// What it is called.
    pub label: String,
    /// The only pipelines that a `runner` may run; all if there are none.
    pub pipelines: Vec<String>,
}

impl From<OrganizationTokenKind> for TokenKind {
    fn from(kind: OrganizationTokenKind) -> Self {
        match kind {
            OrganizationTokenKind::Admin => Self::Admin,
            OrganizationTokenKind::Runner => Self::Runner,
        }
    }
}

impl std::str::FromStr for OrganizationTokenKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "admin" => Ok(Self::Admin),
            "runner" => Ok(Self::Runner),
            other => Err(format!("`{other}` is no token of an organization: use admin or runner")),
        }
    }
}

/// The planes of a publisher side. How far into them is decided by the kind of the token.
pub(super) fn scope_of(pipelines: Vec<String>) -> Scope {
    let planes = [Plane::Work, Plane::Trust].map(|plane| (plane, Reach::Write)).into();
    Scope { planes, pipelines, ..Scope::default() }
}

impl Trust {
    /// The live tokens of a publisher, newest first, for those who manage it.
    pub async fn publisher_tokens(
        &self,
        allowed: &Allowed<act::PublisherRead, Publisher>,
    ) -> Result<Vec<Token>, Error> {
        let mut tx = self.0.db.glance().await?;
        let now = self.0.clock.now();
        Ok(store::live(&mut tx, allowed.resource().organization.id, now).await?)
    }

    /// Makes a token that acts as the organization.
    pub async fn mint_for_publisher(
        &self,
        allowed: &Allowed<act::PublisherTokenMint, Publisher>,
        new: NewOrganizationToken,
    ) -> Result<Minted, Error> {
        if new.label.chars().count() > tokens::MAX_LABEL {
            return Err(TokenFault::Label.into());
        }
        if new.kind == OrganizationTokenKind::Admin && !new.pipelines.is_empty() {
            let message = "an admin token runs all pipelines; only a runner names some".to_owned();
            return Err(Error::Invalid { pointer: "/pipelines", message });
        }
        let scope = scope_of(new.pipelines);
        scope.check().map_err(TokenFault::from)?;
        let publisher = allowed.resource();
        let mut tx = self.begin_on_publisher(allowed).await?;
        let live = store::live(&mut tx, publisher.organization.id, self.0.clock.now()).await?;
        if live.len() >= tokens::MAX_TOKENS {
            return Err(Error::TooManyTokens);
        }
        let new = Issue {
            kind: new.kind.into(),
            principal: publisher.organization.id,
            publisher: Some(publisher.organization.id),
            label: new.label,
            scope,
            expires_at: None,
            line: None,
            source: Source::Api,
        };
        let minted = self.issue(&mut tx, new, allowed.actor()).await?;
        let entry = noted(Noted::TokenMinted, allowed.actor(), &minted.token);
        self.note(&mut tx, publisher.chain(), entry).await?;
        tx.commit().await?;
        Ok(minted)
    }

    /// Puts another token in the place of one of a kind; the old one works on for a while. Of one line at most two live.
    /// Which one must be said where the kind has several lines.
    pub async fn rotate_for_publisher(
        &self,
        allowed: &Allowed<act::PublisherTokenRotate, Publisher>,
        kind: OrganizationTokenKind,
        which: Option<Id<Token>>,
        overlap: Option<Duration>,
    ) -> Result<Minted, Error> {
        let overlap = overlap.unwrap_or(tokens::OVERLAP.0);
        if overlap > tokens::OVERLAP.1 {
            return Err(TokenFault::Overlap.into());
        }
        let (publisher, now) = (allowed.resource(), self.0.clock.now());
        let mut tx = self.begin_on_publisher(allowed).await?;
        let live = of_kind(&mut tx, publisher, kind, now).await?;
        let old = chosen(&live, which)?;
        let new = Issue {
            kind: old.kind,
            principal: old.principal,
            publisher: Some(publisher.organization.id),
            label: old.label.clone(),
            scope: old.scope.clone(),
            expires_at: None,
            line: Some(old.line),
            source: Source::Api,
        };
        for other in live.iter().filter(|it| it.line == old.line && it.id != old.id) {
            tokens::store::revoke(&mut tx, other.id, now).await?;
        }
        tokens::store::end_by(&mut tx, old.id, now.plus(overlap)).await?;
        let minted = self.issue(&mut tx, new, allowed.actor()).await?;
        let entry = noted(Noted::TokenRotated, allowed.actor(), &minted.token);
        let entry = entry.with("instead_of", old.id.to_string());
        self.note(&mut tx, publisher.chain(), entry).await?;
        tx.commit().await?;
        Ok(minted)
    }

    /// Ends a token of that kind, at once and everywhere. One of another kind is not there.
    pub async fn revoke_for_publisher(
        &self,
        allowed: &Allowed<act::PublisherTokenRevoke, Publisher>,
        kind: OrganizationTokenKind,
        id: Id<Token>,
    ) -> Result<(), Error> {
        let (publisher, now) = (allowed.resource(), self.0.clock.now());
        let mut tx = self.begin_on_publisher(allowed).await?;
        let live = of_kind(&mut tx, publisher, kind, now).await?;
        let token = live.iter().find(|it| it.id == id).ok_or(Error::NoSuchThing)?;
        if kind == OrganizationTokenKind::Admin {
            self.keep_an_administrator(&mut tx, publisher.organization.id, None, Some(id)).await?;
        }
        tokens::store::revoke(&mut tx, id, now).await?;
        let entry = noted(Noted::TokenRevoked, allowed.actor(), token);
        self.note(&mut tx, publisher.chain(), entry).await?;
        Ok(tx.commit().await?)
    }
}

fn noted(action: Noted, actor: &Actor, token: &Token) -> Entry {
    Entry::done(action, actor, On::new("token", token.id))
        .with("kind", token.kind.as_str())
        .with("last8", token.last8.as_str())
}

async fn of_kind(
    tx: &mut Tx,
    publisher: &Publisher,
    kind: OrganizationTokenKind,
    now: UnixMillis,
) -> Result<Vec<Token>, Error> {
    let mut live = store::live(tx, publisher.organization.id, now).await?;
    live.retain(|it| it.kind == TokenKind::from(kind));
    Ok(live)
}

/// The token that is meant: the one that is named, else the newest of the only line.
fn chosen(live: &[Token], which: Option<Id<Token>>) -> Result<&Token, Error> {
    if let Some(id) = which {
        return live.iter().find(|it| it.id == id).ok_or(Error::NoSuchThing);
    }
    let newest = live.first().ok_or(Error::NoSuchThing)?;
    if live.iter().all(|it| it.line == newest.line) {
        return Ok(newest);
    }
    let message = "there are several tokens of this kind: say which one with token_id".to_owned();
    Err(Error::Invalid { pointer: "/token_id", message })
}

impl Trust {
    /// Refuses to take away whoever can run the organization last: `leaving` among its owners, or a token that is
    /// `ending`.
    pub(crate) async fn keep_an_administrator(
        &self,
        tx: &mut Tx,
        organization: Id<Principal>,
        leaving: Option<Id<Principal>>,
        ending: Option<Id<Token>>,
    ) -> Result<(), Error> {
        let leaving = leaving.unwrap_or(Id::from_uuid(uuid::Uuid::nil()));
        let providers = self.0.settings.elsewhere.providers();
        let owners = count_owners_but(tx, organization, leaving, &providers).await?;
        let is_last = owners == 0
            && store::count_lasting_admin_tokens_but(tx, organization, ending).await? == 0;
        if is_last { Err(Error::LastAdmin) } else { Ok(()) }
    }
}
