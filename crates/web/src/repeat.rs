//! The same POST once more, with the same `Idempotency-Key`: it gets the first answer again (`spec/conventions.md`,
//! Requests).
//!
//! Asked after the authority, so that nobody is told again what they may not see any more, and after the last byte of
//! the body, so that a body that was not signed is not compared. Answers that show a secret are kept without it
//! ([`shown_once`]); what nobody may keep is not kept here either.

use api::json::ShownOnce;
use axum::{
    http::{HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Collected};
use names::{Digest, Hasher};
use trust::{Actor, FirstAnswer, IdempotencyKey, Repeatable, Trust};

use crate::{Body, Problem, Spec, Surface};

/// The header, as it is in the list of `spec/trust.md` 10.
const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The largest answer that is kept. Those of a POST are some hundred bytes.
const MAX_KEPT_BYTES: usize = 64 << 10;
/// The headers that are kept with an answer: those that tell about its body, and where the new thing is.
const KEPT_HEADERS: [HeaderName; 3] =
    [header::CONTENT_TYPE, header::LOCATION, header::CACHE_CONTROL];

/// Whether a request is made for the first time.
pub(crate) enum Turn {
    /// It goes on, with its body.
    First(Body),
    /// It was made, and answered with this.
    Again(Response),
}

/// What an answer is when it is given again.
#[derive(Debug, Clone)]
struct Withheld(Bytes);

/// An answer that shows what no other answer shows: nobody keeps it on the way, and a repetition of its request gets it
/// without the secret.
pub fn shown_once<T: ShownOnce>(status: StatusCode, body: T) -> Result<Response, Problem> {
    let shown = serde_json::to_vec(&body).map_err(|error| Problem::internal(&error))?;
    let withheld =
        serde_json::to_vec(&body.withheld()).map_err(|error| Problem::internal(&error))?;
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let keep = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let mut answer = (status, [kind, keep], shown).into_response();
    answer.extensions_mut().insert(Withheld(withheld.into()));
    Ok(answer)
}

/// Looks whether the request was made before. Only what is asked of the JSON API by somebody can be: pages send no such
/// header, and a push says by itself what it repeats.
pub(crate) async fn before(
    trust: &Trust,
    spec: &Spec,
    parts: &Parts,
    actor: &Actor,
    body: Body,
) -> Result<Turn, Problem> {
    let mut keys = parts.headers.get_all(KEY).iter();
    let Some(key) = keys.next() else { return Ok(Turn::First(body)) };
    if spec.surface != Surface::Api || parts.method != Method::POST || actor.is_anonymous() {
        return Ok(Turn::First(body));
    }
    if keys.next().is_some() {
        return Err(Problem::malformed("send one Idempotency-Key, not several"));
    }
    let key = key.to_str().unwrap_or_default().parse::<IdempotencyKey>();
    let key = key.map_err(|error| Problem::malformed(&error))?;
    let route = parts.extensions.get::<axum::extract::MatchedPath>();
    let route = route.map_or_else(|| parts.uri.path(), |it| it.as_str()).to_owned();
    let bytes = body.bytes().await?;
    let asked = asked(parts, &bytes);
    match trust.first_answer(actor, Repeatable { route, key, asked }).await? {
        Some(answer) => Ok(Turn::Again(told_again(answer)?)),
        None => Ok(Turn::First(Body::new(bytes.into(), spec.body_bytes))),
    }
}

/// What is asked, by which two requests with one key are told apart.
fn asked(parts: &Parts, body: &[u8]) -> Digest {
    let target = parts.uri.path_and_query().map_or("/", |it| it.as_str());
    let mut hasher = Hasher::default();
    // No address holds a line end.
    for part in [target.as_bytes(), b"\n", body] {
        hasher.update(part);
    }
    Digest::from_bytes(hasher.finish())
}

fn told_again(first: FirstAnswer) -> Result<Response, Problem> {
    let corrupt = |error: &(dyn std::error::Error + 'static)| Problem::internal(error);
    let status = StatusCode::from_u16(first.status).map_err(|error| corrupt(&error))?;
    let mut answer = (status, first.body).into_response();
    answer.headers_mut().remove(header::CONTENT_TYPE);
    for (name, value) in first.headers {
        let name = HeaderName::try_from(name).map_err(|error| corrupt(&error))?;
        let value = HeaderValue::try_from(value).map_err(|error| corrupt(&error))?;
        answer.headers_mut().insert(name, value);
    }
    Ok(answer)
}

/// Keeps the answer of a request that may be repeated. An answer that could not be kept is given all the same: what
/// was asked for is done.
pub(crate) async fn after(trust: &Trust, actor: &Actor, answer: Response) -> Response {
    if !trust.may_be_repeated(actor) || !answer.status().is_success() {
        return answer;
    }
    let (head, body) = answer.into_parts();
    let Ok(bytes) = body.collect().await.map(Collected::to_bytes) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let is_secret = head.headers.get(header::CACHE_CONTROL).is_some_and(|it| it == "no-store");
    let kept = match head.extensions.get::<Withheld>() {
        Some(Withheld(without)) => Some(without.to_vec()),
        None if is_secret || bytes.len() > MAX_KEPT_BYTES => None,
        None => Some(bytes.to_vec()),
    };
    let header = |name: &HeaderName| {
        let value = head.headers.get(name)?.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    };
    let status = head.status.as_u16();
    let headers = KEPT_HEADERS.iter().filter_map(header).collect();
    let kept = kept.map(|body| FirstAnswer { status, headers, body });
    if let Err(error) = trust.keep_answer(actor, kept.as_ref()).await {
        tracing::warn!(%error, "an answer was not kept; whoever repeats the request is told so");
    }
    Response::from_parts(head, bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_address_or_another_body_is_another_request() {
        let parts = |target: &str| {
            let request = axum::extract::Request::builder().uri(target).body(()).unwrap();
            request.into_parts().0
        };
        let first = asked(&parts("/api/v1/tokens/1/rotate"), b"{}");
        assert_eq!(first, asked(&parts("/api/v1/tokens/1/rotate"), b"{}"));
        for (target, body) in [
            ("/api/v1/tokens/2/rotate", &b"{}"[..]),
            ("/api/v1/tokens/1/rotate?x=1", b"{}"),
            ("/api/v1/tokens/1/rotate", b"{ }"),
        ] {
            assert_ne!(first, asked(&parts(target), body), "{target}");
        }
    }
}
