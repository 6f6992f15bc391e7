//! Addresses for uploads: presign hands them out, PUT takes the bytes, confirm tells what has come (`spec/wire.md` 4).
//!
//! An address is a secret that is stored as its hash. It takes the bytes of one object of one repository, on the word of
//! the key or token with which it was asked for; no other credential is needed, and what became of that one is asked when
//! the bytes come and once more when they are kept.
//!
//! | file       | what is there                 |
//! |------------|-------------------------------|
//! | `mod.rs`   | the three calls                |
//! | `store.rs` | the table `upload_addresses`   |

mod store;

use std::{collections::HashSet, io::Read as _, time::Duration};

use api::{
    WireCode,
    wire::{Confirmed, Direction, ObjectIds, Presign, Presigned, limits},
};
use db::Tx;
use keys::AddressToken;
use names::{Id, ObjectId, UnixMillis};
use objects::{Objects, Sealed};
use trust::{Actor, Allowed, Anything, Class, Mandate, Principal, act, limits::Admitted};
use web::{Call, Problem};

use super::{Answer, body, upload};
use crate::{
    Error, Hub, Repository,
    repositories::{self, PushTarget},
};

pub(super) use store::STATEMENTS;

/// Addresses of one principal that live at a time: two questions of the largest size. What is above goes inline.
const LIVE: u64 = 200_000;
/// What is taken from a body at once.
const PIECE: usize = 256 << 10;

type Upload = Allowed<act::RefPush, PushTarget>;

/// What an address is for.
struct Address {
    repository: Id<Repository>,
    mandate: Mandate,
    object: ObjectId,
    max_bytes: u64,
}

/// An address to be.
struct NewAddress {
    token: AddressToken,
    object: ObjectId,
}

/// Hands out an address for each object that is missing. Whoever asks does so for what is too large to go inline.
pub(super) async fn presign(hub: Hub, allowed: Upload, call: Call) -> Result<Answer, Problem> {
    let format = super::accepted(&call);
    let base = call.context.base_url.clone();
    let (message, _weight) = body::weighed(call, limits::PUSH_BODY_BYTES).await?;
    let asked = Presign::try_from(message).map_err(Error::Wire)?;
    let body = match asked.direction {
        Direction::Get => {
            let mut seen = HashSet::new();
            let inline = asked.object_ids.into_iter().filter(|id| seen.insert(*id)).collect();
            Presigned { presigned: Vec::new(), inline }
        }
        Direction::Put => {
            let missing = hub.missing(&allowed, &asked.object_ids).await?;
            let life = Duration::from_secs(asked.ttl_seconds.into());
            hub.hand_out(&allowed, missing, life, &base).await?
        }
    };
    Ok(Answer { format, body: body.into() })
}

/// Which objects have come. Bytes that come to this server are hashed before they are kept, so none waits to be looked at
/// and none is kept that is another one.
pub(super) async fn confirm(hub: Hub, allowed: Upload, call: Call) -> Result<Answer, Problem> {
    let format = super::accepted(&call);
    let (message, _weight) = body::weighed(call, limits::PUSH_BODY_BYTES).await?;
    let ids = ObjectIds::parse(message, limits::UPLOAD_IDS).map_err(Error::Wire)?.object_ids;
    let missing = hub.missing(&allowed, &ids).await?;
    let mut seen: HashSet<_> = missing.iter().copied().collect();
    let confirmed = ids.into_iter().filter(|id| seen.insert(*id)).collect();
    Ok(Answer { format, body: Confirmed { confirmed, missing, ..Confirmed::default() }.into() })
}

/// Takes the bytes that an address was made for, and no others.
pub(super) async fn put(
    hub: Hub,
    _: Allowed<act::ObjectPut, Anything>,
    mut call: Call,
) -> Result<(), Problem> {
    let token = AddressToken::parse(call.params.text("token"));
    let mut tx = hub.db.glance().await?;
    let found = match token {
        Some(token) => store::find(&mut tx, &token, hub.clock.now()).await?,
        None => None,
    };
    let Some(address) = found else {
        // Whoever tries addresses is counted as a stranger of the wire.
        let (nobody, place) = (Actor::anonymous(), call.context.place());
        hub.trust.limits().admit(Class::Upload, &nobody, place, "")?;
        return Err(Problem::not_found());
    };
    let (allowed, repository) = hub.still_takes(&mut tx, &address).await?;
    drop(tx);
    let (limits, place) = (hub.trust.limits(), call.context.place());
    // Held until everything is kept.
    let Admitted { turn: _turn, meter } =
        limits.admit(Class::Upload, allowed.actor(), place, &repository.full_name())?;
    call.body.charge(meter);
    let announced = call.header("content-length").parse().unwrap_or(0);
    if announced > address.max_bytes {
        return Err(too_large(address.max_bytes).into());
    }
    hub.check_announced(&allowed, announced).await?;
    let (store, expected) = (hub.objects.clone(), (address.object, address.max_bytes));
    let sealed = body::read(call.body, move |body| receive(&store, expected, body)).await?;
    hub.keep_for(&address, sealed).await?;
    Ok(())
}

