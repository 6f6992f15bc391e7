//! A signed request becomes an [`Actor`] (`spec/trust.md` 3).
//!
//! The order is the spec's: parse, authority, window, digest header, look-up, signature, nonce, state of the
//! principal. The body is hashed while it streams, by whoever reads it; see [`Authenticated::digest`].

mod message;
mod nonces;
mod ssh;
mod store;

use std::{
    net::IpAddr,
    sync::{Arc, OnceLock, atomic::AtomicBool},
    time::Duration,
};

use http::{HeaderMap, Method, header, request::Parts};
use keys::{CanonicalRequest, Credentials, Fingerprint};
use names::{Id, UnixMillis};

use crate::{
    Actor, Credential, Error, Key, Kind, Principal, Proof, Trust,
    principal::Acting,
    sessions::cookie_of,
    store::{Who, key_owner},
    tokens::{TokenKind, token_of},
};
pub(crate) use nonces::Nonces;
pub(crate) use store::{STATEMENTS, key_lives};

/// How far the signer's clock may be from ours, in seconds, either way.
const WINDOW_SECONDS: u64 = 30;
/// A nonce is kept this long after the signed time: one second longer than the signature is good.
const NONCE_KEPT: Duration = Duration::from_secs(31);

/// SHA-256 of nothing: what a request without a body signs.
const NO_BODY: [u8; 32] = *names::ObjectId::EMPTY.as_bytes();

/// Headers by which a request says that somebody passed it on, beside all that begin with `x-forwarded-`
/// (`spec/trust.md` 7, L6).
const PASSED_ON: [&str; 5] =
    ["forwarded", "via", "x-real-ip", "cf-connecting-ip", "true-client-ip"];

/// The parts of a request that are signed, and where it comes from.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// The method.
    pub method: &'a Method,
    /// `Host`, as sent.
    pub authority: &'a str,
    /// Path and query, as sent.
    pub target: &'a str,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// Whether a body was announced.
    pub has_body: bool,
    /// The other end of the connection, if it is known. No header says it.
    pub peer: Option<IpAddr>,
    /// Which tokens are taken where the request goes.
    pub bearers: Bearers,
    /// Whether the cookie of a browser is looked at where the request goes.
    pub cookies: bool,
}

/// Which bearer tokens a route takes (`spec/trust.md` 4).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Bearers {
    /// None.
    #[default]
    None,
    /// Those of people and agents.
    Api,
    /// All that may read and write repositories, for clients that know no signature; on this machine only.
    Wire,
    /// The same from everywhere, and as the password of Basic: plain clients of Git know nothing else.
    Git,
    /// Those of organizations: where publishers are run.
    Publisher,
    /// Those of people, agents and organizations: where all of them look at what is run, as far as it concerns them.
    Work,
    /// The one that makes a publisher. It acts as nobody, so the route itself believes it, and the actor is anonymous.
    Bootstrap,
    /// Those that the route itself made for one purpose and believes: a credential of somebody has come before, and the actor
    /// is anonymous.
    Own,
    /// Whatever it is: where nothing is had for it that anybody would not have without.
    Every,
}

impl Bearers {
    pub(crate) const fn kinds(self, is_this_machine: bool) -> &'static [TokenKind] {
        match self {
            Self::Api => &[TokenKind::Personal, TokenKind::Agent],
            Self::Git => &[TokenKind::Personal, TokenKind::Agent, TokenKind::Git],
            Self::Wire if is_this_machine => {
                &[TokenKind::Personal, TokenKind::Agent, TokenKind::Git]
            }
            Self::Publisher => &[TokenKind::Admin, TokenKind::Runner],
            Self::Work => {
                &[TokenKind::Personal, TokenKind::Agent, TokenKind::Admin, TokenKind::Runner]
            }
            Self::Every => &TokenKind::ALL,
            Self::Wire | Self::Bootstrap | Self::Own | Self::None => &[],
        }
    }

    /// For which surface a token may have been made whose use is limited to one.
    pub(crate) const fn audience(self) -> Option<&'static str> {
        match self {
            Self::Api
            | Self::Wire
            | Self::Git
            | Self::Publisher
            | Self::Work
            | Self::Bootstrap
            | Self::Own
            | Self::Every
            | Self::None => None,
        }
    }
}

