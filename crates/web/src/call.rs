//! What a handler gets of the request.

use std::{collections::HashMap, marker::PhantomData, net::IpAddr, ops::Deref};

use axum::{
    extract::{FromRequestParts as _, RawPathParams},
    http::{HeaderMap, Method, StatusCode, Uri, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};
use trust::{Actor, Kind, Place};

use crate::{
    Body, Fault, Problem,
    look::{Reader, Theme},
    shape::{Field, Shape},
};

/// What is known of a request from the start. The server puts one into each request's extensions.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// Names the request in answers, logs and errors.
    pub request_id: String,
    /// `Host`, as sent; or what a trusted proxy says that it was.
    pub authority: String,
    /// The scheme and authority that clients reach us by, without a closing slash.
    pub base_url: String,
    /// Whether the client said `Motet-Protocol: 2`.
    pub speaks_protocol_2: bool,
    /// The other end of the connection, if it is known.
    pub peer: Option<IpAddr>,
    /// Whose requests these are for the limits: the peer, or whom a trusted proxy names.
    pub client: Option<IpAddr>,
    /// How pages look to whoever asks.
    pub theme: Theme,
    /// The mark of the session that asks, for the frame of pages.
    pub(crate) csrf: Option<String>,
    /// Who is asking, once believed.
    pub(crate) actor: Option<Actor>,
}

impl Context {
    /// Where the request comes from, as far as limits tell places apart.
    pub fn place(&self) -> Place {
        Place::of(self.client)
    }

    /// Who reads, for the frame of pages. The operator has no page to lead to.
    pub fn reader(&self) -> Reader {
        let reader = self.actor.as_ref().and_then(Actor::principal);
        let handle = reader.filter(|it| it.kind != Kind::Operator).map(|it| it.handle.to_string());
        Reader { handle, csrf: self.csrf.clone(), theme: self.theme }
    }
}

/// The parameters of the path, percent-decoded.
#[derive(Debug, Clone, Default)]
pub struct Params(HashMap<String, String>);

impl Params {
    pub(crate) async fn of(parts: &mut Parts) -> Result<Self, Problem> {
        let raw = RawPathParams::from_request_parts(parts, &()).await;
        // Percent-escapes that are not UTF-8: nothing has such a name.
        let raw = raw.map_err(|_| Problem::not_found())?;
        Ok(Self(raw.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()))
    }

    /// The text of the parameter; empty if the route has none of that name.
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// The parameter as what it should be. A name that cannot be is a name that is not there: 404.
    pub fn parse<T: std::str::FromStr>(&self, name: &str) -> Result<T, Problem> {
        self.text(name).parse().map_err(|_| Problem::not_found())
    }
}

/// A request, past the gate.
#[derive(Debug)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// The address.
    pub uri: Uri,
    /// The headers.
    pub headers: HeaderMap,
    /// The parameters of the path.
    pub params: Params,
    /// What is known of it.
    pub context: Context,
    /// The body: capped, and checked against its digest when it ends.
    pub body: Body,
}

impl Call {
    /// A header as text; empty if absent or not text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The query, or every fault of it.
    pub fn query<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        axum::extract::Query::<T>::try_from_uri(&self.uri)
            .map(|query| query.0)
            .map_err(|error| Problem::malformed(&error.body_text()))
    }
}

/// What is said of a request by the type that a handler takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asks {
    /// The fields of the query.
    pub query: Vec<Field>,
    /// The type of the body, and what the body looks like.
    pub body: Option<(&'static str, Shape)>,
}

impl Asks {
    fn query<T: DeserializeOwned>() -> Self {
        match Shape::of::<T>() {
            Shape::Fields(query) => Self { query, body: None },
            _ => Self::default(),
        }
    }

    pub(crate) fn body<T: DeserializeOwned>(media: &'static str) -> Self {
        Self { query: Vec::new(), body: Some((media, Shape::of::<T>())) }
    }
}

/// What a handler takes besides the proof of authority.
pub trait Input: Sized + Send {
    /// Takes it from the call.
    fn take(call: Call) -> impl Future<Output = Result<Self, Problem>> + Send;

