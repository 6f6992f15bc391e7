//! The code flow (OAuth 2.1 with PKCE): a person agrees on a page of ours, which leads back to the application with a
//! code that it changes for tokens. The code is the only secret that ever travels in an address, so it lives a minute.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use names::{Digest, Id, Secret};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Application, Consent, FlowFault, Issued, Promise, RedirectUri, Words,
    device::{agreed, used},
    hash_of, is_same, store,
};
use crate::{
    Account, Allowed, Anything, Error, Trust, act,
    audit::{Chain, Entry, Noted, On, Who},
};

const PURPOSE: &str = "authorize";
/// How long the code lives.
const LIFE: Duration = Duration::from_mins(1);
/// The longest `state` that is carried back, in bytes.
const MAX_STATE_BYTES: usize = 2048;
/// Bytes of a PKCE verifier (RFC 7636 section 4.1).
const VERIFIER_BYTES: std::ops::RangeInclusive<usize> = 43..=128;
/// Characters of a SHA-256 as base64url.
const CHALLENGE_CHARS: usize = 43;

/// What the address of the page says, before any of it was looked at.
#[derive(Debug, Clone, Default)]
pub struct CodeAsk {
    /// `client_id`.
    pub client_id: String,
    /// `redirect_uri`.
    pub redirect_uri: String,
    /// `response_type`.
    pub response_type: String,
    /// `code_challenge`.
    pub code_challenge: String,
    /// `code_challenge_method`.
    pub code_challenge_method: String,
    /// `resource`.
    pub resource: String,
    /// `scope`.
    pub scope: String,
    /// `state`.
    pub state: Option<String>,
}

/// A request that a person can decide about.
#[derive(Debug, Clone)]
pub struct CodeRequest {
    /// Who asks.
    pub application: Application,
    /// Where the answer leads.
    pub redirect_uri: RedirectUri,
    /// What for.
    pub words: Words,
    /// What the application wants back with the answer.
    pub state: Option<String>,
    challenge: String,
}

/// What an application hands in to have its tokens.
#[derive(Debug, Clone, Default)]
pub struct Redemption {
    /// `client_id`.
    pub client_id: String,
    /// `code`.
    pub code: String,
    /// `redirect_uri`.
    pub redirect_uri: String,
    /// `code_verifier`.
    pub code_verifier: String,
    /// `resource`.
    pub resource: Option<String>,
}

/// The row's payload.
#[derive(Serialize, Deserialize)]
struct Given {
    application: Uuid,
    redirect_uri: String,
    challenge: String,
    promise: Promise,
}

impl Trust {
    /// Looks at a request. Nothing of a refusal leads anywhere: an address that was not checked yet is no place to send
    /// somebody, and one that anybody may register is none either (RFC 9700 section 4.11).
    pub async fn read_code_request(
        &self,
        _: &Allowed<act::FlowDecide, Anything>,
        ask: &CodeAsk,
    ) -> Result<CodeRequest, Error> {
        let mut tx = self.0.db.glance().await?;
        let application = self.application(&mut tx, &ask.client_id).await?;
        drop(tx);
        let redirect_uri: RedirectUri = ask.redirect_uri.parse()?;
        if !application.leads_to(&redirect_uri) {
            let message =
                "redirect_uri is not one that the application registered, letter for letter";
            return Err(FlowFault::Request(message.to_owned()).into());
        }
        if ask.response_type != "code" {
            return Err(FlowFault::ResponseType.into());
        }
        let is_challenge = ask.code_challenge.len() == CHALLENGE_CHARS
            && URL_SAFE_NO_PAD.decode(&ask.code_challenge).is_ok();
        if ask.code_challenge_method != "S256" || !is_challenge {
            let message =
                "code_challenge is missing, or is no SHA-256 of method S256: PKCE is required";
            return Err(FlowFault::Request(message.to_owned()).into());
        }
        self.check_target(Some(&ask.resource))?;
        let words = ask.scope.parse()?;
        if ask.state.as_ref().is_some_and(|it| it.len() > MAX_STATE_BYTES) {
            let message = format!("state has at most {MAX_STATE_BYTES} bytes");
            return Err(FlowFault::Request(message).into());
        }
        let (challenge, state) = (ask.code_challenge.clone(), ask.state.clone());
        Ok(CodeRequest { application, redirect_uri, words, state, challenge })
    }

