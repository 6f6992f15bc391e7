//! Connections: how many there may be, and how long a client is waited for (`spec/trust.md` 9).
//!
//! Invariant: whoever is not there any more, or does not go on, loses its connection. The head of a request, an answer
//! that nobody reads and the pause between two requests each have a time of their own; a body is looked at by its speed
//! (`web::Body`).

use std::{
    collections::{HashMap, hash_map::Entry},
    io,
    net::IpAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::body::Body;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Sleep, sleep},
};
use tokio_util::bytes::Bytes;
use trust::limits::Place;

use crate::Network;

/// What a listener is held to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) at_once: usize,
    pub(crate) per_address: u32,
    /// For the head of a request, from its first byte on.
    pub(crate) head: Duration,
    /// For an answer of which nothing is read.
    pub(crate) stall: Duration,
    /// Between two requests.
    pub(crate) idle: Duration,
}

/// Who is connected.
#[derive(Debug)]
pub(crate) struct Rooms {
    per_address: u32,
    /// They stand for many, and say for whom.
    proxies: Vec<Network>,
    room: Arc<Semaphore>,
    by_place: Mutex<HashMap<Place, u32>>,
}

/// The place of one connection. Dropping it gives the place back.
#[derive(Debug)]
pub(crate) struct Seat {
    rooms: Arc<Rooms>,
    place: Option<Place>,
    _permit: OwnedSemaphorePermit,
}

impl Rooms {
    pub(crate) fn new(rules: &Rules, proxies: &[Network]) -> Arc<Self> {
        Arc::new(Self {
            per_address: rules.per_address,
            proxies: proxies.to_vec(),
            room: Arc::new(Semaphore::new(rules.at_once)),
            by_place: Mutex::default(),
        })
    }

    /// A place for a connection of `peer`, if there is one left.
    pub(crate) fn seat(self: &Arc<Self>, peer: IpAddr) -> Option<Seat> {
        let permit = Arc::clone(&self.room).try_acquire_owned().ok()?;
        let is_proxy = self.proxies.iter().any(|it| it.contains(peer));
        let place = (!is_proxy).then(|| Place::of(Some(peer)));
        if let Some(place) = place {
            let mut by_place = self.by_place();
            let count = by_place.entry(place).or_default();
            if *count >= self.per_address {
                return None;
            }
            *count += 1;
        }
        Some(Seat { rooms: Arc::clone(self), place, _permit: permit })
    }

    fn by_place(&self) -> MutexGuard<'_, HashMap<Place, u32>> {
        self.by_place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some(place) = self.place else { return };
        if let Entry::Occupied(mut count) = self.rooms.by_place().entry(place) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

/// The requests of a connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct UnderWay(Arc<Requests>);

#[derive(Debug, Default)]
struct Requests {
    /// How many there were.
    begun: AtomicUsize,
    /// How many are being answered: while there is one, what is read is its body.
    open: AtomicUsize,
}

impl UnderWay {
    /// A request begins. It ends when what is given is dropped.
    pub(crate) fn begin(&self) -> Answering {
        self.0.open.fetch_add(1, Ordering::AcqRel);
        self.0.begun.fetch_add(1, Ordering::AcqRel);
        Answering(self.clone())
    }

    fn is_none(&self) -> bool {
        self.0.open.load(Ordering::Acquire) == 0
    }

    fn begun(&self) -> usize {
        self.0.begun.load(Ordering::Acquire)
    }
}

/// One request that is being answered.
#[derive(Debug)]
pub(crate) struct Answering(UnderWay);

impl Answering {
    /// The body of the answer, with whose end the request ends.
    pub(crate) fn until_the_end_of(self, body: Body) -> Body {
        Body::new(Answered { body, _answering: self })
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        (self.0).0.open.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A body that ends a request.
#[derive(Debug)]
struct Answered {
    body: Body,
    _answering: Answering,
}

impl HttpBody for Answered {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// What bytes come and go by.
pub(crate) trait Line: AsyncRead + AsyncWrite + Unpin {
    /// Forgets what was written and not read: the system would keep it and try on.
    fn abandon(&self);
}

impl Line for TcpStream {
    fn abandon(&self) {
        let _closed_later_otherwise = self.set_zero_linger();
    }
}

/// A connection whose client is waited for so long and no longer.
pub(crate) struct Patient<S> {
    line: S,
    head: Duration,
    stall: Duration,
    under_way: UnderWay,
    /// Which request the head is of that has begun to come.
    head_of: Option<usize>,
    /// Runs while more of it is waited for.
    head_ends: Option<Pin<Box<Sleep>>>,
    /// Runs while nothing can be written.
    stall_ends: Option<Pin<Box<Sleep>>>,
}

/// Fails when the time is over.
fn patience(
    ends: &mut Option<Pin<Box<Sleep>>>,
    time: Duration,
    context: &mut Context<'_>,
    why: &'static str,
) -> io::Result<()> {
    let ends = ends.get_or_insert_with(|| Box::pin(sleep(time)));
    match ends.as_mut().poll(context) {
        Poll::Pending => Ok(()),
        Poll::Ready(()) => Err(io::Error::new(io::ErrorKind::TimedOut, why)),
    }
}

impl<S: Line> Patient<S> {
    pub(crate) fn new(line: S, rules: &Rules, under_way: UnderWay) -> Self {
        let Rules { head, stall, .. } = *rules;
        Self { line, head, stall, under_way, head_of: None, head_ends: None, stall_ends: None }
    }

    /// Looks at what a write came to: each that goes on takes the time back, each that does not lets it run.
    fn judge<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stall_ends = None;
            return written;
        }
        let why = "the client reads nothing of its answer";
        match patience(&mut self.stall_ends, self.stall, context, why) {
            Ok(()) => Poll::Pending,
            Err(error) => {
                self.line.abandon();
                Poll::Ready(Err(error))
            }
        }
    }
}

impl<S: Line> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = into.filled().len();
        let read = Pin::new(&mut this.line).poll_read(context, into);
        let next = this.under_way.begun();
        if !this.under_way.is_none() || this.head_of != Some(next) {
            (this.head_of, this.head_ends) = (None, None);
        }
        if this.under_way.is_none() && into.filled().len() > before {
            this.head_of = Some(next);
        }
        if read.is_pending() && this.head_of.is_some() {
            let why = "the head of a request does not come to its end";
            patience(&mut this.head_ends, this.head, context, why)?;
        }
        read
    }
}

