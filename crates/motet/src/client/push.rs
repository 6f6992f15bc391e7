//! The calls of wire 2 that push (`spec/wire.md` 9).

use std::io;

use api::{
    Limits, Value, WireError,
    stream::MEDIA_TYPE,
    wire::{Fields, Refs, limits},
    wire2::{
        OpenPush, PushCheck, PushLanded, PushMissing, PushOpened, PushState, RefPlace, Update,
    },
};
use bytes::Bytes;
use futures_util::stream;
use reqwest::{Body, Method, Response, header};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};

use super::{
    ClientError, Wire,
    transport::{ANSWER, Call, SILENCE},
    wire::{MESSAGE_PACK, encoded},
};

/// Refs that are read.
const MAX_REFS: usize = 200_000;
/// Pieces of a body that wait to be sent.
const QUEUE: usize = 4;
/// The longest name of a push, and its token.
const WORD_BYTES: usize = 256;

/// What `refs` answers those who push over wire 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefsAndPlaces {
    /// What wire 1 says.
    pub refs: Refs,
    /// Where each ref stands in its chain, those that are gone among them.
    pub places: Vec<RefPlace>,
}

impl TryFrom<Value> for RefsAndPlaces {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let fields = &mut Fields::of(value.clone(), "the answer")?;
        let mut places = Vec::new();
        for key in ["refs", "gone"] {
            for place in fields.list(key, MAX_REFS)? {
                places.push(RefPlace::try_from(place)?);
            }
        }
        Ok(Self { refs: value.try_into()?, places })
    }
}

/// A push that has begun: what it goes on with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedPush {
    /// Its name.
    pub id: String,
    /// What its stream is sent with.
    pub token: String,
}

impl TryFrom<PushOpened> for OpenedPush {
    type Error = WireError;

    /// What a server says becomes a part of addresses.
    fn try_from(it: PushOpened) -> Result<Self, WireError> {
        let is_plain = |text: &str| {
            (1..=WORD_BYTES).contains(&text.len())
                && text.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_'))
        };
        if is_plain(&it.push_id) && is_plain(&it.token) {
            return Ok(Self { id: it.push_id, token: it.token });
        }
        let sentence = "the name of a push is a plain word";
        Err(WireError::new(api::WireCode::Malformed, sentence))
    }
}

/// A request of a stream that is under way.
pub struct Flight {
    to: mpsc::Sender<Bytes>,
    sent: JoinHandle<reqwest::Result<Response>>,
}

impl Wire<'_> {
    /// What the branches are, and where each ref stands in its chain.
    pub async fn refs_and_places(&self) -> Result<RefsAndPlaces, ClientError> {
        self.call(Method::GET, "refs", Bytes::new(), limits::ANSWER_BYTES).await
    }

    /// Begins a push.
    pub async fn open_push(&self, updates: Vec<Update>) -> Result<OpenedPush, ClientError> {
        self.client.need_credential()?;
        let body = encoded(&OpenPush { updates }.into());
        let opened: PushOpened =
            self.call(Method::POST, "v2/push", body, limits::SMALL_BODY_BYTES).await?;
        opened.try_into().map_err(|error| ClientError::shape(self.client.origin(), &error))
    }

    /// What of some things has still to be sent.
    pub async fn check_push(
        &self,
        push: &OpenedPush,
        ask: PushCheck,
    ) -> Result<PushMissing, ClientError> {
        let endpoint = format!("v2/push/{}/check", push.id);
        self.call(Method::POST, &endpoint, encoded(&ask.into()), limits::SMALL_BODY_BYTES).await
    }

    /// How far a push has come.
    pub async fn push_state(&self, push: &OpenedPush) -> Result<PushState, ClientError> {
        let endpoint = format!("v2/push/{}", push.id);
        self.call(Method::GET, &endpoint, Bytes::new(), limits::SMALL_BODY_BYTES).await
    }

    /// Makes a push history. Repeated, it says the same.
    pub async fn commit_push(&self, push: &OpenedPush) -> Result<PushLanded, ClientError> {
        let endpoint = format!("v2/push/{}/commit", push.id);
        let nothing = encoded(&Value::map::<&str>([]));
        self.call(Method::POST, &endpoint, nothing, limits::SMALL_BODY_BYTES).await
    }

    /// Lets a push go.
    pub async fn drop_push(&self, push: &OpenedPush) -> Result<(), ClientError> {
        let call = Call {
            method: Method::DELETE,
            target: format!("/{}/{}/v2/push/{}", self.owner, self.name, push.id),
            accept: MESSAGE_PACK,
            content_type: "",
            body: Bytes::new(),
            is_wire: true,
            max_answer_bytes: limits::SMALL_BODY_BYTES,
        };
        self.client.send(&call).await.map(drop)
    }

    /// Begins a request of the stream, which goes on at `offset`.
    pub fn take_off(&self, push: &OpenedPush, offset: u64) -> Result<Flight, ClientError> {
        let (to, queue) = mpsc::channel::<Bytes>(QUEUE);
        let pieces = stream::unfold(queue, |mut queue| async move {
            let piece = queue.recv().await?;
            Some((Ok::<_, io::Error>(piece), queue))
        });
        let target = format!("/{}/{}/v2/push/{}/stream", self.owner, self.name, push.id);
        let body = Body::wrap_stream(pieces);
        let request = self.client.streaming(Method::PUT, &target, &push.token, body)?;
        let request = request
            .header(header::CONTENT_TYPE, MEDIA_TYPE)
            .header(header::ACCEPT, MESSAGE_PACK)
            .header("motet-offset", offset.to_string());
        Ok(Flight { to, sent: tokio::spawn(request.send()) })
    }

    /// Sends the next bytes. False if the server takes no more of them: its answer says why.
    pub async fn send_piece(&self, flight: &Flight, piece: Bytes) -> Result<bool, ClientError> {
        match timeout(SILENCE, flight.to.send(piece)).await {
            Ok(sent) => Ok(sent.is_ok()),
            Err(_) => Err(self.client.too_slow()),
        }
    }

    /// Ends a request of the stream; gives where the push stands by then.
    pub async fn land(&self, flight: Flight) -> Result<PushState, ClientError> {
        let Flight { to, sent } = flight;
        drop(to);
        let abort = sent.abort_handle();
        let joined = timeout(ANSWER, sent).await.map_err(|_| {
            abort.abort();
            self.client.too_slow()
        })?;
        let answer =
            joined.map_err(|error| ClientError::Setup(format!("a worker ended early: {error}")))?;
        let max_bytes = limits::SMALL_BODY_BYTES;
        let answer = self.client.answered(std::future::ready(answer), max_bytes).await?;
        let origin = self.client.origin();
        let value = Value::from_msgpack_reader(&answer.body[..], &Limits::of_body(max_bytes))
            .map_err(|error| ClientError::decode(origin, &error))?;
        PushState::try_from(value).map_err(|error| ClientError::shape(origin, &error))
    }

    /// The key with which refs are moved, if there is one.
    pub fn key(&self) -> Option<&keys::PrivateKey> {
        self.client.key()
    }

    /// What time it is there.
    pub fn now(&self) -> names::UnixMillis {
        self.client.now()
    }
}
