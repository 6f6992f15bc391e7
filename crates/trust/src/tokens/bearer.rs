//! A request's `Authorization: Bearer` becomes an actor.

use std::{
    borrow::Cow,
    sync::{Arc, OnceLock},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::HeaderValue;
use keys::TokenText;
use names::{Id, UnixMillis};

use super::{Token, TokenKind, store};
use crate::{
    Actor, Bearers, Credential, Error, Principal, Trust,
    audit::{Entry, Noted, On, Who},
    principal::Acting,
    principal::TokenUse,
    signature::Signed,
};

/// How old the note of the last use may be.
const USE_NOTED_EVERY: Duration = Duration::from_mins(5);

/// What follows the scheme, if the line is a bearer's.
pub(crate) fn bearer_of(line: &str) -> Option<&str> {
    let (scheme, rest) = line.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| rest.trim_matches(' '))
}

/// The token in a line: a bearer, or, where Git asks, the password of Basic with any user name or none.
pub(crate) fn token_of(line: &str, bearers: Bearers) -> Option<Cow<'_, str>> {
    if let Some(token) = bearer_of(line) {
        return Some(token.into());
    }
    let (scheme, rest) = line.split_once(' ')?;
    if bearers != Bearers::Git || !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = STANDARD.decode(rest.trim_matches(' ')).ok()?;
    let pair = String::from_utf8(pair).ok()?;
    let (_, password) = pair.split_once(':')?;
    Some(password.to_owned().into())
}

impl Trust {
    /// Believes a bearer, or refuses it: unknown, ended, mistyped and suspended are one answer.
    pub(crate) async fn believe_bearer(
        &self,
        request: &Signed<'_>,
        line: &HeaderValue,
    ) -> Result<Actor, Error> {
        if matches!(request.bearers, Bearers::Bootstrap | Bearers::Own) {
            return self.check_line(request).map(|()| Actor::anonymous());
        }
        let takes: &[TokenKind] =
            request.bearers.kinds(self.0.settings.loopback && request.is_local());
        if takes.is_empty() {
            return Err(Error::BearerRefused);
        }
        let text = line.to_str().ok().and_then(|it| token_of(it, request.bearers));
        let text = text.ok_or(Error::Unauthenticated)?;
        let text = TokenText::parse(&text).map_err(|_| Error::Unauthenticated)?;
        self.check_line(request)?;
        let now = self.0.clock.now();
        let mut tx = self.0.db.glance().await?;
        let found = store::by_hash(&mut tx, &text.hash(), now).await?;
        let Some((token, who)) = found else {
            let ended = store::ended(&mut tx, &text.hash()).await?;
            drop(tx);
            if let Some((id, principal)) = ended {
                self.note_failed_use(id, principal, "ended");
            }
            return Err(Error::Unauthenticated);
        };
        drop(tx);
        let refuse = |reason, error| {
            self.note_failed_use(token.id, who.principal.id, reason);
            Err(error)
        };
        if !who.principal.is_active || token.kind.as_str() != text.kind() {
            return refuse("inactive", Error::Unauthenticated);
        }
        if !takes.contains(&token.kind) {
            return refuse("not_here", Error::BearerRefused);
        }
        // One for a single surface is no credential on any other.
        if token.audience.is_some() && token.audience.as_deref() != request.bearers.audience() {
            return refuse("other_audience", Error::Unauthenticated);
        }
        self.note_token(&token, now);
        let (mut scopes, mut behind) = (vec![token.scope], None);
        if let Some(its) = who.behind {
            scopes.push(its.scope);
            behind = Some(its.owner);
        }
        let credential = Credential::Token(TokenUse { id: token.id, kind: token.kind });
        let acting = Acting {
            principal: who.principal,
            behind,
            credential,
            scopes,
            under_way: OnceLock::new(),
        };
        Ok(Actor(Some(Arc::new(acting))))
    }

    /// Writes down that a token that is known was refused.
    fn note_failed_use(&self, token: Id<Token>, principal: Id<Principal>, reason: &'static str) {
        // Whoever brings a token that does not hold is not known to be its owner.
        let who =
            Who { credential: Some(token.uuid()), credential_kind: "token", ..Who::ANONYMOUS };
        let on = On::principal(principal);
        self.note_repeated(Entry::refused(Noted::TokenUseFailed, who, on, reason));
    }

    /// Refuses a token over a line on which others could have read it.
    fn check_line(&self, request: &Signed<'_>) -> Result<(), Error> {
        if self.0.settings.is_private_line || request.is_local() {
            Ok(())
        } else {
            Err(Error::HttpsRequired)
        }
    }

    /// Remembers that a token is used. Nothing waits for it, and nothing depends on it.
    fn note_token(&self, token: &Token, now: UnixMillis) {
        if token.last_used_at.is_some_and(|at| at.plus(USE_NOTED_EVERY) > now) {
            return;
        }
        let (trust, id) = (self.clone(), token.id);
        tokio::spawn(async move {
            if let Err(error) = store::note_use(&trust.0.db, id, now).await {
                tracing::warn!(%error, "the last use of a token could not be noted");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_a_bearer_or_where_git_asks_a_password() {
        let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        for (line, here, git) in [
            ("Bearer mt_x".to_owned(), Some("mt_x"), Some("mt_x")),
            ("bearer  mt_x ".to_owned(), Some("mt_x"), Some("mt_x")),
            (basic("anna:mt_x"), None, Some("mt_x")),
            (basic(":mt:x"), None, Some("mt:x")),
            (basic("anna").replace("Basic", "basic"), None, None),
            ("Basic !!".to_owned(), None, None),
            ("Digest mt_x".to_owned(), None, None),
            ("mt_x".to_owned(), None, None),
        ] {
            assert_eq!(token_of(&line, Bearers::Api).as_deref(), here, "{line}");
            assert_eq!(token_of(&line, Bearers::Git).as_deref(), git, "{line}");
        }
    }
}