    /// What this says of the requests that it takes, for the reference.
    fn asks() -> Asks {
        Asks::default()
    }
}

impl Input for Call {
    async fn take(call: Call) -> Result<Self, Problem> {
        Ok(call)
    }
}

/// A call whose query is a `T`.
#[derive(Debug)]
pub struct Queried<T> {
    call: Call,
    of: PhantomData<fn() -> T>,
}

impl<T> Deref for Queried<T> {
    type Target = Call;

    fn deref(&self) -> &Call {
        &self.call
    }
}

impl<T: DeserializeOwned> Queried<T> {
    /// The query, or every fault of it.
    pub fn query(&self) -> Result<T, Problem> {
        self.call.query()
    }

    /// The call itself, for a body that is no JSON.
    pub fn into_call(self) -> Call {
        self.call
    }

    /// Reads the body to its end: there should be none.
    pub async fn end(self) -> Result<(), Problem> {
        <()>::take(self.call).await
    }
}

impl<T: DeserializeOwned> Input for Queried<T> {
    async fn take(call: Call) -> Result<Self, Problem> {
        Ok(Self { call, of: PhantomData })
    }

    fn asks() -> Asks {
        Asks::query::<T>()
    }
}

/// A call whose body is a `T` in JSON, for handlers that look at the rest of it first.
#[derive(Debug)]
pub struct Posted<T> {
    call: Call,
    of: PhantomData<fn() -> T>,
}

impl<T> Deref for Posted<T> {
    type Target = Call;

    fn deref(&self) -> &Call {
        &self.call
    }
}

impl<T: DeserializeOwned + Send> Posted<T> {
    /// The body, once all of it has come.
    pub async fn json(self) -> Result<T, Problem> {
        Ok(Json::<T>::take(self.call).await?.0)
    }
}

impl<T: DeserializeOwned + Send> Input for Posted<T> {
    async fn take(call: Call) -> Result<Self, Problem> {
        Ok(Self { call, of: PhantomData })
    }

    fn asks() -> Asks {
        Asks::body::<T>("application/json")
    }
}

/// The longest body of a route that takes none: room for the `{}` of clients that always send something.
const NO_BODY_BYTES: usize = 1024;

/// Nothing: the body is read to its end all the same, so that its digest is checked.
impl Input for () {
    async fn take(call: Call) -> Result<Self, Problem> {
        if call.body.bytes().await?.len() > NO_BODY_BYTES {
            return Err(Problem::malformed("this address takes no body"));
        }
        Ok(())
    }
}

/// A JSON body, or an answer in JSON.
#[derive(Debug, Clone)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned + Send> Input for Json<T> {
    async fn take(call: Call) -> Result<Self, Problem> {
        let kind = call.header("content-type").split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            return Err(Problem::refuse(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "send the body as application/json",
            ));
        }
        let bytes = call.body.bytes().await?;
        let mut reader = serde_json::Deserializer::from_slice(&bytes);
        let value =
            serde_path_to_error::deserialize(&mut reader).map_err(|error| json_fault(&error))?;
        reader.end().map_err(|error| Problem::malformed(&error))?;
        Ok(Self(value))
    }

    fn asks() -> Asks {
        Asks::body::<T>("application/json")
    }
}

/// A JSON body that is well formed but not what the route takes is 422, with the place; else 400.
fn json_fault(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let inner = error.inner();
    let message = inner.to_string();
    // A key that stands twice says two things at once: nothing that follows from it can be right.
    if !inner.is_data() || message.starts_with("duplicate field") {
        return Problem::malformed(&message);
    }
    let code = if message.starts_with("unknown field") { "unknown_field" } else { "invalid" };
    let path = error.path().to_string();
    let pointer = if path == "." { String::new() } else { format!("/{}", path.replace('.', "/")) };
    Problem::invalid(vec![Fault { pointer, code, message }])
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
            Err(error) => {
                tracing::error!(%error, "an answer cannot be written as JSON");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

/// A rendered page as an answer.
pub fn page(template: &impl askama::Template) -> Result<Response, Problem> {
    let html = template.render().map_err(|error| Problem::internal(&error))?;
    Ok(([(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response())
}
