//! The gate: the way of every request, the same on every surface (`spec/trust.md` 3.2, Order; 8).
//!
//! where it comes from → media type → credentials → limits → sent by a page of ours, if a cookie signs it → may this be
//! looked up at all → resource → authority → body cap → was it made before → handler → answer. The host was judged before, for every address.
//! A refusal is told in the words of the surface, after the rest of the body was read, so that clients which write
//! first see it.

use axum::{
    body::HttpBody as _,
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header, request::Parts},
    response::{IntoResponse, Response},
};
use http_body_util::{BodyExt as _, Collected};
use tokio::time::timeout;
use trust::{Act, Actor, Allowed, Authenticated, Bearers, Refusal, Signed, Trust, authority};

use crate::{
    Body, BodyFault, Call, Context, Input, Load, Params, Problem, Spec, Surface, accept, entrance,
    form, limits, refusals,
    repeat::{self, Turn},
};

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
    let spec = spec.asked_with(&parts.method, &parts.headers);
    let mut context = parts.extensions.remove::<Context>().unwrap_or_default();
    let mut body = Body::new(body, spec.body_bytes);
    let rest = body.rest();
    let (method, uri) = (parts.method.clone(), parts.uri.clone());
    let tags = parts.headers.get(header::IF_NONE_MATCH).cloned();
    let (mut has_ended_session, mut robots) = (false, None);
    let answer = async {
        enter(&trust, &spec, &parts, &context)?;
        let spec = if A::ACTION.takes_every_kind() { spec.bearers(Bearers::Every) } else { spec };
        let (authenticated, has_ended) = authenticate(&trust, &parts, &context, &spec).await?;
        let Authenticated { actor, digest } = authenticated;
        has_ended_session = has_ended;
        context.actor = Some(actor.clone());
        context.csrf = mark_of(&trust, &spec, &actor);
        body.expect_digest(digest);
        let params = Params::of(&mut parts).await?;
        let admitted = limits::admit(&trust, &spec, &actor, &context, &parts.headers, &params)?;
        // Held until the handler has answered.
        let _turn = admitted.turn;
        body.charge(admitted.meter);
        limits::guard(&trust, &spec, &context).await?;
        let body = from_our_page(&trust, &actor, (&parts, &context), body).await?;
        let allowed = allowed::<Door, A, R>(&door, &trust, &actor, &params).await?;
        robots = allowed.resource().robots().filter(|_| spec.surface == Surface::Page);
        check_length(&parts, spec.body_bytes)?;
        let body = match repeat::before(&trust, &spec, &parts, &actor, body).await? {
            Turn::First(body) => body,
            Turn::Again(answer) => return Ok(answer),
        };
        let Parts { method, uri, headers, .. } = parts;
        let call = Call { method, uri, headers, params, context: context.clone(), body };
        let input = I::take(call).await?;
        let outcome = handler(door, allowed, input).await.map(IntoResponse::into_response);
        let refused = outcome.as_ref().err().map(Problem::status);
        limits::judge(&trust, &spec, &context, refused).await;
        Ok(repeat::after(&trust, &actor, outcome?).await)
    };
    let answer = timeout(spec.time_limit, answer).await;
    let mut response = match answer {
        Ok(Ok(response)) => finish(response, spec.surface, &method, tags.as_ref(), &context).await,
        Ok(Err(problem)) => {
            let problem = rest.drain().await.err().map_or(problem, Problem::from);
            refused::<A>(problem, &spec, &context, (&method, &uri))
        }
        Err(_) => too_long().tell(spec.surface, &context),
    };
    mark(response.headers_mut(), &spec, robots);
    if has_ended_session && let Ok(line) = HeaderValue::from_str(&trust.settings().no_cookie()) {
        response.headers_mut().append(header::SET_COOKIE, line);
    }
    response
}

/// The mark of the session, for the form in the frame of a page that ends it.
fn mark_of(trust: &Trust, spec: &Spec, actor: &Actor) -> Option<String> {
    let session = actor.session().filter(|_| spec.surface == Surface::Page)?;
    trust.csrf(session).ok()
}

/// What an answer says whatever it is: that it depends on what was wanted, and what robots are told.
fn mark(headers: &mut HeaderMap, spec: &Spec, robots: Option<&'static str>) {
    if spec.surface == Surface::Wire || spec.is_page_too {
        accept::vary(headers);
    }
    if let Some(robots) = robots {
        headers.insert("x-robots-tag", HeaderValue::from_static(robots));
    }
}

