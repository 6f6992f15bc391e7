//! Git over SSH, on a listener of its own (`spec/hub.md` 5, SSH; `spec/trust.md` 2).
//!
//! Only Ed25519 keys that are registered are let in, under whatever name. There is no shell, no terminal, no forwarding,
//! no subsystem: two commands of Git's, each with one path, and a greeting for whoever asks for a shell. Who may do what
//! is decided where it is for HTTP, by the same functions.
//!
//! | file         | what is there                                                              |
//! |--------------|----------------------------------------------------------------------------|
//! | `mod.rs`     | [`Gatehouse`], [`run`]: connections, accepted, watched, drained                |
//! | `ciphers.rs` | what is spoken: algorithms, sizes, times                                     |
//! | `line.rs`    | [`Cuttable`]: a connection that can be ended at any moment                     |
//! | `gate.rs`    | [`Gate`], [`Face`]: bound, and what people are told of it                      |
//! | `guest.rs`   | [`Guest`]: what a client asks for, taken or refused                            |
//! | `serving.rs` | a command of Git's, from its first byte to its end                            |
//!
//! Invariant: whoever loses their key, or their right to read, loses what is under way within a second.

mod ciphers;
mod gate;
mod guest;
mod line;
mod serving;

use std::{net::IpAddr, sync::Arc, time::Duration};

use ::keys::{PrivateKey, PublicKey};
use hub::Hub;
use russh::server::{Config, run_stream};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use trust::{
    Trust,
    audit::{Entry, Noted, On, Who},
    limits::{Place, Suspect},
};

use crate::{
    Network,
    connections::{Patient, Rooms, Rules, UnderWay},
    listener::ACCEPT_PAUSE,
};
pub(crate) use gate::{Face, Gate};
use guest::Guest;
use line::Cuttable;

/// How long somebody may take to show a key: agents ask people whether they may be used.
const LOGIN_TIME: Duration = Duration::from_mins(1);
/// How often it is looked whether a key still holds (`spec/trust.md` 17, Revocation).
const GLANCE: Duration = Duration::from_millis(500);

/// What every connection is served with.
pub(crate) struct Gatehouse {
    trust: Trust,
    hub: Hub,
    face: Face,
    rules: Rules,
    rooms: Arc<Rooms>,
    config: Arc<Config>,
    /// Commands of Git's that are under way.
    at_work: TaskTracker,
}

impl Gatehouse {
    pub(crate) fn new(
        (trust, hub): (Trust, Hub),
        (face, key): (Face, &PrivateKey),
        (rules, proxies): (Rules, &[Network]),
    ) -> Arc<Self> {
        let rooms = Rooms::new(&rules, proxies);
        let config = Arc::new(ciphers::config(key));
        Arc::new(Self { trust, hub, face, rules, rooms, config, at_work: TaskTracker::new() })
    }
}

/// Serves until `stop`, and lets what is under way finish for at most `drain`.
pub(crate) async fn run(
    listener: TcpListener,
    gatehouse: Arc<Gatehouse>,
    drain: Duration,
    stop: CancellationToken,
) {
    // Ends every connection that is left.
    let end = CancellationToken::new();
    let guests = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok((stream, peer)) => (stream, peer.ip()),
            Err(error) => {
                tracing::warn!(%error, "a connection over SSH could not be accepted");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Some(seat) = gatehouse.rooms.seat(peer) else { continue };
        let served = connection((stream, peer), Arc::clone(&gatehouse), end.child_token());
        guests.spawn(async move {
            served.await;
            drop(seat);
        });
    }
    drop(listener);
    gatehouse.at_work.close();
    if timeout(drain, gatehouse.at_work.wait()).await.is_err() {
        tracing::warn!("git was still at work over SSH and has been cut off");
    }
    end.cancel();
    guests.close();
    guests.wait().await;
}

/// One connection, from its first byte to its last.
async fn connection(
    (stream, peer): (TcpStream, IpAddr),
    gatehouse: Arc<Gatehouse>,
    cut: CancellationToken,
) {
    let (trust, place) = (&gatehouse.trust, Place::of(Some(peer)));
    if trust.limits().arrive(place).is_err() {
        return;
    }
    // What is small goes out at once.
    let _delayed_is_only_slower = stream.set_nodelay(true);
    let locked = trust.check_guarded(Suspect::Place(place)).await.err();
    let (entered, in_time) = watch::channel(None);
    let guest = Guest::new(Arc::clone(&gatehouse), (place, locked), entered, cut.clone());
    let offers = guest.offers();
    // There are no requests with heads here: what is waited for is that something is read.
    let under_way = UnderWay::default();
    let _never_a_head = under_way.begin();
    let line = Cuttable::new(Patient::new(stream, &gatehouse.rules, under_way), cut.clone());
    let opened = timeout(LOGIN_TIME, run_stream(Arc::clone(&gatehouse.config), line, guest)).await;
    if let Ok(Ok(mut session)) = opened {
        let over = tokio::select! {
            ended = &mut session => Some(ended),
            () = until_lost(trust, in_time.clone()) => None,
        };
        if over.is_none() {
            cut.cancel();
            let _cut_off = session.await;
        }
    }
    // Ends what the session left running.
    cut.cancel();
    let has_entered = in_time.borrow().is_some();
    if let Err(error) = judge(trust, place, has_entered, offers.first()).await {
        tracing::warn!(%error, "what came of a key over SSH could not be written");
    }
}

/// Returns when nobody has come in in time, or when the key of whoever has is worth nothing any more.
async fn until_lost(trust: &Trust, mut entered: watch::Receiver<Option<PublicKey>>) {
    if timeout(LOGIN_TIME, entered.changed()).await.is_err() {
        return;
    }
    let known = *entered.borrow();
    let Some(key) = known else { return };
    loop {
        sleep(GLANCE).await;
        // Nobody can say: that is never somebody.
        if !matches!(trust.by_ssh_key(&key).await, Ok(Some(_))) {
            tracing::info!(key = %key.fingerprint(), "a key was given up, and its session is cut off");
            return;
        }
    }
}

/// A connection that showed keys and none that is known is one failure of its address; one that came in begins anew.
async fn judge(
    trust: &Trust,
    place: Place,
    has_entered: bool,
    offered: Option<String>,
) -> Result<(), trust::Error> {
    let suspect = Suspect::Place(place);
    match offered {
        _ if has_entered => trust.succeeded(suspect).await,
        None => Ok(()),
        Some(key) => {
            trust.limits().charge_failed(place);
            let on = On::new("credential", key);
            let refused = Entry::refused(Noted::AuthFailed, Who::ANONYMOUS, on, "not_believed");
            trust.note_repeated(refused);
            trust.failed(suspect).await
        }
    }
}