/// Hashes and writes a body that is one object. Gives it synced.
fn receive(
    store: &Objects,
    (expected, max_bytes): (ObjectId, u64),
    mut body: body::BodyReader,
) -> Result<Sealed, Error> {
    let mut staging = store.stage();
    staging.begin();
    let (mut piece, mut size_bytes) = (vec![0; PIECE], 0);
    loop {
        let length = body.read(&mut piece).map_err(body::of_io)?;
        if length == 0 {
            break;
        }
        size_bytes += length as u64;
        if size_bytes > max_bytes {
            return Err(too_large(max_bytes));
        }
        staging.write(piece.get(..length).unwrap_or_default())?;
    }
    let id = staging.end()?;
    if id != expected {
        return Err(upload::mismatch(expected, id));
    }
    Ok(staging.finish()?)
}

fn too_large(max_bytes: u64) -> Error {
    let sentence = format!("an object at an address of its own has at most {max_bytes} bytes");
    Error::wire(WireCode::TooLarge, sentence)
}

impl Hub {
    /// An address for each of `missing`, as far as the principal may have as many.
    async fn hand_out(
        &self,
        allowed: &Upload,
        mut missing: Vec<ObjectId>,
        life: Duration,
        base: &str,
    ) -> Result<Presigned, Error> {
        let mandate = Mandate::of(allowed.actor());
        let Some(mandate) = mandate.filter(|_| !missing.is_empty()) else {
            return Ok(Presigned { presigned: Vec::new(), inline: missing });
        };
        let (principal, now) = (upload::principal(allowed)?, self.clock.now());
        let mut tx = self.trust.begin(allowed.actor()).await?;
        let repository = self.target(&mut tx, allowed).await?;
        let count = store::count_live(&mut tx, principal, now).await?;
        let room = usize::try_from(LIVE.saturating_sub(count)).unwrap_or(usize::MAX);
        let inline = missing.split_off(room.min(missing.len()));
        let token = || AddressToken::generate(&self.random);
        let new: Vec<_> =
            missing.into_iter().map(|object| NewAddress { token: token(), object }).collect();
        let of = (repository.id, principal, mandate);
        store::add(&mut tx, of, &new, now.plus(life)).await?;
        tx.commit().await?;
        let address = |it: &NewAddress| (it.object, format!("{base}/o/up/{}", it.token.expose()));
        Ok(Presigned { presigned: new.iter().map(address).collect(), inline })
    }

    /// Whether the address still takes anything: the credential lives, and whoever holds it may upload there as the
    /// repository is now.
    async fn still_takes(
        &self,
        tx: &mut Tx,
        address: &Address,
    ) -> Result<(Upload, Repository), Error> {
        let actor = self.trust.mandated(tx, address.mandate).await?.ok_or(Error::NotFound)?;
        let found = repositories::by_id_for(tx, address.repository, actor.readers()).await?;
        let repository = found.ok_or(Error::NotFound)?;
        let target = PushTarget::Existing(Box::new(repository.clone()));
        let allowed = Allowed::ask(&actor, target).map_err(Error::Refused)?;
        Ok((allowed, repository))
    }

    /// Makes an object that came whole pending for whoever asked for its address.
    async fn keep_for(&self, address: &Address, sealed: Sealed) -> Result<(), Error> {
        let staged = self.objects.keep(sealed).await?;
        let mut tx = self.db.write().await?;
        let (allowed, repository) = self.still_takes(&mut tx, address).await?;
        self.make_pending(&mut tx, &allowed, &repository, &staged).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Forgets at most `limit` addresses whose time has come; gives how many.
pub(crate) async fn end_addresses(
    tx: &mut Tx,
    now: UnixMillis,
    limit: u32,
) -> Result<u64, db::Error> {
    store::end(tx, now, limit).await
}

/// On whose word, where, for whom.
type Of = (Id<Repository>, Id<Principal>, Mandate);
