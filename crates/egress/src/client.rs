//! The client: admit, resolve, judge, pin, connect, ask; for each hop again.

use std::{error::Error as _, fmt, pin::pin, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue, Method, header};
use hyper::{Request as Message, Response as Answer, body::Incoming, client::conn::TrySendError};
use tokio::time::Instant;

use crate::{
    connect::{self, Connection, MAX_HEAD_BYTES},
    error::{Error, SetupError},
    limits::{Budget, Limits, Part, Stage},
    origin::{Origin, Target},
    outgoing::{Fault, Outgoing, Payload},
    pin::Pinned,
    policy::{Policy, Reach},
    pool::{Key, Pool},
    redirect::Hop,
    request::Request,
    resolve::{Resolve, SystemResolver},
    response::{Body, Response, Source},
    tls::{Roots, Tls},
};

/// How long after it was judged an address may be asked over the same connection.
const REUSE_FOR: Duration = Duration::from_secs(30);
/// Who asks, if the caller does not say.
static USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("motet/", env!("CARGO_PKG_VERSION")));

/// What a client is made of.
pub struct Settings {
    policy: Policy,
    limits: Limits,
    roots: Roots,
    resolver: Arc<dyn Resolve>,
    reuse_for: Duration,
}

impl Settings {
    /// The machine's resolver and trusted certificates, and the usual limits.
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            limits: Limits::default(),
            roots: Roots::default(),
            resolver: Arc::new(SystemResolver::default()),
            reuse_for: REUSE_FOR,
        }
    }

    /// Limits of requests that bring none of their own.
    #[must_use]
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Who vouches for origins that bring no authority of their own.
    #[must_use]
    pub fn roots(mut self, roots: Roots) -> Self {
        self.roots = roots;
        self
    }

    /// Who is asked for addresses.
    #[must_use]
    pub fn resolver(mut self, resolver: Arc<dyn Resolve>) -> Self {
        self.resolver = resolver;
        self
    }

    /// How long after its address was judged a connection may be used again; zero for never. Half a minute at most.
    #[must_use]
    pub fn reuse_for(mut self, reuse_for: Duration) -> Self {
        self.reuse_for = reuse_for.min(REUSE_FOR);
        self
    }
}

/// The way out. Cheap to clone; clones share their idle connections.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    policy: Policy,
    limits: Limits,
    resolver: Arc<dyn Resolve>,
    tls: Tls,
    pool: Arc<Pool<Connection>>,
}

impl Client {
    /// Reads the trusted certificates, which touches the disk: made once, when the server starts.
    pub fn new(settings: Settings) -> Result<Self, SetupError> {
        let Settings { policy, limits, roots, resolver, reuse_for } = settings;
        let tls = Tls::new(&policy, &roots)?;
        let pool = Arc::new(Pool::new(reuse_for));
        Ok(Self(Arc::new(Inner { policy, limits, resolver, tls, pool })))
    }

    /// Whether a request to `url` would go out now: its form, scheme, port, name, and every address behind it. The
    /// name is looked up; nothing is connected to. An address that passes is judged again when it is asked.
    pub async fn check(&self, url: &str) -> Result<(), Error> {
        let target: Target = url.parse()?;
        let reach = self.0.policy.admit(&target.origin, None)?;
        self.0.pin(&target.origin, reach, &Budget::start(self.0.limits)).await.map(|_| ())
    }

    /// Sends `request` and waits for the head of the answer. Nothing is tried twice, but for a request that found
    /// its idle connection closed before a byte of it was written.
    pub async fn send(&self, request: Request) -> Result<Response, Error> {
        let Request { method, target, headers, payload, max_redirects, limits } = request;
        let budget = Budget::start(limits.unwrap_or(self.0.limits));
        let mut hop = Hop::new(method, target, headers, &payload);
        let mut payload = payload;
        let (mut came_from, mut followed) = (None, 0);
        loop {
            let reach = self.0.policy.admit(&hop.target.origin, came_from)?;
            let response = self.0.exchange(&hop, payload, reach, &budget).await?;
            if max_redirects == 0 {
                return Ok(response);
            }
            let Some(next) = hop.after(response.status, &response.headers)? else {
                return Ok(response);
            };
            if followed == max_redirects {
                let origin = hop.target.origin;
                return Err(Error::TooManyRedirects { origin, limit: max_redirects });
            }
            followed += 1;
            came_from = Some(reach);
            payload = Payload::Whole(next.body.clone().unwrap_or_default());
            hop = next;
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the outgoing client")
    }
}

impl Inner {
    async fn pin(&self, origin: &Origin, reach: Reach, budget: &Budget) -> Result<Pinned, Error> {
        Pinned::find(&self.policy, self.resolver.as_ref(), origin, reach, budget).await
    }