impl<S: Line> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.line).poll_write(context, bytes);
        self.judge(written, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.line).poll_flush(context);
        self.judge(flushed, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.line).poll_shutdown(context);
        self.judge(shut, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.line).poll_write_vectored(context, pieces);
        self.judge(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.line.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    use super::*;

    impl Line for DuplexStream {
        fn abandon(&self) {}
    }

    /// Nobody is waited for. Times are tried by whether they run at all.
    const RULES: Rules = Rules {
        at_once: 5,
        per_address: 2,
        head: Duration::ZERO,
        stall: Duration::ZERO,
        idle: Duration::ZERO,
    };

    fn connection(rules: &Rules) -> (Patient<DuplexStream>, DuplexStream, UnderWay) {
        let (ours, theirs) = duplex(8);
        let under_way = UnderWay::default();
        (Patient::new(ours, rules, under_way.clone()), theirs, under_way)
    }

    #[test]
    fn an_address_has_so_many_connections_and_a_proxy_has_all() {
        let rooms = Rooms::new(&RULES, &["10.0.0.0/8".parse().unwrap()]);
        let seat = |peer: &str| rooms.seat(peer.parse().unwrap());
        let first = seat("192.0.2.1").unwrap();
        let _second = seat("::ffff:192.0.2.1").unwrap();
        assert!(seat("192.0.2.1").is_none());
        // Of IPv6 a customer has a whole /64.
        let _third = seat("2001:db8::1").unwrap();
        let fourth = seat("2001:db8::2").unwrap();
        assert!(seat("2001:db8::3").is_none());
        drop((first, fourth));
        let proxies: Vec<_> = (0..3).map(|_| seat("10.1.2.3").unwrap()).collect();
        // Five are all that there may be.
        assert!(seat("192.0.2.9").is_none());
        drop(proxies);
        assert!(seat("192.0.2.1").is_some() && seat("2001:db8::3").is_some());
        assert_eq!(rooms.by_place().len(), 2, "nobody is counted who is gone");
    }

    #[tokio::test]
    async fn whoever_reads_nothing_of_an_answer_is_given_up() {
        let (mut ours, _theirs, _) = connection(&RULES);
        let failed = ours.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(failed.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn whoever_reads_a_little_now_and_then_goes_on() {
        let hour = Duration::from_hours(1);
        let (mut ours, mut theirs, _) = connection(&Rules { stall: hour, ..RULES });
        let reading = async {
            for _ in 0..4 {
                theirs.read_exact(&mut [0; 8]).await.unwrap();
            }
        };
        let (written, ()) = tokio::join!(ours.write_all(&[0; 32]), reading);
        written.unwrap();
        assert!(ours.stall_ends.is_none(), "each piece that is read gives it the whole time again");
    }

    #[tokio::test]
    async fn the_time_of_a_head_runs_from_its_first_byte() {
        let (mut ours, mut theirs, _) = connection(&RULES);
        // Before it there is a pause, which is not its own.
        let (read, written) = tokio::join!(async { ours.read(&mut [0; 8]).await }, async {
            theirs.write_all(b"GET").await
        });
        assert_eq!(read.unwrap(), 3);
        written.unwrap();
        let failed = ours.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(failed.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_head_ends_where_its_request_begins_and_what_follows_is_a_body_or_a_pause() {
        let (mut ours, mut theirs, under_way) = connection(&RULES);
        theirs.write_all(b"GET").await.unwrap();
        assert_eq!(ours.read(&mut [0; 8]).await.unwrap(), 3);
        let mut answering = Some(under_way.begin());
        for is_body in [true, false] {
            if !is_body {
                answering = None;
            }
            let (read, written) = tokio::join!(async { ours.read(&mut [0; 8]).await }, async {
                theirs.write_all(b"more").await
            });
            assert_eq!(read.unwrap(), 4);
            written.unwrap();
        }
        assert!(answering.is_none());
        assert!(ours.read(&mut [0; 8]).await.is_err(), "the next request has begun by now");
    }
}
