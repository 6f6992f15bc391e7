//! The gate: the way of every request, the same on every surface (`spec/trust.md` 3.2, Order; 8).
//!
//! credentials → may this be looked up at all → resource → authority → body cap → handler → answer. A refusal is told
//! in the words of the surface, after the rest of the body was read, so that clients which write first see it.

use std::time::Duration;

use axum::{
    extract::Request,
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use tokio::time::timeout;
use trust::{Act, Allowed, Authenticated, Signed, Trust, authority};

use crate::{Body, BodyFault, Call, Context, Input, Load, Params, Problem, Spec, Surface, body::drain};

/// How long a handler may work before the caller is told to come back. A push is read within it too, and a slow
/// upload of 500 MiB needs minutes; silence is bounded by the body itself.
fn time_limit(surface: Surface) -> Duration {
    match surface {
        Surface::Wire => Duration::from_mins(15),
        Surface::Api | Surface::Page | Surface::Plain => Duration::from_secs(30),
    }
}

/// Lets a request through to its handler, or tells why not.
pub(crate) async fn pass<Door, A, R, I, F, Fut, Out>(
    door: Door,
    trust: Trust,
    spec: Spec,
    handler: F,
    request: Request,
) -> Response
where
    Door: Sync,
    A: Act,
    R: Load<Door>,
    I: Input,
    F: FnOnce(Door, Allowed<A, R>, I) -> Fut + Send,
    Fut: Future<Output = Result<Out, Problem>> + Send,
    Out: IntoResponse,
{
    let (mut parts, body) = request.into_parts();
    let mut context = parts.extensions.remove::<Context>().unwrap_or_default();
    let mut body = Body::new(body, spec.body_bytes);
    let rest = body.rest();
    let answer = async {
        let Authenticated { actor, digest } = authenticate(&trust, &parts, &context).await?;
        context.actor = Some(actor.clone());
        body.expect_digest(digest);
        authority::may_look(&actor, A::ACTION)?;
        let params = Params::of(&mut parts).await?;
        let resource = R::load(&door, &params, &actor).await?;
        let allowed = Allowed::ask(&actor, resource)?;
        check_length(&parts, spec.body_bytes)?;
        let Parts { method, uri, headers, .. } = parts;
        let call = Call { method, uri, headers, params, context: context.clone(), body };
        let input = I::take(call).await?;
        handler(door, allowed, input).await.map(IntoResponse::into_response)
    };
    match timeout(time_limit(spec.surface), answer).await {
        Ok(Ok(mut response)) => {
            finish(response.headers_mut(), &context);
            response
        }
        Ok(Err(problem)) => {
            drain(&rest).await;
            problem.tell(spec.surface, &context)
        }
        Err(_) => Problem::refuse(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "this takes longer than the server allows; what was done is kept, try again",
        )
        .retry_after(1)
        .tell(spec.surface, &context),
    }
}

async fn authenticate(trust: &Trust, parts: &Parts, context: &Context) -> Result<Authenticated, Problem> {
    let signed = Signed::of(parts, &context.authority)?;
    Ok(trust.authenticate(&signed).await?)
}

/// Refuses by what is announced, before a byte is read.
fn check_length(parts: &Parts, cap: u64) -> Result<(), Problem> {
    let length = parts.headers.get(header::CONTENT_LENGTH);
    let length: Option<u64> = length.and_then(|value| value.to_str().ok()?.parse().ok());
    match length {
        Some(length) if length > cap => Err(BodyFault::TooLarge(cap).into()),
        Some(_) | None => Ok(()),
    }
}

/// What was answered to somebody in particular is not for shared caches.
fn finish(headers: &mut header::HeaderMap, context: &Context) {
    let is_personal = context.actor.as_ref().is_some_and(|actor| !actor.is_anonymous());
    if is_personal {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    }
}
