//! A proxy that does what networks do: it is slow, silent, cuts or changes what passes.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, tcp},
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::sleep,
};

/// What is read at once.
const CHUNK_BYTES: usize = 16 << 10;

/// What happens to what passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// Nothing.
    Through,
    /// Every piece of an answer waits.
    Slow(Duration),
    /// What is sent disappears, and nothing comes back; connections stay open.
    Silent,
    /// Connections are closed as soon as they are made; those that there are, too.
    HangUp,
    /// A connection is closed once so many bytes of answers have passed on it.
    Cut(u64),
    /// In what is sent these bytes become those, of the same number.
    Change(&'static [u8], &'static [u8]),
}

/// A proxy, until it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    mode: watch::Sender<Mode>,
    connections: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Stands before `target`, and lets everything through.
    pub async fn before(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("some port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let (mode, seen) = watch::channel(Mode::Through);
        let connections = Arc::new(AtomicU64::new(0));
        let task = tokio::spawn(accept(listener, target, seen, Arc::clone(&connections)));
        Self { address, mode, connections, task }
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on.
    pub fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// How many connections it has taken.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    target: SocketAddr,
    mode: watch::Receiver<Mode>,
    connections: Arc<AtomicU64>,
) {
    let mut talks = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        connections.fetch_add(1, Ordering::Relaxed);
        let mode = mode.clone();
        talks.spawn(async move {
            // Either side may go away at any time; that is what tests look at.
            let _ended = talk(client, target, mode).await;
        });
        while talks.try_join_next().is_some() {}
    }
}

async fn talk(
    client: TcpStream,
    target: SocketAddr,
    mut mode: watch::Receiver<Mode>,
) -> io::Result<()> {
    if *mode.borrow() == Mode::HangUp {
        return Ok(());
    }
    let server = TcpStream::connect(target).await?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        sent = sending(from_client, to_server, mode.clone()) => sent,
        answered = answering(from_server, to_client, mode.clone()) => answered,
        _ = mode.wait_for(|mode| *mode == Mode::HangUp) => Ok(()),
    }
}

async fn sending(
    mut from: tcp::OwnedReadHalf,
    mut to: tcp::OwnedWriteHalf,
    mode: watch::Receiver<Mode>,
) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let length = from.read(&mut chunk).await?;
        let Some(piece) = chunk.get_mut(..length).filter(|piece| !piece.is_empty()) else {
            return Ok(());
        };
        let now = mode.borrow().clone();
        if let Mode::Change(these, those) = now
            && let Some(at) = piece.windows(these.len()).position(|it| it == these)
        {
            piece.iter_mut().skip(at).zip(those).for_each(|(old, new)| *old = *new);
        }
        if now != Mode::Silent {
            to.write_all(piece).await?;
        }
    }
}

async fn answering(
    mut from: tcp::OwnedReadHalf,
    mut to: tcp::OwnedWriteHalf,
    mode: watch::Receiver<Mode>,
) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut passed = 0;
    loop {
        let length = from.read(&mut chunk).await?;
        let Some(mut piece) = chunk.get(..length).filter(|piece| !piece.is_empty()) else {
            return Ok(());
        };
        let now = mode.borrow().clone();
        match now {
            Mode::Slow(pause) => sleep(pause).await,
            Mode::Cut(limit) => {
                let left = usize::try_from(limit.saturating_sub(passed)).unwrap_or(usize::MAX);
                piece = piece.get(..left).unwrap_or(piece);
                passed += piece.len() as u64;
            }
            Mode::Through | Mode::Silent | Mode::HangUp | Mode::Change(..) => {}
        }
        if now != Mode::Silent {
            to.write_all(piece).await?;
        }
        if matches!(now, Mode::Cut(limit) if passed >= limit) {
            return Ok(());
        }
    }
}
