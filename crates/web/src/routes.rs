//! The route registry: every route with its action, its surface and its cap.
//!
//! A route cannot be mounted without an action: the handler's own signature names it, as `Allowed<act::RepoRead,
//! Repository>`. The list of [`Entry`]s is what tests and the reference page walk.

use std::{pin::Pin, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, Method},
    response::{IntoResponse, Response},
    routing::{MethodFilter, on},
};
use names::Handle;
use trust::{
    Account, Act, Action, Actor, Allowed, Anything, Bearers, Class, Publisher, Refusal, Resource,
    Trust,
};

use crate::{
    Asks, Cost, Input, Media, Params, Problem, Surface, accept::prefers_page, form::FORM_BYTES,
    gate,
};

/// The body cap of everything that does not say otherwise (`spec/conventions.md`, Requests).
const DEFAULT_BODY_BYTES: u64 = 10 << 20;

/// How a room loads what a route acts on, from the path and the door. `actor` is there for things that only their
/// maker knows of; the decision is the authority's alone.
pub trait Load<Door>: Resource + Sized {
    /// Loads it. What is not there is a 404 here, or a resource that the authority hides.
    fn load(
        door: &Door,
        params: &Params,
        actor: &Actor,
    ) -> impl Future<Output = Result<Self, Problem>> + Send;

    /// What pages about it tell robots: `X-Robots-Tag`.
    fn robots(&self) -> Option<&'static str> {
        None
    }
}

impl<Door: Sync> Load<Door> for Anything {
    async fn load(_: &Door, _: &Params, _: &Actor) -> Result<Self, Problem> {
        Ok(Self)
    }
}

/// An account as an address names it in `handle`; the caller's own where the address names none.
impl<Door: AsRef<Trust> + Sync> Load<Door> for Account {
    async fn load(door: &Door, params: &Params, actor: &Actor) -> Result<Self, Problem> {
        let named = params.text("handle");
        let handle: Handle = match actor.handle() {
            _ if !named.is_empty() => params.parse("handle")?,
            Some(own) => own.clone(),
            None => return Err(Refusal::Unauthenticated.into()),
        };
        let found = door.as_ref().account(actor, &handle).await?;
        found.ok_or_else(Problem::not_found)
    }
}

/// A publisher as an address names it in `publisher`: a handle, or `me` for the one as which the credential acts.
impl<Door: AsRef<Trust> + Sync> Load<Door> for Publisher {
    async fn load(door: &Door, params: &Params, actor: &Actor) -> Result<Self, Problem> {
        let handle: Option<Handle> = match params.text("publisher") {
            "me" => None,
            _ => Some(params.parse("publisher")?),
        };
        let found = door.as_ref().publisher(actor, handle.as_ref()).await?;
        found.ok_or_else(Problem::not_found)
    }
}

/// Where a route is and what it takes.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// The surface.
    pub surface: Surface,
    /// The largest body, in bytes.
    pub body_bytes: u64,
    /// What a request counts as.
    pub class: Class,
    /// What a page costs those who are not signed in.
    pub cost: Cost,
    /// Whether a 401 of the handler counts as a failure of the place that it comes from (`spec/trust.md` 2).
    pub is_guarded: bool,
    /// The body that it takes.
    pub media: Media,
    /// Which tokens it takes.
    pub bearers: Bearers,
    /// How long its handler may work before the caller is told to come back. Silence is bounded by the body itself.
    pub time_limit: Duration,
    /// Whether the same address is a page for those who would rather read one.
    pub is_page_too: bool,
    /// The types in which it answers when all is well; none where it has nothing to say.
    pub answers: &'static [&'static str],
}

