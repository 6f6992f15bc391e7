//! Applications ask people for a token: the device flow (RFC 8628) and the code flow (OAuth 2.1), `spec/trust.md` 6.
//!
//! An application holds no secret. What it gets is what a person agreed to on a page of ours, in a fresh session: a
//! `personal` token for the command line itself, else an `agent` token of one of that person's agents, good for `/mcp`
//! alone, with a `refresh` token that works once. Everything that waits is a row, so that it outlives a restart and any
//! process can answer.
//!
//! | file              | what is there                                                   |
//! |-------------------|-----------------------------------------------------------------|
//! | `mod.rs`          | [`Consent`], [`Issued`]; how tokens are handed out                |
//! | `device.rs`       | the device flow: a code that a person types on another machine     |
//! | `code.rs`         | the code flow: a page that leads back to the application           |
//! | `refresh.rs`      | a token is renewed                                               |
//! | `applications.rs` | who may ask: registered, or described by a document               |
//! | `redirect.rs`     | [`RedirectUri`]: where the code flow may lead                     |
//! | `words.rs`        | [`Words`]: scopes as OAuth writes them                            |
//! | `fault.rs`        | [`FlowFault`]: refusals with the words of the RFCs                 |
//! | `store.rs`        | the SQL                                                         |
//!
//! Invariants: a code, a device and a refresh token give tokens once; whoever shows a used one ends all that came of it.

mod applications;
mod code;
mod device;
mod fault;
mod redirect;
mod refresh;
mod store;
#[cfg(test)]
mod tests;
mod words;

use std::time::Duration;

use db::Tx;
use keys::TokenText;
use names::{Digest, Id, Secret, UnixMillis};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Error, Key, Kind, Principal, Token, TokenFault, TokenKind, Trust,
    audit::{Entry, Noted, On, Who},
    authority::{Repositories, Scope},
    store as rows,
    tokens::LIFE,
};
pub use applications::{Application, NewApplication};
pub use code::{CodeAsk, CodeRequest, Redemption};
pub use device::{DeviceAsk, DeviceAsked, DeviceFlow};
pub use fault::FlowFault;
pub use redirect::RedirectUri;
pub(crate) use store::STATEMENTS;
pub use words::Words;

/// The one surface on which the tokens of applications are taken.
pub const AUDIENCE: &str = "/mcp";

/// How the command line of Motet calls itself. It needs no registration, and gets a `personal` token.
pub const COMMAND_LINE: &str = "motet";

/// How long an `agent` token of an application lives; its `refresh` token makes the next one.
const ACCESS_LIFE: Duration = Duration::from_hours(1);

/// What a person agrees to. As whom the token acts is in the proof that goes with it.
#[derive(Debug, Clone)]
pub struct Consent {
    /// What the token may be used for, of what was asked for.
    pub words: Words,
    /// On which repositories.
    pub repositories: Repositories,
    /// Until when the application may go on.
    pub life: Duration,
}

/// What an application is handed: the only moment at which it can be read.
pub struct Issued {
    /// The token that acts.
    pub access: TokenText,
    /// How long it lives.
    pub expires_in: Duration,
    /// What renews it.
    pub refresh: Option<TokenText>,
    /// What it may be used for; nothing where it is what it was.
    pub scope: Option<String>,
}

/// What was agreed to, until it is handed out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Promise {
    /// As whom the token acts.
    principal: Uuid,
    words: Words,
    scope: Scope,
    label: String,
    application: Option<Uuid>,
    ends_at_ms: i64,
}

/// Who agreed, and with which key the session was opened that did.
#[derive(Debug, Clone, Copy)]
struct Agreed {
    person: Id<Principal>,
    key: Option<Id<Key>>,
}

impl Agreed {
    /// As the audit log has it.
    fn who(self) -> Who {
        let who = Who::principal(self.person, Kind::Person);
        let credential = self.key.map(Id::uuid);
        Who {
            credential,
            credential_kind: if credential.is_some() { "key" } else { "none" },
            ..who
        }
    }
}

