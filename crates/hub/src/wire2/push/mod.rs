//! The pushing side of wire 2: a push begins, its stream comes page by page, and one transaction makes it history
//! (`spec/wire.md` 9, 9.1 h and i).
//!
//! What has come before that is held beside the history, where its pusher alone can ask for it. A page is kept whole, with
//! the offset behind it, so that a stream that was cut goes on there.
//!
//! | file         | what is there                                                            |
//! |--------------|--------------------------------------------------------------------------|
//! | `mod.rs`     | the calls but the stream                                                   |
//! | `session.rs` | what is to move, and whether it may                                        |
//! | `stream.rs`  | the stream, decoded while it arrives                                       |
//! | `page.rs`    | what stands before a cursor, checked and kept                              |
//! | `tree.rs`    | snapshots made again from what they are told by                            |
//! | `digests.rs` | what streams have come to, for the digests at their ends                   |
//! | `turn.rs`    | one request of a stream at a time                                          |
//! | `single.rs`  | one ref, moved without a stream                                            |
//! | `looking.rs` | what has come is looked at before that                                    |
//! | `landing.rs` | the one transaction                                                        |
//! | `store.rs`   | the SQL                                                                    |

mod digests;
mod landing;
mod looking;
mod page;
mod session;
mod single;
mod store;
mod stream;
mod tree;
mod turn;

use std::time::Duration;

use api::{
    WireCode,
    wire2::{OpenPush, PushCheck, PushMissing, PushOpened, PushState},
};
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use db::Tx;
use keys::AddressToken;
use names::{Id, UnixMillis};
use trust::{Allowed, Mandate};
use web::{Call, Problem};

use crate::{
    Error, Hub, Repository, reading,
    repositories::PushTarget,
    wire::{
        Answer, accepted, landing as wire_landing,
        upload::{self, Upload},
    },
};
use session::Session;
pub(super) use store::STATEMENTS;
pub(super) use stream::{STREAM_BODY_BYTES, stream};
use turn::Turn;

/// How long a push waits for its next byte.
pub(crate) const LIFE: Duration = Duration::from_hours(24);
/// Pushes of one principal that have begun and not ended.
const LIVE: u64 = 1_000;

/// Begins a push.
pub(super) async fn open(hub: Hub, allowed: Upload, call: Call) -> Result<Response, Problem> {
    let format = accepted(&call);
    let OpenPush { updates } = super::message(call).await?;
    let opened = hub.open_push(&allowed, updates).await?;
    Ok((StatusCode::CREATED, Answer::in_format(format, opened)).into_response())
}

/// Tells what of some things has still to be sent.
pub(super) async fn check(hub: Hub, allowed: Upload, call: Call) -> Result<Answer, Problem> {
    let (format, id) = (accepted(&call), call.params.parse("push")?);
    let asked: PushCheck = super::message(call).await?;
    let mut tx = hub.db.glance().await?;
    let (session, repository) = hub.session(&mut tx, &allowed, id).await?;
    let PushCheck { mut commits, mut snapshots, objects } = asked;
    let known =
        reading::known_commits(&mut tx, repository.id, &commits).await.map_err(Error::Db)?;
    let come = store::generations(&mut tx, session.id, &commits).await.map_err(Error::Db)?;
    commits.retain(|id| !known.contains_key(id) && !come.contains_key(id));
    let held = wire_landing::held_snapshots(&mut tx, repository.id, &snapshots).await;
    let held = held.map_err(Error::Db)?;
    let come = store::roots(&mut tx, session.id, &snapshots).await.map_err(Error::Db)?;
    snapshots.retain(|id| !held.contains(id) && !come.contains_key(id));
    drop(tx);
    let objects = hub.missing(&allowed, &objects).await?;
    Ok(Answer::in_format(format, PushMissing { commits, snapshots, objects }))
}

/// Tells how far a push has come.
pub(super) async fn state(hub: Hub, allowed: Upload, call: Call) -> Result<Answer, Problem> {
    let id = call.params.parse("push")?;
    let mut tx = hub.db.glance().await?;
    let (found, _) = hub.session(&mut tx, &allowed, id).await?;
    drop(tx);
    let _turn = Turn::of(found.id).await?;
    let mut tx = hub.db.glance().await?;
    let (session, _) = hub.session(&mut tx, &allowed, id).await?;
    drop(tx);
    let part = hub.part_of(&session)?;
    Ok(Answer::new(&call, PushState { part, ..session.state }))
}

