//! The device flow (RFC 8628): a machine without a browser shows a short code, a person types it into a page.
//!
//! The code that the machine keeps is the id of the row and 32 random bytes; of these, and of the short code, only
//! hashes are stored.

use std::{net::IpAddr, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use db::Tx;
use names::{Digest, Id, Secret, UnixMillis};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    AUDIENCE, Agreed, Application, Consent, FlowFault, Issued, Promise, Words, hash_of, is_same,
    store::{self, Code},
};
use crate::{
    Account, Allowed, Anything, Error, Kind, Place, TokenFault, TokenKind, Trust, act,
    audit::{Chain, Entry, Noted, On},
    limits::{Rate, Who},
    tokens::key_behind,
};

const PURPOSE: &str = "device";
/// How long a person has.
const LIFE: Duration = Duration::from_mins(10);
/// By how much longer a machine waits once it did not keep the interval (RFC 8628 section 3.5).
const SLOWER_SECONDS: u64 = 5;
/// Machines that wait at once, of the whole install.
const MAX_WAITING: i64 = 10_000;
/// Letters of a code: no vowels, so that no words come of it (RFC 8628 section 6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// How many letters a code has: 34 bits for ten minutes, behind the failure limiter.
const CODE_LETTERS: usize = 8;
/// The largest multiple of the number of letters that a byte can be.
const FAIR_BELOW: u8 = 240;
/// How often another code is drawn before it is given up.
const TRIES: usize = 3;
/// The longest label and user agent that are kept, in characters.
const MAX_TEXT: usize = 100;

/// What a machine asks for.
#[derive(Debug, Clone, Default)]
pub struct DeviceAsk {
    /// Who asks: a registered application, or the command line.
    pub client_id: String,
    /// What for, in words of OAuth.
    pub scope: String,
    /// On which surface an application would use it; nothing is the only one.
    pub resource: Option<String>,
    /// What to call it.
    pub label: String,
    /// From where.
    pub ip: Option<IpAddr>,
    /// What it calls itself.
    pub user_agent: String,
}

/// What a machine is told.
pub struct DeviceFlow {
    /// What it asks again with.
    pub device_code: Secret<String>,
    /// What a person types.
    pub user_code: Secret<String>,
    /// How long both work.
    pub expires_in: Duration,
    /// How long to wait between two questions.
    pub interval_seconds: u64,
}

/// What a person is shown before deciding.
#[derive(Debug, Clone)]
pub struct DeviceAsked {
    /// The application; nothing for the command line of Motet.
    pub application: Option<Application>,
    /// What it asks for.
    pub words: Words,
    /// What it would be called.
    pub label: String,
    /// Where it asks from.
    pub ip: String,
    /// What it calls itself.
    pub user_agent: String,
    /// Until when it can be decided.
    pub expires_at: UnixMillis,
}

/// The row's payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Waiting {
    secret_sha256: Digest,
    application: Option<Uuid>,
    words: Words,
    label: String,
    ip: String,
    user_agent: String,
    interval_seconds: u64,
    asked_at_ms: Option<i64>,
    answer: Answer,
}

/// What the person says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    None,
    No,
    Yes(Box<Promise>),
}

impl Trust {
    /// Begins a flow.
    pub async fn begin_device(
        &self,
        _: &Allowed<act::FlowStart, Anything>,
        ask: DeviceAsk,
    ) -> Result<DeviceFlow, Error> {
        let words: Words = ask.scope.parse()?;
        self.check_target(ask.resource.as_deref())?;
        let now = self.0.clock.now();
        let expires_at = now.plus(LIFE);
        let mut tx = self.0.db.write().await?;
        let application = self.application_or_own(&mut tx, &ask.client_id).await?;
        self.limits().take(Rate::DeviceFlows, Who::Place(Place::of(ask.ip)), 1)?;
        store::delete_ended(&mut tx, now).await?;
        if store::count_codes(&mut tx, PURPOSE).await? >= MAX_WAITING {
            return Err(FlowFault::Full.into());
        }
        let secret = self.0.random.bytes::<32>();
        let short = |text: &str| text.chars().take(MAX_TEXT).collect::<String>();
        let waiting = Waiting {
            secret_sha256: Digest::of(&secret),
            application: application.map(|it| it.id.uuid()),
            words,
            label: short(&ask.label),
            ip: ask.ip.map(|it| it.to_canonical().to_string()).unwrap_or_default(),
            user_agent: short(&ask.user_agent),
            interval_seconds: self.0.settings.device_interval_seconds,
            asked_at_ms: None,
            answer: Answer::None,
        };
        let id = Id::<DeviceFlow>::unguessable(&self.0.random).uuid();
        for _ in 0..TRIES {
            let code = self.draw_code();
            let hash = hash_of(PURPOSE, &code);
            if store::add_code(&mut tx, id, PURPOSE, &hash, None, (&waiting, expires_at)).await? {
                tx.commit().await?;
                let whole = [id.as_bytes().as_slice(), &secret].concat();
                return Ok(DeviceFlow {
                    device_code: Secret::new(URL_SAFE_NO_PAD.encode(whole)),
                    user_code: Secret::new(shown(&code)),
                    expires_in: LIFE,
                    interval_seconds: waiting.interval_seconds,
                });
            }
        }
        Err(FlowFault::Full.into())
    }