impl Spec {
    /// A route of `surface` with the usual cap and the usual class.
    pub const fn new(surface: Surface) -> Self {
        let class = match surface {
            Surface::Api | Surface::Oauth | Surface::Page => Class::Global,
            Surface::Wire | Surface::Git => Class::WireRead,
            Surface::Plain => Class::Free,
        };
        let (media, bearers) = match surface {
            Surface::Api => (Media::Json, Bearers::Api),
            Surface::Page => (Media::Form, Bearers::Api),
            Surface::Wire => (Media::Message, Bearers::Wire),
            Surface::Git => (Media::Any, Bearers::Git),
            Surface::Plain => (Media::Any, Bearers::Api),
            Surface::Oauth => (Media::Any, Bearers::None),
        };
        // A push is read within it too, and a slow upload of 500 MiB needs minutes.
        let time_limit = match surface {
            Surface::Wire | Surface::Git => Duration::from_mins(15),
            Surface::Api | Surface::Oauth | Surface::Page | Surface::Plain => {
                Duration::from_secs(30)
            }
        };
        let answers: &'static [&'static str] = match surface {
            Surface::Api | Surface::Oauth => &["application/json"],
            Surface::Page => &["text/html; charset=utf-8"],
            Surface::Wire => &["application/x-msgpack", "application/json"],
            Surface::Git | Surface::Plain => &[],
        };
        let body_bytes = match surface {
            Surface::Page => FORM_BYTES,
            Surface::Api | Surface::Oauth | Surface::Wire | Surface::Git | Surface::Plain => {
                DEFAULT_BODY_BYTES
            }
        };
        Self {
            surface,
            body_bytes,
            class,
            cost: Cost::Page,
            is_guarded: false,
            media,
            bearers,
            time_limit,
            is_page_too: false,
            answers,
        }
    }

    /// The same, answered in other types.
    #[must_use]
    pub const fn answers(mut self, answers: &'static [&'static str]) -> Self {
        self.answers = answers;
        self
    }

    /// The same with more or less time.
    #[must_use]
    pub const fn within(mut self, time_limit: Duration) -> Self {
        self.time_limit = time_limit;
        self
    }

    /// The same, and a page for those who would rather read one: [`prefers_page`](crate::prefers_page).
    #[must_use]
    pub const fn or_page(mut self) -> Self {
        self.is_page_too = true;
        self
    }

    /// What holds for one request: everything about it is a page's where one is wanted.
    pub(crate) fn asked_with(self, method: &Method, headers: &HeaderMap) -> Self {
        if self.is_page_too && method.is_safe() && prefers_page(headers) {
            Self { is_page_too: true, ..Self::new(Surface::Page) }
        } else {
            self
        }
    }

    /// The same with another body.
    #[must_use]
    pub const fn media(mut self, media: Media) -> Self {
        self.media = media;
        self
    }

    /// The same with other tokens.
    #[must_use]
    pub const fn bearers(mut self, bearers: Bearers) -> Self {
        self.bearers = bearers;
        self
    }

    /// The same with another class.
    #[must_use]
    pub const fn class(mut self, class: Class) -> Self {
        self.class = class;
        self
    }

    /// The same with another cost.
    #[must_use]
    pub const fn cost(mut self, cost: Cost) -> Self {
        self.cost = cost;
        self
    }

    /// The same, guarded by the failure limiter: for what takes a proof in its body.
    #[must_use]
    pub const fn guarded(mut self) -> Self {
        self.is_guarded = true;
        self
    }

    /// The same with another cap.
    #[must_use]
    pub const fn body_bytes(mut self, body_bytes: u64) -> Self {
        self.body_bytes = body_bytes;
        self
    }
}

/// A mounted route.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The method.
    pub method: Method,
    /// The path, with its parameters in braces.
    pub path: &'static str,
    /// What is asked of the authority.
    pub action: Action,
    /// How it speaks.
    pub surface: Surface,
    /// The largest body, in bytes.
    pub body_bytes: u64,
    /// What a request counts as.
    pub class: Class,
    /// The body that it takes.
    pub media: Media,
    /// Which tokens it takes, before what the action says of them.
    pub bearers: Bearers,
    /// The types in which it answers when all is well.
    pub answers: &'static [&'static str],
    /// What its handler says of a request.
    pub asks: fn() -> Asks,
}

impl Entry {
    fn of<A: Act, I: Input>(method: Method, path: &'static str, spec: &Spec) -> Self {
        let Spec { surface, body_bytes, class, media, bearers, answers, .. } = *spec;
        let (action, asks) = (A::ACTION, I::asks as fn() -> Asks);
        Self { method, path, action, surface, body_bytes, class, media, bearers, answers, asks }
    }
}

impl From<Surface> for Spec {
    fn from(surface: Surface) -> Self {
        Self::new(surface)
    }
}

/// What answers a request.
type Serve = Arc<dyn Fn(Request) -> Pin<Box<dyn Future<Output = Response> + Send>> + Send + Sync>;

/// One of several routes at one path, told apart by the query.
pub struct Way {
    entry: Entry,
    serve: Serve,
}

impl std::fmt::Debug for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Way").field(&self.entry).finish()
    }
}

impl Way {
    /// The path, and what the query has to say; nothing for what answers where no other way fits.
    fn parts(&self) -> (&'static str, Option<&'static str>) {
        match self.entry.path.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (self.entry.path, None),
        }
    }
}

