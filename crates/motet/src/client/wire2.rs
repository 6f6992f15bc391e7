//! The calls of wire 2 that read (`spec/wire.md` 9).

use api::{
    ProblemBody, Value, WireError,
    json::ServerKeyPage,
    stream::MEDIA_TYPE,
    wire::{
        Fields, Refs,
        limits::{self, SMALL_BODY_BYTES},
    },
    wire2::{
        Fetch, KeysWanted, KnownKeys, LogHead, LogPage, Negotiate, Negotiated, ObjectsRequest,
        RefPlace,
    },
};
use bytes::Bytes;
use reqwest::Method;

use super::{
    ClientError, Refusal, Wire,
    transport::Call,
    wire::{MESSAGE_PACK, encoded},
};

/// Refs that are read.
const MAX_REFS: usize = 200_000;

/// What `refs` answers those who speak wire 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefsAndLog {
    /// What wire 1 says.
    pub refs: Refs,
    /// Where each ref is, with its place in its chain; nothing where that is not told.
    pub places: Option<Vec<RefPlace>>,
    /// Where the log ends; nothing where there is none.
    pub log: Option<LogHead>,
}

impl TryFrom<Value> for RefsAndLog {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let has = |name| match &value {
            Value::Map(fields) => fields.iter().any(|(key, _)| key == name),
            _ => false,
        };
        let (has_places, has_log) = (has("refs"), has("log"));
        let fields = &mut Fields::of(value.clone(), "the answer")?;
        let places = has_places
            .then(|| fields.list("refs", MAX_REFS)?.into_iter().map(RefPlace::try_from).collect());
        let log = has_log.then(|| LogHead::try_from(fields.take("log").unwrap_or(Value::Nil)));
        let (places, log) = (places.transpose()?, log.transpose()?);
        Ok(Self { refs: value.try_into()?, places, log })
    }
}

impl Wire<'_> {
    /// The address of the repository, as it is noted.
    pub fn address(&self) -> String {
        format!("{}/{}/{}", self.client.origin(), self.owner, self.name)
    }

    /// Whether the server has said that it speaks wire 2.
    pub fn is_paged(&self) -> bool {
        self.client.speaks_wire_2()
    }

    /// What the server holds of what is here, and what a fetch would bring.
    pub async fn negotiate(&self, ask: Negotiate) -> Result<Negotiated, ClientError> {
        let body = encoded(&ask.into());
        self.call(Method::POST, "v2/negotiate", body, SMALL_BODY_BYTES).await
    }

    /// What the branches are, and where the log stands for those who follow it; nothing where there is none.
    pub async fn refs_and_log(&self) -> Result<RefsAndLog, ClientError> {
        self.call(Method::GET, "refs", Bytes::new(), limits::ANSWER_BYTES).await
    }

    /// Items of the log behind the number `after`.
    pub async fn log(&self, after: u64, limit: u64) -> Result<LogPage, ClientError> {
        let endpoint = format!("v2/log?after={after}&limit={limit}");
        self.call(Method::GET, &endpoint, Bytes::new(), SMALL_BODY_BYTES).await
    }

    /// The registered ones of some keys.
    pub async fn known_keys(&self, keys: Vec<String>) -> Result<KnownKeys, ClientError> {
        let body = encoded(&KeysWanted { keys }.into());
        self.call(Method::POST, "v2/keys", body, SMALL_BODY_BYTES).await
    }

    /// The keys with which the server signs and signed.
    pub async fn server_keys(&self) -> Result<ServerKeyPage, ClientError> {
        self.client.json(Method::GET, "/api/v1/server-keys", None::<&()>).await
    }

    /// Objects as a stream, handed on as it comes. Nothing of it has been checked.
    pub async fn fetch_objects<E: From<ClientError>>(
        &self,
        ask: ObjectsRequest,
        each: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.stream("v2/objects", &ask.into(), each).await
    }

    /// A history as a stream, handed on as it comes. Nothing of it has been checked.
    pub async fn fetch_pages<E: From<ClientError>>(
        &self,
        ask: Fetch,
        each: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.stream("v2/fetch", &ask.into(), each).await
    }

    async fn stream<E: From<ClientError>>(
        &self,
        endpoint: &str,
        ask: &Value,
        each: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let call = Call {
            method: Method::POST,
            target: format!("/{}/{}/{endpoint}", self.owner, self.name),
            accept: MEDIA_TYPE,
            content_type: MESSAGE_PACK,
            body: encoded(ask),
            is_wire: true,
            max_answer_bytes: u64::MAX,
        };
        self.client.send_streamed(&call, each).await
    }
}

impl ClientError {
    /// A refusal that came in the middle of a stream.
    pub(crate) fn refused_in_stream(problem: &ProblemBody) -> Self {
        let body = serde_json::to_vec(problem).unwrap_or_default();
        let refusal = Refusal::read(problem.status, "application/problem+json", &body);
        Self::Refused(Box::new(refusal))
    }
}