    /// Eight letters, each as likely as every other.
    fn draw_code(&self) -> String {
        let mut code = String::new();
        while code.len() < CODE_LETTERS {
            let bytes = self.0.random.bytes::<16>();
            let fair = bytes.iter().filter(|it| **it < FAIR_BELOW);
            let letters = fair.filter_map(|it| LETTERS.get(usize::from(*it) % LETTERS.len()));
            code.extend(letters.take(CODE_LETTERS - code.len()).map(|it| char::from(*it)));
        }
        code
    }

    /// Refuses every surface but the one that applications get.
    pub(super) fn check_target(&self, resource: Option<&str>) -> Result<(), FlowFault> {
        let only = format!("{}{AUDIENCE}", self.0.settings.public_url);
        match resource {
            Some(other) if other != only => Err(FlowFault::Target(only)),
            Some(_) | None => Ok(()),
        }
    }

    /// What waits behind a code that a person typed.
    pub async fn peek_device(
        &self,
        _: &Allowed<act::FlowDecide, Anything>,
        typed: &str,
    ) -> Result<DeviceAsked, Error> {
        let mut tx = self.0.db.glance().await?;
        let found = store::peek_code(&mut tx, PURPOSE, &hash_of(PURPOSE, &read(typed))).await?;
        let Code { payload, expires_at, .. } = self.undecided(found)?;
        let Waiting { application, words, label, ip, user_agent, .. } = payload;
        let application = match application {
            None => None,
            Some(id) => {
                let found = store::application_by_id(&mut tx, id).await?;
                Some(found.ok_or(FlowFault::UserCode)?)
            }
        };
        Ok(DeviceAsked { application, words, label, ip, user_agent, expires_at })
    }

    /// The code, if somebody can still decide.
    fn undecided(&self, found: Option<Code<Waiting>>) -> Result<Code<Waiting>, FlowFault> {
        let now = self.0.clock.now();
        let open = found.filter(|it| it.expires_at >= now && it.payload.answer == Answer::None);
        open.ok_or(FlowFault::UserCode)
    }

    /// The person says yes. `allowed` names as whom the token will act: the person for the command line, else one of
    /// that person's agents.
    pub async fn approve_device(
        &self,
        allowed: &Allowed<act::TokenMint, Account>,
        typed: &str,
        consent: Consent,
    ) -> Result<(), Error> {
        let (actor, principal) = (allowed.actor(), &allowed.resource().principal);
        let now = self.0.clock.now();
        let mut tx = self.begin_on(allowed).await?;
        let found = store::code_by_hash(&mut tx, PURPOSE, &hash_of(PURPOSE, &read(typed))).await?;
        let mut code = self.undecided(found)?;
        let application = match code.payload.application {
            None => None,
            Some(id) => Some(used(&mut tx, id, now).await?),
        };
        let agreed = agreed(allowed, application.is_some())?;
        let (words, label) = (&code.payload.words, label_of(&code.payload, application.as_ref()));
        let promise = consent.promise(principal, words, label, application.as_ref(), now)?;
        let entry = Entry::done(Noted::DeviceFlowApproved, actor, on(&code))
            .with("application", promise.application.map(|it| it.to_string()).unwrap_or_default())
            .with("principal", principal.id.to_string())
            .with("scope", promise.words.to_string())
            .with("from", code.payload.ip.as_str());
        code.payload.answer = Answer::Yes(Box::new(promise));
        code.agreed = Some(agreed);
        store::save_code(&mut tx, &code).await?;
        self.note(&mut tx, Chain::INSTALL, entry).await?;
        Ok(tx.commit().await?)
    }

    /// The person says no.
    pub async fn deny_device(
        &self,
        allowed: &Allowed<act::FlowDecide, Anything>,
        typed: &str,
    ) -> Result<(), Error> {
        let mut tx = self.begin(allowed.actor()).await?;
        let found = store::code_by_hash(&mut tx, PURPOSE, &hash_of(PURPOSE, &read(typed))).await?;
        let mut code = self.undecided(found)?;
        code.payload.answer = Answer::No;
        store::save_code(&mut tx, &code).await?;
        let entry = Entry::done(Noted::DeviceFlowDenied, allowed.actor(), on(&code));
        let entry = entry.with("from", code.payload.ip.as_str());
        self.note(&mut tx, Chain::INSTALL, entry).await?;
        Ok(tx.commit().await?)
    }