impl Consent {
    /// What is promised to `application` by it.
    fn promise(
        self,
        principal: &Principal,
        asked: &Words,
        label: String,
        application: Option<&Application>,
        now: UnixMillis,
    ) -> Result<Promise, Error> {
        if !self.words.are_among(asked) {
            return Err(FlowFault::Scope("more was agreed to than was asked for".to_owned()).into());
        }
        if self.life < Duration::from_mins(1) || self.life > LIFE.1 {
            return Err(TokenFault::Life.into());
        }
        let scope = self.words.scope(self.repositories);
        scope.check().map_err(TokenFault::from)?;
        Ok(Promise {
            principal: principal.id.uuid(),
            words: self.words,
            scope,
            label,
            application: application.map(|it| it.id.uuid()),
            ends_at_ms: now.plus(self.life).0,
        })
    }
}

impl Trust {
    /// Makes what was promised, as a line of its own. Refused if whoever agreed, or the agent, is gone by now.
    async fn hand_out(
        &self,
        tx: &mut Tx,
        promise: Promise,
        agreed: Agreed,
        line: Id<Token>,
    ) -> Result<Issued, Error> {
        let now = self.0.clock.now();
        if let Some(key) = agreed.key
            && !store::key_lives(tx, key).await?
        {
            return Err(FlowFault::Denied.into());
        }
        let person = rows::actor(tx, agreed.person).await?;
        let principal = rows::actor(tx, Id::from_uuid(promise.principal)).await?;
        let is_active =
            |it: &Option<rows::Who>| it.as_ref().is_some_and(|it| it.principal.is_active);
        let (true, true, Some(principal)) = (is_active(&person), is_active(&principal), &principal)
        else {
            return Err(FlowFault::Denied.into());
        };
        self.check_room(tx, principal.principal.id).await?;
        let ends_at = UnixMillis(promise.ends_at_ms);
        let (kind, expires_at) = match promise.application {
            Some(_) => (TokenKind::Agent, now.plus(ACCESS_LIFE).min(ends_at)),
            None => (TokenKind::Personal, ends_at),
        };
        let line_of = Line { id: line, promise: &promise, agreed };
        let (access, token) = self.add_token(tx, line_of, kind, expires_at).await?;
        let refresh = match promise.application {
            None => None,
            Some(_) => Some(self.add_token(tx, line_of, TokenKind::Refresh, ends_at).await?.0),
        };
        let on = On { kind: "token", id: token.to_string() };
        let minted = Entry::done(Noted::TokenMinted, agreed.who(), on)
            .with("kind", kind.as_str())
            .with("principal", promise.principal.to_string())
            .with("scope", promise.words.to_string())
            .with("application", promise.application.map(|it| it.to_string()).unwrap_or_default());
        let chain = self.chain_of(tx, owner_of(principal)).await?;
        self.note(tx, chain, minted).await?;
        let expires_in = expires_at.since(now);
        Ok(Issued { access, expires_in, refresh, scope: Some(promise.words.to_string()) })
    }

    /// Makes one token of a line.
    async fn add_token(
        &self,
        tx: &mut Tx,
        line: Line<'_>,
        kind: TokenKind,
        expires_at: UnixMillis,
    ) -> Result<(TokenText, Id<Token>), Error> {
        let now = self.0.clock.now();
        let text = TokenText::generate(kind.as_str(), &self.0.random);
        let id = Id::new(now, &self.0.random);
        store::add_token(tx, id, line, kind, &text, (now, expires_at)).await?;
        Ok((text, id))
    }
}

/// What the tokens of a line have in common.
#[derive(Debug, Clone, Copy)]
struct Line<'a> {
    id: Id<Token>,
    promise: &'a Promise,
    agreed: Agreed,
}

/// In whose chain it is written what becomes of the tokens of a principal: an agent's in that of its owner.
fn owner_of(principal: &rows::Who) -> Id<Principal> {
    principal.behind.as_ref().map_or(principal.principal.id, |it| it.owner)
}

/// What is stored of a code: what it is for goes in, so that no code is taken for another.
fn hash_of(purpose: &str, code: &str) -> [u8; 32] {
    *Digest::of(format!("motet-{purpose}-v1\n{code}").as_bytes()).as_bytes()
}

/// Whether both are the same, in constant time.
fn is_same(known: [u8; 32], claimed: &[u8; 32]) -> bool {
    Secret::new(known).matches(claimed)
}
