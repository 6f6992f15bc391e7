//! The calls of wire 1 (`spec/wire.md` 4), in MessagePack.

use api::{
    Limits, Value, WireError, msgpack,
    wire::{
        FetchAnswer, FetchRequest, Format, Missing, ObjectIds, PushRequest, Pushed, Refs, Stored,
        limits,
    },
};
use bytes::Bytes;
use names::{Handle, ObjectId, RepositoryName};
use reqwest::Method;

use super::{Client, ClientError, ObjectBatch, transport::Call};

pub(super) const MESSAGE_PACK: &str = "application/x-msgpack";
/// The longest answer to a fetch that is read. A server stops at what a Muse client takes, unless its settings
/// say otherwise for clients that take more.
const MAX_FETCH_BYTES: u64 = limits::ANSWER_BYTES * 4;

/// One repository, over wire 1.
#[derive(Clone, Copy)]
pub struct Wire<'a> {
    pub(super) client: &'a Client,
    pub(super) owner: &'a Handle,
    pub(super) name: &'a RepositoryName,
}

impl Client {
    /// The wire of a repository, which need not exist.
    pub const fn wire<'a>(&'a self, owner: &'a Handle, name: &'a RepositoryName) -> Wire<'a> {
        Wire { client: self, owner, name }
    }
}

impl Wire<'_> {
    /// What the branches are.
    pub async fn refs(&self) -> Result<Refs, ClientError> {
        self.call(Method::GET, "refs", Bytes::new(), limits::ANSWER_BYTES).await
    }

    /// Which of `object_ids` the repository does not hold, each once.
    pub async fn filter_objects(
        &self,
        object_ids: Vec<ObjectId>,
    ) -> Result<Vec<ObjectId>, ClientError> {
        let body = encoded(&ObjectIds { object_ids }.into());
        let missing: Missing = self.post("filter-objects", body).await?;
        Ok(missing.missing)
    }

    /// Uploads objects; they wait on the server until a push needs them.
    pub async fn push_objects(&self, batch: ObjectBatch) -> Result<Stored, ClientError> {
        self.post("push/objects", batch.into_body()).await
    }

    /// Uploads commits and snapshots, and moves a branch.
    pub async fn push(&self, request: PushRequest) -> Result<Pushed, ClientError> {
        let pushed: Pushed =
            self.post("push", encoded(&request.into_value(Format::MessagePack))).await?;
        if pushed.ok { Ok(pushed) } else { Err(self.client.unbelievable("a push that is not ok")) }
    }

    /// What `want` leads to and `have` does not. Nothing in the answer has been checked against its id.
    pub async fn fetch(&self, request: FetchRequest) -> Result<FetchAnswer, ClientError> {
        self.call(Method::POST, "fetch", encoded(&request.into()), MAX_FETCH_BYTES).await
    }

    async fn post<A: TryFrom<Value, Error = WireError>>(
        &self,
        endpoint: &str,
        body: Bytes,
    ) -> Result<A, ClientError> {
        self.client.need_credential()?;
        self.call(Method::POST, endpoint, body, limits::ANSWER_BYTES).await
    }

    pub(super) async fn call<A: TryFrom<Value, Error = WireError>>(
        &self,
        method: Method,
        endpoint: &str,
        body: Bytes,
        max_answer_bytes: u64,
    ) -> Result<A, ClientError> {
        let call = Call {
            method,
            target: format!("/{}/{}/{endpoint}", self.owner, self.name),
            accept: MESSAGE_PACK,
            content_type: if body.is_empty() { "" } else { MESSAGE_PACK },
            body,
            is_wire: true,
            max_answer_bytes,
        };
        let answer = self.client.send(&call).await?;
        let origin = self.client.origin();
        if !answer.content_type.contains("msgpack") {
            return Err(ClientError::BadAnswer {
                origin: origin.to_string(),
                reason: format!(
                    "`{}` instead of MessagePack",
                    crate::visible::visible(&answer.content_type)
                ),
            });
        }
        let value =
            Value::from_msgpack_reader(&answer.body[..], &Limits::of_body(max_answer_bytes))
                .map_err(|error| ClientError::decode(origin, &error))?;
        A::try_from(value).map_err(|error| ClientError::shape(origin, &error))
    }
}

pub(super) fn encoded(value: &Value) -> Bytes {
    let mut body = Vec::new();
    // Writing into memory does not fail.
    msgpack::write_value(&mut body, value).unwrap_or_default();
    Bytes::from(body)
}