    /// The person says yes: a code for the application. `allowed` names the agent as which its token will act.
    pub async fn approve_code(
        &self,
        allowed: &Allowed<act::TokenMint, Account>,
        request: &CodeRequest,
        consent: Consent,
    ) -> Result<Secret<String>, Error> {
        let (actor, principal) = (allowed.actor(), &allowed.resource().principal);
        let now = self.0.clock.now();
        let agreed = agreed(allowed, true)?;
        let mut tx = self.begin_on(allowed).await?;
        let application = used(&mut tx, request.application.id.uuid(), now).await?;
        let label = application.name.clone();
        let promise = consent.promise(principal, &request.words, label, Some(&application), now)?;
        let code = URL_SAFE_NO_PAD.encode(self.0.random.bytes::<32>());
        let id = Id::<CodeRequest>::unguessable(&self.0.random).uuid();
        let entry = Entry::done(Noted::CodeFlowApproved, actor, on(id))
            .with("application", application.id.to_string())
            .with("principal", principal.id.to_string())
            .with("scope", promise.words.to_string())
            .with("site", request.redirect_uri.site());
        let given = Given {
            application: application.id.uuid(),
            redirect_uri: request.redirect_uri.to_string(),
            challenge: request.challenge.clone(),
            promise,
        };
        store::delete_ended(&mut tx, now).await?;
        let hash = hash_of(PURPOSE, &code);
        let row = (&given, now.plus(LIFE));
        store::add_code(&mut tx, id, PURPOSE, &hash, Some(agreed), row).await?;
        self.note(&mut tx, Chain::INSTALL, entry).await?;
        tx.commit().await?;
        Ok(Secret::new(code))
    }

    /// The person says no.
    pub async fn deny_code(
        &self,
        allowed: &Allowed<act::FlowDecide, Anything>,
        request: &CodeRequest,
    ) -> Result<(), Error> {
        let mut tx = self.begin(allowed.actor()).await?;
        let application = request.application.id.uuid();
        let on = On { kind: "application", id: application.to_string() };
        let entry = Entry::done(Noted::CodeFlowDenied, allowed.actor(), on);
        let entry = entry.with("site", request.redirect_uri.site());
        self.note(&mut tx, Chain::INSTALL, entry).await?;
        Ok(tx.commit().await?)
    }

    /// Changes a code for tokens. The first attempt, right or wrong, uses it up; a second one ends what the first gave.
    pub async fn redeem_code(
        &self,
        _: &Allowed<act::FlowStart, Anything>,
        redemption: &Redemption,
    ) -> Result<Issued, Error> {
        self.check_target(redemption.resource.as_deref())?;
        let now = self.0.clock.now();
        let mut tx = self.0.db.write().await?;
        let application = self.application(&mut tx, &redemption.client_id).await?;
        let hash = hash_of(PURPOSE, &redemption.code);
        let found: Option<store::Code<Given>> =
            store::code_by_hash(&mut tx, PURPOSE, &hash).await?;
        let Some(code) = found else { return Err(FlowFault::Grant.into()) };
        if code.is_used {
            self.end_line(&mut tx, code.id, "code_reused").await?;
            tx.commit().await?;
            return Err(FlowFault::Grant.into());
        }
        store::use_code(&mut tx, code.id, now).await?;
        let given = code.payload;
        let holds = code.expires_at >= now
            && given.application == application.id.uuid()
            && given.redirect_uri == redemption.redirect_uri
            && is_verifier(&redemption.code_verifier, &given.challenge);
        let issued = match code.agreed.filter(|_| holds) {
            Some(agreed) => {
                self.hand_out(&mut tx, given.promise, agreed, Id::from_uuid(code.id)).await
            }
            None => Err(FlowFault::Grant.into()),
        };
        match issued {
            Ok(issued) => {
                tx.commit().await?;
                Ok(issued)
            }
            // A refusal uses the code up all the same; an outage leaves everything as it was.
            Err(Error::Flow(fault)) => {
                tx.commit().await?;
                Err(fault.into())
            }
            Err(error) => Err(error),
        }
    }

    /// Ends all that came of one approval.
    pub(super) async fn end_line(
        &self,
        tx: &mut db::Tx,
        line: Uuid,
        reason: &'static str,
    ) -> Result<(), Error> {
        let ended = store::end_line(tx, line, self.0.clock.now()).await?;
        if ended == 0 {
            return Ok(());
        }
        tracing::warn!(%line, reason, "a code or refresh token was used twice; all that came of it has ended");
        let on = On { kind: "token_line", id: line.to_string() };
        let mut entry = Entry::done(Noted::TokenRevoked, Who::ANONYMOUS, on);
        entry.reason = reason;
        self.note(tx, Chain::INSTALL, entry.with("tokens", ended)).await?;
        Ok(())
    }
}

fn on(id: Uuid) -> On {
    On { kind: "code_flow", id: id.to_string() }
}

/// Whether the verifier is the one that the challenge was made of (RFC 7636 section 4.6).
fn is_verifier(verifier: &str, challenge: &str) -> bool {
    let is_plain = |it: u8| it.is_ascii_alphanumeric() || b"-._~".contains(&it);
    let Ok(known) = URL_SAFE_NO_PAD.decode(challenge) else { return false };
    let Ok(known) = <[u8; 32]>::try_from(known) else { return false };
    VERIFIER_BYTES.contains(&verifier.len())
        && verifier.bytes().all(is_plain)
        && is_same(known, Digest::of(verifier.as_bytes()).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7636, appendix B.
    #[test]
    fn a_verifier_fits_its_challenge_and_no_other() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        assert!(is_verifier(verifier, challenge));
        for other in ["", "short", &format!("{verifier}x"), &"x".repeat(129), challenge] {
            assert!(!is_verifier(other, challenge), "{other}");
        }
        assert!(!is_verifier(verifier, ""));
    }
}