/// The routes of one room.
#[derive(Debug)]
pub struct Routes<Door> {
    door: Door,
    trust: Trust,
    entries: Vec<Entry>,
    router: Router,
}

impl<Door: Clone + Send + Sync + 'static> Routes<Door> {
    /// No routes yet.
    pub fn new(door: Door, trust: Trust) -> Self {
        Self { door, trust, entries: Vec::new(), router: Router::new() }
    }

    /// One of several handlers of a path, for [`Routes::get_ways`]. The path ends with what the query has to say, as in
    /// `/{name}/list?kind=a`; without that it is for whatever else is asked.
    #[must_use]
    pub fn way<A, R, I, F, Fut, Out>(&self, path: &'static str, spec: Spec, handler: F) -> Way
    where
        A: Act,
        R: Load<Door>,
        I: Input + 'static,
        F: Fn(Door, Allowed<A, R>, I) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<Out, Problem>> + Send + 'static,
        Out: IntoResponse + 'static,
    {
        let (door, trust) = (self.door.clone(), self.trust.clone());
        let serve: Serve = Arc::new(move |request: Request| {
            let (door, trust, handler) = (door.clone(), trust.clone(), handler.clone());
            Box::pin(gate::pass(door, trust, spec, handler, request))
        });
        Way { entry: Entry::of::<A, I>(Method::GET, path, &spec), serve }
    }

    /// Mounts handlers of one path for GET and HEAD. The query says which answers; the last one where none fits.
    #[must_use]
    pub fn get_ways<const N: usize>(mut self, ways: [Way; N]) -> Self {
        let path = ways.first().map(|it| it.parts().0);
        let known: Vec<_> = ways.iter().map(|it| (it.parts().1, Arc::clone(&it.serve))).collect();
        self.entries.extend(ways.into_iter().map(|it| it.entry));
        let serve = move |request: Request| {
            let query = request.uri().query().unwrap_or_default();
            let fits = |wanted: Option<&'static str>| {
                wanted.is_none_or(|wanted| query.split('&').any(|it| it == wanted))
            };
            let found = known.iter().find(|(wanted, _)| fits(*wanted));
            let serve = found.map(|(_, serve)| Arc::clone(serve));
            async move {
                match serve {
                    Some(serve) => serve(request).await,
                    None => Problem::not_found().tell(Surface::Plain, &crate::Context::default()),
                }
            }
        };
        if let Some(path) = path {
            self.router = self.router.route(path, on(MethodFilter::GET, serve));
        }
        self
    }

    /// Mounts a handler. `A` and `R` come from its signature.
    #[must_use]
    pub fn on<A, R, I, F, Fut, Out>(
        mut self,
        method: Method,
        path: &'static str,
        spec: Spec,
        handler: F,
    ) -> Self
    where
        A: Act,
        R: Load<Door>,
        I: Input + 'static,
        F: Fn(Door, Allowed<A, R>, I) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<Out, Problem>> + Send,
        Out: IntoResponse,
    {
        let (door, trust) = (self.door.clone(), self.trust.clone());
        let serve = move |request: Request| {
            let (door, trust, handler) = (door.clone(), trust.clone(), handler.clone());
            gate::pass(door, trust, spec, handler, request)
        };
        // GET answers HEAD too.
        let filter = MethodFilter::try_from(method.clone()).unwrap_or(MethodFilter::GET);
        self.router = self.router.route(path, on(filter, serve));
        self.entries.push(Entry::of::<A, I>(method, path, &spec));
        self
    }

    /// Mounts a handler for GET and HEAD. A surface alone is a route with nothing unusual.
    #[must_use]
    pub fn get<A, R, I, F, Fut, Out>(
        self,
        path: &'static str,
        spec: impl Into<Spec>,
        handler: F,
    ) -> Self
    where
        A: Act,
        R: Load<Door>,
        I: Input + 'static,
        F: Fn(Door, Allowed<A, R>, I) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<Out, Problem>> + Send,
        Out: IntoResponse,
    {
        self.on(Method::GET, path, spec.into(), handler)
    }

    /// Mounts a handler for POST.
    #[must_use]
    pub fn post<A, R, I, F, Fut, Out>(self, path: &'static str, spec: Spec, handler: F) -> Self
    where
        A: Act,
        R: Load<Door>,
        I: Input + 'static,
        F: Fn(Door, Allowed<A, R>, I) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<Out, Problem>> + Send,
        Out: IntoResponse,
    {
        self.on(Method::POST, path, spec, handler)
    }

    /// The finished router and the list of what is in it.
    pub fn finish(self) -> (Router, Vec<Entry>) {
        (self.router, self.entries)
    }
}
