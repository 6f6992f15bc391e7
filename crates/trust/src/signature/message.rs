//! The twin of `MSign`: a request signed as RFC 9421 says (`spec/trust.md` 3.3). Window, nonces, digest, authority, order
//! and errors are those of `MSign`; only what is signed is written down otherwise.

use http::{HeaderMap, header};
use keys::{Message, MessageSignature};

use super::{Signed, admit};
use crate::{
    Authenticated, Error, Key, Trust,
    store::{Who, key_owner},
};

impl Trust {
    /// Believes a request's message signature or refuses it; nothing if it has none that is ours.
    pub(super) async fn by_message_signature(
        &self,
        request: &Signed<'_>,
    ) -> Result<Option<Authenticated>, Error> {
        let Some(found) = find(request.headers)? else { return Ok(None) };
        let cookie = super::cookie_of(request.headers, &self.0.settings.cookie_name);
        if request.headers.contains_key(header::AUTHORIZATION)
            || cookie.is_some_and(|_| request.cookies)
        {
            return Err(Error::Malformed("a request carries one credential, this one has two"));
        }
        let has_encoding = request.headers.contains_key(header::CONTENT_ENCODING);
        found.check_covered(request.has_body, has_encoding)?;
        let credentials = found.credentials();
        let (digest, now) = self.check_head(request, credentials.ts())?;
        if found.expires().is_some_and(|expires| expires < now.seconds()) {
            return Err(Error::ClockSkew { server_time: now });
        }
        let (key, who) = self.signer(request, &found).await?;
        let proof = self.accept(request.method, credentials, &key, now)?;
        self.note_key(&key, now);
        admit(request, who, proof, digest).map(Some)
    }

    /// Looks the key up and checks the signature; against a fixed key if it is unknown, as for `MSign`.
    async fn signer(
        &self,
        request: &Signed<'_>,
        found: &MessageSignature,
    ) -> Result<(Key, Who), Error> {
        let mut tx = self.0.db.glance().await?;
        let owner = key_owner(&mut tx, found.credentials().key()).await?;
        drop(tx);
        let lines = |name: &str| lines(request.headers, name);
        let base = found.base(&Message {
            method: request.method.as_str(),
            scheme: self.0.settings.scheme(),
            authority: request.authority,
            target: request.target,
            lines: &lines,
        })?;
        let public = owner.as_ref().map_or(&self.0.nobody, |(key, _)| &key.public);
        let holds = found.verify(public, &base);
        owner.filter(|_| holds).ok_or(Error::Unauthenticated)
    }
}

/// The signature with our tag. One of the two headers alone is a credential that fails, not none.
fn find(headers: &HeaderMap) -> Result<Option<MessageSignature>, Error> {
    let (input, signature) = (lines(headers, "signature-input"), lines(headers, "signature"));
    if input.is_empty() && signature.is_empty() {
        return Ok(None);
    }
    match MessageSignature::find(&input.join(", "), &signature.join(", ")) {
        Err(keys::MessageSignatureError::Two) => {
            Err(Error::Malformed("a request carries one signature with the tag motet, not two"))
        }
        found => Ok(found?),
    }
}

/// The lines of a header. One that is no text cannot have been signed, and becomes one that nobody signs.
fn lines<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    headers.get_all(name).iter().map(|line| line.to_str().unwrap_or("\n")).collect()
}
