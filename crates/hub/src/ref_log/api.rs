//! The log as wire 2 hands it out (`spec/wire.md` 8, 9): records as they were signed, so that whoever reads them can
//! check them without asking again.

use api::Value;
use db::Tx;
use keys::Signature;
use serde::Deserialize;
use trust::{Allowed, act};
use web::{Call, Problem, Routes, Surface};

use super::{Logged, store};
use crate::{Error, Hub, Repository, wire::Answer};

/// Items of one answer, if none are asked for: about half a MiB.
const PAGE: u32 = 500;
/// The most that can be asked for.
const MOST: u32 = 1_000;

pub(crate) fn routes(routes: Routes<Hub>) -> Routes<Hub> {
    routes.get("/{owner}/{name}/v2/log", Surface::Wire, log)
}

#[derive(Deserialize)]
struct Where {
    after: Option<u64>,
    limit: Option<u32>,
}

/// Entries with their seals, in the order of the seals.
async fn log(
    hub: Hub,
    allowed: Allowed<act::RefRead, Repository>,
    call: Call,
) -> Result<Answer, Problem> {
    let Where { after, limit } = call.query()?;
    let (after, limit) = (after.unwrap_or(0), limit.unwrap_or(PAGE).clamp(1, MOST));
    let id = allowed.resource().id;
    let mut tx = hub.db.read().await?;
    let items = store::page(&mut tx, id, after, limit).await.map_err(Error::Db)?;
    let head = head_of(&hub, &mut tx, allowed.resource()).await?;
    let last = items.last().map(|it| it.item.seal.seq);
    let next = last.filter(|_| items.len() as u64 == u64::from(limit));
    let answer = Value::map([
        ("items", Value::list(items.iter().map(value_of))),
        ("next_after", next.map_or(Value::Nil, Value::from)),
        ("head", head),
    ]);
    Ok(Answer::new(&call, answer))
}

fn value_of(it: &Logged) -> Value {
    let Logged { item, is_forced } = it;
    let text = |bytes: Vec<u8>| Value::from(String::from_utf8_lossy(&bytes).into_owned());
    let signed = |bytes: [u8; 64]| Signature::from_bytes(bytes).to_commit_text();
    Value::map([
        ("entry", text(item.entry.bytes())),
        ("signature", item.signature.map(signed).unwrap_or_default().into()),
        ("entry_hash", item.seal.entry_hash.to_string().into()),
        ("forced", (*is_forced).into()),
        ("seal", text(item.seal.bytes())),
        ("seal_signature", signed(item.seal_signature).into()),
        ("seal_hash", item.seal.hash(&item.seal_signature).to_string().into()),
    ])
}

/// The end of the log, and the key that sealed it: what a client remembers of a remote.
pub(crate) async fn head_of(hub: &Hub, tx: &mut Tx, of: &Repository) -> Result<Value, Error> {
    let Some(last) = store::last_seal(tx, of.id).await? else {
        let nothing = [("seq", 0_u64.into()), ("seal_hash", "".into())];
        return Ok(Value::map(
            nothing.into_iter().chain([("server_key", "".into()), ("public_key", "".into())]),
        ));
    };
    let key = hub.trust.signing_keys()?.find(tx, &last.server_key).await?;
    let key = key.map(|it| it.public.to_openssh()).unwrap_or_default();
    Ok(Value::map([
        ("seq", last.seq.into()),
        ("seal_hash", last.seal_hash.to_string().into()),
        ("server_key", last.server_key.into()),
        ("public_key", key.into()),
    ]))
}
