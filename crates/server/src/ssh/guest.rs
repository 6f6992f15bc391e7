//! What one client asks for: a key is judged, two commands are run, everything else is refused.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::FutureExt as _;
use keys::PublicKey;
use russh::{
    Channel, ChannelId, ChannelOpenFailure, Pty, Sig,
    keys::ssh_key,
    server::{Auth, ChannelOpenHandle, Handler, Msg, PublicKeyOffer, Session, VerifiedPublicKey},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use trust::{Actor, limits::Place};

use super::{
    Gatehouse,
    serving::{self, Work},
};

/// Commands that one connection may have at once: clients that share a connection ask for several.
const MAX_CHANNELS: usize = 8;
/// The one variable that may be set.
const PROTOCOL: &str = "GIT_PROTOCOL";
/// How much of a fingerprint stands in logs.
const SHOWN: usize = 12;

/// The first key that was shown and is nobody's.
#[derive(Debug, Clone, Default)]
pub(super) struct Offers(Arc<Mutex<Option<String>>>);

impl Offers {
    /// The beginning of its name, if there was one.
    pub(super) fn first(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, key: Option<&PublicKey>) {
        let name = key.map_or_else(|| "another type".to_owned(), |it| it.fingerprint().to_string());
        let shown = name.chars().take(SHOWN).collect();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(shown);
    }
}

/// A channel that no command was given to yet.
struct Idle {
    channel: Channel<Msg>,
    protocol: String,
}

/// A command under way. Whoever drops this ends it; it ends by itself as well.
struct AtWork(CancellationToken);

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// One client.
pub(super) struct Guest {
    gatehouse: Arc<Gatehouse>,
    place: Place,
    /// Why nothing is looked at, if its address failed too often.
    locked: Option<String>,
    offers: Offers,
    entered: watch::Sender<Option<PublicKey>>,
    who: Option<(PublicKey, Actor)>,
    idle: HashMap<ChannelId, Idle>,
    at_work: HashMap<ChannelId, AtWork>,
    cut: CancellationToken,
}

impl Guest {
    pub(super) fn new(
        gatehouse: Arc<Gatehouse>,
        (place, locked): (Place, Option<trust::Error>),
        entered: watch::Sender<Option<PublicKey>>,
        cut: CancellationToken,
    ) -> Self {
        Self {
            gatehouse,
            place,
            locked: locked.map(|error| format!("{error}\r\n")),
            offers: Offers::default(),
            entered,
            who: None,
            idle: HashMap::new(),
            at_work: HashMap::new(),
            cut,
        }
    }

    pub(super) fn offers(&self) -> Offers {
        self.offers.clone()
    }

    /// Whose a key is, if it is somebody's who is let in.
    async fn owner(&self, key: &ssh_key::PublicKey) -> Option<(PublicKey, Actor)> {
        if self.locked.is_some() {
            return None;
        }
        let key = key.key_data().ed25519().and_then(|it| PublicKey::from_bytes(&it.0).ok());
        let found = match &key {
            // No database: nobody comes in.
            Some(key) => self.gatehouse.trust.by_ssh_key(key).await.unwrap_or_else(|error| {
                tracing::error!(%error, "a key over SSH could not be looked up");
                None
            }),
            None => None,
        };
        if found.is_none() {
            self.offers.note(key.as_ref());
        }
        key.zip(found)
    }

    /// What a client says on a channel that no command was given to yet goes nowhere: the library keeps a copy of it for
    /// whoever reads the channel, and would wait for good when nobody does.
    fn pass_over(&mut self, id: ChannelId) {
        if let Some(idle) = self.idle.get_mut(&id) {
            let _nobodys = idle.channel.wait().now_or_never();
        }
    }

    /// Begins a command on a channel that has none.
    fn begin(&mut self, id: ChannelId, session: &Session, command: Option<&[u8]>) -> bool {
        let Some((Idle { channel, protocol }, (key, actor))) =
            self.idle.remove(&id).zip(self.who.clone())
        else {
            return false;
        };
        let end = self.cut.child_token();
        let work = Work {
            gatehouse: Arc::clone(&self.gatehouse),
            place: self.place,
            key,
            actor,
            protocol,
            end: end.clone(),
        };
        let (handle, command) = (session.handle(), command.map(<[u8]>::to_vec));
        self.at_work.insert(id, AtWork(end));
        let tasks = self.gatehouse.at_work.clone();
        tasks.spawn(serving::serve(work, (id, channel), handle, command));
        true
    }
}

/// An answer to a request for a channel.
fn answer(is_taken: bool, id: ChannelId, session: &mut Session) -> Result<(), russh::Error> {
    if is_taken { session.channel_success(id) } else { session.channel_failure(id) }
}

impl Handler for Guest {
    type Error = russh::Error;

    async fn authentication_banner(&mut self) -> Result<Option<String>, russh::Error> {
        Ok(self.locked.clone())
    }

    async fn auth_publickey_offered(
        &mut self,
        _any_name: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, russh::Error> {
        let owner = self.owner(offer.public_key).await;
        Ok(owner.map_or_else(Auth::reject, |_| Auth::Accept))
    }

    async fn auth_publickey(
        &mut self,
        _any_name: &str,
        key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, russh::Error> {
        let Some((key, actor)) = self.owner(key.public_key).await else {
            return Ok(Auth::reject());
        };
        tracing::debug!(handle = ?actor.handle(), key = %key.fingerprint(), "let in over SSH");
        self.who = Some((key, actor));
        self.entered.send_replace(Some(key));
        Ok(Auth::Accept)
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), russh::Error> {
        self.at_work.retain(|_, it| !it.0.is_cancelled());
        if self.idle.len() + self.at_work.len() >= MAX_CHANNELS {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        }
        let id = channel.id();
        self.idle.insert(id, Idle { channel, protocol: String::new() });
        reply.accept().await;
        Ok(())
    }

    async fn channel_close(
        &mut self,
        id: ChannelId,
        _session: &mut Session,
    ) -> Result<(), russh::Error> {
        self.idle.remove(&id);
        self.at_work.remove(&id);
        Ok(())
    }

    async fn env_request(
        &mut self,
        id: ChannelId,
        name: &str,
        value: &str,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        let is_taken = name == PROTOCOL && serving::is_protocol(value);
        if let Some(idle) = self.idle.get_mut(&id).filter(|_| is_taken) {
            value.clone_into(&mut idle.protocol);
        }
        self.pass_over(id);
        answer(is_taken, id, session)
    }

    async fn exec_request(
        &mut self,
        id: ChannelId,
        command: &[u8],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        let is_begun = self.begin(id, session, Some(command));
        answer(is_begun, id, session)
    }

    /// There is none: whoever asks is greeted.
    async fn shell_request(
        &mut self,
        id: ChannelId,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        let is_begun = self.begin(id, session, None);
        answer(is_begun, id, session)
    }

    async fn subsystem_request(
        &mut self,
        id: ChannelId,
        _name: &str,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        self.pass_over(id);
        session.channel_failure(id)
    }

    async fn pty_request(
        &mut self,
        id: ChannelId,
        _term: &str,
        _col_width: u32,
        _row_height: u32,
        _pix_width: u32,
        _pix_height: u32,
        _modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        self.pass_over(id);
        session.channel_failure(id)
    }

    async fn x11_request(
        &mut self,
        id: ChannelId,
        _single_connection: bool,
        _x11_auth_protocol: &str,
        _x11_auth_cookie: &str,
        _x11_screen_number: u32,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        self.pass_over(id);
        session.channel_failure(id)
    }

    async fn agent_request(
        &mut self,
        id: ChannelId,
        _session: &mut Session,
    ) -> Result<bool, russh::Error> {
        self.pass_over(id);
        Ok(false)
    }

    async fn window_change_request(
        &mut self,
        id: ChannelId,
        _col_width: u32,
        _row_height: u32,
        _pix_width: u32,
        _pix_height: u32,
        _session: &mut Session,
    ) -> Result<(), russh::Error> {
        self.pass_over(id);
        Ok(())
    }

    async fn signal(
        &mut self,
        id: ChannelId,
        _signal: Sig,
        _session: &mut Session,
    ) -> Result<(), russh::Error> {
        self.pass_over(id);
        Ok(())
    }

    async fn data(
        &mut self,
        id: ChannelId,
        _data: &[u8],
        _session: &mut Session,
    ) -> Result<(), russh::Error> {
        self.pass_over(id);
        Ok(())
    }

    async fn extended_data(
        &mut self,
        id: ChannelId,
        _code: u32,
        _data: &[u8],
        _session: &mut Session,
    ) -> Result<(), russh::Error> {
        self.pass_over(id);
        Ok(())
    }

    async fn channel_eof(
        &mut self,
        id: ChannelId,
        _session: &mut Session,
    ) -> Result<(), russh::Error> {
        self.pass_over(id);
        Ok(())
    }
}
