//! Around every request: an id, which host it names, which site it comes from, the headers of every answer, one line
//! in the log.

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
use web::{
    Context, Problem, Surface, admit_unrouted,
    headers::{Line, secure},
    look::Theme,
};

use crate::{
    Network,
    config::Settings,
    cors::{Cors, Crossing},
    health,
    listener::Peer,
    proxies::{client, host_lines},
};

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
    line: Line,
    random: Random,
    proxies: Arc<[Network]>,
    cors: Cors,
    trust: Trust,
}

/// Puts the house's walls around the rooms.
pub(crate) fn wrap(rooms: Router, settings: &Settings, trust: Trust) -> Router {
    let around = Around {
        base_url: settings.base_url.clone(),
        is_https: settings.is_https,
        line: settings.line(),
        random: Random::default(),
        proxies: settings.trusted_proxies.clone().into(),
        cors: settings.cors.clone(),
        trust: trust.clone(),
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
        let context = request.extensions().get::<Context>().cloned().unwrap_or_default();
        let surface = surface_of(&request);
        let problem = admit_unrouted(&trust, &context).err().unwrap_or_else(problem);
        ready(problem.tell(surface, &context))
    }
}

fn not_this_way() -> Problem {
    let detail = "this address does not take that method";
    Problem::refuse(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
}

/// How to speak where no route says it: JSON below `/api`, a page to those who ask for one, else plain.
fn surface_of(request: &Request) -> Surface {
    let accept =
        request.headers().get(header::ACCEPT).and_then(|it| it.to_str().ok()).unwrap_or_default();
    match request.uri().path() {
        path if path.starts_with("/api/") => Surface::Api,
        _ if accept.contains("text/html") => Surface::Page,
        _ => Surface::Plain,
    }
}

/// Whether only wire 2 has such an address: it tells a refusal in one form to everybody (`spec/wire.md` 9).
fn is_wire_2(path: &str) -> bool {
    path.split('/').nth(3) == Some("v2") && !path.starts_with("/api/")
}

impl Around {
    /// What is known of a request from the start.
    fn context(&self, request: &Request) -> Context {
        let mut context = Context::default();
        context.request_id = Id::<Request>::new(Clock::default().now(), &self.random).to_string();
        context.base_url.clone_from(&self.base_url);
        context.peer = request.extensions().get::<Peer>().map(|peer| peer.0);
        context.client = client(&self.proxies, context.peer, request.headers());
        let says_so = request.headers().get(PROTOCOL).is_some_and(|it| it.as_bytes() == b"2");
        context.theme = Theme::of(request.headers());
        context.speaks_protocol_2 = says_so || is_wire_2(request.uri().path());
        context
    }

    /// Judges the host that a request names, whatever its method and path, and notes it. A local server is reached by
    /// each of its names, and leads back to the one by which it was.
    fn judge_host(&self, request: &Request, context: &mut Context) -> Result<(), Problem> {
        let settings = self.trust.settings();
        let lines = host_lines(&self.proxies, context.peer, request.headers());
        let target = request.uri().authority().map(axum::http::uri::Authority::as_str);
        match settings.hosts.judge(lines, target) {
            Ok(host) => host.clone_into(&mut context.authority),
            // Whoever asks for health knows an address, and often no name.
            Err(_) if !settings.is_local() && health::PATHS.contains(&request.uri().path()) => {}
            Err(fault) => {
                admit_unrouted(&self.trust, context)?;
                return Err(fault.into());
            }
        }
        if settings.is_local() {
            let scheme = if self.is_https { "https" } else { "http" };
            context.base_url = format!("{scheme}://{}", context.authority);
        }
        Ok(())
    }

    /// Whatever is answered before a route is looked for.
    fn entrance(
        &self,
        request: &Request,
        context: &mut Context,
    ) -> (Crossing, Option<Result<Response, Problem>>) {
        let head = too_large(request).map_or(Ok(()), Err);
        if let Err(problem) = head.and_then(|()| self.judge_host(request, context)) {
            return (Crossing::NoRule, Some(Err(problem)));
        }
        let (path, headers) = (request.uri().path(), request.headers());
        let crossing = self.cors.look(path, headers, &context.base_url);
        let answer = crossing
            .answer(request.method(), headers)
            .map(|answer| admit_unrouted(&self.trust, context).and(answer));
        (crossing, answer)
    }
}

async fn pass(State(around): State<Around>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let mut context = around.context(&request);
    let request_id = context.request_id.clone();
    let origin = Origin {
        request_id: request_id.clone(),
        ip: context.peer,
        user_agent: text(request.headers(), &header::USER_AGENT),
    };
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let (crossing, answer) = around.entrance(&request, &mut context);
    let mut response = match answer {
        Some(Ok(answer)) => answer,
        Some(Err(problem)) => problem.tell(surface_of(&request), &context),
        None => {
            request.extensions_mut().insert(context);
            origin.around(next.run(request)).await
        }
    };
    let headers = response.headers_mut();
    secure(headers, around.line);
    crossing.mark(headers);
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