    /// One request and the head of its answer, over an idle connection or a new one.
    async fn exchange(
        &self,
        hop: &Hop,
        payload: Payload,
        reach: Reach,
        budget: &Budget,
    ) -> Result<Response, Error> {
        let origin = &hop.target.origin;
        let limit_bytes = budget.limits.request_bytes;
        if payload.length().is_some_and(|length| length > limit_bytes) {
            return Err(too_large(origin, Part::Request, limit_bytes));
        }
        let mut message = message(hop, Outgoing::new(payload, limit_bytes))?;
        let key = (origin.clone(), reach);
        if let Some(idle) = self.idle(&key, budget).await {
            match self.ask(idle, message, &key, budget).await {
                Ok(response) => return Ok(response),
                Err(Unanswered { unsent: Some(back), .. }) => message = *back,
                Err(unanswered) => return Err(unanswered.error),
            }
        }
        let pinned = self.pin(origin, reach, budget).await?;
        let connection =
            connect::open(&pinned, origin, self.tls.config(origin, reach), budget).await?;
        self.ask(connection, message, &key, budget).await.map_err(|unanswered| unanswered.error)
    }

    /// An idle connection that still listens.
    async fn idle(&self, key: &Key, budget: &Budget) -> Option<Connection> {
        let mut idle = self.pool.take(key, Instant::now())?;
        let ready = budget.within(Stage::Connect, idle.sender.ready()).await;
        matches!(ready, Ok(Ok(()))).then_some(idle)
    }

    async fn ask(
        &self,
        mut connection: Connection,
        message: Message<Outgoing>,
        key: &Key,
        budget: &Budget,
    ) -> Result<Response, Unanswered> {
        let progress = message.body().progress();
        let mut asking = pin!(connection.sender.try_send_request(message));
        let mut seen = progress.frames();
        let answer = loop {
            match budget.within(Stage::FirstByte, &mut asking).await {
                Ok(answer) => break answer,
                // The body is still going out; the silence begins when it stops.
                Err(Stage::FirstByte) if progress.frames() != seen => seen = progress.frames(),
                Err(stage) => return Err(budget.timeout(stage, &key.0).into()),
            }
        };
        match answer {
            Ok(answer) => {
                let pool = Arc::clone(&self.pool);
                let source = Source { connection, pool, key: key.clone(), progress };
                Ok(response(answer, source, *budget))
            }
            Err(refused) => Err(unanswered(refused, &key.0, budget)),
        }
    }
}

/// Why a message has no answer, and the message if not a byte of it was written.
struct Unanswered {
    unsent: Option<Box<Message<Outgoing>>>,
    error: Error,
}

impl From<Error> for Unanswered {
    fn from(error: Error) -> Self {
        Self { unsent: None, error }
    }
}

fn unanswered(
    mut refused: TrySendError<Message<Outgoing>>,
    origin: &Origin,
    budget: &Budget,
) -> Unanswered {
    let unsent = refused.take_message().map(Box::new);
    Unanswered { unsent, error: explain(refused.into_error(), origin, budget) }
}

fn response(answer: Answer<Incoming>, source: Source, budget: Budget) -> Response {
    let (head, incoming) = answer.into_parts();
    Response {
        status: head.status,
        headers: head.headers,
        origin: source.key.0.clone(),
        body: Body::new(incoming, source, budget),
    }
}

fn message(hop: &Hop, body: Outgoing) -> Result<Message<Outgoing>, Error> {
    let unusable = |_| Error::Url { why: "it cannot be asked for" };
    let host = HeaderValue::try_from(hop.target.origin.authority());
    let host = host.map_err(|_| Error::Url { why: "its host cannot be asked for" })?;
    let mut message = Message::new(body);
    *message.method_mut() = hop.method.clone();
    *message.uri_mut() = hop.target.path_and_query().parse().map_err(unusable)?;
    *message.headers_mut() = headers(hop, host, message.body());
    Ok(message)
}

fn headers(hop: &Hop, host: HeaderValue, body: &Outgoing) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(hop.headers.len() + 3);
    headers.insert(header::HOST, host);
    headers.insert(header::USER_AGENT, USER_AGENT.clone());
    headers.extend(hop.headers.clone());
    // Without it a server cannot tell an empty body from one that is missing.
    let expects_body = [Method::POST, Method::PUT, Method::PATCH].contains(&hop.method);
    if expects_body && http_body::Body::size_hint(body).exact() == Some(0) {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    headers
}

/// What a failure of the HTTP library means.
fn explain(failure: hyper::Error, origin: &Origin, budget: &Budget) -> Error {
    if failure.is_parse_too_large() {
        return too_large(origin, Part::Head, MAX_HEAD_BYTES as u64);
    }
    match failure.source().and_then(|cause| cause.downcast_ref::<Fault>()) {
        Some(Fault::TooLarge) => too_large(origin, Part::Request, budget.limits.request_bytes),
        Some(Fault::Failed(cause)) => {
            Error::RequestBody { origin: origin.clone(), why: cause.to_string() }
        }
        None => Error::Connection { origin: origin.clone(), cause: failure.into() },
    }
}

fn too_large(origin: &Origin, part: Part, limit_bytes: u64) -> Error {
    Error::TooLarge { origin: origin.clone(), part, limit_bytes }
}