/// What is looked at before anything of the request is believed: where it comes from, and what an unsafe one must look
/// like.
fn enter(trust: &Trust, spec: &Spec, parts: &Parts, context: &Context) -> Result<(), Problem> {
    limits::arrive(trust, spec.class, context)?;
    let (hosts, own) = (&trust.settings().hosts, context.base_url.as_str());
    entrance::check(hosts, spec.media, &parts.method, &parts.headers, own)
        .inspect_err(|problem| refusals::cross_site(trust, &Actor::anonymous(), problem))
}

/// What a cookie signs comes from a page of ours.
async fn from_our_page(
    trust: &Trust,
    actor: &Actor,
    (parts, context): (&Parts, &Context),
    body: Body,
) -> Result<Body, Problem> {
    let asked = (&parts.method, &parts.headers, context.base_url.as_str());
    let body = form::check(trust, actor, asked, body).await;
    body.inspect_err(|problem| refusals::cross_site(trust, actor, problem))
}

/// Asks the authority, with the thing in hand; says to the log what it refuses.
async fn allowed<Door, A: Act, R: Load<Door>>(
    door: &Door,
    trust: &Trust,
    actor: &Actor,
    params: &Params,
) -> Result<Allowed<A, R>, Problem> {
    let note = |refusal: &Refusal| refusals::denied(trust, actor, A::ACTION, *refusal);
    authority::may_look(actor, A::ACTION).inspect_err(note)?;
    let resource = R::load(door, params, actor).await?;
    Ok(Allowed::ask(actor, resource).inspect_err(note)?)
}

/// The address of the same page of a repository that is `owner/name` now.
fn moved_page(uri: &Uri, to: &str) -> Option<HeaderValue> {
    let mut parts = uri.path().trim_start_matches('/').splitn(3, '/');
    let (_owner, _name, rest) = (parts.next()?, parts.next()?, parts.next());
    let rest = rest.map(|rest| format!("/{rest}")).unwrap_or_default();
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    HeaderValue::try_from(format!("/{to}{rest}{query}")).ok()
}

