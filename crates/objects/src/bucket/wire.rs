//! The library's requests as requests of `egress`, and answers back.
//!
//! An answer that is no success becomes a [`Failure`] here, with the code that the store gave, so that what it means
//! is decided in one place and not by each caller of the library.

use std::{
    fmt, io,
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
};

use async_trait::async_trait;
use egress::{Bytes, Client, Request, Response};
use futures_util::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use object_store::{
    ClientOptions,
    client::{
        HttpClient, HttpConnector, HttpError, HttpRequest, HttpRequestBody, HttpResponse,
        HttpResponseBody, HttpService,
    },
};

use super::{
    Patience,
    failure::{Failure, code_of},
};

/// What is read of an answer that tells of an error.
const MAX_ERROR_BYTES: usize = 64 << 10;
/// The header of a copy within the store.
const COPY_SOURCE: &str = "x-amz-copy-source";

/// The way to the store.
#[derive(Clone)]
pub(super) struct Way {
    client: Client,
    patience: Patience,
}

impl Way {
    pub(super) const fn new(client: Client, patience: Patience) -> Self {
        Self { client, patience }
    }

    async fn ask(&self, request: HttpRequest) -> Result<Response, Failure> {
        let (head, body) = request.into_parts();
        let is_copy = head.headers.contains_key(COPY_SOURCE);
        let length = body.content_length() as u64;
        let limits = self.patience.limits(&head.method, is_copy, length);
        let mut asked = Request::new(head.method, &head.uri.to_string())?.limits(limits);
        for (name, value) in &head.headers {
            asked = asked.header(name.clone(), value.clone());
        }
        let response = self.client.send(with_body(asked, body, length)).await?;
        if response.status.is_success() {
            return Ok(response);
        }
        let status = response.status;
        // Without it the status has to do.
        let told = response.body.beginning(MAX_ERROR_BYTES).await.unwrap_or_default();
        Err(Failure::Answer { status, code: code_of(&told) })
    }
}

fn with_body(request: Request, body: HttpRequestBody, length: u64) -> Request {
    match body.as_bytes() {
        Some(whole) => request.body(whole.clone()),
        // Piece by piece, so that each piece that goes out shows that the connection moves.
        None => request.stream(body.into_data_stream().map_err(io::Error::other), Some(length)),
    }
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the way to the bucket")
    }
}

impl HttpConnector for Way {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Way {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let response = self.ask(request).await.map_err(Failure::for_library)?;
        let (status, headers) = (response.status, response.headers);
        let body = response.body.into_stream();
        let body = body.map_err(|error| Failure::from(error).for_library()).boxed();
        let mut answer = HttpResponse::new(HttpResponseBody::new(Incoming(Mutex::new(body))));
        *answer.status_mut() = status;
        *answer.headers_mut() = headers;
        Ok(answer)
    }
}

/// The body of an answer. The library wants what threads may share; the lock is never waited for, because only the
/// one who reads can reach it.
struct Incoming(Mutex<BoxStream<'static, Result<Bytes, HttpError>>>);

impl Body for Incoming {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        let body = self.get_mut().0.get_mut().unwrap_or_else(PoisonError::into_inner);
        body.poll_next_unpin(cx).map(|next| next.map(|piece| piece.map(Frame::data)))
    }
}
