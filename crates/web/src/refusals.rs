//! What the gate refuses and the audit log wants to know (`spec/trust.md` 11, Failures).
//!
//! Nobody waits for it, and what repeats is counted instead of written: strangers must not be able to fill the log.

use axum::http::{HeaderMap, StatusCode, header};
use keys::Credentials;
use trust::{
    Action, Actor, Refusal, Trust,
    audit::{Entry, Noted, On, Who},
};

use crate::Problem;

/// How much of a fingerprint stands in logs.
const SHOWN: usize = 12;

/// A credential that was not believed.
pub(crate) fn not_believed(trust: &Trust, error: &trust::Error, headers: &HeaderMap) {
    let (action, reason) = match error {
        trust::Error::Unauthenticated => (Noted::AuthFailed, "not_believed"),
        trust::Error::Replayed => (Noted::ReplayRefused, "nonce_used"),
        _ => return,
    };
    let line = headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
    let signer = line.and_then(|it| Credentials::parse(it).ok());
    let shown = |it: Credentials| it.key().to_string().chars().take(SHOWN).collect();
    let on = On::new("credential", signer.map_or_else(String::new, shown));
    trust.note_repeated(Entry::refused(action, Who::ANONYMOUS, on, reason));
}

/// Somebody known wanted to change something that is not for him.
pub(crate) fn denied(trust: &Trust, actor: &Actor, action: Action, refusal: Refusal) {
    if actor.is_anonymous() || !(action.writes() || action.is_class_s()) {
        return;
    }
    let reason = match refusal {
        Refusal::Unauthenticated => "not_signed_in",
        Refusal::Forbidden => "level_too_low",
        Refusal::NotFound => "not_visible",
        Refusal::Archived => "archived",
        Refusal::BearerRefused => "bearer_refused",
        Refusal::NotFresh => "not_fresh",
    };
    let on = On::new("action", action.name());
    trust.note_repeated(Entry::refused(Noted::AccessDenied, actor, on, reason));
}

/// Another site may have sent this, if that is what was refused.
pub(crate) fn cross_site(trust: &Trust, actor: &Actor, refused: &Problem) {
    if refused.status() != StatusCode::FORBIDDEN {
        return;
    }
    let on = On::new("request", "");
    trust.note_repeated(Entry::refused(Noted::CsrfRefused, actor, on, "cross_site"));
}
