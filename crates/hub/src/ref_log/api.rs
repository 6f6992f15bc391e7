//! The log as wire 2 hands it out (`spec/wire.md` 8, 9): records as they were signed, so that whoever reads them can
//! check them without asking again; and the registered keys that signed them, or commits.

use std::collections::HashMap;

use api::wire2::{
    BODY_BYTES, KeysWanted, KnownKey, KnownKeys, LOG_ITEMS, LogHead, LogItem, LogPage,
};
use db::Tx;
use keys::{Fingerprint, Signature};
use serde::Deserialize;
use trust::{
    Allowed, Signer, act,
    signing_keys::{VerifyingKey, of_the_server},
};
use web::{Call, Problem, Queried, Routes, Spec, Surface};

use super::{Logged, list, refs, store};
use crate::{
    Error, Hub, Repository,
    wire::{Answer, accepted, body},
};

/// Items of one answer, if none are asked for: about half a MiB.
const PAGE: u64 = 500;

pub(crate) fn routes(routes: Routes<Hub>) -> Routes<Hub> {
    let ask = Spec::new(Surface::Wire).body_bytes(BODY_BYTES);
    refs::routes(list::routes(routes)).get("/{owner}/{name}/v2/log", Surface::Wire, log).post(
        "/{owner}/{name}/v2/keys",
        ask,
        known_keys,
    )
}

#[derive(Deserialize)]
struct Where {
    after: Option<u64>,
    limit: Option<u64>,
}

/// Entries with their seals, in the order of the seals.
async fn log(
    hub: Hub,
    allowed: Allowed<act::RefRead, Repository>,
    call: Queried<Where>,
) -> Result<Answer, Problem> {
    let Where { after, limit } = call.query()?;
    let (after, limit) = (after.unwrap_or(0), limit.unwrap_or(PAGE).clamp(1, LOG_ITEMS as u64));
    let id = allowed.resource().id;
    let mut tx = hub.db.read().await?;
    let items = store::page(&mut tx, id, after, limit).await.map_err(Error::Db)?;
    let head = head_of(&hub, &mut tx, allowed.resource()).await?;
    let last = items.last().map(|it| it.item.seal.seq);
    let next_after = last.filter(|_| items.len() as u64 == limit);
    let page = LogPage { items: items.iter().map(shown).collect(), next_after, head };
    Ok(Answer::new(&call, page))
}

fn shown(it: &Logged) -> LogItem {
    let Logged { item, is_forced } = it;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let signed = |bytes: [u8; 64]| Signature::from_bytes(bytes).to_commit_text();
    LogItem {
        entry: text(item.entry.bytes()),
        signature: item.signature.map(signed).unwrap_or_default(),
        entry_hash: item.seal.entry_hash.to_string(),
        forced: *is_forced,
        seal: text(item.seal.bytes()),
        seal_signature: signed(item.seal_signature),
        seal_hash: item.seal.hash(&item.seal_signature).to_string(),
    }
}

/// The end of the log, and the key that sealed it: what a client remembers of a remote.
pub(crate) async fn head_of(hub: &Hub, tx: &mut Tx, of: &Repository) -> Result<LogHead, Error> {
    let Some(last) = store::last_seal(tx, of.id).await? else { return Ok(LogHead::default()) };
    let key = hub.trust.signing_keys()?.find(tx, &last.server_key).await?;
    Ok(LogHead {
        seq: last.seq,
        seal_hash: last.seal_hash.to_string(),
        server_key: last.server_key,
        public_key: key.map(|it| it.public.to_openssh()).unwrap_or_default(),
    })
}

/// The registered ones of some keys, given up or not, and the server's own, which are nobody's. Keys are public; whoever
/// reads a history may check who signed it.
async fn known_keys(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Repository>,
    call: Call,
) -> Result<Answer, Problem> {
    let (format, _) = (accepted(&call), allowed);
    let message = body::message(call, BODY_BYTES).await?;
    let wanted = KeysWanted::try_from(message).map_err(Error::Wire)?;
    let names: Vec<Fingerprint> = wanted.keys.iter().filter_map(|it| it.parse().ok()).collect();
    let mut tx = hub.db.glance().await?;
    let signers: HashMap<Fingerprint, Signer> =
        trust::signers(&mut tx, &names).await.map_err(Error::Db)?;
    let known = |(name, signer): (Fingerprint, Signer)| KnownKey {
        fingerprint: name.to_string(),
        public_key: signer.public.to_openssh(),
        handle: signer.handle.to_string(),
    };
    let others: Vec<_> = names.iter().copied().filter(|it| !signers.contains_key(it)).collect();
    let own = of_the_server(&mut tx, &others).await.map_err(Error::Db)?;
    let of_ours = |key: VerifyingKey| KnownKey {
        fingerprint: key.kid,
        public_key: key.public.to_openssh(),
        handle: String::new(),
    };
    let keys = signers.into_iter().map(known).chain(own.into_values().map(of_ours)).collect();
    Ok(Answer { format, body: KnownKeys { keys }.into() })
}