/// A browser must ask again each time: another repository may take the name.
fn elsewhere(address: HeaderValue) -> Response {
    let head = [
        (header::LOCATION, address),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (StatusCode::MOVED_PERMANENTLY, head).into_response()
}

/// A refusal in the words of the surface. Whoever has a token learns where it would be taken (`spec/trust.md` 3.2, Every
/// 401).
fn refused<A: Act>(
    problem: Problem,
    spec: &Spec,
    context: &Context,
    (method, uri): (&Method, &Uri),
) -> Response {
    let is_page = spec.surface == Surface::Page && method.is_safe();
    let moved = problem.moved_to().filter(|_| is_page).and_then(|to| moved_page(uri, to));
    if let Some(address) = moved {
        return elsewhere(address);
    }
    // Clients of Git send a credential only after they were asked for one: for what is hidden and what is missing alike.
    let is_nobody = context.actor.as_ref().is_none_or(Actor::is_anonymous);
    let is_git = spec.surface == Surface::Git;
    let problem = if is_git && is_nobody && problem.status() == StatusCode::NOT_FOUND {
        Problem::from(Refusal::Unauthenticated)
    } else {
        problem
    };
    let takes_tokens = !matches!(spec.bearers, Bearers::None) && !A::ACTION.is_class_s();
    let mut response = problem.tell(spec.surface, context);
    if takes_tokens && response.status() == StatusCode::UNAUTHORIZED {
        let realm = if is_git { r#"Basic realm="motet""# } else { r#"Bearer realm="motet""# };
        response.headers_mut().append(header::WWW_AUTHENTICATE, HeaderValue::from_static(realm));
    }
    response
}

/// What a request gets whose handler does not come to an end.
fn too_long() -> Problem {
    let detail = "this takes longer than the server allows; what was done is kept, try again";
    Problem::refuse(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail).retry_after(1)
}

async fn authenticate(
    trust: &Trust,
    parts: &Parts,
    context: &Context,
    spec: &Spec,
) -> Result<(Authenticated, bool), Problem> {
    let cookies = !matches!(spec.surface, Surface::Wire | Surface::Git | Surface::Oauth);
    // What a page sends comes from a browser, which has a session (`spec/trust.md` 4, Page forms).
    let is_form = spec.surface == Surface::Page && !parts.method.is_safe();
    let bearers = match spec.bearers {
        Bearers::Every => Bearers::Every,
        _ if is_form => Bearers::None,
        bearers => bearers,
    };
    let signed = Signed::of(parts, &context.authority, context.peer)?.taking(bearers, cookies);
    let place = context.place();
    trust.check_credential(place, &parts.headers)?;
    match trust.authenticate(&signed).await {
        Ok(authenticated) => {
            trust.credential_held(place, &parts.headers).await?;
            Ok((authenticated, false))
        }
        // A reader whose session has ended reads on as anybody (`spec/trust.md` 3.2).
        Err(trust::Error::SessionEnded)
            if spec.surface == Surface::Page && parts.method.is_safe() =>
        {
            Ok((Authenticated { actor: Actor::anonymous(), digest: None }, true))
        }
        // Nobody can say who it is: that is an outage, never somebody and never nobody.
        Err(trust::Error::Db(error)) => Err(Problem::unavailable(&error)),
        Err(error) => {
            refusals::not_believed(trust, &error, &parts.headers);
            Err(limits::refused(trust, error, &parts.headers, context).await)
        }
    }
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

/// Marks an answer that may be packed on its way out. Wire answers never are (`spec/wire.md` 3).
#[derive(Debug, Clone, Copy)]
pub struct MayCompress;

/// Answers up to this size get an `ETag` of their bytes.
const TAGGED_BYTES: u64 = 4 << 20;

/// Says how an answer may be kept, and gives 304 to those who have it.
async fn finish(
    mut response: Response,
    surface: Surface,
    method: &Method,
    known: Option<&HeaderValue>,
    context: &Context,
) -> Response {
    let is_personal = context.actor.as_ref().is_some_and(|actor| !actor.is_anonymous());
    let is_secret =
        response.headers().get(header::CACHE_CONTROL).is_some_and(|it| it == "no-store");
    if is_personal && !is_secret {
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    }
    // What is told as it happens must not wait for a packer.
    let is_told = response.headers().get(header::CONTENT_TYPE);
    let is_told = is_told.is_some_and(|it| it == "text/event-stream");
    if is_told || !matches!(surface, Surface::Api | Surface::Page) {
        return response;
    }
    response.extensions_mut().insert(MayCompress);
    let is_read = matches!(*method, Method::GET | Method::HEAD);
    let is_small = response.body().size_hint().exact().is_some_and(|size| size <= TAGGED_BYTES);
    if !is_read
        || !is_small
        || response.status() != StatusCode::OK
        || response.headers().contains_key(header::ETAG)
    {
        return response;
    }
    tagged(response, known).await
}

/// The name of an answer with these bytes. It is weak: packing changes the bytes, not what they say.
fn tag_of(bytes: &[u8]) -> String {
    let hash = names::Digest::of(bytes).to_string();
    format!("W/\"{}\"", hash.get(..20).unwrap_or_default())
}

/// Whether `tag` is one of those in a header.
fn is_one(tags: &str, tag: &str) -> bool {
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    tags.split(',').any(|it| it.trim() == "*" || bare(it) == bare(tag))
}

/// Whether `If-Match` names the answer that these bytes are: what somebody saw is what is there.
pub fn is_tag_of(tags: &str, bytes: &[u8]) -> bool {
    is_one(tags, &tag_of(bytes))
}

/// Names an answer by its bytes. The name is weak: packing changes the bytes, not what they say.
async fn tagged(response: Response, known: Option<&HeaderValue>) -> Response {
    let (mut head, body) = response.into_parts();
    // A small body of known size is in memory already.
    let Ok(bytes) = body.collect().await.map(Collected::to_bytes) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let tag = tag_of(&bytes);
    let is_known = known.and_then(|it| it.to_str().ok()).is_some_and(|tags| is_one(tags, &tag));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        head.headers.insert(header::ETAG, tag);
    }
    if is_known {
        head.status = StatusCode::NOT_MODIFIED;
        head.headers.remove(header::CONTENT_TYPE);
        return Response::from_parts(head, axum::body::Body::empty());
    }
    Response::from_parts(head, bytes.into())
}
