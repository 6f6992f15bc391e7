//! Answers that are made below the router: the HTTP library refuses what is no request (400, 431) by itself, without
//! the headers that every answer of this server carries. They are put in on the way out.
//!
//! Only while a connection has had no request yet: nothing that somebody stored can have been written to it before,
//! so what goes out is the library's own refusal and nothing else.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use uuid::Uuid;

/// A connection whose first answer may be the library's own.
pub(crate) struct Connection<S> {
    inner: S,
    /// Whether a request has reached the router.
    served: Arc<AtomicBool>,
    headers: Arc<str>,
    request_id: Uuid,
    /// A refusal with its headers, and how much of it is written.
    refusal: Option<(Vec<u8>, usize)>,
}

impl<S> Connection<S> {
    /// Wraps a fresh connection. `headers` are whole lines. The flag is to be raised when a request arrives.
    /// The id names the refusal, as every answer is named.
    pub(crate) fn new(inner: S, headers: Arc<str>, request_id: Uuid) -> (Self, Arc<AtomicBool>) {
        let served = Arc::new(AtomicBool::new(false));
        (Self { inner, served: Arc::clone(&served), headers, request_id, refusal: None }, served)
    }
}

/// `refusal` with `lines` behind its own headers.
fn with_headers(refusal: &[u8], lines: &str) -> Vec<u8> {
    let end =
        refusal.windows(4).position(|it| it == b"\r\n\r\n").map_or(refusal.len(), |at| at + 2);
    let (head, rest) = refusal.split_at(end);
    [head, lines.as_bytes(), rest].concat()
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.served.load(Ordering::Acquire) {
            return Pin::new(&mut this.inner).poll_write(context, bytes);
        }
        let (refusal, written) = this.refusal.get_or_insert_with(|| {
            let lines = format!("x-request-id: {}\r\n{}", this.request_id, this.headers);
            (with_headers(bytes, &lines), 0)
        });
        while *written < refusal.len() {
            let rest = refusal.get(*written..).unwrap_or_default();
            match ready!(Pin::new(&mut this.inner).poll_write(context, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                more => *written += more,
            }
        }
        this.refusal = None;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.served.load(Ordering::Acquire) {
            return Pin::new(&mut self.inner).poll_write_vectored(context, pieces);
        }
        let first = pieces.iter().find(|piece| !piece.is_empty()).map_or(&[][..], |piece| piece);
        self.poll_write(context, first)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Connection<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, into)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn only_what_comes_before_the_first_request_is_completed() {
        // A pipe of 7 bytes: everything is written in pieces.
        let (ours, mut theirs) = tokio::io::duplex(7);
        let (mut connection, served) =
            Connection::new(ours, "x-frame-options: DENY\r\n".into(), Uuid::nil());
        let writing = tokio::spawn(async move {
            connection
                .write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
                .await
                .unwrap();
            served.store(true, Ordering::Release);
            connection.write_all(b"HTTP/1.1 400 as it is\r\n\r\n").await.unwrap();
        });
        let mut seen = String::new();
        theirs.read_to_string(&mut seen).await.unwrap();
        writing.await.unwrap();
        let (first, second) = seen.split_once("\r\n\r\n").unwrap();
        assert_eq!(
            first,
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\
             x-request-id: 00000000-0000-0000-0000-000000000000\r\nx-frame-options: DENY"
        );
        assert_eq!(second, "HTTP/1.1 400 as it is\r\n\r\n");
    }
}
