//! The calls of wire 2 that read (`spec/wire.md` 9).

use api::{
    ProblemBody,
    stream::MEDIA_TYPE,
    wire::limits::SMALL_BODY_BYTES,
    wire2::{Fetch, Negotiate, Negotiated},
};
use reqwest::Method;

use super::{
    ClientError, Refusal, Wire,
    transport::Call,
    wire::{MESSAGE_PACK, encoded},
};

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

    /// A history as a stream, handed on as it comes. Nothing of it has been checked.
    pub async fn fetch_pages<E: From<ClientError>>(
        &self,
        ask: Fetch,
        each: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let call = Call {
            method: Method::POST,
            target: format!("/{}/{}/v2/fetch", self.owner, self.name),
            accept: MEDIA_TYPE,
            content_type: MESSAGE_PACK,
            body: encoded(&ask.into()),
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