    /// The machine asks again. What the person said is told at once; only who asks into the silence has to keep the
    /// interval.
    pub async fn poll_device(
        &self,
        _: &Allowed<act::FlowStart, Anything>,
        device_code: &str,
        client_id: &str,
    ) -> Result<Issued, Error> {
        let (id, secret) = split(device_code).ok_or(FlowFault::Expired)?;
        let now = self.0.clock.now();
        let mut tx = self.0.db.write().await?;
        let application = self.application_or_own(&mut tx, client_id).await?;
        let found: Option<Code<Waiting>> = store::code_by_id(&mut tx, PURPOSE, id).await?;
        let known = |it: &Code<Waiting>| {
            let sha256 = *Digest::of(&secret).as_bytes();
            is_same(*it.payload.secret_sha256.as_bytes(), &sha256)
        };
        let open = found.filter(|it| known(it) && !it.is_used && it.expires_at >= now);
        let mut code = open.ok_or(FlowFault::Expired)?;
        if code.payload.application != application.map(|it| it.id.uuid()) {
            return Err(FlowFault::Grant.into());
        }
        let fault = match (code.payload.answer.clone(), code.agreed) {
            (Answer::Yes(promise), Some(agreed)) => {
                store::use_code(&mut tx, id, now).await?;
                let issued = self.hand_out(&mut tx, *promise, agreed, Id::from_uuid(id)).await?;
                tx.commit().await?;
                return Ok(issued);
            }
            (Answer::No | Answer::Yes(_), _) => return Err(FlowFault::Denied.into()),
            (Answer::None, _) => code.payload.ask(now),
        };
        store::save_code(&mut tx, &code).await?;
        tx.commit().await?;
        Err(fault.into())
    }
}

impl Waiting {
    /// Asked again before anybody decided: what to tell.
    fn ask(&mut self, now: UnixMillis) -> FlowFault {
        let soonest = self
            .asked_at_ms
            .map(|at| UnixMillis(at).plus(Duration::from_secs(self.interval_seconds)));
        self.asked_at_ms = Some(now.0);
        if soonest.is_some_and(|at| at > now) {
            self.interval_seconds = self.interval_seconds.saturating_add(SLOWER_SECONDS);
            return FlowFault::SlowDown;
        }
        FlowFault::Pending
    }
}

/// An application that somebody agrees to: it is kept from now on.
pub(super) async fn used(tx: &mut Tx, id: Uuid, now: UnixMillis) -> Result<Application, Error> {
    store::note_application(tx, id, now).await?;
    let found = store::application_by_id(tx, id).await?;
    found.ok_or_else(|| FlowFault::Client.into())
}

/// Who agrees. A token for an application acts as an agent, one for the command line as the person.
pub(super) fn agreed(
    allowed: &Allowed<act::TokenMint, Account>,
    for_application: bool,
) -> Result<Agreed, Error> {
    let me = allowed.actor().principal().ok_or(Error::NoSuchThing)?;
    let principal = &allowed.resource().principal;
    let (fits, kind) = if for_application {
        (principal.kind == Kind::Agent, TokenKind::Agent)
    } else {
        (principal.id == me.id && me.kind == Kind::Person, TokenKind::Personal)
    };
    if !fits {
        return Err(TokenFault::Kind(kind.as_str()).into());
    }
    Ok(Agreed { person: me.id, key: key_behind(allowed.actor()) })
}

fn label_of(waiting: &Waiting, application: Option<&Application>) -> String {
    match application {
        Some(application) => application.name.clone(),
        None if waiting.label.is_empty() => "motet login --device".to_owned(),
        None => waiting.label.clone(),
    }
}

fn on(code: &Code<Waiting>) -> On {
    On { kind: "device_flow", id: code.id.to_string() }
}

/// A code as people read it.
fn shown(code: &str) -> String {
    let (first, second) = code.split_at(CODE_LETTERS / 2);
    format!("{first}-{second}")
}

/// A code as somebody typed it: letters of any case, with or without the dash.
fn read(typed: &str) -> String {
    let letters = typed.chars().filter(char::is_ascii_alphabetic);
    letters.map(|it| it.to_ascii_uppercase()).take(CODE_LETTERS + 1).collect()
}

/// The row and the secret of what a machine keeps.
fn split(device_code: &str) -> Option<(Uuid, Vec<u8>)> {
    let bytes = URL_SAFE_NO_PAD.decode(device_code).ok().filter(|it| it.len() == 48)?;
    let (id, secret) = bytes.split_at_checked(16)?;
    Some((Uuid::from_slice(id).ok()?, secret.to_vec()))
}
