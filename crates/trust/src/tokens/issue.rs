//! The one place where the row of a token that acts as somebody is made: for its principal, for a device, for an
//! organization.

use db::Tx;
use keys::TokenText;
use names::{Id, UnixMillis};

use super::{Minted, Token, TokenKind, store};
use crate::{Actor, Error, Principal, Scope, Trust};

/// On whose word a token is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// A request.
    Api,
    /// The token that makes a publisher.
    Bootstrap,
    /// Git, by its credential helper.
    Helper,
}

/// What is to be made.
#[derive(Debug)]
pub(crate) struct Issue {
    pub(crate) kind: TokenKind,
    /// As whom it acts.
    pub(crate) principal: Id<Principal>,
    /// The organization whose publisher side it is for.
    pub(crate) publisher: Option<Id<Principal>>,
    pub(crate) label: String,
    pub(crate) scope: Scope,
    pub(crate) expires_at: Option<UnixMillis>,
    /// What it takes the place of; nothing if it begins a line of its own.
    pub(crate) line: Option<Id<Token>>,
    pub(crate) source: Source,
}

impl Trust {
    /// Makes the token, in the transaction of whatever it is made for.
    pub(crate) async fn issue(&self, tx: &mut Tx, new: Issue, by: &Actor) -> Result<Minted, Error> {
        let now = self.0.clock.now();
        let id = Id::new(now, &self.0.random);
        let text = TokenText::generate(new.kind.as_str(), &self.0.random);
        let token = Token {
            id,
            line: new.line.unwrap_or(id),
            kind: new.kind,
            principal: new.principal,
            last8: text.last8().to_owned(),
            label: new.label,
            scope: new.scope,
            audience: None,
            created_at: now,
            expires_at: new.expires_at,
            last_used_at: None,
        };
        let source = match new.source {
            Source::Api => "api",
            Source::Bootstrap => "bootstrap",
            Source::Helper => "helper",
        };
        store::add(tx, &token, &text, by, (new.publisher, source)).await?;
        Ok(Minted { text, token })
    }
}