/// Lets a push go.
pub(super) async fn give_up(hub: Hub, allowed: Upload, call: Call) -> Result<StatusCode, Problem> {
    let id = call.params.parse("push")?;
    let mut tx = hub.trust.begin(allowed.actor()).await?;
    let (session, _) = hub.session(&mut tx, &allowed, id).await?;
    store::remove(&mut tx, session.id).await.map_err(Error::Db)?;
    tx.commit().await.map_err(Error::Db)?;
    hub.objects.drop_part(session.id.uuid()).map_err(Error::Objects)?;
    digests::forget(session.id);
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a push history.
pub(super) async fn commit(hub: Hub, allowed: Upload, call: Call) -> Result<Answer, Problem> {
    let (format, id) = (accepted(&call), call.params.parse("push")?);
    // Nothing is asked in it; it is read so that what was signed is what came.
    let _nothing = crate::wire::message(call, api::wire2::BODY_BYTES).await?;
    let landed = hub.land_push(&allowed, id).await?;
    hub.objects.drop_part(id.uuid()).map_err(Error::Objects)?;
    digests::forget(id);
    Ok(Answer::in_format(format, landed))
}

/// Forgets at most `limit` pushes whose time has come; gives how many.
pub(crate) async fn end_pushes(tx: &mut Tx, now: UnixMillis, limit: u32) -> Result<u64, db::Error> {
    store::end(tx, now, limit).await
}

impl Hub {
    async fn open_push(
        &self,
        allowed: &Upload,
        updates: Vec<api::wire2::Update>,
    ) -> Result<PushOpened, Error> {
        let principal = upload::principal(allowed)?;
        let mandate = Mandate::of(allowed.actor()).ok_or(Error::NotFound)?;
        let now = self.clock.now();
        let mut tx = self.trust.begin(allowed.actor()).await?;
        let repository = self.target(&mut tx, allowed).await?;
        if store::count_live(&mut tx, principal, now).await? >= LIVE {
            let sentence = format!("{LIVE} pushes have begun and not ended; drop some of them");
            return Err(Error::wire(WireCode::TooLarge, sentence));
        }
        self.check_updates(&mut tx, (allowed, &repository), &updates, now).await?;
        let session = Session {
            id: Id::unguessable(&self.random),
            repository: repository.id,
            principal,
            mandate,
            updates,
            state: PushState::default(),
            result: None,
            created_at: now,
        };
        let (token, ends) = (AddressToken::generate(&self.random), now.plus(LIFE));
        store::add(&mut tx, &session, &token, ends).await?;
        tx.commit().await?;
        Ok(PushOpened {
            push_id: session.id.to_string(),
            token: token.expose().clone(),
            expires_at: ends.to_string(),
        })
    }

    /// The push of that name, if it is the caller's and goes to this repository.
    async fn session(
        &self,
        tx: &mut Tx,
        allowed: &Upload,
        id: Id<Session>,
    ) -> Result<(Session, Repository), Error> {
        let PushTarget::Existing(repository) = allowed.resource() else {
            return Err(Error::NotFound);
        };
        let of = (id, repository.id, upload::principal(allowed)?);
        let found = store::find(tx, of, self.clock.now()).await?;
        Ok((found.ok_or(Error::NotFound)?, (**repository).clone()))
    }

    /// The push as it is in the transaction that makes it history.
    async fn held_session(
        &self,
        tx: &mut Tx,
        allowed: &Upload,
        (id, repository): (Id<Session>, &Repository),
    ) -> Result<Session, Error> {
        let of = (id, repository.id, upload::principal(allowed)?);
        store::hold(tx, of, self.clock.now()).await?.ok_or(Error::NotFound)
    }
}

/// The right to push, asked again of a repository as it is now.
fn asked_again(allowed: &Upload, repository: &Repository) -> Result<Upload, Error> {
    let target = PushTarget::Existing(Box::new(repository.clone()));
    Allowed::ask(allowed.actor(), target).map_err(Error::Refused)
}
