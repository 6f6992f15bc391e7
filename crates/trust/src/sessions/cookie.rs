//! The cookie of a browser becomes an actor, and the mark that its forms carry.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, header};
use keys::UnverifiedSession;
use names::{Id, Secret, UnixMillis};

use super::{AUDIENCE, FRESH, LIFE, Session, Standing, store};
use crate::{Actor, Credential, Error, Trust, principal::Acting};

/// How old the note of the last use may be.
const SEEN_NOTED_EVERY: Duration = Duration::from_mins(5);
/// How far a token may seem to come from the future.
const SKEW_SECONDS: i64 = 30;

/// The key of the marks that forms carry.
pub(crate) struct CsrfKey(pub(crate) Secret<[u8; 32]>);

impl std::fmt::Debug for CsrfKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CsrfKey")
    }
}

/// The value of the cookie called `name`, if the request carries one; of two, the first.
pub(crate) fn cookie_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|it| it.to_str().ok());
    let mut pairs =
        lines.flat_map(|line| line.split(';')).filter_map(|it| it.trim().split_once('='));
    pairs.find(|(its_name, _)| *its_name == name).map(|(_, value)| value)
}

impl Trust {
    /// Believes a cookie, or refuses it. A database that does not answer is an outage, never a yes.
    pub(crate) async fn believe_session(&self, cookie: &str) -> Result<Actor, Error> {
        let now = self.0.clock.now();
        let token = UnverifiedSession::parse(cookie).map_err(|_| Error::SessionEnded)?;
        let key = self.session_key(token.kid()).await?.ok_or(Error::SessionEnded)?;
        let claims = token.verify(&key).map_err(|_| Error::SessionEnded)?;
        let is_ours = claims.iss == self.0.settings.public_url && claims.aud == AUDIENCE;
        let is_now = claims.iat <= now.seconds() + SKEW_SECONDS && claims.exp > now.seconds();
        if !is_ours || !is_now {
            return Err(Error::SessionEnded);
        }
        let id: Id<Session> = claims.jti.parse().map_err(|_| Error::SessionEnded)?;
        let found = store::standing(&mut self.0.db.glance().await?, id, now).await?;
        let Standing { principal, mut session, last_seen_at, ends_at } =
            found.ok_or(Error::SessionEnded)?;
        if !principal.is_active || claims.sub != principal.id.to_string() {
            return Err(Error::SessionEnded);
        }
        session.is_fresh = now.since(session.auth_time) <= FRESH;
        if last_seen_at.plus(SEEN_NOTED_EVERY) <= now {
            self.note_seen(id, now, now.plus(LIFE.0).min(ends_at));
        }
        let credential = Credential::Session(session);
        let (scopes, under_way) = (Vec::new(), OnceLock::new());
        let acting = Acting { principal, behind: None, credential, scopes, under_way };
        Ok(Actor(Some(Arc::new(acting))))
    }

    /// Remembers that a session is used, which lets it live on. Nothing waits for it.
    fn note_seen(&self, id: Id<Session>, now: UnixMillis, idle_until: UnixMillis) {
        let trust = self.clone();
        tokio::spawn(async move {
            if let Err(error) = store::note_seen(&trust.0.db, id, now, idle_until).await {
                tracing::warn!(%error, "the use of a session could not be noted");
            }
        });
    }

    /// The mark that every form of the session carries: another site cannot know it.
    pub fn csrf(&self, session: &Session) -> Result<String, Error> {
        let key = self.0.csrf_key.get().ok_or(Error::Locked)?;
        Ok(URL_SAFE_NO_PAD.encode(keys::tag(&key.0, &[session.id.uuid().as_bytes()])))
    }

    /// Whether `mark` is that of the session; in constant time.
    pub fn is_csrf(&self, session: &Session, mark: &str) -> bool {
        let Some(key) = self.0.csrf_key.get() else { return false };
        let mark = URL_SAFE_NO_PAD.decode(mark).unwrap_or_default();
        keys::is_tag(&key.0, &[session.id.uuid().as_bytes()], &mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_of_the_name_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append("cookie", "a=1; motet-7420=one; b=2".parse().unwrap());
        headers.append("cookie", "motet-7420=two".parse().unwrap());
        assert_eq!(cookie_of(&headers, "motet-7420"), Some("one"));
        assert_eq!(cookie_of(&headers, "motet-742"), None);
        assert_eq!(cookie_of(&HeaderMap::new(), "motet-7420"), None);
    }
}
