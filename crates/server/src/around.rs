//! Around every request: an id, the headers of every answer, one line in the log.

use std::{
    future::{Ready, ready},
    sync::Arc,
    time::Instant,
};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::Response,
};
use names::{Clock, Id, Random};
use tower_http::compression::{CompressionLayer, Predicate};
use trust::{Trust, audit::Origin};
use web::{Context, Problem, Surface, admit_unrouted, headers::secure};

use crate::{Network, config::Settings, listener::Peer, proxies::client};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const PROTOCOL: HeaderName = HeaderName::from_static("motet-protocol");

/// The longest address, in bytes: holds a percent-encoded path of 4,096 bytes (`spec/trust.md` 9).
const MAX_ADDRESS_BYTES: usize = 16 << 10;

/// Names and values of a request's headers together, in bytes (`spec/trust.md` 9). The HTTP library bounds what it
/// reads at once, which is more.
const MAX_HEADERS_BYTES: usize = 32 << 10;

/// Answers that the gate has marked may be packed; the wire's never are (`spec/wire.md` 3).
#[derive(Debug, Clone, Copy)]
struct IfMarked;

impl Predicate for IfMarked {
    fn should_compress<B: axum::body::HttpBody>(&self, response: &axum::http::Response<B>) -> bool {
        response.extensions().get::<web::MayCompress>().is_some()
    }
}

#[derive(Debug, Clone)]
struct Around {
    base_url: String,
    is_https: bool,
    random: Random,
    proxies: Arc<[Network]>,
}

/// Puts the house's walls around the rooms.
pub(crate) fn wrap(rooms: Router, settings: &Settings, trust: Trust) -> Router {
    let around = Around {
        base_url: settings.base_url.clone(),
        is_https: settings.is_https,
        random: Random::default(),
        proxies: settings.trusted_proxies.clone().into(),
    };
    rooms
        .fallback(answering(trust.clone(), Problem::not_found))
        .method_not_allowed_fallback(answering(trust, not_this_way))
        .layer(CompressionLayer::new().compress_when(IfMarked))
        .layer(middleware::from_fn_with_state(around, pass))
}

/// Answers where no route does. It counts all the same.
fn answering(
    trust: Trust,
    problem: fn() -> Problem,
) -> impl Fn(Request) -> Ready<Response> + Clone {
    move |request| {
        let (surface, context) = surface_and_context(&request);
        let problem = admit_unrouted(&trust, &context).err().unwrap_or_else(problem);
        ready(problem.tell(surface, &context))
    }
}

fn not_this_way() -> Problem {
    let detail = "this address does not take that method";
    Problem::refuse(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
}

/// How to speak where no route says it: JSON below `/api`, a page to those who ask for one, else plain.
fn surface_and_context(request: &Request) -> (Surface, Context) {
    let accept =
        request.headers().get(header::ACCEPT).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let surface = match request.uri().path() {
        path if path.starts_with("/api/") => Surface::Api,
        _ if accept.contains("text/html") => Surface::Page,
        _ => Surface::Plain,
    };
    let context = request.extensions().get::<Context>().cloned().unwrap_or_default();
    (surface, context)
}

async fn pass(State(around): State<Around>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let request_id = Id::<Request>::new(Clock::default().now(), &around.random).to_string();
    let mut context = Context::default();
    context.request_id.clone_from(&request_id);
    context.authority = text(request.headers(), &header::HOST);
    context.base_url.clone_from(&around.base_url);
    context.peer = request.extensions().get::<Peer>().map(|peer| peer.0);
    context.client = client(&around.proxies, context.peer, request.headers());
    context.speaks_protocol_2 =
        request.headers().get(PROTOCOL).is_some_and(|it| it.as_bytes() == b"2");
    let origin = Origin {
        request_id: request_id.clone(),
        ip: context.peer,
        user_agent: text(request.headers(), &header::USER_AGENT),
    };
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = if let Some(problem) = too_large(&request) {
        problem.tell(Surface::Plain, &context)
    } else {
        request.extensions_mut().insert(context);
        origin.around(next.run(request)).await
    };
    let headers = response.headers_mut();
    secure(headers, around.is_https);
    headers.insert(PROTOCOL, HeaderValue::from_static("2"));
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        headers.insert(REQUEST_ID, id);
    }
    let status = response.status().as_u16();
    let took_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    tracing::info!(%method, path, status, took_us, request_id, "request");
    response
}

fn text(headers: &HeaderMap, name: &HeaderName) -> String {
    headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default().to_owned()
}

/// A head that is larger than any honest one.
fn too_large(request: &Request) -> Option<Problem> {
    let address = request.uri().path_and_query().map_or(0, |it| it.as_str().len());
    if address > MAX_ADDRESS_BYTES {
        let detail = "an address has at most 16 KiB";
        return Some(Problem::refuse(StatusCode::URI_TOO_LONG, "too_large", detail));
    }
    let headers = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len());
    let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    let is_too_large = headers.sum::<usize>() > MAX_HEADERS_BYTES;
    is_too_large
        .then(|| Problem::refuse(status, "too_large", "the headers have at most 32 KiB together"))
}