/// What came of looking at a request's credentials.
#[derive(Debug, Clone)]
pub struct Authenticated {
    /// Who is asking.
    pub actor: Actor,
    /// What the body must hash to, once read to its end; nothing for unsigned requests.
    pub digest: Option<[u8; 32]>,
}

/// Whether a request was made on this machine: its connection begins here, and nobody says that he passed it on. What
/// such a header names is never believed; that there is one is enough to doubt, because a proxy on this machine would
/// otherwise lend its address to everybody. A peer that is not known is not here.
pub fn is_from_this_machine(peer: Option<IpAddr>, headers: &HeaderMap) -> bool {
    let is_passed_on = headers.keys().any(|name| {
        name.as_str().starts_with("x-forwarded-") || PASSED_ON.contains(&name.as_str())
    });
    !is_passed_on && peer.is_some_and(|peer| peer.to_canonical().is_loopback())
}

impl<'a> Signed<'a> {
    /// Takes the parts from a request's head. An absolute-form target is refused: it could name another authority
    /// than `Host` does.
    pub fn of(parts: &'a Parts, authority: &'a str, peer: Option<IpAddr>) -> Result<Self, Error> {
        if parts.uri.authority().is_some() {
            return Err(Error::Malformed("the request target must begin with a slash"));
        }
        let target = parts.uri.path_and_query().map_or("/", |it| it.as_str());
        let headers = &parts.headers;
        let length = headers.get(header::CONTENT_LENGTH);
        let has_body = headers.contains_key(header::TRANSFER_ENCODING)
            || length.is_some_and(|length| length.as_bytes() != b"0");
        let (bearers, cookies) = (Bearers::None, false);
        let method = &parts.method;
        Ok(Self { method, authority, target, headers, has_body, peer, bearers, cookies })
    }

    /// The same where these tokens are taken, and perhaps the cookie of a browser.
    #[must_use]
    pub const fn taking(mut self, bearers: Bearers, cookies: bool) -> Self {
        (self.bearers, self.cookies) = (bearers, cookies);
        self
    }

    fn text(&self, name: &header::HeaderName) -> &'a str {
        self.headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default()
    }

    /// The digest that the head announces for the body.
    fn digest(&self) -> Result<[u8; 32], Error> {
        let mut values = self.headers.get_all("content-digest").iter();
        match (values.next(), values.next()) {
            (None, _) if !self.has_body => Ok(NO_BODY),
            (Some(value), None) => value
                .to_str()
                .ok()
                .and_then(|text| keys::parse_content_digest(text).ok())
                .ok_or(Error::DigestRequired),
            (None, _) | (Some(_), Some(_)) => Err(Error::DigestRequired),
        }
    }

    /// Whether the request was made on this machine.
    pub(crate) fn is_local(&self) -> bool {
        is_from_this_machine(self.peer, self.headers)
    }

    fn is_encoded(&self) -> bool {
        let encoding = self.text(&header::CONTENT_ENCODING).trim();
        !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity")
    }
}

impl Trust {
    /// Believes a request's credentials or refuses them. Without any, the actor is anonymous.
    pub async fn authenticate(&self, request: &Signed<'_>) -> Result<Authenticated, Error> {
        if let Some(signed) = self.by_message_signature(request).await? {
            return Ok(signed);
        }
        let mut lines = request.headers.get_all(header::AUTHORIZATION).iter();
        let cookie = cookie_of(request.headers, &self.0.settings.cookie_name);
        let (line, cookie) = (lines.next(), cookie.filter(|_| request.cookies));
        if lines.next().is_some() || (line.is_some() && cookie.is_some()) {
            return Err(Error::Malformed("a request carries one credential, this one has two"));
        }
        let Some(line) = line else {
            let actor = match cookie {
                Some(cookie) => self.believe_session(cookie).await?,
                None => Actor::anonymous(),
            };
            return Ok(Authenticated { actor, digest: None });
        };
        let header = line;
        let line = line.to_str().map_err(|_| Error::Unauthenticated)?;
        if !keys::is_msign(line) {
            token_of(line, request.bearers).ok_or(Error::Unauthenticated)?;
            let actor = self.believe_bearer(request, header).await?;
            return Ok(Authenticated { actor, digest: None });
        }
        let credentials = Credentials::parse(line)?;
        let (digest, now) = self.check_head(request, credentials.ts())?;
        let (key, who) = self.verified(request, &credentials, &digest).await?;
        let proof = self.accept(request.method, &credentials, &key, now)?;
        self.note_key(&key, now);
        admit(request, who, proof, digest)
    }

