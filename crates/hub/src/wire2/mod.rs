//! Wire 2: a history of any size, in pages of bounded memory (`spec/wire.md` 9).
//!
//! Nothing here holds a connection to the database, or more than a page, while a client is slow: what is read is never
//! changed, so each step reads for itself.
//!
//! | file           | what is there                                                         |
//! |----------------|-----------------------------------------------------------------------|
//! | `mod.rs`       | the routes, messages                                                    |
//! | `negotiate.rs` | what both sides hold, and what a fetch would bring                       |
//! | `fetch.rs`     | a history as a stream, page by page                                      |
//! | `line.rs`      | the commits of a fetch in their order, and what each changes               |
//! | `position.rs`  | where a fetch goes on                                                    |
//! | `sending.rs`   | a stream on its way out                                                  |
//! | `watch.rs`     | whether whoever reads may go on                                          |
//! | `bytes.rs`     | objects, put into a stream                                               |
//! | `objects.rs`   | objects by their ids                                                     |
//! | `range.rs`     | a part of one object                                                     |
//! | `snapshots.rs` | a snapshot, or what differs between two, page by page                     |
//! | `whole.rs`     | a whole history, for whoever takes it away                               |
//! | `visible.rs`   | what a caller may see of what is held                                     |
//! | `push/`        | pushes: begun, sent page by page, made history                            |
//! | `store.rs`     | the SQL                                                                  |

mod bytes;
mod fetch;
mod line;
mod negotiate;
mod objects;
mod position;
mod push;
mod range;
mod sending;
mod snapshots;
mod store;
mod visible;
mod watch;
mod whole;

use std::time::Duration;

use api::{Value, WireError, wire2::BODY_BYTES};
use axum::http::Method;
use trust::{Bearers, Class};
use web::{Call, Media, Routes, Spec, Surface};

pub(crate) use push::{LIFE, end_pushes};
pub(crate) use watch::{PIECE_BYTES, Watch};
pub use whole::{HistoryStream, OwnHistory};

use crate::{Error, Hub, wire::body};

/// How long one request of a stream may take: as long as one for an address.
const STREAM_TIME: Duration = Duration::from_hours(1);

/// Every statement of wire 2.
pub(crate) fn statements() -> Vec<&'static db::Sql> {
    [store::STATEMENTS, push::STATEMENTS].concat()
}

pub(crate) fn routes(routes: Routes<Hub>) -> Routes<Hub> {
    let ask = Spec::new(Surface::Wire).body_bytes(BODY_BYTES);
    let bytes = ask.class(Class::Download);
    let (upload, commit) = (ask.class(Class::Upload), ask.class(Class::Push));
    let stream = Spec::new(Surface::Wire)
        .body_bytes(push::STREAM_BODY_BYTES)
        .class(Class::Presigned)
        .media(Media::Any)
        .bearers(Bearers::Own)
        .within(STREAM_TIME);
    routes
        .post("/{owner}/{name}/v2/negotiate", ask, negotiate::negotiate)
        .post("/{owner}/{name}/v2/fetch", ask, fetch::fetch)
        .post("/{owner}/{name}/v2/objects", ask, objects::several)
        .get("/{owner}/{name}/v2/objects/{object}", bytes, objects::one)
        .get("/{owner}/{name}/v2/snapshots/{snapshot}", ask, snapshots::page)
        .post("/{owner}/{name}/v2/push", upload, push::open)
        .post("/{owner}/{name}/v2/push/{push}/check", upload, push::check)
        .on(Method::PUT, "/{owner}/{name}/v2/push/{push}/stream", stream, push::stream)
        .get("/{owner}/{name}/v2/push/{push}", upload, push::state)
        .on(Method::DELETE, "/{owner}/{name}/v2/push/{push}", upload, push::give_up)
        .post("/{owner}/{name}/v2/push/{push}/commit", commit, push::commit)
}

/// The one message that a request is.
async fn message<T: TryFrom<Value, Error = WireError>>(call: Call) -> Result<T, Error> {
    T::try_from(body::message(call, BODY_BYTES).await?).map_err(Error::Wire)
}