    /// What is asked of the head of every signed request: authority, window, digest. Gives the digest, and what time
    /// it is.
    fn check_head(&self, request: &Signed<'_>, ts: i64) -> Result<([u8; 32], UnixMillis), Error> {
        let now = self.0.clock.now();
        if !self.0.settings.hosts.contain(request.authority) {
            return Err(Error::Misdirected);
        }
        if now.seconds().abs_diff(ts) > WINDOW_SECONDS {
            return Err(Error::ClockSkew { server_time: now });
        }
        if request.has_body && request.is_encoded() {
            return Err(Error::EncodedBody);
        }
        Ok((request.digest()?, now))
    }

    /// Looks the key up and checks the signature. For an unknown key a check against a fixed key runs all the same,
    /// so that neither answer nor time tells which keys are registered.
    async fn verified(
        &self,
        request: &Signed<'_>,
        credentials: &Credentials,
        digest: &[u8; 32],
    ) -> Result<(Key, Who), Error> {
        let mut tx = self.0.db.glance().await?;
        let found = key_owner(&mut tx, credentials.key()).await?;
        drop(tx);
        let canonical = CanonicalRequest {
            method: request.method.as_str(),
            authority: request.authority,
            target: request.target,
            ts: credentials.ts(),
            nonce: credentials.nonce(),
            content_type: request.text(&header::CONTENT_TYPE).trim(),
            body_sha256: digest,
        };
        let public = found.as_ref().map_or(&self.0.nobody, |(key, _)| &key.public);
        let holds = canonical.verify(public, credentials.sig());
        found.filter(|_| holds).ok_or(Error::Unauthenticated)
    }

    fn accept(
        &self,
        method: &Method,
        credentials: &Credentials,
        key: &Key,
        now: UnixMillis,
    ) -> Result<Proof, Error> {
        let ends = UnixMillis(credentials.ts().saturating_mul(1000)).plus(NONCE_KEPT);
        let is_safe = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
        if !is_safe {
            self.0.nonces.accept(key.id, credentials.nonce(), ends, now)?;
        }
        Ok(Proof {
            key_id: key.id,
            fingerprint: key.fingerprint,
            nonce: (!is_safe).then(|| credentials.nonce().clone()),
            nonce_ends: ends,
            request: Id::<Proof>::unguessable(&self.0.random).uuid(),
            spent: AtomicBool::new(false),
        })
    }

    /// Whose key it is, for pages that show signers.
    pub async fn key_owner(
        &self,
        tx: &mut db::Tx,
        name: Fingerprint,
    ) -> Result<Option<(Key, Principal)>, Error> {
        Ok(key_owner(tx, name).await?.map(|(key, who)| (key, who.principal)))
    }
}

/// The last question to whoever has signed: whether he may act at all.
fn admit(
    request: &Signed<'_>,
    who: Who,
    proof: Proof,
    digest: [u8; 32],
) -> Result<Authenticated, Error> {
    let Who { principal, behind } = who;
    if !principal.is_active {
        return Err(Error::Unauthenticated);
    }
    // The operator is whoever sits at this machine (`spec/trust.md` 1).
    if principal.kind == Kind::Operator && !request.is_local() {
        tracing::warn!(peer = ?request.peer, "the operator's key was used from elsewhere; refused");
        return Err(Error::Unauthenticated);
    }
    let (scopes, behind) = behind.map(|it| (vec![it.scope], it.owner)).unzip();
    let (credential, scopes) = (Credential::Key(proof), scopes.unwrap_or_default());
    let acting = Acting { principal, behind, credential, scopes, under_way: OnceLock::new() };
    Ok(Authenticated { actor: Actor(Some(Arc::new(acting))), digest: Some(digest) })
}
